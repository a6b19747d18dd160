#include <algorithm>
#include <string>
#include <vector>

#include "filters/mime/archive.h"
#include "filters/mime/mime.h"

// 7z as 7zFormat.txt of its SDK has it. Its header stands at the end and is mostly packed, and then its names cannot be
// read; that it is encrypted can, by its coders. Counts need no bounds of their own: each thing counted takes an octet
// at least, and all loops end where the octets do.

namespace postern::mime {
namespace {

constexpr std::string_view kMark("7z\xBC\xAF\x27\x1C", 6);
constexpr std::string_view kAes("\x06\xF1\x07\x01", 4);  // the coder 7zAES

enum Property : uint8_t {
  kEnd = 0x00,
  kHeader = 0x01,
  kArchiveProperties = 0x02,
  kAdditionalStreams = 0x03,
  kMainStreams = 0x04,
  kFiles = 0x05,
  kPackInfo = 0x06,
  kUnpackInfo = 0x07,
  kSubStreams = 0x08,
  kSize = 0x09,
  kChecksums = 0x0A,
  kUnpackSizes = 0x0C,
  kStreamCounts = 0x0D,
  kNames = 0x11,
  kPackedHeader = 0x17,
};

class HeaderReader {
 public:
  HeaderReader(std::string_view header, Archive& out) : octets_(header), out_(out) {}

  void read() {
    uint8_t kind = octets_.u8();
    if (kind == kPackedHeader) {
      read_streams();
      out_.truncated = true;
      return;
    }
    if (kind != kHeader) octets_.skip(octets_.left() + 1);
    for (uint8_t id = octets_.u8(); id != kEnd && !octets_.bad(); id = octets_.u8()) {
      if (id == kArchiveProperties) {
        read_properties();
      } else if (id == kAdditionalStreams || id == kMainStreams) {
        read_streams();
      } else if (id == kFiles) {
        read_files();
        return;
      } else {
        break;
      }
    }
    if (octets_.bad()) out_.truncated = true;
  }

 private:
  struct Folder {
    size_t outputs = 0;
    bool checksum = false;
    uint64_t streams = 1;
  };

  /// The first octet's leading ones say how many octets follow; its other bits are the number's highest.
  uint64_t number() {
    unsigned first = octets_.u8();
    unsigned more = 0;
    while (more < 8 && (first & (0x80U >> more)) != 0) ++more;
    uint64_t out = octets_.number(more);
    if (more < 7) out |= static_cast<uint64_t>(first & ((0x80U >> more) - 1)) << (8 * more);
    return out;
  }

  void skip_numbers(uint64_t count) {
    for (; count > 0 && !octets_.bad(); --count) number();
  }

  void read_properties() {
    while (octets_.u8() != kEnd && !octets_.bad()) octets_.skip(number());
  }

  /// For which of `count` things there is a checksum.
  std::vector<bool> read_checksums(uint64_t count) {
    if (count > octets_.left()) octets_.skip(count);
    if (octets_.bad()) return {};
    std::vector<bool> defined(static_cast<size_t>(count), true);
    size_t any = defined.size();
    if (octets_.u8() == 0) {
      any = 0;
      unsigned bits = 0;
      for (size_t i = 0; i < defined.size(); ++i) {
        if (i % 8 == 0) bits = octets_.u8();
        defined[i] = (bits & (0x80U >> (i % 8))) != 0;
        any += defined[i] ? 1 : 0;
      }
    }
    octets_.skip(4 * static_cast<uint64_t>(any));
    return defined;
  }

  void read_streams() {
    for (uint8_t id = octets_.u8(); id != kEnd && !octets_.bad(); id = octets_.u8()) {
      if (id == kPackInfo) {
        read_pack_info();
      } else if (id == kUnpackInfo) {
        read_unpack_info();
      } else if (id == kSubStreams) {
        read_sub_streams();
      } else {
        octets_.skip(octets_.left() + 1);
      }
    }
  }

  void read_pack_info() {
    number();
    uint64_t streams = number();
    for (uint8_t id = octets_.u8(); id != kEnd && !octets_.bad(); id = octets_.u8()) {
      if (id == kSize) {
        skip_numbers(streams);
      } else {
        read_checksums(streams);
      }
    }
  }

  void read_unpack_info() {
    octets_.skip(1);  // kFolder
    uint64_t count = number();
    bool elsewhere = octets_.u8() != 0;
    if (count > octets_.left() || elsewhere) octets_.skip(octets_.left() + 1);
    for (uint64_t i = 0; i < count && !octets_.bad(); ++i) read_folder();
    for (uint8_t id = octets_.u8(); id != kEnd && !octets_.bad(); id = octets_.u8()) {
      if (id == kUnpackSizes) {
        for (const Folder& folder : folders_) skip_numbers(folder.outputs);
      } else {
        std::vector<bool> defined = read_checksums(folders_.size());
        for (size_t i = 0; i < defined.size(); ++i) folders_[i].checksum = defined[i];
      }
    }
  }

  void read_folder() {
    uint64_t coders = number();
    uint64_t inputs = 0;
    uint64_t outputs = 0;
    for (; coders > 0 && !octets_.bad(); --coders) {
      uint8_t flags = octets_.u8();
      if (octets_.text(flags & 0x0FU) == kAes) out_.encrypted = true;
      bool complex = (flags & 0x10U) != 0;
      inputs += complex ? number() : 1;
      outputs += complex ? number() : 1;
      if ((flags & 0x20U) != 0) octets_.skip(number());
    }
    if (inputs > octets_.left() || outputs > octets_.left() || outputs == 0) octets_.skip(octets_.left() + 1);
    if (octets_.bad()) return;
    skip_numbers(2 * (outputs - 1));
    uint64_t packed = inputs - std::min(inputs, outputs - 1);
    if (packed > 1) skip_numbers(packed);
    folders_.push_back({static_cast<size_t>(outputs), false, 1});
  }

  void read_sub_streams() {
    uint8_t id = octets_.u8();
    if (id == kStreamCounts) {
      for (Folder& folder : folders_) folder.streams = number();
      id = octets_.u8();
    }
    if (id == kSize) {
      for (const Folder& folder : folders_) skip_numbers(folder.streams > 0 ? folder.streams - 1 : 0);
      id = octets_.u8();
    }
    for (; id != kEnd && !octets_.bad(); id = octets_.u8()) {
      uint64_t unknown = 0;
      for (const Folder& folder : folders_) {
        if (folder.streams > octets_.left()) octets_.skip(folder.streams);
        unknown += folder.streams == 1 && folder.checksum ? 0 : folder.streams;
      }
      read_checksums(unknown);
    }
  }

  void read_files() {
    uint64_t files = number();
    while (!octets_.bad()) {
      uint64_t property = number();
      if (property == kEnd) break;
      uint64_t size = number();
      Octets data(octets_.text(size));
      bool elsewhere = property == kNames && data.u8() != 0;
      if (property == kNames && !elsewhere) read_names(data.text(data.left()), files);
    }
    if (octets_.bad()) out_.truncated = true;
  }

  /// UTF-16, little-endian, each ending in a NUL.
  void read_names(std::string_view names, uint64_t files) {
    Defects ignored;
    size_t begin = 0;
    for (size_t at = 0; at + 1 < names.size() && files > 0; at += 2) {
      if (names[at] != '\0' || names[at + 1] != '\0') continue;
      std::string_view name = names.substr(begin, at - begin);
      // Twice what add_name() keeps, from its end.
      if (name.size() > 4096) name.remove_prefix(name.size() - 4096);
      if (!add_name(out_, to_utf8(name, "utf-16le", ignored))) return;
      begin = at + 2;
      --files;
    }
  }

  Octets octets_;
  Archive& out_;
  std::vector<Folder> folders_;
};

}  // namespace

bool list_7z(std::string_view content, Archive& out) {
  if (!content.starts_with(kMark)) return false;
  Octets start(content);
  start.skip(12);
  uint64_t offset = start.number(8);
  uint64_t size = start.number(8);
  start.skip(4);
  start.skip(offset);
  std::string_view header = start.text(size);
  if (start.bad()) {
    out.truncated = true;
  } else if (!header.empty()) {
    HeaderReader(header, out).read();
  }
  return true;
}

}  // namespace postern::mime
