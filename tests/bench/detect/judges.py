"""Postern, SpamAssassin and rspamd, each with its own rules and without a network: files in, scores out."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def in_chunks(files, count):
    return [part for part in (files[i::count] for i in range(count)) if part]


class EmptyDns:
    """A resolver that knows no name: without a network each question would wait for its end of time."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, asker = self.socket.recvfrom(4096)
            if len(question) < 17:
                continue
            end = question.index(b"\0", 12) + 5
            # RFC 1035, 4.1.1: an answer, recursion available, RCODE 3.
            head = question[:2] + bytes([0x80 | question[2] & 1, 0x83]) + b"\0\1" + b"\0" * 6
            self.socket.sendto(head + question[12:end], asker)


class Postern:
    """`postern scan`, learn and tune in a folder of their own."""

    limit = 6.0

    def __init__(self, binary, rules, folder, dns):
        self.binary = str(binary)
        self.folder = pathlib.Path(folder)
        shutil.copytree(rules, self.folder / "rules")
        self.config = self.folder / "postern.toml"
        self.config.write_text(
            f'hostname = "mx.example.org"\n[backend]\naddress = "maildir:{self.folder}/mail"\n'
            f'[relay]\ndomains = ["example.org"]\n[dns]\nservers = ["127.0.0.1@{dns.port}"]\n'
            f'[rules]\ndirectory = "{self.folder}/rules"\npattern_cache = "{self.folder}/patterns"\n'
            f'[bulk]\nstore = "off"\n[classifier]\ndirectory = "{self.folder}/classifier"\n'
            f'[journal]\npath = ""\n[http]\naddress = "127.0.0.1:{free_port()}"\n[[listen]]\naddress = "127.0.0.1:{free_port()}"\n'
        )

    def run(self, *arguments):
        done = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, arguments[:6]))}: {done.stderr[-2000:]}")
        return done.stdout

    def scan(self, files):
        with tempfile.NamedTemporaryFile("w+", dir=self.folder) as out:
            command = [self.binary, "scan", "--config", str(self.config), "--json", *map(str, files)]
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"postern scan: {done.stderr[-2000:]}")
            out.seek(0)
            return {row["file"]: row["score"] for row in map(json.loads, out)}

    def scores(self, files):
        found = {}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in pool.map(self.scan, in_chunks(files, 4 * (os.cpu_count() or 1))):
                found.update(part)
        return [found[str(file)] for file in files]

    def train(self, ham, spam):
        """Learns, and tunes with the same messages: tune judges each by a model that was made without it."""
        corpora = ("--ham", self.link("ham", ham), "--spam", self.link("spam", spam))
        self.run("learn", "--config", self.config, *corpora)
        proposal = self.folder / "proposed.lua"
        try:
            said = self.run("tune", "--config", self.config, *corpora, "--output", proposal)
        except RuntimeError as refused:  # too few messages
            said = str(refused)
        if proposal.exists():
            shutil.copy(proposal, self.folder / "rules" / "local.lua")
        return said

    def link(self, name, files):
        folder = self.folder / name
        folder.mkdir()
        for number, file in enumerate(files):
            (folder / f"{number:05}-{file.name}").symlink_to(file)
        return folder


class SpamAssassin:
    """spamd --local: its shipped rules, nothing learned."""

    limit = 5.0

    @contextlib.contextmanager
    def running(self, folder):
        self.socket = str(pathlib.Path(folder) / "spamd.sock")
        workers = str(os.cpu_count() or 1)
        daemon = subprocess.Popen(
            ["spamd", "--local", "--nouser-config", "--socketpath", self.socket, "--max-children", workers,
             "--min-children", workers, "--syslog", "null", "--helper-home-dir", str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: os.path.exists(self.socket), daemon)
            yield
        finally:
            stop(daemon)

    def score(self, file):
        for _ in range(3):  # a child of spamd that took too long is gone without a word
            if (found := self.ask(file)) is not None:
                return found
        raise RuntimeError(f"spamd says nothing of {file}")

    def ask(self, file):
        message = file.read_bytes().replace(b"\n", b"\r\n")
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(300)
            link.connect(self.socket)
            link.sendall(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message) + message)
            answer = b"".join(iter(lambda: link.recv(65536), b""))
        lines = [line for line in answer.split(b"\r\n") if line.startswith(b"Spam:")]
        return float(lines[0].split(b";")[1].split(b"/")[0]) if lines else None

    def scores(self, files):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self.score, files))


class Rspamd:
    """Its shipped configuration, with a resolver that nobody answers for."""

    limit = 6.0

    def __init__(self, dns):
        self.dns = dns

    @contextlib.contextmanager
    def running(self, folder):
        folder = pathlib.Path(folder)
        port, other = free_port(), free_port()
        shutil.copytree("/etc/rspamd", folder / "etc")
        override = folder / "etc" / "override.d"
        override.mkdir(exist_ok=True)
        (override / "options.inc").write_text(
            'dns { nameserver = ["127.0.0.1:%d"]; }\ncontrol_socket = "%s mode=0600";\n'
            'pidfile = "%s";\n' % (self.dns.port, folder / "control.sock", folder / "pid"))
        (override / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{port}";\ncount = {os.cpu_count()};\n')
        (override / "worker-controller.inc").write_text(f'bind_socket = "127.0.0.1:{other}";\n')
        (override / "worker-proxy.inc").write_text("enabled = false;\n")
        (override / "worker-fuzzy.inc").write_text("enabled = false;\n")
        (override / "logging.inc").write_text('type = "file";\nfilename = "%s";\nlevel = "error";\n' % (folder / "log"))
        for module in ("fuzzy_check", "rbl", "greylist", "ratelimit", "neural", "redis", "phishing"):
            (override / f"{module}.conf").write_text("enabled = false;\n")
        for name in ("db", "run"):
            (folder / name).mkdir()
        subprocess.run(["chown", "-R", "_rspamd", str(folder)], check=True)
        variables = {"CONFDIR": "etc", "LOCAL_CONFDIR": "etc", "DBDIR": "db", "RUNDIR": "run", "LOGDIR": "."}
        daemon = subprocess.Popen(
            ["rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", str(folder / "etc/rspamd.conf")]
            + [f"--var={name}={folder / place}" for name, place in variables.items()],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}/checkv2"
        try:
            wait_for(self.answers, daemon)
            yield
        finally:
            stop(daemon)

    def answers(self):
        try:
            urllib.request.urlopen(self.url.replace("checkv2", "ping"), timeout=2).read()
            return True
        except OSError:
            return False

    def score(self, file):
        request = urllib.request.Request(self.url, data=file.read_bytes().replace(b"\n", b"\r\n"))
        with urllib.request.urlopen(request, timeout=300) as answer:
            return float(json.load(answer)["score"])

    def scores(self, files):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self.score, files))


def wait_for(ready, process, seconds=120):
    until = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{process.args[0]} did not start")
        time.sleep(0.1)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
