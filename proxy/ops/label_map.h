// LabelMap: from a label's value to its series. Reading takes no lock, so that workers never wait for each other.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace postern::ops {

/// Grows up to a fixed number of entries and never forgets one: a counter that once was shown goes on being shown. Any
/// thread. `Entry` must itself bear use by several threads.
///
/// A hash table with open addressing over atomic pointers: an entry is complete before its pointer is published, and a
/// published slot never changes. Why not Family::Add each time: it takes a mutex and 300 ns.
template <class Entry>
class LabelMap {
 public:
  /// `capacity` is a power of two; three quarters of it may be filled.
  explicit LabelMap(size_t capacity) : slots_(capacity) {}

  /// The entry of `key`, made by `make(key)` when there is none. Once the map is full, new keys share the entry of
  /// "other": what comes from a configuration is bounded here, not by trust.
  template <class Make>
  Entry& get(std::string_view key, const Make& make) {
    if (Node* node = find(key)) return node->entry;
    std::lock_guard lock(mutex_);
    if (Node* node = find(key)) return node->entry;
    if (nodes_.size() >= slots_.size() * 3 / 4 && key != kOther) {
      if (Node* node = find(kOther)) return node->entry;
      key = kOther;
    }
    nodes_.push_back(std::make_unique<Node>(std::string(key), make(key)));
    Node* node = nodes_.back().get();
    size_t at = hash(key);
    while (slots_[at].load(std::memory_order_relaxed) != nullptr) at = (at + 1) & (slots_.size() - 1);
    slots_[at].store(node, std::memory_order_release);
    return node->entry;
  }

 private:
  static constexpr std::string_view kOther = "other";
  struct Node {
    Node(std::string k, Entry e) : key(std::move(k)), entry(std::move(e)) {}
    std::string key;
    Entry entry;
  };
  [[nodiscard]] size_t hash(std::string_view key) const {
    return std::hash<std::string_view>()(key) & (slots_.size() - 1);
  }
  [[nodiscard]] Node* find(std::string_view key) const {
    for (size_t at = hash(key);; at = (at + 1) & (slots_.size() - 1)) {
      Node* node = slots_[at].load(std::memory_order_acquire);
      if (node == nullptr || node->key == key) return node;
    }
  }

  std::vector<std::atomic<Node*>> slots_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Node>> nodes_;  // guarded by mutex_
};

}  // namespace postern::ops
