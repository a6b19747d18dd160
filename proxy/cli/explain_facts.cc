// Who said what of the message, what is in it, and the steps it took.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "filters/mime/content.h"
#include "proxy/cli/counted.h"
#include "proxy/cli/explain_report.h"
#include "proxy/cli/terminal_text.h"

namespace postern::cli {
namespace {

using ops::JournalEntry;

constexpr size_t kMaxName = 120;
constexpr size_t kMostUrls = 12;
constexpr size_t kMostAttachments = 12;

std::string bracketed(const std::string& reason) {
  return reason.empty() ? std::string() : " (" + shown(reason, 200) + ')';
}

std::string spf_text(const std::optional<spf::Outcome>& outcome) {
  if (!outcome) return "";
  std::string text(spf::to_string(outcome->result));
  if (!outcome->domain.empty()) text += ", domain " + shown(outcome->domain, kMaxName);
  text += bracketed(outcome->reason);
  if (!outcome->explanation.empty()) text += ", says \"" + shown(outcome->explanation, 200) + '"';
  return text;
}

std::string dkim_text(const JournalEntry& entry) {
  const Facts& facts = *entry.facts;
  if (facts.dkim.empty()) return entry.stage == "message" && facts.dmarc ? labelled("dkim", "none: not signed") : "";
  std::string out;
  for (const dkim::Outcome& outcome : facts.dkim) {
    std::string text(dkim::to_string(outcome.result));
    if (!outcome.domain.empty()) text += ", domain " + shown(outcome.domain, kMaxName);
    if (!outcome.selector.empty()) text += ", selector " + shown(outcome.selector, 80);
    if (!outcome.algorithm.empty()) text += ", " + shown(outcome.algorithm, 40);
    if (outcome.partial) text += ", only part of the body";
    out += labelled("dkim", text + bracketed(outcome.reason));
  }
  if (facts.dkim_ignored > 0) out += labelled("", counted(facts.dkim_ignored, "further signature") + " not looked at");
  return out;
}

std::string dmarc_text(const Facts& facts) {
  if (!facts.dmarc) return "";
  const dmarc::Outcome& outcome = *facts.dmarc;
  std::string text(dmarc::to_string(outcome.result));
  if (!outcome.from.empty()) text += ", author domain " + shown(outcome.from, kMaxName);
  if (!outcome.record_domain.empty()) {
    text += fmt::format(", policy {} of {}", dmarc::to_string(outcome.policy), shown(outcome.record_domain, kMaxName));
  }
  for (auto method : outcome.aligned) {
    text += method == dmarc::Identifier::Method::Spf ? ", SPF aligned" : ", DKIM aligned";
  }
  text += bracketed(outcome.reason);
  if (!outcome.override_by.empty()) text += ", but " + shown(outcome.override_by, kMaxName) + " saw it pass";
  return text;
}

std::string arc_text(const Facts& facts) {
  if (!facts.arc || facts.arc->result == arc::Result::None) return "";
  std::string text(arc::to_string(facts.arc->result));
  constexpr size_t kMostSealers = 5;
  for (size_t i = 0; i < std::min(facts.arc->sets.size(), kMostSealers); ++i) {
    text += ", sealed by " + shown(facts.arc->sets[i].sealer, kMaxName);
  }
  return text + bracketed(facts.arc->reason);
}

const lists::List* find_list(const Around& around, const std::string& name) {
  if (!around.now) return nullptr;
  const lists::Lists& all = *around.now->lists();
  auto found = std::find_if(all.begin(), all.end(), [&name](const lists::List& list) { return list.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// "SBL 127.0.0.2": what the list calls its answers is known from the rules of today.
std::string answers_text(const lists::Outcome::Listing& listing, const lists::List* list) {
  std::string text;
  for (const IpAddress& answer : listing.answers) {
    if (list != nullptr) {
      for (const lists::Answer& known : list->answers) {
        if (known.match.matches(answer)) text += (text.empty() ? "" : ", ") + shown(known.name, 40);
      }
    }
    text += (text.empty() ? "" : ", ") + answer.to_string();
  }
  return text;
}

/// "A, B, C": the first of them.
void add_name(std::string& names, const std::string& name) {
  constexpr size_t kMost = 600;
  if (names.size() < kMost) names += (names.empty() ? "" : ", ") + shown(name, 80);
}

std::string lists_text(const JournalEntry& entry, const Around& around) {
  std::string out;
  std::string silent;
  std::string unlisted;
  for (const auto& [name, outcome] : entry.lists) {
    for (const auto& listing : outcome.listings) {
      out += labelled("listed", fmt::format("{} by {} ({})", shown(listing.subject, kMaxName), shown(name, 80),
                                            answers_text(listing, find_list(around, name))));
    }
    bool failed = outcome.state == lists::Outcome::State::Failed || outcome.state == lists::Outcome::State::Suspended;
    if (failed) {
      add_name(silent, name);
    } else if (!outcome.reason.empty()) {
      out += labelled(
          "", fmt::format("{} was not heard about everything: {}", shown(name, 80), shown(outcome.reason, 120)));
    } else if (outcome.state == lists::Outcome::State::Unlisted) {
      add_name(unlisted, name);
    }
  }
  if (!unlisted.empty()) out += labelled("not listed", "by " + unlisted);
  if (!silent.empty()) out += labelled("no answer", "that counts, of " + silent + " (postern lists says why)");
  return out;
}

std::string bulk_text(const JournalEntry& entry) {
  const bulk::Outcome& outcome = entry.facts->bulk;
  if (entry.stage != "message" || outcome.first_seen == 0) return "";
  if (outcome.count <= 1) {
    return outcome.evidence == bulk::Evidence::Enough ? "the only one of its kind so far"
                                                      : "too little in it to compare it by";
  }
  return fmt::format(
      "{} alike messages (cluster {}, by {}, {:.0f} % alike) from {} in {} to {}, {:.0f} % authenticated{}",
      outcome.count, shown(outcome.cluster, 20), bulk::to_string(outcome.aspect), outcome.similarity * 100,
      counted(outcome.senders, "sender"), counted(outcome.networks, "network"),
      counted(outcome.recipients, "recipient"), outcome.authenticated_share * 100,
      outcome.allowed ? ", allowed by an admin" : "");
}

std::string classifier_text(const JournalEntry& entry) {
  const classifier::Outcome& outcome = entry.facts->classifier;
  if (entry.stage != "message" || (outcome.ham_learned == 0 && outcome.spam_learned == 0)) return "";
  std::string learned = fmt::format("learned from {} ham and {} spam", outcome.ham_learned, outcome.spam_learned);
  if (!outcome.ready) return "says nothing of it (" + learned + ')';
  return fmt::format("{:.1f} % spam ({})", outcome.spam * 100, learned);
}

std::string url_text(const mime::Url& url) {
  std::string text = shown(url.text.empty() ? url.scheme + "://" + url.host + url.path : url.text, 150);
  if (url.shown_differs) text += ", shown as \"" + shown(url.shown, 100) + '"';
  return text;
}

std::string attachment_text(const mime::Attachment& attachment) {
  std::string text = attachment.name.empty() ? std::string("(no name)") : shown(attachment.name, 100);
  text += ", " + shown(attachment.type, 60);
  if (!attachment.kind.empty()) text += ", really " + shown(attachment.kind, 40);
  text += ", " + counted(attachment.size, "octet");
  if (attachment.encrypted) text += ", encrypted";
  if (!attachment.names.empty()) {
    text += ", in it: " + shown(attachment.names.front(), 80);
    if (attachment.names.size() > 1) text += fmt::format(" and {} more", attachment.names.size() - 1);
  }
  return text;
}

/// In the order in which things were done, so the first column rises.
std::string step_text(const ops::JournalMoment& moment, Duration first) {
  constexpr size_t kColumn = 32;
  constexpr Duration kNothing = std::chrono::microseconds(50);
  double done = std::chrono::duration<double>(moment.begin + moment.took - first).count();
  std::string took = moment.took >= kNothing ? lasting(moment.took) : "";
  std::string what = moment.what == "final_dot" ? "final dot" : shown(moment.what, 20);
  std::string line = fmt::format("{:>9.3f}  {:>8}  {:<9}  ", done, took, what);
  std::string text = wrapped(shown(moment.text, 220), kColumn);
  if (text.size() > kColumn) return line + text.substr(kColumn);
  return line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
}

}  // namespace

std::string facts_text(const JournalEntry& entry, const Around& around) {
  const Facts& facts = *entry.facts;
  std::string out = labelled("spf", spf_text(facts.spf));
  out += labelled("helo spf", spf_text(facts.helo_spf));
  out += dkim_text(entry);
  out += labelled("dmarc", dmarc_text(facts));
  out += labelled("arc", arc_text(facts));
  out += lists_text(entry, around);
  out += labelled("alike", bulk_text(entry));
  out += labelled("classifier", classifier_text(entry));
  return out.empty() ? out : "\nWhat was known\n" + out;
}

std::string content_text(const JournalEntry& entry) {
  if (!entry.facts->content) return "";
  const auto& urls = entry.facts->content->urls();
  const auto& attachments = entry.facts->content->attachments();
  std::string out;
  for (size_t i = 0; i < std::min(urls.size(), kMostUrls); ++i)
    out += labelled(i == 0 ? "links" : "", url_text(urls[i]));
  size_t more = urls.size() - std::min(urls.size(), kMostUrls) + entry.urls_left_out;
  if (more > 0) out += labelled("", fmt::format("and {} more", more));
  for (size_t i = 0; i < std::min(attachments.size(), kMostAttachments); ++i) {
    out += labelled(i == 0 ? "files" : "", attachment_text(attachments[i]));
  }
  more = attachments.size() - std::min(attachments.size(), kMostAttachments) + entry.attachments_left_out;
  if (more > 0) out += labelled("", fmt::format("and {} more", more));
  return out.empty() ? out : "\nIn it\n" + out;
}

std::string timeline_text(const JournalEntry& entry) {
  std::string out;
  if (!entry.timeline.empty()) {
    out += "\nStep by step (when it was done, in seconds since it connected; how long it took)\n";
    Duration first = entry.timeline.front().begin;
    for (const ops::JournalMoment& moment : entry.timeline) first = std::min(first, moment.begin);
    for (const ops::JournalMoment& moment : entry.timeline) out += step_text(moment, first);
    if (entry.timeline_left_out > 0) {
      out += fmt::format("{:>9}  {} not recorded\n", "", counted(entry.timeline_left_out, "further step"));
    }
  }
  out += "\nAltogether\n";
  const rules::Evaluation& evaluation = entry.evaluation;
  if (entry.stage == "message") {
    out += labelled("time", fmt::format("{} from MAIL to the reply, {} of it after the final dot; waited {} for "
                                        "the DNS",
                                        lasting(entry.total), lasting(entry.final_dot), lasting(entry.dns)));
  }
  std::string cpu = lasting(std::chrono::duration_cast<Duration>(evaluation.cpu));
  // Of a refusal only the processor's time is kept.
  std::string rules = entry.stage == "message"
                          ? fmt::format("rules took {}, {} of it CPU", lasting(entry.rules_time), cpu)
                          : fmt::format("rules took {} of CPU", cpu);
  for (const rules::RuleTime& slow : evaluation.slowest) {
    rules += fmt::format("{} {} {}", &slow == evaluation.slowest.data() ? "; slowest:" : ",", shown(slow.rule, 80),
                         lasting(std::chrono::duration_cast<Duration>(slow.cpu)));
  }
  out += labelled(entry.stage == "message" ? "" : "time", rules);
  std::string backend = shown(entry.backend, 100);
  if (!entry.backend_reply.empty()) {
    backend += (backend.empty() ? "" : ": ") + shown(entry.backend_reply, 300);
  } else if (!backend.empty() && entry.stage == "message") {
    backend += ", which was not given the message";
  }
  return out + labelled("backend", backend);
}

}  // namespace postern::cli
