#include "tests/unit/filters_bulk/picture_draw.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include <jpeglib.h>
#include <png.h>

namespace postern::bulk {
namespace {

uint8_t luma(const uint8_t* pixel) {
  return static_cast<uint8_t>((pixel[0] * 299U + pixel[1] * 587U + pixel[2] * 114U) / 1000U);
}

struct Shape {
  double x, y, width, height;
  bool disc;
  uint8_t colour[3];
};

bool covers(const Shape& shape, double x, double y) {
  double dx = (x - shape.x) / shape.width;
  double dy = (y - shape.y) / shape.height;
  return shape.disc ? dx * dx + dy * dy < 1 : dx > -1 && dx < 1 && dy > -1 && dy < 1;
}

void paint(Canvas& canvas, const Shape& shape) {
  auto pixel = [](double at, uint32_t size) { return static_cast<uint32_t>(std::clamp(at, 0.0, 1.0) * size); };
  const uint32_t right = pixel(shape.x + shape.width, canvas.width);
  const uint32_t bottom = pixel(shape.y + shape.height, canvas.height);
  for (uint32_t y = pixel(shape.y - shape.height, canvas.height); y < bottom; ++y) {
    for (uint32_t x = pixel(shape.x - shape.width, canvas.width); x < right; ++x) {
      if (covers(shape, (x + 0.5) / canvas.width, (y + 0.5) / canvas.height)) {
        std::copy_n(shape.colour, 3, canvas.at(x, y));
      }
    }
  }
}

void write_row(const Canvas& canvas, uint32_t y, const JpegForm& form, std::vector<uint8_t>& row) {
  row.clear();
  for (uint32_t x = 0; x < canvas.width; ++x) {
    const uint8_t* pixel = &canvas.rgb[(size_t{y} * canvas.width + x) * 3];
    if (form.grey) {
      row.push_back(luma(pixel));
      continue;
    }
    row.insert(row.end(), pixel, pixel + 3);
    if (form.cmyk) row.push_back(255);  // as Adobe: no black
  }
}

std::vector<uint8_t> png_row(const Canvas& canvas, uint32_t y, const PngForm& form) {
  std::vector<uint8_t> row;
  auto put = [&](uint8_t value) {
    row.push_back(value);
    if (form.deep) row.push_back(value);
  };
  for (uint32_t x = 0; x < canvas.width; ++x) {
    const uint8_t* pixel = &canvas.rgb[(size_t{y} * canvas.width + x) * 3];
    if (form.palette) {
      row.push_back(static_cast<uint8_t>((pixel[0] / 51) * 36 + (pixel[1] / 51) * 6 + pixel[2] / 51));
      continue;
    }
    if (form.grey) {
      put(luma(pixel));
    } else {
      for (int i = 0; i < 3; ++i) put(pixel[i]);
    }
    if (form.alpha) put(255);
  }
  return row;
}

int png_type(const PngForm& form) {
  if (form.palette) return PNG_COLOR_TYPE_PALETTE;
  if (form.grey) return form.alpha ? PNG_COLOR_TYPE_GRAY_ALPHA : PNG_COLOR_TYPE_GRAY;
  return form.alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB;
}

void set_palette(png_structp png, png_infop info) {
  std::vector<png_color> colours;
  colours.reserve(216);
  for (unsigned i = 0; i < 216; ++i) {
    auto level = [](unsigned value) { return static_cast<png_byte>(value % 6 * 51); };
    colours.push_back({level(i / 36), level(i / 6), level(i)});
  }
  png_set_PLTE(png, info, colours.data(), static_cast<int>(colours.size()));
}

}  // namespace

Canvas draw(uint64_t seed, uint32_t width, uint32_t height) {
  std::mt19937_64 random(seed);
  auto unit = [&] { return static_cast<double>(random() % 10'000) / 10'000; };
  auto octet = [&] { return static_cast<uint8_t>(random() % 256); };
  std::vector<Shape> shapes;
  constexpr int kShapes = 24;
  shapes.reserve(kShapes);
  for (int i = 0; i < kShapes; ++i) {
    Shape shape{};
    shape.x = unit();
    shape.y = unit();
    shape.width = 0.04 + unit() * 0.2;
    shape.height = 0.04 + unit() * 0.2;
    shape.disc = random() % 2 == 0;
    for (uint8_t& value : shape.colour) value = octet();
    shapes.push_back(shape);
  }
  Canvas canvas(width, height);
  for (const Shape& shape : shapes) paint(canvas, shape);
  return canvas;
}

void add_noise(Canvas& canvas, uint64_t seed, unsigned pixels) {
  std::mt19937_64 random(seed);
  for (unsigned i = 0; i < pixels; ++i) {
    auto x = static_cast<uint32_t>(random() % canvas.width);
    auto y = static_cast<uint32_t>(random() % canvas.height);
    for (int channel = 0; channel < 3; ++channel) canvas.at(x, y)[channel] = static_cast<uint8_t>(random());
  }
}

std::string to_jpeg(const Canvas& canvas, const JpegForm& form) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* octets = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &octets, &size);
  info.image_width = canvas.width;
  info.image_height = canvas.height;
  info.input_components = form.grey ? 1 : form.cmyk ? 4 : 3;
  info.in_color_space = form.grey ? JCS_GRAYSCALE : form.cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, form.quality, TRUE);
  if (form.progressive) jpeg_simple_progression(&info);
  info.arith_code = form.arithmetic ? TRUE : FALSE;
  jpeg_start_compress(&info, TRUE);
  std::vector<uint8_t> row;
  while (info.next_scanline < info.image_height) {
    write_row(canvas, info.next_scanline, form, row);
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&info, &pointer, 1);
  }
  jpeg_finish_compress(&info);
  std::string out(reinterpret_cast<const char*>(octets), size);
  jpeg_destroy_compress(&info);
  std::free(octets);
  return out;
}

std::string to_png(const Canvas& canvas, const PngForm& form) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  auto write = [](png_structp of, png_bytep data, size_t size) {
    static_cast<std::string*>(png_get_io_ptr(of))->append(reinterpret_cast<const char*>(data), size);
  };
  png_set_write_fn(png, &out, write, nullptr);
  png_set_IHDR(png, info, canvas.width, canvas.height, form.deep ? 16 : 8, png_type(form),
               form.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (form.palette) set_palette(png, info);
  png_write_info(png, info);
  std::vector<std::vector<uint8_t>> rows;
  std::vector<png_bytep> pointers;
  rows.reserve(canvas.height);
  pointers.reserve(canvas.height);
  for (uint32_t y = 0; y < canvas.height; ++y) pointers.push_back(rows.emplace_back(png_row(canvas, y, form)).data());
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

}  // namespace postern::bulk
