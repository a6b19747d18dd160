#!/usr/bin/env python3
"""The journal's file beside a running gateway: read by other programs, killed, broken, shared by mistake, in a place that cannot be."""
import signal
import sqlite3

from client import Client, message
from harness import Case, main, wait_until
from sink import Sink

ANN, BOB = "ann@sender.example", "bob@example.org"


class Journal(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink().start()
        self.addCleanup(self.sink.stop)

    def gateway(self, name="postern", start=True, **settings):
        return self.postern({"backend": {"address": [self.sink.address]}, **settings}, name=name, start=start)

    def file(self, gateway):
        return gateway.folder / "journal.db"

    def deliver(self, gateway, count=1):
        with Client(gateway.port) as client:
            for _ in range(count):
                self.assertEqual(client.deliver(ANN, [BOB], message()).code, 250)

    def entries(self, gateway):
        return int(gateway.metric("postern_journal_entries_total"))

    def rows(self, gateway):
        with sqlite3.connect(f"file:{self.file(gateway)}?mode=ro", uri=True) as db:
            return db.execute("SELECT verdict, json_extract(data, '$.facts.from'), CAST(header AS TEXT) FROM message").fetchall()

    def test_other_programs_read_it_and_find_no_body(self):
        gateway = self.gateway()
        self.deliver(gateway, 3)
        wait_until("the entries", lambda: self.entries(gateway) == 3)
        rows = self.rows(gateway)
        self.assertEqual([row[:2] for row in rows], [("accept", ANN)] * 3)
        self.assertIn("Subject: a test\r\n", rows[0][2])
        self.assertNotIn("Good day", rows[0][2])
        self.assertEqual(self.file(gateway).stat().st_mode & 0o777 & ~0o640, 0)
        self.assertGreater(gateway.metric("postern_journal_bytes"), 0)
        self.assertEqual(gateway.metric("postern_journal_dropped_total"), 0)
        self.assertEqual(gateway.process.stop(), 0)
        self.assertEqual(len(self.rows(gateway)), 3, "after its end too")

    def test_what_was_answered_last_is_written_before_the_end(self):
        gateway = self.gateway()
        self.deliver(gateway, 5)
        self.assertEqual(gateway.process.stop(), 0)
        self.assertEqual(len(self.rows(gateway)), 5)

    def test_a_killed_gateway_leaves_what_was_written(self):
        gateway = self.gateway()
        written = 0
        for _ in range(3):
            before = self.entries(gateway)
            self.deliver(gateway, 20)
            wait_until("the entries", lambda: self.entries(gateway) == before + 20)
            written += 20
            gateway.process.signal(signal.SIGKILL)
            gateway.process.wait()
            self.assertEqual(len(self.rows(gateway)), written, "for who looks before it is back")
            gateway.serve()
        self.assertNotIn("set aside", gateway.log())
        self.deliver(gateway)
        wait_until("the next", lambda: len(self.rows(gateway)) == written + 1)

    def test_a_file_of_something_else_is_set_aside(self):
        gateway = self.gateway(start=False)
        self.file(gateway).write_bytes(b"dear diary\n" * 1000)
        gateway.serve()
        self.assertIn("set aside as", gateway.log())
        aside = list(gateway.folder.glob("journal.db.broken-*"))
        self.assertEqual([path.read_bytes() for path in aside], [b"dear diary\n" * 1000])
        self.deliver(gateway)
        wait_until("the entry", lambda: len(self.rows(gateway)) == 1)

    def test_a_second_gateway_serves_without_until_the_first_has_gone(self):
        first = self.gateway()
        second = self.gateway(name="second", journal={"path": str(self.file(first))})
        self.assertIn("another gateway writes it; serving without a journal", second.log())
        self.deliver(second)
        self.deliver(first)
        self.assertEqual(first.process.stop(), 0)
        self.assertEqual(len(self.rows(first)), 1, "of the first alone")
        self.assertEqual(second.metric("postern_journal_entries_total"), 0)
        second.reload()
        self.deliver(second)
        wait_until("the second's entry", lambda: len(self.rows(first)) == 2)

    def test_a_place_that_cannot_be_and_none_at_all(self):
        for path, said in ((str(self.folder / "file" / "journal.db"), "serving without a journal"), ("", None)):
            (self.folder / "file").touch()
            gateway = self.gateway(name=f"at{len(path)}", journal={"path": path})
            self.deliver(gateway)
            self.assertEqual("serving without a journal" in gateway.log(), said is not None)
            self.assertEqual(gateway.process.stop(), 0)

    def test_a_reload_changes_its_bounds(self):
        gateway = self.gateway()
        self.deliver(gateway, 2)
        wait_until("the entries", lambda: self.entries(gateway) == 2)
        with sqlite3.connect(self.file(gateway)) as db:  # one of them came two hours ago
            db.execute("UPDATE message SET time = time - 7200000 WHERE place = 1")
        gateway.settings["journal"].update(keep="1h", size="16MiB")
        gateway.write_config()
        gateway.reload()
        self.deliver(gateway)
        wait_until("the old one's end", lambda: len(self.rows(gateway)) == 2)


if __name__ == "__main__":
    main()
