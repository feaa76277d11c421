#!/usr/bin/env python3
"""kill -9 of the supervisor under load: nothing outlives it for a second, and the next daemon finds ports, sockets,
lock and database free at once. As root it is a daemon with a broker, of another user.

SN_FAULT_ROUNDS (5): how often; 100 is the long form."""
import os
import pwd
import shutil
import signal
import socket
import time
import unittest

from fault_harness import CHATTY, CROWDED, LOCAL, UNRULY, FaultTest, alive, descendants, figure, rounds, spread

ROUNDS = rounds(5)


class Supervisor(FaultTest):
    def place(self):
        """A folder for all of a daemon's things, and the lines of [server] for it: as root, it is of user nobody."""
        folder = self.directory()
        shutil.copy(UNRULY, folder)
        if os.geteuid() != 0:
            return folder, ""
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        os.chmod(folder, 0o755)
        return folder, f'user = "nobody"\nruntime = "{folder}/run"\n'

    def configure(self, folder, server, port):
        self.write(f"{folder}/sennit.toml", f"""
[service.irc]
listen = ["tcp:{port}:interface=127.0.0.1", "unix:{folder}/irc.sock"]
auth = ["accounts"]
open = true
{CHATTY}
[service.other]
type = "unruly"
worker = "other"
{LOCAL}{CROWDED}
[worker.other]
processes = "2"
""", f'[server]\nstate = "{folder}/state"\n{server}[plugin.unruly]\npath = "{folder}/unruly.so"\n')

    def gone_after(self, daemon, pids):
        """Seconds from the kill to the end of the last one."""
        began = time.monotonic()
        daemon.process.kill()
        daemon.process.wait()
        self.wait_until(lambda: not any(map(alive, pids)), lambda: f"still there: {[p for p in pids if alive(p)]}")
        ended = time.monotonic() - began
        daemon.stop(expect=-signal.SIGKILL)
        return ended

    def start(self, folder, address):
        """Seconds until it serves, where the last one did."""
        began = time.monotonic()
        daemon = self.daemon("run", f"{folder}/sennit.toml", cwd=folder)
        self.assertEqual(daemon.address(), address)
        return daemon, time.monotonic() - began

    def test_killed(self):
        folder, server = self.place()
        self.configure(folder, server, 0)
        daemon = self.daemon("run", f"{folder}/sennit.toml", cwd=folder)
        address = daemon.address()
        self.configure(folder, server, address[1])
        ends, starts = [], []
        for _ in range(ROUNDS):
            crowd = self.crowd("steady", address, 50, 10)
            pids = descendants(daemon.process.pid)
            self.assertEqual(len(pids), 3 + (os.geteuid() == 0), daemon.children())
            ends.append(self.gone_after(daemon, pids))
            crowd.stop()
            daemon, seconds = self.start(folder, address)
            starts.append(seconds)
            self.client(address, "alice").sync()
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(folder + "/irc.sock")
            self.client(sock, "bob").sync()
            self.assertNotIn("no-accounts", daemon.stderr())
        figure("kill -9 of the supervisor", ROUNDS, f"its {len(pids)} processes are gone after {spread(ends)}; "
               f"the next daemon serves the same port, socket and database after {spread(starts)}")
        self.assertLess(max(ends), 1.0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
