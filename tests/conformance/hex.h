// Octet strings on the lines that the SUITE_cases programs and their scripts exchange: hex, "-" for none.
#pragma once

#include <string>
#include <string_view>

namespace postern::test {

inline std::string unhex(const std::string& hex) {
  std::string out;
  if (hex == "-") return out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

inline std::string to_hex(std::string_view octets) {
  static constexpr char digits[] = "0123456789abcdef";
  if (octets.empty()) return "-";
  std::string out;
  for (char c : octets) {
    auto octet = static_cast<unsigned char>(c);
    out += {digits[octet >> 4], digits[octet & 15]};
  }
  return out;
}

}  // namespace postern::test
