// Refusals: how often a session was refused for something that no rule decided, so that who tries a thousand things
// fills neither the log nor the journal.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lua/rules.h"
#include "proxy/session/cause.h"

namespace postern::session {

/// Of each cause the first in a transaction is told at once, under the transaction's id; those that follow in it are
/// counted, and told together when it ends. After kMostTransactions of a session no more ids are given out for a cause:
/// the answers name the last one, and what is counted under it is told when the session ends. So every id that a client
/// is told is on record, with at most two entries a transaction. One thread.
class Refusals {
 public:
  static constexpr size_t kMostTransactions = 10;
  static constexpr size_t kMostRcpts = 50;

  /// What was counted and not told yet: all of one cause, under one id.
  struct Rest {
    Cause cause = Cause::None;
    rules::Stage stage{};
    std::string id;
    std::string from;
    std::vector<std::string> rcpts;  // the first kMostRcpts
    std::string reply;               // the last
    uint64_t times = 0;
  };
  struct Answer {
    std::string id;    // to be named
    bool tell = true;  // now; else it was counted
    Rest before = {};  // of an earlier transaction, to be told first; none: `times` is 0
  };

  /// `id`: of the transaction, or a new one where there is none.
  [[nodiscard]] Answer refuse(Cause cause, const std::string& id);
  /// After refuse() said that it was counted.
  void count(Cause cause, rules::Stage stage, const std::string& from, const std::string& rcpt, std::string reply);
  /// The transaction of this id is over, or the session (an empty id): what is to be told now.
  [[nodiscard]] std::vector<Rest> settle(const std::string& id);

 private:
  struct Account {
    Rest rest;
    size_t transactions = 0;
  };
  static Rest take(Account& account);
  Account& of(Cause cause) { return accounts_.at(static_cast<size_t>(cause)); }

  std::array<Account, kCauses.size()> accounts_;
};

}  // namespace postern::session
