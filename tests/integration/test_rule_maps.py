#!/usr/bin/env python3
"""Map files that change while the gateway runs: taken without a reload; a broken one leaves the old entries in force."""
import os
import re
import threading

from client import Client, message
from harness import Case, main, wait_until
from sink import Sink

BOB = ["bob@example.org"]
RULES = '''
local blocked = map("maps/blocked.map")

rule "BLOCKED" {
  about = "this sender is on our list",
  stage = "mail",
  action = "reject",
  reply = "550 5.7.1 not from you",
  when = function(mail) return blocked:has(mail.from) end,
}
'''


class Maps(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink(record=False).start()
        self.addCleanup(self.sink.stop)
        self.gateway = self.postern({"backend": {"address": [self.sink.address]}}, rules={}, start=False)
        (self.gateway.rules_folder / "maps").mkdir()
        self.map = self.gateway.rules_folder / "maps" / "blocked.map"
        self.map.write_text("bad.example\n")
        self.gateway.write_rules({"10-map.lua": RULES})

    def serve(self):
        self.gateway.serve()
        self.assertEqual(self.code_for("ann@bad.example"), 550)
        self.assertEqual(self.code_for("ann@good.example"), 250)

    def code_for(self, sender):
        with Client(self.gateway.port) as client:
            return client.deliver(sender, BOB, message()).code

    def replace(self, text):
        """Written beside it and renamed, as the operator's guide says."""
        fresh = self.map.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, self.map)

    def map_reloads(self, result):
        return self.gateway.metric("postern_map_reloads_total", result=result)

    def after_change(self, result, text):
        before = self.map_reloads(result)
        self.replace(text)
        wait_until(f"the map's outcome: {result}", lambda: self.map_reloads(result) > before)

    def test_new_entries_judge_mail_without_a_reload(self):
        self.serve()
        self.assertEqual(self.gateway.metric("postern_map_entries", map=str(self.map)), 1)
        self.after_change("ok", "# they moved\nworse.example\n.bad.example\n")
        self.assertEqual(self.code_for("ann@bad.example"), 250)
        self.assertEqual(self.code_for("ann@worse.example"), 550)
        self.assertEqual(self.code_for("ann@mail.bad.example"), 550)
        self.assertEqual(self.gateway.metric("postern_map_entries", map=str(self.map)), 2)
        self.assertIn(f"map {self.map}: 2 entries, 1 before", self.gateway.log())
        self.assertEqual(self.gateway.metric("postern_reloads_total"), 0)

    def test_a_broken_file_leaves_the_old_entries_and_is_named_once(self):
        self.serve()
        self.after_change("refused", "good.example\n192.0.2.1/24\n")
        self.assertEqual(self.code_for("ann@bad.example"), 550)
        self.assertEqual(self.code_for("ann@good.example"), 250)
        self.assertIn(f"{self.map}:2: ", self.gateway.log())
        self.after_change("ok", "good.example\n192.0.2.0/24\n")
        self.assertEqual(self.code_for("ann@good.example"), 550)
        self.assertEqual(self.map_reloads("refused"), 1)
        self.assertEqual(len(re.findall(re.escape(f"{self.map}:2: "), self.gateway.log())), 1)

    def test_a_file_that_goes_leaves_the_old_entries_and_may_come_back(self):
        self.serve()
        self.map.unlink()
        wait_until("the refusal", lambda: self.map_reloads("refused") == 1)
        self.assertEqual(self.code_for("ann@bad.example"), 550)
        self.assertIn(f"{self.map}: No such file or directory; the old entries stay", self.gateway.log())
        self.after_change("ok", "good.example\n")
        self.assertEqual(self.code_for("ann@good.example"), 550)

    def test_a_reload_takes_the_map_too_and_goes_on_watching(self):
        self.serve()
        self.replace("good.example\n")
        self.assertEqual(self.gateway.reload(), "ok")
        self.assertEqual(self.code_for("ann@good.example"), 550)
        self.after_change("ok", "bad.example\n")
        self.assertEqual(self.code_for("ann@bad.example"), 550)
        self.assertEqual(self.code_for("ann@good.example"), 250)

    def test_a_refused_reload_goes_on_watching_the_old_maps(self):
        self.serve()
        self.gateway.write_rules({"20-broken.lua": "rule 'BROKEN' {\n"})
        self.assertEqual(self.gateway.reload(), "refused")
        self.after_change("ok", "good.example\n")
        self.assertEqual(self.code_for("ann@good.example"), 550)

    def test_a_reload_that_cannot_read_the_map_is_refused(self):
        self.serve()
        self.replace("*.bad.example\n")
        self.assertEqual(self.gateway.reload(), "refused")
        self.assertIn(f"{self.map}:1: '*.bad.example': write .bad.example for every name below", self.gateway.log())
        self.assertEqual(self.code_for("ann@bad.example"), 550)

    def test_a_gateway_does_not_start_without_its_map(self):
        self.map.unlink()
        checked = self.gateway.run("check")
        self.assertEqual(checked.returncode, 1)
        self.assertRegex(checked.stderr.decode(), r"10-map\.lua:2: .*blocked\.map: No such file or directory")

    def test_a_fifo_in_place_of_a_map_holds_nobody(self):
        self.serve()
        fresh = self.map.with_suffix(".new")
        os.mkfifo(fresh)
        os.replace(fresh, self.map)
        wait_until("the refusal", lambda: self.map_reloads("refused") == 1)
        self.assertIn(f"{self.map}: is not a regular file", self.gateway.log())
        self.assertEqual(self.code_for("ann@bad.example"), 550)
        self.assertEqual(self.gateway.reload(), "refused")

    def test_every_message_under_way_is_judged_by_one_of_the_versions(self):
        self.serve()
        stop, wrong = threading.Event(), []

        def send():
            while not stop.is_set():
                # In both versions; and in neither.
                if self.code_for("x@always.example") != 550 or self.code_for("x@never.example") != 250:
                    wrong.append("judged by neither")
        self.after_change("ok", "always.example\nbad.example\n")
        threads = [threading.Thread(target=send) for _ in range(3)]
        for thread in threads:
            thread.start()
        for name in ("one.example", "two.example"):
            self.after_change("ok", f"always.example\n{name}\n")
            self.assertEqual(self.code_for(f"x@{name}"), 550)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    main()
