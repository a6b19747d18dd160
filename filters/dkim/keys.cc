#include "filters/dkim/keys.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/base/tag_list.h"
#include "filters/dkim/base64.h"

namespace postern::dkim {
namespace {

/// RFC 6376, 3.6.1: h=, s= and t= are lists with colons between, white space around the words.
bool list_has(std::string_view list, std::string_view word) {
  constexpr std::string_view blanks = " \t\r\n";
  while (true) {
    size_t end = std::min(list.find(':'), list.size());
    std::string_view item = list.substr(0, end);
    size_t begin = std::min(item.find_first_not_of(blanks), item.size());
    size_t last = item.find_last_not_of(blanks);
    if (begin < item.size() && equal_nocase(item.substr(begin, last - begin + 1), word)) return true;
    if (end == list.size()) return false;
    list.remove_prefix(end + 1);
  }
}

Result<void> read_type(const TagList& tags, Key& key) {
  auto type = tags.find("k").value_or("rsa");
  if (equal_nocase(type, "rsa")) {
    key.type = KeyType::Rsa;
  } else if (equal_nocase(type, "ed25519")) {
    key.type = KeyType::Ed25519;  // RFC 8463, 4
  } else {
    return fail(Code::BadInput, "unknown key type in DNS record");
  }
  return {};
}

/// RFC 8017, 3.1: the exponent is odd and at least 3. A large one makes each check slow, and nobody's honest key has
/// it.
bool is_good_exponent(std::string_view exponent) {
  bool one = exponent == std::string_view("\x01");
  bool small = exponent.size() < 3 || (exponent.size() == 3 && exponent.front() == '\x01');
  return small && (static_cast<unsigned char>(exponent.back()) & 1U) == 1 && !one;
}

Result<void> read_rsa(std::string_view der, Key& key) {
  RsaNumbers numbers = read_rsa_key(der);
  key.bits = bits_of(numbers.modulus);
  if (key.bits == 0) return fail(Code::BadInput, "malformed RSA key in DNS record");
  if (!is_good_exponent(numbers.exponent)) return fail(Code::BadInput, "unusable RSA exponent in DNS record");
  if (key.bits > kMaxRsaBits) return {};
  key.pkey = make_rsa_key(numbers);
  if (!key.pkey) return fail(Code::BadInput, "unusable RSA key in DNS record");
  return {};
}

Result<void> read_ed25519(std::string_view octets, Key& key) {
  // RFC 8463, 4.2: the 32 octets themselves, no ASN.1 around them.
  if (octets.size() == 32) key.pkey = make_ed25519_key(octets);
  if (!key.pkey) return fail(Code::BadInput, "malformed Ed25519 key in DNS record");
  key.bits = 256;
  return {};
}

}  // namespace

// RFC 6376, 3.6.1.
Result<Key> parse_key(std::string_view record) {
  if (record.size() > kMaxKeyRecord) return fail(Code::BadInput, "key record too long");
  auto tags = TagList::parse(record);
  if (!tags) return fail(Code::BadInput, "malformed key record (" + tags.error().message + ")");
  // v=: if there is one, it is the first tag and "DKIM1".
  auto version = tags->find("v");
  if (version && (tags->tags()[0].name != "v" || *version != "DKIM1")) {
    return fail(Code::BadInput, "not a DKIM key record");
  }
  auto data = tags->find("p");
  if (!data) return fail(Code::BadInput, "key record without p=");
  Key key;
  if (auto known = read_type(*tags, key); !known) return tl::unexpected<Error>(known.error());
  if (auto hashes = tags->find("h")) key.sha256 = list_has(*hashes, "sha256");
  if (auto services = tags->find("s")) key.for_email = list_has(*services, "*") || list_has(*services, "email");
  if (auto flags = tags->find("t")) {
    key.testing = list_has(*flags, "y");
    key.strict_identity = list_has(*flags, "s");
  }
  key.revoked = data->empty();
  if (key.revoked) return key;
  auto octets = decode_base64(*data);
  if (!octets) return fail(Code::BadInput, "p= in key record is not base64");
  auto read = key.type == KeyType::Rsa ? read_rsa(*octets, key) : read_ed25519(*octets, key);
  if (!read) return tl::unexpected<Error>(read.error());
  return key;
}

Result<KeyPtr> KeyCache::get(std::string_view record) {
  if (auto known = by_record_.find(record); known != by_record_.end()) {
    entries_.splice(entries_.begin(), entries_, known->second);
    return known->second->key;
  }
  auto key = parse_key(record);
  if (!key) return tl::unexpected<Error>(key.error());
  entries_.push_front({std::string(record), std::make_shared<const Key>(*std::move(key))});
  KeyPtr added = entries_.front().key;
  by_record_.emplace(entries_.front().record, entries_.begin());
  if (entries_.size() > capacity_) {
    by_record_.erase(entries_.back().record);
    entries_.pop_back();
  }
  return added;
}

namespace {

// RFC 6376, 3.6.2.1.
std::string key_name(const std::string& domain, const std::string& selector) {
  return selector + "._domainkey." + domain;
}

}  // namespace

void KeyFetcher::want(const std::string& domain, const std::string& selector) {
  std::string name = key_name(domain, selector);
  auto [place, added] = answers_.try_emplace(name);
  if (!added) return;
  place->second.reason = "key not fetched";
  ++missing_;
  pending_.push_back(dns_.lookup({name, dns::Type::TXT}, timeout_,
                                 [this, name](const dns::Answer& answer) { answered(name, answer); }));
}

void KeyFetcher::answered(const std::string& name, const dns::Answer& answer) {
  KeyAnswer& out = answers_[name];
  out.reason.clear();
  if (answer.status == dns::Status::TempFail) {
    out.reason = "key unavailable";
    if (!answer.reason.empty()) out.reason += ": " + printable_ascii(answer.reason, 60);
  } else if (answer.status != dns::Status::Found || answer.texts.empty()) {
    // RFC 6376, 6.1.2.
    out.status = KeyAnswer::Status::Missing;
    out.reason = "no key for signature";
  } else {
    out.status = KeyAnswer::Status::Bad;
    for (const std::string& text : answer.texts) {
      if (out.keys.size() == KeyAnswer::kMaxKeys) break;
      if (auto key = cache_.get(text)) {
        out.keys.push_back(*std::move(key));
      } else if (out.reason.empty()) {
        out.reason = key.error().message;
      }
    }
    if (!out.keys.empty()) out.status = KeyAnswer::Status::Found;
  }
  // The waiter may destroy this object.
  if (--missing_ == 0) changed_.notify();
}

Task<void> KeyFetcher::wait() {
  while (missing_ > 0) co_await changed_;
}

const KeyAnswer& KeyFetcher::answer(const std::string& domain, const std::string& selector) const {
  static const KeyAnswer kNeverWanted{KeyAnswer::Status::TempFail, {}, "key not fetched"};
  auto found = answers_.find(key_name(domain, selector));
  return found == answers_.end() ? kNeverWanted : found->second;
}

namespace {

// In hundredths of what RSA-2048 costs (about 25 us): measured on amd64 with OpenSSL 3.0.
constexpr size_t kEffortOfAnyMessage = 2000;
constexpr size_t kEffortForKiB = 100;

size_t effort_of(const Key& key) {
  if (key.type == KeyType::Ed25519) return 500;
  auto bits = static_cast<size_t>(key.bits);
  return std::max<size_t>(40, bits * bits * 100 / (2048UL * 2048UL));
}

}  // namespace

void KeyFetcher::limit_effort(size_t header_octets) {
  effort_ = kEffortOfAnyMessage + header_octets / 1024 * kEffortForKiB;
}

bool KeyFetcher::can_verify(const std::vector<Signer>& signers) const {
  size_t left = effort_;
  for (const Signer& signer : signers) {
    const KeyAnswer& found = answer(signer.domain, signer.selector);
    if (found.keys.empty()) continue;
    size_t effort = effort_of(*found.keys.front());
    if (effort > left) return false;
    left -= effort;
  }
  return true;
}

KeyFetcher::Verified KeyFetcher::verify(const Key& key, const Digest& digest, std::string_view signature) {
  size_t effort = effort_of(key);
  if (effort > effort_) return Verified::TooMuch;
  effort_ -= effort;
  return dkim::verify(key, digest, signature) ? Verified::Good : Verified::Bad;
}

bool verify(const Key& key, const Digest& digest, std::string_view signature) {
  if (!key.pkey) return false;
  return key.type == KeyType::Rsa ? verify_rsa(key.pkey, digest, signature)
                                  : verify_ed25519(key.pkey, digest, signature);
}

}  // namespace postern::dkim
