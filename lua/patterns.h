// The regular expressions of declarative rules, compiled into one set: a message is searched once for all of them.
//
// What a rule writer may rely on, whichever engine searches:
//
// - The syntax is RE2's, and (?x), (?#...), (?<name>...) and \Z besides. What takes time without bound elsewhere no
//   engine here has, and it is refused by name: look-ahead and look-behind, back references, atomic groups, possessive
//   repeats, recursion.
// - A rule hits when the expression matches anywhere; lazy or greedy does not matter. An expression that can match
//   nothing at all hits always.
// - '^' and '$' are the ends of the text, '$' not before a last newline (that is \Z); under (?m) they are those of
//   lines. '.' is any character but a newline, under (?s) any.
// - In all targets but Raw a character is a code point. \w \d \s \b and [[:alpha:]] are ASCII. \s has no vertical tab,
//   \v is one. (?i) and \p{...} are by RE2's Unicode tables, one character to one: 's' is also U+017F, but "ss" is not
//   the sharp s.
// - In Raw a character is an octet and (?i) is for ASCII. What is typed as one character and takes several octets is
//   that many: write it in a group when it is repeated. \x{100} and above is refused there.
// - Octal is \0, \012, \12; \1 alone is a back reference. \Q...\E quotes. Counted repeats go to 1000, those within
//   others multiplied; an expression that is too large with them is refused.
//
// How both engines come to mean the same: neither is given what was written but what write_plainly() makes of it
// (pattern_syntax.h), in which nothing is left that they read differently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"

namespace postern::rules {

/// What of a message an expression is searched in.
enum class Target {
  Header,      // each value of one header field, as a reader sees it (UTF-8)
  Body,        // mail.text (UTF-8)
  Url,         // each URL, "scheme://host[:port]/path" (UTF-8)
  Attachment,  // each file name, those inside of archives too (UTF-8)
  Raw,         // the message as it was sent, any octets
};
constexpr size_t kTargets = 5;
[[nodiscard]] std::string_view to_string(Target target);

/// One declarative rule's expression.
struct Pattern {
  Target target = Target::Body;
  std::string field;       // Header: the field's name, lower case
  std::string expression;  // at most RegexCache::kMaxPattern octets
};

/// The patterns that matched one message, and what each found first. A value; reusable.
class Matches {
 public:
  [[nodiscard]] bool matched(size_t pattern) const { return pattern < found_.size() && found_[pattern] != 0; }
  /// What the pattern found first, at most 200 octets of well-formed UTF-8; untrusted text.
  [[nodiscard]] const std::string& detail(size_t pattern) const;

 private:
  friend class PatternScanner;
  void add(size_t pattern, std::string&& detail);

  std::vector<uint32_t> found_;       // pattern -> 1 + index in details_, or 0
  std::vector<std::string> details_;  // in the order in which they were found
};

/// Immutable, any thread. RE2 says what an expression means and which are taken; Hyperscan searches for them, with one
/// database for each target that has patterns, all in one cache file. What it cannot express is searched with RE2, one
/// by one.
class PatternSet {
 public:
  struct Refusal {
    size_t pattern = 0;  // index
    std::string reason;  // for the admin: what neither engine has, RE2's words, or what makes it too large
  };
  struct Cache {
    Cache(std::string name, bool may_write = true) : file(std::move(name)), write(may_write) {}  // NOLINT: from a name
    Cache(const char* name) : file(name) {}                                                      // NOLINT
    std::string file;                                                                            // empty: none
    bool write;                                                                                  // else it is only read
  };
  /// Compiling takes about 2 ms a pattern, up to 200 ms a large one: never on a worker. From `cache` a set of the very
  /// same patterns is read; else it is written there (atomically; mode 0600). A cache that cannot be read or written,
  /// or that is damaged, costs time only; `notes` says so.
  static tl::expected<std::shared_ptr<const PatternSet>, std::vector<Refusal>> compile(std::vector<Pattern> patterns,
                                                                                       const Cache& cache,
                                                                                       std::vector<std::string>& notes);
  ~PatternSet();
  PatternSet(const PatternSet&) = delete;
  PatternSet& operator=(const PatternSet&) = delete;

  [[nodiscard]] const std::vector<Pattern>& patterns() const;
  /// Whether any pattern searches `target`: callers decode nothing that nobody searches.
  [[nodiscard]] bool wants(Target target) const;
  /// Whether a pattern searches the header field of this name (any case).
  [[nodiscard]] bool wants_field(std::string_view name) const;
  /// How many are searched with RE2.
  [[nodiscard]] size_t fallbacks() const;
  /// Those, and how many octets of a text each looks at.
  [[nodiscard]] std::vector<std::pair<size_t, size_t>> searched_alone() const;
  /// Whether the set came out of the cache file.
  [[nodiscard]] bool from_cache() const;

 private:
  friend class PatternScanner;
  struct Inside;
  explicit PatternSet(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

/// One worker's working memory for a set. One thread.
class PatternScanner {
 public:
  /// Throws std::bad_alloc when there is no memory for it.
  explicit PatternScanner(std::shared_ptr<const PatternSet> set);
  ~PatternScanner();
  PatternScanner(const PatternScanner&) = delete;
  PatternScanner& operator=(const PatternScanner&) = delete;

  /// Forgets what `matches` held.
  void begin(Matches& matches) const;
  /// Searches one text and adds to `matches`; `field` is the name of a header field (any case), else empty. Linear in
  /// the text, of which the first RegexCache::kMaxSubject octets are searched. All but Raw must be UTF-8; octets that
  /// are not are searched as U+FFFD.
  void scan(Target target, std::string_view field, std::string_view text, Matches& matches);

 private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace postern::rules
