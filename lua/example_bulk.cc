// What an example says of the messages that are alike: bulk.
#include <array>
#include <string>

#include "filters/bulk/facts.h"
#include "lua/example_fields.h"

namespace postern::rules {

namespace {

constexpr lua_Number kMostMessages = 1e12;
constexpr lua_Number kMostSeconds = 1e12;

constexpr std::array<bulk::Evidence, 6> kEvidence = {bulk::Evidence::Enough,    bulk::Evidence::None,
                                                     bulk::Evidence::Little,    bulk::Evidence::Bounce,
                                                     bulk::Evidence::AutoReply, bulk::Evidence::Calendar};
constexpr std::array<bulk::Aspect, 4> kAspects = {bulk::Aspect::Text, bulk::Aspect::File, bulk::Aspect::Picture,
                                                  bulk::Aspect::Urls};

}  // namespace

template <uint64_t bulk::Outcome::*member>
void ExampleFields::read_bulk_count(bulk::Outcome& outcome) {
  read_whole(outcome.*member, 0, kMostMessages);
}

// What an example does not say is that of a message whose text is enough, and that is alone.
void ExampleFields::read_bulk() {
  using BulkRow = Row<bulk::Outcome>;
  static constexpr std::array<BulkRow, 13> kRows = {
      {{"count", [](ExampleFields& self, bulk::Outcome& o) { self.read_whole(o.count, 1, kMostMessages); }},
       {"similarity", [](ExampleFields& self, bulk::Outcome& o) { self.read_number(o.similarity, 1); }},
       {"first_seen", [](ExampleFields& self, bulk::Outcome& o) { self.read_whole(o.first_seen, 0, kMostSeconds); }},
       {"age", [](ExampleFields& self, bulk::Outcome& o) { self.read_whole(o.age, 0, kMostSeconds); }},
       {"networks", [](ExampleFields& self, bulk::Outcome& o) { self.read_bulk_count<&bulk::Outcome::networks>(o); }},
       {"senders", [](ExampleFields& self, bulk::Outcome& o) { self.read_bulk_count<&bulk::Outcome::senders>(o); }},
       {"domains", [](ExampleFields& self, bulk::Outcome& o) { self.read_bulk_count<&bulk::Outcome::domains>(o); }},
       {"recipients",
        [](ExampleFields& self, bulk::Outcome& o) { self.read_bulk_count<&bulk::Outcome::recipients>(o); }},
       {"authenticated_share",
        [](ExampleFields& self, bulk::Outcome& o) { self.read_number(o.authenticated_share, 1); }},
       {"cluster", [](ExampleFields& self, bulk::Outcome& o) { self.read(o.cluster); }},
       {"evidence",
        [](ExampleFields& self, bulk::Outcome& o) {
          self.read_choice(o.evidence, kEvidence, bulk::to_string, "evidence of a text");
        }},
       {"of",
        [](ExampleFields& self, bulk::Outcome& o) {
          self.read_choice(o.aspect, kAspects, bulk::to_string, "thing by which messages are alike");
        }},
       {"allowed", [](ExampleFields& self, bulk::Outcome& o) { self.read_bool(o.allowed); }}}};
  bulk::Outcome outcome;
  outcome.evidence = bulk::Evidence::Enough;
  read_table("bulk", kRows, outcome);
  example_.facts.bulk = std::move(outcome);
}

}  // namespace postern::rules
