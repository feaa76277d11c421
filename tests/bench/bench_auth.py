#!/usr/bin/env python3
"""What logging in costs the server. usage: bench_auth.py BUILDDIR

Reconnect storm: clients connect over TLS, each with a full handshake, and half of them log in with SCRAM-SHA-256.
Only the server's CPU time counts, that of all its processes; the rounds with and without login alternate.
Hashing: clients log in with PLAIN against yescrypt hashes of 16 ms each, as fast as they are answered, while another
connection measures how long a PING takes."""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

LOGINS = int(os.environ.get("BENCH_LOGINS", "10000"))
ROUND = 250
HASHERS = 8
HASH_SECONDS = 5
CONFIG = """
[server]
ephemeral = true
auth_exempt = ["127.0.0.1"]
[service.irc]
listen = ["{listen}"]
auth = ["{auth}"]
max_per_address = 0
max_connections = 20000
flood_rate = 1000
flood_burst = 100000
"""


def cpu_of(pid):
    """Seconds of CPU of a process and everything below it."""
    total, parents = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(name)] = int(fields[1])
            total[int(name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    family, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    return sum(total.get(member, 0) for member in family)


class Server:
    def __init__(self, builddir, directory, listen, auth):
        self.log = open(os.path.join(directory, "log"), "wb")
        path = os.path.join(directory, "sennit.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(listen=listen, auth=auth))
        self.process = subprocess.Popen(
            [os.path.join(builddir, "sennit"), "run", path],
            stdout=subprocess.PIPE, stderr=self.log, cwd=directory,
            env={**os.environ, "XDG_RUNTIME_DIR": directory, "XDG_STATE_HOME": directory})
        for line in self.process.stdout:
            if b"listening on" in line:
                self.port = int(line.rsplit(b":", 1)[1].split()[0])
                break
        else:
            with open(os.path.join(directory, "log"), encoding="utf-8") as file:
                sys.exit("bench: the server did not start: " + file.read())

    def cpu(self):
        return cpu_of(self.process.pid)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Line:
    def __init__(self, sock):
        self.sock, self.rest = sock, b""

    def send(self, text):
        self.sock.sendall(text)

    def until(self, *words):
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                if any(word in line for word in words):
                    return line.rstrip(b"\r")
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("the server has closed")
            self.rest += data


KEYS = {}


def keys(salt, iterations):
    """A client keeps these: the PBKDF2 is not paid at each connection."""
    if salt not in KEYS:
        salted = hashlib.pbkdf2_hmac("sha256", b"secret", base64.b64decode(salt), iterations)
        key = hmac.new(salted, b"Client Key", "sha256").digest()
        KEYS[salt] = key, hashlib.sha256(key).digest()
    return KEYS[salt]


def scram(line):
    bare = b"n=alice,r=0123456789abcdef"
    line.send(b"CAP REQ :sasl\r\nAUTHENTICATE SCRAM-SHA-256\r\n")
    line.until(b"AUTHENTICATE +")
    line.send(b"AUTHENTICATE " + base64.b64encode(b"n,," + bare) + b"\r\n")
    first = base64.b64decode(line.until(b"AUTHENTICATE ").split()[1])
    nonce, salt, iterations = (part[2:] for part in first.split(b","))
    key, stored = keys(salt, int(iterations))
    final = b"c=biws,r=" + nonce
    signature = hmac.new(stored, bare + b"," + first + b"," + final, "sha256").digest()
    proof = bytes(a ^ b for a, b in zip(key, signature))
    line.send(b"AUTHENTICATE " + base64.b64encode(final + b",p=" + base64.b64encode(proof)) + b"\r\n")
    line.until(b"AUTHENTICATE ")
    line.send(b"AUTHENTICATE +\r\n")
    line.until(b" 903 ")


def connect(port, context, login):
    sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="irc.test")
    line = Line(sock)
    if login:
        scram(line)
    else:
        line.send(b"PING x\r\n")  # the handshake's last part has arrived
        line.until(b"PONG")
    sock.close()


def storm(builddir, directory):
    pem = os.path.join(directory, "irc.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    pem, "-out", pem + ".crt", "-days", "2", "-subj", "/CN=irc.test", "-addext",
                    "subjectAltName=DNS:irc.test"], check=True, capture_output=True)
    with open(pem, "a", encoding="utf-8") as out, open(pem + ".crt", encoding="utf-8") as crt:
        out.write(crt.read())
    server = Server(builddir, directory, f"tls:{pem}:tcp:0:interface=127.0.0.1", "memory:alice:secret")
    spent = {False: [], True: []}
    connect(server.port, ssl.create_default_context(cafile=pem + ".crt"), True)
    for _ in range(max(1, LOGINS // ROUND)):
        for login in (False, True):
            before = server.cpu()
            for _ in range(ROUND):
                # A context of its own: no session is resumed.
                connect(server.port, ssl.create_default_context(cafile=pem + ".crt"), login)
            spent[login].append((server.cpu() - before) / ROUND)
    server.stop()
    handshake, whole = (statistics.mean(spent[login]) * 1e6 for login in (False, True))
    print(f"{LOGINS} TLS connections, server CPU each: handshake {handshake:.0f} us, with SCRAM-SHA-256 {whole:.0f} us; "
          f"login alone {whole - handshake:.0f} us = {(whole - handshake) / handshake:.2f} of a handshake (target: at most 1.5)")


def log_in_plain(port, end, count):
    line = Line(socket.create_connection(("127.0.0.1", port)))
    line.send(b"CAP REQ :sasl\r\n")
    line.until(b" ACK ")
    response = base64.b64encode(b"\0bob\0" + os.urandom(8).hex().encode())
    while time.monotonic() < end:
        line.send(b"AUTHENTICATE PLAIN\r\nAUTHENTICATE " + response + b"\r\n")
        line.until(b" 904 ")
        count.append(1)
    line.sock.close()


def ping(port, end):
    line, times = Line(socket.create_connection(("127.0.0.1", port))), []
    while time.monotonic() < end:
        begin = time.monotonic()
        line.send(b"PING x\r\n")
        line.until(b"PONG")
        times.append((time.monotonic() - begin) * 1e3)
        time.sleep(0.002)
    line.sock.close()
    return sorted(times)


def describe(times):
    return f"median {statistics.median(times):.2f}, p99 {times[len(times) * 99 // 100]:.2f}, worst {times[-1]:.1f} ms"


def hashing(builddir, directory):
    with open(os.path.join(directory, "users"), "w", encoding="utf-8") as file:
        file.write("bob:$y$j9T$N8qMCr7FCrSHzrYvgNiOl.$WrNHgBqyLzV7CKv4jIBsTJYDm2Ll3oSKS2mFtFhlfM1\n")
    server = Server(builddir, directory, "tcp:0:interface=127.0.0.1", f"file:{directory}/users")
    alone = ping(server.port, time.monotonic() + HASH_SECONDS)
    end, count = time.monotonic() + HASH_SECONDS, []
    threads = [threading.Thread(target=log_in_plain, args=(server.port, end, count)) for _ in range(HASHERS)]
    for thread in threads:
        thread.start()
    beside = ping(server.port, end)
    for thread in threads:
        thread.join()
    server.stop()
    print(f"PING of another connection, alone: {describe(alone)}; beside {len(count) / HASH_SECONDS:.0f} PLAIN logins a second "
          f"(yescrypt): {describe(beside)} (target: at most 20 ms)")


def main():
    with tempfile.TemporaryDirectory(prefix="sennit-bench-") as directory:
        storm(sys.argv[1], directory)
        hashing(sys.argv[1], directory)


if __name__ == "__main__":
    main()
