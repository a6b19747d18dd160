// What DNS lists say of the messages of `postern scan`.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/task.h"
#include "filters/dns/dns.h"
#include "filters/facts.h"
#include "filters/lists/check.h"
#include "filters/lists/zone.h"
#include "filters/message/headers.h"
#include "lua/rules.h"
#include "proxy/net/loop.h"

namespace postern::cli {

/// One thread. Nobody probes here: every list is believed until it fails (lists::Zone::report), then for no further
/// message.
class ScanLists {
 public:
  /// All outlive it. `limit`: questions for one message; `timeout`: for each.
  ScanLists(const rules::RuleSet& rules, net::Loop& loop, dns::Client& dns, const Clock& clock, size_t limit,
            Duration timeout);
  ScanLists(const ScanLists&) = delete;
  ScanLists& operator=(const ScanLists&) = delete;
  ~ScanLists() = default;

  /// The next message: asks everything that is known without having asked anybody else. `connected`: facts.client is
  /// somebody. Sets facts.content where a list asks about the text.
  void begin(Facts& facts, const message::Header& header, bool connected);
  /// Asks the rest (the client's name, domains of signatures that passed), waits, and fills facts.lists.
  [[nodiscard]] Task<void> finish(Facts& facts);

 private:
  /// Questions and errors are not counted here; each outcome says what it came to.
  class Quiet final : public lists::Observer {
   public:
    void list_asked(const lists::List& /*list*/, std::string_view /*result*/, Duration /*time*/) override {}
    void list_error(const lists::List& /*list*/, const std::string& /*reason*/) override {}
  };

  void ask_about_text(Facts& facts, const message::Header& header);

  net::Loop& loop_;
  dns::Client& dns_;
  size_t limit_;
  Duration timeout_;
  Quiet quiet_;
  lists::Zones zones_;
  lists::Desk desk_;
  std::shared_ptr<const lists::Bound> bound_;
  std::vector<size_t> all_;
  std::unique_ptr<lists::Check> check_;
};

}  // namespace postern::cli
