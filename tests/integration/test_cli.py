#!/usr/bin/env python3
"""The command line as scripts and admins use it: check, rules, version, scan, and their exit statuses."""
import json
import mailbox
import re
import subprocess

import nsd
from client import message
from harness import BINARY, Case, main, spf_rule

SIX_MISTAKES = '''hostname = "mx.example.org"
[[listen]]
address = "127.0.0.1:2525"
tls = "sometimes"
[backend]
address = ["127.0.0.1:10025"]
[relay]
domains = ["example.org"]
[dns]
timeout = "5 parsecs"
[verdict]
rejct = 12.0
tag = "high"
[limits]
errors = -4
[quarantin]
maildir = "/tmp"
'''
# (line, what the message must quote): one each of an unknown word, a bad duration, a misspelt key, a wrong type, a number
# out of bounds and an unknown section.
SIX_PLACES = [(4, "sometimes"), (10, "5 parsecs"), (12, "reject"), (13, "high"), (15, "-4"), (16, "quarantine")]


def lines(data):
    return data.decode().splitlines()


class CheckAndRules(Case):
    def test_check_says_nothing_bad_of_a_good_configuration(self):
        result = self.postern(start=False).run("check")
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_check_names_six_mistakes_at_once(self):
        gateway = self.postern(start=False)
        gateway.config_path.write_text(SIX_MISTAKES)
        result = gateway.run("check")
        self.assertEqual(result.returncode, 1)
        found = [l for l in lines(result.stderr) if re.match(rf"{re.escape(str(gateway.config_path))}:\d+:\d+: ", l)]
        self.assertEqual([int(l.split(":")[1]) for l in found], [line for line, _ in SIX_PLACES], result.stderr.decode())
        for text, (_, word) in zip(found, SIX_PLACES):
            self.assertIn(word, text)
        self.assertEqual(result.stdout, b"")

    def test_serve_refuses_what_check_refuses(self):
        gateway = self.postern(start=False)
        gateway.config_path.write_text(SIX_MISTAKES)
        result = gateway.run("serve")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"did you mean", result.stderr)

    def test_check_names_what_must_be_set(self):
        gateway = self.postern(start=False)
        gateway.config_path.write_text('hostname = "mx.example.org"\n')
        result = gateway.run("check")
        self.assertEqual(result.returncode, 1)
        for word in (b"domains", b"address"):
            self.assertIn(word, result.stderr)

    def test_check_runs_the_examples_of_rules(self):
        wrong = spf_rule(3.0).replace('hit = false, spf = { result = "pass" }', 'hit = true, spf = { result = "pass" }')
        gateway = self.postern(start=False, rules={"10-spf.lua": wrong})
        result = gateway.run("check")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr.decode(), r"10-spf\.lua:\d+: .*SPF_FAIL")

    def test_check_names_mistakes_in_rules(self):
        gateway = self.postern(start=False, rules={"10-a.lua": "rule 'A' {\n  scoer = 1,\n  when = function() end }\n",
                                                   "20-b.lua": "rule 'B' {\n", "local.lua": "score 'NOBODY' (3)\n"})
        result = gateway.run("check")
        self.assertEqual(result.returncode, 1)
        for pattern in (r"10-a\.lua:\d+: .*scoer.*score", r"20-b\.lua:\d+: ", r"local\.lua:1: .*NOBODY"):
            self.assertRegex(result.stderr.decode(), pattern)

    def test_rules_as_text_and_as_json(self):
        gateway = self.postern(start=False, rules={"10-spf.lua": spf_rule(3.5)})
        text = gateway.run("rules")
        self.assertEqual(text.returncode, 0)
        self.assertRegex(text.stdout.decode(), r"SPF_FAIL.*mail.*3\.5")
        rule, = [json.loads(l) for l in lines(gateway.run("rules", "--json").stdout)]
        self.assertEqual((rule["name"], rule["stage"], rule["score"], rule["line"]), ("SPF_FAIL", "mail", 3.5, 2))
        self.assertTrue(rule["file"].endswith("10-spf.lua"))
        self.assertIn("forbids", rule["about"])
        self.assertIn("mode", rule)

    def test_version(self):
        result = subprocess.run([BINARY, "version"], capture_output=True)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout.decode(), r"\d+\.\d+\.\d+")

    def test_wrong_usage_is_2(self):
        for arguments in ([], ["no-such-command"], ["check", "--no-such-option"], ["scan"]):
            result = subprocess.run([BINARY, *arguments], capture_output=True)
            self.assertEqual((result.returncode, bool(result.stderr)), (2, True), arguments)

    def test_missing_configuration_is_1(self):
        result = subprocess.run([BINARY, "check", "--config", "/nonexistent/postern.toml"], capture_output=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"/nonexistent/postern.toml", result.stderr)


class Scan(Case):
    def setUp(self):
        super().setUp()
        self.gateway = self.postern({"dns": {"servers": nsd.start(self, ['sender.example. TXT "v=spf1 ip4:192.0.2.10 -all"'])}},
                                    rules={"10-spf.lua": spf_rule(3.0), "20-weight.lua": 'rule "HEAVY" {\n  about = "a subject that only spam has",\n  score = 15.0,\n'
                                           '  when = function(mail) return (mail.subject or ""):lower() == "you won the lottery" end,\n}\n'}, start=False)
        self.mails = self.folder / "mails"
        (self.mails / "deeper").mkdir(parents=True)
        (self.mails / "good.eml").write_bytes(message())
        (self.mails / "deeper" / "bad.eml").write_bytes(message(subject="You won the LOTTERY").replace(b"\r\n", b"\n"))

    def scan(self, *arguments, status=0, **options):
        result = self.gateway.run("scan", *arguments, **options)
        self.assertEqual(result.returncode, status, result.stderr.decode())
        return result

    def objects(self, *arguments, **options):
        return [json.loads(l) for l in lines(self.scan("--json", *arguments, **options).stdout)]

    def test_one_file(self):
        one, = self.objects("--ip", "198.51.100.66", "--helo", "client.example", "--from", "ann@sender.example",
                            "--rcpt", "bob@example.org", self.mails / "good.eml")
        self.assertEqual((one["verdict"], one["score"]), ("accept", 3.0))
        self.assertEqual([(r["name"], r["score"]) for r in one["rules"]], [("SPF_FAIL", 3.0)])
        self.assertEqual((one["spf"]["result"], one["spf"]["domain"]), ("fail", "sender.example"))
        self.assertTrue(one["file"].endswith("good.eml"))
        self.assertTrue(one["id"])
        for key in ("dns", "rules"):
            self.assertIsInstance(one["milliseconds"][key], (int, float))

    def test_a_directory_is_read_to_its_depths(self):
        found = {o["file"].rsplit("/", 1)[1]: o["verdict"] for o in self.objects("--ip", "192.0.2.10", self.mails)}
        self.assertEqual(found, {"good.eml": "accept", "bad.eml": "reject"})

    def test_a_maildir(self):
        box = mailbox.Maildir(self.folder / "box")
        for number in range(3):
            box.add(message(subject=f"number {number}").replace(b"\r\n", b"\n"))
        self.assertEqual(len(self.objects("--ip", "192.0.2.10", self.folder / "box")), 3)

    def test_an_mbox_counts_as_many(self):
        box = mailbox.mbox(self.folder / "many.mbox")
        for number in range(4):
            mail = mailbox.mboxMessage(message(subject="You won the LOTTERY" if number == 2 else "a letter",
                                               body="From the beginning\r\nand on\r\n").replace(b"\r\n", b"\n"))
            box.add(mail)
        box.flush()
        self.assertEqual([o["verdict"] for o in self.objects("--ip", "192.0.2.10", self.folder / "many.mbox")],
                         ["accept", "accept", "reject", "accept"])

    def test_standard_input(self):
        one, = self.objects("--ip", "192.0.2.10", "--from", "ann@sender.example", "-", input=message())
        self.assertEqual((one["verdict"], one["spf"]["result"]), ("accept", "pass"))

    def test_the_null_sender_is_judged_by_helo(self):
        one, = self.objects("--ip", "198.51.100.66", "--helo", "sender.example", "--from", "", self.mails / "good.eml")
        self.assertEqual((one["spf"]["result"], one["spf"]["domain"]), ("fail", "sender.example"))
        self.assertEqual(one["helo_spf"]["result"], "fail")

    def test_text_explains_the_verdict(self):
        text = self.scan("--ip", "198.51.100.66", "--from", "ann@sender.example", self.mails).stdout.decode()
        for word in ("good.eml", "bad.eml", "reject", "accept", "SPF_FAIL", "HEAVY", "18"):
            self.assertIn(word, text)

    def test_what_cannot_be_read_is_1_and_named(self):
        result = self.scan("--ip", "192.0.2.10", self.folder / "nowhere.eml", status=1)
        self.assertIn(b"nowhere.eml", result.stderr)

    def test_wrong_usage_is_2(self):
        self.assertTrue(self.scan("--ip", "not-an-address", self.mails, status=2).stderr)


if __name__ == "__main__":
    main()
