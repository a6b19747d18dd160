"""A DNS server inside the test: a zone of its own or of the test data, every question written down, and answers that no honest
server gives. UDP and TCP on one loopback port; one root zone, so that every name not in it is NXDOMAIN."""
import importlib.util
import ipaddress
import socket
import socketserver
import struct
import threading
import time

from harness import DATA, free_port

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
NAMES = {number: name for name, number in TYPES.items()}
NXDOMAIN, SERVFAIL = 3, 2


def wire_name(name):
    """RFC 1035, 3.1."""
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_txt(text):
    """RFC 1035, 3.3.14: character strings of at most 255 octets."""
    octets = text if isinstance(text, bytes) else text.encode()
    return b"".join(bytes([len(part)]) + part for part in (octets[i:i + 255] for i in range(0, max(len(octets), 1), 255)))


class Question:
    """The first question of a packet (RFC 1035, 4.1)."""

    def __init__(self, packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]])
            at += packet[at] + 1
        self.packet, self.octets = packet, packet[12:at + 5]
        self.name = b".".join(labels).decode("utf-8", "replace").lower()
        self.number = struct.unpack("!H", packet[at + 1:at + 3])[0]
        self.type = NAMES.get(self.number, str(self.number))

    def answer(self, records=(), rcode=0, truncated=False, ttl=60, negative_ttl=None):
        """records: [(owner as octets, type number, rdata)]. `negative_ttl`: an SOA that says how long "no" may be kept (RFC 2308, 3)."""
        body = b"".join(owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data for owner, kind, data in records)
        if negative_ttl is not None:
            soa = wire_name("ns.example") + wire_name("hostmaster.example") + struct.pack("!IIIII", 1, 3600, 600, 86400, negative_ttl)
            body += b"\0" + struct.pack("!HHIH", TYPES["SOA"], 1, negative_ttl, len(soa)) + soa
        flags = 0x8580 | rcode | (0x0200 if truncated else 0)
        return self.packet[:2] + struct.pack("!HHHHH", flags, 1, len(records), int(negative_ttl is not None), 0) + self.octets + body


class Zone:
    """What a test publishes; all of it may change while it is served. `odd[name]`: a function from Question to the octets to send
    (None: silence), whatever is asked; `odd[name, type]`: when this is asked. `below[name]`: the same for the name and all names below it; the longest name counts.
    `ttl`, and `negative_ttl` (None: no SOA, so "no" is hardly kept), in seconds; `delay`: seconds before every answer."""

    def __init__(self, **texts):
        self.records, self.odd, self.below = {}, {}, {}
        self.ttl, self.negative_ttl, self.delay = 60, None, 0.0
        for name, text in texts.items():
            self.txt(name, text)

    def add(self, name, kind, data):
        self.records.setdefault(name.rstrip(".").lower(), []).append((kind, data))
        return self

    def remove(self, name):
        self.records.pop(name.rstrip(".").lower(), None)
        return self

    def txt(self, name, text):
        return self.add(name, "TXT", wire_txt(text))

    def a(self, name, address):
        return self.add(name, "A", ipaddress.IPv4Address(address).packed)

    def ptr(self, address, name):
        return self.add(ipaddress.ip_address(address).reverse_pointer, "PTR", wire_name(name))

    def __call__(self, packet, udp):
        question = Question(packet)
        if self.delay:
            time.sleep(self.delay)  # every question has a thread of its own
        odd = self.odd.get((question.name, question.type)) or self.odd.get(question.name) or self.odd_below(question.name)
        if odd:
            return odd(question)
        have = list(self.records.get(question.name, ()))
        if not have:
            below = not question.name or any(name.endswith("." + question.name) for name in list(self.records))
            return question.answer(rcode=0 if below else NXDOMAIN, negative_ttl=self.negative_ttl)
        found = [(wire_name(question.name), TYPES[kind], data) for kind, data in have if kind == question.type]
        whole = question.answer(found, ttl=self.ttl, negative_ttl=None if found else self.negative_ttl)
        # RFC 6891, 6.2.5: the sizes that every resolver of today takes.
        return question.answer(truncated=True) if udp and len(whole) > 1232 else whole

    def odd_below(self, name):
        while name:
            if name in self.below:
                return self.below[name]
            name = name.partition(".")[2]
        return None


def of_test_data(*zones):
    """The answers that the test data's own server would give for these zones (any form that it reads)."""
    spec = importlib.util.spec_from_file_location("fakedns", DATA / "fakedns.py")
    module = importlib.util.module_from_spec(spec)  # a module of its own: its zone is a global
    spec.loader.exec_module(module)
    for zone in zones:
        module.load(zone)
    return module.answer


class DnsServer:
    """Serves until the test ends. `answer(packet, udp)` gives the octets to send, or None for silence."""

    def __init__(self, case, answer, address="127.0.0.1", port=None):
        self.port, self.queries = port or free_port(), []
        self.address, self.server = address, f"{address}@{port or self.port}"
        outer = self

        def respond(packet, udp):
            try:
                question = Question(packet)
                outer.queries.append((question.name, question.type))
                return answer(packet, udp)
            except (IndexError, struct.error):
                return None

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                packet, sender = self.request
                reply = respond(packet, True)
                if reply:
                    sender.sendto(reply, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                while len(size := self.rfile.read(2)) == 2:
                    reply = respond(self.rfile.read(struct.unpack("!H", size)[0]), False)
                    if not reply:
                        return
                    self.wfile.write(struct.pack("!H", len(reply)) + reply)

        for kind, handler in ((socketserver.ThreadingUDPServer, Udp), (socketserver.ThreadingTCPServer, Tcp)):
            kind.daemon_threads, kind.allow_reuse_address, kind.request_queue_size = True, True, 128
            kind.max_packet_size = 65535
            server = kind((address, self.port), handler, bind_and_activate=False)
            server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            server.server_bind()
            server.server_activate()
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            case.addCleanup(self._stop, server)

    @staticmethod
    def _stop(server):
        server.shutdown()
        server.server_close()

    def asked(self, kind=None):
        """The names asked for, in order of arrival."""
        return [name for name, asked in list(self.queries) if kind in (None, asked)]

    def count(self, name, kind=None):
        """How often exactly this name was asked for."""
        return self.asked(kind).count(name)

    def asked_below(self, zone, kind=None):
        """What was asked for below `zone`, without the zone's name, in order of arrival."""
        end = "." + zone
        return [name[:-len(end)] for name in self.asked(kind) if name.endswith(end)]


# Answers that no honest server gives.
def silence(question):
    return None


def servfail(question):
    return question.answer(rcode=SERVFAIL)


def junk(question):
    """The right id, then nonsense: counts that the packet does not hold, compression pointers to themselves."""
    return question.packet[:2] + b"\x85\x80\0\1\0\x7f\0\x7f\0\x7f" + b"\xc0\x0c" * 40


def cut_short(question):
    """A record whose length reaches far behind the packet's end."""
    return question.answer([(b"\xc0\x0c", 16, b"x" * 40)])[:-30]


def wrong_type(question):
    """An address, whatever was asked."""
    return question.answer([(wire_name(question.name), TYPES["A"], b"\x7f\0\0\2")])


def other_name(question):
    """The answer to another question."""
    return question.answer([(wire_name("bank.example"), 16, wire_txt("v=DKIM1; p="))])


def always_truncated(question):
    """Says "too long, ask by TCP", by TCP too."""
    return question.answer(truncated=True)


def addresses(*texts, ttl=60):
    """These A records, whatever name is asked for: a wildcard, a parked domain, a list's way to say no."""
    def answer(question):
        found = [(wire_name(question.name), TYPES["A"], ipaddress.IPv4Address(text).packed) for text in texts]
        return question.answer(found if question.type == "A" else [], ttl=ttl)
    return answer


def nobody(question):
    return question.answer(rcode=NXDOMAIN, negative_ttl=60)


def alias(target):
    """A CNAME to `target`, whatever was asked."""
    return lambda question: question.answer([(wire_name(question.name), TYPES["CNAME"], wire_name(target))])
