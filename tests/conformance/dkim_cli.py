#!/usr/bin/env python3
"""DKIM through the program: published cases, and real mail with the real keys of its signers, by `postern scan --json`.

Reads the suites from the test data (POSTERN_TEST_DATA); exits 0 when every signature is judged right, 77 (skipped, saying why)
where they are missing, 1 otherwise. `dkim_cli.py ID...` runs the named cases only.
"""
import collections
import json

from arc_unit import CONTRADICTED
from scan_suite import DATA, Suite, json_lines, main

UNIFIED, REAL = DATA / "dkim" / "unified", DATA / "dkim" / "real-lists"
MOST = 10  # signatures that Postern looks at in one message
ANY_FAILURE = {"fail", "policy", "neutral", "temperror", "permerror"}

# Where the kind of failure follows from the standard, beyond "does not pass" (RFC 8601, 2.7.1; RFC 6376, 6.1).
KINDS = {
    "maildkim/badkey_1": "permerror neutral policy",       # no such key, v=0.5, rsa-sha1: whichever is seen first
    "maildkim/badkey4_ed25519": "permerror",                # no such key
    "maildkim/badkey1_ed25519": "permerror",                # a key of the wrong size
    "maildkim/badkey_15": "temperror policy",               # SERVFAIL for an rsa-sha1 signature
    "dkimverifier/Missing-v-tag-in-signature": "neutral permerror",
    "dkimverifier/Revoked-key": "permerror fail",
    "dkimverifier/Hash-algorithm-is-not-in-the-allowed-list-of-the-DKIM-key": "permerror",
    "dkimverifier/DKIM-key-with-other-service-tag": "permerror",
    "dkimverifier/Wrong-key-signature-algorithm": "permerror fail",
    "dkimverifier/Body-modified": "fail",
    "dkimverifier/Signed-header-subject-modified": "fail",
    "rspamd/DKIM-PERMFAIL-NXDOMAIN": "permerror",
    "rspamd/DKIM-PERMFAIL-BAD-RECORD": "permerror",
    "rspamd/DKIM-Verify-Unknown-Key-Type": "permerror",
    "rspamd/DKIM-Verify-Revoked-Key-missing-p-": "permerror",
    "rspamd/DKIM-Verify-ED25519-REJECT": "fail",
    "rspamd/DKIM-Reject-Oversized-Key-Record": "permerror policy fail",
    "rspamd/DKIM-Reject-Oversized-Key-Modulus": "permerror policy fail",
    "opendkim/t-verify-revoked": "permerror",
    "opendkim/t-verify-ss-bad": "fail",
    "exim/4503-1": "neutral permerror",                     # a=rsa-sha512, which no standard knows
    "exim/4540-2": "permerror",                             # an Ed25519 key with a wrapping that RFC 8463, 4.2 excludes
    "mimekit/multipart-no-end-boundary": "permerror",
    "dkimpy/test2.message": "permerror",
    "dkimpy/ed25519test2.msg": "permerror",
}
# Two From or another unsigned copy of a signed field: the signature covers the lower one and verifies, or not (RFC 6376, 5.4.2 and
# 8.15); what such a message is worth is not DKIM's to say. The suites judge it by policies of their own.
UNDECIDED = {"dkimverifier/Added-From-header", "dkimverifier/Added-Date-header", "dkimverifier/Added-To-header",
             "opendkim/t-verify-double-from"}


def allowed(case, number):
    """The results that the standard allows for one signature of a case of the unified suite."""
    signature, verdict = case["sigs"][number], (case["dkimpy_min1024"] + [""] * MOST)[number]
    if case["id"] in KINDS:
        return set(KINDS[case["id"]].split())
    if case["id"] in UNDECIDED:
        return {"pass", "fail"}
    # RFC 8301, 3.1: rsa-sha1 must not pass; 3.2: neither does a key below 1024 bits.
    if signature["a"] == "rsa-sha1" or (signature["bits"] or 1024) < 1024 and "ed25519" not in (signature["a"] or ""):
        return {"policy"} if verdict == "pass" else ANY_FAILURE
    if verdict == "pass" or "expired-now" in case["flags"] and signature["bits"]:  # that judge had no clock
        return {"pass"}
    return ANY_FAILURE


class Dkim(Suite):
    def test_published_cases(self):
        cases = self.picked(json_lines(UNIFIED / "cases.jsonl"))
        zone = json.loads((UNIFIED / "zone.json").read_text())
        batches, gateways = collections.defaultdict(list), {}
        for case in cases:
            batches[json.dumps(case.get("zone_override") or {}, sort_keys=True), case.get("clock")].append(UNIFIED / case["file"])
        for override, _ in batches:
            if override not in gateways:
                gateways[override] = self.gateway({**zone, **json.loads(override)})
        answers = self.scan_all([(gateways[override], files, ["--at", clock] if clock else [])
                                 for (override, clock), files in batches.items()])
        for case in cases:
            self.check(case["id"], self.compare(case, answers[str(UNIFIED / case["file"])]))
        self.report("published cases")

    @staticmethod
    def compare(case, answer):
        found = [signature["result"] for signature in answer["dkim"]]
        count = min(len(case["sigs"]), MOST)
        if len(found) != count:
            return [f"{len(found)} signatures instead of {count}"]
        problems = [f"signature {i + 1}: {result} instead of {' or '.join(sorted(allowed(case, i)))} ({answer['dkim'][i]['reason']})"
                    for i, result in enumerate(found) if result not in allowed(case, i)]
        if case["strict_expect"] in ("pass", "notpass") and ("pass" in found) != (case["strict_expect"] == "pass"):
            problems.append(f"{found} instead of {case['strict_expect']}")
        return problems

    def test_real_mail(self):
        cases = self.picked(json_lines(REAL / "cases.jsonl"))
        gateway = self.gateway(json.loads((REAL / "zone.json").read_text()))
        batches = collections.defaultdict(list)
        for case in cases:
            batches[case.get("clock") or case["date"]].append(REAL / case["file"])
        answers = self.scan_all([(gateway, files, ["--at", clock] if clock else []) for clock, files in batches.items()])
        for case in cases:
            answer = answers[str(REAL / case["file"])]
            self.check(case["id"], self.compare_real(case, answer) + self.compare_chain(case, answer["arc"]))
        self.report("real mail")

    @staticmethod
    def compare_real(case, answer):
        def wanted_of(signature):
            # RFC 6376, 6.1.1: x= is looked at before the key is asked for.
            if signature["result"] == "nokey" and signature["x"] and int(signature["x"]) < (case.get("clock") or case["date"]):
                return "fail"
            return {"pass": "pass", "nokey": "permerror"}.get(signature["result"], "fail")

        wanted = [wanted_of(signature) for signature in case["sigs"]][:MOST]
        found = [signature["result"] for signature in answer["dkim"]]
        if found == wanted:
            return []
        return [f"{found} instead of {wanted} ({'; '.join(s.get('reason', '') for s in answer['dkim'])})"]

    @staticmethod
    def compare_chain(case, found):
        """A chain whose keys are all known has a verdict; one whose key is missing cannot pass (RFC 8617, 5.2)."""
        wanted = case.get("arc")
        verdict = CONTRADICTED.get(case["id"], (wanted["cv"] or "fail") if wanted else "none")
        problems = [] if found["result"] == verdict else [f"arc {found['result']} instead of {verdict} ({found.get('reason', '')})"]
        if verdict == "pass" and found.get("sets") != wanted["instances"]:
            problems.append(f"{found.get('sets')} sets instead of {wanted['instances']}")
        return problems


if __name__ == "__main__":
    main(Dkim, UNIFIED / "cases.jsonl", REAL / "cases.jsonl")
