"""authorized_keys(5) as the broker's checker reads it, against sshd itself: each line is tried by a real login,
and both must agree on who gets in, and on what a forced command is."""
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import harness

TRY = os.path.join(harness.BUILD, "tests/support/authorized_keys_try")

# What stands before the key. {key} and {other}: type and base64 of the login's key, and of another one.
LINES = [
    "{key}",
    "  \t{key} comment with blanks",
    "{key}\r",
    "\n\n# comment\n{key}",
    "#{key}",
    "{other}",
    "{other}\n{key}",
    "ssh-ed25519",
    "ssh-rsa {base64}",
    "no-such-type {base64}",
    "ssh-ed25519 {base64}A",
    "no-pty {key}",
    "NO-PTY,Restrict,pty,X11-Forwarding,no-x11-forwarding {key}",
    "no-pty,no-port-forwarding,no-agent-forwarding,no-user-rc,user-rc {key}",
    "no-touch-required,verify-required,touch-required {key}",
    "no-such-option {key}",
    "no-pty,no-such-option {key}",
    "no-restrict {key}",
    "no-cert-authority {key}",
    "cert-authority {key}",
    "cert-authority,principals=\"root\" {key}\n{key}",
    "principals=\"somebody\" {key}",
    "no-pty, {key}",
    ",no-pty {key}",
    "no-pty,,no-user-rc {key}",
    "no-pty=\"x\" {key}",
    "command {key}",
    "command=echo {key}",
    "command=\"echo {key}",
    "command=\"echo one two\" {key}",
    "command=\"echo \\\"a,b c\\\"\" {key}",
    "command=\"printf '%s' 'back\\slash'\" {key}",
    "command=\"echo a\",command=\"echo b\" {key}",
    "command=\"echo 'x # y'\",no-pty {key}",
    "command=\"echo \\\\\" {key}",
    "from=\"127.0.0.1\" {key}",
    "from=\"127.0.0.*\" {key}",
    "from=\"127.0.0.?\" {key}",
    "from=\"127.0.0.0/8\" {key}",
    "from=\"127.0.0.1/8\" {key}",
    "from=\"127.0.0.1/32\" {key}",
    "from=\"127.0.0.1/33\" {key}",
    "from=\"10.0.0.0/8\" {key}",
    "from=\"10.0.0.0/8,127.0.0.1\" {key}",
    "from=\"!127.0.0.1,*\" {key}",
    "from=\"*,!127.0.0.1\" {key}",
    "from=\"*,!127.0.0.2\" {key}",
    "from=\"!10.0.0.1\" {key}",
    "from=\"::/0\" {key}",
    "from=\"\" {key}",
    "from=\"127.0.0.1\",from=\"127.0.0.1\" {key}",
    "from=\"10.0.0.1\" {key}\nfrom=\"127.0.0.1\" {key}",
    "from=\"10.0.0.1\",no-such-option {key}",
    "expiry-time=\"20991231\" {key}",
    "expiry-time=\"20991231Z\" {key}",
    "expiry-time=\"209912312359\" {key}",
    "expiry-time=\"20991231235959Z\" {key}",
    "expiry-time=\"20200101\" {key}",
    "expiry-time=\"20991231\",expiry-time=\"20200101\" {key}",
    "expiry-time=\"2099\" {key}",
    "expiry-time=\"20991301\" {key}",
    "expiry-time=\"tomorrow\" {key}",
    "environment=\"A=b\" {key}",
    "environment=\"A_1=\" {key}",
    "environment=\"A\" {key}",
    "environment=\"A-B=c\" {key}",
    "permitopen=\"localhost:80\" {key}",
    "permitopen=\"[::1]:80\" {key}",
    "permitopen=\"localhost:*\" {key}",
    "permitopen=\"localhost\" {key}",
    "permitopen=\"localhost:0\" {key}",
    "permitopen=\"localhost:70000\" {key}",
    "permitlisten=\"8080\" {key}",
    "permitlisten=\"localhost:8080\" {key}",
    "permitlisten=\"x:y\" {key}",
    "tunnel=\"0\" {key}",
    "tunnel=\"any\" {key}",
    "tunnel=\"x\" {key}",
    "tunnel=\"0\",tunnel=\"1\" {key}",
]

CONFIG = """
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
UseDNS no
PidFile none
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserEnvironment no
LogLevel ERROR
"""


class Sshd:
    """sshd -i for each connection to a port of our own."""

    def __init__(self, folder):
        self.command = [harness.need("sshd"), "-i", "-f", os.path.join(folder, "sshd_config")]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with conn:
                subprocess.Popen(self.command, stdin=conn, stdout=conn, stderr=subprocess.DEVNULL).wait()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


class AuthorizedKeys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="sennit-sshd-")
        cls.folder = cls.temp.name
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where sshd wants to be confined
        for name in ("host", "key", "other"):
            subprocess.run([harness.need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "",
                            "-f", os.path.join(cls.folder, name)], check=True)
        with open(os.path.join(cls.folder, "sshd_config"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(folder=cls.folder))
        cls.sshd = Sshd(cls.folder)
        cls.keys = {name: cls.public(name) for name in ("key", "other")}

    @classmethod
    def tearDownClass(cls):
        cls.sshd.close()
        cls.temp.cleanup()

    @classmethod
    def public(cls, name):
        with open(os.path.join(cls.folder, name + ".pub"), encoding="utf-8") as file:
            return file.read().strip()

    def ask_sshd(self):
        """Let in? And what a forced command said."""
        done = subprocess.run(
            [harness.need("ssh"), "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
             "-o", "PreferredAuthentications=publickey", "-i", os.path.join(self.folder, "key"),
             "-p", str(self.sshd.port), "-l", pwd.getpwuid(os.geteuid()).pw_name, "127.0.0.1", "echo free"],
            capture_output=True, text=True, timeout=harness.PATIENCE, stdin=subprocess.DEVNULL, check=False)
        return "Permission denied" not in done.stderr, done.stdout

    def ask_us(self):
        base64 = self.keys["key"].split()[1]
        path = os.path.join(self.folder, "authorized_keys")
        answer = subprocess.run([TRY, path, base64, "127.0.0.1"], check=True, capture_output=True, text=True).stdout
        word, _, rest = answer.rstrip("\n").partition(" ")
        return word == "yes", rest

    @staticmethod
    def forced(options):
        """What the command among a session's options says when it is run."""
        start = options.find("command=\"")
        if start < 0:
            return "free\n"
        start += len("command=\"")
        end = start
        while options[end] != "\"":
            end += 2 if options.startswith("\\\"", end) else 1
        command = options[start:end].replace("\\\"", "\"")
        return subprocess.run(command, shell=True, check=False, capture_output=True, text=True).stdout

    def test_each_line(self):
        allowed = 0
        for line in LINES:
            text = line.format(key=self.keys["key"], other=self.keys["other"], base64=self.keys["key"].split()[1])
            with open(os.path.join(self.folder, "authorized_keys"), "w", encoding="utf-8", newline="") as file:
                file.write(text + "\n")
            (sshd_says, output), (we_say, rest) = self.ask_sshd(), self.ask_us()
            with self.subTest(line=line):
                self.assertEqual(we_say, sshd_says, rest)
                if we_say:
                    allowed += 1
                    self.assertEqual(self.forced(rest), output)
        self.assertTrue(20 < allowed < len(LINES), allowed)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
