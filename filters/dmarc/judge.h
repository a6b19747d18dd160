// From records and identifiers to an outcome (RFC 9989, 4.10 and 5.3). Pure: asks nobody, only says what it still
// needs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/walk.h"
#include "filters/dns/dns.h"

namespace postern::dmarc {

/// Reads `known` anew in each call; it and the other arguments outlive the judge.
class Judge {
 public:
  Judge(const Author& author, const std::vector<Identifier>& identifiers, Discovery discovery, const Known& known);

  /// Whether there is a policy record to go on with. When not, outcome() is final.
  [[nodiscard]] bool applies() const { return record_ != nullptr && record_->usable; }
  /// Domains whose walks are not known yet and could make a difference.
  [[nodiscard]] std::vector<std::string> missing() const;
  /// Whether the policy depends on the existence of the author domain, and nothing seen so far proves that.
  [[nodiscard]] bool asks_existence() const;

  /// `existence`: the answer to a query for the author domain, nullopt when there was none.
  [[nodiscard]] Outcome outcome(const std::optional<dns::Status>& existence) const;

 private:
  enum class Alignment { No, Unsure, NotAsked, Yes };

  void find_policy();
  [[nodiscard]] bool below() const { return record_domain_ != author_.domain; }
  [[nodiscard]] Alignment align(const Identifier& identifier) const;
  void judge_identifiers(Outcome& outcome) const;
  void judge_policy(Outcome& outcome, const std::optional<dns::Status>& existence) const;

  const Author& author_;
  const std::vector<Identifier>& identifiers_;
  Discovery discovery_;
  const Known& known_;
  Organization organization_;  // of the author domain
  const Record* record_ = nullptr;
  std::string record_domain_;
  bool settled_ = true;  // false: one of the names without an answer may hold another policy
};

}  // namespace postern::dmarc
