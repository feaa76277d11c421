#!/usr/bin/env python3
"""Documentation that a program can check: headers open with their purpose, links lead somewhere, the README's commands exist,
and nothing carries a TODO."""
import os
import re
import subprocess
import sys

SRC = os.environ.get("SN_SRCDIR", ".")
BUILD = os.environ.get("SN_BUILDDIR", ".")


def files(suffixes, tops):
    for top in tops:
        path = os.path.join(SRC, top)
        if os.path.isfile(path):
            yield top
        for folder, _, names in os.walk(path):
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield os.path.relpath(os.path.join(folder, name), SRC)


def read(path):
    with open(os.path.join(SRC, path), encoding="utf-8") as file:
        return file.read()


def check_header(path, problems):
    text = read(path)
    comment = re.match(r"/\*(.*?)\*/", text, re.S)
    if not comment or len(comment.group(1).split()) < 8:
        problems.append(f"{path}: a header opens with a comment that says what it is for and who owns what")
    guard = "SN_" + re.sub(r"[^A-Z0-9]", "_", path.upper())
    if f"#ifndef {guard}\n" not in text:
        problems.append(f"{path}: include guard is not {guard}")


def check_links(path, problems):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(path)):
        if re.match(r"[a-z]+:", target):
            continue
        if not os.path.exists(os.path.join(SRC, os.path.dirname(path), target)):
            problems.append(f"{path}: link to {target} leads nowhere")
    for target in re.findall(r"`((?:daemon|config|protocols|tests|docs|scripts)/[\w./-]+)`", read(path)):
        if "PATH" not in target and not any(os.path.exists(os.path.join(SRC, target + end)) for end in ("", ".c", ".py")):
            problems.append(f"{path}: {target} does not exist")


def check_leftovers(path, problems):
    for number, line in enumerate(read(path).split("\n"), 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            problems.append(f"{path}:{number}: leftover: {line.strip()}")
        if re.match(r"\s*#\s*if 0\b", line):
            problems.append(f"{path}:{number}: dead code")


def check_module_page(problems):
    """The module that docs/module-api.md shows is the one that a unit test runs."""
    block = re.search(r"```c\n(.*?)```", read("docs/module-api.md"), re.S)
    if not block or block.group(1) not in read("tests/unit/daemon/service/echo.c"):
        problems.append("docs/module-api.md: its module is not, line for line, in tests/unit/daemon/service/echo.c")


def check_released(problems):
    """Every document is in the release."""
    released = read("docs/Makefile.inc").split()
    for name in sorted(os.listdir(os.path.join(SRC, "docs"))):
        if name.endswith(".md") and f"docs/{name}" not in released:
            problems.append(f"docs/Makefile.inc: docs/{name} is missing")


def check_manual(problems):
    """The manual pages are generated from the tables; the copies in docs/man must be today's, and man(1) must like them."""
    for name, page in (("sennit", "docs/man/sennit.8"), ("sennit.toml", "docs/man/sennit.toml.5")):
        run = subprocess.run([os.path.join(BUILD, "sennit"), "manual", name], capture_output=True, text=True)
        if run.returncode != 0:
            problems.append(f"sennit manual {name}: exit {run.returncode}: {run.stderr.strip()}")
        elif run.stdout != read(page):
            problems.append(f"{page} is not what `sennit manual {name}` prints: run `make docs`")
        lint = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", os.path.join(SRC, page)],
                              capture_output=True, text=True)
        if lint.returncode != 0 or lint.stderr.strip():
            problems.append(f"{page}: {lint.stderr.strip()}")


def main():
    problems = []
    code = ("daemon", "config", "protocols", "plugins", "tests")
    headers = [path for path in files((".h",), code) if not path.startswith("tests/plugins/abi-")]  # those are as released
    documents = list(files((".md",), ("README.md", "docs", "protocols")))
    for path in headers:
        check_header(path, problems)
    for path in documents:
        check_links(path, problems)
    for path in [*files((".c", ".h"), code), *documents]:
        check_leftovers(path, problems)
    check_released(problems)
    check_manual(problems)
    check_module_page(problems)
    for problem in problems:
        print(problem)
    print(f"{len(headers)} headers, {len(documents)} documents, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
