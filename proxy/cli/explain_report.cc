// The head of the report: verdict, reason, envelope, and the sum.
#include "proxy/cli/explain_report.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "filters/message/headers.h"
#include "filters/mime/mime.h"
#include "proxy/cli/counted.h"
#include "proxy/cli/explain_cause.h"
#include "proxy/cli/explain_sum.h"
#include "proxy/cli/terminal_text.h"

namespace postern::cli {
namespace {

using ops::JournalEntry;
using rules::format_score;
using rules::Verdict;

constexpr size_t kMaxReply = 600;
constexpr size_t kMaxAddress = 200;
constexpr size_t kMostRecipients = 6;
constexpr size_t kIndent = 12;  // of what belongs to a rule

bool before_message(const JournalEntry& entry) {
  return entry.stage != "message";
}

/// "550" of "550 5.7.1 refused", 0 where there is none.
int code_of(std::string_view reply) {
  bool digits = reply.size() >= 3 && std::all_of(reply.begin(), reply.begin() + 3, ascii_digit);
  return digits ? (reply[0] - '0') * 100 + (reply[1] - '0') * 10 + (reply[2] - '0') : 0;
}

std::string_view headline(const JournalEntry& entry) {
  if (auto own = cause_headline(entry); !own.empty()) return own;
  if (entry.duplicate) return "ANSWERED AS BEFORE";
  if (entry.verdict == "accept") return "ACCEPTED";
  if (entry.verdict == "tag") return "TAGGED AND PASSED ON";
  if (entry.verdict == "quarantine") return "QUARANTINED";
  if (entry.verdict == "defer") return "DEFERRED";
  if (entry.verdict == "reject") return "REJECTED";
  if (entry.verdict == "discard") return "DISCARDED";
  return code_of(entry.reply) >= 500 ? "REFUSED BY THE MAIL SYSTEM BEHIND" : "NOT DELIVERED (try again later)";
}

std::string_view where(const JournalEntry& entry) {
  if (entry.stage == "connect") return " when it connected";
  if (entry.stage == "helo") return " at HELO";
  if (entry.stage == "mail") return " at MAIL FROM";
  if (entry.stage == "rcpt") return " at RCPT TO";
  return "";
}

std::string about_of(const Around& around, const std::string& rule) {
  const rules::RuleInfo* info = find_rule(around, rule);
  return info == nullptr ? std::string() : ": " + shown(info->about, 300);
}

/// The threshold that is next, or was reached, in words.
std::string threshold_of(const JournalEntry& entry) {
  double limit = entry.judgement.limit.value_or(0);
  const rules::Thresholds& all = entry.thresholds;
  for (const auto& [name, value] : {std::pair("reject", all.reject), std::pair("defer", all.defer),
                                    std::pair("quarantine", all.quarantine), std::pair("tag", all.tag)}) {
    if (value == limit) return fmt::format("the threshold of {}, {}", name, format_score(limit));
  }
  return fmt::format("the threshold {}", format_score(limit));
}

/// ": A 6.0, B 4.0, C 2.0 and 12 more".
std::string weightiest(const JournalEntry& entry) {
  constexpr size_t kMost = 4;
  std::vector<const rules::Hit*> hits;
  hits.reserve(entry.evaluation.hits.size());
  for (const rules::Hit& hit : entry.evaluation.hits) {
    if (!hit.shadow && hit.score > 0) hits.push_back(&hit);
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const rules::Hit* a, const rules::Hit* b) { return a->score > b->score; });
  std::string text;
  for (size_t i = 0; i < std::min(hits.size(), kMost); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? ": " : ", ", shown(hits[i]->rule, 80), format_score(hits[i]->score));
  }
  return hits.size() > kMost ? text + fmt::format(" and {} more", hits.size() - kMost) : text;
}

std::string score_reason(const JournalEntry& entry) {
  const rules::Judgement& judged = entry.judgement;
  std::string score = format_score(judged.score);
  if (!judged.limit) return fmt::format("score {}; no threshold is set that it could reach", score);
  if (judged.verdict == Verdict::Accept) return fmt::format("score {} is below {}", score, threshold_of(entry));
  return fmt::format("score {} has reached {}{}", score, threshold_of(entry), weightiest(entry));
}

std::string reason(const JournalEntry& entry, const Around& around) {
  if (entry.cause != session::Cause::None) return cause_reason(entry);
  if (entry.duplicate) {
    return "the same message had just been taken, and its sender had not read our answer: it was not delivered again";
  }
  if (entry.evaluation.decision) {
    const rules::Decision& decision = *entry.evaluation.decision;
    std::string text =
        fmt::format("the action of the rule {} decided{}", shown(decision.rule, 80), about_of(around, decision.rule));
    if (!decision.reason.empty()) text += " (" + shown(decision.reason, 300) + ')';
    return text;
  }
  if (entry.verdict == "error") {
    std::string text = fmt::format("the rules had nothing against it ({})", score_reason(entry));
    if (!entry.backend_reply.empty()) return text + ", but behind us: " + shown(entry.backend_reply, 300);
    return text + ", but it could not be passed on or stored; the log says why";
  }
  // A message whose lines or header cannot be trusted is refused unseen.
  if (entry.verdict == "reject" && entry.judgement.verdict == Verdict::Accept) {
    return "it was refused for its form, before any rule judged it: the reply says what is wrong";
  }
  return score_reason(entry);
}

std::string client_of(const JournalEntry& entry) {
  const ClientFacts& client = entry.facts->client;
  std::string text = client.ip.to_string();
  if (client.port != 0) text += fmt::format(" port {}", client.port);
  if (!client.name.empty()) text += ", " + shown(client.name, kMaxAddress);
  if (client.name.empty() && client.reverse) {
    text += fmt::format(", without a confirmed name (iprev {})", dns::to_string(*client.reverse));
  }
  if (client.tls) text += ", TLS";
  if (client.early) text += ", talked before it was greeted";
  return text;
}

std::string recipients_of(const JournalEntry& entry) {
  const auto& rcpts = entry.facts->rcpts;
  // The one that was refused is the last.
  bool one = entry.stage == "rcpt" && !entry.repeated && !rcpts.empty();
  size_t first = one ? rcpts.size() - 1 : 0;
  std::string text;
  for (size_t i = first; i < std::min(rcpts.size(), first + kMostRecipients); ++i) {
    text += (text.empty() ? "<" : ", <") + shown(rcpts[i], kMaxAddress) + '>';
  }
  size_t more = rcpts.size() - std::min(rcpts.size(), first + kMostRecipients) + entry.rcpts_left_out;
  return more > 0 ? text + fmt::format(" and {} more", more) : text;
}

std::string head_text(const JournalEntry& entry, const Around& around) {
  std::string out = fmt::format("{}{}", headline(entry), where(entry));
  if (entry.verdict == "error" && entry.judgement.verdict != Verdict::Accept) {
    out += fmt::format(" (the verdict was {})", rules::to_string(entry.judgement.verdict));
  }
  out += '\n' + wrapped("because " + reason(entry, around) + times_text(entry), 2);
  out += wrapped((entry.client_gone ? "reply, which the client was not there to read: " : "reply: ") +
                     shown(entry.reply, kMaxReply),
                 2);
  out += '\n';
  out += labelled("id", shown(entry.id, 40));
  out += labelled("when", fmt::format("{}, {} ago", local_time(entry.wall_ms), age(around.wall_ms - entry.wall_ms)));
  out += labelled("client", client_of(entry));
  out += labelled("helo", shown(entry.facts->helo, kMaxAddress));
  if (entry.stage != "connect" && entry.stage != "helo") {
    out += labelled("from", '<' + shown(entry.facts->from, kMaxAddress) + '>');
    out += labelled("to", recipients_of(entry));
  }
  if (before_message(entry)) return out;
  out += labelled("subject", shown(subject_of(entry).value_or("(none)"), 300));
  std::string size = counted(entry.facts->size, "octet");
  if (entry.bare_newlines > 0) size += fmt::format(", {} bare CR or LF mended", entry.bare_newlines);
  return out + labelled("size", size);
}

// ---------------------------------------------------------------- the sum

constexpr double kScoreBound = 1000;  // of what one hit adds, see rules::make_hit()

/// The rule's score when it hit. From what the hit added it can be told only where no bound cut that off.
std::optional<double> base_of(const rules::Hit& hit, const Around& around) {
  auto known = around.scores.find(hit.rule);
  if (known != around.scores.end()) return known->second;
  if (hit.factor == 1) return hit.score;
  bool bounded = std::abs(hit.score) >= kScoreBound;
  // A factor this small leaves too few digits of it.
  constexpr double kLeastFactor = 0.01;
  if (bounded || std::abs(hit.factor) < kLeastFactor) return std::nullopt;
  return rules::round_score(hit.score / hit.factor);
}

/// Whatever a `when` returned: "2.5", "1e+09", "1e-05".
std::string factor_text(double factor) {
  double size = std::abs(factor);
  bool plain = size == 0 || (size >= 0.01 && size < 1e6);
  return plain ? format_score(factor) : fmt::format("{:.6g}", factor);
}

/// "  = 1.5 x 2.0", and where the product is not what was added, why; empty: the rule's own score was.
std::string product_text(const rules::Hit& hit, const std::optional<double>& base) {
  if (hit.factor == 1) return "";
  std::string factor = factor_text(hit.factor);
  if (!base) {
    return std::abs(hit.score) >= kScoreBound
               ? fmt::format("  (its score x {}, bounded to {})", factor, format_score(hit.score))
               : fmt::format("  (its score x {})", factor);
  }
  std::string text = fmt::format("  = {} x {}", format_score(*base), factor);
  bool bounded = std::abs(*base * hit.factor) > kScoreBound;
  return bounded ? text + fmt::format(", bounded to {}", format_score(hit.score)) : text;
}

/// "(scores 4.0 now)": what has become of a rule since. `base`: its score then, where that is known.
std::string change_of(const rules::Hit& hit, const std::optional<double>& base, const Around& around) {
  if (!around.now) return "";
  const rules::RuleInfo* info = find_rule(around, hit.rule);
  if (info == nullptr) return " (there is no such rule any more)";
  if (info->disabled) return " (it is disabled now)";
  if (info->shadow != hit.shadow) return info->shadow ? " (it is in shadow now)" : " (it counts now)";
  double now = rules::round_score(info->score);
  return !base || rules::round_score(*base) == now ? "" : fmt::format(" (it scores {} now)", format_score(now));
}

/// "rules/10-authentication.lua:12": the end of the path tells them apart.
std::string place_of(const rules::RuleInfo& rule) {
  std::string_view file = rule.file;
  size_t slash = file.rfind('/');
  if (slash != std::string_view::npos && slash > 0) slash = file.rfind('/', slash - 1);
  if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
  return fmt::format("{}:{}", shown(file, 200), rule.line);
}

std::string hit_text(const rules::Hit& hit, const Around& around) {
  std::string first = fmt::format("{:>9}  {}", format_score(hit.score), shown(hit.rule, 80));
  std::optional<double> base = base_of(hit, around);
  std::string out = first + product_text(hit, base) + change_of(hit, base, around);
  constexpr size_t kShort = 40;
  bool fits = out.size() < kShort && hit.detail.size() < kShort;
  if (!hit.detail.empty() && fits) out += "  \"" + shown(hit.detail, 2 * kShort) + '"';
  out += '\n';
  if (!hit.detail.empty() && !fits) out += wrapped('"' + shown(hit.detail, 300) + '"', kIndent);
  if (const rules::RuleInfo* info = find_rule(around, hit.rule)) {
    out += wrapped(fmt::format("{} [{}]", shown(info->about, 300), place_of(*info)), kIndent);
  }
  return out;
}

/// What a cap takes away has a line of its own, so that the column adds up.
std::string group_text(const GroupSum& sum) {
  std::string words = group_words(sum);
  double cut = cut_of(sum);
  return words.empty() ? words : fmt::format("{:>9}  {}\n", cut == 0 ? std::string() : format_score(cut), words);
}

/// "tag 6.0   quarantine off   defer off   reject 15.0 (reached)".
std::string thresholds_text(const JournalEntry& entry) {
  const rules::Thresholds& all = entry.thresholds;
  std::string out;
  for (const auto& [verdict, value] : {std::pair(Verdict::Tag, all.tag), std::pair(Verdict::Quarantine, all.quarantine),
                                       std::pair(Verdict::Defer, all.defer), std::pair(Verdict::Reject, all.reject)}) {
    std::string limit = value ? format_score(*value) : "off";
    bool reached = value && entry.judgement.score >= *value;
    out += fmt::format("{}{} {}{}", out.empty() ? "" : ", ", rules::to_string(verdict), limit,
                       reached ? " (reached)" : "");
  }
  return out;
}

std::string sum_text(const JournalEntry& entry, const Around& around) {
  const rules::Evaluation& evaluation = entry.evaluation;
  std::string out = "\nThe sum\n";
  Sum sum = work_out(evaluation.hits, around.groups, evaluation.score);
  for (const GroupSum& group : sum.groups) {
    for (const rules::Hit* hit : group.hits) out += hit_text(*hit, around);
    out += group_text(group);
  }
  if (sum.unknown) {
    out += fmt::format("{:>9}  {}\n", format_score(*sum.unknown),
                       around.groups ? "that the sum above does not explain"
                                     : "caps of groups (the rules that judged are not on record)");
  }
  if (sum.groups.empty()) out += fmt::format("{:>9}  no rule hit\n", "");
  out += fmt::format("{:>9}\n{:>9}  score\n", "-----", format_score(evaluation.score));
  if (evaluation.decision) {
    const rules::Decision& decision = *evaluation.decision;
    out += wrapped(fmt::format("{} decided by its action ({}); the score had no say", shown(decision.rule, 80),
                               rules::to_string(decision.verdict)),
                   2);
  } else {
    out += wrapped("thresholds: " + thresholds_text(entry), 2);
  }
  return out;
}

std::string shadow_text(const JournalEntry& entry, const Around& around) {
  std::string out;
  for (const rules::Hit& hit : entry.evaluation.hits) {
    if (!hit.shadow) continue;
    out += hit_text(hit, around);
    auto change = std::find_if(entry.shadow.begin(), entry.shadow.end(),
                               [&hit](const ops::ShadowChange& one) { return one.rule == hit.rule; });
    std::string would = change == entry.shadow.end()
                            ? std::string("counted, it would have changed nothing")
                            : fmt::format("counted, it would have made {} of {}", rules::to_string(change->to),
                                          rules::to_string(change->from));
    out += wrapped(would, kIndent);
  }
  return out.empty() ? out : "\nShadow rules that hit (not counted)\n" + out;
}

std::string_view failed_by(std::string_view reason) {
  if (reason == "cpu") return "it ran out of time";
  if (reason == "memory") return "it ran out of memory";
  return reason == "suspended" ? "it is suspended" : "an error";
}

/// Why a rule that should have hit has not: it could not say anything.
std::string errors_text(const rules::Evaluation& evaluation) {
  if (evaluation.errors.empty()) return "";
  std::string out = "\nRules that failed (whatever they would have said is missing)\n";
  for (const rules::RuleError& error : evaluation.errors) {
    out += wrapped(fmt::format("{}: {}: {}", shown(error.rule, 80), failed_by(error.reason), shown(error.message, 600)),
                   2);
  }
  if (evaluation.errors_left_out > 0) out += fmt::format("  and {} more\n", evaluation.errors_left_out);
  return out;
}

std::string versions_text(const JournalEntry& entry, const Around& around) {
  std::string text = entry.rules_version.empty() ? "not recorded" : shown(entry.rules_version, 40);
  if (!around.now) return text + "; the rules of --config cannot be read";
  auto same = same_rules(entry, around);
  if (same)
    text += *same ? ", the same as now" : fmt::format("; the rules have changed since: now {}", around.now->version());
  return text;
}

}  // namespace

std::string labelled(std::string_view label, const std::string& value) {
  if (value.empty()) return "";
  std::string text = wrapped(value, kIndent + 2);
  std::string_view rest = std::string_view(text).substr(kIndent + 2);
  return fmt::format("  {:<{}}{}", label, kIndent, rest);
}

std::optional<std::string> subject_of(const JournalEntry& entry) {
  auto value = message::parse_header(entry.facts->message).first("Subject");
  if (!value) return std::nullopt;
  return mime::decode_header(*value);
}

const rules::RuleInfo* find_rule(const Around& around, std::string_view name) {
  if (!around.now) return nullptr;
  const auto& all = around.now->rules();
  auto found = std::find_if(all.begin(), all.end(), [name](const rules::RuleInfo& rule) { return rule.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::optional<bool> same_rules(const JournalEntry& entry, const Around& around) {
  if (!around.now || entry.rules_version.empty()) return std::nullopt;
  return around.now->version() == entry.rules_version;
}

std::string terminal_text(const JournalEntry& entry, const Around& around) {
  std::string out = head_text(entry, around);
  out += sum_text(entry, around);
  out += shadow_text(entry, around);
  out += errors_text(entry.evaluation);
  out += facts_text(entry, around);
  out += content_text(entry);
  out += timeline_text(entry);
  return out + labelled("rules", versions_text(entry, around));
}

}  // namespace postern::cli
