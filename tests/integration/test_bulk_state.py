#!/usr/bin/env python3
"""What is counted outlives the gateway: restarts, kills at any moment, files that are no snapshot, two gateways in one folder."""
import random
import signal
import threading

from campaigns import LETTERS, NEWSLETTER, OFFER, Campaigns, facts
from harness import main, wait_until

KILLS = 12


class BulkState(Campaigns):
    def file(self, gateway):
        return gateway.folder / "bulk" / "clusters"

    def names(self, gateway):
        """What is in the folder beside the lock."""
        return sorted(path.name for path in (gateway.folder / "bulk").iterdir() if path.name != "lock")

    def stop(self, gateway):
        """SIGTERM, as a service manager does it."""
        self.assertEqual(gateway.process.stop(), 0)

    def restart(self, gateway):
        self.stop(gateway)
        return gateway.serve()

    def test_a_restart_goes_on_counting(self):
        gateway = self.gateway(bulk={"limit": 10})
        self.spread(gateway, OFFER, range(12))
        self.spread(gateway, NEWSLETTER, range(3))
        self.deliver(gateway, LETTERS[0].replace("\n", "\r\n"))
        self.assertEqual(self.bulk(gateway, "allow", self.clusters(gateway)[0]["cluster"])[0], 0)
        before = self.clusters(gateway, "--all")
        first = self.last_of(gateway, 12)["first_seen"]
        self.restart(gateway)
        self.assertEqual(self.clusters(gateway, "--all"), before)
        self.spread(gateway, OFFER, range(12, 14))
        said = self.last_facts(gateway)
        self.assertEqual((said["count"], said["allowed"], said["cluster"], said["first_seen"]), (14, True, before[0]["cluster"], first))
        self.deliver(gateway, LETTERS[0].replace("\n", "\r\n"))
        self.assertEqual(self.last_facts(gateway)["count"], 2, "what was alone is known too")
        self.assertNotIn("set aside", gateway.log())
        self.assertEqual(self.names(gateway), ["clusters"])
        self.assertEqual(gateway.log().count("has reached"), 1, "the cluster was over the limit before")

    def last_of(self, gateway, number):
        """mail.bulk of the message that was judged as number `number`."""
        return facts(self.rules_of(self.judged(gateway)[number - 1])["BULK_FACTS"]["detail"])

    def test_others_cannot_read_it(self):
        gateway = self.gateway()
        self.spread(gateway, OFFER, range(2))
        self.stop(gateway)
        self.assertEqual(self.file(gateway).stat().st_mode & 0o777, 0o600)
        self.assertIn(b"shop0.example", self.file(gateway).read_bytes(), "who wrote is in it")

    def test_what_is_no_snapshot_is_set_aside(self):
        gateway = self.gateway()
        self.spread(gateway, OFFER, range(4))
        self.stop(gateway)
        whole = self.file(gateway).read_bytes()
        bad = {"torn": whole[:-100], "torn at its beginning": whole[:9], "a bit": whole[:200] + bytes([whole[200] ^ 4]) + whole[201:],
               "empty": b"", "foreign": b"From ann@sender.example Mon Mar  2 10:00:00 2026\n", "newer": whole[:8] + b"\7" + whole[9:]}
        for name, octets in bad.items():
            with self.subTest(name):
                self.file(gateway).write_bytes(octets)
                gateway.serve()
                said = [line for line in gateway.log().splitlines() if "set aside as" in line][-1]
                self.assertIn('"level":"warning"', said)
                self.assertEqual(self.clusters(gateway, "--all"), [], "it begins anew")
                aside = [n for n in self.names(gateway) if n.startswith("clusters.bad-")]
                self.assertIn(octets, [(gateway.folder / "bulk" / n).read_bytes() for n in aside])
                self.stop(gateway)
                self.assertTrue(self.file(gateway).exists())
        self.assertEqual(len([n for n in self.names(gateway) if n.startswith("clusters.bad-")]), 3, "no more than three are kept")
        self.file(gateway).write_bytes(whole)
        gateway.serve()
        self.assertEqual([c["count"] for c in self.clusters(gateway, "--all")], [4])

    def test_a_folder_in_its_place(self):
        gateway = self.gateway(start=False)
        self.file(gateway).mkdir()
        gateway.serve()
        self.assertIn("set aside as", gateway.log())
        self.spread(gateway, OFFER, range(3))
        self.restart(gateway)
        self.assertEqual([c["count"] for c in self.clusters(gateway, "--all")], [3])

    def test_where_nothing_can_be_kept_mail_flows(self):
        place = self.folder / "in-the-way"
        place.write_text("a file")
        gateway = self.gateway(bulk={"state": str(place)})
        self.assertIn("counts will not survive a restart", gateway.log())
        self.spread(gateway, OFFER, range(3))
        self.assertEqual(self.last_facts(gateway)["count"], 3)
        self.restart(gateway)
        self.assertEqual(self.clusters(gateway, "--all"), [])

    def test_a_second_gateway_keeps_nothing_in_the_same_folder(self):
        first = self.gateway(bulk={"limit": 10})
        self.spread(first, OFFER, range(4))
        second = self.gateway(name="second", bulk={"limit": 10, "state": str(first.folder / "bulk")})
        said = [line for line in second.log().splitlines() if "another process keeps its state" in line]
        self.assertEqual(len(said), 1)
        self.assertIn('"level":"warning"', said[0])
        self.assertIn("counts will not survive a restart", said[0])
        self.spread(second, NEWSLETTER, range(3))
        self.assertEqual(self.last_facts(second)["count"], 3, "it counts all the same")
        self.assertEqual(second.process.stop(), 0)
        self.restart(first)
        self.assertEqual([c["count"] for c in self.clusters(first, "--all")], [4], "the first one's are there, and nothing else")
        self.assertNotIn("another process keeps", first.log())

    def test_killed_while_it_saves(self):
        """SIGTERM writes the state; SIGKILL follows at any moment. What is found is the state before or after, never another."""
        source = random.Random(6)
        gateway = self.gateway()
        count, killed = 0, 0
        for kill in range(KILLS):
            self.spread(gateway, OFFER, range(count, count + 3))
            count += 3
            gateway.process.signal(signal.SIGTERM)
            timer = threading.Timer(source.random() * 0.02, gateway.process.child.kill)  # any moment will do
            timer.start()
            killed += gateway.process.wait() == -signal.SIGKILL
            timer.join()
            gateway.serve()
            self.assertNotIn("set aside", gateway.log())
            self.assertFalse([n for n in self.names(gateway) if n != "clusters"], "half a file is not left behind")
            kept = sum(c["count"] for c in self.clusters(gateway, "--all"))
            self.assertIn(kept, (count, count - 3), "the state before or after")
            count = kept
        print(f"killed {killed} of {KILLS} times before it had ended, {count} messages kept", flush=True)


if __name__ == "__main__":
    main()
