// A model from anybody: as it is, and with its sum put right. It is refused, or it can be judged with.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include "filters/base/result.h"
#include "filters/classifier/model.h"

using namespace postern;

namespace {

/// One file for the process, gone with it.
class File {
 public:
  File() {
    const char* memory = "/dev/shm";
    std::filesystem::path folder =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    path_ = folder / fmt::format("postern-fuzz-model-{}", ::getpid());
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::unlink(path_.c_str()); }

  void write(std::string_view octets) const {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
    POSTERN_CHECK(file.good());
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void use(const File& file, std::string_view octets) {
  file.write(octets);
  auto model = classifier::Model::open(file.path());
  if (!model) {
    POSTERN_CHECK(!model.error().message.empty());
    return;
  }
  constexpr size_t kStep = 16;
  classifier::Reading reading;
  reading.features.reserve(classifier::kMaxFeatures);
  for (size_t i = 0; i < classifier::Reading::kMaxHeader; ++i) {
    reading.header += static_cast<char>(i * 7 % 251);
    reading.text += static_cast<char>('a' + i % 3);
  }
  for (size_t i = 0; i < classifier::kMaxFeatures; ++i) {
    reading.features.push_back(static_cast<classifier::Feature>(i * 2'862'933));
    if (i % kStep != 0) continue;
    classifier::Outcome outcome = (*model)->judge(reading);
    POSTERN_CHECK(outcome.spam >= 0 && outcome.spam <= 1);
    POSTERN_CHECK(outcome.ready || outcome.spam == 0.5);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const File file;
  std::string octets(reinterpret_cast<const char*>(data), size);
  use(file, octets);
  if (size < 8) return 0;
  uint64_t sum = XXH3_64bits(octets.data(), size - 8);
  std::memcpy(octets.data() + size - 8, &sum, 8);
  use(file, octets);
  return 0;
}
