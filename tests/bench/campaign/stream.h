// Stream: what one index costs over millions of messages.
#pragma once

#include <cstdint>

namespace postern::campaign {

struct StreamOptions {
  uint64_t messages = 10'000'000;
  uint64_t memory = 256U << 20U;
  uint64_t days = 10;  // that the messages take; the window is one
};
/// Prints memory and the cost of Index::see() at 10 thousand, 100 thousand ... messages, and what the window forgot.
void print_stream(const StreamOptions& options);

}  // namespace postern::campaign
