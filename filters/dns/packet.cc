#include "filters/dns/packet.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include <ldns/ldns.h>

#include "filters/base/bytes.h"

namespace postern::dns {
namespace {

constexpr size_t kHeaderSize = 12;  // RFC 1035, 4.1.1
constexpr uint16_t kClassIn = 1;

struct FreeRecord {
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
};
using Record = std::unique_ptr<ldns_rr, FreeRecord>;

Answer temp_fail(std::string reason) {
  Answer answer;
  answer.reason = std::move(reason);
  return answer;
}

std::string_view data_of(const ldns_rdf* field) {
  return {reinterpret_cast<const char*>(ldns_rdf_data(field)), ldns_rdf_size(field)};
}

// Wire form (RFC 1035, 3.1) to our raw octets; nullopt for a name that they cannot express.
std::optional<std::string> to_name(const ldns_rdf* field) {
  if (field == nullptr || ldns_rdf_get_type(field) != LDNS_RDF_TYPE_DNAME) return std::nullopt;
  std::string_view wire = data_of(field);
  std::string name;
  while (!wire.empty()) {
    auto length = static_cast<unsigned char>(wire.front());
    wire.remove_prefix(1);
    if (length == 0) return name;
    if (length > 63 || length > wire.size()) return std::nullopt;
    std::string_view label = wire.substr(0, length);
    if (label.find('.') != std::string_view::npos) return std::nullopt;
    if (!name.empty()) name += '.';
    name += label;
    wire.remove_prefix(length);
  }
  return std::nullopt;
}

uint16_t wire_type(Type type) {
  return static_cast<uint16_t>(type);
}
bool is_type(const ldns_rr* record, Type type) {
  return static_cast<unsigned>(ldns_rr_get_type(record)) == wire_type(type) &&
         static_cast<unsigned>(ldns_rr_get_class(record)) == kClassIn;
}

/// A packet and how far it was read.
class Packet {
 public:
  explicit Packet(std::string_view wire) : wire_(reinterpret_cast<const uint8_t*>(wire.data())), size_(wire.size()) {}

  [[nodiscard]] bool has_header() const { return size_ >= kHeaderSize; }
  [[nodiscard]] bool is_response() const { return (wire_[2] & 0x80U) != 0; }
  [[nodiscard]] bool is_truncated() const { return (wire_[2] & 0x02U) != 0; }
  [[nodiscard]] unsigned rcode() const { return wire_[3] & 0x0fU; }
  [[nodiscard]] unsigned questions() const { return number(4); }
  [[nodiscard]] unsigned answers() const { return number(6); }
  [[nodiscard]] unsigned authorities() const { return number(8); }

  [[nodiscard]] Record next(ldns_pkt_section section) {
    ldns_rr* record = nullptr;
    if (ldns_wire2rr(&record, wire_, size_, &position_, section) != LDNS_STATUS_OK) return nullptr;
    return Record(record);
  }

 private:
  [[nodiscard]] unsigned number(size_t at) const {
    return (static_cast<unsigned>(wire_[at]) << 8U) | static_cast<unsigned>(wire_[at + 1]);
  }
  const uint8_t* wire_;
  size_t size_;
  size_t position_ = kHeaderSize;
};

bool same_name(const std::optional<std::string>& a, std::string_view b) {
  return a && equal_nocase(*a, b);
}

std::string rcode_name(unsigned rcode) {
  // RFC 1035, 4.1.1; RFC 2136, 2.2.
  static constexpr std::array<const char*, 6> kNames = {"NOERROR",  "FORMERR", "SERVFAIL",
                                                        "NXDOMAIN", "NOTIMP",  "REFUSED"};
  return rcode < kNames.size() ? kNames.at(rcode) : "RCODE" + std::to_string(rcode);
}

// RFC 7208, 3.3: the strings of one record are joined without spaces. Each carries its length octet in front.
std::optional<std::string> text_of(const ldns_rr* record) {
  size_t count = ldns_rr_rd_count(record);
  if (count == 0) return std::nullopt;
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    std::string_view field = data_of(ldns_rr_rdf(record, i));
    if (!field.empty()) text += field.substr(1);
  }
  return text;
}

std::optional<IpAddress> address_of(const ldns_rr* record) {
  if (ldns_rr_rd_count(record) != 1) return std::nullopt;
  std::string_view field = data_of(ldns_rr_rdf(record, 0));
  if (field.size() == 4) {
    std::array<uint8_t, 4> octets{};
    std::memcpy(octets.data(), field.data(), octets.size());
    return IpAddress::v4(octets);
  }
  if (field.size() != 16) return std::nullopt;
  std::array<uint8_t, 16> octets{};
  std::memcpy(octets.data(), field.data(), octets.size());
  IpAddress address = IpAddress::v6(octets);
  if (address.is_v4()) return std::nullopt;  // IPv4-mapped
  return address;
}

/// Adds one record of the type asked; false when it cannot be used.
bool add(Answer& answer, Type type, const ldns_rr* record) {
  switch (type) {
    case Type::A:
    case Type::AAAA:
      if (auto address = address_of(record)) return answer.addresses.push_back(*address), true;
      return false;
    case Type::TXT:
      if (auto text = text_of(record)) return answer.texts.push_back(std::move(*text)), true;
      return false;
    case Type::MX: {
      if (ldns_rr_rd_count(record) != 2) return false;
      auto name = to_name(ldns_rr_rdf(record, 1));
      if (!name || ldns_rdf_size(ldns_rr_rdf(record, 0)) != 2) return false;
      answer.exchanges.push_back({ldns_rdf2native_int16(ldns_rr_rdf(record, 0)), std::move(*name)});
      return true;
    }
    case Type::PTR:
    case Type::NS:
    case Type::CNAME: {
      auto name = to_name(ldns_rr_rdf(record, 0));
      if (name) answer.names.push_back(std::move(*name));
      return name.has_value();
    }
    case Type::SOA: return true;  // asked for its existence only
  }
  return false;
}

/// The answer section by owner.
class AnswerSection {
 public:
  [[nodiscard]] bool read(Packet& packet) {
    unsigned count = packet.answers();
    if (count > PacketLimits::kMaxAnswers) return false;
    records_.reserve(count);
    for (unsigned i = 0; i < count; ++i) {
      Record record = packet.next(LDNS_SECTION_ANSWER);
      if (!record) return false;
      auto owner = to_name(ldns_rr_owner(record.get()));
      if (owner) records_.push_back({std::move(*owner), std::move(record)});
    }
    return true;
  }

  /// The CNAME of `owner`, or null.
  [[nodiscard]] const ldns_rr* alias(std::string_view owner) const {
    for (const auto& entry : records_) {
      if (is_type(entry.record.get(), Type::CNAME) && equal_nocase(entry.owner, owner)) return entry.record.get();
    }
    return nullptr;
  }

  /// All records of the type at `owner`; true when there was one that can be used.
  bool collect(std::string_view owner, Type type, Answer& answer) const {
    size_t found = 0;
    for (const auto& entry : records_) {
      if (found == Answer::kMaxRecords) break;
      if (!is_type(entry.record.get(), type) || !equal_nocase(entry.owner, owner)) continue;
      if (!add(answer, type, entry.record.get())) continue;
      answer.ttl = std::min(answer.ttl, ldns_rr_ttl(entry.record.get()));
      ++found;
    }
    return found > 0;
  }

 private:
  struct Entry {
    std::string owner;
    Record record;
  };
  std::vector<Entry> records_;
};

// RFC 2308, 5: a negative answer lives for the smaller of the SOA's own TTL and its MINIMUM; without SOA it is not
// kept.
uint32_t negative_ttl(Packet& packet) {
  size_t count = std::min<size_t>(packet.authorities(), PacketLimits::kMaxAuthority);
  for (size_t i = 0; i < count; ++i) {
    Record record = packet.next(LDNS_SECTION_AUTHORITY);
    if (!record) return 0;
    if (!is_type(record.get(), Type::SOA) || ldns_rr_rd_count(record.get()) != 7) continue;
    const ldns_rdf* minimum = ldns_rr_rdf(record.get(), 6);
    if (ldns_rdf_size(minimum) != 4) return 0;
    return std::min(ldns_rr_ttl(record.get()), ldns_rdf2native_int32(minimum));
  }
  return 0;
}

// RFC 2181, 8: a TTL with the top bit set counts as zero.
uint32_t sane_ttl(uint32_t ttl) {
  return ttl > 0x7fffffffU ? 0 : ttl;
}

std::optional<std::string> check_question(Packet& packet, const Question& question) {
  if (packet.questions() != 1) return "an answer without its question";
  Record asked = packet.next(LDNS_SECTION_QUESTION);
  if (!asked) return "malformed question";
  if (!is_type(asked.get(), question.type) || !same_name(to_name(ldns_rr_owner(asked.get())), question.name)) {
    return "an answer to another question";
  }
  return std::nullopt;
}

}  // namespace

Answer parse_packet(std::string_view wire, const Question& question) {
  Packet packet(wire);
  if (!packet.has_header() || !packet.is_response()) return temp_fail("not a DNS answer");
  if (packet.is_truncated()) return temp_fail("truncated answer");
  unsigned rcode = packet.rcode();
  if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) return temp_fail(rcode_name(rcode));
  if (auto problem = check_question(packet, question)) return temp_fail(std::move(*problem));
  AnswerSection section;
  if (!section.read(packet)) return temp_fail("malformed answer");

  Answer answer;
  answer.ttl = UINT32_MAX;
  std::string owner = question.name;
  bool found = section.collect(owner, question.type, answer);
  // RFC 1034, 3.6.2: an alias holds for every type but CNAME itself.
  for (size_t aliases = 0; !found && question.type != Type::CNAME; ++aliases) {
    const ldns_rr* alias = section.alias(owner);
    if (alias == nullptr) break;
    if (aliases == PacketLimits::kMaxAliases) return temp_fail("too many aliases");
    auto target = ldns_rr_rd_count(alias) == 1 ? to_name(ldns_rr_rdf(alias, 0)) : std::nullopt;
    if (!target) return temp_fail("malformed alias");
    answer.ttl = std::min(answer.ttl, ldns_rr_ttl(alias));
    owner = std::move(*target);
    found = section.collect(owner, question.type, answer);
  }
  // RFC 6604, 3: with aliases the RCODE speaks of the last name, and a name with records exists.
  if (rcode == LDNS_RCODE_NXDOMAIN) {
    uint32_t ttl = answer.ttl;
    answer = Answer{};
    answer.ttl = ttl;
    found = false;
    answer.status = Status::NoName;
  } else {
    answer.status = found ? Status::Found : Status::NoRecord;
  }
  if (!found) answer.ttl = std::min(answer.ttl, negative_ttl(packet));
  answer.ttl = sane_ttl(answer.ttl);
  return answer;
}

std::string to_presentation(std::string_view name) {
  std::string text;
  text.reserve(name.size() + 8);
  for (char c : name) {
    if (ascii_alnum(c) || c == '-' || c == '_' || c == '.') {
      text += c;
      continue;
    }
    auto octet = static_cast<unsigned char>(c);
    text += '\\';
    text += static_cast<char>('0' + octet / 100);
    text += static_cast<char>('0' + octet / 10 % 10);
    text += static_cast<char>('0' + octet % 10);
  }
  return text;
}

}  // namespace postern::dns
