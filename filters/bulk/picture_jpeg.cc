// JPEG by libjpeg, which sees octets of strangers: its errors jump back to run(), above whose frame no object of C++
// lives that would need its destructor; what does need one belongs to decode_jpeg().
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE

#include <jerror.h>
#include <jpeglib.h>

#include "filters/bulk/picture_grey.h"

namespace postern::bulk {
namespace {

constexpr int kMaxWarnings = 20;
// Encoders write about ten. Each costs a walk over the whole picture, however short it is.
constexpr int kMaxScans = 30;
// A progressive picture is kept as coefficients, two octets for each sample: three or four samples a pixel.
constexpr long kMaxMemory = 36L << 20U;
// Cells are averages: where a scaled picture has this many pixels for a side, more make them no better.
constexpr JDIMENSION kEnough = 64;

class Job {
 public:
  Job(std::string_view octets, GreyCells& cells) : octets_(octets), cells_(cells) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr common) { job_of(common).fail(); };
    errors_.emit_message = [](j_common_ptr common, int level) {
      if (level < 0) job_of(common).warn();
    };
    errors_.output_message = [](j_common_ptr) {};
    errors_.reset_error_mgr = [](j_common_ptr) {};
    progress_.progress_monitor = [](j_common_ptr common) { job_of(common).watch(); };
    info_.client_data = this;
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() { jpeg_destroy_decompress(&info_); }

  // NOLINTBEGIN(cert-err52-cpp): libjpeg knows no other way out
  bool run() {
    if (setjmp(back_) != 0) return false;
    decode();
    return true;
  }
  [[noreturn]] void fail() { longjmp(back_, 1); }
  // NOLINTEND(cert-err52-cpp)

 private:
  static Job& job_of(j_common_ptr common) { return *static_cast<Job*>(common->client_data); }

  void warn() {
    // The picture ends too soon: the rest would be whatever was there before.
    if (errors_.msg_code == JWRN_JPEG_EOF || ++warnings_ > kMaxWarnings) fail();
  }

  void watch() {
    if (info_.input_scan_number > kMaxScans) fail();
  }

  [[gnu::noinline]] void decode() {
    jpeg_create_decompress(&info_);
    // That cleared what the constructor had set.
    info_.client_data = this;
    info_.progress = &progress_;
    info_.mem->max_memory_to_use = kMaxMemory;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(octets_.data()), octets_.size());
    if (jpeg_read_header(&info_, TRUE) != JPEG_HEADER_OK) fail();
    set_output();
    (void)jpeg_start_decompress(&info_);
    read_rows();
  }

  void set_output() {
    PictureSize size{info_.image_width, info_.image_height};
    if (size.width > kMaxSide || size.height > kMaxSide || size.pixels() > kMaxPixels) fail();
    // No mail reader shows arithmetic coding, and it costs several times as much.
    if (info_.arith_code != 0 || info_.data_precision != 8) fail();
    bool four = info_.num_components == 4;
    if (!four && info_.num_components != 1 && info_.num_components != 3) fail();
    info_.out_color_space = four ? JCS_CMYK : JCS_GRAYSCALE;
    info_.scale_num = 1;
    info_.scale_denom = 8;
    auto coarse = [&] { return size.width / info_.scale_denom < kEnough || size.height / info_.scale_denom < kEnough; };
    while (info_.scale_denom > 1 && coarse()) info_.scale_denom /= 2;
    info_.dct_method = JDCT_IFAST;
    info_.do_fancy_upsampling = FALSE;
    info_.do_block_smoothing = FALSE;
  }

  void read_rows() {
    auto channels = static_cast<JDIMENSION>(info_.output_components);
    if (info_.output_width < GreyCells::kColumns || info_.output_height < GreyCells::kRows) fail();
    // Of libjpeg's memory: it is gone with the picture, however that ends.
    JSAMPARRAY rows =
        info_.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&info_), JPOOL_IMAGE, info_.output_width * channels, 1);
    cells_.begin({info_.output_width, info_.output_height});
    while (info_.output_scanline < info_.output_height) {
      JDIMENSION y = info_.output_scanline;
      if (jpeg_read_scanlines(&info_, rows, 1) != 1) fail();
      if (channels == 4) cmyk_to_grey(rows[0]);
      cells_.add(y, 0, 1, rows[0], info_.output_width);
    }
  }

  /// In place. Adobe writes inks upside down (0 is full), and everybody else who writes CMYK does as Adobe.
  void cmyk_to_grey(JSAMPLE* row) const {
    for (JDIMENSION x = 0; x < info_.output_width; ++x) {
      const JSAMPLE* ink = row + size_t{x} * 4;
      unsigned grey = (ink[0] * 77U + ink[1] * 150U + ink[2] * 29U) >> 8U;
      row[x] = static_cast<JSAMPLE>(grey * ink[3] / 255U);
    }
  }

  std::string_view octets_;
  GreyCells& cells_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf back_{};
  int warnings_ = 0;
};

}  // namespace

bool decode_jpeg(std::string_view octets, GreyCells& cells) {
  Job job(octets, cells);
  return job.run();
}

}  // namespace postern::bulk
