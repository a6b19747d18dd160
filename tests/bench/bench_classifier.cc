// What the classifier costs: features of a message that rules have read, the look-up, and training.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "filters/classifier/features.h"
#include "filters/classifier/model.h"
#include "filters/classifier/trainer.h"

namespace {

using namespace postern;

/// Lengths of words about as in English; common ones come more often.
class Writer {
 public:
  std::string text(size_t words) {
    std::string out;
    for (size_t i = 1; i <= words; ++i) {
      uint64_t rank = next() % 4000;
      rank = rank * rank / 4000;  // the lower the more often
      for (uint64_t left = rank * 7919 + 26; left > 0; left /= 26) out += static_cast<char>('a' + left % 26);
      out += i % 11 == 0 ? "\r\n" : (i % 17 == 0 ? ", " : " ");
    }
    return out;
  }
  std::string mail(size_t words) {
    return fmt::format(
        "Received: from a.example (a.example [192.0.2.1]) by mx.example.org; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
        "From: Ann Example <ann@{}.example>\r\nTo: bob@example.org\r\nSubject: {}\r\nDate: Thu, 1 Jan 2026 00:00:00 "
        "+0000\r\nMessage-ID: <20260101.4711@a.example>\r\nMIME-Version: 1.0\r\nX-Mailer: Mutt 2.2\r\nContent-Type: "
        "text/plain; charset=utf-8\r\n\r\n{}\r\nhttps://www.shop.example/a/b?c=d\r\n",
        next() % 100'000, text(6), text(words));
  }

 private:
  uint64_t next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return state_ >> 33U;
  }
  uint64_t state_ = 1;
};

/// Behind rules that have asked for text, shown and URLs.
void BM_Features(benchmark::State& state) {
  std::string text = Writer().mail(static_cast<size_t>(state.range(0)));
  message::Header header = message::parse_header(text);
  mime::Content content(text, true);
  (void)content.shown();
  (void)content.urls();
  (void)content.attachments();
  classifier::Reading reading;
  for (auto _ : state) {
    classifier::read_features(content, header, reading);
    benchmark::DoNotOptimize(reading.features.data());
  }
  state.counters["features"] = static_cast<double>(reading.features.size());
}
BENCHMARK(BM_Features)->Arg(30)->Arg(300)->Arg(1700)->Arg(3000);  // 1,700 words are 10 KB

std::vector<classifier::Example> examples(size_t count) {
  Writer writer;
  std::vector<classifier::Example> out(count);
  for (size_t i = 0; i < count; ++i) {
    std::string text = writer.mail(200);
    message::Header header = message::parse_header(text);
    mime::Content content(text, true);
    classifier::read_features(content, header, out[i].reading);
    out[i].digest = classifier::digest_of(out[i].reading.features);
    out[i].sender = classifier::sender_of(header);
    out[i].spam = i % 3 == 0;
  }
  return out;
}

/// A different message each time, so that the table is as cold as it is in the gateway.
void BM_Judge(benchmark::State& state) {
  std::vector<classifier::Example> all = examples(1500);
  auto model = classifier::Model::from(classifier::train(all, {}, 0));
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(model->judge(all[next].reading));
    next = (next + 1) % all.size();
  }
}
BENCHMARK(BM_Judge);

void BM_Digest(benchmark::State& state) {
  std::vector<classifier::Example> all = examples(10);
  for (auto _ : state) benchmark::DoNotOptimize(classifier::digest_of(all[3].reading.features));
}
BENCHMARK(BM_Digest);

void BM_Train(benchmark::State& state) {
  std::vector<classifier::Example> all = examples(static_cast<size_t>(state.range(0)));
  classifier::Training how;
  how.threads = 2;
  for (auto _ : state) benchmark::DoNotOptimize(classifier::train(all, how, 0).table.data());
}
BENCHMARK(BM_Train)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond)->Iterations(1)->UseRealTime();

}  // namespace
