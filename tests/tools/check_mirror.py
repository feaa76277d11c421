#!/usr/bin/env python3
"""Every source file has a unit test under the same path; the exceptions are listed with their reason."""
import os
import sys

SRC = os.environ.get("SN_SRCDIR", ".")

BY_SUPERVISOR_TEST = "processes that start one another; tests/interop/supervisor.py runs them"
BY_UPGRADE_TEST = "one program after the other in one process; tests/interop/upgrade.py runs them"
BY_CONTROL_TEST = "verbs of a running daemon; tests/interop/control.py asks for each"
EXCEPTIONS = {
    **dict.fromkeys((
        "daemon/proc/control_acts.c", "daemon/proc/control_gather.c", "daemon/proc/supervisor_control.c",
        "daemon/proc/worker_query.c"), BY_CONTROL_TEST),
    **dict.fromkeys((
        "daemon/proc/config_role.c", "daemon/proc/config_run.c", "daemon/proc/supervisor.c",
        "daemon/proc/supervisor_broker.c", "daemon/proc/supervisor_config.c", "daemon/proc/supervisor_pid1.c",
        "daemon/proc/supervisor_sockets.c", "daemon/proc/supervisor_workers.c", "daemon/proc/worker.c"),
        BY_SUPERVISOR_TEST),
    **dict.fromkeys((
        "daemon/proc/supervisor_adopt.c", "daemon/proc/supervisor_roll.c", "daemon/proc/supervisor_upgrade.c"),
        BY_UPGRADE_TEST),
    "daemon/main.c": "argv to verb; tests/interop runs the program",
    **{f"plugins/{name}.c": "built and run by tests/interop/plugins.py as its users would"
       for name in ("checker_example/shared", "endpoint_example/loopback", "template/greeter")},
}


def sources():
    for top in ("daemon", "config", "protocols", "plugins"):
        for folder, _, names in os.walk(os.path.join(SRC, top)):
            for name in names:
                if name.endswith(".c"):
                    yield os.path.relpath(os.path.join(folder, name), SRC)


def main():
    problems = []
    found = sorted(sources())
    for source in found:
        folder, name = os.path.split(source)
        test = os.path.join("tests/unit", folder, "test_" + name)
        exists = os.path.exists(os.path.join(SRC, test))
        if source in EXCEPTIONS:
            if exists:
                problems.append(f"{source}: has a test now; remove it from the exceptions")
        elif not exists:
            problems.append(f"{source}: no {test}")
    for source in EXCEPTIONS:
        if source not in found:
            problems.append(f"{source}: listed as an exception but gone")
    for folder, _, names in os.walk(os.path.join(SRC, "tests/unit")):
        for name in names:
            if name.startswith("test_") and name.endswith(".c"):
                test = os.path.relpath(os.path.join(folder, name), os.path.join(SRC, "tests/unit"))
                source = os.path.join(os.path.dirname(test), os.path.basename(test)[5:])
                header = source[:-2] + ".h"
                if not any(os.path.exists(os.path.join(SRC, s)) for s in (source, header)):
                    problems.append(f"tests/unit/{test}: tests nothing that exists")
    for problem in problems:
        print(problem)
    print(f"{len(found)} sources, {len(problems)} problems")
    return 1 if problems or not found else 0


if __name__ == "__main__":
    sys.exit(main())
