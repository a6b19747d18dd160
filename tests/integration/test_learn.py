#!/usr/bin/env python3
"""`postern learn` and the gateway beside it: what is learned counts without a restart, what is forgotten is gone, and what it says of
all that. The mail is that of a corpus in the test data."""
import random
import re
import shutil
import socket

from harness import main, wait_until
from learning import ENOUGH, HAM, SPAM, LearnCase


class Learn(LearnCase):
    # ---------------------------------------------------------------- what the gateway makes of it

    def test_what_is_learned_counts_without_a_restart_and_what_is_forgotten_does_not(self):
        gateway = self.gateway()
        unseen = range(ENOUGH, ENOUGH + 12)
        self.assertEqual(self.deliver(gateway, SPAM, ENOUGH), {}, "nothing was learned")
        self.learn_enough(gateway)
        wait_until("the model to be taken", lambda: "learned from" in gateway.log())
        self.assertGreaterEqual(gateway.metric("postern_classifier_learned", kind=HAM), 200)
        self.assertGreaterEqual(gateway.metric("postern_classifier_learned", kind=SPAM), 200)
        self.assertGreater(gateway.metric("postern_classifier_trained_seconds"), 1.7e9)
        of_spam = [self.deliver(gateway, SPAM, n) for n in unseen]
        of_ham = [self.deliver(gateway, HAM, n) for n in unseen]
        like_spam = [rules for rules in of_spam if any(name.startswith("CLASSIFIER_SPAM") for name in rules)]
        self.assertGreaterEqual(len(like_spam), 9, of_spam)
        self.assertEqual([rules for rules in of_ham if {"CLASSIFIER_SPAM_99", "CLASSIFIER_SPAM_999"} & set(rules)], [])
        self.assertGreaterEqual(gateway.metric("postern_filter_results_total", filter="classifier"), 24)
        self.learn(gateway, "--forget", "--ham", self.some(HAM, 0, ENOUGH), "--spam", self.some(SPAM, 0, ENOUGH))
        wait_until("it to be forgotten", lambda: "is gone: nothing is classified" in gateway.log())
        self.assertEqual(self.deliver(gateway, SPAM, ENOUGH), {})
        self.assertEqual(gateway.metric("postern_classifier_learned"), 0)
        self.assertNotIn('"level":"error"', gateway.log())

    def test_a_reload_takes_it_at_once_and_a_restart_has_it_from_the_first_message_on(self):
        gateway = self.gateway()
        self.learn_enough(gateway)
        self.assertEqual(gateway.reload(), "ok")
        wait_until("the model to be taken", lambda: gateway.metric("postern_classifier_learned", kind=SPAM) >= 200)
        self.assertEqual(gateway.process.stop(), 0)
        gateway.serve()
        self.assertGreaterEqual(gateway.metric("postern_classifier_learned", kind=SPAM), 200)
        self.deliver(gateway, SPAM, ENOUGH)
        self.assertEqual(gateway.metric("postern_filter_results_total", filter="classifier"), 1)

    def test_what_is_no_model_is_refused_once_and_the_old_one_stays(self):
        gateway = self.gateway()
        self.learn_enough(gateway)
        wait_until("the model to be taken", lambda: "learned from" in gateway.log())
        whole = self.model().read_bytes()
        beside = self.directory / "beside"
        beside.write_bytes(whole[:-5000])
        beside.rename(self.model())
        wait_until("it to be refused", lambda: "the model is refused, the old one stays" in gateway.log())
        self.assertGreaterEqual(gateway.metric("postern_classifier_learned", kind=SPAM), 200)
        self.deliver(gateway, SPAM, ENOUGH)
        self.assertEqual(gateway.metric("postern_filter_results_total", filter="classifier", result="silent"), 0)
        self.assertIn("torn", gateway.run("scan", self.mail[SPAM][0]).stderr.decode(), "scan says it too")
        self.learn(gateway, "--ham", self.some(HAM, 0, ENOUGH))
        wait_until("the new one to be taken", lambda: gateway.log().count("learned from") == 2)
        self.assertEqual(gateway.log().count("is refused"), 1)

    def test_too_few_say_nothing(self):
        gateway = self.gateway()
        said = self.learn(gateway, "--ham", self.some(HAM, 0, 100), "--spam", self.some(SPAM, 0, ENOUGH))
        self.assertIn("too few: of no message anything is said before there are 200 of each", said)
        wait_until("the model to be looked at", lambda: "too few to say anything" in gateway.log())
        self.assertEqual(self.deliver(gateway, SPAM, 3), {})
        self.assertEqual(gateway.metric("postern_filter_results_total", filter="classifier", result="silent"), 1)
        self.assertEqual(self.scan(gateway, self.mail[SPAM][0])[0]["classifier"], {"spam": 0.5, "ready": False})

    def test_where_no_rule_asks_nothing_is_looked_up(self):
        gateway = self.gateway(start=False)
        gateway.write_rules({"35-classifier.lua": "-- none\n"})
        self.learn_enough(gateway)
        gateway.serve()
        self.deliver(gateway, SPAM, 3)
        self.assertEqual(gateway.metric("postern_filter_results_total", filter="classifier"), 0)

    # ---------------------------------------------------------------- scan

    def test_scan_tells_unseen_ham_from_unseen_spam(self):
        gateway = self.gateway(start=False)
        self.learn_enough(gateway)
        ham = [said["classifier"] for said in self.scan(gateway, self.some(HAM, ENOUGH, ENOUGH + 150))]
        spam = [said["classifier"] for said in self.scan(gateway, self.some(SPAM, ENOUGH, ENOUGH + 150))]
        ready = [said for said in ham + spam if said["ready"]]
        self.assertGreaterEqual(len(ready), 0.95 * len(ham + spam))
        for said in ham + spam:
            self.assertTrue(0 < said["spam"] < 1, said)
        self.assertLessEqual(sum(said["spam"] >= 0.9 for said in ham), 0.02 * len(ham))
        self.assertGreaterEqual(sum(said["spam"] >= 0.7 for said in spam), 0.85 * len(spam))
        text = gateway.run("scan", self.mail[SPAM][0]).stdout.decode()
        self.assertRegex(text, r"\n  classifier spam=0\.[0-9]+ learned ham=2[0-9]+ spam=2[0-9]+\n")

    # ---------------------------------------------------------------- what learn says

    def test_it_says_what_was_new_and_what_was_known(self):
        gateway = self.gateway(start=False)
        ham, spam = self.some(HAM, 0, 30), self.some(SPAM, 0, 20)
        first = self.learn(gateway, "--ham", ham, "--spam", spam)
        known = {kind: int(re.search(rf"(?m)^{kind}: \d+ messages, (\d+) new, 0 already known", first)[1]) for kind in (HAM, SPAM)}
        self.assertRegex(first, rf"(?m)^learned now: {known[HAM]} ham, {known[SPAM]} spam; too few")
        self.assertIn(f"model: {self.model()}; a running gateway takes it within 10 seconds", first)
        again = self.learn(gateway, "--ham", ham)
        self.assertRegex(again, rf"(?m)^ham: 30 messages, 0 new, {known[HAM]} already known")
        self.assertNotRegex(again, r"(?m)^spam:")
        turned = self.learn(gateway, "--ham", spam)
        self.assertRegex(turned, rf"(?m)^ham: 20 messages, 0 new, 0 already known.*, {known[SPAM]} that were spam before")
        self.assertIn(f"learned now: {known[HAM] + known[SPAM]} ham, 0 spam", turned)
        forgotten = self.learn(gateway, "--forget", "--spam", spam, "--spam", self.some(SPAM, 50, 53))
        self.assertRegex(forgotten, rf"(?m)^spam: 23 messages, {known[SPAM]} forgotten, \d+ had not been learned")
        self.assertIn(f"learned now: {known[HAM]} ham, 0 spam", forgotten)
        both = self.learn(gateway, "--ham", self.copy_of(spam), "--spam", spam)
        self.assertIn(f"{known[SPAM]} were given as ham and as spam: the later word counts", both)
        self.assertIn(f"learned now: {known[HAM]} ham, {known[SPAM]} spam", both)
        gone = self.learn(gateway, "--forget", "--ham", ham, "--spam", spam)
        self.assertIn("nothing is learned any more: the model is removed", gone)
        self.assertFalse(self.model().exists())

    def test_order_and_copies_say_nothing(self):
        first = self.gateway(start=False, name="first")
        folders = [self.some(HAM, 0, ENOUGH), self.some(SPAM, 0, ENOUGH)]
        self.learn(first, "--ham", folders[0], "--spam", folders[1])
        one = self.scan(first, *[self.mail[SPAM][n] for n in range(300, 310)])
        second = self.gateway(start=False, name="second")
        self.learn(second, "--spam", folders[1], "--spam", self.copy_of(folders[1]))
        self.learn(second, "--ham", self.some(HAM, 100, ENOUGH))
        self.learn(second, "--ham", self.some(HAM, 0, 100), "--ham", self.some(HAM, 50, 150))
        other = self.scan(second, *[self.mail[SPAM][n] for n in range(300, 310)])
        self.assertTrue(any(said["classifier"]["ready"] for said in one))
        self.assertEqual([said["classifier"] for said in one], [said["classifier"] for said in other])

    def test_mistakes_are_said_and_change_nothing(self):
        gateway = self.gateway(start=False)
        self.assertEqual(gateway.run("learn").returncode, 2)
        for arguments, reason in (("--ham", "/not/there"), "No such file"), (("--spam", self.folder / "empty"), "no messages"):
            (self.folder / "empty").mkdir(exist_ok=True)
            result = gateway.run("learn", "--ham", self.some(HAM, 0, 5), *arguments)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertIn(reason.lower(), result.stderr.decode().lower())
            self.assertFalse(self.directory.exists())
        off = self.gateway(start=False, name="off", classifier={"directory": ""})
        result = off.run("learn", "--ham", self.some(HAM, 0, 5))
        self.assertEqual(result.returncode, 1)
        self.assertIn("[classifier] directory", result.stderr.decode())
        self.assertEqual(self.scan(off, self.mail[HAM][0])[0]["classifier"], {"spam": 0.5, "ready": False})

    def test_a_directory_that_cannot_be_made_is_named(self):
        (self.folder / "in-the-way").write_text("a file")
        gateway = self.gateway(start=False, classifier={"directory": str(self.folder / "in-the-way" / "here")})
        result = gateway.run("learn", "--ham", self.some(HAM, 0, 5))
        self.assertEqual(result.returncode, 1)
        self.assertIn("in-the-way", result.stderr.decode())

    def test_what_cannot_be_read_is_left_out_and_said(self):
        gateway = self.gateway(start=False)
        place = self.folder / "s.eml"
        with socket.socket(socket.AF_UNIX) as nobody:  # exists, and cannot be opened, whoever we are
            nobody.bind(str(place))
        result = gateway.run("learn", "--ham", self.some(HAM, 0, 5), "--spam", place)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{place}: cannot be opened", result.stderr.decode())
        self.assertIn("spam: 0 messages, 0 new, 0 already known, 1 file not readable", result.stdout.decode())
        self.assertRegex(result.stdout.decode(), "(?m)^ham: 5 messages, [1-5] new")
        self.assertTrue(self.model().exists())

    def test_what_is_no_message_is_left_out_and_said(self):
        gateway = self.gateway(start=False)
        folder = self.folder / "mixed"
        shutil.copytree(self.some(SPAM, 0, 5), folder)
        (folder / "empty.eml").write_bytes(b"")
        (folder / "blank.eml").write_bytes(b"\r\n \r\n")
        (folder / "noise.eml").write_bytes(bytes(random.Random(3).choices(range(128, 256), k=5000)))
        result = gateway.run("learn", "--spam", folder)
        self.assertEqual(result.returncode, 1)
        said = result.stderr.decode()
        for name, why in (("empty", "there is nothing in it"), ("blank", "there is nothing in it"), ("noise", "it has no header")):
            self.assertIn(f"{folder / name}.eml: {why}", said)
        self.assertRegex(result.stdout.decode(), r"(?m)^spam: 8 messages, [1-5] new, 0 already known.*, 3 left out that are no messages$")
        self.assertRegex(result.stdout.decode(), r"(?m)^learned now: 0 ham, [1-5] spam")
        # A folder full of it does not bury what else is said.
        for number in range(40):
            (folder / f"more{number}.eml").write_bytes(b"")
        said = gateway.run("learn", "--spam", folder)
        self.assertEqual(said.stderr.count(b"nothing in it"), 10)
        self.assertIn(b"43 left out that are no messages", said.stdout)

    def test_links_that_lead_nowhere_are_said(self):
        gateway = self.gateway(start=False)
        folder = self.folder / "linked"
        shutil.copytree(self.some(HAM, 0, 5), folder)
        (folder / "gone.eml").symlink_to(self.folder / "not-there.eml")
        (folder / "itself").symlink_to("itself")
        for command in (("learn", "--ham"), ("scan", "--json")):
            result = gateway.run(*command, folder)
            self.assertEqual(result.returncode, 1, command)
            for name in ("gone.eml", "itself"):
                self.assertIn(f"{folder / name}: cannot be opened", result.stderr.decode())
        self.assertIn(b", 2 files not readable", gateway.run("learn", "--ham", folder).stdout)

    def test_it_says_what_the_model_is_made_of_as_scan_does(self):
        gateway = self.gateway(start=False)
        ham, spam = self.some(HAM, 0, ENOUGH), self.some(SPAM, 0, ENOUGH)
        campaign = self.folder / "campaign"
        campaign.mkdir()
        text = self.mail[SPAM][0].read_bytes()
        for number in range(30):  # the same words from many senders: each is kept, one counts
            (campaign / f"{number}.eml").write_bytes(re.sub(rb"(?m)^From: [^\r\n]*", b"From: a@s%d.example" % number, text, count=1))
        said = self.learn(gateway, "--ham", ham, "--spam", spam, "--spam", campaign)
        learned = re.search(r"(?m)^learned now: (\d+) ham, (\d+) spam; the model is made of (\d+) ham and (\d+) spam, for of those that are nearly alike one counts$", said)
        self.assertTrue(learned, said)
        self.assertGreaterEqual(int(learned[2]) - int(learned[4]), 25)
        text = gateway.run("scan", self.mail[SPAM][0]).stdout.decode()
        self.assertIn(f"learned ham={learned[3]} spam={learned[4]}\n", text)

    def test_one_is_one(self):
        gateway = self.gateway(start=False)
        one = self.some(SPAM, 0, 1)
        self.assertIn("spam: 1 message, 1 new, 0 already known\n", self.learn(gateway, "--spam", one))
        self.assertIn("ham: 1 message, 0 new, 0 already known, 1 that was spam before\n", self.learn(gateway, "--ham", one))
        self.assertIn("\n1 was given as ham and as spam: the later word counts\n", self.learn(gateway, "--ham", one, "--spam", self.copy_of(one)))
        (one / "empty.eml").write_bytes(b"")
        self.assertIn(b", 1 left out that is no message\n", gateway.run("learn", "--ham", one).stdout)

    def test_a_place_that_is_named_twice_is_refused(self):
        gateway = self.gateway(start=False)
        ham = self.some(HAM, 0, 5)
        (self.folder / "link").symlink_to(ham)
        for arguments in (("--ham", ham, "--spam", ham), ("--ham", ham, "--ham", self.folder / "link"), ("--ham", ham, "--spam", next(ham.iterdir()))):
            result = gateway.run("learn", *arguments)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertRegex(result.stderr.decode(), r"^postern learn: --ham \S+ and --(h|sp)am \S+: .* would count twice\n$")
            self.assertFalse(self.directory.exists())


if __name__ == "__main__":
    main()
