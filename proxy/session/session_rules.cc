// The rules of each stage: when they run, and what a decision of theirs answers.
#include <algorithm>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "proxy/session/reply_text.h"
#include "proxy/session/session_impl.h"

namespace postern::session {

using rules::Stage;
using smtp::Reply;

/// What rules read before there is a message.
Facts SessionImpl::connection_facts() const {
  Facts facts;
  static_cast<ConnectionFacts&>(facts) = facts_;
  return facts;
}

Task<std::optional<Reply>> SessionImpl::run_connect_rules(bool greeting) {
  if (!snapshot_.host->has_rules(Stage::Connect) || unfiltered()) co_return std::nullopt;
  Patience patience(*this);
  co_await know_client_name_for(Stage::Connect);
  co_await know_lists(Stage::Connect, facts_, nullptr);
  facts_.client.early = engine_.early_talker();
  Facts facts = connection_facts();
  co_await run_rules(Stage::Connect, facts, evaluation_, nullptr);
  connect_hits_ = evaluation_.hits.size();
  co_return co_await decided(facts, evaluation_, Stage::Connect, greeting);
}

Task<std::optional<Reply>> SessionImpl::run_helo_rules() {
  facts_.client.early = engine_.early_talker();
  if (!snapshot_.host->has_rules(Stage::Helo) || unfiltered()) co_return std::nullopt;
  Patience patience(*this);
  co_await know_client_name_for(Stage::Helo);
  co_await know_helo(Stage::Helo, facts_);
  co_await know_lists(Stage::Helo, facts_, nullptr);
  // A decision of this HELO must not outlive it when the client says HELO again.
  rules::Evaluation attempt = evaluation_;
  Facts facts = connection_facts();
  co_await run_rules(Stage::Helo, facts, attempt, nullptr);
  if (auto reply = co_await decided(facts, attempt, Stage::Helo, false)) co_return reply;
  evaluation_ = std::move(attempt);
  co_return std::nullopt;
}

Task<std::optional<Reply>> SessionImpl::run_mail_rules(Transaction& tx) {
  if (!tx.filtered || !snapshot_.host->has_rules(Stage::Mail)) co_return std::nullopt;
  Patience patience(*this);
  if (wants_client_name(Stage::Mail)) co_await know_client(tx);
  if (wants_spf(Stage::Mail)) co_await know_spf(tx);
  co_await know_helo(Stage::Mail, tx.facts);
  co_await know_lists(Stage::Mail, tx.facts, &tx);
  co_await run_rules(Stage::Mail, tx.facts, tx.evaluation, &tx.rules_time);
  co_return co_await decided(tx.facts, tx.evaluation, Stage::Mail, false);
}

/// After a reload: a message is judged by one set of rules from its connection on, so what the old one said of this
/// connection is forgotten and asked again. A decision about the connection is then the answer to each MAIL.
Task<std::optional<Reply>> SessionImpl::take_new_rules() {
  if (!services_.current.host || services_.current.host == snapshot_.host) co_return refused_;
  snapshot_.host = services_.current.host;
  snapshot_.lists = services_.current.lists;
  evaluation_ = {};
  facts_.lists.clear();
  connect_hits_ = 0;
  dns_.restart();
  waited_ = Duration::zero();
  ask_lists_of_client();
  look_at_helo();
  refused_ = co_await run_connect_rules(false);
  refused_at_helo_ = !refused_;
  if (!refused_) refused_ = co_await run_helo_rules();
  co_return refused_;
}

Task<std::optional<Reply>> SessionImpl::run_rcpt_rules(Transaction& tx, const std::string& address) {
  if (!tx.filtered || tx.evaluation.decision || !snapshot_.host->has_rules(Stage::Rcpt)) co_return std::nullopt;
  rules::Evaluation attempt = tx.evaluation;
  size_t before = attempt.hits.size();
  Patience patience(*this);
  if (wants_client_name(Stage::Rcpt)) co_await know_client(tx);
  if (wants_spf(Stage::Rcpt)) co_await know_spf(tx);
  co_await know_helo(Stage::Rcpt, tx.facts);
  co_await know_lists(Stage::Rcpt, tx.facts, &tx);
  tx.facts.rcpts.push_back(address);
  co_await run_rules(Stage::Rcpt, tx.facts, attempt, &tx.rules_time);
  auto refused = co_await decided(tx.facts, attempt, Stage::Rcpt, false);
  tx.facts.rcpts.pop_back();
  if (refused) co_return refused;
  // A rule that hit for several recipients counts once.
  for (size_t i = before; i < attempt.hits.size(); ++i) {
    auto same = [&](const rules::Hit& hit) { return hit.rule == attempt.hits[i].rule; };
    if (std::none_of(tx.evaluation.hits.begin(), tx.evaluation.hits.end(), same)) {
      tx.evaluation.hits.push_back(attempt.hits[i]);
    }
  }
  tx.evaluation.decision = attempt.decision;
  tx.evaluation.score = rules::sum(tx.evaluation.hits, snapshot_.host->rules().groups());
  co_return std::nullopt;
}

bool SessionImpl::trusted() const {
  return std::any_of(policy_.relay.trusted.begin(), policy_.relay.trusted.end(),
                     [this](const IpNetwork& network) { return network.contains(peer_.ip); });
}

Task<void> SessionImpl::run_rules(Stage stage, const Facts& facts, rules::Evaluation& evaluation, Duration* time) {
  TimePoint begin = services_.clock.now();
  co_await snapshot_.host->judge(stage, facts, evaluation, {&dns_, policy_.dns.lookup});
  if (time != nullptr) *time += services_.clock.now() - begin;
  // Those of a recipient stand with it.
  if (stage == Stage::Rcpt) co_return;
  size_t hits = evaluation.hits.size();
  mark(Moment::What::Rules, begin,
       fmt::format("{}: {} hit{}, score {}", to_string(stage), hits, hits == 1 ? "" : "s",
                   rules::format_score(evaluation.score)));
}

/// A refusal before the message. `greeting`: it is the greeting (RFC 5321, 3.8 and 4.3.2: 220, 554, or 421, which ends
/// the session).
Task<std::optional<Reply>> SessionImpl::decided(const Facts& facts, const rules::Evaluation& evaluation, Stage stage,
                                                bool greeting) {
  if (!evaluation.decision) co_return std::nullopt;
  const rules::Decision& decision = *evaluation.decision;
  if (decision.verdict != rules::Verdict::Reject && decision.verdict != rules::Verdict::Defer) co_return std::nullopt;
  std::string text = co_await list_text(facts, decision);
  auto answer = next_refusal(Cause::None, decision.rule, stage);
  // A greeting or an answer to HELO in a rule's own words is left as it is: there scripts compare whole lines.
  std::string shown = stage < Stage::Mail && !decision.reply.empty() ? std::string() : answer.id;
  Reply reply = decision_reply(decision, text, shown, policy_.verdict.reveal);
  if (greeting && reply.temporary()) reply.code = 421;
  if (greeting && reply.code == 550 && decision.reply.empty()) reply.code = 554;
  RefusalRecord record;
  record.facts = &facts;
  record.stage = stage;
  record.evaluation = &evaluation;
  record.reply = reply.to_string();
  tell_or_count(std::move(answer), std::move(record));
  co_return reply;
}

/// RFC 5782, 2.1: the TXT record says why. Asked only by a list that wants it told, and only now that it is needed.
Task<std::string> SessionImpl::list_text(const Facts& facts, const rules::Decision& decision) {
  if (decision.list.empty() || !decision.reply.empty()) co_return std::string();
  const lists::Lists& all = *snapshot_.lists->lists;
  for (size_t i = 0; i < std::min(all.size(), facts.lists.size()); ++i) {
    if (all[i].name != decision.list || !all[i].txt || facts.lists[i].listings.empty()) continue;
    std::vector<dns::Question> question(1, {facts.lists[i].listings.front().name, dns::Type::TXT});
    constexpr Duration kPatience = std::chrono::seconds(1);  // it is no more than a courtesy
    auto answers = co_await dns::ask(dns_, std::move(question), std::min(kPatience, policy_.dns.lookup));
    const auto& texts = answers.front().texts;
    co_return texts.empty() ? std::string() : texts.front();
  }
  co_return std::string();
}

}  // namespace postern::session
