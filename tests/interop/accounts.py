#!/usr/bin/env python3
"""Accounts from the command line as people and scripts type it: passwords at a terminal, hashes from elsewhere, export and
import between databases, several tools at once, and what goes wrong."""
import base64
import crypt
import hashlib
import hmac
import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import termios
import time
import unittest

from harness import PATIENCE, SENNIT, SRC, DaemonTest, need

sys.path.insert(0, os.path.join(SRC, "tests", "fault"))
from postgres import Postgres  # noqa: E402

NOBODY = 65534


def sennit(*args, stdin="", cwd=None, user=None, env=None):
    """Run it to its end: (exit code, standard output, standard error)."""
    drop = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
    run = subprocess.run([SENNIT, *args], input=stdin, capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, check=False,
                         env={**os.environ, **(env or {})}, **drop)
    return run.returncode, run.stdout, run.stderr


class Terminal:
    """A program that has a terminal of its own, as under a person's hands."""

    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execv(SENNIT, ["sennit", *args])
            finally:
                os._exit(127)
        self.text = ""

    def expect(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in time, but: {self.text!r}")
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"ended without {pattern!r}: {self.text!r}")
            self.text += data.decode()

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        self.text = ""
        os.write(self.fd, text.encode())

    def end(self):
        """(exit code or negated signal, what it said last)."""
        while True:
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                break
            if not data:
                break
            self.text += data.decode()
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status), self.text


class AccountsTest(DaemonTest):
    def setUp(self):
        self.place = self.directory()
        self.state = os.path.join(self.place, "state")

    def run_fine(self, *args, **kwargs):
        code, out, err = sennit(*args, "--state", self.state, **kwargs)
        self.assertEqual(code, 0, err)
        return out

    def show(self, name, *where):
        code, out, err = sennit("user", "show", name, "--json", *(where or ("--state", self.state)))
        self.assertEqual(code, 0, err)
        return json.loads(out)


class AtATerminal(AccountsTest):
    def test_a_password_is_asked_for_twice_and_never_shown(self):
        terminal = Terminal("user", "add", "alice", "--state", self.state)
        terminal.expect("Password of alice: $")
        self.assertFalse(terminal.echoes())
        terminal.type("s3cret\n")
        terminal.expect("Once more: $")
        self.assertFalse(terminal.echoes())
        terminal.type("s3cret\n")
        code, text = terminal.end()
        self.assertEqual(code, 0, text)
        self.assertNotIn("s3cret", text)
        self.assertEqual(self.show("alice")["password"], ["SCRAM-SHA-256", "SCRAM-SHA-1"])

    def test_two_different_ones_change_nothing(self):
        terminal = Terminal("user", "add", "alice", "--state", self.state)
        terminal.expect("Password of alice: $")
        terminal.type("one\n")
        terminal.expect("Once more: $")
        terminal.type("two\n")
        code, text = terminal.end()
        self.assertEqual(code, 65)
        self.assertIn("the two passwords differ; nothing was changed", text)
        self.assertEqual(sennit("user", "show", "alice", "--state", self.state)[0], 67)

    def test_ctrl_c_brings_the_echo_back(self):
        for key, expected in (("\x03", -signal.SIGINT), ("\x04", 66)):
            terminal = Terminal("hash")
            terminal.expect("Password: $")
            keeper = os.dup(terminal.fd)
            terminal.type(key)
            code, _ = terminal.end()
            self.assertEqual(code, expected)
            self.assertTrue(termios.tcgetattr(keeper)[3] & termios.ECHO)
            os.close(keeper)

    def test_an_unknown_name_is_told_before_the_password_is_asked_for(self):
        terminal = Terminal("user", "passwd", "nobody-here", "--state", self.state)
        code, text = terminal.end()
        self.assertEqual(code, 67)
        self.assertNotIn("Password", text)

    def test_without_a_terminal_it_says_what_to_do(self):
        run = subprocess.run([need("setsid"), "-w", SENNIT, "user", "add", "alice", "--state", self.state],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(run.returncode, 64)
        self.assertIn("--password-stdin", run.stderr)

    def test_tables_fit_80_columns(self):
        people = [{"name": f"someone-with-a-long-name-{i}", "roles": ["operator"], "last_login": "2026-11-20"} for i in range(3)]
        self.run_fine("import", "accounts", "-", stdin="\n".join(map(json.dumps, people)))
        for line in self.run_fine("user", "list").splitlines():
            self.assertLessEqual(len(line), 80)
        for command in (("user",), ("hash",), ("export",), ("import",)):
            for line in sennit(*command, "--help")[1].splitlines():
                self.assertLessEqual(len(line), 80, line)
        self.assertIn("Examples:", sennit("user", "--help")[1])


class Items(AccountsTest):
    def test_keys_of_ssh_keygen(self):
        self.run_fine("user", "add", "alice", "--no-password")
        for kind in ("ed25519", "rsa", "ecdsa"):
            path = os.path.join(self.place, kind)
            subprocess.run([need("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", f"alice@{kind}", "-f", path], check=True)
            self.run_fine("user", "key", "alice", "add", path + ".pub")
            printed = subprocess.run([need("ssh-keygen"), "-l", "-f", path + ".pub"], check=True, capture_output=True, text=True)
            self.assertIn(printed.stdout.split()[1], self.run_fine("user", "key", "alice"))
        self.run_fine("user", "key", "alice", "remove", "alice@rsa")
        self.assertEqual([key["label"] for key in self.show("alice")["keys"]].sort(), ["alice@ed25519", "alice@ecdsa"].sort())
        code, _, err = sennit("user", "key", "alice", "add", os.path.join(self.place, "rsa"), "--state", self.state)
        self.assertEqual(code, 65)
        self.assertIn("no file with one public key", err)

    def test_a_certificate_as_openssl_prints_it(self):
        pem = os.path.join(self.place, "cert.pem")
        subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", os.devnull, "-out", pem, "-subj", "/CN=alice"], check=True, capture_output=True)
        printed = subprocess.run([need("openssl"), "x509", "-in", pem, "-noout", "-fingerprint", "-sha256"], check=True,
                                 capture_output=True, text=True).stdout.strip().split("=")[1]
        self.run_fine("user", "add", "alice", "--no-password")
        self.run_fine("user", "cert", "alice", "add", printed, "--label", "card")
        self.assertEqual(self.show("alice")["certificates"][0]["sha256"], printed.replace(":", "").lower())

    def test_only_the_digest_of_a_token_is_kept(self):
        self.run_fine("user", "add", "alice", "--no-password")
        token = self.run_fine("user", "token", "alice", "add", "--label", "phone").strip()
        self.assertRegex(token, r"^sn_[A-Za-z0-9_-]{43}$")
        self.assertEqual(self.show("alice")["tokens"][0]["sha256"], hashlib.sha256(token.encode()).hexdigest())
        for name in os.listdir(self.state):
            with open(os.path.join(self.state, name), "rb") as file:
                self.assertNotIn(token.encode(), file.read())


class Databases(AccountsTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Postgres()

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()

    def fill(self):
        """Accounts with all that an account can have."""
        hashes = [crypt.crypt("secret", crypt.mksalt(method, rounds=rounds))
                  for method, rounds in ((crypt.METHOD_SHA512, 1000), (crypt.METHOD_SHA256, 1000), (crypt.METHOD_BLOWFISH, 16))]
        hashes.append(sennit("hash", "--method", "yescrypt", "--password-stdin", stdin="secret")[1].strip())
        people = [{"name": f"crypt{i}", "crypt": text} for i, text in enumerate(hashes)]
        people.append({"name": "J\u00f6rg", "disabled": True, "last_login": "2026-11-20T11:05:46.123456789Z",
                       "roles": ["ops", {"role": "admin", "created": "2020-01-01"}]})
        self.run_fine("import", "accounts", "-", stdin="\n".join(map(json.dumps, people)))
        self.run_fine("user", "add", "alice", "--password-stdin", stdin="secret\n")
        self.run_fine("user", "token", "alice", "add", "--expires", "90d")
        self.run_fine("user", "cert", "alice", "add", "00" * 32)
        subprocess.run([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(self.place, "key")], check=True)
        self.run_fine("user", "key", "alice", "add", os.path.join(self.place, "key.pub"), "--label", "two words")
        return len(people) + 1

    def test_export_and_import_are_the_same_everywhere(self):
        count = self.fill()
        first = os.path.join(self.place, "first.jsonl")
        self.run_fine("export", "accounts", "--output", first)
        self.assertEqual(stat.S_IMODE(os.stat(first).st_mode), 0o600)
        with open(first, encoding="utf-8") as file:
            exported = file.read()
        self.assertEqual(len(exported.splitlines()), count)
        fresh = os.path.join(self.place, "fresh")
        for where in (("--state", fresh), ("--store", self.server.url)):
            code, out, err = sennit("import", "accounts", first, *where)
            self.assertEqual((code, out), (0, f"{count} accounts imported\n"), err)
            self.assertEqual(sennit("export", "accounts", *where)[1], exported)
            code, out, err = sennit("import", "accounts", first, *where)
            self.assertEqual(code, 65)
            self.assertEqual(len(re.findall(r"first\.jsonl:\d+: error: account .* exists already", err)), count)
            self.assertEqual(sennit("import", "accounts", first, "--update", *where)[0], 0)
            self.assertEqual(sennit("export", "accounts", *where)[1], exported)

    def test_every_verb_on_postgresql(self):
        where = ("--store", self.server.url)
        for verb, stdin, expected in (
                (("user", "add", "paula", "--password-stdin", "--roles", "ops,admin"), "secret", 0),
                (("user", "add", "PAULA", "--no-password"), "", 65),
                (("user", "passwd", "paula", "--password-stdin"), "other", 0),
                (("user", "cert", "paula", "add", "ab" * 32), "", 0),
                (("user", "cert", "paula", "add", "ab" * 32), "", 65),
                (("user", "token", "paula", "add", "--label", "phone"), "", 0),
                (("user", "token", "paula", "remove", "phone"), "", 0),
                (("user", "token", "paula", "remove", "phone"), "", 67),
                (("user", "role", "paula", "remove", "ops"), "", 0),
                (("user", "disable", "paula"), "", 0),
                (("user", "passwd", "nobody", "--password-stdin"), "x", 67)):
            code, _, err = sennit(*verb, *where, stdin=stdin)
            self.assertEqual(code, expected, f"{verb}: {err}")
        paula = self.show("paula", *where)
        self.assertTrue(paula["disabled"])
        self.assertEqual([role["role"] for role in paula["roles"]], ["admin"])
        self.assertEqual(sennit("user", "remove", "paula", *where)[0], 0)
        self.assertEqual(sennit("user", "show", "paula", *where)[0], 67)

    def test_a_server_that_is_not_there(self):
        code, _, err = sennit("user", "list", "--store", "postgresql:///x?host=/nonexistent")
        self.assertNotEqual(code, 0)
        self.assertEqual(len(err.strip().splitlines()), 1, err)


class Logins(AccountsTest):
    """Through the daemon, while the accounts change beside it."""

    def daemon_with(self, *where):
        return self.irc("--auth", "accounts", *where)[1]

    def login(self, address, mechanism, *responses):
        """The numeric that ends it; the client goes."""
        client = self.client(address)
        client.send("CAP LS 302", "CAP REQ :sasl", "NICK someone", "USER someone 0 * :x", f"AUTHENTICATE {mechanism}")
        for response in responses:
            challenge = client.expect(r"^AUTHENTICATE (\S+)|^\S+ (90[34567]) ")
            if challenge.group(2):
                return int(challenge.group(2))
            text = response(base64.b64decode("" if challenge.group(1) == "+" else challenge.group(1))) if callable(response) else response
            client.send("AUTHENTICATE " + (base64.b64encode(text).decode() or "+"))
        number = client.expect(r"^\S+ (90[34567]) ")
        client.close()
        return int(number.group(1))

    def plain(self, address, name, password):
        return self.login(address, "PLAIN", f"\0{name}\0{password}".encode())

    def scram(self, address, name, password, method="sha256"):
        """RFC 5802 in a few lines; the server's signature is looked at too."""
        first, state = f"n={name},r=nonce", {}

        def final(challenge):
            fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
            salted = hashlib.pbkdf2_hmac(method, password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
            client_key = hmac.digest(salted, b"Client Key", method)
            without = f"c=biws,r={fields['r']}"
            message = ",".join((first, challenge.decode(), without)).encode()
            signature = hmac.digest(hashlib.new(method, client_key).digest(), message, method)
            proof = bytes(a ^ b for a, b in zip(client_key, signature))
            state["server"] = hmac.digest(hmac.digest(salted, b"Server Key", method), message, method)
            return f"{without},p={base64.b64encode(proof).decode()}".encode()

        def check(challenge):
            self.assertEqual(challenge, b"v=" + base64.b64encode(state["server"]))
            return b""

        name = {"sha256": "SCRAM-SHA-256", "sha1": "SCRAM-SHA-1"}[method]
        return self.login(address, name, f"n,,{first}".encode(), final, check)

    def wait_for(self, name, look, *where):
        """What the daemon writes behind a login."""
        deadline = time.monotonic() + PATIENCE
        while not look(self.show(name, *where)):
            self.assertLess(time.monotonic(), deadline, f"{self.show(name, *where)}")

    def both(self, *where):
        address = self.daemon_with(*where)

        def run(*args, stdin=""):
            code, out, err = sennit(*args, *where, stdin=stdin)
            self.assertEqual(code, 0, err)
            return out

        self.assertEqual(self.plain(address, "alice", "secret"), 904)
        run("user", "add", "alice", "--password-stdin", stdin="secret")
        run("user", "add", "old", "--hashed", "--password-stdin", stdin=crypt.crypt("secret", crypt.mksalt(crypt.METHOD_SHA512)))
        for name in ("alice", "ALICE"):
            for attempt in range(2):  # the second one is remembered
                self.assertEqual(self.plain(address, name, "secret"), 903)
        self.assertEqual(self.plain(address, "alice", "Secret"), 904)
        self.assertEqual(self.scram(address, "alice", "secret"), 903)
        self.assertEqual(self.scram(address, "alice", "secret", "sha1"), 903)
        self.assertEqual(self.scram(address, "alice", "wrong"), 904)
        self.assertEqual(self.scram(address, "nobody", "wrong"), 904)
        self.wait_for("alice", lambda account: "last_login" in account, *where)

        self.assertEqual(self.scram(address, "old", "secret"), 904)
        self.assertEqual(self.plain(address, "old", "wrong"), 904)
        self.assertEqual(self.show("old", *where)["password"], ["crypt"])
        self.assertEqual(self.plain(address, "old", "secret"), 903)
        self.wait_for("old", lambda account: account["password"] == ["SCRAM-SHA-256", "SCRAM-SHA-1"], *where)
        self.assertEqual(self.scram(address, "old", "secret"), 903)

        token = run("user", "token", "alice", "add", "--label", "phone").strip()
        self.assertEqual(self.plain(address, "alice", token), 903)
        self.assertEqual(self.plain(address, "old", token), 904)
        bearer = f"n,,\1auth=Bearer {token}\1\1".encode()
        self.assertEqual(self.login(address, "OAUTHBEARER", bearer), 903)
        self.wait_for("alice", lambda account: "used" in account["tokens"][0], *where)
        run("user", "token", "alice", "remove", "phone")
        self.assertEqual(self.plain(address, "alice", token), 904)

        run("user", "disable", "alice")
        self.assertEqual(self.plain(address, "alice", "secret"), 904)
        self.assertEqual(self.scram(address, "alice", "secret"), 904)
        run("user", "enable", "alice")
        self.assertEqual(self.plain(address, "alice", "secret"), 903)
        run("user", "passwd", "alice", "--password-stdin", stdin="other")
        self.assertEqual(self.plain(address, "alice", "secret"), 904)
        self.assertEqual(self.plain(address, "alice", "other"), 903)
        run("user", "remove", "alice")
        self.assertEqual(self.plain(address, "alice", "other"), 904)

    def test_with_sqlite(self):
        self.both("--state", self.state)

    def test_with_postgresql(self):
        server = Postgres()
        self.addCleanup(server.remove)
        self.both("--store", server.url)

    def test_the_state_directory_is_one_daemon_s(self):
        self.daemon_with("--state", self.state)
        code, _, err = sennit("irc", "--listen", "tcp:0:interface=127.0.0.1", "--auth", "accounts", "--state", self.state)
        self.assertNotEqual(code, 0)
        self.assertRegex(err, r"another daemon \(pid \d+\) uses the state directory")


class AtTheSameTime(AccountsTest):
    def test_many_tools_on_one_database(self):
        self.run_fine("user", "list")
        running = [subprocess.Popen([SENNIT, "user", "add", f"user{i}", "--no-password", "--state", self.state],
                                    stderr=subprocess.PIPE, text=True) for i in range(30)]
        for process in running:
            err = process.communicate(timeout=PATIENCE)[1]
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len(json.loads(self.run_fine("user", "list", "--json"))), 30)

    def test_the_first_use_by_many(self):
        running = [subprocess.Popen([SENNIT, "user", "add", f"user{i}", "--no-password", "--state", self.state],
                                    stderr=subprocess.PIPE, text=True) for i in range(10)]
        for process in running:
            err = process.communicate(timeout=PATIENCE)[1]
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len(json.loads(self.run_fine("user", "list", "--json"))), 10)

    def test_an_import_killed_in_the_middle_leaves_nothing(self):
        people = "".join(json.dumps({"name": f"user{i}"}) + "\n" for i in range(3000))
        self.run_fine("user", "add", "alice", "--no-password")
        for delay in (0.05, 0.1, 0.2):
            process = subprocess.Popen([SENNIT, "import", "accounts", "-", "--state", self.state], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
            process.stdin.write(people[:-1])
            process.stdin.flush()
            select.select([process.stdout], [], [], delay)
            process.kill()
            process.stdin.close()
            process.stdout.close()
            process.wait()
            names = [json.loads(line)["name"] for line in self.run_fine("export", "accounts").splitlines()]
            self.assertEqual(names, ["alice"])
        self.assertEqual(self.run_fine("import", "accounts", "-", stdin=people), "3000 accounts imported\n")


class WhatGoesWrong(AccountsTest):
    def one_line(self, err):
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        return err

    def test_databases_that_are_none(self):
        self.run_fine("user", "add", "alice", "--no-password")
        path = os.path.join(self.state, "sennit.db")
        with open(path, "rb") as file:
            good = file.read()
        for bad in (b"noise" * 5000, good[:4096], good[:-8192] + b"\xff" * 8192):
            with open(path, "wb") as file:
                file.write(bad)
            code, _, err = sennit("user", "list", "--state", self.state)
            self.assertEqual(code, 78, err)
            self.assertIn("sennit.db", self.one_line(err))

    def test_a_newer_database(self):
        self.run_fine("user", "add", "alice", "--no-password")
        subprocess.run([need("sqlite3"), os.path.join(self.state, "sennit.db"),
                        "UPDATE sn_schema SET version = version + 1 WHERE owner = 'accounts'"], check=True)
        code, _, err = sennit("user", "list", "--state", self.state)
        self.assertEqual(code, 78)
        self.assertIn("newer", self.one_line(err))

    def own_state(self, mode):
        """A state directory of somebody who is not root: us, or nobody."""
        os.mkdir(self.state, mode)
        if os.geteuid() == 0:
            os.chown(self.state, NOBODY, NOBODY)
            os.chmod(self.place, 0o755)
        return NOBODY if os.geteuid() == 0 else None

    def test_a_directory_of_somebody_else(self):
        code, _, err = sennit("user", "list", "--state", "/usr", user=self.own_state(0o700))
        self.assertEqual(code, 77)
        self.assertIn("belongs to root", self.one_line(err))

    def test_a_directory_that_cannot_be_written(self):
        code, _, err = sennit("user", "list", "--state", self.state, user=self.own_state(0o500))
        self.assertEqual(code, 77)
        self.assertIn("make it writable", self.one_line(err))

    def test_what_root_makes_is_the_owner_s(self):
        user = self.own_state(0o700)
        self.run_fine("user", "add", "alice", "--no-password")
        for name in os.listdir(self.state):
            self.assertEqual(os.stat(os.path.join(self.state, name)).st_uid, os.stat(self.state).st_uid)
        self.assertEqual(sennit("user", "show", "alice", "--state", self.state, user=user)[0], 0)

    def test_a_full_disk(self):
        self.run_fine("user", "add", "alice", "--no-password")
        limit = [need("prlimit"), "--fsize=1"]
        run = subprocess.run([*limit, SENNIT, "user", "add", "bob", "--no-password", "--state", self.state],
                             capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(run.returncode, 0)
        self.assertNotIn("AddressSanitizer", run.stderr)
        self.assertEqual(sennit("user", "show", "bob", "--state", self.state)[0], 67)

    def test_output_that_cannot_be_written(self):
        self.run_fine("user", "add", "alice", "--no-password")
        with open("/dev/full", "w", encoding="utf-8") as full:
            for verb in (("export", "accounts"), ("user", "list")):
                run = subprocess.run([SENNIT, *verb, "--state", self.state], stdout=full, stderr=subprocess.PIPE, text=True,
                                     timeout=PATIENCE, check=False)
                self.assertEqual(run.returncode, 74)
                self.assertIn("cannot write", run.stderr)


if __name__ == "__main__":
    unittest.main()
