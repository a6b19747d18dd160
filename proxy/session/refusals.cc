#include "proxy/session/refusals.h"

#include <utility>

namespace postern::session {

/// The id stays: more may be counted under it.
Refusals::Rest Refusals::take(Account& account) {
  Rest rest = account.rest;
  account.rest = {};
  account.rest.id = rest.id;
  return rest;
}

Refusals::Answer Refusals::refuse(Cause cause, const std::string& id) {
  Account& account = of(cause);
  if (account.rest.id == id || account.transactions >= kMostTransactions) return {account.rest.id, false};
  Answer answer{id, true, take(account)};
  account.rest.id = id;
  ++account.transactions;
  return answer;
}

void Refusals::count(Cause cause, rules::Stage stage, const std::string& from, const std::string& rcpt,
                     std::string reply) {
  Rest& rest = of(cause).rest;
  rest.cause = cause;
  rest.stage = stage;
  rest.from = from;
  if (!rcpt.empty() && rest.rcpts.size() < kMostRcpts) rest.rcpts.push_back(rcpt);
  rest.reply = std::move(reply);
  ++rest.times;
}

std::vector<Refusals::Rest> Refusals::settle(const std::string& id) {
  std::vector<Rest> out;
  for (Account& account : accounts_) {
    if (account.rest.times == 0) continue;
    // The last id of a session may still be named.
    bool last = account.transactions >= kMostTransactions;
    if (id.empty() || (account.rest.id == id && !last)) out.push_back(take(account));
  }
  return out;
}

}  // namespace postern::session
