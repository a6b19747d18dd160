#include "proxy/cli/list_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "proxy/cli/counted.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMaxTitle = 44;
constexpr size_t kMaxReason = 300;
constexpr size_t kMostOverlaps = 4;
constexpr size_t kColumns = 5;  // that are aligned: name, state, title, subject, latency

std::string text(const ordered_json& object, const char* name, size_t limit) {
  auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return "";
  return escape_for_log(found->get<std::string>(), limit);
}

double real(const ordered_json& object, const char* name) {
  auto found = object.find(name);
  return found == object.end() || !found->is_number() ? 0 : found->get<double>();
}

uint64_t whole(const ordered_json& object, const char* name) {
  return static_cast<uint64_t>(std::max(0.0, std::min(real(object, name), 1e15)));
}

const ordered_json& part(const ordered_json& object, const char* name) {
  static const ordered_json nothing = ordered_json::object();
  auto found = object.find(name);
  return found == object.end() || !found->is_object() ? nothing : *found;
}

/// "40 %", "0.9 %", "< 0.1 %".
std::string percent(double share) {
  double number = share * 100;
  if (number > 0 && number < 0.1) return "< 0.1 %";
  return number == 0 || number >= 99.95 ? fmt::format("{:.0f} %", number) : fmt::format("{:.1f} %", number);
}

std::string ago(int64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", std::max<int64_t>(seconds, 0));
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

/// "0 errors", "3 errors (2 refused, 1 no answer)".
std::string errors(const ordered_json& list) {
  std::string which;
  const ordered_json& queries = part(list, "queries");
  static constexpr std::array<std::array<const char*, 2>, 3> kKinds{
      {{"refused", "refused"}, {"wrong", "wrong"}, {"noanswer", "no answer"}}};
  for (const auto& [name, shown] : kKinds) {
    if (uint64_t count = whole(queries, name); count > 0) {
      which += fmt::format("{}{} {}", which.empty() ? " (" : ", ", count, shown);
    }
  }
  return fmt::format("{}{}{}", counted(whole(list, "errors"), "error"), which, which.empty() ? "" : ")");
}

std::string overlap(const ordered_json& list) {
  std::string out;
  size_t shown = 0;
  for (const auto& other : part(list, "overlap").items()) {
    if (!other.value().is_number() || shown++ == kMostOverlaps) break;
    out += fmt::format("{}{} {:.0f} %", out.empty() ? ", overlap: " : ", ", escape_for_log(other.key(), 80),
                       other.value().get<double>() * 100);
  }
  return out;
}

/// What it is worth: everything behind the aligned columns.
std::string worth(const ordered_json& list) {
  const ordered_json& queries = part(list, "queries");
  std::string out = fmt::format("{} asked, {} listed, {}, decisive {}", whole(list, "asked"),
                                percent(real(list, "listed_share")), errors(list), whole(list, "decisive"));
  if (whole(list, "decisive") > 0) out += fmt::format(" ({})", percent(real(list, "decisive_share")));
  out += overlap(list);
  if (uint64_t count = whole(queries, "suspended"); count > 0) out += fmt::format(", {} not asked (suspended)", count);
  if (uint64_t count = whole(queries, "limit"); count > 0) out += fmt::format(", {} not asked (list_queries)", count);
  return out;
}

std::string latency(const ordered_json& list) {
  double time = real(part(list, "milliseconds"), "p95");
  if (time <= 0) return "-";
  return time < 10 ? fmt::format("p95 {:.1f} ms", time) : fmt::format("p95 {:.0f} ms", time);
}

/// How many characters it takes; the text is well-formed UTF-8.
size_t width(std::string_view cell) {
  return static_cast<size_t>(
      std::count_if(cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

using Row = std::array<std::string, kColumns>;

Row row_of(const ordered_json& list) {
  std::string title = text(list, "title", kMaxTitle);
  if (title.empty()) title = text(list, "zone", kMaxTitle);
  std::string state = text(list, "state", 20);
  std::string subject = text(list, "of", 20);
  if (list.value("allow", ordered_json(false)) == true) subject += " (allow)";
  return {text(list, "list", 80), state == "unknown" ? "not probed yet" : state, title, subject, latency(list)};
}

}  // namespace

std::string list_table(const std::vector<ordered_json>& lists, int64_t wall_ms) {
  if (lists.empty()) return "no DNS list is enabled; rules/20-lists.lua has those that are known\n";
  std::vector<Row> rows;
  rows.reserve(lists.size());
  std::array<size_t, kColumns> widths{};
  for (const ordered_json& list : lists) {
    rows.push_back(row_of(list));
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], width(rows.back()[i]));
  }
  std::string out;
  for (size_t row = 0; row < rows.size(); ++row) {
    for (size_t i = 0; i < kColumns; ++i) {
      out += rows[row][i];
      out.append(widths[i] - width(rows[row][i]) + 2, ' ');
    }
    out += worth(lists[row]);
    out += '\n';
    std::string reason = text(lists[row], "reason", kMaxReason);
    if (text(lists[row], "state", 20) == "up" || reason.empty()) continue;
    int64_t since = wall_ms / 1000 - static_cast<int64_t>(whole(lists[row], "since"));
    out.append(widths[0] + 2, ' ');
    out += fmt::format("for {}: {}\n", ago(since), reason);
  }
  return out;
}

}  // namespace postern::cli
