#!/usr/bin/env python3
"""Who waits for the DNS, and for how long: a message for [dns] budget at most, whatever is silent; a greeting for what its rules read
and nothing else; and what the admin hears at start of a resolver that is none."""
import re
import threading
import time

from client import Client, message
from dns_lists import Entry, Lists, declare, publish
from dns_server import DnsServer, NXDOMAIN, Question, addresses, nobody, silence
from harness import main, wait_until

BAD, GOOD = "198.51.100.10", "198.51.100.7"
STAGES = ("client", "helo", "from", "url")
ZONES = {subject: f"{subject}.lists.example" for subject in STAGES}
BLOCKS = {"127.0.0.2": Entry("HIT", action="reject")}
BUDGET = 3
# One look-up after the other, each stage with a budget of its own, would take much longer.
GENEROUS = 2 * BUDGET
READS = '''
rule "NAMED" { about = "a rule of this test", stage = "connect", action = "reject",
  when = function(mail) return mail.client.name == "bad.example" end }
rule "FORBIDDEN" { about = "a rule of this test", stage = "mail", action = "reject",
  when = function(mail) return mail.spf.result == "fail" end }
rule "ASKS" { about = "a rule of this test", stage = "rcpt", action = "reject",
  when = function(mail) local found = dns.txt("policy.example"); return found and #found > 0 end }
rule "SIGNED" { about = "a rule of this test", score = 1.0,
  when = function(mail) return #mail.dkim > 0 and mail.dkim[1].result == "pass" end }
'''
SIGNED = (b"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=sender.example; s=s; h=From:To; bh=AAAA; b=AAAA\r\n" +
          message(body="http://www.link.example/\r\n"))


class Waits(Lists):
    def blocking(self):
        for subject, zone in ZONES.items():
            publish(self.zone, zone, {BAD: "127.0.0.2"} if subject == "client" else {}, subject)
        return "".join(declare(subject.upper(), zone, BLOCKS, of=subject) for subject, zone in ZONES.items())

    def all_up(self, gateway):
        for subject in STAGES:
            wait_until(f"{subject}'s probe", lambda: gateway.metric("postern_list_up", list=subject.upper()) == 1)

    def timed(self, gateway):
        begin = time.monotonic()
        reply, found = self.deliver(gateway, source=GOOD, content=SIGNED)
        took = time.monotonic() - begin
        self.assertEqual((reply.code, found), (250, {}), "nobody is refused because the DNS is silent")
        return took

    # ---------------------------------------------------------------- a message

    def test_silent_lists_of_several_stages_share_one_budget(self):
        gateway = self.gateway(self.blocking(), dns={"timeout": "2s", "budget": f"{BUDGET}s"})
        self.all_up(gateway)
        self.assertLess(self.timed(gateway), GENEROUS)
        for zone in ZONES.values():
            self.zone.below[zone] = silence
        # Others than before: nothing is known of them.
        begin = time.monotonic()
        reply, found = self.deliver(gateway, source="198.51.100.8", helo="mail.other.example", sender="ann@other.example",
                                    content=message(body="http://www.other-link.example/\r\n"))
        took = time.monotonic() - begin
        self.assertEqual((reply.code, found), (250, {}))
        print(f"\nfour silent lists: {took:.1f} s")
        self.assertLess(took, GENEROUS)

    def test_a_resolver_that_is_dead(self):
        """From the start, and in the middle of a run."""
        for when in ("start", "later"):
            with self.subTest(when):
                dead = threading.Event()
                server = DnsServer(self, lambda packet, udp: None if dead.is_set() else self.zone(packet, udp))
                if when == "start":
                    dead.set()
                gateway = self.gateway(self.blocking() + READS, servers=[server.server], name=when,
                                       dns={"timeout": "2s", "budget": f"{BUDGET}s"})
                if when == "later":
                    self.all_up(gateway)
                    dead.set()
                took = self.timed(gateway)
                print(f"\na resolver dead at {when}: {took:.1f} s")
                self.assertLess(took, GENEROUS)
                dead.clear()
                self.all_up(gateway)
                reply, _ = self.deliver(gateway, source=BAD)
                self.assertEqual(reply.code, 554, "when it is back, lists block again")

    # ---------------------------------------------------------------- a greeting

    def test_a_greeting_does_not_wait_for_the_name_of_the_client(self):
        """A list of addresses blocks; the name of the client is for later, and its zone does not answer."""
        held = threading.Event()
        self.addCleanup(held.set)
        for zone in ("in-addr.arpa", "ip6.arpa"):
            self.zone.below[zone] = lambda question: held.wait() and nobody(question)
        named = 'rule "NAMELESS" { about = "a rule of this test", score = 0.5, when = function(mail) return mail.client.name == "" end }\n'
        gateway = self.gateway(self.blocking() + named, dns={"timeout": "1m", "budget": "2m"})
        self.all_up(gateway)
        for source, code in ((BAD, 554), (GOOD, 220), ("2001:db8::7", 220)):
            with self.subTest(source):
                client = Client(gateway.port, source=source, greet=False)
                self.addCleanup(client.close)
                client.socket.settimeout(30)
                self.assertEqual(client.reply().code, code)
                if code == 220:  # MAIL waits: XCLIENT tells the backend the name
                    self.assertEqual(client.command("EHLO client.sender.example").code, 250)
        wait_until("the questions for names", lambda: len(set(self.dns.asked("PTR"))) == 3)

    def test_a_greeting_waits_for_the_name_where_a_rule_reads_it(self):
        self.zone.delay = 0.1
        self.zone.ptr(BAD, "bad.example").a("bad.example", BAD)
        gateway = self.gateway(READS)
        self.assertEqual(self.deliver(gateway, source=BAD)[0].code, 554)
        self.assertEqual(self.hits_of(gateway, source=GOOD), {})

    # ---------------------------------------------------------------- the resolver at start

    def test_what_is_said_at_start_of_a_resolver(self):
        def rewriting(packet, udp):
            """Sends everybody who errs to its search page."""
            answer = self.zone(packet, udp)
            return addresses("192.0.2.80")(Question(packet)) if answer and answer[3] & 15 == NXDOMAIN else answer

        rules = self.blocking()
        said = {}
        for kind, answer in (("rewriting", rewriting), ("silent", lambda packet, udp: None), ("good", self.zone)):
            server = DnsServer(self, answer)
            gateway = self.gateway(rules, servers=[server.server], name=kind, dns={"timeout": "1s", "budget": "2s"})

            def warned():
                return [line for line in gateway.log().splitlines() if " warning note " in line and " is suspended" not in line]
            if kind == "good":
                self.all_up(gateway)
            else:
                wait_until(f"a word about the {kind} resolver", warned)
            self.assertEqual(self.deliver(gateway, source=GOOD)[0].code, 250, "mail flows all the same")
            said[kind] = warned()
        self.assertIn("192.0.2.80", "\n".join(said["rewriting"]))
        self.assertRegex("\n".join(said["silent"]), re.compile("resolver|answer", re.I))
        self.assertEqual(said["good"], [])


if __name__ == "__main__":
    main()
