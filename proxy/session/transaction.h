// Transaction: everything about one message between MAIL and its verdict. RSET, EHLO, STARTTLS and the end of the
// message destroy it, so that nothing of one message can leak into the next.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/authentication/check.h"
#include "filters/base/signal.h"
#include "filters/bulk/facts.h"
#include "filters/facts.h"
#include "filters/lists/check.h"
#include "lua/rules.h"
#include "proxy/session/cause.h"
#include "proxy/session/message_store.h"
#include "proxy/session/policy.h"
#include "proxy/session/retry_memory.h"
#include "proxy/session/timeline.h"
#include "proxy/smtp/envelope.h"

namespace postern::session {

struct Transaction {
  Transaction(MemoryBudget& budget, const std::string& spool) : store(std::make_shared<MessageStore>(budget, spool)) {}

  std::string id;
  Facts facts;
  smtp::MailCommand mail;
  std::vector<smtp::RcptCommand> recipients;  // accepted, by the backend too
  rules::Evaluation evaluation;
  std::optional<rules::Thresholds> thresholds;  // of the first recipient (or the strictest of all)
  const std::vector<BackendAddress>* route = nullptr;
  bool mail_sent = false;  // the backend accepted MAIL
  bool header_lists_asked = false;
  bool filtered = true;                 // false: a trusted client that skips the filters
  std::shared_ptr<MessageStore> store;  // shared with a Maildir writer that must finish even when we are gone
  Result<void> stored;                  // an error once storing failed

  TimePoint began;
  TimePoint final_dot;
  Timeline timeline;  // begins with the connection's
  Duration dns{};
  Duration rules_time{};
  uint64_t bare_newlines = 0;
  bool awaits_retry = false;  // the client is gone: its retry is expected (RetryMemory::pend)
  bool committed = false;     // the final dot went to the backend: the point of no return
  std::string backend_reply;
  Cause cause = Cause::None;  // why we refused it, where no rule did
  bulk::Ticket bulk;          // the clusters that it was counted in,
  int64_t bulk_at = 0;        // and when; milliseconds since 1970

  // Last: destroyed first, which cancels them.
  std::unique_ptr<Background<spf::Outcome>> helo_spf;
  std::unique_ptr<Background<spf::Outcome>> spf;
  std::unique_ptr<authentication::Check> authentication;  // none: not judged
  std::unique_ptr<lists::Check> lists;                    // of this message; none: nothing of it is asked

  /// Names this very message from this sender to these recipients, for RetryMemory.
  [[nodiscard]] Result<RetryMemory::Key> key();
};

}  // namespace postern::session
