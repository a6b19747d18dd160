// What pattern rules cost: 5 against 500 over a body of 20 KB, and what compiling them and reading them back takes.
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include "lua/patterns.h"

namespace {

using namespace postern;
using rules::Pattern;
using rules::Target;

constexpr std::array<std::string_view, 96> kBait = {
    "lottery",    "winner",     "claim",    "prize",     "viagra",      "cialis",       "pharmacy", "invoice",
    "urgent",     "suspended",  "verify",   "password",  "bitcoin",     "wallet",       "crypto",   "investment",
    "profit",     "guaranteed", "casino",   "bonus",     "free",        "click",        "loan",     "credit",
    "mortgage",   "refinance",  "debt",     "weight",    "diet",        "miracle",      "enlarge",  "replica",
    "rolex",      "watches",    "million",  "dollars",   "beneficiary", "barrister",    "funds",    "confidential",
    "proposal",   "income",     "cash",     "earn",      "extra",       "money",        "cheap",    "meds",
    "discount",   "offer",      "limited",  "act",       "trial",       "satisfied",    "dear",     "friend",
    "sir",        "madam",      "bank",     "security",  "alert",       "login",        "expire",   "parcel",
    "customs",    "fee",        "package",  "refund",    "amazon",      "paypal",       "netflix",  "microsoft",
    "virus",      "infected",   "webcam",   "recorded",  "hacker",      "ransom",       "inherit",  "deceased",
    "widow",      "charity",    "donation", "jackpot",   "betting",     "forex",        "trading",  "signals",
    "cryptocoin", "airdrop",    "giveaway", "gift card", "voucher",     "subscription", "renewal",  "antivirus"};

constexpr std::array<std::string_view, 40> kPlain = {
    "the",   "of",     "and",     "to",      "in",     "we",      "for",      "that", "is",      "on",
    "with",  "it",     "as",      "at",      "by",     "this",    "from",     "or",   "have",    "an",
    "they",  "which",  "meeting", "project", "report", "team",    "schedule", "will", "Monday",  "attached",
    "notes", "please", "regards", "number",  "change", "release", "minutes",  "plan", "weather", "garden"};

class Words {
 public:
  explicit Words(unsigned seed) : random_(seed) {}
  unsigned below(size_t limit) { return static_cast<unsigned>(random_() % limit); }
  std::string bait() { return std::string(kBait[below(kBait.size())]); }
  std::string plain() { return std::string(kPlain[below(kPlain.size())]); }

 private:
  std::mt19937 random_;
};

// As admins write them: phrases, alternations, numbers, and a few that span some words.
std::vector<Pattern> patterns(size_t count) {
  Words words(7);
  std::vector<Pattern> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    std::string a = words.bait();
    std::string b = words.bait();
    std::string c = words.bait();
    std::string text;
    switch (i % 8) {
      case 0: text = fmt::format("(?i)\\b{}\\b[^\\n]{{1,30}}\\b{}\\b", a, b); break;
      case 1:
      case 2: text = fmt::format("(?i)\\b{} {}\\b", a, b); break;
      case 3: text = fmt::format("(?i)\\b(?:{}|{}|{})[ -]{}\\b", a, b, c, words.bait()); break;
      case 4: text = fmt::format("(?i)\\b{}\\d{{2,6}}\\b", a); break;
      case 5: text = fmt::format("(?i){}\\s+{}\\s+{}", a, b, c); break;
      case 6: text = fmt::format("(?i)[$\\x{{20ac}}] ?\\d[0-9,.]* {}", a); break;
      default: text = fmt::format("(?i)\\b{}(?:s|ed|ing)? (?:your|the) {}", a, b); break;
    }
    out.push_back({Target::Body, "", text});
  }
  return out;
}

// Of each thousand words `bait` are such as begin one of the patterns.
std::string body(unsigned bait) {
  Words words(9);
  std::string out;
  while (out.size() < 20'000) {
    out += words.below(1000) < bait ? words.bait() : words.plain();
    out += words.below(12) != 0 ? " " : "\r\n";
  }
  return out;
}

std::shared_ptr<const rules::PatternSet> compile(size_t count, const std::string& cache = "") {
  std::vector<std::string> notes;
  auto set = rules::PatternSet::compile(patterns(count), cache, notes);
  return set ? *set : nullptr;
}

// Arguments: patterns, bait in a thousand words.
void search(benchmark::State& state) {
  auto set = compile(static_cast<size_t>(state.range(0)));
  if (!set) return state.SkipWithError("does not compile");
  const std::string text = body(static_cast<unsigned>(state.range(1)));
  rules::PatternScanner scanner(set);
  rules::Matches matches;
  for (auto _ : state) {
    scanner.begin(matches);
    scanner.scan(Target::Body, "", text, matches);
    benchmark::DoNotOptimize(matches);
  }
  int64_t hits = 0;
  for (size_t i = 0; i < set->patterns().size(); ++i) hits += matches.matched(i) ? 1 : 0;
  state.counters["hits"] = static_cast<double>(hits);
  state.counters["by RE2"] = static_cast<double>(set->fallbacks());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(search)->ArgsProduct({{5, 50, 500}, {0, 5, 50, 250}})->Unit(benchmark::kMicrosecond);

void compile_set(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(compile(static_cast<size_t>(state.range(0))));
}
BENCHMARK(compile_set)->Arg(5)->Arg(500)->Unit(benchmark::kMillisecond);

void read_cache(benchmark::State& state) {
  const std::string file = "/tmp/bench_patterns." + std::to_string(getpid());
  auto first = compile(static_cast<size_t>(state.range(0)), file);
  for (auto _ : state) {
    auto set = compile(static_cast<size_t>(state.range(0)), file);
    if (!set || !set->from_cache()) return state.SkipWithError("the cache was not used");
  }
  std::remove(file.c_str());
}
BENCHMARK(read_cache)->Arg(5)->Arg(500)->Unit(benchmark::kMillisecond);

}  // namespace
