#!/usr/bin/env python3
"""Completion of sennit's words in real shells: bash and zsh at a terminal with the Tab key, fish by its own query."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import BUILD, PATIENCE, SENNIT, need


def script(shell):
    return subprocess.run([SENNIT, "completion", shell], capture_output=True, text=True, check=True).stdout


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, directory, *command):
        self.seen = ""
        env = {"PATH": BUILD + ":" + os.environ["PATH"], "HOME": directory, "TERM": "dumb", "LC_ALL": "C.UTF-8",
               "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execve(command[0], command, env)

    def type(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def expect(self, text):
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            data = os.read(self.fd, 4096).decode("utf-8", "replace")
            # Bells, and what a terminal without abilities does to go back over what it wrote.
            self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07|\r", "", data)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Shells(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="sennit-test-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        for name in ("sennit.toml", "motd.txt"):
            open(os.path.join(self.directory, name), "w", encoding="utf-8").close()

    # What is typed before the Tab, and what then stands on the line.
    LINES = (
        ("sennit comple", "sennit completion "),
        ("sennit ctl stat", "sennit ctl status "),
        ("sennit irc --log-f", "sennit irc --log-f"),
        ("sennit irc --log-format js", "sennit irc --log-format json "),
        ("sennit irc --listen udp", "sennit irc --listen udp:"),
        ("sennit irc --listen tls:certs:hap", "sennit irc --listen tls:certs:haproxy:"),
        ("sennit irc --listen tcp:6667:inter", "sennit irc --listen tcp:6667:interface="),
        ("sennit irc -o ping_t", "sennit irc -o ping_timeout="),
        ("sennit irc --motd mo", "sennit irc --motd motd.txt "),
        ("sennit check sen", "sennit check sennit.toml "),
    )

    def complete_at_terminal(self, terminal):
        self.addCleanup(terminal.close)
        terminal.type("echo rea''dy\n")
        terminal.expect("ready\n")
        for typed, line in self.LINES:
            terminal.type(typed + "\t")
            terminal.expect(line)
            # Nothing of it is run: the line is thrown away, and the next prompt awaited.
            terminal.type("\x15echo do''ne\n")
            terminal.expect("done\n")

    def test_bash(self):
        path = os.path.join(self.directory, "completion.bash")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script("bash"))
        self.complete_at_terminal(Terminal(self.directory, need("bash"), "--noprofile", "--rcfile", path, "-i"))

    def test_zsh(self):
        with open(os.path.join(self.directory, ".zshrc"), "w", encoding="utf-8") as file:
            file.write("unsetopt zle_bracketed_paste prompt_sp 2>/dev/null\nPS1='%% '\n"
                       f"autoload -U compinit && compinit -u -d {self.directory}/dump\n" + script("zsh"))
        self.complete_at_terminal(Terminal(self.directory, need("zsh"), "-d", "-i"))

    def test_zsh_autoloaded(self):
        """As `make install` has it: a file _sennit where zsh looks."""
        with open(os.path.join(self.directory, "_sennit"), "w", encoding="utf-8") as file:
            file.write(script("zsh"))
        with open(os.path.join(self.directory, ".zshrc"), "w", encoding="utf-8") as file:
            file.write(f"PS1='%% '\nfpath=({self.directory} $fpath)\n"
                       f"autoload -U compinit && compinit -u -d {self.directory}/dump\n")
        self.complete_at_terminal(Terminal(self.directory, need("zsh"), "-d", "-i"))

    def test_fish(self):
        path = os.path.join(self.directory, "sennit.fish")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script("fish"))
        env = {**os.environ, "PATH": BUILD + ":" + os.environ["PATH"], "HOME": self.directory}
        for typed, line in self.LINES:
            query = subprocess.run([need("fish"), "--no-config", "-c", f"source {path}; complete -C '{typed}'"],
                                   capture_output=True, text=True, env=env, cwd=self.directory, timeout=PATIENCE)
            self.assertEqual(query.returncode, 0, query.stderr)
            words = [candidate.split("\t")[0] for candidate in query.stdout.splitlines()]
            wanted = line.strip().split(" ")[-1]
            if wanted == typed.split(" ")[-1]:
                self.assertGreater(len(words), 1)  # several go on from there
            else:
                self.assertIn(wanted, words, typed)


class Words(unittest.TestCase):
    def words(self, *typed):
        run = subprocess.run([SENNIT, "completion", "--words", *typed], capture_output=True, text=True, check=True)
        return [line.split("\t")[0] for line in run.stdout.splitlines()]

    def test_every_command_has_help_that_completes(self):
        for command in self.words(""):
            text = subprocess.run([SENNIT, command, "--help"], capture_output=True, text=True, check=True).stdout
            for option in re.findall(r"(?m)^  (--[\w-]+)", text):
                self.assertIn(option, self.words(command, "-"), command)

    def test_options_say_what_they_are(self):
        run = subprocess.run([SENNIT, "completion", "--words", "irc", "--"], capture_output=True, text=True, check=True)
        for line in run.stdout.splitlines():
            self.assertRegex(line, r"^--[\w-]+\t\S.+$")

    def test_unknown(self):
        self.assertEqual(self.words("nothing", ""), [])
        self.assertEqual(self.words("irc", "--nothing", ""), self.words("irc", ""))


if __name__ == "__main__":
    unittest.main()
