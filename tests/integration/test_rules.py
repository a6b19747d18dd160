#!/usr/bin/env python3
"""What rules mean, end to end: each form, scores and groups, actions at every stage, shadow rules, overrides, maps, the DNS."""
import base64
import json
import re

from client import Client, field, message
from dns_server import DnsServer, Zone, servfail, silence
from harness import Case, WEIGHT_RULE, main, wait_until
from sink import Sink

ANN, BOB = "ann@sender.example", ["bob@example.org"]
STATUS = re.compile(r"(Yes|No), score=(\S+) required=(\S+) tests=\[(.*)\],? version=([0-9a-f]{12})$")


def rule(name, *fields, about="a rule of this test"):
    return "\n".join([f'rule "{name}" {{', f'  about = "{about}",', *(f"  {f}," for f in fields), "}"]) + "\n"


def when(code):
    return f"when = function(mail)\n    {code}\n  end"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


# Nothing that rules search for stands in it as they write it but the transfer encoding's name.
MIXED = f'''From: Ann <ann@sender.example>
To: bob@example.org
Subject: =?utf-8?B?{encoded("Große Lotterie für Sie")}?=
Date: Mon, 02 Mar 2026 10:00:00 +0000
Message-ID: <1@sender.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_outer"

--=_outer
Content-Type: multipart/alternative; boundary="=_inner"

--=_inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

{encoded("Guten Tag, bitte überweisen Sie heute.")}
--=_inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

{encoded('<p>Guten Tag <a href="https://pay.bank.example/login?id=7">www.honest.example</a></p>')}
--=_inner--
--=_outer
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''Rechnung%20M%C3%A4rz.pdf.exe
Content-Transfer-Encoding: base64

{encoded("MZ not a program")}
--=_outer--
'''

# Rule -> (its fields, its hit as (score, detail), or None).
FORMS = {
    "BY_HEADER": (["score = 1.0", 'header = { "Subject", "(?i)lotterie" }'], (1.0, "Lotterie")),
    "BY_HEADER_ANY_CASE_OF_NAME": (["score = 1.0", 'header = { "sUBJECT", "für" }'], (1.0, "für")),
    "BY_HEADER_NOT_THERE": (["score = 1.0", 'header = { "Reply-To", "." }'], None),
    "BY_HEADER_OF_ANOTHER_NAME": (["score = 1.0", 'header = { "To", "Lotterie" }'], None),
    "BY_BODY": (["score = 0.5", 'body = "(?i)ÜBERWEISEN\\\\s+Sie"'], (0.5, "überweisen Sie")),
    "BY_BODY_NOT_CODED": (["score = 0.5", 'body = "(?i)base64"'], None),
    "BY_BODY_NOT_HEADER": (["score = 0.5", 'body = "Lotterie"'], None),
    "BY_URL": (["score = 2.0", 'url = "^https://[^/]*\\\\.bank\\\\.example/"'], (2.0, "https://pay.bank.example/")),
    "BY_URL_NOT_SHOWN": (["score = 2.0", 'url = "nowhere\\\\.example"'], None),
    "BY_ATTACHMENT": (["score = 0.3", 'attachment = "(?i)\\\\.(pdf|docx?)\\\\.exe$"'], (0.3, ".pdf.exe")),
    "BY_ATTACHMENT_NOT": (["score = 0.3", 'attachment = "\\\\.zip$"'], None),
    "BY_RAW": (["score = 0.2", 'raw = "(?m)^Content-Transfer-Encoding: base64"'], (0.2, "Content-Transfer-Encoding: base64")),
    "BY_RAW_NOT_DECODED": (["score = 0.2", 'raw = "überweisen"'], None),
    "BY_ALL": (["score = 1.5", 'all = { "BY_HEADER", "BY_BODY" }'], (1.5, "BY_HEADER, BY_BODY")),
    "BY_ALL_NOT": (["score = 1.5", 'all = { "BY_HEADER", "BY_ATTACHMENT_NOT" }'], None),
    "BY_ANY": (["score = 0.7", 'any = { "BY_ATTACHMENT_NOT", "BY_URL" }'], (0.7, "BY_URL")),
    "BY_ANY_NOT": (["score = 0.7", 'any = { "BY_ATTACHMENT_NOT", "BY_URL_NOT_SHOWN" }'], None),
    "BY_EXPRESSION": (["score = 0.9", 'expression = "BY_HEADER and (BY_ANY_NOT or not BY_ALL_NOT)"'], (0.9, "BY_HEADER")),
    "BY_EXPRESSION_NOT": (["score = 0.9", 'expression = "not BY_HEADER or BY_ANY_NOT and BY_BODY"'], None),
    "BY_EARLIER_STAGE": (["score = 0.1", 'expression = "AT_HELO and BY_BODY"'], (0.1, "AT_HELO, BY_BODY")),
    "BY_LATER_RULE": (["score = 0.1", 'expression = "ZULETZT"'], (0.1, "ZULETZT")),
    "BY_SHADOW": (["score = 0.1", 'expression = "IN_SHADOW"'], (0.1, "IN_SHADOW")),
    "BY_DISABLED": (["score = 0.1", 'any = { "SWITCHED_OFF" }'], None),
    "BY_WHEN": (["score = 3.0", when('return mail.subject == "Große Lotterie für Sie"')], (3.0, "")),
    "BY_WHEN_NIL": (["score = 3.0", when("return nil")], None),
    "BY_FACTOR": (["score = 0.5", when("return 2.5")], (1.25, "")),
    "BY_NEGATIVE": (["score = -0.5", when("return #mail.attachments")], (-0.5, "")),
    "BY_DETAIL": (["score = 0.0", when('return true, mail.attachments[1].name .. " of " .. mail.helo')],
                  (0.0, "Rechnung März.pdf.exe of client.example")),
    "BY_LONG_DETAIL": (["score = 0.0", when('return true, ("ä"):rep(150)')], (0.0, "ä" * 100)),
    "BY_HIT": (["score = 0.4", when('return mail:hit("BY_BODY") and not mail:hit("BY_URL_NOT_SHOWN")')], (0.4, "")),
    "AT_HELO": (["score = 0.6", 'stage = "helo"', when('return mail.helo == "client.example", mail.helo')], (0.6, "client.example")),
    "AT_RCPT": (["score = 0.6", 'stage = "rcpt"', when("return #mail.rcpts == 2")], (0.6, "")),
    "ZULETZT": (["score = 0.8", when("return mail.helo:find('client') ~= nil")], (0.8, "")),
    "SWITCHED_OFF": (["score = 9.0", when("return true")], None),
}


def forms():
    text = "".join(rule(name, *fields) for name, (fields, _) in FORMS.items())
    return text + rule("IN_SHADOW", "score = 50.0", 'mode = "shadow"', when("return true"))


class Scan(Case):
    def scan(self, rules, mail=None, *arguments, **settings):
        self.scans = getattr(self, "scans", 0) + 1
        gateway = self.postern(settings, rules=rules, start=False, name=f"scan{self.scans}")
        result = gateway.run("scan", "--json", "--helo", "client.example", "--from", ANN, "--rcpt", "bob@example.org",
                             "--rcpt", "eve@example.org", *arguments, "-", input=mail or message())
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return json.loads(result.stdout)

    def test_each_form_of_a_rule(self):
        judged = self.scan({"10-forms.lua": forms(), "local.lua": 'disable "SWITCHED_OFF"\n'}, MIXED.replace("\n", "\r\n").encode())
        hits = {r["name"]: (r["score"], r["detail"]) for r in judged["rules"] if not r.get("shadow")}
        for name, (_, wanted) in FORMS.items():
            with self.subTest(name):
                self.assertEqual(hits.get(name), wanted)
        self.assertEqual(judged["score"], round(sum(hit[0] for _, hit in FORMS.values() if hit), 3))
        shadow, = [r["name"] for r in judged["rules"] if r.get("shadow")]
        self.assertEqual(shadow, "IN_SHADOW")

    def test_rules_that_do_not_look_at_the_message_hit_without_one(self):
        """The same set on a plain message: what is not in it does not hit."""
        judged = self.scan({"10-forms.lua": forms(), "local.lua": 'disable "SWITCHED_OFF"\n'})
        names = {r["name"] for r in judged["rules"]}
        self.assertFalse(names & {"BY_HEADER", "BY_BODY", "BY_URL", "BY_ATTACHMENT", "BY_RAW", "BY_ALL", "BY_ANY", "BY_HIT"})
        self.assertTrue(names >= {"AT_HELO", "ZULETZT", "BY_LATER_RULE", "BY_FACTOR"})

    GROUP = ('group("g", { max = 3 })\n' + rule("FIRST", "score = 2.0", 'group = "g"', when("return true")) +
             rule("SECOND", "score = 2.0", 'group = "g"', 'header = { "Subject", "test" }') +
             rule("BONUS", "score = -0.5", 'group = "g"', when('return mail.subject == "bonus"')) +
             rule("OUTSIDE", "score = 1.0", when("return true")))

    def test_a_group_adds_at_most_its_cap(self):
        self.assertEqual(self.scan({"10-group.lua": self.GROUP})["score"], 4.0)
        self.assertEqual(self.scan({"10-group.lua": self.GROUP, "local.lua": 'group("g", { max = 1 })\n'})["score"], 2.0)
        self.assertEqual(self.scan({"10-group.lua": self.GROUP, "local.lua": 'group("g", { max = 100 })\n'})["score"], 5.0)

    def test_a_threshold_is_met_when_the_score_reaches_it(self):
        tenths = "".join(rule(f"TENTH_{n}", "score = 0.1", when("return true")) for n in range(60))
        self.assertEqual(self.scan({"10-tenths.lua": tenths})["verdict"], "tag")
        self.assertEqual(self.scan({"10-tenths.lua": tenths, "local.lua": 'disable "TENTH_7"\n'})["verdict"], "accept")

    def test_local_lua_has_the_last_word(self):
        rules = {"10-a.lua": rule("WEIGHTY", "score = 2.0", when("return 1.5")) + rule("OTHER", "score = 1.0", when("return true")),
                 "zz-last.lua": rule("LATE", "score = 0.5", when("return true"))}
        for local, score in (('score "WEIGHTY" (4.0)', 7.5), ('disable "WEIGHTY"', 1.5), ('disable "WEIGHTY"\nscore "WEIGHTY" (1.0)', 3.0),
                             ('score "LATE" (-2)', 2.0), ('score "WEIGHTY" (4)\nscore "WEIGHTY" (1)', 3.0),
                             (rule("MINE", "score = 10.0", 'expression = "LATE and WEIGHTY"'), 14.5)):
            with self.subTest(local):
                self.assertEqual(self.scan({**rules, "local.lua": local + "\n"})["score"], score)

    def test_rules_lists_what_is_in_force(self):
        rules = {"10-a.lua": rule("WEIGHTY", "score = 2.0", when("return 1.5")) + rule("OTHER", "score = 1.0", 'body = "x"'),
                 "local.lua": 'score "WEIGHTY" (4.0)\ndisable "OTHER"\n'}
        listed = self.postern(rules=rules, start=False).run("rules", "--json").stdout.decode().splitlines()
        found = {r["name"]: (r["score"], r["mode"], r["line"]) for r in map(json.loads, listed)}
        self.assertEqual(found, {"WEIGHTY": (4.0, "on", 1), "OTHER": (1.0, "disabled", 8)})

    def test_after_an_action_no_rule_counts(self):
        rules = (rule("BEFORE", "score = 20.0", when("return true")) + rule("FRIEND", 'action = "accept"', 'header = { "Subject", "test" }') +
                 rule("AFTER", "score = 20.0", when("return true")) + rule("ENEMY", 'action = "reject"', when("return true")))
        judged = self.scan({"10-a.lua": rules})
        self.assertEqual((judged["verdict"], [r["name"] for r in judged["rules"]]), ("accept", ["BEFORE", "FRIEND"]))

    # ---------------------------------------------------------------- maps

    ENTRIES = ("# friends\n\nann@sender.example   # herself\nExample.COM\n.lists.example\n192.0.2.0/24\n2001:db8::/32\n"
               "/^bulk[0-9]+@/i\n198.51.100.7\n")

    def has(self, value, entries=None, kind=""):
        code = f'return map("friends.map"{kind}):has("{value}")'
        return bool(self.scan({"friends.map": entries or self.ENTRIES, "10-map.lua": rule("IN_MAP", when(code))})["rules"])

    def test_what_is_in_a_map(self):
        for value, wanted in (("ann@sender.example", True), ("ANN@Sender.Example", True), ("bob@sender.example", False),
                              ("example.com", True), ("a.example.com", False), ("bob@example.com", True), ("a.lists.example", True),
                              ("lists.example", False), ("192.0.2.77", True), ("192.0.3.77", False), ("2001:db8::7", True),
                              ("Bulk77@x.example", True), ("bulk@x.example", False), ("198.51.100.7", True), ("herself", False)):
            with self.subTest(value):
                self.assertEqual(self.has(value), wanted)

    def test_a_map_whose_entries_are_all_of_one_kind(self):
        for kind, entries, inside, outside in (("domain", "example.com\n", "a.example.com", "aexample.com"),
                                               ("exact", ".example.com\n", ".example.com", "a.example.com"),
                                               ("cidr", "192.0.2.0/24\n", "192.0.2.1", "192.0.3.1"),
                                               ("regex", "^a+$\n", "aaa", "aab")):
            with self.subTest(kind):
                self.assertEqual((self.has(inside, entries, f', "{kind}"'), self.has(outside, entries, f', "{kind}"')), (True, False))

    # ---------------------------------------------------------------- dns

    def answers(self, code, zone, **dns):
        server = DnsServer(self, zone)
        judged = self.scan({"10-dns.lua": rule("ASKS", when(code))}, None, dns={"servers": [server.server], **dns})
        return [r["detail"] for r in judged["rules"]]

    def test_what_the_dns_says(self):
        zone = Zone(txt="one").txt("txt", "two").a("a", "192.0.2.7").ptr("192.0.2.7", "host.example").add(
            "mx", "MX", b"\0\x0a\2mx\0")
        for code, wanted in (('dns.txt("txt")', "one two"), ('dns.a("a")', "192.0.2.7"), ('dns.ptr("192.0.2.7")', "host.example"),
                             ('dns.mx("mx")', "10 mx"), ('dns.txt("a")', ""), ('dns.txt("nowhere")', ""), ('dns.aaaa("a")', ""),
                             ('dns.txt("not a name")', ""), ('dns.txt("TXT.")', "one two")):
            with self.subTest(code):
                found = self.answers(f'local t = {code} table.sort(t) return true, table.concat(t, " ")', zone)
                self.assertEqual(found, [wanted])

    def test_a_dead_dns_is_told_to_the_rule(self):
        for name, how in (("servfail", servfail), ("silence", silence)):
            with self.subTest(name):
                zone = Zone()
                zone.odd["broken.example"] = how
                self.assertEqual(self.answers('local t, why = dns.txt("broken.example") return t == nil, why', zone, timeout="1s",
                                              budget="2s"), ["temperror"])


class Served(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink().start()
        self.addCleanup(self.sink.stop)

    def gateway(self, rules, **settings):
        return self.postern({"backend": {"address": [self.sink.address]}, "log": {"format": "json"},
                             "listen": [{"proxy_protocol": ["127.0.0.1/32"]}], **settings}, rules=rules)

    def deliver(self, gateway, content=None, sender=ANN, recipients=None, source="192.0.2.1", **options):
        with Client(gateway.port, source=source, **options) as client:
            return client.deliver(sender, recipients or BOB, content or message())

    # Stage -> (when the rule hits, its reply). The greeting and HELO are no place for 550 and 4xx alone: see below.
    STAGES = {"connect": ('mail.client.ip == "192.0.2.66"', "554 5.7.1 not from there"),
              "helo": ('mail.helo == "bad.example"', "550 5.7.1 choose another name"),
              "mail": ('mail.from == "bad@sender.example"', "550 5.7.1 not from him"),
              "rcpt": ('mail.rcpts[#mail.rcpts] == "trap@example.org"', "550 5.1.1 nobody writes to this address"),
              "message": ('mail.subject == "bad"', "550 5.7.1 not with this subject")}

    def first_refusal(self, gateway, stage):
        """Goes through a delivery in which `stage` is bad; (stage that did not like it, reply)."""
        def bad(which, value, otherwise):
            return value if stage == which else otherwise
        client = Client(gateway.port, source=bad("connect", "192.0.2.66", "192.0.2.1"), helo=None)
        try:
            if client.greeting.code != 220:
                return "connect", client.greeting
            for name, line in (("helo", "EHLO " + bad("helo", "bad.example", "good.example")),
                               ("mail", f"MAIL FROM:<{bad('mail', 'bad@sender.example', ANN)}>"), ("rcpt", "RCPT TO:<bob@example.org>"),
                               ("rcpt", f"RCPT TO:<{bad('rcpt', 'trap@example.org', 'eve@example.org')}>"), ("data", "DATA")):
                reply = client.command(line)
                if reply.code >= 400:
                    return name, reply
            client.send(message(subject=bad("message", "bad", "good")) + b".\r\n")
            reply = client.reply()
            return ("message" if reply.code >= 400 else None), reply
        finally:
            client.close()

    def test_a_rule_refuses_at_each_stage_in_its_own_words(self):
        rules = "".join(rule(f"AT_{stage.upper()}", f'stage = "{stage}"', 'action = "reject"', f'reply = "{reply}"',
                             when(f"return {condition}")) for stage, (condition, reply) in self.STAGES.items())
        gateway = self.gateway({"10-actions.lua": rules})
        for stage, (_, reply) in self.STAGES.items():
            with self.subTest(stage):
                where, said = self.first_refusal(gateway, stage)
                self.assertEqual(where, stage)
                self.assertEqual(f"{said.code} {said.text}"[:len(reply)], reply)
                self.assertEqual(gateway.metric("postern_rule_hits_total", rule=f"AT_{stage.upper()}"), 1)
        self.assertEqual(self.sink.messages, [])
        self.assertEqual(self.first_refusal(gateway, "none")[0], None)

    def test_a_rule_defers_at_each_stage(self):
        rules = "".join(rule(f"AT_{stage.upper()}", f'stage = "{stage}"', 'action = "defer"', 'reply = "451 4.7.1 come back later"',
                             when(f"return {condition}")) for stage, (condition, _) in self.STAGES.items())
        gateway = self.gateway({"10-actions.lua": rules})
        for stage in self.STAGES:
            with self.subTest(stage):
                where, said = self.first_refusal(gateway, stage)
                # RFC 5321, 4.3.2: the only temporary greeting is 421.
                self.assertEqual((where, said.code), (stage, 421 if stage == "connect" else 451))
                self.assertIn("come back later", said.text)

    def test_without_a_reply_the_words_are_ours(self):
        gateway = self.gateway({"10-actions.lua": rule("UNWANTED", 'stage = "mail"', 'action = "reject"', when("return true"))})
        reply = self.deliver(gateway)
        self.assertEqual((reply.code, reply.text[:5]), (550, "5.7.1"))
        self.assertIn("UNWANTED", reply.text)

    def test_a_recipient_refused_by_a_rule_does_not_hurt_the_others(self):
        condition, reply = self.STAGES["rcpt"]
        gateway = self.gateway({"10-trap.lua": rule("TRAP", 'stage = "rcpt"', 'action = "reject"', f'reply = "{reply}"',
                                                    when(f"return {condition}"))})
        with Client(gateway.port, source="192.0.2.1") as client:
            client.command(f"MAIL FROM:<{ANN}>")
            codes = [client.command(f"RCPT TO:<{name}@example.org>").code for name in ("bob", "trap", "eve")]
            client.command("DATA")
            client.send(message() + b".\r\n")
            self.assertEqual((codes, client.reply().code), ([250, 550, 250], 250))
        self.assertEqual(self.sink.messages[0].recipients, ["bob@example.org", "eve@example.org"])

    def test_accept_quarantine_and_discard(self):
        rules = "".join(rule(action.upper(), f'stage = "{stage}"', f'action = "{action}"', when(f"return {condition}"))
                        for action, stage, condition in (("accept", "helo", 'mail.helo == "friend.example"'),
                                                         ("quarantine", "mail", 'mail.from == "odd@sender.example"'),
                                                         ("discard", "message", 'mail.subject == "noise"')))
        gateway = self.gateway({"10-actions.lua": rules, "20-weight.lua": WEIGHT_RULE})
        self.assertEqual(self.deliver(gateway, message(X_Weight="20")).code, 550)
        self.assertEqual(self.deliver(gateway, message(X_Weight="20"), helo="friend.example").code, 250)
        self.assertEqual(len(self.sink.messages), 1)
        self.assertEqual(self.deliver(gateway, sender="odd@sender.example").code, 250)
        self.assertEqual(len(list((gateway.folder / "quarantine" / "new").iterdir())), 1)
        self.assertEqual(self.deliver(gateway, message(subject="noise")).code, 250)
        self.assertEqual(len(self.sink.messages), 1)
        for verdict in ("accept", "quarantine", "discard", "reject"):
            self.assertEqual(gateway.metric("postern_messages_total", verdict=verdict), 1, verdict)

    def test_scores_of_all_stages_count_at_the_end(self):
        rules = "".join(rule(f"AT_{stage.upper()}", f'stage = "{stage}"', "score = 1.5", when("return true")) for stage in self.STAGES)
        gateway = self.gateway({"10-stages.lua": rules})
        with Client(gateway.port, source="192.0.2.1") as client:
            for number in range(3):  # on one connection: what its beginning says counts for each message, once
                self.assertEqual(client.deliver(ANN, ["bob@example.org", "eve@example.org"], message(subject=f"number {number}")).code, 250)
                self.assertEqual(field(self.sink.messages[-1].content, "X-Spam-Score"), "7.5")
                self.assertEqual(field(self.sink.messages[-1].content, "X-Spam-Flag"), "YES")

    def test_a_shadow_rule_is_counted_and_changes_nothing(self):
        rules = (rule("IN_SHADOW", "score = 20.0", 'mode = "shadow"', 'body = "this is a test"') +
                 rule("ACTS_IN_SHADOW", 'action = "discard"', 'mode = "shadow"', 'stage = "mail"', when("return true")) +
                 rule("LIGHT", "score = 1.0", when("return true")) + rule("FAINT", "score = 0.1", 'mode = "shadow"', when("return true")))
        gateway = self.gateway({"10-shadow.lua": rules})
        self.assertEqual(self.deliver(gateway).code, 250)
        content = self.sink.messages[0].content
        self.assertEqual(field(content, "X-Spam-Score"), "1.0")
        self.assertNotIn("SHADOW", field(content, "X-Spam-Status"))
        for name, to in (("IN_SHADOW", "reject"), ("ACTS_IN_SHADOW", "discard")):
            self.assertEqual(gateway.metric("postern_rule_hits_total", rule=name), 1)
            self.assertEqual(gateway.metric("postern_rule_would_change_total", **{"rule": name, "from": "accept", "to": to}), 1)
        self.assertEqual(gateway.metric("postern_rule_would_change_total", rule="FAINT"), 0)
        line, = [l for l in gateway.log().splitlines() if '"would_change"' in l]
        self.assertIn("IN_SHADOW", line)

    def version_everywhere(self, gateway, subject):
        self.assertEqual(self.deliver(gateway, message(subject=subject)).code, 250)
        status = STATUS.match(field(self.sink.messages[-1].content, "X-Spam-Status"))
        self.assertTrue(status, field(self.sink.messages[-1].content, "X-Spam-Status"))
        version = status[5]
        records = [json.loads(l) for l in gateway.log().splitlines() if l.startswith("{")]
        self.assertEqual([r["rules_version"] for r in records if r.get("verdict")][-1], version)
        self.assertEqual(gateway.metric("postern_rules_info", version=version), 1)
        self.assertEqual(gateway.metric("postern_rules_info"), 1)
        self.assertIn(version, gateway.run("check").stdout.decode())
        return version

    def test_the_version_of_the_rules_is_told_everywhere(self):
        gateway = self.gateway({"10-a.lua": rule("ALWAYS", "score = 1.0", when("return true, 'for ever'"))})
        first = self.version_everywhere(gateway, "one")
        gateway.write_rules({"10-a.lua": rule("ALWAYS", "score = 2.0", when("return true, 'for ever'"))})
        self.assertEqual(gateway.reload(), "ok")
        second = self.version_everywhere(gateway, "two")
        self.assertNotEqual(first, second)
        gateway.write_rules({"10-a.lua": rule("ALWAYS", "score = 1.0", when("return true, 'for ever'"))})
        self.assertEqual(gateway.reload(), "ok")
        self.assertEqual(self.version_everywhere(gateway, "three"), first)

    def test_a_map_is_read_again_when_it_changes(self):
        gateway = self.gateway({"friends.map": "nobody@sender.example\n", "10-map.lua": rule("FRIEND", when(
            'return map("friends.map"):has(mail.from)'))})
        numbers = iter(range(100_000))

        def hits():
            self.assertEqual(self.deliver(gateway, message(subject=f"number {next(numbers)}")).code, 250)
            return "FRIEND" in field(self.sink.messages[-1].content, "X-Spam-Status")

        self.assertFalse(hits())
        gateway.write_rules({"friends.map": "nobody@sender.example\nann@sender.example\n"})
        wait_until("the new entry", hits)
        gateway.write_rules({"friends.map": "192.0.2.0/99\n"})
        wait_until("a word about the mistake", lambda: "friends.map:1" in gateway.log())
        self.assertTrue(hits(), "a broken map must leave the old one in force")
        gateway.write_rules({"friends.map": "someone@else.example\n"})
        wait_until("the entry's end", lambda: not hits())
        self.assertEqual(gateway.metric("postern_reloads_total", result="refused"), 0)


if __name__ == "__main__":
    main()
