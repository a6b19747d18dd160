// What an example says of DNS lists and of the name in HELO: lists, helo_is.
#include <array>
#include <set>
#include <string>
#include <utility>

#include "filters/dns/helo.h"
#include "lua/example_fields.h"

namespace postern::rules {

namespace {

// Who we are in examples (RFC 2606, RFC 5737).
constexpr std::string_view kOurName = "mx.example.org";
constexpr std::array<uint8_t, 4> kOurAddress = {203, 0, 113, 25};

// What the list was asked about: as the example's message has it.
std::string subject_of(const lists::List& list, const Facts& facts) {
  using lists::Subject;
  auto domain = [](const std::string& address) { return address.substr(address.rfind('@') + 1); };
  switch (list.of) {
    case Subject::Client: return facts.client.ip.to_string();
    case Subject::Rdns: return facts.client.name;
    case Subject::Helo: return facts.helo;
    case Subject::From: return domain(facts.from);
    case Subject::Hash: return facts.from;
    case Subject::Received: return "198.51.100.1";
    case Subject::Author:
    case Subject::ReplyTo:
    case Subject::Dkim:
    case Subject::Url: break;
  }
  return "example.net";
}

}  // namespace

// { answers = { "127.0.0.2" }, names = { "SBL" }, subjects = { "192.0.2.1" } }, each if wanted, or { "127.0.0.2" }.
void ExampleFields::read_list(ExampleList& list) {
  if (lua_type(lua_, -1) == LUA_TTABLE && lua_rawlen(lua_, -1) > 0) return read_strings(list.answers);
  using ListRow = Row<ExampleList>;
  static constexpr std::array<ListRow, 3> kRows = {
      {{"answers", [](ExampleFields& self, ExampleList& said) { self.read_strings(said.answers); }},
       {"names", [](ExampleFields& self, ExampleList& said) { self.read_strings(said.names); }},
       {"subjects", [](ExampleFields& self, ExampleList& said) { self.read_strings(said.subjects); }}}};
  size_t before = problems_.size();
  std::string where = field_;
  read_table(where, kRows, list);
  if (problems_.size() != before || !list.answers.empty() || !list.names.empty()) return;
  problem(fmt::format("'{}' must name answers, or be left out: {{ answers = {{ \"127.0.0.2\" }} }}", where));
}

void ExampleFields::read_lists() {
  read_named("a table of lists: lists = { ZEN = { answers = { \"127.0.0.2\" } } }", [this](std::string name) {
    ExampleList list;
    list.name = std::move(name);
    field_ = fmt::format("lists.{}", escape_for_log(list.name, 64));
    read_list(list);
    said_of_lists_.push_back(std::move(list));
  });
}

void ExampleFields::finish_list(const ExampleList& said, const lists::List& list, lists::Outcome& outcome) {
  std::set<size_t> matched;
  std::set<IpAddress> answers;
  for (const std::string& text : said.answers) {
    auto answer = IpAddress::parse(text);
    bool known = false;
    for (size_t i = 0; answer && i < list.answers.size(); ++i) {
      if (!list.answers[i].match.matches(*answer)) continue;
      known = true;
      matched.insert(i);
    }
    if (known) {
      answers.insert(*answer);
    } else {
      problem(fmt::format("'lists.{}': {} is no answer that the list declares", list.name, escape_for_log(text, 60)));
    }
  }
  std::vector<std::string> names;
  names.reserve(list.answers.size());
  for (const auto& answer : list.answers) names.push_back(answer.name);
  for (const std::string& name : said.names) {
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      problem(fmt::format("'lists.{}': the list has no answer of the name {}{}", list.name, escape_for_log(name, 60),
                          did_you_mean(name, names)));
      continue;
    }
    auto place = static_cast<size_t>(found - names.begin());
    if (matched.insert(place).second) answers.insert(list.answers[place].match.example());
  }
  std::vector<std::string> subjects = said.subjects;
  if (subjects.empty()) subjects.push_back(subject_of(list, example_.facts));
  outcome.state = lists::Outcome::State::Listed;
  for (std::string& subject : subjects) {
    if (outcome.listings.size() == lists::Outcome::kMaxListings) break;
    lists::Outcome::Listing& listing = outcome.listings.emplace_back();
    listing.subject = std::move(subject);
    listing.answers.assign(answers.begin(), answers.end());
    listing.matched.assign(matched.begin(), matched.end());
  }
}

void ExampleFields::finish_lists() {
  if (said_of_lists_.empty()) return;
  example_.facts.lists.assign(lists_.size(), lists::Outcome());
  std::vector<std::string> known;
  known.reserve(lists_.size());
  for (const lists::List& list : lists_) known.push_back(list.name);
  for (const ExampleList& said : said_of_lists_) {
    auto found = std::find(known.begin(), known.end(), said.name);
    if (found == known.end()) {
      problem(
          fmt::format("'lists': there is no list {}{}", escape_for_log(said.name, 64), did_you_mean(said.name, known)));
      continue;
    }
    auto place = static_cast<size_t>(found - known.begin());
    finish_list(said, lists_[place], example_.facts.lists[place]);
  }
}

// true, false, or "unknown": nil is no value in a table.
void ExampleFields::read_known(std::optional<ExampleHelo::Answer>& out) {
  if (lua_type(lua_, -1) == LUA_TSTRING && text_at(lua_, -1) == "unknown") {
    out = ExampleHelo::Answer{};
  } else if (lua_type(lua_, -1) == LUA_TBOOLEAN) {
    out = {true, lua_toboolean(lua_, -1) != 0};
  } else {
    wrong("true, false or \"unknown\"");
  }
}

void ExampleFields::read_helo_is() {
  using HeloRow = Row<ExampleHelo>;
  static constexpr std::array<HeloRow, 5> kRows = {
      {{"literal", [](ExampleFields& self, ExampleHelo& helo) { self.read_bool(helo.literal); }},
       {"own", [](ExampleFields& self, ExampleHelo& helo) { self.read_bool(helo.own); }},
       {"qualified", [](ExampleFields& self, ExampleHelo& helo) { self.read_bool(helo.qualified); }},
       {"resolves", [](ExampleFields& self, ExampleHelo& helo) { self.read_known(helo.resolves); }},
       {"matches", [](ExampleFields& self, ExampleHelo& helo) { self.read_known(helo.matches); }}}};
  read_table("helo_is", kRows, helo_);
}

// A name that can be asked about is a good one, and of others nothing is known, unless the example says otherwise.
void ExampleFields::finish_helo() {
  Facts& facts = example_.facts;
  dns::HeloName& is = facts.helo_is;
  is = dns::look_at_helo(facts.helo, facts.client.ip, kOurName, IpAddress::v4(kOurAddress));
  if (helo_.literal && *helo_.literal != is.literal) {
    is.literal = *helo_.literal;
    is.qualified = !is.literal;
    is.matches.reset();
  }
  if (helo_.own) is.own = *helo_.own;
  if (helo_.qualified) is.qualified = *helo_.qualified;
  if (is.qualified) is.resolves = is.matches = true;
  auto answer = [](const ExampleHelo::Answer& said) { return said.known ? std::optional(said.value) : std::nullopt; };
  if (helo_.resolves) is.resolves = answer(*helo_.resolves);
  if (helo_.matches) is.matches = answer(*helo_.matches);
}

}  // namespace postern::rules
