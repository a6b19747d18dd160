"""What every integration test needs: processes, free ports, waiting, configuration, metrics. Python's standard library only."""
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("POSTERN_TEST_DATA", ROOT.parent / "shared" / "data"))
BINARY = pathlib.Path(os.environ.get("POSTERN", ROOT / "build" / "debug" / "postern")).absolute()
HOSTNAME = "mx.postern.example"
# A guard against hanging for ever, not a measurement: nothing is asserted about how long things take.
PATIENCE = float(os.environ.get("POSTERN_TEST_PATIENCE", "60"))


def free_port():
    """A loopback port that nobody listens on, outside the range from which the kernel takes ports for clients."""
    while True:
        port = random.randrange(12000, 32000)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def wait_until(what, condition, seconds=PATIENCE):
    """Polls `condition` until it returns something true, and returns that. Fails after `seconds`, naming `what`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.01)  # the pause of a poll, never what a test relies on


def listens(port, address="127.0.0.1"):
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


class Process:
    """A program that we started: ended by its own pid, its output kept in a file."""

    def __init__(self, name, arguments, folder, **options):
        self.name = name
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self.log_file = open(self.log_path, "ab")
        self.child = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=self.log_file,
                                      stderr=subprocess.STDOUT, **options)

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def ready(self, what, condition):
        def poll():
            if self.child.poll() is not None:
                raise AssertionError(f"{self.name} ended ({self.child.returncode}) before {what}:\n{self.log()[-3000:]}")
            return condition()
        return wait_until(f"{self.name}: {what}", poll)

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self):
        return self.child.wait(timeout=PATIENCE)

    def stop(self):
        """Ends it (politely, then not) and returns its exit status."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self.child.kill()
        status = self.child.wait()
        self.log_file.close()
        return status


class EmptyDns:
    """A DNS server that knows nobody: NXDOMAIN to everything, at once. For tests that are not about the DNS."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.server = f"127.0.0.1@{self.socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(1500)
            except OSError:
                return
            end = query.index(0, 12) + 5  # header and question (RFC 1035, 4.1)
            # QR, RD and RA, RCODE 3; one question, nothing else.
            self.socket.sendto(query[:2] + b"\x81\x83" + b"\0\1\0\0\0\0\0\0" + query[12:end], client)


EMPTY_DNS = None  # one for all tests of a process, made when first asked for


def empty_dns():
    global EMPTY_DNS
    EMPTY_DNS = EMPTY_DNS or EmptyDns()
    return EMPTY_DNS.server


class Case(unittest.TestCase):
    """A test with a folder of its own; shows the programs' last words when it fails. POSTERN_KEEP=1 keeps the folder."""

    def run(self, result=None):
        self.result = result
        return super().run(result)

    def failed(self):
        problems = self.result.failures + self.result.errors if self.result else []
        return any(getattr(test, "test_case", test) is self for test, _ in problems)

    def setUp(self):
        if not BINARY.exists():
            raise AssertionError(f"{BINARY} is not built (set POSTERN to the program under test)")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-test-"))
        self.folder.chmod(0o755)  # Postfix gives up root before it looks in here
        self.addCleanup(self._remove_folder)

    def _remove_folder(self):
        if self.failed():
            for path in sorted(self.folder.rglob("*.log")):
                lines = path.read_text(errors="replace").splitlines()[-25:]
                print(f"---- {path.name} of {self.id()}", *lines, sep="\n", file=sys.stderr)
        if os.environ.get("POSTERN_KEEP"):
            print(f"kept {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, arguments, **options):
        process = Process(name, arguments, self.folder, **options)
        self.addCleanup(process.stop)
        return process

    def need(self, *tools):
        """Skips the test, saying so, where a tool is missing. POSTERN_TEST_STRICT=1 makes that a failure."""
        paths = []
        for tool in tools:
            path = shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
            if path is None:
                if os.environ.get("POSTERN_TEST_STRICT"):
                    self.fail(f"{tool} is not installed")
                self.skipTest(f"{tool} is not installed")
            paths.append(path)
        return paths[0] if len(paths) == 1 else paths

    def postern(self, settings=None, rules=None, start=True, **options):
        gateway = Postern(self, settings or {}, rules, **options)
        return gateway.serve() if start else gateway


def to_toml(settings):
    """Nested dictionaries as TOML: a list of dictionaries becomes an array of tables."""
    def value(v):
        if isinstance(v, bool):
            return "true" if v else "false"
        if isinstance(v, (int, float)):
            return repr(v)
        if isinstance(v, (list, tuple)):
            return "[" + ", ".join(value(x) for x in v) + "]"
        return '"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"'

    def tables(v):
        return isinstance(v, list) and v and all(isinstance(x, dict) for x in v)

    def table(path, entries):
        lines = [f"{k} = {value(v)}" for k, v in entries.items() if not isinstance(v, dict) and not tables(v)]
        for k, v in entries.items():
            name = f"{path}.{k}" if path else k
            if isinstance(v, dict):
                lines += [f"[{name}]"] + table(name, v)
            elif tables(v):
                for element in v:
                    lines += [f"[[{name}]]"] + table(name, element)
        return lines
    return "\n".join(table("", settings)) + "\n"


# Lets a message carry the score that a test wants it to have.
WEIGHT_RULE = '''
rule "WEIGHT" {
  about = "the test asks for this score",
  score = 1.0,
  when = function(mail) local w = mail:header("X-Weight"); return w and tonumber(w) end,
}
'''


def spf_rule(score):
    return f'''
rule "SPF_FAIL" {{
  about = "the envelope sender's domain forbids this client",
  stage = "mail",
  score = {score},
  when = function(mail) return mail.spf.result == "fail" end,
  examples = {{
    {{ hit = true, spf = {{ result = "fail" }} }},
    {{ hit = false, spf = {{ result = "pass" }} }},
  }},
}}
'''


class Postern:
    """The gateway under test with a configuration of its own. `settings` are laid over the defaults below."""

    def __init__(self, case, settings, rules=None, name="postern", binary=BINARY):
        self.case, self.name, self.binary = case, name, binary
        self.folder = case.folder / f"{name}.d"
        self.rules_folder = self.folder / "rules"
        self.config_path = self.folder / "postern.toml"
        self.port, self.http_port = free_port(), free_port()
        self.process = None
        self.rules_folder.mkdir(parents=True)
        for folder in ("spool", "quarantine", "bulk"):
            (self.folder / folder).mkdir()
        self.settings = {
            "hostname": HOSTNAME, "workers": 1,
            "listen": [{"address": f"127.0.0.1:{self.port}", "tls": "off"}],
            "backend": {"address": [f"127.0.0.1:{free_port()}"]},
            "relay": {"domains": ["example.org"]},
            "dns": {"servers": [empty_dns()], "timeout": "2s", "budget": "4s"},
            "rules": {"directory": str(self.rules_folder), "pattern_cache": str(self.folder / "patterns.cache")},
            "bulk": {"state": str(self.folder / "bulk")},
            "quarantine": {"maildir": str(self.folder / "quarantine")},
            "journal": {"path": str(self.folder / "journal.db")},
            "classifier": {"directory": str(self.folder / "learned")},
            "http": {"address": f"127.0.0.1:{self.http_port}"},
            "limits": {"spool": str(self.folder / "spool"), "connections_per_ip": 20000},
        }
        for key, entry in settings.items():
            if isinstance(entry, dict):
                self.settings.setdefault(key, {}).update(entry)
            elif key == "listen":  # the first listener keeps its address
                self.settings["listen"] = [dict(self.settings["listen"][0], **entry[0])] + list(entry[1:])
            else:
                self.settings[key] = entry
        self.write_rules({"10-test.lua": WEIGHT_RULE} if rules is None else rules)
        self.write_config()

    def write_config(self):
        self.config_path.write_text(to_toml(self.settings))

    def write_rules(self, files):
        for name, text in files.items():
            (self.rules_folder / name).write_text(text)

    def serve(self):
        self.process = self.case.start(self.name, [self.binary, "serve", "--config", self.config_path])
        self.process.ready("answers", lambda: listens(self.http_port) and self.http("/healthz")[0] == 200)
        return self

    def run(self, *arguments, input=None, env=None):
        """A subcommand, with our configuration: CompletedProcess with bytes. Learning takes long in a debug build on a busy machine."""
        return subprocess.run([str(self.binary), arguments[0], "--config", str(self.config_path), *map(str, arguments[1:])],
                              input=input, capture_output=True, timeout=5 * PATIENCE, env=env)

    def http(self, path):
        """(status, text); (0, reason) when nobody answers."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)

    def metric(self, name, **labels):
        """The sum over the series of `name` that carry these labels; 0 when there is none."""
        total = 0.0
        for line in self.http("/metrics")[1].splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
            if found and found[1] == name:
                have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
                if labels.items() <= have.items():
                    total += float(found[3])
        return total

    def reload(self):
        """SIGHUP, and waits until it was taken or refused: "ok" or "refused"."""
        before = {r: self.metric("postern_reloads_total", result=r) for r in ("ok", "refused")}
        self.process.signal(signal.SIGHUP)
        return wait_until("the reload's outcome", lambda: next(
            (r for r in before if self.metric("postern_reloads_total", result=r) > before[r]), None))

    def log(self):
        return self.process.log()


def main():
    unittest.main(verbosity=2)
