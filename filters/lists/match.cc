// Match: "127.0.0.4-7", "&4" and the like, as rules write them.
#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "filters/lists/answers.h"
#include "filters/lists/list.h"

namespace postern::lists {
namespace {

constexpr size_t kMaxPieces = 64;
constexpr uint32_t kFirstOctet = 0xff000000;

/// As Match::Range.
struct Piece {
  uint32_t first = 0;
  uint32_t last = 0;
  uint32_t mask = 0;
  uint32_t value = 0;
  bool any = false;
};

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", escape_for_log(text, 60));
}

tl::unexpected<Error> no_answer(std::string_view text) {
  return fail(Code::BadInput,
              fmt::format("{} is no answer of a list; what is: \"127.0.0.2\", \"127.0.0.4-7\", \"&4\" (a bit), "
                          "\"127.0.1.0/24\", or several of these with commas",
                          quoted(text)));
}

tl::unexpected<Error> outside(std::string_view text) {
  return fail(Code::BadInput, fmt::format("{} lies outside of 127.0.0.0/8, where the answers of all lists are "
                                          "(RFC 5782, 2.1)",
                                          quoted(text)));
}

tl::unexpected<Error> refusal(std::string_view text) {
  return fail(Code::BadInput, fmt::format("{} lies in 127.255.255.0/24, with which lists refuse to answer; it says "
                                          "nothing of a subject, and is a list error by itself",
                                          quoted(text)));
}

std::optional<uint32_t> read_address(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return std::nullopt;
  auto address = IpAddress::parse(text);
  return address ? v4_number(*address) : std::nullopt;
}

std::optional<uint32_t> read_number(std::string_view text, uint32_t max) {
  int base = 10;
  if (starts_nocase(text, "0x")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    return std::nullopt;  // octal to some, decimal to others
  }
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

/// "&4", "&0x04"
Result<Piece> read_bits(std::string_view text) {
  auto bits = read_number(trim(text.substr(1)), 0xffffff);
  if (!bits) return no_answer(text);
  if (*bits == 0) return fail(Code::BadInput, fmt::format("{} has no bit; from &1 to &0xffffff have", quoted(text)));
  Piece piece;
  piece.mask = *bits;
  piece.any = true;
  return piece;
}

/// "127.0.1.0/24", "127.0.1.0/255.255.255.4"
Result<Piece> read_masked(std::string_view text, size_t slash) {
  std::string_view behind = trim(text.substr(slash + 1));
  auto address = read_address(trim(text.substr(0, slash)));
  auto mask = read_address(behind);
  if (!mask) {
    auto bits = starts_nocase(behind, "0x") ? std::nullopt : read_number(behind, 32);
    if (bits) mask = *bits == 0 ? 0 : ~uint32_t{0} << (32U - *bits);
  }
  if (!address || !mask) return no_answer(text);
  if (!is_list_answer(*address) || (*mask & kFirstOctet) != kFirstOctet) return outside(text);
  Piece piece;
  piece.mask = *mask;
  piece.value = *address & *mask;
  if (*mask >> 8U == 0xffffff && is_refusal(piece.value)) return refusal(text);
  return piece;
}

/// "127.0.0.2", "127.0.0.4-7", "127.0.0.4-127.0.0.7"
Result<Piece> read_range(std::string_view text) {
  size_t dash = text.find('-');
  auto first = read_address(trim(text.substr(0, dash)));
  auto last = first;
  if (first && dash != std::string_view::npos) {
    std::string_view end = trim(text.substr(dash + 1));
    last = read_address(end);
    if (!last && !starts_nocase(end, "0x")) {
      auto octet = read_number(end, 255);
      if (octet) last = (*first & ~uint32_t{0xff}) | *octet;
    }
  }
  if (!first || !last) return no_answer(text);
  if (*last < *first) return fail(Code::BadInput, fmt::format("{} ends before it begins", quoted(text)));
  if (!is_list_answer(*first) || !is_list_answer(*last)) return outside(text);
  if (is_refusal(*first)) return refusal(text);
  Piece piece;
  piece.first = *first;
  piece.last = *last;
  return piece;
}

Result<Piece> read_piece(std::string_view text) {
  if (text.starts_with('&')) return read_bits(text);
  size_t slash = text.find('/');
  return slash != std::string_view::npos ? read_masked(text, slash) : read_range(text);
}

}  // namespace

Result<Match> Match::parse(std::string_view text) {
  Match match;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(',', at), text.size());
    auto piece = read_piece(trim(text.substr(at, end - at)));
    if (!piece) return tl::unexpected<Error>(std::move(piece.error()));
    if (match.ranges_.size() == kMaxPieces) {
      return fail(Code::Limit, fmt::format("{} has more than {} parts", quoted(text), kMaxPieces));
    }
    match.ranges_.push_back({piece->first, piece->last, piece->mask, piece->value, piece->any});
    at = end + 1;
  }
  return match;
}

bool Match::matches(const IpAddress& answer) const {
  auto number = v4_number(answer);
  if (!number || !is_list_answer(*number) || is_refusal(*number)) return false;
  for (const Range& range : ranges_) {
    uint32_t masked = *number & range.mask;
    bool hit = range.mask == 0 ? *number >= range.first && *number <= range.last
               : range.any     ? masked != 0
                               : masked == range.value;
    if (hit) return true;
  }
  return false;
}

IpAddress Match::example() const {
  if (ranges_.empty()) return {};
  const Range& range = ranges_.front();
  if (range.mask == 0) return v4_address(range.first);
  if (!range.any) return v4_address(range.value);
  return v4_address(uint32_t{127} << 24U | (range.mask & (~range.mask + 1)));
}

}  // namespace postern::lists
