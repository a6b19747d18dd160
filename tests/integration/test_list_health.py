#!/usr/bin/env python3
"""Lists that lie, refuse, break, fall silent or list the whole world: no good mail pays for it, the list is left alone until it is
well again, and the admin is told. Prints how many messages met the trouble."""
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from client import Client, message
from dns_lists import ANN, BOB, Entry, Lists, backwards, declare, digest, publish
from dns_server import DnsServer, NXDOMAIN, Question, addresses, alias, cut_short, junk, nobody, servfail, silence
from harness import main, wait_until
from resolver import Unbound

ZEN, WELL = "zen.lists.example", "well.lists.example"
# Whatever could score, would.
GREEDY = {"127.0.0.0/8": Entry("ANY", 50.0)}
BLOCKS = {"127.0.0.0/8": Entry("ANY", action="reject")}


def refused(question):
    return question.answer(rcode=5)


# What a list says of every client -> how it is counted, and a word of the log.
FAULTS = {
    "open-resolver": (addresses("127.255.255.254"), "refused", "127.255.255.254"),
    "over-quota": (addresses("127.255.255.255"), "refused", "127.255.255.255"),
    "misspelt": (addresses("127.255.255.252"), "refused", "127.255.255.252"),
    "beside-a-listing": (addresses("127.0.0.2", "127.255.255.254"), "refused", "127.255.255.254"),
    "own-error": (addresses("127.0.0.1"), "refused", "127.0.0.1"),
    "parked": (addresses("192.0.2.80"), "wrong", "192.0.2.80"),
    "zero": (addresses("0.0.0.0"), "wrong", "0.0.0.0"),
    "parked-beside-a-listing": (addresses("192.0.2.80", "127.0.0.2"), "wrong", "192.0.2.80"),
    "servfail": (servfail, "noanswer", ""),
    "refuses": (refused, "noanswer", ""),
    "junk": (junk, "noanswer", ""),
    "cut-short": (cut_short, "noanswer", ""),
    "silent": (silence, "noanswer", ""),
}


def client(number):
    """Clients in the order of their numbers; none comes twice."""
    return f"192.0.{2 + number // 250}.{1 + number % 250}"


class Health(Lists):
    def setUp(self):
        super().setUp()
        publish(self.zone, ZEN, {"198.51.100.1": "127.0.0.2"})
        publish(self.zone, WELL, {"198.51.100.1": "127.0.0.2"})

    def state(self, gateway, name):
        return gateway.metric("postern_list_up", list=name)

    def until(self, gateway, name, up):
        wait_until(f"{name} to be {'up' if up else 'suspended'}", lambda: self.state(gateway, name) == up)

    def probes(self, zone=ZEN):
        """Each asks about an address of 127.128.0.0/9 that no other asks about; the test points may be known from the last one."""
        return len({name for name in self.dns.asked_below(zone, "A") if re.fullmatch(r"\d+\.\d+\.(12[89]|1[3-9]\d|2\d\d)\.127", name)})

    def asked_about(self, numbers, zone=ZEN):
        return [n for n in numbers if self.dns.count(f"{backwards(client(n))}.{zone}")]

    def run_of(self, gateway, numbers):
        """Their codes, one message after the other."""
        return [self.deliver(gateway, source=client(n))[0].code for n in numbers]

    # ---------------------------------------------------------------- answers that are none

    def test_wrong_answers_never_score(self):
        """Their test points are well, so they are asked again and again."""
        for answers in (GREEDY, BLOCKS):
            kind = "weighs" if answers is GREEDY else "blocks"
            zones = {what: f"{what}.{kind}.lists.example" for what in FAULTS}
            names = {what: f"{kind}_{what}".upper().replace("-", "_") for what in FAULTS}
            for what, zone in zones.items():
                publish(self.zone, zone, {})
                self.zone.below[f"0.192.{zone}"] = FAULTS[what][0]
            publish(self.zone, WELL, {client(n): "127.0.0.2" for n in range(4)})
            gateway = self.gateway("".join(declare(names[what], zone, answers, errors=["127.0.0.1"]) for what, zone in zones.items()) +
                                   declare("WELL", WELL), name=kind, dns={"timeout": "1s", "budget": "3s"})
            for name in names.values():
                self.until(gateway, name, 1)
            for number in range(4):
                self.assertEqual(self.hits_of(gateway, source=client(number)), {"WELL_HIT": 2.0}, "the list that is well counts")
            for what, (_, result, word) in FAULTS.items():
                with self.subTest(what):
                    self.assertGreater(gateway.metric("postern_list_queries_total", list=names[what], result=result), 0)
                    self.assertEqual(gateway.metric("postern_list_queries_total", list=names[what], result="listed"), 0)
                    lines = [line for line in gateway.log().splitlines() if names[what] in line]
                    self.assertTrue([line for line in lines if word in line], lines or "the log does not name it")
            first, = [line for line in gateway.log().splitlines() if " message " in line][:1]
            self.assertRegex(first, "list_errors=.*" + names["parked"])

    def test_an_error_is_not_logged_each_time(self):
        self.zone.below[f"0.192.{ZEN}"] = addresses("127.255.255.254")
        gateway = self.gateway(declare("ZEN", ZEN, GREEDY))
        self.assertEqual(set(self.run_of(gateway, range(40))), {250})
        notes = [line for line in gateway.log().splitlines() if " note " in line and "127.255.255.254" in line]
        self.assertTrue(0 < len(notes) <= 8, notes)

    def test_a_name_below_the_list_that_is_an_alias(self):
        """RFC 5782, 2.1 asks for A records; a CNAME on the way is followed like anywhere."""
        self.zone.a("target.lists.example", "127.0.0.2")
        self.zone.odd[f"{backwards(client(0))}.{ZEN}"] = alias("target.lists.example")
        self.assertEqual(self.hits_of(self.gateway(declare("ZEN", ZEN)), source=client(0)), {"ZEN_HIT": 2.0})

    # ---------------------------------------------------------------- the whole world is listed

    def runs_wild(self, answers, name):
        """(messages before, while nobody knew, after; the numbers of those that were hurt in each)."""
        gateway = self.gateway(declare("ZEN", ZEN, answers) + declare("WELL", WELL), name=name, workers=2)
        self.until(gateway, "ZEN", 1)
        outcomes, suspended, numbers = [], threading.Event(), iter(range(10_000))
        lock = threading.Lock()

        def send():
            with lock:
                number = next(numbers)
            known = suspended.is_set()  # before the client comes
            code = self.deliver(gateway, source=client(number))[0].code
            with lock:
                outcomes.append((number, known, code))

        with ThreadPoolExecutor(3) as pool:
            for job in [pool.submit(send) for _ in range(100)]:
                job.result()
            before, probes = len(outcomes), self.probes()
            self.assertEqual({code for *_, code in outcomes}, {250})
            self.zone.below[ZEN] = addresses("127.0.0.2")

            def watch():
                self.until(gateway, "ZEN", 0)
                suspended.set()
            watcher = pool.submit(watch)
            jobs = []
            while not watcher.done():
                jobs = [pool.submit(send) for _ in range(2)]
                for job in jobs:
                    job.result()
            watcher.result()
            probes = self.probes() - probes
            for job in [pool.submit(send) for _ in range(100)]:
                job.result()
        during = [o for o in outcomes[before:] if not o[1]]
        after = [o for o in outcomes[before:] if o[1]]
        hurt = [o for o in during if o[2] != 250]
        print(f"\n{name}: {before} messages before; {len(during)} while nobody knew, {len(hurt)} of them hurt; {len(after)} after the "
              f"suspension, {sum(o[2] != 250 for o in after)} hurt; {probes} probes until then")
        return gateway, during, after, probes

    def test_a_list_that_lists_everything_is_suspended(self):
        for name, answers in (("weighs", GREEDY), ("blocks", BLOCKS)):
            with self.subTest(name):
                self.zone.below.pop(ZEN, None)
                gateway, during, after, probes = self.runs_wild(answers, name)
                self.assertTrue(during and len(after) >= 100)
                self.assertEqual([o for o in after if o[2] != 250], [])
                self.assertLessEqual(probes, 2)
                self.assertIn("list ZEN is suspended", gateway.log())
                # Those that were hurt try again: their answer was already known.
                self.assertEqual({self.deliver(gateway, source=client(o[0]))[0].code for o in during}, {250})
                self.assertEqual(self.hits_of(gateway, source="198.51.100.1"), {"WELL_HIT": 2.0}, "the other list goes on")
                self.zone.below.pop(ZEN)
                self.until(gateway, "ZEN", 1)
                self.assertIn("list ZEN is back", gateway.log())
                self.assertEqual(set(self.run_of(gateway, range(9_000, 9_010))), {250})
                reply, _ = self.deliver(gateway, source="198.51.100.1")
                self.assertIn(reply.code, (550, 554), "what is listed counts again")
                # What the list said in its bad time is not believed in its good time.
                self.assertEqual({self.deliver(gateway, source=client(o[0]))[0].code for o in during}, {250})

    def test_known_clients_do_not_hide_that_a_list_went_wild(self):
        """Four of five are answered from our cache: that says nothing of how the list is now."""
        for name, answers in (("weighs", GREEDY), ("blocks", BLOCKS)):
            with self.subTest(name):
                self.zone.below.pop(ZEN, None)
                gateway = self.gateway(declare("ZEN", ZEN, answers), name=name, workers=2, dns={"list_probes": "1h"})
                self.until(gateway, "ZEN", 1)
                known = range(4)
                self.assertEqual(self.run_of(gateway, known), [250] * 4)
                self.zone.below[ZEN] = addresses("127.0.0.2")
                hurt = 0
                for new in range(10, 13):  # three in a row are odd enough
                    hurt += self.run_of(gateway, [new]) != [250]
                    self.assertEqual(self.run_of(gateway, known), [250] * 4)
                self.until(gateway, "ZEN", 0)
                print(f"\n{name}, four of five known: {hurt} of 3 new clients hurt")
                self.assertEqual(set(self.run_of(gateway, range(10, 30))), {250})

    def test_each_probe_asks_a_name_that_no_cache_knows(self):
        """A resolver that still has the good answers of the test points does not hide a wildcard."""
        self.zone.ttl = self.zone.negative_ttl = 3600
        resolver = Unbound(self, [self.dns.server])
        gateway = self.gateway(declare("ZEN", ZEN, GREEDY), servers=[resolver.server])
        self.until(gateway, "ZEN", 1)
        self.zone.below[ZEN] = addresses("127.0.0.2", ttl=3600)
        self.assertEqual(gateway.reload(), "ok")
        self.until(gateway, "ZEN", 0)

    # ---------------------------------------------------------------- silence

    def test_a_list_that_falls_silent_is_waited_for_once(self):
        for answers, kind in ((GREEDY, "weighs"), (BLOCKS, "blocks")):
            with self.subTest(kind):
                zone = f"{kind}.lists.example"
                publish(self.zone, zone, {})
                gateway = self.gateway(declare("ZEN", zone, answers) + declare("WELL", WELL), name=kind,
                                       dns={"timeout": "1s", "budget": "2s"})
                self.until(gateway, "ZEN", 1)
                self.assertEqual(self.run_of(gateway, range(5)), [250] * 5)
                self.zone.below[zone] = silence
                begin = time.monotonic()
                self.assertEqual(self.run_of(gateway, [100]), [250])
                first = time.monotonic() - begin
                self.until(gateway, "ZEN", 0)
                begin = time.monotonic()
                self.assertEqual(self.run_of(gateway, range(101, 151)), [250] * 50)
                print(f"\n{kind}: the first message took {first:.2f} s, the next 50 together {time.monotonic() - begin:.2f} s")
                self.assertEqual(self.asked_about(range(101, 151), zone), [], "nobody asks it, so nobody waits for it")
                self.assertGreaterEqual(gateway.metric("postern_list_queries_total", list="ZEN", result="suspended"), 50)
                self.assertEqual(len(self.asked_about(range(101, 151), WELL)), 50, "the other list goes on")
                self.zone.below.pop(zone)
                self.until(gateway, "ZEN", 1)

    def test_many_that_wait_together_are_all_judged(self):
        gateway = self.gateway(declare("ZEN", ZEN, GREEDY), dns={"timeout": "1s", "budget": "2s"}, workers=2)
        self.until(gateway, "ZEN", 1)
        self.zone.below[ZEN] = silence
        with ThreadPoolExecutor(20) as pool:
            codes = list(pool.map(lambda n: self.run_of(gateway, [n])[0], range(40)))
        self.assertEqual(codes, [250] * 40)
        self.until(gateway, "ZEN", 0)

    def test_a_list_suspended_while_a_message_waits_does_not_hold_it(self):
        """The client is at its final dot; the answer never comes; another one's suspicion frees it."""
        gateway = self.gateway(declare("ZEN", ZEN, GREEDY), dns={"timeout": "30s", "budget": "30s"})
        self.until(gateway, "ZEN", 1)
        held = threading.Event()
        self.addCleanup(held.set)
        self.zone.odd[f"{backwards(client(0))}.{ZEN}"] = lambda question: held.wait() and None
        with Client(gateway.port, source=client(0)) as waiting:
            self.assertEqual(waiting.envelope(ANN, BOB).code, 354)
            waiting.send(message() + b".\r\n")
            wait_until("its question", lambda: self.asked_about([0]))
            self.zone.below[ZEN] = addresses("127.0.0.2")
            self.assertEqual(gateway.reload(), "ok")
            self.assertEqual(waiting.reply().code, 250)
            self.assertEqual(gateway.metric("postern_list_queries_total", list="ZEN", result="noanswer"), 0, "it was not the time-out")

    # ---------------------------------------------------------------- probes

    def test_a_list_that_is_dead_at_start(self):
        kinds = {"empty": nobody, "servfail": servfail, "silent": silence, "wild": addresses("127.0.0.2"), "parked": addresses("192.0.2.80"),
                 "refused": addresses("127.255.255.254")}
        for kind, answer in kinds.items():
            self.zone.below[f"{kind}.lists.example"] = answer
        rules = "".join(declare(kind.upper(), f"{kind}.lists.example", answers) for kind, answers in zip(kinds, [GREEDY, BLOCKS] * 3))
        gateway = self.gateway(rules + declare("WELL", WELL), dns={"timeout": "1s", "budget": "3s"})
        self.assertEqual(self.hits_of(gateway, source="198.51.100.1"), {"WELL_HIT": 2.0})
        for kind in kinds:
            self.until(gateway, kind.upper(), 0)
            self.assertRegex(gateway.log(), rf"list {kind.upper()} is suspended: \S")
        self.assertEqual(self.hits_of(gateway, source="198.51.100.1"), {"WELL_HIT": 2.0})
        self.assertEqual(self.state(gateway, "WELL"), 1)
        self.zone.below.clear()
        publish(self.zone, "empty.lists.example", {})
        self.until(gateway, "EMPTY", 1)

    def test_test_points_of_each_kind(self):
        """Lists of names list TEST and not INVALID; of digests, nothing is known but that not all are listed; or as declared."""
        domain, hashes, own, none = (f"{n}.lists.example" for n in ("domain", "hashes", "own", "none"))
        publish(self.zone, domain, {}, "url")
        publish(self.zone, own, {"dbltest.example": "127.0.1.2", digest("x@y.example"): "127.0.1.2"}, "hash")
        gateway = self.gateway(
            declare("DOMAIN", domain, of="url") + declare("HASHES", hashes, of="hash") + declare("NONE", none, test=False) +
            declare("OWN", own, of="url", test={"listed": "dbltest.example", "unlisted": "good.example"}) +
            declare("DEAD", own, of="from", test={"listed": "good.example", "unlisted": "dbltest.example"}))
        for name, up in (("DOMAIN", 1), ("HASHES", 1), ("NONE", 1), ("OWN", 1), ("DEAD", 0)):
            self.until(gateway, name, up)
        self.assertIn("test", self.dns.asked_below(domain))
        self.assertIn("invalid", self.dns.asked_below(domain))
        self.assertNotIn(backwards("127.0.0.2"), self.dns.asked_below(none), "it is asked for life, not for test points")
        self.zone.below[hashes] = addresses("127.0.0.2")
        self.assertEqual(gateway.reload(), "ok")
        self.until(gateway, "HASHES", 0)

    def test_a_reload_probes(self):
        gateway = self.gateway(declare("ZEN", ZEN), dns={"list_probes": "1h"})
        self.until(gateway, "ZEN", 1)

        def reloaded(state):
            # Of two probes within a second the later one may live on what the first one heard.
            self.assertEqual(gateway.reload(), "ok")
            return self.state(gateway, "ZEN") == state
        self.zone.below[ZEN] = nobody
        wait_until("a reload that finds the list dead", lambda: reloaded(0))
        self.zone.below.clear()
        wait_until("a reload that finds it well", lambda: reloaded(1))

    def test_a_list_that_nobody_asks_is_probed_too(self):
        gateway = self.gateway(declare("ZEN", ZEN), dns={"list_probes": "10s"})
        self.until(gateway, "ZEN", 1)
        self.zone.below[ZEN] = nobody
        self.until(gateway, "ZEN", 0)

    # ---------------------------------------------------------------- what the admin asks

    def test_check_live(self):
        rules = declare("ZEN", ZEN) + declare("WELL", WELL, of="client")
        gateway = self.gateway(rules, start=False, dns={"timeout": "1s"})
        good = gateway.run("check", "--live")
        self.assertEqual(good.returncode, 0, good.stderr.decode())
        for kind, answer, word in (("empty", nobody, "127.0.0.2"), ("wild", addresses("127.0.0.2"), "ZEN"), ("silent", silence, "ZEN"),
                                   ("refused", addresses("127.255.255.254"), "127.255.255.254")):
            with self.subTest(kind):
                self.zone.below[ZEN] = answer
                self.assertEqual(gateway.run("check").returncode, 0, "without --live nobody is asked")
                bad = gateway.run("check", "--live")
                self.assertEqual(bad.returncode, 1, bad.stderr.decode())
                self.assertIn("ZEN", bad.stderr.decode())
                self.assertIn(word, bad.stderr.decode())
                self.assertNotIn("WELL", bad.stderr.decode())

    def test_check_live_says_once_what_is_wrong_with_a_zone(self):
        shared = "".join(declare(f"DBL_{of.upper()}", ZEN, of=of, title="Some Lists") for of in ("helo", "from", "url"))
        gateway = self.gateway(declare("ZEN", ZEN) + shared, start=False, dns={"timeout": "1s"})
        self.zone.below[ZEN] = nobody
        result = gateway.run("check", "--live")
        self.assertEqual(result.returncode, 1)
        lines = [line for line in result.stderr.decode().splitlines() if "is not listed" in line]
        self.assertEqual([line.partition(": ")[0] for line in lines], [f"list ZEN ({ZEN})", "lists DBL_HELO, DBL_FROM and DBL_URL (Some Lists)"])

    def test_check_live_looks_at_the_resolver(self):
        def rewriting(packet, udp):
            """A resolver that sends everybody who errs to its search page."""
            answer = self.zone(packet, udp)
            return addresses("192.0.2.80")(Question(packet)) if answer and answer[3] & 15 == NXDOMAIN else answer

        said = {}
        for kind, answer in (("rewriting", rewriting), ("silent", lambda packet, udp: None), ("good", self.zone)):
            server = DnsServer(self, answer)
            gateway = self.gateway(declare("ZEN", ZEN), servers=[server.server], start=False, name=kind, dns={"timeout": "1s", "budget": "2s"})
            result = gateway.run("check", "--live")
            said[kind] = result.returncode, result.stderr.decode()
        self.assertEqual({kind: code for kind, (code, _) in said.items()}, {"rewriting": 1, "silent": 1, "good": 0}, said)
        self.assertIn("192.0.2.80", said["rewriting"][1])

    def test_postern_lists(self):
        self.zone.below["dead.lists.example"] = nobody
        gateway = self.gateway(declare("ZEN", ZEN) + declare("WELL", WELL) + declare("DEAD", "dead.lists.example"))
        self.until(gateway, "DEAD", 0)
        for number in range(10):
            self.hits_of(gateway, source="198.51.100.1" if number < 4 else client(number))
        result = gateway.run("lists")
        text = result.stdout.decode()
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        for name in ("ZEN", "WELL", "DEAD"):
            self.assertIn(name, text)
        result = gateway.run("lists", "--json")
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        said = {entry["list"]: entry for entry in map(json.loads, result.stdout.splitlines())}
        self.assertEqual({name: entry["state"] for name, entry in said.items()}, {"ZEN": "up", "WELL": "up", "DEAD": "suspended"})
        self.assertIn("127.0.0.2", said["DEAD"]["reason"])
        self.assertEqual((said["ZEN"]["asked"], said["ZEN"]["listed_share"], said["ZEN"]["errors"]), (10, 0.4, 0))
        self.assertEqual((said["ZEN"]["overlap"], said["ZEN"]["decisive"]), ({"WELL": 1.0}, 0))
        status, body = gateway.http("/api/lists")
        self.assertEqual(status, 200, body)
        gateway.process.stop()
        result = gateway.run("lists")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertTrue(result.stderr)


if __name__ == "__main__":
    main()
