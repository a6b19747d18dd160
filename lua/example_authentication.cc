// What an example says of who sent it: client, spf, helo_spf, dkim, dmarc, arc.
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "lua/example_fields.h"

namespace postern::rules {

namespace {

constexpr std::array<dns::ReverseName::Result, 4> kReverse = {
    dns::ReverseName::Result::Pass, dns::ReverseName::Result::Fail, dns::ReverseName::Result::TempError,
    dns::ReverseName::Result::PermError};
constexpr std::array<spf::Result, 7> kSpf = {spf::Result::None,     spf::Result::Neutral,  spf::Result::Pass,
                                             spf::Result::Fail,     spf::Result::SoftFail, spf::Result::TempError,
                                             spf::Result::PermError};
constexpr std::array<dkim::Result, 6> kDkim = {dkim::Result::Pass,    dkim::Result::Fail,      dkim::Result::Policy,
                                               dkim::Result::Neutral, dkim::Result::TempError, dkim::Result::PermError};
constexpr std::array<dmarc::Result, 5> kDmarc = {dmarc::Result::None, dmarc::Result::Pass, dmarc::Result::Fail,
                                                 dmarc::Result::TempError, dmarc::Result::PermError};
constexpr std::array<dmarc::Policy, 3> kPolicy = {dmarc::Policy::None, dmarc::Policy::Quarantine,
                                                  dmarc::Policy::Reject};
constexpr std::array<dmarc::Identifier::Method, 2> kMethods = {dmarc::Identifier::Method::Spf,
                                                               dmarc::Identifier::Method::Dkim};
constexpr std::array<arc::Result, 4> kArc = {arc::Result::None, arc::Result::Pass, arc::Result::Fail,
                                             arc::Result::TempError};

}  // namespace

void ExampleFields::read_client() {
  using ClientRow = Row<ClientFacts>;
  static constexpr std::array<ClientRow, 6> kRows = {
      {{"ip",
        [](ExampleFields& self, ClientFacts& client) {
          std::string text;
          self.read(text);
          if (auto ip = IpAddress::parse(text)) {
            client.ip = *ip;
          } else {
            self.problem(fmt::format("'client.ip': '{}' is no address", escape_for_log(text, 60)));
          }
        }},
       {"name", [](ExampleFields& self, ClientFacts& client) { self.read(client.name); }},
       {"reverse",
        [](ExampleFields& self, ClientFacts& client) {
          self.read_choice(client.reverse.emplace(), kReverse, dns::to_string, "result of a reverse look-up");
        }},
       {"port", [](ExampleFields& self, ClientFacts& client) { self.read_number(client.port, 65535); }},
       {"tls", [](ExampleFields& self, ClientFacts& client) { self.read_bool(client.tls); }},
       {"early", [](ExampleFields& self, ClientFacts& client) { self.read_bool(client.early); }}}};
  read_table("client", kRows, example_.facts.client);
}

void ExampleFields::read_spf(std::optional<spf::Outcome>& out) {
  using SpfRow = Row<spf::Outcome>;
  static constexpr std::array<SpfRow, 4> kRows = {
      {{"result",
        [](ExampleFields& self, spf::Outcome& outcome) {
          self.read_choice(outcome.result, kSpf, spf::to_string, "result of SPF");
        }},
       {"domain", [](ExampleFields& self, spf::Outcome& outcome) { self.read(outcome.domain); }},
       {"explanation", [](ExampleFields& self, spf::Outcome& outcome) { self.read(outcome.explanation); }},
       {"reason", [](ExampleFields& self, spf::Outcome& outcome) { self.read(outcome.reason); }}}};
  spf::Outcome outcome;
  read_table(std::string(field_), kRows, outcome);
  out = std::move(outcome);
}

void ExampleFields::read_signature(dkim::Outcome& out) {
  using SignatureRow = Row<dkim::Outcome>;
  static constexpr std::array<SignatureRow, 9> kRows = {
      {{"result",
        [](ExampleFields& self, dkim::Outcome& outcome) {
          self.read_choice(outcome.result, kDkim, dkim::to_string, "result of DKIM");
        }},
       {"domain", [](ExampleFields& self, dkim::Outcome& outcome) { self.read(outcome.domain); }},
       {"selector", [](ExampleFields& self, dkim::Outcome& outcome) { self.read(outcome.selector); }},
       {"identity", [](ExampleFields& self, dkim::Outcome& outcome) { self.read(outcome.identity); }},
       {"algorithm", [](ExampleFields& self, dkim::Outcome& outcome) { self.read(outcome.algorithm); }},
       {"reason", [](ExampleFields& self, dkim::Outcome& outcome) { self.read(outcome.reason); }},
       {"bits", [](ExampleFields& self, dkim::Outcome& outcome) { self.read_number(outcome.key_bits, 65536); }},
       {"partial", [](ExampleFields& self, dkim::Outcome& outcome) { self.read_bool(outcome.partial); }},
       {"testing", [](ExampleFields& self, dkim::Outcome& outcome) { self.read_bool(outcome.testing); }}}};
  read_table("dkim", kRows, out);
}

// A single signature without the list around it is the likely mistake.
void ExampleFields::read_dkim() {
  constexpr std::string_view kWanted = "a list of tables: dkim = { { result = \"pass\" } }";
  if (lua_type(lua_, -1) != LUA_TTABLE) return wrong(kWanted);
  if (!is_list_of_tables()) return problem(fmt::format("'dkim' must be {}", kWanted));
  int table = lua_gettop(lua_);
  size_t count = lua_rawlen(lua_, table);
  if (count > dkim::Verifier::kMaxSignatures) {
    return problem(
        fmt::format("'dkim': no more than {} signatures are looked at", size_t{dkim::Verifier::kMaxSignatures}));
  }
  example_.facts.dkim.assign(count, dkim::Outcome());
  for (size_t i = 0; i < count; ++i) {
    field_ = "dkim";
    lua_rawgeti(lua_, table, static_cast<lua_Integer>(i) + 1);
    read_signature(example_.facts.dkim[i]);
    lua_settop(lua_, table);
  }
}

void ExampleFields::read_dmarc() {
  using DmarcRow = Row<dmarc::Outcome>;
  static constexpr std::array<DmarcRow, 8> kRows = {
      {{"result",
        [](ExampleFields& self, dmarc::Outcome& outcome) {
          self.read_choice(outcome.result, kDmarc, dmarc::to_string, "result of DMARC");
        }},
       {"policy",
        [](ExampleFields& self, dmarc::Outcome& outcome) {
          self.read_choice(outcome.policy, kPolicy, dmarc::to_string, "policy of DMARC");
        }},
       {"domain", [](ExampleFields& self, dmarc::Outcome& outcome) { self.read(outcome.domain); }},
       {"from", [](ExampleFields& self, dmarc::Outcome& outcome) { self.read(outcome.from); }},
       {"aligned",
        [](ExampleFields& self, dmarc::Outcome& outcome) {
          if (lua_type(self.lua_, -1) != LUA_TTABLE) return self.wrong("a list of strings");
          size_t count = lua_rawlen(self.lua_, -1);
          if (count > kMethods.size()) return self.problem("'dmarc.aligned' can name \"spf\" and \"dkim\", no more");
          outcome.aligned.assign(count, dmarc::Identifier::Method::Spf);
          for (size_t i = 0; i < count; ++i) {
            lua_rawgeti(self.lua_, -1, static_cast<lua_Integer>(i) + 1);
            self.read_choice(outcome.aligned[i], kMethods, name_of, "method that DMARC knows");
            lua_pop(self.lua_, 1);
          }
        }},
       {"testing", [](ExampleFields& self, dmarc::Outcome& outcome) { self.read_bool(outcome.testing); }},
       {"reason", [](ExampleFields& self, dmarc::Outcome& outcome) { self.read(outcome.reason); }},
       {"override", [](ExampleFields& self, dmarc::Outcome& outcome) { self.read(outcome.override_by); }}}};
  read_table("dmarc", kRows, *example_.facts.dmarc);
}

void ExampleFields::read_arc() {
  struct Stated {
    arc::Outcome outcome;
    std::optional<std::vector<std::string>> sealers;
    std::optional<size_t> sets;
  };
  using ArcRow = Row<Stated>;
  static constexpr std::array<ArcRow, 4> kRows = {
      {{"result",
        [](ExampleFields& self, Stated& stated) {
          self.read_choice(stated.outcome.result, kArc, arc::to_string, "result of ARC");
        }},
       {"reason", [](ExampleFields& self, Stated& stated) { self.read(stated.outcome.reason); }},
       {"sealers", [](ExampleFields& self, Stated& stated) { self.read_strings(stated.sealers.emplace()); }},
       {"sets", [](ExampleFields& self, Stated& stated) {
          self.read_number(stated.sets.emplace(), static_cast<lua_Number>(size_t{arc::Verifier::kMaxSets}));
        }}}};
  Stated stated;
  read_table("arc", kRows, stated);
  size_t named = stated.sealers ? stated.sealers->size() : 0;
  if (stated.sets && stated.sealers && *stated.sets != named) {
    problem(fmt::format("'arc.sets' says {} and 'arc.sealers' names {}", *stated.sets, named));
  }
  std::vector<std::string> sealers = stated.sealers ? std::move(*stated.sealers) : std::vector<std::string>();
  if (stated.sets) sealers.resize(*stated.sets);
  for (std::string& sealer : sealers) stated.outcome.sets.push_back({std::move(sealer), "", ""});
  example_.facts.arc = std::move(stated.outcome);
}

}  // namespace postern::rules
