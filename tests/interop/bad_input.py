#!/usr/bin/env python3
"""What goes wrong from outside: a clear error or a connection closed, and everybody else served as before."""
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import unittest

from harness import PATIENCE, SENNIT, Daemon, DaemonTest, IrcClient, make_certificate, need, tls_context


def run(*args, cwd=None, env=None):
    return subprocess.run([SENNIT, *args], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1", **(env or {})})


class CommandLine(unittest.TestCase):
    def refused(self, args, code, *texts, cwd=None):
        result = run(*args, cwd=cwd)
        self.assertEqual(result.returncode, code, result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_unknown_words(self):
        self.refused(["ric"], 64, 'there is no service or command "ric"', 'did you mean "irc"?')
        self.refused(["irc", "--lisen", "tcp:1"], 64, "unknown option --lisen", "did you mean --listen?")
        self.refused(["irc", "-o", "flod_burst=1"], 64, 'unknown key "flod_burst"', 'did you mean "flood_burst"?')
        self.refused(["irc", "extra"], 64, 'unexpected "extra"')
        self.refused(["irc", "--listen"], 64, "--listen needs EP")
        self.refused(["--bogus"], 64, "unknown option --bogus")
        self.refused(["list"], 64, "list what?")

    def test_bad_endpoints_have_a_caret(self):
        for text, column, what in (("tcp:80x", 5, "'80x' is not an integer"), ("tpc:80", 1, "did you mean 'tcp'?"),
                                   ("tcp:80:bogus=1", 8, "no parameter 'bogus'"), ("tcp:99999", 5, "0 to 65535"),
                                   ("tls:certs:tcp:x", 15, "'x' is not an integer"), ("tcp:80\\", 7, "")):
            result = run("irc", "--listen", text)
            self.assertEqual(result.returncode, 64, result.stderr)
            lines = result.stderr.splitlines()
            self.assertTrue(lines[0].startswith("--listen: error: "), result.stderr)
            self.assertIn(what, lines[0])
            self.assertEqual(lines[1].strip(), text)
            self.assertEqual(lines[2].index("^") - lines[1].index(text[0]) + 1, column, result.stderr)

    def test_all_errors_of_a_command_line_at_once(self):
        self.refused(["irc", "--listen", "tcp:x", "--listen", "bogus:1", "-o", "ping_interval=soon"], 64,
                     "'x' is not an integer", "'bogus'", "ping_interval")

    def test_help_is_no_error(self):
        for args in (["--help"], ["irc", "--help"], ["run", "--help"], ["check", "--help"], ["--version"]):
            result = run(*args)
            self.assertEqual((result.returncode, result.stderr), (0, ""), args)
            self.assertTrue(result.stdout)
        self.assertEqual(run().returncode, 64)


class Files(DaemonTest):
    def refused(self, listen, code, *texts):
        result = run("irc", "--listen", listen)
        self.assertEqual(result.returncode, code, result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(f"tcp:{port}:interface=127.0.0.1", 69, f"127.0.0.1:{port}", "in use", "choose another port")

    def test_keys_and_certificates(self):
        directory = self.directory()
        pem, other = make_certificate(directory, "one.test"), make_certificate(directory, "two.test")
        with open(pem, encoding="ascii") as one, open(other, encoding="ascii") as two:
            key = re.search(r"-----BEGIN PRIVATE.*?PRIVATE KEY-----\n", one.read(), re.S).group(0)
            crt = re.search(r"-----BEGIN CERT.*?CERTIFICATE-----\n", two.read(), re.S).group(0)
        cases = {"mixed.pem": (key + crt, "match"), "nokey.pem": (crt, "key"), "nocert.pem": (key, "certificate"),
                 "noise.pem": ("what is this\n", "")}
        for name, (text, said) in cases.items():
            path = os.path.join(directory, name)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            result = run("irc", "--listen", f"tls:{path}:tcp:0")
            self.assertIn(result.returncode, (66, 78), result.stderr)
            self.assertIn(name, result.stderr)
            self.assertIn(said, result.stderr)
        self.refused(f"tls:{directory}/missing.pem:tcp:0", 66, "missing.pem", "No such file")
        empty = self.directory()
        self.refused(f"tls:{empty}:tcp:0", 78, empty)

    def test_unreadable_key(self):
        pem = make_certificate(self.directory())
        os.chmod(pem, 0)
        if os.geteuid() == 0:
            # Root reads everything; ask as nobody, from where nobody may go.
            os.chmod(os.path.dirname(pem), 0o755)
            command = [need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", SENNIT]
        else:
            command = [SENNIT]
        result = subprocess.run([*command, "irc", "--listen", f"tls:{pem}:tcp:0"], capture_output=True, text=True,
                                timeout=PATIENCE, check=False)
        self.assertEqual(result.returncode, 77, result.stderr)
        self.assertIn(pem, result.stderr)
        self.assertIn("Permission denied", result.stderr)

    def test_expired_certificate_is_a_warning(self):
        pem = make_certificate(self.directory(), made="60 days ago")
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.client(daemon.address(), "alice", tls=context)
        self.assertRegex(daemon.stderr(), r'"level":"warn".*expired')

    def test_configuration_errors_all_at_once(self):
        directory = self.directory()
        with open(os.path.join(directory, "bad.toml"), "w", encoding="ascii") as file:
            file.write('[service.irc]\nlisten = ["tcp:6667", "tls:certs"]\nnetwrk = "x"\nping_interval = "90"\n'
                       'motd = 5\n[service.foo]\n[bogus]\n')
        for command in ("check", "run"):
            result = run(command, "bad.toml", cwd=directory)
            self.assertEqual(result.returncode, 78, result.stderr)
            for place in ("bad.toml:2:", 'bad.toml:3:1: error: unknown key "netwrk"', "bad.toml:4:17:", "bad.toml:5:",
                          "bad.toml:6:1:", "bad.toml:7:2: error: unknown table"):
                self.assertIn(place, result.stderr)
            self.assertIn('did you mean "network"?', result.stderr)
            self.assertIn("    | ^~~~~~\n", result.stderr)
        self.assertEqual(run("run", "none.toml", cwd=directory).returncode, 66)
        self.assertEqual(run("run", cwd=directory).returncode, 64)

    def test_motd_and_accounts(self):
        self.assertEqual(run("irc", "--listen", "tcp:0", "--motd", "none.txt").returncode, 66)
        for auth, said in (("memry:a:b", 'did you mean "memory"?'), ("memory:a", "pairs"), ("file:none", "none"),
                           ("memory:alice:secret:x", "pairs")):
            result = run("irc", "--listen", "tcp:0", "--auth", auth)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("--auth: error: ", result.stderr)
            self.assertIn(said, result.stderr)
            self.assertNotIn("secret", result.stderr)


class Wire(DaemonTest):
    def closed(self, client):
        with self.assertRaises((EOFError, ConnectionError)):
            client.expect("never that")

    def test_plain_text_on_the_tls_port(self):
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1")
        address = daemon.address()
        client = self.client(address)
        client.socket.sendall(b"NICK alice and a hundred bytes of plain text ".ljust(98, b".") + b"\r\n")
        with self.assertRaises((EOFError, ConnectionError)):
            while True:
                if not client.socket.recv(100):
                    raise EOFError
        self.client(address, "bob", tls=tls_context(pem))
        self.assertIn("peer sent plain text, not TLS", daemon.stderr())

    def test_tls_hello_on_the_plain_port(self):
        daemon, address = self.irc()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            IrcClient(address, tls=context)
        self.client(address, "bob")
        self.assertIn("TLS", daemon.stderr())

    def test_garbage(self):
        _, address = self.irc()
        bob = self.client(address, "bob")
        for garbage in (b"\0" * 100000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096) + b"\n", b"\xff\xfe\r\n" * 50):
            client = self.client(address)
            try:
                client.socket.sendall(garbage)
                client.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            self.closed(client)
            bob.sync()

    def test_half_open_and_reset(self):
        _, address = self.irc()
        bob = self.client(address, "bob")
        bob.send("JOIN #c")
        bob.expect(" 366 ")
        gone = self.client(address, "gone")
        gone.send("JOIN #c")
        bob.expect("gone!.* JOIN #c")
        gone.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        gone.close()
        bob.expect(r"^:gone!\S+ QUIT :")
        half = self.client(address, "half")
        half.send("JOIN #c")
        bob.expect("half!.* JOIN #c")
        half.socket.shutdown(socket.SHUT_WR)
        bob.expect(r"^:half!\S+ QUIT :")
        self.closed(half)

    def test_a_silent_handshake_ends(self):
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1", "-o", "handshake_timeout=200ms")
        self.closed(self.client(daemon.address()))

    def test_stopping_during_handshakes(self):
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1")
        address = daemon.address()
        for _ in range(5):
            self.client(address).socket.sendall(b"\x16\x03\x01")
        self.client(address, "alice", tls=tls_context(pem))
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)

    def test_connection_limits(self):
        _, address = self.irc("-o", "max_per_address=3")
        clients = [self.client(address, f"user{i}") for i in range(3)]
        self.closed(self.client(address))
        clients[0].send("QUIT")
        clients[0].expect("^ERROR")
        clients[0].close()
        clients[1].send("JOIN #c")
        clients[1].expect(" 366 ")
        for attempt in range(100):
            try:
                self.client(address, f"late{attempt}")
                return
            except (EOFError, ConnectionError):
                clients[1].sync()
        self.fail("the place of the one who left was never given away")


class Resources(DaemonTest):
    def test_out_of_descriptors(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        daemon, address = self.irc("-o", "max_per_address=0", preexec=limit)
        first = self.client(address, "first")
        crowd = []
        for _ in range(60):
            crowd.append(socket.create_connection(address, PATIENCE))
        before = self.cpu(daemon)
        for _ in range(20):
            first.sync()
        self.assertLess(self.cpu(daemon) - before, 0.5, "it spins")
        self.assertIn("cannot-accept", daemon.stderr())
        for one in crowd:
            one.close()
        for attempt in range(200):
            try:
                self.client(address, f"late{attempt}")
                return
            except (EOFError, ConnectionError):
                first.sync()
        self.fail("nobody is let in any more")

    def cpu(self, daemon):
        with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def come_and_go(self, address):
        client = IrcClient(address)
        client.send("QUIT")
        client.expect("^ERROR")
        client.close()

    def test_a_full_log_disk(self):
        daemon, address = self.irc("--log-file", "/dev/full", "--log-level", "debug")
        for _ in range(50):
            self.come_and_go(address)
        self.client(address, "last").sync()

    def test_a_log_disk_that_gets_room_again(self):
        """A file that may not grow past 4 KiB, until it is emptied."""
        directory = self.directory()
        path = os.path.join(directory, "log")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        daemon = Daemon("irc", "--listen", "tcp:0:interface=127.0.0.1", "--log-file", path, "--log-level", "debug",
                        preexec=limit)
        self.addCleanup(daemon.stop)
        address = daemon.address()
        while os.path.getsize(path) < 4096:
            self.come_and_go(address)
        for _ in range(30):
            self.come_and_go(address)
        os.truncate(path, 0)
        for _ in range(2000):
            self.come_and_go(address)
            with open(path, encoding="utf-8", errors="replace") as file:
                if re.search(r"log-(dropped|write-resumed|lost)|more", file.read()):
                    return
        self.fail("it never said that lines were lost")

    def test_the_wall_clock_jumps(self):
        clock = os.path.join(self.directory(), "clock")

        def jump(offset):
            with open(clock + ".new", "w", encoding="ascii") as file:
                file.write(offset)
            os.replace(clock + ".new", clock)

        jump("+0")
        library = next((path for path in ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
                                          "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1") if os.path.exists(path)), None)
        if library is None:
            need("faketime")
        asan = subprocess.run([need("ldd"), SENNIT], capture_output=True, text=True, check=True).stdout
        preload = " ".join([*re.findall(r"(/\S*libasan\S*)", asan), library])
        _, address = self.irc("-o", "ping_interval=1s", "-o", "ping_timeout=20s", env={
            "LD_PRELOAD": preload, "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
        client = self.client(address, "alice", "server-time", "echo-message")
        days = []
        for offset in ("+1d", "-1d", "+0"):
            jump(offset)
            client.send("PRIVMSG alice :what day is it?")
            days.append(client.expect(r"@time=(\d{4}-\d\d-\d\d)T\S+ :alice!\S+ PRIVMSG").group(1))
            client.expect("^PING")
            client.send("PONG :x")
            client.sync()
        self.assertGreater(days[0], days[2])
        self.assertLess(days[1], days[2])


class Signals(DaemonTest):
    def test_twice_ends_at_once(self):
        daemon, address = self.irc()
        # Never answers the end of the stream: only the second signal or the deadline ends it.
        stubborn = self.client(address, "stubborn")
        daemon.process.send_signal(signal.SIGINT)
        stubborn.expect("^ERROR .*shutting down")
        daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(daemon.wait(4), 0)

    def test_the_listening_line_is_the_first(self):
        process = subprocess.Popen([SENNIT, "irc", "--listen", "tcp:0:interface=127.0.0.1"], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        first = process.stdout.readline().decode()
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        process.stdout.close()
        self.assertRegex(first, r"^irc: listening on 127\.0\.0\.1:\d+\n$")


if __name__ == "__main__":
    unittest.main()
