#include "proxy/cli/tune_report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/verdict.h"
#include "proxy/cli/local_lua.h"

namespace postern::cli {

namespace {

using rules::tuning::Change;
using rules::tuning::Counts;
using rules::tuning::Proposal;

std::string part(size_t some, size_t all) {
  double share = all == 0 ? 0 : 100.0 * static_cast<double>(some) / static_cast<double>(all);
  return fmt::format("{} ({:.{}f} %)", some, share, share < 1 ? 2 : 1);
}

/// What is wrong in a row: ham that is marked, spam that is not.
std::string row(const std::string& name, bool spam, const Counts& before, const Counts& after, bool rejects) {
  auto wrong = [spam](size_t marked, size_t all) { return part(spam ? all - marked : marked, all); };
  std::string text = fmt::format("{:<5}{:>8}  {:>15}{:>15}", spam ? "spam" : "ham", before.messages,
                                 wrong(before.tagged, before.messages), wrong(after.tagged, after.messages));
  if (rejects) {
    text +=
        fmt::format("  {:>15}{:>15}", wrong(before.rejected, before.messages), wrong(after.rejected, after.messages));
  }
  return fmt::format("{}  {}\n", text, escape_for_log(name, 100));
}

std::string so_of(const Change& change) {
  return fmt::format("S/O {:.3f}", change.spam_share);
}

}  // namespace

std::string tune_figures(const Proposal& proposal, const std::vector<TuneInput>& inputs,
                         const rules::tuning::Options& options) {
  bool rejects = options.reject.has_value();
  std::string tag = fmt::format("wrong at {}", rules::format_score(options.tag));
  std::string text = fmt::format("{:<13}  {:>30}", "", tag);
  if (rejects) text += fmt::format("  {:>30}", fmt::format("wrong at {}", rules::format_score(*options.reject)));
  text += fmt::format("\n{:<5}{:>8}  {:>15}{:>15}", "kind", "messages", "now", "proposed");
  if (rejects) text += fmt::format("  {:>15}{:>15}", "now", "proposed");
  text += '\n';
  const auto& before = proposal.before;
  const auto& after = proposal.after;
  for (size_t i = 0; i < inputs.size() && i < before.corpora.size(); ++i) {
    text += row(inputs[i].path, inputs[i].spam, before.corpora[i], after.corpora[i], rejects);
  }
  text += row("all", false, before.ham, after.ham, rejects);
  text += row("all", true, before.spam, after.spam, rejects);
  text += fmt::format(
      "AUC {:.4f} now, {:.4f} proposed; spam that scores above 99 % of the ham {:.1f} %, {:.1f} %; above "
      "99.9 % of it {:.1f} %, {:.1f} %\n",
      before.auc, after.auc, 100 * before.recall_1, 100 * after.recall_1, 100 * before.recall_01,
      100 * after.recall_01);
  return text +
         "Wrong: ham that reaches the threshold, spam that does not. Proposed figures are cross-validated: each "
         "message is\n"
         "judged by scores that were made without it and all of its campaign.\n";
}

std::string tune_changes(const Proposal& proposal) {
  size_t width = 0;
  for (const Change& change : proposal.changes) width = std::max(width, change.rule.size());
  std::string text;
  for (const Change& change : proposal.changes) {
    text += fmt::format("{:<{}}  {:>6} -> {:<6}  ham {:>5}, spam {:>5}, {}: {}\n", change.rule, width,
                        rules::format_score(change.before), rules::format_score(change.after), change.ham, change.spam,
                        so_of(change), change.why);
  }
  // Reasons that have the same words but for their numbers are one.
  std::map<std::string, std::vector<std::string>> kept;
  for (const auto& each : proposal.kept) {
    std::string reason = each.why;
    if (reason.starts_with("it hit ")) reason = "too few messages have them";
    if (reason.starts_with("its ") && reason.find(" hits are of ") != std::string::npos) {
      reason = "too few senders or campaigns have them";
    }
    kept[reason].push_back(each.rule);
  }
  if (!kept.empty()) text += "Rules that keep their scores:\n";
  constexpr size_t kShown = 6;
  for (const auto& [reason, rules] : kept) {
    text += fmt::format("  {:>4}  {}: ", rules.size(), reason);
    for (size_t i = 0; i < std::min(kShown, rules.size()); ++i)
      text += fmt::format("{}{}", i > 0 ? ", " : "", rules[i]);
    text += rules.size() > kShown ? ", ...\n" : "\n";
  }
  return text;
}

std::string tune_suspects(const Proposal& proposal, const std::vector<TuneMessage*>& messages) {
  std::string text;
  for (const auto* places : {&proposal.suspicious_ham, &proposal.suspicious_spam}) {
    for (size_t place : *places) {
      text += fmt::format("  called {}: {}\n", messages[place]->spam ? "spam" : "ham",
                          escape_for_log(messages[place]->name, 300));
    }
  }
  if (text.empty()) return text;
  return fmt::format("Look at these: they are judged most wrongly, and may have been sorted wrongly:\n{}", text);
}

std::string tuned_local_lua(const std::string& present, const Proposal& proposal, const std::string& when) {
  auto end = find_return(present);
  std::string text = present.substr(0, end ? end->at : present.size());
  if (!text.empty() && text.back() != '\n') text += '\n';
  const Counts& ham = proposal.before.ham;
  const Counts& spam = proposal.before.spam;
  text += fmt::format(
      "{}-- Proposed by postern tune on {}, from {} messages of ham and {} of spam. On messages that they were not "
      "made\n"
      "-- from these scores tag {} of the ham ({} now) and miss {} of the spam ({} now).\n"
      "-- Behind each: the score before, hits, S/O (1: only spam has it, 0: only ham), why. Take away what you do not "
      "like.\n",
      text.empty() ? "" : "\n", when, ham.messages, spam.messages, part(proposal.after.ham.tagged, ham.messages),
      part(ham.tagged, ham.messages), part(spam.messages - proposal.after.spam.tagged, spam.messages),
      part(spam.messages - spam.tagged, spam.messages));
  size_t width = 0;
  std::vector<std::string> calls;
  calls.reserve(proposal.changes.size());
  for (const Change& change : proposal.changes) {
    calls.push_back(fmt::format("score \"{}\" ({})", change.rule, rules::format_score(change.after)));
    width = std::max(width, calls.back().size());
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    const Change& change = proposal.changes[i];
    text += fmt::format("{:<{}}  -- was {}; ham {}, spam {}, {}: {}\n", calls[i], width,
                        rules::format_score(change.before), change.ham, change.spam, so_of(change), change.why);
  }
  if (end) text += '\n' + present.substr(end->at);
  return text;
}

}  // namespace postern::cli
