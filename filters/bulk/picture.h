// What a picture shows, in 64 bits: two pictures that look alike have hashes of which few bits differ (likeness.h).
//
// The difference hash: the picture is reduced to 9 x 8 cells of grey, and each bit says whether a cell is brighter than
// the one to its left. Another quality, size, format or colour changes few of these bits; other content about half.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::bulk {

struct PictureSize {
  uint32_t width = 0;
  uint32_t height = 0;

  [[nodiscard]] uint64_t pixels() const { return uint64_t{width} * height; }
  bool operator==(const PictureSize&) const = default;
};

/// What the picture says of its size: JPEG, PNG, GIF; nullopt for what is none of these. Reads headers only.
[[nodiscard]] std::optional<PictureSize> picture_size(std::string_view octets);

/// Whether a picture is large enough to be what a message is about. Below are icons, tracking pixels and the logos of
/// companies, which unrelated messages have in common.
[[nodiscard]] bool shows_something(const PictureSize& size);

/// The hash of a JPEG or PNG picture. nullopt: no such picture, too small (shows_something()), too large (kMaxEncoded,
/// kMaxPixels, kMaxPngPixels, kMaxSide), broken, or so even that its hash says nothing. Memory: below 40 MiB while it
/// works. CPU: about 1 ns a pixel of a JPEG, 6 of a progressive one, 15 of a PNG. `octets` may be anybody's.
[[nodiscard]] std::optional<uint64_t> picture_hash(std::string_view octets);
constexpr size_t kMaxEncoded = 1U << 20U;
constexpr uint64_t kMaxPixels = 4U << 20U;
constexpr uint64_t kMaxPngPixels = 2U << 20U;  // there is no cheap look at a PNG: all of it is unpacked
constexpr uint32_t kMaxSide = 1U << 14U;

/// What hashing it may cost, in pixels of JPEG: at most kMaxPixels where picture_hash() would try.
[[nodiscard]] uint64_t decoding_cost(std::string_view octets, const PictureSize& size);

}  // namespace postern::bulk
