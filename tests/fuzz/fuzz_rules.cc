// The text of a rule file, as an admin might write it at the worst of times: it loads or says why not, its examples run
// or say why not, and nothing else happens.
#include <cstddef>
#include <cstdint>
#include <string>

#include "lua/rules.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::rules;
  Limits limits;
  limits.memory = 4U << 20U;
  limits.rule_cpu = std::chrono::milliseconds(5);
  limits.message_cpu = std::chrono::milliseconds(20);
  std::string text(reinterpret_cast<const char*>(data), size);
  auto set = RuleSet::from_texts({{"rules/fuzz.lua", text}}, {limits, "", ""});
  if (!set) {
    for (const Problem& problem : set.error()) (void)problem.to_string();
    return 0;
  }
  (void)(*set)->run_examples();

  Host host(*set, nullptr);
  const std::string message = "Subject: hello\r\nX: \xff\r\n\r\nbody\r\n";
  postern::Facts facts;
  facts.from = "a@example.net";
  facts.rcpts = {"b@example.org"};
  facts.message = message;
  facts.size = message.size();
  Evaluation evaluation;
  for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
    host.run(stage, facts, evaluation);
  }
  return 0;
}
