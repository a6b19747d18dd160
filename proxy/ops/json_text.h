// JSON by appending to one string: for what is written by the thousand on the mail path, where a tree would cost more
// than all the rest.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace postern::ops {

/// The caller opens and closes in order; commas come by themselves. Texts may be any octets: what is no well-formed
/// UTF-8 becomes characters of a private plane (U+10FF80 to U+10FFFF, one an octet), which octets_of() turns back; so
/// the result is always JSON in UTF-8, and nothing is lost.
class JsonText {
 public:
  /// `expected`: octets, about.
  explicit JsonText(size_t expected) : JsonText(std::string(), expected) {}
  /// Writes over `room`, whose memory is used again.
  JsonText(std::string room, size_t expected) : out_(std::move(room)) {
    if (out_.size() < expected) out_.resize(std::max(expected, out_.capacity()));
  }

  JsonText& open(char bracket) {
    char* to = room(2);
    to = comma(to);
    *to++ = bracket;
    end(to);
    fresh_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    char* to = room(1);
    *to++ = bracket;
    end(to);
    fresh_ = false;
    return *this;
  }
  /// `name`: of ours, needs no escaping.
  JsonText& name(std::string_view name) {
    char* to = quoted(name, 1);
    *to++ = ':';
    end(to);
    fresh_ = true;
    return *this;
  }

  // Values, in a list or behind name().
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) void value(Number number) {
    constexpr size_t kDigits = 24;
    char* to = room(kDigits + 1);
    to = comma(to);
    auto [stop, error] = std::to_chars(to, to + kDigits, number);
    end(error == std::errc() ? stop : to);
  }
  void value(double number);
  void value(bool flag) { literal(flag ? "true" : "false"); }
  /// A word of ours.
  void word(std::string_view word) { end(quoted(word, 0)); }
  /// At most `limit` octets of it.
  void text(std::string_view text, size_t limit);

  // Fields; what has its usual value is left out.
  void text(std::string_view field, std::string_view value, size_t limit) {
    if (value.empty()) return;
    name(field);
    text(value, limit);
  }
  void word(std::string_view field, std::string_view value) {
    name(field);
    word(value);
  }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void field(std::string_view field, Number number, Number usual = Number()) {
    if (number == usual) return;
    name(field);
    value(number);
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::string take() {
    out_.resize(size_);
    return std::move(out_);
  }

 private:
  /// Where the next octet goes; so many have room there.
  char* room(size_t octets) {
    if (out_.size() - size_ < octets) out_.resize(2 * out_.size() + octets);
    return out_.data() + size_;
  }
  void end(const char* to) { size_ = static_cast<size_t>(to - out_.data()); }
  static char* copy(char* to, std::string_view octets) {
    if (!octets.empty()) std::memcpy(to, octets.data(), octets.size());
    return to + octets.size();
  }
  char* comma(char* to) {
    if (!fresh_) *to++ = ',';
    fresh_ = false;
    return to;
  }
  /// With room for `more` behind it.
  char* quoted(std::string_view word, size_t more) {
    char* to = comma(room(word.size() + 3 + more));
    *to++ = '"';
    to = copy(to, word);
    *to++ = '"';
    return to;
  }
  void literal(std::string_view word) { end(copy(comma(room(word.size() + 1)), word)); }

  std::string out_;    // as long as there is room
  size_t size_ = 0;    // of it written
  bool fresh_ = true;  // nothing stands before in the list, or a name does
};

/// The octets that JsonText::text() was given.
[[nodiscard]] std::string octets_of(std::string_view text);

}  // namespace postern::ops
