#!/usr/bin/env python3
"""Runs published DMARC, public suffix and From-field suites through `dmarc_cases` (in memory, no network).

usage: dmarc_unit.py DMARC_CASES [DATA] [-v]     DATA: folder with dmarc/unified, psl/tests and smtp
Exit 0: all good; 1: a case differs that README.md does not list, or one of its list does not; 77: no data, skipped.
"""
import base64
import json
import os
import re
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DATA = os.path.join(HERE, "..", "..", "..", "shared", "data")

# Assertions on what only that library has: raw record, comment, numbers of historic tags, unknown tags as properties.
NOT_OURS = re.compile(r"^result\.(rr|pct|ri|tagonly|status\.comment|alignment\.dkim\.underSized)$")
# Cases that ask for something else than the standard in force: see README.md.
CONTRADICT = {
    "mailauth/Should return false for headerFrom array with multiple elements",
    "opendmarc/align/5",
    "opendmarc/from/7",
    "opendmarc/from/8",
    "opendmarc/parse/12",
    "opendmarc/parse/14",
    "opendmarc/parse/19",
    "opendmarc/org/4",
}


def to_hex(text):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return data.hex() or "-"


class Program:
    """Collects commands; answers come when all have been asked."""

    def __init__(self, path):
        self.path, self.lines, self.asked = path, [], 0

    def tell(self, *words):
        self.lines.append(" ".join(words))

    def ask(self, *words):
        self.tell(*words)
        self.asked += 1
        return self.asked - 1

    def answers(self):
        told = "\n".join(self.lines) + "\n"
        out = subprocess.run([self.path], input=told, capture_output=True, text=True, timeout=300)
        if out.returncode != 0:
            sys.exit("dmarc_cases failed (%d): %s" % (out.returncode, out.stderr[-2000:]))
        found = [line.split(" ") for line in out.stdout.splitlines()]
        if len(found) != self.asked:
            sys.exit("dmarc_cases answered %d of %d" % (len(found), self.asked))
        return found


class Suites:
    def __init__(self, program):
        self.program, self.checks = program, []

    def expect(self, suite, name, number, judge):
        """`judge` of one answer: True, False, or None for what only another library has."""
        self.checks.append((suite, name, number, judge))

    def report(self, verbose):
        answers = self.program.answers()
        good, total, foreign, differ, bad = Counter(), Counter(), Counter(), Counter(), 0
        for suite, name, number, judge in self.checks:
            listed = "%s/%s" % (suite, name) in CONTRADICT
            answer = [answers[n] for n in number] if isinstance(number, list) else answers[number]
            result = judge(answer)
            if result is None:
                foreign[suite] += 1
                continue
            total[suite] += 1
            good[suite] += result
            differ[suite] += listed and not result
            if result == listed:
                bad += 1
                print("WRONG %s/%s: %s%s" % (suite, name, answer, " (listed as contradicting)" if listed else ""))
            elif verbose:
                print("good" if result else "listed", suite, name, answer)
        for suite in total:
            print("%-10s %4d of %4d right, %d listed in README.md, %d of another library only"
                  % (suite, good[suite], total[suite], differ[suite], foreign[suite]))
        return 1 if bad else 0


# --- mailauth -------------------------------------------------------------------------------------------------------

FIELDS = ("result", "policy", "from", "domain", "record_domain", "aligned", "strict", "asked")


def domains(entries):
    names = [e if isinstance(e, str) else e["domain"] for e in entries]
    return ",".join(to_hex(name) for name in names) or "-"


def call_mailauth(program, call):
    program.tell("zone")
    for name, types in (call.get("zone") or {}).items():
        if isinstance(types.get("TXT"), dict):
            program.tell("record", to_hex(name), "TIMEOUT", "-")
        else:
            for texts in types.get("TXT", []):
                program.tell("record", to_hex(name), "TXT", to_hex("".join(texts)))
    if call["fn"] == "get-dmarc-record":
        return program.ask("check", "walk", to_hex(call["args"][0]), "-", "-")
    options = call["args"][0]
    authors = options["headerFrom"] if isinstance(options["headerFrom"], list) else [options["headerFrom"]]
    identifiers = domains(options["spfDomains"]), domains(options["dkimDomains"])
    if "@" not in authors[0]:  # a bare domain, already taken out of its field
        return program.ask("check", "walk", to_hex(authors[0]), *identifiers)
    return program.ask("message", to_hex("From: %s\r\n\r\n" % ", ".join(authors)), *identifiers)


def listing(text):
    return [] if text == "-" else text.split(",")


def value_of(path, answers):
    """What our outcome says at that path of the library's result; KeyError: it has no such thing."""
    match = re.match(r"^result(\d?)\.?(.*)$", path or "result")
    outcome = dict(zip(FIELDS, answers[int(match.group(1) or 1) - 1], strict=True))
    name = match.group(2)
    method = re.match(r"^alignment\.(spf|dkim)\.(result|strict)$", name)
    if method and method.group(2) == "result":
        return outcome["domain"] if method.group(1) in listing(outcome["aligned"]) else None
    if method:
        return method.group(1) in listing(outcome["strict"])
    if name == "":
        return outcome["result"] if outcome["result"] not in ("none", "permerror") else False
    if name == "isOrgRecord":
        return outcome["record_domain"] != outcome["from"]
    if name == "v":
        return "DMARC1" if outcome["record_domain"] != "-" else None
    simple = {"status.result": "result", "policy": "policy", "p": "policy", "domain": "domain",
              "status.header.from": "from", "status.header.d": "domain"}
    if name == "adkim":
        return "s" if "dkim" in listing(outcome["strict"]) else "r"
    return outcome[simple[name]]


def judge_assertion(assertion, answers):
    path, want = assertion["path"], assertion.get("args", [None])[0]
    kind = assertion["assert"]
    if path and path.startswith("resolver.calls"):
        asked = [name for answer in answers for name in listing(answer[FIELDS.index("asked")])]
        return asked == want
    if path is None:  # an exception's code, or the JavaScript type of a property
        return answers[0][0] == "temperror" if want == "ETIMEOUT" else None
    if NOT_OURS.match(path) or kind == "not.property":
        return None
    found = value_of(path, answers)
    if kind in ("false", "not.ok"):
        return not found
    if kind == "true":
        return found is True
    return found == want


def mailauth(suites, path):
    for line in open(path, encoding="utf-8"):
        case = json.loads(line)
        numbers = [call_mailauth(suites.program, call) for call in case["calls"]]

        def judge(answers, case=case):
            results = [judge_assertion(assertion, answers) for assertion in case["assertions"]]
            results = [result for result in results if result is not None]
            return all(results) if results else None

        suites.expect("mailauth", case["name"], numbers, judge)


# --- OpenDMARC ------------------------------------------------------------------------------------------------------

PARSED = {"DMARC_PARSE_OKAY": ("none", "quarantine", "reject"), "DMARC_PARSE_ERROR_EMPTY": ("no",),
          "DMARC_PARSE_ERROR_BAD_VALUE": ("unusable",), "DMARC_PARSE_ERROR_NO_REQUIRED_P": ("unusable",)}


def opendmarc(suites, path):
    program = suites.program
    for line in open(path, encoding="utf-8"):
        case = json.loads(line)
        kind = case["kind"]
        if kind == "alignment":
            program.tell("zone")
            mode = " adkim=s" if case["mode"] == "strict" else ""
            program.tell("record", to_hex("_dmarc." + case["a"]), "TXT", to_hex("v=DMARC1; p=reject;" + mode))
            number = program.ask("check", "psl", to_hex(case["a"]), "-", to_hex(case["b"]))
            suites.expect("opendmarc", case["id"], number,
                          lambda a, want=case["expect"]: (a[0] == "pass") == (want == "aligned"))
        elif kind == "from-domain":
            number = program.ask("from", to_hex("From: %s\r\n\r\n" % case["raw"]))
            suites.expect("opendmarc", case["id"], number, lambda a, want=case["expect"]: a == ["one", want])
        elif kind == "record-parse":
            number = program.ask("record_text", to_hex(case["record"]))
            suites.expect("opendmarc", case["id"], number, lambda a, want=case["expect"]: a[0] in PARSED[want])
        else:
            number = program.ask("suffix", to_hex(unescape(case["domain"])))
            suites.expect("opendmarc", case["id"], number,
                          lambda a, want=case["expect"]: a[0] == a_label(unescape(want)))


def unescape(text):
    return re.sub(r"\\0x(..)", lambda m: chr(int(m.group(1), 16)), text).encode("latin-1").decode("utf-8")


# --- public suffixes ------------------------------------------------------------------------------------------------


def a_label(name):
    return ".".join(label.encode("idna").decode() for label in name.lower().split("."))


def public_suffixes(suites, path):
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if len(words) != 2 or line.startswith("//"):
            continue
        name, want = words
        number = suites.program.ask("suffix", to_hex("" if name == "null" else name))
        suites.expect("psl", name, number, lambda a, want=want: a[0] == ("-" if want == "null" else a_label(want)))


# --- forged From fields ---------------------------------------------------------------------------------------------


def domains_in(header):
    """Everything that could be a domain, for a zone in which each of them asks for rejection."""
    return sorted(set(d.lower() for d in re.findall(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", header)))


def forged(suites, suite, path):
    """The forger controls one domain and has it pass; nothing that a reader could be shown may pass but that one."""
    program = suites.program
    for line in open(path, encoding="utf-8"):
        case = json.loads(line)
        octets = base64.b64decode(case.get("header_b64") or case["message_b64"])
        if "message_b64" in case and b"\r\n\r\n" in octets:
            octets = octets[:octets.index(b"\r\n\r\n") + 4]
        fields = octets.decode("latin-1")
        named = domains_in(without_comments(fields))
        program.tell("zone")
        for domain in named:
            program.tell("record", to_hex("_dmarc." + domain), "TXT", to_hex("v=DMARC1; p=reject"))
        if suite == "espoofer":
            forger = case["helo"] if "." in case["helo"] else "attack.com"
            victim = "example.com" if case["id"].startswith("client") else "legitimate.com"
            number = program.ask("message", octets.hex(), to_hex("attack.com"), to_hex(forger))
            suites.expect(suite, case["id"], number, lambda a, victim=victim: not (a[0] == "pass" and a[2] == victim))
        # Whoever controls just one of several domains in From gets no pass; encoded words and NUL hide none.
        found = re.findall(r"@([A-Za-z0-9.-]+)", without_comments(from_lines(fields)))
        from_domains = sorted({domain.lower() for domain in found})
        for domain in from_domains[:3]:
            number = program.ask("message", octets.hex(), to_hex(domain), to_hex(domain))
            odd = len(from_domains) > 1 or case.get("nul") or case.get("multi") or "=?" in fields
            suites.expect(suite, "%s as %s" % (case["id"], domain), number,
                          lambda a, odd=odd: a[0] in ("permerror", "none") or not odd)


def without_comments(text):
    return re.sub(r"\(.*?\)", "", text, flags=re.S)


def from_lines(header):
    lines = re.sub(r"\r\n(?=[ \t])", "", header).split("\r\n")
    return "\n".join(line for line in lines if re.match(r"(?i)[^a-z]*from[^a-z:]*:", line))


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    data = arguments[1] if len(arguments) > 1 else DEFAULT_DATA
    if not os.path.isdir(os.path.join(data, "dmarc")):
        print("SKIPPED: no DMARC suites at", os.path.normpath(data))
        return 77
    suites = Suites(Program(arguments[0]))
    mailauth(suites, os.path.join(data, "dmarc", "unified", "mailauth.jsonl"))
    opendmarc(suites, os.path.join(data, "dmarc", "unified", "opendmarc.jsonl"))
    public_suffixes(suites, os.path.join(data, "psl", "tests", "tests.txt"))
    forged(suites, "espoofer", os.path.join(data, "smtp", "espoofer.jsonl"))
    forged(suites, "from-fuzz", os.path.join(data, "smtp", "from-fuzz.jsonl"))
    return suites.report("-v" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
