#include "proxy/ops/log_line.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"

namespace postern::ops {
namespace {

/// RFC 3339 in UTC with milliseconds.
void append_time(std::string& out, int64_t wall_ms) {
  auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, wall_ms % 1000);
}

/// Printable ASCII without quote and backslash, and short enough: what nearly every text is.
bool is_plain(std::string_view text, size_t limit) {
  return text.size() + 4 <= limit &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

}  // namespace

LogLine::LogLine(Config::LogFormat format, int64_t wall_ms, std::string_view level, std::string_view event)
    : json_(format == Config::LogFormat::Json) {
  out_.reserve(768);
  if (json_) out_ += "{\"time\":\"";
  append_time(out_, wall_ms);
  if (json_) {
    out_ += '"';
    word("level", level);
    word("event", event);
  } else {
    out_.append(" ").append(level).append(" ").append(event);
  }
}

void LogLine::key(std::string_view name) {
  if (json_) {
    out_.append(",\"").append(name).append("\":");
  } else {
    out_.append(" ").append(name).append("=");
  }
}

void LogLine::escaped(std::string_view untrusted, size_t limit) {
  if (is_plain(untrusted, limit)) {
    out_ += untrusted;
    return;
  }
  std::string safe = escape_for_log(untrusted, limit);
  if (!json_) {
    out_ += safe;
    return;
  }
  // RFC 8259, 7: quotes and control characters are gone already, the backslashes of \xHH are left.
  for (char c : safe) {
    if (c == '\\') out_ += '\\';
    out_ += c;
  }
}

void LogLine::word(std::string_view name, std::string_view word) {
  key(name);
  if (json_) {
    out_.append("\"").append(word).append("\"");
  } else {
    out_ += word;
  }
}

void LogLine::text(std::string_view name, std::string_view untrusted, size_t limit) {
  key(name);
  out_ += '"';
  escaped(untrusted, limit);
  out_ += '"';
}

void LogLine::number(std::string_view name, uint64_t number) {
  digits(name, fmt::format_int(number).str());
}

void LogLine::digits(std::string_view name, std::string_view digits) {
  key(name);
  out_ += digits;
}

void LogLine::flag(std::string_view name, bool value) {
  digits(name, value ? "true" : "false");
}

void LogLine::counted(std::string_view name, uint64_t count, std::string_view what_name, std::string_view what) {
  key(name);
  fmt::format_int number(count);
  if (json_) {
    out_.append("{\"count\":").append(number.data(), number.size());
    out_.append(",\"").append(what_name).append("\":\"").append(what).append("\"}");
  } else {
    out_.append(number.data(), number.size()).append(":").append(what);
  }
}

void LogLine::unknown(std::string_view name) {
  digits(name, json_ ? "null" : "-");
}

void LogLine::comma() {
  if (!std::exchange(first_item_, false)) out_ += ',';
}

void LogLine::begin_list(std::string_view name) {
  key(name);
  out_ += json_ ? '[' : '"';
  first_item_ = true;
}

void LogLine::text_item(std::string_view untrusted, size_t limit) {
  comma();
  if (json_) out_ += '"';
  escaped(untrusted, limit);
  if (json_) out_ += '"';
}

void LogLine::score_item(std::string_view name, std::string_view score, std::string_view detail) {
  comma();
  out_ += json_ ? "{\"name\":\"" : "";
  escaped(name, 80);
  out_.append(json_ ? "\",\"score\":" : "=").append(score);
  if (json_ && !detail.empty()) {
    out_ += ",\"detail\":\"";
    escaped(detail, 200);
    out_ += '"';
  } else if (!detail.empty()) {
    out_ += '(';
    escaped(detail, 80);
    out_ += ')';
  }
  if (json_) out_ += '}';
}

void LogLine::change_item(std::string_view rule, std::string_view from, std::string_view to) {
  comma();
  out_ += json_ ? "{\"rule\":\"" : "";
  escaped(rule, 80);
  out_.append(json_ ? "\",\"from\":\"" : "=").append(from).append(json_ ? "\",\"to\":\"" : ">").append(to);
  if (json_) out_ += "\"}";
}

void LogLine::end_list() {
  out_ += json_ ? ']' : '"';
}

void LogLine::begin_map(std::string_view name) {
  key(name);
  out_ += json_ ? '{' : '"';
  first_item_ = true;
}

void LogLine::map_item(std::string_view name, std::string_view digits) {
  comma();
  if (json_) out_ += '"';
  out_.append(name).append(json_ ? "\":" : "=").append(digits);
}

void LogLine::end_map() {
  out_ += json_ ? '}' : '"';
}

std::string LogLine::finish() {
  if (json_) out_ += '}';
  return std::move(out_);
}

}  // namespace postern::ops
