#!/usr/bin/env python3
"""kill -9 of a process that stores rows: nothing it has acknowledged is missing, nothing is there by half.

SN_FAULT_ROUNDS (30): how often; 1000 is the long form."""
import os
import random
import sys
import tempfile

from store_harness import Writer, sqlite_integrity, sqlite_rows

ROUNDS = int(os.environ.get("SN_FAULT_ROUNDS", "30"))
SEED = int(os.environ.get("SN_FAULT_SEED", str(random.SystemRandom().randrange(1 << 32))))


def one_round(path, first, rng):
    """Killed at a random moment of its start, or between two acknowledgements; returns what it told."""
    writer = Writer("sqlite:" + path, first)
    if rng.random() < 0.3:
        writer.read_for(rng.uniform(0, 0.03))
    else:
        writer.more(rng.randrange(1, 600))
    writer.kill()
    return writer


def main():
    rng = random.Random(SEED)
    acknowledged, present, first, opened = set(), set(), 1, 0
    with tempfile.TemporaryDirectory(prefix="sn-kill-") as folder:
        path = os.path.join(folder, "test.db")
        for number in range(ROUNDS):
            writer = one_round(path, first, rng)
            opened += writer.opened
            assert not writer.failed, f"round {number}: {writer.failed}"
            acknowledged.update(writer.acknowledged)
            if os.path.exists(path):
                rows = sqlite_rows(path, first) if opened else set()
                missing = set(writer.acknowledged) - rows
                assert not missing, f"seed {SEED}, round {number}: acknowledged, but gone: {sorted(missing)[:10]}"
                present |= rows
                first = max(rows, default=first - 1) + 1
        sqlite_integrity(path)
        rows = sqlite_rows(path)
        assert acknowledged <= rows and present == rows, f"seed {SEED}: {len(acknowledged - rows)} acknowledged rows lost"
    print(f"{ROUNDS} kills, {opened} of them after the start, {len(acknowledged)} rows acknowledged, 0 missing, "
          f"{len(rows) - len(acknowledged)} stored without having been acknowledged; seed {SEED}")


if __name__ == "__main__":
    sys.exit(main())
