#!/usr/bin/env python3
"""Logging in with other people's SASL clients: gsasl, slixmpp, Twisted, irssi and WeeChat, against the real daemon.
Each cell of the table is one connection."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
import unittest

from OpenSSL import SSL

from harness import PATIENCE, DaemonTest, make_certificate, need
from sasl_clients import Gsasl, Raw, Slixmpp, TlsIrc, Twisted, log_in, offered

SCRAMS = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"]


def bindings(client, mechanism, kind):
    """What gsasl and slixmpp are told of the channel: the right bytes for -PLUS, nothing else."""
    if not mechanism.endswith("-PLUS"):
        return {}
    return {kind: client.exporter() if kind == "exporter" else client.unique()}


class AuthTest(DaemonTest):
    def setUp(self):
        self.pems = self.directory()
        self.pem = make_certificate(self.pems, "localhost")
        self.alice = make_certificate(self.pems, "alice")
        with open(os.path.join(self.pems, "users"), "w", encoding="utf-8") as file:
            file.write("alice:secret:operator\nj\u00fcrgen:stra\u00dfe\n")
        self.address = None

    def serve(self, *auth):
        auth = auth or (f"file:{self.pems}/users", f"cert:{self.alice}", "anonymous")
        daemon = self.daemon("irc", "--listen", f"tls:{self.pem}:clientAuth=request:tcp:0:interface=127.0.0.1",
                             *[word for spec in auth for word in ("--auth", spec)])
        self.address = daemon.address()
        return daemon

    def connect(self, **kwargs):
        client = TlsIrc(self.address, **kwargs)
        self.addCleanup(client.close)
        return client

    def try_with(self, client, make, *args, **kwargs):
        exchange = make(*args, **kwargs)
        try:
            return log_in(client, exchange)
        finally:
            exchange.close()


class Clients(AuthTest):
    def test_offer(self):
        self.serve()
        self.assertEqual(offered(self.connect()), [*SCRAMS, "PLAIN", "ANONYMOUS"])
        self.assertEqual(offered(self.connect(certificate=self.alice)), [*SCRAMS, "EXTERNAL", "PLAIN", "ANONYMOUS"])

    def test_gsasl(self):
        self.serve()
        for version, kind in ((SSL.TLS1_3_VERSION, "exporter"), (SSL.TLS1_2_VERSION, "exporter"), (SSL.TLS1_2_VERSION, "unique")):
            for mechanism in SCRAMS:
                with self.subTest(mechanism=mechanism, version=version, kind=kind):
                    client = self.connect(version=version)
                    self.assertEqual(self.try_with(client, Gsasl, mechanism, **bindings(client, mechanism, kind)), "903")
        for mechanism in ("PLAIN", "ANONYMOUS"):
            with self.subTest(mechanism=mechanism):
                self.assertEqual(self.try_with(self.connect(), Gsasl, mechanism), "903")
        self.assertEqual(self.try_with(self.connect(certificate=self.alice), Gsasl, "EXTERNAL"), "903")

    def test_gsasl_refused(self):
        self.serve()
        for mechanism in SCRAMS:
            with self.subTest(mechanism=mechanism, wrong="password"):
                client = self.connect()
                self.assertEqual(self.try_with(client, Gsasl, mechanism, password="wrong",
                                               **bindings(client, mechanism, "exporter")), "904")
            with self.subTest(mechanism=mechanism, wrong="name"):
                client = self.connect()
                self.assertEqual(self.try_with(client, Gsasl, mechanism, account="nobody",
                                               **bindings(client, mechanism, "exporter")), "904")
            if mechanism.endswith("-PLUS"):  # somebody in between: each side has its own channel
                with self.subTest(mechanism=mechanism, wrong="channel"):
                    self.assertEqual(self.try_with(self.connect(), Gsasl, mechanism, exporter=b"x" * 32), "904")

    def test_downgrade(self):
        """Somebody in between has taken -PLUS out of the offer: the client says that it would have bound."""
        self.serve()
        client = self.connect(version=SSL.TLS1_2_VERSION)
        self.assertEqual(self.try_with(client, Slixmpp, "SCRAM-SHA-256", unique=client.unique()), "904")

    def test_names_of_all_scripts(self):
        self.serve()
        client = self.connect()
        self.assertEqual(self.try_with(client, Gsasl, "SCRAM-SHA-256", account="J\u00dcRGEN", password="stra\u00dfe"), "903")
        client.send("NICK j", "USER j 0 * :j", "CAP END")
        client.expect(r" 001 ")
        client.send("WHOIS j")
        client.expect(" 330 j j j\u00fcrgen :")

    def test_slixmpp(self):
        self.serve()
        for mechanism in [*SCRAMS, "PLAIN", "ANONYMOUS"]:
            with self.subTest(mechanism=mechanism):
                client = self.connect(version=SSL.TLS1_2_VERSION)
                extra = bindings(client, mechanism, "unique") if mechanism.startswith("SCRAM") else {}
                self.assertEqual(self.try_with(client, Slixmpp, mechanism, **extra), "903")
                if mechanism == "ANONYMOUS":
                    continue
                client = self.connect(version=SSL.TLS1_2_VERSION)
                extra = bindings(client, mechanism, "unique") if mechanism.startswith("SCRAM") else {}
                self.assertEqual(self.try_with(client, Slixmpp, mechanism, password="wrong", **extra), "904")

    def test_twisted(self):
        self.serve()
        self.assertEqual(self.try_with(self.connect(), Twisted, "PLAIN"), "903")
        self.assertEqual(self.try_with(self.connect(), Twisted, "PLAIN", password="wrong"), "904")
        self.assertEqual(self.try_with(self.connect(), Twisted, "ANONYMOUS"), "903")

    def test_external_names(self):
        self.serve()
        stranger = make_certificate(self.pems, "mallory")
        for certificate, name, result in ((self.alice, b"alice", "903"), (self.alice, b"bob", "904"), (stranger, b"", "904"),
                                          (stranger, b"alice", "904")):
            with self.subTest(certificate=certificate, name=name):
                self.assertEqual(self.try_with(self.connect(certificate=certificate), Raw, "EXTERNAL", name), result)

    def test_operator(self):
        self.serve()
        client = self.connect()
        self.assertEqual(self.try_with(client, Gsasl, "SCRAM-SHA-256"), "903")
        client.send("NICK op", "USER op 0 * :op", "CAP END")
        client.expect(r":op MODE op :\+o")
        client.send("WHOIS op")
        client.expect(r" 313 op op :")

    def test_crypt_hashes_leave_plain(self):
        hash_ = subprocess.run([need("openssl"), "passwd", "-6", "secret"], capture_output=True, check=True).stdout.decode().strip()
        with open(os.path.join(self.pems, "users"), "a", encoding="utf-8") as file:
            file.write(f"bob:{hash_}\n")
        self.serve(f"file:{self.pems}/users")
        self.assertEqual(offered(self.connect()), ["PLAIN"])
        self.assertEqual(self.try_with(self.connect(), Gsasl, "PLAIN", account="bob"), "903")
        self.assertEqual(self.try_with(self.connect(), Gsasl, "PLAIN", account="bob", password="x"), "904")


class Programs(AuthTest):
    """Whole IRC clients; somebody who is there sees them come, with their accounts."""

    def start(self, arguments, directory, terminal=False):
        environment = {**os.environ, "HOME": directory, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.terminal, theirs = pty.openpty()
        self.screen = b""
        self.addCleanup(os.close, self.terminal)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 100, 0, 0))
        process = subprocess.Popen(arguments, env=environment, cwd=directory, start_new_session=True,
                                   stdin=theirs if terminal else subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def drain(self, seconds):
        """What the client writes to its terminal must be read, or it stops."""
        while select.select([self.terminal], [], [], seconds)[0]:
            try:
                self.screen += os.read(self.terminal, 65536)
            except OSError:  # it has gone
                return

    def story(self):
        self.drain(0)
        return self.screen.decode("utf-8", "replace")

    def expect_account(self, watcher, nick, account="alice"):
        """Ask until the account shows: the client takes its time to come."""
        deadline = time.monotonic() + PATIENCE
        lines = []
        while not any(f" 330 watcher {nick} {account} " in line for line in lines):
            if time.monotonic() > deadline:
                self.fail(f"{nick} has not logged in; it says:\n{self.story()}\n{self.server.stderr()}")
            watcher.send(f"WHOIS {nick}")
            lines = []
            while not lines or " 318 " not in lines[-1]:
                lines.append(watcher.get(deadline + PATIENCE))
            self.drain(0.1)

    def watcher(self):
        self.server = self.serve(f"file:{self.pems}/users", f"cert:{self.alice}", "memory:watcher:w")
        client = self.connect()
        self.assertEqual(self.try_with(client, Gsasl, "PLAIN", account="watcher", password="w"), "903")
        client.send("NICK watcher", "USER w 0 * :w", "CAP END")
        client.expect(r" (376|422) ")
        return client

    def weechat(self, *settings):
        directory = self.directory()
        commands = [f"/server add test 127.0.0.1/{self.address[1]} -ssl", f"/set weechat.network.gnutls_ca_user {self.pem}",
                    "/set irc.server.test.nicks wee", *[f"/set irc.server.test.{s}" for s in settings], "/connect test"]
        self.start([need("weechat-headless"), "-d", directory, *[w for c in commands for w in ("-r", c)]], directory)

    def test_weechat_scram(self):
        watcher = self.watcher()
        self.weechat("sasl_mechanism scram-sha-256", "sasl_username alice", "sasl_password secret")
        self.expect_account(watcher, "wee")

    def test_weechat_scram_sha_1(self):
        watcher = self.watcher()
        self.weechat("sasl_mechanism scram-sha-1", "sasl_username alice", "sasl_password secret")
        self.expect_account(watcher, "wee")

    def test_weechat_external(self):
        watcher = self.watcher()
        self.weechat("sasl_mechanism external", f"ssl_cert {self.alice}")
        self.expect_account(watcher, "wee")

    def irssi(self, sasl, tls):
        directory = self.directory()
        config = os.path.join(directory, "config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'servers = ( {{ address = "localhost"; port = "{self.address[1]}"; chatnet = "test"; autoconnect = "yes"; '
                       f'use_tls = "yes"; tls_verify = "yes"; tls_cafile = "{self.pem}"; {tls} }} );\n'
                       f'chatnets = {{ test = {{ type = "IRC"; {sasl} }}; }};\n'
                       'settings = { core = { nick = "irs"; user_name = "irs"; }; };\n')
        self.start([need("irssi"), "--home", directory, "--config", config], directory, terminal=True)

    def test_irssi_plain(self):
        watcher = self.watcher()
        self.irssi('sasl_mechanism = "PLAIN"; sasl_username = "alice"; sasl_password = "secret";', "")
        self.expect_account(watcher, "irs")

    def test_irssi_external(self):
        watcher = self.watcher()
        self.irssi('sasl_mechanism = "EXTERNAL";', f'tls_cert = "{self.alice}"; tls_pkey = "{self.alice}";')
        self.expect_account(watcher, "irs")


if __name__ == "__main__":
    unittest.main(verbosity=2)
