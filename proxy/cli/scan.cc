// postern scan: judges messages as if they had just arrived.
#include <algorithm>
#include <chrono>
#include <iostream>

#include <unistd.h>

#include "filters/auth_results/compose.h"
#include "filters/authentication/check.h"
#include "filters/base/bytes.h"
#include "filters/base/signal.h"
#include "filters/bulk/index.h"
#include "filters/bulk/sighting.h"
#include "filters/dns/helo.h"
#include "filters/dns/iprev.h"
#include "filters/message/headers.h"
#include "lua/rules.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/mail_files.h"
#include "proxy/cli/scan_lists.h"
#include "proxy/cli/scan_report.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/loop.h"
#include "proxy/session/message_id.h"

namespace postern::cli {
namespace {

using rules::Stage;

/// What of the envelope is not given is taken from the message, where it says so.
std::string sender_of(const ScanOptions& options, std::string_view message) {
  if (options.from) {
    std::string_view from = trim(*options.from);
    if (from.starts_with('<') && from.ends_with('>')) from = from.substr(1, from.size() - 2);
    return std::string(from);
  }
  std::string path = message::parse_header(message).first("Return-Path").value_or("");
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  return path;
}

/// Rules that could not say anything of a message.
class Failures final : public rules::Observer {
 public:
  void rule_hit(const rules::RuleInfo& /*rule*/) override {}
  void rule_ran(const rules::RuleInfo& /*rule*/, std::chrono::nanoseconds /*cpu*/) override {}
  void rule_failed(const rules::RuleInfo& rule, std::string_view reason, const std::string& message) override {
    all.push_back({rule.name, std::string(reason), message});
  }
  std::vector<RuleFailure> all;
};

class Scanner {
 public:
  Scanner(const ScanOptions& options, const Loaded& loaded, net::Loop& loop, dns::Client& dns, const Clock& clock)
      : options_(options),
        policy_(loaded.config->policy),
        loop_(loop),
        clock_(clock),
        dns_(dns, clock, policy_.dns),
        host_(loaded.rules, &failures_),
        lists_(*loaded.rules, loop, dns, clock, policy_.limits.list_queries,
               std::min(policy_.dns.lookup, policy_.dns.total)) {
    for (Stage stage : {Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      asks_helo_ = asks_helo_ || host_.reads(stage, "helo_is");
    }
    if (loaded.config->bulk_store == "off") return;
    bulk::Index::Options bulk;
    bulk.memory = loaded.config->bulk_memory;
    bulk.window = loaded.config->bulk_window;
    bulk.limit = loaded.config->bulk_limit;
    bulk_.emplace(bulk);
  }

  Judged judge(const InputMessage& input) {
    Judged judged;
    judged.lists = host_.rules().lists();
    judged.file = input.name;
    judged.id = session::make_message_id(options_.at ? *options_.at * 1000 : clock_.wall_ms());
    dns_.restart();
    Background<void> work{judge_task(input, judged)};
    while (!work.ready()) loop_.turn(true);
    return judged;
  }

 private:
  Task<void> judge_task(const InputMessage& input, Judged& judged) {
    Facts& facts = judged.facts;
    facts.helo = options_.helo;
    facts.from = sender_of(options_, input.text);
    facts.rcpts = options_.rcpts;
    facts.message = input.text;
    facts.size = input.text.size();
    message::Header header = message::parse_header(facts.message);
    auto ip = IpAddress::parse(options_.ip);
    if (ip) facts.client.ip = *ip;
    TimePoint asked = clock_.now();
    co_await learn(judged, header);
    co_await lists_.finish(facts);
    judged.lists_time = clock_.now() - asked;
    learn_bulk(judged, header);
    judged.auth_results = auth_results::auth_results_field(policy_.hostname, facts);
    TimePoint begin = clock_.now();
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      dns_.restart_time();
      co_await host_.judge(stage, facts, judged.evaluation, {&dns_, policy_.dns.lookup});
    }
    judged.rules_time = clock_.now() - begin;
    judged.failures = std::exchange(failures_.all, {});
    judged.judgement = rules::judge(judged.evaluation, policy_.verdict.thresholds);
  }

  /// The facts that the DNS has to tell, all asked for at once.
  Task<void> learn(Judged& judged, const message::Header& header) {
    Facts& facts = judged.facts;
    TimePoint begin = clock_.now();
    int64_t now = options_.at.value_or(clock_.wall_ms() / 1000);
    authentication::Check check(dns_, keys_, {policy_.authentication, policy_.dns.lookup, now},
                                authentication::spf_domain(facts.from, facts.helo));
    check.append(facts.message, facts.message);
    lists_.begin(facts, header, check.signers(), IpAddress::parse(options_.ip).has_value());
    co_await learn_client(facts, now);
    auto outcome = co_await check.finish(header, facts.message, *facts.spf);
    facts.dkim = std::move(outcome.dkim);
    facts.dkim_ignored = outcome.dkim_ignored;
    facts.arc = std::move(outcome.arc);
    facts.dmarc = std::move(outcome.dmarc);
    judged.dns = clock_.now() - begin;
  }

  /// The messages of one run are each other's stream.
  void learn_bulk(Judged& judged, const message::Header& header) {
    if (!bulk_) return;
    Facts& facts = judged.facts;
    if (!facts.content) facts.content = std::make_shared<mime::Content>(facts.message, true);
    int64_t now = options_.at ? *options_.at * 1000 : clock_.wall_ms();
    facts.bulk = bulk_->see(bulk::sighting_of(facts, *facts.content, header, judged.id, now)).outcome;
  }

  /// What an address and a name in HELO tell. Without --ip nobody connected, and nothing can be said about it.
  Task<void> learn_client(Facts& facts, int64_t now) {
    auto ip = IpAddress::parse(options_.ip);
    if (!ip) {
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
    spf::Query query{*ip, facts.helo, facts.from};
    Background<dns::ReverseName> name{dns::confirm_reverse_name(dns_, *ip, policy_.dns.lookup)};
    Background<dns::HeloName> helo_name{know_helo(facts)};
    Background<spf::Outcome> helo{spf::check_helo(dns_, query, how)};
    Background<spf::Outcome> mail{spf::check_mail_from(dns_, query, how)};
    facts.helo_spf = co_await helo.get();
    facts.spf = co_await mail.get();
    dns::ReverseName reverse = co_await name.get();
    facts.client.name = std::move(reverse.name);
    facts.client.reverse = reverse.result;
    facts.helo_is = co_await helo_name.get();
  }

  /// What the name in HELO is. Of one that nobody said there is nothing to hold against it.
  Task<dns::HeloName> know_helo(const Facts& facts) {
    const IpAddress& client = facts.client.ip;
    if (asks_helo_ && !facts.helo.empty()) {
      co_return co_await dns::check_helo_name(dns_, facts.helo, client, policy_.hostname, IpAddress(),
                                              policy_.dns.lookup);
    }
    dns::HeloName name = dns::look_at_helo(facts.helo, client, policy_.hostname, IpAddress());
    name.qualified = name.qualified || facts.helo.empty();
    co_return name;
  }

  const ScanOptions& options_;
  const session::Policy& policy_;
  net::Loop& loop_;
  const Clock& clock_;
  dns::Budget dns_;
  dkim::KeyCache keys_;
  Failures failures_;
  rules::Host host_;
  ScanLists lists_;
  std::optional<bulk::Index> bulk_;
  bool asks_helo_ = false;  // whether any rule reads what the DNS says of the name in HELO
};

/// On a terminal, for work that takes longer than a second.
class Progress {
 public:
  explicit Progress(size_t total) : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}
  void step(size_t done) {
    auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - last_ < std::chrono::seconds(1)) return;
    last_ = now;
    shown_ = true;
    std::cerr << '\r' << done << " of " << total_ << " files" << std::flush;
  }
  ~Progress() {
    if (shown_) std::cerr << "\r\x1b[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  size_t total_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

int scan(const ScanOptions& options) {
  if (!options.ip.empty() && !IpAddress::parse(options.ip)) {
    std::cerr << "postern scan: --ip " << options.ip << ": not an IP address\n";
    return kUsage;
  }
  auto loaded = load_or_complain(options.config, Examples::Skip);
  if (!loaded) return kBadInput;
  auto files = find_messages(options.inputs);
  if (!files) {
    std::cerr << "postern scan: " << files.error().message << '\n';
    return kBadInput;
  }
  SystemClock clock;
  net::Loop loop;
  net::DnsOptions dns_options;
  dns_options.servers = loaded->config->dns_servers;
  auto dns = net::UnboundClient::create(loop, clock, dns_options);
  if (!dns) {
    std::cerr << "postern scan: " << dns.error().message << '\n';
    return kBadInput;
  }
  Scanner scanner(options, *loaded, loop, **dns, clock);
  Progress progress(files->size());
  int status = kDone;
  for (size_t i = 0; i < files->size(); ++i) {
    auto read = read_messages((*files)[i], [&](const InputMessage& message) {
      Judged judged = scanner.judge(message);
      options.json ? print_json(judged) : print_text(judged);
    });
    if (!read) {
      std::cerr << "postern scan: " << read.error().message << '\n';
      status = kBadInput;
    }
    progress.step(i + 1);
  }
  return status;
}

}  // namespace postern::cli
