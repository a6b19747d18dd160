#!/usr/bin/env python3
"""`postern explain`: why was this refused? From an id in a reply, in a header or in the log: verdict, sum, steps, replies."""
import json
import os
import re
import signal

from client import Client, field, message
from harness import Case, WEIGHT_RULE, main, wait_until
from sink import Reset, Sink

ANN, BOB = "ann@sender.example", "bob@example.org"
RULES = WEIGHT_RULE + '''
group("words", { max = 4, dampers = { KNOWN = 1.5 } })
rule "LOTTERY" { about = "it promises a win", score = 3.0, group = "words", body = "(?i)lottery" }
rule "HURRY" { about = "it urges", score = 2.5, group = "words", body = "(?i)at once" }
rule "KNOWN" { about = "we know him", score = -0.5, header = { "X-Known", "yes" } }
rule "TRIAL" { about = "a rule on trial", score = 20.0, mode = "shadow", body = "(?i)lottery" }
rule "NOT_FROM_THERE" {
  about = "this network is blocked", stage = "connect", action = "reject",
  when = function(mail) return mail.client.ip == "192.0.2.66" end,
}
rule "OWN_WORDS" {
  about = "this network is blocked in words of our own", stage = "connect", action = "reject", reply = "554 5.7.1 go away",
  when = function(mail) return mail.client.ip == "192.0.2.67" end,
}
rule "BAD_HELO" {
  about = "nobody has this name", stage = "helo", action = "reject",
  when = function(mail) return mail.helo == "bad.example" end,
}
rule "NOT_HIM" {
  about = "this sender is blocked", stage = "mail", action = "reject",
  when = function(mail) return mail.from == "bad@sender.example" end,
}
rule "TRAP" {
  about = "nobody writes to this address", stage = "rcpt", action = "defer",
  when = function(mail) return mail.rcpts[#mail.rcpts] == "trap@example.org" end,
}
'''
TEXT = "Good day,\r\n\r\nyou won the lottery, answer at once.\r\n"


class Explain(Case):
    def setUp(self):
        super().setUp()
        self.down = False
        self.sink = Sink(lambda *_: Reset() if self.down else None).start()
        self.addCleanup(self.sink.stop)

    def gateway(self, **settings):
        self.served = self.postern({"backend": {"address": [self.sink.address]}, "log": {"format": "json"},
                                    "listen": [{"proxy_protocol": ["127.0.0.1/32"]}], **settings}, rules={"10-test.lua": RULES})
        return self.served

    def deliver(self, content, source="192.0.2.1", sender=ANN, rcpts=(BOB,), **options):
        with Client(self.served.port, source=source, **options) as client:
            return client.deliver(sender, list(rcpts), content)

    def explained(self, id, status=0):
        answer = self.served.run("explain", id)
        self.assertEqual(answer.returncode, status, answer.stderr.decode())
        return answer.stdout.decode()

    def answers(self, id):
        answer = self.served.run("explain", "--json", id)
        self.assertEqual(answer.returncode, 0, answer.stderr.decode())
        self.assertEqual(answer.stdout.count(b"\n"), 1)
        return json.loads(answer.stdout)["answers"]

    def answer(self, id):
        found = self.answers(id)
        self.assertEqual(len(found), 1)
        self.assert_sum(found[0])
        return found[0]

    def assert_sum(self, answer):
        """What is shown adds up to the score that was judged."""
        self.assertNotIn("unexplained", answer["sum"])
        for group in answer["sum"]["groups"]:
            self.assertAlmostEqual(sum(hit["score"] for hit in group["hits"]), group["together"])
        self.assertAlmostEqual(sum(group["counts"] for group in answer["sum"]["groups"]), answer["sum"]["score"])
        self.assertAlmostEqual(answer["sum"]["score"], answer["score"])

    def assert_column(self, text):
        """The same, of what people read."""
        lines = text.split("The sum\n")[1].split("-----")
        total = float(lines[1].split()[0])
        numbers = [float(line[:9]) for line in lines[0].splitlines() if line[:9].strip()]
        self.assertAlmostEqual(sum(numbers), total, msg=text)

    def logged(self, **fields):
        """The line of the log with these fields."""
        def find():
            for line in self.served.log().splitlines():
                if line.startswith("{") and fields.items() <= (entry := json.loads(line)).items():
                    return entry
            return None
        return wait_until(f"a line of the log with {fields}", find)

    def id_in(self, reply):
        found = re.search(r"\[id (\w{26})\]", reply.text)
        self.assertTrue(found, reply)
        return found[1]

    # ---------------------------------------------------------------- messages

    def test_accepted(self):
        self.gateway()
        self.assertEqual(self.deliver(message(X_Weight="1.5", subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=")).code, 250)
        id = field(self.sink.messages[-1].content, "X-Postern-Id")
        text = self.explained(f"X-Postern-Id: {id}")
        self.assertTrue(text.startswith("ACCEPTED\n  because score 1.5 is below the threshold of tag, 6.0\n"), text)
        self.assertRegex(text, r"\n  reply: 250 ")
        self.assertIn("Grüße", text)
        self.assertIn("192.0.2.1 port 40000", text)
        self.assertIn(self.sink.address, text)
        self.assert_column(text)
        answer = self.answer(id)
        self.assertEqual((answer["verdict"], answer["stage"], answer["from"], answer["rcpts"]), ("accept", "message", ANN, [BOB]))
        steps = [step["what"] for step in answer["timeline"]]
        wanted = ["connected", "helo", "mail", "rcpt", "data", "final_dot", "rules", "backend", "reply"]
        at = [max(i for i, step in enumerate(steps) if step == what) for what in wanted]
        self.assertEqual(at, sorted(at), steps)
        self.assertIn("dns", steps)
        ends = [round(step["at"] + step["took"], 2) for step in answer["timeline"]]
        self.assertEqual(ends, sorted(ends))

    def test_tagged_with_a_cap_that_a_rule_lowers(self):
        self.gateway()
        self.assertEqual(self.deliver(message(body=TEXT, X_Weight="6", X_Known="yes")).code, 250)
        id = field(self.sink.messages[-1].content, "X-Postern-Id")
        status = field(self.sink.messages[-1].content, "X-Spam-Status")
        self.assertIn("score=7.0", status)
        text = self.explained(id.lower())
        self.assertTrue(text.startswith("TAGGED AND PASSED ON\n"), text)
        self.assertIn("     -4.0  group words: 5.5 together, may add 4.0 at most, but 1.5 since KNOWN hit\n", text)
        self.assertIn("it promises a win [", text)
        self.assertIn("10-test.lua:", text)
        self.assert_column(text)
        words = next(group for group in self.answer(id)["sum"]["groups"] if group["group"] == "words")
        self.assertEqual((words["max"], words["damped"], words["counts"]), (4.0, {"max": 1.5, "by": "KNOWN"}, 1.5))
        # A shadow rule stands apart, with what it would have made of it.
        self.assertRegex(text, r"Shadow rules[^\n]*\n +20\.0  TRIAL[^\n]*\n(.*\n)+? +counted, it would have made reject of tag\n")
        self.assertEqual(self.answer(id)["shadow"][0]["would_change"], {"from": "tag", "to": "reject"})

    def test_rules_that_failed_are_named(self):
        self.gateway()
        # A plain message, on which a reload tries each rule, has another subject.
        bad = '''rule "LOUD" { about = "loud", score = 5, when = function(mail) if mail.subject == "spin" then
  return mail.subject.nothing.more end end }
rule "SLOW" { about = "slow", score = 5, when = function(mail) while mail.subject == "spin" do end end }
'''
        self.served.write_rules({"10-test.lua": RULES, "20-bad.lua": bad})
        self.assertEqual(self.served.reload(), "ok")
        self.assertEqual(self.deliver(message(subject="spin")).code, 250)
        id = field(self.sink.messages[-1].content, "X-Postern-Id")
        text = self.explained(id)
        self.assertIn("\nRules that failed ", text)
        self.assertRegex(text, r"\n  LOUD: an error: \S+20-bad\.lua:2: ")
        self.assertRegex(text, r"\n  SLOW: it ran out of time: \S+20-bad\.lua:3: ")
        failures = {each["name"]: each for each in self.answer(id)["failures"]}
        self.assertEqual({name: each["reason"] for name, each in failures.items()}, {"LOUD": "error", "SLOW": "cpu"})
        self.assertIn("20-bad.lua:2: ", failures["LOUD"]["message"])
        self.assertEqual(self.deliver(message(subject="calm")).code, 250)
        self.assertEqual(self.answer(field(self.sink.messages[-1].content, "X-Postern-Id"))["failures"], [])

    def test_a_factor_beyond_all_bounds(self):
        self.gateway()
        reply = self.deliver(message(X_Weight="1e9"))
        text = self.explained(self.id_in(reply))
        self.assertIn("   1000.0  WEIGHT  = 1.0 x 1e+09, bounded to 1000.0\n", text)
        self.assert_column(text)
        # The rule's score of then is known, whatever it is now.
        self.served.write_rules({"10-test.lua": RULES.replace("score = 1.0", "score = 2.0")})
        self.assertIn("  1000.0  WEIGHT  = 1.0 x 1e+09, bounded to 1000.0 (it scores 2.0 now)\n", self.explained(self.id_in(reply)))

    def test_more_recipients_than_are_kept(self):
        self.gateway()
        rcpts = [f"bob{number}@example.org" for number in range(80)]
        self.assertEqual(self.deliver(message(), rcpts=rcpts).code, 250)
        answer = self.answer(field(self.sink.messages[-1].content, "X-Postern-Id"))
        self.assertEqual(answer["rcpts_all"], 80)
        self.assertEqual(answer["rcpts"], rcpts[:len(answer["rcpts"])])
        self.assertIn(" and 74 more\n", self.explained(answer["id"] if "id" in answer else field(self.sink.messages[-1].content, "X-Postern-Id")))

    def test_rejected_by_score_found_by_reply_and_log(self):
        self.gateway()
        reply = self.deliver(message(body=TEXT, X_Weight="14"))
        self.assertEqual(reply.code, 550)
        id = self.id_in(reply)
        text = self.explained(f"550 {reply.text}")
        self.assertTrue(text.startswith("REJECTED\n  because score 18.0 has reached the threshold of reject, 15.0: WEIGHT 14.0, LOTTERY 3.0"), text)
        self.assertIn(id, text)
        self.assert_column(text)
        self.assertEqual(text, re.sub(r"\d+ s ago", re.search(r"\d+ s ago", text)[0], self.explained(f"id={id}")))
        line = self.logged(id=id)
        answer = self.answer(json.dumps(line))
        self.assertEqual((answer["score"], answer["reply"]), (float(line["score"]), line["reply"]))
        self.assertEqual(answer["rules_version"], answer["rules_version_now"])

    def test_rules_that_have_changed_since(self):
        gateway = self.gateway()
        id = self.id_in(self.deliver(message(body=TEXT, X_Weight="14")))
        gateway.write_rules({"10-test.lua": RULES.replace("score = 2.5", "score = 1.0").replace("max = 4", "max = 9")
                             .replace('rule "LOTTERY"', 'rule "LOTTERIES"')})
        text = self.explained(id)
        self.assertIn("the rules have changed since", text)
        self.assertIn("HURRY (it scores 1.0 now)", text)
        self.assertIn("LOTTERY (there is no such rule any more)", text)
        self.assertIn("may add 4.0 at most", text, "the cap that was in force")
        self.assert_column(text)
        gateway.write_rules({"10-test.lua": "rule"})
        broken = gateway.run("explain", id)
        self.assertEqual(broken.returncode, 0)
        self.assertIn(b"the rules cannot be read", broken.stderr)
        self.assert_column(broken.stdout.decode())

    def test_deferred_for_a_backend_that_is_gone(self):
        self.gateway()
        with Client(self.served.port, source="192.0.2.1") as client:
            self.assertEqual(client.envelope(ANN, [BOB]).code, 354)
            self.down = True
            client.send(message() + b".\r\n")
            reply = client.reply()
        self.assertEqual((reply.code, reply.text[:5]), (451, "4.4.1"))
        id = self.id_in(reply)
        text = self.explained(id)
        self.assertTrue(text.startswith("NOT DELIVERED (try again later)\n"), text)
        self.assertIn("reply: 451 4.4.1", text)
        self.assertIn("behind us:", text)
        answer = self.answer(id)
        self.assertEqual(answer["verdict"], "error")
        self.assertTrue(answer["backend_reply"])
        self.assertEqual(self.logged(id=id)["verdict"], "error")

    # ---------------------------------------------------------------- before there is a message

    def refused(self, stage, **options):
        """(the reply that refused, whatever came before was fine)"""
        client = Client(self.served.port, source=options.get("source", "192.0.2.1"), helo=None)
        self.addCleanup(client.close)
        if stage == "connect":
            return client.greeting
        for line in (f"EHLO {options.get('helo', 'good.example')}", f"MAIL FROM:<{options.get('sender', ANN)}>",
                     f"RCPT TO:<{options.get('rcpt', BOB)}>"):
            reply = client.command(line)
            if reply.code >= 400:
                return reply
        return reply

    def test_refused_before_the_message(self):
        self.gateway()
        for stage, rule, about, where, options in (
                ("connect", "NOT_FROM_THERE", "this network is blocked", "REJECTED when it connected", {"source": "192.0.2.66"}),
                ("helo", "BAD_HELO", "nobody has this name", "REJECTED at HELO", {"helo": "bad.example"}),
                ("mail", "NOT_HIM", "this sender is blocked", "REJECTED at MAIL FROM", {"sender": "bad@sender.example"}),
                ("rcpt", "TRAP", "nobody writes to this address", "DEFERRED at RCPT TO", {"rcpt": "trap@example.org"})):
            with self.subTest(stage):
                reply = self.refused(stage, **options)
                self.assertIn(reply.code, (550, 554, 451))
                id = self.id_in(reply)
                text = self.explained(id)
                self.assertTrue(text.startswith(where + "\n"), text)
                self.assertIn(f"because the action of the rule {rule} decided: {about}", text)
                self.assertIn(f"reply: {reply.code} ", text)
                answer = self.answer(id)
                self.assertEqual((answer["stage"], answer["decision"]["rule"]), (stage, rule))
                self.assertEqual(answer["timeline"][0]["what"], "connected")
                self.assertEqual(answer["timeline"][-1]["what"], "reply")
                self.assertEqual(self.logged(stage=stage)["id"], id)

    def test_a_greeting_in_the_rules_own_words_is_found_by_the_log(self):
        self.gateway()
        reply = self.refused("connect", source="192.0.2.67")
        self.assertEqual((reply.code, reply.text), (554, "5.7.1 go away"))
        text = self.explained("id=" + self.logged(stage="connect")["id"])
        self.assertIn("because the action of the rule OWN_WORDS decided", text)

    def test_several_answers_under_one_id(self):
        self.gateway()
        with Client(self.served.port, source="192.0.2.1") as client:
            client.command(f"MAIL FROM:<{ANN}>")
            ids = {self.id_in(client.command("RCPT TO:<trap@example.org>")) for _ in range(2)}
            client.command(f"RCPT TO:<{BOB}>")
            client.command("DATA")
            client.send(message() + b".\r\n")
            self.assertEqual(client.reply().code, 250)
        self.assertEqual(len(ids), 1)
        id = ids.pop()
        answers = wait_until("all three", lambda: (found := self.answers(id)) and len(found) == 3 and found)
        # The second refusal is told when the transaction ends, with all that were like it.
        self.assertCountEqual([answer["stage"] for answer in answers], ["message", "rcpt", "rcpt"])
        self.assertIn("3 answers were given under this id", self.explained(id))

    # ---------------------------------------------------------------- where there is nothing to find

    def complaint(self, *arguments):
        answer = self.served.run("explain", *arguments)
        self.assertEqual((answer.returncode, answer.stdout), (1, b""))
        return answer.stderr.decode()

    def test_an_id_that_is_not_there(self):
        self.gateway()
        unknown = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
        self.assertIn("which is empty", self.complaint(unknown))
        self.assertEqual(self.deliver(message()).code, 250)
        self.explained(field(self.sink.messages[-1].content, "X-Postern-Id"))
        text = self.complaint(unknown)
        self.assertRegex(text, r"reaches back to \d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
        self.assertIn("it is older", self.complaint("[id 01HF7YAT00BBZ0QVE903NY9PRR]"))
        self.assertIn("there is no id in '4F00D'", self.complaint("4F00D"))
        self.assertEqual(self.served.run("explain").returncode, 2)

    def test_a_journal_that_cannot_be_read(self):
        gateway = self.gateway()
        self.assertEqual(self.deliver(message()).code, 250)
        id = field(self.sink.messages[-1].content, "X-Postern-Id")
        self.explained(id)
        # The gateway may be gone, even by force: what was written stays.
        gateway.process.signal(signal.SIGKILL)
        gateway.process.wait()
        self.assertIn("ACCEPTED", self.explained(id))
        path = gateway.folder / "journal.db"
        if os.geteuid() != 0:
            path.chmod(0)
            said = self.complaint(id)
            self.assertIn("the journal cannot be read", said)
            self.assertIn("no permission: run this as root or as the gateway's user", said)
            path.chmod(0o640)
        for other in gateway.folder.glob("journal.db*"):
            other.unlink()
        self.assertIn("there is no such file", self.complaint(id))
        path.write_text("no database at all " * 1000)
        self.assertIn("the journal cannot be read", self.complaint(id))
        gateway.settings["journal"]["path"] = ""
        gateway.write_config()
        self.assertIn("nothing is recorded", self.complaint(id))

    def test_beside_a_gateway_that_is_busy(self):
        self.gateway()
        ids = []
        for i in range(50):
            reply = self.deliver(message(X_Weight="20", subject=f"number {i}"))
            ids.append(self.id_in(reply))
        for i in (0, 25, 49):
            self.assertIn(f"number {i}\n", self.explained(ids[i]))


if __name__ == "__main__":
    main()
