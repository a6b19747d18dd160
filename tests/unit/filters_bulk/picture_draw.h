// Pictures for tests: drawn from a seed, written as JPEG and PNG.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace postern::bulk {

/// RGB, eight bits each.
struct Canvas {
  uint32_t width = 0;
  uint32_t height = 0;
  std::vector<uint8_t> rgb;

  Canvas(uint32_t w, uint32_t h) : width(w), height(h), rgb(size_t{w} * h * 3, 255) {}
  uint8_t* at(uint32_t x, uint32_t y) { return &rgb[(size_t{y} * width + x) * 3]; }
};

/// A scene of fields and discs; the same for one seed at any size.
Canvas draw(uint64_t seed, uint32_t width, uint32_t height);
/// Some pixels changed, as spammers do against exact hashes.
void add_noise(Canvas& canvas, uint64_t seed, unsigned pixels);

struct JpegForm {
  int quality = 85;
  bool progressive = false;
  bool grey = false;
  bool cmyk = false;
  bool arithmetic = false;
};
std::string to_jpeg(const Canvas& canvas, const JpegForm& form = {});

struct PngForm {
  bool grey = false;
  bool alpha = false;
  bool palette = false;  // 216 colours
  bool deep = false;     // 16 bits
  bool interlaced = false;
};
std::string to_png(const Canvas& canvas, const PngForm& form = {});

}  // namespace postern::bulk
