// Snapshot: the form in which the index is written down, to be read by a later process, or by a later version of us.
//
//   magic 8 | form 2 | prints 2 | position: length 2, octets | record: length 4, octets | ... | 0 4 | records 8 | sum 8
//
// Numbers are little-endian on every machine. `prints` is the version of the fingerprints: those of another version are
// like nothing that is seen today. `records` says how many there are, `sum` is XXH3-64 of everything before it. So a
// file that was cut, patched or written by somebody else is known before anything of it is believed; and what the sum
// does not find, because whoever wrote it got that right too, the lengths and bounds do.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "filters/base/result.h"

namespace postern::bulk {

/// Numbers and texts, one after the other. A value.
class Packer {
 public:
  void u8(uint8_t value) { put(value, 1); }
  void u16(uint16_t value) { put(value, 2); }
  void u32(uint32_t value) { put(value, 4); }
  void u64(uint64_t value) { put(value, 8); }
  void i64(int64_t value) { put(static_cast<uint64_t>(value), 8); }
  /// With its length; at most 65,535 octets of it.
  void text(std::string_view text);
  void octets(std::string_view octets) { octets_.append(octets); }
  /// Each as u8 or u16; no length.
  template <class Number, size_t N>
  void all(const std::array<Number, N>& numbers);

  [[nodiscard]] const std::string& packed() const { return octets_; }
  [[nodiscard]] size_t size() const { return octets_.size(); }
  void clear() { octets_.clear(); }

 private:
  void put(uint64_t value, unsigned length);

  std::string octets_;
};

/// Reads the same again. What is not there reads as 0 and empty, and from then on ok() is false; so a reader may look
/// once, at the end, but must bound a count before it reads as much as that.
class Unpacker {
 public:
  explicit Unpacker(std::string_view octets) : rest_(octets) {}

  uint8_t u8() { return static_cast<uint8_t>(take(1)); }
  uint16_t u16() { return static_cast<uint16_t>(take(2)); }
  uint32_t u32() { return static_cast<uint32_t>(take(4)); }
  uint64_t u64() { return take(8); }
  int64_t i64() { return static_cast<int64_t>(take(8)); }
  /// At most `limit` octets, else it is not ok. A view of what is unpacked.
  std::string_view text(size_t limit);
  std::string_view octets(size_t length);
  template <class Number, size_t N>
  void all(std::array<Number, N>& numbers);
  /// Makes it not ok: a value that cannot be.
  void refuse() { ok_ = false; }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] size_t left() const { return rest_.size(); }

 private:
  uint64_t take(unsigned length);

  std::string_view rest_;
  bool ok_ = true;
};

template <class Number, size_t N>
void Packer::all(const std::array<Number, N>& numbers) {
  if constexpr (std::endian::native == std::endian::little) {
    octets_.append(reinterpret_cast<const char*>(numbers.data()), sizeof(numbers));
  } else {
    for (Number number : numbers) put(number, sizeof(Number));
  }
}

template <class Number, size_t N>
void Unpacker::all(std::array<Number, N>& numbers) {
  for (Number& number : numbers) number = static_cast<Number>(take(sizeof(Number)));
}

constexpr size_t kSnapshotHead = 12;  // octets that say whether it is one, and of which version
constexpr size_t kMaxSnapshotPosition = 256;
constexpr size_t kMaxSnapshotRecord = 64U << 10U;

/// Fails with BadInput: it is no snapshot, or not one that we can read.
[[nodiscard]] Result<void> check_snapshot_head(std::string_view octets);

/// begin(), records, end(). Stops with what `write` fails with; `write` gets pieces of at most about 256 KiB.
class SnapshotWriter {
 public:
  using Write = std::function<Result<void>(std::string_view)>;

  /// `write` outlives it.
  explicit SnapshotWriter(const Write& write);
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;
  ~SnapshotWriter();

  /// `position`: at most kMaxSnapshotPosition octets, else it fails with Limit.
  [[nodiscard]] Result<void> begin(std::string_view position);
  /// 1 to kMaxSnapshotRecord octets.
  [[nodiscard]] Result<void> record(std::string_view octets);
  [[nodiscard]] Result<void> end();

 private:
  class Sum;
  [[nodiscard]] Result<void> flush();

  const Write& write_;
  std::unique_ptr<Sum> sum_;
  Packer piece_;
  uint64_t records_ = 0;
};

/// A snapshot that was looked at as a whole: version, sum, every length and the number of records are right. What is in
/// the records is not known yet.
class SnapshotReader {
 public:
  /// `octets` outlive it. Fails with BadInput and what is wrong.
  [[nodiscard]] static Result<SnapshotReader> open(std::string_view octets);

  [[nodiscard]] std::string_view position() const { return position_; }
  [[nodiscard]] uint64_t size() const { return size_; }
  /// False: that was all.
  [[nodiscard]] bool next(std::string_view& record);

 private:
  SnapshotReader() = default;

  std::string_view position_;
  std::string_view records_;
  uint64_t size_ = 0;
};

}  // namespace postern::bulk
