#include "filters/mime/url_host.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/base/ip.h"
#include "filters/mime/punycode.h"

namespace postern::mime {
namespace {

constexpr size_t kMaxWritten = 1000;
constexpr size_t kMaxName = 253;  // RFC 1035, 2.3.4, as text

std::string percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() && ascii_alnum(text[i + 1]) && ascii_alnum(text[i + 2])) {
      auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      if (error == std::errc() && end == text.data() + i + 3) {
        out += static_cast<char>(static_cast<unsigned char>(value));
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::vector<std::string_view> split_labels(std::string_view name) {
  std::vector<std::string_view> labels;
  for (size_t at = 0; at <= name.size();) {
    size_t dot = std::min(name.find('.', at), name.size());
    labels.push_back(name.substr(at, dot - at));
    at = dot + 1;
  }
  return labels;
}

/// URL standard, 3.5, "IPv4 number parser": 0x for hexadecimal, 0 for octal. Saturates.
std::optional<uint64_t> read_number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int base = 10;
  if (text.size() >= 2 && text[0] == '0') {
    bool hex = ascii_lower(text[1]) == 'x';
    base = hex ? 16 : 8;
    text.remove_prefix(hex ? 2 : 1);
    if (text.empty()) return 0;
  }
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  return error == std::errc() ? value : UINT64_MAX;
}

/// URL standard, 3.5, "ends in a number checker".
bool ends_in_number(std::string_view last) {
  if (!last.empty() && std::all_of(last.begin(), last.end(), ascii_digit)) return true;
  return last.size() >= 2 && last[0] == '0' && ascii_lower(last[1]) == 'x' && read_number(last);
}

/// URL standard, 3.5, "IPv4 parser": one to four numbers, the last of which fills what is left.
std::optional<std::string> read_ipv4(const std::vector<std::string_view>& labels) {
  if (labels.size() > 4) return std::nullopt;
  uint64_t address = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    auto number = read_number(labels[i]);
    bool last = i + 1 == labels.size();
    size_t room = last ? 8 * (4 - i) : 8;
    if (!number || *number >= uint64_t{1} << room) return std::nullopt;
    address |= last ? *number : *number << (24 - 8 * i);
  }
  auto octet = [address](int shift) { return static_cast<uint8_t>(address >> shift); };
  return IpAddress::v4({octet(24), octet(16), octet(8), octet(0)}).to_string();
}

bool good_label(std::string_view label) {
  // RFC 1035, 2.3.4. Underscores are no host names (RFC 952), but browsers ask for them.
  if (label.empty() || label.size() > 63) return false;
  return std::all_of(label.begin(), label.end(), [](char c) { return ascii_alnum(c) || c == '-' || c == '_'; });
}

/// For a name that IDNA 2008 refuses: label by label, those with emoji as they are.
std::optional<std::string> lenient_domain(std::string_view name) {
  std::string out;
  if (name.ends_with('.')) name.remove_suffix(1);
  for (std::string_view label : split_labels(name)) {
    auto ascii = to_ascii_domain(label);
    if (!ascii) ascii = to_a_label(label);
    if (!ascii || out.size() > kMaxName) return std::nullopt;
    out += (out.empty() ? "" : ".") + *ascii;
  }
  return out;
}

}  // namespace

std::optional<std::string> read_host(std::string_view written) {
  if (written.empty() || written.size() > kMaxWritten) return std::nullopt;
  if (written.front() == '[') {
    if (written.back() != ']' || written.find(':') == std::string_view::npos) return std::nullopt;
    auto address = IpAddress::parse(written.substr(1, written.size() - 2));
    if (!address) return std::nullopt;
    return address->to_string();
  }
  std::string decoded = percent_decode(written);
  auto name = to_ascii_domain(decoded);
  if (!name) name = lenient_domain(decoded);
  if (!name) return std::nullopt;
  // The mapping may have made it: the final dot can be an ideographic one.
  if (name->ends_with('.')) name->pop_back();
  if (name->size() > kMaxName) return std::nullopt;
  auto labels = split_labels(*name);
  if (!std::all_of(labels.begin(), labels.end(), good_label)) return std::nullopt;
  if (ends_in_number(labels.back())) return read_ipv4(labels);
  return name;
}

}  // namespace postern::mime
