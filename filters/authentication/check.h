// Who sent this message: DKIM, ARC and DMARC together, from the first octet of the content to the outcome.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/arc/arc.h"
#include "filters/base/task.h"
#include "filters/dkim/dkim.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dns/dns.h"
#include "filters/spf/spf.h"

namespace postern::authentication {

/// What the configuration says ([dmarc], [arc]).
struct Settings {
  dmarc::Discovery discovery = dmarc::Discovery::TreeWalk;
  std::vector<std::string> trusted_sealers;  // lower case, A-labels: their word may speak for a DMARC failure
};

struct Options {
  Settings settings;
  Duration lookup_timeout = std::chrono::seconds(5);
  int64_t wall_seconds = 0;  // now, seconds since 1970
};

struct Outcome {
  std::vector<dkim::Outcome> dkim;  // in the order of the fields
  size_t dkim_ignored = 0;          // signatures beyond dkim::Verifier::kMaxSignatures
  arc::Outcome arc;
  dmarc::Outcome dmarc;
};

/// One word for all signatures of a message, for logs and metrics: the best of them in the order pass, temperror,
/// policy, fail, permerror, neutral; "none" where there is no signature.
[[nodiscard]] std::string_view dkim_summary(const std::vector<dkim::Outcome>& outcomes);

/// The domain that SPF may vouch for, A-labels: that of MAIL FROM, for the null sender the name in HELO (RFC
/// 7208, 2.4). Empty when there is none.
[[nodiscard]] std::string spf_domain(std::string_view mail_from, std::string_view helo);

/// The check of one message. append() as the content arrives: when its header is complete, the keys and the policy are
/// asked for, and the body is hashed as it passes. At the final dot almost nothing is left to wait for. One thread;
/// `dns` and `keys` outlive it; destroying it cancels.
class Check {
 public:
  /// `mail_from_domain`: what SPF may authenticate, empty when there is nothing.
  Check(dns::Client& dns, dkim::KeyCache& keys, Options options, std::string mail_from_domain);
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  ~Check();

  /// The next octets of the content (CRLF line ends). `head`: the content from its first octet on, up to and including
  /// these, or at least the first kMaxHeader of it; the header is read there.
  static constexpr size_t kMaxHeader = 1U << 20U;
  void append(std::string_view bytes, std::string_view head);
  /// Whether the header was seen as a whole.
  [[nodiscard]] bool begun() const;
  /// The d= of the signatures that can be read, whether they pass or not; empty before begun().
  [[nodiscard]] const std::vector<std::string>& signers() const;

  /// Once, after the last append(). `header` is that of the whole content; it and the text it views outlive the task.
  [[nodiscard]] Task<Outcome> finish(const message::Header& header, std::string_view head, spf::Outcome mail_from);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::authentication
