// What rules cost for one message, as a worker runs them: all stages, MIME and decoding included. Run from the top of
// the tree. Ratios are taken inside of one run, both sides in turn, so that a busy machine slows down both.
#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "lua/rules.h"

namespace {

using namespace postern;

constexpr rules::Stage kStages[] = {rules::Stage::Connect, rules::Stage::Helo, rules::Stage::Mail, rules::Stage::Rcpt,
                                    rules::Stage::Message};

// ---------------------------------------------------------------- messages

constexpr std::array<std::string_view, 40> kWords = {
    "the",     "meeting", "on",      "monday",  "will",   "be",    "moved",   "to",   "the",      "large",
    "room",    "please",  "bring",   "your",    "notes",  "and",   "account", "for",  "all",      "changes",
    "that",    "we",      "agreed",  "upon",    "last",   "week",  "because", "they", "transfer", "into",
    "another", "project", "invoice", "numbers", "follow", "below", "thank",   "you",  "kindly",   "regards"};

/// English of about `size` octets in lines as mail has them; the same every time.
std::string prose(size_t size) {
  std::string text;
  uint32_t state = 1;
  size_t line = 0;
  while (text.size() < size) {
    state = state * 1664525U + 1013904223U;
    std::string_view word = kWords[(state >> 16U) % kWords.size()];
    line += word.size() + 1;
    text.append(word);
    if (line > 68) {
      text += "\r\n";
      line = 0;
    } else {
      text += ' ';
    }
  }
  return text + "\r\n";
}

constexpr std::string_view kHeader =
    "Received: from mail.example.net (mail.example.net [192.0.2.1])\r\n\tby mx.example.org with ESMTPS id 1;\r\n"
    "\tMon, 02 Mar 2026 10:00:01 +0000\r\n"
    "From: \"Ann Example\" <ann@example.net>\r\nTo: Bob <bob@example.org>\r\nReply-To: ann@example.net\r\n"
    "Subject: =?utf-8?Q?Protokoll_f=C3=BCr_Montag?=\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
    "Message-ID: <1.2.3@example.net>\r\nMIME-Version: 1.0\r\nX-Mailer: Some Mailer 4.2\r\n";

std::string plain_message(size_t body) {
  return std::string(kHeader) + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + prose(body);
}

/// multipart/alternative, about a third text and two thirds HTML with links, as mail programs write it.
std::string html_message(size_t size) {
  std::string text = std::string(kHeader) +
                     "Content-Type: multipart/alternative; boundary=\"=_b\"\r\n\r\n--=_b\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
  text += prose(size / 3);
  text +=
      "\r\n--=_b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
      "<html><head><style>p { color: #222; }</style></head><body style=\"background: #fff\">\r\n";
  for (size_t paragraph = 0; text.size() < size; ++paragraph) {
    text += "<p style=\"font-size: 14px\">" + prose(400);
    text +=
        fmt::format("<a href=\"https://www.example.net/page/{}?from=mail\">page {}</a></p>\r\n", paragraph, paragraph);
  }
  return text + "</body></html>\r\n--=_b--\r\n";
}

Facts message_facts(const std::string& text) {
  Facts facts;
  facts.client.port = 40'000;
  facts.client.name = "mail.example.net";
  facts.helo = "mail.example.net";
  facts.from = "sender@example.net";
  facts.helo_spf = spf::Outcome{spf::Result::None, "mail.example.net", "", ""};
  facts.spf = spf::Outcome{spf::Result::Pass, "example.net", "", ""};
  facts.rcpts = {"someone@example.org"};
  facts.arc = arc::Outcome();
  facts.dmarc = dmarc::Outcome();
  facts.message = text;
  facts.size = text.size();
  return facts;
}

// ---------------------------------------------------------------- rules

/// Expressions as admins write them: phrases, alternatives, classes, bounded repeats. A few find something.
std::string expression(size_t number) {
  std::string_view a = kWords[number * 7 % kWords.size()];
  std::string_view b = kWords[number * 11 % kWords.size()];
  switch (number % 5) {
    case 0: return fmt::format(R"((?i)\b{} your {} number {}\b)", a, b, number);
    case 1: return fmt::format(R"((?i)(?:cheap|discount|free) {}{} (?:pills|watches|loans))", a, number);
    case 2: return fmt::format(R"((?i)\b{}\s+{}\s+offer{}\b)", a, b, number);
    case 3: return fmt::format(R"((?i)w[i1]n {}[0-9]{{3,6}} (?:dollars|euros) {})", a, number);
    default: return fmt::format(R"((?i)click (?:here|below) to {} {}{}!{{1,3}})", a, b, number);
  }
}

std::string pattern_rules(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += fmt::format("rule \"PATTERN_{}\" {{\n  about = \"a phrase\",\n  score = 0.1,\n  body = [[{}]],\n}}\n", i,
                        expression(i));
  }
  return text;
}

/// Functions of one comparison, of the facts that rules look at most.
std::string trivial_rules(size_t count) {
  constexpr std::array<std::string_view, 5> kConditions = {
      "mail.helo == \"nobody{}.example\"", "mail.from == \"nobody{}@example.com\"", "mail.spf.result == \"fail{}\"",
      "mail.size == {}", "mail.client.name == \"client{}.example\""};
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += fmt::format("rule \"TRIVIAL_{}\" {{\n  about = \"one comparison\",\n  score = 0.1,\n", i);
    text += fmt::format("  when = function(mail) return {} end,\n}}\n",
                        fmt::format(fmt::runtime(kConditions[i % kConditions.size()]), i));
  }
  return text;
}

/// Compiling patterns takes its time: callers keep the set, since each benchmark is begun several times.
rules::RuleSetPtr set_of(std::string text, benchmark::State& state) {
  auto set = rules::RuleSet::from_texts({{"rules/10-bench.lua", std::move(text)}}, {});
  if (set) return *set;
  state.SkipWithError(set.error().front().to_string().c_str());
  return nullptr;
}

// ---------------------------------------------------------------- measuring

/// CPU seconds of this thread: others that want the processor do not count.
double cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double evaluate(rules::Host& host, const Facts& facts) {
  double begin = cpu_now();
  rules::Evaluation evaluation;
  for (rules::Stage stage : kStages) host.run(stage, facts, evaluation);
  benchmark::DoNotOptimize(evaluation.score);
  return cpu_now() - begin;
}

double median(std::vector<double>& times) {
  auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

void one_set(benchmark::State& state, const rules::RuleSetPtr& set, const std::string& text) {
  if (!set) return;
  rules::Host host(set, nullptr);
  const Facts facts = message_facts(text);
  std::vector<double> times;
  for (auto _ : state) times.push_back(evaluate(host, facts));
  state.counters["rules"] = static_cast<double>(set->rules().size());
  state.counters["median_us"] = median(times) * 1e6;
}

/// 500 and 5 pattern rules on a body of 20 KB, in turn; "ratio" is of the medians.
void patterns_500_to_5(benchmark::State& state) {
  static const rules::RuleSetPtr few = set_of(pattern_rules(5), state);
  static const rules::RuleSetPtr many = set_of(pattern_rules(500), state);
  if (!few || !many) return;
  rules::Host few_host(few, nullptr);
  rules::Host many_host(many, nullptr);
  const std::string text = plain_message(20'000);
  const Facts facts = message_facts(text);
  std::vector<double> few_times;
  std::vector<double> many_times;
  for (auto _ : state) {
    few_times.push_back(evaluate(few_host, facts));
    many_times.push_back(evaluate(many_host, facts));
    state.SetIterationTime(many_times.back());
  }
  double with_few = median(few_times);
  double with_many = median(many_times);
  state.counters["5_us"] = with_few * 1e6;
  state.counters["500_us"] = with_many * 1e6;
  state.counters["ratio"] = with_many / with_few;
}
BENCHMARK(patterns_500_to_5)->UseManualTime()->Unit(benchmark::kMicrosecond);

void trivial_lua_500(benchmark::State& state) {
  static const rules::RuleSetPtr set = set_of(trivial_rules(500), state);
  one_set(state, set, plain_message(10'000));
}
BENCHMARK(trivial_lua_500)->Unit(benchmark::kMicrosecond);

void no_rules(benchmark::State& state) {
  one_set(state, rules::RuleSet::empty(), html_message(10'000));
}
BENCHMARK(no_rules)->Unit(benchmark::kMicrosecond);

void shipped(benchmark::State& state, const std::string& text) {
  static const auto set = rules::RuleSet::load("rules", {});
  if (!set) {
    state.SkipWithError(set.error().front().to_string().c_str());
    return;
  }
  one_set(state, *set, text);
}
void shipped_rules_html(benchmark::State& state) {
  shipped(state, html_message(10'000));
}
void shipped_rules_plain(benchmark::State& state) {
  shipped(state, plain_message(10'000));
}
BENCHMARK(shipped_rules_html)->Unit(benchmark::kMicrosecond);
BENCHMARK(shipped_rules_plain)->Unit(benchmark::kMicrosecond);

}  // namespace
