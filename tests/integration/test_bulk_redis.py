#!/usr/bin/env python3
"""Gateways that share their counts of alike messages through Redis: what is one campaign to them, and what mail feels of a
Redis that is killed, stopped, emptied or not there."""
import json
import random
import subprocess
import threading
import time

from client import Client, field, message, stuffed
from dns_lists import hits
from harness import BINARY, PATIENCE, Case, main, wait_until
from redis_server import Redis
from sink import Sink

# The count of its like, as the score of a rule.
COUNT_RULE = '''
rule "COUNT" {
  about = "how many of these there were, this one included",
  score = 1.0,
  when = function(mail) return mail.bulk.count end,
}
'''
BOB = ["bob@example.org"]
# Of the issue: what no verdict may be delayed by, in seconds.
LIMIT = 0.050


def text_of(seed, words=120):
    """A text of made-up words that has nothing in common with that of another seed."""
    rng = random.Random(seed)
    word = lambda: "".join(rng.choice("bdfgklmnprstv") + rng.choice("aeiou") for _ in range(rng.randrange(2, 5)))
    return "\r\n".join(" ".join(word() for _ in range(10)) + "." for _ in range(words // 10)) + "\r\n"


class Sharing(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink().start()
        self.addCleanup(self.sink.stop)
        self.sent = 0
        self.campaign = 100  # the last one of check_shared()
        self.lock = threading.Lock()

    def gateway(self, name, store, **settings):
        return self.postern({"backend": {"address": [self.sink.address]}, "bulk": {"store": store, **settings},
                             "verdict": {"tag": "off", "reject": "off"}}, rules={"10-count.lua": COUNT_RULE}, name=name)

    def pair(self, redis):
        gateways = [self.gateway(name, redis.store()) for name in ("first", "second")]
        for gateway in gateways:
            self.until_up(gateway)
        return gateways

    def until_up(self, gateway):
        wait_until(f"{gateway.name} shares", lambda: gateway.metric("postern_bulk_store_up") == 1)

    def until_down(self, gateway):
        wait_until(f"{gateway.name} is alone", lambda: gateway.metric("postern_bulk_store_up") == 0)

    def content(self, seed):
        """The next copy of a campaign: its number and its recipient's name differ."""
        with self.lock:
            self.sent += 1
            number = self.sent
        name = random.Random(number).choice(("Bob", "Robert", "Mr Builder"))
        return message(subject=f"offer {number}", body=f"Dear {name},\r\n\r\n{text_of(seed)}\r\nOrder {number}\r\n",
                       Message_ID=f"<{number}@sender.example>")

    def deliver(self, gateway, seed, client=None):
        """Sends one copy: (its count, seconds from the final dot to the reply)."""
        content = self.content(seed)
        own = client or Client(gateway.port)
        try:
            self.assertEqual(own.envelope("ann@sender.example", BOB).code, 354)
            data = stuffed(content)
            began = time.monotonic()
            own.send(data)
            reply = own.reply()
            took = time.monotonic() - began
            self.assertEqual(reply.code, 250, reply)
        finally:
            if client is None:
                own.command("QUIT")
                own.close()
        wanted = field(content, "Message-ID")
        arrived = next(m for m in reversed(self.sink.messages) if field(m.content, "Message-ID") == wanted)
        return round(hits(arrived.content)["COUNT"]), took

    def clusters(self, gateway):
        status, text = gateway.http("/api/bulk?at_least=2")
        self.assertEqual(status, 200, text)
        return {c["cluster"]: c["count"] for c in json.loads(text)["clusters"]}

    def shown(self, gateway, cluster):
        status, text = gateway.http(f"/api/bulk/{cluster}")
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def check_shared(self, gateways, count=30):
        """The n-th message of all is the n-th to whoever gets it. Returns the campaign. On a busy machine an event may be late,
        and its message is counted without what is on its way: then the next campaign has to show it."""
        def alone():
            return sum(gateway.metric("postern_bulk_shared_total", result="alone") for gateway in gateways)

        for _ in range(5):
            self.campaign += 1
            for gateway in gateways:
                self.until_up(gateway)
            before = alone()
            counts = [self.deliver(gateways[n % len(gateways)], self.campaign)[0] for n in range(count)]
            if alone() == before:
                break
        self.assertEqual(counts, list(range(1, count + 1)))
        return self.campaign

    # ---------------------------------------------------------------- all is well

    def test_a_campaign_split_between_two_gateways_is_one(self):
        gateways = self.pair(Redis(self).start())
        self.check_shared(gateways, count=60)
        self.assertEqual(self.deliver(gateways[0], seed=1)[0], 1, "another campaign")
        wait_until("both know all", lambda: 60 in self.clusters(gateways[0]).values())
        self.assertEqual(self.clusters(gateways[0]), self.clusters(gateways[1]), "an admin may ask any of them")
        for gateway in gateways:
            self.assertGreaterEqual(gateway.metric("postern_bulk_shared_total", result="sent"), 30)
            self.assertGreaterEqual(gateway.metric("postern_bulk_shared_total", result="received"), 30)
            self.assertEqual(gateway.metric("postern_bulk_shared_total", result="refused"), 0)

    def test_what_an_admin_allows_is_allowed_everywhere(self):
        gateways = self.pair(Redis(self).start())
        self.check_shared(gateways, count=4)
        cluster = next(iter(self.clusters(gateways[0])))
        done = subprocess.run([BINARY, "bulk", "allow", "--config", gateways[1].config_path, cluster], capture_output=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until("the other one has heard of it",
                   lambda: json.loads(gateways[0].http(f"/api/bulk/{cluster}")[1]).get("allowed"))

    def test_a_gateway_that_starts_later_knows_what_was(self):
        redis = Redis(self).start()
        first = self.gateway("first", redis.store())
        self.until_up(first)
        for n in range(1, 11):
            self.assertEqual(self.deliver(first, seed=1)[0], n)
        second = self.gateway("second", redis.store())
        self.until_up(second)
        self.assertEqual(self.deliver(second, seed=1)[0], 11)

    def test_a_restart_counts_nothing_twice(self):
        redis = Redis(self).start()
        gateways = self.pair(redis)
        seed = self.check_shared(gateways, count=10)
        gateways[0].process.stop()
        self.assertEqual(self.deliver(gateways[1], seed)[0], 11, "while the other one is away")
        gateways[0].serve()
        self.until_up(gateways[0])
        self.assertEqual(self.deliver(gateways[0], seed)[0], 12)

    def test_password_and_database(self):
        redis = Redis(self, password="hunter2").start()
        gateways = [self.gateway(name, redis.store(database=3)) for name in ("first", "second")]
        self.check_shared(gateways, count=4)
        wrong = self.gateway("wrong", redis.store().replace("hunter2", "hunter3"))
        wait_until("it is said", lambda: "the password is refused" in wrong.log())
        self.assertEqual(self.deliver(wrong, seed=1)[0], 1, "counts alone")
        for gateway in (*gateways, wrong):
            self.assertNotIn("hunter", gateway.log())

    # ---------------------------------------------------------------- Redis is gone

    def test_no_redis_at_all(self):
        redis = Redis(self)
        gateways = [self.gateway(name, redis.store()) for name in ("first", "second")]
        for n in range(1, 6):
            for gateway in gateways:
                self.assertEqual(self.deliver(gateway, seed=1)[0], n)
        redis.start()
        for gateway in gateways:
            self.until_up(gateway)
            wait_until("what was kept is shared", lambda: list(self.clusters(gateway).values()) == [10])
        self.assertEqual(self.deliver(gateways[0], seed=1)[0], 11)
        self.check_shared(gateways)

    def test_a_campaign_that_began_apart_gets_one_name(self):
        redis = Redis(self)
        gateways = [self.gateway(name, redis.store()) for name in ("first", "second")]
        for n in range(1, 5):
            for gateway in gateways:
                self.assertEqual(self.deliver(gateway, seed=1)[0], n)
        before = [next(iter(self.clusters(gateway))) for gateway in gateways]
        self.assertNotEqual(*before)
        redis.start()
        for gateway in gateways:
            self.until_up(gateway)
            wait_until("what was kept is shared", lambda g=gateway: list(self.clusters(g).values()) == [8])
        for gateway in gateways:
            wait_until("they agree", lambda g=gateway: set(self.clusters(g)) <= set(before))
            wait_until("all that was let through is there", lambda g=gateway: len(self.shown(g, before[0])["passed"]) == 8)
        self.assertEqual(self.clusters(gateways[0]), self.clusters(gateways[1]))
        for gateway in gateways:
            self.assertEqual(*(self.shown(gateway, name)["cluster"] for name in before), "either name is it")
        done = subprocess.run([BINARY, "bulk", "allow", "--config", gateways[0].config_path, before[0]], capture_output=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until("the other one has heard of it", lambda: self.shown(gateways[1], before[1]).get("allowed"))
        self.assertEqual(self.deliver(gateways[1], seed=1)[0], 9)

    def test_what_is_never_told_is_said(self):
        gateway = self.gateway("first", Redis(self).store())
        for n in range(1, 4):
            self.assertEqual(self.deliver(gateway, seed=1)[0], n)
        gateway.process.stop()
        # Seen and let through.
        self.assertIn("6 events are lost", gateway.log())

    def test_killing_redis_loses_and_delays_no_mail(self):
        redis = Redis(self).start()
        gateways = self.pair(redis)
        self.suffer(gateways, redis.kill, redis.start)
        self.check_shared(gateways)

    def test_stopping_redis_loses_and_delays_no_mail(self):
        redis = Redis(self).start()
        gateways = self.pair(redis)
        total = self.suffer(gateways, redis.hang, redis.go_on)
        for gateway in gateways:
            wait_until("what was kept is shared", lambda: list(self.clusters(gateway).values()) == [total])
        self.assertEqual(self.deliver(gateways[0], seed=1)[0], total + 1, "nothing is missing, nothing counts twice")
        self.check_shared(gateways)

    def test_an_emptied_redis(self):
        redis = Redis(self).start()
        gateways = self.pair(redis)
        seed = self.check_shared(gateways, count=10)
        self.assertEqual(redis.command("FLUSHALL"), b"+OK")
        self.assertEqual(self.deliver(gateways[0], seed)[0], 11)
        self.assertEqual(self.deliver(gateways[1], seed)[0], 12)
        self.check_shared(gateways)

    def suffer(self, gateways, trouble, repair):
        """Mail flows through both and, to compare, through a gateway that asks nobody, while Redis comes to harm. How many
        messages the two got. On a busy machine anybody may be late now and then, so there are three tries; what Redis were
        to blame for would be late in each of them."""
        alone = self.gateway("alone", "memory")
        total, late = 0, []
        for _ in range(3):
            for gateway in gateways:
                self.until_up(gateway)
            streams = [Stream(self, gateway) for gateway in (*gateways, alone)]
            for stream in streams:
                stream.start()
            more(streams, 20)
            trouble()
            more(streams, 20)
            for gateway in gateways:
                self.until_down(gateway)
            more(streams, 20)
            repair()
            for gateway in gateways:
                self.until_up(gateway)
            more(streams, 20)
            for stream in streams:
                stream.stop()
            total += sum(len(stream.times) for stream in streams[:2])
            arrived = [field(m.content, "Message-ID") for m in self.sink.messages]
            self.assertEqual((len(arrived), len(set(arrived))), (self.sent, self.sent), "each message once")
            worst = [max(stream.times) for stream in streams]
            print(f"worst from final dot to reply: with Redis {worst[0] * 1e3:.1f} and {worst[1] * 1e3:.1f} ms, "
                  f"without {worst[2] * 1e3:.1f} ms ({sum(len(s.times) for s in streams)} messages)")
            late.append(max(worst[:2]) - worst[2])
            if late[-1] <= LIMIT:
                return total
        self.fail(f"delayed by {min(late) * 1e3:.0f} ms")


class Stream(threading.Thread):
    """Sends one message after the other until it is told to stop; `times`: from final dot to reply."""

    def __init__(self, case, gateway):
        super().__init__(daemon=True)
        self.case, self.gateway = case, gateway
        self.times, self.failure = [], None
        self.stopping = threading.Event()

    def run(self):
        try:
            with Client(self.gateway.port) as client:
                while not self.stopping.is_set():
                    self.times.append(self.case.deliver(self.gateway, seed=1, client=client)[1])
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join()
        self.check()

    def check(self):
        if self.failure:
            raise self.failure


def more(streams, count):
    goals = [len(stream.times) + count for stream in streams]
    for stream, goal in zip(streams, goals):
        wait_until("mail flows", lambda s=stream, g=goal: s.check() or len(s.times) >= g)


if __name__ == "__main__":
    main()
