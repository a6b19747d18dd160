// PNG by libpng, which sees octets of strangers: its errors jump back to run(), above whose frame no object of C++
// lives that would need its destructor; what does need one belongs to decode_png().
#include <algorithm>
#include <csetjmp>
#include <cstring>

#include <png.h>

#include "filters/bulk/picture_grey.h"

namespace postern::bulk {
namespace {

constexpr unsigned kMaxWarnings = 20;
constexpr png_alloc_size_t kMaxChunk = 1U << 20U;
// Octets of all rows: 4 for each pixel. Sixteen bits a channel are for smaller pictures.
constexpr uint64_t kMaxInflated = kMaxPngPixels * 4;

class Job {
 public:
  Job(std::string_view octets, GreyCells& cells) : octets_(octets), cells_(cells) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() { png_destroy_read_struct(&png_, &info_, nullptr); }

  // NOLINTBEGIN(cert-err52-cpp): libpng knows no other way out
  bool run() {
    if (info_ == nullptr) return false;
    if (setjmp(back_) != 0) return false;
    decode();
    return true;
  }
  [[noreturn]] void fail() { longjmp(back_, 1); }
  // NOLINTEND(cert-err52-cpp)

 private:
  static void on_error(png_structp png, png_const_charp /*text*/) { static_cast<Job*>(png_get_error_ptr(png))->fail(); }
  static void on_warning(png_structp png, png_const_charp /*text*/) {
    Job& job = *static_cast<Job*>(png_get_error_ptr(png));
    if (++job.warnings_ > kMaxWarnings) job.fail();
  }
  static void on_read(png_structp png, png_bytep to, size_t size) {
    Job& job = *static_cast<Job*>(png_get_io_ptr(png));
    if (size > job.octets_.size()) job.fail();
    if (size > 0) std::memcpy(to, job.octets_.data(), size);
    job.octets_.remove_prefix(size);
  }

  [[gnu::noinline]] void decode() {
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, kMaxSide, kMaxSide);
    png_set_chunk_cache_max(png_, 16);
    png_set_chunk_malloc_max(png_, kMaxChunk);
    // Texts, profiles, gamma and the like: neither read nor unpacked.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_read_info(png_, info_);
    size_ = {png_get_image_width(png_, info_), png_get_image_height(png_, info_)};
    uint64_t depth = uint64_t{png_get_bit_depth(png_, info_)} * png_get_channels(png_, info_);
    if (size_.pixels() > kMaxPngPixels || size_.pixels() * depth / 8 > kMaxInflated) fail();
    if (size_.width < GreyCells::kColumns || size_.height < GreyCells::kRows) fail();
    png_set_expand(png_);
    png_set_strip_16(png_);
    bool interlaced = png_get_interlace_type(png_, info_) == PNG_INTERLACE_ADAM7;
    png_read_update_info(png_, info_);
    channels_ = png_get_channels(png_, info_);
    if (channels_ < 1 || channels_ > 4 || png_get_bit_depth(png_, info_) != 8) fail();
    row_.resize(png_get_rowbytes(png_, info_));
    grey_.resize(size_.width);
    cells_.begin(size_);
    if (interlaced) {
      read_passes();
    } else {
      read_pass(0, 1, 0, 1);
    }
  }

  /// ISO/IEC 15948, 8.2: seven passes, each a picture of pixels that stand apart; they need not be put together.
  void read_passes() {
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; ++pass) {
      auto first = static_cast<uint32_t>(PNG_PASS_START_COL(pass));
      auto top = static_cast<uint32_t>(PNG_PASS_START_ROW(pass));
      read_pass(first, 1U << static_cast<uint32_t>(PNG_PASS_COL_SHIFT(pass)), top,
                1U << static_cast<uint32_t>(PNG_PASS_ROW_SHIFT(pass)));
    }
  }

  void read_pass(uint32_t first, uint32_t step, uint32_t top, uint32_t down) {
    if (first >= size_.width) return;
    size_t count = (size_.width - first - 1) / step + 1;
    for (uint32_t y = top; y < size_.height; y += down) {
      png_read_row(png_, row_.data(), nullptr);
      to_grey(count);
      cells_.add(y, first, step, grey_.data(), count);
    }
  }

  /// As JPEG has it (ITU-R BT.601), on white paper.
  void to_grey(size_t count) {
    const uint8_t* pixel = row_.data();
    bool coloured = channels_ >= 3;
    bool transparent = channels_ == 2 || channels_ == 4;
    for (size_t i = 0; i < count; ++i, pixel += channels_) {
      unsigned grey = coloured ? (pixel[0] * 77U + pixel[1] * 150U + pixel[2] * 29U) >> 8U : pixel[0];
      if (transparent) {
        unsigned alpha = pixel[channels_ - 1];
        grey = (grey * alpha + 255U * (255U - alpha)) / 255U;
      }
      grey_[i] = static_cast<uint8_t>(grey);
    }
  }

  std::string_view octets_;
  GreyCells& cells_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf back_{};
  PictureSize size_;
  size_t channels_ = 0;
  std::vector<uint8_t> row_;
  std::vector<uint8_t> grey_;
  unsigned warnings_ = 0;
};

}  // namespace

bool decode_png(std::string_view octets, GreyCells& cells) {
  Job job(octets, cells);
  return job.run();
}

}  // namespace postern::bulk
