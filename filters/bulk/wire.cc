// Events as octets: the version, the kind, then what the event has, in order. Numbers are little-endian. Each event has
// one form only: what decode() takes, encode() gives again.
#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/bulk/sighting.h"
#include "filters/bulk/snapshot.h"
#include "filters/mime/text.h"

namespace postern::bulk {
namespace {

constexpr uint8_t kForm = 2;
enum class Kind : uint8_t { Sighting = 1, Let, Withdrawn, Allowed };

constexpr size_t kMaxId = 64;
constexpr size_t kMaxFrom = 64;
constexpr size_t kMaxSubject = 96;
constexpr size_t kMaxQueue = 40;
constexpr int64_t kMaxWall = 253'402'300'800'000;  // the year 10000

// Of a fingerprint: what it has.
constexpr uint8_t kText = 1;
constexpr uint8_t kUrls = 2;
constexpr uint8_t kAll = kText | kUrls;

bool is_clean(std::string_view text) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           auto octet = static_cast<uint8_t>(c);
           return octet < ' ' || octet == 0x7F;
         });
}

/// Whoever filled an event has seen to that; others would refuse it for ever if he had not.
std::string clean(std::string_view text, size_t limit) {
  if (!is_clean(text)) return printable_ascii(text, limit);
  return std::string(mime::cut_utf8(text, limit));
}

template <class T>
bool is_sorted_once(const std::vector<T>& values) {
  return std::adjacent_find(values.begin(), values.end(), [](T a, T b) { return a >= b; }) == values.end();
}

template <class T>
bool is_each_once(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return is_sorted_once(values);
}

class Writer {
 public:
  explicit Writer(Kind kind) {
    out_.u8(kForm);
    out_.u8(static_cast<uint8_t>(kind));
  }

  void put(const Sighting& sighting) {
    out_.u16(kFingerprintVersion);
    put(sighting.print);
    out_.text(clean(sighting.id, kMaxId));
    out_.text(clean(sighting.from, kMaxFrom));
    out_.text(clean(sighting.subject, kMaxSubject));
    out_.u32(sighting.network);
    out_.u32(sighting.sender);
    out_.u32(sighting.domain);
    out_.u8(sighting.authenticated ? 1 : 0);
    size_t count = std::min(sighting.recipients.size(), Sighting::kMaxRecipients);
    out_.u16(static_cast<uint16_t>(count));
    for (size_t i = 0; i < count; ++i) out_.u32(sighting.recipients[i]);
    put_wall(sighting.wall_ms);
    size_t clusters = put_count(sighting.counted_in.size(), Sighting::kMaxTicket);
    for (size_t i = 0; i < clusters; ++i) out_.u64(sighting.counted_in[i]);
    out_.u8(sighting.told ? 1 : 0);
  }

  void put(const Let& let) {
    out_.u64(let.cluster);
    out_.text(clean(let.passed.id, kMaxId));
    out_.text(clean(let.passed.queue, kMaxQueue));
    out_.text(clean(let.passed.from, kMaxFrom));
    out_.u32(let.passed.recipients);
    put_wall(let.passed.wall_ms);
  }

  void put(const Withdrawn& withdrawn) {
    out_.u64(withdrawn.cluster);
    put_wall(withdrawn.wall_ms);
  }

  void put(const Allowed& allowed) {
    out_.u64(allowed.cluster);
    out_.u8(allowed.allowed ? 1 : 0);
  }

  [[nodiscard]] const std::string& octets() const { return out_.packed(); }

 private:
  void put_wall(int64_t wall_ms) { out_.i64(std::clamp<int64_t>(wall_ms, 0, kMaxWall)); }

  void put(const Fingerprint& print) {
    out_.u8(static_cast<uint8_t>(print.evidence));
    auto has = [](bool there, uint8_t bit) { return there ? bit : uint8_t{0}; };
    out_.u8(static_cast<uint8_t>(has(print.text.has_value(), kText) | has(print.urls.has_value(), kUrls)));
    out_.u32(print.words);
    if (print.text) {
      put(print.text->words);
      put(print.text->pairs);
    }
    if (print.urls) out_.u64(*print.urls);
    size_t sites = put_count(print.sites.size(), Fingerprint::kMaxSites);
    for (size_t i = 0; i < sites; ++i) out_.u32(print.sites[i]);
    size_t files = put_count(print.files.size(), Fingerprint::kMaxFiles);
    for (size_t i = 0; i < files; ++i) out_.u64(print.files[i]);
    size_t pictures = put_count(print.pictures.size(), Fingerprint::kMaxPictures);
    for (size_t i = 0; i < pictures; ++i) out_.u64(print.pictures[i]);
  }

  void put(const Sketch::Slots& slots) {
    for (uint16_t slot : slots) out_.u16(slot);
  }

  size_t put_count(size_t count, size_t most) {
    count = std::min(count, most);
    out_.u8(static_cast<uint8_t>(count));
    return count;
  }

  Packer out_;
};

/// Refuses what Writer cannot have written.
class Reader {
 public:
  explicit Reader(std::string_view octets) : in_(octets) {}

  Sighting sighting() {
    Sighting sighting;
    if (in_.u16() != kFingerprintVersion) in_.refuse();
    sighting.print = print();
    sighting.id = text(kMaxId);
    sighting.from = text(kMaxFrom);
    sighting.subject = text(kMaxSubject);
    sighting.network = in_.u32();
    sighting.sender = in_.u32();
    sighting.domain = in_.u32();
    sighting.authenticated = yes_or_no();
    sighting.recipients = list<uint32_t>(in_.u16(), Sighting::kMaxRecipients);
    sighting.wall_ms = wall();
    sighting.counted_in = list<uint64_t>(in_.u8(), Sighting::kMaxTicket);
    require(is_each_once(sighting.counted_in));
    sighting.told = yes_or_no();
    return sighting;
  }

  Let let() {
    Let let;
    let.cluster = in_.u64();
    let.passed.id = text(kMaxId);
    let.passed.queue = text(kMaxQueue);
    let.passed.from = text(kMaxFrom);
    let.passed.recipients = in_.u32();
    let.passed.wall_ms = wall();
    return let;
  }

  Withdrawn withdrawn() {
    Withdrawn withdrawn;
    withdrawn.cluster = in_.u64();
    withdrawn.wall_ms = wall();
    return withdrawn;
  }

  Allowed allowed() {
    Allowed allowed;
    allowed.cluster = in_.u64();
    allowed.allowed = yes_or_no();
    return allowed;
  }

  [[nodiscard]] bool ok() const { return in_.ok() && in_.at_end(); }

 private:
  Fingerprint print() {
    Fingerprint print;
    uint8_t evidence = in_.u8();
    uint8_t has = in_.u8();
    require(evidence <= static_cast<uint8_t>(Evidence::Calendar) && (has & ~kAll) == 0);
    if (!in_.ok()) return print;
    print.evidence = static_cast<Evidence>(evidence);
    require((print.evidence == Evidence::Enough) == ((has & kText) != 0));
    print.words = in_.u32();
    if ((has & kText) != 0) {
      print.text.emplace();
      for (uint16_t& slot : print.text->words) slot = in_.u16();
      for (uint16_t& slot : print.text->pairs) slot = in_.u16();
    }
    if ((has & kUrls) != 0) print.urls = in_.u64();
    print.sites = list<uint32_t>(in_.u8(), Fingerprint::kMaxSites);
    print.files = list<uint64_t>(in_.u8(), Fingerprint::kMaxFiles);
    print.pictures = list<uint64_t>(in_.u8(), Fingerprint::kMaxPictures);
    require(is_sorted_once(print.sites) && is_each_once(print.files) && is_each_once(print.pictures));
    return print;
  }

  template <class T>
  std::vector<T> list(size_t count, size_t most) {
    std::vector<T> values;
    require(count <= most && count * sizeof(T) <= in_.left());
    if (!in_.ok()) return values;
    values.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      if constexpr (sizeof(T) == 4) {
        values.push_back(in_.u32());
      } else {
        values.push_back(in_.u64());
      }
    }
    return values;
  }

  std::string text(size_t limit) {
    std::string_view text = in_.text(limit);
    require(is_clean(text));
    return std::string(text);
  }

  int64_t wall() {
    int64_t wall_ms = in_.i64();
    require(wall_ms >= 0 && wall_ms <= kMaxWall);
    return wall_ms;
  }

  bool yes_or_no() {
    uint8_t octet = in_.u8();
    require(octet <= 1);
    return octet == 1;
  }

  void require(bool holds) {
    if (!holds) in_.refuse();
  }

  Unpacker in_;
};

Kind kind_of(const Event& event) {
  switch (event.index()) {
    case 0: return Kind::Sighting;
    case 1: return Kind::Let;
    case 2: return Kind::Withdrawn;
    default: return Kind::Allowed;
  }
}

}  // namespace

std::string encode(const Event& event) {
  Writer writer(kind_of(event));
  std::visit([&](const auto& one) { writer.put(one); }, event);
  return writer.octets();
}

Result<Event> decode(std::string_view octets) {
  if (octets.size() < 2) return fail(Code::BadInput, "it is cut");
  if (static_cast<uint8_t>(octets[0]) != kForm) return fail(Code::BadInput, "it is of another version");
  Reader reader(octets.substr(2));
  Event event;
  switch (static_cast<Kind>(octets[1])) {
    case Kind::Sighting: event = reader.sighting(); break;
    case Kind::Let: event = reader.let(); break;
    case Kind::Withdrawn: event = reader.withdrawn(); break;
    case Kind::Allowed: event = reader.allowed(); break;
    default: return fail(Code::BadInput, "it is of a kind that nobody knows");
  }
  if (!reader.ok()) return fail(Code::BadInput, "a length or a value in it is wrong");
  return event;
}

}  // namespace postern::bulk
