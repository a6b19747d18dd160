#!/usr/bin/env python3
"""SMTP smuggling: nothing but CRLF "." CRLF ends a message, and what goes to the backend has no CR or LF that stands alone."""
import base64
import itertools
import json
import re
import socket
import unittest
from concurrent.futures import ThreadPoolExecutor

from client import Client
from harness import Case, DATA, main
from sink import Sink

PIECES = (b"\r", b"\n", b"\r\n", b"\0")
END = b"\r\n.\r\n"
BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def sequences():
    """Every prefix + "." + suffix of up to three pieces each, once."""
    sides = sorted({b"".join(p) for n in range(4) for p in itertools.product(PIECES, repeat=n)})
    return sorted({before + b"." + after for before in sides for after in sides})


def known_attacks():
    with open(DATA / "smtp" / "smuggling.jsonl") as cases:
        return [base64.b64decode(json.loads(line)["bytes_b64"]) for line in cases]


def smuggled(number):
    return (f"MAIL FROM:<smuggled{number}@evil.example>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\n"
            "Subject: smuggled\r\n\r\nnever sent\r\n").encode() + END[2:]


class Smuggling(Case):
    def attack(self, gateway, number, sequence):
        """Sends one message with `sequence` inside and says what the client was told of it."""
        content = b"Subject: attack\r\n\r\nfirst part" + sequence
        end = content.find(END)
        if end < 0:
            content += smuggled(number)  # ends the message, for a strict reader
        else:
            content += b"NOOP\r\n"       # the sequence is a true end: what follows it is commands, and no message
        with Client(gateway.port) as client:
            client.send(f"MAIL FROM:<s{number}@sender.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")
            codes = [client.reply().code for _ in range(3)]
            self.assertEqual(codes, [250, 250, 354], repr(sequence))
            client.send(content)
            answer = client.reply()
            client.send(b"\r\nQUIT\r\n")
            client.socket.shutdown(socket.SHUT_WR)
            client.replies_until_closed()
        return answer.code

    def attack_with(self, attacks, refused_allowed, **smtp):
        sink = Sink().start()
        self.addCleanup(sink.stop)
        gateway = self.postern({"backend": {"address": [sink.address]}, "smtp": smtp,
                                "limits": {"errors": 100}}, rules={})
        with ThreadPoolExecutor(4) as pool:
            codes = list(pool.map(lambda item: self.attack(gateway, *item), enumerate(attacks)))
        arrived = {}
        for mail in sink.messages:
            arrived.setdefault(mail.sender, []).append(mail)
        for number, (sequence, code) in enumerate(zip(attacks, codes)):
            mails = arrived.pop(f"s{number}@sender.example", [])
            with self.subTest(sequence=sequence):
                if code == 250:
                    self.assertEqual(len(mails), 1)
                    self.assertEqual(mails[0].recipients, ["bob@example.org"])
                    self.assertIn(b"first part", mails[0].content)
                    if END not in b"first part" + sequence:
                        self.assertIn(b"never sent", mails[0].content)
                else:
                    self.assertTrue(refused_allowed and code == 550, code)
                    self.assertEqual(mails, [])
        self.assertEqual(sorted(arrived), [], "messages that nobody sent")
        for session in sink.sessions:
            stray = BARE.search(session.received)
            self.assertIsNone(stray, bytes(session.received[max(0, stray.start() - 60):stray.end() + 60]) if stray else "")
        self.assertNotIn("victim", " ".join(c for s in sink.sessions for c in s.commands))
        return codes

    def test_every_combination_around_a_lone_dot(self):
        attacks = sequences()
        self.assertGreater(len(attacks), 4000)
        self.assertEqual(set(self.attack_with(attacks, refused_allowed=False)), {250})
        print(f"{len(attacks)} sequences", end=" ", flush=True)

    def test_every_combination_refused_where_it_holds_a_bare_newline(self):
        attacks = sequences()
        codes = self.attack_with(attacks, refused_allowed=True, bare_newline="reject")
        for sequence, code in zip(attacks, codes):
            content = b"first part" + sequence
            end = content.find(END)
            if end < 0:
                content += b"MAIL"
            bare = BARE.search(content if end < 0 else content[:end + len(END)])
            with self.subTest(sequence=sequence):
                self.assertEqual(code, 550 if bare else 250)

    @unittest.skipUnless((DATA / "smtp" / "smuggling.jsonl").exists(), "no smuggling.jsonl (set POSTERN_TEST_DATA)")
    def test_known_attacks(self):
        self.attack_with(known_attacks(), refused_allowed=False)
        self.attack_with_reject()

    def attack_with_reject(self):
        sink = Sink().start()
        self.addCleanup(sink.stop)
        gateway = self.postern({"backend": {"address": [sink.address]}, "smtp": {"bare_newline": "reject"}}, rules={},
                               name="rejecting")
        for number, sequence in enumerate(known_attacks()):
            code = self.attack(gateway, number, sequence)
            self.assertIn(code, (250, 550), sequence)
        self.assertFalse([m for m in sink.messages if "evil" in m.sender])

    def test_commands_sent_with_starttls_are_not_run_after_it(self):
        """What arrives in one packet with STARTTLS belongs to nobody (RFC 3207, 4.2; CVE-2011-0411)."""
        import certs
        certificate, key = certs.make(self.folder, "mx")
        sink = Sink().start()
        self.addCleanup(sink.stop)
        gateway = self.postern({"backend": {"address": [sink.address]}, "listen": [{"tls": "starttls"}],
                                "tls": {"certificate": str(certificate), "key": str(key)}}, rules={})
        with Client(gateway.port) as client:
            client.send("STARTTLS\r\nMAIL FROM:<injected@evil.example>\r\nRCPT TO:<bob@example.org>\r\n")
            if client.reply().code != 220:
                return
            try:
                client.secure(certs.context())
                self.assertEqual(client.command("EHLO again.example").code, 250)
                self.assertEqual(client.command("RCPT TO:<bob@example.org>").code, 503)
            except OSError:
                pass  # closing is as good
        self.assertNotIn("injected", " ".join(c for s in sink.sessions for c in s.commands))


if __name__ == "__main__":
    main()
