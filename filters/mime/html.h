// HTML as its reader sees it: the text, what is hidden in it, and where its links lead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::mime {

struct Link {
  std::string target;  // href, src, or a form's action, as written, character references decoded, white space removed
                       // as browsers do it (a blank inside is "%20"), at most 4096 octets; relative ones are resolved
                       // where there is a <base href>, else left
  std::string text;    // what is shown for it, at most 1000 octets; empty for an image
  enum class Kind { Anchor, Image, Form, Other } kind = Kind::Anchor;
};

/// Octets [begin, end) of Html::text.
struct Span {
  size_t begin = 0;
  size_t end = 0;
};

struct Html {
  std::string text;    // visible, UTF-8, white space folded, block elements on lines of their own
  std::string hidden;  // text that a reader does not see: display:none, visibility:hidden, font-size 0 or 1, opacity 0,
                       // the colour of its background, zero-sized boxes, off the page, `hidden` attribute
  std::vector<Link> links;   // at most kMaxLinks
  std::vector<Span> linked;  // what of `text` is shown for anchors with a target, in order, not overlapping
  bool truncated = false;    // a bound was met
  static constexpr size_t kMaxLinks = 2000;
};

/// A tokenizer in the spirit of the HTML standard, not a tree builder: unclosed, overlapping and malformed elements are
/// taken as browsers take them, depth is bounded (256), and the time is linear. `html` is UTF-8.
[[nodiscard]] Html read_html(std::string_view html, size_t max_text);

}  // namespace postern::mime
