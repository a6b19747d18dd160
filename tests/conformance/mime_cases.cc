// Parses messages and says what was found in them, one line each:
//   check NUMBER PATH(hex)  ->  NUMBER MICROSECONDS TRUNCATED DEFECTS PART...
// PART: parent/depth/holds/type/charset/disposition/name/content/text, texts in hex, "-" for an empty one; `content` is
// the raw one of parts that hold no others, `text` what text parts say.
#include <array>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "filters/mime/kind.h"
#include "filters/mime/mime.h"

namespace {

using namespace postern;

std::string to_hex(std::string_view octets) {
  static constexpr char digits[] = "0123456789abcdef";
  if (octets.empty()) return "-";
  std::string out;
  out.reserve(octets.size() * 2);
  for (char c : octets) {
    auto byte = static_cast<unsigned char>(c);
    out += {digits[byte >> 4U], digits[byte & 15U]};
  }
  return out;
}

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

std::string defect_names(const mime::Defects& defects) {
  const std::array<std::pair<bool, std::string_view>, 10> all{{{defects.missing_boundary, "missing_boundary"},
                                                               {defects.missing_close, "missing_close"},
                                                               {defects.duplicate_header, "duplicate_header"},
                                                               {defects.bad_encoding, "bad_encoding"},
                                                               {defects.unknown_encoding, "unknown_encoding"},
                                                               {defects.unknown_charset, "unknown_charset"},
                                                               {defects.bad_charset, "bad_charset"},
                                                               {defects.nul, "nul"},
                                                               {defects.nested_too_deep, "nested_too_deep"},
                                                               {defects.after_close, "after_close"}}};
  std::string out;
  for (const auto& [set, name] : all) {
    if (set) out.append(out.empty() ? "" : ",").append(name);
  }
  return out.empty() ? "-" : out;
}

void print(const mime::Part& part, std::string_view text) {
  std::string_view holds = part.multipart ? "parts" : part.message ? "message" : "-";
  bool leaf = !part.multipart && !part.message;
  std::cout << ' ' << part.parent << '/' << part.depth << '/' << holds;
  for (std::string_view field :
       {std::string_view(part.type), std::string_view(part.charset), std::string_view(part.disposition),
        std::string_view(part.name), leaf ? part.content : std::string_view(), text}) {
    std::cout << '/' << to_hex(field);
  }
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void list(const std::string& number, const std::string& path) {
  std::string octets = read_file(path);
  mime::Archive archive = mime::list_archive(octets);
  std::cout << number << ' ' << to_hex(mime::detect_kind(octets)) << ' ' << archive.encrypted << ' '
            << archive.truncated;
  for (const auto& name : archive.names) std::cout << ' ' << to_hex(name);
  std::cout << '\n';
}

void check(const std::string& number, const std::string& path) {
  std::string octets = read_file(path);
  mime::Limits limits;
  auto begin = std::chrono::steady_clock::now();
  mime::Message message = mime::parse(octets, limits);
  std::vector<std::string> texts;
  for (const mime::Part& part : message.parts) {
    texts.emplace_back();
    if (part.type.starts_with("text/") && !part.multipart && !part.message) {
      texts.back() = to_utf8(mime::decode(part, limits.decoded, message.defects), part.charset, message.defects);
    }
  }
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  std::cout << number << ' ' << took.count() << ' ' << message.truncated << ' ' << defect_names(message.defects);
  for (size_t i = 0; i < message.parts.size(); ++i) print(message.parts[i], texts[i]);
  std::cout << '\n';
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb;
    std::string number;
    std::string path;
    words >> verb >> number >> path;
    if (verb == "check") check(number, from_hex(path));
    if (verb == "list") list(number, from_hex(path));
  }
  return 0;
}
