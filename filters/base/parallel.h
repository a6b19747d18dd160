// The same work for many things, on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace postern {

/// Runs `work(0)` to `work(count - 1)`, in this order as far as order goes, on at most `threads` threads with the
/// caller's among them, and returns when all of it is done. Where one of them throws, no more are begun, and what the
/// first threw is thrown on. With fewer threads than wanted, because the system has no more, it only takes longer.
void in_parallel(size_t count, unsigned threads, const std::function<void(size_t)>& work);

}  // namespace postern
