#include "proxy/session/refusals.h"

#include <algorithm>
#include <utility>

#include "proxy/session/message_id.h"

namespace postern::session {

Refusals::Account& Refusals::of(Cause cause, std::string_view rule) {
  auto found = std::find_if(accounts_.begin(), accounts_.end(),
                            [&](const Account& one) { return one.cause == cause && one.rule == rule; });
  if (found != accounts_.end()) return *found;
  Account& account = accounts_.emplace_back();
  account.cause = cause;
  account.rule = rule;
  return account;
}

/// The id stays: more may be counted under it.
Refusals::Rest Refusals::take(Account& account) {
  Rest rest = std::exchange(account.rest, {});
  account.rest.id = rest.id;
  return rest;
}

Refusals::Answer Refusals::refuse(Cause cause, std::string_view rule, const std::string& id, int64_t wall_ms) {
  Account& account = of(cause, rule);
  bool again = account.transaction == id;
  account.transaction = id;
  if (account.transactions > kMostTransactions) {
    if (!again) ++account.rest.transactions;
    return {account.rest.id, false};
  }
  if (again) return {id, false};
  Answer answer{id, true, take(account)};
  if (++account.transactions > kMostTransactions) {
    answer.id = make_message_id(wall_ms);
    answer.tell = false;
    account.rest.transactions = 1;
  }
  account.rest.id = answer.id;
  return answer;
}

void Refusals::count(const RefusalRecord& record, std::string_view rules_version, std::string_view backend) {
  const auto& decision = record.evaluation->decision;
  Rest& rest = of(record.cause, decision ? std::string_view(decision->rule) : std::string_view()).rest;
  if (rest.times == 0) {
    rest.cause = record.cause;
    rest.stage = record.stage;
    rest.facts = *record.facts;
    rest.facts.rcpts.clear();
    rest.evaluation = *record.evaluation;
    rest.evaluation.maps.reset();  // a session may last longer than a version of a map
    rest.rules_version = rules_version;
  }
  rest.facts.from = record.facts->from;
  rest.backend = backend;
  rest.reply = record.reply;
  ++rest.times;
  if (record.stage != rules::Stage::Rcpt || record.facts->rcpts.empty()) return;
  if (rest.facts.rcpts.size() < kMostRcpts) {
    rest.facts.rcpts.push_back(record.facts->rcpts.back());
  } else {
    ++rest.rcpts_left_out;
  }
}

std::vector<Refusals::Rest> Refusals::settle(const std::string& id) {
  std::vector<Rest> out;
  for (Account& account : accounts_) {
    if (account.rest.times > 0 && (id.empty() || account.rest.id == id)) out.push_back(take(account));
  }
  return out;
}

}  // namespace postern::session
