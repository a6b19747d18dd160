#include "filters/bulk/sighting.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <xxhash.h>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/dmarc/psl.h"
#include "filters/mime/text.h"

namespace postern::bulk {
namespace {

constexpr size_t kMaxFrom = 64;
constexpr size_t kMaxSubject = 96;

/// 0 means "not known", so nothing that is known has it.
uint32_t hash_of(std::string_view text) {
  auto hash = static_cast<uint32_t>(XXH3_64bits(text.data(), text.size()));
  return hash != 0 ? hash : 1;
}

uint32_t network_of(const IpAddress& ip) {
  // Of one length each, so that no network of one family has the octets of one of the other.
  return hash_of(ip.octets().substr(0, ip.is_v4() ? 3 : 6));
}

/// Text of strangers as an admin sees it.
std::string for_people(std::string_view text, size_t limit) {
  std::string shown = is_utf8(text) ? mime::shown_text(text) : printable_ascii(text, limit);
  return mime::shown_text(mime::cut_utf8(shown, limit));
}

std::string registered(const std::string& domain) {
  return dmarc::registrable_domain(domain).value_or(domain);
}

/// A signature that says who answers for the whole message: not `l=` (anybody may add to it), not a test.
bool counts(const dkim::Outcome& signature) {
  return signature.result == dkim::Result::Pass && !signature.partial && !signature.testing &&
         !signature.domain.empty();
}

std::string envelope_domain(const std::string& from) {
  size_t at = from.rfind('@');
  if (at == std::string::npos) return {};
  std::optional<std::string> ascii = to_ascii_domain(std::string_view(from).substr(at + 1));
  return ascii ? registered(*ascii) : std::string();
}

/// Who answers for the message: the organizational domain of its author, else of who signed it, else of who sent it.
std::string domain_of(const Facts& facts) {
  if (facts.dmarc && !facts.dmarc->domain.empty()) {
    // Without a record, that is the author's domain as it stands, and every name below the registered one another.
    return facts.dmarc->record_domain.empty() ? registered(facts.dmarc->domain) : facts.dmarc->domain;
  }
  auto signature = std::find_if(facts.dkim.begin(), facts.dkim.end(), counts);
  return signature != facts.dkim.end() ? registered(signature->domain) : envelope_domain(facts.from);
}

bool is_authenticated(const Facts& facts, const std::string& domain) {
  if (facts.dmarc && facts.dmarc->result == dmarc::Result::Pass) return true;
  if (domain.empty()) return false;
  // Without a DMARC record the author's domain may still have said who sends for it.
  if (facts.spf && facts.spf->result == spf::Result::Pass && envelope_domain(facts.from) == registered(domain)) {
    return true;
  }
  return std::any_of(facts.dkim.begin(), facts.dkim.end(), [&](const dkim::Outcome& signature) {
    return counts(signature) && (registered(signature.domain) == domain || is_at_or_below(signature.domain, domain));
  });
}

std::vector<uint32_t> recipients_of(const std::vector<std::string>& rcpts) {
  std::vector<uint32_t> hashes;
  hashes.reserve(std::min(rcpts.size(), Sighting::kMaxRecipients));
  for (const std::string& rcpt : rcpts) {
    if (hashes.size() == Sighting::kMaxRecipients) break;
    hashes.push_back(hash_of(to_lower(rcpt)));
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

}  // namespace

Sighting sighting_of(const Facts& facts, mime::Content& content, const message::Header& header, std::string id,
                     int64_t wall_ms) {
  Sighting sighting;
  sighting.print = fingerprint(content, header, facts.from.empty());
  sighting.id = std::move(id);
  sighting.from = for_people(facts.from, kMaxFrom);
  sighting.subject = for_people(mime::decode_header(header.first("Subject").value_or("")), kMaxSubject);
  sighting.network = network_of(facts.client.ip);
  sighting.sender = hash_of(to_lower(facts.from));
  std::string domain = domain_of(facts);
  if (!domain.empty()) sighting.domain = hash_of(domain);
  sighting.authenticated = is_authenticated(facts, domain);
  sighting.recipients = recipients_of(facts.rcpts);
  sighting.wall_ms = wall_ms;
  return sighting;
}

}  // namespace postern::bulk
