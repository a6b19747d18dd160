#!/usr/bin/env python3
"""Runs published SPF suites through `spf_cases` (in memory, no network): results and explanations must match.

usage: spf_unit.py SPF_CASES [DATA] [-v]     DATA: folder with openspf-suite/*.yml and unified/{cases.jsonl,zones.json}
Exit 0: all good; 1: a case of a must-pass suite differs; 77: no data, skipped.
"""
import json
import os
import re
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DATA = os.path.join(HERE, "..", "..", "..", "shared", "data", "spf")
MUST_PASS = {"rfc7208", "rfc4408"}


def octets(value):
    if isinstance(value, bytes):
        return value
    # The unified zones keep octets above 0x7f as Latin-1 or surrogates; YAML gives code points below 256.
    text = str(value)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def to_hex(value):
    return octets(value).hex() or "-"


def record_lines(name, entries, copy_spf):
    """One name of a zone. With copy_spf, TXT is a copy of SPF (type 99) unless the zone has TXT of its own."""
    own_txt = not copy_spf or any(isinstance(e, (list, tuple, dict)) and kind(e) == "TXT" for e in entries)
    for entry in entries:
        if isinstance(entry, str):
            yield name, entry.upper(), "-"
            continue
        rtype, data = (kind(entry), value_of(entry))
        if rtype in ("TIMEOUT", "SERVFAIL"):
            yield name, rtype, data
        elif data == "TIMEOUT":
            if rtype != "SPF":
                yield name, "TIMEOUT", rtype
        elif rtype == "SPF" and not own_txt:
            yield name, "TXT", data
        elif rtype == "TXT" and data != "NONE":
            yield name, "TXT", data
        elif rtype in ("A", "AAAA", "PTR", "CNAME", "MX"):
            yield name, rtype, data


def kind(entry):
    return next(iter(entry)).upper() if isinstance(entry, dict) else entry[0].upper()


def value_of(entry):
    if isinstance(entry, dict):
        return next(iter(entry.values()))
    return entry[1] if len(entry) > 1 else "-"


def encode(rtype, data):
    if rtype == "TXT":
        data = b"".join(octets(part) for part in data) if isinstance(data, (list, tuple)) else octets(data)
    elif rtype == "MX":
        data = octets("%d " % int(data[0])) + octets(str(data[1]).rstrip("."))
    elif rtype in ("TIMEOUT", "SERVFAIL"):
        data = b"" if data == "-" else octets(data)
    elif rtype in ("PTR", "CNAME"):
        data = octets(str(data).rstrip("."))
    else:
        data = octets(data)
    return data.hex() or "-"


def zone_lines(zone, copy_spf):
    yield "zone"
    for name, entries in zone.items():
        for owner, rtype, data in record_lines(str(name).rstrip("."), entries, copy_spf):
            yield "record %s %s %s" % (to_hex(owner), rtype, encode(rtype, data))
    # Names of this form stand for a DNS failure in one of the suites.
    for name in sorted(set(re.findall(r"\b_dns_error[.\w-]*", str(zone)))):
        yield "record %s SERVFAIL -" % to_hex(name)


def yaml_suite(path, suite):
    import yaml

    for number, scenario in enumerate(yaml.safe_load_all(open(path, encoding="utf-8"))):
        if not scenario:
            continue
        for name, test in scenario["tests"].items():
            expect = test["result"]
            yield {
                "id": "%s/%s" % (suite, name),
                "suite": suite,
                "zone": "%s-%d" % (suite, number),
                "records": scenario["zonedata"],
                "copy_spf": True,
                "helo": test["helo"],
                "mailfrom": test.get("mailfrom") or "",
                "host": test["host"],
                "expect": expect if isinstance(expect, list) else [expect],
                "explanation": test.get("explanation"),
            }


def load(data):
    cases = []
    for suite in ("rfc7208", "rfc4408"):
        path = os.path.join(data, "openspf-suite", "%s-tests.yml" % suite)
        if os.path.exists(path):
            cases += yaml_suite(path, suite)
    unified = os.path.join(data, "unified")
    if os.path.isdir(unified):
        zones = json.load(open(os.path.join(unified, "zones.json"), encoding="utf-8"))
        for line in open(os.path.join(unified, "cases.jsonl"), encoding="utf-8"):
            case = json.loads(line)
            case["id"] = "unified:" + case["id"]
            case["records"] = zones[case["zone"]]
            case["copy_spf"] = False
            case["suite"] = "unified:" + case["suite"]
            cases.append(case)
    return cases


def run(program, cases):
    lines, zone = [], None
    for number, case in enumerate(cases):
        if case["zone"] != zone:
            zone = case["zone"]
            lines += zone_lines(case["records"], case["copy_spf"])
        fields = [str(case["host"]), case["helo"] or "", case["mailfrom"] or "", case.get("receiver") or "receiver"]
        encoded = " ".join(field.encode("utf-8", "surrogateescape").hex() or "-" for field in fields)
        lines.append("check %d %s" % (number, encoded))
    out = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    if out.returncode != 0:
        sys.exit("spf_cases failed (%d): %s" % (out.returncode, out.stderr[-2000:]))
    if out.stderr:
        print("stderr of spf_cases:", out.stderr[:2000])
    return [line.split(" ") for line in out.stdout.splitlines()]


def text(field):
    return "" if field == "-" else bytes.fromhex(field).decode("utf-8", "replace")


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    program, data = arguments[0], arguments[1] if len(arguments) > 1 else DEFAULT_DATA
    if not os.path.isdir(data):
        print("SKIPPED: no SPF suites at", os.path.normpath(data))
        return 77
    cases = load(data)
    right, total, queries, bad = Counter(), Counter(), Counter(), 0
    for case, answer in zip(cases, run(program, cases), strict=True):
        _, result, explanation, reason, asked = answer
        suite = case["suite"]
        total[suite] += 1
        queries[suite] += int(asked)
        good = result in case["expect"]
        # Only a fail carries an explanation (RFC 7208, 6.2).
        if case.get("explanation") and result == "fail":
            good = good and text(explanation) == case["explanation"]
        right[suite] += good
        if not good:
            must = suite.removeprefix("unified:") in MUST_PASS and not case.get("disputed")
            bad += must
            print("%s %s: want %s %r, got %s %r (%s)" % ("WRONG" if must else "differs", case["id"], case["expect"],
                  case.get("explanation"), result, text(explanation), text(reason)))
        elif "-v" in sys.argv:
            print("good", case["id"], result, text(reason))
    for suite in total:
        print("%-28s %3d of %3d right, %d queries" % (suite, right[suite], total[suite], queries[suite]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
