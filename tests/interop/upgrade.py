#!/usr/bin/python3
"""`sennit ctl upgrade` of the real daemon: to another program and back under load, to programs that cannot take
over, and what is left as it was then."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, PATIENCE, SENNIT, DaemonTest, IrcClient, make_certificate, need, tls_context  # noqa: E402

OTHER = os.path.join(BUILD, "tests/interop/upgrade_other")

TWO = """
[service.lounge]
type = "irc"
listen = ["tcp:0:interface=127.0.0.1"]
[service.attic]
type = "irc"
worker = "spare"
listen = ["tcp:0:interface=127.0.0.1"]
[worker.spare]
processes = "1"
"""


class Speaker(threading.Thread):
    """Says numbered lines until told to end, and hears what others say; never more than a few ahead."""

    def __init__(self, address, nick):
        super().__init__(daemon=True)
        self.client = IrcClient(address).register(nick)
        self.client.send("JOIN #load")
        self.client.sync()
        self.nick, self.said, self.heard, self.longest = nick, 0, {}, 0.0
        self.ending, self.error = threading.Event(), None

    def run(self):
        try:
            while not self.ending.is_set():
                self.client.send(f"PRIVMSG #load :{self.said}", f"PING :{self.said}")
                begin = time.monotonic()
                self.until(f"PONG .*:?{self.said}$")
                self.longest = max(self.longest, time.monotonic() - begin)
                self.said += 1
        except Exception as error:  # for the main thread
            self.error = error

    def until(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while True:
            line = self.client.get(deadline)
            match = re.match(r":(\w+)!\S+ PRIVMSG #load :(\d+)$", line)
            if match:
                self.heard.setdefault(match.group(1), []).append(int(match.group(2)))
            elif re.search(pattern, line):
                return

    def finish(self):
        self.ending.set()
        self.join(PATIENCE)
        if self.error:
            raise AssertionError(f"{self.nick}: {self.error!r}")


class Knocker(threading.Thread):
    """Connects, registers, leaves: again and again. Nobody may refuse it."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.count, self.failures, self.ending = address, 0, [], threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                client = IrcClient(self.address)
                client.register(f"k{self.count}")
                client.close()
                self.count += 1
            except Exception as error:  # for the main thread
                self.failures.append(repr(error))
                return

    def finish(self):
        self.ending.set()
        self.join(PATIENCE)
        return self.failures


class Upgrade(DaemonTest):
    def other(self, fault=None):
        """A second program, with a fault."""
        path = os.path.join(self.directory(), "sennit")
        shutil.copy(OTHER, path)
        if fault:
            self.break_it(path, fault)
        return path

    def break_it(self, path, fault):
        with open(path + ".fault", "w", encoding="utf-8") as file:
            file.write(fault)

    def run_file(self, text):
        directory = self.directory()
        path = os.path.join(directory, "sennit.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return self.daemon("run", path, cwd=directory), path

    def program(self, daemon):
        return os.readlink(f"/proc/{daemon.process.pid}/exe")

    def refused(self, daemon, path, code, pattern):
        answer = daemon.ctl("upgrade", path, expect=code)
        self.assertRegex(answer["error"], pattern)
        return answer["error"]

    def workers(self, daemon):
        return {row["worker"]: row["pid"] for row in daemon.ctl("workers")["workers"] if row["state"] == "ready"}

    def test_there_and_back_under_load(self):
        daemon, address = self.irc()
        other = self.other()
        speakers = [Speaker(address, f"s{n}") for n in range(4)]
        knocker = Knocker(address)
        for thread in (*speakers, knocker):
            thread.start()
        for path in (other, SENNIT, other, SENNIT):
            answer = daemon.ctl("upgrade", path)
            self.assertGreaterEqual(answer["moved"], len(speakers))
            self.assertEqual(self.program(daemon), path)
        for speaker in speakers:
            speaker.finish()
        self.assertEqual(knocker.finish(), [])
        self.assertGreater(knocker.count, 0)
        for speaker in speakers:
            speaker.client.send("PING :the-last")
            speaker.until("PONG .*:?the-last")
        for hearer in speakers:
            for speaker in speakers:
                if speaker is not hearer:
                    heard = hearer.heard[speaker.nick]
                    self.assertEqual(heard, list(range(heard[0], speaker.said)), f"{hearer.nick} of {speaker.nick}")
        print(f"# lines said {sum(s.said for s in speakers)}, connections meanwhile {knocker.count}, "
              f"longest wait for an answer {max(s.longest for s in speakers) * 1000:.0f} ms")

    def test_sessions_are_the_same(self):
        daemon, address = self.irc("--auth", "memory:carol:secret", "--open")
        carol, bob = self.client(address), self.client(address, "bob")
        carol.send("CAP REQ :sasl", "AUTHENTICATE PLAIN")
        carol.expect("AUTHENTICATE \\+")
        carol.send("AUTHENTICATE AGNhcm9sAHNlY3JldA==")
        carol.expect(" 903 ")
        carol.send("CAP END")
        carol.register("carol")
        carol.send("JOIN #room", "MODE #room +mk key", "TOPIC #room :what stays")
        carol.sync()
        bob.send("JOIN #room key")
        bob.sync()
        questions = ("MODE #room", "TOPIC #room", "NAMES #room", "MODE bob", "WHOIS carol")

        def answers():
            bob.send(*questions)
            return [line for line in bob.sync_collect() if " 317 " not in line]

        before = answers()
        rows = {row["title"]: (row["account"], row["peer"]) for row in daemon.ctl("sessions")["sessions"]}
        daemon.ctl("upgrade", self.other())
        self.assertEqual(answers(), before)
        self.assertTrue(any("carol" in line and " 330 " in line for line in before), before)
        self.assertEqual({row["title"]: (row["account"], row["peer"]) for row in daemon.ctl("sessions")["sessions"]}, rows)
        bob.send("PRIVMSG #room :may I")
        bob.expect(" 404 ")  # +m still
        carol.send("MODE #room +v bob")
        bob.expect("MODE #room \\+v bob")
        daemon.ctl("kick", "carol")
        carol.expect("ERROR :")

    def test_half_a_line_and_half_an_answer(self):
        daemon, address = self.irc()
        alice = self.client(address, "alice")
        alice.socket.sendall(b"PING :first-ha")
        daemon.ctl("sessions")
        daemon.ctl("upgrade", self.other())
        alice.socket.sendall(b"lf\r\n")
        alice.expect("PONG .*first-half")

    def test_tls_clients_are_told(self):
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1", "--listen", "tcp:0:interface=127.0.0.1")
        secure, plain = daemon.address(), daemon.address()
        context = tls_context(pem)
        alice, bob = self.client(secure, "alice", tls=context), self.client(plain, "bob")
        answer = daemon.ctl("upgrade", self.other())
        self.assertEqual((answer["moved"], answer["closed"]), (1, 1))
        alice.expect("ERROR :.*reconnect")
        with self.assertRaises(EOFError):
            alice.expect("nothing more")
        bob.sync()
        self.client(secure, "alice", tls=context).sync()

    def test_every_group_rolls(self):
        daemon, path = self.run_file(TWO)
        addresses = daemon.address(), daemon.address()
        clients = [self.client(address, "alice") for address in addresses]
        before = self.workers(daemon)
        accepted = self.accepted(daemon)
        self.assertEqual(daemon.ctl("upgrade", self.other())["moved"], 2)
        after = self.workers(daemon)
        self.assertEqual(set(before), set(after))
        self.assertFalse(set(before.values()) & set(after.values()))
        self.assertEqual(self.accepted(daemon), accepted)
        self.assertEqual(daemon.ctl("upgrade", SENNIT)["moved"], 2)
        self.assertEqual(self.accepted(daemon), accepted)
        for client in clients:
            client.sync()
        daemon.ctl("health")
        # What belongs to the supervisor is there as well: reload, restart of a worker, the file's new line.
        with open(path, "a", encoding="utf-8") as file:
            file.write('[service.cellar]\ntype = "irc"\nlisten = ["tcp:0:interface=127.0.0.1"]\n')
        daemon.ctl("reload")
        port = next(row["address"] for row in daemon.ctl("status")["listeners"] if row["service"] == "cellar").rsplit(":", 1)[1]
        self.client(("127.0.0.1", int(port)), "alice").sync()
        pid = self.workers(daemon)["spare/0"]
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: self.workers(daemon).get("spare/0", pid) != pid)

    def accepted(self, daemon):
        text = daemon.ctl("metrics")["text"]
        return sorted(re.findall(r"^sennit_connections_accepted_total\S* \d+", text, re.M))

    def test_the_file_was_replaced(self):
        """As a package does it: the program that runs has no name any more."""
        path = self.other()
        daemon = self.daemon("irc", "--listen", "tcp:0:interface=127.0.0.1", program=path)
        alice = self.client(daemon.address(), "alice")
        shutil.copy(OTHER, path + ".new")
        os.rename(path + ".new", path)
        self.assertIn("(deleted)", self.program(daemon))
        daemon.ctl("upgrade")
        self.assertEqual(self.program(daemon), path)
        alice.sync()

    def test_a_stopped_service_stays_so(self):
        daemon, _ = self.run_file(TWO)
        daemon.address(), daemon.address()
        daemon.ctl("stop", "lounge")
        daemon.ctl("upgrade", self.other())
        states = {row["service"]: row["state"] for row in daemon.ctl("status")["services"]}
        self.assertEqual(states, {"lounge": "stopped", "attic": "running"})

    def test_the_manager_hears_of_it(self):
        directory = self.directory()
        path = os.path.join(directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(PATIENCE)
            daemon, _ = self.irc(env={"NOTIFY_SOCKET": path})
            self.assertIn(b"READY=1", manager.recv(4096))
            daemon.ctl("upgrade", self.other())
            self.assertIn(b"RELOADING=1", manager.recv(4096))
            self.assertIn(b"READY=1", manager.recv(4096))

    def test_sockets_of_the_manager_stay(self):
        """What systemd has opened keeps its number, for reloads as well."""
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            address = listening.getsockname()
            fd = listening.fileno()
            daemon = self.daemon(
                "-c", 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" irc --listen systemd:domain=INET:index=0', SENNIT,
                program="/bin/sh", preexec=lambda: os.dup2(fd, 3), pass_fds=(3,))
            client = self.client(address)  # waits in the queue until there is somebody
        client.register("alice")
        for path in (self.other(), SENNIT):
            daemon.ctl("upgrade", path)
            client.sync()
            self.client(address, "bob").close()
        daemon.ctl("reload")
        self.client(address, "carol").sync()

    def test_pid_1(self):
        """Of a container: it stays that, and leaves no zombie of the workers that failed."""
        prefix = [need("unshare"), "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]
        daemon, address = self.irc(prefix=prefix)
        client = self.client(address, "alice")
        daemon.ctl("upgrade", self.other())
        self.refused(daemon, self.other("thaw"), 70, "the program before runs again")
        daemon.ctl("upgrade", SENNIT)
        client.sync()
        self.assertEqual(daemon.ctl("status")["daemon"]["pid"], 1)
        (inner,) = self.children(daemon.process.pid)
        self.wait_until(lambda: not [pid for pid in self.children(inner) if self.is_dead(pid)])
        os.kill(int(inner), signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)

    @staticmethod
    def children(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return file.read().split()

    @staticmethod
    def is_dead(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return False

    @staticmethod
    def effective(pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        return status["Uid"].split(), int(status["CapEff"], 16), status["NoNewPrivs"]

    def test_privileges_stay_where_they_were(self):
        """Started as root: the new program has none either, and asks the same broker. Otherwise: as it was."""
        directory = self.directory()
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "sennit.toml")
        text = "[server]\nephemeral = true\n%s[service.irc]\nlisten = 'tcp:0:interface=127.0.0.1'\n"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text % ("user = 'nobody'\n" if os.geteuid() == 0 else ""))
        daemon = self.daemon("run", path, cwd=directory)
        client = self.client(daemon.address(), "alice")
        before = self.effective(daemon.process.pid)
        other = self.other()
        os.chmod(os.path.dirname(other), 0o755)
        daemon.ctl("upgrade", other)
        self.assertEqual(self.effective(daemon.process.pid), before)
        client.sync()
        # What the broker does for it: a port that the user may not open.
        if os.geteuid() == 0:
            port = next(port for port in range(1023, 600, -1) if self.free(port))
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"[service.low]\ntype = 'irc'\nlisten = 'tcp:{port}:interface=127.0.0.1'\n")
            daemon.ctl("reload")
            self.client(("127.0.0.1", port), "bob").sync()
        daemon.ctl("upgrade", SENNIT)
        client.sync()

    @staticmethod
    def free(port):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True

    # --- programs that cannot take over

    def assert_unharmed(self, daemon, client, workers):
        client.sync()
        self.assertEqual(self.program(daemon), SENNIT)
        self.assertEqual(self.workers(daemon), workers)
        daemon.ctl("health")

    def test_not_a_program(self):
        daemon, address = self.irc()
        client, workers = self.client(address, "alice"), self.workers(daemon)
        directory = self.directory()
        plain = os.path.join(directory, "plain")
        with open(plain, "w", encoding="utf-8") as file:
            file.write("no program\n")
        self.refused(daemon, plain, 69, "plain: cannot be executed: Permission denied; nothing has changed")
        os.chmod(plain, 0o755)
        self.refused(daemon, plain, 69, "ended with")
        self.refused(daemon, os.path.join(directory, "missing"), 69, "No such file")
        self.refused(daemon, directory, 69, "cannot be executed")
        self.refused(daemon, "sennit", 64, "absolute path")
        self.refused(daemon, "/usr/bin/true", 69, "does not say that it is a sennit")
        self.assert_unharmed(daemon, client, workers)

    def test_programs_that_fail_before_anything_changed(self):
        daemon, address = self.irc()
        client, workers = self.client(address, "alice"), self.workers(daemon)
        for fault, code, pattern in (("crash", 69, "ended by signal 6"), ("garbage", 69, "it says: good morning"),
                                     ("form", 76, "version 9.9.9, which differs too much.*restart the daemon"),
                                     ("silent", 69, "no answer within 10 s"),
                                     ("config", 78, "(?s)nothing pleases me.*does not accept the configuration")):
            with self.subTest(fault):
                self.refused(daemon, self.other(fault), code, pattern)
                self.assert_unharmed(daemon, client, workers)

    def test_a_broken_file_is_no_time_for_it(self):
        daemon, path = self.run_file(TWO)
        client = self.client(daemon.address(), "alice")
        workers = self.workers(daemon)
        with open(path, "a", encoding="utf-8") as file:
            file.write("[service.lounge\n")
        self.refused(daemon, self.other(), 78, r"sennit.toml:\d+")
        self.assert_unharmed(daemon, client, workers)

    def test_programs_that_fail_later(self):
        daemon, path = self.run_file(TWO)
        addresses = daemon.address(), daemon.address()
        clients = [self.client(address, "alice") for address in addresses]
        for fault, pattern in (("heir", "version"), ("prepare", "ended before it was ready"), ("thaw", "ended before it was ready")):
            with self.subTest(fault):
                self.refused(daemon, self.other(fault), 70, pattern + ".*the program before runs again")
                self.assertEqual(self.program(daemon), SENNIT)
                for client in clients:
                    client.sync()
                for address in addresses:
                    self.client(address, f"new-{fault}").sync()
                daemon.ctl("health")
        daemon.ctl("upgrade", self.other())
        for client in clients:
            client.sync()

    def test_a_second_place_fails(self):
        """The first one was rolled already, and is rolled back."""
        daemon, _ = self.run_file(TWO)
        addresses = daemon.address(), daemon.address()
        clients = [self.client(address, "alice") for address in addresses]
        other = self.other()
        workers = self.workers(daemon)
        self.break_it(other, "second")
        self.refused(daemon, other, 70, "spare/0.*the program before runs again")
        self.assertEqual(self.program(daemon), SENNIT)
        after = self.workers(daemon)
        self.assertNotEqual(after["main/0"], workers["main/0"])
        for pid in after.values():
            self.assertEqual(os.readlink(f"/proc/{pid}/exe"), SENNIT)
        for client in clients:
            client.sync()

    def test_one_at_a_time(self):
        daemon, address = self.irc()
        client = self.client(address, "alice")
        slow = self.other("silent")
        first = subprocess.Popen([SENNIT, "ctl", "--json", "upgrade", slow], stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "RUNTIME_DIRECTORY": os.path.join(daemon.directory, "run")})
        self.addCleanup(first.stdout.close)
        self.wait_until(lambda: "under way" in daemon.ctl("stop", "irc", expect=None).get("error", ""))
        self.refused(daemon, slow, 75, "under way already")
        daemon.stop()
        self.assertEqual(json.loads(first.stdout.read().splitlines()[-1])["code"], 75)
        self.assertEqual(first.wait(PATIENCE), 75)
        with self.assertRaises(EOFError):
            client.expect("nothing more")


if __name__ == "__main__":
    unittest.main()
