#!/usr/bin/env python3
"""DNS lists served by NSD behind Unbound: what is asked about each part of a mail, what answers mean, how often a list is asked."""
import asyncio
import pathlib
import resource
import sys

import nsd
from client import message, stuffed
from dns_lists import ANN, BOB, Entry, Lists, backwards, declare, digest, hits, publish, records
from harness import free_port, listens, main, wait_until
from reference import Key, Missing, Reference
from resolver import Unbound

CROWD = 1_000
CLIENT = "192.0.2.9"


def zone_of(name):
    return f"{name.lower().replace('_', '-')}.lists.example"


def text_record(name, text):
    """A TXT record of any length as a zone file has it."""
    return f"{name}. TXT " + " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))


# List -> (what it is about, fields of its declaration, what is on it).
LISTS = {
    "V4": ("client", {}, {"192.0.2.1": "127.0.0.2", "2001:db8::bad": "127.0.0.2"}),
    "RDNS": ("rdns", {}, {"badname.example": "127.0.0.2"}),
    "HELO": ("helo", {}, {"badhelo.example": "127.0.0.2", "one.goodhelo.example": "127.0.0.2", "192.0.2.77": "127.0.0.2"}),
    "SENDER": ("from", {}, {"badsender.example": "127.0.0.2"}),
    "AUTHOR": ("author", {}, {"badauthor.example": "127.0.0.2"}),
    "REPLY": ("reply_to", {}, {"badreply.example": "127.0.0.2"}),
    "SIGNER": ("dkim", {}, {"badsigner.example": "127.0.0.2", "badforger.example": "127.0.0.2"}),
    "LINK": ("url", {}, {"badlink.example": "127.0.0.2", "xn--bcher-kva.example": "127.0.0.2", "spam.goodlink.example": "127.0.0.2",
                         "badlink.co.uk": "127.0.0.2", "192.0.2.66": "127.0.0.2", "2001:db8::66": "127.0.0.2"}),
    "EBL": ("hash", {}, {digest("bad@person.example"): "127.0.0.2", digest("badguy@gmail.com"): "127.0.0.2"}),
    "EBL_SHA256": ("hash", {"hash": "sha256"}, {digest("bad@person.example", "sha256", "base32"): "127.0.0.2"}),
    "EBL_BASE32": ("hash", {"encoding": "base32"}, {digest("bad@person.example", "sha1", "base32"): "127.0.0.2"}),
    "HOP": ("received", {}, {"198.51.100.66": "127.0.0.2", "2001:db8::77": "127.0.0.2"}),
}
NAMES = ['one.badname.example. A 192.0.2.30', '30.2.0.192.in-addr.arpa. PTR one.badname.example.',
         'two.badname.example. A 192.0.2.99', '31.2.0.192.in-addr.arpa. PTR two.badname.example.']
PERSON = {"EBL_HIT", "EBL_SHA256_HIT", "EBL_BASE32_HIT"}


def html(body):
    return message(body=body + "\r\n", MIME_Version="1.0", Content_Type="text/html; charset=utf-8", Content_Transfer_Encoding="8bit")


def links(*urls):
    return message(body="".join(f"see {url} soon\r\n" for url in urls), MIME_Version="1.0",
                   Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="8bit")


def hops(*addresses):
    fields = "".join(f"Received: from relay{n}.example (relay{n}.example [{'IPv6:' if ':' in a else ''}{a}])\r\n\tby mx{n}.example"
                     f" with ESMTP id {n}; Mon, 02 Mar 2026 10:00:00 +0000\r\n" for n, a in enumerate(addresses))
    return fields.encode() + message()


# What is sent -> the rules that must hit; none other.
MAILS = {
    "nothing is listed": ({}, set()),
    "the client": ({"source": "192.0.2.1"}, {"V4_HIT"}),
    "another client": ({"source": "192.0.2.2"}, set()),
    "the address backwards": ({"source": "1.2.0.192"}, set()),
    "an IPv6 client": ({"source": "2001:db8::bad"}, {"V4_HIT"}),
    "another IPv6 client": ({"source": "2001:db8::ba"}, set()),
    "its confirmed name": ({"source": "192.0.2.30"}, {"RDNS_HIT"}),
    "a name that does not lead back": ({"source": "192.0.2.31"}, set()),
    "a name below a listed domain in HELO": ({"helo": "Mail.BadHelo.example"}, {"HELO_HIT"}),
    "a listed name in HELO": ({"helo": "one.goodhelo.example"}, {"HELO_HIT"}),
    "its neighbour": ({"helo": "two.goodhelo.example"}, set()),
    "an address literal": ({"helo": "[192.0.2.77]"}, {"HELO_HIT"}),
    "the envelope sender": ({"sender": "x@sub.badsender.example"}, {"SENDER_HIT"}),
    "the null sender": ({"sender": ""}, set()),
    "the author": ({"content": message(From="Ann <ann@badauthor.example>")}, {"AUTHOR_HIT"}),
    "the second of two authors": ({"content": message(From="a@good.example, B <b@badauthor.example>")}, {"AUTHOR_HIT"}),
    "a domain in an author's name only": ({"content": message(From='"x@badauthor.example" <a@good.example>')}, set()),
    "Reply-To": ({"content": message(Reply_To="<r@mail.badreply.example>")}, {"REPLY_HIT"}),
    "a URL in text": ({"content": links("http://www.badlink.example/x?y=z")}, {"LINK_HIT"}),
    "a URL below a suffix of two labels": ({"content": links("https://a.b.badlink.co.uk/")}, {"LINK_HIT"}),
    "a URL in other letters": ({"content": links("HTTP://BADLINK.Example.:80/")}, {"LINK_HIT"}),
    "a U-label in text": ({"content": links("https://bücher.example/")}, {"LINK_HIT"}),
    "a host that is an address": ({"content": links("http://192.0.2.66/x")}, {"LINK_HIT"}),
    "an address in another notation": ({"content": links("http://0xc0000242/x")}, {"LINK_HIT"}),
    "a host that is an IPv6 address": ({"content": links("http://[2001:db8::66]/x")}, {"LINK_HIT"}),
    "a listed host": ({"content": links("http://spam.goodlink.example/")}, {"LINK_HIT"}),
    "its neighbour in a URL": ({"content": links("http://ham.goodlink.example/", "http://goodlink.example/")}, set()),
    "a link of HTML": ({"content": html('<p>read <a href="https://cdn.badlink.example/a">www.good.example</a></p>')}, {"LINK_HIT"}),
    "a link of HTML with references": ({"content": html('<a href="ht&#116;p://bad&#108;ink&period;example/">x</a>')}, {"LINK_HIT"}),
    "a U-label in HTML": ({"content": html('<a href="http://BÜCHER.example/">x</a>')}, {"LINK_HIT"}),
    "an A-label in HTML": ({"content": html('<a href="http://www.xn--bcher-kva.example/">x</a>')}, {"LINK_HIT"}),
    "an image": ({"content": html('<img src="http://badlink.example/p.png">')}, {"LINK_HIT"}),
    "one of several images": ({"content": html('<img srcset="http://good.example/p 1x, http://badlink.example/p 2x">')}, {"LINK_HIT"}),
    "a comment of HTML": ({"content": html('<!-- http://badlink.example/ --><p>Good day.</p>')}, set()),
    "an address as envelope sender": ({"sender": "bad@person.example"}, PERSON),
    "an address in From": ({"content": message(From="Bad <BAD@Person.example>")}, PERSON),
    "an address in Reply-To": ({"content": message(Reply_To="bad+tag@person.example")}, PERSON),
    "an address in the text": ({"content": message(body="Write to bad@person.example, please.\r\n")}, PERSON),
    "an address in a mailto link": ({"content": html('<a href="mailto:bad@person.example?subject=x">x</a>')}, PERSON),
    "an address in Google's other notations": ({"content": message(Reply_To="B.a.d.Guy+x@GoogleMail.com")}, {"EBL_HIT"}),
    "an address that begins like it": ({"content": message(body="Write to bad@person.example.net or xbad@person.example.\r\n")}, set()),
    "an earlier hop": ({"content": hops("203.0.113.5", "198.51.100.66")}, {"HOP_HIT"}),
    "an IPv6 hop": ({"content": hops("2001:db8::77")}, {"HOP_HIT"}),
    "other hops": ({"content": hops("203.0.113.5", "198.51.100.67", "10.0.0.1")}, set()),
    "several at once": ({"source": "192.0.2.1", "sender": "x@badsender.example", "content": hops("198.51.100.66")},
                        {"V4_HIT", "SENDER_HIT", "HOP_HIT"}),
}

ANSWERS = {
    "RANGES": {"127.0.0.2": Entry("ONE", 1.0), "127.0.0.4-7": Entry("RANGE", 2.0), "127.0.0.10, 127.0.0.11": Entry("EITHER", 4.0),
               "127.0.0.20-127.0.1.3": Entry("LONG", 8.0), "127.0.0.50": Entry("WITHIN", 0.5)},
    "MASKS": {"&2": Entry("TWO", 1.0), "&0x08": Entry("EIGHT", 2.0), "127.0.1.0/24": Entry("NET", 4.0),
              "127.0.2.0/255.255.255.4": Entry("UNLESS", 8.0)},
}
# The records of an address -> hits of RANGES, hits of MASKS.
GIVEN = {
    "127.0.0.2": ({"RANGES_ONE": 1.0}, {"MASKS_TWO": 1.0}),
    "127.0.0.3": ({}, {"MASKS_TWO": 1.0}),
    "127.0.0.4": ({"RANGES_RANGE": 2.0}, {}),
    "127.0.0.7": ({"RANGES_RANGE": 2.0}, {"MASKS_TWO": 1.0}),
    "127.0.0.8": ({}, {"MASKS_EIGHT": 2.0}),
    "127.0.0.5 127.0.0.6": ({"RANGES_RANGE": 2.0}, {"MASKS_TWO": 1.0}),
    "127.0.0.2 127.0.0.4 127.0.0.11": ({"RANGES_ONE": 1.0, "RANGES_RANGE": 2.0, "RANGES_EITHER": 4.0},
                                       {"MASKS_TWO": 1.0, "MASKS_EIGHT": 2.0}),
    "127.0.0.10 127.0.0.11": ({"RANGES_EITHER": 4.0}, {"MASKS_TWO": 1.0, "MASKS_EIGHT": 2.0}),
    "127.0.0.10": ({"RANGES_EITHER": 4.0}, {"MASKS_TWO": 1.0, "MASKS_EIGHT": 2.0}),
    "127.0.1.3": ({"RANGES_LONG": 8.0}, {"MASKS_TWO": 1.0, "MASKS_NET": 4.0}),
    "127.0.1.4": ({}, {"MASKS_NET": 4.0}),
    "127.0.0.50": ({"RANGES_LONG": 8.0, "RANGES_WITHIN": 0.5}, {"MASKS_TWO": 1.0}),
    "127.0.2.0": ({}, {"MASKS_UNLESS": 8.0}),
    "127.0.2.4": ({}, {}),
    "127.0.0.1": ({}, {}),
    "127.99.0.1": ({}, {}),
}


class OverTheWire(Lists):
    """NSD serves the zones, Unbound stands between and keeps what it heard."""

    def served(self, rules, published, **settings):
        resolver = Unbound(self, nsd.start(self, published))
        return self.gateway(rules, servers=[resolver.server], **settings), resolver

    def test_what_is_asked_about_each_part_of_a_mail(self):
        rules = "".join(declare(name, zone_of(name), of=of, **fields) for name, (of, fields, _) in LISTS.items())
        published = NAMES + [line for name, (of, _, entries) in LISTS.items() for line in records(zone_of(name), entries, of)]
        gateway, _ = self.served(rules, published, workers=2)
        for what, (mail, wanted) in MAILS.items():
            with self.subTest(what):
                self.assertEqual(set(self.hits_of(gateway, **mail)), wanted)
        for result in ("refused", "wrong", "noanswer", "suspended"):
            self.assertEqual(gateway.metric("postern_list_queries_total", result=result), 0, result)
        for name in LISTS:
            self.assertEqual(gateway.metric("postern_list_up", list=name), 1, name)

    def test_only_domains_of_signatures_that_pass_count(self):
        try:
            reference = Reference(self)
        except Missing as missing:
            self.skipTest(f"{missing} are not installed")
        key = Key(self.folder, "rsa")
        signers = ("badsigner.example", "badforger.example", "good.example")
        published = [text_record(f"s._domainkey.{name}", key.record) for name in signers]
        gateway, _ = self.served(declare("SIGNER", zone_of("SIGNER"), of="dkim"),
                                 published + records(zone_of("SIGNER"), LISTS["SIGNER"][2], "dkim"))
        self.assertEqual(self.hits_of(gateway, content=reference.sign(message(), "badsigner.example", "s", key)), {"SIGNER_HIT": 2.0})
        self.assertEqual(self.hits_of(gateway, content=reference.sign(message(), "good.example", "s", key)), {})
        broken = reference.sign(message(), "badforger.example", "s", key).replace(b"Good day", b"Bad day!")
        self.assertEqual(self.hits_of(gateway, content=broken), {}, "its signature does not pass: anybody may have written the name")
        both = reference.sign(reference.sign(message(), "good.example", "s", key), "badsigner.example", "s", key)
        self.assertEqual(self.hits_of(gateway, content=both), {"SIGNER_HIT": 2.0})

    def test_what_answers_mean(self):
        addresses = {f"192.0.2.{number}": answers.split() for number, answers in enumerate(GIVEN, 1)}
        rules = "".join(declare(name, zone_of(name), answers) for name, answers in ANSWERS.items())
        gateway, _ = self.served(rules, [line for name in ANSWERS for line in records(zone_of(name), addresses)])
        for (address, answers), (ranges, masks) in zip(addresses.items(), GIVEN.values()):
            with self.subTest(" ".join(answers)):
                self.assertEqual(self.hits_of(gateway, source=address), {**ranges, **masks})
        self.assertGreater(gateway.metric("postern_list_queries_total", list="RANGES", result="other"), 0)
        self.assertEqual(gateway.metric("postern_list_queries_total", result="wrong"), 0)

    def test_an_answer_counts_once_for_all_subjects(self):
        gateway, _ = self.served(declare("LINK", zone_of("LINK"), of="url"),
                                 records(zone_of("LINK"), {f"bad{n}.example": "127.0.0.2" for n in range(9)}, "url"))
        content = links(*(f"http://bad{n}.example/" for n in range(9)))
        self.assertEqual(self.hits_of(gateway, content=content), {"LINK_HIT": 2.0})

    def test_what_cannot_be_listed_is_not_asked(self):
        gateway, resolver = self.served(declare("V4", zone_of("V4")) + declare("HOP", zone_of("HOP"), of="received"),
                                        records(zone_of("V4"), {}) + records(zone_of("HOP"), {}, "received"))
        private = ["10.0.0.5", "172.16.1.1", "192.168.1.1", "169.254.1.1", "100.64.0.1", "fe80::1", "fd00::1", "::1"]
        for address in private:
            self.hits_of(gateway, source=address, content=hops(*private))
        self.hits_of(gateway, source=CLIENT)
        asked = resolver.asked()
        self.assertIn(f"{backwards(CLIENT)}.{zone_of('V4')}", asked)
        for address in private:
            for name in ("V4", "HOP"):
                self.assertNotIn(f"{backwards(address)}.{zone_of(name)}", asked)

    def test_test_points_in_a_mail_are_not_asked(self):
        """127.0.0.2 and TEST are on every list (RFC 5782, 5); a sender's own machines and examples in a text are no reason to score."""
        names = ("HELO", "SENDER", "AUTHOR", "REPLY", "LINK", "EBL", "HOP")
        published = [line for name in names for line in records(zone_of(name), {}, LISTS[name][0])]
        published += records(zone_of("EBL"), {digest("root@test"): "127.0.0.2"}, "hash")
        gateway, resolver = self.served("".join(declare(name, zone_of(name), of=LISTS[name][0]) for name in names), published)
        for name in names:
            wait_until(f"{name}'s probe", lambda: gateway.metric("postern_list_up", list=name) == 1)
        content = hops("127.0.0.2", "::ffff:127.0.0.2").replace(
            b"From: Ann <ann@sender.example>", b"From: Root <root@test>\r\nReply-To: root@test").replace(
            b"Good day,", b"see http://127.0.0.2/ and http://test/ and http://[::ffff:127.0.0.2]/, or write to root@test,")
        for sender, helo in (("root@test", "test"), ("", "[127.0.0.2]")):
            with self.subTest(helo):
                self.assertEqual(self.hits_of(gateway, source=CLIENT, sender=sender, helo=helo, content=content), {})
        self.assertEqual(resolver.count(f"2.0.0.127.{zone_of('LINK')}"), 0, "a list of names is not probed with it")

    # ---------------------------------------------------------------- how often a list is asked

    def test_a_thousand_connections_from_one_address_ask_each_list_once(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 3 * CROWD:
            self.skipTest(f"only {hard} files may be open here (ulimit -n)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        names = [f"L{number}" for number in range(12)]
        rules = "".join(declare(name, zone_of(name), {"127.0.0.2": Entry("HIT", 0.1)}) for name in names)
        # Half of them know the client: "no" is shared like "yes".
        published = [line for n, name in enumerate(names) for line in records(zone_of(name), {CLIENT: "127.0.0.2"} if n % 2 else {})]
        port, log = free_port(), self.folder / "delivered"
        log.touch()
        # In a process of its own: this one is busy being a thousand clients.
        sink = self.start("sink", [sys.executable, pathlib.Path(__file__).with_name("sink.py"), port, log])
        sink.ready("listens", lambda: listens(port))
        gateway, resolver = self.served(rules, published, workers=4, backend={"address": [f"127.0.0.1:{port}"]})
        replies = asyncio.run(crowd(gateway.port, CROWD, CLIENT))
        self.assertEqual({reply[:4] for reply in replies}, {b"250 "})
        counts = {name: resolver.count(f"{backwards(CLIENT)}.{zone_of(name)}") for name in names}
        self.assertEqual(counts, {name: 1 for name in names})
        hit = {name: gateway.metric("postern_rule_hits_total", rule=f"{name}_HIT") for name in names}
        self.assertEqual(hit, {name: n % 2 * CROWD for n, name in enumerate(names)})
        self.assertEqual(gateway.metric("postern_list_queries_total", result="listed"), 6 * CROWD)
        self.assertEqual(gateway.metric("postern_list_queries_total", result="unlisted"), 6 * CROWD)

    def test_those_who_ask_while_the_answer_is_under_way_share_it(self):
        names = [f"L{number}" for number in range(12)]
        for name in names:
            publish(self.zone, zone_of(name), {CLIENT: "127.0.0.2"})
        gateway = self.gateway("".join(declare(name, zone_of(name), {"127.0.0.2": Entry("HIT", 0.1)}) for name in names), workers=4)
        for name in names:
            wait_until(f"{name}'s probe", lambda: gateway.metric("postern_list_up", list=name) == 1)
        self.zone.delay = 0.1
        replies = asyncio.run(crowd(gateway.port, 200, CLIENT))
        self.assertEqual({reply[:4] for reply in replies}, {b"250 "})
        for mail in self.sink.messages:
            self.assertEqual(set(hits(mail.content)), {f"{name}_HIT" for name in names})
        self.assertEqual({name: self.dns.count(f"{backwards(CLIENT)}.{zone_of(name)}") for name in names}, {name: 1 for name in names})

    def test_probes_do_not_spoil_what_others_keep(self):
        """Probes must hear what a list says now; the answers to everybody else's questions are kept all the same."""
        self.zone.txt("sender.example", "v=spf1 -all")
        gateway = self.gateway("", workers=1)
        self.hits_of(gateway, sender="ann@first.example")
        publish(self.zone, zone_of("V4"), {CLIENT: "127.0.0.2"})
        gateway.write_rules({"20-lists.lua": declare("V4", zone_of("V4"))})
        self.assertEqual(gateway.reload(), "ok")
        wait_until("the first probe", lambda: gateway.metric("postern_list_up", list="V4") == 1)
        for _ in range(5):
            self.assertEqual(self.hits_of(gateway), {"V4_HIT": 2.0})
        self.assertEqual(self.dns.count("sender.example", "TXT"), 1)
        self.assertEqual(self.dns.count(f"{backwards(CLIENT)}.{zone_of('V4')}"), 1)

    def test_answers_are_kept_as_long_as_they_say(self):
        """"listed" for its TTL, "not listed" for what the zone's SOA says."""
        zone = zone_of("V4")
        gateway, resolver = self.served(declare("V4", zone), records(zone, {"192.0.2.1": "127.0.0.2"}) +
                                        [f"3.2.0.192.{zone}. 1 A 127.0.0.2"])
        for _ in range(20):
            self.assertEqual(self.hits_of(gateway, source="192.0.2.1"), {"V4_HIT": 2.0})
            self.assertEqual(self.hits_of(gateway, source="192.0.2.2"), {})
        self.assertEqual(resolver.count(f"1.2.0.192.{zone}"), 1)
        self.assertEqual(resolver.count(f"2.2.0.192.{zone}"), 1)

        def again():  # a second later it is asked anew
            self.assertEqual(self.hits_of(gateway, source="192.0.2.3"), {"V4_HIT": 2.0})
            return resolver.count(f"3.2.0.192.{zone}") > 1
        wait_until("the end of a TTL of one second", again)


async def crowd(port, count, source):
    """All connect, then say at once whose address they speak for; then each sends a mail, some at a time to spare the backend."""
    async def reply(reader):
        while True:
            line = await reader.readuntil(b"\r\n")
            if line[3:4] != b"-":
                return line

    async def say(stream, data):
        stream[1].write(data)
        return await reply(stream[0])

    async def session(stream):
        answer = await say(stream, f"PROXY TCP4 {source} 127.0.0.1 40000 25\r\n".encode())
        async with gate:
            return await mail(stream, answer)

    async def mail(stream, answer):
        for line in (b"EHLO crowd.example\r\n", f"MAIL FROM:<{ANN}>\r\n".encode(), f"RCPT TO:<{BOB[0]}>\r\n".encode(), b"DATA\r\n",
                     stuffed(message())):
            if answer[:1] not in b"23":
                return answer
            answer = await say(stream, line)
        await say(stream, b"QUIT\r\n")
        return answer

    gate = asyncio.Semaphore(50)

    async def connect():
        async with gate:
            return await asyncio.open_connection("127.0.0.1", port)

    streams = await asyncio.gather(*(connect() for _ in range(count)))
    replies = await asyncio.gather(*(session(stream) for stream in streams))
    for _, writer in streams:
        writer.close()
    return replies


if __name__ == "__main__":
    main()
