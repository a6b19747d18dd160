// What the text of a rule file says, found without running it: where each field of a rule stands, and what its
// functions read. So a mistake is named with its own line, also in a branch that no example takes.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::rules {

/// A fact that a function reads: mail.spf.result is {"spf", "result"}, mail.urls[1].host is {"urls", "[]", "host"},
/// mail:header(...) is {"header"}, mail.subject:lower() is {"subject"}. What is read through another name is written as
/// if through `mail`: after `local s = mail.spf` s.result is {"spf", "result"}, and in
/// `for _, url in ipairs(mail.urls)` url.host is {"urls", "[]", "host"}. An index that is no constant string is "[]"
/// too.
struct FactRead {
  std::vector<std::string> path;  // at most 16 steps
  int line = 0;                   // of the last step
  bool call = false;              // mail:name(...)
  /// In a branch of a helper that depends on what else the helper is handed: perhaps no message ever gets there from
  /// this rule.
  bool maybe = false;
};

/// A string constant handed to a function: mail:hit("A"), mail:match("e"), text:match("e"), map("file").
struct Literal {
  std::string text;
  int line = 0;  // where the string is written
};

/// A global variable where a file reads it or gives it a value.
struct NameUse {
  std::string name;
  int line = 0;
};

/// One rule "NAME" { ... } as written. What a rule's functions read includes what the file's local functions read that
/// they call, directly or through each other, by the name of the parameter in which they are handed `mail` on.
struct RuleOutline {
  std::string name;
  int line = 0;                       // of the word `rule`
  int last_line = 0;                  // of the closing brace
  std::map<std::string, int> fields;  // name -> line, of the rule's own table
  std::vector<int> examples;          // line of each
  std::vector<FactRead> reads;        // in `when`: as written, then those of the functions called; each once a line
  std::vector<Literal> hits;          // mail:hit("…") in `when`
  std::vector<Literal> expressions;  // text:match("…"), :gmatch, :gsub, string.match(t, "…"), mail:match("…") in `when`
};

/// One list "NAME" { ... } or enable "NAME" { ... } as written.
struct TableOutline {
  std::string name;
  int line = 0;       // of the word `list`
  int last_line = 0;  // of the closing brace
  /// Where things stand, of tables in the table too: "zone", "answers", "answers/127.0.0.2" and, in the braces of that,
  /// "answers/127.0.0.2/stage" and "answers/127.0.0.2/1", the first value without a name.
  std::map<std::string, int> places;
};

struct Outline {
  std::vector<RuleOutline> rules;      // as written; those whose name is a constant
  std::vector<TableOutline> lists;     // the same
  std::vector<TableOutline> enables;   // the same, those with a table
  std::vector<Literal> maps;           // map("…") and map("…", "kind"), anywhere in the file
  std::vector<std::string> map_kinds;  // for each of `maps` its second argument; empty: none
  /// Global variables that are read anywhere in the file and given a value nowhere in it; as written, each once a line.
  /// Inside of functions the line is that of the name. Outside it is the one with which Lua would err there, so that
  /// reading the file and reading its text name one place. Empty where the text is not Lua or speaks of _ENV.
  std::vector<NameUse> free_names;
  /// Global variables that are given a value in a function that certainly runs only once the files are read: a rule's
  /// `when`, or what is called from there alone. Each once a line; empty as above.
  std::vector<NameUse> late_globals;
};

/// Never fails: a text that is not Lua gives what was understood of it. Linear; bounded by the text's size and a
/// nesting of 200. Says nothing rather than something that could be wrong: a variable that is assigned a second time is
/// not followed, nor what functions return, nor `rule`, `map`, `string`, `ipairs` and `pairs` where the file gives
/// these names another meaning. Pure; any thread.
[[nodiscard]] Outline outline_of(std::string_view text);

/// The line of the first string in `text` that means `wanted`, from line `from` to `to`; 0: there is none. Linear.
[[nodiscard]] int find_text(std::string_view text, std::string_view wanted, int from, int to);

/// The line of a field of the rule's table, "score"; 0: not known.
[[nodiscard]] int line_of(const RuleOutline& rule, std::string_view field);
/// The line of "answers/127.0.0.2/stage", or of the nearest around it that is known; 0: none is.
[[nodiscard]] int line_of(const TableOutline& table, std::string_view place);
/// The line where an example begins, counted from 1 as problems count them; 0: not known.
[[nodiscard]] int line_of_example(const RuleOutline& rule, size_t number);

}  // namespace postern::rules
