#!/usr/bin/env python3
"""PostgreSQL stands still, and crashes, in the middle of logins through the daemon: they wait, fail for the
time being if that is long, and come back by themselves; and nobody else waits.

SN_FAULT_OUTAGE (3): for how many seconds; 30 is the long form."""
import os
import signal
import subprocess
import threading
import time
import unittest

from fault_harness import CHATTY, LOCAL, PATIENCE, FaultTest, IrcClient, figure
from harness import SENNIT
from postgres import Postgres
from sasl_clients import Raw, log_in

OUTAGE = float(os.environ.get("SN_FAULT_OUTAGE", "3"))
LOGINS = 4


class Logins(threading.Thread):
    """One login after the other, each on a connection of its own: (when it ended, how long it took, the numeric)."""

    def __init__(self, test, address):
        super().__init__(daemon=True)
        self.test, self.address, self.seen, self.ending, self.broken = test, address, [], threading.Event(), None

    def run(self):
        try:
            while not self.ending.is_set():
                client = self.test.connect(self.address)
                began = time.monotonic()
                answer = log_in(client, Raw("PLAIN", b"\0alice\0secret"))
                self.seen.append((time.monotonic(), time.monotonic() - began, answer))
                client.close()
        except (OSError, EOFError, TimeoutError) as error:
            self.broken = error


class Outages(FaultTest):
    def setUp(self):
        self.server = Postgres()
        self.addCleanup(self.server.remove)
        subprocess.run([SENNIT, "user", "add", "alice", "--password-stdin", "--store", self.server.url], input="secret\n",
                       check=True, capture_output=True, text=True, timeout=PATIENCE)
        self.daemon_, _ = self.configured("[service.irc]\n" + LOCAL + CHATTY + "insecure_auth = true\nopen = true\n"
                                          "auth = ['accounts']\n", f'store = "{self.server.url}"\n')
        self.address = self.daemon_.address()
        self.others = self.crowd("steady", self.address, 20, 20)
        self.threads = [Logins(self, self.address) for _ in range(LOGINS)]

    def connect(self, address):
        return IrcClient(address, timeout=PATIENCE + OUTAGE)

    def logins(self, since=0.0):
        return [one for thread in self.threads for one in thread.seen if one[0] >= since]

    def good_ones(self, since):
        return [one for one in self.logins(since) if one[2] == "903"]

    def check(self, what, begin, end):
        for thread in self.threads:
            thread.start()
        self.wait_until(lambda: len(self.good_ones(0)) >= 10)
        begin()
        began = time.monotonic()
        self.wait_until_time(began + OUTAGE)
        end()
        ended = time.monotonic()
        self.wait_until(lambda: len(self.good_ones(ended)) >= 10, lambda: f"{self.logins(ended)[:5]}\n{self.daemon_.stderr()}")
        back = min(one[0] for one in self.good_ones(ended)) - ended
        for thread in self.threads:
            thread.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE + OUTAGE)
            self.assertIsNone(thread.broken)
        failed = [one for one in self.logins() if one[2] != "903"]
        seen = self.others.end()
        figure(f"PostgreSQL {what} for {OUTAGE:.0f} s while clients log in", 1,
               f"{len(self.good_ones(0))} logins, {len(failed)} told to try later, good again {back * 1e3:.0f} ms after its return"
               f"; {seen['answers']} PINGs of others, p99 {seen['p99_ms']:.1f} ms, longest {seen['max_ms']:.0f} ms")
        self.assertEqual({one[2] for one in failed} - {"904"}, set())
        self.assert_undisturbed(seen, 1000)
        return failed

    def wait_until_time(self, moment):
        while time.monotonic() < moment:
            threading.Event().wait(min(0.05, max(0, moment - time.monotonic())))

    def test_it_stands_still(self):
        self.check("stands still", lambda: self.server.signal_all(signal.SIGSTOP), lambda: self.server.signal_all(signal.SIGCONT))

    def test_it_is_gone(self):
        failed = self.check("is gone", self.server.stop, self.server.start)
        # In a short outage they only wait; one that stands still may go on at any moment, and is waited for up to 30 s.
        self.assertEqual(bool(failed), OUTAGE > 15)


if __name__ == "__main__":
    unittest.main(verbosity=2)
