// Host: the face of a worker's engine.
#include <utility>

#include "lua/engine.h"
#include "lua/rules.h"

namespace postern::rules {

void Observer::filter_ran(std::string_view /*filter*/, std::string_view /*result*/, std::chrono::nanoseconds /*time*/) {
}

Host::Host(RuleSetPtr rules, Observer* observer)
    : rules_(std::move(rules)), engine_(std::make_unique<Engine>(*rules_, observer)) {}
Host::~Host() = default;

Task<void> Host::judge(Stage stage, const Facts& facts, Evaluation& evaluation, Outside outside) {
  if (!has_rules(stage) || evaluation.decision) co_return;
  Judging judging(*engine_, engine_->stage(stage), facts, evaluation, outside);
  co_await judging.run();
}

void Host::run(Stage stage, const Facts& facts, Evaluation& evaluation) {
  if (!has_rules(stage) || evaluation.decision) return;
  Judging judging(*engine_, engine_->stage(stage), facts, evaluation, {});
  POSTERN_CHECK(judging.advance());
}

bool Host::has_rules(Stage stage) const {
  return !engine_->stage(stage).empty();
}

const std::vector<size_t>& Host::lists_needed(Stage stage) const {
  return engine_->lists_needed(stage);
}

bool Host::reads(Stage stage, std::string_view fact) const {
  return engine_->reads(stage, fact);
}

}  // namespace postern::rules
