#!/usr/bin/env python3
"""Five hundred clients in one channel: everybody hears every line once, and all in the same order; then
they all leave at once, half in order and half with a reset."""
import re
import resource
import selectors
import socket
import struct
import time
import unittest

from harness import PATIENCE, DaemonTest

CLIENTS = 500
LINES = 2
NEITHER_WAITS = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Peer:
    """Counts what it is told to wait for as the bytes come; looks closer only at the end."""

    def __init__(self, address, number):
        self.nick = f"peer{number}"
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(address)
        self.socket.setblocking(False)
        self.text = bytearray()
        self.counted = self.count = 0
        self.word = b""
        self.send(f"NICK {self.nick}", f"USER {self.nick} 0 * :one of many")

    def send(self, *lines):
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def await_word(self, word):
        self.word, self.counted, self.count = word, 0, 0

    def read(self):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        if not data:
            raise AssertionError(f"{self.nick} was disconnected: {bytes(self.text[-500:])}")
        self.text += data
        self.look()

    def look(self):
        """New occurrences of the word; what may be the beginning of one is left for the next time."""
        end = self.text.rfind(b"\n") + 1
        if end > self.counted:
            self.count += self.text.count(self.word, self.counted, end)
            self.counted = end

    def lines(self, pattern):
        return re.findall(pattern, self.text, re.M)


class Load(DaemonTest):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertTrue(hard == resource.RLIM_INFINITY or hard > CLIENTS + 100, "too few descriptors allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CLIENTS + 100), hard))
        self.daemon_, self.address = self.irc("-o", "max_per_address=0")
        self.selector = selectors.DefaultSelector()
        self.addCleanup(self.selector.close)
        self.peers = []
        for number in range(CLIENTS + 1):
            peer = Peer(self.address, number)
            self.addCleanup(peer.socket.close)
            self.selector.register(peer.socket, selectors.EVENT_READ, peer)
            self.peers.append(peer)
        self.listener, *self.speakers = self.peers

    def turn_until(self, what, count):
        """Read until everybody has met the word so often."""
        deadline = time.monotonic() + 4 * PATIENCE
        for peer in self.peers:
            peer.look()
        lacking = {peer for peer in self.peers if peer.count < count}
        while lacking:
            ready = self.selector.select(deadline - time.monotonic())
            if not ready:
                some = lacking.pop()
                self.fail(f"{what}: {len(lacking) + 1} lack something; {some.nick} has {some.count} of {count}")
            for key, _ in ready:
                key.data.read()
                if key.data.count >= count:
                    lacking.discard(key.data)

    def await_words(self, word):
        for peer in self.peers:
            peer.await_word(word)

    def test_everybody_hears_everything_once_in_one_order(self):
        self.await_words(b" 422 ")
        self.turn_until("registered", 1)
        self.await_words(b" 366 ")
        for peer in self.peers:
            peer.send("JOIN #load")
        self.turn_until("joined", 1)
        self.await_words(b" PRIVMSG #load :")
        for line in range(LINES):
            for peer in self.speakers:
                peer.send(f"PRIVMSG #load :{line} of {peer.nick}")
        self.turn_until("heard", (CLIENTS - 1) * LINES)
        self.compare()
        self.leave()

    def compare(self):
        """The listener's order is everybody's, but for what each said himself."""
        heard = {peer: peer.lines(rb"^:\S+ PRIVMSG #load :(.*)\r$") for peer in self.peers}
        order = heard[self.listener]
        said = [f"{line} of {peer.nick}".encode() for peer in self.speakers for line in range(LINES)]
        self.assertEqual(sorted(order), sorted(said))
        for peer in self.speakers:
            own = f" of {peer.nick}".encode()
            self.assertEqual([text for text in order if not text.endswith(own)], heard[peer], peer.nick)

    def leave(self):
        witness = self.client(self.address, "witness")
        witness.send("JOIN #load")
        witness.expect(r" 366 ")
        for peer in self.peers:
            self.selector.unregister(peer.socket)
        for i, peer in enumerate(self.peers):
            if i % 2:
                peer.send("QUIT :enough")
            else:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NEITHER_WAITS)
                peer.socket.close()
        gone = [witness.expect(r"^:(\w+)!\S+ QUIT :(?:Quit: enough|Connection reset by peer)$").group(1)
                for _ in self.peers]
        self.assertEqual(sorted(gone), sorted(peer.nick for peer in self.peers))
        self.assertEqual(witness.sync_collect(), [])
        witness.send("NAMES #load", "LUSERS")
        witness.expect(r" 353 witness = #load :witness$")
        witness.expect(r" 251 witness :There are 1 users ")


if __name__ == "__main__":
    unittest.main()
