// Whatever values we are given, the field we write reads back as what we meant; whatever field we are given, what we
// read of it can be written and read again; and a field that reads as ours is always seen as ours.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/auth_results/encode.h"
#include "filters/auth_results/parse.h"
#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "filters/message/headers.h"

using namespace postern;
using namespace postern::auth_results;

namespace {

constexpr std::string_view kName = "Authentication-Results:";

void check_lines(std::string_view field) {
  POSTERN_CHECK(field.starts_with(kName) && field.ends_with("\r\n"));
  while (!field.empty()) {
    size_t end = field.find("\r\n");
    POSTERN_CHECK(end <= 998);
    for (char c : field.substr(0, end)) POSTERN_CHECK(c == '\t' || static_cast<unsigned char>(c) >= ' ');
    field.remove_prefix(end + 2);
    POSTERN_CHECK(field.empty() || field.front() == '\t');
  }
}

Parsed read_back(std::string_view field) {
  auto parsed = parse_auth_results(field.substr(kName.size(), field.size() - kName.size() - 2));
  POSTERN_CHECK(parsed.has_value());
  return *parsed;
}

/// Short, printable values come back as they were; all come back under their names.
void check_same(std::string_view put_in, std::string_view read) {
  POSTERN_CHECK(read.size() <= kMaxValue);
  bool plain = put_in.size() <= kMaxValue && is_ascii(put_in) && printable_ascii(put_in) == put_in;
  POSTERN_CHECK(!plain || put_in == read);
}

void check_encode(std::string_view text) {
  Charset charset = !text.empty() && text.size() % 2 == 0 ? Charset::Utf8 : Charset::Ascii;
  AuthResult result{"dkim", "pass", {}, {}};
  size_t first = text.find('\n');
  result.reason = text.substr(0, first);
  while (first != std::string_view::npos && result.properties.size() < 20) {
    text.remove_prefix(first + 1);
    first = text.find('\n');
    std::string value(text.substr(0, first));
    if (!value.empty()) result.properties.push_back({"p.q" + std::to_string(result.properties.size()), value});
  }
  std::string field = encode_auth_results("mx.example.org", {result, result}, charset);
  check_lines(field);
  POSTERN_CHECK(charset == Charset::Utf8 ? is_utf8(field) : is_ascii(field));
  POSTERN_CHECK(field.find("=?") == std::string::npos);
  Parsed parsed = read_back(field);
  POSTERN_CHECK(parsed.authserv_id == "mx.example.org" && parsed.results.size() == 2);
  for (const AuthResult& read : parsed.results) {
    POSTERN_CHECK(read.method == "dkim" && read.result == "pass");
    POSTERN_CHECK(read.reason.empty() == result.reason.empty());
    check_same(result.reason, read.reason);
    POSTERN_CHECK(read.properties.size() == result.properties.size());
    for (size_t i = 0; i < read.properties.size(); ++i) {
      POSTERN_CHECK(read.properties[i].type == result.properties[i].type);
      check_same(result.properties[i].value, read.properties[i].value);
    }
  }
}

void check_parse(std::string_view text) {
  auto parsed = parse_auth_results(text);
  auto deployed = parse_auth_results(text, Grammar::Deployed);
  if (!parsed) {
    POSTERN_CHECK(is_ascii(parsed.error().message));
    return;
  }
  POSTERN_CHECK(deployed && deployed->results.size() == parsed->results.size());
  POSTERN_CHECK(message::claims_authserv_id(text, "mx.example.org") ||
                !equal_nocase(parsed->authserv_id, "mx.example.org"));
  std::string field = encode_auth_results("mx.example.org", parsed->results, Charset::Utf8);
  check_lines(field);
  POSTERN_CHECK(read_back(field).results.size() == parsed->results.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_encode(text);
  check_parse(text);
  return 0;
}
