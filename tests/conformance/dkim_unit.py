#!/usr/bin/env python3
"""Runs DKIM suites through `dkim_cases` (in memory, no network): each message's signatures must be judged as expected.

usage: dkim_unit.py DKIM_CASES [DATA] [-v]     DATA: folder with unified/ and real-lists/, each with cases.jsonl,
                                               zone.json and messages
Exit 0: all good; 1: a case differs; 77: no data, skipped.
"""
import json
import os
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DATA = os.path.join(HERE, "..", "..", "..", "shared", "data", "dkim")
# Cases that name no time are judged as of a fixed one, or they would change with the calendar.
NOW = 1763800000


def to_hex(value):
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return data.hex() or "-"


def record_lines(name, value):
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, str):
            yield "record %s TXT %s" % (to_hex(name), to_hex(entry))
        elif entry.get("rcode") in ("servfail", "timeout"):
            yield "record %s %s -" % (to_hex(name), entry["rcode"].upper())
        elif "cname" in entry:
            yield "record %s CNAME %s" % (to_hex(name), to_hex(entry["cname"]))
        elif "txt" in entry:
            yield "record %s TXT %s" % (to_hex(name), to_hex("".join(entry["txt"])))
        elif entry.get("rcode") != "nxdomain":
            sys.exit("unknown kind of record: %r" % entry)


def load(data, suite):
    folder = os.path.join(data, suite)
    with open(os.path.join(folder, "zone.json"), encoding="utf-8") as file:
        zone = json.load(file)
    with open(os.path.join(folder, "cases.jsonl"), encoding="utf-8") as file:
        cases = [json.loads(line) for line in file if line.strip()]
    for case in cases:
        case["suite"] = suite
        case["path"] = os.path.join(folder, case["file"])
        case["zone"] = {**zone, **case.get("zone_override", {})}
    return cases


def as_of(case):
    return case.get("clock") or case.get("date") or NOW


def run(program, cases):
    lines, zone = [], None
    for number, case in enumerate(cases):
        if case["zone"] != zone:
            zone = case["zone"]
            lines.append("zone")
            for name, value in zone.items():
                lines.extend(record_lines(name, value))
        lines.append("check %d %s %d" % (number, to_hex(os.path.abspath(case["path"])), as_of(case)))
    out = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    if out.returncode != 0 or out.stderr:
        sys.exit("dkim_cases failed (%d): %s" % (out.returncode, out.stderr[-2000:]))
    return [[outcome(field) for field in line.split(" ")[1:]] for line in out.stdout.splitlines()]


def outcome(field):
    result, *texts = field.split("/")
    return [result] + ["" if t == "-" else bytes.fromhex(t).decode("utf-8", "replace") for t in texts]


def judge_unified(case, outcomes):
    results = [o[0] for o in outcomes]
    expect = case["strict_expect_now"] if "strict_expect_now" in case and "clock" not in case else case["strict_expect"]
    if expect == "pass":
        return "pass" in results
    if expect == "none":
        return not results
    # Without an expectation it must only come to an end.
    return expect is None or "pass" not in results


def judge_real(case, outcomes):
    """One outcome for each signature, in order."""
    if len(outcomes) != len(case["sigs"]):
        return False
    for expected, (result, domain, selector, reason) in zip(case["sigs"], outcomes):
        want = expected["result"].split(":")[0]
        if (domain, selector) != (expected["d"].lower(), expected["s"].lower()):
            return False
        if want == "nokey":
            # RFC 6376, 6.1: what the signature says (x=) is judged before its key is asked for.
            expired = expected["x"] is not None and int(expected["x"]) < as_of(case)
            good = (result, reason) == (("fail", "signature expired") if expired else ("permerror", "no key for signature"))
        else:
            good = result == want
        if not good:
            return False
    return True


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    program, data = arguments[0], arguments[1] if len(arguments) > 1 else DEFAULT_DATA
    if not os.path.isdir(data):
        print("SKIPPED: no DKIM suites at", os.path.normpath(data))
        return 77
    bad = 0
    for suite, judge in (("unified", judge_unified), ("real-lists", judge_real)):
        cases = load(data, suite)
        right, seen = 0, Counter()
        for case, outcomes in zip(cases, run(program, cases), strict=True):
            seen.update(o[0] for o in outcomes)
            if judge(case, outcomes):
                right += 1
                if "-v" in sys.argv:
                    print("good", case["id"], outcomes)
                continue
            bad += 1
            expected = case.get("strict_expect") or [s["result"] for s in case["sigs"]]
            print("WRONG %s: want %s, got %s" % (case["id"], expected, outcomes))
        print("%-12s %3d of %3d right; outcomes: %s" % (suite, right, len(cases), dict(seen)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
