#!/usr/bin/python3
"""docs/operations.md, done as it says: its blocks run as root, in order, on a copy of this machine's folders.

The machine's /etc, /usr/local, /var and /run are covered by layers of the test's own (mount namespace, overlay), so that `make
install` and the rest write nowhere else. There is no systemd here that could run units, so `systemctl` is a stand-in that does to the
installed unit what systemd does to it: folders, user, capabilities, notify socket, reload and stop."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, PATIENCE, SRC, IrcClient, need  # noqa: E402

DOC = os.path.join(SRC, "docs/operations.md")
COVERED = ("/etc", "/usr/local", "/var", "/root")


def blocks():
    """(language, text) of each fenced block."""
    with open(DOC, encoding="utf-8") as file:
        return re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.M | re.S)


def cover():
    """From here on this process and its children see layers of their own over the machine's folders."""
    subprocess.run([need("mount"), "--make-rprivate", "/"], check=True)
    layers = tempfile.mkdtemp(prefix="sennit-operations-")
    subprocess.run([need("mount"), "-t", "tmpfs", "tmpfs", layers], check=True)
    for number, folder in enumerate(COVERED):
        upper, work = f"{layers}/{number}u", f"{layers}/{number}w"
        os.mkdir(upper)
        os.mkdir(work)
        subprocess.run([need("mount"), "-t", "overlay", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}",
                        folder], check=True)
    subprocess.run([need("mount"), "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    for folder in ("/etc/sennit", "/var/lib/sennit", "/var/log/sennit"):  # this machine may run one of its own
        shutil.rmtree(folder, ignore_errors=True)
    return layers


class Systemctl:
    """What `systemctl enable --now|start|stop|reload UNIT` does with the unit file, for as much as this one says."""

    def __init__(self):
        self.process = None
        self.notify = None
        self.given = {}

    def unit(self, name):
        entries = {}
        with open(f"/usr/local/lib/systemd/system/{name}.service", encoding="utf-8") as file:
            for key, value in re.findall(r"^(\w+)=(.*)$", file.read(), re.M):
                entries.setdefault(key, value)
        return entries

    def folder(self, base, unit, kind):
        path = os.path.join(base, unit[kind + "Directory"])
        os.makedirs(path, exist_ok=True)
        shutil.chown(path, unit["User"], unit["Group"])
        os.chmod(path, int(unit.get(kind + "DirectoryMode", "0755"), 8))
        return path

    def environment(self, unit):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(PATIENCE)
        self.notify.bind("/run/notify")
        os.chmod("/run/notify", 0o777)
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000",
                "RUNTIME_DIRECTORY": self.folder("/run", unit, "Runtime"),
                "STATE_DIRECTORY": self.folder("/var/lib", unit, "State"),
                "LOGS_DIRECTORY": self.folder("/var/log", unit, "Logs")}

    def wait_for(self, word):
        while word not in self.notify.recv(4096).split(b"\n"):
            pass

    def as_its_user(self, unit, command):
        return [need("setpriv"), "--reuid", unit["User"], "--regid", unit["Group"], "--init-groups", "--no-new-privs",
                "--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service",
                "--bounding-set=-all,+net_bind_service", *command.split()]

    def start(self, name):
        unit = self.unit(name)
        self.given = self.environment(unit)
        self.process = subprocess.Popen(
            self.as_its_user(unit, unit["ExecStart"]), env=self.given, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.wait_for(b"READY=1")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        text = (self.process.stderr.read() or b"").decode()
        self.process.stderr.close()
        self.notify.close()
        os.unlink("/run/notify")
        self.process = None
        return code, text

    def run(self, words):
        verb, name = [word for word in words if not word.startswith("--")][:2]
        if verb in ("enable", "start"):
            self.start(name)
        elif verb == "reload":
            unit = self.unit(name)
            subprocess.run(self.as_its_user(unit, unit["ExecReload"]), env=self.given, check=True, stdout=subprocess.DEVNULL)
        elif verb == "stop":
            code, text = self.stop()
            if code != 0 or "Sanitizer" in text:
                raise AssertionError(f"the unit ended with {code}:\n{text}")
        else:
            raise AssertionError(f"systemctl {verb}?")


class Operations(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.assertEqual(os.geteuid(), 0, "docs/operations.md is for root; run this test as root")
        os.umask(0o022)
        self.layers = cover()
        self.addCleanup(shutil.rmtree, self.layers, True)
        self.systemctl = Systemctl()
        self.addCleanup(self.end)
        self.said = {}

    def end(self):
        if self.systemctl.process is not None:
            self.systemctl.process.kill()
            self.systemctl.process.wait()

    def shell(self, command):
        """One command as a person types it; what it says."""
        if command.startswith("systemctl "):
            self.systemctl.run(command.split()[1:])
            return ""
        result = subprocess.run(["/bin/sh", "-c", command], cwd=BUILD, capture_output=True, text=True, timeout=10 * PATIENCE,
                                env={"PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root",
                                     "LC_ALL": "C.UTF-8"})
        self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def write(self, text):
        path = re.match(r"# (/\S+)\n", text).group(1)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def checks(self, command, said):
        """What is true after a command, beyond its exit status."""
        if command == "make install":
            with open("/root/bob.password", "w", encoding="utf-8") as file:
                file.write("battery staple\n")
        elif command == "sennit user list":
            self.assertRegex(said, r"(?m)^alice .*operator")
            self.assertRegex(said, r"(?m)^bob")
            self.assertEqual(os.stat("/var/lib/sennit/sennit.db").st_uid, os.stat("/var/lib/sennit").st_uid)
        elif command == "systemctl enable --now sennit":
            self.clients_come("Knots")
            self.nobody_is_privileged()
        elif command == "sennit ctl sessions":
            self.assertRegex(said, r"alice +alice")
        elif command.startswith("systemctl reload"):
            self.alice.send("PING :after")
            self.alice.expect("PONG .*after")
            self.new_client("carl", "NETWORK=Bends")
        elif command == "sennit ctl upgrade":
            self.assertEqual(self.pid, self.systemctl.process.pid)
            self.new_client("dora", "NETWORK=Bends")
        elif command == "sennit user show alice":
            self.assertIn("operator", said)
            self.new_client("emil", "NETWORK=Bends")

    def new_client(self, nick, line):
        client = IrcClient(("127.0.0.1", 6667))
        self.addCleanup(client.close)
        client.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        client.expect(line)
        return client

    def clients_come(self, network):
        self.pid = self.systemctl.process.pid
        alice = self.alice = IrcClient(("127.0.0.1", 6667))
        self.addCleanup(alice.close)
        alice.send("CAP REQ :sasl", "AUTHENTICATE PLAIN")
        alice.expect(r"AUTHENTICATE \+")
        alice.send("AUTHENTICATE AGFsaWNlAGNvcnJlY3QgaG9yc2U=")
        alice.expect(" 903 ")
        alice.send("CAP END", "NICK alice", "USER alice 0 * :alice")
        alice.expect("NETWORK=" + network)

    def nobody_is_privileged(self):
        """Of the daemon's processes, as the kernel tells."""
        found = 0
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/status", encoding="utf-8") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(entry) == self.pid or int(status["PPid"]) == self.pid:
                found += 1
                self.assertNotIn("0", status["Uid"].split(), status["Name"])
                self.assertEqual(int(status["CapEff"], 16) & ~(1 << 10), 0, status["Name"])  # CAP_NET_BIND_SERVICE
                self.assertEqual(status["NoNewPrivs"], "1", status["Name"])
        self.assertGreaterEqual(found, 2, "supervisor and worker")

    def test_every_step(self):
        ran = 0
        for language, text in blocks():
            if language == "toml":
                self.write(text)
                continue
            self.assertEqual(language, "sh")
            for command in text.splitlines():
                self.checks(command, self.shell(command))
                ran += 1
        self.assertGreater(ran, 30)
        self.assertIsNone(self.systemctl.process, "the last step stops it")


if __name__ == "__main__":
    if os.environ.get("SN_OPERATIONS_INSIDE") != "yes":
        os.environ["SN_OPERATIONS_INSIDE"] = "yes"
        own = [] if os.geteuid() == 0 else ["--map-root-user", "--user"]
        os.execv(need("unshare"), ["unshare", "--mount", *own, sys.executable, *sys.argv])
    unittest.main()
