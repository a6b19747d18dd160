#!/usr/bin/env python3
"""What no rule decides is refused under an id too: found in the log and by `postern explain`, which says what an admin can change."""
import json
import re

from client import Client, message
from harness import Case, main, wait_until
from sink import Say, Sink

ANN, BOB = "ann@sender.example", "bob@example.org"


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.script = {}
        self.sink = Sink(lambda step, session: self.script.get(step)).start()
        self.addCleanup(self.sink.stop)

    def gateway(self, **settings):
        self.served = self.postern({"backend": {"address": [self.sink.address]}, "log": {"format": "json"},
                                    "listen": [{"proxy_protocol": ["127.0.0.1/32"]}], **settings})
        return self.served

    def client(self):
        client = Client(self.served.port, source="192.0.2.1")
        self.addCleanup(client.close)
        return client

    def lines(self, **fields):
        lines = [json.loads(line) for line in self.served.log().splitlines() if line.startswith("{")]
        return [line for line in lines if fields.items() <= line.items()]

    def rows(self):
        return int(self.served.metric("postern_journal_entries_total"))

    def answers(self, id):
        said = self.served.run("explain", "--json", id)
        self.assertEqual(said.returncode, 0, said.stderr)
        return json.loads(said.stdout)["answers"]

    def assert_explained(self, reply, code, cause, head, *words):
        """The reply names an id; the log and explain know it, and say in words what to change."""
        self.assertEqual(reply.code, code, reply)
        found = re.search(r" \[id ([0-9A-Z]{26})\]$", reply.text)
        self.assertTrue(found, reply)
        wait_until("its entry", lambda: cause in [answer.get("cause") for answer in self.answers(found[1])])
        said = self.served.run("explain", f"{reply.code} {reply.text}")
        self.assertEqual(said.returncode, 0, said.stderr)
        text = said.stdout.decode()
        self.assertIn(head + "\n", text)
        flat = " ".join(text.split())
        for word in words:
            self.assertIn(word, flat, text)
        self.assertIn("Step by step", text)
        self.assertIn(f"reply: {reply.code} ", flat)
        self.assertTrue(self.lines(id=found[1], cause=cause), self.served.log())
        return found[1]

    def test_relaying(self):
        self.gateway()
        client = self.client()
        client.command(f"MAIL FROM:<{ANN}>")
        reply = client.command("RCPT TO:<bob@elsewhere.example>")
        id = self.assert_explained(reply, 550, "relay", "REJECTED at RCPT TO", "[relay] domains", "[relay] trusted",
                                   "<bob@elsewhere.example>", f"<{ANN}>")
        # One who tries many is two entries.
        for number in range(500):
            reply = client.command(f"RCPT TO:<bob{number}@elsewhere.example>")
            self.assertIn(id, reply.text)
        client.command("RSET")
        more = wait_until("the rest", lambda: [answer for answer in self.answers(id) if "times" in answer])
        self.assertEqual([answer["times"] for answer in more], [500])
        self.assertEqual(more[0]["rcpts"][0], "bob0@elsewhere.example")
        self.assertEqual([line.get("times") for line in self.lines(id=id)], [None, 500])
        self.assertEqual(self.rows(), 2)
        self.assertIn("This was answered 500 times more under this id", " ".join(self.served.run("explain", id).stdout.decode().split()))

    def test_relaying_in_many_transactions(self):
        self.gateway()
        client = self.client()
        ids = set()
        for _ in range(200):
            client.command(f"MAIL FROM:<{ANN}>")
            ids.add(re.search(r"\[id (\w+)\]", client.command("RCPT TO:<bob@elsewhere.example>").text)[1])
            client.command("RSET")
        client.command("QUIT")
        wait_until("the last", lambda: any("times" in line for line in self.lines(cause="relay")))
        wait_until("the rows", lambda: self.rows() == 11)
        self.assertEqual(sum(line.get("times", 1) for line in self.lines(cause="relay")), 200)
        for id in ids:
            self.assertTrue(self.answers(id))

    def test_too_big_announced_and_sent(self):
        self.gateway(limits={"message_size": "1KiB"})
        client = self.client()
        reply = client.command(f"MAIL FROM:<{ANN}> SIZE=2000")
        self.assert_explained(reply, 552, "too_big", "REJECTED at MAIL FROM", "a message of 2000 octets", "[limits] message_size")
        reply = client.deliver(ANN, [BOB], message(body="x" * 70 + "\r\n" + "y\r\n" * 1000))
        self.assert_explained(reply, 552, "too_big", "REJECTED", "[limits] message_size")

    def test_bare_line_ends(self):
        self.gateway(smtp={"bare_newline": "reject"})
        client = self.client()
        client.envelope(ANN, [BOB])
        client.send(b"Subject: x\n\r\nbody\r\n.\r\n")
        self.assert_explained(client.reply(), 550, "bare_newline", "REJECTED", "[smtp] bare_newline", '"normalize"')

    def test_no_room(self):
        self.gateway(limits={"spool": str(self.folder / "spool"), "memory": "8MiB"})
        spool = self.folder / "spool"
        spool.rmdir()
        spool.write_text("in the way")
        client = self.client()
        reply = client.deliver(ANN, [BOB], message(body=("x" * 70 + "\r\n") * 50_000))
        id = self.assert_explained(reply, 452, "storage", "NOT DELIVERED (try again later)", "[limits] spool", "[limits] memory")
        self.assertTrue([line for line in self.lines(event="note", level="error") if id in line["text"]])

    def test_recipients(self):
        self.gateway(limits={"recipients": 2}, verdict={"for": [{"recipients": ["strict@example.org"], "reject": 5.0}]})
        client = self.client()
        client.command(f"MAIL FROM:<{ANN}>")
        client.command(f"RCPT TO:<{BOB}>")
        reply = client.command("RCPT TO:<strict@example.org>")
        self.assert_explained(reply, 452, "other_limits", "DEFERRED at RCPT TO", "[verdict] mixed", "<strict@example.org>")
        client.command("RCPT TO:<carol@example.org>")
        reply = client.command("RCPT TO:<dave@example.org>")
        self.assert_explained(reply, 452, "too_many_recipients", "DEFERRED at RCPT TO", "[limits] recipients")
        self.script["rcpt"] = Say(b"550 5.1.1 nobody here\r\n")
        client.command("RSET")
        client.command(f"MAIL FROM:<{ANN}>")
        self.assertEqual(client.command(f"RCPT TO:<{BOB}>").text, "5.1.1 nobody here")
        reply = client.command("DATA")
        self.assert_explained(reply, 554, "no_recipients", "REJECTED at RCPT TO", f"{BOB}: 550 5.1.1 nobody here")

    def test_told_to_go(self):
        self.gateway(limits={"errors": 2, "command_timeout": "1s"})
        client = self.client()
        for _ in range(3):
            reply = client.command("FOO")
        self.assert_explained(reply, 421, "too_many_errors", "TOLD TO GO at HELO", "[limits] errors")
        client = self.client()
        client.command(f"MAIL FROM:<{ANN}>")
        self.assert_explained(client.reply(), 421, "time_out", "TOLD TO GO at MAIL FROM", "[limits] command_timeout")

    def test_replay_leaves_out_what_no_rule_judged(self):
        self.gateway()
        client = self.client()
        client.command(f"MAIL FROM:<{ANN}>")
        client.command("RCPT TO:<bob@elsewhere.example>")
        self.assertEqual(client.command(f"RCPT TO:<{BOB}>").code, 250)
        client.command("DATA")
        client.send(message() + b".\r\n")
        self.assertEqual(client.reply().code, 250)
        wait_until("the rows", lambda: self.rows() == 2)
        said = self.served.run("replay", "--json")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(json.loads(said.stdout)["messages"]["all"], 1, said.stdout)

    def test_each_reload_says_that_another_journal_waits_for_a_restart(self):
        gateway = self.gateway()
        gateway.settings["journal"]["path"] = str(self.folder / "other.db")
        gateway.write_config()
        for count in (1, 2):
            gateway.reload()
            self.assertEqual(len([line for line in self.lines(level="warning") if "[journal] path" in line["text"]]), count)


if __name__ == "__main__":
    main()
