#!/usr/bin/env python3
"""Reloading rules while mail flows: nothing is lost, and no message is judged by half of one set."""
import itertools
import re
import signal
import threading

from client import Client, field, message, stuffed
from harness import Case, main, wait_until
from sink import Sink

BOB = ["bob@example.org"]
STAGES = ("connect", "helo", "mail", "rcpt", "message")
TESTS = re.compile(r"tests=\[(.*)\],? version=([0-9a-f]{12})$")
CLIENTS = 6
ROUNDS = 8  # each: set A, a broken one, set B, a broken one


def rule(name, *fields):
    return "\n".join([f'rule "{name}" {{', '  about = "marks which set judged a message",', *(f"  {f}," for f in fields), "}"]) + "\n"


def rules_of(letter):
    """A set whose every rule hits every message: one at each stage, and one of each other kind."""
    always = "when = function(mail) return true end"
    names = [f"{letter}_{stage.upper()}" for stage in STAGES]
    return "".join([*(rule(name, f'stage = "{stage}"', "score = 0.1", always) for name, stage in zip(names, STAGES)),
                    rule(f"{letter}_TEXT", "score = 0.1", 'body = "this is a test"'),
                    rule(f"{letter}_ALL", "score = 0.1", f'all = {{ "{names[0]}", "{names[-1]}", "{letter}_TEXT" }}')])


def names_of(letter):
    return {f"{letter}_{name}" for name in (*(s.upper() for s in STAGES), "TEXT", "ALL")}


# Broken sets: what is written into the folder beside the good rules, and what the log must name.
FAILING_EXAMPLE = rule("PRIZE", 'header = { "Subject", "prize" }', "examples = {\n    { hit = true, subject = \"nothing\" },\n  }")
BROKEN = {"20-syntax.lua": ('rule "BROKEN" {\n  about = "no end",\n  score = = 1,\n', "20-syntax.lua:3"),
          "20-example.lua": (FAILING_EXAMPLE, "20-example.lua:5"),
          "20-unknown.lua": (rule("BROKEN", "when = function(mail) return mail.subjct end"), "20-unknown.lua:3")}


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink(record=False).start()
        self.addCleanup(self.sink.stop)
        self.gateway = self.postern({"backend": {"address": [self.sink.address]}, "workers": 2}, rules={"10-set.lua": rules_of("A")})
        self.versions = {"A": self.version()}
        self.refused = 0

    def version(self):
        return re.search(r"version ([0-9a-f]{12})", self.gateway.run("check").stdout.decode())[1]

    def take(self, letter):
        self.gateway.write_rules({"10-set.lua": rules_of(letter)})
        self.versions.setdefault(letter, self.version())
        self.assertEqual(self.gateway.reload(), "ok")

    def refuse(self, file):
        text, place = BROKEN[file]
        path = self.gateway.rules_folder / file
        path.write_text(text)
        self.assertEqual(self.gateway.reload(), "refused")
        path.unlink()
        self.refused += 1
        self.assertIn(place, self.gateway.log())

    def refuse_configuration(self):
        good = self.gateway.config_path.read_text()
        self.gateway.config_path.write_text(good + '[verdict]\nrejct = 3.0\n')
        self.assertEqual(self.gateway.reload(), "refused")
        self.gateway.config_path.write_text(good)
        self.refused += 1
        self.assertRegex(self.gateway.log(), rf"{re.escape(str(self.gateway.config_path))}:\d+:\d+: .*rejct")

    def judged_by(self, content):
        """The letter of the set that judged this message, all of it and nothing else."""
        status = field(content, "X-Spam-Status")
        found = TESTS.search(status)
        self.assertTrue(found, status)
        names = {test.split("=")[0] for test in re.split(r",\s+", re.sub(r"\([^()]*\)", "", found[1]))}
        letter, = [letter for letter, version in self.versions.items() if version == found[2]]
        self.assertEqual(names, names_of(letter), status)
        return letter

    def last(self):
        return self.judged_by(self.sink.messages[-1].content)

    def send(self, client, sender="ann@sender.example", subject="a letter"):
        reply = client.deliver(sender, BOB, message(subject=subject))
        self.assertEqual(reply.code, 250, reply)

    # ---------------------------------------------------------------- one message at a time

    def test_a_message_is_judged_by_the_set_with_which_it_began(self):
        for begun in ("MAIL FROM:<ann@sender.example>", "RCPT TO:<bob@example.org>", "DATA"):
            with self.subTest(begun):
                self.take("A")
                with Client(self.gateway.port) as client:
                    lines = ["MAIL FROM:<ann@sender.example>", "RCPT TO:<bob@example.org>", "DATA"]
                    at = lines.index(begun) + 1
                    for line in lines[:at]:
                        self.assertLess(client.command(line).code, 400)
                    self.take("B")
                    for line in lines[at:]:
                        self.assertLess(client.command(line).code, 400)
                    client.send(stuffed(message(subject=f"across a reload after {begun[:4]}")))
                    self.assertEqual(client.reply().code, 250)
                    self.assertEqual(self.last(), "A")
                    self.send(client, subject=f"after a reload, after {begun[:4]}")
                    self.assertEqual(self.last(), "B")

    def test_an_open_session_gets_the_new_set_with_its_next_message(self):
        with Client(self.gateway.port) as client:
            for number, letter in enumerate("ABBAB"):
                self.take(letter)
                self.send(client, subject=f"number {number}")
                self.assertEqual(self.last(), letter)

    def test_a_refused_set_changes_nothing(self):
        with Client(self.gateway.port) as client:
            for file in BROKEN:
                self.refuse(file)
                self.send(client, subject=f"in spite of {file}")
                self.assertEqual(self.last(), "A")
            self.refuse_configuration()
            self.send(client, subject="in spite of the configuration")
            self.assertEqual(self.last(), "A")
        self.assertEqual(self.gateway.metric("postern_reloads_total", result="refused"), self.refused)
        self.assertEqual(self.gateway.metric("postern_rules_info", version=self.versions["A"]), 1)

    def test_hangups_that_come_faster_than_sets_load_lead_to_the_last_set(self):
        for number in range(20):
            self.gateway.process.signal(signal.SIGHUP)
        self.gateway.write_rules({"10-set.lua": rules_of("B")})
        self.versions["B"] = self.version()
        self.gateway.process.signal(signal.SIGHUP)
        wait_until("the last set", lambda: self.gateway.metric("postern_rules_info", version=self.versions["B"]) == 1)
        with Client(self.gateway.port) as client:
            self.send(client)
        self.assertEqual(self.last(), "B")

    # ---------------------------------------------------------------- under load

    def client(self, number, keeps_connection):
        """Sends without pause until told to stop."""
        client = None
        for count in itertools.count():
            if self.enough.is_set():
                break
            sender = f"c{number}m{count}@sender.example"
            client = client or Client(self.gateway.port)
            reply = client.deliver(sender, BOB, message(subject=sender))
            self.said.append((sender, reply.code))
            if not keeps_connection:
                client.command("QUIT")
                client.close()
                client = None
        if client:
            client.command("QUIT")
            client.close()

    def run_client(self, *arguments):
        try:
            self.client(*arguments)
        except Exception as error:  # told by the main thread
            self.broken.append(f"{arguments}: {error!r}")

    def test_under_load_nothing_is_lost_and_nothing_misjudged(self):
        self.said, self.broken, self.enough = [], [], threading.Event()
        threads = [threading.Thread(target=self.run_client, args=(number, number % 2 == 0)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        troubles = itertools.cycle([*(lambda f=file: self.refuse(f) for file in BROKEN), self.refuse_configuration])
        try:
            with Client(self.gateway.port) as probe:
                for number in range(ROUNDS):
                    for letter in "BA":
                        self.take(letter)
                        next(troubles)()
                        self.send(probe, f"probe{letter}{number}@sender.example")
        finally:
            self.enough.set()
            for thread in threads:
                thread.join()
        self.assertEqual(self.broken, [])
        self.assertEqual([pair for pair in self.said if pair[1] != 250], [])
        delivered = [m.sender for m in self.sink.messages]
        self.assertEqual(len(delivered), len(set(delivered)), "delivered twice")
        self.assertEqual({s for s in delivered if not s.startswith("probe")}, {sender for sender, _ in self.said})
        judged = {m.sender: self.judged_by(m.content) for m in self.sink.messages}
        for sender, letter in judged.items():
            if sender.startswith("probe"):
                self.assertEqual(letter, sender[5])
        self.assertEqual(self.gateway.metric("postern_reloads_total", result="refused"), self.refused)
        self.assertEqual(self.gateway.metric("postern_reloads_total", result="ok"), 2 * ROUNDS)
        counts = {letter: list(judged.values()).count(letter) for letter in "AB"}
        print(f"{len(judged)} messages during {2 * ROUNDS} reloads and {self.refused} refused ones: "
              f"{counts['A']} judged by one set, {counts['B']} by the other")
        self.assertGreater(min(counts.values()), ROUNDS, "both sets must have judged mail of the clients")


if __name__ == "__main__":
    main()
