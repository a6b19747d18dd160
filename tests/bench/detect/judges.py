"""Postern, SpamAssassin and rspamd, each with its own rules and without a network: files in, scores out."""

import concurrent.futures
import contextlib
import hashlib
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


def workers():
    """How many at a time: `taskset -c 0 tests/bench/detection` leaves the other cores alone."""
    return len(os.sched_getaffinity(0))


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
        with concurrent.futures.ThreadPoolExecutor(workers()) as pool:
            for part in pool.map(self.scan, in_chunks(files, 4 * workers())):
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


class Stored:
    """Scores by message and version, one of each in a line of a file, kept as they come: a broken run loses none."""

    def __init__(self, file, version):
        self.file, self.version, self.known = file, version, {}
        for line in file.open() if file.exists() else []:
            with contextlib.suppress(ValueError):  # the last line of a run that was broken off
                version, message, score = json.loads(line)
                if version == self.version:
                    self.known[message] = score
        self.earlier, self.asked = set(self.known), set()

    def scores(self, files, ask):
        """In the order of `files`; `ask` is called for what is not known, by several threads."""
        names = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        self.asked.update(names)
        new = {name: file for name, file in zip(names, files) if name not in self.known}
        with self.file.open("a") as out, concurrent.futures.ThreadPoolExecutor(workers()) as pool:
            for name, score in zip(new, pool.map(ask, new.values())):
                self.known[name] = score  # and on a line of its own, whatever a broken run left
                out.write("\n" + json.dumps([self.version, name, score]))
                out.flush()
        return [self.known[name] for name in names]


def digest_of(folders):
    """Of what lies in them: rules of the same version may have been changed."""
    found = hashlib.sha256()
    for file in sorted(p for folder in folders for p in pathlib.Path(folder).rglob("*") if p.is_file()):
        found.update(str(file).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:16]


class SpamAssassin:
    """spamd --local: its shipped rules, nothing learned, neither before nor on the way.

    It takes a third of a second for a message, so `store` keeps what it said of the same bytes with the same rules.
    """

    limit = 5.0
    arguments = ("--local", "--nouser-config", "--cf=use_bayes 0", "--syslog", "null")
    rules = ("/usr/share/spamassassin", "/var/lib/spamassassin", "/etc/spamassassin", "/etc/mail/spamassassin")

    def __init__(self, store):
        self.store = store
        self.stored = None

    @contextlib.contextmanager
    def running(self, folder):
        version = subprocess.run(["spamd", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
        self.stored = Stored(self.store / "scores-spamassassin", f"{version} {digest_of(self.rules)} {self.arguments}")
        self.socket = str(pathlib.Path(folder) / "spamd.sock")
        children = str(workers())
        daemon = subprocess.Popen(
            ["spamd", *self.arguments, "--socketpath", self.socket, "--max-children", children,
             "--min-children", children, "--helper-home-dir", str(folder)],
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
            link.shutdown(socket.SHUT_WR)  # spamd reads by lines: it waits for the end of a last line that has none
            answer = b"".join(iter(lambda: link.recv(65536), b""))
        lines = [line for line in answer.split(b"\r\n") if line.startswith(b"Spam:")]
        return float(lines[0].split(b";")[1].split(b"/")[0]) if lines else None

    def scores(self, files):
        return self.stored.scores(files, self.score)


class Rspamd:
    """Its shipped configuration without what asks the network or Redis, with a resolver that knows no name.

    Two scores say nothing of a stored message: that its client has no name, and that it is older than a day.
    """

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
        (override / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{port}";\ncount = {workers()};\n')
        (override / "worker-controller.inc").write_text(f'bind_socket = "127.0.0.1:{other}";\n')
        (override / "worker-proxy.inc").write_text("enabled = false;\n")
        (override / "worker-fuzzy.inc").write_text("enabled = false;\n")
        (override / "logging.inc").write_text('type = "file";\nfilename = "%s";\nlevel = "error";\n' % (folder / "log"))
        for module in ("fuzzy_check", "rbl", "greylist", "ratelimit", "neural", "redis"):
            (override / f"{module}.conf").write_text("enabled = false;\n")
        (override / "hfilter.conf").write_text("helo_enabled = false;\nhostname_enabled = false;\n")
        (override / "headers_group.conf").write_text('symbols { "DATE_IN_PAST" { weight = 0.0; } }\n')
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
        with concurrent.futures.ThreadPoolExecutor(workers()) as pool:
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
