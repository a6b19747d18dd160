#include "proxy/cli/bulk_table.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "proxy/cli/counted.h"
#include "proxy/cli/terminal_text.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMaxSubject = 60;
constexpr size_t kMaxAll = 400;  // where there is a line for it
constexpr size_t kMaxQueue = 160;
constexpr size_t kMostPassed = 50;

std::string text(const ordered_json& object, const char* name, size_t limit) {
  auto found = object.find(name);
  return found == object.end() || !found->is_string() ? "" : shown(found->get_ref<const std::string&>(), limit);
}

double real(const ordered_json& object, const char* name) {
  auto found = object.find(name);
  return found == object.end() || !found->is_number() ? 0 : found->get<double>();
}

uint64_t whole(const ordered_json& object, const char* name) {
  return static_cast<uint64_t>(std::max(0.0, std::min(real(object, name), 1e15)));
}

bool is_true(const ordered_json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string percent(const ordered_json& object, const char* name) {
  return fmt::format("{:.0f} %", std::max(0.0, std::min(real(object, name), 1.0)) * 100);
}

std::string lasting(uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

/// RFC 3339 in UTC.
std::string when(uint64_t seconds) {
  constexpr uint64_t kEndOfTime = 253402300799;  // the last second of the year 9999
  auto at = static_cast<std::time_t>(std::min(seconds, kEndOfTime));
  std::tm utc{};
  gmtime_r(&at, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/// How many characters it takes; the text is well-formed UTF-8.
size_t width(std::string_view cell) {
  return static_cast<size_t>(
      std::count_if(cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell, two blanks between; `numbers`: a bit for each column that is set to the right.
std::string aligned(const std::vector<Row>& rows, unsigned numbers, std::string_view indent) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line(indent);
    for (size_t i = 0; i < row.size(); ++i) {
      std::string blanks(widths[i] - width(row[i]), ' ');
      bool right = (numbers >> i & 1U) != 0;
      line += right ? blanks + row[i] : row[i] + blanks;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string alike_by(const ordered_json& cluster) {
  return fmt::format("{} {}", text(cluster, "of", 20), percent(cluster, "similarity"));
}

std::string number(const ordered_json& object, const char* name) {
  return std::to_string(whole(object, name));
}

const ordered_json& passed_of(const ordered_json& cluster) {
  static const ordered_json nothing = ordered_json::array();
  auto found = cluster.find("passed");
  return found == cluster.end() || !found->is_array() ? nothing : *found;
}

/// Postfix's name of a message, from "250 2.0.0 Ok: queued as NAME" or alone: letters and digits, and nothing that a
/// shell could take for something else.
std::optional<std::string> queue_name(const ordered_json& message) {
  auto found = message.find("queue");
  if (found == message.end() || !found->is_string()) return std::nullopt;
  std::string_view name = found->get_ref<const std::string&>();
  static constexpr std::string_view kBefore = "queued as ";
  if (size_t at = name.rfind(kBefore); at != std::string_view::npos) name.remove_prefix(at + kBefore.size());
  bool good = name.size() >= 6 && name.size() <= 20 && std::all_of(name.begin(), name.end(), ascii_alnum);
  return good ? std::optional<std::string>(name) : std::nullopt;
}

struct Passed {
  std::vector<Row> rows;
  std::string queues;  // those that Postfix may know, a blank before each
};

Passed read_passed(const ordered_json& cluster) {
  Passed out;
  out.rows.push_back({"TIME", "ID", "RCPTS", "FROM", "QUEUED AS"});
  for (const ordered_json& message : passed_of(cluster)) {
    if (!message.is_object() || out.rows.size() > kMostPassed) continue;
    auto queue = queue_name(message);
    if (queue) out.queues += fmt::format(" {}", *queue);
    out.rows.push_back({when(whole(message, "time")), text(message, "id", 60), number(message, "recipients"),
                        fmt::format("<{}>", text(message, "from", 120)),
                        queue ? *queue : text(message, "queue", kMaxQueue)});
  }
  return out;
}

}  // namespace

std::string bulk_table(const std::vector<ordered_json>& clusters, uint64_t at_least) {
  if (clusters.empty()) {
    return fmt::format("no cluster of {} or more\n",
                       at_least == 1 ? "1 message" : fmt::format("{} alike messages", at_least));
  }
  constexpr unsigned kNumbers = 0b10'1111'1110U;  // COUNT to AGE, LET THROUGH
  std::vector<Row> rows;
  rows.reserve(clusters.size() + 1);
  rows.push_back({"CLUSTER", "COUNT", "NETWORKS", "SENDERS", "DOMAINS", "RCPTS", "AUTH", "AGE", "ALIKE BY",
                  "LET THROUGH", "SUBJECT"});
  for (const ordered_json& cluster : clusters) {
    std::string name = text(cluster, "cluster", 40);
    if (is_true(cluster, "allowed")) name += " (allowed)";
    rows.push_back({std::move(name), number(cluster, "count"), number(cluster, "networks"), number(cluster, "senders"),
                    number(cluster, "domains"), number(cluster, "recipients"), percent(cluster, "authenticated_share"),
                    lasting(whole(cluster, "age")), alike_by(cluster), number(cluster, "let_through"),
                    text(cluster, "subject", kMaxSubject)});
  }
  return aligned(rows, kNumbers, "");
}

std::string bulk_details(const ordered_json& cluster, int64_t wall_ms, const std::string& options) {
  std::string name = text(cluster, "cluster", 40);
  bool allowed = is_true(cluster, "allowed");
  uint64_t now = static_cast<uint64_t>(std::max<int64_t>(wall_ms, 0)) / 1000;
  std::string out =
      fmt::format("{}: {} in the window, alike by {}{}\n", name, counted(whole(cluster, "count"), "message"),
                  alike_by(cluster), allowed ? ", allowed" : "");
  for (const auto& [field, words] : {std::pair("first_seen", "first seen"), std::pair("last_seen", "last seen")}) {
    uint64_t at = whole(cluster, field);
    out += fmt::format("  {:<13}  {}, {} ago\n", words, when(at), lasting(now - std::min(at, now)));
  }
  out +=
      fmt::format("  networks       {}\n  senders        {}\n", whole(cluster, "networks"), whole(cluster, "senders"));
  out += fmt::format("  domains        {}\n  recipients     {}\n", whole(cluster, "domains"),
                     whole(cluster, "recipients"));
  out += fmt::format("  authenticated  {}\n", percent(cluster, "authenticated_share"));
  out += fmt::format("  a subject      {}\n", text(cluster, "subject", kMaxAll));
  out += fmt::format("  a sender       <{}>\n", text(cluster, "from", kMaxAll));
  out += fmt::format("  let through    {}\n", whole(cluster, "let_through"));
  Passed passed = read_passed(cluster);
  if (passed.rows.size() > 1) {
    out += fmt::format("\nThe first {} let through:\n", passed.rows.size() == 2 ? "one" : "ones");
    out += aligned(passed.rows, 0b100U, "  ");
  }
  if (!passed.queues.empty()) {
    out += fmt::format("\nTo hold back what is still in Postfix's queue:\n  postsuper -h{}\n", passed.queues);
  }
  out += allowed ? "\nTo take back that it is allowed:\n" : "\nIf this mail is wanted:\n";
  out += fmt::format("  postern bulk allow {}{}{}\n", allowed ? "--undo " : "", name, options);
  return out;
}

}  // namespace postern::cli
