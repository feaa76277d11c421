#!/usr/bin/env python3
"""PostgreSQL that stands still, crashes, and is gone for a while under a writer: nothing acknowledged is lost, nothing
is there by half, and it goes on by itself.

SN_FAULT_OUTAGE (4): for how many seconds; 30 is the long form, in which requests fail while they wait."""
import os
import signal
import unittest

from postgres import Postgres
from store_harness import Writer

OUTAGE = float(os.environ.get("SN_FAULT_OUTAGE", "4"))
KILLS = 5


class Outages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Postgres()
        cls.first = 1

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()

    def writer(self):
        type(self).first += 10000000
        return Writer(self.server.url, self.first)

    def check(self, writer):
        journal, mirror = ({int(word) for word in self.server.query(f"SELECT id FROM {table} WHERE id >= {self.first}")}
                           for table in ("journal", "mirror"))
        self.assertEqual(journal, mirror)
        self.assertEqual(set(writer.acknowledged) - journal, set())
        self.assertEqual(set(writer.failed.values()) - {"EUNAVAILABLE"}, set())
        print(f"{len(writer.acknowledged)} acknowledged, {len(writer.failed)} failed, "
              f"{len(set(writer.failed) & journal)} of these are there", flush=True)

    def test_it_stands_still(self):
        writer = self.writer()
        writer.more()
        self.server.signal_all(signal.SIGSTOP)
        writer.read_for(OUTAGE)
        self.server.signal_all(signal.SIGCONT)
        writer.more()
        writer.finish()
        if OUTAGE < 10:
            self.assertEqual(writer.failed, {})
        self.check(writer)

    def test_it_crashes_and_comes_back(self):
        writer = self.writer()
        writer.more()
        self.server.stop()
        writer.read_for(OUTAGE)
        self.server.start()
        writer.more()
        writer.finish()
        # Those on their way when it crashed, and at most as many that it took and dropped while it came back.
        self.assertLessEqual(len(writer.failed), 2 * 64 if OUTAGE < 9 else 1 << 20)
        self.check(writer)

    def test_the_writer_is_killed(self):
        for _ in range(KILLS):
            writer = self.writer()
            writer.more(300)
            writer.kill()
            self.check(writer)


if __name__ == "__main__":
    unittest.main(verbosity=2)
