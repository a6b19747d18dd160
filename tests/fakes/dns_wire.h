// Builds DNS answer packets by hand, so that tests can also build wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

/// Appends in network order; names are dotted text without escapes.
class DnsWire {
 public:
  static std::string u16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }
  static std::string u32(uint32_t value) { return u16(value >> 16U) + u16(value & 0xffffU); }
  static std::string name(std::string_view text) {
    std::string wire;
    while (!text.empty()) {
      size_t dot = text.find('.');
      std::string_view label = text.substr(0, dot);
      wire += static_cast<char>(label.size());
      wire += label;
      text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    }
    return wire + '\0';
  }
  static std::string record(std::string_view owner, unsigned type, uint32_t ttl, const std::string& data) {
    return name(owner) + u16(type) + u16(1) + u32(ttl) + u16(static_cast<unsigned>(data.size())) + data;
  }
  /// One TXT record's data: strings of at most 255 octets.
  static std::string text(std::string_view all) {
    std::string data;
    do {
      std::string_view part = all.substr(0, 255);
      data += static_cast<char>(part.size());
      data += part;
      all.remove_prefix(part.size());
    } while (!all.empty());
    return data;
  }
  static std::string soa(std::string_view owner, uint32_t ttl, uint32_t minimum) {
    return record(owner, 6, ttl,
                  name("ns.example") + name("admin.example") + u32(1) + u32(2) + u32(3) + u32(4) + u32(minimum));
  }

  unsigned id = 0;
  unsigned flags = 0x8180;  // a response, recursion available
  std::string question_name;
  unsigned question_type = 1;
  unsigned answers = 0;
  unsigned authorities = 0;
  std::string records;  // answers, then authorities

  DnsWire& answer(const std::string& wire) {
    records += wire;
    ++answers;
    return *this;
  }
  DnsWire& authority(const std::string& wire) {
    records += wire;
    ++authorities;
    return *this;
  }
  DnsWire& rcode(unsigned value) {
    flags = (flags & 0xfff0U) | value;
    return *this;
  }
  [[nodiscard]] std::string packet() const {
    return u16(id) + u16(flags) + u16(1) + u16(answers) + u16(authorities) + u16(0) + name(question_name) +
           u16(question_type) + u16(1) + records;
  }
};

}  // namespace postern
