#!/usr/bin/env python3
"""Where the daemon's log lines go: standard error read by the journal, a syslog socket, the journal's own
protocol, and a file that is renamed under it."""
import json
import os
import re
import socket
import struct
import time
import unittest

from harness import DaemonTest, PATIENCE


def journal_fields(datagram):
    """The native protocol, read as systemd describes it."""
    fields = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name = line
            (size,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        assert re.fullmatch(rb"[A-Z][A-Z0-9_]{0,63}", name), name
        fields.setdefault(name.decode(), []).append(value.decode())
        datagram = rest
    return fields


class Targets(DaemonTest):
    def service(self, path):
        """A log service, ready to be written to."""
        service = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(service.close)
        service.bind(path)
        service.settimeout(PATIENCE)
        return service

    def run_with(self, target):
        path = os.path.join(self.directory(), "log")
        service = self.service(path)
        config = os.path.join(self.directory(), "sennit.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[log]\ntarget = "{target}"\nsocket = "{path}"\n'
                       '[service.irc]\nlisten = ["tcp:0:interface=127.0.0.1"]\n')
        daemon = self.daemon("run", config)
        daemon.address()
        return daemon, service, path

    def await_datagram(self, service, pattern):
        while True:
            data = service.recv(1 << 17)
            if re.search(pattern, data):
                return data

    def test_syslog(self):
        daemon, service, path = self.run_with("syslog")
        line = self.await_datagram(service, rb"started")
        self.assertRegex(line, rb"^<30>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d sennit\[\d+\]: \[sennit\] started version=")
        # The service is replaced, as when its package is upgraded.
        service.close()
        os.unlink(path)
        service = self.service(path)
        daemon.process.terminate()
        self.await_datagram(service, rb"\[sennit\] stopping")
        self.assertNotIn("[sennit]", daemon.stop())

    def test_journald(self):
        _, service, _ = self.run_with("journald")
        fields = journal_fields(self.await_datagram(service, rb"SENNIT_EVENT=started"))
        self.assertEqual(fields["PRIORITY"], ["6"])
        self.assertEqual(fields["SYSLOG_IDENTIFIER"], ["sennit"])
        self.assertEqual(fields["SENNIT_NS"], ["sennit"])
        self.assertTrue(fields["SENNIT_VERSION"][0])
        self.assertTrue(fields["MESSAGE"][0].startswith("[sennit] started version="))

    def test_json_lines(self):
        daemon, _ = self.irc()
        lines = [json.loads(line) for line in daemon.stop().splitlines()]
        self.assertIn("started", [line["event"] for line in lines])
        for line in lines:
            self.assertEqual(list(line)[:4], ["time", "level", "ns", "event"])

    def test_standard_error_read_by_the_journal(self):
        """JOURNAL_STREAM names the file behind descriptor 2: priorities, and no time, which the journal adds."""
        directory = self.directory()
        with open(os.path.join(directory, "daemon.log"), "wb") as file:
            status = os.fstat(file.fileno())
        daemon = self.daemon("irc", "--listen", "tcp:0:interface=127.0.0.1", cwd=directory,
                             env={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        daemon.address()
        lines = daemon.stop().splitlines()
        self.assertTrue(any(line.startswith("<6>[sennit] started version=") for line in lines), lines)
        for line in lines:
            self.assertRegex(line, r"^<[2-7]>\[")

    def events(self, path):
        """The events of the whole lines that a log file has by now."""
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line)["event"] for line in file if line.endswith("\n")]

    def test_renamed_file(self):
        directory = self.directory()
        path = os.path.join(directory, "sennit.log")
        daemon, address = self.irc("--log-file", path, "--log-level", "debug")
        client = self.client(address, "first")
        while not os.path.getsize(path):
            client.sync()
        client.close()
        os.rename(path, path + ".1")
        # Each process looks for itself once a second, so another than the worker may have made the new file: one
        # client after the other until one of them stands in it.
        deadline = time.monotonic() + PATIENCE
        number = 0
        while "client-registered" not in self.events(path) and time.monotonic() < deadline:
            client = self.client(address, f"rotate{number}")
            client.close()
            number += 1
        daemon.stop()
        events = {name: self.events(name) for name in (path, path + ".1")}
        self.assertIn("client-registered", events[path])
        self.assertIn("started", events[path + ".1"])
        # For the same reason the supervisor's last line may be in either.
        self.assertEqual((events[path] + events[path + ".1"]).count("stopped"), 1)


if __name__ == "__main__":
    unittest.main()
