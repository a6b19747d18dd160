#!/usr/bin/env python3
"""Never accepted without delivered: a backend that fails in every way, at every step, and clients that vanish."""
import os
import random
import signal
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

from client import Client, message, stuffed
from harness import Case, free_port, listens, main, wait_until
from sink import Close, Hold, Reset, Say, Sink

BIG = message(body="a line of some length that comes again\r\n" * 600)
GARBAGE = Say(b"\x00\xffbanana\r\n")
# Of the transactions that fail at a step: what the backend does there, and what the client must be told.
FAULTS = {
    **{f"{step}-{name}": (step, action, 451) for step in ("mail", "rcpt", "data", "dot")
       for name, action in (("close", Close()), ("reset", Reset()), ("garbage", GARBAGE),
                            ("shutting-down", Close(b"421 4.3.2 going down\r\n")), ("half", Close(b"25")))},
    **{f"content-{name}": ("content", action, 451) for name, action in
       (("close", Close()), ("reset", Reset()), ("early-refusal", Close(b"421 4.3.2 too much\r\n")))},
    "data-250": ("data", Say(b"250 2.0.0 no content wanted\r\n"), 451),
    "dot-354": ("dot", Say(b"354 more please\r\n"), 451),
    "dot-half-250": ("dot", Close(b"250 2.0.0 Ok, nearly"), 451),
    "after-close": ("after", Close(), 250),
    # What the backend itself decides passes through.
    "mail-452": ("mail", Say(b"452 4.3.1 disk full\r\n"), 452),
    "rcpt-450": ("rcpt", Say(b"450 4.2.1 mailbox busy\r\n"), 450),
    "rcpt-550": ("rcpt", Say(b"550 5.1.1 no such user\r\n"), 550),
    "dot-452": ("dot", Say(b"452 4.3.1 disk full\r\n"), 452),
    "dot-554": ("dot", Say(b"554 5.6.0 not wanted\r\n"), 554),
    "none": (None, None, 250),
}
# What befalls whole connections, before anybody has said MAIL.
EARLY = {
    "greeting-close": ("greeting", Close()), "greeting-reset": ("greeting", Reset()),
    "greeting-garbage": ("greeting", GARBAGE), "greeting-554": ("greeting", Close(b"554 5.3.2 not now\r\n")),
    "ehlo-close": ("ehlo", Close()), "ehlo-reset": ("ehlo", Reset()), "ehlo-garbage": ("ehlo", GARBAGE),
    "xclient-close": ("xclient", Close()), "xclient-reset": ("xclient", Reset()),
    "xclient-refused": ("xclient", Say(b"550 5.7.0 not from you\r\n")),
}


class NoLoss(Case):
    def gateway(self, address):
        return self.postern({"backend": {"address": [address]}}, rules={})

    def transaction(self, gateway, sender, content):
        with Client(gateway.port) as client:
            return client.deliver(sender, ["bob@example.org"], content)

    def judge(self, outcomes, delivered):
        """`outcomes`: sender -> (reply, expected code)."""
        accepted = {sender for sender, (reply, _) in outcomes.items() if reply.code == 250}
        self.assertEqual(sorted(accepted - set(delivered)), [], "accepted, but never delivered")
        wrong = {s: r for s, (r, code) in outcomes.items() if r.code != code}
        self.assertEqual(wrong, {})
        for sender, (reply, _) in outcomes.items():
            self.assertRegex(reply.text.split(" ")[0], rf"^{reply.code // 100}\.\d+\.\d+$", sender)
        print(f"{len(outcomes)} transactions, {len(accepted)} accepted, {len(delivered)} delivered", end=" ", flush=True)

    def test_backend_fails_at_every_step_of_a_transaction(self):
        def script(step, session):
            fault = FAULTS.get((session.sender or "").split("@")[0].split(".")[-1])
            return fault[1] if fault and fault[0] == step else None
        sink = Sink(script).start()
        self.addCleanup(sink.stop)
        gateway = self.gateway(sink.address)
        plan = [(f"t{n}.{name}@sender.example", name) for n in range(40) for name in FAULTS]
        self.assertGreaterEqual(len(plan), 1000)
        random.Random(1).shuffle(plan)

        def run(item):
            sender, name = item
            content = BIG if name.startswith("content") or zlib.crc32(sender.encode()) % 3 == 0 else message()
            return sender, (self.transaction(gateway, sender, content), FAULTS[name][2])
        with ThreadPoolExecutor(8) as pool:
            outcomes = dict(pool.map(run, plan))
        delivered = [m.sender for m in sink.messages]
        self.assertEqual(len(delivered), len(set(delivered)), "delivered twice")
        self.judge(outcomes, delivered)

    def test_backend_fails_before_any_transaction(self):
        current = [None]

        def script(step, _):
            return current[0][1] if current[0] and current[0][0] == step else None
        sink = Sink(script).start()
        self.addCleanup(sink.stop)
        gateway = self.gateway(sink.address)
        outcomes = {}
        with ThreadPoolExecutor(8) as pool:
            for name, fault in list(EARLY.items()) * 3:
                for fault_now, code in ((fault, 451), (None, 250)):
                    current[0] = fault_now
                    senders = [f"e{len(outcomes) + n}.{name}@sender.example" for n in range(10)]
                    replies = pool.map(lambda s: self.transaction(gateway, s, message()), senders)
                    outcomes.update((s, (r, code)) for s, r in zip(senders, replies))
        self.judge(outcomes, [m.sender for m in sink.messages])

    def test_backend_killed_again_and_again(self):
        log, port = self.folder / "delivered", free_port()
        log.touch()
        gateway = self.gateway(f"127.0.0.1:{port}")
        outcomes, lock, over = {}, threading.Lock(), threading.Event()

        def sender_loop(worker):
            number = 0
            while not over.is_set():
                sender = f"k{worker}-{number}@sender.example"
                reply = self.transaction(gateway, sender, BIG)
                with lock:
                    outcomes[sender] = reply
                number += 1
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sink.py")
        workers = [threading.Thread(target=sender_loop, args=(n,)) for n in range(4)]
        chance = random.Random(2)
        for life in range(15):
            sink = self.start(f"sink{life}", [sys.executable, script, port, log])
            sink.ready("listens", lambda: listens(port))
            if life == 0:
                for worker in workers:
                    worker.start()
            seen = len(log.read_text().splitlines())
            goal = seen + chance.randrange(1, 20)
            wait_until("deliveries", lambda: len(log.read_text().splitlines()) >= goal)
            sink.signal(signal.SIGKILL)
            sink.wait()
        over.set()
        for worker in workers:
            worker.join()
        delivered = set(log.read_text().splitlines())
        accepted = {s for s, r in outcomes.items() if r.code == 250}
        self.assertEqual(sorted(accepted - delivered), [], "accepted, but never delivered")
        self.assertEqual({r.code for r in outcomes.values()} - {250, 451}, set())
        self.assertGreater(len(accepted), 15)

    def test_backend_that_is_not_there(self):
        gateway = self.gateway(f"127.0.0.1:{free_port()}")
        reply = self.transaction(gateway, "ann@sender.example", message())
        self.assertEqual(reply.code, 451)
        self.assertTrue(reply.text.startswith("4.4.1 "), reply)
        self.assertEqual(gateway.http("/readyz")[0], 503)

    def test_second_backend_takes_over(self):
        sink = Sink().start()
        self.addCleanup(sink.stop)
        gateway = self.postern({"backend": {"address": [f"127.0.0.1:{free_port()}", sink.address]}}, rules={})
        for number in range(5):
            self.assertEqual(self.transaction(gateway, f"b{number}@sender.example", message()).code, 250)
        self.assertEqual(len(sink.messages), 5)


class VanishingClients(Case):
    def setUp(self):
        super().setUp()
        self.held = {}
        self.sink = Sink(lambda step, s: self.held.get(s.sender) if step == "dot" else None).start()
        self.addCleanup(self.sink.stop)
        self.addCleanup(lambda: [h.go() for h in self.held.values()])
        self.gateway = self.postern({"backend": {"address": [self.sink.address]}}, rules={})

    def vanish_past_the_dot(self, sender, content):
        hold = self.held[sender] = Hold()
        client = Client(self.gateway.port)
        self.assertEqual(client.envelope(sender, ["bob@example.org"]).code, 354)
        client.send(stuffed(content))
        self.assertTrue(hold.reached.wait(60))
        client.reset()
        hold.go()
        wait_until("the delivery", lambda: any(m.sender == sender for m in self.sink.messages))
        del self.held[sender]

    def test_a_retry_gets_the_same_250_without_a_second_delivery(self):
        self.vanish_past_the_dot("ann@sender.example", BIG)
        with Client(self.gateway.port) as client:
            answer = client.deliver("ann@sender.example", ["bob@example.org"], BIG)
        self.assertEqual(answer.code, 250)
        self.assertIn("queued as S0", answer.text)
        self.assertEqual(len(self.sink.messages), 1)

    def test_another_message_is_delivered(self):
        self.vanish_past_the_dot("ann@sender.example", BIG)
        for sender, recipient, content in (("ann@sender.example", "bob@example.org", message()),
                                           ("ann@sender.example", "eve@example.org", BIG),
                                           ("tom@sender.example", "bob@example.org", BIG)):
            with Client(self.gateway.port) as client:
                self.assertEqual(client.deliver(sender, [recipient], content).code, 250)
        self.assertEqual(len(self.sink.messages), 4)

    def test_a_client_that_vanishes_before_the_dot_delivers_nothing(self):
        for number in range(50):
            client = Client(self.gateway.port)
            self.assertEqual(client.envelope(f"v{number}@sender.example", ["bob@example.org"]).code, 354)
            client.send(stuffed(BIG)[:-3 if number % 2 else 5000])
            client.reset()
        wait_until("all sessions to end", lambda: self.gateway.metric("postern_connections_open") == 0)
        self.assertEqual(self.sink.messages, [])


if __name__ == "__main__":
    main()
