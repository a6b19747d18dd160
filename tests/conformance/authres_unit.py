#!/usr/bin/env python3
"""Authentication-Results, in both directions, through `authres_cases` (in memory).

In: every field of the suite parses to what it should, or is refused. Out: thousands of fields made of hostile octets are
well-formed lines, and three readers find in them what was put in: ours, Python's authres (Debian: python3-authres), and
authres behind Python's email package, which decodes encoded words first.

usage: authres_unit.py AUTHRES_CASES [DATA] [-v]     DATA: folder with unified/headers.jsonl
Exit 0: all good; 1: something differs; 77: no data or no authres (the rest has run).
"""
import email
import email.policy
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DATA = os.path.join(HERE, "..", "..", "..", "shared", "data", "authres")
SYSTEM_PYTHON = "/usr/bin/python3"
FIELDS = 6000
SEED = 8601

try:
    import authres
    import authres.arc
    import authres.dkim_b
    import authres.dmarc
except ImportError:
    authres = None

# Cases where the suite contradicts RFC 8601; README.md has the sentences. False: we refuse; a dict: props we read besides.
DISPUTED = {
    "ar011": {},
    "ar029": {"header.d": "github.com"},
    "ar045": False,
    "ar049": False,
    "ar062": False,
    "ar067": False,
    "ar068": False,
    "ar069": False,
    "ar070": False,
    "ar073": False,
    "ar077": False,
    "ar107": False,
    "ar109": False,
    "ar119": False,
    "ar120": False,
    "ar121": False,
}

SPF = "none neutral pass fail softfail temperror permerror".split()
IPREV = "pass fail temperror permerror".split()
DKIM = "pass fail policy neutral temperror permerror".split()
DMARC = "none pass fail temperror permerror".split()
POLICY = "none quarantine reject".split()
ARC = "none pass fail temperror".split()


def to_hex(octets):
    return octets.hex() or "-"


def unhex(word):
    return b"" if word == "-" else bytes.fromhex(word)


def ask(program, lines):
    out = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    if out.returncode != 0:
        sys.exit("authres_cases failed (%d): %s" % (out.returncode, out.stderr[-2000:]))
    if out.stderr:
        print("stderr of authres_cases:", out.stderr[:2000])
    return out.stdout.splitlines()


def read_answer(line):
    """None, or [authserv_id, [[method, result, reason, [[type, value], ...]], ...]] in octets."""
    words = iter(line.split(" "))
    if next(words) != "ok":
        return None
    authserv_id = unhex(next(words))
    results = []
    for _ in range(int(next(words))):
        result = [unhex(next(words)) for _ in range(3)]
        result.append([[unhex(next(words)), unhex(next(words))] for _ in range(int(next(words)))])
        results.append(result)
    return [authserv_id, results]


# ---- in: the suite

def wanted(case):
    expect = case["expect"]
    if case["id"] in DISPUTED:
        extra = DISPUTED[case["id"]]
        if extra is False:
            return None
        if expect is None:  # "example.org"; none
            return ["example.org", []]
        expect["results"][0]["props"].update(extra)
    if case["valid"] is False or expect is None:
        return None
    return [expect["authserv_id"], [[r["method"], r["result"], r["reason"] or "", r["props"]] for r in expect["results"]]]


def as_text(answer):
    if answer is None:
        return None
    return [answer[0].decode(), [[*(w.decode() for w in r[:3]), {t.decode(): v.decode() for t, v in r[3]}] for r in answer[1]]]


def run_suite(program, data, verbose):
    path = os.path.join(data, "unified", "headers.jsonl")
    if not os.path.exists(path):
        print("SKIPPED: no suite at", os.path.normpath(path))
        return None
    cases = [json.loads(line) for line in open(path, encoding="utf-8")]
    # The suite keeps fields as Unix text; on the wire they fold with CRLF.
    fields = [to_hex(case["header"].replace("\r\n", "\n").replace("\n", "\r\n").encode()) for case in cases]
    strict = ask(program, ["parse rfc8601 " + field for field in fields])
    deployed = ask(program, ["parse deployed " + field for field in fields])
    bad = 0
    for case, answer in zip(cases, strict, strict=True):
        want, got = wanted(case), as_text(read_answer(answer))
        if want != got:
            bad += 1
            print("WRONG %s %r\n  want %s\n  got  %s %s" % (case["id"], case["header"], want, got,
                  unhex(answer.split(" ")[1]).decode() if got is None else ""))
        elif verbose:
            print("good", case["id"], got if got else unhex(answer.split(" ")[1]).decode())
    unused = set(DISPUTED) - {case["id"] for case in cases}
    if unused:
        bad += 1
        print("WRONG: listed, but not in the suite:", sorted(unused))
    agreed = sum(wanted(case) is not None for case in cases)
    print("suite: %d of %d as wanted (%d parsed, %d refused; %d disputed); %d parse in the grammar as deployed" % (
        len(cases) - bad, len(cases), agreed, len(cases) - agreed, len(DISPUTED),
        sum(answer.startswith("ok") for answer in deployed)))
    return bad


# ---- out: hostile facts

PIECES = [b'"', b"\\", b";", b"; dkim=pass header.d=bank.example", b"\r\n", b"\r\n\tspf=pass", b"\r\nX-Spam-Flag: NO\r\n", b"\n",
          b"\r", b"\0", b"(", b")", b"=?utf-8?q?=22;_dkim=3Dpass?=", b"=?", b"?=", b"@", b"example.com", b"user@example.com",
          b'"a b"@example.com', b'"; arc=pass"@example.com', b"@example.com", b" ", b"\t", b"=", b"/", b":", b"2001:db8::1", b"none",
          b"reason=", b"\xc3\xbc", b"\xe2\x80\xa8", b"\xc2\x85", b"\xf0\x9f\x98\x80", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x7f",
          b"a" * 100, b"smtp.mailfrom=x", b".", b",", b"<", b"[", b"xn--bcher-kva.example", b"\xef\xbb\xbf", b"-"]


def hostile(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return b""
    if kind == 1:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40)))
    if kind == 2:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 700)))
    if kind == 3:
        return bytes(rng.randrange(0x20, 0x7F) for _ in range(rng.randrange(1, 300)))
    if kind == 4:
        return rng.choice(PIECES)
    return b"".join(rng.choice(PIECES) for _ in range(rng.randrange(2, 12)))


def characters(octets):
    """Well-formed characters, and octets that are none."""
    at = 0
    while at < len(octets):
        for length in (1, 2, 3, 4):
            try:
                yield octets[at:at + length].decode("utf-8")
                at += length
                break
            except UnicodeDecodeError:
                continue
        else:
            yield None
            at += 1


def cleaned(octets, utf8):
    """What must be read back, from the words of encode.h."""
    out = []
    for c in characters(octets):
        ok = c is not None and (" " <= c <= "~" or (utf8 and ord(c) >= 0xA0 and c not in "\u2028\u2029"))
        out.append(c.encode() if ok else b"?")
    if sum(map(len, out)) > 255:
        while sum(map(len, out)) > 252:
            out.pop()
        out.append(b"...")
    return b"".join(out)


def clean_results(results, utf8):
    return [[m, r, cleaned(reason, utf8), [[t, cleaned(v, utf8)] for t, v in props if v]] for m, r, reason, props in results]


def random_results(rng):
    results = []
    for _ in range(rng.randrange(1, 4)):
        props = [[b"header.%s" % name, hostile(rng)] for name in (b"d", b"i", b"s", b"b")[:rng.randrange(5)]]
        results.append([b"dkim", b"pass", hostile(rng), props])
    return results


def encode_command(results, utf8):
    words = ["encode", "utf8" if utf8 else "ascii", to_hex(b"mx.example.org"), str(len(results))]
    for method, result, reason, props in results:
        words += [to_hex(method), to_hex(result), to_hex(reason), str(len(props))]
        for name, value in props:
            words += [to_hex(name), to_hex(value)]
    return " ".join(words)


def random_facts(rng, utf8):
    """A command, and the results that the field must have."""
    words, results = ["facts", to_hex(b"mx.example.org"), "smtputf8", str(int(utf8))], []
    ip = rng.choice([b"192.0.2.1", b"2001:db8::1"])
    helo, sender = hostile(rng), hostile(rng)
    # A domain of U-labels is written as A-labels where the message is not internationalised (compose_test.cc has that).
    if not utf8 and not sender.rpartition(b"@")[2].isascii():
        sender = sender.replace(b"@", b"")
    words += ["ip", to_hex(ip), "helo", to_hex(helo), "from", to_hex(sender)]

    def add(method, result, reason, *props):
        results.append([method, result.encode(), reason, list(props)])

    if rng.randrange(2):
        n = rng.randrange(len(IPREV))
        words += ["reverse", str(n)]
        add(b"iprev", IPREV[n], b"", [b"policy.iprev", ip])
    for word, name, identity in (("spf", b"smtp.mailfrom", sender or helo and b"postmaster@" + helo), ("helo_spf", b"smtp.helo", helo)):
        if rng.randrange(4):
            n, reason = rng.randrange(len(SPF)), hostile(rng)
            words += [word, str(n), to_hex(reason)]
            add(b"spf", SPF[n], reason, [name, identity])
    signatures = rng.randrange(4)
    for _ in range(signatures):
        n = rng.randrange(len(DKIM))
        reason, domain, identity, selector, algorithm, start = (hostile(rng) for _ in range(6))
        if rng.randrange(3) == 0:
            identity = b"@" + domain
        words += ["dkim", str(n)] + [to_hex(v) for v in (reason, domain, identity, selector, algorithm, start)]
        given = [] if identity == b"@" + domain else [[b"header.i", identity]]
        add(b"dkim", DKIM[n], reason, [b"header.d", domain], *given, [b"header.s", selector], [b"header.a", algorithm],
            [b"header.b", start])
    judged = rng.randrange(2)
    ignored = rng.choice([0, 0, 0, 1, 2990])
    if ignored:
        words += ["ignored", str(ignored)]
        add(b"dkim", "policy", b"%d%s signature%s not looked at" % (
            ignored, b" more" if signatures else b"", b" was" if ignored == 1 else b"s were"))
    elif judged and not signatures:
        add(b"dkim", "none", b"")
    if judged:
        n, policy = rng.randrange(len(DMARC)), rng.randrange(len(POLICY))
        reason, author, record, sealer = (hostile(rng) for _ in range(4))
        words += ["dmarc", str(n), str(policy)] + [to_hex(v) for v in (reason, author, record, sealer)]
        spoken = [b"trusted ARC sealer " + sealer + b" saw it pass"] if sealer else []
        add(b"dmarc", DMARC[n], b"; ".join([reason] * bool(reason) + spoken), [b"header.from", author],
            *([[b"policy.dmarc", POLICY[policy].encode()]] if record else []))
    if rng.randrange(2):
        n, reason, oldest = rng.randrange(len(ARC)), hostile(rng), rng.randrange(50)
        words += ["arc", str(n), to_hex(reason), str(oldest)]
        if ARC[n] != "temperror":  # not registered for arc
            add(b"arc", ARC[n], reason, *([[b"header.oldest-pass", b"%d" % oldest]] if ARC[n] == "pass" else []),
                *([[b"smtp.remote-ip", ip]] if ARC[n] != "none" else []))
    return " ".join(words), results


def line_faults(field):
    if not field.startswith(b"Authentication-Results: mx.example.org;") or not field.endswith(b"\r\n"):
        yield "not one field"
    lines = field[:-2].split(b"\r\n")
    if any(len(line) > 998 for line in lines):
        yield "a line over 998 octets"
    if any(not line.startswith(b"\t") for line in lines[1:]):
        yield "a line that does not continue"
    if any(octet < 0x20 or octet == 0x7F for line in lines for octet in line.lstrip(b"\t")):
        yield "a control octet"
    if b"=?" in field:
        yield "the beginning of an encoded word"


def unquote(text):
    out, at = [], 0
    while at < len(text):
        at += text[at] == "\\" and at + 1 < len(text)
        out.append(text[at])
        at += 1
    return "".join(out)


def same_octets(read, want, address=False):
    """authres leaves the backslashes of quoted strings where they are."""
    return read is not None and (read == want or (not address and unquote(read) == want))


def authres_faults(value, want):
    """Reads with authres. Two of its faults are known and stepped over: it drops a property in quotes that is not the last
    of its result, and the empty quotes of ""@domain."""
    features = authres.FeatureContext(authres.dkim_b, authres.dmarc, authres.arc)
    try:
        header = features.parse_value(value)
    except Exception as error:  # its own and those of its regular expressions
        yield "authres: %r" % error
        return
    if header.authserv_id != "mx.example.org" or len(header.results) != len(want):
        yield "authres: %d results" % len(header.results)
        return
    for result, (method, outcome, reason, props) in zip(header.results, want, strict=True):
        if (result.method, result.result) != (method, outcome):
            yield "authres: %s=%s" % (result.method, result.result)
        if (reason or result.reason) and not same_octets(result.reason, reason):
            yield "authres: reason %r" % result.reason
        read = [("%s.%s" % (p.type, p.name), p.value or "") for p in result.properties]
        for number, (name, text) in enumerate(props):
            if read and read[0][0] == name:
                got = read.pop(0)[1]
                if not same_octets(got, text, address=got.startswith('"')) and not text.startswith('""@'):
                    yield "authres: %s is %r" % (name, got)
            elif number + 1 == len(props) or name + '="' not in value:
                yield "authres: %s is missing" % name
        if read:
            yield "authres: too much: %r" % read


def email_value(field):
    return str(email.message_from_bytes(field + b"\r\n", policy=email.policy.default)["Authentication-Results"])


def run_hostile(program):
    rng = random.Random(SEED)
    commands, wants = [], []
    for number in range(FIELDS):
        utf8 = rng.randrange(3) == 0
        if number % 2:
            command, results = random_facts(rng, utf8)
        else:
            results = random_results(rng)
            command = encode_command(results, utf8)
        commands.append(command)
        wants.append(clean_results(results, utf8))
    fields = [unhex(line) for line in ask(program, commands)]
    answers = ask(program, ["parse rfc8601 " + to_hex(field.split(b":", 1)[1][:-2]) for field in fields])
    bad = foreign = 0
    for field, want, answer in zip(fields, wants, answers, strict=True):
        faults = list(line_faults(field))
        if read_answer(answer) != [b"mx.example.org", want]:
            faults.append("ours: %s" % read_answer(answer))
        # authres knows no UTF-8.
        if authres and field.isascii():
            foreign += 1
            texts = [[m.decode(), r.decode(), w.decode(), [[t.decode(), v.decode()] for t, v in p]] for m, r, w, p in want]
            faults += authres_faults(field.decode().split(":", 1)[1][:-2].lstrip(), texts)
            faults += ["behind email, " + fault for fault in authres_faults(email_value(field), texts)]
        if faults:
            bad += 1
            if bad <= 5:
                print("WRONG %r\n  want %s\n  %s" % (field, want, "\n  ".join(faults)))
    print("hostile: %d of %d fields right; %d of them read by authres too" % (len(fields) - bad, len(fields), foreign))
    return bad


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    if authres is None and os.path.exists(SYSTEM_PYTHON) and not os.environ.get("AUTHRES_UNIT_AGAIN"):
        os.environ["AUTHRES_UNIT_AGAIN"] = "1"
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, os.path.abspath(__file__), *sys.argv[1:]])
    program, data = arguments[0], arguments[1] if len(arguments) > 1 else DEFAULT_DATA
    suite = run_suite(program, data, "-v" in sys.argv)
    if suite or run_hostile(program):
        return 1
    if authres is None:
        print("SKIPPED: no authres (Debian: python3-authres)")
    return 77 if suite is None or authres is None else 0


if __name__ == "__main__":
    sys.exit(main())
