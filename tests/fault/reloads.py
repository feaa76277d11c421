#!/usr/bin/env python3
"""Reloads of good files and of broken ones while clients talk: who is on a service that was not restarted loses
nothing, a broken file changes nothing and is told with its line.

SN_FAULT_ROUNDS (6): how many of each, 100 in the long form; SN_FAULT_CLIENTS (300): clients, 2000 there."""
import os
import socket
import time
import unittest

from fault_harness import CHATTY, CROWDED, LOCAL, FaultTest, figure, rounds, spread

ROUNDS = rounds(6)
CLIENTS = int(os.environ.get("SN_FAULT_CLIENTS", "300"))

GOOD = """
[service.irc]
listen = ["tcp:0:interface=127.0.0.1"{more}]
network = "Net{number}"
idle_timeout = "{minutes}m"
{chatty}
[service.still]
type = "unruly"
worker = "other"
{local}{crowded}max_connections = {most}
[service.anew]
type = "unruly"
worker = "third"
motto = "{number}"
{local}
"""

# What is wrong, and the pattern of what is said; {line} is the line after the good text.
BROKEN = [
    ("colour = 'blue'\n", r"sennit\.toml:{line}:1: error: unknown key"),
    ("[service.x]\ntype = 'nothing'\n", r"sennit\.toml:{next}:\d+: error"),
    ("[service.x]\ntype = 'irc'\nlisten = [\n", r"sennit\.toml:\d+:\d+: error"),
    ("[service.x]\ntype = 'irc'\nlisten = 'tcp:{busy}:interface=127.0.0.1'\n", r"sennit\.toml:{third}:\d+: error.*in use"),
    ("[service.x]\ntype = 'irc'\nlisten = 'tls:/nowhere/x:tcp:0'\n", r"sennit\.toml:{third}:\d+: error"),
    ("[service.x]\ntype = 'irc'\nlisten = 'tcp:0'\nauth = ['file:/nowhere']\n", r"sennit\.toml:{fourth}:(\d+:)? error"),
    ("\x00\x01\xff", r"sennit\.toml:{line}:1: error"),
    ("[service.irc]\n", r"sennit\.toml:{line}:\d+: error"),
    ("[plugin.gone]\npath = '/nowhere/x.so'\nrequired = true\n", r"\[plugin\.gone\]\), .*sennit\.toml:{next}$"),
]


class Reloads(FaultTest):
    def good(self, number):
        return GOOD.format(number=number, minutes=5 + number % 2, most=9000 + number % 3, chatty=CHATTY, local=LOCAL,
                           crowded=CROWDED.replace("max_connections = 10000\n", ""),
                           more=', "unix:{}/s"'.format(self.folder) if number % 2 else "")

    def setUp(self):
        self.folder = self.directory()
        self.daemon_, self.path = self.configured(self.good(0))
        self.addresses = [self.daemon_.address() for _ in range(3)]
        self.crowds = [self.crowd("steady", self.addresses[0], CLIENTS, 500),
                       self.crowd("steady", self.addresses[1], CLIENTS // 10, 100)]
        self.workers = self.daemon_.children()

    def finish(self, what, times, more):
        seen = [crowd.end() for crowd in self.crowds]
        total = sum(one["alive"] for one in seen)
        figure(f"{what} under {total} live connections", ROUNDS,
               f"0 dropped, {sum(one['answers'] for one in seen)} answers, longest wait {max(one['max_ms'] for one in seen):.0f} ms; "
               f"{more}; a reload took {spread(times)}")
        for one in seen:
            self.assert_undisturbed(one)
        self.assertEqual(total, CLIENTS + CLIENTS // 10)
        self.assertEqual(self.daemon_.children(), self.workers)

    def reload(self, expect):
        began = time.monotonic()
        answer = self.daemon_.ctl("reload", expect=expect)
        return answer, time.monotonic() - began

    def test_good_ones(self):
        churn, times = self.crowd("churn", self.addresses[2], 2), []
        for number in range(1, ROUNDS + 1):
            self.write(self.path, self.good(number))
            times.append(self.reload(0)[1])
            client = self.client(self.addresses[0])
            client.send("NICK x", "USER x 0 * :x")
            client.expect(f"NETWORK=Net{number} ")
            client.close()
            self.assertEqual(os.path.exists(self.folder + "/s"), number % 2 == 1)
        restarted = churn.end()
        self.finish("reloads: live, listener and service rows", times,
                    f"service restarted {ROUNDS} times: {restarted['refused']} refused of {restarted['answers']}, "
                    f"{restarted['lost']} cut")
        self.assertEqual(restarted["refused"] + restarted["errors"], 0, restarted)

    def test_broken_ones(self):
        busy = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(busy.close)
        settled, times = self.good(0), []
        line = (self.head + settled).count("\n") + 1
        places = {"line": line, "next": line + 1, "third": line + 2, "fourth": line + 3}
        anew = self.speak(self.addresses[2])
        for number in range(ROUNDS):
            text, pattern = BROKEN[number % len(BROKEN)]
            self.write(self.path, settled + text.replace("{busy}", str(busy.getsockname()[1])))
            answer, seconds = self.reload(78)
            times.append(seconds)
            self.assertRegex(answer["error"], pattern.format(**places))
            self.assertNotIn("x", [row["service"] for row in self.daemon_.ctl("status")["services"]])
        anew.send("still there")
        anew.expect("^still there$")
        self.finish("reloads of broken files", times, "each told with FILE:LINE, nothing changed")
        self.write(self.path, settled)
        self.reload(0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
