// Slab: a table of plain values whose size is fixed at the beginning and whose memory is touched only where it is used.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

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

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  size_t size_;
  std::unique_ptr<void, Free> memory_;
  T* data_;
};

}  // namespace postern::bulk
