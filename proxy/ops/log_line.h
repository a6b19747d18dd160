// Builds one line of the log, in either format, by appending; no allocation but that of the line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/ops/config.h"

namespace postern::ops {

/// Names and what is called `word` come from us: lower-case words that need no escaping. Everything else is escaped.
class LogLine {
 public:
  /// Begins with time (milliseconds since 1970, shown in UTC), level and event.
  LogLine(Config::LogFormat format, int64_t wall_ms, std::string_view level, std::string_view event);

  void word(std::string_view name, std::string_view word);
  void text(std::string_view name, std::string_view untrusted, size_t limit);
  void number(std::string_view name, uint64_t number);
  /// Digits as they are to stand there.
  void digits(std::string_view name, std::string_view digits);
  void flag(std::string_view name, bool value);
  /// How many, and of what (a word): text format NAME=57:WHAT, JSON "name":{"count":57,"WHAT_NAME":"WHAT"}.
  void counted(std::string_view name, uint64_t count, std::string_view what_name, std::string_view what);
  /// Not known.
  void unknown(std::string_view name);

  // A list: text format name="a,b", JSON "name":[...] or {...}. Between begin and end only item calls.
  void begin_list(std::string_view name);
  void text_item(std::string_view untrusted, size_t limit);
  /// Text format NAME=1.5, JSON {"name":"NAME","score":1.5,"detail":"..."}; the detail is left out when empty.
  void score_item(std::string_view name, std::string_view score, std::string_view detail);
  /// Text format NAME=from>to, JSON {"rule":...,"from":...,"to":...}.
  void change_item(std::string_view rule, std::string_view from, std::string_view to);
  void end_list();
  // The same for numbers with names: text name="total=1.2,dns=0.1", JSON {"total":1.2,"dns":0.1}.
  void begin_map(std::string_view name);
  void map_item(std::string_view name, std::string_view digits);
  void end_map();

  [[nodiscard]] std::string finish();

 private:
  void key(std::string_view name);
  void comma();
  void escaped(std::string_view untrusted, size_t limit);

  bool json_;
  bool first_item_ = true;
  std::string out_;
};

}  // namespace postern::ops
