#include "proxy/cli/scan_lists.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "filters/lists/probe.h"
#include "filters/mime/content.h"

namespace postern::cli {

using lists::Subject;

namespace {

/// A name gives as many questions at most (lists::domain_queries).
constexpr size_t kQueriesOfName = 2;

void add_domains(const std::vector<std::string>& names, std::vector<lists::Query>& queries) {
  for (const std::string& name : names) {
    for (lists::Query& query : lists::domain_queries(name)) queries.push_back(std::move(query));
  }
}

}  // namespace

ScanLists::ScanLists(const rules::RuleSet& rules, net::Loop& loop, dns::Client& dns, const Clock& clock, size_t limit,
                     Duration timeout)
    : loop_(loop),
      dns_(dns),
      clock_(clock),
      limit_(limit),
      timeout_(timeout),
      zones_(clock, lists::Zone::State::Up),
      desk_(clock, quiet_),
      all_(rules.lists()->size()) {
  // It happens inside a check's own call.
  zones_.changed = [this](lists::Zone&) { static_cast<void>(loop_.post([this] { desk_.zones_changed(); })); };
  zones_.wants_probe = [](lists::Zone&) {};
  bound_ = lists::bind_lists(rules.lists(), zones_);
  std::iota(all_.begin(), all_.end(), size_t{0});
}

std::unique_ptr<lists::Check> ScanLists::new_check(size_t taken) {
  return std::make_unique<lists::Check>(desk_, dns_, bound_, limit_ - std::min(limit_, taken), timeout_);
}

size_t ScanLists::enabled(Subject of) const {
  const lists::Lists& lists = *bound_->lists;
  return static_cast<size_t>(std::count_if(
      all_.begin(), all_.end(), [&](size_t list) { return lists[list].of == of && bound_->zones[list] != nullptr; }));
}

void ScanLists::begin(Facts& facts, const message::Header& header, const std::vector<std::string>& signers,
                      bool connected) {
  asking_.reset();
  connected_ = connected;
  connection_ = new_check(0);
  message_.reset();
  // --ip and --helo are an admin's own words: who tries a list on purpose may ask about its test points.
  Rounds of_connection;
  if (connected) {
    auto query = lists::address_query(facts.client.ip, lists::TestPoints::Ask);
    if (query) of_connection.push_back({Subject::Client, {std::move(*query)}, std::nullopt});
  }
  of_connection.push_back({Subject::Helo, lists::domain_queries(facts.helo, lists::TestPoints::Ask), std::nullopt});
  asking_ =
      std::make_unique<Background<void>>(ask_first(std::move(of_connection), about_message(facts, header, signers)));
}

/// URLs come last: only of them may a message have so many that [limits] list_queries cuts them.
ScanLists::Rounds ScanLists::about_message(Facts& facts, const message::Header& header,
                                           const std::vector<std::string>& signers) const {
  Rounds rounds;
  lists::Texts texts;
  texts.header = &header;
  texts.from = facts.from;
  const lists::Lists& lists = *bound_->lists;
  for (Subject of : {Subject::From, Subject::Author, Subject::ReplyTo, Subject::Received}) {
    if (enabled(of) == 0) continue;
    auto first = std::find_if(lists.begin(), lists.end(), [of](const lists::List& list) { return list.of == of; });
    rounds.push_back({of, lists::queries(*first, texts), std::nullopt});
  }
  if (enabled(Subject::Dkim) > 0) {
    rounds.push_back({Subject::Dkim, {}, std::nullopt});
    add_domains(signers, rounds.back().queries);
  }
  if (enabled(Subject::Hash) + enabled(Subject::Url) > 0) add_text(facts, texts, rounds);
  return rounds;
}

void ScanLists::add_text(Facts& facts, lists::Texts& texts, Rounds& rounds) const {
  facts.content = std::make_shared<mime::Content>(facts.message, !facts.truncated);
  texts.text = facts.content->text();
  texts.urls = &facts.content->urls();
  const lists::Lists& lists = *bound_->lists;
  // Lists differ in their digests.
  for (size_t list : all_) {
    if (lists[list].of != Subject::Hash || bound_->zones[list] == nullptr) continue;
    rounds.push_back({Subject::Hash, lists::queries(lists[list], texts), list});
  }
  if (enabled(Subject::Url) > 0) rounds.push_back({Subject::Url, lists::url_queries(*texts.urls), std::nullopt});
}

Task<void> ScanLists::ask_first(Rounds of_connection, Rounds of_message) {
  Rounds both = of_connection;
  both.insert(both.end(), of_message.begin(), of_message.end());
  co_await probe(both);
  ask(*connection_, of_connection);
  // The client's name is not known yet; what it may take is left for it.
  size_t taken = connection_->asked() + (connected_ ? kQueriesOfName * enabled(Subject::Rdns) : 0);
  message_ = new_check(taken);
  ask(*message_, of_message);
}

void ScanLists::ask(lists::Check& check, const Rounds& rounds) {
  for (const Round& round : rounds) {
    if (!round.only) {
      check.ask_all(round.of, round.queries);
      continue;
    }
    for (const lists::Query& query : round.queries) check.ask(*round.only, query);
  }
}

/// The zones that are going to be asked for the first time, all at once.
Task<void> ScanLists::probe(const Rounds& rounds) {
  struct Probed {
    lists::ZonePtr zone;
    std::unique_ptr<Background<lists::ProbeResult>> result;
  };
  std::vector<Probed> probes;
  const lists::Lists& lists = *bound_->lists;
  for (const Round& round : rounds) {
    if (round.queries.empty()) continue;
    for (size_t list : all_) {
      const lists::ZonePtr& zone = bound_->zones[list];
      bool asked = round.only ? *round.only == list : lists[list].of == round.of;
      if (!asked || !zone || !probed_.insert(zone.get()).second) continue;
      probes.push_back(
          {zone, std::make_unique<Background<lists::ProbeResult>>(lists::probe(
                     dns_, clock_, lists[list], lists::fresh_salt(), timeout_, lists::Points::NotListed))});
    }
  }
  for (Probed& each : probes) {
    lists::ProbeResult result = co_await each.result->get();
    each.zone->probed(result.fault);
  }
}

Task<void> ScanLists::finish(Facts& facts) {
  co_await asking_->get();
  if (connected_) {
    Rounds name;
    name.push_back({Subject::Rdns, lists::domain_queries(facts.client.name), std::nullopt});
    co_await probe(name);
    ask(*connection_, name);
  }
  co_await connection_->settle(all_);
  co_await message_->settle(all_);
  // A signature that does not pass says nothing of whom it names.
  std::vector<std::string> passing;
  for (const dkim::Outcome& outcome : facts.dkim) {
    if (outcome.result != dkim::Result::Pass) continue;
    for (lists::Query& query : lists::domain_queries(outcome.domain)) passing.push_back(std::move(query.subject));
  }
  message_->keep_only(Subject::Dkim, passing);
  facts.lists.clear();
  facts.lists.reserve(all_.size());
  for (size_t list : all_) {
    bool of_connection = rules::known_from((*bound_->lists)[list].of) < rules::Stage::Mail;
    facts.lists.push_back((of_connection ? connection_ : message_)->outcome(list));
  }
}

}  // namespace postern::cli
