#!/usr/bin/env python3
"""The program is hardened as configure promised: PIE, full RELRO, stack protector, FORTIFY, no executable stack.

What to expect follows from how configure was called, not from the flags that it chose: sanitizers and fuzzing bring
their own checks in place of FORTIFY, which also does nothing without optimisation."""
import os
import re
import shlex
import subprocess
import sys

BUILD = os.environ.get("SN_BUILDDIR", ".")
PROGRAM = os.path.join(BUILD, "sennit")


def configured():
    """The arguments that configure had, as {"--with-sanitizer": "yes", "CFLAGS": "-O0"}; --disable-x is --enable-x=no."""
    text = subprocess.run([os.path.join(BUILD, "config.status"), "--config"], check=True, capture_output=True, text=True).stdout
    arguments = {}
    for argument in shlex.split(text):
        name, _, value = argument.partition("=")
        if name.startswith(("--disable-", "--without-")):
            name, value = re.sub("^--disable", "--enable", name).replace("--without", "--with"), "no"
        arguments[name] = value or "yes"
    return arguments


def expected():
    """The properties that must be there, in this build."""
    arguments = configured()

    def on(name, default="no"):
        return arguments.get(name, default) != "no"
    wanted = {"no executable stack", "no writable code", "no search path"}
    if on("--enable-hardening", "yes"):
        wanted |= {"PIE", "full RELRO", "stack protector"}
        optimised = re.findall(r"-O\w*", arguments.get("CFLAGS", "-O0" if on("--enable-coverage") else "-O2"))
        instrumented = on("--with-sanitizer") or on("--with-fuzzer")
        if not instrumented and optimised and optimised[-1] != "-O0":
            wanted.add("FORTIFY")
    return wanted


def readelf(option):
    return subprocess.run(["readelf", "--wide", option, PROGRAM], check=True, capture_output=True, text=True).stdout


def present():
    """The properties that the program has."""
    segments = {}
    for line in readelf("--segments").splitlines():
        match = re.match(r"\s+([A-Z_]+)\s+0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([R ][W ][E ])", line)
        if match:
            segments.setdefault(match.group(1), []).append(match.group(2))
    dynamic = readelf("--dynamic")
    symbols = readelf("--dyn-syms")
    every = [flags for kind in segments.values() for flags in kind]
    tests = {
        "PIE": re.search(r"Type:\s+DYN", readelf("--file-header")) and re.search(r"FLAGS_1\).*\bPIE\b", dynamic),
        "full RELRO": "GNU_RELRO" in segments and re.search(r"\(FLAGS(_1)?\).*\b(BIND_)?NOW\b", dynamic),
        "stack protector": re.search(r"\b__stack_chk_fail\b", symbols),
        "FORTIFY": re.search(r"\b__(memcpy|snprintf|vsnprintf|read|recv)_chk\b", symbols),
        "no executable stack": segments.get("GNU_STACK") == ["RW "],
        "no writable code": "LOAD" in segments and not any("W" in f and "E" in f for f in every) and "(TEXTREL)" not in dynamic,
        "no search path": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
    }
    return {name for name, holds in tests.items() if holds}


def main():
    wanted, found = expected(), present()
    for name in sorted(wanted - found):
        print(f"{PROGRAM}: without {name}")
    print(f"wanted: {', '.join(sorted(wanted))}; found: {', '.join(sorted(found))}")
    return 1 if wanted - found else 0


if __name__ == "__main__":
    sys.exit(main())
