// What rule files declare, gathered while they are read, and every mistake in it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <lua.hpp>

#include "filters/base/bytes.h"
#include "filters/lists/list.h"
#include "lua/expression.h"
#include "lua/maps.h"
#include "lua/patterns.h"
#include "lua/rules.h"
#include "lua/sandbox.h"
#include "lua/source.h"

namespace postern::rules {

/// " (did you mean 'score'?)", or nothing when no known word is near.
template <class Words>
[[nodiscard]] std::string did_you_mean(std::string_view word, const Words& known) {
  std::string best = nearest(word.substr(0, 100), known);
  return best.empty() ? std::string() : " (did you mean '" + best + "'?)";
}

/// "UPPER_CASE": a capital first, then capitals, digits and underscores; at most 64 bytes.
[[nodiscard]] bool is_rule_name(std::string_view name);
/// Names of groups: letters, digits, '_' and '-'; at most 64 bytes.
[[nodiscard]] bool is_group_name(std::string_view name);
/// Within what a score may be: finite, -1000 to 1000.
[[nodiscard]] bool is_score(double score);
[[nodiscard]] std::string_view basename(std::string_view path);

/// `text` (an error of Lua's) as one line of valid UTF-8, at most 500 bytes; quotes stay quotes.
[[nodiscard]] std::string one_line(std::string_view text);

/// One `rule` of a file, or one answer of a `list`. The references are of the state in which the file was read.
struct Definition {
  RuleInfo info;
  int when = LUA_NOREF;
  int examples = LUA_NOREF;  // kept only when asked for
  std::optional<Pattern> pattern;
  std::optional<Expression> expression;
  std::vector<std::string> repeated;     // what its `all` or `any` names more than once, each once
  std::string condition;                 // the field that says when it hits: "when", "body", "all"...
  const RuleOutline* outline = nullptr;  // the rule as written, where it was found; see Registry
  const TableOutline* list = nullptr;    // of an answer the list as written
  std::string place;                     // and where in it: "answers/127.0.0.2"
  [[nodiscard]] int line_of(std::string_view field) const;  // else the rule's
  [[nodiscard]] int line_of_example(size_t number) const;   // from 1; else the rule's
};

/// What `enable "ZEN" { ... }` changes of a list.
struct ListChange {
  std::optional<std::string> zone;  // as List::zone
  std::optional<std::string> title;
};

/// Collects what one reading of all files declares. One thread, one state.
class Registry {
 public:
  static constexpr size_t kMaxRules = 10'000;
  static constexpr size_t kMaxLists = 1000;
  static constexpr size_t kMaxProblems = 200;

  explicit Registry(bool keep_examples) : keep_examples_(keep_examples) {}

  /// `outline`: of the file's text, outlives the registry; null: problems have the lines of their rules only.
  void begin_file(const std::string& file, const Outline* outline);
  /// The rest of the file was not read: rules that it writes may have been left out.
  void file_failed();
  [[nodiscard]] bool incomplete() const { return incomplete_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  /// The rule of this name at this line in the current file's outline; or null.
  [[nodiscard]] const RuleOutline* outline(std::string_view name, int line) const;
  /// The same of `list` and of `enable`.
  [[nodiscard]] const TableOutline* list_outline(std::string_view name, int line) const;
  [[nodiscard]] const TableOutline* enable_outline(std::string_view name, int line) const;
  [[nodiscard]] bool keeps_examples() const { return keep_examples_; }

  void problem(int line, std::string text);
  /// A name was written, its table or number must follow: rule "A" {...}, score "A" (1). Returns a ticket.
  size_t open_call(std::string what, std::string name, int line);
  void close_call(size_t ticket);

  void add(Definition rule);
  /// `answers`: the rules of list.answers, in the same order.
  void add_list(lists::List list, std::vector<Definition> answers, int line);
  /// Not all that a list says could be read: who speaks of rules of it, or of itself, makes no mistake.
  void leave_out(const std::string& list) { left_out_lists_.insert(list); }
  /// What has this name could not be made out: whoever asks for it makes no mistake.
  void not_declared(const std::string& name) {
    leave_out(name);
    incomplete_ = true;
  }
  /// Without `dampers` those of an earlier call stay.
  void set_group(const std::string& name, double max, std::optional<std::map<std::string, double, std::less<>>> dampers,
                 int line);
  void set_score(const std::string& name, double score, int line);
  void disable(const std::string& name, int line);
  void enable(const std::string& name, int line);
  void change_list(const std::string& name, ListChange change, int line);
  /// A map that the file names while it is read.
  void use_map(const std::string& name, Map::Kind kind, int line);
  struct UsedMap {
    std::string name;
    Map::Kind kind = Map::Kind::Auto;
    std::string file;
    int line = 0;
  };
  [[nodiscard]] const std::vector<UsedMap>& used_maps() const { return used_maps_; }

  /// Once all files are read: overrides are checked and applied, in order; the later wins. The rules keep their scores,
  /// and the lists what they are, as declared; apply_to() is what turns them into the ones in force.
  void finish();
  /// Rules of lists that are not enabled are disabled.
  void apply_to(std::vector<RuleInfo>& rules, lists::Lists& lists) const;

  [[nodiscard]] const std::vector<Definition>& rules() const { return rules_; }
  [[nodiscard]] const lists::Lists& lists() const { return lists_; }
  [[nodiscard]] const Groups& groups() const { return groups_; }
  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }

 private:
  struct Call {
    std::string what;
    std::string name;
    std::string file;
    int line = 0;
    bool closed = false;
  };
  struct Override {
    enum class What { Score, Disable, Enable, Change };
    std::string name;
    What what = What::Disable;
    double score = 0;
    ListChange change;
    std::string file;
    int line = 0;
  };
  struct Place {
    std::string file;
    int line = 0;
  };
  void problem_at(const std::string& file, int line, std::string text);
  void check_calls();
  void check_groups();
  void check_dampers();
  void check_overrides();
  [[nodiscard]] static std::string_view word_of(Override::What what);
  [[nodiscard]] std::string mistake_of(const Override& change, const std::vector<std::string>& names) const;
  /// Answers of lists that are off: who enables them is not heard.
  void check_enabled_answers();
  [[nodiscard]] bool is_left_out(const std::string& name) const;
  /// Names of declared groups that were meant.
  std::set<std::string> find_misspelt_groups();

  bool keep_examples_;
  bool incomplete_ = false;
  std::string file_;
  const Outline* outline_ = nullptr;
  std::vector<UsedMap> used_maps_;
  std::set<std::string, std::less<>> left_out_;        // names of rules and lists, perhaps
  std::set<std::string, std::less<>> left_out_lists_;  // the same, and of their rules nothing is known
  std::vector<Definition> rules_;
  std::map<std::string, size_t> by_name_;
  lists::Lists lists_;
  std::vector<Place> list_places_;
  std::map<std::string, size_t> list_by_name_;
  Groups groups_;
  std::map<std::string, std::pair<std::string, int>> group_places_;
  std::vector<Override> overrides_;
  std::vector<Call> calls_;
  std::vector<Problem> problems_;
};

/// Reads all files into `state`, which is ready to run rules afterwards. What went wrong is in registry.problems().
/// `outlines`: one for each file, or null.
void read_files(State& state, Registry& registry, const std::vector<RuleSet::File>& files,
                const std::vector<Outline>* outlines);

/// The fields of a rule's table (on top of the stack) into `rule`; mistakes go to `registry`. Runs under State::call().
void parse_rule_table(lua_State* lua, Registry& registry, Definition& rule);

/// The same of a list's table; both its rules and itself are added to `registry`. `list` has its name.
void parse_list_table(lua_State* lua, Registry& registry, lists::List list, int line);
/// The same of the table of `enable "NAME" { ... }`.
[[nodiscard]] ListChange parse_list_change(lua_State* lua, Registry& registry, const std::string& name, int line);

/// By file, line and text, each once.
void sort_problems(std::vector<Problem>& problems);

/// "local.lua:12: text" -> 12 and "text"; line 0 when there is no such beginning.
[[nodiscard]] std::pair<int, std::string> split_position(std::string_view message, std::string_view chunk_name);

}  // namespace postern::rules
