#include "proxy/ops/log.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "filters/authentication/check.h"
#include "filters/spf/spf.h"
#include "proxy/ops/log_line.h"

namespace postern::ops {
namespace {

// What one message may take of the log, whatever it says.
constexpr size_t kMaxRecipients = 20;
constexpr size_t kMaxRules = 60;
constexpr size_t kMaxHost = 260;
constexpr size_t kMaxAddress = 320;
constexpr size_t kMaxReply = 300;
constexpr size_t kMaxRefusal = 600;  // a reply whose end may be the id of the message
constexpr size_t kMaxNote = 2000;

spdlog::level::level_enum level_of(std::string_view name) {
  if (name == "debug") return spdlog::level::debug;
  if (name == "warning") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return spdlog::level::info;
}

std::string milliseconds(Duration duration) {
  return fmt::format("{:.1f}", std::chrono::duration<double, std::milli>(duration).count());
}

void append_envelope(LogLine& line, const Facts& facts) {
  line.word("client", facts.client.ip.to_string());
  line.text("helo", facts.helo, kMaxHost);
  line.text("from", facts.from, kMaxAddress);
  line.begin_list("rcpts");
  for (size_t i = 0; i < std::min(facts.rcpts.size(), kMaxRecipients); ++i) line.text_item(facts.rcpts[i], kMaxAddress);
  line.end_list();
  if (facts.rcpts.size() > kMaxRecipients) line.number("rcpts_total", facts.rcpts.size());
  line.number("size", facts.size);
}

void append_known(LogLine& line, std::string_view name, std::string_view text, size_t limit, bool known) {
  if (known) {
    line.text(name, text, limit);
  } else {
    line.unknown(name);
  }
}

void append_hits(LogLine& line, const rules::Evaluation& evaluation) {
  bool any_shadow = false;
  size_t left = kMaxRules;
  line.begin_list("rules");
  for (const rules::Hit& hit : evaluation.hits) {
    any_shadow = any_shadow || hit.shadow;
    if (hit.shadow || left == 0) continue;
    --left;
    line.score_item(hit.rule, rules::format_score(hit.score), hit.detail);
  }
  line.end_list();
  if (!any_shadow) return;
  left = kMaxRules;
  line.begin_list("shadow");
  for (const rules::Hit& hit : evaluation.hits) {
    if (!hit.shadow || left == 0) continue;
    --left;
    line.score_item(hit.rule, rules::format_score(hit.score), hit.detail);
  }
  line.end_list();
}

void append_spf(LogLine& line, std::string_view name, const std::optional<spf::Outcome>& outcome) {
  if (outcome) {
    line.word(name, spf::to_string(outcome->result));
  } else {
    line.unknown(name);
  }
}

void append_facts(LogLine& line, const Facts& facts) {
  append_spf(line, "spf", facts.spf);
  append_spf(line, "helo_spf", facts.helo_spf);
  // Before the message is judged nothing is known of these; null says so where "none" would be an answer.
  if (!facts.dmarc || !facts.arc) {
    for (const char* name : {"dkim", "dmarc", "arc"}) line.unknown(name);
    return;
  }
  line.word("dkim", authentication::dkim_summary(facts.dkim));
  line.word("dmarc", dmarc::to_string(facts.dmarc->result));
  line.word("arc", arc::to_string(facts.arc->result));
}

/// Where neither a rule nor the score nor the backend refused it.
void append_cause(LogLine& line, session::Cause cause) {
  if (cause != session::Cause::None) line.word("cause", session::to_string(cause));
}

void append_outcome(LogLine& line, const session::MessageRecord& record) {
  line.text("backend", record.backend, 200);
  line.text("backend_reply", record.backend_reply, kMaxReply);
  line.text("reply", record.reply, kMaxReply);
  append_cause(line, record.cause);
  if (record.client_gone) line.flag("client_gone", true);
  if (record.duplicate) line.flag("duplicate", true);
  if (record.bare_newlines != 0) line.number("bare_newlines", record.bare_newlines);
  line.begin_map("milliseconds");
  line.map_item("total", milliseconds(record.total));
  line.map_item("final_dot", milliseconds(record.final_dot));
  line.map_item("dns", milliseconds(record.dns));
  line.map_item("rules", milliseconds(record.rules_time));
  line.end_map();
  if (!record.rules_version.empty()) line.text("rules_version", record.rules_version, 40);
}

}  // namespace

std::string format_message(const session::MessageRecord& record, const std::vector<ShadowChange>& changes,
                           const std::vector<std::string>& list_errors, Config::LogFormat format, int64_t wall_ms) {
  static const Facts no_facts;
  static const rules::Evaluation no_evaluation;
  const Facts& facts = record.facts != nullptr ? *record.facts : no_facts;
  LogLine line(format, wall_ms, "info", "message");
  line.word("id", record.id);
  append_envelope(line, facts);
  line.word("verdict", record.verdict);
  line.digits("score", rules::format_score(record.judgement.score));
  append_hits(line, record.evaluation != nullptr ? *record.evaluation : no_evaluation);
  if (!changes.empty()) {
    line.begin_list("would_change");
    for (size_t i = 0; i < std::min(changes.size(), kMaxRules); ++i) {
      line.change_item(changes[i].rule, rules::to_string(changes[i].from), rules::to_string(changes[i].to));
    }
    line.end_list();
  }
  append_facts(line, facts);
  if (facts.bulk.count > 1) line.counted("bulk", facts.bulk.count, "cluster", facts.bulk.cluster);
  if (!list_errors.empty()) {
    line.begin_list("list_errors");
    for (size_t i = 0; i < std::min(list_errors.size(), kMaxRules); ++i) line.text_item(list_errors[i], 80);
    line.end_list();
  }
  append_outcome(line, record);
  return line.finish();
}

std::string format_refusal(const session::RefusalRecord& record, Config::LogFormat format, int64_t wall_ms) {
  static const Facts no_facts;
  static const rules::Evaluation no_evaluation;
  const Facts& facts = record.facts != nullptr ? *record.facts : no_facts;
  const rules::Evaluation& evaluation = record.evaluation != nullptr ? *record.evaluation : no_evaluation;
  LogLine line(format, wall_ms, "info", "refused");
  if (!record.id.empty()) line.word("id", record.id);
  line.word("stage", rules::to_string(record.stage));
  line.word("client", facts.client.ip.to_string());
  line.text("name", facts.client.name, kMaxHost);
  append_known(line, "helo", facts.helo, kMaxHost, !facts.helo.empty());
  // Empty is the null sender, and an answer.
  append_known(line, "from", facts.from, kMaxAddress, record.stage >= rules::Stage::Mail);
  line.begin_list("rcpts");
  if (!facts.rcpts.empty()) line.text_item(facts.rcpts.back(), kMaxAddress);
  line.end_list();
  const auto& decision = evaluation.decision;
  line.word("verdict", rules::to_string(decision ? decision->verdict : rules::Verdict::Reject));
  line.digits("score", rules::format_score(evaluation.score));
  append_hits(line, evaluation);
  line.text("rule", decision ? decision->rule : std::string(), 80);
  if (decision && !decision->list.empty()) line.text("list", decision->list, 80);
  append_cause(line, record.cause);
  if (record.repeated) line.number("times", record.times);
  line.text("reply", record.reply, kMaxRefusal);
  return line.finish();
}

std::string format_note(std::string_view level, std::string_view text, Config::LogFormat format, int64_t wall_ms) {
  LogLine line(format, wall_ms, level, "note");
  line.text("text", text, kMaxNote);
  return line.finish();
}

Log::Log(const Clock& clock, Config::LogFormat format, const std::string& level,
         std::shared_ptr<spdlog::sinks::sink> sink)
    : clock_(clock), format_(format) {
  if (!sink) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  logger_ = std::make_unique<spdlog::logger>("postern", std::move(sink));
  logger_->set_pattern("%v");  // the line is complete; only the end of line is added
  configure(format, level);
}

Log::~Log() = default;

void Log::configure(Config::LogFormat format, const std::string& level) {
  format_.store(format, std::memory_order_relaxed);
  logger_->set_level(level_of(level));
}

void Log::message(const session::MessageRecord& record, const std::vector<ShadowChange>& changes,
                  const std::vector<std::string>& list_errors) {
  if (!logger_->should_log(spdlog::level::info)) return;
  std::string line =
      format_message(record, changes, list_errors, format_.load(std::memory_order_relaxed), clock_.wall_ms());
  logger_->log(spdlog::level::info, spdlog::string_view_t(line));
}

void Log::refused(const session::RefusalRecord& record) {
  if (!logger_->should_log(spdlog::level::info)) return;
  std::string line = format_refusal(record, format_.load(std::memory_order_relaxed), clock_.wall_ms());
  logger_->log(spdlog::level::info, spdlog::string_view_t(line));
}

void Log::note(std::string_view level, std::string_view text) {
  spdlog::level::level_enum known = level_of(level);
  if (!logger_->should_log(known)) return;
  std::string_view name = known == spdlog::level::info ? std::string_view("info") : level;
  std::string line = format_note(name, text, format_.load(std::memory_order_relaxed), clock_.wall_ms());
  logger_->log(known, spdlog::string_view_t(line));
}

}  // namespace postern::ops
