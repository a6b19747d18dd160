#include "filters/bulk/snapshot.h"

#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include "filters/bulk/fingerprint.h"

namespace postern::bulk {
namespace {

// A line end in it: a file that was sent as text is found by its first octets. Not UTF-8: no text begins so.
constexpr std::string_view kMagic = "\xBFpstrn\r\n";
constexpr uint16_t kForm = 2;
constexpr size_t kPiece = 256U << 10U;
constexpr size_t kTail = 4 + 8 + 8;  // no record more, their number, the sum

tl::unexpected<Error> torn(std::string_view what) {
  return fail(Code::BadInput, fmt::format("it is torn: {}", what));
}

}  // namespace

void Packer::put(uint64_t value, unsigned length) {
  std::array<char, 8> octets{};
  for (unsigned at = 0; at < length; ++at) octets[at] = static_cast<char>(value >> (8 * at) & 0xFFU);
  octets_.append(octets.data(), length);
}

void Packer::text(std::string_view text) {
  text = text.substr(0, UINT16_MAX);
  u16(static_cast<uint16_t>(text.size()));
  octets(text);
}

std::string_view Unpacker::octets(size_t length) {
  if (!ok_ || length > rest_.size()) {
    ok_ = false;
    return {};
  }
  std::string_view taken = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return taken;
}

std::string_view Unpacker::text(size_t limit) {
  size_t length = u16();
  if (length > limit) refuse();
  return octets(length);
}

uint64_t Unpacker::take(unsigned length) {
  uint64_t value = 0;
  unsigned shift = 0;
  for (char octet : octets(length)) {
    value |= uint64_t{static_cast<unsigned char>(octet)} << shift;
    shift += 8;
  }
  return value;
}

Result<void> check_snapshot_head(std::string_view octets) {
  if (octets.empty()) return fail(Code::BadInput, "it is empty");
  if (octets.substr(0, kMagic.size()) != kMagic) {
    bool cut = octets.size() < kMagic.size() && kMagic.substr(0, octets.size()) == octets;
    return cut ? torn("its beginning is all there is") : fail(Code::BadInput, "it is not a snapshot of clusters");
  }
  Unpacker head(octets.substr(kMagic.size()));
  uint16_t form = head.u16();
  uint16_t prints = head.u16();
  if (!head.ok()) return torn("its beginning is all there is");
  if (form != kForm) {
    return fail(Code::BadInput, fmt::format("it has form {}, and {} is what this version reads", form, kForm));
  }
  if (prints != kFingerprintVersion) {
    return fail(Code::BadInput, fmt::format("its fingerprints are of version {}, and {} is what this version makes",
                                            prints, kFingerprintVersion));
  }
  return {};
}

class SnapshotWriter::Sum {
 public:
  Sum() : state_(XXH3_createState()) { POSTERN_CHECK(state_ != nullptr && XXH3_64bits_reset(state_) == XXH_OK); }
  Sum(const Sum&) = delete;
  Sum& operator=(const Sum&) = delete;
  ~Sum() { XXH3_freeState(state_); }

  void add(std::string_view octets) { XXH3_64bits_update(state_, octets.data(), octets.size()); }
  [[nodiscard]] uint64_t value() const { return XXH3_64bits_digest(state_); }

 private:
  XXH3_state_t* state_;
};

SnapshotWriter::SnapshotWriter(const Write& write) : write_(write), sum_(std::make_unique<Sum>()) {}

SnapshotWriter::~SnapshotWriter() = default;

Result<void> SnapshotWriter::flush() {
  sum_->add(piece_.packed());
  auto written = write_(piece_.packed());
  piece_.clear();
  return written;
}

Result<void> SnapshotWriter::begin(std::string_view position) {
  if (position.size() > kMaxSnapshotPosition) {
    return fail(Code::Limit, fmt::format("a position of {} octets", position.size()));
  }
  piece_.octets(kMagic);
  piece_.u16(kForm);
  piece_.u16(kFingerprintVersion);
  piece_.text(position);
  return {};
}

Result<void> SnapshotWriter::record(std::string_view octets) {
  POSTERN_CHECK(!octets.empty() && octets.size() <= kMaxSnapshotRecord);
  if (piece_.size() + octets.size() > kPiece) {
    if (auto flushed = flush(); !flushed) return flushed;
  }
  piece_.u32(static_cast<uint32_t>(octets.size()));
  piece_.octets(octets);
  ++records_;
  return {};
}

Result<void> SnapshotWriter::end() {
  piece_.u32(0);
  piece_.u64(records_);
  if (auto flushed = flush(); !flushed) return flushed;
  piece_.u64(sum_->value());
  return flush();
}

Result<SnapshotReader> SnapshotReader::open(std::string_view octets) {
  if (auto head = check_snapshot_head(octets); !head) return tl::unexpected<Error>(head.error());
  if (octets.size() < kSnapshotHead + 2 + kTail) return torn("it ends too soon");
  Unpacker sum(octets.substr(octets.size() - 8));
  std::string_view summed = octets.substr(0, octets.size() - 8);
  if (sum.u64() != XXH3_64bits(summed.data(), summed.size())) return torn("its sum is wrong");

  SnapshotReader reader;
  Unpacker rest(summed.substr(kSnapshotHead));
  reader.position_ = rest.text(kMaxSnapshotPosition);
  reader.records_ = summed.substr(summed.size() - rest.left());
  uint64_t records = 0;
  for (uint32_t length = rest.u32(); rest.ok() && length != 0; length = rest.u32()) {
    if (length > kMaxSnapshotRecord) rest.refuse();
    rest.octets(length);
    ++records;
  }
  reader.size_ = rest.u64();
  if (!rest.ok() || !rest.at_end() || reader.size_ != records) {
    return fail(Code::BadInput, "its lengths do not fit together");
  }
  return reader;
}

bool SnapshotReader::next(std::string_view& record) {
  Unpacker rest(records_);
  uint32_t length = rest.u32();
  if (length == 0) return false;
  record = rest.octets(length);
  records_.remove_prefix(records_.size() - rest.left());
  return true;
}

}  // namespace postern::bulk
