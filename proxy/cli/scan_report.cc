#include "proxy/cli/scan_report.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "proxy/cli/counted.h"
#include "proxy/cli/explain_sum.h"
#include "proxy/cli/terminal_text.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;

double milliseconds(Duration duration) {
  auto hundredths = duration.count() / 10;  // two digits after the point
  return static_cast<double>(hundredths) / 100;
}

/// Rounded, but never to a certainty that there is not.
double probability(double spam) {
  return std::clamp(std::round(spam * 1e6) / 1e6, 1e-6, 1 - 1e-6);
}

std::string_view name_of(dmarc::Identifier::Method method) {
  return method == dmarc::Identifier::Method::Spf ? "spf" : "dkim";
}

std::string_view reverse_result(const ClientFacts& client) {
  return client.reverse ? dns::to_string(*client.reverse) : "none";
}

// ---------------------------------------------------------------- DNS lists

template <class Use>
void each_outcome(const Judged& judged, const Use& use) {
  if (!judged.lists) return;
  size_t count = std::min(judged.lists->size(), judged.facts.lists.size());
  for (size_t i = 0; i < count; ++i) use((*judged.lists)[i], judged.facts.lists[i]);
}

bool failed(const lists::Outcome& outcome) {
  return outcome.state == lists::Outcome::State::Failed || outcome.state == lists::Outcome::State::Suspended;
}

/// What the list said is not all that it was to say: it failed for a subject, or was not asked about each.
bool incomplete(const lists::Outcome& outcome) {
  return failed(outcome) || !outcome.reason.empty();
}

std::string_view complaint(const lists::Outcome& outcome) {
  switch (outcome.state) {
    case lists::Outcome::State::Failed: return "gave no answer";
    case lists::Outcome::State::Suspended: return "does not count";
    default: return "was not heard about everything";
  }
}

std::string reason_of(const lists::Outcome& outcome) {
  if (!outcome.reason.empty()) return outcome.reason;
  return outcome.state == lists::Outcome::State::Suspended ? "suspended: it failed before" : "failed";
}

std::vector<std::string> texts_of(const std::vector<IpAddress>& answers) {
  std::vector<std::string> texts;
  texts.reserve(answers.size());
  for (const IpAddress& answer : answers) texts.push_back(answer.to_string());
  return texts;
}

std::vector<std::string> names_of(const lists::List& list, const lists::Outcome::Listing& listing) {
  std::vector<std::string> names;
  names.reserve(listing.matched.size());
  for (size_t answer : listing.matched) names.push_back(list.answers.at(answer).name);
  return names;
}

// ---------------------------------------------------------------- JSON

ordered_json spf_json(const std::optional<spf::Outcome>& outcome) {
  ordered_json object = {
      {"result", spf::to_string(outcome->result)}, {"domain", outcome->domain}, {"explanation", outcome->explanation}};
  if (!outcome->reason.empty()) object["reason"] = outcome->reason;
  return object;
}

ordered_json dkim_json(const std::vector<dkim::Outcome>& outcomes) {
  ordered_json signatures = ordered_json::array();
  for (const auto& outcome : outcomes) {
    signatures.push_back({{"result", dkim::to_string(outcome.result)},
                          {"domain", outcome.domain},
                          {"selector", outcome.selector},
                          {"algorithm", outcome.algorithm},
                          {"reason", outcome.reason},
                          {"identity", outcome.identity},
                          {"bits", outcome.key_bits},
                          {"partial", outcome.partial},
                          {"testing", outcome.testing}});
  }
  return signatures;
}

ordered_json dmarc_json(const dmarc::Outcome& outcome) {
  ordered_json aligned = ordered_json::array();
  for (auto method : outcome.aligned) aligned.push_back(name_of(method));
  ordered_json object = {{"result", dmarc::to_string(outcome.result)},
                         {"policy", dmarc::to_string(outcome.policy)},
                         {"domain", outcome.domain},
                         {"aligned", std::move(aligned)},
                         {"from", outcome.from},
                         {"record", outcome.record_domain},
                         {"testing", outcome.testing}};
  if (!outcome.override_by.empty()) object["override"] = outcome.override_by;
  if (!outcome.reason.empty()) object["reason"] = outcome.reason;
  return object;
}

ordered_json arc_json(const arc::Outcome& outcome) {
  ordered_json object = {{"result", arc::to_string(outcome.result)}};
  if (outcome.result == arc::Result::None) return object;
  object["sets"] = outcome.sets.size();
  object["sealers"] = ordered_json::array();
  for (const auto& set : outcome.sets) object["sealers"].push_back(set.sealer);
  if (outcome.oldest_pass) object["oldest_pass"] = *outcome.oldest_pass;
  if (!outcome.reason.empty()) object["reason"] = outcome.reason;
  return object;
}

/// An object for each list and subject listed, and one for each list that failed or was cut short.
void add_lists(ordered_json& object, const Judged& judged) {
  ordered_json listed = ordered_json::array();
  ordered_json errors = ordered_json::array();
  each_outcome(judged, [&](const lists::List& list, const lists::Outcome& outcome) {
    for (const auto& listing : outcome.listings) {
      listed.push_back({{"list", list.name},
                        {"of", lists::to_string(list.of)},
                        {"subject", listing.subject},
                        {"answers", texts_of(listing.answers)},
                        {"names", names_of(list, listing)}});
    }
    if (incomplete(outcome)) {
      errors.push_back({{"list", list.name}, {"of", lists::to_string(list.of)}, {"error", reason_of(outcome)}});
    }
  });
  object["lists"] = std::move(listed);
  if (!errors.empty()) object["list_errors"] = std::move(errors);
}

double rounded(double number) {
  return std::round(number * 1e4) / 1e4;
}

ordered_json bulk_json(const bulk::Outcome& outcome) {
  return {{"count", outcome.count},
          {"similarity", rounded(outcome.similarity)},
          {"first_seen", outcome.first_seen},
          {"age", outcome.age},
          {"networks", outcome.networks},
          {"senders", outcome.senders},
          {"domains", outcome.domains},
          {"recipients", outcome.recipients},
          {"authenticated_share", rounded(outcome.authenticated_share)},
          {"cluster", outcome.cluster},
          {"evidence", bulk::to_string(outcome.evidence)},
          {"of", bulk::to_string(outcome.aspect)},
          {"allowed", outcome.allowed}};
}

// ---------------------------------------------------------------- text

/// How many messages are like it; what nothing can be told of is said to be so.
void print_bulk(const bulk::Outcome& outcome) {
  if (outcome.count > 1) {
    std::cout << fmt::format(
        "  bulk={} cluster={} of={} similarity={:.2f} networks={} senders={} domains={} recipients={} "
        "authenticated_share={:.2f}{}\n",
        outcome.count, outcome.cluster, bulk::to_string(outcome.aspect), outcome.similarity, outcome.networks,
        outcome.senders, outcome.domains, outcome.recipients, outcome.authenticated_share,
        outcome.allowed ? " (allowed)" : "");
  } else if (outcome.evidence == bulk::Evidence::Enough) {
    std::cout << "  bulk=1\n";
  } else {
    std::cout << "  bulk=1 evidence=" << bulk::to_string(outcome.evidence) << '\n';
  }
}

void print_lists(const Judged& judged) {
  each_outcome(judged, [](const lists::List& list, const lists::Outcome& outcome) {
    for (const auto& listing : outcome.listings) {
      std::cout << "  list " << list.name << ": " << shown(listing.subject) << " is listed";
      const char* before = " (";
      for (const std::string& name : names_of(list, listing)) std::cout << std::exchange(before, ", ") << name;
      for (const std::string& answer : texts_of(listing.answers)) std::cout << std::exchange(before, ", ") << answer;
      std::cout << (*before == ',' ? ")\n" : "\n");
    }
    if (incomplete(outcome)) {
      std::cout << "  list " << list.name << ' ' << complaint(outcome) << ": " << shown(reason_of(outcome)) << '\n';
    }
  });
}

/// What follows a result: in brackets, escaped; nothing for nothing.
void print_reason(const std::string& reason) {
  if (!reason.empty()) std::cout << " (" << shown(reason) << ')';
}

void print_spf(const char* label, const spf::Outcome& outcome) {
  std::cout << "  " << label << '=' << spf::to_string(outcome.result);
  if (!outcome.domain.empty()) std::cout << " domain=" << shown(outcome.domain);
  print_reason(outcome.reason);
  if (!outcome.explanation.empty()) std::cout << " \"" << shown(outcome.explanation) << '"';
  std::cout << '\n';
}

void print_dkim(const Facts& facts) {
  if (facts.dkim.empty()) std::cout << "  dkim=none\n";
  for (const auto& outcome : facts.dkim) {
    std::cout << "  dkim=" << dkim::to_string(outcome.result);
    if (!outcome.domain.empty()) std::cout << " domain=" << shown(outcome.domain);
    if (!outcome.selector.empty()) std::cout << " selector=" << shown(outcome.selector);
    print_reason(outcome.reason);
    std::cout << '\n';
  }
  if (facts.dkim_ignored > 0) {
    std::cout << "  " << counted(facts.dkim_ignored, "further signature") << " not looked at\n";
  }
}

void print_dmarc(const dmarc::Outcome& outcome) {
  std::cout << "  dmarc=" << dmarc::to_string(outcome.result);
  if (!outcome.from.empty()) std::cout << " from=" << shown(outcome.from);
  if (!outcome.record_domain.empty()) {
    std::cout << " policy=" << dmarc::to_string(outcome.policy) << " record=" << shown(outcome.record_domain);
  }
  for (auto method : outcome.aligned) std::cout << " aligned=" << name_of(method);
  print_reason(outcome.reason);
  if (!outcome.override_by.empty()) std::cout << ", but " << shown(outcome.override_by) << " saw it pass";
  std::cout << '\n';
}

void print_arc(const arc::Outcome& outcome) {
  if (outcome.result == arc::Result::None) return;
  std::cout << "  arc=" << arc::to_string(outcome.result);
  for (const auto& set : outcome.sets) std::cout << " sealer=" << shown(set.sealer);
  print_reason(outcome.reason);
  std::cout << '\n';
}

// ---------------------------------------------------------------- the sum

/// The scores of hits in no group and what the groups count are the score of the message.
void add_sum(ordered_json& object, const Judged& judged) {
  object["rules"] = ordered_json::array();
  for (const rules::Hit& hit : judged.evaluation.hits) {
    ordered_json entry = {{"name", hit.rule}, {"score", hit.score}, {"detail", hit.detail}};
    if (!hit.group.empty()) entry["group"] = hit.group;
    if (hit.shadow) entry["shadow"] = true;
    object["rules"].push_back(std::move(entry));
  }
  object["groups"] = ordered_json::array();
  Sum sum = work_out(judged.evaluation.hits, judged.rules->groups(), judged.evaluation.score);
  for (const GroupSum& group : sum.groups) {
    if (!group.group.empty()) object["groups"].push_back(group_json(group));
  }
}

void print_hit(const rules::Hit& hit) {
  std::cout << "  " << hit.rule << ' ' << rules::format_score(hit.score)
            << (hit.shadow ? " (shadow, not counted)" : "");
  if (!hit.detail.empty()) std::cout << "  " << shown(hit.detail);
  std::cout << '\n';
}

/// The numbers add up: what a cap takes away stands behind the hits of its group.
void print_sum(const Judged& judged) {
  Sum sum = work_out(judged.evaluation.hits, judged.rules->groups(), judged.evaluation.score);
  for (const GroupSum& group : sum.groups) {
    for (const rules::Hit* hit : group.hits) print_hit(*hit);
    double cut = cut_of(group);
    if (cut != 0) std::cout << "  (cap) " << rules::format_score(cut) << "  " << group_words(group) << '\n';
  }
  for (const rules::Hit& hit : judged.evaluation.hits) {
    if (hit.shadow) print_hit(hit);
  }
}

}  // namespace

void print_json(const Judged& judged) {
  const Facts& facts = judged.facts;
  ordered_json object = {{"file", judged.file},
                         {"id", judged.id},
                         {"verdict", rules::to_string(judged.judgement.verdict)},
                         {"score", judged.judgement.score}};
  add_sum(object, judged);
  object["spf"] = spf_json(facts.spf);
  object["helo_spf"] = spf_json(facts.helo_spf);
  object["dkim"] = dkim_json(facts.dkim);
  if (facts.dkim_ignored > 0) object["dkim_ignored"] = facts.dkim_ignored;
  object["dmarc"] = dmarc_json(*facts.dmarc);
  object["arc"] = arc_json(*facts.arc);
  add_lists(object, judged);
  object["bulk"] = bulk_json(facts.bulk);
  object["classifier"] = {{"spam", probability(facts.classifier.spam)}, {"ready", facts.classifier.ready}};
  object["iprev"] = {{"result", reverse_result(facts.client)}, {"name", facts.client.name}};
  object["authentication_results"] = judged.auth_results;
  if (!judged.failures.empty()) object["failures"] = ordered_json::array();
  for (const RuleFailure& failure : judged.failures) {
    object["failures"].push_back({{"name", failure.rule}, {"reason", failure.reason}, {"message", failure.message}});
  }
  object["milliseconds"] = {{"dns", milliseconds(judged.dns)},
                            {"lists", milliseconds(judged.lists_time)},
                            {"rules", milliseconds(judged.rules_time)}};
  // As ASCII: a terminal may show it, whatever a subject holds.
  std::cout << object.dump(-1, ' ', true, ordered_json::error_handler_t::replace) << '\n';
}

void print_text(const Judged& judged) {
  const Facts& facts = judged.facts;
  std::cout << shown(judged.file, 1000) << ": " << rules::to_string(judged.judgement.verdict) << ", score "
            << rules::format_score(judged.judgement.score);
  if (judged.judgement.limit) std::cout << " (limit " << rules::format_score(*judged.judgement.limit) << ')';
  std::cout << '\n';
  if (judged.evaluation.decision)
    std::cout << "  decided by the action of " << judged.evaluation.decision->rule << '\n';
  print_sum(judged);
  for (const RuleFailure& failure : judged.failures) {
    std::cout << "  " << failure.rule << " failed (" << failure.reason << "): " << shown(failure.message, 500) << '\n';
  }
  print_spf("spf", *facts.spf);
  print_spf("helo_spf", *facts.helo_spf);
  print_dkim(facts);
  print_dmarc(*facts.dmarc);
  print_arc(*facts.arc);
  print_lists(judged);
  print_bulk(facts.bulk);
  if (facts.classifier.ready) {
    std::cout << fmt::format("  classifier spam={:.6g} learned ham={} spam={}\n", probability(facts.classifier.spam),
                             facts.classifier.ham_learned, facts.classifier.spam_learned);
  }
  if (facts.client.reverse) {
    std::cout << "  iprev=" << reverse_result(facts.client);
    if (!facts.client.name.empty()) std::cout << " name=" << shown(facts.client.name);
    std::cout << '\n';
  }
}

}  // namespace postern::cli
