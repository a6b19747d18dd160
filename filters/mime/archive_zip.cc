#include <algorithm>

#include "filters/mime/archive.h"

// ZIP as PKWARE's APPNOTE 6.3 has it. Its directory stands at the end; each file has a header of its own in front of
// its data. Programs that open it read the directory, so that is what is listed; where the end is missing, the headers
// are.

namespace postern::mime {
namespace {

constexpr std::string_view kLocal("PK\x03\x04", 4);      // 4.3.7
constexpr std::string_view kCentral("PK\x01\x02", 4);    // 4.3.12
constexpr std::string_view kEnd("PK\x05\x06", 4);        // 4.3.16
constexpr std::string_view kEnd64("PK\x06\x06", 4);      // 4.3.14
constexpr std::string_view kLocator64("PK\x06\x07", 4);  // 4.3.15
constexpr std::string_view kSpanned("PK\x07\x08", 4);    // 8.5.3
constexpr size_t kEndSize = 22;
constexpr size_t kMaxComment = 65'535;
constexpr uint16_t kEncrypted = 0x0001;        // 4.4.4, bit 0
constexpr uint16_t kHiddenDirectory = 0x2000;  // bit 13
constexpr uint16_t kSizeFollows = 0x0008;      // bit 3
constexpr uint16_t kAes = 99;                  // 4.4.5, and WinZip's AE-2

/// 4.3.12. False: none stands there.
bool read_entry(Octets& octets, Archive& out) {
  if (octets.text(4) != kCentral) return false;
  octets.skip(4);
  uint16_t flags = octets.u16();
  uint16_t method = octets.u16();
  octets.skip(16);
  uint16_t name_size = octets.u16();
  uint16_t extra_size = octets.u16();
  uint16_t comment_size = octets.u16();
  octets.skip(12);
  std::string_view name = octets.text(name_size);
  octets.skip(extra_size);
  octets.skip(comment_size);
  if (octets.bad()) {
    out.truncated = true;
    return false;
  }
  if ((flags & (kEncrypted | kHiddenDirectory)) != 0 || method == kAes) out.encrypted = true;
  return add_name(out, name);
}

void read_directory(std::string_view directory, Archive& out) {
  Octets octets(directory);
  while (octets.left() > 0 && read_entry(octets, out)) {}
}

/// Where the directory begins, by the end record at `end`; npos when it is not there.
size_t directory_place(std::string_view content, size_t end) {
  Octets record(content.substr(end + 12));
  uint64_t size = record.u32();
  uint64_t offset = record.u32();
  size_t behind = end;
  if (offset == 0xFFFFFFFF && end >= 20 && content.substr(end - 20, 4) == kLocator64) {
    Octets locator(content.substr(end - 20 + 8));
    uint64_t place = locator.number(8);
    if (place < content.size() && content.substr(static_cast<size_t>(place), 4) == kEnd64) {
      behind = static_cast<size_t>(place);
      Octets record64(content.substr(behind + 4));
      record64.skip(36);
      size = record64.number(8);
      offset = record64.number(8);
    }
  }
  // Counted back from its end it is right also where something stands in front of the archive.
  if (size <= behind && content.substr(behind - static_cast<size_t>(size), 4) == kCentral) {
    return behind - static_cast<size_t>(size);
  }
  if (offset < content.size() && content.substr(static_cast<size_t>(offset), 4) == kCentral) {
    return static_cast<size_t>(offset);
  }
  return std::string_view::npos;
}

/// 4.3.7, one after the other, for an archive without its end.
void read_local_headers(std::string_view content, Archive& out) {
  out.truncated = true;
  size_t at = content.find(kLocal);
  while (at != std::string_view::npos) {
    Octets octets(content.substr(at + 4));
    octets.skip(2);
    uint16_t flags = octets.u16();
    uint16_t method = octets.u16();
    octets.skip(8);
    uint32_t size = octets.u32();
    octets.skip(4);
    uint16_t name_size = octets.u16();
    uint16_t extra_size = octets.u16();
    std::string_view name = octets.text(name_size);
    octets.skip(extra_size);
    if (octets.bad()) return;
    if ((flags & (kEncrypted | kHiddenDirectory)) != 0 || method == kAes) out.encrypted = true;
    if (!add_name(out, name)) return;
    // Where the size comes only behind the data, the next header is searched.
    if ((flags & kSizeFollows) == 0) octets.skip(size);
    at = content.find(kLocal, at + 4 + octets.at());
  }
}

}  // namespace

bool list_zip(std::string_view content, Archive& out) {
  bool begins = content.starts_with(kLocal) || content.starts_with(kEnd) || content.starts_with(kSpanned);
  size_t tail = content.size() - std::min(content.size(), kMaxComment + kEndSize);
  size_t end = content.substr(tail).rfind(kEnd);
  if (end != std::string_view::npos && tail + end + kEndSize <= content.size()) {
    end += tail;
    size_t directory = directory_place(content, end);
    if (directory != std::string_view::npos) {
      read_directory(content.substr(directory, end - directory), out);
      return true;
    }
    Octets record(content.substr(end + 10));
    if (begins && record.u16() == 0) return true;  // an empty archive
  }
  if (begins) read_local_headers(content, out);
  return begins;
}

}  // namespace postern::mime
