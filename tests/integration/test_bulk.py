#!/usr/bin/env python3
"""Mail that is alike: counted over all senders, seen by rules, told in the log, looked at and allowed by an admin."""
import re
import shutil
import time

from campaigns import FACTS_RULE, LETTERS, NEWSLETTER, OFFER, Campaigns, copy_of, zombie
from harness import ROOT, WEIGHT_RULE, main
from sink import Say, Sink

NAME = re.compile(r"[0-9a-hjkmnp-tv-z]{13}$")
NEWS = "news@news.example"


class Counting(Campaigns):
    def letter(self, gateway, number, text):
        sender = f"person{number}@home{number}.example"
        reply = self.deliver(gateway, text.replace("\n", "\r\n"), f"192.0.2.{number + 1}", sender, Subject=f"letter {number}")
        self.assertEqual(reply.code, 250, reply)

    def assert_about(self, estimate, number):
        """Distinct numbers are estimates: within about a tenth."""
        self.assertLessEqual(abs(estimate - number), max(1, number * 0.15), f"{estimate} for {number}")

    def test_what_rules_see_of_a_campaign(self):
        begin = time.time()
        gateway = self.gateway()
        self.spread(gateway, OFFER, range(1))
        first = self.last_facts(gateway)
        self.assertEqual((first["count"], first["cluster"], first["evidence"], first["allowed"]), (1, "-", "enough", False))
        self.spread(gateway, OFFER, range(1, 60))
        for number, said in enumerate(self.judged(gateway), 1):
            self.assertLessEqual(said.get("bulk", {"count": 1})["count"], number)
        last = self.last_facts(gateway)
        self.assertEqual((last["count"], last["evidence"], last["of"], last["authenticated_share"]), (60, "enough", "text", 0))
        for name in ("networks", "senders", "domains", "recipients"):
            with self.subTest(name):
                self.assert_about(last[name], 60)
        self.assertRegex(last["cluster"], NAME)
        self.assertTrue(0.3 < last["similarity"] <= 1, last)
        self.assertTrue(int(begin) - 1 <= last["first_seen"] <= time.time(), last)
        self.assertTrue(0 <= last["age"] <= time.time() - begin + 1, last)
        self.assertEqual(self.judged(gateway)[-1]["bulk"], {"count": 60, "cluster": last["cluster"]})

    def test_letters_between_copies_are_alone(self):
        gateway = self.gateway()
        for number, text in enumerate(LETTERS):
            self.spread(gateway, OFFER, range(5 * number, 5 * number + 5))
            self.letter(gateway, number, text)
            self.assertEqual(self.last_facts(gateway)["count"], 1, text)
        self.assertEqual([c["count"] for c in self.clusters(gateway, "--all")], [15])

    def test_two_campaigns_are_two(self):
        gateway = self.gateway()
        for number in range(0, 20, 2):
            self.spread(gateway, OFFER, [number])
            self.spread(gateway, NEWSLETTER, [number + 1])
        self.assertEqual([c["count"] for c in self.clusters(gateway, "--all")], [10, 10])

    def test_one_sender_and_his_network_are_one(self):
        gateway = self.gateway()
        for number in range(10):
            self.deliver(gateway, copy_of(OFFER, number), f"192.0.2.{number + 1}", "ann@sender.example", ["bob@example.org"])
        last = self.last_facts(gateway)
        self.assertEqual([last[name] for name in ("count", "networks", "senders", "domains", "recipients")], [10, 1, 1, 1, 1])

    def test_small_talk_is_no_campaign(self):
        gateway = self.gateway()
        for number in range(12):
            self.letter(gateway, number, "ok, thanks\n")
        said = self.last_facts(gateway)
        self.assertEqual((said["count"], said["evidence"], said["cluster"]), (1, "little", "-"))
        for number in range(12):
            self.letter(gateway, number, "\n")
        self.assertEqual(self.last_facts(gateway)["evidence"], "none")
        self.assertEqual(self.clusters(gateway, "--all"), [])

    def test_all_workers_count_together(self):
        gateway = self.gateway(workers=4)
        self.spread(gateway, OFFER, range(24))
        self.assertEqual(self.last_facts(gateway)["count"], 24)

    def test_deferred_mail_does_not_count_before_it_is_taken(self):
        gateway = self.gateway({"local.lua": FACTS_RULE + WEIGHT_RULE}, verdict={"defer": 5.0, "reject": 50.0})
        for attempt in range(4):
            for number in range(3):
                reply = self.deliver(gateway, copy_of(OFFER, number), zombie(number), f"info@shop{number}.example", X_Weight="7")
                self.assertEqual(reply.code, 451, reply)
        self.assertEqual(self.clusters(gateway, "--all"), [])
        self.spread(gateway, OFFER, range(3))
        self.assertEqual(self.last_facts(gateway)["count"], 3)
        cluster, = self.clusters(gateway, "--all")
        self.assertEqual((cluster["count"], cluster["let_through"]), (3, 3))

    def test_what_the_backend_defers_does_not_count_either(self):
        busy = True
        sink = Sink(lambda step, session: Say(b"451 4.3.0 later\r\n") if busy and step == "dot" else None).start()
        self.addCleanup(sink.stop)
        gateway = self.gateway(backend={"address": [sink.address]})
        for attempt in range(3):
            for number in range(3):
                reply = self.deliver(gateway, copy_of(OFFER, number), zombie(number), f"info@shop{number}.example")
                self.assertEqual(reply.code, 451, reply)
        busy = False
        self.spread(gateway, OFFER, range(3))
        self.assertEqual(self.last_facts(gateway)["count"], 3)

    def test_refused_mail_counts_and_is_not_let_through(self):
        gateway = self.gateway({"local.lua": FACTS_RULE + WEIGHT_RULE}, verdict={"reject": 10.0})
        for number in range(5):
            reply = self.deliver(gateway, copy_of(OFFER, number), zombie(number), f"info@shop{number}.example", X_Weight="20")
            self.assertEqual(reply.code, 550, reply)
        self.spread(gateway, OFFER, range(5, 7))
        self.assertEqual(self.last_facts(gateway)["count"], 7)
        cluster, = self.clusters(gateway, "--all")
        self.assertEqual((cluster["let_through"], [p["from"] for p in cluster["passed"]]),
                         (2, ["info5@shop5.example", "info6@shop6.example"]))

    def test_a_gateway_that_does_not_count(self):
        gateway = self.gateway(bulk={"store": "off"})
        self.spread(gateway, OFFER, range(4))
        said = self.last_facts(gateway)
        self.assertEqual((said["count"], said["cluster"], said["evidence"]), (1, "-", "none"))
        for command in (["list"], ["show", "0123456789abc"], ["allow", "0123456789abc"]):
            status, text, errors = self.bulk(gateway, *command)
            self.assertEqual((status, text), (1, ""))
            self.assertIn("off", errors)


class Operating(Campaigns):
    def crossings(self, gateway):
        return re.findall(r"bulk: cluster (\w+) has reached (\d+) messages(?: in \w+)?: ([^;]*); (?:see )?([^\"]*)", gateway.log())

    def test_the_log_tells_of_a_cluster_once(self):
        gateway = self.gateway(bulk={"limit": 10})
        self.spread(gateway, OFFER, range(9))
        self.assertEqual(self.crossings(gateway), [])
        self.spread(gateway, OFFER, range(9, 25))
        cluster, = self.clusters(gateway)
        (name, count, numbers, command), = self.crossings(gateway)
        self.assertEqual((name, count, command), (cluster["cluster"], "10", f"postern bulk show {name}"))
        self.assertRegex(numbers, r"^networks=\d+ senders=\d+ domains=\d+ recipients=\d+ authenticated=0%$")
        line, = (line for line in gateway.log().splitlines() if "has reached" in line)
        self.assertIn('"level":"warning"', line)

    def test_the_limit_changes_with_a_reload(self):
        gateway = self.gateway(bulk={"limit": 1000})
        self.spread(gateway, OFFER, range(6))
        self.assertEqual(self.clusters(gateway), [])
        gateway.settings["bulk"]["limit"] = 5
        gateway.write_config()
        self.assertEqual(gateway.reload(), "ok")
        self.assertEqual([c["count"] for c in self.clusters(gateway)], [6])

    def test_what_an_admin_sees(self):
        gateway = self.gateway(bulk={"limit": 10})
        self.spread(gateway, OFFER, range(15), Subject="Your \x1b[31mwatch")
        self.deliver(gateway, copy_of(OFFER, 15), zombie(15), "info15@shop15.example", ["a@example.org", "b@example.org"])
        judged = self.judged(gateway)

        status, table, _ = self.bulk(gateway, "list")
        self.assertEqual(status, 0)
        head, row = table.splitlines()
        self.assertEqual(head.split()[:3], ["CLUSTER", "COUNT", "NETWORKS"])
        name = row.split()[0]
        self.assertEqual(row.split()[1], "16")
        self.assertRegex(name, NAME)
        self.assertNotIn("\x1b", table)

        cluster, = self.clusters(gateway)
        self.assertEqual(cluster["cluster"], name)
        self.assertEqual((cluster["count"], cluster["let_through"], cluster["of"], cluster["allowed"]), (16, 16, "text", False))
        passed = cluster["passed"]
        self.assertEqual([p["id"] for p in passed], [said["id"] for said in judged[:10]], "the first ones, to be pulled")
        self.assertEqual([p["from"] for p in passed], [f"info{n}@shop{n}.example" for n in range(10)])
        self.assertEqual({p["recipients"] for p in passed}, {1})
        kept = [path.name for path in (self.box / "new").iterdir()]
        for p in passed:
            self.assertEqual(len([file for file in kept if file.startswith(p["queue"].removesuffix("..."))]), 1, p)

        status, text, _ = self.bulk(gateway, "show", name)
        self.assertEqual(status, 0)
        for said in judged[:10]:
            self.assertIn(said["id"], text)
        self.assertIn(f"postern bulk allow {name}", text)
        self.assertNotIn("\x1b", text)
        # As people read a name aloud: Crockford's letters are of no case.
        self.assertEqual(self.bulk(gateway, "show", name.upper())[0], 0)

    def test_smaller_clusters_are_listed_when_asked_for(self):
        gateway = self.gateway()
        self.spread(gateway, OFFER, range(5))
        self.spread(gateway, NEWSLETTER, range(3))
        self.assertEqual(self.clusters(gateway), [])
        self.assertIn("no cluster", self.bulk(gateway, "list")[1])
        self.assertEqual([c["count"] for c in self.clusters(gateway, "--all")], [5, 3])
        self.assertEqual([c["count"] for c in self.clusters(gateway, "--at-least", "4")], [5])

    def test_an_allowed_cluster(self):
        gateway = self.gateway()
        self.spread(gateway, OFFER, range(5))
        cluster, = self.clusters(gateway, "--all")
        name = cluster["cluster"]
        self.assertEqual(self.bulk(gateway, "allow", name), (0, f"{name} is allowed\n", ""))
        self.spread(gateway, OFFER, [5])
        self.assertTrue(self.last_facts(gateway)["allowed"])
        self.assertTrue(self.clusters(gateway, "--all")[0]["allowed"])
        self.assertEqual(self.bulk(gateway, "allow", name, "--undo")[0], 0)
        self.spread(gateway, OFFER, [6])
        said = self.last_facts(gateway)
        self.assertEqual((said["allowed"], said["count"]), (False, 7))

    def test_clusters_that_are_none(self):
        gateway = self.gateway()
        for name in ("0123456789abc", "not-a-name", "", "zzzzzzzzzzzzz"):
            for command in ("show", "allow"):
                with self.subTest(f"{command} {name}"):
                    status, text, errors = self.bulk(gateway, command, name)
                    self.assertEqual((status, text), (1, ""))
                    self.assertRegex(errors, r"^postern bulk: .*\n$")

    def test_metrics(self):
        gateway = self.gateway(bulk={"limit": 5})
        self.assertEqual([gateway.metric(f"postern_bulk_{name}") for name in ("clusters", "over_limit", "single")], [0, 0, 0])
        for name in ("clusters", "over_limit", "single", "bytes"):
            self.assertIn(f"\npostern_bulk_{name} ", gateway.http("/metrics")[1])
        self.spread(gateway, OFFER, range(6))
        self.spread(gateway, NEWSLETTER, range(2))
        self.deliver(gateway, LETTERS[0].replace("\n", "\r\n"))
        self.deliver(gateway, "ok\r\n")
        self.assertEqual([gateway.metric(f"postern_bulk_{name}") for name in ("clusters", "over_limit", "single")], [2, 1, 1])
        self.assertGreater(gateway.metric("postern_bulk_bytes"), 0)
        results = {r: gateway.metric("postern_filter_results_total", filter="bulk", result=r) for r in ("alone", "alike", "no_evidence")}
        self.assertEqual(results, {"alone": 3, "alike": 6, "no_evidence": 1})
        self.assertEqual(gateway.metric("postern_filter_seconds_count", filter="bulk"), 10)


class ShippedRules(Campaigns):
    """rules/30-bulk.lua as it ships."""

    def setUp(self):
        super().setUp()
        self.zone.txt("news.example", "v=spf1 ip4:198.18.0.0/16 -all")
        self.zone.txt("_dmarc.news.example", "v=DMARC1; p=reject")

    def shipped(self):
        gateway = self.gateway({"30-bulk.lua": (ROOT / "rules" / "30-bulk.lua").read_text(), "local.lua": FACTS_RULE}, start=False)
        shutil.copytree(ROOT / "rules" / "maps", gateway.rules_folder / "maps")
        return gateway.serve()

    def hit(self, gateway):
        """The bulk rules that hit the last message, with what they said."""
        rules = self.rules_of(self.judged(gateway)[-1])
        return {name: rule.get("detail", "") for name, rule in rules.items() if name != "BULK_FACTS"}

    def newsletter(self, gateway, numbers, **fields):
        fields = {"From": f"The gardeners <{NEWS}>", "List_Unsubscribe": "<https://news.example/leave>", **fields}
        for number in numbers:
            reply = self.deliver(gateway, copy_of(NEWSLETTER, number, 0.03), f"198.18.{number % 30}.9", f"bounce-{number}@news.example",
                                 [f"user{number}@example.org"], **fields)
            self.assertEqual(reply.code, 250, reply)

    def test_a_botnet_is_hit_and_a_newsletter_is_not(self):
        gateway = self.shipped()
        self.spread(gateway, OFFER, range(5))
        self.assertEqual(self.hit(gateway), {}, "five are no campaign")
        self.spread(gateway, OFFER, range(5, 45))
        said = self.hit(gateway)
        self.assertIn("BULK_BOTNET", said)
        self.assertIn("networks=", said["BULK_BOTNET"])
        score = self.judged(gateway)[-1]["score"]
        self.assertGreater(score, 3)
        self.assertLess(score, 15, "alone they do not refuse")
        # As many, through as many networks, with a sender for each recipient: but one domain answers for all of them.
        self.newsletter(gateway, range(45))
        facts = self.last_facts(gateway)
        self.assertEqual((facts["count"], facts["domains"], facts["authenticated_share"]), (45, 1, 1))
        self.assertGreater(facts["networks"], 20)
        self.assertFalse({name for name in self.hit(gateway) if self.rules_of(self.judged(gateway)[-1])[name]["score"] > 0})

    def test_mail_that_an_admin_allowed_is_not_hit(self):
        gateway = self.shipped()
        self.spread(gateway, OFFER, range(45))
        self.assertIn("BULK_BOTNET", self.hit(gateway))
        self.assertEqual(self.bulk(gateway, "allow", self.last_facts(gateway)["cluster"])[0], 0)
        self.spread(gateway, OFFER, [45])
        self.assertEqual(self.hit(gateway), {})

    def test_what_copies_a_newsletter_is_hit_and_the_newsletter_still_is_not(self):
        gateway = self.shipped()
        self.newsletter(gateway, range(10))
        self.spread(gateway, NEWSLETTER, range(100, 160))
        self.assertIn("BULK_BOTNET", self.hit(gateway))
        self.newsletter(gateway, [11])
        rules = self.rules_of(self.judged(gateway)[-1])
        # The same cluster of mostly strangers: his own mail weighs less than theirs.
        self.assertLess(self.judged(gateway)[-1]["score"], self.judged(gateway)[-2]["score"], rules)

    def test_answering_machines_are_no_campaign(self):
        gateway = self.shipped()
        text = "I am out of the office until Monday and cannot read your message before then. Please write to my colleague.\r\n"
        for number in range(30):
            self.deliver(gateway, text, zombie(number), f"info{number}@shop{number}.example", Auto_Submitted="auto-replied")
        self.assertEqual(self.last_facts(gateway)["evidence"], "auto-reply")
        self.assertEqual(self.hit(gateway), {})


if __name__ == "__main__":
    main()
