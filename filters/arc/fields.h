// The three header fields of an ARC set (RFC 8617, 4.1), each read on its own: ARC-Authentication-Results,
// ARC-Message-Signature, ARC-Seal. Values are what stands behind the colon, folded as received. All errors are
// Code::BadInput, their messages printable.
#pragma once

#include <cstddef>
#include <string_view>

#include "filters/base/result.h"
#include "filters/base/tag_list.h"
#include "filters/dkim/signature.h"

namespace postern::arc {

/// ARC-Authentication-Results: which set it belongs to and what it says. Views the text given. Longer than
/// dkim::kMaxSignatureField octets is an error.
struct Results {
  size_t instance = 0;       // 1 to Verifier::kMaxSets
  std::string_view payload;  // behind "i=N;", folded as received; any octets
};
[[nodiscard]] postern::Result<Results> parse_results(std::string_view value);

/// What ARC-Seal says of the chain before it (RFC 8617, 4.4).
enum class ChainStatus { None, Pass, Fail };

/// The tags of ARC-Message-Signature or ARC-Seal. Views the text given, which outlives it. Longer than
/// dkim::kMaxSignatureField octets is an error.
[[nodiscard]] postern::Result<TagList> parse_tags(std::string_view value);

/// i=, 1 to Verifier::kMaxSets.
[[nodiscard]] postern::Result<size_t> parse_instance(const TagList& tags);

/// ARC-Message-Signature without i=; only what can be verified: its algorithm is known and allowed, From is signed.
[[nodiscard]] postern::Result<dkim::Signature> parse_message_signature(const TagList& tags);

/// ARC-Seal without i= and cv=. Body hash and signed fields stay empty: a seal covers sets alone.
[[nodiscard]] postern::Result<dkim::Signature> parse_seal(const TagList& tags);
[[nodiscard]] postern::Result<ChainStatus> parse_chain_status(const TagList& tags);

}  // namespace postern::arc
