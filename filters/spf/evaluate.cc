#include "filters/spf/evaluate.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"

namespace postern::spf {
namespace {

/// What stands for a record that is not known yet, or that cannot match: an include of it does not match.
const std::string kNoMatch = "v=spf1 ?all";

bool is_void(const dns::Answer& answer) {
  return answer.status == dns::Status::NoName || answer.status == dns::Status::NoRecord;
}

std::string shown(std::string_view name) {
  return escape_for_log(name, 100);
}

engine::Reply found(const std::vector<IpAddress>& addresses) {
  engine::Reply reply;
  reply.got = engine::Reply::Got::Found;
  reply.addresses = &addresses;
  return reply;
}

engine::Reply found(const std::string& policy) {
  engine::Reply reply;
  reply.got = engine::Reply::Got::Found;
  reply.policy = &policy;
  return reply;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Evaluation::Evaluation(Identity identity, const IpAddress& client, const Options& options)
    : identity_(std::move(identity)), client_(client), options_(options), client_alone_{client}, policies_(client) {}

bool Evaluation::run() {
  known_.forget_missing();
  if (!judged_) {
    if (!judge()) return false;
    judged_ = true;
  }
  return outcome_.result != Result::Fail || explain();
}

bool Evaluation::judge() {
  dns_terms_ = 0;
  voids_ = 0;
  stopped_.reset();
  const Policy* top = policy_of(identity_.domain);
  if (top == nullptr) return false;
  outcome_ = Outcome{};
  if (!top->usable) {
    outcome_.result = top->error;
    if (top->error != Result::None) outcome_.reason = top->reason;
    return true;
  }
  decisive_ = top;
  engine::Verdict verdict = engine::run(top->canonical, client_, *this);
  if (!known_.missing().empty()) return false;
  if (stopped_) {
    outcome_ = std::move(*stopped_);
    return true;
  }
  outcome_.result = verdict.result;
  outcome_.reason = verdict.too_many_exchangers ? "more than 10 MX names (RFC 7208, 4.6.4)" : verdict.reason;
  return true;
}

// RFC 7208, 6.2.
bool Evaluation::explain() {
  std::optional<std::string> text = explanation();
  if (!known_.missing().empty()) return false;
  if (text && !text->empty()) {
    outcome_.explanation = std::move(*text);
  } else {
    outcome_.explanation = options_.default_explanation;
  }
  return true;
}

/// The domain's own words; nullopt when there are none, when they are no good, or when something is missing().
std::optional<std::string> Evaluation::explanation() {
  const auto& spec = decisive_->explanation;
  if (!spec) return std::nullopt;
  auto name = expand_text(spec->text, spec->use, decisive_->domain, MacroPlace::Domain);
  if (!name) return std::nullopt;
  const dns::Answer* answer = known_.find(*name, dns::Type::TXT);
  // RFC 7208, 6.2: with an error, no record or more than one, proceed as if no "exp" was given.
  if (answer == nullptr || answer->texts.size() != 1 || answer->texts[0].size() > kMaxRecord) return std::nullopt;
  const std::string& text = answer->texts[0];
  auto use = scan_macros(text, MacroPlace::Explanation);
  if (!use) return std::nullopt;
  auto words = expand_text(text, *use, decisive_->domain, MacroPlace::Explanation);
  if (words && !is_printable(*words)) return std::nullopt;
  return words;
}

/// Null when the domain's record is missing().
const Policy* Evaluation::policy_of(std::string_view domain) {
  if (const Policy* policy = policies_.find(domain)) return policy;
  const dns::Answer* answer = known_.find(domain, dns::Type::TXT);
  return answer == nullptr ? nullptr : policies_.read(domain, *answer);
}

/// Expands a well-formed macro-string; nullopt when it needs what is missing().
std::optional<std::string> Evaluation::expand_text(std::string_view text, const MacroUse& use, std::string_view domain,
                                                   MacroPlace place) {
  if (!use.any && place == MacroPlace::Domain) {
    std::string name(text);
    fit_name(name);
    return name;
  }
  std::string validated;
  if (use.validated_name) {
    auto name = validated_name(domain);
    if (!name) return std::nullopt;
    validated = std::move(*name);
  }
  MacroValues values;
  values.local = identity_.local;
  values.sender_domain = identity_.domain;
  values.domain = domain;
  values.helo = identity_.helo;
  values.receiver = options_.receiver;
  values.validated_name = validated;
  values.client = client_;
  values.wall_seconds = options_.wall_seconds;
  return expand_macros(text, values, place);
}

/// No: the term cannot match anything.
Evaluation::Found Evaluation::expand(Term& term) {
  if (term.name) return Found::Yes;
  if (!term.target) {
    term.name = term.owner->domain;
    return Found::Yes;
  }
  // RFC 8616, 4: a local part that is not ASCII cannot stand in a DNS name, so such a term matches nothing.
  if (term.target->use.local_part && !is_ascii(identity_.local)) return Found::No;
  term.name = expand_text(term.target->text, term.target->use, term.owner->domain, MacroPlace::Domain);
  return term.name ? Found::Yes : Found::Unknown;
}

// RFC 7208, 7.3, %{p}: the domain itself if it is validated, else a name below it, else any, else "unknown".
std::optional<std::string> Evaluation::validated_name(std::string_view domain) {
  const dns::Answer* names = reverse_names();
  if (names == nullptr) return std::nullopt;
  std::string best = "unknown";
  int best_rank = 0;
  bool unknown = false;
  for (size_t i = 0; i < std::min(names->names.size(), kMaxHosts); ++i) {
    const std::string& name = names->names[i];
    Found validated = is_validated(name);
    unknown = unknown || validated == Found::Unknown;
    int rank = equal_nocase(name, domain) ? 3 : is_at_or_below(name, domain) ? 2 : 1;
    if (validated == Found::Yes && rank > best_rank) {
      best = name;
      best_rank = rank;
    }
  }
  if (unknown) return std::nullopt;
  return best;
}

const dns::Answer* Evaluation::reverse_names() {
  return known_.find(client_.reverse_name(), dns::Type::PTR);
}

/// RFC 7208, 5.5: whether a name that PTR gave leads back to the client. A DNS error skips the name.
Evaluation::Found Evaluation::is_validated(const std::string& name) {
  const dns::Answer* answer = known_.find(name, address_type());
  if (answer == nullptr) return Found::Unknown;
  const auto& all = answer->addresses;
  return std::find(all.begin(), all.end(), client_) != all.end() ? Found::Yes : Found::No;
}

// RFC 7208, 5.5: names beyond the tenth are ignored, and on a DNS error the mechanism does not match. Only names within
// the target are validated: others cannot match.
engine::Reply Evaluation::match_ptr(const Term& term) {
  static const std::vector<IpAddress> kYes = {IpAddress()};
  const dns::Answer* names = reverse_names();
  if (names == nullptr) return missed();
  if (is_void(*names)) return count_void();
  bool unknown = false;
  for (size_t i = 0; i < std::min(names->names.size(), kMaxHosts); ++i) {
    if (!is_at_or_below(names->names[i], *term.name)) continue;
    Found validated = is_validated(names->names[i]);
    if (validated == Found::Yes) return found(kYes);
    unknown = unknown || validated == Found::Unknown;
  }
  return unknown ? missed() : Reply{};
}

engine::Reply Evaluation::look_up(const std::string& name, dns::Type type, bool any_address, bool is_term) {
  if (!dns::is_valid_name(name)) return {};  // RFC 7208, 4.8: no match
  const dns::Answer* answer = known_.find(name, type);
  if (answer == nullptr) return missed();
  if (answer->status == dns::Status::TempFail) return stop(Result::TempError, dns_reason(*answer, name));
  if (is_void(*answer)) return is_term ? count_void() : Reply{};
  if (any_address) return found(answer->addresses.empty() ? answer->addresses : client_alone_);
  return found(answer->addresses);
}

engine::Reply Evaluation::term_addresses(Term& term) {
  if (!count_term()) return stop(Result::PermError, "more than 10 DNS terms (RFC 7208, 4.6.4)");
  switch (expand(term)) {
    case Found::No: return {};
    case Found::Unknown: return missed();
    case Found::Yes: break;
  }
  switch (term.mechanism) {
    case Mechanism::Ptr: return match_ptr(term);
    // RFC 7208, 5.7: type A even when the client is IPv6.
    case Mechanism::Exists: return look_up(*term.name, dns::Type::A, false, true);
    default: return look_up(*term.name, address_type(), term.any_address, true);
  }
}

engine::Reply Evaluation::addresses(engine::Token token) noexcept {
  if (token.kind == engine::Token::Kind::Term) {
    Term* term = policies_.term(token.number);
    return term == nullptr ? Reply{} : term_addresses(*term);
  }
  if (token.number >= hosts_.size()) return {};
  const Host& host = hosts_[token.number];
  return look_up(host.name, address_type(), host.any_address, false);
}

engine::Reply Evaluation::exchangers(size_t number) noexcept {
  Term* term = policies_.term(number);
  return term == nullptr ? Reply{} : term_exchangers(*term);
}

engine::Reply Evaluation::term_exchangers(Term& term) {
  if (!count_term()) return stop(Result::PermError, "more than 10 DNS terms (RFC 7208, 4.6.4)");
  Found expanded = expand(term);
  if (expanded == Found::Unknown) return missed();
  if (expanded == Found::No || !dns::is_valid_name(*term.name)) return {};
  const dns::Answer* answer = known_.find(*term.name, dns::Type::MX);
  if (answer == nullptr) return missed();
  if (answer->status == dns::Status::TempFail) return stop(Result::TempError, dns_reason(*answer, *term.name));
  if (is_void(*answer)) return count_void();
  // RFC 7208, 4.6.4: more than 10 MX is an error whichever of them would have matched, because their order is chance.
  if (answer->exchanges.size() > kMaxHosts) return stop(Result::PermError, "more than 10 MX names (RFC 7208, 4.6.4)");
  if (!term.hosts) {
    term.first_host = hosts_.size();
    term.hosts = answer->exchanges.size();
    for (size_t i = 0; i < *term.hosts; ++i) hosts_.push_back({answer->exchanges[i].name, term.any_address});
  }
  Reply reply;
  reply.got = Reply::Got::Found;
  reply.first_host = term.first_host;
  reply.hosts = *term.hosts;
  return reply;
}

engine::Reply Evaluation::policy(size_t number) noexcept {
  Term* term = policies_.term(number);
  return term == nullptr ? Reply{} : term_policy(*term);
}

// RFC 7208, 5.2 and 6.1: an include or redirect whose check_host() gives none is a permerror.
engine::Reply Evaluation::term_policy(Term& term) {
  if (!count_term()) return stop(Result::PermError, "more than 10 DNS terms (RFC 7208, 4.6.4)");
  Found expanded = expand(term);
  if (expanded == Found::Unknown) return missed_policy();
  if (expanded == Found::No) return found(kNoMatch);
  if (!is_judgeable(*term.name)) {
    return stop(Result::PermError,
                (term.redirect ? "redirect to " : "include of ") + shown(*term.name) + ": no domain");
  }
  const Policy* policy = policy_of(*term.name);
  if (policy == nullptr) return missed_policy();
  if (!policy->usable) {
    return stop(policy->error == Result::None ? Result::PermError : policy->error, policy->reason);
  }
  // RFC 7208, 6.2: after a redirect its target's exp counts; an include's never does.
  if (term.redirect && term.owner == decisive_) decisive_ = policy;
  return found(policy->canonical);
}

bool Evaluation::count_term() {
  return ++dns_terms_ <= kMaxDnsTerms;
}

// RFC 7208, 4.6.4.
engine::Reply Evaluation::count_void() {
  if (++voids_ <= kMaxVoidLookups) return {};
  return stop(Result::PermError, "more than 2 void look-ups (RFC 7208, 4.6.4)");
}

engine::Reply Evaluation::stop(Result result, std::string reason) {
  if (!stopped_) {
    stopped_.emplace();
    stopped_->result = result;
    stopped_->reason = std::move(reason);
  }
  Reply reply;
  reply.got = Reply::Got::Stop;
  return reply;
}

/// After a miss this pass is void. It goes on as if nothing had been found, to see what else will be needed.
engine::Reply Evaluation::missed() const {
  Reply reply;
  reply.got = known_.eager() ? Reply::Got::Nothing : Reply::Got::Stop;
  return reply;
}

engine::Reply Evaluation::missed_policy() const {
  return known_.eager() ? found(kNoMatch) : missed();
}

}  // namespace postern::spf
