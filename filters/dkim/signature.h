// One signature as written in a header field (RFC 6376, 3.5), and the hash of the header fields it covers. ARC signs in
// the same way (RFC 8617, 4.1), so both use this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"
#include "filters/base/tag_list.h"
#include "filters/dkim/body_hash.h"
#include "filters/dkim/canonical.h"
#include "filters/dkim/crypto.h"
#include "filters/message/headers.h"

namespace postern::dkim {

enum class Algorithm { RsaSha256, RsaSha1, Ed25519Sha256, Unknown };

/// What the tags say, checked for syntax. Domains are A-labels in lower case.
struct Signature {
  Algorithm algorithm = Algorithm::Unknown;
  std::string algorithm_name;  // as written, lower case, printable
  std::string domain;          // d=
  std::string selector;        // s=
  std::string identity;        // i=, decoded, its domain as A-labels ("@" + domain when absent); any octets
  bool identity_given = false;
  Canon header_canon = Canon::Simple;  // c=; ARC seals: relaxed
  Canon body_canon = Canon::Simple;
  std::vector<std::string> signed_fields;  // h=, lower case, in order
  std::string body_hash;                   // bh=, decoded
  std::string signature;                   // b=, decoded
  std::string signature_start;             // the first 8 characters of b= without white space (RFC 6008: header.b)
  std::optional<uint64_t> body_limit;      // l=
  std::optional<int64_t> signed_at;        // t=, seconds since 1970
  std::optional<int64_t> expires_at;       // x=
};

/// Bounds of ours on one signature field. The longest honest h= have some hundred names.
inline constexpr size_t kMaxSignatureField = 65'536;  // octets
inline constexpr size_t kMaxSignedFields = 1000;

/// The value of a DKIM-Signature field (without name and colon, folded as received).
/// Code::BadInput: a tag is missing, doubled or malformed; the message is printable and says which. What the RFC lets a
/// verifier ignore is ignored: unknown tags, unknown q= methods beside dns/txt. Bounded as said above.
[[nodiscard]] Result<Signature> parse_signature(std::string_view value);

/// Which tags a field of each kind has. ArcMessage: as Dkim, but without v= and with another meaning of i= (RFC 8617,
/// 4.1.2); ArcSeal: a=, b=, d=, s=, t= only (RFC 8617, 4.1.3). i= and cv= of ARC are left to the caller.
enum class SignatureKind { Dkim, ArcMessage, ArcSeal };
[[nodiscard]] Result<Signature> parse_signature(const TagList& tags, SignatureKind kind);

/// Header fields for hashing: remembers canonical forms, so that ten signatures over a megabyte canonicalise it once.
/// Views `header`, which outlives it. One thread.
class SignedHeader {
 public:
  explicit SignedHeader(const message::Header& header) : header_(header) {}

  /// RFC 6376, 3.7: the fields named, each name from the bottom up, absent ones as nothing; then the signature's own
  /// field with an empty b= and without its last CRLF. `own` is an index into header.fields; names are in lower case.
  [[nodiscard]] Digest hash(Canon canon, const std::vector<std::string>& names, size_t own);
  /// One field in canonical form with CRLF. The view holds as long as this object.
  [[nodiscard]] std::string_view canonical(Canon canon, size_t field);

 private:
  void sort_fields();

  const message::Header& header_;
  std::vector<std::string> relaxed_;  // by field; empty: not needed yet
  std::vector<std::string> simple_;
  bool sorted_ = false;
  std::vector<size_t> by_name_;  // fields with a name, by name without case, then as they stand
};

/// The field as received with everything between "b=" and the next semicolon removed (RFC 6376, 3.7; RFC 8617, 4.1.3).
[[nodiscard]] std::string without_signature(std::string_view raw);

}  // namespace postern::dkim
