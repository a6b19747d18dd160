"""The messages: unpacked, stripped of what tells how they came, halved."""

import hashlib
import json
import pathlib
import re
import tarfile

# Whose ham against whose spam. A list of sets counts as one.
PAIRS = {
    "spamassassin-2002": (["spamassassin-2002/ham"], ["spamassassin-2002/spam"]),
    "csdmc2010": (["csdmc2010-dedup/ham"], ["csdmc2010-dedup/spam"]),
    "lists": (["list-ham-2019-2026/ham"], ["list-spam-2019-2026/spam"]),
    "gmail": (["list-ham-2019-2026/ham", "synthetic-office-ham/ham"], ["gmail-spam-2023-2025/spam"]),
}
# None of these may be tagged.
WANTED = ["bounces-sisimai/dsn", "synthetic-office-ham/ham"]

# How a message came here, and what filters and lists have said of it. All sets are stripped alike: who only learns which
# corpus has which of these fields has learned nothing.
STRIPPED = re.compile(
    rb"(?:received|x-received|return-path|delivered-to|x-delivered-to|x-original-to|envelope-to|x-envelope-[^:]*"
    rb"|received-spf|authentication-results|arc-[^:]*|dkim-signature|domainkey-signature|x-google-[^:]*|x-gm-[^:]*"
    rb"|x-spam[^:]*|x-status|status|x-keywords|x-uid[^:]*|x-mozilla-[^:]*|x-ms-exchange-[^:]*|x-forefront-[^:]*"
    rb"|x-microsoft-antispam[^:]*|x-virus[^:]*|x-scanned[^:]*|x-mailscanner[^:]*|x-barracuda[^:]*|x-pyzor|x-bogosity"
    rb"|list-[^:]*|mailing-list|x-mailing-list|x-mailman-[^:]*|x-beenthere|x-list[^:]*|x-loop|precedence|sender|errors-to"
    rb"|x-spamdetect[^:]*|x-evolution[^:]*|x-folder|x-sender-ip|x-originating-ip|x-original-[^:]*|resent-[^:]*"
    rb"|x-yahoo-[^:]*|x-egroups-[^:]*|x-apparently-to|content-length|lines|xref|path|newsgroups)[ \t]*:",
    re.IGNORECASE,
)


def strip(message):
    """Without those fields and the line that mailboxes put before a message."""
    message = message.replace(b"\r\n", b"\n")
    while message.startswith((b"From ", b">From ")):
        message = message.partition(b"\n")[2]
    head, gap, body = message.partition(b"\n\n")
    kept, leaving = [], False
    for line in head.split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            leaving = STRIPPED.match(line) is not None
        if not leaving:
            kept.append(line)
    return b"\n".join(kept) + gap + body


def half_of(name):
    return hashlib.sha256(name.encode()).digest()[0] & 1


def prepare(packed, folder):
    """Unpacks every archive into folder/SET/LABEL/{0,1}/FILE. What was there already is taken as it is."""
    if (folder / "done").exists():
        return
    raw = folder / "raw"
    for archive in sorted(packed.glob("*.tar.xz")):
        with tarfile.open(archive) as tar:
            tar.extractall(raw, filter="data")
    for labels in sorted(raw.glob("*/labels.jsonl")):
        for line in labels.open():
            row = json.loads(line)
            out = folder / labels.parent.name / row["label"] / str(half_of(row["file"]))
            out.mkdir(parents=True, exist_ok=True)
            found = [p for p in (labels.parent / row["file"], labels.parent / row["label"] / row["file"]) if p.exists()]
            found = found or list(labels.parent.rglob(pathlib.PurePath(row["file"]).name))
            (out / (pathlib.PurePath(row["file"]).stem + ".eml")).write_bytes(strip(found[0].read_bytes()))
    (folder / "done").touch()


def files_of(folder, sets, half=None, sample=None):
    """Of each set the messages (of one half), in name order; at most `sample` of each, spread evenly."""
    out = []
    for name in sets:
        halves = [half] if half is not None else [0, 1]
        files = sorted(p for h in halves for p in (folder / name / str(h)).glob("*.eml"))
        if sample and len(files) > sample:
            files = [files[i * len(files) // sample] for i in range(sample)]
        out += files
    return out
