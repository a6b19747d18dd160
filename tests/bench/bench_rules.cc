// What the shipped rules cost for one message, all stages, as a worker runs them. Run from the top of the tree.
#include <string>

#include <benchmark/benchmark.h>

#include "lua/rules.h"

namespace {

using namespace postern;

constexpr rules::Stage kStages[] = {rules::Stage::Connect, rules::Stage::Helo, rules::Stage::Mail, rules::Stage::Rcpt,
                                    rules::Stage::Message};

Facts message_facts(const std::string& text) {
  Facts facts;
  facts.client.port = 40'000;
  facts.helo = "mail.example.net";
  facts.from = "sender@example.net";
  facts.helo_spf = spf::Outcome{spf::Result::None, "mail.example.net", "", ""};
  facts.spf = spf::Outcome{spf::Result::Fail, "example.net", "", ""};
  facts.rcpts = {"someone@example.org"};
  facts.message = text;
  facts.size = text.size();
  return facts;
}

void shipped_rules(benchmark::State& state) {
  auto set = rules::RuleSet::load("rules", rules::Limits{});
  if (!set) {
    state.SkipWithError(set.error().front().to_string().c_str());
    return;
  }
  std::string text = "From: sender@example.net\r\nSubject: figures\r\n\r\n";
  for (int i = 0; i < 130; ++i) text.append(70, 'x').append("\r\n");
  const Facts facts = message_facts(text);
  rules::Host host(*set, nullptr);
  for (auto _ : state) {
    rules::Evaluation evaluation;
    for (rules::Stage stage : kStages) host.run(stage, facts, evaluation);
    benchmark::DoNotOptimize(evaluation.score);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["rules"] = static_cast<double>((*set)->rules().size());
}
BENCHMARK(shipped_rules);

}  // namespace
