"""Messages of a corpus in the test data, a gateway that is taught with them, and what it says of others."""
import json
import pathlib
import random
import re
import shutil
import tarfile
import tempfile
import unittest

from client import Client
from harness import DATA, Case, wait_until

CORPUS = DATA / "corpora" / "csdmc2010-dedup.tar.xz"
RULES = pathlib.Path(__file__).resolve().parents[2] / "rules" / "35-classifier.lua"
# Rules that its group names; they stand in other files.
OTHERS = "".join(f'rule "{name}" {{ about = "x", score = 0, when = function(mail) return mail.from == "{name}" end }}\n'
                 for name in ("ASKS_NOTHING", "MAIL_SYSTEM_WRITES"))
HAM, SPAM = "ham", "spam"
ENOUGH = 240  # of each kind; 200 are needed, and some are nearly the same


class LearnCase(Case):
    @classmethod
    def setUpClass(cls):
        if not CORPUS.exists():
            raise unittest.SkipTest(f"{CORPUS} is missing")
        cls.corpus = pathlib.Path(tempfile.mkdtemp(prefix="postern-corpus-"))
        cls.addClassCleanup(shutil.rmtree, cls.corpus, ignore_errors=True)
        with tarfile.open(CORPUS) as archive:
            archive.extractall(cls.corpus, filter="data")
        labels = next(cls.corpus.rglob("labels.jsonl"))
        cls.mail = {HAM: [], SPAM: []}
        for line in labels.read_text().splitlines():
            entry = json.loads(line)
            if entry["label"] in cls.mail:
                cls.mail[entry["label"]].append(labels.parent / entry["file"])
        for paths in cls.mail.values():
            random.Random(7).shuffle(paths)

    def gateway(self, start=True, name="postern", **settings):
        self.directory = self.folder / f"{name}-learned"
        settings = {"backend": {"address": [f"maildir:{self.folder / 'box'}"]}, "log": {"format": "json"},
                    "classifier": {"directory": str(self.directory)}, **settings}
        return self.postern(settings, rules={"35-classifier.lua": RULES.read_text(), "80-good.lua": OTHERS}, start=start, name=name)

    def some(self, kind, first, last):
        """A folder with these messages of the corpus."""
        folder = self.folder / f"{kind}-{first}-{last}"
        if not folder.exists():
            folder.mkdir()
            for path in self.mail[kind][first:last]:
                shutil.copy(path, folder)
        return folder

    def copy_of(self, folder):
        """The same messages in a place of their own."""
        other = folder.with_name(folder.name + "-copy")
        shutil.copytree(folder, other)
        return other

    def learn(self, gateway, *arguments):
        """Its standard output; it must succeed."""
        result = gateway.run("learn", *arguments)
        self.assertEqual((result.returncode, result.stderr.decode()), (0, ""))
        return result.stdout.decode()

    def learn_enough(self, gateway):
        return self.learn(gateway, "--ham", self.some(HAM, 0, ENOUGH), "--spam", self.some(SPAM, 0, ENOUGH))

    def model(self):
        return self.directory / "model"

    def deliver(self, gateway, kind, number):
        """The rules that hit message `number` of the corpus, by name."""
        before = len(self.judged(gateway))
        content = self.mail[kind][number].read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        content = re.sub(rb"\AFrom [^\r\n]*\r\n", b"", content)
        with Client(gateway.port) as client:
            client.deliver("ann@sender.example", ["bob@example.org"], content if content.endswith(b"\r\n") else content + b"\r\n")
        lines = wait_until("its line in the log", lambda: self.judged(gateway)[before:])
        return {rule["name"]: rule for rule in lines[0]["rules"]}

    def judged(self, gateway):
        lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
        return [line for line in lines if "verdict" in line]

    def scan(self, gateway, *inputs):
        """What `scan --json` says of each message."""
        result = gateway.run("scan", "--json", *inputs)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return [json.loads(line) for line in result.stdout.decode().splitlines()]
