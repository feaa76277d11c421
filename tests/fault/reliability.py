#!/usr/bin/env python3
"""Every figure of docs/reliability.md: the long forms of the fault tests, and those of the interop tests that are about
bad input. `make reliability`, or this with the names of some of them.

A quarter of an hour; some of it needs PostgreSQL, and root or user namespaces. Ends with 1 if one of them failed."""
import os
import subprocess
import sys
import time

TESTS = os.path.join(os.environ.get("SN_SRCDIR", os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))), "tests")

# Script, what makes it the long one, and what of it, if not all.
RUNS = [
    ("fault/worker_kill.py", {"SN_FAULT_ROUNDS": "1000"}),
    ("fault/supervisor_kill.py", {"SN_FAULT_ROUNDS": "100"}),
    ("fault/reloads.py", {"SN_FAULT_ROUNDS": "100", "SN_FAULT_CLIENTS": "2000"}),
    ("fault/worker_misbehaves.py", {"SN_FAULT_ROUNDS": "5"}),
    ("fault/leaks.py", {"SN_FAULT_ROUNDS": "500"}),
    ("fault/state_directory.py", {}),
    ("fault/login_outage.py", {"SN_FAULT_OUTAGE": "30"}),
    ("fault/store_kill.py", {"SN_FAULT_ROUNDS": "1000"}),
    ("fault/store_disk.py", {}),
    ("fault/store_postgres.py", {"SN_FAULT_OUTAGE": "30"}),
    ("interop/auth_storm.py", {}),
    ("interop/bad_input.py", {}),
    ("interop/control.py", {}, "Control.test_garbage", "Control.test_who_may"),
    ("interop/upgrade.py", {}),
    ("interop/plugins.py", {}, "Broken", "RunTime"),
]


def run(script, environment, *words):
    """Whether it passed; its figures are its standard output."""
    began = time.monotonic()
    print(f"\n{script} {' '.join(f'{name}={value}' for name, value in environment.items())}", flush=True)
    result = subprocess.run([sys.executable, "-W", "ignore", os.path.join(TESTS, script), *words], env={**os.environ, **environment},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    for line in result.stdout.splitlines():
        if line:
            print("   ", line.removeprefix("figure: "))
    if result.returncode != 0:
        print(result.stderr[-4000:])
    print(f"    {'passed' if result.returncode == 0 else 'FAILED'}, {time.monotonic() - began:.0f} s", flush=True)
    return result.returncode == 0


def main():
    wanted = sys.argv[1:]
    chosen = [row for row in RUNS if not wanted or any(word in row[0] for word in wanted)]
    print(f"{os.cpu_count()} cores, {os.uname().release}, load {' '.join(f'{x:.1f}' for x in os.getloadavg())}")
    passed = [run(*row) for row in chosen]
    print(f"\n{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return 0 if chosen and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
