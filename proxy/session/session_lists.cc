// DNS lists, and what the DNS says of the name in HELO: asked as soon as a name is known, waited for before rules that
// want to know.
#include "filters/lists/names.h"
#include "filters/mime/content.h"
#include "proxy/session/session_impl.h"

namespace postern::session {

using lists::Subject;
using rules::Stage;

std::unique_ptr<lists::Check> SessionImpl::new_list_check(size_t asked_before) {
  size_t limit = policy_.limits.list_queries;
  return std::make_unique<lists::Check>(services_.desk, list_dns_, snapshot_.lists,
                                        limit - std::min(limit, asked_before),
                                        std::min(policy_.dns.lookup, policy_.dns.total));
}

void SessionImpl::ask_lists_of_client() {
  lists_.reset();
  if (unfiltered() || snapshot_.lists->lists->empty()) return;
  auto check = new_list_check(0);
  if (!check->wants(Subject::Client) && !check->wants(Subject::Rdns) && !check->wants(Subject::Helo)) return;
  lists_ = std::move(check);
  if (auto query = lists::address_query(peer_.ip)) lists_->ask_all(Subject::Client, {*query});
  if (name_known_) ask_lists_of_name();
}

void SessionImpl::ask_lists_of_name() {
  if (lists_ && lists_->wants(Subject::Rdns) && !facts_.client.name.empty()) {
    lists_->ask_all(Subject::Rdns, lists::domain_queries(facts_.client.name));
  }
}

void SessionImpl::ask_lists_of_helo() {
  if (!lists_ || !lists_->wants(Subject::Helo)) return;
  lists_->forget(Subject::Helo);
  lists_->ask_all(Subject::Helo, lists::domain_queries(facts_.helo));
}

/// A session may last longer than the trouble of a list: its next message has the lists that are well by then.
void SessionImpl::refresh_lists() {
  if (!lists_ || !lists_->stale()) return;
  ask_lists_of_client();
  ask_lists_of_helo();
}

void SessionImpl::look_at_helo() {
  facts_.helo_is = dns::look_at_helo(facts_.helo, peer_.ip, policy_.hostname, peer_.local_ip);
  helo_check_.reset();
  if (unfiltered()) return;
  ask_lists_of_helo();
  auto stages = {Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message};
  if (std::none_of(stages.begin(), stages.end(),
                   [this](Stage stage) { return snapshot_.host->reads(stage, "helo_is"); })) {
    return;
  }
  helo_check_ = std::make_unique<Background<dns::HeloName>>(
      dns::check_helo_name(dns_, facts_.helo, peer_.ip, policy_.hostname, peer_.local_ip, policy_.dns.lookup));
}

/// Where a rule of the stage reads it.
Task<void> SessionImpl::know_helo(Stage stage, ConnectionFacts& facts) {
  if (helo_check_ && snapshot_.host->reads(stage, "helo_is")) {
    facts_.helo_is = co_await helo_check_->get();
    helo_check_.reset();
  }
  facts.helo_is = facts_.helo_is;
}

void SessionImpl::ask_lists_of_sender(Transaction& tx) {
  auto check = new_list_check(lists_ ? lists_->asked() : 0);
  bool wanted = false;
  for (size_t of = 0; of < lists::kSubjects; ++of) {
    auto subject = static_cast<Subject>(of);
    wanted = wanted || (rules::known_from(subject) >= Stage::Mail && check->wants(subject));
  }
  if (!wanted) return;
  tx.lists = std::move(check);
  if (!tx.lists->wants(Subject::From)) return;
  size_t at = tx.facts.from.rfind('@');
  if (at != std::string::npos) {
    tx.lists->ask_all(Subject::From, lists::domain_queries(std::string_view(tx.facts.from).substr(at + 1)));
  }
}

void SessionImpl::ask_lists_of_header(Transaction& tx, const message::Header& header) {
  if (!tx.lists || std::exchange(tx.header_lists_asked, true)) return;
  lists::Texts texts;
  texts.header = &header;
  texts.from = tx.facts.from;
  const lists::Lists& all = *snapshot_.lists->lists;
  for (Subject of : {Subject::Author, Subject::ReplyTo, Subject::Received}) {
    if (!tx.lists->wants(of)) continue;
    auto first = std::find_if(all.begin(), all.end(), [of](const lists::List& list) { return list.of == of; });
    tx.lists->ask_all(of, lists::queries(*first, texts));
  }
  if (!tx.authentication || !tx.lists->wants(Subject::Dkim)) return;
  for (const std::string& signer : tx.authentication->signers()) {
    tx.lists->ask_all(Subject::Dkim, lists::domain_queries(signer));
  }
}

void SessionImpl::ask_lists_of_text(Transaction& tx, const message::Header& header) {
  if (!tx.lists) return;
  ask_lists_of_header(tx, header);
  if (!tx.lists->wants(Subject::Url) && !tx.lists->wants(Subject::Hash)) return;
  if (!tx.facts.content) {
    tx.facts.content = std::make_shared<mime::Content>(tx.facts.message, !tx.facts.truncated);
  }
  lists::Texts texts;
  texts.header = &header;
  texts.from = tx.facts.from;
  texts.urls = &tx.facts.content->urls();
  // Digests first: a message may have hundreds of links, and the limit is for all together.
  if (tx.lists->wants(Subject::Hash)) ask_lists_of_addresses(tx, texts);
  if (tx.lists->wants(Subject::Url)) tx.lists->ask_all(Subject::Url, lists::url_queries(*texts.urls));
}

void SessionImpl::ask_lists_of_addresses(Transaction& tx, lists::Texts& texts) const {
  texts.text = tx.facts.content->text();
  const lists::Lists& all = *snapshot_.lists->lists;
  for (size_t list = 0; list < all.size(); ++list) {
    if (all[list].of != Subject::Hash || !snapshot_.lists->zones[list]) continue;
    for (const lists::Query& query : lists::queries(all[list], texts)) tx.lists->ask(list, query);
  }
}

/// A signature that does not pass says nothing of whom it names.
void SessionImpl::keep_passing_signers(Transaction& tx) {
  if (!tx.lists || !tx.lists->wants(Subject::Dkim)) return;
  std::vector<std::string> passing;
  for (const dkim::Outcome& outcome : tx.facts.dkim) {
    if (outcome.result != dkim::Result::Pass) continue;
    for (lists::Query& query : lists::domain_queries(outcome.domain)) passing.push_back(std::move(query.subject));
  }
  tx.lists->keep_only(Subject::Dkim, passing);
}

/// Waits for these lists, at most as long as the message may wait.
Task<void> SessionImpl::settle(lists::Check& check, const std::vector<size_t>& needed) {
  if (std::all_of(needed.begin(), needed.end(), [&](size_t list) { return check.settled(list); })) co_return;
  Duration left = std::max(patience_until_ - services_.clock.now(), Duration::zero());
  Pending limit = services_.timers.after(left, [&check] { check.hurry(); });
  co_await check.settle(needed);
}

/// What rules of the stage need; at the last one everything.
Task<void> SessionImpl::know_lists(Stage stage, ConnectionFacts& facts, Transaction* tx) {
  const std::vector<size_t>& needed = snapshot_.host->lists_needed(stage);
  if (needed.empty()) co_return;
  TimePoint begin = services_.clock.now();
  if (lists_) co_await settle(*lists_, needed);
  if (tx != nullptr && tx->lists) co_await settle(*tx->lists, needed);
  if (stage == Stage::Message) filter_done("lists", "ok", begin);
  if (stage == Stage::Message && tx != nullptr) keep_passing_signers(*tx);
  const lists::Lists& all = *snapshot_.lists->lists;
  facts.lists.resize(all.size());
  for (size_t list : needed) {
    const lists::Check* check = rules::known_from(all[list].of) < Stage::Mail ? lists_.get()
                                : tx != nullptr                               ? tx->lists.get()
                                                                              : nullptr;
    facts.lists[list] = check != nullptr ? check->outcome(list) : lists::Outcome();
  }
}

}  // namespace postern::session
