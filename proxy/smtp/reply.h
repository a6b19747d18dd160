// An SMTP reply: code, enhanced status code, text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::smtp {

/// A value. `lines` is printable text without CRLF, at least one; an enhanced status code ("5.7.1") is kept apart and
/// written on every line when the code is 2xx, 4xx or 5xx (RFC 2034, 4).
struct Reply {
  int code = 0;
  std::string enhanced;  // "2.1.0"; empty: the greeting, EHLO's answer, 3xx
  std::vector<std::string> lines = {""};

  Reply() = default;
  Reply(int code_in, std::string enhanced_in, std::string text) : code(code_in), enhanced(std::move(enhanced_in)) {
    lines.front() = std::move(text);
  }
  [[nodiscard]] bool positive() const { return code >= 200 && code < 300; }
  [[nodiscard]] bool intermediate() const { return code >= 300 && code < 400; }
  [[nodiscard]] bool temporary() const { return code >= 400 && code < 500; }
  [[nodiscard]] bool permanent() const { return code >= 500 && code < 600; }
  /// Gives a 2xx, 4xx or 5xx reply without a fitting enhanced code the one that says nothing more: "N.0.0".
  void complete();
  /// First line, for logs: "250 2.0.0 Ok: queued".
  [[nodiscard]] std::string to_string() const;
  /// On the wire: "250-2.1.0 a\r\n250 2.1.0 b\r\n". Bytes that may not stand in a reply become '?', lines are cut at
  /// 512 octets in all (RFC 5321, 4.5.3.1.5), so whatever came from a backend or a rule is safe to send. A code outside
  /// 200 to 599 goes out as 451: our own confusion must not refuse a message for good.
  [[nodiscard]] std::string encode() const;
};

/// "5.7.1": the syntax of RFC 3463, 2, and the class that belongs to `code`.
[[nodiscard]] bool is_enhanced_code(std::string_view text, int code);

/// Reads one reply that may have several lines. Pull parser, bounded: keeps kMaxLines lines of kMaxLine octets and
/// drops what is more; over kMaxReply octets in all it gives up.
class ReplyReader {
 public:
  static constexpr size_t kMaxLines = 128;
  static constexpr size_t kMaxLine = 2048;
  static constexpr size_t kMaxReply = 1U << 20U;
  enum class State { NeedMore, Ready, Broken };

  /// Takes bytes from the front of `input` (removing them) until one reply is whole. A line ends at LF, with or without
  /// CR before it. Text is made printable. Broken (no reply syntax, codes that differ, a bound passed) is for good.
  State read(std::string_view& input);
  /// After Ready: the reply; the reader begins anew.
  Reply take();
  /// After Broken: why, for logs.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  State line(std::string_view text);
  std::string partial_;
  Reply reply_;
  bool first_ = true;
  size_t total_ = 0;
  std::string error_;
};

}  // namespace postern::smtp
