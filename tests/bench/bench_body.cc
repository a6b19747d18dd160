// What each octet of a message costs on its way in (BodyReader) and out again (BodyWriter), in reads of a socket's
// size.
#include <cstdint>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "proxy/smtp/body_reader.h"
#include "proxy/smtp/body_writer.h"

namespace {

using namespace postern::smtp;

constexpr size_t kRead = 16 * 1024;
constexpr uint64_t kNoLimit = 1ULL << 40U;

/// Content of about `size` octets in lines of `line` octets; each tenth begins with a dot.
std::string content(size_t size, size_t line) {
  std::string text;
  for (size_t i = 0; text.size() < size; ++i) {
    text += i % 10 == 0 ? '.' : 'a';
    text.append(line - 3, 'x');
    text += "\r\n";
  }
  return text;
}

std::string on_the_wire(const std::string& text) {
  std::string wire;
  BodyWriter writer;
  writer.write(text, wire);
  writer.finish(wire);
  return wire;
}

void reader(benchmark::State& state) {
  const std::string wire =
      on_the_wire(content(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1))));
  for (auto _ : state) {
    BodyReader body(BareNewline::Normalize, kNoLimit);
    std::string out;
    for (size_t at = 0; at < wire.size(); at += kRead) {
      std::string_view input = std::string_view(wire).substr(at, kRead);
      benchmark::DoNotOptimize(body.read(input, out));
      out.clear();
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(wire.size()));
}

void writer(benchmark::State& state) {
  const std::string text = content(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  for (auto _ : state) {
    BodyWriter body;
    std::string out;
    for (size_t at = 0; at < text.size(); at += kRead) {
      body.write(std::string_view(text).substr(at, kRead), out);
      benchmark::DoNotOptimize(out.data());
      out.clear();
    }
    body.finish(out);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

// 10 KB and 1 MB; lines as mail has them, and one as long as base64 gone wrong.
BENCHMARK(reader)->Args({10'000, 76})->Args({1'000'000, 76})->Args({1'000'000, 100'000});
BENCHMARK(writer)->Args({10'000, 76})->Args({1'000'000, 76})->Args({1'000'000, 100'000});

}  // namespace
