#!/usr/bin/env python3
"""Rules that run away or try to get out: mail flows on, the other rules of the message count, and nothing is reached."""
from client import Client, field, message
from harness import Case, main
from sink import Sink

BOB = ["bob@example.org"]
RULE_MS = 50  # of CPU time, then a rule is stopped
TRIGGER = "run away"


def rule(name, *fields):
    return "\n".join([f'rule "{name}" {{', '  about = "a rule of this test",', *(f"  {f}," for f in fields), "}"]) + "\n"


def when(code):
    return f"when = function(mail)\n{code}\n  end"


INNOCENT = [rule("INNOCENT_BEFORE", "score = 0.1", when("return mail.helo ~= ''")),
            rule("INNOCENT_AFTER", "score = 0.1", when("return mail.subject ~= ''")) +
            rule("INNOCENT_TEXT", "score = 0.1", 'body = "this is a test"') +
            rule("INNOCENT_BOTH", "score = 0.1", 'expression = "INNOCENT_BEFORE and INNOCENT_TEXT"')]
INNOCENTS = ("INNOCENT_BEFORE", "INNOCENT_AFTER", "INNOCENT_TEXT", "INNOCENT_BOTH")

# Code -> the reasons for which it may be skipped; "" where it need not be: it is bounded, however it looks.
STOPPED, FULL, WRONG = {"cpu"}, {"memory", "cpu"}, {"error"}
RUNAWAYS = {
    "endless_loop": ("while true do end", STOPPED),
    "goto_loop": ("::again:: goto again", STOPPED),
    "repeat_loop": ("repeat local x = 1 until false", STOPPED),
    "for_infinity": ("for i = 1, math.huge do end", STOPPED),
    "tail_recursion": ("local function f(n) return f(n + 1) end return f(1)", STOPPED),
    "two_functions": ("local a, b function a() return b() end function b() return a() end return a()", STOPPED),
    "deep_recursion": ("local function f(n) return 1 + f(n + 1) end return f(1)", {"error", "memory", "cpu"}),
    "deep_through_gsub": ('local function f() return (("x"):gsub("x", f)) end return f()', {"error", "memory", "cpu"}),
    "deep_through_sort": ("local function f() table.sort({ 1, 2 }, f) end f()", {"error", "memory", "cpu"}),
    "many_closures": ("local t = {} while true do t[#t + 1] = function() return t end end", FULL),
    "memory_bomb": ("local t = {} for i = 1, 1e9 do t[i] = { i } end", FULL),
    "giant_table": ("local t = {} for i = 1, 1e9 do t[i] = i end", FULL),
    "giant_hash": ('local t = {} for i = 1, 1e9 do t["k" .. i] = i end', FULL),
    "sparse_table": ("local t = {} for i = 0, 62 do t[1 << i] = i end return #t < 0", {""}),
    "doubling": ('local s = "x" while true do s = s .. s end', {"memory"}),
    "growing": ('local s = "" while true do s = s .. "some more text" end', FULL),
    "concat": ('local t = { ("x"):rep(1000) } while true do t[#t + 1] = table.concat(t) end', FULL),
    "concat_of_nothing": ('local t = {} return table.concat(t, "x", 1, 1e9) == "x"', WRONG),
    "concat_loop": ('local t = {} for i = 1, 1e4 do t[i] = "x" end while true do table.concat(t) end', STOPPED),
    "rep": ('return ("x"):rep(1e9) == "x"', {"memory", "error"}),
    "rep_of_separators": ('return (""):rep(1e9, "yyyyyyyy") == "x"', {"memory", "error"}),
    "rep_of_nothing": ('return (""):rep(1e15) ~= ""', {""}),
    "rep_overflow": ('return ("xxxxxxxx"):rep(math.maxinteger) == "x"', {"error", "memory"}),
    "rep_loop": ('while true do local s = ("x"):rep(1e6) end', STOPPED),
    "reverse_loop": ('local s = ("x"):rep(1e6) while true do s = s:reverse():upper():lower() end', FULL),
    "format_loop": ('while true do local s = ("%99d%99s"):format(7, "x") end', STOPPED),
    "format_growing": ('local s = "x" while true do s = ("%s%s"):format(s, s) end', FULL),
    "gsub_growing": ('local s = "x" while true do s = s:gsub("x", "xx") end', {"error", "memory", "cpu"}),
    "gsub_of_nothing": ('while true do local s = ("x"):rep(1e5):gsub("", "-") end', STOPPED),
    "gsub_function": ('local function spin() while true do end end return (("x"):gsub("x", spin)) == "x"', STOPPED),
    "gsub_table": ('local t = { x = ("y"):rep(1e5) } return (("x"):rep(1e5):gsub("x", t)) == "x"', {"error", "memory"}),
    "gmatch_loop": ('while true do for x in (("x"):rep(1e5)):gmatch("x??") do end end', STOPPED),
    "find_loop": ('local s = ("x"):rep(1e6) while true do s:find(("x"):rep(1000) .. "y") end', STOPPED),
    "lua_backtracking": ('return ("a"):rep(3000):match(("a*"):rep(30) .. "b") ~= nil', {"", "cpu"}),
    "nested_quantifiers": ('return (("a"):rep(1e5) .. "!"):match("^((a+)+)+$") ~= nil', {"", "cpu"}),
    "nested_quantifiers_of_mail": ('while true do mail.text:match("(x+x+)+y") end', STOPPED),
    "repeats_of_repeats": ('return mail.text:match("((a{0,100}){0,100})" .. "{0,100}") == "no"', {"", "error", "cpu"}),
    "new_expressions": ('local i = 0 while true do i = i + 1 mail.subject:match("[a-z]{1,200}(x|y|z)+" .. i) end', STOPPED),
    "sort_that_lies": ("local t = {} for i = 1, 9999 do t[i] = i % 7 end while true do table.sort(t, function() return true end) end",
                       {"error", "cpu"}),
    "sort_that_changes": ("local t = {} for i = 1, 999 do t[i] = i end while true do table.sort(t, function(a, b) t[#t + 1] = 1 "
                          "t[a] = nil return a < b end) end", {"error", "cpu", "memory"}),
    "sort_loop": ("local t = {} for i = 1, 9999 do t[i] = (i * 7919) % 10007 end while true do table.sort(t) end", STOPPED),
    "sort_that_spins": ("table.sort({ 3, 2, 1 }, function() while true do end end)", STOPPED),
    "insert_in_front": ("local t = {} while true do table.insert(t, 1, 0) end", FULL),
    "unpack": ("return select('#', table.unpack({}, 1, 1e8)) == 1", {"error", "memory"}),
    "unpack_loop": ("while true do select('#', table.unpack({}, 1, 200)) end", STOPPED),
    "pairs_that_grow": ("local t = { a = 1 } for k in pairs(t) do t[k .. 'x'] = 1 end", {"error", "memory", "cpu", ""}),
    "utf8_loop": ('local s = ("ä"):rep(1e5) while true do utf8.len(s) end', STOPPED),
    "utf8_codes": ('while true do for _ in utf8.codes(("ä"):rep(1e5)) do end end', STOPPED),
    "bytes": ('return select("#", ("x"):rep(1e6):byte(1, -1)) == 1', {"error", "memory"}),
    "error_table": ('error({ "not a text" })', WRONG),
    "error_function": ("error(function() while true do end end)", WRONG),
    "error_nothing": ("error()", WRONG),
    "error_number": ("error(7)", WRONG),
    "error_that_is_long": ('error(("x\\n"):rep(1e6))', WRONG),
    "error_in_close": ("local x <close> = mail", WRONG),
    "error_division": ("return 1 // 0 == 1", WRONG),
    "assert_table": ("assert(false, {})", WRONG),
    "header_loop": ('while true do mail:header("Subject") end', STOPPED),
    "header_many": ('while true do local _, all = mail:header("X-Many") end', STOPPED),
    "text_loop": ("local n = 0 while true do n = n + #mail.text end", STOPPED),
    "text_hoarded": ("local t = {} while true do t[#t + 1] = mail.text .. #t end", FULL),
    "subject_loop": ("while true do local s = mail.subject end", STOPPED),
    "urls_loop": ("while true do for _, url in ipairs(mail.urls) do local h = url.host end end", STOPPED),
    "parts_loop": ("while true do for _, part in ipairs(mail.parts) do local t = part.type end end", STOPPED),
    "match_loop": ('while true do mail:match("this is (a )?test") end', STOPPED),
    "hit_loop": ('while true do mail:hit("INNOCENT_BEFORE") end', STOPPED),
    "dns_loop": ('while true do dns.txt("loop.example") end', STOPPED),
    "dns_many": ('local i = 0 while true do i = i + 1 dns.txt("n" .. i .. ".example") end', STOPPED),
    "dns_long_name": ('return dns.txt(("x"):rep(1e6)) == 1', {""}),
    "dns_in_gsub": ('return (("x"):gsub("x", function() return dns.txt("loop.example")[1] end)) == "y"', {"error", ""}),
}


class Runaways(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink(record=False).start()
        self.addCleanup(self.sink.stop)

    def start_gateway(self):
        return self.postern({"backend": {"address": [self.sink.address]}, "limits": {"message_size": "20MiB"}},
                            rules={"10-rules.lua": "".join(INNOCENT)})

    def send(self, client, subject=TRIGGER):
        """One message; its reply must be 250 and every innocent rule must have hit."""
        self.count = getattr(self, "count", 0) + 1
        sender = f"m{self.count}@sender.example"
        body = "See https://www.example.net/a and https://www.example.com/b: this is a test.\r\n" * 200
        mail = message(subject=subject, body=body)
        mail = "".join(f"X-Many: {n}\r\n" for n in range(900)).encode() + mail
        self.assertEqual(client.deliver(sender, BOB, mail).code, 250)
        status = field(self.sink.messages[-1].content, "X-Spam-Status")
        for name in INNOCENTS:
            self.assertIn(f"{name}=0.1", status)
        return status

    @staticmethod
    def failures(gateway, name):
        return {reason: gateway.metric("postern_rule_errors_total", rule=name, reason=reason)
                for reason in ("error", "cpu", "memory", "suspended")}

    def run_away(self, gateway, name, code):
        """Sends until the rule is suspended, or four times: (its failures, the longest CPU time in ms)."""
        name = name.upper()
        text = rule(name, when(f'    if mail.subject ~= "{TRIGGER}" then return false end\n    {code}'))
        gateway.write_rules({"10-rules.lua": INNOCENT[0] + text + INNOCENT[1]})
        self.assertEqual(gateway.reload(), "ok", name)
        longest, before = 0, 0
        with Client(gateway.port) as client:
            for number in range(4):
                self.assertNotIn(name, self.send(client))
                spent = gateway.metric("postern_rule_seconds_sum", rule=name) * 1000
                longest, before = max(longest, spent - before), spent
        return self.failures(gateway, name), longest

    def test_no_rule_stops_mail(self):
        gateway, times = self.start_gateway(), []
        for name, (code, reasons) in RUNAWAYS.items():
            try:
                failures, longest = self.run_away(gateway, name, code)
            except OSError as error:
                self.fail(f"{name}: mail has stopped: {error}")  # the rest would only wait as long again
            with self.subTest(name):
                times.append((longest, name))
                found = {reason for reason, count in failures.items() if count and reason != "suspended"} or {""}
                self.assertTrue(found <= reasons, f"{failures}, expected {reasons}")
                overruns = failures["cpu"] + failures["memory"]
                if found == {"error"}:
                    self.assertEqual(failures["error"], 4)
                elif found != {""}:
                    self.assertEqual((overruns, failures["suspended"]), (3, 1), f"{name}: after three overruns it must be suspended: {failures}")
        over = sorted(((ms - RULE_MS, name) for ms, name in times if ms > RULE_MS), reverse=True)
        print(f"{len(times)} runaways; CPU time of a rule beyond its {RULE_MS} ms, the most: " +
              ", ".join(f"{name} {ms:.1f} ms" for ms, name in over[:6]))
        self.assertEqual(gateway.metric("postern_messages_total", verdict="accept"), self.count)

    def test_a_suspended_rule_comes_back_with_the_next_reload(self):
        gateway = self.start_gateway()
        for round in range(1, 3):
            failures, _ = self.run_away(gateway, "LOOP", "while true do end")
            self.assertEqual((failures["cpu"], failures["suspended"]), (3 * round, round))
        self.assertIn("LOOP", gateway.log())
        self.assertRegex(gateway.log(), r"error.*LOOP.*suspended")

    def test_many_runaways_in_one_message_share_its_budget(self):
        loops = "".join(rule(f"LOOP_{n}", when(f'if mail.subject == "{TRIGGER}" then while true do end end')) for n in range(40))
        gateway = self.start_gateway()
        gateway.write_rules({"10-rules.lua": INNOCENT[0] + loops + rule("INNOCENT_TEXT", "score = 0.1", 'body = "this is a test"')})
        self.assertEqual(gateway.reload(), "ok")
        with Client(gateway.port) as client:
            self.assertEqual(client.deliver("ann@sender.example", BOB, message(subject=TRIGGER)).code, 250)
        spent = sum(gateway.metric("postern_rule_seconds_sum", rule=f"LOOP_{n}") for n in range(40))
        print(f"40 endless loops in one message: {spent * 1000:.0f} ms of CPU time; its budget is 200 ms")
        self.assertEqual(sum(gateway.metric("postern_rule_errors_total", rule=f"LOOP_{n}", reason="cpu") for n in range(40)), 40)
        self.assertIn("INNOCENT_TEXT=0.1", field(self.sink.messages[-1].content, "X-Spam-Status"))

    def test_a_rule_that_hoards_from_message_to_message_starves_nobody(self):
        gateway = self.start_gateway()
        hoard = "local hoard = {}\n" + rule("HOARD", when(
            'if mail.subject:find("number") then hoard[#hoard + 1] = ("x"):rep(1000000) .. #hoard end\n    return false'))
        gateway.write_rules({"10-rules.lua": INNOCENT[0] + hoard + INNOCENT[1]})
        self.assertEqual(gateway.reload(), "ok")
        with Client(gateway.port) as client:
            for number in range(40):
                self.send(client, f"number {number}")
        for name in INNOCENTS:
            self.assertEqual(self.failures(gateway, name), {"error": 0, "cpu": 0, "memory": 0, "suspended": 0})
        self.assertEqual(self.failures(gateway, "HOARD"), {"error": 40, "cpu": 0, "memory": 0, "suspended": 0})

    def test_patterns_that_would_backtrack_do_not(self):
        patterns = ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){25}", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "a{1,500}b"]
        gateway = self.start_gateway()
        gateway.write_rules({"10-rules.lua": "".join(rule(f"P{n}", f"{where} = [[{pattern}]]") for n, (pattern, where) in enumerate(
            (p, w) for p in patterns for w in ("body", "raw"))) + rule("LAST", "score = 0.1", "when = function() return true end")})
        self.assertEqual(gateway.reload(), "ok")
        with Client(gateway.port) as client:
            for body in ("a" * 900 + "!\r\n", "x" * 900 + "\r\n"):
                self.assertEqual(client.deliver("ann@sender.example", BOB, message(body=body * 2000)).code, 250)
                self.assertIn("LAST=0.1", field(self.sink.messages[-1].content, "X-Spam-Status"))


# What would be there in Lua itself: reading any of these names is refused, wherever it stands.
UNKNOWN = ("load loadstring loadfile dofile require module debug os io package collectgarbage getmetatable setmetatable rawget rawset "
           "rawequal rawlen pcall xpcall coroutine print warn _G getfenv setfenv newproxy unpack arg string.dump string.pack "
           "string.unpack string.packsize math.random math.randomseed table.move").split()
# Code that returns something true if it got out; an error is as good as false.
ESCAPES = {
    "methods of strings": 'local s = "" return s.dump or s.pack or s.unpack',
    "a method of strings, replaced": 'string.upper = function() return "got out" end return ("a"):upper() == "got out"',
    "a method of strings, replaced by the back door": 'local s = "" s.upper = function() return "got out" end return ("a"):upper() == "got out"',
    "table.insert into a library": 'table.insert(string, "x") return string[1] == "x"',
    "table.insert into a fact": 'table.insert(mail.rcpts, "x@example.org") return mail.rcpts[2] == "x@example.org"',
    "table.remove from a fact": "table.remove(mail.rcpts) return #mail.rcpts == 0",
    "table.sort of a fact": "table.sort(mail.rcpts, function() return true end) return false",
    "a library's function, removed": "string.gsub = nil return string.gsub == nil",
    "a library, replaced": "string = {} return string.gsub == nil and mail.helo",
    "a fact, changed": 'mail.helo = "got out" return mail.helo == "got out"',
    "a fact of a fact, changed": 'mail.client.ip = "192.0.2.99" return mail.client.ip == "192.0.2.99"',
    "an element, added": 'mail.rcpts[1] = "x@example.org" return mail.rcpts[1] == "x@example.org"',
    "mail itself, replaced for others": "mail = nil return false",
    "a method of mail, kept and called on something else": 'local f = mail.header f({}, "Subject") f("x", "Subject") f() return false',
    "fields of metatables": "return mail.__index or mail.__metatable or mail.__gc or mail.client.__index",
    "_ENV, replaced here": "local _ENV = { x = 1 } return x ~= 1",
    "_ENV, walked through": "for name in pairs(_ENV) do if name == 'load' or name == 'debug' then return true end end",
    "_ENV, asked": "return _ENV._G or _ENV.load or _ENV.debug",
    "_ENV, assigned": "_ENV = { string = 7 } return string == 7 and false",
    "next on a library": "for name in next, string do if name == 'dump' then return true end end",
    "a rule, declared late": 'rule "LATE" { about = "x", when = function() return true end } return true',
    "a score, changed late": 'score "INNOCENT" (50) return true',
    "a rule, switched off late": 'disable "INNOCENT" return true',
    "a group, capped late": 'group("x", { max = 1 }) return true',
    "a format with a width of millions": 'return #string.format("%99999999d", 1) > 100',
    "a format that writes": 'return string.format("%n", 1)',
    "a character beyond Unicode": "return #utf8.char(0x7fffffff) > 6",
    "a select of minus infinity": "return select(math.mininteger, 1)",
    "a to-be-closed value": "local x <close> = { __close = function() end } return true",
    "a table that calls itself a metatable": "local t = { __gc = function() end, __index = string, __close = 1 } return t.gsub",
    "a goto into a loop": "for i = 1, 3 do if i == 2 then goto continue end ::continue:: end return false",
    "an integer that overflows": "return math.mininteger // -1 > 0 or math.maxinteger + 1 > 0",
    "tostring of what has a name": "return tostring(nil) ~= 'nil'",
}


class Escapes(Case):
    def setUp(self):
        super().setUp()
        self.gateway = self.postern(rules={}, start=False)

    def check(self, text):
        """(exit status, what was said) of a file with an innocent rule and `text`."""
        innocent = rule("INNOCENT", "score = 0.1", when("return mail.helo ~= ''"))
        (self.gateway.rules_folder / "10-rules.lua").write_bytes((innocent + text).encode("utf-8", "surrogateescape"))
        result = self.gateway.run("check")
        self.assertIn(result.returncode, (0, 1), result.stderr.decode("utf-8", "replace")[:500])
        return result.returncode, result.stderr.decode("utf-8", "replace")

    @staticmethod
    def at_run_time(code):
        return rule("ESCAPE", 'stage = "message"', when(code), "examples = { { hit = false } }")

    def test_what_reaches_out_is_not_there(self):
        for name in UNKNOWN:
            with self.subTest(name):
                status, said = self.check(self.at_run_time(f"return {name} ~= nil"))
                # Of a library's table a missing name may be nil; of the environment it is a mistake.
                self.assertTrue(status == 1 or "." in name, f"{name} is there")
                self.assertNotIn("expected no hit", said)
                status, said = self.check(f"local escape = {name}\nif escape ~= nil then error('got out') end\n")
                self.assertNotIn("got out", said)

    def test_nothing_gets_out(self):
        for name, code in ESCAPES.items():
            with self.subTest(name):
                status, said = self.check(self.at_run_time(code))
                self.assertNotIn("expected no hit", said)
                if status == 1:
                    self.assertIn("10-rules.lua:", said)

    def test_nothing_gets_out_while_files_are_read(self):
        """The same code straight in the file; what it does to the file's own environment must not reach the next file."""
        later = rule("LATER", when('return ("A"):lower() == "a" and string.gsub ~= nil and #("x"):rep(3) == 3'),
                     "examples = { { hit = true } }")
        self.gateway.write_rules({"20-later.lua": later})
        for name, code in ESCAPES.items():
            with self.subTest(name):
                _, said = self.check(f"local function escape()\n  {code}\nend\nif escape() then error('got out') end\n"
                                     if "late" not in name else f"local function escape() {code} end\n")
                self.assertNotIn("got out", said)
                self.assertNotIn("20-later.lua", said)

    def test_the_reader_of_files_survives_every_text(self):
        for name, text in {"parentheses": "local x = " + "(" * 100_000, "tables": "local x = " + "{" * 100_000, "calls": "f" + "()" * 100_000,
                           "functions": "return " + "function() return " * 100_000, "sums": "local x = 1" + " + 1" * 100_000,
                           "texts": 'local x = "a"' + ' .. "a"' * 100_000, "locals": "local a = 1\n" * 300, "a long line": "-" * 5_000_000,
                           "a long text": 'local x = "' + "a" * 5_000_000 + '"', "a long name": "local " + "a" * 1_000_000 + " = 1",
                           "blocks": "do " * 100_000, "nots": "local x = " + "not " * 100_000 + "1", "NUL": "local x = 1\0\nlocal y = 2\n",
                           "no UTF-8": "local x = '\udcff\udcfe'\n", "a loop": "while true do end", "recursion": "local function f() f() end f()",
                           "memory": "local t = {} for i = 1, 1e9 do t[i] = { i } end", "errors": "error({})", "labels": "::a:: " * 1000,
                           "a huge number": "local x = " + "9" * 100_000, "long brackets": "local x = [" + "=" * 100_000 + "["}.items():
            with self.subTest(name):
                _, said = self.check(text + "\n")
                self.assertLess(len(said), 20_000)

    def test_addresses_of_memory(self):
        """What an attacker could learn of the process: only the admin's own rules can ask, but nobody should need to."""
        shown = []
        for code in ("tostring({})", "tostring(mail)", "tostring(mail.client)", "tostring(mail.header)", "tostring(dns)",
                     "tostring(string)", 'string.format("%p", {})', 'string.format("%s", mail)'):
            _, said = self.check(rule("SHOWS", when(f"return true, {code}"), 'examples = { { hit = true, detail = "?" } }'))
            if "0x" in said:
                shown.append(code)
        print("shows an address: " + (", ".join(shown) or "nothing"))


if __name__ == "__main__":
    main()
