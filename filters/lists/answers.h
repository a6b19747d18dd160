// Which addresses a list may answer with; a small helper of this folder.
#pragma once

#include <cstdint>
#include <optional>

#include "filters/base/ip.h"

namespace postern::lists {

/// The address as a number, 127.0.0.2 being 0x7f000002; nullopt for IPv6.
[[nodiscard]] inline std::optional<uint32_t> v4_number(const IpAddress& address) {
  if (!address.is_v4()) return std::nullopt;
  uint32_t number = 0;
  for (char c : address.octets()) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}
[[nodiscard]] inline IpAddress v4_address(uint32_t number) {
  return IpAddress::v4({static_cast<uint8_t>(number >> 24U), static_cast<uint8_t>(number >> 16U),
                        static_cast<uint8_t>(number >> 8U), static_cast<uint8_t>(number)});
}

/// RFC 5782, 2.1 and 2.3: 127.0.0.2 by convention, other values of 127.0.0.0/8 for sublists. No list in use goes
/// beyond.
[[nodiscard]] constexpr bool is_list_answer(uint32_t number) {
  return number >> 24U == 127;
}
/// 127.255.255.0/24: what lists of today say instead of an answer (typing error, public resolver, quota).
[[nodiscard]] constexpr bool is_refusal(uint32_t number) {
  return number >> 8U == 0x7fffff;
}

}  // namespace postern::lists
