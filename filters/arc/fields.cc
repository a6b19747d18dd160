#include "filters/arc/fields.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "filters/arc/arc.h"
#include "filters/base/bytes.h"

namespace postern::arc {
namespace {

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// RFC 5322, 3.2.2: behind the white space and the comments that `text` begins with. A comment that does not end is
/// left standing, so that what expects something else fails there.
std::string_view skip_cfws(std::string_view text) {
  size_t comment = 0;
  size_t depth = 0;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (c == '(') {
      if (depth++ == 0) comment = at;
    } else if (depth > 0) {
      if (c == ')') --depth;
      if (c == '\\') ++at;
    } else if (!is_white(c)) {
      break;
    }
  }
  return text.substr(depth > 0 ? comment : std::min(at, text.size()));
}

/// RFC 8617, 4.2.1: position = 1*2DIGIT, from 1 to 50.
std::optional<size_t> position(std::string_view text) {
  if (text.empty() || text.size() > 2 || !std::all_of(text.begin(), text.end(), ascii_digit)) return std::nullopt;
  size_t value = 0;
  for (char c : text) value = value * 10 + static_cast<size_t>(c - '0');
  if (value < 1 || value > Verifier::kMaxSets) return std::nullopt;
  return value;
}

tl::unexpected<Error> bad(std::string message) {
  return fail(Code::BadInput, std::move(message));
}

/// RFC 8301, 3.1: rsa-sha1 is not for verifying either. RFC 8463 adds ed25519-sha256.
postern::Result<void> check_algorithm(const dkim::Signature& signature) {
  switch (signature.algorithm) {
    case dkim::Algorithm::RsaSha256:
    case dkim::Algorithm::Ed25519Sha256: return {};
    case dkim::Algorithm::RsaSha1: return bad("a= rsa-sha1 is not accepted");
    case dkim::Algorithm::Unknown: break;
  }
  return bad("a= names no known algorithm");
}

postern::Result<void> check_signed_fields(const dkim::Signature& signature) {
  const auto& names = signature.signed_fields;
  auto has = [&names](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  // RFC 6376, 6.1.1: "If the "h=" tag does not include the From header field, the Verifier MUST ignore" the signature,
  // and RFC 8617, 4.1.2 takes over syntax and semantics: without From nobody vouches for the author.
  if (!has("from")) return bad("h= does not name From");
  // RFC 8617, 4.1.2: "ARC-related header fields [...] MUST NOT be included". Early sealers did include the other two,
  // and in good faith; a seal is only made after the message signature (5.1), so it cannot be right here.
  if (has("arc-seal")) return bad("h= names ARC-Seal");
  return {};
}

}  // namespace

postern::Result<Results> parse_results(std::string_view value) {
  if (value.size() > dkim::kMaxSignatureField) return bad("the field is too long");
  // RFC 8617, 4.1.1 and 4.2.1: [CFWS] %s"i" [CFWS] "=" [CFWS] position [CFWS] ";" authres-payload
  std::string_view rest = skip_cfws(value);
  if (!rest.starts_with('i')) return bad("i= is missing");
  rest = skip_cfws(rest.substr(1));
  if (!rest.starts_with('=')) return bad("i= is missing");
  rest = skip_cfws(rest.substr(1));
  size_t end = 0;
  while (end < rest.size() && ascii_alnum(rest[end])) ++end;
  auto instance = position(rest.substr(0, end));
  if (!instance) return bad("i= is no instance");
  rest = skip_cfws(rest.substr(end));
  if (!rest.starts_with(';')) return bad("no semicolon behind i=");
  return Results{*instance, rest.substr(1)};
}

postern::Result<TagList> parse_tags(std::string_view value) {
  if (value.size() > dkim::kMaxSignatureField) return bad("the field is too long");
  return TagList::parse(value);
}

postern::Result<size_t> parse_instance(const TagList& tags) {
  auto value = tags.find("i");
  if (!value) return bad("i= is missing");
  auto instance = position(*value);
  if (!instance) return bad("i= is no instance");
  return *instance;
}

postern::Result<dkim::Signature> parse_message_signature(const TagList& tags) {
  // RFC 8617, 4.1.2: as DKIM-Signature, but v= is ignored and i= is the instance.
  auto signature = dkim::parse_signature(tags, dkim::SignatureKind::ArcMessage);
  if (!signature) return signature;
  auto good = check_algorithm(*signature);
  if (good) good = check_signed_fields(*signature);
  if (!good) return tl::unexpected(good.error());
  return signature;
}

postern::Result<dkim::Signature> parse_seal(const TagList& tags) {
  // RFC 8617, 4.1.3: "the DKIM "h" tag is NOT allowed and, if found, MUST result in a cv status of "fail"".
  if (tags.find("h")) return bad("h= is not allowed");
  auto signature = dkim::parse_signature(tags, dkim::SignatureKind::ArcSeal);
  if (!signature) return signature;
  auto good = check_algorithm(*signature);
  if (!good) return tl::unexpected(good.error());
  return signature;
}

postern::Result<ChainStatus> parse_chain_status(const TagList& tags) {
  auto value = tags.find("cv");
  if (!value) return bad("cv= is missing");
  // RFC 8617, 4.1.3: seal-cv-tag = %x63.76 [FWS] "=" [FWS] ("none" / "fail" / "pass"), so in any case (RFC 5234, 2.3).
  if (equal_nocase(*value, "none")) return ChainStatus::None;
  if (equal_nocase(*value, "pass")) return ChainStatus::Pass;
  if (equal_nocase(*value, "fail")) return ChainStatus::Fail;
  return bad("cv= is neither none nor pass nor fail");
}

}  // namespace postern::arc
