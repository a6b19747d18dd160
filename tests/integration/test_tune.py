#!/usr/bin/env python3
"""`postern tune`: what it proposes from sorted mail, what it refuses to propose, and what the proposal does once it is in force."""
import json
import os
import pathlib
import random
import re
import shutil
import tarfile

from harness import Case, DATA, ROOT, main

RULES = "\n".join(f'rule "{name}" {{ about = "it says {word}", score = {score}, body = "(?i)\\\\b{word}\\\\b" }}'
                  for name, word, score in [("PILLS", "pills", 1.5), ("WINNER", "winner", 1.5), ("LOAN", "loan", 1.5),
                                            ("HELLO", "hello", 1.0), ("REPORT", "report", -1.0)])
LOCAL = '-- mine\nscore "HELLO" (0.9)\n'
# How often the words stand in ham and in spam.
WORDS = {"pills": (0.004, 0.7), "winner": (0.004, 0.6), "loan": (0.004, 0.6), "hello": (0.4, 0.4), "report": (0.5, 0.02)}


def write_mail(folder, count, spam, seed, senders=None):
    """`count` messages, each with its own author and text."""
    folder.mkdir(parents=True)
    dice = random.Random(seed)
    for number in range(count):
        words = [word for word, odds in WORDS.items() if dice.random() < odds[spam]]
        filler = " ".join("".join(dice.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(30))
        domain = f"d{number % (senders or count)}-{seed}.example"
        (folder / f"{number:04}.eml").write_text(
            f"From: Someone <a@{domain}>\nTo: bob@example.org\nSubject: {filler[:20]}\nDate: Thu, 1 Jan 2026 12:00:00 +0000\n"
            f"Message-ID: <{seed}.{number}@{domain}>\n\n{' '.join(words)}\n{filler}\n")
    return folder


class Tune(Case):
    def setUp(self):
        super().setUp()
        self.gateway = self.postern(start=False, rules={"10-test.lua": RULES, "local.lua": LOCAL},
                                    settings={"classifier": {"directory": str(self.folder / "classifier")}})
        self.output = self.folder / "local.lua.proposed"

    def corpora(self, count=400):
        return (write_mail(self.folder / "ham", count, False, 1), write_mail(self.folder / "spam", count, True, 2))

    def tune(self, *arguments):
        return self.gateway.run("tune", "--output", self.output, *arguments)

    def scores(self):
        rows = self.gateway.run("rules", "--json").stdout.decode().splitlines()
        return {row["name"]: row["score"] for row in map(json.loads, rows)}

    def tagged(self, folder):
        rows = self.gateway.run("scan", "--json", folder).stdout.decode().splitlines()
        return sum(json.loads(row)["verdict"] != "accept" for row in rows)

    def test_a_proposal_helps_once_it_is_in_force(self):
        ham, spam = self.corpora()
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        text = self.output.read_text()
        self.assertTrue(text.startswith(LOCAL), text)
        proposed = dict(re.findall(r'^score "(\w+)" \((-?[0-9.]+)\) +-- was .*; ham \d+, spam \d+, S/O [0-9.]+: .+$', text, re.M))
        self.assertGreater(float(proposed["PILLS"]), 1.5)
        said = result.stdout.decode()
        for word in ("wrong at 6.0", "wrong at 15.0", "AUC", str(ham), str(spam), "cross-validated", "postern replay",
                     str(self.output)):
            self.assertIn(word, said)
        # The next step that it names works.
        replayed = self.gateway.run("replay", "--against", self.output, "--ham", ham, "--spam", spam)
        self.assertEqual(replayed.returncode, 0, replayed.stderr.decode())
        # In force: scores are as proposed, and mail that it has not seen is judged better.
        new_ham, new_spam = (write_mail(self.folder / "new-ham", 300, False, 3), write_mail(self.folder / "new-spam", 300, True, 4))
        before = self.tagged(new_spam)
        shutil.copy(self.output, self.gateway.rules_folder / "local.lua")
        self.assertEqual(self.gateway.run("check").returncode, 0)
        now = self.scores()
        for name, score in proposed.items():
            self.assertEqual(now[name], float(score))
        self.assertGreater(self.tagged(new_spam), before + 60)
        self.assertLessEqual(self.tagged(new_ham), 1)

    def test_the_same_mail_gives_the_same_proposal(self):
        ham, spam = self.corpora(250)
        texts = []
        for jobs in (1, 3):
            self.assertEqual(self.tune("--ham", ham, "--spam", spam, "--jobs", jobs).returncode, 0)
            texts.append(self.output.read_text())
            self.output.unlink()
        self.assertEqual(*texts)

    def test_a_local_lua_that_returns_gets_the_scores_before_that(self):
        self.gateway.write_rules({"10-test.lua": RULES, "local.lua": LOCAL + "do return end\nscore 'NOBODY' (3)\n"})
        ham, spam = self.corpora()
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertIn("before its line 3, where it returns", result.stdout.decode())
        text = self.output.read_text()
        self.assertTrue(text.startswith(LOCAL) and text.endswith("do return end\nscore 'NOBODY' (3)\n"), text)
        shutil.copy(self.output, self.gateway.rules_folder / "local.lua")
        proposed = dict(re.findall(r'^score "(\w+)" \((-?[0-9.]+)\) +-- was', text, re.M))
        now = self.scores()
        self.assertEqual({name: now[name] for name in proposed}, {name: float(score) for name, score in proposed.items()})

    def test_a_place_that_is_named_twice_is_refused(self):
        ham, spam = self.corpora(3)
        result = self.tune("--ham", ham, "--spam", spam, "--spam", ham / "0001.eml")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(b"0001.eml: the second is inside of the first, and its messages would count twice", result.stderr)
        self.assertFalse(self.output.exists())

    def test_a_file_that_exists_is_not_overwritten(self):
        ham, spam = self.corpora(120)
        self.output.write_text("precious")
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"is there already", result.stderr)
        self.assertEqual(self.output.read_text(), "precious")

    def test_a_proposal_does_not_become_a_rule_file_by_accident(self):
        ham, spam = self.corpora(120)
        self.output = self.gateway.rules_folder / "proposed.lua"
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual(result.returncode, 1)
        self.assertFalse(self.output.exists())

    def test_where_the_proposal_cannot_be_written_is_said_before_the_work(self):
        for place in (self.folder / "nowhere" / "proposed", pathlib.Path("/proc/proposed"), self.gateway.config_path / "proposed"):
            self.output = place
            # Not even looked at.
            result = self.tune("--ham", self.folder / "no-ham", "--spam", self.folder / "no-spam")
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertIn(f"--output {place}: {place.parent}", result.stderr.decode())

    def test_who_sent_it_is_not_learned_from_files_that_do_not_tell(self):
        """Nobody knows the envelope sender of stored mail without Return-Path and with a From that has no address."""
        rules = RULES + ('\nrule "NO_SENDER" { about = "nobody sent it", score = 1, when = function(mail) return mail.from == "" end }')
        self.gateway.write_rules({"10-test.lua": rules, "local.lua": LOCAL})
        ham, spam = self.corpora()
        for path in spam.iterdir():
            path.write_text(path.read_text().replace("From: Someone <a@", "From: Someone at (a@").replace(">\nTo:", ")\nTo:", 1))
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertIn(b"400 of these 800 messages do not tell who sent them", result.stderr)
        self.assertNotIn("NO_SENDER", self.output.read_text())
        # Where it is told it counts.
        for path in spam.iterdir():
            path.write_text("Return-Path: <>\n" + path.read_text())
        self.output.unlink()
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertNotIn(b"do not tell who sent them", result.stderr)
        self.assertRegex(self.output.read_text(), r'(?m)^score "NO_SENDER" \(')

    def test_what_cannot_be_read_is_said(self):
        ham, spam = self.corpora(150)
        (ham / "gone.eml").symlink_to(self.folder / "not-there.eml")
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertIn(f"{ham / 'gone.eml'}: cannot be opened", result.stderr.decode())

    def test_a_classifier_that_learned_too_little_is_said(self):
        ham, spam = self.corpora(150)
        learned = self.gateway.run("learn", "--ham", ham, "--spam", spam)
        self.assertEqual(learned.returncode, 0, learned.stderr.decode())
        said = self.tune("--ham", ham, "--spam", spam).stderr.decode()
        self.assertRegex(said, r"the classifier has learned from \d+ ham and \d+ spam, and says nothing before it is \d+ of each")

    def test_too_little_mail_is_refused_with_a_sentence(self):
        ham, spam = self.corpora(99)
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(b"99 messages of ham are too few", result.stderr)
        self.assertFalse(self.output.exists())

    def test_mail_of_few_senders_is_refused(self):
        ham = write_mail(self.folder / "ham", 200, False, 1, senders=5)
        spam = write_mail(self.folder / "spam", 200, True, 2)
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr.decode(), r"the ham comes from \d+ senders or campaigns only")

    def test_both_kinds_must_be_named(self):
        ham, _ = self.corpora(3)
        self.assertEqual(self.tune("--ham", ham).returncode, 2)
        self.assertEqual(self.tune().returncode, 2)
        self.assertEqual(self.tune("--ham", ham, "--spam", "-").returncode, 2)

    def test_a_directory_that_is_missing_is_named(self):
        result = self.tune("--ham", self.folder / "nowhere", "--spam", self.folder / "nowhere-else")
        self.assertEqual(result.returncode, 1)

    def test_what_is_called_both_is_left_out_and_said(self):
        ham, spam = self.corpora(150)
        for number in range(7):
            shutil.copy(spam / f"{number:04}.eml", ham / f"x{number}.eml")
        result = self.tune("--ham", ham, "--spam", spam)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertIn(b"14 messages stand in --ham and in --spam", result.stderr)

    def test_each_directory_has_its_figures(self):
        ham, spam = self.corpora(150)
        more = write_mail(self.folder / "more-ham", 120, False, 9)
        said = self.tune("--ham", ham, "--ham", more, "--spam", spam).stdout.decode()
        for kind, count, name in (("ham", 150, ham), ("ham", 120, more), ("spam", 150, spam), ("ham", 270, "all")):
            self.assertRegex(said, rf"(?m)^{kind} +{count} .* {re.escape(str(name))}$")


class OnRealMail(Case):
    """With the rules that we ship."""

    def setUp(self):
        super().setUp()
        archive = DATA / "corpora" / "csdmc2010-dedup.tar.xz"
        if not archive.exists():
            self.skipTest(f"{archive} is missing")
        with tarfile.open(archive) as tar:
            tar.extractall(self.folder, filter="data")
        (labels,) = self.folder.rglob("labels.jsonl")
        rows = map(json.loads, labels.read_text().splitlines())
        self.mail = [(labels.parent / row["file"], row["label"]) for row in rows if row["label"] in ("ham", "spam")]
        self.gateway = self.postern(start=False, rules={}, settings={
            "rules": {"directory": str(ROOT / "rules")}, "classifier": {"directory": str(self.folder / "classifier")}})

    def deal(self, name, labels):
        folders = {label: self.folder / name / label for label in ("ham", "spam")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        for (file, _), label in zip(self.mail, labels):
            os.link(file, folders[label] / file.name)
        return folders

    def test_nothing_is_proposed_when_the_labels_mean_nothing(self):
        labels = [label for _, label in self.mail]
        for seed in range(5):
            random.Random(seed).shuffle(labels)
            folders = self.deal(f"shuffled{seed}", labels)
            output = self.folder / f"proposed{seed}"
            result = self.gateway.run("tune", "--ham", folders["ham"], "--spam", folders["spam"], "--output", output)
            self.assertEqual(result.returncode, 0, result.stderr.decode())
            self.assertIn(b"Nothing is proposed: ", result.stdout)
            self.assertFalse(output.exists())

    def test_messages_that_the_classifier_knows_are_judged_without_its_knowledge_of_them(self):
        folders = self.deal("true", [label for _, label in self.mail])
        learned = self.gateway.run("learn", "--ham", folders["ham"], "--spam", folders["spam"])
        self.assertEqual(learned.returncode, 0, learned.stderr.decode())
        output = self.folder / "proposed"
        result = self.gateway.run("tune", "--ham", folders["ham"], "--spam", folders["spam"], "--output", output)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertRegex(result.stderr.decode(), r"the classifier has learned from \d+ of these \d+ messages")


if __name__ == "__main__":
    main()
