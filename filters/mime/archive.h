// Reading archive directories: what the formats have in common. Numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/mime/kind.h"

namespace postern::mime {

/// Octets read in order. Behind the end every number is 0 and every text empty, and bad() says so.
class Octets {
 public:
  explicit Octets(std::string_view data) : data_(data) {}

  [[nodiscard]] bool bad() const { return bad_; }
  [[nodiscard]] size_t at() const { return at_; }
  [[nodiscard]] size_t left() const { return data_.size() - at_; }

  uint64_t number(size_t octets) {
    std::string_view raw = text(octets);
    uint64_t out = 0;
    for (size_t i = raw.size(); i-- > 0;) out = (out << 8U) | static_cast<unsigned char>(raw[i]);
    return out;
  }
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  std::string_view text(uint64_t octets) {
    if (octets > left()) {
      bad_ = true;
      at_ = data_.size();
      return {};
    }
    std::string_view out = data_.substr(at_, static_cast<size_t>(octets));
    at_ += out.size();
    return out;
  }
  void skip(uint64_t octets) { text(octets); }

 private:
  std::string_view data_;
  size_t at_ = 0;
  bool bad_ = false;
};

/// Adds a name within the bounds of Archive. Octets that are not UTF-8 are taken for code page 437, as ZIP has it; of a
/// name that is too long the end stays, because that is where the extension is. False: no room, and this was said.
bool add_name(Archive& archive, std::string_view name);

/// Each fills `out` when the content is of its format, and says whether it is.
bool list_zip(std::string_view content, Archive& out);
bool list_rar(std::string_view content, Archive& out);
bool list_7z(std::string_view content, Archive& out);
bool list_tar(std::string_view content, Archive& out);
bool list_gzip(std::string_view content, Archive& out);

/// Whether a 512-octet block is a tar header, by its checksum.
[[nodiscard]] bool is_tar_header(std::string_view block);

}  // namespace postern::mime
