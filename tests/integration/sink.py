"""A recording backend that fails on demand: a strict SMTP server in which a test decides what happens at each step.

In a test: `sink = Sink(script)`; `script(step, session)` is asked before each answer and returns None (answer as usual) or one
of Close, Reset, Say(reply), Hold(event). As a program (`sink.py PORT LOG`) it appends each sender to LOG before it says 250,
so that what was accepted can be counted after the program was killed.
"""
import asyncio
import os
import socket
import struct
import sys
import threading

# Who finds the queue full is dropped by the kernel and asks again after 1, 3, 7, 15 seconds: a thousand may come at once.
BACKLOG = 2048
STEPS = ("greeting", "ehlo", "xclient", "mail", "rcpt", "data", "content", "dot", "after")
EXTENSIONS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN",
              "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT")


class Close:
    """Ends the connection in good order (FIN), perhaps after some bytes."""

    def __init__(self, say=b""):
        self.say = say


class Reset(Close):
    """Breaks the connection (RST)."""


class Say:
    """Another reply than the usual one; it counts as an acceptance only when it begins with 250."""

    def __init__(self, reply):
        self.reply = reply


class Hold:
    """Waits until the test calls go(), then answers as usual."""

    def __init__(self):
        self.reached, self.released = threading.Event(), threading.Event()

    def go(self):
        self.released.set()


class Message:
    def __init__(self, sender, recipients, content, session):
        self.sender, self.recipients, self.content, self.session = sender, recipients, content, session


class Session:
    def __init__(self, number):
        self.number = number
        self.sender, self.recipients = None, []
        self.xclient = {}     # what XCLIENT said of the client
        self.commands = []    # lines, in order
        self.received = bytearray()  # every byte that came


class Ended(Exception):
    pass


class Sink:
    def __init__(self, script=None, extensions=EXTENSIONS, port=0, log=None, record=True):
        self.script, self.extensions, self.log, self.record = script, extensions, log, record
        self.messages, self.sessions = [], []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(BACKLOG)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.loop = asyncio.new_event_loop()
        self.tasks = set()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self._end)
        self.thread.join()

    def _end(self):
        for task in self.tasks:
            task.cancel()
        self.loop.call_soon(self.loop.stop)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        # It listens again: without a word it would shorten the queue to 100.
        serving = asyncio.start_server(self._serve, sock=self.listener, backlog=BACKLOG, limit=1 << 16)
        self.loop.run_until_complete(serving)
        self.loop.run_forever()
        self.listener.close()
        self.loop.close()

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        session = Session(len(self.sessions))
        self.sessions.append(session)
        try:
            await Conversation(self, session, reader, writer).run()
        except (Ended, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()


class Conversation:
    def __init__(self, sink, session, reader, writer):
        self.sink, self.session, self.reader, self.writer = sink, session, reader, writer

    async def answer(self, step, usual):
        """Says what the script wants, else `usual`; returns what was said."""
        action = self.sink.script(step, self.session) if self.sink.script else None
        if isinstance(action, Hold):
            action.reached.set()
            await asyncio.get_running_loop().run_in_executor(None, action.released.wait)
        elif isinstance(action, Say):
            usual = action.reply
        elif isinstance(action, Close):
            self.writer.write(action.say)
            if isinstance(action, Reset):
                raw = self.writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                await self.writer.drain()
            raise Ended
        if usual is not None:
            if step == "dot" and usual.startswith(b"250"):
                self.accept()
            self.writer.write(usual)
            await self.writer.drain()
        return usual

    def accept(self):
        """The message is ours from here on: counted before anybody is told so."""
        if self.sink.log is not None:
            os.write(self.sink.log, f"{self.session.sender}\n".encode())
        self.sink.messages.append(Message(self.session.sender, self.session.recipients, self.content, self.session))

    async def line(self):
        line = await self.reader.readuntil(b"\r\n")
        if self.sink.record:
            self.session.received += line
        self.session.commands.append(line[:-2].decode("utf-8", "replace"))
        return line[:-2].decode("utf-8", "replace")

    async def run(self):
        await self.answer("greeting", b"220 sink.example ESMTP\r\n")
        while True:
            line = await self.line()
            verb = line.split(" ", 1)[0].upper()
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                self.writer.write(b"500 5.5.1 what?\r\n")
            else:
                await handler(line)

    async def on_ehlo(self, _):
        lines = ["sink.example", *self.sink.extensions]
        marks = ["-"] * (len(lines) - 1) + [" "]
        await self.answer("ehlo", "".join(f"250{m}{x}\r\n" for m, x in zip(marks, lines)).encode())

    async def on_helo(self, _):
        await self.answer("ehlo", b"250 sink.example\r\n")

    async def on_xclient(self, line):
        self.session.xclient = dict(pair.split("=", 1) for pair in line.split(" ")[1:])
        await self.answer("xclient", b"220 sink.example ESMTP\r\n")

    async def on_mail(self, line):
        self.session.sender, self.session.recipients = line[line.find("<") + 1:line.find(">")], []
        await self.answer("mail", b"250 2.1.0 Ok\r\n")

    async def on_rcpt(self, line):
        recipient = line[line.find("<") + 1:line.find(">")]
        said = await self.answer("rcpt", b"250 2.1.5 Ok\r\n")
        if said.startswith(b"250"):
            self.session.recipients.append(recipient)

    async def on_data(self, _):
        said = await self.answer("data", b"354 go ahead\r\n")
        if not said.startswith(b"354"):
            return
        # RFC 5321, 4.1.1.4: the end is CRLF "." CRLF and nothing else; the CRLF of the DATA line counts as the first.
        data, begun = b"\r\n", False
        while (end := data.find(b"\r\n.\r\n")) < 0:
            more = await self.reader.read(65536)
            if not more:
                raise Ended
            data += more
            if not begun and len(data) > 1000:
                begun = True
                await self.answer("content", None)
        rest = data[end + 5:]
        if self.sink.record:
            self.session.received += data[2:]
        self.content = data[2:end + 2]
        await self.answer("dot", b"250 2.0.0 Ok: queued as S%d\r\n" % len(self.sink.messages))
        await self.answer("after", None)
        self.session.sender, self.session.recipients = None, []
        if rest:  # nobody may talk on before our answer; a test will see these bytes in `received`
            raise Ended

    async def on_rset(self, _):
        self.session.sender, self.session.recipients = None, []
        self.writer.write(b"250 2.0.0 Ok\r\n")

    async def on_noop(self, _):
        self.writer.write(b"250 2.0.0 Ok\r\n")

    async def on_quit(self, _):
        self.writer.write(b"221 2.0.0 Bye\r\n")
        raise Ended


if __name__ == "__main__":
    log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    Sink(port=int(sys.argv[1]), log=log, record=False).start().thread.join()
