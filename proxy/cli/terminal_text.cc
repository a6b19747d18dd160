#include "proxy/cli/terminal_text.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "filters/base/bytes.h"

namespace postern::cli {
namespace {

/// U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F, U+FEFF.
bool is_invisible(std::string_view sequence) {
  if (sequence == "\xef\xbb\xbf") return true;
  if (sequence.size() != 3 || sequence[0] != '\xe2') return false;
  auto last = static_cast<unsigned char>(sequence[2]);
  if (sequence[1] == '\x80') return (last >= 0x8b && last <= 0x8f) || (last >= 0xa8 && last <= 0xae);
  return sequence[1] == '\x81' && last >= 0xa0 && last <= 0xaf;
}

/// Of well-formed UTF-8, in characters.
size_t width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

std::time_t seconds_of(int64_t wall_ms) {
  constexpr int64_t kEndOfTime = 253402300799;  // the last second of the year 9999
  return static_cast<std::time_t>(std::clamp<int64_t>(wall_ms / 1000, 0, kEndOfTime));
}

std::string formatted(const std::tm& time, const char* how) {
  std::array<char, 80> out{};
  size_t size = std::strftime(out.data(), out.size(), how, &time);
  return {out.data(), size};
}

}  // namespace

std::string shown(std::string_view untrusted, size_t limit) {
  // No more is looked at than can be shown.
  untrusted = untrusted.substr(0, limit * 4 + 16);
  std::string visible;
  visible.reserve(untrusted.size());
  for (size_t at = 0; at < untrusted.size();) {
    size_t length = std::max<size_t>(utf8_sequence(untrusted, at), 1);
    std::string_view sequence = untrusted.substr(at, length);
    if (!is_invisible(sequence)) visible += sequence;
    at += length;
  }
  return escape_for_log(visible, limit);
}

std::string lasting(Duration duration) {
  double ms = std::chrono::duration<double, std::milli>(duration).count();
  if (ms < 10) return fmt::format("{:.1f} ms", std::max(ms, 0.0));
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  if (ms < 120'000) return fmt::format("{:.1f} s", ms / 1000);
  return fmt::format("{:.0f} min", ms / 60'000);
}

std::string local_time(int64_t wall_ms) {
  std::time_t at = seconds_of(wall_ms);
  std::tm local{};
  localtime_r(&at, &local);
  return formatted(local, "%Y-%m-%d %H:%M:%S %z (%A)");
}

std::string utc_time(int64_t wall_ms) {
  std::time_t at = seconds_of(wall_ms);
  std::tm utc{};
  gmtime_r(&at, &utc);
  return formatted(utc, "%Y-%m-%dT%H:%M:%S") + fmt::format(".{:03}Z", std::max<int64_t>(wall_ms, 0) % 1000);
}

std::string age(int64_t milliseconds) {
  int64_t seconds = std::max<int64_t>(milliseconds, 0) / 1000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} minutes", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} hours", seconds / 3600);
  return fmt::format("{} days", seconds / 86'400);
}

std::string wrapped(std::string_view text, size_t indent, size_t columns) {
  std::string blanks(indent, ' ');
  std::string out;
  std::string line;
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && indent + width(line) + 1 + width(word) > columns) {
      out += blanks + line + '\n';
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  return line.empty() ? out : out + blanks + line + '\n';
}

}  // namespace postern::cli
