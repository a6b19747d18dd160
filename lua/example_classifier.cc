// What an example says of the classifier: classifier.
#include <array>

#include "filters/classifier/facts.h"
#include "lua/example_fields.h"

namespace postern::rules {

namespace {

constexpr lua_Number kMostMessages = 1e12;
constexpr uint64_t kLearned = 1000;  // enough of each kind

}  // namespace

// What an example does not say is that of a classifier which has learned enough.
void ExampleFields::read_classifier() {
  using ClassifierRow = Row<classifier::Outcome>;
  static constexpr std::array<ClassifierRow, 4> kRows = {
      {{"spam", [](ExampleFields& self, classifier::Outcome& o) { self.read_number(o.spam, 1); }},
       {"ready", [](ExampleFields& self, classifier::Outcome& o) { self.read_bool(o.ready); }},
       {"ham_learned",
        [](ExampleFields& self, classifier::Outcome& o) { self.read_whole(o.ham_learned, 0, kMostMessages); }},
       {"spam_learned",
        [](ExampleFields& self, classifier::Outcome& o) { self.read_whole(o.spam_learned, 0, kMostMessages); }}}};
  classifier::Outcome outcome;
  outcome.ready = true;
  outcome.ham_learned = outcome.spam_learned = kLearned;
  read_table("classifier", kRows, outcome);
  example_.facts.classifier = outcome;
}

}  // namespace postern::rules
