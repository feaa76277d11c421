#!/usr/bin/env python3
"""What goes wrong from outside: a clear error or a connection closed, and everybody else served as before."""
import json
import mmap
import os
import re
import resource
import select
import signal
import socket
import ssl
import struct
import subprocess
import time
import unittest

from harness import BUILD, PATIENCE, SENNIT, DaemonTest, make_certificate, need, tls_context

CHECK_SAMPLE = """\
[server]
drain_timeout = "soon"
[service.irc]
lisen = ["tcp:6667"]
listen = ["tcp:6667:interfac=127.0.0.1"]
max_connections = 0
[service.jabber]
"""

CHECK_SAID = """\
sennit.toml:2:17: error: "drain_timeout" in [server] must be a duration such as "30s", found "soon"
  2 | drain_timeout = "soon"
    |                 ^~~~~~
sennit.toml:4:1: error: unknown key "lisen" in [service.irc]; did you mean "listen"?
  4 | lisen = ["tcp:6667"]
    | ^~~~~
sennit.toml:5:21: error: tcp: has no parameter 'interfac'; did you mean 'interface'?
  5 | listen = ["tcp:6667:interfac=127.0.0.1"]
    |                     ^
sennit.toml:6:19: error: "max_connections" in [service.irc] must be 1 to 10000000, not 0
  6 | max_connections = 0
    |                   ^
sennit.toml:7:1: error: [service.jabber] needs a "type" (there are: irc)
  7 | [service.jabber]
    | ^~~~~~~~~~~~~~~~
"""


def sennit(*args, prefix=(), env=None, cwd=None, stdin=subprocess.DEVNULL):
    """Run it to its end: (exit code, standard output, standard error)."""
    run = subprocess.run([*prefix, SENNIT, *args], stdin=stdin, capture_output=True, text=True, timeout=PATIENCE,
                         env={**os.environ, **(env or {})}, cwd=cwd, check=False)
    return run.returncode, run.stdout, run.stderr


def trusting():
    """A client's context that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_closed(sock, patience=PATIENCE):
    """Wait for the other side's end, whatever it says before."""
    sock.settimeout(patience)
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


class BadInputTest(DaemonTest):
    def connect(self, address, family=socket.AF_INET, receive=None):
        sock = socket.socket(family)
        self.addCleanup(sock.close)
        if receive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        sock.settimeout(PATIENCE)
        sock.connect(address)
        return sock

    def wait_until(self, condition):
        """For what only a look can tell: a file's content."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it never came")
            select.select([], [], [], 0.02)

    def tls_irc(self, *args):
        """A chat server that speaks TLS: (daemon, address, context of a client)."""
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1", *args)
        return daemon, daemon.address(), tls_context(pem)


class Refusals(BadInputTest):
    """What ends the program before it serves: exit code, and a text that helps."""

    def assert_says(self, result, code, *texts):
        self.assertEqual(result[0], code, result)
        for text in texts:
            self.assertIn(text, result[2])
        self.assertEqual(result[1], "")

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            endpoint = f"tcp:{port}:interface=127.0.0.1"
            self.assert_says(sennit("irc", "--listen", endpoint), 69,
                             f"address 127.0.0.1:{port} is in use by another program: stop it or choose another port",
                             f"    {endpoint}\n    ^")

    def test_every_port_taken_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            endpoints = [f"tcp:{s.getsockname()[1]}:interface=127.0.0.1" for s in (one, two)]
            self.assert_says(sennit("irc", "--listen", endpoints[0], "--listen", endpoints[1]), 69, *endpoints)

    def test_unreadable_key(self):
        directory = self.directory()
        pem = make_certificate(directory)
        os.chmod(pem, 0)
        powerless = ()
        if os.geteuid() == 0:
            powerless = (need("setpriv"), "--bounding-set=-dac_override,-dac_read_search")
        self.assert_says(sennit("irc", "--listen", f"tls:{pem}:tcp:0", prefix=powerless), 77,
                         f"{pem}: cannot be read: Permission denied")

    def test_missing_key(self):
        pem = os.path.join(self.directory(), "none.pem")
        self.assert_says(sennit("irc", "--listen", f"tls:{pem}:tcp:0"), 66,
                         f"{pem}: cannot be read: No such file or directory")

    def test_key_and_certificate_that_do_not_match(self):
        directory = self.directory()
        parts = [make_certificate(directory, name) for name in ("one.test", "two.test")]
        texts = []
        for part in parts:
            with open(part, encoding="ascii") as file:
                texts.append(file.read())
        mixed = os.path.join(directory, "mixed.pem")
        certificate = "-----BEGIN CERTIFICATE-----"
        with open(mixed, "w", encoding="ascii") as file:
            file.write(texts[0].split(certificate)[0] + certificate + texts[1].split(certificate)[1])
        self.assert_says(sennit("irc", "--listen", f"tls:{mixed}:tcp:0"), 78,
                         f"{mixed}: key and certificate do not match")

    def test_bad_pem(self):
        directory = self.directory()
        junk = os.path.join(directory, "junk.pem")
        with open(junk, "wb") as file:
            file.write(bytes(range(256)))
        self.assert_says(sennit("irc", "--listen", f"tls:{junk}:tcp:0"), 78, f"{junk}: no certificate in this file")
        empty = self.directory()
        self.assert_says(sennit("irc", "--listen", f"tls:{empty}:tcp:0"), 78, f"{empty}: no certificate (*.pem)")
        with open(make_certificate(directory), encoding="ascii") as file:
            key, certificate = file.read().split("-----BEGIN CERTIFICATE")
        for text, lacks in ((key, "no certificate in this file"), ("-----BEGIN CERTIFICATE" + certificate, "key")):
            half = os.path.join(directory, "half.pem")
            with open(half, "w", encoding="ascii") as file:
                file.write(text)
            self.assert_says(sennit("irc", "--listen", f"tls:{half}:tcp:0"), 78, half, lacks)

    def test_options(self):
        for arguments, texts in (
                (["irc", "--lisen", "tcp:0"], ["unknown option --lisen; did you mean --listen?", "sennit irc --help"]),
                (["irc", "--listen"], ["--listen needs EP"]),
                (["irc", "extra"], ['unexpected "extra"']),
                (["irc", "-o", "sendqueue=1MiB"], ['unknown key "sendqueue"', 'did you mean "send_queue"?']),
                (["irc", "-o", "send_queue=1"], ["must be 16KiB to 1GiB, not 1"]),
                (["irc", "-o", "=1"], ["-o needs KEY=VALUE"]),
                (["irc", "-o"], ["-o needs KEY=VALUE"]),
                (["irc", "--log-level", "loud"], ["must be one of"]),
                (["ircc"], ['there is no service or command "ircc"; did you mean "irc"?']),
                (["--bogus"], ["unknown option --bogus"]),
                (["check", "--bogus"], ['unexpected "--bogus"']),
                (["run", "a", "b"], ['unexpected "b"']),
                (["list"], ["modules, endpoints or auth"])):
            with self.subTest(arguments):
                self.assert_says(sennit(*arguments), 64, *texts)

    def test_all_errors_of_a_command_line_at_once(self):
        result = sennit("irc", "--listen", "tcp:x", "--listen", "bogus:1", "-o", "ping_interval=soon")
        self.assert_says(result, 64, "'x' is not an integer", "'bogus'", "ping_interval")

    def test_help_is_no_error(self):
        for arguments in (["--help"], ["irc", "--help"], ["run", "--help"], ["check", "--help"], ["--version"]):
            code, out, said = sennit(*arguments)
            self.assertEqual((code, said), (0, ""), arguments)
            self.assertTrue(out)
        self.assertEqual(sennit()[0], 64)

    def test_endpoints(self):
        for endpoint, column, text in (
                ("tpc:1", 1, "did you mean 'tcp'?"),
                ("tcp:99999", 5, "port must be 0 to 65535"),
                ("tcp:80:interface=1.2.3", 18, "interface must be an IPv4 or IPv6 address"),
                ("tcp:80:bogus=1", 8, "no parameter 'bogus'"),
                ("tcp:80x", 5, "'80x' is not an integer"),
                ("tls:certs:tcp:x", 15, "'x' is not an integer"),
                ("tcp:80\\", 7, ""),
                ("haproxy:udp:53", 9, "needs a stream inside"),
                ("udp:0", 1, "irc does not speak datagrams")):
            with self.subTest(endpoint):
                self.assert_says(sennit("irc", "--listen", endpoint), 64, text,
                                 f"    {endpoint}\n    {' ' * (column - 1)}^\n")

    def test_files(self):
        gone = os.path.join(self.directory(), "gone", "file")
        self.assert_says(sennit("check", gone), 66, f"{gone}: cannot be read: No such file or directory")
        self.assert_says(sennit("run", gone), 66, f"{gone}: cannot be read: No such file or directory")
        self.assert_says(sennit("irc", "--log-file", gone), 73, f"cannot open log file {gone}: No such file")
        self.assert_says(sennit("irc", "--listen", "tcp:0", "--motd", gone), 78, gone)
        self.assert_says(sennit("irc", "--listen", "tcp:0", "--auth", f"file:{gone}"), 78, gone)

    def test_accounts(self):
        for auth, said in (("memry:alice:hunter2", 'did you mean "memory"?'), ("memory:alice", "pairs"),
                           ("memory:alice:hunter2:bob", "pairs")):
            code, _, text = sennit("irc", "--listen", "tcp:0:interface=127.0.0.1", "--auth", auth)
            self.assertEqual(code, 78, text)
            self.assertIn("--auth: error: ", text)
            self.assertIn(said, text)
            self.assertNotIn("hunter", text)


class Configuration(BadInputTest):
    def write(self, text):
        directory = self.directory()
        with open(os.path.join(directory, "sennit.toml"), "w", encoding="utf-8") as file:
            file.write(text)
        return directory

    def test_every_error_at_once(self):
        directory = self.write(CHECK_SAMPLE)
        checked = sennit("check", cwd=directory)
        self.assertEqual((78, "", CHECK_SAID), checked)
        self.assertEqual((78, "", CHECK_SAID), sennit("run", cwd=directory))

    def test_fine(self):
        directory = self.write('[service.irc]\nlisten = "tcp:0:interface=127.0.0.1"\n')
        self.assertEqual((0, "sennit.toml: fine, 1 service\n", ""), sennit("check", cwd=directory))
        code, effective, said = sennit("check", "--effective", cwd=directory)
        self.assertEqual((code, said), (0, ""))
        again = self.write(effective)
        self.assertEqual((0, effective, ""), sennit("check", "--effective", cwd=again))

    def test_no_service(self):
        directory = self.write("[server]\n")
        code, _, said = sennit("run", cwd=directory)
        self.assertEqual(code, 78)
        self.assertIn("no service is configured: add a table such as [service.irc]", said)

    def test_bad_endpoint_in_a_file(self):
        directory = self.write('[service.irc]\nlisten = ["tcp:0:interface=127.0.0.1",\n  "tcp:0:interface=here"]\n')
        code, _, said = sennit("run", cwd=directory)
        self.assertEqual(code, 78)
        self.assertIn('sennit.toml:3:20: error: tcp: interface must be an IPv4 or IPv6 address, not "here"', said)


class Wire(BadInputTest):
    """Bytes that are not what was expected, or none at all; others are served meanwhile."""

    def test_expired_certificate(self):
        pem = make_certificate(self.directory(), filename="old.pem", made="60 days ago")
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1")
        address = daemon.address()
        self.client(address, "alice", tls=trusting())
        self.wait_until(lambda: re.search(r'"level":"warn".*certificate-expired.*old\.pem', daemon.stderr()))

    def test_plain_text_on_a_tls_port(self):
        daemon, address, context = self.tls_irc("--log-level", "debug")
        for text in (b"NICK alice\r\nUSER alice 0 * :hello\r\n".ljust(100, b"x"), b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100,
                     b"\x16\x03\x01" + b"\xff" * 97, b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n"):
            sock = self.connect(address)
            sock.sendall(text)
            self.assertTrue(is_closed(sock), text)
        self.client(address, "alice", tls=context)
        why = r"connection-not-established.*plaintext received where TLS must begin"
        self.wait_until(lambda: re.search(why, daemon.stderr()))

    def test_plain_text_byte_by_byte_on_a_tls_port(self):
        _, address, _ = self.tls_irc()
        sock = self.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.assertRaises(OSError):
            for _ in range(100000):
                sock.sendall(b"x")

    def test_tls_on_a_plain_port(self):
        daemon, address = self.irc()
        for _ in range(3):
            with self.assertRaises(OSError) as caught:
                trusting().wrap_socket(self.connect(address))
            self.assertNotIsInstance(caught.exception, TimeoutError)
        self.client(address, "alice")
        self.wait_until(lambda: "tls-on-plain-port" in daemon.stderr())

    def test_half_open_clients(self):
        """Connected, and silent for ever: they go at the deadline; those who speak are served before and after."""
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1", "--listen",
                             "haproxy:tcp:0:interface=127.0.0.1", "--listen", "tcp:0:interface=127.0.0.1",
                             "-o", "handshake_timeout=300ms", "-o", "register_timeout=300ms")
        addresses = [daemon.address() for _ in range(3)]
        silent = [self.connect(address) for address in addresses * 10]
        begun = self.connect(addresses[0])
        begun.sendall(b"\x16\x03\x01\x02\x00\x01")
        header = self.connect(addresses[1])
        header.sendall(b"PROXY TCP4 192.0")
        self.client(addresses[0], "alice", tls=tls_context(pem))
        for sock in (*silent, begun, header):
            self.assertTrue(is_closed(sock))
        self.client(addresses[0], "bob", tls=tls_context(pem)).sync()

    def test_half_closed_client_hears_the_answers(self):
        _, address = self.irc()
        client = self.client(address)
        client.send("NICK alice", "USER alice 0 * :x", "PING :last")
        client.socket.shutdown(socket.SHUT_WR)
        client.expect(r"^:\S+ 001 alice ")
        client.expect(r"PONG .*:?last")
        with self.assertRaises(EOFError):
            client.expect("never")

    def test_a_reset_and_an_end_are_told_to_the_others(self):
        _, address = self.irc()
        bob = self.client(address, "bob")
        bob.send("JOIN #c")
        bob.expect(" 366 ")
        for nick, reset in (("gone", True), ("half", False)):
            client = self.client(address, nick)
            client.send("JOIN #c")
            bob.expect(f"{nick}!.* JOIN #c")
            if reset:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()
            else:
                client.socket.shutdown(socket.SHUT_WR)
            bob.expect(rf"^:{nick}!\S+ QUIT :")

    def test_connection_limits(self):
        _, address = self.irc("-o", "max_per_address=3")
        clients = [self.client(address, f"user{i}") for i in range(3)]
        self.assertTrue(is_closed(self.connect(address)))
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

    def test_client_that_never_reads(self):
        _, address = self.irc("-o", "write_timeout=300ms", "-o", "flood_rate=1000000", "-o", "flood_burst=1000000")
        alice = self.client(address, "alice", "echo-message")
        deaf_socket = self.connect(address, receive=4096)
        deaf_socket.sendall(b"NICK deaf\r\nUSER deaf 0 * :x\r\nJOIN #c\r\n")
        alice.send("JOIN #c")
        alice.expect(" 366 ")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            alice.send("PRIVMSG #c :" + "x" * 400)
            if alice.expect(r"PRIVMSG #c|^:deaf!\S+ QUIT").group(0) != "PRIVMSG #c":
                break
        else:
            self.fail("nobody was cut")
        alice.sync()

    def test_garbage(self):
        _, address = self.irc()
        bob = self.client(address, "bob")
        for garbage in (b"\0" * 100000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096) + b"\n",
                        b"\xff\xfe\r\n" * 50):
            sock = self.connect(address)
            try:
                sock.sendall(garbage)
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            self.assertTrue(is_closed(sock))
            bob.sync()

    def test_garbage_on_a_unix_socket(self):
        path = os.path.join(self.directory(), "irc.sock")
        daemon = self.daemon("irc", "--listen", "unix:" + path)
        daemon.out.expect("listening on .*irc.sock")
        for garbage in (os.urandom(65536), b"\r\n" * 1000, b"\0" * 1000, b"NICK " + b"x" * 100000, b":" * 8191 + b"\n"):
            sock = self.connect(path, socket.AF_UNIX)
            try:
                sock.sendall(garbage)
                sock.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertTrue(is_closed(sock))
        good = self.connect(path, socket.AF_UNIX)
        good.sendall(b"NICK alice\r\nUSER alice 0 * :x\r\n")
        self.assertIn(b" 001 alice ", good.recv(4096))


class Resources(BadInputTest):
    def test_no_descriptor_left(self):
        limit = 60
        daemon, address = self.irc("-o", "register_timeout=10m",
                                   preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        alice = self.client(address, "alice")
        crowd = [self.connect(address) for _ in range(limit)]
        self.wait_until(lambda: "cannot-accept" in daemon.stderr())
        # Those inside are served; and what waits outside costs nothing.
        before, began = cpu_seconds(daemon.process.pid), time.monotonic()
        select.select([], [], [], 1.5)
        used, passed = cpu_seconds(daemon.process.pid) - before, time.monotonic() - began
        self.assertLess(used, passed / 4)
        alice.sync()
        self.assertLessEqual(daemon.stderr().count("cannot-accept"), passed + 3)
        for sock in crowd:
            sock.close()
        self.client(address, "bob").sync()
        alice.sync()

    def test_the_wall_clock_jumps(self):
        path = os.path.join(self.directory(), "clock")
        with open(path, "wb") as file:
            file.write(struct.pack("=q", 0))
        with open(path, "r+b") as file:
            clock = mmap.mmap(file.fileno(), 8)
        self.addCleanup(clock.close)
        linked = subprocess.run([need("ldd"), SENNIT], capture_output=True, text=True, check=True).stdout
        preload = [*re.findall(r"(/\S*lib[at]san\S*)", linked), os.path.join(BUILD, "tests/support/wall_clock.so")]
        _, address = self.irc("-o", "ping_interval=1s", "-o", "ping_timeout=20s", env={
            "LD_PRELOAD": " ".join(preload), "SN_TEST_CLOCK_FILE": path})
        client = self.client(address, "alice", "server-time", "echo-message")
        days = []
        for offset in (86400, -86400, 0):
            clock[:] = struct.pack("=q", offset)
            client.send("PRIVMSG alice :what day is it?")
            days.append(client.expect(r"@time=(\d{4}-\d\d-\d\d)T\S+ :alice!\S+ PRIVMSG").group(1))
            client.expect("^PING")
            client.send("PONG :x")
            client.sync()
        self.assertGreater(days[0], days[2])
        self.assertLess(days[1], days[2])

    def test_log_that_cannot_be_written(self):
        _, address = self.irc("--log-file", "/dev/full", "--log-level", "debug")
        for i in range(20):
            self.client(address, f"nick{i}").close()

    def test_full_log_disk(self):
        """One page is left for the log. When it is full the service goes on; with room again no line has vanished
        without being counted."""
        directory = self.directory()
        log, filler = os.path.join(directory, "log"), os.path.join(directory, "filler")
        mount = 'mount -t tmpfs -o size=64k tmpfs "$0" && head -c 61440 /dev/zero >"$0/filler" && exec "$@"'
        prefix, preexec = [need("unshare"), "-rm", "sh", "-c", mount, directory], None
        mounted = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
        if not mounted:  # a limit on the size of files is met like a full disk
            prefix, preexec = [], lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        daemon, address = self.irc("--log-file", log, "--log-level", "debug", prefix=prefix, preexec=preexec)
        root = f"/proc/{daemon.process.pid}/root"
        made = 60
        for _ in range(made - 1):
            self.connect(address).close()
        alice = self.client(address, "alice")
        self.wait_until(lambda: os.path.getsize(root + log) == 4096)
        alice.sync()
        self.assertEqual(os.path.getsize(root + log), 4096)
        if mounted:
            os.unlink(root + filler)
        else:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, unlimited)

        def everything_told():
            with open(root + log, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file.read().split("\n")[:-1]]
            told = sum(line["event"] == "conn-opened" for line in lines)
            told += sum(line["count"] for line in lines if line.get("repeated") == "conn-opened")
            return told == made and any(line["event"] == "log-write-resumed" for line in lines)

        self.wait_until(everything_told)


class Ends(BadInputTest):
    def test_the_first_line_says_where(self):
        process = subprocess.Popen([SENNIT, "irc", "--listen", "tcp:0:interface=127.0.0.1"], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        first = process.stdout.readline().decode()
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        process.stdout.close()
        self.assertRegex(first, r"^irc: listening on 127\.0\.0\.1:\d+\n$")

    def test_end_of_stdin(self):
        run = subprocess.run([SENNIT, "irc", "--listen", "stdio:"], input="", capture_output=True, text=True,
                             timeout=PATIENCE, check=False)
        self.assertEqual((run.returncode, run.stdout), (0, ""), run.stderr)
        self.assertIn("irc: listening on standard input and output\n", run.stderr)

    def test_stdin_that_is_no_stream(self):
        code, out, said = sennit("irc", "--listen", "stdio:", stdin=subprocess.DEVNULL)
        self.assertEqual((code, out), (71, ""))
        self.assertIn("standard input is a file or a device that cannot be waited for", said)

    def test_session_on_stdio(self):
        run = subprocess.run([SENNIT, "irc", "--listen", "stdio:"], input=b"NICK alice\r\nUSER alice 0 * :x\r\nQUIT\r\n",
                             capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = run.stdout.decode().split("\r\n")
        self.assertRegex(lines[0], r"^:\S+ 001 alice ")
        self.assertRegex(lines[-2], "^ERROR ")
        self.assertEqual(lines[-1], "")

    def test_stop_during_handshakes(self):
        daemon, address, _ = self.tls_irc("-o", "handshake_timeout=10m")
        silent = [self.connect(address) for _ in range(20)]
        for sock in silent[:10]:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        began = time.monotonic()
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)
        self.assertLess(time.monotonic() - began, 4)  # drain_timeout is 5 s, and nobody waits for it

    def test_stop_twice_is_now(self):
        path = os.path.join(self.directory(), "sennit.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('[server]\ndrain_timeout = "1h"\n'
                       '[service.irc]\nlisten = "tcp:0:interface=127.0.0.1"\nclose_timeout = "10m"\n')
        daemon = self.daemon("run", path)
        client = self.client(daemon.address(), "alice")
        daemon.process.terminate()
        client.expect(r"^ERROR ")
        # The client keeps its side open, so the daemon waits for it.
        with self.assertRaises(subprocess.TimeoutExpired):
            daemon.process.wait(0.3)
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)

    def test_interrupt(self):
        daemon, address = self.irc()
        self.client(address, "alice")
        daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(daemon.wait(), 0)

    def test_stop_under_load(self):
        daemon, address = self.irc()
        clients = [self.client(address, f"nick{i}") for i in range(20)]
        for client in clients:
            client.send("JOIN #c", *["PRIVMSG #c :x"] * 20)
        daemon.process.terminate()
        for client in clients:
            client.expect(r"^ERROR .*shutting down")
            client.close()
        self.assertEqual(daemon.wait(), 0)


if __name__ == "__main__":
    unittest.main()
