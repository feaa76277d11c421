#!/usr/bin/env python3
"""Every C file is as clang-format leaves it (.clang-format); `make format` makes it so."""
import os
import subprocess
import sys

SRC = os.environ.get("SN_SRCDIR", ".")


def sources():
    for top in ("config", "daemon", "docs", "plugins", "protocols", "tests"):
        for folder, _, names in sorted(os.walk(os.path.join(SRC, top))):
            if "/tests/plugins/abi-" in folder:  # as it was released
                continue
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), SRC)


def main():
    found = list(sources())
    try:
        run = subprocess.run(["clang-format", "--dry-run", *found], cwd=SRC, capture_output=True, text=True)
    except FileNotFoundError:
        print("clang-format is missing: apt-get install clang-format")
        return 1
    print(run.stderr, end="")
    wrong = {line.split(":")[0] for line in run.stderr.splitlines() if "[-Wclang-format-violations]" in line}
    for path in sorted(wrong):
        print(f"{path}: not formatted: run `make format`")
    print(f"{len(found)} files, {len(wrong)} not formatted")
    return 1 if run.returncode or wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
