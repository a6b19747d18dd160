// What one message costs the journal: making its row, putting it, and everything up to the disk.
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "filters/mime/content.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/journal_entry.h"

namespace {

using namespace std::chrono_literals;
using postern::Duration;
using postern::Facts;
using postern::IpAddress;
using postern::SystemClock;
using postern::TimePoint;
namespace lists = postern::lists;
namespace ops = postern::ops;
namespace rules = postern::rules;
namespace session = postern::session;

/// As most are: signed, three links, six rules, twenty steps, and a header of 2 KB.
class Message {
 public:
  Message() {
    text_ = "Received: from mx.example.net (mx.example.net [192.0.2.1])\r\n\tby mx.example.org with ESMTPS id 1\r\n";
    for (int i = 0; i < 16; ++i) text_ += fmt::format("X-Field-{}: {}\r\n", i, std::string(100, 'x'));
    text_ += "Subject: =?utf-8?B?SGVsbG8=?=\r\n\r\n" + std::string(8000, 'b');
    facts_.client = {*IpAddress::parse("192.0.2.1"),         54321, "mx.example.net", true, false,
                     postern::dns::ReverseName::Result::Pass};
    facts_.helo = "mx.example.net";
    facts_.helo_is = {false, false, true, true, true};
    facts_.from = "bounces+12345@mail.example.net";
    facts_.rcpts = {"someone@example.org"};
    facts_.size = text_.size();
    facts_.message = text_;
    facts_.spf = facts_.helo_spf = postern::spf::Outcome{postern::spf::Result::Pass, "mail.example.net", "", ""};
    facts_.dkim = {{postern::dkim::Result::Pass, "example.net", "s2026", "@example.net", "rsa-sha256", "AbCdEfGh", "",
                    2048, false, false}};
    facts_.dmarc.emplace();
    facts_.dmarc->result = postern::dmarc::Result::Pass;
    facts_.dmarc->from = facts_.dmarc->domain = facts_.dmarc->record_domain = "example.net";
    facts_.arc.emplace();
    postern::mime::Kept kept;
    for (const char* path : {"/offers?id=1234567890abcdef", "/unsubscribe/1234567890", "/images/logo.png"}) {
      kept.urls.push_back({std::string("https://www.example.net") + path, "https", "www.example.net", "", path, 0,
                           "see our offers", false, postern::mime::Url::Where::Html});
    }
    facts_.content = std::make_shared<postern::mime::Content>(facts_.message, std::move(kept));
    for (int i = 0; i < 12; ++i) {
      lists_.emplace_back();
      lists_.back().name = fmt::format("LIST{}", i);
      facts_.lists.emplace_back().state = lists::Outcome::State::Unlisted;
    }
    for (int i = 0; i < 6; ++i)
      evaluation_.hits.push_back({fmt::format("RULE_{}", i), 0.5, 1, "", "content", false, {}});
    TimePoint at(1h);
    for (int i = 0; i < 20; ++i) {
      timeline_.add(session::Moment::What::Dns, at - 20ms, at - 3ms,
                    "TXT _dmarc.example.net: v=DMARC1; p=reject; rua=x");
    }
    record_.facts = &facts_;
    record_.evaluation = &evaluation_;
    record_.verdict = "accept";
    record_.rules_version = "0123456789ab";
    record_.backend = "127.0.0.1:10025";
    record_.backend_reply = record_.reply = "250 2.0.0 Ok: queued as 4Xyz123456";
    record_.timeline = &timeline_;
    record_.at = at;
  }

  ops::JournalRow row(ops::JournalRow over = {}) {
    record_.id = fmt::format("01JZX3{:020}", ++number_);
    record_.wall_ms = SystemClock().wall_ms();
    return ops::journal_row(record_, {}, &lists_, std::move(over));
  }

 private:
  std::string text_;
  Facts facts_;
  lists::Lists lists_;
  rules::Evaluation evaluation_;
  session::Timeline timeline_;
  session::MessageRecord record_;
  uint64_t number_ = 0;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void make_row(benchmark::State& state) {
  Message message;
  size_t octets = 0;
  for (auto _ : state) {
    ops::JournalRow row = message.row();
    octets += row.data.size() + row.header.size();
    benchmark::DoNotOptimize(row);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["octets"] = benchmark::Counter(static_cast<double>(octets), benchmark::Counter::kAvgIterations);
}

/// 2,000 rows a second for some seconds: CPU of all threads for each, in the file at the end. `size`: MiB; a small file
/// is trimmed all the time.
void write_rows(benchmark::State& state) {
  std::string name = (std::filesystem::temp_directory_path() / "postern_bench_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return state.SkipWithError("mkdtemp");
  ops::Journal::Options options;
  options.path = name + "/journal.db";
  options.size = static_cast<uint64_t>(state.range(0)) << 20U;
  auto journal = ops::Journal::open(options, nullptr);
  if (!journal) return state.SkipWithError(journal.error().message.c_str());
  Message message;
  auto fill = [&](int count) {
    for (int i = 0; i < count; ++i) {
      (*journal)->put(message.row((*journal)->blank()));
      if (i % 20 == 19) std::this_thread::sleep_for(10ms);
    }
  };
  fill(4000);
  constexpr int kRows = 4000;
  for (auto _ : state) {
    double before = cpu_seconds();
    fill(kRows);
    state.SetIterationTime(cpu_seconds() - before);
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  (*journal)->finish();
  auto statistics = (*journal)->statistics();
  state.counters["dropped"] = static_cast<double>(statistics.dropped);
  state.counters["octets"] = static_cast<double>(statistics.bytes) / static_cast<double>(statistics.written);
  std::filesystem::remove_all(name);
}

BENCHMARK(make_row);
BENCHMARK(write_rows)->Arg(1024)->Arg(16)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace
