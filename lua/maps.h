// map("file"): lists that admins keep in files beside the rules, taken again when a file changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/base/result.h"

namespace postern::rules {

/// One reading of a file. Immutable, any thread.
///
/// One entry a line; '#' at the beginning of a line or behind white space begins a comment; empty lines, CRLF, a byte
/// order mark and a last line without end are fine. What an entry is shows in how it is written (Kind::Auto):
///     192.0.2.0/24, 2001:db8::/32, 192.0.2.1   networks and addresses; IPv4-mapped IPv6 is IPv4
///     .example.org                             every name below example.org (as in postern.toml); and addresses @ them
///     /expression/ or /expression/i            RE2, searched anywhere; only with 'i' in any case. It ends at the first
///                                              '/' (or "/i") behind which nothing but a comment follows, so a '/' or
///                                              " #" inside needs no care
///     anything else                            that text itself; ASCII letters in any case; names as A-labels too, a
///                                              final dot ignored. "example.org" is that name and every address @ it,
///                                              "@example.org" the addresses only
///
/// The other kinds take every line as that:
///     Exact    as the last row: also "/a/", ".a" and "192.0.2.1" are texts
///     Domain   "example.org" is the name and all below it, ".example.org" only what is below
///     Cidr     networks and addresses
///     Regex    an expression with or without slashes around it ("//" at both ends are slashes to search for);
///              without them " #" begins a comment: write " \#"
///
/// What is surely a mistake is refused: a network with bits behind its prefix (192.0.2.1/24) or what looks like one and
/// is none (192.0.2, 192.0.2.1-192.0.2.9), something behind a network, "*" in a name or an address, an expression that
/// RE2 refuses or that is found in every text, a Postfix table's "example.org REJECT", control octets (NUL: the file is
/// UTF-16), invisible spaces around an entry.
class Map {
 public:
  enum class Kind { Auto, Exact, Domain, Cidr, Regex };
  static constexpr size_t kMaxFile = 64U << 20U;  // octets
  static constexpr size_t kMaxEntries = 2'000'000;
  static constexpr size_t kMaxExpressions = 10'000;
  static constexpr size_t kMaxEntry = 4096;          // octets
  static constexpr size_t kMaxSubject = 64U << 10U;  // octets of a value that expressions search; the rest is not seen
  static constexpr size_t kMaxMistakes = 20;

  struct Mistake {
    int line = 0;  // 0: the file as a whole
    std::string text;
  };
  /// All mistakes at once (at most 20): a file with one is not taken.
  static tl::expected<std::shared_ptr<const Map>, std::vector<Mistake>> parse(std::string_view text, Kind kind);
  [[nodiscard]] static std::optional<Kind> parse_kind(std::string_view name);
  /// "auto", "exact", "domain", "cidr", "regex", in the order of Kind.
  [[nodiscard]] static const std::vector<std::string>& kind_names();

  ~Map();
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  /// Whether `value` (an address, a name, an e-mail address, any text) is in it. Of an e-mail address the whole is
  /// looked for, then its domain, then "@domain". Microseconds; linear in the value where there are expressions.
  [[nodiscard]] bool has(std::string_view value) const { return has(value, {}); }
  /// The same; `poll` is called between pieces of work of a few milliseconds. It may throw.
  [[nodiscard]] bool has(std::string_view value, const std::function<void()>& poll) const;
  /// How many entries the file has.
  [[nodiscard]] size_t size() const;

 private:
  struct Inside;
  class Reader;
  explicit Map(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};
using MapPtr = std::shared_ptr<const Map>;

/// The versions that one message sees, by name and kind. One thread.
struct SeenMaps {
  std::map<std::pair<std::string, Map::Kind>, MapPtr, std::less<>> maps;
};

/// The maps that a rule set names. Thread-safe; files are read only in add() and refresh(), never on a worker.
class Maps {
 public:
  static constexpr size_t kMaxMaps = 1000;
  static constexpr size_t kMaxName = 1000;  // octets

  /// `directory`: where relative names begin (the rule directory).
  explicit Maps(std::string directory) : directory_(std::move(directory)) {}

  /// Reads a file; one that was added before is not read again, and has the same wrong with it. What is wrong, as
  /// "FILE:LINE: reason" ("FILE: reason" for the file as a whole), else nothing. The same name with two kinds is two
  /// maps. Never hangs: what is no regular file is refused.
  [[nodiscard]] std::vector<std::string> add(const std::string& name, Map::Kind kind);
  /// What is in force; null: no such map was added, or it was never good. Cheap.
  [[nodiscard]] MapPtr find(std::string_view name, Map::Kind kind) const;
  /// Names that were added, each once, for "did you mean".
  [[nodiscard]] std::vector<std::string> names() const;

  struct Entries {
    std::string file;
    Map::Kind kind = Map::Kind::Auto;
    size_t count = 0;
  };
  /// How many entries are in force.
  [[nodiscard]] std::vector<Entries> entries() const;

  struct Change {
    std::string file;
    bool taken = false;
    std::string text;  // for the log, one line: "FILE: 12 entries, 10 before" or "FILE:3: reason; the old entries stay"
  };
  /// Looks at every file (size, time of change, inode) and reads those that changed. A file that is gone or broken
  /// leaves the old map in force; each trouble is reported once. Any thread but a worker's; calls do not overlap. A
  /// file that is written in place may be seen half written, and is then read again the next time: write beside it and
  /// rename.
  [[nodiscard]] std::vector<Change> refresh();

 private:
  using Key = std::pair<std::string, Map::Kind>;
  struct File;
  [[nodiscard]] std::string path_of(const std::string& name) const;

  std::string directory_;
  mutable std::mutex
      mutex_;  // guards files_ and the map of each file; what only add() and refresh() use needs no guard
  std::map<Key, std::shared_ptr<File>> files_;
};

}  // namespace postern::rules
