#!/usr/bin/env python3
"""A state directory or database that is no good, when the daemon starts, when it reloads and while it is used: what
needs accounts does not begin and says what to do, what does not goes on without, and nothing that runs is disturbed."""
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import unittest

from fault_harness import CHATTY, LOCAL, PATIENCE, FaultTest, figure
from harness import SENNIT
from sasl_clients import Raw, log_in
from store_disk import MS_RDONLY, MS_REMOUNT, call, own_mounts

SERVICE = "[service.irc]\n" + LOCAL + CHATTY + "insecure_auth = true\n"
MEMBERS = SERVICE + 'auth = ["accounts"]\n'


def noise(state):
    with open(state + "/sennit.db", "r+b") as file:
        file.write(os.urandom(20000))


def truncated(state):
    os.truncate(state + "/sennit.db", os.path.getsize(state + "/sennit.db") // 8192 * 4096)


def empty(state):
    os.truncate(state + "/sennit.db", 0)


def newer(state):
    db = sqlite3.connect(state + "/sennit.db")
    db.execute("UPDATE sn_schema SET version = version + 1")
    db.commit()
    db.close()


def read_only(state):
    call("mount", b"none", state.encode(), None, MS_REMOUNT | MS_RDONLY, None)


def full(state):
    with open(state + "/ballast", "wb", 0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def not_a_directory(state):
    call("umount2", state.encode(), 2)
    os.rmdir(state)
    with open(state, "wb"):
        pass


# What is wrong, and what the daemon says of it, which includes what to do. A damaged database is never passed over.
DATABASE = [
    ("overwritten with noise", noise, r"sennit\.db: not an SQLite database .*: move it away and restore a backup"),
    ("cut in half", truncated, r"sennit\.db: damaged \(.*\): restore a backup, or save what is left: sqlite3 "),
    ("empty", empty, r"sennit\.db: empty, its contents are lost: restore a backup, or remove it to begin anew"),
    ("of a newer version", newer, r"sennit\.db.*newer"),
]
MOUNTED = [
    ("read-only", read_only, r"state directory \S+ cannot be used: Read-only file system; make it writable for its owner, or "
     r"choose another with --state DIR"),
    ("full", full, r"cannot lock \S+/lock: No space left on device: free some space"),
    ("no directory", not_a_directory, r"state directory \S+ cannot be used: Not a directory; make it writable"),
]


class Base(FaultTest):
    def setUp(self):
        folder = self.directory()
        self.state, self.path = folder + "/state", folder + "/sennit.toml"
        os.mkdir(self.state, 0o700)
        self.head = f'[server]\nstate = "{self.state}"\n'

    def user(self, *words, secret="secret", expect=0):
        run = subprocess.run([SENNIT, "user", *words, "--state", self.state], input=secret + "\n", capture_output=True,
                             text=True, timeout=PATIENCE, check=False)
        self.assertEqual(run.returncode != 0, expect != 0, run.stdout + run.stderr)
        return run.stderr

    def add_alice(self):
        for name in ("alice", "carol"):
            self.user("add", name, "--password-stdin")

    def run_file(self, text):
        self.write(self.path, text)
        return self.daemon("run", self.path)

    def log_in(self, address, name="alice", password="secret"):
        """The numeric of the answer."""
        client = self.client(address)
        try:
            return log_in(client, Raw("PLAIN", f"\0{name}\0{password}".encode()))
        finally:
            client.close()

    def refuses(self, text, pattern):
        """A daemon with this file does not begin."""
        daemon = self.run_file(text)
        code = daemon.wait()
        self.assertEqual(code, 78, daemon.stderr())
        text = daemon.stop(expect=78)
        self.assertRegex(text, r"(?m)^error: .*" + pattern)
        self.assertNotIn("ended by SIG", text)

    def serves_guests(self, pattern):
        """One that does not need accounts goes on without, and gets no service that does."""
        daemon = self.run_file(SERVICE)
        guest = self.client(daemon.address(), "guest")
        guest.sync()
        self.assertEqual(len(self.logged(daemon, '"event":"no-accounts".*' + pattern)), 1)
        self.reload_is_refused(daemon, pattern)
        guest.sync()
        return daemon

    def reload_is_refused(self, daemon, pattern):
        self.write(self.path, MEMBERS)
        answer = daemon.ctl("reload", expect=78)
        self.assertRegex(answer["error"], pattern)
        self.assertIn("nothing was changed", answer["message"])


class Database(Base):
    def test_bad_ones(self):
        for what, spoil, pattern in DATABASE:
            with self.subTest(what):
                shutil.rmtree(self.state)
                os.mkdir(self.state, 0o700)
                self.add_alice()
                spoil(self.state)
                self.refuses(MEMBERS, pattern)
                self.refuses(SERVICE, pattern)
                # What stands there is for the administrator to look at.
                self.assertTrue(os.path.exists(self.state + "/sennit.db"))
                figure(f"database {what}, at start", 1, "exit 78, one line says what to do")

    def test_spoiled_while_it_is_used(self):
        """Logins go on from memory or fail for the time being; who talks is not disturbed; a restored one works."""
        self.add_alice()
        daemon = self.run_file(MEMBERS + "open = true\n")
        address = daemon.address()
        others = self.crowd("steady", address, 20, 20)
        self.assertEqual(self.log_in(address), "903")
        with open(self.state + "/sennit.db", "rb") as file:
            good = file.read()
        noise(self.state)
        # Nobody has asked for carol before: neither the cache of logins nor that of the database knows her.
        self.assertEqual(self.log_in(address, "carol"), "904")
        self.logged(daemon, '"event":"login-refused".*"error":"service unavailable"')
        self.logged(daemon, '"event":"database-failed","error":"(?:database disk image is malformed|file is not a database)"')
        self.assertEqual(self.log_in(address, "alice"), "903")
        daemon.ctl("reload")
        seen = others.end()
        self.assert_undisturbed(seen)
        daemon.stop()
        for suffix in ("-wal", "-shm"):
            if os.path.exists(self.state + "/sennit.db" + suffix):
                os.unlink(self.state + "/sennit.db" + suffix)
        with open(self.state + "/sennit.db", "wb") as file:
            file.write(good)
        daemon = self.run_file(MEMBERS)
        self.assertEqual(self.log_in(daemon.address()), "903")
        figure("database overwritten with noise while it is used", 1,
               f"who logged in before still can, others are told to try later; {seen['answers']} answers to those who talk, 0 lost; a restored file works at the next start")

    def test_another_daemons(self):
        self.add_alice()
        first = self.run_file(MEMBERS)
        address = first.address()
        self.refuses(MEMBERS, f"{first.process.pid}")
        second = self.serves_guests(f"{first.process.pid}")
        self.assertEqual(self.log_in(address), "903")
        first.stop()
        second.stop()
        third = self.run_file(MEMBERS)
        self.assertEqual(self.log_in(third.address()), "903")
        figure("state directory of another daemon", 1, "who needs accounts: exit 78, or the reload refused, with "
               "that daemon's pid; others run without; free again at its end")


class Mounted(Base):
    """On a file system of a few megabytes."""

    def mount(self):
        call("mount", b"none", self.state.encode(), b"tmpfs", 0, b"size=6m,mode=700")
        self.addCleanup(subprocess.run, ["umount", "-l", self.state], stderr=subprocess.DEVNULL, check=False)
        self.add_alice()

    def test_bad_ones(self):
        for what, spoil, pattern in MOUNTED:
            with self.subTest(what):
                self.setUp()
                self.mount()
                spoil(self.state)
                self.refuses(MEMBERS, pattern)
                self.serves_guests(pattern)
                figure(f"state directory {what}, at start and reload", 1,
                       "who needs accounts: exit 78, or the reload refused, with what to do; others run without and say so once")

    def test_full_while_it_is_used(self):
        self.mount()
        daemon = self.run_file(MEMBERS + "open = true\n")
        address = daemon.address()
        others = self.crowd("steady", address, 20, 20)
        self.assertEqual(self.log_in(address), "903")
        for _ in range(3):
            full(self.state)
            self.assertEqual(self.log_in(address), "903")
            self.assertEqual(self.log_in(address, "carol"), "903")
            self.assertEqual(self.log_in(address, password="wrong"), "904")
            text = self.user("add", "bob", "--password-stdin", expect=1)
            self.assertRegex(text, "full|space")
            os.unlink(self.state + "/ballast")
        self.user("add", "bob", "--password-stdin")
        self.assertEqual(self.log_in(address, "bob"), "903")
        seen = others.end()
        self.assert_undisturbed(seen)
        figure("disk full while accounts are used", 3, f"logins go on, `sennit user add` says what to do; {seen['answers']} answers to "
               "those who talk, 0 lost; all as before with room again")


def main():
    suite = unittest.TestSuite()
    loader = unittest.defaultTestLoader
    wanted = sys.argv[1:]
    classes = [Database] + ([Mounted] if own_mounts() else [])
    for case in classes:
        for test in loader.loadTestsFromTestCase(case):
            if not wanted or any(re.search(word, test.id()) for word in wanted):
                suite.addTest(test)
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    raise SystemExit(main())
