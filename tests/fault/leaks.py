#!/usr/bin/env python3
"""What the supervisor and a worker hold after many restarts, reloads and questions: no more than before.

SN_FAULT_ROUNDS (30): how many of each, after as many that do not count: the allocator takes some hundreds to settle.
500 is the long form."""
import os
import signal
import unittest
from collections import Counter

from fault_harness import CHATTY, CROWDED, LOCAL, FaultTest, figure, rounds, sanitized

ROUNDS = rounds(30)
# What the allocator keeps or returns from one moment to the next; a leak of one round grows with the rounds.
SLACK_KB = 400


def descriptors(pid):
    return sorted(os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd"))


def memory_kb(pid):
    """Anonymous memory that is its own."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


class Leaks(FaultTest):
    def text(self, number):
        more = f', "unix:{self.folder}/s"' if number % 2 else ""
        return (f'[service.irc]\nlisten = ["tcp:0:interface=127.0.0.1"{more}]\nnetwork = "Net{number}"\n{CHATTY}'
                f"[worker.other]\nprocesses = '1'\n[service.other]\ntype = 'unruly'\nworker = 'other'\nmotto = '{number}'\n"
                f"{LOCAL}{CROWDED}")

    def setUp(self):
        self.folder = self.directory()
        self.daemon_, self.path = self.configured(self.text(0))
        self.address = self.daemon_.address()
        self.daemon_.address()

    def reload(self, number):
        self.write(self.path, self.text(number))
        self.daemon_.ctl("reload")

    def broken(self, number):
        self.write(self.path, self.text(0) + f"[service.x{number}]\ntype = 'irc'\nlisten = 'tls:/nowhere:tcp:0'\n")
        self.daemon_.ctl("reload", expect=78)

    def kill(self, _number):
        pid = self.daemon_.worker("main/0")
        os.kill(pid, signal.SIGKILL)
        self.daemon_.worker("main/0", other_than=pid)
        self.client(self.address, "alice").sync()

    def question(self, _number):
        for verb in ("status", "sessions", "metrics"):
            self.daemon_.ctl(verb, json_output=False)

    def many(self, what, one, pid_of):
        for number in range(ROUNDS):
            one(number)
        one(0)
        pid = pid_of()
        fds, kb = descriptors(pid), memory_kb(pid)
        for number in range(ROUNDS + ROUNDS % 2):
            one(number)
        one(0)
        self.assertEqual(pid_of(), pid)
        # What ended last may still be on its way out: now, and also when they were counted before.
        self.wait_until(lambda: not Counter(descriptors(pid)) - Counter(fds), lambda: f"{fds}\n{descriptors(pid)}")
        grown = memory_kb(pid) - kb
        figure(what, ROUNDS, f"{len(fds)} descriptors before and after; {kb} kB of memory, {grown:+} kB after")
        # A sanitizer keeps what is freed.
        self.assertTrue(sanitized() or grown < SLACK_KB, f"{grown} kB more")

    def supervisor(self):
        return self.daemon_.process.pid

    def test_supervisor_and_restarts(self):
        self.many("supervisor: restarts of a worker", self.kill, self.supervisor)

    def test_supervisor_and_reloads(self):
        self.many("supervisor: reloads", self.reload, self.supervisor)

    def test_supervisor_and_broken_files(self):
        self.many("supervisor: reloads of a broken file", self.broken, self.supervisor)

    def test_supervisor_and_questions(self):
        self.many("supervisor: questions of `sennit ctl`, three each", self.question, self.supervisor)

    def test_worker_and_reloads(self):
        self.many("worker: reloads", self.reload, lambda: self.daemon_.worker("main/0"))

    def test_worker_that_restarts_its_service(self):
        self.many("worker: reloads that restart its service", self.reload, lambda: self.daemon_.worker("other/0"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
