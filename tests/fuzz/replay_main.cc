// The main of a fuzz target where libFuzzer is not: runs the target on every file of the folders named, whole and cut
// short, and on nothing at all. A missing folder is an empty one: a new target has no seeds yet.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void run(const std::vector<uint8_t>& input, size_t size) {
  // An allocation of its exact size: a read past the end is seen by AddressSanitizer.
  const std::vector<uint8_t> exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_file(const std::filesystem::path& path) {
  constexpr size_t kCuts = 64;
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> input((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  run(input, input.size());
  const size_t step = input.size() / kCuts + 1;
  for (size_t cut = 0; cut < input.size(); cut += step) run(input, cut);
}

}  // namespace

int main(int argc, char** argv) {
  size_t files = 0;
  run({}, 0);
  for (int i = 1; i < argc; ++i) {
    std::error_code missing;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i], missing)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      std::cout << path.filename().string() << std::endl;  // flushed: after a crash the last line names the input
      run_file(path);
      ++files;
    }
  }
  std::cout << files << " seeds replayed\n";
  return EXIT_SUCCESS;
}
