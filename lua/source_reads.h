// What the variables of a rule file stand for, and what a rule's functions read of `mail` through them.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lua/source.h"
#include "lua/source_parser.h"

namespace postern::rules::source {

/// What a variable stands for all its life.
struct Meaning {
  enum class Kind : unsigned char { Unknown, Base, Text, Function };
  Kind kind = Kind::Unknown;
  size_t index = kNone;  // Base: the parameter or global it begins with; Function
  std::vector<std::string_view> path;
  std::string_view text;
  int line = 0;
};

/// What every variable of a file means.
class Meanings {
 public:
  explicit Meanings(const Syntax& syntax);
  [[nodiscard]] const Meaning& of(size_t variable) const { return meanings_[variable]; }
  /// Whether the value is the global of this name, as the sandbox has it.
  [[nodiscard]] bool is_global(const Value& value, std::string_view name) const;
  /// The same for a field of it: string.match.
  [[nodiscard]] bool is_field(const Value& value, std::string_view global, std::string_view& field) const;
  [[nodiscard]] Meaning of(const Value& value) const;

 private:
  [[nodiscard]] Meaning meaning(size_t index) const;
  const Syntax& syntax_;
  std::vector<Meaning> meanings_;
};

/// What is known of a value when a function is called with it.
struct Known {
  enum class Kind : unsigned char { Nothing, Fact, Text, Function };
  Kind kind = Kind::Nothing;
  std::vector<std::string_view> path;  // Fact: from `mail` on
  std::string_view text;
  int line = 0;
  size_t function = kNone;
  size_t frame = kNone;  // Function: the call in which it was made

  friend bool operator<(const Known& a, const Known& b) {
    return std::tie(a.kind, a.path, a.text, a.line, a.function, a.frame) <
           std::tie(b.kind, b.path, b.text, b.line, b.function, b.frame);
  }
};

/// Follows a rule's `when` and what it calls, each with what it is handed.
class Follower {
 public:
  Follower(const Syntax& syntax, const Meanings& meanings, size_t& work)
      : syntax_(syntax), meanings_(meanings), work_(work) {}
  void follow(size_t when, RuleOutline& rule);

 private:
  /// One call. A function written inside of another sees the variables of that one's call.
  struct Frame {
    size_t function = 0;
    size_t outer = kNone;  // a frame
    std::vector<Known> handed;
    bool choosy = false;  // handed something else than facts, on which its branches may depend
    bool maybe = false;   // called in such a branch
  };

  [[nodiscard]] Known known(const Value& value, size_t frame) const;
  [[nodiscard]] const Frame* call_of(const Variable& variable, size_t frame) const;
  [[nodiscard]] Known parameter(const Variable& variable, size_t frame) const;
  [[nodiscard]] bool depends(size_t mention, size_t frame) const;
  void weigh_branches(size_t frame);
  [[nodiscard]] bool spend(size_t amount);
  [[nodiscard]] bool is_doubtful(size_t guard) const;
  void open(const Known& function, const Event& event, size_t from);
  void run(size_t frame);
  void event(const Event& event, size_t frame);
  void method(const Event& event, size_t frame);
  void call(const Event& event, size_t frame);
  [[nodiscard]] bool is_maybe(const Event& event, size_t frame) const;
  void read(const std::vector<std::string_view>& path, const Event& event, size_t frame);
  [[nodiscard]] bool is_meant_here(const Value& value, const Event& event, size_t frame) const;
  void hit(const Event& event, size_t frame);
  void expression(const Value& value, const Event& event, size_t frame);

  const Syntax& syntax_;
  const Meanings& meanings_;
  size_t& work_;
  RuleOutline* rule_ = nullptr;
  std::vector<Frame> frames_;
  std::set<std::tuple<size_t, size_t, bool, std::vector<Known>>> seen_frames_;
  std::vector<char> doubtful_;  // of the guards of the frame's function
  size_t first_guard_ = 0;
  std::map<std::tuple<std::vector<std::string_view>, int, bool>, size_t> seen_reads_;
  std::set<std::pair<std::string_view, int>> seen_hits_;
  std::set<std::pair<std::string_view, int>> seen_expressions_;
};

}  // namespace postern::rules::source
