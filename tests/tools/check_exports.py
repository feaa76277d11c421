#!/usr/bin/env python3
"""The program exports the functions of the installed headers, and nothing else of ours.

The compiler says which functions the headers declare; the build has its own list of them (include/exports.awk); the program
has them in its dynamic symbol table. What a released ABI had is still there: a name that vanishes breaks plugins that use it."""
import glob
import os
import re
import subprocess
import sys
import tempfile

SRC = os.environ.get("SN_SRCDIR", ".")
BUILD = os.environ.get("SN_BUILDDIR", ".")
LIST = os.path.join(BUILD, "include/exports.txt")
PROGRAM = os.path.join(BUILD, "sennit")


def headers():
    with open(os.path.join(SRC, "include/Makefile.inc"), encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    names = re.search(r"^nobase_sennitinclude_HEADERS = (.*)$", text, re.M).group(1).split()
    return [name for name in names if name.endswith(".h")]


def declared(problems):
    """Functions without a body and data, each header for itself: it compiles alone and needs no other but its own includes."""
    names, installed = set(), set(headers())
    with tempfile.TemporaryDirectory() as folder:
        source, info = os.path.join(folder, "all.c"), os.path.join(folder, "aux")
        for header in sorted(installed):
            with open(source, "w", encoding="utf-8") as file:
                file.write(f'#include "{header}"\n')
            command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", f"-I{SRC}", "-fsyntax-only"]
            run = subprocess.run([*command, "-MM", "-MT", "x", source], capture_output=True, text=True)
            used = {os.path.relpath(name, SRC) for name in run.stdout.replace("\\\n", " ").split()[2:]}
            for missing in sorted(used - installed - {"daemon/base/err.def"}):
                problems.append(f"{header}: includes {missing}, which is not installed")
            run = subprocess.run([*command, "-aux-info", info, source], capture_output=True, text=True)
            if run.returncode != 0:
                problems.append(f"{header} does not compile alone:\n{run.stderr}")
                continue
            with open(info, encoding="utf-8") as file:
                names |= of_ours(file.read())
            with open(os.path.join(SRC, header), encoding="utf-8") as file:
                names |= data(file.read())
    return names


def of_ours(info):
    """Lines such as: /* ./daemon/base/str.h:50:NC */ extern int sn_str_cmp (struct sn_str, struct sn_str);"""
    declarations = re.findall(r"^/\* (\S+):\d+:N([CF]) \*/ (.*)$", info, re.M)
    return {re.search(r"(\w+) \(", text).group(1) for path, kind, text in declarations
            if kind == "C" and path.startswith(SRC) and re.search(r"\bsn_\w+ \(", text)}


def data(text):
    """extern const struct x sn_a, sn_b[N];"""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    found = set()
    for names in re.findall(r"^extern const struct \w+\s+([^;(]+);", text, re.M):
        found |= set(re.findall(r"\bsn_\w+", re.sub(r"\[[^]]*\]", "", names)))
    return found


def exported():
    out = subprocess.run(["nm", "--dynamic", "--defined-only", PROGRAM], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if re.search(r" \S sn_", line)}


def listed(path=LIST):
    with open(path, encoding="utf-8") as file:
        return set(file.read().split())


def main():
    problems = []
    wanted, found = declared(problems), exported()
    for name in sorted(wanted ^ listed()):
        problems.append(f"{name}: " + ("declared in an installed header, but include/exports.awk does not see it" if name in wanted
                                       else "listed by include/exports.awk, but in no installed header"))
    for name in sorted(wanted ^ found):
        problems.append(f"{name}: " + ("not exported: is it defined nowhere?" if name in wanted
                                       else "exported, but in no installed header"))
    for snapshot in sorted(glob.glob(os.path.join(SRC, "tests/plugins/abi-*/exports.txt"))):
        for name in sorted(listed(snapshot) - found):
            problems.append(f"{name}: is gone, and was in {os.path.relpath(snapshot, SRC)} (if that is not released yet: "
                            "make abi-snapshot)")
    for problem in problems:
        print(problem)
    print(f"{len(wanted)} symbols, {len(problems)} problems")
    return 1 if problems or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
