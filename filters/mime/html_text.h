// Where the text of HTML goes: shown or hidden, white space folded, with the links it is shown for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "filters/mime/html.h"
#include "filters/mime/html_look.h"

namespace postern::mime {

/// Adds to `out`, which outlives it. The visible and the hidden text are at most `max_text` octets each.
class TextWriter {
 public:
  static constexpr size_t kMaxLinkText = 1000;

  TextWriter(Html& out, size_t max_text) : out_(out), max_text_(max_text) {}
  /// `raw` is UTF-8; `references`: character references count. `link`: index in Html::links, or negative.
  void write(std::string_view raw, bool references, const Look& look, int link);
  /// <br>: a line end that was asked for; two make an empty line, and more than two are two.
  void line_break();
  /// What follows begins on a line of its own.
  void block();
  /// What follows is apart from what was before.
  void gap();
  /// Moves the texts to Html; nothing is written afterwards.
  void finish();

 private:
  struct Sink {
    std::string text;
    size_t lines = 0;    // line ends to come before the next character
    bool space = false;  // a blank to come
    bool full = false;   // for good, so that what is cut off is the end
  };
  void feed(std::string_view text, Sink& sink, const Look& look, int link);
  [[nodiscard]] bool fits(size_t length, const Sink& sink, int link) const;
  size_t feed_one(std::string_view text, size_t at, Sink& sink, const Look& look, int link);
  void feed_ascii(char c, Sink& sink, const Look& look, int link);
  void put(std::string_view character, Sink& sink, int link);
  void put_in_link(std::string_view character, bool apart, size_t link);

  Html& out_;
  size_t max_text_;
  Sink visible_;
  Sink hidden_;
  bool last_hidden_ = false;
  int last_link_ = -1;
};

}  // namespace postern::mime
