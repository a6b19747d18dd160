#!/usr/bin/env python3
"""DNS lists through the program: RFC 5782's and the list operators' cases by `postern scan --json` and `postern check --live`, and those
of a mail filter's own RBL and SURBL tests that ask for something that lists here do."""
import ipaddress
import json

from scan_suite import DATA, Suite, json_lines, main

from dns_lists import Entry, backwards, declare

CASES = DATA / "dnsbl" / "cases.jsonl"
FILTER = DATA / "rspamd"
ZONE = "dnsbl.test"
# Every answer that a list may give scores, so that one which is none would show; one entry for each code that a case names.
ANSWERS = {f"127.0.0.{n}": Entry(f"CODE_{n}", 1.0) for n in (2, 3, 4, 10)}
ANSWERS |= {"127.0.0.0/8": Entry("ANY", 10.0)}
PLAIN = "From: ann@sender.example\nSubject: a test\nDate: Mon, 02 Mar 2026 10:00:00 +0000\n\nGood day.\n"


def mail_with(text):
    kind = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    return kind + PLAIN + text + "\n"


class Lists(Suite):
    def judge(self, gateway, rules, options=(), text=PLAIN):
        gateway.write_rules({"20-lists.lua": rules})
        path = self.message(f"mail{self.number}", text)
        return self.scan(gateway, [path], *options)[str(path)]

    # ---------------------------------------------------------------- RFC 5782 and the operators' codes

    def test_cases(self):
        for case in self.picked(json_lines(CASES)):
            if case["id"].startswith("rfc5782-v") or "unusable" in case["expect"]:
                problems = self.live(case)
            elif case["kind"] in ("ip", "ip6"):
                problems = self.address(case)
            else:
                problems = self.name(case)
            self.check(case["id"], problems)
        self.report("cases of RFC 5782 and of list operators")

    def address(self, case):
        gateway = self.gateway(case["zone"])
        said = self.judge(gateway, declare("LIST", ZONE, ANSWERS), ("--ip", case["query_for"]))
        problems = self.compare(case, gateway, said, case["query_for"])
        if case["id"] == "code-02":  # "only if rule matches"
            said = self.judge(gateway, declare("LIST", ZONE, {"127.0.0.2": Entry("CODE_2", 1.0)}), ("--ip", case["query_for"]))
            problems += [f"listed by an answer that is not declared: {said['lists']}"] if said["lists"] or said["score"] else []
        return problems

    def name(self, case):
        """Domains as HELO and as host of a URL; one that is no ASCII has no place in HELO."""
        problems, subject = [], case["query_for"]
        ways = [] if subject == "TEST" else [("url", (), mail_with(subject if "://" in subject else f"see http://{subject}/ now"))]
        if case["kind"] == "domain" and subject.isascii():
            ways.append(("helo", ("--helo", subject), PLAIN))
        for of, options, text in ways:
            gateway = self.gateway(case["zone"])
            said = self.judge(gateway, declare("LIST", ZONE, ANSWERS, of=of), options, text)
            problems += [f"{of}: {problem}" for problem in self.compare(case, gateway, said, None)]
        return problems

    def compare(self, case, gateway, said, subject):
        wanted, asked = case["expect"].lower(), [name for name in gateway.dns.asked("A") if name.endswith(ZONE)]
        codes = {r["name"]: r["score"] for r in said["rules"]}
        if wanted.startswith("no query"):
            return [f"asked {asked}"] if asked else []
        problems = [] if case["qname"] in asked else [f"{case['qname']} was not asked, but {asked}"]
        if wanted.startswith("listed"):
            records = [a for name in case["zone"].values() for a in name.get("A", [])]
            expected = {f"LIST_CODE_{a.rpartition('.')[2]}": 1.0 for a in records if a in ANSWERS} | {"LIST_ANY": 10.0}
            found = said["lists"][0] if len(said["lists"]) == 1 else {}
            if sorted(set(found.get("answers", []))) != sorted(set(records)) or len(set(records)) != len(found.get("answers", [])):
                problems.append(f"answers {said['lists']} instead of {sorted(set(records))}")
            if subject and found.get("subject") != subject:
                problems.append(f"subject {found.get('subject')}")
            if codes != expected:
                problems.append(f"hits {codes} instead of {expected}")
        else:
            problems += [f"listed: {said['lists']}, {codes}"] if said["lists"] or codes or said["score"] else []
            failed = [e["list"] for e in said.get("list_errors", [])]
            if failed != (["LIST"] if wanted.startswith(("not listed:", "temporary")) or case["note"] == "outside 127/8" else []):
                problems.append(f"list_errors {failed}")
        return problems

    def live(self, case):
        """Test points: a list with them is well, one without them, or with what must not be on it, is not."""
        point = ipaddress.ip_address(case["query_for"])
        living = {f"{backwards('127.0.0.2')}.{ZONE}": {"A": ["127.0.0.2"]}}
        if "unusable" in case["expect"]:
            runs = [(case["zone"], 1, {})]
        elif case["expect"] == "not listed":
            runs = [(case["zone"] | living, 0, {}), ({f"{backwards(point)}.{ZONE}": {"A": ["127.0.0.2"]}} | living, 1, {})]
        else:
            own = {"test": {"listed": case["query_for"], "unlisted": "127.0.0.1"}}
            runs = [(case["zone"], 0, own), ({}, 1, own)]
        problems = []
        for zone, status, fields in runs:
            gateway = self.gateway(zone)
            gateway.write_rules({"20-lists.lua": declare("LIST", ZONE, ANSWERS, **fields)})
            result = gateway.run("check", "--live")
            if result.returncode != status or (status and b"LIST" not in result.stderr):
                problems.append(f"check --live: {result.returncode}, {result.stderr.decode()}, asked {gateway.dns.asked('A')}")
        return problems

    # ---------------------------------------------------------------- a mail filter's own tests

    RULES = "".join([
        declare("FAKE_RBL", "fake.rbl", {"127.0.0.2": Entry("CODE_2", 1.0), "127.0.0.3": Entry("CODE_3", 1.0)}),
        declare("FAKE_RECEIVED_RBL", "fake.rbl", {"127.0.0.3": Entry("CODE_3", 1.0)}, of="received"),
        declare("FAKE_WL_RBL", "fake.wl", {"127.0.0.2": Entry("CODE_2", -1.0)}, allow=True),
        'rule "BLAMED" { about = "on the list, and not on the one of good senders", score = 1.0, '
        'expression = "FAKE_RBL_CODE_2 and not FAKE_WL_RBL_CODE_2" }\n',
        declare("DBL", "test2.uribl", {"127.0.1.2": Entry("SPAM", 1.0), "127.0.1.4": Entry("PHISH", 1.0)}, of="url"),
        declare("URIBL", "test3.uribl", {"&2": Entry("BLACK", 1.0), "&4": Entry("GREY", 1.0), "&8": Entry("RED", 1.0)}, of="url"),
        declare("BAD", "test7.uribl", {"127.0.0.2": Entry("SUBDOMAIN", 1.0)}, of="url"),
        declare("NINE", "test9.uribl", {"127.0.0.2": Entry("URL", 1.0)}, of="url"),
        declare("NINE_FROM", "test9.uribl", {"127.0.0.2": Entry("HIT", 1.0)}, of="from"),
        declare("NINE_HELO", "test9.uribl", {"127.0.0.2": Entry("HIT", 1.0)}, of="helo")])

    # Test -> rules that must hit with subjects that their list must name; rules that must not hit.
    TRANSLATED = {
        "RBL FROM MISS": ({}, ["FAKE_RBL_CODE_2", "FAKE_RBL_CODE_3"]),
        "RBL FROM HIT": ({"FAKE_RBL_CODE_2": ["4.3.2.1"]}, ["FAKE_RBL_CODE_3"]),
        "RBL FROM MULTIPLE HIT": ({"FAKE_RBL_CODE_2": ["4.3.2.3"], "FAKE_RBL_CODE_3": ["4.3.2.3"]}, []),
        "RBL RECEIVED HIT": ({"FAKE_RECEIVED_RBL_CODE_3": ["151.18.193.131"]}, []),
        "RBL FROM HIT WL": ({"FAKE_WL_RBL_CODE_2": ["4.3.2.4"]}, ["BLAMED"]),
        "SELECTORS": ({"NINE_HELO_HIT": ["example.org"], "NINE_FROM_HIT": ["example.com"]}, []),
        "NUMERIC URLS WITH IMAGES": ({"NINE_URL": ["1.2.3.4", "9.10.11.12"]}, []),
        "NONNUMERIC URLS VANILLA": ({"NINE_URL": ["example.org"]}, []),
        "SURBL Example.org domain": ({"URIBL_BLACK": ["example.org"]}, ["DBL_SPAM", "DBL_PHISH"]),
        "SURBL Example.ru domain": ({"URIBL_GREY": ["example.ru"], "URIBL_RED": ["example.ru"]}, ["DBL_SPAM", "DBL_PHISH", "URIBL_BLACK"]),
        "SURBL IDN domain": ({"DBL_SPAM": ["xn--80arbjktj.xn--p1ai"]}, ["DBL_PHISH", "URIBL_BLACK"]),
    }
    # The same for those of which a part is something that lists here do not do; README.md says which.
    IN_PART = {
        "CONTENT URLS": ({"NINE_URL": ["example.org"]}, []),
        "NUMERIC URLS WITH CONTENT": ({"NINE_URL": ["1.2.3.4"]}, []),
        "NONNUMERIC URLS WITH EVERYTHING": ({"NINE_URL": ["judo.za.org", "example.org"]}, []),
        "SURBL Example.com domain": ({"DBL_SPAM": ["example.com"]}, ["URIBL_BLACK"]),
        "SURBL url compose map 1": ({"BAD_SUBDOMAIN": ["clean.dirty.sanchez.com"]}, []),
        "SURBL url compose map 2": ({"BAD_SUBDOMAIN": ["4.very.dirty.sanchez.com"]}, []),
        "SURBL url compose map 3": ({"BAD_SUBDOMAIN": ["41.black.sanchez.com"]}, []),
        "SURBL html entity&shy": ({}, []),  # and is asked about testtest.com
    }

    def test_a_mail_filter_s_own_tests(self):
        cases = [c for c in json_lines(FILTER / "cases.jsonl") if c["suite"].endswith(("/300_rbl.robot", "/340_surbl.robot"))]
        cases = [c for c in self.picked(cases, "test") if c["steps"][0]["file_present"]]
        both, zone = self.TRANSLATED | self.IN_PART, json.loads((FILTER / "zone.json").read_text())
        for case in cases:
            if case["test"] not in both:
                continue
            gateway = self.gateway(zone)
            (step,) = case["steps"]
            envelope = [option for name in ("ip", "helo", "from") if name in step["envelope"]
                        for option in (f"--{name}", step["envelope"][name])]
            said = self.judge(gateway, self.RULES, envelope, (FILTER / "functional" / step["file"]).read_bytes())
            problems = self.differ(said, *both[case["test"]])
            if case["test"] == "SURBL html entity&shy" and "testtest.com.test2.uribl" not in gateway.dns.asked("A"):
                problems.append(f"testtest.com was not asked, but {gateway.dns.asked('A')}")
            self.check(case["test"], problems)
        names = {c["test"] for c in cases}
        print(f"{len(names & set(self.TRANSLATED))} of {len(names)} translated, {len(names & set(self.IN_PART))} more in part")
        self.report("RBL and SURBL tests of a mail filter")

    def differ(self, said, wanted, unwanted):
        names = {rule["name"] for rule in said["rules"]}
        problems = [f"{name} hit" for name in unwanted if name in names]
        for name, subjects in wanted.items():
            found = {entry["subject"] for entry in said["lists"] if any(f"{entry['list']}_{n}" == name for n in entry["names"])}
            if name not in names or not found >= set(subjects):
                problems.append(f"{name}: {sorted(found)} instead of {subjects}")
        return problems


if __name__ == "__main__":
    main(Lists, CASES, FILTER / "cases.jsonl", FILTER / "zone.json", DATA / "fakedns.py")
