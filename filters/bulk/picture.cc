#include "filters/bulk/picture.h"

#include <algorithm>
#include <cstdlib>

#include "filters/base/result.h"
#include "filters/bulk/picture_grey.h"

namespace postern::bulk {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPng = "\x89PNG\r\n\x1A\n"sv;
constexpr std::string_view kJpeg = "\xFF\xD8\xFF"sv;

constexpr uint32_t kMinWidth = 100;
constexpr uint32_t kMinHeight = 50;
// About 256 x 128: logos below mail signatures are mostly smaller, pictures that carry a message are larger.
constexpr uint64_t kMinPixels = 32U << 10U;

uint32_t big_endian(std::string_view octets, size_t at, size_t length) {
  uint32_t value = 0;
  for (char c : octets.substr(at, length)) value = value << 8U | static_cast<uint8_t>(c);
  return value;
}

/// ITU T.81, B.1.1.3: SOF0 to SOF15 begin a frame, but for DHT, JPG and DAC, whose codes lie among theirs.
bool begins_frame(unsigned marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// ITU T.81, B.2.2: segments of markers and lengths; the frame header states the size.
std::optional<PictureSize> jpeg_size(std::string_view octets) {
  constexpr size_t kMaxSegments = 1000;
  size_t at = 2;
  for (size_t i = 0; i < kMaxSegments && at + 9 <= octets.size(); ++i) {
    if (octets[at] != '\xFF') return std::nullopt;
    while (at + 9 < octets.size() && octets[at + 1] == '\xFF') ++at;  // B.1.1.2: fill octets
    if (at + 9 > octets.size()) return std::nullopt;
    auto marker = static_cast<uint8_t>(octets[at + 1]);
    if (begins_frame(marker)) return PictureSize{big_endian(octets, at + 7, 2), big_endian(octets, at + 5, 2)};
    // SOS: the data begins, and no frame header came before it.
    if (marker == 0xDA || marker == 0xD9) return std::nullopt;
    size_t length = big_endian(octets, at + 2, 2);
    if (length < 2) return std::nullopt;
    at += 2 + length;
  }
  return std::nullopt;
}

/// PNG (ISO/IEC 15948), 11.2.2: IHDR comes first.
std::optional<PictureSize> png_size(std::string_view octets) {
  if (octets.size() < 24 || octets.substr(12, 4) != "IHDR") return std::nullopt;
  return PictureSize{big_endian(octets, 16, 4), big_endian(octets, 20, 4)};
}

std::optional<PictureSize> gif_size(std::string_view octets) {
  if (octets.size() < 10) return std::nullopt;
  auto little_endian = [&](size_t at) { return big_endian(octets, at + 1, 1) << 8U | big_endian(octets, at, 1); };
  return PictureSize{little_endian(6), little_endian(8)};
}

}  // namespace

std::optional<PictureSize> picture_size(std::string_view octets) {
  std::optional<PictureSize> size;
  if (octets.starts_with(kJpeg)) size = jpeg_size(octets);
  if (octets.starts_with(kPng)) size = png_size(octets);
  if (octets.starts_with("GIF87a"sv) || octets.starts_with("GIF89a"sv)) size = gif_size(octets);
  return size;
}

uint64_t decoding_cost(std::string_view octets, const PictureSize& size) {
  return octets.starts_with(kPng) ? size.pixels() * (kMaxPixels / kMaxPngPixels) : size.pixels();
}

bool shows_something(const PictureSize& size) {
  return size.width >= kMinWidth && size.height >= kMinHeight && size.pixels() >= kMinPixels;
}

std::optional<uint64_t> picture_hash(std::string_view octets) {
  if (octets.size() > kMaxEncoded) return std::nullopt;
  std::optional<PictureSize> size = picture_size(octets);
  if (!size || !shows_something(*size)) return std::nullopt;
  if (size->width > kMaxSide || size->height > kMaxSide || size->pixels() > kMaxPixels) return std::nullopt;
  bool png = octets.starts_with(kPng);
  if (png && size->pixels() > kMaxPngPixels) return std::nullopt;
  GreyCells cells;
  bool decoded = false;
  if (octets.starts_with(kJpeg)) decoded = decode_jpeg(octets, cells);
  if (png) decoded = decode_png(octets, cells);
  return decoded ? cells.hash() : std::nullopt;
}

GreyCells::Share GreyCells::share_of(uint32_t at, uint32_t cells, uint32_t size) {
  // In units of which a pixel is `cells` long and a cell `size`.
  uint32_t begin = at * cells;
  uint32_t cell = begin / size;
  uint32_t here = std::min(cells, (cell + 1) * size - begin);
  return {cell, here, cells - here};
}

void GreyCells::begin(const PictureSize& size) {
  // A pixel would lie in three cells or more: nothing that is decoded is so small.
  POSTERN_CHECK(size.width >= kColumns && size.height >= kRows && size.width <= kMaxSide && size.height <= kMaxSide);
  size_ = size;
  cells_ = {};
  columns_.clear();
  columns_.reserve(size.width);
  for (uint32_t x = 0; x < size.width; ++x) columns_.push_back(share_of(x, kColumns, size.width));
}

void GreyCells::add(uint32_t y, uint32_t first, uint32_t step, const uint8_t* grey, size_t count) {
  std::array<uint64_t, kColumns> sums{};
  size_t x = first;
  size_t cell = columns_[x].cell;
  // Most pixels are in the cell of the one before, and most wholly.
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i, x += step) {
    const Share& share = columns_[x];
    // The last cell ends with the last pixel, so that one has no part in a next.
    if (share.cell != cell) {
      sums[cell] += sum;
      sum = 0;
      cell = share.cell;
    }
    sum += uint64_t{grey[i]} * share.here;
    if (share.next > 0) sums[cell + 1] += uint64_t{grey[i]} * share.next;
  }
  sums[cell] += sum;
  Share row = share_of(y, kRows, size_.height);
  for (size_t column = 0; column < kColumns; ++column) {
    cells_[row.cell][column] += sums[column] * row.here;
    if (row.next > 0) cells_[row.cell + 1][column] += sums[column] * row.next;
  }
}

std::optional<uint64_t> GreyCells::hash() const {
  // Where neighbours are equally bright, noise would decide: nothing less than this is a difference, of 255.
  constexpr int kLeast = 2;
  // Fewer edges, or nearly all in one direction: an even field, a gradient, a single stripe.
  constexpr unsigned kMinEdges = 12;
  constexpr unsigned kMinBits = 6;
  constexpr int kPrecision = 16;  // parts of a grey level
  const uint64_t whole = size_.pixels();
  uint64_t bits = 0;
  unsigned edges = 0;
  unsigned set = 0;
  for (const auto& row : cells_) {
    for (size_t column = 1; column < kColumns; ++column) {
      auto left = static_cast<int>(row[column - 1] * kPrecision / whole);
      auto right = static_cast<int>(row[column] * kPrecision / whole);
      bool brighter = right - left >= kLeast * kPrecision;
      bits = bits << 1U | (brighter ? 1U : 0U);
      set += brighter ? 1U : 0U;
      edges += std::abs(right - left) >= kLeast * kPrecision ? 1U : 0U;
    }
  }
  if (edges < kMinEdges || set < kMinBits || set > 64 - kMinBits) return std::nullopt;
  return bits;
}

}  // namespace postern::bulk
