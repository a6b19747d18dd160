#!/usr/bin/env python3
"""Published DMARC cases (RFC 9989) through the program: messages really signed, envelopes that SPF really passes, the case's zone.

Reads the suite from the test data (POSTERN_TEST_DATA); exits 0 when every case is judged right, 77 (skipped, saying why) where it or
Python's dkim is missing, 1 otherwise. `dmarc_cli.py N...` runs the cases with these numbers (from 0) only. What a case asserts of
the suite's own library (its API, its copy of the record) has no counterpart outside and is left out.
"""
import json

from scan_suite import DATA, Suite, json_lines, main
from reference import Key, Missing, Reference

CASES = DATA / "dmarc" / "unified" / "mailauth.jsonl"
CLIENT = "198.51.100.25"
UNKNOWN = "unrelated.example"  # a domain of which the DNS knows nothing
# From "example.com" is a domain given to an API, not a header field.
NOT_A_HEADER = {"Should handle headerFrom without @ symbol"}
# RFC 9989, 5.3.1: the check goes on when the domain is the same in all addresses of From.
ONE_DOMAIN = "Should return false for headerFrom array with multiple elements"


def domains(entries):
    return [entry if isinstance(entry, str) else entry["domain"] for entry in entries or []]


def zone_of(zone):
    """The suite's zone for the test data's server; an error of the resolver is silence."""
    served = {}
    for name, types in (zone or {}).items():
        if "<" in name:
            continue
        texts = types.get("TXT", [])
        served[name] = {"rcode": "timeout"} if isinstance(texts, dict) else [["TXT", strings] for strings in texts]
    return served


class Call:
    """One call of a case as a message, an envelope, and a zone."""

    def __init__(self, suite, number, call):
        if call["fn"] == "verify":
            argument = call["args"][0]
            senders = argument["headerFrom"] if isinstance(argument["headerFrom"], list) else [argument["headerFrom"]]
            self.dkim, spf = domains(argument.get("dkimDomains")), domains(argument.get("spfDomains"))
        else:
            senders, self.dkim, spf = [f"user@{call['args'][0]}"], [], []
        zone = zone_of(call.get("zone"))
        self.sender = f"bounces@{(spf + [UNKNOWN])[0]}"
        for domain in spf:
            zone.setdefault(domain, []).append(["TXT", [f"v=spf1 ip4:{CLIENT} -all"]])
        content = (f"From: {', '.join(senders)}\r\nTo: bob@example.org\r\nSubject: a test\r\n"
                   "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nMessage-ID: <1@elsewhere.example>\r\n\r\nGood day.\r\n").encode()
        for domain in self.dkim:
            content = suite.reference.sign(content, domain, "test", suite.key)
            zone[f"test._domainkey.{domain}"] = [["TXT", [suite.key.record]]]
        self.file = suite.message(number, content)
        self.gateway = suite.gateway(zone)

    def answer(self, suite):
        return suite.scan(self.gateway, [self.file], "--ip", CLIENT, "--helo", f"client.{UNKNOWN}", "--from", self.sender)[str(self.file)]


def expectations(assertion):
    """[(call, what the field of "dmarc" must be)] that an assertion amounts to."""
    path, how, args = assertion["path"] or "", assertion["assert"], assertion.get("args") or [None]
    which, _, path = path.partition(".")
    call = int(which[6:] or 1) - 1 if which.startswith("result") and which[6:] in ("", "1", "2", "3") else 0
    if which == "resolver":
        return [(call, ("asked", args[0]))]
    if assertion["path"] is None:
        return [(call, ("result", "temperror"))] if args == ["ETIMEOUT"] else []
    if not path:
        return [(call, ("result", "none"))] if how == "false" else []
    field = {"status.result": "result", "policy": "policy", "p": "policy", "domain": "domain", "status.header.d": "domain",
             "status.header.from": "from"}.get(path)
    if field and how == "equal":
        return [(call, (field, args[0]))]
    if path in ("alignment.dkim.result", "alignment.spf.result"):
        return [(call, ("aligned" if how == "equal" else "not aligned", path.split(".")[1]))]
    return []


class Dmarc(Suite):
    def setUp(self):
        super().setUp()
        try:
            self.reference = Reference(self)
        except Missing as missing:
            self.skipTest(f"{missing} are not installed")
        self.key = Key(self.folder, "key", bits=1024)

    def test_published_cases(self):
        left_out = 0
        for number, case in enumerate(json_lines(CASES)):
            wanted = [e for assertion in case["assertions"] for e in expectations(assertion)]
            if self.wanted and str(number) not in self.wanted:
                continue
            if not wanted or case["name"] in NOT_A_HEADER:
                left_out += 1
                continue
            calls = [Call(self, f"{number}-{i}", call) for i, call in enumerate(case["calls"])]
            answers = [call.answer(self) for call in calls]
            problems = [problem for index, what in wanted if (problem := self.compare(case, calls[index], answers[index], what))]
            self.check(f"{number} ({' / '.join(case['suite'][1:])}) {case['name']}", problems)
        print(f"{left_out} cases speak of the library only")
        self.report("DMARC")

    @staticmethod
    def compare(case, call, answer, what):
        field, wanted = what
        found = answer["dmarc"]
        bad = [signature for signature in answer["dkim"] if signature["result"] != "pass"]
        if bad or len(answer["dkim"]) != len(call.dkim):
            return f"dkim {answer['dkim']} instead of a pass for {call.dkim}"
        if field == "asked":
            # They may be asked all at once, so their order is not to be seen; addresses are not From domains.
            asked = {name for name in call.gateway.dns.asked("TXT") if name.startswith("_dmarc.")}
            wanted = {name for name in wanted if not name.startswith("_dmarc.192.")}
            extra = f" {sorted(asked)} asked instead of {sorted(wanted)}" if asked != wanted else ""
            return extra and f"asked:{extra}"
        if field in ("aligned", "not aligned"):
            return (wanted in found["aligned"]) != (field == "aligned") and f"aligned: {found['aligned']}, wanted: {wanted} {field}"
        if case["name"] == ONE_DOMAIN:
            wanted = "pass"
        return found.get(field) != wanted and f"{field}: {found.get(field)} instead of {wanted} ({json.dumps(found)})"


if __name__ == "__main__":
    main(Dmarc, CASES)
