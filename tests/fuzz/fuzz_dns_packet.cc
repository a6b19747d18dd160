// Any bytes as a DNS answer: no crash, and the answer keeps its bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "filters/dns/packet.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using postern::dns::Type;
  constexpr Type kTypes[] = {Type::A, Type::NS, Type::CNAME, Type::SOA, Type::PTR, Type::MX, Type::TXT, Type::AAAA};
  if (size == 0) return 0;
  postern::dns::Question question{"a.example", kTypes[data[0] % (sizeof kTypes / sizeof kTypes[0])]};
  std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto answer = postern::dns::parse_packet(wire, question);
  size_t records = answer.addresses.size() + answer.texts.size() + answer.names.size() + answer.exchanges.size();
  if (records > postern::dns::Answer::kMaxRecords) std::abort();
  if (answer.status != postern::dns::Status::Found && records != 0) std::abort();
  return 0;
}
