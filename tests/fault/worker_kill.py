#!/usr/bin/env python3
"""kill -9 of workers at random moments while clients connect and talk: nobody is refused, it is back soon, and who
talks to another group sees nothing.

SN_FAULT_ROUNDS (20): how often; 1000 is the long form. SN_FAULT_SEED repeats a run."""
import os
import random
import select
import signal
import socket
import time
import unittest

from fault_harness import CHATTY, CROWDED, LOCAL, PATIENCE, FaultTest, figure, rounds, spread

ROUNDS = rounds(20)
SEED = int(os.environ.get("SN_FAULT_SEED", str(random.SystemRandom().randrange(1 << 32))))


def first_answer(address):
    """Until somebody answers; the number of attempts. A connection that was accepted by the dead one is lost."""
    deadline = time.monotonic() + PATIENCE
    attempts = 0
    while time.monotonic() < deadline:
        attempts += 1
        try:
            with socket.create_connection(address, timeout=PATIENCE) as sock:
                sock.sendall(b"PING :x\r\n")
                if sock.recv(1):
                    return attempts
        except ConnectionResetError:
            pass
    raise AssertionError("nobody answers")


def kill(pid):
    """Returns when it is dead: what answers from then on is another one."""
    pidfd = os.pidfd_open(pid)
    began = time.monotonic()
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    select.select([pidfd], [], [], PATIENCE)
    os.close(pidfd)
    return began


class Kills(FaultTest):
    def kills(self, daemon, place, address):
        """Times until it answered again."""
        rng, times, pid = random.Random(SEED), [], daemon.worker(place)
        for _ in range(ROUNDS):
            select.select([], [], [], rng.uniform(0, 0.05))
            began = kill(pid)
            first_answer(address)
            times.append(time.monotonic() - began)
            pid = daemon.worker(place, other_than=pid)
            if rng.random() < 0.8:  # else the next kill may meet it in its start, after which it waits a little
                self.wait_until(lambda: ("ready", pid) in [(row["state"], row["pid"]) for row in daemon.ctl("workers")["workers"]])
        return times

    def two_groups(self):
        daemon, _ = self.configured("[service.irc]\n" + LOCAL + CHATTY + "[service.other]\ntype = 'unruly'\nworker = 'other'\n"
                                    + LOCAL + CROWDED + "[worker.other]\nprocesses = '2'\n")
        return daemon, daemon.address(), daemon.address()

    def check(self, what, place, killed, steady):
        daemon, *addresses = self.two_groups()
        talk, others = self.crowd("churn", addresses[killed], 8), self.crowd("steady", addresses[steady], 20, 20)
        times = self.kills(daemon, place, addresses[killed])
        load, undisturbed = talk.end(), others.end()
        figure(f"kill -9 of {what} under load", ROUNDS,
               f"0 refused of {load['answers']} connections, {load['lost']} lost in flight; answers again after {spread(times)}; "
               f"clients of the other group: 0 lost, {undisturbed['answers']} answers, p99 {undisturbed['p99_ms']:.1f} ms")
        self.assertEqual((load["refused"], load["errors"]), (0, 0), f"seed {SEED}: {load}")
        self.assertGreater(load["answers"], ROUNDS)
        self.assert_undisturbed(undisturbed)
        self.assertEqual(undisturbed["alive"], 20)
        self.assertNotIn("worker-failed", daemon.stderr())

    def test_single(self):
        self.check("the worker of a SINGLE service (irc)", "main/0", 0, 1)

    def test_sharded(self):
        self.check("one of two workers of a SHARDED service", "other/1", 1, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
