#!/usr/bin/env python3
"""Our TOML parser beside Python's: the same verdict and the same values.

The texts are the fuzz corpus and variations of it (bytes and lines dropped, doubled, swapped, put
elsewhere; the seed is fixed). Where the two differ on purpose: Python has integers of any size and no leap second or
year 0, does not skip a byte order mark, and sets no limit to nesting."""
import datetime
import json
import math
import os
import random
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor

SRC = os.environ.get("SN_SRCDIR", ".")
TOOL = os.path.join(os.environ.get("SN_BUILDDIR", "."), "tests/tools/toml_json")
CORPUS = os.path.join(SRC, "tests/fuzz/corpus/toml")
VARIATIONS = 60  # of each corpus file
PIECES = [b'"', b"'", b'"""', b"'''", b"[", b"]", b"{", b"}", b"=", b".", b",", b"#", b"\n", b"\r\n", b"\\", b"_", b"0",
          b"1", b"-", b"+", b"e", b":", b"T", b" ", b"\t", b"a", b"\x00", b"\x7f", b"\xc3\xa9", b"\xff", b"[[", b"]]"]


class OnPurpose(Exception):
    """A text the two parsers read differently, and should."""


def theirs(text):
    if text.startswith(b"\xef\xbb\xbf"):
        text = text[3:]
    if re.search(rb":60|0000-", text):
        raise OnPurpose
    try:
        return plain(tomllib.loads(text.decode("utf-8")), 0)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None


def plain(value, depth):
    """The tagged form of a value; None for what only Python takes."""
    if depth > 64:
        raise OnPurpose
    if isinstance(value, dict):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    return scalar(value)


def scalar(value):
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, int):
        if not -2**63 <= value < 2**63:
            raise OnPurpose
        return ("integer", value)
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value)
    if isinstance(value, str):
        return ("string", value)
    if isinstance(value, datetime.datetime):
        return ("datetime" if value.tzinfo else "datetime-local", value)
    return ("date-local" if isinstance(value, datetime.date) else "time-local", value)


def ours(text):
    run = subprocess.run([TOOL], input=text, capture_output=True, check=False)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"exit {run.returncode}: {run.stderr.decode(errors='replace')}")
    return untag(json.loads(run.stdout)) if run.returncode == 0 else None


READERS = {
    "bool": lambda text: text == "true",
    "integer": int,
    "float": lambda text: "nan" if text == "nan" else float(text),
    "string": str,
    "datetime": lambda text: datetime.datetime.fromisoformat(text),
    "datetime-local": lambda text: datetime.datetime.fromisoformat(text),
    "date-local": lambda text: datetime.date.fromisoformat(text),
    "time-local": lambda text: datetime.time.fromisoformat(text),
}


def untag(value):
    if isinstance(value, list):
        return [untag(item) for item in value]
    if set(value) == {"type", "value"} and isinstance(value["type"], str):
        return (value["type"], READERS[value["type"]](value["value"]))
    return {key: untag(item) for key, item in value.items()}


def vary(text, rng):
    lines = text.splitlines(keepends=True)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:at] + text[at + rng.randint(1, 4):]
        elif kind == 1:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind == 2 and lines:
            text = text + rng.choice(lines)
        elif kind == 3 and lines:
            rng.shuffle(lines)
            text = b"".join(lines)
        else:
            text = text[:at] + rng.choice(PIECES) + text[at + 1:]
    return text


def texts():
    rng = random.Random(1)
    for name in sorted(os.listdir(CORPUS)):
        with open(os.path.join(CORPUS, name), "rb") as file:
            text = file.read()
        yield name, text
        for i in range(VARIATIONS):
            yield f"{name} variation {i}", vary(text, rng)


def compare(case):
    name, text = case
    try:
        want = theirs(text)
    except OnPurpose:
        return None, False
    got = ours(text)
    return (None if got == want else f"{name}: {text!r}\n  ours:   {got}\n  theirs: {want}"), want is not None


def main():
    cases = list(texts())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compare, cases))
    problems = [problem for problem, _ in results if problem]
    for problem in problems:
        print(problem)
    print(f"{len(cases)} texts, {sum(valid for _, valid in results)} of them valid, {len(problems)} differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
