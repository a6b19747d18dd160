// Whatever the message: its features are bounded, sorted, always the same, and say nothing of how it came here.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/base/result.h"
#include "filters/classifier/features.h"
#include "filters/classifier/model.h"

using namespace postern;

namespace {

classifier::Reading read(std::string_view text, const message::Header& header) {
  mime::Content content(text, true);
  classifier::Reading reading{{1, 1, 1}, "what", "was there", "before"};
  classifier::read_features(content, header, reading);
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  message::Header header = message::parse_header(text);
  const classifier::Reading reading = read(text, header);
  const std::vector<classifier::Feature>& features = reading.features;
  POSTERN_CHECK(reading.text.size() <= classifier::Reading::kMaxText);
  POSTERN_CHECK(reading.links.size() <= classifier::Reading::kMaxLinks);
  POSTERN_CHECK(reading.header.size() <= classifier::Reading::kMaxHeader);
  POSTERN_CHECK(features.size() <= classifier::kMaxFeatures);
  POSTERN_CHECK(std::is_sorted(features.begin(), features.end()));
  POSTERN_CHECK(std::adjacent_find(features.begin(), features.end()) == features.end());
  POSTERN_CHECK(reading == read(text, header));
  POSTERN_CHECK(classifier::digest_of(features) == classifier::digest_of(features));
  POSTERN_CHECK(classifier::sender_of(header) == classifier::sender_of(header));

  static const std::string trace = "Received: from a by b\r\nX-Spam-Flag: YES\r\nList-Id: <l.example>\r\n";
  if (header.complete && header.fields.size() + 3 <= message::Header::kMaxFields) {
    std::string longer = trace + std::string(text);
    message::Header with = message::parse_header(longer);
    // A line that folds into the last of them, no header at all, or the line of an mbox file, which is one only where
    // it stands first, is another matter.
    bool mbox = !header.fields.empty() && message::is_mbox_line(header.fields[0]);
    bool same = with.fields.size() == header.fields.size() + 3 &&
                with.body_offset == header.body_offset + trace.size() &&
                with.fields[2].raw == "List-Id: <l.example>\r\n";
    if (same && !mbox) {
      POSTERN_CHECK(reading == read(longer, with));
    }
  }

  classifier::Weights weights;
  weights.table.assign(64, 1.0F);
  // Any slots at all: a file may have them.
  std::vector<uint32_t> slots(64);
  for (size_t i = 0; i < std::min(size, slots.size() * 4); ++i) slots[i / 4] |= uint32_t{data[i]} << (i % 4 * 8);
  weights.runs = classifier::RunTable(std::move(slots));
  weights.ham = weights.spam = classifier::kLeastLearned;
  double spam = classifier::Model::from(std::move(weights))->judge(reading).spam;
  POSTERN_CHECK(spam >= 0 && spam <= 1);
  return 0;
}
