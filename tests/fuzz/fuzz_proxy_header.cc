// The same result whole and octet by octet; what was read as a header can be written and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "proxy/smtp/proxy_header.h"

namespace {

using postern::smtp::ProxyAddresses;
using postern::smtp::ProxyHeaderReader;

struct Outcome {
  ProxyHeaderReader::State state = ProxyHeaderReader::State::NeedMore;
  ProxyAddresses addresses;
  size_t taken = 0;
};

Outcome read(std::string_view text, size_t step) {
  ProxyHeaderReader reader;
  Outcome outcome;
  while (outcome.taken < text.size() && outcome.state == ProxyHeaderReader::State::NeedMore) {
    std::string_view piece = text.substr(outcome.taken, step);
    size_t before = piece.size();
    outcome.state = reader.read(piece);
    outcome.taken += before - piece.size();
  }
  outcome.addresses = reader.addresses();
  return outcome;
}

bool same(const ProxyAddresses& a, const ProxyAddresses& b) {
  return a.local == b.local && a.source == b.source && a.destination == b.destination &&
         a.source_port == b.source_port && a.destination_port == b.destination_port;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Outcome whole = read(text, size);
  Outcome split = read(text, 1);
  POSTERN_CHECK(whole.state == split.state);
  POSTERN_CHECK(whole.taken == split.taken);
  POSTERN_CHECK(same(whole.addresses, split.addresses));
  if (whole.state != ProxyHeaderReader::State::Ready || whole.addresses.local) return 0;
  std::string written = postern::smtp::encode_proxy_v1(whole.addresses);
  Outcome again = read(written, written.size());
  POSTERN_CHECK(again.state == ProxyHeaderReader::State::Ready);
  POSTERN_CHECK(again.taken == written.size());
  POSTERN_CHECK(same(again.addresses, whole.addresses));
  return 0;
}
