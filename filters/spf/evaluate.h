// One check_host() of RFC 7208, 4, as a loop: run() over what is known of DNS, ask what it misses, run() again.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dns/dns.h"
#include "filters/spf/engine.h"
#include "filters/spf/identity.h"
#include "filters/spf/known.h"
#include "filters/spf/macro.h"
#include "filters/spf/policy.h"
#include "filters/spf/spf.h"

namespace postern::spf {

/// RFC 7208, 4.6.4 (kMaxDnsTerms: see policy.h).
inline constexpr int kMaxVoidLookups = 2;
inline constexpr size_t kMaxHosts = 10;  // MX or PTR names

/// Pure: does no I/O. One thread. Not movable: libspf2 answers point into it while it runs.
class Evaluation final : private engine::Source {
 public:
  /// `options` outlives it.
  Evaluation(Identity identity, const IpAddress& client, const Options& options);

  /// Evaluates with all that is known. False: the answers to missing() are needed first.
  [[nodiscard]] bool run();
  [[nodiscard]] const std::vector<dns::Question>& missing() const { return known_.missing(); }
  /// The answers to missing(), in its order.
  void learn(std::vector<dns::Answer> answers) { known_.learn(std::move(answers)); }
  /// After run() returned true.
  [[nodiscard]] Outcome take() { return std::move(outcome_); }

 private:
  /// A mail exchanger's name.
  struct Host {
    std::string name;
    bool any_address = false;
  };
  enum class Found { Yes, No, Unknown };
  using Reply = engine::Reply;

  [[nodiscard]] Reply policy(size_t term) noexcept override;
  [[nodiscard]] Reply addresses(engine::Token token) noexcept override;
  [[nodiscard]] Reply exchangers(size_t term) noexcept override;

  [[nodiscard]] bool judge();
  [[nodiscard]] bool explain();
  [[nodiscard]] std::optional<std::string> explanation();

  [[nodiscard]] const Policy* policy_of(std::string_view domain);

  [[nodiscard]] Found expand(Term& term);
  [[nodiscard]] std::optional<std::string> expand_text(std::string_view text, const MacroUse& use,
                                                       std::string_view domain, MacroPlace place);
  [[nodiscard]] std::optional<std::string> validated_name(std::string_view domain);
  [[nodiscard]] const dns::Answer* reverse_names();
  [[nodiscard]] Found is_validated(const std::string& name);
  [[nodiscard]] Reply match_ptr(const Term& term);
  [[nodiscard]] Reply term_addresses(Term& term);
  [[nodiscard]] Reply look_up(const std::string& name, dns::Type type, bool any_address, bool is_term);
  [[nodiscard]] Reply term_exchangers(Term& term);
  [[nodiscard]] Reply term_policy(Term& term);

  [[nodiscard]] bool count_term();
  [[nodiscard]] Reply count_void();
  [[nodiscard]] Reply stop(Result result, std::string reason);
  [[nodiscard]] Reply missed() const;
  [[nodiscard]] Reply missed_policy() const;
  [[nodiscard]] dns::Type address_type() const { return client_.is_v4() ? dns::Type::A : dns::Type::AAAA; }

  Identity identity_;
  IpAddress client_;
  const Options& options_;
  std::vector<IpAddress> client_alone_;  // the answer that matches by definition
  Known known_;
  Policies policies_;
  std::deque<Host> hosts_;  // a deque: it grows while libspf2 walks over hosts

  // Of one pass.
  int dns_terms_ = 0;
  int voids_ = 0;
  const Policy* decisive_ = nullptr;  // the record whose exp= counts: the first, or the target of its redirect
  std::optional<Outcome> stopped_;

  bool judged_ = false;
  Outcome outcome_;
};

}  // namespace postern::spf
