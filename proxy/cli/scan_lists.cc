#include "proxy/cli/scan_lists.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "filters/lists/names.h"
#include "filters/mime/content.h"

namespace postern::cli {

using lists::Subject;

ScanLists::ScanLists(const rules::RuleSet& rules, net::Loop& loop, dns::Client& dns, const Clock& clock, size_t limit,
                     Duration timeout)
    : loop_(loop),
      dns_(dns),
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

void ScanLists::begin(Facts& facts, const message::Header& header, bool connected) {
  check_ = std::make_unique<lists::Check>(desk_, dns_, bound_, limit_, timeout_);
  if (connected) {
    if (auto query = lists::address_query(facts.client.ip)) check_->ask_all(Subject::Client, {*query});
  }
  if (check_->wants(Subject::Helo)) check_->ask_all(Subject::Helo, lists::domain_queries(facts.helo));
  ask_about_text(facts, header);
}

void ScanLists::ask_about_text(Facts& facts, const message::Header& header) {
  lists::Texts texts;
  texts.header = &header;
  texts.from = facts.from;
  if (check_->wants(Subject::Url) || check_->wants(Subject::Hash)) {
    facts.content = std::make_shared<mime::Content>(facts.message, !facts.truncated);
    texts.text = facts.content->text();
    texts.urls = &facts.content->urls();
  }
  const lists::Lists& all = *bound_->lists;
  for (size_t list = 0; list < all.size(); ++list) {
    switch (all[list].of) {
      case Subject::Client:
      case Subject::Rdns:
      case Subject::Helo:
      case Subject::Dkim: continue;
      default: break;
    }
    if (bound_->zones[list] == nullptr) continue;
    for (const lists::Query& query : lists::queries(all[list], texts)) check_->ask(list, query);
  }
}

Task<void> ScanLists::finish(Facts& facts) {
  if (check_->wants(Subject::Rdns)) check_->ask_all(Subject::Rdns, lists::domain_queries(facts.client.name));
  if (check_->wants(Subject::Dkim)) {
    for (const dkim::Outcome& outcome : facts.dkim) {
      if (outcome.result == dkim::Result::Pass) {
        check_->ask_all(Subject::Dkim, lists::domain_queries(outcome.domain));
      }
    }
  }
  co_await check_->settle(all_);
  facts.lists.clear();
  facts.lists.reserve(all_.size());
  for (size_t list : all_) facts.lists.push_back(check_->outcome(list));
}

}  // namespace postern::cli
