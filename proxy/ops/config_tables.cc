#include "proxy/ops/config_tables.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "proxy/ops/setting_kinds.h"
#include "proxy/ops/values.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using Settings = std::vector<Setting>;
using session::BackendPolicy;
using session::ListenerPolicy;
using session::VerdictPolicy;

constexpr uint64_t kKiB = 1ULL << 10U;
constexpr uint64_t kMiB = 1ULL << 20U;
constexpr uint64_t kGiB = 1ULL << 30U;
constexpr uint64_t kTiB = 1ULL << 40U;
constexpr Duration kDay = 24h;

/// Domain sets keep sorted lists: what is added in order is added at the end.
session::DomainSet domain_set(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  session::DomainSet set;
  for (const std::string& name : names) set.add(name);
  return set;
}

void read_listen(Reader& reader, const Value& table, Config& config) {
  ListenConfig listen;
  listen.policy.tls = ListenerPolicy::Tls::StartTls;
  auto address = [&](const std::string& text) -> Fault {
    listen.address = text;
    for (const ListenConfig& other : config.listeners) {
      if (other.address == text) return "already listened on";
    }
    return listen_address_fault(text);
  };
  auto role = [&](size_t index) -> Fault {
    listen.policy.role = index == 0 ? ListenerPolicy::Role::Inbound : ListenerPolicy::Role::Submission;
    if (index == 0) return std::nullopt;
    return "role = \"submission\" is not supported yet";
  };
  std::string_view where = "[[listen]]";
  require(reader, table, where, {"address"});
  reader.read(table, where,
              {{"address", spec::Text{"an address such as \"0.0.0.0:25\"", address}, "where to listen"},
               {"tls", word(listen.policy.tls, {"off", "starttls", "implicit"}), "when TLS begins"},
               {"role", spec::Word{{"inbound", "submission"}, role}, "whom it serves"},
               {"proxy_protocol", networks(listen.policy.proxy_protocol), "who must send a PROXY header"}});
  listen.policy.name = listen.address;
  config.listeners.push_back(std::move(listen));
}

Settings pair_settings(const Reader& reader, TlsPair& pair) {
  return {{"certificate", existing(reader, pair.certificate, false), "PEM file, the leaf first"},
          {"key", existing(reader, pair.key, false), "PEM file"}};
}

void read_tls(Reader& reader, const Value& table, Config& config) {
  std::string_view where = "[tls]";
  std::vector<TlsPair> pairs;
  auto read_pair = [&](const Value& item) {
    TlsPair pair;
    require(reader, item, "[[tls.pair]]", {"certificate", "key"});
    reader.read(item, "[[tls.pair]]", pair_settings(reader, pair));
    pairs.push_back(std::move(pair));
  };
  TlsPair first;
  Settings settings = pair_settings(reader, first);
  settings.push_back({"pair", spec::Tables{read_pair}, "further certificates"});
  reader.read(table, where, settings);
  if (table.find("certificate") != nullptr || table.find("key") != nullptr || pairs.empty()) {
    require(reader, table, where, {"certificate", "key"});
    pairs.insert(pairs.begin(), std::move(first));
  }
  config.tls_pairs = std::move(pairs);
}

void read_backend(Reader& reader, const Value& table, BackendPolicy& backend) {
  auto read_route = [&](const Value& item) {
    BackendPolicy::Route route;
    std::vector<std::string> names;
    require(reader, item, "[[backend.route]]", {"domains", "address"});
    reader.read(item, "[[backend.route]]",
                {{"domains", domains(names), "whose recipients go there"},
                 {"address", backends(reader, route.addresses), "tried in order"}});
    route.domains = domain_set(std::move(names));
    backend.routes.push_back(std::move(route));
  };
  std::string_view where = "[backend]";
  require(reader, table, where, {"address"});
  reader.read(
      table, where,
      {{"address", backends(reader, backend.addresses), "tried in order"},
       {"client_info", word(backend.client_info, {"xclient", "proxy", "none"}), "how it learns who the client is"},
       {"tls", word(backend.tls, {"off", "opportunistic", "required"}), "whether STARTTLS is used"},
       {"route", spec::Tables{read_route}, "other backends for some domains"}});
  const Member* address = table.find("address");
  if (address != nullptr && address->value.kind == Value::Kind::Array && address->value.items.empty()) {
    reader.problem(address->value.place, "'address' in [backend] names no backend");
  }
}

void read_relay(Reader& reader, const Value& table, session::RelayPolicy& relay) {
  std::vector<std::string> names;
  std::string_view where = "[relay]";
  bool clean = reader.clean();
  require(reader, table, where, {"domains"});
  reader.read(table, where,
              {{"domains", domains(names), "recipients elsewhere are refused"},
               {"trusted", networks(relay.trusted), "who may send anywhere"},
               {"skip_filters", spec::Flag{&relay.skip_filters}, "trusted clients are not filtered"}});
  const Member* domains = table.find("domains");
  // An emptied "@file" would refuse every recipient for good; an empty array says that this is meant.
  if (domains != nullptr && clean && reader.clean() && names.empty() && !domains->value.items.empty()) {
    reader.problem(domains->value.place, "'domains' in [relay] names files without a single domain");
  }
  relay.domains = domain_set(std::move(names));
}

Take dns_server(std::vector<std::string>& target) {
  return [&target](const std::string& text) -> Fault {
    size_t at = text.find('@');
    bool good = IpAddress::parse(std::string_view(text).substr(0, at)).has_value();
    if (good && at != std::string::npos) {
      auto endpoint = parse_host_port("127.0.0.1:" + text.substr(at + 1));
      good = endpoint && endpoint->port != 0;
    }
    if (!good) return "neither IP nor IP@PORT";
    target.push_back(text);
    return std::nullopt;
  };
}

Settings dns_settings(Config& config) {
  dns::Budget::Limits& dns = config.policy.dns;
  return {{"servers", spec::List{"addresses such as \"127.0.0.1@5353\"", dns_server(config.dns_servers)},
           "whom to ask; none: resolve from the root"},
          {"timeout", spec::Time{&dns.lookup, 10ms, 1min}, "for one look-up"},
          {"budget", spec::Time{&dns.total, 10ms, 5min}, "for all that one message needs"},
          {"list_probes", spec::Time{&config.list_probes, 10s, 1h}, "between two probes of a DNS list"}};
}

Settings arc_settings(session::Policy& policy) {
  return {{"trusted", domains(policy.authentication.trusted_sealers), "whose seal speaks for a DMARC failure"}};
}

Settings threshold_settings(rules::Thresholds& thresholds) {
  return {{"defer", spec::Threshold{&thresholds.defer}, "score that defers"},
          {"tag", spec::Threshold{&thresholds.tag}, "score that tags"},
          {"quarantine", spec::Threshold{&thresholds.quarantine}, "score that quarantines"},
          {"reject", spec::Threshold{&thresholds.reject}, "score that rejects"}};
}

/// What is written in one table must make sense together; a default that is never reached does no harm.
void check_thresholds(Reader& reader, const Value& table, std::string_view where) {
  auto number = [&](const char* key) -> const Value* {
    const Member* found = table.find(key);
    bool is_number =
        found != nullptr && (found->value.kind == Value::Kind::Integer || found->value.kind == Value::Kind::Float);
    return is_number ? &found->value : nullptr;
  };
  const Value* reject = number("reject");
  for (const char* milder : {"defer", "tag", "quarantine"}) {
    const Value* other = number(milder);
    if (reject == nullptr || other == nullptr || other->number <= reject->number) continue;
    reader.problem(reject->place, "'reject' in " + std::string(where) + " (" + reject->shown() + ") lies below '" +
                                      milder + "' (" + other->shown() + "), which could never be reached");
  }
}

void read_verdict(Reader& reader, const Value& table, VerdictPolicy& verdict) {
  auto read_for = [&](const Value& item) {
    session::RecipientThresholds some;
    some.thresholds = verdict.thresholds;
    auto add = [&](const std::string& text) -> Fault {
      auto recipient = normalise_recipient(text);
      if (!recipient) return recipient.error().message;
      some.recipients.push_back(std::move(*recipient));
      return std::nullopt;
    };
    Settings settings = threshold_settings(some.thresholds);
    settings.push_back({"recipients", spec::List{"recipients such as \"@example.net\"", add, false, true}, "for whom"});
    require(reader, item, "[[verdict.for]]", {"recipients"});
    reader.read(item, "[[verdict.for]]", settings);
    check_thresholds(reader, item, "[[verdict.for]]");
    verdict.overrides.push_back(std::move(some));
  };
  auto prefix = [&](const std::string& text) -> Fault {
    bool good = text.size() <= 100 && is_utf8(text) &&
                std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
    if (!good) return "at most 100 octets of text on one line";
    verdict.subject_prefix = text;
    return std::nullopt;
  };
  Settings settings = threshold_settings(verdict.thresholds);
  settings.push_back({"subject_prefix", spec::Text{"a text", prefix}, "put before Subject when tagging"});
  settings.push_back({"reveal", spec::Flag{&verdict.reveal}, "name score and rules in refusals"});
  settings.push_back({"mixed", word(verdict.mixed, {"split", "strictest"}), "recipients with other thresholds"});
  settings.push_back({"for", spec::Tables{read_for}, "other thresholds for some recipients"});
  reader.read(table, "[verdict]", settings);
  check_thresholds(reader, table, "[verdict]");
}

/// Every % begins %HH (RFC 3986, 2.1).
bool is_percent_encoded(std::string_view text) {
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    std::string_view digits = text.substr(at + 1, 2);
    auto is_hex = [](char c) { return ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f'); };
    if (digits.size() != 2 || !std::all_of(digits.begin(), digits.end(), is_hex)) return false;
  }
  return true;
}

constexpr std::string_view kRedis = "redis://";

/// redis://[[USER]:PASSWORD@]HOST:PORT[/DATABASE]. The last @ ends the password, so that it may hold others.
bool is_redis_url(std::string_view text) {
  if (!text.starts_with(kRedis) || text.size() > 512) return false;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; })) return false;
  text.remove_prefix(kRedis.size());
  if (size_t at = text.rfind('@'); at != std::string_view::npos) {
    std::string_view login = text.substr(0, at);
    size_t colon = login.find(':');
    if (colon == std::string_view::npos || colon + 1 == at || !is_percent_encoded(login)) return false;
    text.remove_prefix(at + 1);
  }
  if (size_t slash = text.find('/'); slash != std::string_view::npos) {
    std::string_view database = text.substr(slash + 1);
    if (database.empty() || database.size() > 5) return false;
    if (!std::all_of(database.begin(), database.end(), ascii_digit)) return false;
    text = text.substr(0, slash);
  }
  auto endpoint = parse_host_port(text);
  return endpoint && endpoint->port != 0;
}

void read_bulk(Reader& reader, const Value& table, Config& config) {
  auto store = [&config](const std::string& text) -> Fault {
    // What looks like a URL may hold a password, and is looked at below.
    if (text != "memory" && text != "off" && text.find_first_of(":/@") == std::string::npos) {
      return "neither \"memory\" nor \"off\" nor \"redis://HOST:PORT/DATABASE\"";
    }
    config.bulk_store = text;
    return std::nullopt;
  };
  reader.read(
      table, "[bulk]",
      {{"store", spec::Text{"\"memory\", \"off\" or \"redis://HOST:PORT/DATABASE\"", store}, "where counts are kept"},
       {"window", spec::Time{&config.bulk_window, 1min, 30 * kDay}, "how long a message is remembered"},
       {"memory", spec::Size{&config.bulk_memory, kMiB, kTiB}, "the most that counts may take"},
       {"state", optional_path(reader, config.bulk_state), "kept across restarts"},
       {"limit", whole<uint64_t>(config.bulk_limit, 2, 1'000'000'000), "messages from which on a cluster is listed"}});
  const Member* written = table.find("store");
  // There may be a password in it, and a problem gets into the log: the text is not repeated.
  bool word = config.bulk_store == "memory" || config.bulk_store == "off";
  if (written != nullptr && !word && !is_redis_url(config.bulk_store)) {
    reader.problem(
        written->value.place,
        "'store' in [bulk] is neither \"memory\" nor \"off\" nor redis://[[USER]:PASSWORD@]HOST:PORT[/DATABASE]");
  }
}

Settings http_settings(Config& config) {
  auto address = [&config](const std::string& text) -> Fault {
    config.http_address = text;
    if (text.starts_with("systemd:")) return "only IP:PORT and unix:/path";
    return listen_address_fault(text);
  };
  auto token = [&config](const std::string& text) -> Fault {
    // RFC 6750, 2.1: what can stand behind "Bearer ".
    bool good = text.size() <= 512 && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!good) return "at most 512 visible ASCII characters without blanks";
    config.http_token = text;
    return std::nullopt;
  };
  return {{"address", spec::Text{"an address such as \"127.0.0.1:9125\"", address}, "where metrics are served"},
          {"token", spec::Text{"a text", token}, "asked of every request"}};
}

Settings limit_settings(const Reader& reader, session::LimitPolicy& limits) {
  constexpr size_t kMillion = 1'000'000;
  return {{"message_size", spec::Size{&limits.message_size, kKiB, 64 * kGiB}, "largest message"},
          {"recipients", whole<size_t>(limits.recipients, 1, 100'000), "of one message"},
          {"list_queries", whole<size_t>(limits.list_queries, 1, 10'000), "to DNS lists, for one message"},
          {"connections", whole<size_t>(limits.connections, 1, kMillion), "at the same time"},
          {"connections_per_ip", whole<size_t>(limits.connections_per_ip, 1, kMillion), "of one client"},
          {"memory", spec::Size{&limits.memory, kKiB, 64 * kTiB}, "for messages in flight"},
          {"spool", path(reader, limits.spool), "where larger messages wait"},
          {"command_timeout", spec::Time{&limits.command_timeout, 10ms, kDay}, "for a client's next command"},
          {"data_timeout", spec::Time{&limits.data_timeout, 10ms, kDay}, "for a client's message"},
          {"errors", whole<size_t>(limits.errors, 1, kMillion), "bad commands before 421"},
          {"drain", spec::Time{&limits.drain, 0s, kDay}, "after SIGTERM"}};
}

Settings log_settings(Config& config) {
  static const std::vector<std::string> levels{"debug", "info", "warning", "error"};
  auto level = [&config](size_t index) {
    config.log_level = levels[index];
    return Fault();
  };
  return {{"format", word(config.log_format, {"text", "json"}), "of a line"},
          {"level", spec::Word{levels, level}, "the least important lines shown"}};
}

/// A section that needs no more than its settings.
spec::Table section(Reader& reader, std::string_view where, Settings settings) {
  return {[&reader, where, settings = std::move(settings)](const Member& member) {
    reader.read(member.value, where, settings);
  }};
}

template <class Read>
spec::Table section(Read read) {
  return {[read](const Member& member) { read(member.value); }};
}

Take hostname(Config& config) {
  return [&config](const std::string& text) -> Fault {
    auto name = to_a_labels(text);
    if (!name) return name.error().message;
    config.policy.hostname = *name;
    return std::nullopt;
  };
}

}  // namespace

void read_config(Reader& reader, const Value& root, Config& config) {
  session::Policy& policy = config.policy;
  Settings rules{{"directory", existing(reader, config.rules_directory, true), "where the *.lua are"},
                 {"pattern_cache", optional_path(reader, config.pattern_cache), "where compiled patterns are kept"}};
  Settings quarantine{{"maildir", path(reader, policy.quarantine_maildir), "where held messages go"}};
  Settings journal{{"path", optional_path(reader, config.journal_path), "the file"},
                   {"keep", spec::Time{&config.journal_keep, 1min, 3650 * kDay}, "how long"},
                   {"size", spec::Size{&config.journal_size, 16U << 20U, uint64_t{1} << 40U}, "how much"}};
  Settings classifier{
      {"directory", optional_path(reader, config.classifier_directory), "where what was learned is kept"}};
  Settings smtp{
      {"bare_newline", word(policy.bare_newline, {"normalize", "reject"}), "what is done with a lone CR or LF"},
      {"greet_delay", spec::Time{&policy.greet_delay, 0s, 5min}, "wait before the greeting"}};
  Settings dmarc{{"discovery", word(policy.authentication.discovery, {"treewalk", "psl"}),
                  "how organizational domains are found"}};
  auto listen = [&](const Value& value) { read_listen(reader, value, config); };
  auto tls = [&](const Value& value) { read_tls(reader, value, config); };
  auto backend = [&](const Value& value) { read_backend(reader, value, policy.backend); };
  auto relay = [&](const Value& value) { read_relay(reader, value, policy.relay); };
  auto bulk = [&](const Value& value) { read_bulk(reader, value, config); };
  auto verdict = [&](const Value& value) { read_verdict(reader, value, policy.verdict); };
  reader.read(root, "the top level",
              {{"hostname", spec::Text{"a domain name", hostname(config)}, "our own name"},
               {"workers", whole<unsigned>(config.workers, 0, 1024), "threads; 0: one a core"},
               {"listen", spec::Tables{listen}, "where to listen"},
               {"tls", section(tls), "certificates"},
               {"backend", section(backend), "where messages go"},
               {"relay", section(relay), "whose mail we take"},
               {"dns", section(reader, "[dns]", dns_settings(config)), "how names are resolved"},
               {"dmarc", section(reader, "[dmarc]", std::move(dmarc)), "how DMARC is evaluated"},
               {"arc", section(reader, "[arc]", arc_settings(policy)), "whom we believe about forwarded mail"},
               {"verdict", section(verdict), "what a score leads to"},
               {"rules", section(reader, "[rules]", std::move(rules)), "the rules"},
               {"bulk", section(bulk), "counting of similar messages"},
               {"quarantine", section(reader, "[quarantine]", std::move(quarantine)), "messages held back"},
               {"journal", section(reader, "[journal]", std::move(journal)), "record of recent messages"},
               {"classifier", section(reader, "[classifier]", std::move(classifier)), "what was learned"},
               {"http", section(reader, "[http]", http_settings(config)), "metrics and API"},
               {"limits", section(reader, "[limits]", limit_settings(reader, policy.limits)), "bounds"},
               {"smtp", section(reader, "[smtp]", std::move(smtp)), "the protocol"},
               {"log", section(reader, "[log]", log_settings(config)), "the log"}});
  if (root.find("relay") == nullptr) reader.problem(root.place, "missing key 'domains' in [relay]");
  if (root.find("backend") == nullptr) reader.problem(root.place, "missing key 'address' in [backend]");
}

}  // namespace postern::ops
