"""Privileges of a whole daemon, logins of the machine's users, and authorized_keys(5) against sshd itself: each
line is tried by a real login, and both must agree on who gets in, and on what a forced command is."""
import base64
import os
import pwd
import re
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


# A machine of its own: "zoe" can log in to it, and nobody else's files are touched. Who is not root is, in a
# namespace of users with nobody else in it, where root and zoe are the same.
MACHINE = """
set -e
mount -t tmpfs -o mode=0755 machine /mnt
mkdir /mnt/state /mnt/run
if [ "$1" != 0 ]; then chown nobody /mnt/state /mnt/run; fi
{ echo "zoe:x:$1:$1::/mnt:/bin/sh"; cat /etc/passwd; } >/mnt/passwd
echo "zoe:$(openssl passwd -5 pencil):19000::::::" >/mnt/shadow
chmod 600 /mnt/shadow
mkdir /mnt/pam.d
printf 'auth required pam_unix.so\\naccount required pam_unix.so\\n' >/mnt/pam.d/sennit
mount --bind /mnt/passwd /etc/passwd
mount --bind /mnt/shadow /etc/shadow
mount --bind /mnt/pam.d /etc/pam.d
shift
exec "$@"
"""

IRC = """
[server]
state = "/mnt/state"
runtime = "/mnt/run"
{user}
[service.irc]
listen = ["tcp:0:interface=127.0.0.1", "unix:/mnt/run/irc.sock"]
auth = ["unix", "sshkey"]
"""


class Daemon(unittest.TestCase):
    """A whole daemon as root starts it: unprivileged workers, and logins by PAM through the broker."""

    def setUp(self):
        root = os.geteuid() == 0
        self.folder = tempfile.TemporaryDirectory(prefix="sennit-broker-")
        path = os.path.join(self.folder.name, "sennit.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(IRC.format(user='user = "nobody"' if root else ""))
        os.chmod(self.folder.name, 0o755)
        self.daemon = subprocess.Popen(
            [harness.need("unshare"), "-m" if root else "-rm", "--propagation", "private", "/bin/sh", "-c", MACHINE,
             "sh", "20099" if root else "0", harness.SENNIT, "run", path],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = []
        self.port = self.find_port()

    def tearDown(self):
        self.daemon.terminate()
        rest = self.daemon.communicate(timeout=harness.PATIENCE)[0]
        self.folder.cleanup()
        self.assertEqual(self.daemon.returncode, 0, "".join(self.said) + rest)

    def find_port(self):
        for line in self.daemon.stdout:
            self.said.append(line)
            found = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
            if found:
                return int(found.group(1))
        raise AssertionError("never listened:\n" + "".join(self.said))

    def login(self, name, password):
        """The numeric that SASL PLAIN is answered with."""
        with socket.create_connection(("127.0.0.1", self.port), harness.PATIENCE) as conn:
            file = conn.makefile("rw", encoding="utf-8", newline="\r\n")
            token = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
            for line in ("CAP REQ :sasl", "NICK zoe", "USER zoe 0 * :zoe", "AUTHENTICATE PLAIN"):
                file.write(line + "\n")
            file.flush()
            for line in file:
                if line.startswith("AUTHENTICATE +"):
                    file.write(f"AUTHENTICATE {token}\n")
                    file.flush()
                found = re.match(r":\S+ (90[0-9]) ", line)
                if found and found.group(1) != "900":
                    return found.group(1)
        raise AssertionError("no answer")

    def test_logins_by_pam(self):
        self.assertEqual(self.login("zoe", "pencil"), "903")
        self.assertEqual(self.login("zoe", "pencim"), "904")
        self.assertEqual(self.login("nobody-here", "pencil"), "904")
        self.assertEqual(self.login("zoe", "pencil"), "903")

    def status(self, role):
        """The lines of /proc/PID/status of our process with this role."""
        for name in os.listdir("/proc"):
            try:
                with open(f"/proc/{name}/cmdline", encoding="utf-8") as file:
                    words = file.read().split("\0")
                with open(f"/proc/{name}/status", encoding="utf-8") as file:
                    lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            except (OSError, ValueError):
                continue
            if role in words[1:2] and lines["PPid"] == str(self.daemon.pid):
                return lines
        raise AssertionError(f"no {role}")

    def test_who_has_what(self):
        worker, broker = self.status("@worker"), self.status("@broker")
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(worker[name], 16), 0, name)
        self.assertEqual((worker["NoNewPrivs"], worker["Seccomp"]), ("1", "2"))
        self.assertEqual(int(worker["CapBnd"], 16), 0)
        # docs/privileges.md has the names.
        self.assertEqual(int(broker["CapEff"], 16) & ~0x610004eb, 0)
        self.assertEqual(broker["CapEff"], broker["CapBnd"])
        if os.geteuid() == 0:
            self.assertEqual(worker["Uid"].split(), [str(pwd.getpwnam("nobody").pw_uid)] * 4)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
