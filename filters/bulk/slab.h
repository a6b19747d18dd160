// Slab: a table of plain values whose size is fixed at the beginning and whose memory is touched only where it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include <sys/mman.h>
#include <unistd.h>

namespace postern::bulk {

/// All octets are 0 at first. Throws bad_alloc.
template <typename T>
class Slab {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
  static constexpr size_t kLine = 64;

 public:
  explicit Slab(size_t size) : size_(size), memory_(std::calloc(size * sizeof(T) + kLine, 1)) {
    if (memory_ == nullptr) throw std::bad_alloc();
    void* begin = memory_.get();
    size_t space = size * sizeof(T) + kLine;
    data_ = static_cast<T*>(std::align(kLine, size * sizeof(T), begin, space));
  }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] T& operator[](size_t at) { return data_[at]; }
  [[nodiscard]] const T& operator[](size_t at) const { return data_[at]; }
  [[nodiscard]] size_t bytes() const { return size_ * sizeof(T); }
  /// Gives whole pages back to the system until they are used again. Then all octets of them are 0; of the others, at
  /// both ends, they stay.
  void release() {
    auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    auto begin = reinterpret_cast<uintptr_t>(data_);
    uintptr_t first = (begin + page - 1) / page * page;
    uintptr_t last = (begin + bytes()) / page * page;
    // A failure costs memory only.
    if (first < last) static_cast<void>(madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED));
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  size_t size_;
  std::unique_ptr<void, Free> memory_;
  T* data_;
};

}  // namespace postern::bulk
