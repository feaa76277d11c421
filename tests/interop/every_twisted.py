#!/usr/bin/python3
"""Random scenarios for sn_every and for Twisted's LoopingCall.withCount: the same calls?"""
import os
import random
import subprocess
import sys

from twisted.internet import defer, task

SCENARIOS = 1000
SEED = 20261120


class Reference:
    """Plays a scenario to Twisted while it is made up, as what fits next depends on its state."""

    def __init__(self, interval, now):
        self.clock = task.Clock()
        self.calls = []
        self.returns_pending = False
        self.pending = None
        self.words = [str(interval), "1" if now else "0"]
        self.call = task.LoopingCall.withCount(self.on_call)
        self.call.clock = self.clock
        self.call.start(interval / 1000, now)

    def on_call(self, periods):
        self.calls.append("%d:%d" % (round(self.clock.seconds() * 1000), periods))
        if self.returns_pending:
            self.pending = defer.Deferred()
            return self.pending

    def step(self, word):
        self.words.append(word)
        if word[0] == "+":
            self.clock.advance(int(word[1:]) / 1000)
        elif word in "po":
            self.returns_pending = word == "p"
        elif word == "r":
            self.call.reset()
        else:
            pending, self.pending = self.pending, None
            pending.callback(None)

    def choices(self):
        # Multiples of 1/8 second: exact in the floating point numbers Twisted counts with.
        yield "+%d" % (125 * random.choice([0, 1, 2, 3, 4, 5, 8, 13, 50]))
        yield random.choice("po")
        # Twisted ignores a reset while the call is pending; sn_every does not.
        yield "r" if self.pending is None else "d"


def make():
    # Interval 0 means a call for ever within one advance() of Twisted's clock.
    reference = Reference(random.choice([125, 250, 500, 1000, 2000]), random.random() < 0.5)
    for _ in range(random.randrange(5, 40)):
        weights = random.choice([[8, 1, 1], [3, 1, 2], [1, 0, 0]])
        reference.step(random.choices(list(reference.choices()), weights)[0])
    return reference


def main():
    random.seed(SEED)
    references = [make() for _ in range(SCENARIOS)]
    script = "".join(" ".join(r.words) + "\n" for r in references)
    program = os.path.join(os.environ["SN_BUILDDIR"], "tests/interop/every_log")
    run = subprocess.run([program], input=script, capture_output=True, text=True, check=True)
    ours = run.stdout.splitlines()
    if len(ours) != SCENARIOS:
        sys.exit("%d answers for %d scenarios" % (len(ours), SCENARIOS))
    failed = 0
    for reference, line in zip(references, ours):
        if line.split() != reference.calls:
            failed += 1
            print("scenario", " ".join(reference.words))
            print("  twisted", " ".join(reference.calls))
            print("  sennit ", line)
    print("%d scenarios, %d calls, %d differ"
          % (SCENARIOS, sum(len(r.calls) for r in references), failed))
    sys.exit(1 if failed else 0)


main()
