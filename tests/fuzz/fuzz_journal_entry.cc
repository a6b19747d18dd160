// A row of the journal from anybody: it is refused with a reason, or read within bounds; and what was read is written
// and read again as it was. Input: JSON, and behind the first NUL the raw header.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "filters/mime/content.h"
#include "proxy/ops/journal_entry.h"
#include "proxy/ops/journal_facts.h"
#include "proxy/ops/json_text.h"

using namespace postern;

namespace {

ops::JournalRow row_of(std::string_view octets) {
  size_t end = std::min(octets.find('\0'), octets.size());
  ops::JournalRow row;
  row.id = "01JZX3";
  row.wall_ms = 1'700'000'000'123;
  row.data = octets.substr(0, end);
  row.header = octets.substr(std::min(end + 1, octets.size()));
  row.rules_version = "0123456789ab";
  row.verdict = "accept";
  return row;
}

/// As the gateway would have written what was read. The timeline and the lists need a session and a rule set.
ops::JournalRow written(const ops::JournalEntry& entry) {
  session::MessageRecord record;
  record.id = entry.id;
  record.facts = entry.facts.get();
  record.evaluation = &entry.evaluation;
  record.judgement = entry.judgement;
  record.verdict = entry.verdict;
  record.rules_version = entry.rules_version;
  record.backend = entry.backend;
  record.backend_reply = entry.backend_reply;
  record.reply = entry.reply;
  record.client_gone = entry.client_gone;
  record.duplicate = entry.duplicate;
  record.total = entry.total;
  record.final_dot = entry.final_dot;
  record.dns = entry.dns;
  record.rules_time = entry.rules_time;
  record.bare_newlines = entry.bare_newlines;
  record.thresholds = entry.thresholds;
  record.wall_ms = entry.wall_ms;
  return ops::journal_row(record, entry.shadow, nullptr);
}

void check(const ops::JournalRow& row) {
  auto entry = ops::read_entry(row);
  if (!entry) {
    POSTERN_CHECK(entry.error().code == Code::BadInput && !entry.error().message.empty());
    return;
  }
  POSTERN_CHECK(entry->facts && entry->facts->content && entry->header);
  POSTERN_CHECK(entry->facts->message == row.header);
  POSTERN_CHECK(entry->id == row.id && entry->wall_ms == row.wall_ms);
  ops::JournalRow first = written(*entry);
  POSTERN_CHECK(is_utf8(first.data) && first.data.find('\0') == std::string::npos);
  POSTERN_CHECK(nlohmann::json::accept(first.data));
  POSTERN_CHECK(first.header.size() <= ops::kMaxHeader);
  // What was too long is cut by now, so the second time nothing changes.
  auto again = ops::read_entry(first);
  POSTERN_CHECK(again);
  POSTERN_CHECK(again->verdict == entry->verdict || entry->verdict.size() > 200);
  POSTERN_CHECK(again->judgement.verdict == entry->judgement.verdict);
  POSTERN_CHECK(again->judgement.limit == entry->judgement.limit);
  POSTERN_CHECK(again->thresholds == entry->thresholds);
  POSTERN_CHECK(again->facts->rcpts.size() == std::min(entry->facts->rcpts.size(), ops::kMaxKeptRcpts));
  ops::JournalRow second = written(*again);
  POSTERN_CHECK(second.data == first.data);
  POSTERN_CHECK(second.header == first.header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view octets(reinterpret_cast<const char*>(data), size);
  ops::JournalRow row = row_of(octets);
  check(row);
  auto rules = ops::read_rules({"0123456789ab", row.data});
  POSTERN_CHECK(rules || (rules.error().code == Code::BadInput && !rules.error().message.empty()));
  // The octets as a text of a stranger.
  ops::JsonText text(16);
  text.text(octets, octets.size());
  nlohmann::json back = nlohmann::json::parse(text.take(), nullptr, false);
  POSTERN_CHECK(back.is_string() && ops::octets_of(back.get_ref<const std::string&>()) == octets);
  return 0;
}
