// postern scan: judges messages as if they had just arrived.
#include <chrono>
#include <iostream>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "filters/base/bytes.h"
#include "filters/base/signal.h"
#include "filters/dns/iprev.h"
#include "filters/message/headers.h"
#include "lua/rules.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/mail_files.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/loop.h"
#include "proxy/session/message_id.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;
using rules::Stage;

struct Judged {
  std::string file;
  std::string id;
  Facts facts;
  rules::Evaluation evaluation;
  rules::Judgement judgement;
  Duration dns{};
  Duration rules_time{};
};

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

class Scanner {
 public:
  Scanner(const ScanOptions& options, const Loaded& loaded, net::Loop& loop, dns::Client& dns, const Clock& clock)
      : options_(options),
        policy_(loaded.config->policy),
        loop_(loop),
        clock_(clock),
        dns_(dns, clock, policy_.dns),
        host_(loaded.rules, nullptr) {}

  Judged judge(const InputMessage& input) {
    Judged judged;
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
    co_await learn(judged);
    TimePoint begin = clock_.now();
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      host_.run(stage, facts, judged.evaluation);
    }
    judged.rules_time = clock_.now() - begin;
    judged.judgement = rules::judge(judged.evaluation, policy_.verdict.thresholds);
  }

  /// The facts that the DNS has to tell.
  Task<void> learn(Judged& judged) {
    Facts& facts = judged.facts;
    TimePoint begin = clock_.now();
    auto ip = IpAddress::parse(options_.ip);
    if (!ip) {
      // Nobody connected: there is nothing to authenticate.
      facts.spf.emplace();
      facts.helo_spf.emplace();
      co_return;
    }
    facts.client.ip = *ip;
    spf::Options how;
    how.receiver = policy_.hostname;
    how.wall_seconds = options_.at.value_or(clock_.wall_ms() / 1000);
    how.lookup_timeout = policy_.dns.lookup;
    spf::Query query{*ip, facts.helo, facts.from};
    Background<dns::ReverseName> name{dns::confirm_reverse_name(dns_, *ip, policy_.dns.lookup)};
    Background<spf::Outcome> helo{spf::check_helo(dns_, query, how)};
    Background<spf::Outcome> mail{spf::check_mail_from(dns_, query, how)};
    facts.helo_spf = co_await helo.get();
    facts.spf = co_await mail.get();
    facts.client.name = (co_await name.get()).name;
    judged.dns = clock_.now() - begin;
  }

  const ScanOptions& options_;
  const session::Policy& policy_;
  net::Loop& loop_;
  const Clock& clock_;
  dns::Budget dns_;
  rules::Host host_;
};

double milliseconds(Duration duration) {
  auto hundredths = duration.count() / 10;  // two digits after the point
  return static_cast<double>(hundredths) / 100;
}

ordered_json spf_json(const std::optional<spf::Outcome>& outcome) {
  ordered_json object = {
      {"result", spf::to_string(outcome->result)}, {"domain", outcome->domain}, {"explanation", outcome->explanation}};
  if (!outcome->reason.empty()) object["reason"] = outcome->reason;
  return object;
}

void print_json(const Judged& judged) {
  ordered_json object = {{"file", judged.file},
                         {"id", judged.id},
                         {"verdict", rules::to_string(judged.judgement.verdict)},
                         {"score", judged.judgement.score},
                         {"rules", ordered_json::array()}};
  for (const auto& hit : judged.evaluation.hits) {
    ordered_json entry = {{"name", hit.rule}, {"score", hit.score}, {"detail", hit.detail}};
    if (hit.shadow) entry["shadow"] = true;
    object["rules"].push_back(std::move(entry));
  }
  object["spf"] = spf_json(judged.facts.spf);
  object["helo_spf"] = spf_json(judged.facts.helo_spf);
  object["milliseconds"] = {{"dns", milliseconds(judged.dns)}, {"rules", milliseconds(judged.rules_time)}};
  std::cout << object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

void print_spf(const char* label, const spf::Outcome& outcome) {
  std::cout << "  " << label << '=' << spf::to_string(outcome.result);
  if (!outcome.domain.empty()) std::cout << " domain=" << escape_for_log(outcome.domain);
  if (!outcome.reason.empty()) std::cout << " (" << escape_for_log(outcome.reason) << ')';
  if (!outcome.explanation.empty()) std::cout << " \"" << escape_for_log(outcome.explanation) << '"';
  std::cout << '\n';
}

void print_text(const Judged& judged) {
  std::cout << judged.file << ": " << rules::to_string(judged.judgement.verdict) << ", score "
            << rules::format_score(judged.judgement.score);
  if (judged.judgement.limit) std::cout << " (limit " << rules::format_score(*judged.judgement.limit) << ')';
  std::cout << '\n';
  if (judged.evaluation.decision)
    std::cout << "  decided by the action of " << judged.evaluation.decision->rule << '\n';
  for (const auto& hit : judged.evaluation.hits) {
    std::cout << "  " << hit.rule << ' ' << rules::format_score(hit.score)
              << (hit.shadow ? " (shadow, not counted)" : "");
    if (!hit.detail.empty()) std::cout << "  " << escape_for_log(hit.detail);
    std::cout << '\n';
  }
  print_spf("spf", *judged.facts.spf);
  print_spf("helo_spf", *judged.facts.helo_spf);
}

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
