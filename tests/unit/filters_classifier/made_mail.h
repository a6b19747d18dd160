// Messages for tests: two kinds of letters with a vocabulary each and one in common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "filters/classifier/features.h"
#include "filters/classifier/trainer.h"

namespace postern::classifier {

inline Example read_mail(const std::string& text, bool spam = false) {
  Example out;
  message::Header header = message::parse_header(text);
  mime::Content content(text, true);
  read_features(content, header, out.reading);
  out.digest = digest_of(out.reading.features);
  out.sender = sender_of(header);
  out.spam = spam;
  return out;
}

/// Writes letters that differ from each other; the same ones for the same seed.
class Scribe {
 public:
  explicit Scribe(uint64_t seed = 1) : state_(seed) {}

  std::string text(bool spam, size_t words = 40) {
    std::string out;
    for (size_t i = 0; i < words; ++i) {
      bool common = next() % 3 != 0;
      std::string_view of = common ? "word" : (spam ? "bargain" : "meeting");
      out += fmt::format("{}{} ", of, letters(next() % (common ? 200 : 60)));
    }
    return out;
  }
  std::string mail(bool spam, std::string_view from, size_t words = 40) {
    return fmt::format("From: Ann <{}>\r\nTo: b@b.example\r\nSubject: {}\r\n\r\n{}\r\n", from, text(spam, 4),
                       text(spam, words));
  }
  /// Each of another sender.
  Example example(bool spam) {
    return read_mail(mail(spam, fmt::format("a@{}.example", letters(next() % 5000))), spam);
  }
  std::vector<Example> examples(size_t of_each) {
    std::vector<Example> out;
    out.reserve(2 * of_each);
    for (size_t i = 0; i < of_each; ++i) {
      out.push_back(example(false));
      out.push_back(example(true));
    }
    return out;
  }

 private:
  uint64_t next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return state_ >> 33U;
  }
  static std::string letters(uint64_t number) {
    std::string out;
    do {
      out += static_cast<char>('a' + number % 26);
      number /= 26;
    } while (number > 0);
    return out;
  }
  uint64_t state_;
};

}  // namespace postern::classifier
