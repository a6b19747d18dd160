// Rule sets from texts, a message to judge, and an observer that remembers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lua/rules.h"

namespace postern::rules {

struct Recorder : Observer {
  void rule_hit(const RuleInfo& rule) override { hits.push_back(rule.name); }
  void rule_ran(const RuleInfo& rule, std::chrono::nanoseconds) override { ran.push_back(rule.name); }
  void rule_failed(const RuleInfo& rule, std::string_view reason, const std::string& message) override {
    failures.push_back(rule.name + " " + std::string(reason));
    messages.push_back(message);
  }
  std::vector<std::string> hits;
  std::vector<std::string> ran;
  std::vector<std::string> failures;
  std::vector<std::string> messages;
};

inline std::vector<std::string> texts(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  out.reserve(problems.size());
  for (const Problem& problem : problems) out.push_back(problem.to_string());
  return out;
}

inline RuleSetPtr load(const std::string& text, const Limits& limits = {}) {
  auto set = RuleSet::from_texts({{"rules/test.lua", text}}, {limits, "", ""});
  if (set) return *set;
  for (const std::string& problem : texts(set.error())) ADD_FAILURE() << problem;
  return RuleSet::empty();
}

/// What is wrong with a file, as the admin reads it.
inline std::vector<std::string> problems_of(const std::string& text) {
  auto set = RuleSet::from_texts({{"rules/test.lua", text}}, {});
  return texts(set ? (*set)->run_examples() : set.error());
}

/// A rule with this body of `when`, at this stage.
inline std::string rule_text(const std::string& name, const std::string& body, const std::string& more = "") {
  return "rule \"" + name + "\" { about = 'test', score = 1, " + more + " when = function(mail) " + body + " end }\n";
}

struct Message {
  Message() {
    facts.client.ip = *IpAddress::parse("192.0.2.7");
    facts.client.name = "mx.example.net";
    facts.client.port = 4711;
    facts.helo = "helo.example.net";
    facts.from = "a@example.net";
    facts.rcpts = {"b@example.org", "c@example.org"};
    spf::Outcome outcome;
    outcome.result = spf::Result::Fail;
    outcome.domain = "example.net";
    outcome.explanation = "no";
    facts.spf = outcome;
    text =
        "Received: one\r\nReceived: two\r\nSubject: cheap\r\n watches\r\nX-Empty:\r\n\r\n"
        "Buy now for 99 dollars\r\n";
    facts.message = text;
    facts.size = text.size();
  }
  std::string text;
  Facts facts;
};

/// Runs all stages of a text on a message.
struct Judged {
  explicit Judged(const std::string& text, const Limits& limits = {}) : Judged(load(text, limits)) {}
  explicit Judged(RuleSetPtr set) : host(std::move(set), &seen) { all(); }
  void all() {
    evaluation = {};
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      host.run(stage, message.facts, evaluation);
    }
  }
  [[nodiscard]] std::string detail() const { return evaluation.hits.empty() ? "(none)" : evaluation.hits[0].detail; }

  Message message;
  Recorder seen;
  Host host;
  Evaluation evaluation;
};

/// The detail that `return true, <expression>` gives, or the failure.
inline std::string value_of(const std::string& expression) {
  Judged run(rule_text("VALUE", "return true, tostring(" + expression + ")"));
  return run.seen.failures.empty() ? run.detail() : run.seen.failures[0] + ": " + run.seen.messages[0];
}

}  // namespace postern::rules
