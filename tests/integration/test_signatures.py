#!/usr/bin/env python3
"""Mail signed by OpenDKIM and by Python's dkim passes through Postern to a real Postfix, and verifies there with both: what we add
broke nothing, and what we say of each signature is what they say."""
import os
import random
import re

from client import Client, field, fields_of
from dns_server import DnsServer, Zone
from harness import Case, HOSTNAME, main
from postfix import Postfix
from reference import Key, Missing, OpenDkim, Reference

CLIENT, DOMAIN = "192.0.2.10", "sender.example"
TOP = (b"From: =?utf-8?q?J=C3=BCrgen?= <ann@sender.example>\r\nTo: bob@example.org\r\nSubject: two\r\n\tlines  and   blanks \r\n"
       b"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nMessage-ID: <signed@sender.example>\r\nMIME-Version: 1.0\r\n"
       b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")
# What canonicalisation is about: blanks within and behind lines, dots, empty lines at the end, a body of nothing.
BODIES = {
    "plain": b"Good day,\r\n\r\nthis is a test.\r\n",
    "awkward": b".\r\n..two dots\r\n.leading dot\r\n \t \r\nGr\xc3\xbc\xc3\x9fe  \r\nFrom here on\r\n" + b"x" * 900
               + b"\r\n\r\n\r\n.\r\n\r\n",
    "empty": b"",
    "empty lines": b"\r\n\r\n\r\n",
    "large": b"".join(b"line %d  of many\t \r\n" % n for n in range(20000)),
}
SIGNATURES = ("opendkim-rsa", "opendkim-ed25519", "python-rsa", "python-ed25519", "python-simple")


class Signed(Case):
    def setUp(self):
        super().setUp()
        self.opendkim = OpenDkim(self)
        try:
            self.python = Reference(self)
        except Missing as missing:
            self.skipTest(f"{missing} are not installed")
        if os.geteuid() != 0:
            self.skipTest("Postfix, and a resolv.conf of OpenDKIM's own, need root")
        self.postfix = Postfix(self).start()
        self.keys = {kind: Key(self.folder, kind, kind) for kind in ("rsa", "ed25519")}
        self.published = {f"{name}._domainkey.{DOMAIN}": self.key(name).record for name in SIGNATURES}
        self.zone = Zone(**self.published, **{DOMAIN: f"v=spf1 ip4:{CLIENT} -all", f"_dmarc.{DOMAIN}": "v=DMARC1; p=reject"})
        self.zone.ptr(CLIENT, f"client.{DOMAIN}").a(f"client.{DOMAIN}", CLIENT)
        # OpenDKIM asks where resolv.conf says, on port 53: a loopback address that nobody else is likely to use.
        self.dns = DnsServer(self, self.zone, "127." + ".".join(str(random.randrange(2, 250)) for _ in range(3)), 53)

    def key(self, name):
        return self.keys["ed25519" if name.endswith("ed25519") else "rsa"]

    def signature(self, name, content):
        """The DKIM-Signature field that this signer makes for `content`."""
        if name.startswith("opendkim"):
            signed = self.opendkim.sign(content, DOMAIN, name, self.key(name))
        else:
            signed = self.python.sign(content, DOMAIN, name, self.key(name),
                                      "simple/simple" if name.endswith("simple") else "relaxed/relaxed")
        return signed[:-len(content)]

    def through(self, *contents):
        """Sends messages through Postern and returns them as Postfix delivered them, in the order sent."""
        gateway = self.postern({"listen": [{"proxy_protocol": ["127.0.0.1/32"]}], "dns": {"servers": [self.dns.server]},
                                "backend": {"address": [self.postfix.address], "client_info": "xclient"}})
        delivered = []
        for content in contents:
            with Client(gateway.port, source=CLIENT) as client:
                answer = client.deliver(f"ann@{DOMAIN}", ["bob@example.org"], content)
            self.assertEqual(answer.code, 250, answer)
            new = [m for m in self.postfix.wait_for_mail(len(delivered) + 1) if m not in delivered]
            self.assertEqual(len(new), 1)
            delivered += new
        return [content.replace(b"\n", b"\r\n") for content in delivered]

    def results(self, content):
        """Postern's results in a delivered message, read by Python's authres: {method: [result objects]}."""
        ours = [v for n, v in fields_of(content) if n == "Authentication-Results" and v.startswith(HOSTNAME)]
        self.assertEqual(len(ours), 1, content[:3000])
        identity, results = self.python.results(f"Authentication-Results: {ours[0]}")
        self.assertEqual(identity, HOSTNAME)
        found = {}
        for result in results:
            found.setdefault(result["method"], []).append(result)
        return found

    def with_only(self, name, content):
        """The message with the signature of one signer left: OpenDKIM's tool is content with any good one."""
        header, body = content.split(b"\r\n\r\n", 1)
        fields = re.split(rb"\r\n(?![ \t])", header)
        kept = [f for f in fields if not f.lower().startswith(b"dkim-signature:") or re.search(rb"\bs=%s;" % name.encode(), f)]
        self.assertEqual(sum(1 for f in kept if f.lower().startswith(b"dkim-signature:")), 1)
        return b"\r\n".join(kept) + b"\r\n\r\n" + body

    def assert_verifies(self, content, names):
        self.assertEqual(self.python.verify(content, self.published), [True] * len(names))
        for name in names:
            self.assertEqual(self.opendkim.verify(self.with_only(name, content), self.dns.address), (0, ""), name)
        found = self.results(content)
        self.assertEqual([(r["properties"].get("header.s"), r["result"]) for r in found["dkim"]], [(n, "pass") for n in names])
        for name, result in zip(names, found["dkim"]):
            self.assertEqual(result["properties"]["header.d"], DOMAIN)
            self.assertEqual(result["properties"]["header.a"], self.key(name).algorithm)
        self.assertEqual([r["result"] for r in found["dmarc"]], ["pass"])

    def test_each_signer_alone(self):
        content = TOP + b"\r\n" + BODIES["awkward"]
        for name, delivered in zip(SIGNATURES, self.through(*(self.signature(n, content) + content for n in SIGNATURES))):
            with self.subTest(signer=name):
                self.assert_verifies(delivered, [name])

    def test_all_signers_at_once_whatever_the_body(self):
        contents = [TOP + b"\r\n" + body for body in BODIES.values()]
        signed = [b"".join(self.signature(name, content) for name in SIGNATURES) + content for content in contents]
        for body, delivered in zip(BODIES, self.through(*signed)):
            with self.subTest(body=body):
                self.assert_verifies(delivered, SIGNATURES)

    def test_forged_marks_are_taken_out_and_the_signature_still_verifies(self):
        content = TOP + b"\r\n" + BODIES["plain"]
        forged = (b"Authentication-Results: " + HOSTNAME.upper().encode() + b" (really);\r\n dkim=pass header.d=bank.example\r\n"
                  b"X-Spam-Flag: NO\r\n")
        delivered, = self.through(forged + self.signature("python-rsa", content) + content)
        self.assert_verifies(delivered, ["python-rsa"])
        self.assertNotIn(b"bank.example", delivered)

    def test_all_agree_about_a_message_changed_on_its_way(self):
        content = TOP + b"\r\n" + BODIES["plain"]
        signed = b"".join(self.signature(name, content) for name in SIGNATURES) + content
        changed = {"body": signed.replace(b"Good day", b"Evil day"), "subject": signed.replace(b"two\r\n", b"2\r\n"),
                   "a second From": b"From: boss@bank.example\r\n" + signed}
        for change, delivered in zip(changed, self.through(*changed.values())):
            with self.subTest(change=change):
                found = self.results(delivered)
                theirs = self.python.verify(delivered, self.published)
                if change != "a second From":  # a signature that names From once covers the lower one and stays valid
                    self.assertNotIn(True, theirs)
                    self.assertEqual([r["result"] for r in found["dkim"]], ["fail"] * len(SIGNATURES))
                    for name in SIGNATURES:
                        self.assertNotEqual(self.opendkim.verify(self.with_only(name, delivered), self.dns.address)[0], 0, name)
                    self.assertEqual([r["result"] for r in found["dmarc"]], ["pass"])  # by SPF
                else:
                    self.assertNotIn("pass", [r["result"] for r in found["dmarc"]])

    def test_one_bad_signature_does_not_spoil_the_others(self):
        content = TOP + b"\r\n" + BODIES["plain"]
        other = TOP + b"\r\n" + BODIES["awkward"]
        delivered, = self.through(self.signature("python-rsa", other) + self.signature("opendkim-ed25519", content) + content)
        self.assertEqual([r["result"] for r in self.results(delivered)["dkim"]], ["fail", "pass"])
        self.assertEqual(field(delivered, "X-Spam-Flag"), "NO")


if __name__ == "__main__":
    main()
