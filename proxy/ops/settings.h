// Reads a table of the configuration by a table of settings: name, type with bounds, meaning. What does not fit becomes
// a problem with its place, and reading goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "filters/base/clock.h"
#include "proxy/ops/config.h"
#include "proxy/ops/document.h"

namespace postern::ops {

class Reader;

/// Takes a text, or says what is wrong with it.
using Take = std::function<std::optional<std::string>(const std::string&)>;

namespace spec {
/// `expects`: what the text is, for the message about another type.
struct Text {
  std::string_view expects;
  Take take;
};
struct Flag {
  bool* target;
};
struct Whole {
  uint64_t min;
  uint64_t max;
  std::function<void(uint64_t)> set;
};
struct Size {
  uint64_t* target;
  uint64_t min;
  uint64_t max;
};
struct Time {
  Duration* target;
  Duration min;
  Duration max;
};
/// A number, or "off".
struct Threshold {
  std::optional<double>* target;
};
/// One of `words`; `set` gets its index and may refuse it.
struct Word {
  std::vector<std::string> words;
  std::function<std::optional<std::string>(size_t)> set;
};
/// Texts; an entry "@path" stands for the lines of that file. `lone`: one text without brackets will do. `mailboxes`:
/// an entry "@example.net" is an entry, and only one with a '/' in it names a file.
struct List {
  std::string_view expects;
  Take add;
  bool lone = false;
  bool mailboxes = false;
};
/// [name], or each of [[name]]: read once every other setting beside it has been read.
struct Table {
  std::function<void(const Member&)> read;
};
struct Tables {
  std::function<void(const Value&)> read;
};
}  // namespace spec
using Spec = std::variant<spec::Text, spec::Flag, spec::Whole, spec::Size, spec::Time, spec::Threshold, spec::Word,
                          spec::List, spec::Table, spec::Tables>;

struct Setting {
  std::string_view name;
  Spec spec;
  std::string_view meaning;
};

/// One reading of one configuration. Not thread-safe.
class Reader {
 public:
  /// `directory`: what paths are relative to.
  explicit Reader(std::string directory) : directory_(std::move(directory)) {}

  /// Reads what `settings` say of `table`; `where` names it in messages: "[dns]", "[[listen]]".
  void read(const Value& table, std::string_view where, const std::vector<Setting>& settings);
  void problem(const Place& place, std::string text);
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] bool clean() const { return problems_.empty(); }
  /// In order of place, those of the file `first` first.
  [[nodiscard]] std::vector<ConfigProblem> take_problems(const std::string& first);

 private:
  struct At {
    const Setting& setting;
    const Member& member;
    std::string_view where;
  };
  void refuse_unknown(const Value& table, std::string_view where, const std::vector<Setting>& settings);
  void wrong_type(const At& at, const Value& value, std::string_view expects);
  void out_of_bounds(const At& at, const std::string& min, const std::string& max);
  void bad_entry(const At& at, const Place& place, const std::string& entry, const std::string& fault);

  void take(const At& at, const spec::Text& spec);
  void take(const At& at, const spec::Flag& spec);
  void take(const At& at, const spec::Whole& spec);
  void take(const At& at, const spec::Size& spec);
  void take(const At& at, const spec::Time& spec);
  void take(const At& at, const spec::Threshold& spec);
  void take(const At& at, const spec::Word& spec);
  void take(const At& at, const spec::List& spec);
  void take(const At& at, const spec::Table& spec);
  void take(const At& at, const spec::Tables& spec);
  void take_entry(const At& at, const spec::List& spec, const Value& item);
  void take_file(const At& at, const spec::List& spec, const Value& item);

  std::string directory_;
  std::vector<ConfigProblem> problems_;
};

}  // namespace postern::ops
