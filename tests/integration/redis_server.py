"""A Redis of one test: Debian's redis-server on a free loopback port, nothing kept on disk."""
import signal
import socket

from harness import PATIENCE, free_port


class Redis:
    def __init__(self, case, password=None, name="redis"):
        self.case, self.password, self.name = case, password, name
        self.program = case.need("redis-server")
        self.port = free_port()
        self.folder = case.folder / f"{name}.d"
        self.folder.mkdir()
        self.process = None

    def store(self, database=0):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/{database}"

    def start(self):
        """Empty: what an earlier one held is gone."""
        arguments = ["--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly", "no",
                     "--daemonize", "no"] + (["--requirepass", self.password] if self.password else [])
        self.process = self.case.start(self.name, [self.program, *arguments])
        # A stopped process would not hear that it shall end.
        self.case.addCleanup(self.go_on)
        self.process.ready("answers", lambda: self.command("PING") == b"+PONG")
        return self

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def hang(self):
        self.process.signal(signal.SIGSTOP)

    def go_on(self):
        if self.process.child.poll() is None:
            self.process.signal(signal.SIGCONT)

    def command(self, *words):
        """The first line of the answer; None when nobody answers. Speaks RESP itself, so that no client is needed."""
        def bulk(word):
            return f"${len(word)}\r\n{word}\r\n"
        login = [("AUTH", self.password)] if self.password else []
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as client:
                lines = client.makefile("rb")
                for line in [*login, words]:
                    client.sendall((f"*{len(line)}\r\n" + "".join(map(bulk, line))).encode())
                    answer = lines.readline().rstrip(b"\r\n")
                return answer
        except OSError:
            return None
