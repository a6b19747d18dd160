// `errors` of a list that take away what `answers` declares.
#include <algorithm>
#include <array>
#include <cstdint>

#include "filters/base/bytes.h"
#include "filters/base/ip.h"
#include "lua/list_fields.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxSteps = 65'536;  // addresses looked at, of one list

IpAddress address_of(uint32_t number) {
  return IpAddress::v4({static_cast<uint8_t>(number >> 24U), static_cast<uint8_t>(number >> 16U),
                        static_cast<uint8_t>(number >> 8U), static_cast<uint8_t>(number)});
}

uint32_t number_of(const IpAddress& address) {
  uint32_t number = 0;
  for (char c : address.octets()) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

/// "127.0.0.2, &4" in its parts.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(trim(text.substr(at, end - at)));
    at = end + 1;
  }
  return parts;
}

bool is_bits(std::string_view part) {
  return part.starts_with('&');
}

/// "127.0.1.0/255.255.255.4": its addresses do not follow each other.
bool is_scattered(std::string_view part) {
  size_t slash = part.find('/');
  return slash != std::string_view::npos && part.find('.', slash) != std::string_view::npos;
}

/// Of "&4"; 0 of what is no such thing.
uint32_t bits_of(std::string_view part) {
  auto match = lists::Match::parse(part);
  uint32_t bits = 0;
  for (uint32_t bit = 1; match && bit <= 0x800000; bit <<= 1U) {
    if (match->matches(address_of(0x7f000000U | bit))) bits |= bit;
  }
  return bits;
}

/// One list's. Never says too much; does not see that ranges together hold all addresses of a mask.
class Errors {
 public:
  Errors(const std::vector<lists::Match>& errors, const std::vector<std::string>& texts) : errors_(errors) {
    for (const std::string& text : texts) {
      for (std::string_view part : parts_of(text)) parts_.push_back(part);
    }
  }

  [[nodiscard]] bool hold(const lists::Answer& answer) {
    std::vector<std::string_view> parts = parts_of(answer.text);
    return std::all_of(parts.begin(), parts.end(), [this](std::string_view part) { return hold_part(part); });
  }

 private:
  [[nodiscard]] bool hold_part(std::string_view part) {
    if (is_bits(part)) {
      uint32_t wanted = bits_of(part);
      return std::any_of(parts_.begin(), parts_.end(),
                         [wanted](std::string_view each) { return is_bits(each) && (wanted & ~bits_of(each)) == 0; });
    }
    return is_scattered(part) ? std::find(parts_.begin(), parts_.end(), part) != parts_.end() : hold_range(part);
  }

  [[nodiscard]] bool hold_range(std::string_view part) {
    auto match = lists::Match::parse(part);
    if (!match) return false;
    for (uint32_t number = number_of(match->example());; ++number) {
      IpAddress address = address_of(number);
      if (!match->matches(address)) return true;
      auto matches = [&address](const lists::Match& error) { return error.matches(address); };
      if (steps_++ >= kMaxSteps || std::none_of(errors_.begin(), errors_.end(), matches)) return false;
    }
  }

  const std::vector<lists::Match>& errors_;
  std::vector<std::string_view> parts_;
  size_t steps_ = 0;
};

}  // namespace

std::vector<const lists::Answer*> lost_answers(const std::vector<lists::Match>& errors,
                                               const std::vector<std::string>& texts,
                                               const std::vector<ListAnswer>& answers) {
  std::vector<const lists::Answer*> lost;
  Errors all(errors, texts);
  for (const ListAnswer& each : answers) {
    if (all.hold(each.answer)) lost.push_back(&each.answer);
  }
  return lost;
}

}  // namespace postern::rules
