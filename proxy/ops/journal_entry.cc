// From what a session reports to a row of the journal. On a worker, once a message.
#include "proxy/ops/journal_entry.h"

#include <algorithm>

#include <fmt/format.h>

#include "filters/message/headers.h"
#include "proxy/ops/journal_facts.h"
#include "proxy/ops/journal_names.h"
#include "proxy/ops/json_text.h"

namespace postern::ops {
namespace {

constexpr size_t kUsualSize = 4096;  // octets of JSON; more costs a copy
constexpr size_t kMaxHits = 1000;
constexpr size_t kMaxDetail = 300;
constexpr size_t kMaxError = 500;
constexpr size_t kMaxReply = 1000;
constexpr size_t kMaxWord = 200;  // of what is ours or the configuration's

void write_thresholds(JsonText& out, const rules::Thresholds& thresholds) {
  struct Row {
    std::string_view name;
    const std::optional<double>& value;
  };
  out.name("thresholds").open('{');
  for (const Row& row : {Row{"defer", thresholds.defer}, Row{"tag", thresholds.tag},
                         Row{"quarantine", thresholds.quarantine}, Row{"reject", thresholds.reject}}) {
    if (row.value) out.name(row.name).value(*row.value);
  }
  out.close('}');
}

void write_hit(JsonText& out, const rules::Hit& hit) {
  out.open('{');
  out.text("rule", hit.rule, kMaxWord);
  out.name("score").value(hit.score);
  out.field("factor", hit.factor, 1.0);
  out.text("detail", hit.detail, kMaxDetail);
  out.text("group", hit.group, kMaxWord);
  out.field("shadow", hit.shadow);
  if (!hit.lists.empty()) {
    out.name("lists").open('[');
    for (const std::string& list : hit.lists) out.text(list, kMaxWord);
    out.close(']');
  }
  out.close('}');
}

void write_errors(JsonText& out, const rules::Evaluation& evaluation) {
  if (evaluation.errors.empty()) return;
  out.name("errors").open('[');
  for (const rules::RuleError& error : evaluation.errors) {
    out.open('{');
    out.text("rule", error.rule, kMaxWord);
    out.text("reason", error.reason, kMaxWord);
    out.text("message", error.message, kMaxError);
    out.close('}');
  }
  out.close(']');
  out.field("errors_left_out", evaluation.errors_left_out);
}

void write_evaluation(JsonText& out, const rules::Evaluation& evaluation) {
  out.name("hits").open('[');
  for (size_t i = 0; i < std::min(evaluation.hits.size(), kMaxHits); ++i) write_hit(out, evaluation.hits[i]);
  out.close(']');
  if (evaluation.decision) {
    const rules::Decision& decision = *evaluation.decision;
    out.name("decision").open('{');
    out.word("verdict", word_of(decision.verdict));
    out.text("rule", decision.rule, kMaxWord);
    out.text("reply", decision.reply, kMaxReply);
    out.text("reason", decision.reason, kMaxReply);
    out.text("list", decision.list, kMaxWord);
    out.close('}');
  }
  write_errors(out, evaluation);
  out.field("evaluated", evaluation.score);
  out.field("cpu", evaluation.cpu.count());
  if (evaluation.slowest.empty()) return;
  out.name("slowest").open('[');
  for (const rules::RuleTime& time : evaluation.slowest) {
    out.open('[').text(time.rule, kMaxWord);
    out.value(time.cpu.count());
    out.close(']');
  }
  out.close(']');
}

void write_changes(JsonText& out, const std::vector<ShadowChange>& changes) {
  if (changes.empty()) return;
  out.name("shadow").open('[');
  for (const ShadowChange& change : changes) {
    out.open('{');
    out.text("rule", change.rule, kMaxWord);
    out.word("from", word_of(change.from));
    out.word("to", word_of(change.to));
    out.close('}');
  }
  out.close(']');
}

/// Each step as [what, begin, took, text], in microseconds before the answer.
void write_timeline(JsonText& out, const session::Timeline* timeline, TimePoint at) {
  if (timeline == nullptr || timeline->moments().empty()) return;
  out.name("timeline").open('[');
  for (const session::Moment& moment : timeline->moments()) {
    out.open('[').word(session::to_string(moment.what));
    out.value((moment.begin - at).count());
    out.value((moment.end - moment.begin).count());
    out.text(moment.text, session::Moment::kMaxText);
    out.close(']');
  }
  out.close(']');
  out.field("timeline_left_out", timeline->left_out());
}

/// The text of the last step of this kind.
std::string_view last_of(const session::Timeline* timeline, session::Moment::What what) {
  if (timeline == nullptr) return {};
  const auto& moments = timeline->moments();
  auto found =
      std::find_if(moments.rbegin(), moments.rend(), [what](const session::Moment& one) { return one.what == what; });
  return found != moments.rend() ? std::string_view(found->text) : std::string_view();
}

void write_cause(JsonText& out, session::Cause cause) {
  if (cause != session::Cause::None) out.word("cause", word_of(cause));
}

void write_outcome(JsonText& out, const session::MessageRecord& record) {
  out.text("backend", record.backend, kMaxWord);
  out.text("backend_reply", record.backend_reply, kMaxReply);
  out.text("reply", record.reply, kMaxReply);
  write_cause(out, record.cause);
  out.field("client_gone", record.client_gone);
  out.field("duplicate", record.duplicate);
  out.field("bare_newlines", record.bare_newlines);
  out.name("times").open('{');
  out.field("total", record.total.count());
  out.field("final_dot", record.final_dot.count());
  out.field("dns", record.dns.count());
  out.field("rules", record.rules_time.count());
  out.close('}');
}

/// The raw header, and whether it is not all of it. No more octets are looked at than are kept, and an empty line: what
/// ends the header is for the reader of headers to say, or a body without one would be kept. A cut one ends with a
/// line.
std::string_view header_of(std::string_view message, bool& cut) {
  std::string_view beginning = message.substr(0, kMaxHeader + 2);
  std::string_view header = beginning.substr(0, message::header_size(beginning));
  cut = header.size() > kMaxHeader;
  if (!cut) return header;
  header = header.substr(0, kMaxHeader);
  size_t end = header.rfind("\r\n");
  return end == std::string_view::npos ? header : header.substr(0, end + 2);
}

void finish(JournalRow& row, JsonText& out, const Facts& facts, const lists::Lists* lists, bool is_message) {
  bool cut = false;
  row.header = header_of(facts.message, cut);
  out.field("header_cut", cut);
  write_facts(out, facts);
  if (lists != nullptr) write_lists(out, facts, *lists, is_message);
  out.close('}');
  row.data = out.take();
}

const Facts& facts_of(const Facts* facts) {
  static const Facts none;
  return facts != nullptr ? *facts : none;
}

}  // namespace

rules::Verdict answered_with(std::string_view reply) {
  return reply.starts_with('5') ? rules::Verdict::Reject : rules::Verdict::Defer;
}

const std::vector<std::string_view>& facts_not_kept() {
  static const std::vector<std::string_view> names{"text", "hidden", "parts", "defects", "match", "body", "raw"};
  return names;
}

JournalRow journal_row(const session::MessageRecord& record, const std::vector<ShadowChange>& changes,
                       const lists::Lists* lists, JournalRow row) {
  row.id = record.id;
  row.wall_ms = record.wall_ms;
  row.rules_version = record.rules_version;
  row.verdict = record.verdict;
  row.score = record.judgement.score;
  JsonText out(std::move(row.data), kUsualSize);
  out.open('{').name("v").value(kJournalFormat);
  out.word("stage", "message");
  out.text("verdict", record.verdict, kMaxWord);
  out.word("judged", word_of(record.judgement.verdict));
  out.name("score").value(record.judgement.score);
  if (record.judgement.limit) out.name("limit").value(*record.judgement.limit);
  write_thresholds(out, record.thresholds);
  if (record.evaluation != nullptr) write_evaluation(out, *record.evaluation);
  write_changes(out, changes);
  write_outcome(out, record);
  write_timeline(out, record.timeline, record.at);
  finish(row, out, facts_of(record.facts), lists, true);
  return row;
}

JournalRow journal_row(const session::RefusalRecord& record, const lists::Lists* lists,
                       const rules::Thresholds& thresholds) {
  static const rules::Evaluation none;
  const rules::Evaluation& evaluation = record.evaluation != nullptr ? *record.evaluation : none;
  bool decided = evaluation.decision.has_value();
  rules::Judgement judgement = rules::judge(evaluation, thresholds);
  JournalRow row;
  row.id = record.id;
  row.wall_ms = record.wall_ms;
  row.rules_version = record.rules_version;
  bool backend = !decided && record.cause == session::Cause::None;
  row.verdict = backend ? "error" : word_of(decided ? judgement.verdict : answered_with(record.reply));
  row.score = evaluation.score;
  JsonText out(kUsualSize);
  out.open('{').name("v").value(kJournalFormat);
  out.word("stage", rules::to_string(record.stage));
  out.word("verdict", row.verdict);
  out.word("judged", word_of(judgement.verdict));
  out.name("score").value(evaluation.score);
  if (!decided) {
    if (judgement.limit) out.name("limit").value(*judgement.limit);
    write_thresholds(out, thresholds);
  }
  if (backend) {
    out.text("backend_reply", last_of(record.timeline, session::Moment::What::Backend), kMaxReply);
  }
  write_evaluation(out, evaluation);
  out.text("reply", record.reply, kMaxReply);
  write_cause(out, record.cause);
  out.field("count", record.times, uint64_t{1});
  out.field("repeated", record.repeated);
  out.field("transactions", record.transactions);
  out.field("rcpts_unlisted", record.rcpts_left_out);
  write_timeline(out, record.timeline, record.at);
  finish(row, out, facts_of(record.facts), lists, false);
  return row;
}

JournalRules journal_rules(const rules::RuleSet& rules) {
  JsonText out(kUsualSize * 4);
  out.open('{').name("v").value(kJournalFormat);
  out.name("rules").open('{');
  for (const rules::RuleInfo& rule : rules.rules()) {
    out.name(rule.name).open('{');
    // As text: JSON's numbers have 53 bits in many programs (RFC 8259, 6).
    out.word("definition", fmt::format("{:016x}", rule.definition));
    out.field("score", rule.score);
    out.text("group", rule.group, kMaxWord);
    out.field("shadow", rule.shadow);
    out.field("disabled", rule.disabled);
    out.close('}');
  }
  out.close('}');
  out.name("groups").open('{');
  for (const auto& [name, group] : rules.groups()) {
    out.name(name).open('{');
    out.name("max").value(group.max);
    out.name("dampers").open('{');
    for (const auto& [rule, most] : group.dampers) out.name(rule).value(most);
    out.close('}');
    out.close('}');
  }
  out.close('}');
  out.close('}');
  return {rules.version(), out.take()};
}

}  // namespace postern::ops
