#!/usr/bin/env python3
"""Mistakes in rule files: `postern check` names the line on which a person would put the finger, and complains of nothing else."""
import collections
import re

from harness import Case, main

# Stands before and after each mistake: what is right there must not be complained about.
GOOD = '''-- Subjects and texts.
local function shouts(mail)
  return mail.subject:match("!!!") ~= nil
end

rule "GOOD_SUBJECT" {
  about = "the subject shouts",
  score = 1.0,
  group = "shouting",
  when = function(mail)
    return shouts(mail), mail.subject
  end,
  examples = {
    { hit = true, subject = "now!!!" },
    { hit = false, subject = "later" },
  },
}

rule "GOOD_BODY" {
  about = "the text speaks of a wire transfer",
  score = 0.5,
  body = "(?i)\\\\bwire transfer\\\\b",
}

rule "GOOD_EITHER" {
  about = "one of the two",
  score = 0.1,
  any = { "GOOD_SUBJECT", "GOOD_BODY" },
}

rule "GOOD_EARLY" {
  about = "a client that calls itself localhost",
  stage = "helo",
  score = 0.3,
  when = function(mail)
    return mail.helo == "localhost"
  end,
}
'''
AFTER = '''
rule "GOOD_LAST" {
  about = "comes last",
  score = 0.2,
  header = { "X-Mailer", "(?i)bulk" },
  examples = {
    { hit = true, header = { ["X-Mailer"] = "Bulk Sender 3" } },
    { hit = false },
  },
}
'''

# text: what stands between GOOD and AFTER; at: what its wrong line contains; says: what the message must quote. `file` and
# `extra`: where it stands, and further files. A list of `at`: any of these lines will do.
Mistake = collections.namedtuple("Mistake", "text at says file extra", defaults=("20-mine.lua", {}))


def line_of(text, mark, offset=0):
    return text.count("\n", 0, text.index(mark, offset)) + 1


def rule(*fields, name="MINE"):
    return "\n".join([f'rule "{name}" {{', '  about = "a rule of this test",', *(f"  {f}" for f in fields), "}"]) + "\n"


def when(*lines):
    return "\n".join(["when = function(mail)", *(f"    {line}" for line in lines), "  end,"])


def never(*lines):
    """Runs only for a message of a petabyte: no example comes here."""
    return when("if mail.size > 1000000000000000 then", *(f"  {line}" for line in lines), "end", "return false")


MISTAKES = {
    # -------------------------------------------------------------------------------- fields of rules
    "unknown field": Mistake(rule("scoer = 2.0,", 'raw = "x",'), "scoer", ["scoer", "'score'"]),
    "wrong type": Mistake(rule('raw = "x",', 'score = "high",'), '"high"', ["score", "number"]),
    "unknown stage": Mistake(rule('stage = "conect",', when("return true")), "conect", ["conect", "'connect'"]),
    "unknown action": Mistake(rule('raw = "x",', 'action = "rejekt",'), "rejekt", ["rejekt", "'reject'"]),
    "unknown mode": Mistake(rule('mode = "shadwo",', 'raw = "x",'), "shadwo", ["shadwo", "'shadow'"]),
    "a reply without an action": Mistake(rule('raw = "x",', 'reply = "550 5.7.1 no",'), "550 5.7.1", ["reply", "action"]),
    "a reply that refuses where the action defers": Mistake(
        rule('raw = "x",', 'action = "defer",', 'reply = "550 5.7.1 no",'), "550 5.7.1", ["reply", "451"]),
    "no about": Mistake('rule "MINE" {\n  score = 1.0,\n  raw = "x",\n}\n', 'rule "MINE"', ["about"]),
    "no condition": Mistake(rule("score = 1.0,"), 'rule "MINE"', ["MINE", "when"]),
    "two conditions": Mistake(rule(when("return true"), "score = 1.0,", 'body = "x",'), ['rule "MINE"', "when =", "body ="],
                              ["when", "body"]),
    "a header without expression": Mistake(rule("score = 1.0,", 'header = { "Subject" },'), "header =", ["header"]),
    "a text where no text is known yet": Mistake(rule('stage = "mail",', 'body = "x",'), ["body =", "stage ="], ["message"]),
    "no function": Mistake(rule("score = 1.0,", "when = 1 > 2,"), "when =", ["when", "function"]),
    "declared twice": Mistake(rule("score = 1.0,", 'raw = "x",', name="GOOD_BODY"), 'rule "GOOD_BODY" {',
                              ["GOOD_BODY", rf"20-mine\.lua:{line_of(GOOD, 'GOOD_BODY')}\b"]),
    "declared twice, in two files": Mistake(rule("score = 1.0,", 'raw = "x",', name="FIRST"), 'rule "FIRST"',
                                            ["FIRST", r"10-first\.lua:1\b"],
                                            extra={"10-first.lua": rule("score = 1.0,", 'raw = "x",', name="FIRST")}),
    # -------------------------------------------------------------------------------- what functions read
    "a misspelt fact in a branch never taken": Mistake(rule(never("return mail.subjct:find('x')")), "subjct",
                                                       ["subjct", "'subject'"]),
    "a misspelt field of a fact": Mistake(rule(never("return mail.spf.reslt == 'fail'")), "reslt", ["reslt", "'result'"]),
    "a misspelt field in a loop": Mistake(
        rule(never("for _, url in ipairs(mail.urls) do", "  if url.hots == 'bank.example' then return true end", "end")),
        "hots", ["hots", "'host'"]),
    "a fact before its stage": Mistake(
        rule('stage = "mail",', when('if mail.from == "nobody@nowhere.example" then', '  return mail.subject ~= ""', "end")),
        "mail.subject", ["subject", "message", "mail"]),
    "a fact before its stage, through a helper": Mistake(
        'local function long(m)\n  if m.helo == "x.example" then\n    return m.rcpts[2] ~= nil\n  end\nend\n\n' +
        rule('stage = "helo",', when("return long(mail)")), "m.rcpts", ["rcpts", "rcpt", "helo"]),
    "an undeclared name": Mistake(rule(when("local size = tonumbr(mail.size)", "return size > 100")), "tonumbr",
                                  ["tonumbr", "'tonumber'"]),
    "an undeclared name in a branch never taken": Mistake(rule(never("return lenght(mail.helo) > 3")), "lenght", ["lenght"]),
    "mail:hit of an unknown rule": Mistake(rule(never('return mail:hit("GOOD_SUBJET")')), "GOOD_SUBJET",
                                           ["GOOD_SUBJET", "GOOD_SUBJECT"]),
    "mail:hit of a rule that runs later": Mistake(rule('stage = "helo",', when('return mail:hit("GOOD_BODY")')), "mail:hit",
                                                  ["GOOD_BODY"]),
    "an error in a rule": Mistake(rule(when("local first = mail.helo", "return first.size.x > 1")), "first.size", ["nil"]),
    # -------------------------------------------------------------------------------- regular expressions
    "a bad expression": Mistake(rule("score = 1.0,", 'body = "(?i)lottery (prize",'), "lottery", ["\\)"]),
    "look-behind": Mistake(rule("score = 1.0,", 'body = "(?<!not )spam",'), "(?<!", [r"\(\?<"]),
    "a bad expression of a header": Mistake(rule("score = 1.0,", 'header = { "Subject", "[z-a]" },'), "[z-a]", ["z-a"]),
    "a bad expression in text:match": Mistake(rule(never('return mail.subject:match("(prize")')), "(prize", ["\\)"]),
    # -------------------------------------------------------------------------------- rules over rules
    "an expression with an unknown rule": Mistake(rule("score = 1.0,", 'expression = "GOOD_SUBJECT and not GOOD_BDY",'),
                                                  "GOOD_BDY", ["GOOD_BDY", "GOOD_BODY"]),
    "an expression that does not end": Mistake(rule("score = 1.0,", 'expression = "GOOD_SUBJECT and (GOOD_BODY or",'),
                                               "expression =", ["expression"]),
    "all of an unknown rule": Mistake(rule("score = 1.0,", "all = {", '  "GOOD_SUBJECT",', '  "GOOD_EITER",', "},"),
                                      ["GOOD_EITER", "all ="], ["GOOD_EITER", "GOOD_EITHER"]),
    "a cycle of three rules": Mistake(
        rule('expression = "GOOD_BODY or RING_TWO",', name="RING_ONE") + rule('all = { "RING_THREE" },', name="RING_TWO") +
        rule(when('return mail:hit("RING_ONE")'), name="RING_THREE"), ["GOOD_BODY or RING_TWO", 'rule "RING_ONE"'],
        ["RING_ONE.*RING_TWO.*RING_THREE"]),
    # -------------------------------------------------------------------------------- examples
    "an example that fails": Mistake(
        rule(when("return mail.helo == 'x.example'"), "examples = {", '  { hit = true, helo = "x.example" },',
             '  { hit = true, helo = "y.example" },', '  { hit = false, helo = "z.example" },', "},"),
        "y.example", ["MINE", "expected a hit"]),
    "an example with another detail": Mistake(
        rule(when("return true, mail.helo"), "examples = {", '  { hit = true, helo = "x.example",', '    detail = "y.example" },', "},"),
        ["hit = true, helo", "detail ="], ["x.example", "y.example"]),
    "an unknown field in an example": Mistake(
        rule('header = { "Subject", "prize" },', "examples = {", "  { hit = false },", '  { hit = true, subjekt = "a prize" },', "},"),
        "subjekt", ["subjekt", "'subject'"]),
    # -------------------------------------------------------------------------------- local.lua
    "a score for a rule that does not exist": Mistake('score "GOOD_SUBJCT" (4.0)\n', "GOOD_SUBJCT", ["GOOD_SUBJCT", "GOOD_SUBJECT"],
                                                      file="local.lua"),
    "a rule that does not exist, switched off": Mistake('disable "GOOD_EARLI"\n', "GOOD_EARLI", ["GOOD_EARLI", "GOOD_EARLY"],
                                                        file="local.lua"),
    "a cap for a group that has no rules": Mistake('group("shoutin", { max = 3 })\n', "shoutin", ["shoutin", "'shouting'"],
                                                   file="local.lua"),
    "a score without a number": Mistake('score "GOOD_SUBJECT"\n', "score", ["GOOD_SUBJECT", "number"], file="local.lua"),
    # -------------------------------------------------------------------------------- maps
    "a map that is not there": Mistake(rule(when('return map("freinds.map"):has(mail.from)')), "freinds", [r"freinds\.map"],
                                       extra={"friends.map": "a@example.net\n"}),
    "a map of an unknown kind": Mistake(rule(when('return map("friends.map", "domian"):has(mail.from)')), "domian",
                                        ["domian", "'domain'"], extra={"friends.map": "example.net\n"}),
    "a bad line in a map": Mistake("192.0.2.0/24\n# a comment\n\n198.51.100.0/99\nexample.net\n", "/99", ["198.51.100.0/99"],
                                   file="friends.map", extra={"20-mine.lua": rule(when(
                                       'return map("friends.map"):has(mail.client.ip)'))}),
    "a bad expression in a map": Mistake("a@example.net\n/^bulk[0-9+@/\n", "bulk", ["\\]"], file="friends.map", extra={
        "20-mine.lua": rule(when('return map("friends.map"):has(mail.from)'))}),
    # -------------------------------------------------------------------------------- Lua itself
    "bad syntax": Mistake(rule("score = = 2.0,", 'raw = "x",'), "score =", ["="]),
    "a string without end": Mistake(rule('header = { "Subject", "prize },', "score = 1.0,"), "prize }", ["unfinished string"]),
    "an error while the file runs": Mistake("local limits = {}\nlocal most = limits.size + 1\n", "limits.size", ["nil"]),
}


def whole(mistake):
    """The file with the mistake, and the numbers of its wrong line."""
    text = mistake.text
    if mistake.file.startswith("20-"):
        text = GOOD + "\n" + text + AFTER
    marks = [mistake.at] if isinstance(mistake.at, str) else mistake.at
    offset = text.index(mistake.text)
    return text, [line_of(text, mark, offset) for mark in marks]


class Check(Case):
    def setUp(self):
        super().setUp()
        self.gateway = self.postern(rules={}, start=False)

    def check(self, files):
        for path in self.gateway.rules_folder.iterdir():
            path.unlink()
        self.gateway.write_rules(files)
        result = self.gateway.run("check")
        self.assertEqual(result.stdout if result.returncode else b"", b"")
        return result.returncode, result.stderr.decode("utf-8", "replace").splitlines()

    def test_the_good_rules_are_good(self):
        self.assertEqual(self.check({"20-mine.lua": GOOD + AFTER}), (0, []))

    def test_each_mistake_is_named_with_its_line_and_nothing_else_is(self):
        for name, mistake in MISTAKES.items():
            with self.subTest(name):
                text, lines = whole(mistake)
                files = {"20-mine.lua": GOOD + AFTER} if mistake.file != "20-mine.lua" else {}
                status, said = self.check({**files, **mistake.extra, mistake.file: text})
                told = "\n".join(said)
                self.assertEqual(status, 1, told)
                self.assertEqual(len(said), 1, told)
                place = re.match(rf"(?:\S*/)?{re.escape(mistake.file)}:(\d+): (.*)", said[0])
                self.assertTrue(place, told)
                self.assertIn(int(place[1]), lines, told)
                for words in mistake.says:
                    self.assertRegex(place[2], words)

    SEVERAL = ("unknown field", "a misspelt fact in a branch never taken", "look-behind", "two conditions",
               "an expression that does not end", "a bad expression in text:match", "a fact before its stage")

    def together(self, names, more, places):
        """A file for each of these mistakes, and a map with one; all must be told, and nothing else."""
        files = {"10-good.lua": GOOD + AFTER, "friends.map": "192.0.2.0/99\n", **more,
                 "40-map.lua": rule(when('return map("friends.map"):has(mail.from)'), name="MAPPED")}
        places = [("friends.map", 1), *places]
        for number, name in enumerate(names):
            mistake, file = MISTAKES[name], f"3{number}-mine.lua"
            files[file] = "\n\n" + mistake.text.replace('"MINE"', f'"MINE_{number}"')
            places.append((file, line_of(files[file], mistake.at if isinstance(mistake.at, str) else mistake.at[-1])))
        status, said = self.check(files)
        found = sorted(re.match(r"(?:\S*/)?([\w.-]+):(\d+): ", line).groups() for line in said)
        self.assertEqual((status, found), (1, sorted((file, str(line)) for file, line in places)), "\n".join(said))

    def test_the_mistakes_of_all_files_are_told_at_once(self):
        self.together(self.SEVERAL, {"local.lua": '\nscore "GOOD_SUBJCT" (4.0)\n'}, [("local.lua", 2)])

    def test_a_file_that_cannot_be_read_hides_no_mistake_of_another(self):
        self.together((*self.SEVERAL, "bad syntax", "a string without end"), {}, [])

    def test_names_that_no_rule_has_are_told_at_once(self):
        text = (GOOD + rule('expression = "GOOD_SUBJECT and not GOOD_BDY",', name="ONE") + rule('any = { "GOOD_EITHR" },', name="TWO") +
                rule(never('return mail:hit("GOOD_SUBJET")'), name="THREE"))
        status, said = self.check({"20-mine.lua": text, "local.lua": 'disable "TOW"\n'})
        self.assertEqual((status, len(said)), (1, 4), said)
        for name, nearest in (("GOOD_BDY", "GOOD_BODY"), ("GOOD_EITHR", "GOOD_EITHER"), ("GOOD_SUBJET", "GOOD_SUBJECT"), ("TOW", "TWO")):
            self.assertTrue(any(name in line and nearest in line for line in said), said)

    def test_what_follows_from_a_broken_file_is_not_told_too(self):
        """Rules that could not be read are not missing."""
        status, said = self.check({"20-mine.lua": GOOD + "score = = 1\n", "30-other.lua": rule('any = { "GOOD_BODY" },', name="OTHER"),
                                   "local.lua": 'score "GOOD_SUBJECT" (4.0)\ndisable "GOOD_EARLY"\ngroup("shouting", { max = 3 })\n'})
        self.assertEqual((status, len(said)), (1, 1), said)
        self.assertIn("20-mine.lua:", said[0])

    def test_a_rule_file_that_is_no_text_is_refused(self):
        """Byte code, which Lua would run unchecked."""
        status, said = self.check({"20-mine.lua": "\x1bLuaT\0\x19\x93\r\n\x1a\n\x04\x08\x08"})
        self.assertEqual((status, len(said)), (1, 1), said)
        self.assertIn("20-mine.lua:", said[0])

    def test_a_file_of_nothing_but_mistakes_has_an_end(self):
        status, said = self.check({"20-mine.lua": "".join(rule("scoer = 1,", name=f"MINE_{n}") for n in range(5000))})
        self.assertEqual(status, 1)
        self.assertGreater(len(said), 10)
        self.assertLess(len(said), 5000)


if __name__ == "__main__":
    main()
