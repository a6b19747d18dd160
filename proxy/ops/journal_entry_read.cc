// From a row of the journal back to what happened.
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "proxy/ops/journal_entry.h"
#include "proxy/ops/journal_facts.h"
#include "proxy/ops/journal_names.h"

namespace postern::ops {
namespace {

using nlohmann::json;

/// Null json: it is none, or of a version that is not ours.
json parse(const std::string& data) {
  json parsed = json::parse(data, nullptr, false);
  bool ours =
      parsed.is_object() && parsed.contains("v") && parsed["v"].is_number_integer() && parsed["v"] == kJournalFormat;
  return ours ? parsed : json();
}

std::optional<double> threshold(const JournalFields& fields, const char* name) {
  return fields.has(name) ? std::optional(fields.real(name)) : std::nullopt;
}

rules::Hit hit_of(const JournalFields& fields) {
  rules::Hit hit;
  hit.rule = fields.text("rule");
  hit.score = fields.real("score");
  hit.factor = fields.real("factor", 1);
  hit.detail = fields.text("detail");
  hit.group = fields.text("group");
  hit.shadow = fields.flag("shadow");
  hit.lists = fields.texts("lists");
  return hit;
}

void read_evaluation(const JournalFields& data, rules::Evaluation& evaluation) {
  evaluation.hits.reserve(data.at("hits").size());
  evaluation.errors.reserve(data.at("errors").size());
  for (const json& hit : data.at("hits")) evaluation.hits.push_back(hit_of(JournalFields(hit, data.bad())));
  if (data.has("decision")) {
    JournalFields fields = data.in("decision");
    evaluation.decision = rules::Decision{fields.word("verdict", rules::Verdict::Accept), fields.text("rule"),
                                          fields.text("reply"), fields.text("reason"), fields.text("list")};
  }
  for (const json& error : data.at("errors")) {
    JournalFields fields(error, data.bad());
    evaluation.errors.push_back({fields.text("rule"), fields.text("reason"), fields.text("message")});
  }
  evaluation.errors_left_out = data.count("errors_left_out");
  evaluation.score = data.real("evaluated");
  evaluation.cpu = std::chrono::nanoseconds(data.integer("cpu"));
  for (const json& time : data.at("slowest")) {
    if (time.is_array() && time.size() == 2 && time[0].is_string() && time[1].is_number_integer()) {
      evaluation.slowest.push_back(
          {octets_of(time[0].get_ref<const std::string&>()), std::chrono::nanoseconds(time[1].get<int64_t>())});
    }
  }
}

void read_shadow(const JournalFields& data, std::vector<ShadowChange>& changes) {
  for (const json& value : data.at("shadow")) {
    JournalFields fields(value, data.bad());
    changes.push_back(
        {fields.text("rule"), fields.word("from", rules::Verdict::Accept), fields.word("to", rules::Verdict::Accept)});
  }
}

void read_timeline(const JournalFields& data, JournalEntry& entry) {
  entry.timeline.reserve(data.at("timeline").size());
  for (const json& step : data.at("timeline")) {
    if (!step.is_array() || step.size() != 4 || !step[0].is_string() || !step[1].is_number_integer() ||
        !step[2].is_number_integer() || !step[3].is_string()) {
      data.bad() = true;
      return;
    }
    entry.timeline.push_back({step[0].get<std::string>(), Duration(step[1].get<int64_t>()),
                              Duration(step[2].get<int64_t>()), octets_of(step[3].get_ref<const std::string&>())});
  }
  entry.timeline_left_out = data.count("timeline_left_out");
}

void read_outcome(const JournalFields& data, JournalEntry& entry) {
  entry.stage = data.text("stage");
  entry.verdict = data.text("verdict");
  entry.judgement.verdict = data.word("judged", rules::Verdict::Accept);
  entry.judgement.score = data.real("score");
  entry.judgement.limit = threshold(data, "limit");
  if (data.has("thresholds")) {
    JournalFields fields = data.in("thresholds");
    entry.thresholds = {threshold(fields, "defer"), threshold(fields, "tag"), threshold(fields, "quarantine"),
                        threshold(fields, "reject")};
  }
  entry.backend = data.text("backend");
  entry.backend_reply = data.text("backend_reply");
  entry.reply = data.text("reply");
  entry.cause = data.word("cause", session::Cause::None);
  entry.times = data.count("count", 1);
  entry.repeated = data.flag("repeated");
  entry.transactions = data.count("transactions");
  entry.client_gone = data.flag("client_gone");
  entry.duplicate = data.flag("duplicate");
  entry.bare_newlines = data.count("bare_newlines");
  entry.header_cut = data.flag("header_cut");
  JournalFields times = data.in("times");
  entry.total = Duration(times.integer("total"));
  entry.final_dot = Duration(times.integer("final_dot"));
  entry.dns = Duration(times.integer("dns"));
  entry.rules_time = Duration(times.integer("rules"));
}

uint64_t definition_of(const std::string& text, bool& bad) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  bad = bad || error != std::errc() || end != text.data() + text.size();
  return value;
}

}  // namespace

Result<JournalEntry> read_entry(const JournalRow& row) {
  json parsed = parse(row.data);
  if (parsed.is_null()) return fail(Code::BadInput, "a row that is not of this journal's format");
  bool bad = false;
  JournalFields data(parsed, bad);
  JournalEntry entry;
  entry.id = row.id;
  entry.wall_ms = row.wall_ms;
  entry.rules_version = row.rules_version;
  entry.header = std::make_shared<const std::string>(row.header);
  entry.facts = std::make_shared<Facts>();
  read_outcome(data, entry);
  read_evaluation(data, entry.evaluation);
  read_shadow(data, entry.shadow);
  read_timeline(data, entry);
  read_facts(data, entry);
  entry.rcpts_left_out += data.count("rcpts_unlisted");
  if (bad) return fail(Code::BadInput, "a row with fields that are not of this journal's format");
  return entry;
}

Result<JournalRuleSet> read_rules(const JournalRules& rules) {
  json parsed = parse(rules.data);
  if (parsed.is_null()) return fail(Code::BadInput, "a rule set that is not of this journal's format");
  bool bad = false;
  JournalFields data(parsed, bad);
  JournalRuleSet out;
  for (const auto& [name, value] : data.at("rules").items()) {
    JournalFields fields(value, bad);
    out.rules[name] = {definition_of(fields.text("definition"), bad), fields.real("score"), fields.text("group"),
                       fields.flag("shadow"), fields.flag("disabled")};
  }
  for (const auto& [name, value] : data.at("groups").items()) {
    JournalFields fields(value, bad);
    rules::Group& group = out.groups[name];
    group.max = fields.real("max");
    for (const auto& [rule, most] : fields.at("dampers").items()) {
      if (most.is_number()) group.dampers[rule] = most.get<double>();
    }
  }
  if (bad) return fail(Code::BadInput, "a rule set with fields that are not of this journal's format");
  return out;
}

}  // namespace postern::ops
