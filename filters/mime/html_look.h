// How text looks where it stands: what an element inherits and what its style makes of that.
#pragma once

#include "filters/mime/colour.h"
#include "filters/mime/css.h"
#include "filters/mime/elements.h"

namespace postern::mime {

struct Look {
  bool dropped = false;    // neither shown nor hidden: scripts, styles, titles
  bool gone = false;       // no style inside can bring it back: display:none, opacity, a box without room, off the page
  bool invisible = false;  // visibility; inherited, but visible again where the style says so
  bool indented_away = false;
  bool keep_space = false;
  bool shadow = false;
  bool known_background = true;
  float font_px = 16;
  Colour colour;
  Colour background{255, 255, 255, 1};

  [[nodiscard]] bool hidden() const;
};

/// Of an element's content, from its parent's.
[[nodiscard]] Look look_inside(const Look& parent, const Element& element, const Style& style);

}  // namespace postern::mime
