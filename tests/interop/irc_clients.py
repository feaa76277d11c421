#!/usr/bin/env python3
"""Real IRC clients against the daemon: irssi, WeeChat, python3-irc and Twisted's IRCClient. Each joins
#lobby, says something that all others see, sees what they say, changes the topic and quits. Nothing sleeps:
every step waits for what it should bring about."""
import errno
import fcntl
import glob
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

import irc.client
from twisted.internet import protocol, reactor
from twisted.words.protocols import irc as twisted_irc

from harness import PATIENCE, DaemonTest, make_certificate, need

SAID = "said-by-{}"
TOPIC = "topic-of-{}"
REASON = "gone-{}"


class Guest:
    """A client of some make. `pump` lets it work for a moment; the rest is what a person would do with it."""
    account = None

    def pump(self):
        pass

    def say(self, text):
        raise NotImplementedError

    def topic(self, text):
        raise NotImplementedError

    def quit(self, reason):
        raise NotImplementedError

    def saw(self, text):
        raise NotImplementedError

    def story(self):
        return ""

    def close(self):
        pass


class Program(Guest):
    """A client that is a process of its own, and writes down in log files what it shows."""
    logs = None

    def __init__(self, directory):
        self.directory = directory
        self.environment = {**os.environ, "HOME": directory, "TERM": "xterm", "LC_ALL": "C.UTF-8"}

    def story(self):
        text = ""
        for path in glob.glob(os.path.join(self.directory, self.logs)):
            with open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text

    def saw(self, text):
        return text in self.story()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Irssi(Program):
    nick = "irssi"
    logs = "logs/*/*.log"

    CONFIG = """
servers = ( {{ address = "localhost"; port = "{port}"; chatnet = "test"; autoconnect = "yes"; {tls} }} );
chatnets = {{ test = {{ type = "IRC"; {sasl} }}; }};
channels = ( {{ name = "#lobby"; chatnet = "test"; autojoin = "yes"; }} );
settings = {{
  core = {{ nick = "{nick}"; user_name = "{nick}"; real_name = "irssi in a terminal"; }};
  "irc/core" = {{ cmd_queue_speed = "10msec"; cmds_max_at_once = "100"; }};
  "fe-common/core" = {{ autolog = "yes"; autolog_path = "{directory}/logs/$tag/$0.log"; }};
}};
"""

    def __init__(self, directory, address, pem=None, password=None):
        super().__init__(directory)
        config = os.path.join(directory, "config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.CONFIG.format(
                port=address[1], nick=self.nick, directory=directory,
                tls=f'use_tls = "yes"; tls_verify = "yes"; tls_cafile = "{pem}";' if pem else "",
                sasl=f'sasl_mechanism = "PLAIN"; sasl_username = "{self.nick}"; sasl_password = "{password}";'
                if password else ""))
        self.terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 100, 0, 0))
        self.process = subprocess.Popen(
            [need("irssi"), "--home", directory, "--config", config], stdin=theirs, stdout=theirs, stderr=theirs,
            env=self.environment, cwd=directory, start_new_session=True)
        os.close(theirs)
        self.screen = b""

    def pump(self):
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                self.screen += os.read(self.terminal, 65536)
            except OSError as error:
                if error.errno == errno.EIO:  # it has gone
                    return
                raise

    def type(self, line):
        os.write(self.terminal, line.encode() + b"\n")

    def say(self, text):
        self.type("/msg #lobby " + text)

    def topic(self, text):
        self.type("/topic #lobby " + text)

    def quit(self, reason):
        self.type("/quit " + reason)

    def story(self):
        return super().story() + self.screen.decode("utf-8", "replace")

    def close(self):
        super().close()
        os.close(self.terminal)


class WeeChat(Program):
    """Without a terminal it takes its commands at the start; two signals stand for the rest."""
    nick = "weechat"
    logs = "*/*.weechatlog"

    def __init__(self, directory, address, pem=None, password=None):
        super().__init__(directory)
        commands = [
            "/set logger.file.flush_delay 0",
            f"/set logger.file.path {directory}/logs",
            "/set irc.server_default.anti_flood_prio_high 0",
            "/set irc.server_default.anti_flood_prio_low 0",
            f"/server add test 127.0.0.1/{address[1]} {'-ssl' if pem else '-nossl'}",
            f"/set irc.server.test.nicks {self.nick}",
            "/set irc.server.test.autojoin #lobby",
            "/set weechat.signal.sigusr1 "
            f"/command -buffer irc.test.#lobby irc /msg * {SAID.format(self.nick)}",
            "/set weechat.signal.sigusr2 "
            f"/command -buffer irc.test.#lobby irc /topic {TOPIC.format(self.nick)}",
            f"/set weechat.signal.sighup /quit {REASON.format(self.nick)}",
        ]
        if pem:
            commands.append(f"/set weechat.network.gnutls_ca_user {pem}")
        if password:
            commands += ["/set irc.server.test.sasl_mechanism plain",
                         f"/set irc.server.test.sasl_username {self.nick}",
                         f"/set irc.server.test.sasl_password {password}"]
        commands.append("/connect test")
        arguments = [word for command in commands for word in ("-r", command)]
        self.output = open(os.path.join(directory, "output.weechatlog"), "wb")
        self.process = subprocess.Popen(
            [need("weechat-headless"), "-d", directory, *arguments], stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=self.output, env=self.environment, cwd=directory)

    def say(self, text):
        assert text == SAID.format(self.nick)
        self.process.send_signal(signal.SIGUSR1)

    def topic(self, text):
        assert text == TOPIC.format(self.nick)
        self.process.send_signal(signal.SIGUSR2)

    def quit(self, reason):
        assert reason == REASON.format(self.nick)
        self.process.send_signal(signal.SIGHUP)

    def close(self):
        super().close()
        self.output.close()


class PythonIrc(Guest):
    nick = "pyirc"

    def __init__(self, address):
        self.seen = []
        self.client = irc.client.IRC()
        self.client.add_global_handler("pubmsg", lambda connection, event: self.seen.extend(event.arguments))
        self.client.add_global_handler("welcome", lambda connection, event: connection.join("#lobby"))
        self.server = self.client.server()
        self.server.connect(address[0], address[1], self.nick)

    def pump(self):
        self.client.process_once(0)

    def say(self, text):
        self.server.privmsg("#lobby", text)

    def topic(self, text):
        self.server.topic("#lobby", text)

    def quit(self, reason):
        self.server.quit(reason)

    def saw(self, text):
        return text in self.seen

    def story(self):
        return "\n".join(self.seen)

    def close(self):
        self.client.disconnect_all()


class TwistedClient(twisted_irc.IRCClient):
    nickname = "twisted"
    lineRate = None

    def __init__(self):
        self.seen = []

    def signedOn(self):
        self.join("#lobby")

    def privmsg(self, user, channel, message):
        self.seen.append(message)


class Twisted(Guest):
    nick = TwistedClient.nickname

    def __init__(self, address):
        self.client = None
        if not reactor.running:
            reactor.startRunning(installSignalHandlers=False)
        creator = protocol.ClientCreator(reactor, TwistedClient)
        creator.connectTCP(*address).addCallback(self.connected)

    def connected(self, client):
        self.client = client

    def pump(self):
        reactor.iterate(0)

    def say(self, text):
        self.client.msg("#lobby", text)

    def topic(self, text):
        self.client.topic("#lobby", text)

    def quit(self, reason):
        self.client.quit(reason)

    def saw(self, text):
        return text in self.client.seen

    def story(self):
        return "\n".join(self.client.seen) if self.client else "not connected"

    def close(self):
        if self.client:
            self.client.transport.abortConnection()
        reactor.iterate(0)


class Party(DaemonTest):
    """One bare client in #lobby that sees everything, and its guests."""

    def open_room(self, address):
        self.witness = self.client(address, "witness")
        self.witness.send("JOIN #lobby", "MODE #lobby -t")
        self.witness.expect(r"MODE #lobby -t$")
        self.guests = []

    def guest(self, make, *args):
        guest = make(self.directory(), *args) if issubclass(make, Program) else make(*args)
        self.addCleanup(guest.close)
        self.guests.append(guest)
        return guest

    def wait(self, what, condition):
        """Let everybody work until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                stories = "".join(f"\n--- {guest.nick}\n{guest.story()[-2000:]}" for guest in self.guests)
                seen = "\n".join(self.witness.seen[-30:])
                raise AssertionError(f"never happened: {what}\n--- witness\n{seen}{stories}")
            for guest in self.guests:
                guest.pump()
            if select.select([self.witness.fileno], [], [], 0.02)[0] or self.witness.pending():
                self.witness.get(deadline)

    def witnessed(self, pattern):
        expression = re.compile(pattern)
        self.wait(pattern, lambda: any(expression.search(line) for line in self.witness.seen))

    def conversation(self):
        for guest in self.guests:
            self.witnessed(rf"^:{guest.nick}!\S+ JOIN :?#lobby")
        self.witness.send("PRIVMSG #lobby :welcome-all")
        for guest in self.guests:
            self.wait(f"{guest.nick} sees the welcome", lambda guest=guest: guest.saw("welcome-all"))
        for speaker in self.guests:
            text = SAID.format(speaker.nick)
            speaker.say(text)
            self.witnessed(rf"^:{speaker.nick}!\S+ PRIVMSG #lobby :{text}$")
            for hearer in self.guests:
                if hearer is not speaker:
                    self.wait(f"{hearer.nick} hears {speaker.nick}", lambda hearer=hearer: hearer.saw(text))
        for guest in self.guests:
            guest.topic(TOPIC.format(guest.nick))
            self.witnessed(rf"^:{guest.nick}!\S+ TOPIC #lobby :{TOPIC.format(guest.nick)}$")

    def farewell(self):
        for guest in self.guests:
            guest.quit(REASON.format(guest.nick))
            self.witnessed(rf"^:{guest.nick}!\S+ QUIT :Quit: .*{REASON.format(guest.nick)}")
        self.assertEqual(sum(" QUIT " in line for line in self.witness.seen), len(self.guests))
        self.witness.send("NAMES #lobby")
        self.witness.expect(r" 353 witness = #lobby :@witness$")


class Clients(Party):
    def test_all_together(self):
        _, address = self.irc()
        self.open_room(address)
        for make in (Irssi, WeeChat, PythonIrc, Twisted):
            self.guest(make, address)
        self.conversation()
        self.farewell()


class TlsAndAccounts(Party):
    def setUp(self):
        pem = make_certificate(self.directory(), "localhost")
        auth = "memory:irssi:secret-of-irssi:weechat:secret-of-weechat"
        daemon = self.daemon("irc", "--listen", "tcp:0:interface=127.0.0.1", "--listen",
                             f"tls:{pem}:tcp:0:interface=127.0.0.1", "--auth", auth, "--open")
        self.plain, self.secure, self.pem = daemon.address(), daemon.address(), pem

    def whois(self, nick):
        self.witness.send("WHOIS " + nick)
        lines = []
        while not lines or " 318 " not in lines[-1]:
            lines.append(self.witness.get(time.monotonic() + PATIENCE))
        return " ".join(re.findall(r"^:\S+ (\d{3}) ", "\n".join(lines), re.M))

    def test_tls(self):
        self.open_room(self.plain)
        for make in (Irssi, WeeChat):
            self.guest(make, self.secure, self.pem)
        self.conversation()
        for guest in self.guests:
            self.assertIn("671", self.whois(guest.nick))
        self.farewell()

    def test_login_over_tls(self):
        self.open_room(self.plain)
        for make in (Irssi, WeeChat):
            self.guest(make, self.secure, self.pem, "secret-of-" + make.nick)
        self.conversation()
        for guest in self.guests:
            numerics = self.whois(guest.nick)
            self.assertIn("330", numerics)
            self.assertIn("671", numerics)
        self.farewell()

    def test_login_without_tls_on_this_machine(self):
        self.open_room(self.plain)
        for make in (Irssi, WeeChat):
            self.guest(make, self.plain, None, "secret-of-" + make.nick)
        self.conversation()
        for guest in self.guests:
            numerics = self.whois(guest.nick)
            self.assertIn("330", numerics)
            self.assertNotIn("671", numerics)
        self.farewell()


if __name__ == "__main__":
    unittest.main()
