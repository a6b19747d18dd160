#include "proxy/session/message_id.h"

#include <array>
#include <random>

namespace postern::session {

std::string make_message_id(int64_t wall_ms) {
  static constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  // Not a secret, only unique: a generator a thread, seeded by the system.
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  std::string id(26, '0');
  auto time = static_cast<uint64_t>(wall_ms);
  for (size_t i = 10; i-- > 0; time >>= 5U) id[i] = alphabet[time & 31U];
  uint64_t high = random();
  uint64_t low = random();
  for (size_t i = 0; i < 8; ++i) {
    id[10 + i] = alphabet[(high >> (i * 5U)) & 31U];
    id[18 + i] = alphabet[(low >> (i * 5U)) & 31U];
  }
  return id;
}

}  // namespace postern::session
