#!/usr/bin/env python3
"""Rules that ask the DNS: their own message waits, nobody else does. One worker, so that any blocking would show."""
import select
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from client import Client, field, message, stuffed
from dns_server import DnsServer, NXDOMAIN, Zone, servfail, wire_name, wire_txt
from harness import Case, main, wait_until
from sink import Sink

ANN, BOB = "ann@sender.example", ["bob@example.org"]
QUICK = 50
SLOW_MS = 500


def rule(name, *fields):
    return "\n".join([f'rule "{name}" {{', '  about = "a rule of this test",', *(f"  {f}," for f in fields), "}"]) + "\n"


def asks(stage, condition, name="held.example"):
    """A rule of `stage` that asks the DNS for `name` (Lua: after `condition`), and an innocent one on each side of it."""
    return (rule("BEFORE", f'stage = "{stage}"', "score = 0.1", "when = function(mail) return true end") +
            rule("ASKS", f'stage = "{stage}"', "score = 1.0", f"""when = function(mail)
    if not ({condition}) then return false end
    local answers, failure = dns.txt("{name}")
    if not answers then return true, failure end
    return #answers > 0, answers[1]
  end""") + rule("AFTER", f'stage = "{stage}"', "score = 0.1", "when = function(mail) return true end"))


class Held:
    """A name whose answer comes when the test says so; none comes at the test's end."""

    def __init__(self, case, zone, name="held.example", text="listed"):
        self.asked, self.released, self.over, self.text = threading.Event(), threading.Event(), False, text
        zone.odd[name] = self.answer
        case.addCleanup(self.end)

    def end(self):
        self.over = not self.released.is_set()
        self.released.set()

    def answer(self, question):
        self.asked.set()
        self.released.wait()
        if self.over:
            return None
        return question.answer([(wire_name(question.name), 16, wire_txt(self.text))] if question.type == "TXT" else [])


def says_something(client):
    return bool(client.buffer) or bool(select.select([client.socket], [], [], 0)[0])


class Waiting(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink(record=False).start()
        self.addCleanup(self.sink.stop)
        self.zone = Zone()
        self.held = Held(self, self.zone)
        self.dns = DnsServer(self, self.zone)

    def gateway(self, rules, **dns):
        return self.postern({"backend": {"address": [self.sink.address]}, "listen": [{"proxy_protocol": ["127.0.0.1/32"]}],
                             "dns": {"servers": [self.dns.server], "timeout": "30s", "budget": "30s", **dns}, "workers": 1},
                            rules={"10-asks.lua": rules})

    def quick(self, gateway, subject="quick", count=1):
        """Delivers on a connection of its own; the seconds each message took."""
        times = []
        with Client(gateway.port, source="192.0.2.1", helo="quick.example") as client:
            for number in range(count):
                begin = time.monotonic()
                reply = client.deliver("quick@sender.example", BOB, message(subject=f"{subject} {number}"))
                times.append(time.monotonic() - begin)
                self.assertEqual(reply.code, 250)
        return times

    def status(self, sender):
        found, = [m.content for m in self.sink.messages if m.sender == sender]
        return field(found, "X-Spam-Status")

    def sends(self, gateway, subject="slow", sender=ANN):
        """A client past its final dot, whose rule waits."""
        client = Client(gateway.port, source="192.0.2.2", helo="slow.example")
        self.addCleanup(client.close)
        self.assertEqual(client.envelope(sender, BOB).code, 354)
        client.send(stuffed(message(subject=subject)))
        return client

    def test_fifty_messages_are_answered_while_one_waits(self):
        gateway = self.gateway(asks("message", 'mail.subject == "slow"'))
        slow = self.sends(gateway)
        self.assertTrue(self.held.asked.wait(60))
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda n: self.quick(gateway, f"client {n}", QUICK // 5), range(5)))
        self.assertFalse(self.held.released.is_set())
        self.assertFalse(says_something(slow), "its rule has no answer yet")
        self.assertEqual(len(self.sink.messages), QUICK)
        for mail in self.sink.messages:
            self.assertRegex(field(mail.content, "X-Spam-Status"), r"tests=\[BEFORE=0.1, AFTER=0.1\]")
        self.held.released.set()
        self.assertEqual(slow.reply().code, 250)
        self.assertRegex(self.status(ANN), r"score=1\.2 .*tests=\[BEFORE=0.1, ASKS=1.0\(listed\), AFTER=0.1\]")

    def test_a_rule_may_wait_at_every_stage(self):
        conditions = {"connect": 'mail.client.ip == "192.0.2.2"', "helo": 'mail.helo == "slow.example"',
                      "mail": f'mail.from == "{ANN}"', "rcpt": 'mail.rcpts[#mail.rcpts] == "slow@example.org"',
                      "message": 'mail.subject == "slow"'}
        steps = {"connect": None, "helo": "EHLO slow.example\r\n", "mail": f"MAIL FROM:<{ANN}>\r\n", "rcpt": "RCPT TO:<slow@example.org>\r\n",
                 "data": "DATA\r\n", "message": stuffed(message(subject="slow"))}
        rules = "".join(asks(stage, condition, f"{stage}.held.example").replace('rule "', f'rule "{stage.upper()}_')
                        for stage, condition in conditions.items())
        held = {stage: Held(self, self.zone, f"{stage}.held.example", f"at {stage}") for stage in conditions}
        gateway = self.gateway(rules)
        client = Client(gateway.port, source="192.0.2.2", greet=False)
        self.addCleanup(client.close)
        for stage, line in steps.items():
            if line:
                client.send(line)
            if stage in held:
                self.assertTrue(held[stage].asked.wait(60), stage)
                self.quick(gateway, f"while one waits at {stage}")
                self.assertFalse(says_something(client), stage)
                held[stage].released.set()
            self.assertLess(client.reply().code, 400, stage)
        for stage in conditions:
            self.assertIn(f"{stage.upper()}_ASKS=1.0(at {stage})", self.status(ANN))

    def test_an_action_that_waited_decides(self):
        rules = asks("connect", 'mail.client.ip == "192.0.2.2"').replace(
            'stage = "connect",\n  score = 1.0', 'stage = "connect",\n  action = "reject",\n  reply = "554 5.7.1 you are on a list"')
        gateway = self.gateway(rules)
        client = Client(gateway.port, source="192.0.2.2", greet=False)
        self.addCleanup(client.close)
        self.assertTrue(self.held.asked.wait(60))
        self.quick(gateway)
        self.held.released.set()
        reply = client.reply()
        self.assertEqual((reply.code, reply.text[:28]), (554, "5.7.1 you are on a list"))

    def test_what_rules_see_of_each_other_does_not_depend_on_who_waits(self):
        """A rule behind one that waits asks for its hit, its sum and what both say together."""
        rules = asks("message", 'mail.subject == "slow"') + "".join([
            rule("SEES_HIT", "score = 0.1", 'when = function(mail) return mail:hit("ASKS") end'),
            rule("SEES_SCORE", "score = 0.1", 'when = function(mail) return mail.score >= 1.2, "" .. mail.score end'),
            rule("SEES_BOTH", "score = 0.1", 'expression = "ASKS and SEES_HIT"')])
        gateway = self.gateway(rules)
        slow = self.sends(gateway)
        self.assertTrue(self.held.asked.wait(60))
        self.quick(gateway)
        self.held.released.set()
        self.assertEqual(slow.reply().code, 250)
        for name in ("SEES_HIT", "SEES_SCORE", "SEES_BOTH"):
            self.assertIn(f"{name}=0.1", self.status(ANN))
            self.assertNotIn(name, self.status("quick@sender.example"))

    def leave(self, clients):
        for number, client in enumerate(clients):
            client.reset() if number % 2 else client.close()

    def all_gone(self, gateway):
        wait_until("the end of all connections", lambda: gateway.metric("postern_connections_open") == 0)
        wait_until("the end of all messages", lambda: gateway.metric("postern_memory_bytes", kind="messages") == 0)

    def test_clients_that_leave_before_their_message_are_not_waited_for(self):
        """Their rules are cancelled at once: nobody needs the answer."""
        gateway = self.gateway(asks("connect", 'mail.client.ip == "192.0.2.2"').replace('rule "', 'rule "CONNECT_') +
                               asks("helo", 'mail.helo == "slow.example"'))
        clients = [Client(gateway.port, source="192.0.2.2", greet=False) for _ in range(20)]
        for _ in range(20):
            clients.append(Client(gateway.port, source="192.0.2.1", helo=None))
            clients[-1].send("EHLO slow.example\r\n")
        self.assertTrue(self.held.asked.wait(60))
        self.quick(gateway, "while forty wait")
        self.leave(clients)
        self.all_gone(gateway)
        self.assertFalse(self.held.released.is_set())
        self.quick(gateway, "after they have left", 5)
        self.held.released.set()
        self.quick(gateway, "after the answer", 5)
        self.assertEqual(gateway.metric("postern_rule_errors_total"), 0)

    def test_clients_that_leave_after_their_message_leave_nothing_behind(self):
        """Whoever is past the final dot may have his message delivered, as he would be told when he tries again; once."""
        gateway = self.gateway(asks("message", 'mail.subject == "slow"'))
        clients = [self.sends(gateway, sender=f"slow{number}@sender.example") for number in range(40)]
        self.assertTrue(self.held.asked.wait(60))
        self.leave(clients)
        self.quick(gateway, "after they have left", 5)
        self.held.released.set()
        self.all_gone(gateway)
        self.quick(gateway, "after the answer", 5)
        senders = [m.sender for m in self.sink.messages if m.sender.startswith("slow")]
        self.assertEqual(len(senders), len(set(senders)))
        self.assertEqual(gateway.metric("postern_rule_errors_total"), 0)

    def test_shutdown_does_not_wait_for_a_rule_for_ever(self):
        gateway = self.gateway(asks("message", 'mail.subject == "slow"'))
        gateway.settings["limits"]["drain"] = "1s"
        gateway.write_config()
        self.assertEqual(gateway.reload(), "ok")
        slow = self.sends(gateway)
        self.assertTrue(self.held.asked.wait(60))
        gateway.process.child.terminate()
        self.assertEqual(gateway.process.wait(), 0)
        self.assertNotIn(250, [r.code for r in slow.replies_until_closed()])

    def test_a_reload_while_a_rule_waits_lets_it_end(self):
        gateway = self.gateway(asks("message", 'mail.subject == "slow"'))
        slow = self.sends(gateway)
        self.assertTrue(self.held.asked.wait(60))
        gateway.write_rules({"10-asks.lua": rule("OTHER", "score = 2.0", "when = function(mail) return true end")})
        self.assertEqual(gateway.reload(), "ok")
        self.quick(gateway)
        self.assertIn("OTHER=2.0", self.status("quick@sender.example"))
        self.held.released.set()
        self.assertEqual(slow.reply().code, 250)
        self.assertIn("ASKS=1.0(listed)", self.status(ANN))

    def test_a_dead_dns_is_an_answer_too(self):
        self.zone.odd["held.example"] = servfail
        gateway = self.gateway(asks("message", 'mail.subject == "slow"'))
        self.assertEqual(self.sends(gateway).reply().code, 250)
        self.assertIn("ASKS=1.0(temperror)", self.status(ANN))

    def test_a_silent_dns_ends_with_the_budget(self):
        """A rule that asks for one name after another, none of which is ever answered."""
        for number in range(1000):
            self.zone.odd[f"n{number}.example"] = lambda question: None
        rules = rule("ASKS", "score = 1.0", """when = function(mail)
    local failed = 0
    for number = 0, 999 do
      if not dns.txt("n" .. number .. ".example") then failed = failed + 1 end
    end
    return true, failed
  end""") + rule("INNOCENT", "score = 0.1", "when = function(mail) return true end")
        gateway = self.gateway(rules, timeout="1s", budget="2s")
        self.assertEqual(self.sends(gateway).reply().code, 250)
        self.assertIn("ASKS=1.0(1000)", self.status(ANN))
        self.assertIn("INNOCENT=0.1", self.status(ANN))

    def test_latencies(self):
        """Prints what fifty messages take with and without slow ones beside them; asserts that the slow ones were judged."""
        def after_a_while(question):
            threading.Event().wait(SLOW_MS / 1000)  # what is measured, not what is waited for
            found = [(wire_name(question.name), 16, wire_txt("listed"))] if question.type == "TXT" else []
            return question.answer(found, rcode=0 if found else NXDOMAIN)

        for number in range(23):
            self.zone.odd[f"slow{number}.example"] = after_a_while
        rules = asks("message", 'mail.subject:match("^slow")').replace('"held.example"', 'mail.subject .. ".example"')
        gateway = self.gateway(rules)
        self.quick(gateway, "to warm up", 5)

        def slow(number):
            begin = time.monotonic()
            reply = self.sends(gateway, f"slow{number}", f"slow{number}@sender.example").reply()
            return reply.code, time.monotonic() - begin

        for number in range(20, 23):  # the resolver learns that this server is slow, and asks it no more than once
            slow(number)
        without, beside = self.quick(gateway, "alone", QUICK), []
        with ThreadPoolExecutor(20) as pool:
            waiting = [pool.submit(slow, number) for number in range(20)]
            asked = {f"slow{number}.example" for number in range(20)}
            wait_until("twenty questions", lambda: asked <= set(self.dns.asked("TXT")))
            while not any(w.done() for w in waiting):
                beside += self.quick(gateway, f"beside {len(beside)}", 5)
            outcomes = [w.result() for w in waiting]
        self.assertEqual({code for code, _ in outcomes}, {250})
        for number in range(20):
            self.assertIn("ASKS=1.0(listed)", self.status(f"slow{number}@sender.example"))

        def figures(times):
            ordered = sorted(times)
            return (f"median {statistics.median(ordered) * 1000:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1000:.1f} ms "
                    f"of {len(ordered)}")
        print(f"slow messages: {figures([t for _, t in outcomes])}\nquick, alone: {figures(without)}\n"
              f"quick, beside 20 slow ones: {figures(beside)}")


if __name__ == "__main__":
    main()
