"""What the published suites share that are asked through `postern scan --json`: a DNS server with the suite's zone, many messages in
one run of the program, and a list of what differs."""
import json
import pathlib
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from dns_server import DnsServer, of_test_data  # noqa: E402
from harness import BINARY, Case, DATA  # noqa: E402


def json_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


class Suite(Case):
    """`wanted`: ids of cases named on the command line; all without."""

    wanted = ()

    def setUp(self):
        super().setUp()
        self.number, self.count, self.wrong = 0, 0, []

    def picked(self, cases, name="id"):
        return [case for case in cases if not self.wanted or case[name] in self.wanted]

    def gateway(self, *zones, **settings):
        """Postern with these zones (any form that the test data's server reads) for its DNS; its `dns` knows what was asked."""
        self.number += 1
        server = DnsServer(self, of_test_data(*zones))
        # The time-out is what a case about silence waits for.
        gateway = self.postern({"dns": {"servers": [server.server], "timeout": "1s", "budget": "20s"}, **settings}, rules={},
                               start=False, name=f"postern{self.number}")
        gateway.dns = server
        return gateway

    def scan(self, gateway, files, *options):
        """{file: what Postern says of it}, in one run of the program."""
        result = gateway.run("scan", "--json", *options, *files)
        answers = {}
        for line in result.stdout.splitlines():
            answer = json.loads(line)
            answers[answer["file"]] = answer
        self.assertEqual(sorted(answers), sorted(str(f) for f in files),
                         f"exit status {result.returncode}: {result.stderr.decode(errors='replace')[-2000:]}")
        return answers

    def scan_all(self, jobs):
        """jobs: [(gateway, files, options)], run side by side: one dictionary."""
        with ThreadPoolExecutor(2) as pool:
            answers = {}
            for part in pool.map(lambda job: self.scan(job[0], job[1], *job[2]), jobs):
                answers.update(part)
            return answers

    def message(self, name, content):
        """Writes a message (text or octets; its line ends become CRLF) into the test's folder."""
        octets = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        path = self.folder / f"{name}.eml".replace("/", "_")
        path.write_bytes(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        return path

    def check(self, case, problems):
        self.count += 1
        if problems:
            self.wrong.append(f"{case}: {'; '.join(dict.fromkeys(problems))}")

    def report(self, what):
        print(f"{what}: {self.count - len(self.wrong)} of {self.count} right")
        if self.wrong:
            self.fail("\n" + "\n".join(self.wrong))
        self.assertTrue(self.wanted or self.count, "no case was judged")


def main(suite, *files):
    """Runs the suite: exit status 0 all right, 77 skipped (saying why), 1 otherwise."""
    for path in files:
        if not path.exists():
            print(f"skipped: {path} is not there (set POSTERN_TEST_DATA)")
            sys.exit(77)
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not built (set POSTERN)")
    suite.wanted = tuple(sys.argv[1:])
    outcome = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(suite))
    sys.exit(77 if outcome.wasSuccessful() and outcome.skipped else int(not outcome.wasSuccessful()))
