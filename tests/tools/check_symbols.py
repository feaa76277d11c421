#!/usr/bin/env python3
"""Every symbol that leaves an object of ours begins with sn_ or the module's own prefix; none is writable by accident.

Process-wide writable state is listed here with its reason; anything new fails."""
import glob
import os
import re
import subprocess
import sys

BUILD = os.environ.get("SN_BUILDDIR", ".")

PREFIX = re.compile(r"^(sn_|irc_|main$|__|_|asan|ubsan)")
COMPILER = re.compile(r"^(__odr_asan|__gcov|__asan|__ubsan|DW\.ref|_)")


def symbols(path):
    """(section, name) of every global that the archive defines."""
    out = subprocess.run(["objdump", "-t", path], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        match = re.match(r"[0-9a-f]{16} (g|u)......\s(\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$", line)
        if match and match.group(2) != "*UND*":
            yield match.group(2), match.group(3)


def main():
    problems, count = [], 0
    archives = sorted(glob.glob(os.path.join(BUILD, "daemon/**/*.a"), recursive=True)
                      + glob.glob(os.path.join(BUILD, "config/*.a"))
                      + glob.glob(os.path.join(BUILD, "protocols/**/*.a"), recursive=True))
    if not archives:
        print("no archives found in", BUILD)
        return 1
    for archive in archives:
        for section, name in symbols(archive):
            count += 1
            if COMPILER.match(name):
                continue
            if not PREFIX.match(name):
                problems.append(f"{os.path.relpath(archive, BUILD)}: {name}: exported without prefix")
            if section == "*COM*" or re.match(r"\.(data|bss)(?!\.rel\.ro)", section):
                problems.append(f"{os.path.relpath(archive, BUILD)}: {name}: exported writable variable")
    for problem in problems:
        print(problem)
    print(f"{count} symbols in {len(archives)} archives, {len(problems)} problems")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
