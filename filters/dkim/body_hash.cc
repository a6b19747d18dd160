#include "filters/dkim/body_hash.h"

#include <algorithm>
#include <array>
#include <vector>

#include "filters/base/result.h"

namespace postern::dkim {
namespace {

struct Wish {
  Canon canon = Canon::Simple;
  std::optional<uint64_t> limit;
  Digest digest{};
};

/// One canonical form of the body and its running hash.
class Stream {
 public:
  explicit Stream(Canon canon) : canonicalizer_(canon, [this](std::string_view bytes) { take(bytes); }) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() = default;

  /// The wishes that are known when the body begins; they outlive the stream.
  void begin(std::vector<Wish*> wishes) {
    wishes_ = std::move(wishes);
    std::sort(wishes_.begin(), wishes_.end(), [](const Wish* a, const Wish* b) { return end(*a) < end(*b); });
  }
  void feed(std::string_view bytes) { canonicalizer_.feed(bytes); }
  void finish() {
    canonicalizer_.finish();
    // A limit beyond the end is the verifier's to refuse; it gets the hash of all there is.
    for (; next_ < wishes_.size(); ++next_) wishes_[next_]->digest = hash_.so_far();
  }
  [[nodiscard]] uint64_t size() const { return size_; }

 private:
  static uint64_t end(const Wish& wish) { return wish.limit.value_or(UINT64_MAX); }

  void take(std::string_view bytes) {
    while (next_ < wishes_.size() && end(*wishes_[next_]) - size_ <= bytes.size()) {
      size_t part = static_cast<size_t>(end(*wishes_[next_]) - size_);
      hash_.update(bytes.substr(0, part));
      size_ += part;
      bytes.remove_prefix(part);
      wishes_[next_++]->digest = hash_.so_far();
    }
    if (next_ < wishes_.size()) hash_.update(bytes);
    size_ += bytes.size();
  }

  BodyCanonicalizer canonicalizer_;
  Sha256 hash_;
  uint64_t size_ = 0;
  std::vector<Wish*> wishes_;  // by their ends
  size_t next_ = 0;            // the first that has no digest yet
};

}  // namespace

class BodyHasher::Impl {
 public:
  Slot want(Canon canon, std::optional<uint64_t> limit) {
    POSTERN_CHECK(!begun_);
    for (Slot slot = 0; slot < wishes_.size(); ++slot) {
      if (wishes_[slot].canon == canon && wishes_[slot].limit == limit) return slot;
    }
    wishes_.push_back({canon, limit, {}});
    return wishes_.size() - 1;
  }

  void feed(std::string_view bytes) {
    begin();
    for (auto& stream : streams_) {
      if (stream) stream->feed(bytes);
    }
  }

  void finish() {
    begin();
    for (auto& stream : streams_) {
      if (stream) stream->finish();
    }
  }

  [[nodiscard]] const Digest& digest(Slot slot) const { return wishes_.at(slot).digest; }
  [[nodiscard]] uint64_t canonical_size(Slot slot) const { return streams_[index(wishes_.at(slot).canon)]->size(); }

 private:
  static size_t index(Canon canon) { return canon == Canon::Simple ? 0 : 1; }

  void begin() {
    if (begun_) return;
    begun_ = true;
    for (Canon canon : {Canon::Simple, Canon::Relaxed}) {
      std::vector<Wish*> mine;
      for (Wish& wish : wishes_) {
        if (wish.canon == canon) mine.push_back(&wish);
      }
      if (mine.empty()) continue;
      auto& stream = streams_[index(canon)];
      stream = std::make_unique<Stream>(canon);
      stream->begin(std::move(mine));
    }
  }

  bool begun_ = false;
  std::vector<Wish> wishes_;
  std::array<std::unique_ptr<Stream>, 2> streams_;
};

BodyHasher::BodyHasher() : impl_(std::make_unique<Impl>()) {}
BodyHasher::~BodyHasher() = default;
BodyHasher::Slot BodyHasher::want(Canon canon, std::optional<uint64_t> limit) {
  return impl_->want(canon, limit);
}
void BodyHasher::feed(std::string_view bytes) {
  impl_->feed(bytes);
}
void BodyHasher::finish() {
  impl_->finish();
}
const Digest& BodyHasher::digest(Slot slot) const {
  return impl_->digest(slot);
}
uint64_t BodyHasher::canonical_size(Slot slot) const {
  return impl_->canonical_size(slot);
}

}  // namespace postern::dkim
