#!/usr/bin/env python3
"""DNS lists in memory, through `lists_cases`: for each case of the suite the right name is asked (or none), and the answer
of its zone is read as it should be.

usage: lists_unit.py LISTS_CASES [DATA] [-v]     DATA: folder with cases.jsonl
Exit 0: all as expected; 1: a case differs; 77: no data, skipped.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DATA = os.path.join(HERE, "..", "..", "..", "shared", "data", "dnsbl")
ZONE = "dnsbl.test"
# What the list declares: each code an answer of its own. Where the suite says that the rule decides, with and without.
CODES = ["127.0.0.%d" % i for i in range(2, 255)]
ALIASES = 8


def to_hex(text):
    return text.encode().hex() or "-"


def ask(program, lines):
    out = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    if out.returncode != 0 or out.stderr:
        sys.exit("lists_cases failed (%d): %s" % (out.returncode, out.stderr[-2000:]))
    return out.stdout.split("\n")[:-1]


def is_test_point(case):
    """RFC 5782, 5: what a list is tested with, whether a mail could ask for it or not."""
    return case["id"].startswith("rfc5782-")


def look_up(zone, name):
    """(status, addresses) as a resolver gives them."""
    for _ in range(ALIASES):
        records = zone.get(name)
        if records is None:
            return "no_name", []
        if "CNAME" not in records:
            break
        name = records["CNAME"]
    if records.get("RCODE", "NOERROR") not in ("NOERROR", "NXDOMAIN"):
        return "temp_fail", []
    return ("found", records["A"]) if records.get("A") else ("no_record", [])


def expected(case, addresses):
    """KIND and codes by the words of the suite; a mail is hurt by "listed" alone, so the others are not told apart."""
    text = case["expect"]
    if text.startswith("listed only if rule matches "):
        return "listed", [text.split()[-1]]
    if text.startswith("listed"):
        codes = re.search(r"codes? (?:\{([0-9,]+)\}|(\d+))", text)
        if codes:
            return "listed", ["127.0.0." + code for code in (codes.group(1) or codes.group(2)).split(",")]
        return "listed", sorted(set(addresses), key=lambda a: [int(octet) for octet in a.split(".")])
    if text.startswith("temporary"):
        return "noanswer", []
    wrong = [a for a in addresses if not a.startswith("127.")]
    refused = [a for a in addresses if a.startswith("127.255.255.")]
    return "wrong" if wrong else "refused" if refused else "unlisted", []


def name_fault(case, names):
    """What is wrong with the names that are asked for a case, or None."""
    if not case["qname"]:
        return "asked %s" % names if names else None
    if case["qname"] not in [name + "." + ZONE for name in names]:
        return "asked %s, not %s" % (names, case["qname"])
    if case["kind"] == "uri" and names[0] not in case["query_for"]:
        return "the host itself is not asked: %s" % names
    return None


def readings(case):
    """(command, what must come back): the answer of the case's zone, read by one declaration or two."""
    status, addresses = look_up(case["zone"], case["qname"])
    kind, codes = expected(case, addresses)
    declared = CODES + [code for code in codes if code not in CODES]

    def command(answers):
        return " ".join(["read", status, to_hex(",".join(answers)), *addresses])

    yield command(declared), [kind, *codes]
    if len(declared) > len(CODES):
        yield command(CODES), ["other"]


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    program, data = arguments[0], arguments[1] if len(arguments) > 1 else DEFAULT_DATA
    path = os.path.join(data, "cases.jsonl")
    if not os.path.exists(path):
        print("SKIPPED: no %s" % os.path.relpath(path))
        return 77
    cases = [json.loads(line) for line in open(path, encoding="utf-8") if line.strip()]
    lines = ["%s %s" % ("point" if is_test_point(case) else "ask", to_hex(case["query_for"])) for case in cases]
    asked = [line.split() for line in ask(program, lines)]
    faults = [name_fault(case, names) for case, names in zip(cases, asked, strict=True)]
    reads = [(number, *pair) for number, case in enumerate(cases) if case["qname"] for pair in readings(case)]
    for (number, _, want), line in zip(reads, ask(program, [command for _, command, _ in reads]), strict=True):
        if line.split() != want:
            faults[number] = faults[number] or "want %s, got %s" % (want[:9], line.split()[:9])
    for case, names, fault in zip(cases, asked, faults, strict=True):
        if fault or "-v" in sys.argv:
            print("%s %s: %s" % ("WRONG" if fault else "right", case["id"], fault or " ".join(names) or "not asked"))
    bad = sum(fault is not None for fault in faults)
    print("DNS lists: %d of %d cases right" % (len(cases) - bad, len(cases)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
