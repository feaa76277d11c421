"""What the daemon's fault tests share: crowds of clients in C, a plugin that misbehaves on request, files of
configuration that change, and figures for `make reliability`."""
import json
import os
import re
import select
import statistics
import subprocess
import sys
import time

SRC = os.environ.get("SN_SRCDIR", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
sys.path.insert(0, os.path.join(SRC, "tests/interop"))
from harness import BUILD, PATIENCE, SENNIT, DaemonTest, IrcClient, Lines, alive, children_of, need  # noqa: E402

CROWD = os.path.join(BUILD, "tests/fault/many_clients")
UNRULY = os.path.join(BUILD, "tests/fault/unruly.so")
LOCAL = 'listen = "tcp:0:interface=127.0.0.1"\n'
# Clients that talk as fast as they can are not what is tested here.
CROWDED = "max_connections = 10000\nmax_per_address = 10000\n"
CHATTY = CROWDED + "flood_rate = 1000\nflood_burst = 10000\n"


def rounds(few):
    """How often; the short form's number unless SN_FAULT_ROUNDS says more."""
    return int(os.environ.get("SN_FAULT_ROUNDS", few))


def figure(fault, times, result):
    """A row of docs/reliability.md."""
    print(f"figure: {fault} | {times} | {result}", flush=True)


def spread(seconds):
    """ "median, p99, max" of times, in ms."""
    ordered = sorted(seconds)
    p99 = ordered[int(0.99 * (len(ordered) - 1))]
    return f"{statistics.median(ordered) * 1e3:.0f} ms median, {p99 * 1e3:.0f} ms p99, {ordered[-1] * 1e3:.0f} ms at most"


def sanitized():
    """Whether the program was built with AddressSanitizer."""
    return "libasan" in subprocess.run([need("ldd"), SENNIT], capture_output=True, text=True, check=True).stdout


def descendants(pid):
    found = children_of(pid)
    return found + [below for child in found for below in descendants(child)]


class Crowd:
    """tests/fault/many_clients, which has the counters."""

    def __init__(self, mode, address, count, milliseconds=0):
        self.process = subprocess.Popen([CROWD, mode, address[0], str(address[1]), str(count), str(milliseconds)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.out = Lines(lambda n: os.read(self.process.stdout.fileno(), n), self.process.stdout.fileno())
        self.out.expect("^ready$", 2 * PATIENCE)
        self.seen()

    def seen(self):
        """What happened since the last question."""
        self.process.stdin.write(b"?")
        self.process.stdin.flush()
        return json.loads(self.out.get(time.monotonic() + PATIENCE))

    def end(self):
        """All since the last question; whoever is still there has been answered in it."""
        total, deadline = self.seen(), time.monotonic() + PATIENCE
        while total["answers"] < 2 * total["alive"] and time.monotonic() < deadline:
            select.select([], [], [], 0.05)
            for key, value in self.seen().items():
                if key in ("answers", "lost", "refused", "errors"):
                    total[key] += value
                else:
                    total[key] = value if key == "alive" else max(value, total[key])
        self.stop()
        return total

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class FaultTest(DaemonTest):
    def configured(self, text, server="", **kwargs):
        """A daemon with a file of its own: (daemon, the file's path). The plugin is in it."""
        directory = self.directory()
        path = os.path.join(directory, "sennit.toml")
        self.head = f'[server]\nstate = "{directory}/state"\n{server}[plugin.unruly]\npath = "{UNRULY}"\n'
        self.write(path, text)
        return self.daemon("run", path, **kwargs), path

    def write(self, path, text, head=None):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write((self.head if head is None else head) + text)
        os.rename(path + ".new", path)

    def crowd(self, *args, **kwargs):
        crowd = Crowd(*args, **kwargs)
        self.addCleanup(crowd.stop)
        return crowd

    def speak(self, address, patience=PATIENCE):
        """A client of the plugin."""
        client = IrcClient(address, timeout=patience)
        self.addCleanup(client.close)
        return client

    def logged(self, daemon, pattern, times=1):
        """Until the log has it; the matches."""
        self.wait_until(lambda: len(re.findall(pattern, daemon.stderr())) >= times,
                        lambda: f"no {pattern}:\n{daemon.stderr()[-5000:]}")
        return re.findall(pattern, daemon.stderr())

    def assert_undisturbed(self, seen, longest_ms=None):
        self.assertEqual((seen["lost"], seen["refused"], seen["errors"]), (0, 0, 0), seen)
        self.assertGreater(seen["answers"], 0)
        if longest_ms is not None:
            self.assertLess(max(seen["max_ms"], seen["waiting_ms"]), longest_ms, seen)
