"""Other people's SASL clients behind one face, and the IRC connection that carries them. An exchange has a mechanism's
name, process(challenge) -> response, and finished(), which fails unless the client is content."""
import base64
import os
import re
import socket
import subprocess
import time

from OpenSSL import SSL

from harness import PATIENCE, IrcClient, Lines, need

CHUNK = 400


class TlsIrc(IrcClient):
    """IRC over OpenSSL's own face, which tells channel bindings that Python's does not."""

    def __init__(self, address, version=None, certificate=None):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if version is not None:
            context.set_min_proto_version(version)
            context.set_max_proto_version(version)
        if certificate:
            context.use_certificate_file(certificate)
            context.use_privatekey_file(certificate)
        raw = socket.create_connection(address, timeout=PATIENCE)
        raw.settimeout(None)
        self.connection = SSL.Connection(context, raw)
        self.connection.set_connect_state()
        self.connection.do_handshake()
        super().__init__(raw)
        self.socket, self.read = self.connection, self.receive

    def receive(self, size):
        try:
            return self.connection.recv(size)
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""

    def pending(self):
        return self.connection.pending() > 0

    def exporter(self):
        return self.connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")

    def unique(self):
        return self.connection.get_finished()


def offered(client):
    """The mechanisms of the capability's value."""
    client.send("CAP LS 302")
    match = client.expect(r" CAP \S+ LS :.*?\bsasl=(\S+)")
    return match.group(1).split(",")


def log_in(client, exchange):
    """The numeric it ends with: 903 and what comes before it, or a failure's."""
    client.send("CAP REQ :sasl", "AUTHENTICATE " + exchange.mechanism)
    client.expect(r" CAP \S+ ACK :sasl")
    while True:
        match = client.expect(r"^AUTHENTICATE (\S+)|^\S+ (90[345678]) ")
        if match.group(2):
            if match.group(2) == "903":
                exchange.finished()
            return match.group(2)
        text = match.group(1)
        while len(match.group(1)) == CHUNK:
            match = client.expect(r"^AUTHENTICATE (\S+)")
            text += match.group(1)
        challenge = base64.b64decode(text.replace("+", "", 1) if text == "+" else text)
        answer(client, exchange.process(challenge))


def answer(client, response):
    text = base64.b64encode(response).decode()
    while len(text) >= CHUNK:
        client.send("AUTHENTICATE " + text[:CHUNK])
        text = text[CHUNK:]
    client.send("AUTHENTICATE " + (text or "+"))


class Gsasl:
    """The gsasl program: prompts and base64 on standard output, one line for each answer."""

    def __init__(self, mechanism, account="alice", password="secret", exporter=b"", unique=b""):
        self.mechanism = mechanism
        self.process_ = subprocess.Popen(
            [need("gsasl"), "--client", "--quiet", "--mechanism", mechanism, "--authentication-id", account,
             *([] if mechanism.startswith("SCRAM") else ["--authorization-id", ""]),
             "--password", password, "--anonymous-token", "trace"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        descriptor = self.process_.stdout.fileno()
        self.out = Lines(lambda size: os.read(descriptor, size), descriptor)
        if mechanism.startswith("SCRAM"):
            self.line(exporter)
            if not exporter:
                self.line(unique)
        self.get()  # the mechanism's name
        self.steps = 0

    def line(self, data):
        self.process_.stdin.write(base64.b64encode(data) + b"\n")
        self.process_.stdin.flush()

    def get(self):
        return self.out.get(time.monotonic() + PATIENCE)

    def process(self, challenge):
        if self.steps > 0:
            self.line(challenge)
        self.steps += 1
        if self.steps > 2:  # the server's signature: there is nothing to answer
            return b""
        words = re.sub(r"Enter [^:]*: ", "", self.get()).split()
        return base64.b64decode(words[-1]) if words else b""

    def finished(self):
        self.line(b"")  # "press RET if none"
        self.process_.stdin.close()
        code = self.process_.wait(PATIENCE)
        if code != 0:
            raise AssertionError(f"gsasl does not trust the server: {code}")

    def close(self):
        self.process_.kill()
        self.process_.wait()
        self.process_.stdout.close()
        self.process_.stdin.close()


class Slixmpp:
    def __init__(self, mechanism, account="alice", password="secret", unique=b""):
        from slixmpp.util.sasl.client import MECHANISMS
        import slixmpp.util.sasl.mechanisms  # noqa: F401
        self.mechanism = mechanism
        security = {key: True for key in ("encrypted", "encrypted_plain", "unencrypted_plain", "unencrypted_scram")}
        credentials = {"username": account.encode(), "password": password.encode(), "authzid": b"",
                       "channel_binding": unique, "email": b""}
        self.client = MECHANISMS[mechanism](mechanism, credentials, security)

    def process(self, challenge):
        return self.client.process(challenge)

    def finished(self):
        if self.mechanism.startswith("SCRAM") and not self.client._mutual_auth:
            raise AssertionError("slixmpp has not seen the server's signature")

    def close(self):
        pass


class Twisted:
    def __init__(self, mechanism, account="alice", password="secret"):
        from twisted.words.protocols.jabber import sasl_mechanisms
        self.mechanism = mechanism
        self.client = (sasl_mechanisms.Plain("", account, password) if mechanism == "PLAIN"
                       else sasl_mechanisms.Anonymous())

    def process(self, challenge):
        return self.client.getInitialResponse() or b""

    def finished(self):
        pass

    def close(self):
        pass


class Raw:
    """Messages as they stand here."""

    def __init__(self, mechanism, *messages):
        self.mechanism, self.messages = mechanism, list(messages)

    def process(self, challenge):
        return self.messages.pop(0) if self.messages else b""

    def finished(self):
        pass

    def close(self):
        pass
