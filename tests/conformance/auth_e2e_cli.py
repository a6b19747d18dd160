#!/usr/bin/env python3
"""Whole messages with envelope and zone, and the verdicts that another gateway (authentication_milter) puts into its
Authentication-Results: compared with the field that Postern would add, read by Python's authres.

Reads the suite from the test data (POSTERN_TEST_DATA); exits 0 when every verdict is right, 77 (skipped, saying why) where it or
authres is missing, 1 otherwise. `auth_e2e_cli.py N...` runs the cases with these numbers (from 0) only.
"""
import re

from scan_suite import DATA, Suite, json_lines, main
from harness import HOSTNAME
from reference import Missing, Reference

FOLDER = DATA / "auth-e2e" / "authentication_milter"
METHODS = ("spf", "dkim", "dmarc", "iprev")
# Addresses that the milter's own configuration replaces by another before it looks: only what the message itself shows counts.
MAPPED = {"4.3.2.1", "5.4.3.2"}


def zone_of(text):
    """The suite's zone file: NAME [TTL] [IN] TYPE DATA, strings quoted or not, parentheses around them, everything on one line.
    Names without data exist; ";ERROR" lines say NXDOMAIN, which is what a name without a line gets."""
    zone = {}
    for line in text.splitlines():
        found = re.match(r"([^;\s]\S*)\s+(?:\d+\s+)?(?:IN\s+)?(A|AAAA|MX|TXT|PTR|CNAME|NS)\b\s*(.*)$", line)
        if not found:
            continue
        name, kind, data = found.groups()
        entries = zone.setdefault(name.rstrip(".").lower(), [])
        data = re.sub(r"^\((.*)\)$", r"\1", data.strip()).strip()
        if kind == "TXT" and data:
            entries.append([kind, ["".join(a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', data))]])
        elif data:
            entries.append([kind, data])
    return zone


class EndToEnd(Suite):
    def setUp(self):
        super().setUp()
        try:
            self.reference = Reference(self)
        except Missing as missing:
            self.skipTest(f"{missing} are not installed")

    def test_published_cases(self):
        gateway = self.gateway(zone_of((FOLDER / "t" / "zonefile").read_text()))
        seen, without, jobs = {}, 0, []
        for number, case in enumerate(json_lines(FOLDER / "cases.jsonl")):
            if self.wanted and str(number) not in self.wanted:
                continue
            if "expect" not in case:
                without += 1
                continue
            sender = re.sub(r"^<(.*)>.*$", r"\1", case["from"])
            message = self.message(f"{number}", (FOLDER / "t" / "data" / "source" / case["source"]).read_bytes())
            seen[number] = (case, sender, message)
            jobs.append((gateway, [message], ["--ip", case["ip"], "--helo", case["name"], "--from", sender]))
        answers = self.scan_all(jobs)
        for number, (case, sender, message) in seen.items():
            field = answers[str(message)]["authentication_results"]
            identity, results = self.reference.results(field)
            problems = [] if identity == HOSTNAME else [f"authserv-id {identity}"]
            for method, wanted in case["expect"].items():
                if method in METHODS:
                    problems += self.compare(case, sender, results, method, wanted)
            self.check(f"{number} {case['desc']} ({case['source']} from {case['ip']})", problems and problems + [field])
        print(f"{without} cases have no verdicts to compare")
        self.report("end to end")

    @staticmethod
    def compare(case, sender, results, method, wanted):
        found = [r for r in results if r["method"] == method]
        if method == "spf":
            # Both identities are reported; that of MAIL FROM is the other gateway's, for a null sender that of HELO.
            identity = "smtp.mailfrom" if sender else "smtp.helo"
            found = [r for r in found if identity in r["properties"]]
        # RFC 8301, 3.1: "rsa-sha1 MUST NOT be used for signing or verifying".
        sha1 = [r["properties"].get("header.a") == "rsa-sha1" for r in found]
        found = [r["result"] for r in found] or ["none"]
        if method == "dkim" and any(sha1):
            wanted = ["policy" if bad else good for bad, good in zip(sha1, wanted)]
        # No MAIL FROM has two addresses or blanks: no SMTP client can say that (RFC 5321, 4.1.1.2).
        if (case["ip"] in MAPPED and method in ("spf", "iprev")) or (method in ("spf", "dmarc") and re.search(r"[ ,]", sender)):
            return []
        # RFC 8601, 2.7.3: "permerror: ... no PTR data are published for the connecting IP address, e.g., a DNS RCODE of 3".
        if method == "iprev" and wanted == ["fail"]:
            wanted = ["permerror"]
        # RFC 9989, 5.3.1: several author domains, or a From that is none by RFC 5322, are out of its scope. They must not pass.
        if method == "dmarc" and (len(wanted) > 1 or wanted == ["permerror"]):
            return [] if "pass" not in found else [f"dmarc: {found} instead of {wanted}"]
        return [] if found == wanted else [f"{method}: {found} instead of {wanted}"]


if __name__ == "__main__":
    main(EndToEnd, FOLDER / "cases.jsonl")
