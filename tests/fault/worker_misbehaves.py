#!/usr/bin/env python3
"""Workers that spin, sleep, stop, crash, leak descriptors or cannot start, because of a plugin: each is told of, ended
where needed, and started again, while clients of another group see nothing.

SN_FAULT_ROUNDS (1): how often; 5 is the long form, the pauses before restarts double."""
import os
import signal
import time
import unittest

from fault_harness import CHATTY, CROWDED, LOCAL, FaultTest, figure, rounds, spread

ROUNDS = rounds(1)
TEXT = "[service.irc]\n" + LOCAL + CHATTY + "[worker.bad]\nprocesses = '1'\n[service.bad]\ntype = 'unruly'\nworker = 'bad'\n" + LOCAL + CROWDED


class Misbehaving(FaultTest):
    def begin(self, server="watchdog = '2s'\n", text=TEXT, **kwargs):
        self.daemon_, self.path = self.configured(text, server, **kwargs)
        self.addresses = self.daemon_.address(), self.daemon_.address()
        self.others = self.crowd("steady", self.addresses[0], 20, 20)

    def next_one(self, pid):
        """The worker that came after that one, when it serves."""
        pid = self.daemon_.worker("bad/0", other_than=pid)
        self.assertTrue(self.says("well"))
        return pid

    def says(self, line):
        """Somebody new is answered. One who was accepted by the last worker is not."""
        def heard():
            client = self.speak(self.addresses[1])
            try:
                client.send(line)
                client.expect("^" + line + "$")
                return True
            except (EOFError, OSError):
                return False
            finally:
                client.close()
        self.wait_until(heard)
        return True

    def finish(self, what, result):
        seen = self.others.end()
        figure(what, ROUNDS, f"{result}; clients of the other group: 0 lost, {seen['answers']} answers, "
               f"longest wait {seen['max_ms']:.0f} ms")
        self.assert_undisturbed(seen)
        self.assertEqual(seen["alive"], 20)

    def hang(self, how, patterns):
        """Times from the start of it to the first answer of the next worker; each pattern has the pid put in."""
        pid, times = self.daemon_.worker("bad/0"), []
        for number in range(ROUNDS):
            # Five ends within ten seconds would be a failure.
            self.wait_until(lambda: number == 0 or time.monotonic() - began > 2.6)
            began = time.monotonic()
            how(pid)
            following = self.next_one(pid)
            times.append(time.monotonic() - began)
            for pattern in patterns:
                self.logged(self.daemon_, pattern.format(pid=pid))
            pid = following
        return times

    def ask(self, order):
        client = self.speak(self.addresses[1])
        client.send(order)
        return client

    def test_spins(self):
        self.begin()
        # Once for 200 ms: it is told of, and goes on.
        pid = self.daemon_.worker("bad/0")
        self.ask("spin 200").expect("^spin 200$")
        used = [int(ms) for ms in self.logged(self.daemon_, rf"sennit\[{pid}\]: slow turn of the loop: (\d+) ms of CPU so far")]
        self.assertTrue(100 <= used[0] < 200, used)
        self.assertEqual(self.daemon_.worker("bad/0"), pid)
        times = self.hang(lambda pid: self.ask("spin 600000"),
                          [r"sennit\[{pid}\]: slow turn of the loop: \d+ ms of CPU so far; it is here:\n(?:.*\n)*?.*unruly",
                           r'"event":"worker-aborted".*"pid":{pid}\b.*it answers no ping'])
        self.assertRegex(self.daemon_.stderr(), rf"sennit\[{pid}\]: ended by SIGABRT; it was here:\n(?:.*\n)*?.*unruly")
        self.finish("a plugin that spins, watchdog at 2 s",
                    f"told of with a backtrace at {used[0]} ms of CPU; aborted with another; the next one answers after {spread(times)}")
        self.assertLess(max(times), 60)

    def test_sleeps(self):
        self.begin()
        times = self.hang(lambda pid: self.ask("sleep 600000"), [r'"event":"worker-aborted".*"pid":{pid}\b.*it answers no ping'])
        self.finish("a plugin that sleeps, watchdog at 2 s", f"aborted with a backtrace; the next one answers after {spread(times)}")

    def test_is_stopped(self):
        self.begin()
        times = self.hang(lambda pid: os.kill(pid, signal.SIGSTOP),
                          [r'"event":"worker-aborted".*"pid":{pid}\b', r'"event":"worker-ended".*"pid":{pid}\b.*signal 9'])
        self.finish("SIGSTOP to a worker, watchdog at 2 s",
                    f"deaf to the abort, killed; the next one answers after {spread(times)}")

    def test_crashes(self):
        self.begin()
        times = self.hang(lambda pid: self.ask("crash"), [r'"event":"worker-ended".*"pid":{pid}\b.*ABRT'])
        self.finish("a plugin that crashes", f"told with a backtrace; the next one answers after {spread(times)}")

    def test_lies_to_the_supervisor(self):
        """What a worker says out of turn changes nothing; what it may not say at all ends it."""
        self.begin()
        pid = self.daemon_.worker("bad/0")
        for number in 4, 9, 17, 19, 33:  # READY, DRAINED, PREPARED, COMMITTED, FROZEN
            self.ask(f"tell {number}").expect(f"^tell {number}$")
        self.assertTrue(self.says("still here"))
        self.assertEqual(self.daemon_.worker("bad/0"), pid)
        self.ask("tell 18")  # COMMIT is the supervisor's
        self.logged(self.daemon_, r'"event":"worker-channel-broken".*protocol violation')
        self.next_one(pid)
        self.finish("a worker that lies to the supervisor", "what it says out of turn changes nothing; a message that is not its own ends it")

    def test_leaks_descriptors(self):
        """Who is there is served, who comes is told at once that there is no room, and nobody spins meanwhile."""
        self.begin(preexec=few_descriptors)
        pid = self.daemon_.worker("bad/0")
        first = self.speak(self.addresses[1])
        first.send("leak")
        first.expect("^leak$")
        late = self.ask("late")
        with self.assertRaises((EOFError, ConnectionResetError)):
            late.expect("^late$")
        self.logged(self.daemon_, r'"event":"cannot-accept".*Too many open files')
        began, used = time.monotonic(), cpu_seconds(pid)
        for number in range(20):
            first.send(f"line {number}")
            first.expect(f"^line {number}$")
            self.wait_until(lambda: time.monotonic() - began > number * 0.1)
        share = (cpu_seconds(pid) - used) / (time.monotonic() - began)
        first.send("unleak")
        first.expect("^unleak$")
        self.says("late")
        self.assertEqual(self.daemon_.worker("bad/0"), pid)
        self.assertLess(share, 0.5)
        self.finish("a plugin that leaks all descriptors", f"told of; who is there is served, who comes is sent away at once; "
                    f"{share * 100:.0f} % of a core meanwhile")

    def test_cannot_start(self):
        marker = os.path.join(self.directory(), "marker")
        text = TEXT + f"exit_while = '{marker}'\n"
        self.begin("", text)
        self.says("before")
        for number in range(1, ROUNDS + 1):
            with open(marker, "w", encoding="ascii"):
                pass
            began = time.monotonic()
            os.kill(self.daemon_.worker("bad/0"), signal.SIGKILL)
            self.logged(self.daemon_, '"event":"worker-failed".*bad/0', 2 * number - 1)
            failed = time.monotonic() - began
            self.wait_until(self.refused, "its socket is still open")
            self.assertEqual(self.state(), "failed")
            self.assertEqual(self.daemon_.ctl("health", expect=69)["failed"], ["bad/0"])
            self.assertIn("bad/0 failed: the log says why, `sennit ctl start` tries again",
                          self.daemon_.ctl("health", expect=69, json_output=False))
            # Not yet: it fails again.
            self.daemon_.ctl("start", "bad", expect=69)
            self.assertEqual(self.state(), "failed")
            os.unlink(marker)
            self.daemon_.ctl("start", "bad")
            self.says("after")
            self.assertEqual(self.state(), "ready")
            self.daemon_.ctl("health")
        self.finish("a worker that exits at its start", f"failed after {failed:.1f} s and five attempts, its socket closed, "
                    "`ctl health` says so, `ctl start` brings it back")

    def state(self):
        return next(row["state"] for row in self.daemon_.ctl("workers")["workers"] if row["worker"] == "bad/0")

    def refused(self):
        try:
            self.speak(self.addresses[1]).close()
            return False
        except ConnectionRefusedError:
            return True


def few_descriptors():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main(verbosity=2)
