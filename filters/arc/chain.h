// The chain of sets as it stands in a header, before any signature is looked at (RFC 8617, 5.2, steps 1 to 3).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "filters/base/result.h"
#include "filters/dkim/signature.h"
#include "filters/message/headers.h"

namespace postern::arc {

/// One set. The fields are indices into header.fields.
struct ChainSet {
  size_t results_field = 0;
  size_t signature_field = 0;
  size_t seal_field = 0;
  std::string results;                         // payload of the results, unfolded; any octets
  postern::Result<dkim::Signature> signature;  // an error costs the chain only in the newest set (5.2, step 4)
  dkim::Signature seal;
};

/// i=1 first; empty when the header has no ARC field at all. Code::BadInput: the chain fails by its structure; the
/// message says where and why, printable. Linear in the size of the header; fields are only read when no kind of them
/// is there more often than a chain can have sets.
[[nodiscard]] postern::Result<std::vector<ChainSet>> read_chain(const message::Header& header);

}  // namespace postern::arc
