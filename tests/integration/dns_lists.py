"""DNS lists for tests: how a rule file declares them, and what their zones hold (RFC 5782)."""
import base64
import hashlib
import ipaddress
import json
import re

from client import Client, field, message
from dns_server import DnsServer, Zone
from harness import Case
from sink import Sink

ANN, BOB = "ann@sender.example", ["bob@example.org"]
NUMBER = re.compile(r"([A-Z][A-Z0-9_]*)=(-?\d+(?:\.\d+)?)")


def lua(value):
    """A Python value as Lua writes it. A dictionary whose keys are no names gets them in brackets; None is left out."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        pairs = [(k if re.fullmatch(r"[a-z_]+", k) else f"[{lua(k)}]", v) for k, v in value.items() if v is not None]
        return "{ " + ", ".join(f"{k} = {lua(v)}" for k, v in pairs) + " }"
    if isinstance(value, Entry):
        return "{ " + ", ".join([lua(value.name), *([] if value.score is None else [lua(value.score)]),
                                 *(f"{k} = {lua(v)}" for k, v in value.fields.items())]) + " }"
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(map(lua, value)) + " }"
    return json.dumps(value, ensure_ascii=False)


class Entry:
    """What an answer means: {"SBL", 4.0, action = ...}."""

    def __init__(self, name, score=None, **fields):
        self.name, self.score, self.fields = name, score, fields


def declare(name, zone, answers=None, of="client", **fields):
    """`list "NAME" {...}`; without `answers`, 127.0.0.2 is HIT, worth 2.0."""
    answers = {"127.0.0.2": Entry("HIT", 2.0)} if answers is None else answers
    return f"list {lua(name)} " + lua({"zone": zone, "of": of, "answers": answers, **fields}) + "\n"


def backwards(address):
    """RFC 5782, 2.1 and 2.4."""
    return re.sub(r"\.(in-addr|ip6)\.arpa$", "", ipaddress.ip_address(address).reverse_pointer)


def digest(address, algorithm="sha1", encoding="hex"):
    octets = hashlib.new(algorithm, address.encode()).digest()
    return octets.hex() if encoding == "hex" else base64.b32encode(octets).decode().rstrip("=").lower()


def subject_name(subject):
    """What stands before the zone: a name as it is, an address backwards."""
    try:
        return backwards(subject)
    except ValueError:
        return subject.encode("idna").decode().lower()


# The test points of RFC 5782, 5: for addresses, for names; a list of digests has none that is listed.
TEST_POINTS = {"address": ("127.0.0.2", "::ffff:127.0.0.2"), "domain": ("test",), "hash": ()}
STYLES = {"client": "address", "received": "address", "hash": "hash"}


def style_of(subject):
    return STYLES.get(subject, "domain")


def records(zone, entries, of="client"):
    """Zone file lines of a list that lives: its test points, and entries {subject: answer, or several}."""
    entries = {**{point: "127.0.0.2" for point in TEST_POINTS[style_of(of)]}, **entries}
    return [f"{subject_name(subject)}.{zone}. A {answer}" for subject, answers in entries.items()
            for answer in ([answers] if isinstance(answers, str) else answers)]


def publish(dns_zone, zone, entries, of="client"):
    """The same in a dns_server.Zone."""
    for line in records(zone, entries, of):
        name, _, address = line.split()
        dns_zone.a(name, address)


def hits(content):
    """{rule: score} of X-Spam-Status, of a delivered message."""
    return {name: float(score) for name, score in NUMBER.findall(field(content, "X-Spam-Status").partition("tests=[")[2])}


class Lists(Case):
    """A gateway between clients of any address (PROXY protocol) and a recording backend, with a DNS server that the test commands."""

    def setUp(self):
        super().setUp()
        self.sink = Sink().start()
        self.addCleanup(self.sink.stop)
        self.zone = Zone()
        self.zone.negative_ttl = 60
        self.dns = DnsServer(self, self.zone)

    def gateway(self, rules, servers=None, start=True, name="postern", **settings):
        rules = {"20-lists.lua": rules} if isinstance(rules, str) else rules
        settings["dns"] = {"servers": servers or [self.dns.server], "timeout": "2s", "budget": "4s", **settings.get("dns", {})}
        settings.setdefault("backend", {"address": [self.sink.address]})
        return self.postern({"listen": [{"proxy_protocol": ["127.0.0.1/32"]}], **settings},
                            rules=rules, start=start, name=name)

    def deliver(self, gateway, source="192.0.2.9", sender=ANN, helo="client.sender.example", content=None):
        """A whole session: the reply that ended it, and the rules that hit with their scores (None: it was not delivered)."""
        before = len(self.sink.messages)
        with Client(gateway.port, source=source, helo=helo) as client:
            reply = client.greeting if client.greeting.code != 220 else client.deliver(sender, BOB, content or message())
        return reply, hits(self.sink.messages[-1].content) if len(self.sink.messages) > before else None

    def hits_of(self, gateway, *arguments, **named):
        reply, found = self.deliver(gateway, *arguments, **named)
        self.assertEqual(reply.code, 250, reply)
        return found
