#!/usr/bin/env python3
"""The journal's file beside a running gateway: read by other programs, killed, broken, shared by mistake, in a place that cannot be."""
import os
import signal
import socket
import sqlite3
import subprocess

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

    # ---------------------------------------------------------------- the room it takes

    def sizes(self, gateway):
        files = [gateway.folder / f"journal.db{suffix}" for suffix in ("", "-wal", "-shm")]
        return [file.stat().st_size if file.exists() else 0 for file in files]

    def test_what_it_takes_is_counted_and_given_back_in_a_quiet_moment(self):
        gateway = self.gateway()
        self.deliver(gateway, 50)
        wait_until("the entries", lambda: self.entries(gateway) == 50)
        wait_until("an empty log", lambda: self.sizes(gateway)[1] == 0)
        wait_until("its metric", lambda: gateway.metric("postern_journal_bytes") == sum(self.sizes(gateway)))
        self.assertEqual(len(self.rows(gateway)), 50)

    def test_mail_goes_on_while_another_program_writes_into_it(self):
        gateway = self.gateway()
        self.deliver(gateway)
        wait_until("the entry", lambda: self.entries(gateway) == 1)
        with sqlite3.connect(self.file(gateway), isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            self.deliver(gateway, 20)
            wait_until("a word of it", lambda: "locked" in gateway.log())
            self.deliver(gateway, 5)
            other.execute("COMMIT")
        wait_until("the entries", lambda: self.entries(gateway) == 26)
        self.assertEqual(gateway.metric("postern_journal_dropped_total"), 0)
        self.assertEqual(len(self.rows(gateway)), 26)

    def test_a_disk_that_is_full_now_and_then(self):
        place = self.folder / "small"
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small disk needs root and mount(8)")
        self.addCleanup(subprocess.run, ["umount", "--lazy", place], check=True)
        gateway = self.gateway(journal={"path": str(place / "journal.db")})
        filler = place / "filler"
        for _ in range(3):
            space = os.statvfs(place)
            filler.write_bytes(bytes(max(0, space.f_bavail * space.f_frsize - 100_000)))
            before = gateway.metric("postern_journal_dropped_total")

            def lost():
                self.deliver(gateway, 20)
                return gateway.metric("postern_journal_dropped_total") > before
            wait_until("entries that are lost", lost)
            filler.unlink()
            before = self.entries(gateway)

            def written():
                self.deliver(gateway)
                return self.entries(gateway) > before
            wait_until("entries again", written)
        self.assertEqual(gateway.log().count("what cannot wait is dropped"), 1, gateway.log())
        self.assertNotIn("well again", gateway.log())
        self.assertEqual(gateway.process.stop(), 0)

    # ---------------------------------------------------------------- before there is a message

    def test_a_backend_that_is_down_at_mail_can_be_explained(self):
        nobody = socket.socket()  # has the port, and does not listen
        self.addCleanup(nobody.close)
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        gateway = self.gateway(backend={"address": [address]})
        with Client(gateway.port) as client:
            reply = client.command(f"MAIL FROM:<{ANN}>")
        self.assertEqual(reply.code, 451)
        self.assertRegex(reply.text, r"^4\.4\.1 .* \[id [0-9A-Z]{26}\]$")
        wait_until("the entry", lambda: self.entries(gateway) == 1)
        said = gateway.run("explain", reply.text)
        self.assertEqual(said.returncode, 0, said.stderr)
        text = said.stdout.decode()
        self.assertTrue(text.startswith("NOT DELIVERED (try again later) at MAIL FROM\n"), text)
        self.assertIn(f"behind us: {address}", text)
        self.assertIn(f"<{ANN}>", text)
        self.assertRegex(gateway.log(), r" refused id=[0-9A-Z]{26} stage=mail .* verdict=defer ")


if __name__ == "__main__":
    main()
