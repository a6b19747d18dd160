// Refusals: how often a session was refused before there was a message, so that who tries a thousand things fills
// neither the log nor the journal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/facts.h"
#include "lua/rules.h"
#include "lua/verdict.h"
#include "proxy/session/cause.h"
#include "proxy/session/observer.h"

namespace postern::session {

/// Of each cause, and of each rule that decided, the first in a transaction is told at once, under the transaction's
/// id; those that follow in it are counted, and told together when it ends. After kMostTransactions of a session the
/// others that are refused alike share one id of their own, which is told when the session ends. So every id that a
/// client is told comes on record, names no other mail, and has at most two entries of a kind. Holds as many counts as
/// there are causes and rules with an action. One thread.
class Refusals {
 public:
  static constexpr size_t kMostTransactions = 10;
  static constexpr size_t kMostRcpts = 50;

  /// What was counted and not told yet: all of one cause or rule, under one id.
  struct Rest {
    Cause cause = Cause::None;
    rules::Stage stage{};
    std::string id;
    Facts facts;                   // of the first, but its sender of the last; of the recipients the first kMostRcpts
    rules::Evaluation evaluation;  // of the first
    std::string rules_version;     // that said so
    std::string backend;           // its last word, where it could not be asked
    std::string reply;             // the last
    uint64_t times = 0;            // so often
    uint64_t transactions = 0;     // in so many that have no id of their own; 0: in the one of this id
    uint64_t rcpts_left_out = 0;   // beyond kMostRcpts
  };
  struct Answer {
    std::string id;    // to be named
    bool tell = true;  // now; else it is to be counted
    Rest before = {};  // of an earlier transaction, to be told first; none: `times` is 0
  };

  /// `rule`: that decided; empty: none, and `cause` says why, or there was no backend to ask. `id`: of the transaction,
  /// or a new one where there is none. `wall_ms`: now, for another id.
  [[nodiscard]] Answer refuse(Cause cause, std::string_view rule, const std::string& id, int64_t wall_ms);
  /// After refuse() said that it is to be counted. `backend`: its last word.
  void count(const RefusalRecord& record, std::string_view rules_version, std::string_view backend);
  /// The transaction of this id is over, or the session (an empty id): what is to be told now.
  [[nodiscard]] std::vector<Rest> settle(const std::string& id);

 private:
  struct Account {
    Cause cause = Cause::None;
    std::string rule;
    Rest rest;
    std::string transaction;  // the last one
    size_t transactions = 0;  // that had an id of their own; beyond kMostTransactions: the others have begun
  };
  static Rest take(Account& account);
  Account& of(Cause cause, std::string_view rule);

  std::vector<Account> accounts_;
};

}  // namespace postern::session
