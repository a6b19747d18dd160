// MIME fed with octets from the network: structure, header fields, charsets and archives. Bounds must hold, views must
// lie where they should, texts must be UTF-8 without control characters, and a cut message must not crash either.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/mime/kind.h"
#include "filters/mime/mime.h"
#include "filters/mime/parameters.h"

namespace {

using namespace postern;

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_shown(std::string_view text) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(),
                                       [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_part(const mime::Message& message, size_t index, std::string_view text) {
  const mime::Part& part = message.parts[index];
  auto within = [&](std::string_view view) {
    return lies_in(view, text) || std::any_of(message.decoded.begin(), message.decoded.end(),
                                              [&](const auto& decoded) { return lies_in(view, *decoded); });
  };
  require(within(part.header) && within(part.content));
  const mime::Part& parent = message.parts[part.parent];
  require(index == 0 ? part.depth == 0 : part.parent < index && part.depth == parent.depth + 1);
  require(index == 0 || parent.multipart || parent.message);
  require(is_shown(part.name) && is_shown(part.charset) && is_shown(part.content_id) && is_shown(part.type));
  require(part.type.find('/') != std::string::npos);
}

void fuzz_message(std::string_view text, bool complete) {
  mime::Limits limits;
  limits.depth = 5;
  limits.parts = 50;
  mime::Message message = mime::parse(text, limits, complete);
  require(!message.parts.empty() && message.parts.size() <= limits.parts);
  require(complete || message.truncated);
  for (size_t i = 0; i < message.parts.size(); ++i) {
    check_part(message, i, text);
    const mime::Part& part = message.parts[i];
    require(part.depth <= limits.depth);
    std::string octets = mime::decode(part, 10'000, message.defects);
    require(octets.size() <= 10'000);
    require(is_utf8(mime::to_utf8(octets, part.charset, message.defects)));
    static_cast<void>(mime::detect_kind(octets));
  }
}

void fuzz_archive(std::string_view text) {
  static_cast<void>(mime::detect_kind(text));
  mime::Archive archive = mime::list_archive(text);
  require(archive.names.size() <= 1000);
  require(archive.is_archive || archive.names.empty());
  for (const auto& name : archive.names) require(is_shown(name) && name.size() <= 1000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz_message(text, true);
  fuzz_message(text.substr(0, size / 2), false);
  fuzz_archive(text);
  require(is_shown(mime::decode_header(text)));
  mime::Parameters parameters(text);
  require(is_shown(parameters.text("filename")) && is_shown(parameters.text("name")));
  // The first line as a charset's name, the rest in it.
  size_t line = std::min(text.find('\n'), size);
  mime::Defects defects;
  require(is_utf8(mime::to_utf8(text.substr(std::min(line + 1, size)), text.substr(0, line), defects)));
  return 0;
}
