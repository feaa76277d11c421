#!/usr/bin/python3
"""
Differential test: 10,000 generated endpoint strings through Twisted's parser and ours.

Both must accept the same texts and find the same values in them; Twisted must also find them in
the canonical text that we print. Where we differ on purpose, a predicate of EXCEPTIONS says so;
how often each applied is printed. Anything else fails, with the text.

Environment: SN_BUILDDIR; SN_SEED for other texts, SN_COUNT for more.
"""
import inspect
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
from twisted.internet import endpoints, reactor, ssl  # noqa: E402
from twisted.internet.endpoints import (  # noqa: E402
    AdoptedStreamServerEndpoint, HostnameEndpoint, SSL4ClientEndpoint, SSL4ServerEndpoint,
    StandardIOEndpoint, TCP4ClientEndpoint, TCP4ServerEndpoint, TCP6ServerEndpoint,
    UNIXClientEndpoint, UNIXServerEndpoint)
from twisted.internet._sslverify import VerifyError  # noqa: E402
from twisted.python.systemd import ListenFDs  # noqa: E402

COUNT = int(os.environ.get("SN_COUNT", "10000"))
SEED = int(os.environ.get("SN_SEED", "1"))
DUMP = os.path.join(os.environ.get("SN_BUILDDIR", "."), "tests/support/endpoint_dump")
SYSTEMD_FDS = 100  # as if so many sockets had been passed
TWISTED_BACKLOG = 50


# --- Texts ---------------------------------------------------------------------------------------

WORDS = {
    "S": ["tcp", "tcp6", "unix", "ssl", "haproxy", "systemd", "stdio", "tls", "fd", "udp"],
    "C": ["tcp", "unix", "ssl", "tls", "exec"],
}
NUMBERS = ["0", "1", "80", "443", "8080", "65535", "65536", "-1", " 80 ", "\t9\n", "8_0", "08",
           "+7", "1__0", "_1", "1_", "0x50", "", "http", "2.5", "99999999999999999999", "\u0663",
           "- 5", "80\x00"]
MODES = ["666", "660", "0o600", "0O6_0_0", "o7", "999", "7777", "17777", " 600 ", "", "0o", "-1"]
HOSTS = ["h", "localhost", "127.0.0.1", "example.org", "\\:\\:1", "::1", "b\u00fccher.example",
         "a b", "", "under_score", "X.Example"]
TEXTS = ["", "x", "/tmp/x", "a=b", "a\\=b", "a\\:b", "a\\\\b", "\\x", "@abstract", "\u00e9", "::",
         "\\:\\:", "127.0.0.1", "a b", "x\\"]
PEMS = ["server.pem", "other.pem", "cert\\:2.pem", "chain.pem", "missing.pem", ".", "roots"]
METHODS = ["SSLv23_METHOD", "TLSv1_2_METHOD", "TLS_METHOD", "TLSv1_METHOD", "nonsense", ""]
DOMAINS = ["INET", "INET6", "UNIX", "inet", "BLUETOOTH", "", "PACKET"]
FLAGS = ["0", "1", "2", "-3", "yes", "", "99999999999999999999"]

KINDS = {
    "number": NUMBERS, "octal": MODES, "host": HOSTS, "text": TEXTS, "pem": PEMS,
    "method": METHODS, "domain": DOMAINS, "flag": FLAGS, "roots": ["roots", "missing", "."],
}
TCP_CLIENT = [("host", "host"), ("port", "number"), ("timeout", "number"),
              ("bindAddress", "host")]
PARAMS = {
    "Stcp": [("port", "number"), ("interface", "host"), ("backlog", "number")],
    "Stcp6": [("port", "number"), ("backlog", "number"), ("interface", "host")],
    "Sunix": [("address", "text"), ("mode", "octal"), ("backlog", "number"), ("lockfile", "flag"),
              ("user", "text"), ("group", "text")],
    "Sssl": [("port", "number"), ("privateKey", "pem"), ("certKey", "pem"),
             ("sslmethod", "method"), ("interface", "host"), ("backlog", "number"),
             ("extraCertChain", "pem"), ("dhParameters", "pem")],
    "Ssystemd": [("domain", "domain"), ("index", "number"), ("name", "text")],
    "Sstdio": [("any", "text")],
    "Stls": [("certs", "pem"), ("clientCA", "pem"), ("minVersion", "text")],
    "Sfd": [("number", "number")],
    "Sudp": [("port", "number"), ("interface", "host")],
    "Ctcp": TCP_CLIENT,
    "Cunix": [("path", "text"), ("timeout", "number"), ("lockfile", "flag")],
    "Cssl": TCP_CLIENT + [("certKey", "pem"), ("privateKey", "pem"), ("caCertsDir", "roots"),
                          ("hostname", "host")],
    "Ctls": TCP_CLIENT + [("certificate", "pem"), ("privateKey", "pem"), ("trustRoots", "roots")],
    "Cexec": [("command", "text"), ("more", "text")],
}
# Values that are right, so that whole texts are right often enough to compare what was found.
GOOD = {
    "number": ["80", "443", " 8_0 "], "octal": ["660", "0o600"], "host": ["h", "127.0.0.1",
    "\\:\\:1", "example.org"], "text": ["x", "/tmp/x", "a\\:b", "a\\\\b", "a\\=b", "\u00e9"],
    "pem": ["server.pem", "other.pem", "cert\\:2.pem"], "method": ["SSLv23_METHOD"],
    "domain": ["INET", "INET6", "UNIX"], "flag": ["0", "1", "7"], "roots": ["roots"],
}
STRANGERS = ["bogus=1", "=5", "extra", "", "Port=1", "self=1", "reactor=1", "checkPID=1",
             "sslContextFactory=1", "\u00e9=1"]
ALPHABET = ":=\\ab1"


class Generator:
    """Texts that are nearly right, and texts over the alphabet of the grammar."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, kind):
        table = GOOD if self.random.random() < 0.85 else KINDS
        return self.random.choice(table[kind])

    def arguments(self, params):
        """A number of positionals, then some named ones, mostly in order and without repetition."""
        positional = self.random.randrange(0, min(len(params), 3) + 1)
        args = [self.value(kind) for _, kind in params[:positional]]
        rest = params[positional:] if self.random.random() < 0.9 else params
        for name, kind in rest:
            required = name in ("port", "host", "path", "address", "domain", "index", "certs")
            if self.random.random() < (0.97 if required else 0.3):
                args.append(name + "=" + self.value(kind))
        if self.random.random() < 0.1:
            self.random.shuffle(args)
        if args and self.random.random() < 0.05:
            args.append(self.random.choice(args))
        if self.random.random() < 0.05:
            args.append(self.random.choice(STRANGERS))
        return args

    def description(self, side, depth=0):
        word = self.random.choice(WORDS[side])
        spelled = word if self.random.random() < 0.95 else self.random.choice(
            [word.upper(), word.title()])
        if word == "haproxy":
            return self.wrapped(spelled, side, depth)
        args = self.arguments(PARAMS[side + word])
        if side + word == "Stls":
            args.append(self.description(side, depth + 1) if depth < 3 else "tcp:80")
        if side + word == "Ctls" and depth < 2 and self.random.random() < 0.2:
            inner = self.description(side, depth + 1)
            quoted = endpoints.quoteStringArgument(inner)
            args.append("endpoint=" + (quoted if self.random.random() < 0.8 else inner))
        parts = [spelled] + args
        if self.random.random() < 0.03:
            self.random.shuffle(parts)
        return ":".join(parts)

    def wrapped(self, word, side, depth):
        inner = self.description(side, depth + 1) if depth < 3 else "tcp:80"
        return word + ":" + inner

    def mutated(self, text):
        for _ in range(self.random.choice([0, 0, 0, 0, 0, 0, 1, 1, 2])):
            at = self.random.randrange(0, len(text) + 1)
            cut = self.random.randrange(0, 2)
            put = self.random.choice(["", self.random.choice(ALPHABET + " =:")])
            text = text[:at] + put + text[at + cut:]
        return text

    def raw(self, side):
        length = self.random.randrange(0, 13)
        text = "".join(self.random.choice(ALPHABET) for _ in range(length))
        if self.random.random() < 0.5:
            text = self.random.choice(WORDS[side]) + self.random.choice([":", ""]) + text
        return text

    def next(self):
        side = self.random.choice("SSC")
        if self.random.random() < 0.15:
            return side, self.raw(side)
        return side, self.mutated(self.description(side))


# --- Twisted's answer ----------------------------------------------------------------------------


def make_files():
    """Two keys with certificates, under the names that the generator uses."""
    for name in ("server", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-subj", "/CN=" + name, "-days", "2", "-keyout", name + ".key", "-out",
             name + ".crt"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(name + ".pem", "wb") as pem:
            for part in (".key", ".crt"):
                with open(name + part, "rb") as f:
                    pem.write(f.read())
    shutil.copy("server.pem", "cert:2.pem")
    shutil.copy("other.crt", "chain.pem")
    os.mkdir("roots")
    shutil.copy("other.crt", "roots/other.pem")


def speed_up():
    """Twisted looks for plugins on the disk at every call; and as if systemd had started us."""
    known = {}
    search = endpoints.getPlugins

    def get_plugins(interface):
        if interface not in known:
            known[interface] = list(search(interface))
        return known[interface]

    endpoints.getPlugins = get_plugins
    endpoints._SystemdParser._sddaemon = ListenFDs(list(range(3, 3 + SYSTEMD_FDS)))


def digest_of(certificate):
    """The fingerprint of an OpenSSL certificate, or of the one in a file."""
    return None if certificate is None else certificate.digest("sha256").decode()


def digest_in(path):
    with open(path, "rb") as pem:
        return ssl.Certificate.loadPEM(pem.read()).digest("sha256").decode()


def lower(name):
    """IDNA writes names in lower case; ours stay as written until they are used."""
    return name and name.lower()


def server_fields(ep):
    if isinstance(ep, TCP4ServerEndpoint):
        return "tcp", {"port": ep._port, "interface": ep._interface, "backlog": ep._backlog}
    if isinstance(ep, TCP6ServerEndpoint):
        return "tcp6", {"port": ep._port, "interface": ep._interface, "backlog": ep._backlog}
    if isinstance(ep, UNIXServerEndpoint):
        return "unix", {"address": ep._address, "mode": ep._mode, "backlog": ep._backlog,
                        "lockfile": int(ep._wantPID)}
    if isinstance(ep, SSL4ServerEndpoint):
        options = ep._sslContextFactory
        return "ssl", {"port": ep._port, "interface": ep._interface, "backlog": ep._backlog,
                       "certificate": digest_of(options.certificate),
                       "chain": len(options.extraCertChain or [])}
    if isinstance(ep, StandardIOEndpoint):
        return "stdio", {}
    if isinstance(ep, AdoptedStreamServerEndpoint):
        return "systemd", {"index": ep.fileno - 3, "domain": ep.addressFamily.name[3:]}
    assert isinstance(ep, endpoints._WrapperServerEndpoint), ep
    return "haproxy", {"inner": server_fields(ep._wrappedEndpoint)}


def client_fields(ep):
    if isinstance(ep, (TCP4ClientEndpoint, SSL4ClientEndpoint)):
        fields = {"host": ep._host, "port": ep._port, "timeout": ep._timeout,
                  "bindAddress": ep._bindAddress and ep._bindAddress[0]}
        if isinstance(ep, TCP4ClientEndpoint):
            return "tcp", fields
        fields["hostname"] = lower(getattr(ep._sslContextFactory, "_hostname", None))
        return "ssl", fields
    if isinstance(ep, UNIXClientEndpoint):
        return "unix", {"path": ep._path, "timeout": ep._timeout, "lockfile": int(ep._checkPID)}
    assert isinstance(ep, endpoints._WrapperEndpoint), ep
    creator = inspect.getclosurevars(ep._wrapperFactory).nonlocals["connectionCreator"]
    below = ep._wrappedEndpoint
    fields = {"host": creator._hostname}
    if isinstance(below, HostnameEndpoint):
        fields.update(port=below._port, timeout=below._timeout, bindAddress=below._bindAddress)
    else:
        fields["inner"] = client_fields(below)
    return "tls", fields


def twisted_answer(side, text):
    """(what was found, None) or (None, exception)."""
    try:
        if side == "S":
            return server_fields(endpoints.serverFromString(reactor, text)), None
        return client_fields(endpoints.clientFromString(reactor, text)), None
    except AssertionError:
        raise
    except Exception as error:  # whatever it raises is its way to refuse
        return None, error


def twisted_tokens(text):
    try:
        return endpoints._parse(text)
    except RuntimeError:
        return None


# --- Our answer, in the same form ----------------------------------------------------------------


def our_answers(cases):
    lines = "".join("%s %s\n" % (side, text.encode().hex()) for side, text in cases)
    run = subprocess.run([DUMP], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in run.stdout.decode().splitlines()]
    assert len(answers) == len(cases), (len(answers), len(cases))
    return answers


def our_tokens(answer):
    """Positionals and names as _parse gives them."""
    if answer["tokens"] is None:
        return None
    args = [value for key, value in answer["tokens"] if key is None]
    return args, {key: value for key, value in answer["tokens"] if key is not None}


def our_fields(side, ep):
    """In the form of server_fields and client_fields; what Twisted does not keep is left out."""
    word, fields = ep["type"], dict(ep["fields"])
    if side == "S" and word in ("tcp", "tcp6", "unix", "ssl"):
        fields.setdefault("backlog", TWISTED_BACKLOG)
    if side == "S" and word == "ssl":
        key = fields.pop("privateKey")
        fields["certificate"] = digest_in(fields.pop("certKey", key))
        fields["chain"] = 1 if fields.pop("extraCertChain", None) else 0
        fields.pop("sslmethod", None)
        fields.pop("dhParameters", None)
    if side == "C" and word in ("tcp", "ssl", "tls"):
        fields.setdefault("bindAddress", None)
    if side == "C" and word == "ssl":
        fields["hostname"] = lower(fields.get("hostname"))
    if side == "C" and word in ("ssl", "tls"):
        for name in ("certKey", "privateKey", "caCertsDir", "certificate", "trustRoots"):
            fields.pop(name, None)
    if side == "C" and word == "tls" and ep["inner"]:
        fields = {"host": fields["host"]}
    if ep["inner"]:
        fields["inner"] = our_fields(side, ep["inner"])
    return word, fields


# --- Where we differ on purpose ------------------------------------------------------------------


class Case:
    """One text and both answers; found: Twisted's values, or None and error says why."""

    def __init__(self, side, text, ours):
        self.side, self.text, self.ours = side, text, ours
        self.found, self.error = twisted_answer(side, text)
        self.accepted = ours["code"] == "OK"
        self.types = []
        self.names = set()
        for key, _ in ours["tokens"] or []:
            self.names.add(key)
        ep = ours.get("endpoint")
        while ep is not None:
            self.types.append(ep["type"])
            self.names.update(ep["fields"])
            ep = ep["inner"]

    def same(self):
        if self.accepted != (self.found is not None):
            return False
        return not self.accepted or our_fields(self.side, self.ours["endpoint"]) == self.found

    def only_we_accept(self):
        return self.accepted and self.found is None

    def only_we_refuse(self, code):
        return self.ours["code"] == code and self.found is not None

    def words(self):
        """Every part of the text that could be a type word."""
        return self.text.replace("\\", "").split(":")


def unknown_type(case):
    return isinstance(case.error, ValueError) and "Unknown endpoint type" in str(case.error)


def type_word_case(c):
    return c.only_we_accept() and unknown_type(c) and any(
        w.lower() in ("tcp", "unix", "ssl") and w != w.lower() for w in c.words())


def bare_port(c):
    return c.only_we_accept() and unknown_type(c) and c.side == "S" and any(
        re.fullmatch("[0-9]+", w) for w in c.words())


def own_types(c):
    own = {"tls", "fd", "udp"} if c.side == "S" else {"exec"}
    return c.only_we_accept() and unknown_type(c) and own.intersection(c.types)


def own_parameters(c):
    own = {"unix": {"user", "group"}, "systemd": {"name"}}
    return c.only_we_accept() and isinstance(c.error, TypeError) and any(
        own.get(t, set()) & c.names for t in c.types)


def number_range(c):
    return c.only_we_refuse("ERANGE") and re.search("must be -?[0-9]+ to [0-9]+$", c.ours["error"])


def choice_of_domain(c):
    return c.only_we_refuse("ERANGE") and "domain must be one of" in c.ours["error"]


def old_tls(c):
    return c.only_we_refuse("ERANGE") and "sslmethod must be one of" in c.ours["error"]


def nul_byte(c):
    return c.only_we_refuse("ESYNTAX") and "\0" in c.text


def other_digits(c):
    return c.only_we_refuse("ENUMBER") and not c.text.isascii()


def leaked_names(c):
    leaked = {"checkPID": "unix", "sslContextFactory": "ssl"}
    return c.only_we_refuse("EUNKNOWN") and any(
        "%s: has no parameter '%s'" % (word, name) in c.ours["error"]
        for name, word in leaked.items())


def python_names(c):
    return c.only_we_accept() and isinstance(c.error, TypeError) and \
        "stdio" in c.types and c.names & {"self", "reactor"}


def key_not_ascii(c):
    return c.only_we_accept() and isinstance(c.error, UnicodeEncodeError) and \
        "stdio" in c.types and not c.text.isascii()


def files_at_parse_time(c):
    module = type(c.error).__module__
    return c.only_we_accept() and {"ssl", "tls"}.intersection(c.types) and (
        isinstance(c.error, (OSError, VerifyError)) or module.startswith("OpenSSL") or
        "doesn't contain any valid" in str(c.error))


def host_at_parse_time(c):
    return c.only_we_accept() and c.side == "C" and {"ssl", "tls"}.intersection(c.types) and (
        isinstance(c.error, UnicodeError) or type(c.error).__module__.startswith("idna"))


def systemd_not_passed(c):
    return c.only_we_accept() and isinstance(c.error, IndexError) and "systemd" in c.types


def haproxy_equals(c):
    return c.side == "S" and "haproxy" in c.text.lower() and escaped_equals(c)


def escaped_equals(c):
    """Some positional value or some key has a '=' in it."""
    return any("=" in (value if key is None else key) for key, value in c.ours["tokens"] or [])


EXCEPTIONS = [
    (type_word_case, "the type word's case does not matter"),
    (bare_port, "a port number alone means tcp"),
    (own_types, "types that Twisted has not: server tls, fd, udp; client exec"),
    (own_parameters, "parameters that this Twisted has not: unix user, group; systemd name"),
    (number_range, "numbers are checked for range when parsed, not when used"),
    (choice_of_domain, "systemd sockets are INET, INET6 or UNIX"),
    (old_tls, "methods older than TLS 1.2 are not spoken"),
    (nul_byte, "no NUL bytes"),
    (other_digits, "digits are ASCII"),
    (leaked_names, "Twisted accepts the names of its own variables (checkPID, ...)"),
    (python_names, "stdio ignores everything; Twisted stumbles over self= and reactor="),
    (key_not_ascii, "stdio ignores everything; Twisted stumbles over names outside ASCII"),
    (files_at_parse_time, "files are read when listening or connecting, not when parsing"),
    (host_at_parse_time, "host names are encoded when connecting, not when parsing"),
    (systemd_not_passed, "whether systemd passed the socket is seen when listening"),
    (haproxy_equals, "Twisted's haproxy loses the backslash of an escaped '='"),
]


# --- The test ------------------------------------------------------------------------------------


class Result:
    def __init__(self):
        self.excused = {predicate.__name__: 0 for predicate, _ in EXCEPTIONS}
        self.accepted = self.refused = self.canonical = 0
        self.failures = []

    def fail(self, case, what):
        self.failures.append("%s: %s %r\n  ours    %s\n  Twisted %r" % (
            what, case.side, case.text,
            our_text(case), case.error if case.found is None else case.found))

    def judge(self, case, what):
        """True when both agree."""
        if case.same():
            return True
        for predicate, _ in EXCEPTIONS:
            if predicate(case):
                self.excused[predicate.__name__] += 1
                return False
        self.fail(case, what)
        return False


def our_text(case):
    ours = case.ours
    if case.accepted:
        return repr(our_fields(case.side, ours["endpoint"]))
    return "%s: column %d: %s" % (ours["code"], ours["column"], ours["error"])


def check_column(result, case):
    """An error points into the text or right behind it."""
    if not case.accepted and not 1 <= case.ours["column"] <= len(case.text.encode()) + 1:
        result.fail(case, "column")


def check_tokens(result, case):
    if "\0" in case.text:
        return
    try:
        theirs = twisted_tokens(case.text)
    except UnicodeEncodeError:
        return  # a name outside ASCII: key_not_ascii
    if our_tokens(case.ours) != theirs:
        result.fail(case, "tokens %r and %r" % (our_tokens(case.ours), theirs))


def check_canonical(result, agreed):
    """Twisted reads our canonical text as it read the original one."""
    texts = [(case.side, case.ours["text"]) for case in agreed]
    for case, ours in zip(agreed, our_answers(texts)):
        again = Case(case.side, case.ours["text"], ours)
        if not result.judge(again, "canonical text of %r" % case.text):
            continue
        result.canonical += 1
        if again.found != case.found:
            result.fail(again, "canonical text means something else than %r" % case.text)


def run():
    generator = Generator(SEED)
    cases = [generator.next() for _ in range(COUNT)]
    result = Result()
    agreed = []
    for (side, text), ours in zip(cases, our_answers(cases)):
        case = Case(side, text, ours)
        check_tokens(result, case)
        check_column(result, case)
        if result.judge(case, "differs"):
            result.accepted += case.accepted
            result.refused += not case.accepted
            if case.accepted:
                agreed.append(case)
    check_canonical(result, agreed)
    return result


def main():
    print("seed %d (SN_SEED), %d texts" % (SEED, COUNT))
    directory = tempfile.mkdtemp(prefix="sn-endpoint-")
    global DUMP
    DUMP = os.path.abspath(DUMP)
    os.chdir(directory)
    try:
        make_files()
        speed_up()
        result = run()
    finally:
        os.chdir("/")
        shutil.rmtree(directory)
    print("both accept %d, both refuse %d, canonical texts %d" % (
        result.accepted, result.refused, result.canonical))
    for predicate, reason in EXCEPTIONS:
        print("  %5d  %s" % (result.excused[predicate.__name__], reason))
    for failure in result.failures[:20]:
        print(failure)
    print("%d differences that nothing excuses" % len(result.failures))
    return 1 if result.failures else 0


sys.exit(main())
