#!/usr/bin/env python3
"""The IRC server, line by line, as bare clients see it."""
import base64
import crypt
import os
import re
import unittest

from harness import DaemonTest, IrcClient


class Registration(DaemonTest):
    def test_welcome(self):
        _, address = self.irc("--name", "Knots")
        client = self.client(address)
        client.send("NICK alice", "USER alice 0 * :Alice")
        client.expect(r"^:\S+ 001 alice :Welcome to the Knots network, alice$")
        for numeric in ("002", "003", "004", "005", "251", "254", "255", "265", "422"):
            client.expect(rf"^:\S+ {numeric} alice ")

    def test_nick_rules(self):
        _, address = self.irc()
        first = self.client(address, "alice")
        second = self.client(address)
        second.send("NICK ALICE", "NICK 1abc", "NICK", "NICK al!ce", "NICK bob", "USER b 0 * :B")
        second.expect(r" 433 \* ALICE ")
        second.expect(r" 432 \* 1abc ")
        second.expect(r" 431 ")
        second.expect(r" 432 \* al!ce ")
        second.expect(r" 001 bob ")
        second.send("NICK Alice")
        second.expect(r" 433 bob Alice ")
        first.send("NICK Alicia")
        first.expect(r"^:alice!~alice@127\.0\.0\.1 NICK :Alicia$")
        second.send("NICK alice")
        second.expect(r"^:bob!\S+ NICK :alice$")

    def test_before_registration(self):
        _, address = self.irc()
        client = self.client(address)
        client.send("JOIN #c", "PING x", "FOO")
        client.expect(r" 451 ")
        client.expect(r" PONG \S+ :x$")
        client.expect(r" 451 ")
        client.send("USER a")
        client.expect(r" 461 \* USER ")

    def test_binary_garbage_is_told_and_closed(self):
        _, address = self.irc()
        client = self.client(address)
        client.socket.sendall(bytes(range(256)) * 4 + b"\n")
        client.expect(r"^ERROR :Closing Link")
        with self.assertRaises((EOFError, ConnectionResetError)):
            client.expect("never")

    def test_long_lines(self):
        _, address = self.irc()
        client = self.client(address, "alice")
        client.send("PRIVMSG #c :" + "x" * 600)
        client.expect(r" 417 ")
        client.send("@" + "a" * 5000 + " PING x")
        client.expect(r" 417 ")
        client.send("x" * 20000)
        client.expect(r" 417 ")
        client.sync()


class Channels(DaemonTest):
    def setUp(self):
        _, self.address = self.irc("-o", "flood_rate=1000000", "-o", "flood_burst=1000000")
        self.alice = self.client(self.address, "alice")
        self.bob = self.client(self.address, "bob")

    def join(self, channel="#c"):
        for client in (self.alice, self.bob):
            client.send(f"JOIN {channel}")
            client.expect(rf" 366 {client.nick} {channel} ")
        self.alice.expect(rf"^:bob!\S+ JOIN {channel}$")

    def test_talk(self):
        self.join()
        self.alice.send("PRIVMSG #c :hello, bob", "NOTICE #c :note", "PRIVMSG bob :in private")
        self.bob.expect(r"^:alice!~alice@127\.0\.0\.1 PRIVMSG #c :hello, bob$")
        self.bob.expect(r"^:alice!\S+ NOTICE #c :note$")
        self.bob.expect(r"^:alice!\S+ PRIVMSG bob :in private$")
        self.assertEqual(self.alice.sync_collect(), [])

    def test_names_and_operator(self):
        self.join()
        self.bob.send("NAMES #c")
        self.bob.expect(r" 353 bob = #c :@alice bob$")
        self.bob.send("MODE #c +m", "KICK #c alice")
        self.bob.expect(r" 482 bob #c ")
        self.bob.expect(r" 482 bob #c ")
        self.alice.send("MODE #c +v-t+l bob 10")
        self.bob.expect(r"^:alice!\S+ MODE #c \+v-t\+l bob 10$")
        self.bob.send("MODE #c")
        self.bob.expect(r" 324 bob #c \+nl 10$")

    def test_topic(self):
        self.join()
        self.bob.send("TOPIC #c :mine")
        self.bob.expect(r" 482 ")
        self.alice.send("TOPIC #c :of knots")
        self.bob.expect(r"^:alice!\S+ TOPIC #c :of knots$")
        self.bob.send("TOPIC #c")
        self.bob.expect(r" 332 bob #c :of knots$")
        self.bob.expect(r" 333 bob #c alice \d+$")
        self.alice.send("TOPIC #c :")
        self.bob.expect(r"^:alice!\S+ TOPIC #c :$")
        self.bob.send("TOPIC #c")
        self.bob.expect(r" 331 bob #c ")

    def test_kick_part_quit(self):
        self.join()
        self.alice.send("KICK #c bob :enough")
        self.bob.expect(r"^:alice!\S+ KICK #c bob :enough$")
        self.bob.send("PRIVMSG #c :still here?")
        self.bob.expect(r" 404 bob #c ")
        self.bob.send("JOIN #c")
        self.alice.expect(r"^:bob!\S+ JOIN #c$")
        self.bob.send("PART #c :bye")
        self.alice.expect(r"^:bob!\S+ PART #c :bye$")
        self.bob.send("JOIN #c", "QUIT :gone fishing")
        self.alice.expect(r"^:bob!\S+ QUIT :Quit: gone fishing$")
        self.bob.expect(r"^ERROR :Closing Link")

    def test_doors(self):
        self.alice.send("JOIN #k", "MODE #k +k key", "JOIN #i", "MODE #i +i", "JOIN #l", "MODE #l +l 1",
                        "JOIN #b", "MODE #b +b bob")
        self.alice.expect(r"MODE #b \+b bob!\*@\*$")
        self.bob.send("JOIN #k,#i,#l,#b wrong")
        for numeric in ("475", "473", "471", "474"):
            self.bob.expect(rf" {numeric} bob ")
        self.bob.send("JOIN #k key")
        self.bob.expect(r" 366 bob #k ")
        self.alice.send("INVITE bob #i")
        self.alice.expect(r" 341 alice bob #i$")
        self.bob.expect(r"^:alice!\S+ INVITE bob #i$")
        self.bob.send("JOIN #i")
        self.bob.expect(r" 366 bob #i ")
        self.bob.send("MODE #b b")
        self.bob.expect(r" 367 bob #b bob!\*@\* alice \d+$")
        self.bob.expect(r" 368 bob #b ")

    def test_moderated_and_outside(self):
        self.join("#m")
        self.alice.send("MODE #m +m")
        self.bob.expect(r"MODE #m \+m$")
        self.bob.send("PRIVMSG #m :may I?")
        self.bob.expect(r" 404 bob #m ")
        self.alice.send("MODE #m +v bob")
        self.bob.expect(r"MODE #m \+v bob$")
        self.bob.send("PRIVMSG #m :thanks")
        self.alice.expect(r"PRIVMSG #m :thanks$")
        carol = self.client(self.address, "carol")
        carol.send("PRIVMSG #m :hello?")
        carol.expect(r" 404 carol #m ")

    def test_list_and_secret(self):
        self.alice.send("JOIN #open,#hidden", "MODE #hidden +s", "TOPIC #open :the topic")
        self.alice.expect("TOPIC #open")
        self.bob.send("LIST")
        self.bob.expect(r" 322 bob #open 1 :the topic$")
        lines = self.bob.sync_collect()
        self.assertFalse([line for line in lines if "hidden" in line])
        self.bob.send("LIST >5", "LIST #op*")
        self.bob.expect(r" 323 bob ")
        self.bob.expect(r" 322 bob #open ")

    def test_who_whois(self):
        self.join()
        self.bob.send("AWAY :lunch", "WHO #c")
        self.bob.expect(r" 306 bob ")
        self.bob.expect(r" 352 bob #c ~alice 127\.0\.0\.1 \S+ alice H@ :0 alice of the tests$")
        self.bob.expect(r" 352 bob #c ~bob 127\.0\.0\.1 \S+ bob G :0 bob of the tests$")
        self.bob.expect(r" 315 bob #c ")
        self.alice.send("WHOIS bob", "PRIVMSG bob :eat well")
        self.alice.expect(r" 311 alice bob ~bob 127\.0\.0\.1 \* :bob of the tests$")
        self.alice.expect(r" 319 alice bob :#c$")
        self.alice.expect(r" 301 alice bob :lunch$")
        self.alice.expect(r" 317 alice bob \d+ \d+ ")
        self.alice.expect(r" 318 alice bob ")
        self.alice.expect(r" 301 alice bob :lunch$")
        self.alice.send("WHOIS nobody")
        self.alice.expect(r" 401 alice nobody ")

    def test_unknown_and_missing(self):
        self.alice.send("BOGUS", "JOIN", "PRIVMSG", "PRIVMSG bob", "PRIVMSG nobody :x", "MODE #none", "JOIN nothash",
                        "PART #none", "INVITE bob #none", "MODE bob +i", "MODE alice +Z", "CAP BOGUS", "NOTICE nobody :x")
        for numeric in ("421", "461", "411", "412", "401", "403", "403", "403", "403", "502", "501", "410"):
            self.alice.expect(rf" {numeric} alice ")
        self.assertEqual(self.alice.sync_collect(), [])


class Capabilities(DaemonTest):
    def test_negotiation(self):
        _, address = self.irc("--auth", "memory:alice:secret", "--open")
        client = self.client(address)
        client.send("CAP LS 302", "NICK a", "USER a 0 * :A")
        listed = client.expect(r"CAP \* LS :(.*)$").group(1).split()
        self.assertTrue([cap for cap in listed if re.match(r"sasl=(.*,)?PLAIN(,|$)", cap)], listed)
        for cap in ("message-tags", "server-time", "echo-message"):
            self.assertIn(cap, listed)
        client.send("CAP REQ :server-time bogus", "CAP REQ :server-time echo-message", "CAP LIST", "CAP END")
        client.expect(r"CAP \S+ NAK :server-time bogus")
        client.expect(r"CAP \S+ ACK :server-time echo-message")
        self.assertEqual(set(client.expect(r"CAP \S+ LIST :(.*)$").group(1).split()),
                         {"cap-notify", "echo-message", "server-time"})
        client.expect(r" 001 a ")

    def test_tags(self):
        _, address = self.irc()
        alice = self.client(address, "alice", "message-tags", "server-time", "echo-message")
        bob = self.client(address, "bob", "message-tags")
        plain = self.client(address, "carol")
        for client in (alice, bob, plain):
            client.send("JOIN #c")
            client.expect(r" 366 ")
        alice.send("@+typing=active;dropped=1;+x/y=a\\sb PRIVMSG #c :hi")
        echo = alice.expect(r"^@(\S+) :alice!\S+ PRIVMSG #c :hi$").group(1)
        self.assertRegex(echo, r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
        tags = bob.expect(r"^@(\S+) :alice!\S+ PRIVMSG #c :hi$").group(1).split(";")
        self.assertIn("+typing=active", tags)
        self.assertIn("+x/y=a\\sb", tags)
        self.assertFalse([tag for tag in tags if tag.startswith(("dropped", "time"))])
        msgid = [tag for tag in tags if tag.startswith("msgid=")][0]
        self.assertIn(msgid, echo.split(";"))
        plain.expect(r"^:alice!\S+ PRIVMSG #c :hi$")
        alice.send("@+typing=done TAGMSG #c")
        bob.expect(r"^@\S+ :alice!\S+ TAGMSG #c$")
        self.assertEqual(plain.sync_collect(), [])


class Accounts(DaemonTest):
    def authenticate(self, client, name, password):
        client.send("CAP LS 302", "CAP REQ :sasl", f"NICK {name}", f"USER {name} 0 * :x", "AUTHENTICATE PLAIN")
        client.expect(r"^AUTHENTICATE \+$")
        client.send("AUTHENTICATE " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())

    def test_memory(self):
        _, address = self.irc("--auth", "memory:alice:secret:bob:hunter2")
        alice = self.client(address)
        self.authenticate(alice, "alice", "secret")
        alice.expect(r" 900 alice \S+ alice :You are now logged in as alice$")
        alice.expect(r" 903 ")
        alice.send("CAP END")
        alice.expect(r" 001 alice ")
        bob = self.client(address)
        self.authenticate(bob, "bob", "wrong")
        bob.expect(r" 904 ")
        bob.send("CAP END")
        bob.expect(r"^ERROR .*log in with SASL")
        nobody = self.client(address)
        self.authenticate(nobody, "nobody", "secret")
        nobody.expect(r" 904 ")
        alice.send("WHOIS alice")
        alice.expect(r" 330 alice alice alice ")

    def test_file_with_hash(self):
        directory = self.directory()
        path = os.path.join(directory, "users")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# people\nbob:plain text\n")
        with open(path, "a", encoding="utf-8") as file:
            file.write("carol:" + crypt.crypt("geheim", "$6$abcdefgh$") + "\n")
        _, address = self.irc("--auth", "file:" + path)
        for name, password, numeric in (("bob", "plain text", 903), ("carol", "geheim", 903), ("carol", "wrong", 904),
                                        ("alice", "not it", 904), ("nobody", "geheim", 904)):
            client = self.client(address)
            self.authenticate(client, name, password)
            client.expect(rf" {numeric} ")
        with open(path, "a", encoding="utf-8") as file:
            file.write("dave:new\n")
        client = self.client(address)
        self.authenticate(client, "dave", "new")
        client.expect(r" 903 ")

    def test_exchange_errors(self):
        _, address = self.irc("--auth", "memory:alice:secret", "--open")
        client = self.client(address)
        client.send("AUTHENTICATE PLAIN", "CAP REQ :sasl", "AUTHENTICATE BOGUS", "AUTHENTICATE PLAIN", "AUTHENTICATE *",
                    "AUTHENTICATE PLAIN", "AUTHENTICATE !!!", "AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401)
        for numeric in ("904", "908", "904", "906", "904", "905"):
            client.expect(rf" {numeric} ")
        client.send("AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 21)
        client.expect(r" 904 ")


class Conduct(DaemonTest):
    def test_flood_is_slowed_not_lost(self):
        _, address = self.irc("-o", "flood_burst=5", "-o", "flood_rate=50")
        client = self.client(address, "alice")
        client.send(*[f"PING {i}" for i in range(60)])
        for i in range(60):
            client.expect(rf"PONG \S+ :{i}$")

    def test_excess_flood(self):
        _, address = self.irc("-o", "flood_burst=5", "-o", "flood_rate=1", "-o", "flood_backlog=1KiB")
        alice, bob = self.client(address, "alice"), self.client(address, "bob")
        alice.send("JOIN #c")
        alice.expect(" 366 ")
        bob.send("JOIN #c")
        alice.expect("bob!.* JOIN")
        bob.send(*["PRIVMSG #c :" + "x" * 100] * 50)
        bob.expect(r"^ERROR .*Excess flood")
        alice.expect(r"^:bob!\S+ QUIT :Excess flood$")

    def test_ping_timeout(self):
        _, address = self.irc("-o", "ping_interval=200ms", "-o", "ping_timeout=300ms")
        client = self.client(address, "alice")
        client.expect(r"^PING :")
        client.send("PONG :x")
        client.expect(r"^PING :")
        client.expect(r"^ERROR .*Ping timeout")

    def test_registration_timeout(self):
        _, address = self.irc("-o", "register_timeout=200ms")
        self.client(address).expect(r"^ERROR .*Registration timed out")

    def test_a_client_that_never_reads_is_cut(self):
        _, address = self.irc("-o", "flood_rate=1000000", "-o", "flood_burst=1000000", "-o", "send_queue=64KiB")
        alice = self.client(address, "alice", "echo-message")
        deaf = self.client(address, "deaf")
        for client in (alice, deaf):
            client.send("JOIN #c")
            client.expect(" 366 ")
        alice.expect("deaf!.* JOIN")
        text = "x" * 400
        for _ in range(200):
            alice.send(*[f"PRIVMSG #c :{text}"] * 200)
            for _ in range(200):
                line = alice.expect(r"PRIVMSG #c|QUIT").group(0)
                if line == "QUIT":
                    return
        self.fail("nobody was cut")

    def test_shutdown_tells_clients(self):
        daemon, address = self.irc()
        client = self.client(address, "alice")
        daemon.process.terminate()
        client.expect(r"^ERROR .*shutting down")
        with self.assertRaises(EOFError):
            client.expect("never")
        client.close()
        self.assertEqual(daemon.wait(), 0)

    def test_shutdown_waits_for_nobody_for_ever(self):
        """A client that stays connected gets close_timeout, no more."""
        daemon, address = self.irc("-o", "close_timeout=200ms")
        client = self.client(address, "alice")
        daemon.process.terminate()
        client.expect(r"^ERROR .*shutting down")
        self.assertEqual(daemon.wait(), 0)


if __name__ == "__main__":
    unittest.main()
