#include "filters/mime/html.h"

#include <optional>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/html_links.h"
#include "filters/mime/html_stack.h"
#include "filters/mime/html_text.h"
#include "filters/mime/html_token.h"

namespace postern::mime {
namespace {

constexpr Colour kLinkColour{0, 0, 0xee, 1};
constexpr size_t kMaxStyleWritten = 16384;

class Reader {
 public:
  Reader(std::string_view html, size_t max_text) : tokens_(html), text_(out_, max_text) {}

  Html read() {
    Token token;
    while (tokens_.next(token)) {
      if (token.kind == Token::Kind::Text) {
        on_text(token);
      } else if (token.kind == Token::Kind::Start) {
        on_start(token);
      } else {
        on_end(token.element);
      }
    }
    text_.finish();
    if (!base_.empty()) {
      for (Link& link : out_.links) link.target = resolve_target(base_, link.target);
    }
    out_.truncated = out_.truncated || open_.truncated();
    return std::move(out_);
  }

 private:
  void on_text(const Token& token) {
    const Look& look = open_.look();
    std::string_view text = token.text;
    // HTML, 13.2.6.4.7: one line end behind the start tag of "pre" is only there for the eye of its writer.
    if (std::exchange(after_pre_, false)) {
      if (text.starts_with('\r')) text.remove_prefix(1);
      if (text.starts_with('\n')) text.remove_prefix(1);
    }
    if (!look.dropped) text_.write(text, token.references, look, open_.link());
  }

  void on_start(const Token& token) {
    const Element& element = token.element;
    int link = collect_links(token);
    Style style = style_of(token, link >= 0);
    if (element.is("br")) text_.line_break();
    if (element.has(Element::kBlock)) text_.block();
    if (element.has(Element::kCell)) text_.gap();
    if (element.has(Element::kVoid)) show_alternative(token, style);
    open_.open(element, style, link);
    after_pre_ = element.is("pre") || element.is("listing");
  }

  void on_end(const Element& element) {
    after_pre_ = false;
    if (element.is("br")) text_.line_break();
    if (element.has(Element::kBlock) || element.is("p")) text_.block();
    open_.close(element);
  }

  /// The index of the anchor that this tag opens.
  int collect_links(const Token& token) {
    if (token.element.is("base")) {
      // HTML, 4.2.3: the first one with an href counts, for the whole document.
      std::string base = clean_target(token.value(Attribute::Href));
      if (base_.empty() && (starts_nocase(base, "http:") || starts_nocase(base, "https:"))) base_ = std::move(base);
      return OpenElements::kNoLink;
    }
    int anchor = OpenElements::kNoLink;
    for (Link& link : links_of(token, out_.truncated)) {
      if (out_.links.size() >= Html::kMaxLinks) {
        out_.truncated = true;
        break;
      }
      if (link.kind == Link::Kind::Anchor && token.element.is("a")) anchor = static_cast<int>(out_.links.size());
      out_.links.push_back(std::move(link));
    }
    return anchor;
  }

  /// The style attribute, and below it what attributes and the element itself say (HTML, 15: presentational hints).
  Style style_of(const Token& token, bool link) {
    Style style;
    const Element& element = token.element;
    if (token.has(Attribute::Style)) style = parse_style(token.value(Attribute::Style, kMaxStyleWritten));
    bool closed = element.is("dialog") && !token.has(Attribute::Open);
    bool unshown = token.has(Attribute::Hidden) || closed || element.has(Element::kUnshown);
    if (unshown && style.display == Style::Display::Unset) style.display = Style::Display::None;
    if (!style.background) style.background = attribute_colour(token.value(Attribute::BgColor));
    if (!style.background_image && token.has(Attribute::Background)) style.background_image = true;
    bool body = element.is("body");
    if (body) link_colour_ = attribute_colour(token.value(Attribute::Link)).value_or(link_colour_);
    if (!style.colour) {
      if (body) style.colour = attribute_colour(token.value(Attribute::Text));
      if (element.is("font")) style.colour = attribute_colour(token.value(Attribute::Color));
      // An anchor does not inherit its colour.
      if (link) style.colour = link_colour_;
    }
    return style;
  }

  /// The text of an image that is not loaded, and the label of a button.
  void show_alternative(const Token& token, const Style& style) {
    Attribute attribute = Attribute::Alt;
    if (token.element.is("input")) {
      std::string type = to_lower(trim(token.value(Attribute::Type)));
      if (type == "submit" || type == "button" || type == "reset") attribute = Attribute::Value;
    }
    if (!token.has(attribute) || is_speck(token)) return;
    Look look = look_inside(open_.look(), token.element, style);
    if (look.dropped) return;
    text_.gap();
    text_.write(token.value(attribute), false, look, OpenElements::kNoLink);
    text_.gap();
  }

  /// Of a size that shows nothing.
  static bool is_speck(const Token& token) {
    for (Attribute side : {Attribute::Width, Attribute::Height}) {
      std::string value = token.value(side);
      std::string_view size = trim(value);
      if (size == "0" || size == "1" || size == "0px" || size == "1px") return true;
    }
    return false;
  }

  Html out_;
  Tokenizer tokens_;
  TextWriter text_;
  OpenElements open_;
  std::string base_;
  Colour link_colour_ = kLinkColour;
  bool after_pre_ = false;
};

}  // namespace

Html read_html(std::string_view html, size_t max_text) {
  return Reader(html, max_text).read();
}

}  // namespace postern::mime
