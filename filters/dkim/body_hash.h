// The hashes of a body, computed as it arrives: one pass for each canonicalisation, whatever the number of signatures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "filters/dkim/canonical.h"
#include "filters/dkim/crypto.h"

namespace postern::dkim {

/// One message, one thread. want() for all first, then feed(), then finish(), then the results. A body limit (l=) costs
/// a copy of the hash state where the limit is passed, not a pass of its own: fifty of them cost what one costs.
class BodyHasher {
 public:
  using Slot = size_t;

  BodyHasher();
  BodyHasher(const BodyHasher&) = delete;
  BodyHasher& operator=(const BodyHasher&) = delete;
  ~BodyHasher();

  /// The hash of the first `limit` octets of the canonical body (of all when there is no limit). Equal wishes share a
  /// slot. Before the first feed().
  [[nodiscard]] Slot want(Canon canon, std::optional<uint64_t> limit);
  void feed(std::string_view bytes);
  void finish();

  [[nodiscard]] const Digest& digest(Slot slot) const;
  /// Octets of the whole canonical body; a limit above it makes the signature invalid (RFC 6376, 3.5, l=).
  [[nodiscard]] uint64_t canonical_size(Slot slot) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::dkim
