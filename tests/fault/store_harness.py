"""What the store's fault tests share: the writer as a child, what it said, and whether the database agrees."""
import os
import pwd
import select
import signal
import sqlite3
import subprocess
import sys
import time

SRC = os.environ.get("SN_SRCDIR", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.environ.get("SN_BUILDDIR", os.path.join(SRC, "build"))
WRITER = os.path.join(BUILD, "tests/fault/store_writer")
PATIENCE = float(os.environ.get("SN_TEST_PATIENCE", "60"))
sys.path.insert(0, os.path.join(SRC, "tests/interop"))


class Writer:
    """tests/fault/store_writer; acknowledged and failed are the ids it has told of so far."""

    def __init__(self, url, first, **options):
        self.process = subprocess.Popen([WRITER, url, str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, bufsize=0, **options)
        self.rest, self.opened, self.ended = b"", False, False
        self.acknowledged, self.failed = [], {}

    def read(self, seconds):
        """Take in what is there, waiting at most so long for something."""
        if self.ended or not select.select([self.process.stdout], [], [], max(seconds, 0))[0]:
            return
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        self.ended = not data
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            self.take(line.decode().split())

    def take(self, words):
        if words[0] == "open":
            self.opened = True
        elif words[0] == "ok":
            self.acknowledged.append(int(words[1]))
        else:
            self.failed[int(words[1])] = words[2]

    def read_until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}"
            assert not self.ended, f"the writer ended before: {what}: {self.errors()}"
            self.read(deadline - time.monotonic())

    def read_for(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.ended:
            self.read(deadline - time.monotonic())

    def more(self, count=200):
        """So many more acknowledgements."""
        target = len(self.acknowledged) + count
        self.read_until(lambda: len(self.acknowledged) >= target, f"{count} more rows")

    def more_failures(self, count=1):
        target = len(self.failed) + count
        self.read_until(lambda: len(self.failed) >= target, f"{count} more failures")

    def drain(self):
        while not self.ended:
            self.read(PATIENCE)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.drain()
        self.close()

    def finish(self):
        """An orderly end; what was under way is canceled and not told of."""
        self.process.stdin.close()
        self.drain()
        self.close()
        assert self.process.returncode == 0, self.process.returncode

    def errors(self):
        return self.process.stderr.read().decode(errors="replace")[-2000:]

    def close(self):
        self.process.wait(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def refusal(url, **options):
    """What a person is told when the store does not open."""
    result = subprocess.run([WRITER, url, "1"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=PATIENCE, check=False, **options)
    assert result.returncode == 1, result
    return result.stderr


def sqlite_rows(path, first=0):
    """The ids in both tables, which must be the same."""
    with sqlite3.connect(path, timeout=PATIENCE) as db:
        journal, mirror = ([row[0] for row in db.execute(f"SELECT id FROM {table} WHERE id >= ?", (first,))]
                           for table in ("journal", "mirror"))
    db.close()
    assert journal == mirror, f"half a transaction: {set(journal) ^ set(mirror)}"
    return set(journal)


def sqlite_integrity(path):
    db = sqlite3.connect(path, timeout=PATIENCE)
    result = db.execute("PRAGMA integrity_check").fetchall()
    db.close()
    assert result == [("ok",)], result


def nobody():
    """Keywords for subprocess: permissions mean something to the child."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
