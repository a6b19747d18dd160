#!/usr/bin/env python3
"""Mail made to hurt: thousands of signatures, forged limits, megabyte fields, endless names and keys, a DNS that loops, lies or is
silent. It is judged like any other, asks little of the DNS, and takes little more memory than an honest message of its size.

`test_hostile_mail.py --bench [REPETITIONS]` measures instead: processor time of each against its honest twin (wanted: below 5).
"""
import base64
import json
import os
import pathlib
import re
import subprocess
import sys

import dns_server
from client import Client
from dns_server import DnsServer, Zone
from harness import BINARY, Case, PATIENCE, main
from reference import Key, Missing, Reference
from sink import Sink

CLIENT, DOMAIN, MEGABYTE = "192.0.2.10", "sender.example", 1 << 20
MOST_SIGNATURES, MOST_SETS = 10, 50
TOP = (f"From: Ann <ann@{DOMAIN}>\r\nTo: bob@example.org\r\nSubject: a test\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
       f"Message-ID: <1@{DOMAIN}>\r\n").encode()
LINE = b"All work and no play makes Jack a dull boy, and all this text is here to be hashed.\r\n"
HASH = base64.b64encode(b"h" * 32).decode()
FORGED = base64.b64encode(b"s" * 256).decode()

# A process begins with the resident memory of the one that started it, and this one holds the messages: so a small one starts it.
LAUNCH = """
import os, sys
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def body(size):
    return LINE * (size // len(LINE)) + b"x" * (size % len(LINE)) + b"\r\n"


def signature(number=0, extra="", selector=None, names="from:to:subject", name="DKIM-Signature"):
    """A signature that can be read and does not verify; each number has a selector, so a key, of its own."""
    return (f"{name}: v=1; a=rsa-sha256; c=relaxed/relaxed; d={DOMAIN}; s={selector or f's{number}'};\r\n"
            f"\th={names}; {extra}bh={HASH};\r\n\tb={FORGED}\r\n").encode()


def arc_set(number, sealer=DOMAIN):
    tags = f"i={number}; a=rsa-sha256; d={sealer}; s=a{number}; "
    return (f"ARC-Seal: {tags}cv={'none' if number == 1 else 'pass'}; b={FORGED}\r\n"
            f"ARC-Message-Signature: {tags}c=relaxed/relaxed; h=from:to:subject;\r\n\tbh={HASH}; b={FORGED}\r\n"
            f"ARC-Authentication-Results: i={number}; {sealer}; none\r\n").encode()


# Each the message, without regard to what it says.
HOSTILE = {
    "3,000 signatures": lambda: b"".join(signature(n) for n in range(3000)) + TOP + b"\r\n" + body(1000),
    "50 forged l= over 10 MB": lambda: b"".join(signature(n, f"l={n * 200000}; ", "key") for n in range(50)) + TOP + b"\r\n"
    + body(10 * MEGABYTE),
    "megabyte Subject": lambda: TOP.replace(b"a test", b"\r\n ".join([b"x " * 400] * 1300)) + b"\r\n" + body(1000),
    "megabyte Subject, signed ten times": lambda: b"".join(signature(n, names="subject:from:" + "subject:" * 500 + "to", selector="key")
                                                           for n in range(MOST_SIGNATURES))
    + TOP.replace(b"a test", b"\r\n ".join([b"x " * 400] * 1300)) + b"\r\n" + body(1000),
    "megabyte DKIM-Signature": lambda: signature(1, "n=" + "\r\n\t".join(["y" * 900] * 1160) + "; ") + TOP + b"\r\n" + body(1000),
    "megabyte h=": lambda: signature(1, names="\r\n\t".join([":".join(["subject"] * 100) + ":"] * 1300) + "from") + TOP + b"\r\n"
    + body(1000),
    "megabyte From": lambda: TOP.replace(b"Ann <", b"\r\n ".join([b"Ann " * 200] * 1300) + b"<") + b"\r\n" + body(1000),
    "From with 10,000 labels": lambda: TOP.replace(DOMAIN.encode(), b"a." * 10000 + DOMAIN.encode(), 1) + b"\r\n" + body(1000),
    "From with 20,000 addresses": lambda: TOP.replace(b"Ann <", b"".join(b"a@d%d.example,\r\n " % n for n in range(20000)) + b"Ann <", 1)
    + b"\r\n" + body(1000),
    "comments 200,000 deep": lambda: TOP.replace(b"Ann", b"(" * 200000 + b")" * 200000, 1) + b"\r\n" + body(1000),
    "50 ARC sets": lambda: b"".join(arc_set(n) for n in range(50, 0, -1)) + TOP + b"\r\n" + body(1000),
    "1,000 ARC sets": lambda: b"".join(arc_set(n) for n in range(1000, 0, -1)) + TOP + b"\r\n" + body(1000),
    "3,000 Authentication-Results": lambda: b"Authentication-Results: mx.postern.example; dkim=pass header.d=bank.example\r\n" * 3000
    + TOP + b"\r\n" + body(1000),
    "one line of 10 MB": lambda: signature(1, selector="key") + TOP + b"\r\n" + b"x " * (5 * MEGABYTE) + b"\r\n",
    "10 MB of empty lines": lambda: signature(1, selector="key") + TOP + b"\r\n" + b"\r\n" * (5 * MEGABYTE) + b"end\r\n",
}


class Hostile(Case):
    """A gateway whose DNS we are, and a good key."""

    def setUp(self):
        super().setUp()
        self.key = Key(self.folder, "key")
        self.zone = Zone(**{f"key._domainkey.{DOMAIN}": self.key.record, DOMAIN: f"v=spf1 ip4:{CLIENT} -all",
                            f"_dmarc.{DOMAIN}": "v=DMARC1; p=reject"})
        self.dns = DnsServer(self, self.zone)
        self.gateway = self.postern({"dns": {"servers": [self.dns.server], "timeout": "1s", "budget": "3s"}}, start=False)
        self.number = 0

    def honest(self, size):
        """A message of about this size, signed by Python's dkim where that is installed."""
        content = TOP + b"\r\n" + body(max(size - len(TOP), 100))
        try:
            self.python = getattr(self, "python", None) or Reference(self)
        except Missing:
            return signature(1, selector="key") + content
        return self.python.sign(content, DOMAIN, "key", self.key)

    def write(self, content):
        self.number += 1
        path = self.folder / f"{self.number}.eml"
        path.write_bytes(content)
        return path

    def judge(self, content, sender=f"ann@{DOMAIN}", times=1):
        """(what Postern says, its peak of resident memory in KiB, its processor time in seconds)."""
        path, output, said = self.write(content), self.folder / "out.json", self.folder / "said.log"
        command = ["/usr/bin/timeout", PATIENCE * 2, BINARY, "scan", "--config", self.gateway.config_path, "--json", "--ip", CLIENT,
                   "--helo", f"client.{DOMAIN}", "--from", sender] + [path] * times
        with open(output, "wb") as out, open(said, "wb") as errors:
            launch = subprocess.run([sys.executable, "-S", "-c", LAUNCH, *map(str, command)], stdout=out, stderr=errors, check=False)
        self.assertEqual(launch.returncode, 0, said.read_text(errors="replace")[-2000:])
        *_, used = said.read_text(errors="replace").splitlines()
        peak, seconds = used.split()
        answers = [json.loads(line) for line in output.read_text().splitlines()]
        self.assertEqual(len(answers), times)
        return answers[0], int(peak), float(seconds)

    def keys_asked(self):
        return {name for name in self.dns.asked("TXT") if "._domainkey." in name}

    def dmarc_asked(self):
        return {name for name in self.dns.asked("TXT") if name.startswith("_dmarc.")}


class Judged(Hostile):
    def test_hostile_messages_are_judged_and_take_no_more_memory_than_honest_ones(self):
        peaks = {}
        for name, make in HOSTILE.items():
            content = make()
            with self.subTest(message=name):
                size = len(content) >> 18 << 18  # twins are shared
                if size not in peaks:
                    answer, peaks[size], _ = self.judge(self.honest(size))
                    self.assertEqual(answer["dmarc"]["result"], "pass")
                answer, peak, _ = self.judge(content)
                self.assertNotIn("pass", [signature["result"] for signature in answer["dkim"]])
                self.assertNotEqual(answer["arc"]["result"], "pass")
                self.assertLessEqual(len(answer["dkim"]), MOST_SIGNATURES)
                self.assertLess(peak, peaks[size] * 3 // 2 + 16 * 1024, f"KiB, honest: {peaks[size]}")

    def test_three_thousand_signatures_ask_for_few_keys(self):
        answer, _, _ = self.judge(HOSTILE["3,000 signatures"]())
        self.assertEqual([s["result"] for s in answer["dkim"]], ["permerror"] * MOST_SIGNATURES)
        self.assertLessEqual(len(self.keys_asked()), MOST_SIGNATURES)

    def test_forged_limits_fail_all(self):
        answer, _, _ = self.judge(HOSTILE["50 forged l= over 10 MB"]())
        self.assertEqual([s["result"] for s in answer["dkim"]], ["fail"] * MOST_SIGNATURES)
        self.assertEqual(self.keys_asked(), {f"key._domainkey.{DOMAIN}"})

    def test_a_thousand_arc_sets_ask_for_no_key(self):
        answer, _, _ = self.judge(HOSTILE["1,000 ARC sets"]())
        self.assertEqual(answer["arc"]["result"], "fail")
        self.assertEqual(self.keys_asked(), set())

    def test_fifty_arc_sets_are_one_chain(self):
        answer, _, _ = self.judge(HOSTILE["50 ARC sets"]())
        self.assertEqual(answer["arc"]["result"], "fail")
        self.assertLessEqual(len(self.keys_asked()), 2 * MOST_SETS)

    def test_endless_author_domains_ask_for_few_policies(self):
        """RFC 9989, 4.10: eight queries for one author domain; no name is over 255 octets (RFC 1035, 2.3.4)."""
        answer, _, _ = self.judge(HOSTILE["From with 10,000 labels"](), sender="")
        self.assertNotIn(answer["dmarc"]["result"], ("pass", "fail"))
        self.assertLessEqual(len(self.dmarc_asked()), 8)
        deep = ".".join("a" * 100) + "." + DOMAIN
        self.dns.queries.clear()
        self.judge(TOP.replace(DOMAIN.encode(), deep.encode(), 1) + b"\r\n" + body(100), sender="")
        walk = {name for name in self.dmarc_asked() if deep.endswith(name[len("_dmarc."):])}
        self.assertLessEqual(len(walk), 8)
        self.assertLessEqual(len(self.dmarc_asked() - walk), 8)  # the walk of the name in HELO, which SPF may authenticate

    def test_many_authors_never_pass(self):
        answer, _, _ = self.judge(HOSTILE["From with 20,000 addresses"]())
        self.assertNotEqual(answer["dmarc"]["result"], "pass")
        self.assertLessEqual(len(self.dmarc_asked()), 8)

    def test_keys_of_16_kilobytes(self):
        huge = base64.b64encode(b"k" * 12000).decode()
        # A modulus of 16,384 bits: SubjectPublicKeyInfo by openssl, of a number that is no key at all.
        modulus = b"\x00" + b"\xff" * 2048
        number = b"\x02\x82" + len(modulus).to_bytes(2, "big") + modulus
        key = b"\x30\x82" + (len(number) + 5).to_bytes(2, "big") + number + b"\x02\x03\x01\x00\x01"
        self.zone.txt(f"huge._domainkey.{DOMAIN}", f"v=DKIM1; k=rsa; p={huge}")
        self.zone.txt(f"notes._domainkey.{DOMAIN}", f"v=DKIM1; n={'x' * 16000}; p={self.key.published}")
        self.zone.txt(f"wide._domainkey.{DOMAIN}", f"v=DKIM1; p={base64.b64encode(key).decode()}")
        for n in range(40):
            self.zone.txt(f"many._domainkey.{DOMAIN}", f"v=DKIM1; n={n}; p={self.key.published[:-9]}{n:05d}AAAA")
        selectors = ("huge", "notes", "wide", "many")
        answer, _, _ = self.judge(b"".join(signature(selector=s) for s in selectors) + TOP + b"\r\n" + body(1000))
        for selector, found in zip(selectors, answer["dkim"]):
            # None of them verifies; which refusal it is depends on which limit is met first.
            self.assertIn(found["result"], ("permerror", "policy", "fail"), (selector, found))


class DnsTrouble(Hostile):
    """Whatever the DNS does, nobody fails for it: what cannot be known is "temperror", or nothing where it denies that there is a
    record (RFC 6376, 6.1.2; RFC 7208, 2.6.6; RFC 8617, 5.2; RFC 9989, 4.10)."""

    TROUBLE = {"silence": dns_server.silence, "servfail": dns_server.servfail, "junk": dns_server.junk,
               "cut": dns_server.cut_short, "truncated": dns_server.always_truncated}
    # An answer without a record of the wanted type and name amounts to "there is none".
    DENIAL = {"address": dns_server.wrong_type, "othername": dns_server.other_name}

    def setUp(self):
        super().setUp()
        try:
            self.python = Reference(self)
        except Missing as missing:
            self.skipTest(f"{missing} are not installed")

    def trouble(self, name, odd=None):
        """What Postern says of a message that would pass everything, if it were not for the answers of its domain's DNS."""
        domain = f"{name}.example"
        owners = {domain: f"v=spf1 ip4:{CLIENT} -all", f"_dmarc.{domain}": "v=DMARC1; p=reject",
                  f"key._domainkey.{domain}": self.key.record, f"seal._domainkey.{domain}": self.key.record}
        for owner, text in owners.items():
            self.zone.txt(owner, text)
            if odd:
                self.zone.odd[owner] = odd
        content = TOP.replace(DOMAIN.encode(), domain.encode()) + b"\r\n" + body(1000)
        content = self.python.sign(content, domain, "key", self.key)
        content = self.python.seal(b"Authentication-Results: first.example; none\r\n" + content, domain, "seal", self.key, "first.example")
        return self.judge(content, sender=f"ann@{domain}")[0]

    @staticmethod
    def results(answer):
        return {"dkim": [s["result"] for s in answer["dkim"]], "arc": answer["arc"]["result"], "dmarc": answer["dmarc"]["result"],
                "spf": answer["spf"]["result"]}

    def test_all_passes_while_the_dns_is_well(self):
        self.assertEqual(self.results(self.trouble("well")), {"dkim": ["pass"], "arc": "pass", "dmarc": "pass", "spf": "pass"})

    def test_a_dns_in_trouble_is_a_temporary_error(self):
        for name, odd in self.TROUBLE.items():
            with self.subTest(answers=name):
                self.assertEqual(self.results(self.trouble(name, odd)),
                                 {"dkim": ["temperror"], "arc": "temperror", "dmarc": "temperror", "spf": "temperror"})

    def test_a_dns_that_loops_is_a_temporary_error(self):
        loops = {"self": "self.example", "pair": "other.pair.example", "chain": "c1.chain.example"}
        self.zone.odd["other.pair.example"] = dns_server.alias("pair.example")
        for n in range(1, 200):
            self.zone.odd[f"c{n}.chain.example"] = dns_server.alias(f"c{n + 1}.chain.example")
        for name, target in loops.items():
            with self.subTest(loop=name):
                found = self.results(self.trouble(name, dns_server.alias(target)))
                self.assertEqual(found, {"dkim": ["temperror"], "arc": "temperror", "dmarc": "temperror", "spf": "temperror"})

    def test_a_dns_that_lies_makes_nobody_pass_or_fail(self):
        for name, odd in self.DENIAL.items():
            with self.subTest(answers=name):
                found = self.results(self.trouble(name, odd))
                self.assertIn(found["dkim"][0], ("temperror", "permerror"))
                self.assertIn(found["dmarc"], ("temperror", "none"))
                self.assertIn(found["spf"], ("temperror", "none"))
                self.assertIn(found["arc"], ("temperror", "fail"))  # a key that does not exist breaks a chain for good

    def test_silence_holds_nothing_up_for_ever(self):
        """Fifty sealers and ten signers, and no answer for any: judged within [dns] budget, whatever is asked."""
        chain = b"".join(arc_set(n, f"sealer{n}.silent.example") for n in range(50, 0, -1))
        fields = b"".join(signature(n).replace(DOMAIN.encode(), b"signer%d.silent.example" % n) for n in range(10))
        for n in range(51):
            for owner in (f"a{n}._domainkey.sealer{n}", f"s{n}._domainkey.signer{n}"):
                self.zone.odd[f"{owner}.silent.example"] = dns_server.silence
        answer, _, _ = self.judge(chain + fields + TOP + b"\r\n" + body(1000))
        self.assertEqual([s["result"] for s in answer["dkim"]], ["temperror"] * 10)
        self.assertNotEqual(answer["arc"]["result"], "pass")
        self.assertEqual(answer["dmarc"]["result"], "pass")  # SPF is aligned, and its records were answered


class Served(Hostile):
    def test_hostile_messages_over_smtp_arrive_whole_and_the_gateway_lives_on(self):
        sink = Sink().start()
        self.addCleanup(sink.stop)
        gateway = self.postern({"listen": [{"proxy_protocol": ["127.0.0.1/32"]}], "dns": {"servers": [self.dns.server], "budget": "3s"},
                                "backend": {"address": [sink.address], "client_info": "none"}}, name="served")
        peaks = []
        names = [name for name in HOSTILE if "Results" not in name and "one line" not in name]
        for name in ["honest", *names, "honest"]:
            with self.subTest(message=name):
                content = HOSTILE[name]() if name in HOSTILE else self.honest(10 * MEGABYTE)
                with Client(gateway.port, source=CLIENT) as client:
                    answer = client.deliver(f"ann@{DOMAIN}", ["bob@example.org"], content)
                if content.index(b"\r\n\r\n") >= MEGABYTE:
                    self.assertEqual((answer.code, answer.text[:5]), (552, "5.3.4"), answer)  # a header larger than we read
                    continue
                self.assertEqual(answer.code, 250, answer)
                received = sink.messages[-1].content
                self.assertTrue(received.endswith(content), len(received))
                top = received[:-len(content)]
                self.assertEqual(len(re.findall(rb"^Authentication-Results:", top, re.M)), 1)
                self.assertLess(len(top), 20000)  # what we say of a message is bounded, however much there is to say
                self.assertLessEqual(max(map(len, top.split(b"\r\n"))), 998)  # RFC 5322, 2.1.1
                status = pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text()
                peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]))
        self.assertLess(peaks[-1], peaks[0] + 32 * 1024, f"KiB after each: {peaks}")


class Bench(Hostile):
    """Measures and prints; asserts nothing of time (tests/bench/README.md)."""

    repetitions = 5

    def runTest(self):
        start = min(self.judge(TOP + b"\r\nx\r\n")[2] for _ in range(3))
        print(f"{BINARY}; start of the program {start * 1000:.0f} ms, taken off below; processor time for a message")
        print(f"{'message':<36} {'size':>9} {'hostile':>10} {'honest':>10} {'ratio':>6}")
        for name, make in HOSTILE.items():
            content = make()
            honest = self.honest(len(content))
            # Both in turn, and of each the best of some: a busy machine only ever adds.
            pairs = [[(self.judge(c, times=self.repetitions)[2] - start) / self.repetitions for c in (content, honest)] for _ in range(3)]
            hostile, twin = (max(min(column), 1e-6) for column in zip(*pairs))
            print(f"{name:<36} {len(content):>9,} {hostile * 1e3:>7.2f} ms {twin * 1e3:>7.2f} ms {hostile / twin:>6.2f}"
                  f"{'' if hostile < 5 * twin else '  above 5'}", flush=True)


def load_tests(loader, tests, pattern):
    """Bench is run by --bench alone."""
    return loader.suiteClass([loader.loadTestsFromTestCase(case) for case in (Judged, DnsTrouble, Served)])


if __name__ == "__main__":
    if "--bench" in sys.argv:
        import unittest
        rest = sys.argv[sys.argv.index("--bench") + 1:]
        Bench.repetitions = int(rest[0]) if rest else Bench.repetitions
        sys.exit(not unittest.TextTestRunner(verbosity=0).run(Bench()).wasSuccessful())
    main()
