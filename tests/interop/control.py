#!/usr/bin/python3
"""`sennit ctl` and the control socket of the real daemon: each verb, its outcome, and what garbage gets."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE, SENNIT, DaemonTest, IrcClient  # noqa: E402

TWO = """
[service.lounge]
type = "irc"
listen = ["tcp:0:interface=127.0.0.1"]
[service.attic]
type = "irc"
worker = "spare"
listen = ["tcp:0:interface=127.0.0.1"]
[worker.spare]
"""


class Control(DaemonTest):
    def two(self, text=TWO):
        """Two services, in a worker each: (daemon, the addresses by service, the file)."""
        directory = self.directory()
        path = os.path.join(directory, "sennit.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        daemon = self.daemon("run", path, cwd=directory)
        daemon.address(), daemon.address()
        rows = daemon.ctl("status")["listeners"]
        return daemon, {row["service"]: ("127.0.0.1", int(row["address"].rsplit(":", 1)[1])) for row in rows}, path

    def test_status(self):
        daemon, addresses, _ = self.two()
        status = daemon.ctl("status")
        self.assertEqual(status["daemon"]["pid"], daemon.process.pid)
        self.assertEqual(status["daemon"]["name"], "sennit")
        self.assertEqual([(row["worker"], row["state"]) for row in status["workers"]],
                         [("main/0", "ready"), ("spare/0", "ready")])
        self.assertEqual({(row["service"], row["group"], row["state"]) for row in status["services"]},
                         {("lounge", "main", "running"), ("attic", "spare", "running")})
        for address in addresses.values():
            self.client(address, "alice")
        text = daemon.ctl("status", json_output=False)
        self.assertRegex(text, r"(?m)^WORKER +PID +STATE")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_sessions_and_kick(self):
        daemon, addresses, _ = self.two()
        alice, bob = self.client(addresses["lounge"], "alice"), self.client(addresses["attic"], "bob")
        rows = {row["title"]: row for row in daemon.ctl("sessions")["sessions"]}
        self.assertEqual(set(rows), {"alice", "bob"})
        self.assertEqual(rows["alice"]["service"], "lounge")
        self.assertFalse(rows["alice"]["tls"])
        self.assertEqual(["bob"], [row["title"] for row in daemon.ctl("sessions", "attic")["sessions"]])
        self.assertEqual(daemon.ctl("kick", rows["bob"]["id"], "enough of it")["kicked"], 1)
        bob.expect(r"ERROR :.*enough of it")
        with self.assertRaises(EOFError):
            bob.expect("nothing more")
        alice.sync()
        daemon.ctl("kick", rows["bob"]["id"], expect=69)
        daemon.ctl("kick", "nobody", expect=69)

    def test_kick_an_account(self):
        daemon, address = self.irc("--auth", "memory:carol:secret", "--open")
        carol = self.client(address)
        carol.send("CAP REQ :sasl", "AUTHENTICATE PLAIN")
        carol.expect("AUTHENTICATE \\+")
        carol.send("AUTHENTICATE AGNhcm9sAHNlY3JldA==")
        carol.expect(" 903 ")
        carol.send("CAP END")
        carol.register("carol")
        guest = self.client(address, "guest")
        self.assertEqual([row["account"] for row in daemon.ctl("sessions")["sessions"] if row["title"] == "carol"], ["carol"])
        self.assertEqual(daemon.ctl("kick", "carol")["kicked"], 1)
        carol.expect("ERROR :")
        guest.sync()

    def test_a_service_stops_and_starts(self):
        daemon, addresses, _ = self.two()
        alice = self.client(addresses["lounge"], "alice")
        self.assertEqual(daemon.ctl("stop", "lounge")["message"], "service lounge has stopped")
        alice.expect("ERROR :")
        states = {row["service"]: row["state"] for row in daemon.ctl("status")["services"]}
        self.assertEqual(states, {"lounge": "stopped", "attic": "running"})
        self.client(addresses["attic"], "bob").sync()
        self.assertEqual(daemon.ctl("start", "lounge")["message"], "service lounge runs")
        self.client(addresses["lounge"], "alice").sync()

    def test_a_stopped_service_stays_so_in_a_new_worker(self):
        daemon, addresses, _ = self.two()
        daemon.ctl("stop", "lounge")
        pid = next(row["pid"] for row in daemon.ctl("workers")["workers"] if row["worker"] == "main/0")
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: any(row["worker"] == "main/0" and row["state"] == "ready" and row["pid"] != pid
                                    for row in daemon.ctl("workers")["workers"]))
        states = {row["service"]: row["state"] for row in daemon.ctl("status")["services"]}
        self.assertEqual(states["lounge"], "stopped")
        daemon.ctl("start", "lounge")
        self.client(addresses["lounge"], "alice").sync()

    def test_a_reload_changes_the_number_of_workers(self):
        daemon, addresses, path = self.two()
        alice = self.client(addresses["lounge"], "alice")
        for processes, workers in ((3, {"main/0", "main/1", "main/2"}), (1, {"main/0"})):
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"[server]\nprocesses = {processes}\n" + TWO)
            self.assertNotIn("restarted", daemon.ctl("reload", json_output=False))
            self.wait_until(lambda: {row["worker"] for row in daemon.ctl("workers")["workers"]
                                     if row["worker"].startswith("main/")} == workers)
        alice.sync()

    def test_a_group_drains_and_starts(self):
        daemon, addresses, _ = self.two()
        bob = self.client(addresses["attic"], "bob")
        self.assertIn("stopped", daemon.ctl("drain", "spare")["message"])
        bob.expect("ERROR :")
        rows = {row["worker"]: row for row in daemon.ctl("workers")["workers"]}
        self.assertEqual((rows["spare/0"]["state"], rows["spare/0"]["pid"]), ("down", None))
        self.client(addresses["lounge"], "alice").sync()
        daemon.ctl("start", "spare")
        rows = daemon.ctl("status")
        port = next(row["address"] for row in rows["listeners"] if row["service"] == "attic").rsplit(":", 1)[1]
        self.client(("127.0.0.1", int(port)), "bob").sync()
        daemon.ctl("start", "nowhere", expect=64)

    def test_reload(self):
        daemon, addresses, path = self.two()
        alice = self.client(addresses["lounge"], "alice")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TWO.replace('[service.attic]', 'network = "Knots"\n[service.attic]'))
        self.assertEqual(daemon.ctl("reload")["message"], "reloaded")
        alice.sync()
        bob = self.client(addresses["lounge"])
        bob.send("NICK bob", "USER b 0 * :b")
        bob.expect("NETWORK=Knots")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TWO + "colour = 7\n[service.x]\ntype = \"irk\"\n")
        answer = daemon.ctl("reload", expect=78)
        self.assertRegex(answer["error"], re.escape(path) + r":\d+:\d+: error: ")
        self.assertIn("did you mean", answer["error"])
        self.assertIn("nothing was changed", answer["message"])
        alice.sync()
        self.assertRegex(daemon.ctl("status")["daemon"]["reload"], "refused")

    def test_log_levels(self):
        daemon, addresses, _ = self.two()
        self.assertEqual(daemon.ctl("log")["levels"][0]["level"], "info")
        rows = daemon.ctl("log", "irc=debug")["levels"]
        self.assertIn({"namespace": "irc", "level": "debug"}, rows)
        self.client(addresses["lounge"], "alice").close()
        self.wait_until(lambda: '"event":"conn-closed"' in daemon.stderr())
        daemon.ctl("log", "irc=loud", expect=64)

    def test_metrics_outlive_a_worker(self):
        daemon, addresses, _ = self.two()

        def accepted():
            text = daemon.ctl("metrics")["text"]
            return int(re.search(r'sennit_connections_accepted_total\{service="lounge"\} (\d+)', text).group(1))

        for nick in ("a1", "a2", "a3"):
            self.client(addresses["lounge"], nick)
        self.assertEqual(accepted(), 3)
        pid = daemon.ctl("workers")["workers"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: daemon.ctl("workers")["workers"][0]["pid"] not in (pid, None))
        self.client(addresses["lounge"], "a4")
        self.assertEqual(accepted(), 4)
        text = daemon.ctl("metrics", json_output=False)
        self.assertRegex(text, r'(?m)^sennit_worker_restarts_total\{worker="main/0"\} 1$')
        self.assertRegex(text, r'(?m)^sennit_worker_up\{worker="spare/0"\} 1$')

    def test_top_and_health(self):
        daemon, _, _ = self.two()
        rows = {row["worker"]: row for row in daemon.ctl("top")["top"]}
        self.assertEqual(set(rows), {"main/0", "spare/0"})
        self.assertGreater(rows["main/0"]["memory"], 1 << 20)
        self.assertRegex(daemon.ctl("top", json_output=False), r"main/0 +\d+ +\d+\.\d %")
        self.assertIn("healthy", daemon.ctl("health")["message"])

    def test_no_daemon_is_not_healthy(self):
        run = os.path.join(self.directory(), "run")
        result = subprocess.run([SENNIT, "ctl", "health"], capture_output=True, text=True, timeout=PATIENCE,
                                env={**os.environ, "RUNTIME_DIRECTORY": run})
        self.assertEqual(result.returncode, 69)
        self.assertIn("sennit run", result.stderr)

    # --- the socket itself

    def socket_path(self, daemon):
        run = os.path.join(daemon.directory, "run")
        return os.path.join(run, next(name for name in os.listdir(run) if name.endswith(".sock")))

    def dial(self, daemon):
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.settimeout(PATIENCE)
        sock.connect(self.socket_path(daemon))
        return sock

    def answer(self, sock):
        data = b""
        while not data.endswith(b"\n"):
            piece = sock.recv(65536)
            if not piece:
                break
            data += piece
        return data

    def test_who_may(self):
        daemon, _ = self.irc()
        path = self.socket_path(daemon)
        self.assertEqual(os.path.basename(path), "irc.sock")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)

    def test_garbage(self):
        daemon, address = self.irc()
        alice = self.client(address, "alice")
        for garbage in (b"\n", b"hello\n", b"[" * 5000, b"\x00\xff\xfe\n", b'{"verb":"status"}\n', b'["status",1]\n',
                        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b'["' + b"x" * 3000 + b'"]\n', os.urandom(4000) + b"\n"):
            sock = self.dial(daemon)
            sock.sendall(garbage)
            self.assertIn(b'"code":64', self.answer(sock), garbage[:40])
        sock = self.dial(daemon)
        sock.sendall(b'["status"')  # half a request, and gone
        sock.close()
        many = [self.dial(daemon) for _ in range(40)]  # more than are served at a time
        for sock in many:
            sock.close()
        alice.sync()
        self.wait_until(lambda: daemon.ctl("health", expect=None)["code"] == 0)

    def test_requests_in_a_row_on_one_connection(self):
        daemon, _ = self.irc()
        sock = self.dial(daemon)
        sock.sendall(b'["health"]\n["workers"]\n["nonsense"]\n')
        data = b""
        while data.count(b"\n") < 3:
            data += self.answer(sock)
        self.assertEqual([json.loads(line)["code"] for line in data.splitlines()], [0, 0, 64])

    def test_two_daemons_of_one_name(self):
        run = os.path.join(self.directory(), "run")
        env = {"RUNTIME_DIRECTORY": run}
        first, _ = self.irc(env=env)
        second, _ = self.irc(env=env)
        names = sorted(name for name in os.listdir(run) if name.endswith(".sock"))
        self.assertEqual(names, sorted(["irc.sock", f"irc-{second.process.pid}.sock"]))
        result = subprocess.run([SENNIT, "ctl", "health"], capture_output=True, text=True, env={**os.environ, **env})
        self.assertEqual(result.returncode, 64)
        self.assertIn("choose one with --socket", result.stderr)
        for name, daemon in (("irc", first), (f"irc-{second.process.pid}", second)):
            result = subprocess.run([SENNIT, "ctl", "--json", "--socket", name, "status"], capture_output=True, text=True,
                                    env={**os.environ, **env})
            self.assertEqual(json.loads(result.stdout)["daemon"]["pid"], daemon.process.pid)


if __name__ == "__main__":
    unittest.main()
