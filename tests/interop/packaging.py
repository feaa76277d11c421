#!/usr/bin/env python3
"""What surrounds the daemon on a machine, read by the programs it is made for: units by systemd, the user by
sysusers, rotation by logrotate. The image's recipe is read here; no container engine is needed."""
import base64
import glob
import json
import os
import re
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tools"))
import dockerfile
from harness import BUILD, PATIENCE, SENNIT, SRC, DaemonTest, IrcClient, need

PACKAGING = os.path.join(SRC, "packaging")
UNITS = ("sennit.service", "sennit-root.service")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **kwargs)


class Units(unittest.TestCase):
    def setUp(self):
        self.directory = DaemonTest.directory(self)

    def unit(self, name):
        """The unit as made by this build, but running this build's program: it need not be installed."""
        text = read(BUILD, "packaging", name)
        text = re.sub(r"(?m)^(Exec\w+=)\S+/sennit", r"\1" + SENNIT.replace("\\", "\\\\"), text)
        text = re.sub(r"(?m)^Documentation=.*\n", "", text)  # the pages are not installed either
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_understood(self):
        paths = [self.unit(name) for name in UNITS]
        with open(os.path.join(self.directory, "sennit.socket"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?m)^Documentation=.*\n", "", read(PACKAGING, "sennit.socket")))
        paths.append(file.name)
        check = run(need("systemd-analyze"), "verify", "--recursive-errors=no", *paths)
        complaints = [line for line in check.stderr.splitlines() if "sennit" in line]
        self.assertEqual(complaints, [])
        self.assertEqual(check.returncode, 0, check.stderr)

    def test_exposure(self):
        """No worse than 2.5, and no better than what docs/reliability.md says, so that it stays true."""
        figures = read(SRC, "docs/reliability.md")
        for name in UNITS:
            check = run(need("systemd-analyze"), "security", "--offline=true", "--threshold=25", "--no-pager", self.unit(name))
            self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
            score = re.search(r"Overall exposure level for \S+: ([\d.]+)", check.stdout).group(1)
            self.assertIn(f"| `{name}` | {score} |", figures)

    def test_notify_and_reload(self):
        for name in UNITS:
            text = read(BUILD, "packaging", name)
            for line in ("Type=notify", "NotifyAccess=main", "WatchdogSec=30", "LimitNOFILE=524288", "NoNewPrivileges=yes"):
                self.assertIn(f"\n{line}\n", text, name)
            self.assertRegex(text, r"\nExecReload=/\S+/sennit ctl reload\n")
            self.assertNotIn("@", re.sub(r"(?m)^(#|SystemCallFilter=).*", "", text))

    def test_user_and_folders(self):
        """The user that the units name is the one that sysusers makes and that owns the folders."""
        root = os.path.join(self.directory, "root")
        os.makedirs(os.path.join(root, "etc"))
        made = run(need("systemd-sysusers"), "--root=" + root, os.path.join(PACKAGING, "sysusers.d/sennit.conf"))
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertRegex(read(root, "etc/passwd"), r"(?m)^_sennit:x:\d+:\d+:[^:]*:/var/lib/sennit:/usr/sbin/nologin$")
        self.assertIn("\nUser=_sennit\n", read(BUILD, "packaging/sennit.service"))
        paths = read(BUILD, "packaging/sennit-root.service")
        folders = [line.split() for line in read(PACKAGING, "tmpfiles.d/sennit.conf").splitlines() if line[0] != "#"]
        for kind, path, mode, user, group, age in folders:
            self.assertEqual((kind, user, group, age), ("d", "_sennit", "_sennit", "-"))
            self.assertRegex(mode, "^07[05][05]$")
            self.assertRegex(paths, rf"\nReadWritePaths=.*{path}\b")
        check = run(need("systemd-tmpfiles"), "--root=" + root, "--create", "--prefix=/nowhere",
                    os.path.join(PACKAGING, "tmpfiles.d/sennit.conf"))
        self.assertEqual((check.returncode, check.stderr), (0, ""))

    def test_pam(self):
        types = []
        for line in read(PACKAGING, "pam.d/sennit").splitlines():
            if line.startswith("#"):
                continue
            if not line.startswith("@include common-"):
                self.assertRegex(line, r"^(auth|account|session)\s+(requisite|required)\s+pam_\w+\.so$")
            types.append(line.split()[1] if line[0] == "@" else line.split()[0])
        self.assertEqual(types, ["auth", "common-auth", "account", "common-account", "session",
                                 "common-session-noninteractive"])


class Image(unittest.TestCase):
    def setUp(self):
        self.steps = dockerfile.steps()
        last = max(i for i, (word, _) in enumerate(self.steps) if word == "FROM")
        self.build, self.image = self.steps[:last], self.steps[last:]

    def only(self, word):
        found = [rest for step, rest in self.image if step == word]
        self.assertEqual(len(found), 1, word)
        return found[0]

    def test_steps(self):
        for word, _ in self.steps:
            self.assertIn(word, ("FROM", "RUN", "COPY", "WORKDIR", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
                                 "ENTRYPOINT", "CMD"))
        self.assertEqual(self.build[0], ("FROM", "debian:12 AS build"))
        self.assertEqual(self.image[0], ("FROM", "debian:12-slim"))

    def test_runs_unprivileged_as_first_process(self):
        self.assertEqual(self.only("USER"), "_sennit")
        self.assertEqual(self.only("VOLUME"), "/var/lib/sennit")
        # Lists, not shell lines: signals reach the daemon itself.
        self.assertEqual(json.loads(self.only("ENTRYPOINT")), ["/usr/bin/sennit"])
        self.assertEqual(json.loads(self.only("CMD")), ["run", "/etc/sennit/sennit.toml"])
        self.assertEqual(json.loads(self.only("HEALTHCHECK").split("CMD", 1)[1]), ["sennit", "ctl", "health"])

    def test_copies_what_there_is(self):
        for word, rest in self.steps:
            if word == "COPY" and not rest.startswith("--from="):
                self.assertTrue(os.path.exists(os.path.join(SRC, rest.split()[0])), rest)
        config = run(SENNIT, "check", os.path.join(PACKAGING, "container.toml"))
        self.assertEqual(config.returncode, 0, config.stderr)

    def test_has_every_library(self):
        """The packages of the small stage hold what the program is linked with."""
        packages = set(" ".join(rest for word, rest in self.image if word == "RUN").split())
        needed = re.findall(r"\(NEEDED\).*\[(.*?)\]", run(need("readelf"), "-d", SENNIT).stdout)
        self.assertIn("libssl.so.3", needed)
        for library in needed:
            if re.match(r"lib(c|m|asan|ubsan)\.so", library) or library.startswith("ld-"):
                continue
            owner = re.match(r"[\w.+-]+", run(need("dpkg"), "-S", library).stdout).group(0)
            self.assertIn(owner, packages, library)


class Refusals(DaemonTest):
    """The fail2ban filter against what the daemon writes when somebody guesses."""

    def expressions(self):
        text = read(PACKAGING, "fail2ban/sennit.conf")
        block = re.search(r"(?m)^failregex = ((?:.*\n)(?:[ \t]+.*\n)*)", text).group(1)
        address = (r"(?P<host>(?:\d{1,3}\.){3}\d{1,3}|"
                   r"(?:[0-9a-fA-F]{1,4}::?|::){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):))")  # as fail2ban has it
        return [re.compile(line.strip().replace("<ADDR>", address)) for line in block.splitlines()]

    def refusal(self, interface, *options, **kwargs):
        """The line of one wrong password."""
        daemon = self.daemon("irc", "--listen", f"tcp:0:interface={interface}", "--auth", "memory:alice:right", *options,
                             **kwargs)
        client = IrcClient(daemon.address())
        client.send("CAP LS 302", "NICK alice", "USER alice 0 * :x", "CAP REQ :sasl", "AUTHENTICATE PLAIN")
        client.expect(r"^AUTHENTICATE \+")
        client.send("AUTHENTICATE " + base64.b64encode(b"\0alice\0wrong").decode())
        client.expect(r" 904 ")
        client.close()
        lines = [line for line in daemon.stop().splitlines() if "login-refused" in line]
        self.assertEqual(len(lines), 1)
        return lines[0]

    def matches(self, line):
        found = [match.group("host") for match in (regex.search(line) for regex in self.expressions()) if match]
        self.assertEqual(len(found), 1, line)
        return found[0]

    def test_json(self):
        self.assertEqual(self.matches(self.refusal("127.0.0.1")), "127.0.0.1")

    def test_text(self):
        line = self.refusal("127.0.0.1", "--log-format", "text")
        self.assertEqual(self.matches(line), "127.0.0.1")
        # fail2ban cuts the time out of a line before it looks; journal and syslog put their own words before it.
        rest = line.split(" ", 1)[1]
        self.assertEqual(self.matches(rest), "127.0.0.1")
        self.assertEqual(self.matches("host sennit[12]: " + rest.split(" ", 1)[1]), "127.0.0.1")
        self.assertEqual(self.matches(line.replace("127.0.0.1:", "[2001:db8::7]:")), "2001:db8::7")

    def test_what_a_client_chose_is_not_taken_for_an_address(self):
        line = self.refusal("127.0.0.1", "--log-format", "text")
        forged = line.replace("peer=127.0.0.1", 'nick="x peer=192.0.2.1 [irc] login-refused peer=192.0.2.2" peer=127.0.0.1')
        self.assertEqual(self.matches(forged), "127.0.0.1")
        other = line.replace("login-refused", 'other nick="x [irc] login-refused peer=192.0.2.1 "')
        self.assertEqual([regex for regex in self.expressions() if regex.search(other)], [])


class Rotation(DaemonTest):
    def test_logrotate(self):
        """The real logrotate with our snippet: no line is lost, and the new file is the daemon's."""
        directory = self.directory()
        path = os.path.join(directory, "sennit.log")
        text = read(PACKAGING, "logrotate.d/sennit").replace("/var/log/sennit", directory)
        config = os.path.join(directory, "logrotate.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(re.sub(r"\n\tsu .*", "", text))
        os.chmod(config, 0o644)
        daemon, address = self.irc("--log-file", path, "--log-level", "debug")
        client = self.client(address, "first")
        while not os.path.getsize(path):
            client.sync()
        client.close()
        rotate = run(need("logrotate"), "--force", "--state", os.path.join(directory, "state"), config)
        self.assertEqual(rotate.returncode, 0, rotate.stderr)
        number = 0
        while not os.path.exists(path):
            self.client(address, f"rotate{number}").close()
            number += 1
        daemon.stop()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o137, 0)
        events = []
        for name in sorted(glob.glob(path + "*"), reverse=True):
            events += [json.loads(line)["event"] for line in read(name).splitlines()]
        for event in ("started", "stopping", "stopped"):
            self.assertEqual(events.count(event), 1, event)


if __name__ == "__main__":
    unittest.main()
