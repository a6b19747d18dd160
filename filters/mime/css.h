// Inline style: what of it makes text unreadable, and what makes it readable again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/mime/colour.h"

namespace postern::mime {

struct Style {
  enum class Display { Unset, None, Inline, Box };
  enum class Visibility { Unset, Visible, Hidden };
  /// px, or a multiple of the inherited size.
  struct Size {
    float value = 0;
    bool relative = false;
  };

  Display display = Display::Unset;
  Visibility visibility = Visibility::Unset;
  std::optional<float> opacity;
  std::optional<Size> font_size;
  std::optional<Colour> colour;
  std::optional<Colour> background;
  std::optional<bool> background_image;  // an image or gradient: nobody knows what the text stands on
  std::optional<bool> shadow;            // of the text: readable on whatever it stands
  std::optional<float> width;            // px, like all lengths here
  std::optional<float> max_width;
  std::optional<float> height;
  std::optional<float> max_height;
  std::optional<float> indent;  // of the text's first line
  std::optional<bool> keep_space;
  bool clips = false;        // overflow is anything but visible
  bool absolute = false;     // position: absolute or fixed
  bool relative = false;     // position: relative
  bool floating = false;     // a box, whatever the element is; so is an absolute one
  bool clip_empty = false;   // clip-path leaves nothing
  bool rect_empty = false;   // clip leaves nothing; counts where `absolute` does
  bool scale_empty = false;  // transform leaves nothing
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
  float margin_left = 0;
  float margin_top = 0;
};

/// Of a style attribute, references decoded. The later declaration wins, "!important" before others (CSS Cascade,
/// 6.4). Reads at most 8192 octets. Linear.
[[nodiscard]] Style parse_style(std::string_view text);
/// What stands in url(...) of a style attribute; at most `limit`.
[[nodiscard]] std::vector<std::string> style_urls(std::string_view text, size_t limit);

}  // namespace postern::mime
