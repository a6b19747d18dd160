// What DNS lists say of the messages of `postern scan`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/signal.h"
#include "filters/base/task.h"
#include "filters/dns/dns.h"
#include "filters/facts.h"
#include "filters/lists/check.h"
#include "filters/lists/names.h"
#include "filters/lists/zone.h"
#include "filters/message/headers.h"
#include "lua/rules.h"
#include "proxy/net/loop.h"

namespace postern::cli {

/// One thread. A list is asked about what must not be on it before its first question (RFC 5782, 5), once for each run.
/// One that lists that, or fails (lists::Zone::report), is not believed for any further message. Whether it lists what
/// it must is not asked: an admin tries lists here that have no test points.
class ScanLists {
 public:
  /// All outlive it. `limit`: questions for one message; `timeout`: for each.
  ScanLists(const rules::RuleSet& rules, net::Loop& loop, dns::Client& dns, const Clock& clock, size_t limit,
            Duration timeout);
  ScanLists(const ScanLists&) = delete;
  ScanLists& operator=(const ScanLists&) = delete;
  ~ScanLists() = default;

  /// The next message: asks everything that is known without having asked anybody else, in the order of the gateway.
  /// `signers`: the d= of its signatures. `connected`: facts.client is somebody. Sets facts.content where a list asks
  /// about the text.
  void begin(Facts& facts, const message::Header& header, const std::vector<std::string>& signers, bool connected);
  /// Asks the rest (the client's name), waits, and fills facts.lists. Of signers only those in facts.dkim count that
  /// passed.
  [[nodiscard]] Task<void> finish(Facts& facts);

 private:
  /// Questions and errors are not counted here; each outcome says what it came to.
  class Quiet final : public lists::Observer {
   public:
    void list_asked(const lists::List& /*list*/, std::string_view /*result*/, Duration /*time*/) override {}
    void list_error(const lists::List& /*list*/, const std::string& /*reason*/) override {}
  };
  /// What all lists of a subject are asked about, or one of them alone.
  struct Round {
    lists::Subject of;
    std::vector<lists::Query> queries;
    std::optional<size_t> only;
  };
  using Rounds = std::vector<Round>;

  [[nodiscard]] size_t enabled(lists::Subject of) const;
  [[nodiscard]] Rounds about_message(Facts& facts, const message::Header& header,
                                     const std::vector<std::string>& signers) const;
  void add_text(Facts& facts, lists::Texts& texts, Rounds& rounds) const;
  [[nodiscard]] Task<void> ask_first(Rounds of_connection, Rounds of_message);
  static void ask(lists::Check& check, const Rounds& rounds);
  /// `rounds` outlive the task.
  [[nodiscard]] Task<void> probe(const Rounds& rounds);
  [[nodiscard]] std::unique_ptr<lists::Check> new_check(size_t taken);

  net::Loop& loop_;
  dns::Client& dns_;
  const Clock& clock_;
  size_t limit_;
  Duration timeout_;
  Quiet quiet_;
  lists::Zones zones_;
  lists::Desk desk_;
  std::shared_ptr<const lists::Bound> bound_;
  std::vector<size_t> all_;
  std::set<const lists::Zone*> probed_;
  bool connected_ = false;
  std::unique_ptr<lists::Check> connection_;  // client, rdns, helo
  std::unique_ptr<lists::Check> message_;     // all else
  std::unique_ptr<Background<void>> asking_;  // goes first
};

}  // namespace postern::cli
