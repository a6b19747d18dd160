#!/usr/bin/env python3
"""What the sending server gives away before it sends anything: talking too early, and the name that it says in HELO, held against
the DNS. With the rules that we ship."""
import ipaddress

from client import Client, field, message
from dns_lists import ANN, BOB, Lists, hits
from dns_server import servfail, silence
from harness import HOSTNAME, ROOT, main

SHIPPED = ("10-authentication.lua", "15-client.lua")
CLIENT, CLIENT6 = "198.51.100.7", "2001:db8::7"

# HELO -> the rules about it that hit, for CLIENT.
NAMES = {
    "mail.sender.example": set(),
    "MAIL.Sender.Example.": set(),
    HOSTNAME: {"HELO_OWN_NAME"},
    HOSTNAME.upper(): {"HELO_OWN_NAME"},
    f"[{CLIENT}]": {"HELO_LITERAL"},
    CLIENT: {"HELO_BARE_ADDRESS"},
    "[192.0.2.1]": {"HELO_LITERAL_MISMATCH"},
    "[192.168.1.4]": {"HELO_LITERAL_MISMATCH"},
    "[IPv6:2001:db8::7]": {"HELO_LITERAL_MISMATCH"},
    "ylmf-pc": {"HELO_UNQUALIFIED"},
    "exchange.office.example": {"HELO_UNRESOLVABLE"},
    "other.sender.example": {"HELO_MISMATCH"},
    "both.sender.example": set(),
    "broken.sender.example": set(),
    "silent.sender.example": set(),
}
NAMES6 = {
    "six.sender.example": set(),
    "both.sender.example": set(),
    "mail.sender.example": {"HELO_MISMATCH"},
    "[IPv6:2001:DB8:0::7]": {"HELO_LITERAL"},
    "[IPv6:2001:db8::8]": {"HELO_LITERAL_MISMATCH"},
}


def of_client(found):
    return {name for name in found if name.startswith(("HELO_", "EARLY_", "CLIENT_"))}


class Facts(Lists):
    def setUp(self):
        super().setUp()
        self.zone.ptr(CLIENT, "mail.sender.example").a("mail.sender.example", CLIENT)
        self.zone.a("other.sender.example", "192.0.2.200")
        self.zone.a("both.sender.example", "192.0.2.200").a("both.sender.example", CLIENT)
        six = ipaddress.ip_address(CLIENT6).packed
        self.zone.ptr(CLIENT6, "six.sender.example").add("six.sender.example", "AAAA", six)
        self.zone.add("both.sender.example", "AAAA", six)
        self.zone.odd["broken.sender.example"] = servfail
        self.zone.odd["silent.sender.example"] = silence
        self.shipped = {name: (ROOT / "rules" / name).read_text() for name in SHIPPED}

    def test_names_in_helo(self):
        gateway = self.gateway(self.shipped, dns={"timeout": "1s", "budget": "3s"})
        for source, cases in ((CLIENT, NAMES), (CLIENT6, NAMES6)):
            for helo, wanted in cases.items():
                with self.subTest(f"{helo} of {source}"):
                    self.assertEqual(of_client(self.hits_of(gateway, source=source, helo=helo)), wanted)

    def test_inner_machines_may_say_what_they_like(self):
        gateway = self.gateway(self.shipped)
        for helo in ("scanner", "[10.0.0.9]", "10.0.0.9", "printer.office.example", HOSTNAME):
            with self.subTest(helo):
                self.assertEqual(of_client(self.hits_of(gateway, source="10.0.0.9", helo=helo)), set())

    def test_a_client_that_nothing_knows(self):
        found = self.hits_of(self.gateway(self.shipped), source="192.0.2.99", helo="exchange.office.example")
        self.assertEqual(of_client(found), {"HELO_UNRESOLVABLE", "CLIENT_UNKNOWN"})

    def test_the_last_helo_counts(self):
        with Client(self.gateway(self.shipped).port, source=CLIENT, helo="ylmf-pc") as client:
            self.assertEqual(client.command("EHLO mail.sender.example").code, 250)
            self.assertEqual(client.deliver(ANN, BOB, message()).code, 250)
            self.assertEqual(client.command("EHLO ylmf-pc").code, 250)
            self.assertEqual(client.deliver(ANN, BOB, message(Message_ID="<2@sender.example>")).code, 250)
        self.assertEqual([of_client(hits(mail.content)) for mail in self.sink.messages], [set(), {"HELO_UNQUALIFIED"}])

    def test_what_rules_see(self):
        rules = {"10-test.lua": '''
rule "SEES" { about = "a rule of this test", stage = "helo", score = 0.1,
  when = function(mail)
    local is, said = mail.helo_is, {}
    for _, name in ipairs { "literal", "own", "qualified", "resolves", "matches" } do
      said[#said + 1] = name .. ":" .. tostring(is[name])
    end
    return true, table.concat(said, "/")
  end }
'''}
        gateway = self.gateway(rules, dns={"timeout": "1s"})
        for helo, said in (("mail.sender.example", "literal:false/own:false/qualified:true/resolves:true/matches:true"),
                           ("other.sender.example", "literal:false/own:false/qualified:true/resolves:true/matches:false"),
                           ("exchange.office.example", "literal:false/own:false/qualified:true/resolves:false/matches:false"),
                           ("silent.sender.example", "literal:false/own:false/qualified:true/resolves:nil/matches:nil"),
                           (f"[{CLIENT}]", "literal:true/own:false/qualified:false/resolves:nil/matches:true")):
            with self.subTest(helo):
                self.hits_of(gateway, source=CLIENT, helo=helo)
                self.assertIn(f"SEES=0.1({said})", field(self.sink.messages[-1].content, "X-Spam-Status"))

    # ---------------------------------------------------------------- early talkers

    def talk(self, gateway, early):
        """A client that says EHLO with its first octets, or waits as it should."""
        before = len(self.sink.messages)
        client = Client(gateway.port, source=CLIENT, greet=False)
        self.addCleanup(client.close)
        if early:
            client.send("EHLO mail.sender.example\r\n")
        self.assertEqual(client.reply().code, 220)
        self.assertEqual((client.reply() if early else client.command("EHLO mail.sender.example")).code, 250)
        self.assertEqual(client.deliver(ANN, BOB, message()).code, 250, "it is a fact, and no reason to refuse by itself")
        client.command("QUIT")
        self.assertEqual(len(self.sink.messages), before + 1)
        return of_client(hits(self.sink.messages[-1].content))

    def test_an_early_talker(self):
        gateway = self.gateway(self.shipped, smtp={"greet_delay": "1s"})
        self.assertEqual(self.talk(gateway, early=True), {"EARLY_TALKER"})
        self.assertEqual(self.talk(gateway, early=False), set())

    def test_an_early_talker_is_refused_where_a_rule_says_so(self):
        rule = ('rule "EARLY" { about = "a rule of this test", stage = "connect", action = "reject",\n'
                '  when = function(mail) return mail.client.early end }\n')
        gateway = self.gateway({"10-test.lua": rule}, smtp={"greet_delay": "1s"})
        client = Client(gateway.port, source=CLIENT, greet=False)
        self.addCleanup(client.close)
        client.send("EHLO mail.sender.example\r\n")
        reply = client.reply()
        self.assertEqual((reply.code, reply.text.partition(" [id ")[0]), (554, "5.7.1 refused (EARLY)"))
        self.assertEqual(self.talk(gateway, early=False), set())


if __name__ == "__main__":
    main()
