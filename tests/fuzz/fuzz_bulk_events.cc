// What is read as an event of another gateway is written again as it was, and holds no more than an event may.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "filters/bulk/sighting.h"

using namespace postern;

namespace {

void check(const bulk::Sighting& sighting) {
  POSTERN_CHECK(sighting.recipients.size() <= bulk::Sighting::kMaxRecipients);
  POSTERN_CHECK(sighting.counted_in.size() <= bulk::Sighting::kMaxTicket);
  POSTERN_CHECK(sighting.print.sites.size() <= bulk::Fingerprint::kMaxSites);
  POSTERN_CHECK(sighting.print.files.size() <= bulk::Fingerprint::kMaxFiles);
  POSTERN_CHECK(sighting.print.pictures.size() <= bulk::Fingerprint::kMaxPictures);
  POSTERN_CHECK(sighting.print.text.has_value() == (sighting.print.evidence == bulk::Evidence::Enough));
  POSTERN_CHECK(is_utf8(sighting.subject) && sighting.subject.size() <= 96);
  POSTERN_CHECK(is_utf8(sighting.from) && sighting.from.size() <= 64 && sighting.wall_ms >= 0);
}

void check(const bulk::Let& let) {
  POSTERN_CHECK(is_utf8(let.passed.queue) && let.passed.queue.size() <= 40);
  POSTERN_CHECK(is_utf8(let.passed.from) && let.passed.from.size() <= 64 && let.passed.wall_ms >= 0);
}

void check(const bulk::Withdrawn& withdrawn) {
  POSTERN_CHECK(withdrawn.wall_ms >= 0);
}

void check(const bulk::Allowed& /*allowed*/) {}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view octets(reinterpret_cast<const char*>(data), size);
  auto event = bulk::decode(octets);
  if (!event) {
    POSTERN_CHECK(event.error().code == Code::BadInput && !event.error().message.empty());
  } else {
    std::visit([](const auto& one) { check(one); }, *event);
    POSTERN_CHECK(bulk::encode(*event) == octets);
  }
  // The octets as what a stranger puts into texts: what is written can be read.
  bulk::Sighting sighting;
  sighting.id = sighting.from = sighting.subject = octets;
  bulk::Event texts = bulk::Let{1, {sighting.id, sighting.subject, sighting.from, 1, 1}};
  POSTERN_CHECK(bulk::decode(bulk::encode(sighting)) && bulk::decode(bulk::encode(texts)));
  return 0;
}
