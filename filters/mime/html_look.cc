#include "filters/mime/html_look.h"

#include <algorithm>

namespace postern::mime {
namespace {

constexpr float kUnreadablePx = 1.5F;  // 1 px and 1 pt
constexpr float kFarAway = -400;
constexpr float kUnseen = 0.05F;  // of opacity
constexpr float kNoRoom = 1;      // px

/// Width, height, overflow and transform mean nothing to inline elements, and not this to parts of tables: text in them
/// stays readable, and a sender who knows that must not get it past the rules as hidden.
bool is_box(const Element& element, const Style& style) {
  if (style.absolute || style.floating || style.display == Style::Display::Box) return true;
  if (style.display == Style::Display::Inline) return false;
  return element.has(Element::kBlock) && !element.has(Element::kCell | Element::kTable);
}

bool without_room(const Style& style) {
  auto small = [](const std::optional<float>& length) { return length && *length <= kNoRoom; };
  return style.clips &&
         (small(style.width) || small(style.max_width) || small(style.height) || small(style.max_height));
}

bool off_page(const Style& style, bool box) {
  bool moved = style.absolute || style.relative;
  if (moved && std::min({style.left, style.top, style.right, style.bottom}) <= kFarAway) return true;
  return box && std::min(style.margin_left, style.margin_top) <= kFarAway;
}

bool takes_away(const Element& element, const Style& style) {
  if (style.display == Style::Display::None) return true;
  if (style.opacity && *style.opacity < kUnseen) return true;
  bool box = is_box(element, style);
  if (off_page(style, box) || style.clip_empty || (style.rect_empty && style.absolute)) return true;
  return box && (style.scale_empty || without_room(style));
}

void set_background(const Style& style, Look& look) {
  if (style.background && style.background->alpha > 0) {
    if (style.background->alpha >= 1) look.known_background = true;
    look.background = over(*style.background, look.background);
  }
  if (style.background_image.value_or(false)) look.known_background = false;
}

}  // namespace

bool Look::hidden() const {
  if (gone || invisible || indented_away || font_px <= kUnreadablePx) return true;
  if (shadow) return false;
  if (colour.alpha < kUnseen) return true;
  return known_background && look_alike(over(colour, background), background);
}

Look look_inside(const Look& parent, const Element& element, const Style& style) {
  Look look = parent;
  look.dropped = parent.dropped || element.has(Element::kDropped);
  look.gone = parent.gone || takes_away(element, style);
  if (style.visibility != Style::Visibility::Unset) look.invisible = style.visibility == Style::Visibility::Hidden;
  if (style.indent && is_box(element, style)) look.indented_away = *style.indent <= kFarAway;
  if (style.font_size) {
    look.font_px = style.font_size->relative ? parent.font_px * style.font_size->value : style.font_size->value;
    // Grows without end in "font-size: 200%" within itself, a thousand times.
    look.font_px = std::min(look.font_px, 10000.0F);
  }
  if (style.colour) look.colour = *style.colour;
  if (style.shadow) look.shadow = *style.shadow;
  set_background(style, look);
  bool preformatted = element.is("pre") || element.is("listing") || element.is("xmp") || element.is("plaintext") ||
                      element.is("textarea");
  look.keep_space = style.keep_space.value_or(preformatted || parent.keep_space);
  return look;
}

}  // namespace postern::mime
