#!/usr/bin/env python3
"""What lists do to a mail: refuse it at once, weigh, forgive; what the sender is told; what rules and admins make of it."""
import json

from client import Client, field, message
from dns_lists import ANN, BOB, Entry, Lists, backwards, declare, hits, publish
from dns_server import addresses, servfail, silence
from harness import main, wait_until

ZEN, WL, DBL = "zen.lists.example", "wl.lists.example", "dbl.lists.example"
REJECT = Entry("PBL", action="reject")
BOTH = {"127.0.0.2": Entry("SBL", 4.0), "127.0.0.10-11": REJECT}
BAD, BADV6, WEIGHED, GOOD = "192.0.2.10", "2001:db8::10", "192.0.2.2", "192.0.2.200"
SPAM = {BAD: "127.0.0.10", BADV6: "127.0.0.11", WEIGHED: "127.0.0.2"}


def when(name, code, **fields):
    extra = "".join(f"  {k} = {v},\n" for k, v in fields.items())
    return f'rule "{name}" {{\n  about = "a rule of this test",\n{extra}  when = function(mail) {code} end,\n}}\n'


class Verdicts(Lists):
    def setUp(self):
        super().setUp()
        publish(self.zone, ZEN, SPAM)
        publish(self.zone, WL, {GOOD: "127.0.0.3", BAD: "127.0.0.3"})
        publish(self.zone, DBL, {"baddomain.example": "127.0.1.2"}, "url")

    def greeting(self, gateway, source=BAD):
        """What the client is told instead of a greeting; nothing of it reached the backend."""
        client = Client(gateway.port, source=source)
        self.addCleanup(client.close)
        before = self.envelopes()
        # RFC 5321, 3.1: after a 554 greeting the server waits for QUIT; it may also close.
        try:
            later = client.command(f"MAIL FROM:<{ANN}>").code
            self.assertIn(later, (421, 503, 550, 554))
        except (ConnectionError, OSError):
            pass
        self.assertEqual(self.envelopes(), before)
        return client.greeting

    def envelopes(self):
        return sum(line.upper().startswith("MAIL") for session in self.sink.sessions for line in session.commands)

    # ---------------------------------------------------------------- refusing

    def test_a_listed_client_is_refused_before_it_said_anything(self):
        gateway = self.gateway(declare("ZEN", ZEN, BOTH))
        for address in (BAD, BADV6):
            with self.subTest(address):
                reply = self.greeting(gateway, address)
                self.assertEqual((reply.code, reply.text.partition(" [id ")[0]),
                                 (554, f"5.7.1 refused: {address} is listed by ZEN (ZEN_PBL)"))
        self.assertEqual(self.hits_of(gateway, source=WEIGHED), {"ZEN_SBL": 4.0}, "the same list weighs its other answers")
        self.assertEqual(self.hits_of(gateway, source=GOOD), {})
        self.assertEqual(gateway.metric("postern_rule_hits_total", rule="ZEN_PBL"), 2)
        self.assertEqual(gateway.metric("postern_list_decisive_total", list="ZEN"), 2)
        self.assertEqual(gateway.metric("postern_replies_total", code="554"), 2)

    def test_what_a_refusal_says(self):
        self.zone.txt(f"{backwards(BAD)}.{ZEN}", "https://check.lists.example/query?ip=192.0.2.10")
        title = "Spam Haven, https://lists.example"
        cases = {
            "title": (BOTH, {"title": title}, {}, f"5.7.1 refused: {BAD} is listed by ZEN: {title} (ZEN_PBL)"),
            "txt": (BOTH, {"txt": True}, {},
                    f"5.7.1 refused: {BAD} is listed by ZEN (ZEN_PBL): https://check.lists.example/query?ip=192.0.2.10"),
            "reply": ({"127.0.0.10": Entry("PBL", action="reject", reply="554 5.7.9 go away")}, {}, {}, "5.7.9 go away"),
            # Names of rules are hidden; who is listed is told by whom all the same, or nobody could mend it.
            "hidden": (BOTH, {"txt": True, "title": title}, {"verdict": {"reveal": False}},
                       f"5.7.1 refused: {BAD} is listed by ZEN: {title}: https://check.lists.example/query?ip=192.0.2.10"),
            "mask": ({"&8": Entry("PBL", action="reject")}, {}, {}, f"5.7.1 refused: {BAD} is listed by ZEN (ZEN_PBL)"),
        }
        for what, (answers, fields, settings, text) in cases.items():
            with self.subTest(what):
                reply = self.greeting(self.gateway(declare("ZEN", ZEN, answers, **fields), name=what, **settings))
                self.assertEqual((reply.code, reply.text.partition(" [id ")[0]), (554, text))

    def test_a_list_s_text_cannot_break_a_reply(self):
        """Whoever runs a list, or forges its answers, writes one line into our reply and nothing else."""
        self.zone.txt(f"{backwards(BAD)}.{ZEN}", b"first\r\n250 2.0.0 Ok\r\n\0\xff" + b"x" * 3000)
        client = Client(self.gateway(declare("ZEN", ZEN, BOTH, txt=True)).port, source=BAD, greet=False)
        self.addCleanup(client.close)
        first = client.line()
        self.assertTrue(first.startswith(b"554"), first)
        self.assertLessEqual(len(first), 510, "RFC 5321, 4.5.3.1.5")
        self.assertRegex(first, rb"^[\x20-\x7e]*$")
        client.buffer = first + b"\r\n" + client.buffer
        self.assertEqual(client.reply().code, 554)

    def test_a_missing_text_does_not_hinder_a_refusal(self):
        for what, answer in (("nothing", None), ("servfail", servfail), ("silence", silence)):
            with self.subTest(what):
                if answer:
                    self.zone.odd[f"{backwards(BAD)}.{ZEN}", "TXT"] = answer
                gateway = self.gateway(declare("ZEN", ZEN, BOTH, txt=True), name=what, dns={"timeout": "1s"})
                reply = self.greeting(gateway)
                self.assertEqual((reply.code, reply.text.partition(" [id ")[0]),
                                 (554, f"5.7.1 refused: {BAD} is listed by ZEN (ZEN_PBL)"))

    def test_each_subject_refuses_as_soon_as_it_is_known(self):
        self.zone.ptr(BAD, "mail.baddomain.example").a("mail.baddomain.example", BAD)
        self.zone.ptr(GOOD, "mail.good.example").a("mail.good.example", GOOD)
        answers = {"127.0.1.2": Entry("HIT", action="reject")}
        url = message(body="http://www.baddomain.example/\r\n")
        cases = [  # subject, client, HELO, sender, content; the step that is refused, the subject that is named
            ("rdns", BAD, "client.example", ANN, message(), "greeting", "baddomain.example"),
            ("helo", GOOD, "x.baddomain.example", ANN, message(), "helo", "baddomain.example"),
            ("from", GOOD, "client.example", "ann@x.baddomain.example", message(), "mail", "baddomain.example"),
            ("author", GOOD, "client.example", ANN, message(From="a@x.baddomain.example"), "dot", "baddomain.example"),
            ("reply_to", GOOD, "client.example", ANN, message(Reply_To="a@x.baddomain.example"), "dot", "baddomain.example"),
            ("url", GOOD, "client.example", ANN, url, "dot", "baddomain.example"),
        ]
        for subject, source, helo, sender, content, step, named in cases:
            with self.subTest(subject):
                gateway = self.gateway(declare("DBL", DBL, answers, of=subject), name=subject)
                client = Client(gateway.port, source=source, helo=None)
                self.addCleanup(client.close)
                replies = {"greeting": client.greeting}
                if client.greeting.code == 220:
                    replies["helo"] = client.command(f"EHLO {helo}")
                    if replies["helo"].code == 250:
                        replies["mail"] = client.command(f"MAIL FROM:<{sender}>")
                        if replies["mail"].code == 250:
                            client.command("RSET")
                            replies["dot"] = client.deliver(sender, BOB, content)
                last, reply = list(replies.items())[-1]
                self.assertEqual((last, reply.code), (step, 554 if step == "greeting" else 550))
                self.assertRegex(reply.text, rf"^5\.7\.1 refused: (\S+\.)?{named} is listed by DBL \(DBL_HIT\)")
        self.assertEqual(self.sink.messages, [])

    def test_a_refusal_has_a_line_of_the_log(self):
        answers = {"127.0.0.10": REJECT, "127.0.0.2": Entry("SBL", action="defer", stage="rcpt")}
        gateway = self.gateway(declare("ZEN", ZEN, answers), log={"format": "json"})
        refusal = self.greeting(gateway)
        with Client(gateway.port, source=WEIGHED, helo="client.sender.example") as client:
            self.assertEqual(client.command(f"MAIL FROM:<{ANN}>").code, 250)
            deferral = client.command(f"RCPT TO:<{BOB[0]}>")
        self.assertEqual((refusal.code, deferral.code), (554, 451))

        def lines():
            said = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
            return [line for line in said if line.get("event") == "refused"]
        wait_until("both lines", lambda: len(lines()) == 2)
        first, second = lines()
        self.assertEqual({k: first[k] for k in ("stage", "client", "rule", "list", "verdict", "reply")},
                         {"stage": "connect", "client": BAD, "rule": "ZEN_PBL", "list": "ZEN", "verdict": "reject",
                          "reply": f"{refusal.code} {refusal.text}"})
        self.assertEqual({k: second[k] for k in ("stage", "client", "helo", "from", "rcpts", "rule", "list", "verdict", "reply")},
                         {"stage": "rcpt", "client": WEIGHED, "helo": "client.sender.example", "from": ANN, "rcpts": BOB,
                          "rule": "ZEN_SBL", "list": "ZEN", "verdict": "defer", "reply": f"{deferral.code} {deferral.text}"})

    def test_an_answer_s_stage_may_be_later(self):
        answers = {"127.0.0.10": Entry("PBL", action="reject", stage="rcpt")}
        with Client(self.gateway(declare("ZEN", ZEN, answers)).port, source=BAD) as client:
            self.assertEqual(client.greeting.code, 220)
            self.assertEqual(client.command(f"MAIL FROM:<{ANN}>").code, 250)
            reply = client.command(f"RCPT TO:<{BOB[0]}>")
        self.assertEqual((reply.code, reply.text.partition(" [id ")[0]), (550, f"5.7.1 refused: {BAD} is listed by ZEN (ZEN_PBL)"))

    # ---------------------------------------------------------------- weighing

    def test_weights_add_up_to_verdicts(self):
        rules = declare("ZEN", ZEN, {"127.0.0.2": Entry("SBL", 4.0)}) + declare("DBL", DBL, {"127.0.1.2": Entry("SPAM", 3.5)}, of="url")
        gateway = self.gateway(rules, verdict={"tag": 6.0, "reject": 7.5})
        both = message(body="http://baddomain.example/\r\n")
        reply, _ = self.deliver(gateway, source=WEIGHED, content=both)
        self.assertEqual(reply.code, 550)
        self.assertRegex(reply.text, r"^5\.7\.1 refused: score 7\.5, limit 7\.5 \(ZEN_SBL, DBL_SPAM\)")
        self.assertEqual(self.hits_of(gateway, source=WEIGHED), {"ZEN_SBL": 4.0})
        self.assertEqual(field(self.sink.messages[-1].content, "X-Spam-Flag"), "NO")

    def test_a_list_that_decided_is_counted(self):
        """6.0 tags: 4.0 of one list alone changes nothing; with 3.5 of another, either was decisive."""
        rules = declare("ZEN", ZEN, {"127.0.0.2": Entry("SBL", 4.0)}) + declare("DBL", DBL, {"127.0.1.2": Entry("SPAM", 3.5)}, of="url")
        gateway = self.gateway(rules)
        both = message(body="http://baddomain.example/\r\n")
        for source, content, zen, dbl in ((WEIGHED, message(), 0, 0), (GOOD, both, 0, 0), (WEIGHED, both, 1, 1), (WEIGHED, both, 2, 2)):
            self.hits_of(gateway, source=source, content=content)
            self.assertEqual(gateway.metric("postern_list_decisive_total", list="ZEN"), zen)
            self.assertEqual(gateway.metric("postern_list_decisive_total", list="DBL"), dbl)

    def test_good_senders(self):
        zen = declare("ZEN", ZEN, {"127.0.0.10": Entry("PBL", 9.0)})
        gateway = self.gateway(zen + declare("WL", WL, {"127.0.0.3": Entry("HI", -5.0)}, allow=True), name="subtracts")
        self.assertEqual(self.hits_of(gateway, source=BAD), {"ZEN_PBL": 9.0, "WL_HI": -5.0})
        self.assertEqual(field(self.sink.messages[-1].content, "X-Spam-Flag"), "NO")
        self.assertEqual(gateway.metric("postern_list_decisive_total", list="WL"), 1)
        accepts = declare("WL", WL, {"127.0.0.3": Entry("HI", action="accept")}, allow=True)
        gateway = self.gateway(zen.replace("9.0", "90.0") + accepts, name="accepts")
        reply, _ = self.deliver(gateway, source=BAD)
        self.assertEqual(reply.code, 250)
        self.assertEqual(gateway.metric("postern_messages_total", verdict="accept"), 1)

    def test_a_shadow_list_counts_and_changes_nothing(self):
        answers = {"127.0.0.10": Entry("PBL", 90.0, mode="shadow"), "127.0.0.11": Entry("NEW", action="reject", mode="shadow")}
        gateway = self.gateway(declare("ZEN", ZEN, answers))
        for source in (BAD, BADV6):
            reply, _ = self.deliver(gateway, source=source)
            self.assertEqual(reply.code, 250)
            self.assertIn("score=0.0", field(self.sink.messages[-1].content, "X-Spam-Status"))
        for name in ("ZEN_PBL", "ZEN_NEW"):
            self.assertEqual(gateway.metric("postern_rule_hits_total", rule=name), 1)
        self.assertEqual(gateway.metric("postern_rule_would_change_total", rule="ZEN_PBL", to="reject"), 1)

    # ---------------------------------------------------------------- what rules and admins make of it

    def test_rules_see_what_lists_say(self):
        rules = declare("ZEN", ZEN, {"127.0.0.2": Entry("SBL", 1.0), "127.0.0.10": Entry("PBL", 1.0)}) + "".join([
            when("SEES", 'local l = mail.lists.ZEN; return l ~= nil and #l.answers == 1, '
                 'l and (l.answers[1] .. " " .. l.names[1] .. " " .. l.subjects[1])', score=0.1),
            when("SEES_NOTHING", "return mail.lists.ZEN == nil", score=0.1),
            when("HITS", 'return mail:hit("ZEN_SBL")', score=0.1),
            'rule "TOGETHER" { about = "a rule of this test", score = 0.1, expression = "ZEN_SBL and not ZEN_PBL" }\n'])
        gateway = self.gateway(rules)
        self.assertEqual(set(self.hits_of(gateway, source=WEIGHED)), {"ZEN_SBL", "SEES", "HITS", "TOGETHER"})
        self.assertIn(f"SEES=0.1(127.0.0.2 SBL {WEIGHED})", field(self.sink.messages[-1].content, "X-Spam-Status"))
        self.assertEqual(set(self.hits_of(gateway, source=BAD)), {"ZEN_PBL", "SEES"})
        self.assertEqual(set(self.hits_of(gateway, source=GOOD)), {"SEES_NOTHING"})

    def test_a_rule_at_connect_waits_for_the_list_that_it_reads(self):
        rules = declare("ZEN", ZEN, {"127.0.0.2": Entry("SBL", 1.0)}) + when(
            "OWN", 'local l = mail.lists.ZEN; return l and l.names[1] == "SBL"', stage='"connect"', action='"reject"')
        self.zone.delay = 0.1
        reply, _ = self.deliver(self.gateway(rules), source=WEIGHED)
        self.assertEqual((reply.code, reply.text[:5]), (554, "5.7.1"))

    def test_local_lua_has_the_last_word(self):
        zen = declare("ZEN", ZEN, {"127.0.0.2": Entry("SBL", 4.0), "127.0.0.10": Entry("PBL", 3.0)}, group="lists")
        off = declare("WL", WL, {"127.0.0.3": Entry("HI", -1.0)}, allow=True, enabled=False)
        moved = "moved.lists.example"
        publish(self.zone, moved, {GOOD: "127.0.0.3"})
        cases = {
            "": ({"ZEN_SBL": 4.0}, {"ZEN_PBL": 3.0}, {}),
            'score "ZEN_SBL" (1.5)': ({"ZEN_SBL": 1.5}, {"ZEN_PBL": 3.0}, {}),
            'disable "ZEN_SBL"': ({}, {"ZEN_PBL": 3.0}, {}),
            'disable "ZEN"': ({}, {}, {}),
            'disable "ZEN_SBL"; enable "ZEN_SBL"': ({"ZEN_SBL": 4.0}, {"ZEN_PBL": 3.0}, {}),
            'enable "WL"': ({"ZEN_SBL": 4.0}, {"ZEN_PBL": 3.0, "WL_HI": -1.0}, {"WL_HI": -1.0}),
            f'enable "WL" {{ zone = "{moved}" }}': ({"ZEN_SBL": 4.0}, {"ZEN_PBL": 3.0}, {"WL_HI": -1.0}),
            'group("lists", { max = 2 })': ({"ZEN_SBL": 4.0}, {"ZEN_PBL": 3.0}, {}),
        }
        for number, (local, wanted) in enumerate(cases.items()):
            with self.subTest(local):
                gateway = self.gateway({"20-lists.lua": zen + off, "local.lua": local + "\n"}, name=f"local{number}")
                self.assertEqual(tuple(self.hits_of(gateway, source=a) for a in (WEIGHED, BAD, GOOD)), wanted)
                if "group" in local:
                    self.assertIn("score=2.0", field(self.sink.messages[-3].content, "X-Spam-Status"))

    def test_a_list_that_nobody_needs_is_not_asked(self):
        gateway = self.gateway({"20-lists.lua": declare("ZEN", ZEN, BOTH), "local.lua": 'disable "ZEN"\n'})
        self.assertEqual(self.hits_of(gateway, source=BAD), {})
        self.assertEqual(self.dns.asked_below(ZEN), [])

    def test_a_reload_takes_lists_in_and_out(self):
        gateway = self.gateway(declare("ZEN", ZEN, BOTH), workers=2)
        with Client(gateway.port, source=WEIGHED) as early:  # its next message is judged by the new rules, from the client on
            self.assertEqual(self.greeting(gateway).code, 554)
            gateway.write_rules({"20-lists.lua": declare("ZEN", ZEN, {"127.0.0.10": Entry("PBL", 1.5), "127.0.0.2": Entry("SBL", 1.0)}) +
                                 declare("WL", WL, {"127.0.0.3": Entry("HI", -1.0)}, allow=True)})
            self.assertEqual(gateway.reload(), "ok")
            self.assertEqual(early.deliver(ANN, BOB, message()).code, 250)
            self.assertEqual(hits(self.sink.messages[-1].content), {"ZEN_SBL": 1.0})
        self.assertEqual(self.hits_of(gateway, source=BAD), {"ZEN_PBL": 1.5, "WL_HI": -1.0})
        gateway.write_rules({"20-lists.lua": 'list "ZEN" { zone = 7 }\n'})
        self.assertEqual(gateway.reload(), "refused")
        self.assertEqual(self.hits_of(gateway, source=BAD), {"ZEN_PBL": 1.5, "WL_HI": -1.0})
        gateway.write_rules({"20-lists.lua": declare("WL", WL, {"127.0.0.3": Entry("HI", -1.0)}, allow=True)})
        self.assertEqual(gateway.reload(), "ok")
        self.assertEqual(self.hits_of(gateway, source=BAD), {"WL_HI": -1.0})
        self.assertEqual(self.hits_of(gateway, source=WEIGHED), {})

    def test_the_questions_of_one_message_are_bounded(self):
        gateway = self.gateway(declare("DBL", DBL, of="url") + declare("ZEN", ZEN), limits={"list_queries": 25})
        many = message(body="".join(f"http://host{n}.many{n}.example/\r\n" for n in range(300)))
        self.assertEqual(self.hits_of(gateway, content=many, source=GOOD), {})
        asked = {n for n in self.dns.asked_below(DBL) if "many" in n} | {n for n in self.dns.asked_below(ZEN) if n == backwards(GOOD)}
        self.assertLessEqual(len(asked), 25)
        self.assertGreaterEqual(len(asked), 20)
        self.assertIn(backwards(GOOD), asked, "the client was asked about first")
        self.assertGreater(gateway.metric("postern_list_queries_total", list="DBL", result="limit"), 0)
        few = message(body="http://baddomain.example/\r\n")
        self.zone.a(f"baddomain.example.{DBL}", "127.0.0.2")
        self.assertEqual(self.hits_of(gateway, content=few, source=GOOD), {"DBL_HIT": 2.0}, "the next message has a budget of its own")

    def test_scan_says_what_lists_said(self):
        rules = declare("ZEN", ZEN, BOTH) + declare("DBL", DBL, {"127.0.1.2": Entry("SPAM", 1.0)}, of="url")
        gateway = self.gateway(rules, start=False)
        result = gateway.run("scan", "--json", "--ip", WEIGHED, "--helo", "client.example", "--from", ANN, "-",
                             input=message(body="http://www.baddomain.example/\r\n"))
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        said = json.loads(result.stdout)
        self.assertCountEqual(said["lists"], [
            {"list": "ZEN", "of": "client", "subject": WEIGHED, "answers": ["127.0.0.2"], "names": ["SBL"]},
            {"list": "DBL", "of": "url", "subject": "baddomain.example", "answers": ["127.0.1.2"], "names": ["SPAM"]}])
        self.assertNotIn("list_errors", said)
        self.assertEqual({r["name"]: r["score"] for r in said["rules"]}, {"ZEN_SBL": 4.0, "DBL_SPAM": 1.0})

    def scan(self, gateway, content=None, *options):
        result = gateway.run("scan", "--json", *options, "-", input=content or message())
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return json.loads(result.stdout.splitlines()[-1])

    def test_scan_does_not_believe_a_list_that_lists_everybody(self):
        wild = "wild.lists.example"
        self.zone.below[wild] = addresses("127.0.0.2")
        self.zone.below["dead.lists.example"] = servfail
        rules = "".join(declare(name, zone, of=of) for name, zone, of in (
            ("WILD", wild, "client"), ("WILD_URL", wild, "url"), ("WILD_FROM", wild, "from"), ("WILD_HASH", wild, "hash"),
            ("DEAD", "dead.lists.example", "url"), ("ZEN", ZEN, "client"), ("EMPTY", "empty.lists.example", "client")))
        gateway = self.gateway(rules, start=False)
        mail = self.folder / "mail"
        mail.mkdir()
        for number in range(3):
            (mail / f"{number}.eml").write_bytes(message(body="http://www.some.example/\r\n"))
        result = gateway.run("scan", "--json", "--ip", WEIGHED, "--from", ANN, str(mail))
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        for said in map(json.loads, result.stdout.splitlines()):
            self.assertEqual([r["name"] for r in said["rules"]], ["ZEN_HIT"])
            errors = {e["list"]: e["error"] for e in said["list_errors"]}
            self.assertEqual(set(errors), {"WILD", "WILD_URL", "WILD_FROM", "WILD_HASH", "DEAD"}, "an empty one is none of them")
            self.assertIn("lists everything", errors["WILD"])
            self.assertIn("SERVFAIL", errors["DEAD"])
        self.assertEqual(self.dns.asked_below(ZEN).count(backwards("127.0.0.1")), 1, "once for each run")
        self.assertEqual(self.dns.asked_below(ZEN).count(backwards("127.0.0.2")), 0, "admins try zones without test points")
        before = self.dns.asked_below(ZEN)
        self.assertEqual(self.scan(gateway, None, "--ip", "10.0.0.5")["rules"], [])
        self.assertEqual(self.dns.asked_below(ZEN), before, "nothing to ask, so nothing to find out")
        text = gateway.run("scan", "--ip", WEIGHED, str(mail)).stdout.decode()
        self.assertIn("  list WILD does not count: ", text)

    def test_scan_asks_about_test_points_only_for_who_names_them(self):
        for zone in (DBL, ZEN):
            publish(self.zone, zone, {}, "url")
            publish(self.zone, zone, {})
        rules = "".join(declare(of.upper(), ZEN if of in ("client", "received") else DBL, of=of)
                        for of in ("client", "helo", "from", "author", "reply_to", "url", "received"))
        gateway = self.gateway(rules, start=False)
        honest = message(body="http://127.0.0.2/ http://0x7f000002/ http://test/\r\n", From="root@test", Reply_To="<a@[127.0.0.2]>",
                         Received="from test (test [127.0.0.2]) by mx.example; Mon, 02 Mar 2026 10:00:00 +0000")
        self.assertEqual(self.scan(gateway, honest, "--from", "root@test")["lists"], [])
        self.assertEqual([(e["list"], e["subject"]) for e in self.scan(gateway, None, "--ip", "127.0.0.2", "--helo", "test")["lists"]],
                         [("CLIENT", "127.0.0.2"), ("HELO", "test")])

    def test_honest_mail_is_not_blamed_for_test_points(self):
        for zone in (DBL, ZEN):
            publish(self.zone, zone, {}, "url")
            publish(self.zone, zone, {})
        rules = "".join(declare(of.upper(), ZEN if of in ("client", "received") else DBL, {"127.0.0.0/8": Entry("HIT", action="reject")}, of=of)
                        for of in ("client", "helo", "from", "author", "reply_to", "url", "received"))
        gateway = self.gateway(rules)
        honest = message(body="http://127.0.0.2/ http://0x7f000002/ http://test/\r\n", From="root@test", Reply_To="<a@[127.0.0.2]>",
                         Received="from test (test [127.0.0.2]) by mx.example; Mon, 02 Mar 2026 10:00:00 +0000")
        with Client(gateway.port, source="127.0.0.2", helo="test") as client:
            self.assertEqual(client.deliver("root@test", BOB, honest).code, 250)

    def test_scan_asks_in_turn_when_there_are_too_many_questions(self):
        """The limit cuts all lists alike, and what is cut is said; what is few is asked first."""
        names = [f"URL{n}" for n in range(5)]
        rules = "".join(declare(name, f"{name.lower()}.lists.example", of="url") for name in names)
        rules += declare("ZEN", ZEN) + declare("EBL", "ebl.lists.example", of="hash") + declare("FROM", DBL, of="from")
        gateway = self.gateway(rules, start=False, limits={"list_queries": 50})
        many = message(body="".join(f"http://many{n}.example/\r\n" for n in range(40)))
        said = self.scan(gateway, many, "--ip", WEIGHED, "--from", ANN)
        asked = [len({n for n in self.dns.asked_below(f"{name.lower()}.lists.example") if n.startswith("many")}) for name in names]
        self.assertLessEqual(max(asked) - min(asked), 1, asked)
        self.assertGreater(min(asked), 5)
        self.assertLess(sum(asked), 50)
        self.assertEqual({e["list"]: e["error"] for e in said["list_errors"]}, dict.fromkeys(names, "[limits] list_queries"))
        self.assertEqual([e["list"] for e in said["lists"]], ["ZEN"])

    def test_scan_says_that_a_listed_list_failed_too(self):
        self.zone.odd[f"bad.example.{DBL}"] = servfail
        gateway = self.gateway(declare("DBL", DBL, {"127.0.1.2": Entry("SPAM", 1.0)}, of="url"), start=False)
        said = self.scan(gateway, message(body="http://baddomain.example/ http://bad.example/\r\n"))
        self.assertEqual([e["subject"] for e in said["lists"]], ["baddomain.example"])
        self.assertEqual([e["list"] for e in said["list_errors"]], ["DBL"])
        self.assertIn("SERVFAIL", said["list_errors"][0]["error"])


if __name__ == "__main__":
    main()
