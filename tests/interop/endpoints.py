#!/usr/bin/env python3
"""Every kind of endpoint, with the real programs on its other side: openssl s_client, haproxy, systemd-socket-activate."""
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import time
import unittest

from harness import PATIENCE, SENNIT, Daemon, DaemonTest, IrcClient, Lines, alive, make_certificate, need, tls_context

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def free_port():
    """For programs that cannot tell which port the system gave them: the caller tries again when it is taken."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate_of(address, name):
    """What openssl s_client is shown for this name: its subject line."""
    run = subprocess.run([need("openssl"), "s_client", "-connect", f"{address[0]}:{address[1]}",
                          *(["-servername", name] if name else ["-noservername"])],
                         input=b"", capture_output=True, timeout=PATIENCE, check=False)
    match = re.search(rb"subject=CN = (\S+)", run.stdout)
    return match.group(1).decode() if match else run.stderr.decode()


class Tls(DaemonTest):
    def serve(self, certs, *extra):
        daemon = self.daemon("irc", "--listen", f"tls:{certs}:tcp:0:interface=127.0.0.1", *extra)
        return daemon, daemon.address()

    def test_one_file(self):
        pem = make_certificate(self.directory())
        _, address = self.serve(pem)
        client = self.client(address, "alice", tls=tls_context(pem))
        self.assertEqual(client.socket.version(), "TLSv1.3")
        client.send("WHOIS alice")
        client.expect(r" 671 alice alice :is using a secure connection$")

    def test_folder_by_name(self):
        directory = self.directory()
        for name, filename in (("exact.test", None), ("*.wild.test", "wild.pem"), ("fallback.test", "default.pem")):
            make_certificate(directory, name, filename)
        _, address = self.serve(directory)
        for asked, shown in (("exact.test", "exact.test"), ("EXACT.test", "exact.test"), ("a.wild.test", "*.wild.test"),
                             ("a.b.wild.test", "fallback.test"), ("unknown.test", "fallback.test"), (None, "fallback.test")):
            self.assertEqual(certificate_of(address, asked), shown, asked)

    def test_a_changed_certificate_is_used_without_a_restart(self):
        directory = self.directory()
        make_certificate(directory, "old.test", "default.pem")
        _, address = self.serve(directory)
        self.assertEqual(certificate_of(address, None), "old.test")
        staging = self.directory()
        os.replace(make_certificate(staging, "new.test", "default.pem"), os.path.join(directory, "default.pem"))
        deadline = time.monotonic() + PATIENCE
        while certificate_of(address, None) != "new.test":
            self.assertLess(time.monotonic(), deadline, "the new certificate never came")
        with open(os.path.join(directory, "default.pem"), "w", encoding="ascii") as file:
            file.write("not a certificate\n")
        self.assertEqual(certificate_of(address, None), "new.test")

    def test_versions_and_alpn(self):
        pem = make_certificate(self.directory())
        _, address = self.serve(pem)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = tls_context(pem)
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(["irc"])
            client = self.client(address, "a" + version.name[-1], tls=context)
            self.assertEqual(client.socket.selected_alpn_protocol(), "irc")
        context = tls_context(pem)
        context.set_alpn_protocols(["h2"])
        with self.assertRaises(ssl.SSLError):
            IrcClient(address, tls=context)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            IrcClient(address, tls=old)

    def test_client_certificate_required(self):
        directory = self.directory()
        pem, mine = make_certificate(directory), make_certificate(directory, "client.test")
        daemon = self.daemon("irc", "--listen",
                             f"tls:{pem}:clientCA={mine}:clientAuth=require:tcp:0:interface=127.0.0.1")
        address = daemon.address()
        context = tls_context(pem)
        context.load_cert_chain(mine)
        self.client(address, "alice", tls=context)
        with self.assertRaises((ssl.SSLError, ConnectionError, EOFError)):
            IrcClient(address, tls=tls_context(pem)).register("bob")

    def test_client_certificate_requested(self):
        directory = self.directory()
        pem, mine = make_certificate(directory), make_certificate(directory, "client.test")
        daemon = self.daemon("irc", "--listen",
                             f"tls:{pem}:clientCA={mine}:clientAuth=request:tcp:0:interface=127.0.0.1")
        address = daemon.address()
        context = tls_context(pem)
        context.load_cert_chain(mine)
        self.client(address, "alice", tls=context)
        self.client(address, "bob", tls=tls_context(pem))

    def test_twisted_spelling(self):
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"ssl:0:privateKey={pem}:interface=127.0.0.1")
        self.client(daemon.address(), "alice", tls=tls_context(pem))


class Proxy(DaemonTest):
    def shown_host(self, client, nick):
        client.send(f"WHOIS {nick}")
        return client.expect(rf" 311 {nick} {nick} \S+ (\S+) ").group(1)

    def serve(self, inner="tcp:0:interface=127.0.0.1"):
        return self.daemon("irc", "--listen", "haproxy:" + inner).address()

    def test_headers_by_hand(self):
        address = self.serve()
        v1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 6667\r\n"
        v2 = (V2_SIGNATURE + bytes([0x21, 0x11]) + struct.pack("!H", 12) + socket.inet_aton("192.0.2.8")
              + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 4000, 6667))
        v6 = (V2_SIGNATURE + bytes([0x21, 0x21]) + struct.pack("!H", 36) + socket.inet_pton(socket.AF_INET6, "2001:db8::9")
              + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack("!HH", 4000, 6667))
        local = V2_SIGNATURE + bytes([0x20, 0]) + struct.pack("!H", 0)
        for nick, header, host in (("one", v1, "192.0.2.7"), ("two", v2, "192.0.2.8"), ("six", v6, "2001:db8::9"),
                                   ("own", local, "127.0.0.1")):
            client = self.client(address)
            for byte in header:
                client.socket.send(bytes([byte]))
            client.register(nick)
            self.assertEqual(self.shown_host(client, nick), host)

    def test_what_is_no_header_is_dropped(self):
        address = self.serve()
        for garbage in (b"NICK alice\r\n", b"PROXY NONSENSE\r\n", V2_SIGNATURE[:6] + b"xxxxxx", b"PROXY TCP4 " + b"1" * 200):
            client = self.client(address)
            client.socket.sendall(garbage)
            with self.assertRaises((EOFError, ConnectionError)):
                client.expect("never")

    def haproxy(self, mode, port, extra=""):
        """haproxy in front; the port it listens on."""
        directory = self.directory()
        for _ in range(5):
            front = free_port()
            config = os.path.join(directory, "haproxy.cfg")
            with open(config, "w", encoding="ascii") as file:
                file.write("global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n"
                           f"  timeout server 60s\nfrontend f\n  bind 127.0.0.1:{front}\n  default_backend b\n"
                           f"backend b\n  server s 127.0.0.1:{port} {mode} {extra}\n")
            process = subprocess.Popen([need("haproxy"), "-db", "-f", config], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            self.addCleanup(process.wait)
            self.addCleanup(process.terminate)
            deadline = time.monotonic() + PATIENCE
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", front), 1).close()
                    return "127.0.0.1", front
                except ConnectionRefusedError:
                    continue
        self.fail("haproxy did not start")

    def test_haproxy_itself(self):
        for mode, nick in (("send-proxy", "one"), ("send-proxy-v2", "two")):
            _, port = self.serve()
            front = self.haproxy(mode, port)
            raw = socket.create_connection(front, PATIENCE, source_address=("127.0.0.77", 0))
            client = self.client(raw, nick)
            self.assertEqual(self.shown_host(client, nick), "127.0.0.77")

    def test_haproxy_passes_tls_through(self):
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", f"tls:{pem}:haproxy:tcp:0:interface=127.0.0.1")
        front = self.haproxy("send-proxy-v2", daemon.address()[1])
        raw = socket.create_connection(front, PATIENCE, source_address=("127.0.0.78", 0))
        client = self.client(raw, "alice", tls=tls_context(pem))
        self.assertEqual(self.shown_host(client, "alice"), "127.0.0.78")

    def test_tls_and_header(self):
        """Bytes meet the rightmost word first: tls:haproxy:tcp has the header before TLS, as haproxy sends it."""
        pem = make_certificate(self.directory())
        header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 6667\r\n"
        listen = f"tls:{pem}:haproxy:tcp:0:interface=127.0.0.1"
        raw = socket.create_connection(self.daemon("irc", "--listen", listen).address(), PATIENCE)
        raw.sendall(header)
        outside = self.client(raw, "alice", tls=tls_context(pem))
        self.assertEqual(self.shown_host(outside, "alice"), "192.0.2.7")
        inside = self.client(self.serve(f"tls:{pem}:tcp:0:interface=127.0.0.1"), tls=tls_context(pem))
        inside.socket.sendall(header)
        inside.register("bob")
        self.assertEqual(self.shown_host(inside, "bob"), "192.0.2.7")


class Activation(DaemonTest):
    def activate(self, *options, endpoint):
        """systemd-socket-activate starts the daemon at the first connection, in an environment of its own making."""
        directory = self.directory()
        places = [f"--setenv={name}={os.path.join(directory, folder)}"
                  for name, folder in (("STATE_DIRECTORY", "state"), ("RUNTIME_DIRECTORY", "run"))]
        for _ in range(5):
            port = free_port()
            process = subprocess.Popen([need("systemd-socket-activate"), "-l", f"127.0.0.1:{port}", *places, *options,
                                        SENNIT, "irc", "--listen", endpoint],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            lines = Lines(lambda n, p=process: os.read(p.stderr.fileno(), n), process.stderr.fileno())
            try:
                lines.expect(rf"Listening on 127\.0\.0\.1:{port}")
            except (EOFError, TimeoutError):
                process.kill()
                process.wait()
                process.stderr.close()
                continue
            self.addCleanup(process.stderr.close)
            self.addCleanup(process.wait)
            self.addCleanup(process.terminate)
            return "127.0.0.1", port
        self.fail("systemd-socket-activate did not start")

    def test_by_index(self):
        self.client(self.activate(endpoint="systemd:domain=INET:index=0"), "alice")

    def test_by_name(self):
        self.client(self.activate("--fdname=chat", endpoint="systemd:domain=INET:name=chat"), "alice")

    def test_descriptor(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            fd = listening.fileno()
            self.daemon("irc", "--listen", f"fd:{fd}", pass_fds=(fd,)).address()
            self.client(listening.getsockname(), "alice")


class Local(DaemonTest):
    def over_unix(self, path):
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(PATIENCE)
        raw.connect(path)
        return self.client(raw)

    def test_unix(self):
        path = os.path.join(self.directory(), "chat.sock")
        daemon = Daemon("irc", "--listen", f"unix:{path}:mode=600")
        daemon.out.expect("listening on unix:")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.over_unix(path).register("alice")
        second = Daemon("irc", "--listen", f"unix:{path}")
        self.assertEqual(second.wait(), 69)
        self.assertIn(path, second.stop(expect=69))
        workers = daemon.children().values()
        daemon.process.kill()
        daemon.process.wait()
        daemon.stop(expect=-signal.SIGKILL)
        self.wait_until(lambda: not any(map(alive, workers)))  # until then they hold the socket
        third = self.daemon("irc", "--listen", f"unix:{path}")
        third.out.expect("listening on unix:")
        self.over_unix(path).register("alice")

    def test_the_socket_goes_with_the_daemon(self):
        path = os.path.join(self.directory(), "chat.sock")
        daemon = Daemon("irc", "--listen", f"unix:{path}")
        daemon.out.expect("listening on unix:")
        daemon.stop()
        self.assertFalse(os.path.exists(path))

    def test_abstract(self):
        name = f"sennit-test-{os.getpid()}"
        daemon = self.daemon("irc", "--listen", f"unix:@{name}")
        daemon.out.expect("listening on unix:@" + name)
        self.over_unix("\0" + name).register("alice")

    def test_stdio(self):
        process = subprocess.Popen([SENNIT, "irc", "--listen", "stdio:"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        lines = Lines(lambda n: os.read(process.stdout.fileno(), n), process.stdout.fileno())
        process.stdin.write(b"NICK alice\r\nUSER alice 0 * :Alice\r\n")
        process.stdin.flush()
        first = lines.expect(r"").string
        self.assertRegex(first, r" 001 alice ", "only the protocol may be on standard output")
        process.stdin.close()
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_stdio_ends_once(self):
        """A signal that comes with the end of the input, or after it, changes nothing."""
        for _ in range(20):
            process = subprocess.Popen([SENNIT, "irc", "--listen", "stdio:"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            process.stdin.write(b"NICK alice\r\nUSER alice 0 * :Alice\r\n")
            process.stdin.flush()
            process.stdout.readline()
            process.stdin.close()
            process.terminate()
            log = process.stderr.read().decode()
            process.stdout.close()
            process.stderr.close()
            self.assertEqual(process.wait(PATIENCE), 0, log)
            self.assertIn('"stopped"', log)

    def test_tcp6(self):
        daemon = self.daemon("irc", "--listen", r"tcp6:0:interface=\:\:1")
        host, port = daemon.address()
        self.assertEqual(host, "::1")
        self.client((host, port), "alice")

    def test_several_at_once(self):
        pem = make_certificate(self.directory())
        daemon = self.daemon("irc", "--listen", "tcp:0:interface=127.0.0.1",
                             "--listen", f"tls:{pem}:tcp:0:interface=127.0.0.1")
        plain = self.client(daemon.address(), "alice")
        secure = self.client(daemon.address(), "bob", tls=tls_context(pem))
        for client in (plain, secure):
            client.send("JOIN #c")
            client.expect(" 366 ")
        plain.send("PRIVMSG #c :across")
        secure.expect(r"^:alice!\S+ PRIVMSG #c :across$")


if __name__ == "__main__":
    unittest.main()
