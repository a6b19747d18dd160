#include "filters/dkim/signature.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/dkim/base64.h"
#include "filters/dns/dns.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

auto wrong(std::string_view tag, std::string_view what) {
  return fail(Code::BadInput, std::string(tag) + "= " + std::string(what));
}

std::string without_blanks(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [](char c) { return kBlanks.find(c) == std::string_view::npos; });
  return out;
}

std::string_view trim_blanks(std::string_view text) {
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// Cuts what stands before the next `separator` off the front; nullopt when nothing is left.
class Pieces {
 public:
  Pieces(std::string_view text, char separator) : rest_(text), separator_(separator) {}
  std::optional<std::string_view> next() {
    if (done_) return std::nullopt;
    size_t end = std::min(rest_.find(separator_), rest_.size());
    std::string_view piece = rest_.substr(0, end);
    done_ = end == rest_.size();
    if (!done_) rest_.remove_prefix(end + 1);
    return piece;
  }

 private:
  std::string_view rest_;
  char separator_;
  bool done_ = false;
};

// RFC 6376, 3.5: domain-name = sub-domain 1*("." sub-domain), RFC 5321, 4.1.2: of letters, digits and hyphens; RFC
// 8616, 3: U-labels stand for A-labels. Underscores are in use, and DNS knows no difference.
std::optional<std::string> read_name(std::string_view text) {
  if (text.ends_with('.')) return std::nullopt;
  auto name = to_ascii_domain(text);
  auto allowed = [](char c) { return ascii_alnum(c) || c == '-' || c == '_' || c == '.'; };
  if (!name || !dns::is_valid_name(*name) || !std::all_of(name->begin(), name->end(), allowed)) return std::nullopt;
  return name;
}

Result<void> read_algorithm(const TagList& tags, Signature& out) {
  auto value = tags.find("a");
  if (!value) return wrong("a", "is missing");
  out.algorithm_name = to_lower(printable_ascii(*value, 60));
  if (out.algorithm_name == "rsa-sha256") out.algorithm = Algorithm::RsaSha256;
  if (out.algorithm_name == "rsa-sha1") out.algorithm = Algorithm::RsaSha1;
  if (out.algorithm_name == "ed25519-sha256") out.algorithm = Algorithm::Ed25519Sha256;
  return {};
}

Result<void> read_signer(const TagList& tags, Signature& out) {
  auto domain = tags.find("d");
  if (!domain) return wrong("d", "is missing");
  auto name = read_name(*domain);
  if (!name || name->find('.') == std::string::npos) return wrong("d", "is no domain name");
  out.domain = *std::move(name);
  auto selector = tags.find("s");
  if (!selector) return wrong("s", "is missing");
  name = read_name(*selector);
  if (!name) return wrong("s", "is no selector");
  out.selector = *std::move(name);
  return {};
}

Result<void> read_signature_data(const TagList& tags, Signature& out) {
  auto value = tags.find("b");
  if (!value) return wrong("b", "is missing");
  auto decoded = decode_base64(*value);
  if (!decoded || decoded->empty()) return wrong("b", "is not base64");
  out.signature = *std::move(decoded);
  out.signature_start = without_blanks(value->substr(0, 200)).substr(0, 8);
  return {};
}

// RFC 6376, 3.5, t= and x=: 1*12DIGIT.
Result<std::optional<int64_t>> read_time(const TagList& tags, std::string_view tag) {
  auto value = tags.find(tag);
  if (!value) return std::nullopt;
  if (value->empty() || value->size() > 12 || !std::all_of(value->begin(), value->end(), ascii_digit)) {
    return wrong(tag, "is no time");
  }
  int64_t seconds = 0;
  for (char c : *value) seconds = seconds * 10 + (c - '0');
  return seconds;
}

Result<void> read_times(const TagList& tags, Signature& out) {
  auto signed_at = read_time(tags, "t");
  if (!signed_at) return tl::unexpected<Error>(signed_at.error());
  out.signed_at = *signed_at;
  auto expires_at = read_time(tags, "x");
  if (!expires_at) return tl::unexpected<Error>(expires_at.error());
  out.expires_at = *expires_at;
  return {};
}

std::optional<Canon> canon_of(std::string_view name) {
  if (equal_nocase(name, "simple")) return Canon::Simple;
  if (equal_nocase(name, "relaxed")) return Canon::Relaxed;
  return std::nullopt;
}

// RFC 6376, 3.5, c=: header "/" body; "simple/simple" when absent, and the body's is simple when only one is named.
Result<void> read_canonicalization(const TagList& tags, Signature& out) {
  auto value = tags.find("c");
  if (!value) return {};
  size_t slash = std::min(value->find('/'), value->size());
  auto header = canon_of(value->substr(0, slash));
  auto body = slash == value->size() ? Canon::Simple : canon_of(value->substr(slash + 1));
  if (!header || !body) return wrong("c", "names no known canonicalization");
  out.header_canon = *header;
  out.body_canon = *body;
  return {};
}

// RFC 6376, 3.5, l=: 1*76DIGIT. More than any message has is as good as the largest number.
Result<void> read_body(const TagList& tags, Signature& out) {
  auto hash = tags.find("bh");
  if (!hash) return wrong("bh", "is missing");
  auto decoded = decode_base64(*hash);
  if (!decoded || decoded->empty()) return wrong("bh", "is not base64");
  out.body_hash = *std::move(decoded);
  auto limit = tags.find("l");
  if (!limit) return {};
  if (limit->empty() || limit->size() > 76 || !std::all_of(limit->begin(), limit->end(), ascii_digit)) {
    return wrong("l", "is no number");
  }
  uint64_t octets = 0;
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  for (char c : *limit) octets = octets > kMost / 10 - 1 ? kMost : octets * 10 + static_cast<uint64_t>(c - '0');
  out.body_limit = octets;
  return {};
}

// RFC 6376, 3.5, h=: hdr-name *( [FWS] ":" [FWS] hdr-name ). Empty names stand in real mail ("From:To:"); they name
// nothing, as names of absent fields do.
Result<void> read_signed_fields(const TagList& tags, Signature& out) {
  auto value = tags.find("h");
  if (!value) return wrong("h", "is missing");
  Pieces pieces(*value, ':');
  while (auto piece = pieces.next()) {
    std::string_view name = trim_blanks(*piece);
    if (name.empty()) continue;
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F; })) {
      return wrong("h", "names no field");
    }
    if (out.signed_fields.size() == kMaxSignedFields) return wrong("h", "names too many fields");
    out.signed_fields.push_back(to_lower(name));
  }
  if (out.signed_fields.empty()) return wrong("h", "is empty");
  return {};
}

// RFC 6376, 3.5, q=: of several methods those that nobody knows are ignored; dns/txt is the only one there is.
Result<void> read_query_methods(const TagList& tags) {
  auto value = tags.find("q");
  if (!value) return {};
  Pieces pieces(*value, ':');
  while (auto piece = pieces.next()) {
    if (equal_nocase(trim_blanks(*piece), "dns/txt")) return {};
  }
  return wrong("q", "names no known query method");
}

int hex_value(char c) {
  if (ascii_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// RFC 6376, 2.11: dkim-quoted-printable; white space in it means nothing. Nullopt when it is malformed.
std::optional<std::string> decode_quoted(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (kBlanks.find(text[i]) != std::string_view::npos) continue;
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// RFC 6376, 3.5, i=: [ Local-part ] "@" domain-name.
Result<void> read_identity(const TagList& tags, Signature& out) {
  out.identity = "@" + out.domain;
  auto value = tags.find("i");
  if (!value) return {};
  auto decoded = decode_quoted(*value);
  size_t at = decoded ? decoded->rfind('@') : std::string::npos;
  if (at == std::string::npos) return wrong("i", "is no identity");
  auto domain = read_name(std::string_view(*decoded).substr(at + 1));
  if (!domain) return wrong("i", "is of no domain");
  out.identity = decoded->substr(0, at + 1) + *domain;
  out.identity_given = true;
  return {};
}

}  // namespace

Result<Signature> parse_signature(std::string_view value) {
  if (value.size() > kMaxSignatureField) return fail(Code::BadInput, "the field is too long");
  auto tags = TagList::parse(value);
  if (!tags) return tl::unexpected<Error>(tags.error());
  return parse_signature(*tags, SignatureKind::Dkim);
}

Result<Signature> parse_signature(const TagList& tags, SignatureKind kind) {
  Signature out;
  // RFC 6376, 6.1.1: any other version is ignored.
  if (kind == SignatureKind::Dkim && tags.find("v") != "1") return wrong("v", "is not 1");
  auto done = read_signer(tags, out);
  if (done) done = read_algorithm(tags, out);
  if (done) done = read_signature_data(tags, out);
  if (done) done = read_times(tags, out);
  if (kind == SignatureKind::ArcSeal) {
    out.header_canon = Canon::Relaxed;
  } else {
    if (done) done = read_canonicalization(tags, out);
    if (done) done = read_body(tags, out);
    if (done) done = read_signed_fields(tags, out);
    if (done) done = read_query_methods(tags);
  }
  if (done && kind == SignatureKind::Dkim) done = read_identity(tags, out);
  if (!done) return tl::unexpected<Error>(done.error());
  return out;
}

}  // namespace postern::dkim
