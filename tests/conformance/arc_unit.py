#!/usr/bin/env python3
"""Runs the published ARC suite and real mail with ARC chains through `arc_cases` (in memory, no network).

usage: arc_unit.py ARC_CASES [DATA] [-v]     DATA: folder with arc/unified/*.jsonl and dkim/real-lists/
Exit 0: all as expected; 1: a case differs; 77: no data, skipped.
"""
import json
import os
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DATA = os.path.join(HERE, "..", "..", "..", "shared", "data")
# Expectations that RFC 8617 contradicts, with what it asks for. The sentences are in README.md, "ARC".
CONTRADICTED = {
    "cv_fail_i1_as_cv_fail": "fail",
    "cv_fail_i2_as1_fail": "fail",
    "ams_fields_h_empty": "fail",
    "real/mailauth-arc-fail3": "fail",
}


def to_hex(octets):
    return octets.hex() or "-"


def valimail(path):
    for line in open(path, encoding="utf-8"):
        case = json.loads(line)
        if "message" not in case or "expect" not in case:
            continue
        yield {
            "id": case["id"],
            "suite": "valimail",
            "zone": case["dns"],
            # The suite is YAML with bare line feeds; on the wire lines end in CRLF.
            "message": case["message"].encode("utf-8").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
            "expect": CONTRADICTED.get(case["id"], case["expect"]),
            "time": 0,
        }


def real_lists(folder):
    zone = json.load(open(os.path.join(folder, "zone.json"), encoding="utf-8"))
    for line in open(os.path.join(folder, "cases.jsonl"), encoding="utf-8"):
        case = json.loads(line)
        arc = case.get("arc") or {}
        # Without a verdict a key of the chain is not known any more.
        if arc.get("cv") is None:
            continue
        yield {
            "id": case["id"],
            "suite": "real-lists",
            "zone": zone,
            "message": open(os.path.join(folder, case["file"]), "rb").read(),
            "expect": CONTRADICTED.get(case["id"], arc["cv"]),
            "time": case.get("clock") or case["date"] or 0,
        }


def load(data):
    cases = []
    path = os.path.join(data, "arc", "unified", "valimail-validation.jsonl")
    if os.path.exists(path):
        cases += valimail(path)
    folder = os.path.join(data, "dkim", "real-lists")
    if os.path.isdir(folder):
        cases += real_lists(folder)
    return cases


def texts(value):
    """The TXT records of one name: a string, or a list of strings or [type, data] pairs."""
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            entry = next(iter(entry.items()))
        if isinstance(entry, str):
            yield entry
        elif str(entry[0]).upper() == "TXT":
            yield "".join(entry[1]) if isinstance(entry[1], list) else entry[1]


def run(program, cases):
    lines, zone = [], None
    for number, case in enumerate(cases):
        if case["zone"] is not zone:
            zone = case["zone"]
            lines.append("zone")
            for name, value in zone.items():
                for text in texts(value):
                    lines.append("record %s %s" % (to_hex(name.encode()), to_hex(text.encode())))
        lines.append("check %d %s %d" % (number, to_hex(case["message"]), case["time"]))
    out = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    if out.returncode != 0:
        sys.exit("arc_cases failed (%d): %s" % (out.returncode, out.stderr[-2000:]))
    return [line.split(" ", 4) for line in out.stdout.splitlines()]


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    program, data = arguments[0], arguments[1] if len(arguments) > 1 else DEFAULT_DATA
    cases = load(data)
    if not cases:
        print("SKIPPED: no ARC suites at", os.path.normpath(data))
        return 77
    right, total, wrong = Counter(), Counter(), 0
    for case, (_, result, sets, oldest, reason) in zip(cases, run(program, cases), strict=True):
        total[case["suite"]] += 1
        good = result == case["expect"]
        right[case["suite"]] += good
        wrong += not good
        if not good or "-v" in sys.argv:
            print("%s %s/%s: want %s, got %s (%s sets, oldest pass %s) %s" % (
                "good" if good else "WRONG", case["suite"], case["id"], case["expect"], result, sets, oldest, reason))
    for suite in total:
        print("%-12s %3d of %3d right" % (suite, right[suite], total[suite]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
