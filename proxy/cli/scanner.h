// Judges messages from files as if they had just arrived: what `scan`, `replay` and `tune` share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/authentication/check.h"
#include "filters/base/clock.h"
#include "filters/base/result.h"
#include "filters/base/task.h"
#include "filters/bulk/index.h"
#include "filters/classifier/model.h"
#include "filters/dns/dns.h"
#include "filters/dns/helo.h"
#include "filters/message/headers.h"
#include "lua/rules.h"
#include "lua/verdict.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/mail_files.h"
#include "proxy/cli/scan_lists.h"
#include "proxy/cli/scan_report.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/loop.h"

namespace postern::cli {

/// One thread; it has a loop, a resolver and Lua states of its own, so that several work side by side.
class Scanner {
 public:
  /// Who is said to have brought the messages.
  struct Envelope {
    std::string ip;  // empty: nobody connected
    std::string helo;
    /// Without it what Return-Path says; without that and without `ip` the author, but of reports nobody.
    std::optional<std::string> from;
    std::vector<std::string> rcpts;
    std::optional<int64_t> at;  // seconds since 1970; without it now
  };
  /// Count: the messages of this scanner are each other's stream, so what is said of one depends on those before it.
  enum class Bulk { Count, Leave };

  /// `observer` (may be null, outlives the scanner): told what the rules of `loaded` do. Fails where the resolver that
  /// the configuration names cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<Scanner>> create(const Loaded& loaded, Envelope envelope, Bulk bulk,
                                                               rules::Observer* observer = nullptr);
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;
  ~Scanner();

  /// Another set that judges each message by the same facts, by the thresholds of its own configuration; all else that
  /// `loaded` configures is not looked at.
  void add(const Loaded& loaded, rules::Observer* observer = nullptr);

  /// What the first set says. The result's facts are of `input`, which outlives them.
  [[nodiscard]] Judged judge(const InputMessage& input);
  /// What each set says, in the order in which they were added. The DNS is asked once.
  [[nodiscard]] std::vector<Judged> judge_by_all(const InputMessage& input);

 private:
  struct Set;

  Scanner(const Loaded& loaded, Envelope envelope, Bulk bulk);
  Task<void> judge_task(const InputMessage& input, std::vector<Judged>& judged);
  Task<void> judge_by(Set& set, Judged& judged);
  Task<void> learn(Judged& judged, const message::Header& header);
  Task<void> learn_lists(Set& set, Judged& judged, const message::Header& header);
  Task<void> learn_client(Facts& facts, int64_t now);
  Task<dns::HeloName> know_helo(const Facts& facts);
  void learn_bulk(Judged& judged, const message::Header& header);
  void open_model();
  void classify(Facts& facts, const message::Header& header);

  ops::ConfigPtr config_;
  const session::Policy& policy_;
  Envelope envelope_;
  std::optional<IpAddress> ip_;
  SystemClock clock_;
  net::Loop loop_;
  std::unique_ptr<net::UnboundClient> resolver_;
  std::unique_ptr<dns::Budget> dns_;
  dkim::KeyCache keys_;
  std::vector<std::unique_ptr<Set>> sets_;
  std::vector<std::string> signers_;  // of the message that is being judged
  std::optional<bulk::Index> bulk_;
  std::shared_ptr<const classifier::Model> model_;  // null: nothing was learned
  classifier::Reading reading_;                     // of the message that is being judged
  bool asks_helo_ = false;                          // whether any rule reads what the DNS says of the name in HELO
};

}  // namespace postern::cli
