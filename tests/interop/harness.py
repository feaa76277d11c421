"""What the interop tests share: the real daemon as a child, certificates, a bare IRC client, and a way to
require a tool by name. Loopback only; every wait has a deadline; nothing sleeps."""
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

SRC = os.environ.get("SN_SRCDIR", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.environ.get("SN_BUILDDIR", os.path.join(SRC, "build"))
SENNIT = os.path.join(BUILD, "sennit")
# Nothing of a test lands in the state directory of whoever runs it.
_state = tempfile.TemporaryDirectory(prefix="sennit-state-")
os.environ["STATE_DIRECTORY"] = os.path.join(_state.name, "state")
os.environ["RUNTIME_DIRECTORY"] = os.path.join(_state.name, "run")

PATIENCE = float(os.environ.get("SN_TEST_PATIENCE", "30"))


def need(tool):
    """The path of a tool; a test that lacks it fails with its name."""
    path = shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise AssertionError(f"{tool} is not installed; scripts/test installs everything the tests need")
    return path


def readable(fd, seconds):
    """Whether there is something to read, or an end, within this time; for descriptors of any number."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


class Lines:
    """Lines of a pipe or socket, with a deadline on every read."""

    def __init__(self, read, fileno):
        self.read, self.fileno, self.buffer, self.seen = read, fileno, b"", []

    def get(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not (self.pending() or readable(self.fileno, left)):
                raise TimeoutError("no line in time; seen so far:\n" + "\n".join(self.seen[-30:]))
            data = self.read(65536)
            if not data:
                raise EOFError("closed; seen so far:\n" + "\n".join(self.seen[-30:]))
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        text = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
        self.seen.append(text)
        return text

    def pending(self):
        return False

    def expect(self, pattern, patience=PATIENCE):
        """The first line that matches; the ones before it are passed over."""
        deadline = time.monotonic() + patience
        while True:
            line = self.get(deadline)
            match = re.search(pattern, line)
            if match:
                return match


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Daemon:
    """The real program. Its addresses come from the lines it greets with."""

    def __init__(self, *args, env=None, cwd=None, stdin=subprocess.DEVNULL, preexec=None, pass_fds=(), prefix=(),
                 program=None):
        self.directory = cwd or tempfile.mkdtemp(prefix="sennit-test-")
        self.own_directory = cwd is None
        self.log = open(os.path.join(self.directory, "daemon.log"), "w+b")
        self.process = subprocess.Popen(
            [*prefix, program or SENNIT, *args], stdin=stdin, stdout=subprocess.PIPE, stderr=self.log, cwd=self.directory,
            env={**os.environ, "STATE_DIRECTORY": os.path.join(self.directory, "state"),
                 "RUNTIME_DIRECTORY": os.path.join(self.directory, "run"), **(env or {})},
            preexec_fn=preexec, pass_fds=pass_fds)
        self.out = Lines(lambda n: os.read(self.process.stdout.fileno(), n), self.process.stdout.fileno())

    def address(self):
        """(host, port) of the next listener it announces."""
        try:
            match = self.out.expect(r"listening on (?:\[([0-9a-f:]+)\]|([0-9.]+)):(\d+)")
        except (EOFError, TimeoutError) as error:
            raise AssertionError(f"the daemon did not start: {error}\n{self.stderr()}") from None
        return match.group(1) or match.group(2), int(match.group(3))

    def ctl(self, *words, expect=0, json_output=True):
        """`sennit ctl` for this daemon: the last object of its answer, or its text."""
        result = subprocess.run([SENNIT, "ctl", *(["--json"] if json_output else []), *words], capture_output=True,
                                text=True, timeout=PATIENCE,
                                env={**os.environ, "RUNTIME_DIRECTORY": os.path.join(self.directory, "run")})
        if expect is not None and result.returncode != expect:
            raise AssertionError(f"ctl {words} ended with {result.returncode}: {result.stdout}{result.stderr}\n{self.stderr()}")
        return json.loads(result.stdout.splitlines()[-1]) if json_output else result.stdout + result.stderr

    def stderr(self):
        self.log.flush()
        with open(self.log.name, "rb") as file:
            return file.read().decode("utf-8", "replace")

    def wait(self, patience=PATIENCE):
        return self.process.wait(patience)

    def children(self):
        """Its processes by role: {"@worker main/0": pid, "@broker": pid}."""
        found = {}
        for pid in children_of(self.process.pid):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode().split("\0")
            except OSError:
                continue
            if len(words) > 2 and words[1].startswith("@"):
                found[" ".join(words[1:-1])] = pid
        return found

    def worker(self, place="main/0", other_than=None):
        """The pid of a worker; with other_than, of the next one that takes its place."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pid = self.children().get("@worker " + place)
            if pid is not None and pid != other_than:
                return pid
            select.select([], [], [], 0.005)
        raise AssertionError(f"there is no worker {place}\n{self.stderr()}")

    def stop(self, signo=signal.SIGTERM, expect=0):
        """End it, unless it has been, and look at how it ended: a crash or a sanitizer's report fails the test."""
        if self.log.closed:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signo)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the daemon did not stop in time\n" + self.stderr()) from None
        text = self.stderr()
        self.process.stdout.close()
        self.log.close()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        if code != expect or "ERROR: AddressSanitizer" in text or "runtime error:" in text or "LeakSanitizer" in text:
            raise AssertionError(f"the daemon ended with {code}, expected {expect}\n{text}")
        return text


class IrcClient(Lines):
    """Lines in, lines out: no library between the test and the wire."""

    def __init__(self, address, tls=None, timeout=PATIENCE):
        """address: (host, port), or a connected socket."""
        raw = address if isinstance(address, socket.socket) else socket.create_connection(address, timeout=timeout)
        self.socket = tls.wrap_socket(raw, server_hostname="irc.test") if tls else raw
        self.tls = tls
        super().__init__(self.socket.recv, self.socket.fileno())

    def pending(self):
        return bool(self.tls) and self.socket.pending() > 0

    def send(self, *lines):
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def register(self, nick, *caps):
        self.nick = nick
        if caps:
            self.send("CAP LS 302", "CAP REQ :" + " ".join(caps))
        self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick} of the tests", *(["CAP END"] if caps else []))
        self.expect(r" (376|422) ")
        return self

    def sync(self):
        """Everything said before this has been answered."""
        self.send("PING :sync")
        self.expect(r"PONG .*:?sync")

    def sync_collect(self):
        """The lines that came before the answer to a PING of now."""
        start = len(self.seen)
        self.sync()
        return self.seen[start:-1]

    def close(self):
        self.socket.close()


def make_certificate(directory, name="irc.test", filename=None, made="now"):
    """A self-signed PEM (key and certificate in one file), good for 30 days from when it was made."""
    path = os.path.join(directory, filename or name + ".pem")
    key, crt = path + ".key", path + ".crt"
    at = [] if made == "now" else [need("faketime"), made]
    subprocess.run([*at, need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", crt, "-days", "30", "-subj", "/CN=" + name,
                    "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"], check=True, capture_output=True)
    with open(path, "wb") as out:
        for part in (key, crt):
            with open(part, "rb") as file:
                out.write(file.read())
            os.unlink(part)
    return path


def tls_context(pem):
    context = ssl.create_default_context(cafile=pem)
    return context


class DaemonTest(unittest.TestCase):
    """Starts daemons that the end of the test stops, and looks at how they stopped."""

    def daemon(self, *args, **kwargs):
        daemon = Daemon(*args, **kwargs)
        self.addCleanup(daemon.stop)
        return daemon

    def irc(self, *args, **kwargs):
        """A chat server on a port of the system's choice: (daemon, address)."""
        daemon = self.daemon("irc", "--listen", "tcp:0:interface=127.0.0.1", *args, **kwargs)
        return daemon, daemon.address()

    def client(self, address, nick=None, *caps, **kwargs):
        client = IrcClient(address, **kwargs)
        self.addCleanup(client.close)
        return client.register(nick, *caps) if nick else client

    def wait_until(self, condition, why=""):
        """Until it holds; asked again after a little while."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, why() if callable(why) else why)
            select.select([], [], [], 0.01)

    def directory(self):
        path = tempfile.mkdtemp(prefix="sennit-test-")
        self.addCleanup(shutil.rmtree, path, True)
        return path
