// Rules with DNS lists, and one message that some of them know.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/lua/support.h"

namespace postern::rules {

/// A subject, and all that a list answered to it.
using Names = std::vector<std::string>;
using Listing = std::pair<std::string, std::vector<std::string>>;

inline size_t place_of(const RuleSet& set, const std::string& name) {
  for (size_t i = 0; i < set.lists()->size(); ++i) {
    if ((*set.lists())[i].name == name) return i;
  }
  ADD_FAILURE() << "there is no list " << name;
  return 0;
}

inline void add_listings(Facts& facts, const RuleSet& set, const std::string& name,
                         const std::vector<Listing>& listings) {
  size_t place = place_of(set, name);
  const lists::List& list = set.lists()->at(place);
  if (facts.lists.size() <= place) facts.lists.resize(place + 1);
  lists::Outcome& outcome = facts.lists[place];
  outcome.state = lists::Outcome::State::Listed;
  for (const auto& [subject, answers] : listings) {
    lists::Outcome::Listing& listing = outcome.listings.emplace_back();
    listing.subject = subject;
    for (const std::string& text : answers) listing.answers.push_back(*IpAddress::parse(text));
    for (size_t i = 0; i < list.answers.size(); ++i) {
      auto means = [&list, i](const IpAddress& answer) { return list.answers[i].match.matches(answer); };
      if (std::any_of(listing.answers.begin(), listing.answers.end(), means)) listing.matched.push_back(i);
    }
  }
}

inline const std::string kZen =
    "list 'ZEN' { zone = 'zen.example.org', of = 'client', answers = {\n"
    "  ['127.0.0.2'] = { 'SBL', 4.0 }, ['127.0.0.4-7'] = { 'XBL', 5.0 } } }\n";
inline const std::string kUri =
    "list 'URI' { zone = 'uri.example.org', of = 'url', answers = { ['&4'] = { 'ABUSE', 3.0 } } }\n";
inline const std::string kGood =
    "list 'GOOD' { zone = 'good.example.org', of = 'client', allow = true, answers = { ['127.0.0.2'] = { 'HI', -3.0 } "
    "} "
    "}\n";

/// Like kZen, with a refusal at connect.
inline std::string blocking(const std::string& more) {
  return "list 'ZEN' { zone = 'zen.example.org', of = 'client', " + more +
         " answers = { ['127.0.0.2'] = { 'SBL', action = 'reject' }, ['127.0.0.4'] = { 'XBL', 5.0 } } }\n";
}

/// Rules, and one message that some lists know.
class Listed : public ::testing::Test {
 protected:
  void rules(const std::string& text) {
    set_ = load(text);
    host_ = std::make_unique<Host>(set_, &seen_);
  }
  void listed(const std::string& list, const std::vector<Listing>& listings) {
    add_listings(message_.facts, *set_, list, listings);
  }
  void run() {
    evaluation_ = {};
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      host_->run(stage, message_.facts, evaluation_);
    }
  }
  [[nodiscard]] static Names names(const Evaluation& evaluation) {
    Names names;
    for (const Hit& hit : evaluation.hits) names.push_back(hit.rule);
    return names;
  }
  [[nodiscard]] Names hits() const { return names(evaluation_); }
  [[nodiscard]] const Hit& hit(const std::string& rule) const {
    static const Hit none;
    for (const Hit& each : evaluation_.hits) {
      if (each.rule == rule) return each;
    }
    ADD_FAILURE() << rule << " has not hit";
    return none;
  }
  [[nodiscard]] Evaluation without(const std::string& list) const {
    return set_->without_list(evaluation_, message_.facts, place_of(*set_, list));
  }
  /// What `mail.lists...` shows as text at the stage `message`, or the error.
  std::string value(const std::string& expression) {
    Names failures = seen_.messages;
    Host host(load(kZen + kUri + rule_text("VALUE", "return true, tostring(" + expression + ")")), &seen_);
    Evaluation evaluation;
    host.run(Stage::Message, message_.facts, evaluation);
    if (seen_.messages.size() > failures.size()) return seen_.messages.back();
    return evaluation.hits.empty() ? "(none)" : evaluation.hits.back().detail;
  }

  RuleSetPtr set_;
  Recorder seen_;
  std::unique_ptr<Host> host_;
  Message message_;
  Evaluation evaluation_;
};

}  // namespace postern::rules
