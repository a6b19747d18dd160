#include "proxy/smtp/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace postern::smtp {
namespace {

// "The PROXY protocol, Versions 1 & 2" (haproxy.org), 2.1 and 2.2.
constexpr std::string_view kV1Start = "PROXY ";
constexpr size_t kV1Longest = 107;  // with CRLF
constexpr std::string_view kV2Start("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kV2Fixed = 16;
constexpr size_t kV2Longest = 4096;  // of addresses and TLVs

bool is_beginning(std::string_view part, std::string_view whole) {
  return part.substr(0, whole.size()) == whole.substr(0, part.size());
}

/// Up to the next space, which goes too; exactly one space stands between two words.
std::string_view take_word(std::string_view& text) {
  size_t space = text.find(' ');
  std::string_view word = text.substr(0, space);
  text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  return word;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<IpAddress> parse_address(std::string_view text, bool v6) {
  if ((text.find(':') != std::string_view::npos) != v6) return std::nullopt;
  return IpAddress::parse(text);
}

uint8_t octet(std::string_view text, size_t at) {
  return static_cast<uint8_t>(text[at]);
}

uint16_t number(std::string_view text, size_t at) {
  return static_cast<uint16_t>((unsigned{octet(text, at)} << 8U) | octet(text, at + 1));
}

IpAddress address_at(std::string_view text, size_t at, bool v6) {
  std::array<uint8_t, 4> four{};
  std::array<uint8_t, 16> sixteen{};
  for (size_t i = 0; i < four.size() && !v6; ++i) four[i] = octet(text, at + i);
  for (size_t i = 0; i < sixteen.size() && v6; ++i) sixteen[i] = octet(text, at + i);
  return v6 ? IpAddress::v6(sixteen) : IpAddress::v4(four);
}

std::string as_v6(const IpAddress& address) {
  return (address.is_v4() ? "::ffff:" : "") + address.to_string();
}

}  // namespace

ProxyHeaderReader::State ProxyHeaderReader::read(std::string_view& input) {
  // One octet at a time until the length is known: what follows the header belongs to SMTP (or TLS) and must stay.
  while (!input.empty()) {
    size_t wanted = 1;
    if (buffer_.size() >= kV2Fixed && buffer_[0] == '\r') {
      wanted = kV2Fixed + number(buffer_, 14) - buffer_.size();
    }
    wanted = std::min(wanted, input.size());
    buffer_.append(input.substr(0, wanted));
    input.remove_prefix(wanted);
    State state = buffer_[0] == '\r' ? v2() : v1();
    if (state == State::Ready) error_.clear();
    if (state != State::NeedMore) return state;
  }
  return State::NeedMore;
}

// 2.1: "PROXY TCP4 192.0.2.1 198.51.100.1 4242 25\r\n".
ProxyHeaderReader::State ProxyHeaderReader::v1() {
  if (!is_beginning(buffer_, kV1Start)) {
    error_ = "no PROXY header";
    return State::Broken;
  }
  if (buffer_.back() != '\n') {
    if (buffer_.size() < kV1Longest) return State::NeedMore;
    error_ = "PROXY header longer than 107 octets";
    return State::Broken;
  }
  std::string_view text = buffer_;
  error_ = "PROXY header malformed";
  if (text.size() < 2 || text[text.size() - 2] != '\r') return State::Broken;
  text = text.substr(kV1Start.size(), text.size() - kV1Start.size() - 2);
  std::string_view protocol = take_word(text);
  if (protocol == "UNKNOWN") {  // whatever follows it up to the line end is to be ignored
    addresses_.local = true;
    return State::Ready;
  }
  if (protocol != "TCP4" && protocol != "TCP6") return State::Broken;
  bool v6 = protocol == "TCP6";
  auto source = parse_address(take_word(text), v6);
  auto destination = parse_address(take_word(text), v6);
  auto source_port = parse_port(take_word(text));
  auto destination_port = parse_port(text);
  if (!source || !destination || !source_port || !destination_port) return State::Broken;
  addresses_ = {false, *source, *destination, *source_port, *destination_port};
  return State::Ready;
}

// 2.2: signature, version and command, family and transport, length; then addresses and TLVs, which are skipped.
ProxyHeaderReader::State ProxyHeaderReader::v2() {
  error_ = "PROXY v2 header malformed";
  if (!is_beginning(buffer_, kV2Start)) return State::Broken;
  if (buffer_.size() < kV2Fixed) return State::NeedMore;
  uint8_t command = octet(buffer_, 12);
  uint8_t family = octet(buffer_, 13);
  size_t length = number(buffer_, 14);
  if (command != 0x20 && command != 0x21) return State::Broken;
  if (length > kV2Longest) {
    error_ = "PROXY v2 header longer than 4096 octets";
    return State::Broken;
  }
  if (buffer_.size() < kV2Fixed + length) return State::NeedMore;
  addresses_.local = command == 0x20 || family == 0x00;
  if (addresses_.local) return State::Ready;
  // A stream over IPv4 or IPv6. A client on a UNIX socket or with datagrams has no address that a check could use, and
  // taking the balancer's own instead would lend it the balancer's rights.
  bool v6 = family == 0x21;
  if (family != 0x11 && !v6) {
    error_ = "PROXY v2 header with a family that is neither TCP over IPv4 nor over IPv6";
    return State::Broken;
  }
  size_t width = v6 ? 16 : 4;
  if (length < 2 * width + 4) return State::Broken;
  size_t ports = kV2Fixed + 2 * width;
  addresses_ = {false, address_at(buffer_, kV2Fixed, v6), address_at(buffer_, kV2Fixed + width, v6),
                number(buffer_, ports), number(buffer_, ports + 2)};
  return State::Ready;
}

std::string encode_proxy_v1(const ProxyAddresses& addresses) {
  if (addresses.local) return "PROXY UNKNOWN\r\n";
  bool v4 = addresses.source.is_v4() && addresses.destination.is_v4();
  std::string line = v4 ? "PROXY TCP4 " : "PROXY TCP6 ";
  line += v4 ? addresses.source.to_string() : as_v6(addresses.source);
  line += ' ';
  line += v4 ? addresses.destination.to_string() : as_v6(addresses.destination);
  return line + ' ' + std::to_string(addresses.source_port) + ' ' + std::to_string(addresses.destination_port) + "\r\n";
}

}  // namespace postern::smtp
