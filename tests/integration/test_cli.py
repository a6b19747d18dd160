#!/usr/bin/env python3
"""The command line as scripts and admins use it: check, rules, version, scan, and their exit statuses."""
import json
import mailbox
import re
import signal
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
        result = self.postern(start=False, rules={"10-spf.lua": spf_rule(3.0)}).run("check")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertRegex(result.stdout.decode(), r"^ok: 1 rule, 2 examples, version \w{12}\n$")

    def test_what_is_allowed_and_hardly_meant_is_a_note(self):
        text = """rule "A" { about = "a", score = 1, group = "words", header = { "X-Mark", "a" }, examples = { { hit = true, header = { ["X-Mark"] = "a" } } } }
rule "KNOWN" { about = "known", score = 0, header = { "X-Mark", "b" }, examples = { { hit = true, header = { ["X-Mark"] = "b" } } } }
rule "OFF" { about = "off", score = 0, header = { "X-Mark", "c" }, examples = { { hit = true, header = { ["X-Mark"] = "c" } } } }
rule "TRIAL" { about = "trial", score = 0, mode = "shadow", header = { "X-Mark", "d" }, examples = { { hit = true, header = { ["X-Mark"] = "d" } } } }
group("words", {
  max = 4, dampers = { KNOWN = 5, A = 4, OFF = 1, TRIAL = 1 },
})
disable "OFF"
"""
        gateway = self.postern(start=False, rules={"10-test.lua": text})
        result = gateway.run("check")
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        file = gateway.rules_folder / "10-test.lua"
        for line, words in zip(lines(result.stderr), ("A = 4.0 lowers nothing, for 'max' is 4.0", "KNOWN = 5.0 lowers nothing, for 'max' is 4.0",
                                                      "OFF lowers nothing, for it is disabled", "TRIAL lowers nothing, for it is in shadow mode"), strict=True):
            self.assertRegex(line, rf"^note: {re.escape(str(file))}:[567]: group 'words': 'dampers': {words}$")
        self.assertEqual(len(lines(result.stdout)), 1)
        gateway.write_rules({"10-test.lua": text.replace("max = 4", "max = 8").replace("OFF = 1, TRIAL = 1", "")})
        self.assertEqual(gateway.run("check").stderr, b"")

    def test_rules_that_nothing_has_tried_are_counted(self):
        one = 'rule "BARE" { about = "bare", score = 1, body = "a" }\n'
        result = self.postern(start=False, rules={"10-test.lua": spf_rule(1.0) + one}, name="one").run("check")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertRegex(result.stdout.decode(), r"^ok: 2 rules, \d examples, version \w{12}\n1 rule without an example, so not tried: BARE \(\S+10-test\.lua:\d+\)\n$")
        many = "".join(one.replace("BARE", f"BARE_{n}") for n in range(13)) + 'disable "BARE_0"\n'
        result = self.postern(start=False, rules={"10-test.lua": many}, name="many").run("check")
        self.assertRegex(result.stdout.decode(), r"\n12 rules without an example, so not tried: .*BARE_10 \([^,]*\) and 2 more\n$")

    def test_what_check_compiled_is_there_for_the_reload(self):
        gateway = self.postern(start=False, rules={"10-test.lua": 'rule "A" { about = "a", score = 1, body = "lottery" }\n'})
        cache = gateway.folder / "patterns.cache"
        self.assertEqual(gateway.run("rules").returncode, 0)
        self.assertFalse(cache.exists(), "who only looks keeps nothing")
        self.assertEqual(gateway.run("check").returncode, 0)
        kept = cache.stat()
        gateway.serve()
        self.assertEqual(cache.stat().st_ino, kept.st_ino, "it was taken, not made anew")
        self.assertEqual(gateway.run("check").stderr, b"")

    def test_names_that_stand_twice_are_noted(self):
        gateway = self.postern(start=False, rules={"10-test.lua": 'rule "A" { about = "a", score = 1, body = "lottery" }\n'
                                                   'rule "B" { about = "b", score = 1, all = { "A", "A" } }\n'})
        result = gateway.run("check")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr.decode(), r"^note: \S+10-test\.lua:2: rule B: 'all' names A more than once: it counts once\n$")

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

    def test_where_there_is_no_message_it_is_said(self):
        (self.mails / "empty.eml").write_bytes(b"")
        self.assertEqual(self.scan("-", input=b"", status=1).stderr, b"postern scan: -: has nothing in it\n")
        result = self.scan("--json", self.mails, status=1)
        self.assertEqual(len(lines(result.stdout)), 2, "the others are judged")
        self.assertRegex(result.stderr.decode(), r"^postern scan: \S+empty\.eml: has nothing in it\n$")
        (self.folder / "bare").mkdir()
        (self.folder / "bare" / "notes.txt").write_text("no mail\n")
        self.assertIn(b"bare: there is no message in it", self.scan(self.mails / "good.eml", self.folder / "bare", status=1).stderr)

    def test_what_is_shown_adds_up(self):
        self.gateway.write_rules({"30-words.lua": 'group("words", { max = 4, dampers = { KNOWN = 1.5 } })\n'
                                  'rule "LOTTERY" { about = "it promises a win", score = 3.0, group = "words", body = "(?i)lottery" }\n'
                                  'rule "HURRY" { about = "it urges", score = 2.5, group = "words", body = "(?i)at once" }\n'
                                  'rule "KNOWN" { about = "we know him", score = -0.5, header = { "X-Known", "yes" } }\n'
                                  'rule "TRIAL" { about = "on trial", score = 20, mode = "shadow", group = "words", body = "(?i)lottery" }\n'})
        for known, words in (("no", "  (cap) -1.5  group words: 5.5 together, may add 4.0 at most\n"),
                             ("yes", "  (cap) -4.0  group words: 5.5 together, may add 4.0 at most, but 1.5 since KNOWN hit\n")):
            with self.subTest(known):
                mail = self.mails / "words.eml"
                mail.write_bytes(message(subject="You won the LOTTERY", body="the lottery: answer at once\r\n", X_Known=known))
                one, = self.objects(mail)
                self.assertAlmostEqual(sum(rule["score"] for rule in one["rules"] if "group" not in rule) + sum(group["counts"] for group in one["groups"]),
                                       one["score"])
                group, = one["groups"]
                self.assertEqual((group["group"], group["together"], group["max"], group.get("damped")),
                                 ("words", 5.5, 4.0, {"max": 1.5, "by": "KNOWN"} if known == "yes" else None))
                text = self.scan(mail).stdout.decode()
                self.assertIn(words, text)
                shown = re.findall(r"^  (?:[A-Z_]+|\(cap\)) (-?[0-9.]+)(?!.*not counted)", text, re.M)
                self.assertAlmostEqual(sum(map(float, shown)), one["score"], msg=text)
                self.assertIn(f"score {one['score']} ", text)

    def test_what_strangers_wrote_does_no_harm_to_a_terminal(self):
        evil = "\x1b[2J\u202egone\x9b"
        self.gateway.write_rules({"30-echo.lua": 'rule "ECHO" { about = "echo", score = 1, when = function(mail) return true, mail.subject end }\n'
                                  'rule "LOUD" { about = "loud", score = 1, when = function(mail) error(mail.subject) end }\n'})
        mail = self.mails / "\x1b[31mevil.eml"
        mail.write_bytes(message(subject=evil))
        for arguments in ([], ["--json"]):
            out = self.scan(*arguments, mail).stdout.decode()
            self.assertIn("ECHO", out)
            self.assertEqual([c for c in out if c in "\x1b\u202e\x9b"], [], ascii(out))

    def test_a_reader_that_goes_away_ends_it(self):
        for number in range(300):
            (self.mails / f"{number}.eml").write_bytes(message(subject="x" * 200))
        process = subprocess.Popen([BINARY, "scan", "--config", self.gateway.config_path, "--json", self.mails], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn("verdict", json.loads(process.stdout.readline()), "each is told as it comes")
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"", "he has seen what he wanted")
        process.stderr.close()
        self.assertEqual(process.wait(), -signal.SIGPIPE, "as shells know it of other programs")

    def test_a_full_disk_is_said(self):
        for command in ("scan", "rules", "version"):
            arguments = [BINARY, command] + ([] if command == "version" else ["--config", self.gateway.config_path])
            with open("/dev/full", "wb") as full:
                result = subprocess.run(arguments + ([self.mails] if command == "scan" else []), stdout=full, stderr=subprocess.PIPE)
            self.assertEqual((result.returncode, result.stderr), (70, b"postern: standard output cannot be written\n"))

    def test_octets_that_are_no_mail(self):
        (self.folder / "odd.eml").write_bytes(bytes(range(256)) * 4000)
        one, = self.objects(self.folder / "odd.eml")
        self.assertIn("verdict", one)

    def test_wrong_usage_is_2(self):
        self.assertTrue(self.scan("--ip", "not-an-address", self.mails, status=2).stderr)


if __name__ == "__main__":
    main()
