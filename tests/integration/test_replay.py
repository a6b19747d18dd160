#!/usr/bin/env python3
"""What changed rules would have done, before they act: on sorted mail, on recorded mail, and as rules in shadow mode."""
import json
import os
import pathlib
import signal
import subprocess

from client import Client, message
from harness import PATIENCE, Case, main, wait_until
from sink import Sink

RULES = '''
rule "OFFER" { about = "an offer", score = 4.0, header = { "Subject", "(?i)offer" } }
rule "ALSO_OFFER" { about = "the same in other words", score = 0.1, when = function(mail) return mail.subject:lower():find("offer") ~= nil end }
rule "PILLS" { about = "pills", score = 3.0, body = "(?i)pills" }
rule "NOBODY" { about = "hits nothing", score = 1.0, body = "nowhere to be found" }
'''
SUBJECTS = {"ham": ["Minutes of the meeting", "Lunch", "An offer for the roof", "Holidays", "Invoice", "Hello", "News", "Thanks"],
            "spam": [f"Special offer {n}" for n in range(12)] + ["Hi", "Re: your order"]}
BODIES = {"ham": "See you soon.\r\n", "spam": "Cheap pills for you.\r\n"}


class Replay(Case):
    def setUp(self):
        super().setUp()
        self.gateway = self.postern(rules={"10-test.lua": RULES, "local.lua": "-- nothing yet\n"}, start=False)
        self.mails = {}
        for label, subjects in SUBJECTS.items():
            folder = self.mails[label] = self.folder / label
            folder.mkdir()
            for number, subject in enumerate(subjects):
                (folder / f"{number:02}.eml").write_bytes(message(subject=subject, body=BODIES[label]))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def replay(self, *arguments, status=0, gateway=None):
        result = (gateway or self.gateway).run("replay", *arguments)
        self.assertEqual(result.returncode, status, result.stderr.decode())
        return result

    def corpus(self, *arguments, **options):
        """The object of --json over both folders."""
        result = self.replay("--json", "--ham", self.mails["ham"], "--spam", self.mails["spam"], *arguments, **options)
        report, = result.stdout.decode().splitlines()
        return json.loads(report)

    @staticmethod
    def lasting(report):
        """What must be the same each time."""
        return {name: value for name, value in report.items() if name != "cpu"} | {"messages": report["messages"] | {"resumed": 0}}


class Corpus(Replay):
    def test_figures_of_the_rules_in_force(self):
        report = self.corpus()
        self.assertEqual((report["mode"], report["complete"]), ("corpus", True))
        self.assertEqual(report["messages"], {"all": 22, "ham": 8, "spam": 14, "resumed": 0})
        self.assertNotIn("after", report)
        rules = {rule["name"]: rule["before"] for rule in report["rules"]}
        self.assertEqual((rules["OFFER"]["ham"], rules["OFFER"]["spam"]), (1, 12))
        self.assertAlmostEqual(rules["OFFER"]["spam_share"], (12 / 14) / (12 / 14 + 1 / 8))
        self.assertEqual((rules["PILLS"]["ham"], rules["PILLS"]["spam"], rules["PILLS"]["spam_share"]), (0, 14, 1.0))
        self.assertEqual(report["never_hit"], ["NOBODY"])
        pair = next(pair for pair in report["overlap"] if set(pair["rules"]) == {"ALSO_OFFER", "OFFER"})
        self.assertEqual((pair["both"], pair["either"]), (13, 13))
        ham, spam = report["inputs"]
        self.assertEqual((ham["path"], ham["label"], ham["messages"]), (str(self.mails["ham"]), "ham", 8))
        self.assertEqual(ham["before"]["false_positives"]["tag"]["count"], 0)
        self.assertEqual(spam["before"]["verdicts"], {"accept": 2, "tag": 12})
        self.assertEqual(spam["before"]["false_negatives"]["tag"]["count"], 2)
        self.assertEqual(spam["before"]["false_negatives"]["reject"]["count"], 14)
        cpu, = report["cpu"]
        self.assertEqual((cpu["rule"], cpu["runs"]), ("ALSO_OFFER", 22))

    def test_a_changed_local_lua(self):
        local = self.write("try.lua", 'score "PILLS" (12)\ndisable "ALSO_OFFER"\n'
                           'rule "ORDER" { about = "an order", score = 0.5, header = { "Subject", "order" } }\n')
        report = self.corpus("--against", local)
        self.assertEqual((report["before"]["what"], report["after"]["what"]), ("in force", "proposed"))
        self.assertNotEqual(report["before"]["version"], report["after"]["version"])
        self.assertEqual(report["changed"], 14)
        groups = {(group["from"], group["to"]): group for group in report["changes"]}
        self.assertEqual(set(groups), {("accept", "tag"), ("tag", "reject")})
        self.assertEqual((groups["tag", "reject"]["count"], groups["tag", "reject"]["ham"]), (12, 0))
        order = next(m for m in groups["accept", "tag"]["messages"] if m["name"].endswith("13.eml"))
        self.assertEqual(order["score"], {"before": 3.0, "after": 12.5})
        self.assertEqual(order["gained"], [{"rule": "ORDER", "score": 0.5}])
        self.assertEqual(order["rescored"], [{"rule": "PILLS", "before": 3.0, "after": 12.0}])
        offer = groups["tag", "reject"]["messages"][0]
        self.assertEqual(offer["lost"], [{"rule": "ALSO_OFFER", "score": 0.1}])
        text = self.replay("--ham", self.mails["ham"], "--spam", self.mails["spam"], "--against", local).stdout.decode()
        self.assertIn("Verdicts that would change: 14 of 22", text)
        self.assertRegex(text, r"tag -> reject: 12 \(0 ham, 12 spam\)")
        self.assertIn("PILLS 3.0 -> 12.0", text)
        self.assertRegex(text, r"Rules that never hit \(1\)\n  NOBODY")

    def test_a_directory_of_rules_and_another_configuration(self):
        folder = self.folder / "other"
        folder.mkdir()
        (folder / "10-other.lua").write_text('rule "ALL" { about = "all", score = 1, when = function(mail) return true end }\n')
        report = self.corpus("--against", folder)
        self.assertEqual({rule["name"]: rule["after"]["hits"] for rule in report["rules"]}["ALL"], 22)
        self.assertEqual({(g["from"], g["to"]): g["count"] for g in report["changes"]}, {("tag", "accept"): 12})
        other = self.write("other.toml", self.gateway.config_path.read_text() + "\n[verdict]\ntag = 3.0\n")
        report = self.corpus("--against", other)
        self.assertEqual({(g["from"], g["to"]): (g["ham"], g["spam"]) for g in report["changes"]}, {("accept", "tag"): (1, 2)})
        self.assertEqual(report["before"]["version"], report["after"]["version"])

    def test_a_set_without_rules_is_taken_for_a_mistake(self):
        empty = self.folder / "empty"
        empty.mkdir()
        (empty / "postern.toml").write_text("")
        other = self.write("other.toml", self.gateway.config_path.read_text().replace(str(self.gateway.rules_folder), str(empty)))
        for path in (empty, other):
            result = self.replay("--ham", self.mails["ham"], "--against", path, status=1)
            self.assertEqual((result.stdout, len(result.stderr.splitlines())), (b"", 1))
            self.assertIn(f"--against {path}: there is no rule in it", result.stderr.decode())

    def test_any_number_of_threads_says_the_same(self):
        local = self.write("try.lua", 'score "PILLS" (12)\n')
        one = self.corpus("--against", local, "--jobs", "1")
        self.assertEqual(self.lasting(self.corpus("--against", local, "--jobs", "5")), self.lasting(one))

    def test_mistakes_in_what_is_tried_are_named(self):
        local = self.write("try.lua", '\nscore "PILS" (12)\n')
        result = self.replay("--ham", self.mails["ham"], "--against", local, status=1)
        self.assertIn(f"{local}:2: ", result.stderr.decode())
        self.assertIn("PILLS", result.stderr.decode())
        for arguments in (["--ham", self.folder / "none"], ["--spam", self.mails["ham"], "--against", self.folder / "none.toml"]):
            self.assertIn(b"none", self.replay(*arguments, status=1).stderr)
        for arguments in (["--ham", self.mails["ham"], "--since", "24h"], ["--state", self.folder / "state"], ["--jobs", "many"]):
            self.replay(*arguments, status=2)

    def test_a_place_that_is_named_twice_is_refused(self):
        result = self.replay("--ham", self.mails["ham"], "--spam", f"{self.mails['ham']}/", status=1)
        self.assertRegex(result.stderr.decode(), r"^postern replay: --ham \S+ and --spam \S+: that is the same place, and its messages would count twice\n$")
        self.assertEqual(result.stdout, b"")

    def test_bad_files_are_counted_and_stop_nothing(self):
        (self.mails["ham"] / "empty.eml").write_bytes(b"")
        (self.mails["ham"] / "gone.eml").symlink_to(self.folder / "nowhere")
        (self.mails["spam"] / "odd.eml").write_bytes(bytes(range(256)) * 40)
        report = self.corpus(status=1)
        self.assertEqual(report["messages"]["all"], 23)
        self.assertTrue(any("empty.eml" in line for line in report["bad"]), report["bad"])

    def test_rules_that_a_file_cannot_answer_are_named(self):
        self.gateway.write_rules({"20-more.lua": 'rule "MANY" { about = "many", score = 1, when = function(mail) return mail.bulk.count > 3 end }\n'
                                  'rule "NAMELESS" { about = "no name", score = 1, when = function(mail) return mail.client.name == "" end }\n'})
        left = {rule["rule"]: rule["why"] for rule in self.corpus()["left_out"]}
        self.assertIn("alike", left["MANY"])
        self.assertIn("connected", left["NAMELESS"])
        self.assertNotIn("PILLS", left)


class Resumed(Replay):
    def test_what_was_judged_is_not_judged_again(self):
        state = self.folder / "state"
        first = self.corpus("--state", state)
        lines = state.read_bytes().splitlines(keepends=True)
        self.assertEqual(len(lines), 23)
        state.write_bytes(b"".join(lines[:11]) + lines[11][:40])
        again = self.corpus("--state", state)
        self.assertEqual(again["messages"]["resumed"], 10)
        self.assertEqual(self.lasting(again), self.lasting(first))
        self.assertEqual(self.corpus("--state", state)["messages"]["resumed"], 22)
        (self.mails["spam"] / "00.eml").write_bytes(message(subject="no longer that", body="Hello.\r\n"))
        changed = self.corpus("--state", state)
        self.assertEqual((changed["messages"]["resumed"], changed["inputs"][1]["before"]["verdicts"]["accept"]), (21, 3))

    def test_other_rules_begin_anew(self):
        state = self.folder / "state"
        self.corpus("--state", state)
        self.gateway.write_rules({"local.lua": 'score "PILLS" (7)\n'})
        result = self.replay("--json", "--ham", self.mails["ham"], "--spam", self.mails["spam"], "--state", state)
        self.assertIn(b"anew", result.stderr)
        self.assertEqual(json.loads(result.stdout)["messages"]["resumed"], 0)

    def test_an_interrupted_run_says_what_it_knows_and_goes_on(self):
        # A FIFO among the messages holds the run where the test wants it: with one thread all before it are judged.
        fifo = self.mails["spam"] / "99.eml"
        os.mkfifo(fifo)
        state = self.folder / "state"
        command = [str(self.gateway.binary), "replay", "--config", str(self.gateway.config_path), "--json", "--jobs", "1", "--ham",
                   str(self.mails["ham"]), "--spam", str(self.mails["spam"] / "00.eml"), "--spam", str(fifo), "--spam",
                   str(self.mails["spam"] / "01.eml"), "--state", str(state)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        wait_until("nine messages", lambda: state.exists() and state.read_bytes().count(b"\n") == 10)
        with open(fifo, "wb") as pipe:
            running.send_signal(signal.SIGINT)
            wait_until("the signal to be taken", lambda: self.pending(running.pid) == 0)
            pipe.write(message(subject="the last"))
        out, err = running.communicate(timeout=PATIENCE)
        self.assertEqual(running.returncode, 1, err.decode())
        report = json.loads(out)
        self.assertFalse(report["complete"])
        self.assertIn(report["messages"]["all"], (9, 10), "the message under way may be finished")
        self.assertIn(b"the same command goes on", err)
        fifo.unlink()
        fifo.write_bytes(message(subject="the last"))
        again = subprocess.run(command, capture_output=True, timeout=PATIENCE)
        self.assertEqual(again.returncode, 0, again.stderr.decode())
        report = json.loads(again.stdout)
        self.assertEqual((report["complete"], report["messages"]["all"], report["messages"]["resumed"]), (True, 11, 9))

    def test_interrupted_while_the_rules_are_read(self):
        # A FIFO in the place of a rule file holds it there.
        fifo = self.gateway.rules_folder / "99-held.lua"
        os.mkfifo(fifo)
        running = subprocess.Popen([str(self.gateway.binary), "replay", "--config", str(self.gateway.config_path), "--ham", str(self.mails["ham"])],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        # Who opens it to write waits for who reads: it is there.
        with open(fifo, "wb") as pipe:
            running.send_signal(signal.SIGINT)
            wait_until("the signal to be taken", lambda: self.pending(running.pid) == 0)
            pipe.write(b"-- nothing\n")
        out, err = running.communicate(timeout=PATIENCE)
        self.assertEqual((running.returncode, out, err), (1, b"", b"postern replay: interrupted before a message was judged\n"))

    @staticmethod
    def pending(pid):
        """Signals that wait for the process (proc(5): SigPnd and ShdPnd)."""
        fields = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        return int(fields["ShdPnd"], 16) | int(fields["SigPnd"], 16)


class Journal(Replay):
    def setUp(self):
        super().setUp()
        self.sink = Sink()
        self.sink.start()
        self.addCleanup(self.sink.stop)

    def serve(self, rules):
        gateway = self.postern({"backend": {"address": [f"127.0.0.1:{self.sink.port}"]}}, rules={"local.lua": "-- nothing yet\n"} | rules, name="live")
        return gateway

    def send(self, gateway, *messages):
        with Client(gateway.port) as client:
            for content in messages:
                client.deliver("ann@sender.example", ["bob@example.org"], content)

    def journal(self, gateway, *arguments, **options):
        return json.loads(self.replay("--json", *arguments, gateway=gateway, **options).stdout)

    def recorded(self, gateway, count):
        """Once the journal's thread has written so many."""
        wait_until(f"{count} messages in the journal", lambda: self.journal(gateway)["messages"]["all"] == count)

    def test_recorded_mail_by_changed_rules(self):
        gateway = self.serve({"10-test.lua": RULES})
        self.send(gateway, *[message(subject=s, body=BODIES["spam"]) for s in SUBJECTS["spam"]], message(subject="Lunch"))
        self.recorded(gateway, 15)
        report = self.journal(gateway)
        self.assertEqual((report["mode"], report["before"]["what"], report["after"]["what"]), ("journal", "recorded", "in force"))
        self.assertEqual((report["changed"], report["uncertain"]), (0, 0))
        self.assertEqual(report["after"]["verdicts"]["all"], {"accept": 3, "tag": 12})
        pills = next(rule for rule in report["rules"] if rule["name"] == "PILLS")
        self.assertEqual(pills["after"]["verdicts"], {"accept": 2, "tag": 12})
        # The body is gone, but the rule's condition is what it was: what it said then counts, by its new score.
        local = self.write("try.lua", 'score "PILLS" (12)\nscore "OFFER" (1)\n')
        report = self.journal(gateway, "--against", local)
        self.assertEqual((report["before"]["what"], report["after"]["what"]), ("in force", "proposed"))
        self.assertEqual({(g["from"], g["to"]): g["count"] for g in report["changes"]}, {("accept", "tag"): 2})
        self.assertEqual(report["uncertain"], 0)
        # A new rule that reads what was kept is judged; one that reads the body cannot be.
        local.write_text('rule "YOUR_ORDER" { about = "an order", score = 20, header = { "Subject", "order" } }\n'
                         'rule "CHEAP" { about = "cheap", score = 20, body = "cheap" }\n')
        report = self.journal(gateway, "--against", local)
        self.assertEqual({(g["from"], g["to"]): g["count"] for g in report["changes"]}, {("accept", "reject"): 1})
        self.assertEqual(report["uncertain"], 14)
        left, = report["left_out"]
        self.assertEqual((left["rule"], left["messages"], left["verdicts"]), ("CHEAP", 15, 14))
        self.assertIn("body", left["why"])
        text = self.replay("--against", local, gateway=gateway).stdout.decode()
        self.assertRegex(text, r"What the journal does not tell: 14 verdicts")
        self.assertRegex(text, r"\n  it reads body, which was not kept, and it was not there then \(1 rule\)\n      CHEAP  \(of 15 messages, 14 verdicts\)\n")
        # What is on disk is what counts, whether it was reloaded or not.
        gateway.write_rules({"local.lua": 'score "PILLS" (12)\n'})
        self.assertEqual({(g["from"], g["to"]): g["count"] for g in self.journal(gateway)["changes"]}, {("accept", "tag"): 2, ("tag", "reject"): 12})

    def test_mail_that_an_action_decided(self):
        gateway = self.serve({"10-test.lua": RULES + 'rule "NEVER" { about = "never", action = "reject", body = "forbidden word" }\n'})
        self.send(gateway, message(body="a forbidden word\r\n"), message())
        self.recorded(gateway, 2)
        self.assertEqual(self.journal(gateway)["changed"], 0)
        report = self.journal(gateway, "--against", self.write("try.lua", 'disable "NEVER"\n'))
        change, = report["changes"]
        self.assertEqual((change["from"], change["to"], change["messages"][0]["decided_by"]), ("reject", "accept", {"before": "NEVER", "after": ""}))

    def test_younger_mail_only(self):
        gateway = self.serve({"10-test.lua": RULES})
        self.send(gateway, message())
        self.recorded(gateway, 1)
        self.assertEqual(self.journal(gateway, "--since", "24h")["messages"]["all"], 1)
        self.assertIn(b"--since", self.replay("--since", "yesterday", gateway=gateway, status=2).stderr)

    def test_without_a_journal(self):
        self.assertIn(b"journal", self.replay(status=1).stderr)

    def test_a_shadow_rule_is_counted_everywhere(self):
        shadow = 'rule "TRIAL" { about = "on trial", mode = "shadow", score = 20, header = { "Subject", "offer" } }\n'
        gateway = self.serve({"10-test.lua": RULES, "20-shadow.lua": shadow})

        def shown():
            rows = [json.loads(line) for line in gateway.run("rules", "--json").stdout.splitlines()]
            return {row["name"]: row.get("shadow") for row in rows}
        self.assertEqual(gateway.run("rules").returncode, 0)
        self.send(gateway, *[message(subject=s, body=BODIES["spam"]) for s in SUBJECTS["spam"]], message(subject="an offer"))
        self.recorded(gateway, 15)
        self.assertEqual(shown()["TRIAL"], {"hits": 13, "would_change": [{"from": "accept", "to": "reject", "count": 1}, {"from": "tag", "to": "reject", "count": 12}]})
        self.assertIsNone(shown()["OFFER"])
        self.assertRegex(gateway.run("rules").stdout.decode(), r"TRIAL .*shadow.*\n.*\n +shadow: 13 hits since .*, would have changed "
                         r"accept -> reject: 1, tag -> reject: 12\n")
        for change, count in (("accept", 1), ("tag", 12)):
            self.assertEqual(gateway.metric("postern_rule_would_change_total", rule="TRIAL", **{"from": change, "to": "reject"}), count)
        self.assertEqual(gateway.metric("postern_messages_total", verdict="reject"), 0)
        # What it would do once it counts is what replay says of it.
        report = self.journal(gateway, "--against", self.write("try.lua", 'rule "TRIED" { about = "tried", score = 20, header = { "Subject", "offer" } }\n'))
        self.assertEqual({(g["from"], g["to"]): g["count"] for g in report["changes"]}, {("accept", "reject"): 1, ("tag", "reject"): 12})


if __name__ == "__main__":
    main()
