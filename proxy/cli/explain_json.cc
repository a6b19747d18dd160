// The same as terminal_text(), for programs.
#include <algorithm>
#include <cmath>
#include <string_view>

#include "filters/mime/content.h"
#include "proxy/cli/explain_report.h"
#include "proxy/cli/explain_sum.h"
#include "proxy/cli/terminal_text.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;
using ops::JournalEntry;

double milliseconds(Duration duration) {
  return std::round(std::chrono::duration<double, std::milli>(duration).count() * 1000) / 1000;
}

ordered_json number_or_null(const std::optional<double>& number) {
  return number ? ordered_json(*number) : ordered_json();
}

ordered_json thresholds_json(const rules::Thresholds& all) {
  return {{"tag", number_or_null(all.tag)},
          {"quarantine", number_or_null(all.quarantine)},
          {"defer", number_or_null(all.defer)},
          {"reject", number_or_null(all.reject)}};
}

ordered_json client_json(const ClientFacts& client) {
  ordered_json object = {{"ip", client.ip.to_string()},
                         {"port", client.port},
                         {"name", client.name},
                         {"tls", client.tls},
                         {"early", client.early}};
  if (client.reverse) object["iprev"] = dns::to_string(*client.reverse);
  return object;
}

ordered_json hit_json(const rules::Hit& hit, const Around& around) {
  ordered_json object = {{"name", hit.rule}, {"score", hit.score}, {"factor", hit.factor}, {"detail", hit.detail}};
  if (!hit.lists.empty()) object["lists"] = hit.lists;
  if (const rules::RuleInfo* info = find_rule(around, hit.rule)) {
    object["now"] = {{"score", info->score},
                     {"about", info->about},
                     {"file", info->file},
                     {"line", info->line},
                     {"mode", info->disabled ? "disabled"
                              : info->shadow ? "shadow"
                                             : "on"}};
  }
  return object;
}

ordered_json sum_json(const JournalEntry& entry, const Around& around) {
  Sum sum = work_out(entry.evaluation.hits, around.groups, entry.evaluation.score);
  ordered_json groups = ordered_json::array();
  for (const GroupSum& group : sum.groups) {
    ordered_json object = group_json(group);
    object["hits"] = ordered_json::array();
    for (const rules::Hit* hit : group.hits) object["hits"].push_back(hit_json(*hit, around));
    groups.push_back(std::move(object));
  }
  ordered_json object = {{"groups", std::move(groups)}, {"score", entry.evaluation.score}};
  if (sum.unknown) object["unexplained"] = *sum.unknown;
  return object;
}

ordered_json shadow_json(const JournalEntry& entry, const Around& around) {
  ordered_json shadow = ordered_json::array();
  for (const rules::Hit& hit : entry.evaluation.hits) {
    if (!hit.shadow) continue;
    ordered_json object = hit_json(hit, around);
    for (const ops::ShadowChange& change : entry.shadow) {
      if (change.rule != hit.rule) continue;
      object["would_change"] = {{"from", rules::to_string(change.from)}, {"to", rules::to_string(change.to)}};
    }
    shadow.push_back(std::move(object));
  }
  return shadow;
}

/// As in `scan --json`.
ordered_json failures_json(const rules::Evaluation& evaluation) {
  ordered_json failures = ordered_json::array();
  for (const rules::RuleError& error : evaluation.errors) {
    failures.push_back({{"name", error.rule}, {"reason", error.reason}, {"message", error.message}});
  }
  return failures;
}

void add_authentication(ordered_json& object, const Facts& facts) {
  for (const auto& [name, outcome] : {std::pair("spf", &facts.spf), std::pair("helo_spf", &facts.helo_spf)}) {
    if (!*outcome) continue;
    object[name] = {{"result", spf::to_string((*outcome)->result)},
                    {"domain", (*outcome)->domain},
                    {"explanation", (*outcome)->explanation},
                    {"reason", (*outcome)->reason}};
  }
  if (!facts.dmarc || !facts.arc) return;
  object["dkim"] = ordered_json::array();
  for (const dkim::Outcome& outcome : facts.dkim) {
    object["dkim"].push_back({{"result", dkim::to_string(outcome.result)},
                              {"domain", outcome.domain},
                              {"selector", outcome.selector},
                              {"algorithm", outcome.algorithm},
                              {"reason", outcome.reason}});
  }
  ordered_json aligned = ordered_json::array();
  for (auto method : facts.dmarc->aligned) {
    aligned.push_back(method == dmarc::Identifier::Method::Spf ? "spf" : "dkim");
  }
  object["dmarc"] = {{"result", dmarc::to_string(facts.dmarc->result)},
                     {"policy", dmarc::to_string(facts.dmarc->policy)},
                     {"domain", facts.dmarc->domain},
                     {"from", facts.dmarc->from},
                     {"aligned", std::move(aligned)},
                     {"reason", facts.dmarc->reason}};
  object["arc"] = {{"result", arc::to_string(facts.arc->result)}, {"reason", facts.arc->reason}};
}

std::string_view state_of(const lists::Outcome& outcome) {
  switch (outcome.state) {
    case lists::Outcome::State::Unasked: return "unasked";
    case lists::Outcome::State::Unlisted: return "unlisted";
    case lists::Outcome::State::Listed: return "listed";
    case lists::Outcome::State::Failed: return "failed";
    case lists::Outcome::State::Suspended: return "suspended";
  }
  return "?";
}

ordered_json lists_json(const JournalEntry& entry) {
  ordered_json all = ordered_json::array();
  for (const auto& [name, outcome] : entry.lists) {
    ordered_json object = {{"list", name}, {"state", state_of(outcome)}, {"listed", ordered_json::array()}};
    for (const auto& listing : outcome.listings) {
      ordered_json answers = ordered_json::array();
      for (const IpAddress& answer : listing.answers) answers.push_back(answer.to_string());
      object["listed"].push_back({{"subject", listing.subject}, {"answers", std::move(answers)}});
    }
    if (!outcome.reason.empty()) object["reason"] = outcome.reason;
    all.push_back(std::move(object));
  }
  return all;
}

void add_content(ordered_json& object, const JournalEntry& entry) {
  object["urls"] = ordered_json::array();
  object["attachments"] = ordered_json::array();
  if (!entry.facts->content) return;
  for (const mime::Url& url : entry.facts->content->urls()) {
    ordered_json one = {{"url", url.text}, {"host", url.host}};
    if (url.shown_differs) one["shown"] = url.shown;
    object["urls"].push_back(std::move(one));
  }
  if (entry.urls_left_out > 0) object["urls_left_out"] = entry.urls_left_out;
  for (const mime::Attachment& attachment : entry.facts->content->attachments()) {
    object["attachments"].push_back({{"name", attachment.name},
                                     {"type", attachment.type},
                                     {"kind", attachment.kind},
                                     {"size", attachment.size},
                                     {"encrypted", attachment.encrypted},
                                     {"names", attachment.names}});
  }
  if (entry.attachments_left_out > 0) object["attachments_left_out"] = entry.attachments_left_out;
}

void add_message(ordered_json& object, const JournalEntry& entry) {
  const Facts& facts = *entry.facts;
  if (auto subject = subject_of(entry)) object["subject"] = *subject;
  object["size"] = facts.size;
  if (entry.bare_newlines > 0) object["bare_newlines"] = entry.bare_newlines;
  add_content(object, entry);
  object["bulk"] = {{"count", facts.bulk.count},           {"cluster", facts.bulk.cluster},
                    {"similarity", facts.bulk.similarity}, {"senders", facts.bulk.senders},
                    {"networks", facts.bulk.networks},     {"recipients", facts.bulk.recipients}};
  object["classifier"] = {{"spam", facts.classifier.spam}, {"ready", facts.classifier.ready}};
}

ordered_json timeline_json(const JournalEntry& entry) {
  ordered_json steps = ordered_json::array();
  Duration first{};
  for (const ops::JournalMoment& moment : entry.timeline) first = std::min(first, moment.begin);
  for (const ops::JournalMoment& moment : entry.timeline) {
    steps.push_back({{"at", milliseconds(moment.begin - first)},
                     {"took", milliseconds(moment.took)},
                     {"what", moment.what},
                     {"text", moment.text}});
  }
  return steps;
}

void add_times(ordered_json& object, const JournalEntry& entry) {
  object["timeline"] = timeline_json(entry);
  if (entry.timeline_left_out > 0) object["timeline_left_out"] = entry.timeline_left_out;
  object["milliseconds"] = {{"total", milliseconds(entry.total)},
                            {"final_dot", milliseconds(entry.final_dot)},
                            {"dns", milliseconds(entry.dns)},
                            {"rules", milliseconds(entry.rules_time)}};
  object["slowest"] = ordered_json::array();
  for (const rules::RuleTime& slow : entry.evaluation.slowest) {
    object["slowest"].push_back({{"name", slow.rule}, {"milliseconds", static_cast<double>(slow.cpu.count()) / 1e6}});
  }
}

}  // namespace

ordered_json explain_json(const JournalEntry& entry, const Around& around) {
  const Facts& facts = *entry.facts;
  ordered_json object = {{"id", entry.id},
                         {"time", utc_time(entry.wall_ms)},
                         {"stage", entry.stage},
                         {"verdict", entry.verdict},
                         {"score", entry.judgement.score},
                         {"limit", number_or_null(entry.judgement.limit)},
                         {"thresholds", thresholds_json(entry.thresholds)},
                         {"reply", entry.reply}};
  if (entry.cause != session::Cause::None) object["cause"] = session::to_string(entry.cause);
  if (entry.repeated) object["times"] = entry.times;
  if (entry.transactions > 0) object["transactions"] = entry.transactions;
  if (entry.client_gone) object["client_gone"] = true;
  if (entry.duplicate) object["duplicate"] = true;
  if (entry.evaluation.decision) {
    const rules::Decision& decision = *entry.evaluation.decision;
    object["decision"] = {{"rule", decision.rule},
                          {"verdict", rules::to_string(decision.verdict)},
                          {"reason", decision.reason},
                          {"list", decision.list}};
  }
  object["client"] = client_json(facts.client);
  object["helo"] = facts.helo;
  object["from"] = facts.from;
  object["rcpts"] = facts.rcpts;
  object["rcpts_all"] = facts.rcpts.size() + entry.rcpts_left_out;
  object["sum"] = sum_json(entry, around);
  object["shadow"] = shadow_json(entry, around);
  object["failures"] = failures_json(entry.evaluation);
  if (entry.evaluation.errors_left_out > 0) object["failures_left_out"] = entry.evaluation.errors_left_out;
  add_authentication(object, facts);
  object["lists"] = lists_json(entry);
  if (entry.stage == "message") add_message(object, entry);
  add_times(object, entry);
  object["backend"] = entry.backend;
  object["backend_reply"] = entry.backend_reply;
  object["rules_version"] = entry.rules_version;
  if (around.now) object["rules_version_now"] = around.now->version();
  return object;
}

}  // namespace postern::cli
