#!/usr/bin/env python3
"""Postern before a real Postfix: what arrives, who it says it is from, and who refuses what."""
import re

import nsd
from client import Client, field, fields_of, message
from harness import Case, HOSTNAME, main, spf_rule
from postfix import Postfix

ALLOWED, FORBIDDEN = "192.0.2.10", "198.51.100.66"
ZONE = [
    f'sender.example. TXT "v=spf1 ip4:{ALLOWED} -all"',
    f"client.sender.example. A {ALLOWED}",
    'client.sender.example. TXT "v=spf1 a -all"',
    "10.2.0.192.in-addr.arpa. PTR client.sender.example.",
]
# Whatever a mail system might be tempted to mend: folded and odd fields, 8-bit text, dots, long lines, trailing blanks.
AWKWARD = (b"Received: from elsewhere.example by relay.sender.example; Mon, 02 Mar 2026 09:00:00 +0000\r\n"
           b"From: =?utf-8?q?J=C3=BCrgen?= <ann@sender.example>\r\nTo:bob@example.org\r\n"
           b"Subject: two\r\n\tlines  and   blanks \r\nX-Odd:no blank\r\nx-LOWER: \r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
           b"Message-ID: <awkward@sender.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
           b"Content-Transfer-Encoding: 8bit\r\n\r\n.\r\n..two dots\r\n.leading dot\r\n \r\nGr\xc3\xbc\xc3\x9fe  \r\n"
           b"From here on\r\n" + b"x" * 900 + b"\r\n\r\n\r\n.\r\n")
OURS = ["Received", "Authentication-Results", "X-Spam-Flag", "X-Spam-Score", "X-Spam-Level", "X-Spam-Status", "X-Postern-Id"]


class BehindPostern(Case):
    def setUp(self):
        super().setUp()
        self.postfix = Postfix(self).start()

    def gateway(self, spf_score=3.0, **settings):
        return self.postern({"listen": [{"proxy_protocol": ["127.0.0.1/32"]}],
                             "backend": {"address": [self.postfix.address], "client_info": "xclient"},
                             "dns": {"servers": nsd.start(self, ZONE)}, **settings},
                            rules={"10-spf.lua": spf_rule(spf_score)})

    def send(self, gateway, source=ALLOWED, recipients=("bob@example.org",), content=None, sender="ann@sender.example"):
        with Client(gateway.port, source=source) as client:
            return client.deliver(sender, recipients, content or message())

    def delivered(self):
        """The mailbox's one message from our first field on: without what Postfix puts on top."""
        mail, = self.postfix.wait_for_mail()
        top = re.match(rb"(?s)(.*?^Received: .*?\(Postfix\).*?\n)(?![ \t])", mail, re.M)
        self.assertTrue(top, mail)
        return mail[top.end():]

    def test_mail_arrives_untouched_below_our_fields(self):
        answer = self.send(self.gateway(), content=AWKWARD)
        self.assertEqual(answer.code, 250, answer)
        mail = self.delivered()
        expected = AWKWARD.replace(b"\r\n", b"\n")
        self.assertTrue(mail.endswith(expected), mail)
        ours = mail[:-len(expected)]
        # A score of nothing has no stars.
        self.assertEqual([name for name, _ in fields_of(ours)], [n for n in OURS if n != "X-Spam-Level"])
        self.assertEqual(field(ours, "X-Spam-Flag"), "NO")
        self.assertEqual(field(ours, "X-Spam-Score"), "0.0")
        self.assertRegex(field(ours, "Authentication-Results"), rf"^{re.escape(HOSTNAME)};.*spf=pass.*smtp\.mailfrom=\S*sender\.example")
        self.assertRegex(field(ours, "Received"), rf"(?s)^from client\.sender\.example .*\[{re.escape(ALLOWED)}\].*by {re.escape(HOSTNAME)}.*with ESMTP")

    def test_backends_words_for_the_final_dot_reach_the_client(self):
        answer = self.send(self.gateway())
        queued = re.search(r"queued as (\w+)", answer.text)
        self.assertTrue(queued, answer)
        self.assertIn(queued[1], self.postfix.log())

    def test_postfix_logs_the_true_client(self):
        self.send(self.gateway())
        self.postfix.wait_for_mail()
        self.assertRegex(self.postfix.log(), rf"behind-postern/smtpd\[\d+\]: \w+: client=\S*\[{re.escape(ALLOWED)}\]")
        self.assertIn(b"(client.sender.example", self.postfix.mailbox()[0].split(b"Received:")[1].replace(b"from client.sender.example (", b"(", 1))

    def test_an_ipv6_client_is_logged_too(self):
        self.send(self.gateway(), source="2001:db8::25")
        self.postfix.wait_for_mail()
        self.assertRegex(self.postfix.log(), r"client=\S*\[2001:db8::25\]")

    def test_unknown_recipients_are_refused_in_postfix_own_words(self):
        gateway = self.gateway()
        with Client(gateway.port, source=ALLOWED) as client:
            client.command("MAIL FROM:<ann@sender.example>")
            answer = client.command("RCPT TO:<nobody@example.org>")
            self.assertEqual(answer.code, 550, answer)
            self.assertIn("User unknown in virtual mailbox table", answer.text)
            # The good recipient beside it gets the message all the same.
            self.assertEqual(client.command("RCPT TO:<bob@example.org>").code, 250)
            self.assertEqual(client.command("DATA").code, 354)
            client.send(message() + b".\r\n")
            self.assertEqual(client.reply().code, 250)
        self.postfix.wait_for_mail()

    def test_recipients_elsewhere_are_refused_by_us(self):
        gateway = self.gateway()
        with Client(gateway.port, source=ALLOWED) as client:
            client.command("MAIL FROM:<ann@sender.example>")
            answer = client.command("RCPT TO:<someone@elsewhere.example>")
        self.assertEqual(answer.code, 550)
        self.assertTrue(answer.text.startswith("5.7.1 "), answer)

    def test_forbidden_host_is_refused_when_the_score_reaches_the_limit(self):
        answer = self.send(self.gateway(spf_score=15.0), source=FORBIDDEN)
        self.assertEqual(answer.code, 550)
        self.assertRegex(answer.text, r"^5\.7\.1 refused: score 15\.0, limit 15\.0 \(SPF_FAIL\) \[id \w+\]$")
        self.assertEqual(self.postfix.mailbox(), [])
        self.assertNotIn("queued as", self.postfix.log())

    def test_forbidden_host_is_tagged_when_the_score_reaches_only_tag(self):
        answer = self.send(self.gateway(spf_score=6.0, verdict={"subject_prefix": "[spam] "}), source=FORBIDDEN)
        self.assertEqual(answer.code, 250, answer)
        mail = self.delivered()
        self.assertEqual(field(mail, "X-Spam-Flag"), "YES")
        self.assertEqual(field(mail, "X-Spam-Level"), "******")
        self.assertRegex(field(mail, "X-Spam-Status"), r"^Yes, score=6\.0 required=6\.0 tests=\[SPF_FAIL=6\.0\] version=[0-9a-f]{12}$")
        self.assertEqual(field(mail, "Subject"), "[spam] a test")
        self.assertRegex(field(mail, "Authentication-Results"), r"spf=fail")

    def test_forbidden_host_below_tag_is_delivered_untouched(self):
        answer = self.send(self.gateway(spf_score=5.9), source=FORBIDDEN, content=AWKWARD)
        self.assertEqual(answer.code, 250, answer)
        mail = self.delivered()
        self.assertTrue(mail.endswith(AWKWARD.replace(b"\r\n", b"\n")))
        self.assertEqual(field(mail, "X-Spam-Flag"), "NO")
        self.assertEqual(field(mail, "X-Spam-Score"), "5.9")
        self.assertEqual(field(mail, "X-Spam-Level"), "*****")

    def test_forged_marks_are_taken_out_and_others_stay(self):
        forged = (b"X-Spam-Flag: NO\r\nx-spam-status: No,\r\n score=-9\r\nX-Postern-Id: mine\r\n"
                  b"Authentication-Results: " + HOSTNAME.encode() + b";\r\n spf=pass smtp.mailfrom=bank.example\r\n")
        kept = b"Authentication-Results: other.example; spf=pass\r\nX-Spamless: yes\r\n"
        self.assertEqual(self.send(self.gateway(), content=forged + kept + message()).code, 250)
        mail = self.delivered()
        self.assertTrue(mail.endswith((kept + message()).replace(b"\r\n", b"\n")), mail)
        self.assertNotIn(b"bank.example", mail)
        self.assertEqual(len([1 for n, _ in fields_of(mail) if n.lower().startswith("x-spam-")]), 3)

    def test_while_postfix_is_down_mail_is_put_off_and_afterwards_delivered(self):
        gateway = self.gateway()
        self.postfix.stop()
        answer = self.send(gateway)
        self.assertEqual(answer.code, 451)
        self.assertTrue(answer.text.startswith("4.4.1 "), answer)
        self.postfix.start()
        self.assertEqual(self.send(gateway).code, 250)
        self.postfix.wait_for_mail()


if __name__ == "__main__":
    main()
