#!/usr/bin/env python3
"""The RFC 7208 test suite through the program: `postern scan --json` against a DNS server that serves each scenario's zone.

Reads the suite from the test data (POSTERN_TEST_DATA); exits 0 when every result and explanation is right, 77 (skipped, saying
why) where the suite or a YAML reader is missing, 1 otherwise. `spf_cli.py NAME...` runs the named cases only.
"""
import json
import pathlib
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

try:
    import yaml
except ImportError:
    yaml = None

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import BINARY, Case, DATA, free_port, listens  # noqa: E402

SUITE = DATA / "spf" / "openspf-suite" / "rfc7208-tests.yml"
MESSAGE = b"From: ann@sender.example\r\nSubject: a test\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\nGood day.\r\n"
TYPES = ("A", "AAAA", "MX", "TXT", "PTR", "CNAME")


def zone_of(zonedata):
    """The suite's zone in the form that fakedns.py reads. A name's SPF records serve as TXT records unless it has TXT of its
    own ("NONE" for none); TIMEOUT is what every type gets that the name does not have."""
    zone = {}
    for name, entries in zonedata.items():
        records = [list(e.items())[0] for e in entries if isinstance(e, dict)]
        if not any(kind == "TXT" for kind, _ in records):
            records += [("TXT", value) for kind, value in records if kind == "SPF"]
        served = [[kind, value] for kind, value in records if kind != "SPF" and value != "NONE"]
        if "TIMEOUT" in entries:
            have = {kind for kind, _ in served}
            served += [[kind, "TIMEOUT"] for kind in TYPES if kind not in have] if have else [["TIMEOUT"]]
        zone[name] = served
    return zone


class Rfc7208(Case):
    wanted = ()

    def runTest(self):
        with open(SUITE, encoding="utf-8") as suite:
            scenarios = list(yaml.safe_load_all(suite))
        defaults, wrong, count = set(), [], 0
        for number, scenario in enumerate(scenarios):
            cases = {n: c for n, c in scenario["tests"].items() if not self.wanted or n in self.wanted}
            if not cases:
                continue
            gateway = self.serve(number, zone_of(scenario["zonedata"]))
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(lambda case: self.judge(gateway, case), cases.values()))
            for (name, case), answer in zip(cases.items(), answers):
                count += 1
                problem = self.compare(case, answer, defaults)
                if problem:
                    wrong.append(f"{scenario['description']}: {name}: {problem}")
        print(f"{count - len(wrong)} of {count} right")
        self.assertEqual(wrong, [], "\n".join(wrong))
        self.assertLessEqual(len(defaults), 1, "the default explanation is one text")

    def serve(self, number, zone):
        port = free_port()
        path = self.folder / f"zone{number}.json"
        path.write_text(json.dumps(zone))
        server = self.start(f"dns{number}", [sys.executable, DATA / "fakedns.py", port, path])
        server.ready("listens", lambda: listens(port))
        return self.postern({"dns": {"servers": [f"127.0.0.1@{port}"], "timeout": "2s", "budget": "30s"}}, rules={}, start=False,
                            name=f"postern{number}")

    @staticmethod
    def judge(gateway, case):
        result = gateway.run("scan", "--json", "--ip", case["host"], "--helo", case["helo"], "--from", case["mailfrom"], "-",
                             input=MESSAGE)
        try:
            return json.loads(result.stdout)["spf"]
        except (ValueError, KeyError):
            return {"result": f"exit status {result.returncode}: {result.stderr.decode(errors='replace')}"}

    @staticmethod
    def compare(case, answer, defaults):
        allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
        if answer["result"] not in allowed:
            return f"{answer['result']} instead of {' or '.join(allowed)}"
        explanation, said = case.get("explanation"), answer.get("explanation", "")
        if answer["result"] == "fail" and explanation == "DEFAULT":
            defaults.add(said)
        elif answer["result"] == "fail" and explanation is not None and said != explanation:
            return f"explains {said!r} instead of {explanation!r}"
        return None


if __name__ == "__main__":
    if yaml is None:
        print("skipped: no YAML reader (package python3-yaml)")
        sys.exit(77)
    if not SUITE.exists():
        print(f"skipped: {SUITE} is not there (set POSTERN_TEST_DATA)")
        sys.exit(77)
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not built (set POSTERN)")
    Rfc7208.wanted = tuple(sys.argv[1:])
    sys.exit(not unittest.TextTestRunner().run(Rfc7208()).wasSuccessful())
