#!/usr/bin/env python3
"""The order of layers, and the rules a grep can hold: what may include what, and what may be called where.

docs/contributing.md states the rules; this enforces them. Prints every violation as FILE:LINE."""
import os
import re
import sys

SRC = os.environ.get("SN_SRCDIR", ".")

# A layer may include itself and the layers named here, nothing else.
BASE = ["daemon/base"]
LOOP = BASE + ["daemon/loop"]
NET = LOOP + ["daemon/net"]
STORE = NET + ["daemon/store"]
AUTH = STORE + ["config", "daemon/auth"]
SERVICE = AUTH + ["daemon/service"]
PROC = SERVICE + ["daemon/proc"]
LAYERS = {
    "daemon/base": BASE,
    "daemon/loop": LOOP,
    "daemon/net": NET,
    "config": BASE + ["config"],
    "daemon/store": STORE,
    "daemon/auth": AUTH,
    "daemon/service": SERVICE,
    "daemon/proc": PROC,
    "daemon/cli": PROC + ["daemon/cli"],
    "daemon": PROC + ["daemon/cli"],
    "protocols/chat": BASE + ["protocols/chat"],
}
PROTOCOL = SERVICE + ["protocols/chat"]
CONFIG_NET = {"daemon/net/endpoint.h", "daemon/net/addr.h"}
# The one place that names the in-tree modules.
MODULE_LIST = "daemon/cli/modules.c"

# Pattern -> (where it is allowed, why).
FORBIDDEN = [
    (r"\b(malloc|calloc|realloc|free|strdup|asprintf)\s*\(", r"daemon/base/(mem|pool)\.c", "use daemon/base/mem.h"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|gets|alloca)\s*\(", None, "unbounded or unchecked"),
    (r"<sys/epoll\.h>", r"daemon/loop/.*", "only the loop knows epoll"),
    (r"<openssl/", r"daemon/net/(tls_|stream_tls|stage_tls).*|daemon/base/.*|daemon/auth/(digest|scram)\.c",
     "only the TLS layer and the two files of digests know OpenSSL"),
    (r"<ares", r"daemon/net/(resolver|dns_channel).*", "only the resolver knows c-ares"),
    (r"\b(sleep|usleep|nanosleep)\s*\(", r"daemon/base/log.*\.c", "nothing blocks the loop"),
]
PARSER_FORBIDDEN = re.compile(r"\b(sn_log|printf|exit|abort|sn_clock_\w+|time)\s*\(")


def layer_of(path):
    folder = os.path.dirname(path)
    while folder and folder not in LAYERS and not folder.startswith("protocols/") and not folder.startswith("plugins/"):
        folder = os.path.dirname(folder)
    return folder


def allowed(path):
    layer = layer_of(path)
    if layer in LAYERS:
        return LAYERS[layer]
    return PROTOCOL + [layer]


def strip_comments(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', lambda m: m.group(0) if m.group(0)[0] == '"' else blank(m), text, flags=re.S)


def check_file(path, problems):
    with open(os.path.join(SRC, path), encoding="utf-8") as file:
        text = strip_comments(file.read())
    parser = re.search(r"_parse\.[ch]$", path)
    for number, line in enumerate(text.split("\n"), 1):
        include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if include:
            check_include(path, number, include.group(1), parser, problems)
            continue
        code = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        for pattern, where, why in FORBIDDEN:
            if re.search(pattern, code) and not (where and re.fullmatch(where, path)):
                if re.search(r"__attribute__|\(\s*\*\s*(free|close)\b|->\s*free\b|\.\s*free\b", code) and "free" in pattern:
                    continue
                problems.append(f"{path}:{number}: {code.strip()}: {why}")
        if parser and PARSER_FORBIDDEN.search(code):
            problems.append(f"{path}:{number}: a parser is a pure function: {code.strip()}")


def check_include(path, number, included, parser, problems):
    if not os.path.exists(os.path.join(SRC, included)):
        problems.append(f"{path}:{number}: \"{included}\" is not a path from the root of the tree")
        return
    if parser and not included.startswith("daemon/base/") and os.path.dirname(included) != os.path.dirname(path):
        problems.append(f"{path}:{number}: a parser includes daemon/base/ only, not {included}")
    if path == MODULE_LIST:
        return
    if path.startswith("config/") and included in CONFIG_NET:
        return
    target = layer_of(included)
    if target not in allowed(path):
        problems.append(f"{path}:{number}: {layer_of(path)} may not include {included}")


def main():
    problems = []
    count = 0
    for top in ("daemon", "config", "protocols", "plugins"):
        for folder, _, names in sorted(os.walk(os.path.join(SRC, top))):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    check_file(os.path.relpath(os.path.join(folder, name), SRC), problems)
                    count += 1
    for problem in problems:
        print(problem)
    print(f"{count} files, {len(problems)} violations")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
