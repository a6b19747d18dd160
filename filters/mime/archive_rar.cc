#include <algorithm>
#include <string>

#include "filters/mime/archive.h"

// RAR 4 (technote.txt of RAR 4) and RAR 5 (the archive format page of rarlab): blocks, each with its size in front.

namespace postern::mime {
namespace {

constexpr std::string_view kMark4("Rar!\x1A\x07\x00", 7);
constexpr std::string_view kMark5("Rar!\x1A\x07\x01\x00", 8);
// How far programs look for the mark behind a self-extracting program.
constexpr size_t kMaxProgram = 1U << 20U;

void append_utf8(std::string& out, unsigned unit) {
  if (unit < 0x80) {
    out += static_cast<char>(unit);
  } else if (unit < 0x800) {
    out += {static_cast<char>(0xC0U | (unit >> 6U)), static_cast<char>(0x80U | (unit & 0x3FU))};
  } else if (unit >= 0xD800 && unit < 0xE000) {
    out += "\xEF\xBF\xBD";
  } else {
    out += {static_cast<char>(0xE0U | (unit >> 12U)), static_cast<char>(0x80U | ((unit >> 6U) & 0x3FU)),
            static_cast<char>(0x80U | (unit & 0x3FU))};
  }
}

/// RAR 4 keeps a name twice: in a code page, and behind a NUL as differences to that in UTF-16. Two bits for each step
/// say what it takes: a Latin-1 octet, one with the common high octet, both octets, or a run of the other name.
std::string unicode_name(std::string_view plain, std::string_view packed) {
  std::string out;
  Octets octets(packed);
  unsigned high = octets.u8();
  unsigned flags = 0;
  unsigned steps = 0;
  size_t at = 0;  // in the plain name
  while (octets.left() > 0 && at < 4096) {
    if (steps == 0) {
      flags = octets.u8();
      steps = 4;
    }
    unsigned kind = (flags >> 6U) & 3U;
    flags <<= 2U;
    --steps;
    if (kind < 3) {
      unsigned unit = octets.u8();
      if (kind == 1) unit |= high << 8U;
      if (kind == 2) unit |= static_cast<unsigned>(octets.u8()) << 8U;
      if (!octets.bad()) append_utf8(out, unit);
      ++at;
      continue;
    }
    unsigned run = octets.u8();
    bool shifted = (run & 0x80U) != 0;
    unsigned shift = shifted ? octets.u8() : 0;
    for (run = (run & 0x7FU) + 2; run > 0 && at < plain.size(); --run, ++at) {
      auto octet = static_cast<unsigned char>(plain[at]);
      append_utf8(out, shifted ? ((octet + shift) & 0xFFU) | (high << 8U) : octet);
    }
  }
  return out;
}

/// One block of RAR 4. False: the walk has ended.
bool read_block4(Octets& octets, std::string_view content, Archive& out) {
  size_t begin = octets.at();
  octets.skip(2);
  uint8_t type = octets.u8();
  uint16_t flags = octets.u16();
  uint16_t header_size = octets.u16();
  bool file = type == 0x74;
  uint64_t data_size = file || (flags & 0x8000U) != 0 ? octets.u32() : 0;
  // 0x73: the archive's own header, which says that all behind it is encrypted.
  if (type == 0x73 && (flags & 0x0080U) != 0) out.encrypted = true;
  if (octets.bad() || header_size < 7) out.truncated = true;
  if (octets.bad() || header_size < 7 || type == 0x7B || (type == 0x73 && out.encrypted)) return false;
  if (file) {
    octets.skip(15);  // size, system, checksum, time, version, method
    uint16_t name_size = octets.u16();
    octets.skip(4);
    if ((flags & 0x0100U) != 0) {
      data_size |= static_cast<uint64_t>(octets.u32()) << 32U;
      octets.skip(4);
    }
    std::string_view name = octets.text(name_size);
    if ((flags & 0x0004U) != 0) out.encrypted = true;
    size_t nul = name.find('\0');
    bool twice = (flags & 0x0200U) != 0 && nul != std::string_view::npos;
    if (octets.bad()) out.truncated = true;
    if (octets.bad() || !add_name(out, twice ? unicode_name(name.substr(0, nul), name.substr(nul + 1)) : name))
      return false;
  }
  octets = Octets(content);
  octets.skip(begin);
  octets.skip(header_size);
  octets.skip(data_size);
  if (octets.bad()) out.truncated = true;
  return !octets.bad() && octets.left() > 0;
}

/// RAR 5: seven bits an octet, the lowest first.
uint64_t variable(Octets& octets) {
  uint64_t out = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    uint8_t octet = octets.u8();
    out |= static_cast<uint64_t>(octet & 0x7FU) << shift;
    if ((octet & 0x80U) == 0) break;
  }
  return out;
}

/// Its records each have a size and a type; 1 is encryption.
bool has_encryption(std::string_view extra) {
  Octets octets(extra);
  while (octets.left() > 0) {
    Octets record(octets.text(variable(octets)));
    if (record.left() > 0 && variable(record) == 1) return true;
  }
  return false;
}

void read_file5(Octets& header, uint64_t extra_size, Archive& out) {
  uint64_t flags = variable(header);
  variable(header);  // size
  variable(header);  // attributes
  if ((flags & 2U) != 0) header.skip(4);
  if ((flags & 4U) != 0) header.skip(4);
  variable(header);  // compression
  variable(header);  // system
  std::string_view name = header.text(variable(header));
  if (header.bad()) {
    out.truncated = true;
    return;
  }
  add_name(out, name);
  if (extra_size > header.left()) return;
  header.skip(header.left() - extra_size);
  if (has_encryption(header.text(extra_size))) out.encrypted = true;
}

/// One block of RAR 5. False: the walk has ended.
bool read_block5(Octets& octets, Archive& out) {
  octets.skip(4);
  uint64_t header_size = variable(octets);
  Octets header(octets.text(header_size));
  uint64_t type = variable(header);
  uint64_t flags = variable(header);
  uint64_t extra_size = (flags & 1U) != 0 ? variable(header) : 0;
  uint64_t data_size = (flags & 2U) != 0 ? variable(header) : 0;
  if (octets.bad() || header.bad()) {
    out.truncated = true;
    return false;
  }
  // 5: the end; 4: all behind is encrypted.
  if (type == 4) out.encrypted = true;
  if (type == 4 || type == 5) return false;
  if (type == 2) read_file5(header, extra_size, out);
  octets.skip(data_size);
  if (octets.bad()) out.truncated = true;
  return !octets.bad() && !out.truncated && octets.left() > 0;
}

}  // namespace

bool list_rar(std::string_view content, Archive& out) {
  if (content.starts_with("MZ")) {
    size_t mark = content.substr(0, kMaxProgram).find(kMark4.substr(0, 6));
    if (mark == std::string_view::npos) return false;
    content.remove_prefix(mark);
  }
  Octets octets(content);
  if (content.starts_with(kMark4)) {
    octets.skip(kMark4.size());
    while (read_block4(octets, content, out)) {}
    return true;
  }
  if (!content.starts_with(kMark5)) return false;
  octets.skip(kMark5.size());
  while (read_block5(octets, out)) {}
  return true;
}

}  // namespace postern::mime
