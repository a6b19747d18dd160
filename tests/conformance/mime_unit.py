#!/usr/bin/env python3
"""Parses a collection of hard MIME messages with `mime_cases`: none may cost more than it should, and where another
project says what is in a message (texts, attachment names, raw bodies, types), the same must be found.

usage: mime_unit.py MIME_CASES [DATA] [-v]     DATA: folder with index.jsonl and what it names
Exit 0: all good; 1: something differs; 77: no data, skipped.
"""
import gzip
import html
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DATA = os.path.join(HERE, "..", "..", "..", "shared", "data", "mime")
LIMIT_PARTS, LIMIT_DEPTH = 500, 16
# Where the suite's own parser takes another way: the reasons are in README.md, section MIME.
KNOWN = {
    "james-mime4j/core/src/test/resources/testmsgs/": (
        "malformedHeaderStartsBody-nocrlfcrlf.xml", "missing-boundary.xml", "missing-inner-start-boundary.xml",
        "multipartnopart.xml", "very-very-long-boundary.xml", "weird-boundary.xml"),
    "mime-tools/testmsgs/": ("multi-digest.ref", "uu-zeegee.ref"),
    "stalwart-mail-parser/resources/eml/": (
        "legacy/016.json", "legacy/035.json", "legacy/052.json", "malformed/000.json", "malformed/007.json",
        "malformed/009.json", "malformed/011.json", "malformed/013.json", "malformed/014.json", "malformed/016.json",
        "malformed/017.json", "malformed/019.json", "malformed/020.json", "malformed/021.json", "thirdparty/002.json",
        "thirdparty/005.json"),
    "stalwart-server/tests/resources/jmap/": ("email_parse/attachment_b64.json",),
}
KNOWN = {folder + name for folder, names in KNOWN.items() for name in names}


class Part:
    def __init__(self, field):
        parent, depth, self.holds, *texts = field.split("/")
        self.parent, self.depth = int(parent), int(depth)
        octets = [b"" if t == "-" else bytes.fromhex(t) for t in texts]
        self.content = octets.pop(4)
        self.type, self.charset, self.disposition, self.name, self.text = [o.decode("utf-8") for o in octets]
        self.leaf = self.holds == "-"


class Answer:
    def __init__(self, line):
        _, took, truncated, defects, *parts = line.split(" ")
        self.took, self.truncated = int(took), truncated == "1"
        self.defects = set() if defects == "-" else set(defects.split(","))
        self.parts = [Part(p) for p in parts]

    def texts(self):
        return [plain(p.text) for p in self.parts if p.leaf and p.type.startswith("text/")]

    def names(self, first=None):
        return [p.name for p in self.parts[:first] if p.name]


def plain(text):
    """Line ends and blanks at the ends are a matter of storing."""
    return text.replace("\r\n", "\n").strip()


def ask(program, verb, paths):
    lines = ["%s %d %s" % (verb, i, os.path.abspath(path).encode().hex()) for i, path in enumerate(paths)]
    out = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    if out.returncode != 0 or out.stderr:
        sys.exit("mime_cases failed (%d): %s" % (out.returncode, out.stderr[-2000:]))
    return out.stdout.splitlines()


def run(program, paths):
    return [Answer(line) for line in ask(program, "check", paths)]


def make_archives(folder):
    """As Python's own modules write them: (path, names)"""
    names = ["a.txt", "dir/\u00fc.exe", "x" * 150 + ".js"]

    def place(name):
        return os.path.join(folder, name)

    for number, method in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)):
        path = place("%d.zip" % number)
        with zipfile.ZipFile(path, "w", method) as archive:
            for name in names:
                with archive.open(name, "w", force_zip64=number == 1) as file:
                    file.write(b"data" * 1000)
        yield path, names
    for style in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = place("%d.tar" % style)
        # ustar splits a long name at a slash.
        entries = names[:2] + ["d" * 80 + "/" + "x" * 80] if style == tarfile.USTAR_FORMAT else names
        with tarfile.open(path, "w", format=style, encoding="utf-8") as archive:
            for name in entries:
                entry = tarfile.TarInfo(name)
                entry.size = 4000
                archive.addfile(entry, io.BytesIO(b"data" * 1000))
        yield path, entries
    path = place("b.exe.gz")
    with gzip.open(path, "wb") as file:
        file.write(b"data")
    yield path, ["b.exe"]


def check_archives(program):
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        made = list(make_archives(folder))
        for (path, names), line in zip(made, ask(program, "list", [path for path, _ in made]), strict=True):
            _, _, encrypted, truncated, *found = line.split(" ")
            found = [bytes.fromhex(name).decode("utf-8") for name in found]
            if (found, encrypted, truncated) != (names, "0", "0"):
                bad += 1
                print("WRONG %s: want %s, got %s" % (os.path.basename(path), names, line))
    print("archives of Python's modules: %d of %d listed" % (len(made) - bad, len(made)))
    return bad


def check_bounds(rows, answers):
    """Every message is read, within the limits; what Python's email makes of it is only for information."""
    bad, same_parts, same_depth = 0, 0, 0
    slowest = max(range(len(rows)), key=lambda i: answers[i].took)
    largest = max(range(len(rows)), key=lambda i: rows[i]["bytes"])
    most = max(range(len(rows)), key=lambda i: len(answers[i].parts))
    defects = Counter()
    for row, answer in zip(rows, answers):
        parts, depth = len(answer.parts), max(p.depth for p in answer.parts)
        defects.update(answer.defects)
        if not 1 <= parts <= LIMIT_PARTS or depth > LIMIT_DEPTH:
            bad += 1
            print("WRONG %s: %d parts, depth %d" % (row["file"], parts, depth))
        same_parts += parts == row["parts"]
        same_depth += depth == row["depth"]
        if "-v" in sys.argv and (parts, depth) != (row["parts"], row["depth"]):
            print("python %s: %d parts, depth %d; here %d, %d %s" % (row["file"], row["parts"], row["depth"], parts, depth,
                  sorted(answer.defects)))
    print("%d messages read; as many parts as Python's email finds: %d, as deep: %d" % (len(rows), same_parts, same_depth))
    for word, i in (("slowest", slowest), ("largest", largest), ("most parts", most)):
        print("%s: %s, %d octets, %d parts, %.1f ms" % (word, rows[i]["file"], rows[i]["bytes"], len(answers[i].parts),
              answers[i].took / 1000))
    print("defects: " + ", ".join("%s %d" % item for item in sorted(defects.items())))
    return bad


def attributes(part, wanted):
    for header in part["headers"]:
        value = header["value"].get("ContentType") if isinstance(header["value"], dict) else None
        if header["name"] == wanted and value:
            return {a["name"].lower(): a["value"] for a in value.get("attributes") or []}
    return {}


def stalwart(path):
    """Texts and names of all parts of a tree in JSON, messages in it included."""
    texts, names = [], []

    def walk(message):
        for part in message["parts"]:
            name = attributes(part, "content_disposition").get("filename") or attributes(part, "content_type").get("name")
            if name:
                names.append(name)
            body = part["body"]
            if "Text" in body or "Html" in body:
                texts.append(plain(body.get("Text", body.get("Html"))))
            elif "Message" in body:
                walk(body["Message"])

    with open(path, encoding="utf-8") as file:
        walk(json.load(file))
    return {"texts": texts, "names": names}


def mime4j(path):
    """Raw bodies in order, which are not decoded there. Octets that XML cannot have stand in it as they are."""
    with open(path, encoding="latin-1", newline="") as file:
        source = file.read()
    return {"bodies": [plain(html.unescape(body)) for body in re.findall("<body>(.*?)</body>", source, re.S)]}


def jmap(path):
    with open(path, encoding="utf-8") as file:
        tree = json.load(file)
    types, names, values = [], [], tree.get("bodyValues") or {}

    def walk(part):
        types.append(part.get("type"))
        if part.get("name"):
            names.append(part["name"])
        for child in part.get("subParts") or []:
            walk(child)

    if "bodyStructure" not in tree:
        return {}
    walk(tree["bodyStructure"])
    # Cut ones end in "...".
    starts = [plain(v["value"].removesuffix("...") if v["isTruncated"] else v["value"]) for v in values.values()]
    return {"types": types, "names": names, "starts": starts}


def mime_tools(path):
    """Perl: "Part_2_1" => { "Type" => "text/plain", ... }: types and file names by place."""
    with open(path, encoding="latin-1") as file:
        source = file.read()
    places = {}
    for place, block in re.findall(r'"(Msg|Part_[\d_]+)"\s*=>\s*\{(.*?)\n\s*\}', source, re.S):
        fields = dict(re.findall(r'"(Type|Filename)"\s*=>\s*"((?:[^"\\]|\\.)*)"', block))
        name = re.sub(r"\\x\{([0-9a-f]+)\}", lambda m: chr(int(m.group(1), 16)), fields.get("Filename", ""))
        places[place] = (fields.get("Type"), name)
    return {"places": places}


def places(answer):
    """Our parts under the names of MIME-tools: a message's child counts as the first part in it."""
    out, children, path = {}, Counter(), {}
    for i, part in enumerate(answer.parts):
        if i == 0:
            path[i] = ()
        else:
            children[part.parent] += 1
            path[i] = path[part.parent] + (children[part.parent],)
        out["Part_" + "_".join(map(str, path[i])) if path[i] else "Msg"] = (part.type, part.name)
    return out


def differences(expected, answer):
    if "texts" in expected and expected["texts"] != answer.texts():
        yield "texts", expected["texts"], answer.texts()
    # JMAP does not look into messages that are in the message, which come last here.
    names = answer.names() if "types" not in expected else answer.names(len(expected["types"]))
    if "names" in expected and sorted(expected["names"]) != sorted(names):
        yield "names", expected["names"], names
    if "bodies" in expected:
        bodies = [plain(p.content.decode("latin-1")) for p in answer.parts if p.leaf]
        if expected["bodies"] != bodies:
            yield "bodies", expected["bodies"], bodies
    if "types" in expected and expected["types"] != [p.type for p in answer.parts][:len(expected["types"])]:
        yield "types", expected["types"], [p.type for p in answer.parts]
    for start in expected.get("starts", ()):
        if not any(text.startswith(start) for text in answer.texts()):
            yield "text", start, answer.texts()
    ours = places(answer) if "places" in expected else {}
    for place, (kind, name) in expected.get("places", {}).items():
        found = ours.get(place, (None, ""))
        if (kind and kind.lower() != found[0]) or (name and name != found[1]):
            yield place, (kind, name), found


def suites(data, rows, crlf):
    """(case, message, expected)"""
    for row in rows:
        path = os.path.join(data, row["file"])
        for name in row.get("expected", ()):
            tree = os.path.join(data, name)
            if row["source"] == "stalwart-mail-parser":
                yield name, crlf(path) if name.endswith(".crlf.json") else path, stalwart(tree)
            elif name.endswith(".xml"):
                yield name, path, mime4j(tree)
            elif name.endswith(".ref"):
                yield name, path, mime_tools(tree)
            elif name.endswith(".json"):
                yield name, path, jmap(tree)


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    program, data = arguments[0], arguments[1] if len(arguments) > 1 else DEFAULT_DATA
    index = os.path.join(data, "index.jsonl")
    if not os.path.exists(index):
        print("SKIPPED: no MIME messages at", os.path.normpath(data))
        return 77
    with open(index, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    bad = check_archives(program)
    bad += check_bounds(rows, run(program, [os.path.join(data, row["file"]) for row in rows]))
    with tempfile.TemporaryDirectory() as folder:
        def crlf(path):
            out = os.path.join(folder, re.sub(r"\W", "_", path))
            with open(path, "rb") as file, open(out, "wb") as copy:
                copy.write(file.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            return out

        cases = list(suites(data, rows, crlf))
        answers = run(program, [path for _, path, _ in cases])
    right, total, unused = Counter(), Counter(), set(KNOWN)
    for (name, _, expected), answer in zip(cases, answers, strict=True):
        suite = name.split("/")[0]
        total[suite] += 1
        wrong = list(differences(expected, answer))
        case = name.replace(".crlf.", ".")
        known = case in KNOWN
        right[suite] += not wrong
        if wrong:
            unused.discard(case)
        for what, want, got in wrong:
            if not known:
                bad += 1
                print("WRONG %s %s:\n  want %.1500r\n  got  %.1500r" % (name, what, want, got))
            elif "-v" in sys.argv:
                print("differs %s %s" % (name, what))
    for name in sorted(unused):
        bad += 1
        print("WRONG %s: listed as different, but it is the same" % name)
    for suite in total:
        print("%-22s %3d of %3d the same" % (suite, right[suite], total[suite]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
