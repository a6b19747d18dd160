#include "filters/classifier/model.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "filters/base/fd.h"
#include "filters/base/files.h"
#include "filters/classifier/scale.h"

namespace postern::classifier {
namespace {

// A line end in it: a file that was sent as text is found by its first octets. Not UTF-8: no text begins so.
constexpr std::string_view kMagic = "\xBFpstrc\r\n";
constexpr uint32_t kForm = 2;
constexpr size_t kHead = 64;        // the table begins on a line of the cache
constexpr size_t kTail = 8;         // the sum: XXH3, 64 bits, of all before it
constexpr unsigned kLeastBits = 2;  // a weight for each region
constexpr unsigned kMostBits = 26;

// What a message must have in common with what was learned before anything is said of it; runs of octets aside, most of
// which are in any text of its script.
constexpr size_t kLeastKnown = 8;
constexpr size_t kLeastKnownShare = 10;  // one feature in so many

/// The numbers of the head, little-endian, in the order in which they stand.
struct Head {
  uint32_t form = kForm;
  uint32_t features = kFeaturesVersion;
  uint32_t bits = 0;  // the table has 2^bits floats
  uint32_t runs = 0;  // slots of the table of runs behind it, four octets each: a power of two, or none
  float bias = 0;
  float slope = 0;
  float offset = 0;
  uint64_t ham = 0;
  uint64_t spam = 0;
  int64_t trained_at = 0;
};

template <class T>
T little(T value) {
  if constexpr (std::endian::native == std::endian::big) {
    std::array<char, sizeof(T)> octets{};
    std::memcpy(octets.data(), &value, sizeof(T));
    for (size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(octets[i], octets[sizeof(T) - 1 - i]);
    std::memcpy(&value, octets.data(), sizeof(T));
  }
  return value;
}

template <class T>
void put(std::string& out, T value) {
  value = little(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class T>
void take(std::string_view& from, T& value) {
  std::memcpy(&value, from.data(), sizeof(T));
  value = little(value);
  from.remove_prefix(sizeof(T));
}

std::string packed_head(const Weights& weights) {
  std::string out(kMagic);
  put(out, kForm);
  put(out, kFeaturesVersion);
  put(out, static_cast<uint32_t>(std::countr_zero(weights.table.size())));
  put(out, static_cast<uint32_t>(weights.runs.slots().size()));
  put(out, weights.bias);
  put(out, weights.slope);
  put(out, weights.offset);
  put(out, weights.ham);
  put(out, weights.spam);
  put(out, weights.trained_at);
  out.resize(kHead, '\0');
  return out;
}

Result<Head> read_head(std::string_view octets) {
  if (octets.empty()) return fail(Code::BadInput, "it is empty");
  if (octets.substr(0, kMagic.size()) != kMagic) return fail(Code::BadInput, "it is no model of the classifier");
  if (octets.size() < kHead + kTail) return fail(Code::BadInput, "it is torn: its beginning is all there is");
  octets.remove_prefix(kMagic.size());
  Head head;
  take(octets, head.form);
  take(octets, head.features);
  take(octets, head.bits);
  take(octets, head.runs);
  take(octets, head.bias);
  take(octets, head.slope);
  take(octets, head.offset);
  take(octets, head.ham);
  take(octets, head.spam);
  take(octets, head.trained_at);
  if (head.form != kForm) {
    return fail(Code::BadInput, fmt::format("it has form {}, and {} is what this version reads", head.form, kForm));
  }
  if (head.features != kFeaturesVersion) {
    return fail(Code::BadInput, fmt::format("it was made from features of version {}, and {} is what this version "
                                            "reads; `postern learn` makes it anew",
                                            head.features, kFeaturesVersion));
  }
  return head;
}

bool finite(const float* table, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (!std::isfinite(little(table[i]))) return false;
  }
  return true;
}

/// Everything that judging relies on.
Result<Head> check(std::string_view octets) {
  auto head = read_head(octets);
  if (!head) return head;
  if (head->bits < kLeastBits || head->bits > kMostBits) {
    return fail(Code::BadInput, fmt::format("a table of 2^{} weights", head->bits));
  }
  if (head->runs != 0 && (!std::has_single_bit(head->runs) || head->runs > size_t{1} << RunTable::kMostBits)) {
    return fail(Code::BadInput, fmt::format("a table of {} runs", head->runs));
  }
  size_t size = size_t{1} << head->bits;
  if (octets.size() != kHead + size * sizeof(float) + head->runs * sizeof(uint32_t) + kTail) {
    return fail(Code::BadInput, "it is torn: its length is not what its head says");
  }
  std::string_view tail = octets.substr(octets.size() - kTail);
  uint64_t sum = 0;
  take(tail, sum);
  if (sum != XXH3_64bits(octets.data(), octets.size() - kTail)) {
    return fail(Code::BadInput, "it is torn: its sum is wrong");
  }
  bool sane = std::isfinite(head->bias) && std::isfinite(head->slope) && std::isfinite(head->offset);
  if (!sane || !finite(reinterpret_cast<const float*>(octets.data() + kHead), size)) {
    return fail(Code::BadInput, "there are weights in it that are no numbers");
  }
  if (head->slope < 0) return fail(Code::BadInput, "it would take ham for spam: its slope is negative");
  return head;
}

tl::unexpected<Error> system_error(std::string_view doing, const std::string& path) {
  Code code = errno == ENOENT ? Code::NotFound : Code::Io;
  return fail(code, fmt::format("{} {}: {}", doing, path, std::generic_category().message(errno)));
}

/// All of a file, that is no larger than a model may be.
Result<std::string> read_file(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return system_error("open", path);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return system_error("look at", path);
  if (!S_ISREG(about.st_mode)) return fail(Code::BadInput, fmt::format("{}: it is no file", path));
  if (about.st_size == 0) return fail(Code::BadInput, fmt::format("{}: it is empty", path));
  constexpr auto kMost =
      static_cast<off_t>(kHead + (sizeof(float) << kMostBits) + (sizeof(uint32_t) << RunTable::kMostBits) + kTail);
  if (about.st_size > kMost) return fail(Code::BadInput, fmt::format("{}: it is too large", path));
  auto size = static_cast<size_t>(about.st_size);
  std::string octets;
  octets.reserve(size);
  if (!read_rest(file.get(), size, octets)) return system_error("read", path);
  return octets;
}

std::string packed(const Weights& weights) {
  std::string out = packed_head(weights);
  out.reserve(kHead + (weights.table.size() + weights.runs.slots().size()) * sizeof(float) + kTail);
  for (float weight : weights.table) put(out, weight);
  for (uint32_t slot : weights.runs.slots()) put(out, slot);
  put(out, uint64_t{XXH3_64bits(out.data(), out.size())});
  return out;
}

/// Whatever happened to `file` is on the disk under its new name, or an error says what is not.
Result<void> write_and_rename(Fd file, const std::string& from, const std::string& to, std::string_view octets) {
  if (!write_all(file.get(), octets)) return system_error("write", from);
  // Who learns need not be who judges: anybody may read it; no message is in it, only runs of six octets that several
  // have.
  if (::fchmod(file.get(), 0644) != 0) return system_error("change the mode of", from);
  if (::fsync(file.get()) != 0) return system_error("sync", from);
  if (::close(file.release()) != 0) return system_error("close", from);
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from);
  // The name is on the disk when its folder is.
  size_t slash = to.rfind('/');
  std::string folder = slash == std::string::npos ? "." : to.substr(0, slash + 1);
  if (!sync_directory(folder)) return system_error("sync", folder);
  return {};
}

}  // namespace

class Model::Impl {
 public:
  // Of our own, no view of the file: whoever shortens that in place, as `cp` does and a restore from a backup, would
  // kill every program that looks at it (SIGBUS).
  std::vector<float> table;
  RunTable runs;
  Head head;
};

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::open(const std::string& path) {
  auto octets = read_file(path);
  if (!octets) return tl::unexpected<Error>(std::move(octets.error()));
  auto head = check(*octets);
  if (!head) return tl::unexpected<Error>(std::move(head.error()).in(path));
  auto impl = std::make_unique<Impl>();
  impl->head = *head;
  impl->table.resize(size_t{1} << head->bits);
  std::memcpy(impl->table.data(), octets->data() + kHead, impl->table.size() * sizeof(float));
  for (float& weight : impl->table) weight = little(weight);
  std::vector<uint32_t> slots(head->runs);
  std::memcpy(slots.data(), octets->data() + kHead + impl->table.size() * sizeof(float),
              slots.size() * sizeof(uint32_t));
  for (uint32_t& slot : slots) slot = little(slot);
  impl->runs = RunTable(std::move(slots));
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

std::shared_ptr<const Model> Model::from(Weights weights) {
  POSTERN_CHECK(std::has_single_bit(weights.table.size()) && weights.table.size() >= kRegions);
  auto impl = std::make_unique<Impl>();
  impl->table = std::move(weights.table);
  impl->runs = std::move(weights.runs);
  impl->head.bias = weights.bias;
  impl->head.slope = weights.slope;
  impl->head.offset = weights.offset;
  impl->head.ham = weights.ham;
  impl->head.spam = weights.spam;
  impl->head.trained_at = weights.trained_at;
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

Outcome Model::judge(const Reading& reading) const {
  Outcome out;
  out.ham_learned = impl_->head.ham;
  out.spam_learned = impl_->head.spam;
  if (out.ham_learned < kLeastLearned || out.spam_learned < kLeastLearned) return out;

  const std::vector<Feature>& features = reading.features;
  Scales scales(features);
  double sum = 0;
  size_t telling = 0;
  size_t known = 0;
  for (Feature feature : features) {
    float weight = impl_->table[place_of(feature, impl_->table.size())];
    sum += weight * scales.of(feature);
    if (is_run(feature)) continue;
    ++telling;
    known += static_cast<size_t>(weight != 0);
  }
  if (known < kLeastKnown || known * kLeastKnownShare < telling) return out;

  sum += sum_of_texts(reading, [&](Where where, std::string_view text) { return impl_->runs.judge(where, text); });
  double score = impl_->head.bias + sum;
  out.spam = 1 / (1 + std::exp(-(impl_->head.slope * score + impl_->head.offset)));
  out.ready = true;
  return out;
}

uint64_t Model::ham() const {
  return impl_->head.ham;
}
uint64_t Model::spam() const {
  return impl_->head.spam;
}
int64_t Model::trained_at() const {
  return impl_->head.trained_at;
}

Result<void> write_model(const std::string& path, const Weights& weights) {
  POSTERN_CHECK(std::has_single_bit(weights.table.size()) && weights.table.size() >= kRegions);
  std::string beside = path + ".XXXXXX";
  Fd file(::mkostemp(beside.data(), O_CLOEXEC));
  if (!file) return system_error("create", beside);
  auto written = write_and_rename(std::move(file), beside, path, packed(weights));
  if (!written) ::unlink(beside.c_str());
  return written;
}

}  // namespace postern::classifier
