#!/usr/bin/env python3
"""What packaging/Dockerfile says, and its steps done in folders where there is no container engine.

As a program (needs root): dockerfile.py BASE WORK: each stage begins as a copy of the root file system BASE; then the
image is run as an engine would, as its user and first process, asked for its health, and ended."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

SRC = os.environ.get("SN_SRCDIR", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
IN_ROOT = os.path.join(SRC, "scripts/in-root")
PATIENCE = 30


def steps():
    """[(WORD, the rest)], continued lines joined, comments left out."""
    with open(os.path.join(SRC, "packaging/Dockerfile"), encoding="utf-8") as file:
        text = re.sub(r"(?m)^#.*\n", "", file.read()).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


class Stage:
    def __init__(self, root):
        self.root, self.directory, self.words = root, "/", {}

    def run(self, command):
        line = f"mkdir -p {self.directory} && cd {self.directory} && {command}"
        subprocess.run([IN_ROOT, self.root, "/bin/sh", "-c", line], check=True, stdin=subprocess.DEVNULL)

    def copy(self, source, target):
        """A file, or all the last commit holds; Docker would leave out what .dockerignore names."""
        path = self.root + target
        if source == SRC + "/.":
            os.makedirs(path, exist_ok=True)
            archive = subprocess.run(["git", "-c", "safe.directory=" + SRC, "-C", SRC, "archive", "HEAD"], check=True,
                                     stdout=subprocess.PIPE).stdout
            subprocess.run(["tar", "-x", "-C", path], input=archive, check=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(source, path)


def build(base, work):
    stages, stage = {}, None
    for word, rest in steps():
        if word == "FROM":
            name = rest.split(" AS ")[1] if " AS " in rest else "image"
            stage = stages[name] = Stage(os.path.join(work, name))
            subprocess.run(["cp", "-a", base, stage.root], check=True)
        elif word == "RUN":
            stage.run(rest)
        elif word == "WORKDIR":
            stage.directory = rest
        elif word == "COPY":
            *options, source, target = rest.split()
            origin = stages[options[0].split("=")[1]].root if options else SRC + "/"
            stage.copy(origin + source, target)
        else:
            stage.words[word] = rest
    return stage


def first_process(parent):
    """The one that unshare started."""
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def serve(image):
    words = image.words
    environment = ["env", *words["ENV"].split()]
    command = json.loads(words["ENTRYPOINT"]) + json.loads(words["CMD"])
    server = subprocess.Popen([IN_ROOT, "--user", words["USER"], image.root, *environment, *command], stdout=subprocess.PIPE, text=True)
    print(server.stdout.readline(), end="", flush=True)
    inner = first_process(server.pid)
    check = json.loads(words["HEALTHCHECK"].split("CMD", 1)[1])
    health = subprocess.run(["nsenter", "--target", str(inner), "--mount", "--pid", "--root", "--wd", "setpriv",
                             "--reuid", words["USER"], "--regid", words["USER"], "--clear-groups", *environment, *check], timeout=PATIENCE)
    began = time.monotonic()
    os.kill(inner, getattr(signal, words["STOPSIGNAL"]))
    code = server.wait(PATIENCE)
    print(f"health: exit {health.returncode}; ended with {code} after {time.monotonic() - began:.1f} s: {shlex.join(command)}")
    return health.returncode == 0 and code == 0


def main():
    base, work = sys.argv[1:]
    os.makedirs(work)
    return 0 if serve(build(base, work)) else 1


if __name__ == "__main__":
    sys.exit(main())
