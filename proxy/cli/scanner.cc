#include "proxy/cli/scanner.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <mutex>
#include <utility>

#include "filters/auth_results/compose.h"
#include "filters/base/bytes.h"
#include "filters/base/signal.h"
#include "filters/bulk/kinds.h"
#include "filters/bulk/sighting.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dns/iprev.h"
#include "filters/mime/content.h"
#include "proxy/session/message_id.h"

namespace postern::cli {
namespace {

using rules::Stage;

std::string without_brackets(std::string_view path) {
  path = trim(path);
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  return std::string(path);
}

/// The author's address, as most mail is sent; empty where there is none that everybody reads alike.
std::string author_of(const message::Header& header) {
  if (dmarc::find_author(header).kind != dmarc::Author::Kind::One) return {};
  std::string from = header.first("From").value_or("");
  size_t open = from.rfind('<');
  size_t close = from.rfind('>');
  if (open != std::string::npos && close != std::string::npos && open < close) {
    return without_brackets(std::string_view(from).substr(open, close - open + 1));
  }
  // "ann@sender.example (Ann)", as it was written before there were display names.
  if (from.ends_with(')')) from.resize(std::min(from.find('('), from.size()));
  std::string address = without_brackets(from);
  return address.find_first_of(" \t\"(,;:") == std::string::npos ? address : std::string();
}

/// What of the envelope is not given is taken from the message, where it says so. Stored mail has often lost its
/// Return-Path: to take all of it for reports of mail servers, which alone have no sender, would be wrong more often
/// than right. `connected`: a client is said to have brought it, and then the null sender is one.
std::string sender_of(const std::optional<std::string>& given, bool connected, Facts& facts,
                      const message::Header& header) {
  if (given) return without_brackets(*given);
  if (auto path = header.first("Return-Path")) return without_brackets(*path);
  if (connected) return {};
  facts.content = std::make_shared<mime::Content>(facts.message, true);
  auto kind = bulk::special_kind(*facts.content, header, true, 0);
  return kind == bulk::Evidence::Bounce || kind == bulk::Evidence::AutoReply ? std::string() : author_of(header);
}

/// Rules that could not say anything of a message; the rest is passed on.
class Failures final : public rules::Observer {
 public:
  explicit Failures(rules::Observer* next) : next_(next) {}
  void rule_hit(const rules::RuleInfo& rule) override {
    if (next_ != nullptr) next_->rule_hit(rule);
  }
  void rule_ran(const rules::RuleInfo& rule, std::chrono::nanoseconds cpu) override {
    if (next_ != nullptr) next_->rule_ran(rule, cpu);
  }
  void rule_failed(const rules::RuleInfo& rule, std::string_view reason, const std::string& message) override {
    all.push_back({rule.name, std::string(reason), message});
    if (next_ != nullptr) next_->rule_failed(rule, reason, message);
  }
  void filter_ran(std::string_view filter, std::string_view result, std::chrono::nanoseconds time) override {
    if (next_ != nullptr) next_->filter_ran(filter, result, time);
  }
  std::vector<RuleFailure> all;

 private:
  rules::Observer* next_;
};

/// Whether an answer means the same to both. What `errors` match cannot be compared: lists that have any are asked for
/// each set.
bool same_list(const lists::List& a, const lists::List& b) {
  auto same_answer = [](const lists::Answer& x, const lists::Answer& y) {
    return x.text == y.text && x.name == y.name;
  };
  return a.name == b.name && a.zone == b.zone && a.of == b.of && a.enabled == b.enabled && a.digest == b.digest &&
         a.encoding == b.encoding && a.listed == b.listed && a.unlisted == b.unlisted && a.probe == b.probe &&
         a.txt == b.txt && a.errors.empty() && b.errors.empty() &&
         std::equal(a.answers.begin(), a.answers.end(), b.answers.begin(), b.answers.end(), same_answer);
}

bool same_lists(const lists::Lists& a, const lists::Lists& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_list);
}

}  // namespace

struct Scanner::Set {
  Set(rules::RuleSetPtr set, const rules::Thresholds& limits, rules::Observer* observer)
      : rules(std::move(set)), failures(observer), host(rules, &failures), thresholds(limits) {}

  rules::RuleSetPtr rules;
  Failures failures;
  rules::Host host;
  rules::Thresholds thresholds;
  std::unique_ptr<ScanLists> lists;  // null: an earlier set has the very same ones
  size_t lists_of = 0;               // which set's
};

Scanner::Scanner(const Loaded& loaded, Envelope envelope, Bulk bulk)
    : config_(loaded.config),
      policy_(config_->policy),
      envelope_(std::move(envelope)),
      ip_(IpAddress::parse(envelope_.ip)) {
  if (bulk == Bulk::Leave || config_->bulk_store == "off") return;
  bulk::Index::Options options;
  options.memory = config_->bulk_memory;
  options.window = config_->bulk_window;
  options.limit = config_->bulk_limit;
  bulk_.emplace(options);
}

Scanner::~Scanner() = default;

Result<std::unique_ptr<Scanner>> Scanner::create(const Loaded& loaded, Envelope envelope, Bulk bulk,
                                                 rules::Observer* observer) {
  std::unique_ptr<Scanner> scanner(new Scanner(loaded, std::move(envelope), bulk));
  net::DnsOptions options;
  options.servers = loaded.config->dns_servers;
  auto resolver = net::UnboundClient::create(scanner->loop_, scanner->clock_, options);
  if (!resolver) return tl::unexpected(resolver.error());
  scanner->resolver_ = std::move(*resolver);
  scanner->dns_ = std::make_unique<dns::Budget>(*scanner->resolver_, scanner->clock_, scanner->policy_.dns);
  scanner->open_model();
  scanner->add(loaded, observer);
  return scanner;
}

void Scanner::add(const Loaded& loaded, rules::Observer* observer) {
  auto set = std::make_unique<Set>(loaded.rules, loaded.config->policy.verdict.thresholds, observer);
  for (Stage stage : {Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
    asks_helo_ = asks_helo_ || set->host.reads(stage, "helo_is");
  }
  set->lists_of = sets_.size();
  for (size_t i = 0; i < sets_.size() && set->lists_of == sets_.size(); ++i) {
    if (same_lists(*sets_[i]->host.rules().lists(), *loaded.rules->lists())) set->lists_of = sets_[i]->lists_of;
  }
  if (set->lists_of == sets_.size()) {
    set->lists = std::make_unique<ScanLists>(*loaded.rules, loop_, *resolver_, clock_, policy_.limits.list_queries,
                                             std::min(policy_.dns.lookup, policy_.dns.total));
  }
  sets_.push_back(std::move(set));
}

Judged Scanner::judge(const InputMessage& input) {
  return std::move(judge_by_all(input).front());
}

std::vector<Judged> Scanner::judge_by_all(const InputMessage& input) {
  std::vector<Judged> judged(sets_.size());
  std::string id = session::make_message_id(envelope_.at ? *envelope_.at * 1000 : clock_.wall_ms());
  for (size_t i = 0; i < sets_.size(); ++i) {
    judged[i].rules = sets_[i]->rules;
    judged[i].lists = judged[i].rules->lists();
    judged[i].file = input.name;
    judged[i].id = id;
  }
  dns_->restart();
  Background<void> work{judge_task(input, judged)};
  while (!work.ready()) loop_.turn(true);
  return judged;
}

Task<void> Scanner::judge_task(const InputMessage& input, std::vector<Judged>& judged) {
  Facts& facts = judged.front().facts;
  facts.helo = envelope_.helo;
  facts.rcpts = envelope_.rcpts;
  facts.message = input.text;
  facts.size = input.text.size();
  message::Header header = message::parse_header(facts.message);
  facts.from = sender_of(envelope_.from, ip_.has_value(), facts, header);
  if (ip_) facts.client.ip = *ip_;
  // Whoever reads the text first decodes it for all.
  if (sets_.size() > 1 && !facts.content) facts.content = std::make_shared<mime::Content>(facts.message, true);
  TimePoint asked = clock_.now();
  co_await learn(judged.front(), header);
  co_await sets_.front()->lists->finish(facts);
  judged.front().lists_time = clock_.now() - asked;
  learn_bulk(judged.front(), header);
  classify(facts, header);
  std::string auth_results = auth_results::auth_results_field(policy_.hostname, facts);
  for (size_t i = 0; i < sets_.size(); ++i) {
    if (i > 0) {
      judged[i].facts = facts;
      judged[i].dns = judged.front().dns;
      judged[i].lists_time = judged.front().lists_time;
      judged[i].facts.lists = judged[sets_[i]->lists_of].facts.lists;
      if (sets_[i]->lists) co_await learn_lists(*sets_[i], judged[i], header);
    }
    judged[i].auth_results = auth_results;
    co_await judge_by(*sets_[i], judged[i]);
  }
}

Task<void> Scanner::judge_by(Set& set, Judged& judged) {
  TimePoint begin = clock_.now();
  for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
    dns_->restart_time();
    co_await set.host.judge(stage, judged.facts, judged.evaluation, {dns_.get(), policy_.dns.lookup});
  }
  judged.rules_time = clock_.now() - begin;
  judged.failures = std::exchange(set.failures.all, {});
  judged.judgement = rules::judge(judged.evaluation, set.thresholds);
}

/// The facts that the DNS has to tell, all asked for at once.
Task<void> Scanner::learn(Judged& judged, const message::Header& header) {
  Facts& facts = judged.facts;
  TimePoint begin = clock_.now();
  int64_t now = envelope_.at.value_or(clock_.wall_ms() / 1000);
  authentication::Check check(*dns_, keys_, {policy_.authentication, policy_.dns.lookup, now},
                              authentication::spf_domain(facts.from, facts.helo));
  check.append(facts.message, facts.message);
  signers_ = check.signers();
  sets_.front()->lists->begin(facts, header, signers_, ip_.has_value());
  co_await learn_client(facts, now);
  auto outcome = co_await check.finish(header, facts.message, *facts.spf);
  facts.dkim = std::move(outcome.dkim);
  facts.dkim_ignored = outcome.dkim_ignored;
  facts.arc = std::move(outcome.arc);
  facts.dmarc = std::move(outcome.dmarc);
  judged.dns = clock_.now() - begin;
}

/// What lists of another set say; the resolver remembers what it was asked about those that both have.
Task<void> Scanner::learn_lists(Set& set, Judged& judged, const message::Header& header) {
  set.lists->begin(judged.facts, header, signers_, ip_.has_value());
  co_await set.lists->finish(judged.facts);
}

void Scanner::learn_bulk(Judged& judged, const message::Header& header) {
  if (!bulk_) return;
  Facts& facts = judged.facts;
  if (!facts.content) facts.content = std::make_shared<mime::Content>(facts.message, true);
  int64_t now = envelope_.at ? *envelope_.at * 1000 : clock_.wall_ms();
  facts.bulk = bulk_->see(bulk::sighting_of(facts, *facts.content, header, judged.id, now)).outcome;
}

/// A model that cannot be used is no reason not to judge: the gateway does it without one too.
void Scanner::open_model() {
  if (config_->classifier_directory.empty()) return;
  auto model = classifier::Model::open(config_->classifier_directory + "/model");
  if (model) {
    model_ = std::move(*model);
  } else if (model.error().code != Code::NotFound) {
    static std::once_flag said;  // there may be many scanners
    std::call_once(said, [&] { std::cerr << "note: [classifier] " << model.error().message << '\n'; });
  }
}

void Scanner::classify(Facts& facts, const message::Header& header) {
  if (!model_) return;
  if (!facts.content) facts.content = std::make_shared<mime::Content>(facts.message, true);
  classifier::read_features(*facts.content, header, reading_);
  facts.classifier = model_->judge(reading_);
}

/// What an address and a name in HELO tell. Without an address nobody connected, and nothing can be said about it.
Task<void> Scanner::learn_client(Facts& facts, int64_t now) {
  if (!ip_) {
    facts.spf.emplace();
    facts.helo_spf.emplace();
    facts.helo_is = dns::look_at_helo(facts.helo, IpAddress(), policy_.hostname, IpAddress());
    facts.helo_is.qualified = facts.helo_is.qualified || facts.helo.empty();
    facts.helo_is.matches.reset();
    co_return;
  }
  spf::Options how;
  how.receiver = policy_.hostname;
  how.wall_seconds = now;
  how.lookup_timeout = policy_.dns.lookup;
  spf::Query query{*ip_, facts.helo, facts.from};
  Background<dns::ReverseName> name{dns::confirm_reverse_name(*dns_, *ip_, policy_.dns.lookup)};
  Background<dns::HeloName> helo_name{know_helo(facts)};
  Background<spf::Outcome> helo{spf::check_helo(*dns_, query, how)};
  Background<spf::Outcome> mail{spf::check_mail_from(*dns_, query, how)};
  facts.helo_spf = co_await helo.get();
  facts.spf = co_await mail.get();
  dns::ReverseName reverse = co_await name.get();
  facts.client.name = std::move(reverse.name);
  facts.client.reverse = reverse.result;
  facts.helo_is = co_await helo_name.get();
}

/// What the name in HELO is. Of one that nobody said there is nothing to hold against it.
Task<dns::HeloName> Scanner::know_helo(const Facts& facts) {
  const IpAddress& client = facts.client.ip;
  if (asks_helo_ && !facts.helo.empty()) {
    co_return co_await dns::check_helo_name(*dns_, facts.helo, client, policy_.hostname, IpAddress(),
                                            policy_.dns.lookup);
  }
  dns::HeloName name = dns::look_at_helo(facts.helo, client, policy_.hostname, IpAddress());
  name.qualified = name.qualified || facts.helo.empty();
  co_return name;
}

}  // namespace postern::cli
