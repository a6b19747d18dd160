#include "filters/mime/archive.h"

#include <algorithm>

#include "filters/base/bytes.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

constexpr size_t kMaxNames = 1000;
constexpr size_t kMaxName = 1000;
constexpr size_t kBlock = 512;

std::string_view until_nul(std::string_view field) {
  return field.substr(0, field.find('\0'));
}

/// POSIX.1 pax: octal digits; GNU tar: big-endian with the first bit set. Nothing sensible is larger than 2^62.
uint64_t tar_number(std::string_view field) {
  uint64_t out = 0;
  if (!field.empty() && (static_cast<unsigned char>(field.front()) & 0x80U) != 0) {
    for (char c : field.substr(1)) out = (out << 8U) | static_cast<unsigned char>(c);
    return out;
  }
  for (char c : field) {
    if (c >= '0' && c <= '7') out = (out << 3U) | static_cast<uint64_t>(c - '0');
    if (c == '\0' && out != 0) break;
  }
  return out;
}

/// POSIX.1 pax extended header: records "LENGTH KEY=VALUE\n".
std::string_view pax_path(std::string_view records) {
  while (!records.empty()) {
    size_t length = 0;
    size_t digits = 0;
    while (digits < records.size() && digits < 7 && ascii_digit(records[digits])) {
      length = length * 10 + static_cast<size_t>(records[digits++] - '0');
    }
    if (length <= digits || length > records.size()) break;
    std::string_view record = records.substr(digits, length - digits);
    if (record.starts_with(" path=") && record.ends_with('\n')) return record.substr(6, record.size() - 7);
    records.remove_prefix(length);
  }
  return {};
}

std::string tar_name(std::string_view block) {
  std::string out;
  if (block.substr(257, 6) == std::string_view("ustar\0", 6)) out = until_nul(block.substr(345, 155));
  if (!out.empty()) out += '/';
  return out.append(until_nul(block.substr(0, 100)));
}

}  // namespace

bool add_name(Archive& archive, std::string_view name) {
  if (archive.names.size() >= kMaxNames) {
    archive.truncated = true;
    return false;
  }
  // Converted octets may grow to three times as many, so little more than what stays needs to be converted.
  if (name.size() > 4 * kMaxName) name.remove_prefix(name.size() - 4 * kMaxName);
  Defects ignored;
  bool utf8 = is_utf8(name);
  std::string text = shown_text(to_utf8(name, utf8 ? "utf-8" : "ibm437", ignored));
  if (text.size() > kMaxName) {
    size_t begin = text.size() - kMaxName;
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) ++begin;
    text.erase(0, begin);
  }
  archive.names.push_back(std::move(text));
  return true;
}

bool is_tar_header(std::string_view block) {
  if (block.size() < kBlock || block.front() == '\0') return false;
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    // The checksum's own field counts as blanks.
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return tar_number(block.substr(148, 8)) == sum;
}

bool list_tar(std::string_view content, Archive& out) {
  if (!is_tar_header(content)) return false;
  std::string_view long_name;
  while (content.size() >= kBlock && is_tar_header(content)) {
    std::string_view block = content.substr(0, kBlock);
    uint64_t size = tar_number(block.substr(124, 12));
    content.remove_prefix(kBlock);
    bool cut = size > content.size();
    std::string_view data = content.substr(0, static_cast<size_t>(size));
    char type = block[156];
    if (type == 'L') {
      long_name = until_nul(data);
    } else if (type == 'x') {
      long_name = pax_path(data);
    } else if (type != 'g' && type != 'K') {
      std::string name = tar_name(block);
      if (!add_name(out, long_name.empty() ? name : long_name)) return true;
      long_name = {};
    }
    if (cut) break;
    size_t padded = (data.size() + kBlock - 1) / kBlock * kBlock;
    content.remove_prefix(std::min(padded, content.size()));
  }
  // It ends in blocks of NUL; without them it is cut.
  if (content.empty() || content.front() != '\0') out.truncated = true;
  return true;
}

/// RFC 1952, 2.3.
bool list_gzip(std::string_view content, Archive& out) {
  Octets octets(content);
  if (octets.text(3) != "\x1F\x8B\x08") return false;
  uint8_t flags = octets.u8();
  octets.skip(6);
  if ((flags & 0x20U) != 0) out.encrypted = true;  // of old gzip programs; RFC 1952 leaves it reserved
  if ((flags & 0x04U) != 0) octets.skip(octets.u16());
  if ((flags & 0x08U) != 0 && !octets.bad()) {
    std::string_view rest = octets.text(octets.left());
    size_t end = rest.find('\0');
    if (end == std::string_view::npos) {
      out.truncated = true;
    } else {
      add_name(out, rest.substr(0, end));
    }
  }
  if (octets.bad()) out.truncated = true;
  return true;
}

Archive list_archive(std::string_view content) {
  Archive out;
  out.is_archive = list_rar(content, out) || list_7z(content, out) || list_gzip(content, out) ||
                   list_tar(content, out) || list_zip(content, out);
  return out;
}

}  // namespace postern::mime
