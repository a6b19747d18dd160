// A domain's policy: its SPF record selected, parsed, and rewritten so that libspf2 sees nothing but tokens of ours.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "filters/dns/dns.h"
#include "filters/spf/record.h"
#include "filters/spf/spf.h"

namespace postern::spf {

/// RFC 7208, 4.6.4.
inline constexpr int kMaxDnsTerms = 10;

struct Policy {
  std::string domain;
  bool usable = false;
  Result error = Result::None;            // when not usable: None, TempError or PermError ...
  std::string reason;                     // ... and why
  std::string canonical;                  // when usable: the record for libspf2
  std::optional<DomainSpec> explanation;  // exp=; a view into the answer that was read
};

/// A term that causes DNS queries (RFC 7208, 4.6.4). libspf2 knows it by its number.
struct Term {
  Mechanism mechanism = Mechanism::Include;
  bool redirect = false;
  bool any_address = false;  // prefix length 0: whatever address there is matches
  const Policy* owner = nullptr;
  std::optional<DomainSpec> target;
  std::optional<std::string> name;  // the target once expanded
  size_t first_host = 0;            // Mx, once its answer is known
  std::optional<size_t> hosts;
};

/// The policies of one check and the terms in them. One thread; references to policies and terms stay valid.
class Policies {
 public:
  explicit Policies(const IpAddress& client) : client_(client) {}

  /// Null when it was not read yet.
  [[nodiscard]] const Policy* find(std::string_view domain) const;
  /// Reads the answer to the domain's TXT question, which outlives this object.
  const Policy* read(std::string_view domain, const dns::Answer& answer);
  /// Null: no such term.
  [[nodiscard]] Term* term(size_t number) { return number < terms_.size() ? &terms_[number] : nullptr; }

 private:
  void fill(Policy& policy, const dns::Answer& answer);
  void rewrite(Policy& policy, const Record& record);
  [[nodiscard]] std::string rewritten(const Policy& policy, const Directive& directive);

  IpAddress client_;
  std::map<std::string, std::unique_ptr<Policy>, std::less<>> policies_;  // by lower-case domain
  std::deque<Term> terms_;  // a deque: it grows while libspf2 walks over terms
};

/// "DNS: timeout for example.org".
[[nodiscard]] std::string dns_reason(const dns::Answer& answer, std::string_view name);

}  // namespace postern::spf
