#include "proxy/session/transaction.h"

#define XXH_INLINE_ALL
#include <algorithm>

#include <xxhash.h>

namespace postern::session {

Result<RetryMemory::Key> Transaction::key() {
  std::vector<std::string> sorted = facts.rcpts;
  std::sort(sorted.begin(), sorted.end());
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  auto add = [&state](std::string_view text) {
    uint64_t length = text.size();
    XXH3_128bits_update(&state, &length, sizeof length);
    XXH3_128bits_update(&state, text.data(), text.size());
  };
  add(facts.client.ip.octets());
  add(facts.helo);
  add(facts.from);
  for (const auto& rcpt : sorted) add(rcpt);
  for (uint64_t at = 0; at < store->size();) {
    auto piece = store->read(at, 64U << 10U);
    if (!piece) return tl::unexpected(piece.error());
    XXH3_128bits_update(&state, piece->data(), piece->size());
    at += piece->size();
  }
  XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return RetryMemory::Key{hash.low64, hash.high64};
}

}  // namespace postern::session
