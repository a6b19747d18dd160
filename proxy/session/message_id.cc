#include "proxy/session/message_id.h"

#include <array>
#include <random>

namespace postern::session {
namespace {

constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kTimeLength = 10;

}  // namespace

std::string first_message_id(int64_t wall_ms) {
  std::string id(kTimeLength, '0');
  auto time = static_cast<uint64_t>(wall_ms);
  for (size_t i = kTimeLength; i-- > 0; time >>= 5U) id[i] = kAlphabet[time & 31U];
  return id;
}

std::string make_message_id(int64_t wall_ms) {
  // Not a secret, only unique: a generator a thread, seeded by the system.
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  std::string id = first_message_id(wall_ms);
  id.resize(26);
  uint64_t high = random();
  uint64_t low = random();
  for (size_t i = 0; i < 8; ++i) {
    id[10 + i] = kAlphabet[(high >> (i * 5U)) & 31U];
    id[18 + i] = kAlphabet[(low >> (i * 5U)) & 31U];
  }
  return id;
}

}  // namespace postern::session
