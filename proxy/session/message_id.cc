#include "proxy/session/message_id.h"

#include <array>
#include <random>

namespace postern::session {
namespace {

constexpr size_t kTimeLength = 10;

}  // namespace

std::string first_message_id(int64_t wall_ms) {
  std::string id(kTimeLength, '0');
  auto time = static_cast<uint64_t>(wall_ms);
  for (size_t i = kTimeLength; i-- > 0; time >>= 5U) id[i] = kMessageIdDigits[time & 31U];
  return id;
}

int64_t time_of_message_id(std::string_view id) {
  uint64_t time = 0;
  for (char c : id.substr(0, kTimeLength)) time = time << 5U | (kMessageIdDigits.find(c) & 31U);
  return static_cast<int64_t>(time);
}

std::string make_message_id(int64_t wall_ms) {
  // Not a secret, only unique: a generator a thread, seeded by the system.
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  std::string id = first_message_id(wall_ms);
  id.resize(kMessageIdLength);
  uint64_t high = random();
  uint64_t low = random();
  for (size_t i = 0; i < 8; ++i) {
    id[10 + i] = kMessageIdDigits[(high >> (i * 5U)) & 31U];
    id[18 + i] = kMessageIdDigits[(low >> (i * 5U)) & 31U];
  }
  return id;
}

}  // namespace postern::session
