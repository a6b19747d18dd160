"""An SMTP client that says exactly what a test wants, byte for byte, and can pretend to be any address (PROXY protocol)."""
import collections
import socket
import ssl
import struct

from harness import PATIENCE

Reply = collections.namedtuple("Reply", "code text")  # text: the lines without code, joined by "\n"


class Client:
    """`source`: the address to claim in a PROXY v1 header, for a listener with proxy_protocol."""

    def __init__(self, port, source=None, helo="client.sender.example", greet=True, address="127.0.0.1", tls=None):
        self.socket = socket.create_connection((address, port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if source:
            family, own = ("TCP6", "::1") if ":" in source else ("TCP4", "127.0.0.1")
            self.send(f"PROXY {family} {source} {own} 40000 25\r\n")
        if tls:
            self.secure(*tls)
        if greet:
            self.greeting = self.reply()
            if self.greeting.code == 220 and helo:
                self.ehlo = self.command(f"EHLO {helo}")

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        """Says QUIT: a client that closes without it may not have read our last reply, and would be taken for one."""
        try:
            if failure is None:
                self.command("QUIT")
        except OSError:
            pass
        self.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def secure(self, context, name=None):
        self.socket = context.wrap_socket(self.socket, server_hostname=name)
        self.buffer = b""

    def line(self):
        while b"\r\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError(f"closed; unread: {self.buffer!r}")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def reply(self):
        lines = []
        while True:
            line = self.line()
            lines.append(line[4:].decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return Reply(int(line[:3]), "\n".join(lines))

    def command(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def replies_until_closed(self):
        """Every reply that still comes before the other side closes."""
        replies = []
        try:
            while True:
                replies.append(self.reply())
        except (ConnectionError, ssl.SSLError):
            return replies

    def envelope(self, sender, recipients):
        """MAIL, RCPT and DATA, one after the other: the 354, or the first refusal."""
        for line in [f"MAIL FROM:<{sender}>"] + [f"RCPT TO:<{r}>" for r in recipients]:
            answer = self.command(line)
            if answer.code // 100 != 2:
                return answer
        return self.command("DATA")

    def deliver(self, sender, recipients, content):
        """A whole transaction with a well-formed message: the last reply."""
        answer = self.envelope(sender, recipients)
        if answer.code == 354:
            self.send(stuffed(content))
            answer = self.reply()
        return answer

    def close(self):
        self.socket.close()

    def reset(self):
        """Vanishes: the other side gets a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def stuffed(content):
    """RFC 5321, 4.5.2, with the final dot."""
    assert content.endswith(b"\r\n")
    return b"".join((b"." if line.startswith(b".") else b"") + line for line in content.splitlines(keepends=True)) + b".\r\n"


def message(subject="a test", body="Good day,\r\n\r\nthis is a test.\r\n", **headers):
    fields = {"From": "Ann <ann@sender.example>", "To": "bob@example.org", "Subject": subject,
              "Date": "Mon, 02 Mar 2026 10:00:00 +0000", "Message-ID": "<1@sender.example>"}
    fields.update({k.replace("_", "-"): v for k, v in headers.items()})
    return "".join(f"{k}: {v}\r\n" for k, v in fields.items() if v is not None).encode() + b"\r\n" + body.encode()


def fields_of(content):
    """[(name, value)] of a message's header, unfolded values; line ends CRLF or LF."""
    fields = []
    for line in content.replace(b"\r\n", b"\n").split(b"\n"):
        if not line:
            break
        if line[:1] in b" \t" and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + " " + line.strip().decode("utf-8", "replace"))
        else:
            name, _, value = line.partition(b":")
            fields.append((name.decode("utf-8", "replace"), value.strip().decode("utf-8", "replace")))
    return fields


def field(content, name):
    return next((v for n, v in fields_of(content) if n.lower() == name.lower()), None)
