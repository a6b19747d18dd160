#!/usr/bin/env python3
"""Many connections at once: what an idle one costs, and a thousand that all send."""
import asyncio
import pathlib
import resource
import sys
from concurrent.futures import ThreadPoolExecutor

import certs
from client import Client, message, stuffed
from harness import BINARY, Case, free_port, listens, main

IDLE = 10_000
CONCURRENT = 1_000
TEN_KB = message(body="".join(f"line {n} of a message of ten kilobytes\r\n" for n in range(255)))


def resident(pid):
    """Bytes of the process in memory."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Rss in smaps_rollup")


class Load(Case):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < IDLE + 500:
            self.skipTest(f"only {hard} files may be open here (ulimit -n)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.backend_port, self.delivered = free_port(), self.folder / "delivered"
        self.delivered.touch()
        sink = self.start("sink", [sys.executable, pathlib.Path(__file__).with_name("sink.py"), self.backend_port,
                                   self.delivered])
        sink.ready("listens", lambda: listens(self.backend_port))

    def gateway(self, **settings):
        return self.postern({"backend": {"address": [f"127.0.0.1:{self.backend_port}"]}, **settings}, rules={})

    def sanitized(self):
        return b"__asan_init" in BINARY.read_bytes() or b"__tsan_init" in BINARY.read_bytes()

    def open_idle(self, gateway, count, tls=None):
        def one(number):
            client = Client(gateway.port, helo=None if tls else "idle.example")
            if tls:
                assert client.command("EHLO idle.example").code == 250
                assert client.command("STARTTLS").code == 220
                client.secure(tls)
                assert client.command("EHLO idle.example").code == 250
            return client
        with ThreadPoolExecutor(4) as pool:
            clients = list(pool.map(one, range(count)))
        for client in clients:
            self.addCleanup(client.close)
        return clients

    def cost_of_idle(self, gateway, tls=None):
        self.open_idle(gateway, 100, tls)  # what the first ones alone need: arenas, OpenSSL's tables
        before = resident(gateway.process.pid)
        clients = self.open_idle(gateway, IDLE, tls)
        each = (resident(gateway.process.pid) - before) / IDLE
        print(f"{each:.0f} bytes a connection", end=" ", flush=True)
        for client in (clients[0], clients[IDLE // 2], clients[-1]):  # they are all still served
            self.assertEqual(client.command("NOOP").code, 250)
        self.assertEqual(gateway.metric("postern_connections_open"), IDLE + 100)
        return each

    def test_idle_plain_connections(self):
        each = self.cost_of_idle(self.gateway())
        if not self.sanitized():
            self.assertLessEqual(each, 4 * 1024)

    def test_idle_tls_connections(self):
        certificate, key = certs.make(self.folder, "mx")
        gateway = self.gateway(listen=[{"tls": "starttls"}], tls={"certificate": str(certificate), "key": str(key)})
        each = self.cost_of_idle(gateway, certs.context())
        if not self.sanitized():
            self.assertLessEqual(each, 20 * 1024)

    def test_a_thousand_sessions_at_once(self):
        gateway = self.gateway()
        replies = asyncio.run(send_at_once(gateway.port, CONCURRENT))
        self.assertEqual({r[:4] for r in replies}, {b"250 "}, [r for r in replies if not r.startswith(b"250 ")][:5])
        senders = self.delivered.read_text().split()
        self.assertEqual(len(senders), CONCURRENT)
        self.assertEqual(len(set(senders)), CONCURRENT)
        self.assertEqual(gateway.metric("postern_messages_total", verdict="accept"), CONCURRENT)

    def test_one_connection_too_many_is_told_so_at_once(self):
        gateway = self.gateway(limits={"connections": 50})
        clients = self.open_idle(gateway, 50)
        with Client(gateway.port) as extra:
            self.assertEqual(extra.greeting.code, 421)
            self.assertTrue(extra.greeting.text.startswith("4.3.2 "), extra.greeting)
        self.assertEqual(clients[0].command("NOOP").code, 250)


async def send_at_once(port, count):
    """All connect, then all give their envelopes, then all send their content: nobody is ahead by more than a step."""
    async def reply(reader):
        while True:
            line = await reader.readuntil(b"\r\n")
            if line[3:4] != b"-":
                return line

    async def say(stream, data):
        stream[1].write(data)
        await stream[1].drain()
        return await reply(stream[0])

    async def connect(number):
        stream = await asyncio.open_connection("127.0.0.1", port)
        greeting = await reply(stream[0])
        assert greeting.startswith(b"220 "), greeting
        hello = await say(stream, b"EHLO load.example\r\n")
        assert hello.startswith(b"250 "), hello
        return stream

    async def envelope(number, stream):
        for line in (b"MAIL FROM:<load%d@sender.example>\r\n" % number, b"RCPT TO:<bob@example.org>\r\n", b"DATA\r\n"):
            answer = await say(stream, line)
            assert answer[:3] in (b"250", b"354"), (line, answer)
        return stream

    streams = await asyncio.gather(*(connect(n) for n in range(count)))
    await asyncio.gather(*(envelope(n, s) for n, s in enumerate(streams)))
    replies = await asyncio.gather(*(say(s, stuffed(TEN_KB)) for s in streams))
    for _, writer in streams:
        writer.close()
    return replies


if __name__ == "__main__":
    main()
