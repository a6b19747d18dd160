#include "proxy/ops/config.h"

#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/proxy_ops/files.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using session::BackendAddress;
using session::BackendPolicy;
using session::ListenerPolicy;
using session::VerdictPolicy;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kLeast = "[relay]\ndomains = [\"example.org\"]\n[backend]\naddress = \"127.0.0.1:10025\"\n";

class ConfigTest : public testing::Test {
 protected:
  /// The problems of a configuration, one text each, without the name of the directory.
  std::vector<std::string> problems(const std::string& text) {
    auto loaded = load_config(directory_.write("postern.toml", text));
    std::vector<std::string> out;
    if (loaded) return out;
    for (const ConfigProblem& problem : loaded.error()) {
      std::string line = problem.to_string();
      for (size_t at = line.find(directory_.path() + "/"); at != std::string::npos;
           at = line.find(directory_.path() + "/")) {
        line.erase(at, directory_.path().size() + 1);
      }
      out.push_back(line);
    }
    return out;
  }
  ConfigPtr load(const std::string& text) {
    auto loaded = load_config(directory_.write("postern.toml", text));
    if (!loaded) {
      for (const ConfigProblem& problem : loaded.error()) ADD_FAILURE() << problem.to_string();
      return nullptr;
    }
    return *loaded;
  }
  TempDirectory directory_;
};

TEST_F(ConfigTest, DomainsAndBackendAreEnough) {
  ConfigPtr config = load(kLeast);
  ASSERT_TRUE(config);
  EXPECT_FALSE(config->policy.hostname.empty());
  EXPECT_EQ(config->policy.server.hostname, config->policy.hostname);
  ASSERT_EQ(config->listeners.size(), 1U);
  EXPECT_EQ(config->listeners[0].policy.name, "0.0.0.0:25");
  EXPECT_EQ(config->listeners[0].policy.tls, ListenerPolicy::Tls::Off) << "no certificate, no STARTTLS";
  EXPECT_TRUE(config->policy.relay.domains.contains("example.org"));
  EXPECT_FALSE(config->policy.relay.domains.contains("sub.example.org"));
  EXPECT_EQ(config->policy.limits.message_size, 50U << 20U);
  EXPECT_EQ(config->policy.verdict.thresholds, rules::Thresholds());
  EXPECT_EQ(config->http_address, "127.0.0.1:9125");
  EXPECT_EQ(config->bulk_window, 24h);
  EXPECT_EQ(config->journal_keep, 24h * 7);
}

TEST_F(ConfigTest, SixMistakesAreNamedAtOnceEachWithItsPlace) {
  EXPECT_THAT(problems("workers = \"many\"\n"
                       "[relay]\n"
                       "domains = [\"example.org\", \"exa mple.net\"]\n"
                       "[backend]\n"
                       "address = [\"127.0.0.1:10025\"]\n"
                       "[verdict]\n"
                       "  rejct = 12.0\n"
                       "[dns]\n"
                       "timeout = \"5 parsecs\"\n"
                       "[limits]\n"
                       "recipients = 0\n"
                       "[lmits]\n"),
              ElementsAre(AllOf(HasSubstr("postern.toml:1:11: 'workers' in the top level"),
                                HasSubstr("wants a whole number, not 'many'")),
                          HasSubstr("postern.toml:3:27: 'exa mple.net' for 'domains' in [relay]: not a domain name"),
                          "postern.toml:7:3: unknown key 'rejct' in [verdict] (did you mean 'reject'?)",
                          AllOf(HasSubstr("postern.toml:9:11: 'timeout' in [dns]"),
                                HasSubstr("a duration such as \"5s\""), HasSubstr("'5 parsecs'")),
                          AllOf(HasSubstr("postern.toml:11:14: 'recipients' in [limits]"),
                                HasSubstr("0, allowed are 1 to 100000")),
                          "postern.toml:12:2: unknown table 'lmits' in the top level (did you mean 'limits'?)"));
}

TEST_F(ConfigTest, WhatHasNoDefaultIsAskedFor) {
  EXPECT_THAT(problems(""), ElementsAre("postern.toml: missing key 'domains' in [relay]",
                                        "postern.toml: missing key 'address' in [backend]"));
  EXPECT_THAT(problems("\n[relay]\n[backend]\ntls = \"off\"\n"),
              ElementsAre("postern.toml:2:1: missing key 'domains' in [relay]",
                          "postern.toml:3:1: missing key 'address' in [backend]"));
}

TEST_F(ConfigTest, SyntaxErrorsHaveAPlace) {
  EXPECT_THAT(problems("[relay]\ndomains = [\"a.example\"\n[backend]\n"), ElementsAre(HasSubstr("postern.toml:3:")));
  EXPECT_THAT(problems("a = 1\na = 2\n"), ElementsAre(HasSubstr("postern.toml:2:")));
}

TEST_F(ConfigTest, AMissingFileIsNamed) {
  auto loaded = load_config(directory_.path() + "/none.toml");
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().at(0).to_string(), HasSubstr("none.toml: cannot read: No such file"));
}

// Every key, none with its default.
constexpr const char* kEveryKey = R"(
hostname = "MX.example.org"
workers = 3
[[listen]]
address = "127.0.0.1:2525"
tls = "starttls"
role = "inbound"
proxy_protocol = ["127.0.0.1/32"]
[[listen]]
address = "[::]:465"
tls = "implicit"
[[listen]]
address = "unix:/run/postern/smtp"
[[listen]]
address = "systemd:smtp"
[tls]
certificate = "cert.pem"
key = "key.pem"
[[tls.pair]]
certificate = "cert.pem"
key = "key.pem"
[backend]
address = ["127.0.0.1:10025", "[::1]:10026", "mail.example.org:25", "maildir:box"]
client_info = "proxy"
tls = "opportunistic"
[[backend.route]]
domains = ["example.net"]
address = ["192.0.2.9:25"]
[relay]
domains = ["example.org", "@domains"]
trusted = ["127.0.0.0/8", "::1/128"]
skip_filters = true
[dns]
servers = ["127.0.0.1@5353", "2001:db8::53"]
timeout = "1500ms"
budget = "8s"
list_probes = "90s"
[dmarc]
discovery = "psl"
[arc]
trusted = ["Lists.Example.org", ".bücher.example"]
[verdict]
defer = "off"
tag = 5
quarantine = 9.5
reject = 15.0
subject_prefix = "[spam] "
reveal = false
mixed = "strictest"
[[verdict.for]]
recipients = ["@Example.NET", "Boss@example.org"]
reject = 10.0
[rules]
directory = "."
[bulk]
store = "redis://postern:p@ss%2Fword@[::1]:6379/3"
window = "12h"
memory = "10MB"
state = "bulk"
limit = 250
[quarantine]
maildir = "/var/lib/postern/quarantine"
[journal]
path = "/var/lib/postern/journal.db"
keep = "10m"
[http]
address = "0.0.0.0:9125"
token = "secret"
[limits]
message_size = "1GiB"
recipients = 100
list_queries = 25
connections = 7
connections_per_ip = 5
memory = 4096
spool = "spool"
command_timeout = "100ms"
data_timeout = "10m"
errors = 3
drain = "0s"
[smtp]
bare_newline = "reject"
greet_delay = "2s"
[log]
format = "json"
level = "warning"
)";

class EveryKey : public ConfigTest {
 protected:
  ConfigPtr example() {
    static_cast<void>(directory_.write("cert.pem", ""));
    static_cast<void>(directory_.write("key.pem", ""));
    static_cast<void>(
        directory_.write("domains", "# ours\nexample.net   # the second\r\n\n  .below.example.org\nBÜCHER.example\n"));
    return load(kEveryKey);
  }
};

TEST_F(EveryKey, OfSenderAuthentication) {
  ConfigPtr config = example();
  ASSERT_TRUE(config);
  const authentication::Settings& settings = config->policy.authentication;
  EXPECT_EQ(settings.discovery, dmarc::Discovery::Psl);
  EXPECT_THAT(settings.trusted_sealers, ElementsAre("lists.example.org", ".xn--bcher-kva.example"));
}

TEST_F(EveryKey, OfListenersAndTls) {
  ConfigPtr config = example();
  ASSERT_TRUE(config);
  const session::Policy& policy = config->policy;
  EXPECT_EQ(policy.hostname, "mx.example.org");
  EXPECT_EQ(config->workers, 3U);
  ASSERT_EQ(config->listeners.size(), 4U);
  EXPECT_EQ(config->listeners[0].policy.tls, ListenerPolicy::Tls::StartTls);
  ASSERT_EQ(config->listeners[0].policy.proxy_protocol.size(), 1U);
  EXPECT_EQ(config->listeners[1].policy.tls, ListenerPolicy::Tls::Implicit);
  EXPECT_EQ(config->listeners[2].policy.tls, ListenerPolicy::Tls::StartTls) << "the default, with a certificate";
  EXPECT_EQ(config->listeners[3].address, "systemd:smtp");
  ASSERT_EQ(config->tls_pairs.size(), 2U);
  EXPECT_EQ(config->tls_pairs[0].certificate, directory_.path() + "/cert.pem");
  EXPECT_TRUE(policy.server.tls_available);
}

TEST_F(EveryKey, OfBackendsAndRelaying) {
  ConfigPtr config = example();
  ASSERT_TRUE(config);
  const session::Policy& policy = config->policy;
  ASSERT_EQ(policy.backend.addresses.size(), 4U);
  EXPECT_EQ(policy.backend.addresses[1].host, "::1");
  EXPECT_EQ(policy.backend.addresses[1].port, 10026);
  EXPECT_EQ(policy.backend.addresses[2].host, "mail.example.org");
  EXPECT_EQ(policy.backend.addresses[3].kind, BackendAddress::Kind::Maildir);
  EXPECT_EQ(policy.backend.addresses[3].path, directory_.path() + "/box");
  EXPECT_EQ(policy.backend.addresses[3].text, "maildir:box");
  EXPECT_EQ(policy.backend.client_info, BackendPolicy::ClientInfo::Proxy);
  EXPECT_EQ(policy.backend.tls, smtp::ClientOptions::Tls::Opportunistic);
  ASSERT_EQ(policy.backend.routes.size(), 1U);
  EXPECT_TRUE(policy.backend.routes[0].domains.contains("example.net"));
  for (const char* ours : {"example.org", "example.net", "x.below.example.org", "xn--bcher-kva.example"}) {
    EXPECT_TRUE(policy.relay.domains.contains(ours)) << ours;
  }
  EXPECT_FALSE(policy.relay.domains.contains("below.example.org"));
  EXPECT_EQ(policy.relay.trusted.size(), 2U);
  EXPECT_TRUE(policy.relay.skip_filters);
}

TEST_F(EveryKey, OfTheRest) {
  ConfigPtr config = example();
  ASSERT_TRUE(config);
  const session::Policy& policy = config->policy;
  EXPECT_THAT(config->dns_servers, ElementsAre("127.0.0.1@5353", "2001:db8::53"));
  EXPECT_EQ(policy.dns.lookup, 1500ms);
  EXPECT_EQ(config->list_probes, 90s);
  EXPECT_EQ(policy.limits.list_queries, 25U);
  EXPECT_EQ(policy.verdict.thresholds, (rules::Thresholds{std::nullopt, 5.0, 9.5, 15.0}));
  EXPECT_EQ(policy.verdict.mixed, VerdictPolicy::Mixed::Strictest);
  EXPECT_FALSE(policy.verdict.reveal);
  ASSERT_EQ(policy.verdict.overrides.size(), 1U);
  EXPECT_THAT(policy.verdict.overrides[0].recipients, ElementsAre("@example.net", "boss@example.org"));
  EXPECT_EQ(policy.verdict.overrides[0].thresholds, (rules::Thresholds{std::nullopt, 5.0, 9.5, 10.0}));
  EXPECT_EQ(config->bulk_store, "redis://postern:p@ss%2Fword@[::1]:6379/3");
  EXPECT_EQ(config->bulk_window, 12h);
  EXPECT_EQ(config->bulk_memory, 10'000'000U);
  EXPECT_EQ(config->bulk_state, directory_.path() + "/bulk");
  EXPECT_EQ(config->bulk_limit, 250U);
  EXPECT_EQ(config->journal_keep, 10min);
  EXPECT_EQ(config->http_token, "secret");
  EXPECT_EQ(policy.limits.message_size, 1ULL << 30U);
  EXPECT_EQ(policy.limits.memory, 4096U);
  EXPECT_EQ(policy.limits.spool, directory_.path() + "/spool");
  EXPECT_EQ(policy.limits.drain, 0s);
  EXPECT_EQ(policy.bare_newline, smtp::BareNewline::Reject);
  EXPECT_EQ(policy.greet_delay, 2s);
  EXPECT_EQ(config->log_format, Config::LogFormat::Json);
  EXPECT_EQ(config->log_level, "warning");
  EXPECT_EQ(policy.server.max_errors, 3U);
}

TEST_F(ConfigTest, BadLinesOfAListFileHaveTheirOwnPlace) {
  static_cast<void>(directory_.write("domains", "example.net\n  bad domain\n@more\n"));
  EXPECT_THAT(problems("[relay]\ndomains = [\"@domains\", \"@absent\"]\n[backend]\naddress = \"h.example:1\"\n"),
              ElementsAre(AllOf(HasSubstr("postern.toml:2:24: '@absent' for 'domains'"), HasSubstr("No such file")),
                          HasSubstr("domains:2:3: 'bad domain' for 'domains' in [relay]: not a domain name"),
                          HasSubstr("domains:3:1: '@more' for 'domains' in [relay]")));
}

TEST_F(ConfigTest, AnEmptiedListFileDoesNotRefuseAllMail) {
  static_cast<void>(directory_.write("domains", "# nothing left\n"));
  EXPECT_THAT(problems("[relay]\ndomains = [\"@domains\"]\n[backend]\naddress = \"127.0.0.1:1\"\n"),
              ElementsAre(HasSubstr("postern.toml:2:11: 'domains' in [relay] names files without a single domain")));
}

struct Bad {
  const char* text;
  const char* problem;
};
class OneMistake : public ConfigTest, public testing::WithParamInterface<Bad> {};

TEST_P(OneMistake, IsNamed) {
  EXPECT_THAT(problems(std::string(kLeast) + GetParam().text), ElementsAre(HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    All, OneMistake,
    testing::Values(
        Bad{"[limits]\nmessage_size = \"50 elephants\"", "6:16: 'message_size' in [limits]"},
        Bad{"[limits]\nmessage_size = \"1KB\"", "out of bounds: '1KB', allowed are 1KiB to 64GiB"},
        Bad{"[limits]\ndrain = 30", "wants a duration such as \"5s\""},
        Bad{"[limits]\ndrain = \"99999999999999999999h\"", "6:9: 'drain'"},
        Bad{"[limits]\nerrors = -1", "-1, allowed are"},
        Bad{"[verdict]\nreject = \"never\"", "a score or \"off\", not 'never'"},
        Bad{"[verdict]\nreject = nan", "out of bounds"}, Bad{"[verdict]\nreveal = 1", "wants true or false, not 1"},
        Bad{"[verdict]\ntag = 8\nreject = 7.5", "7:10: 'reject' in [verdict] (7.5) lies below 'tag' (8)"},
        Bad{"[verdict]\nsubject_prefix = \"a\\nb\"", "one line"},
        Bad{"[[verdict.for]]\nreject = 1.0", "5:1: missing key 'recipients' in [[verdict.for]]"},
        Bad{"[[verdict.for]]\nrecipients = [\"nobody\"]", "neither user@domain nor @domain"},
        Bad{"[verdict]\nmixed = \"splitt\"", "(did you mean \"split\"?)"},
        Bad{"[[listen]]\naddress = \"localhost:25\"", "a listener has an address, not a name"},
        Bad{"[[listen]]\naddress = \"127.0.0.1\"", "a port from 0 to 65535 is missing"},
        Bad{"[[listen]]\naddress = \"::1:25\"", "stands in brackets"},
        Bad{"[[listen]]\naddress = \"unix:run\"", "absolute path"},
        Bad{"[[listen]]\ntls = \"off\"", "missing key 'address'"},
        Bad{"[[listen]]\naddress = \"127.0.0.1:1\"\n[[listen]]\naddress = \"127.0.0.1:1\"", "8:11: '127.0.0.1:1'"},
        Bad{"[[listen]]\naddress = \"127.0.0.1:1\"\nrole = \"submission\"",
            "role = \"submission\" is not supported yet"},
        Bad{"[[listen]]\naddress = \"127.0.0.1:1\"\ntls = \"starttls\"", "there is no 'certificate' in [tls]"},
        Bad{"[[listen]]\naddress = \"127.0.0.1:1\"\ntls = \"implicit\"", "7:7: 'tls' in [[listen]] is 'implicit'"},
        Bad{"[[listen]]\naddress = \"127.0.0.1:1\"\nproxy_protocol = [\"10/8\"]", "neither an address nor a network"},
        Bad{"[listen]\naddress = \"127.0.0.1:1\"", "double brackets"}, Bad{"[[dns]]\n", "wants a table: [dns]"},
        Bad{"[dns]\nservers = [\"127.0.0.1:53\"]", "neither IP nor IP@PORT"},
        Bad{"[dns]\nservers = \"127.0.0.1\"", "an array of addresses"},
        Bad{"[dns]\nlist_probes = \"9s\"", "6:15: 'list_probes' in [dns]"},
        Bad{"[limits]\nlist_queries = 10001", "10001, allowed are 1 to 10000"},
        Bad{"[rules]\ndirectory = \"nowhere\"", "6:13: 'nowhere' for 'directory' in [rules]: cannot read"},
        Bad{"[rules]\ndirectory = \"postern.toml\"", "is no directory"},
        Bad{"[http]\naddress = \"192.0.2.1:80\"", "6:11: 'address' in [http] is not loopback: a 'token' is required"},
        Bad{"[http]\ntoken = \"a b\"", "without blanks"}, Bad{"[bulk]\nstore = \"redis:x\"", "neither \"memory\" nor"},
        Bad{"[bulk]\nlimit = 1", "1, allowed are 2 to 1000000000"},
        Bad{"[bulk]\nmemory = \"1000KiB\"", "allowed are 1MiB to"}, Bad{"[bulk]\nstore = 1", "\"off\" or"},
        Bad{"[log]\nlevel = \"loud\"", "\"debug\" or \"info\""}, Bad{"hostnam = 1", "unknown key"}));

TEST_F(ConfigTest, CountsMayBeKeptNowhereHereOrInRedis) {
  for (const char* store : {"off", "memory", "redis://localhost:6379", "redis://redis.example.org:6379/0",
                            "redis://:secret@127.0.0.1:6379", "redis://u:a:b@c%40@[2001:db8::1]:1/15"}) {
    ConfigPtr config = load(fmt::format("{}[bulk]\nstore = \"{}\"\n", kLeast, store));
    ASSERT_TRUE(config) << store;
    EXPECT_EQ(config->bulk_store, store);
  }
  ConfigPtr config = load(std::string(kLeast) + "[bulk]\nstate = \"\"\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->bulk_state, "") << "nothing is kept";
  EXPECT_EQ(config->bulk_limit, 100U);
}

TEST_F(ConfigTest, ABadPlaceOfRedisIsNamedWithoutThePassword) {
  for (const char* store :
       {"redis://", "redis://127.0.0.1", "redis://:hunter2@127.0.0.1:0", "redis://hunter2@127.0.0.1:6379",
        "redis://u:@127.0.0.1:6379", "redis://:hunter2@127.0.0.1:6379/", "redis://:hunter2@127.0.0.1:6379/x",
        "redis://:hunter2@127.0.0.1:6379/123456", "redis://:hunter%2@127.0.0.1:6379", "redis://:hunter2%@h:6379",
        "redis://:hunter2 @h:6379", "redis://:hunter2@::1:6379", "redis://:hunter2@/:6379",
        "rediss://:hunter2@127.0.0.1:6379", "Redis://:hunter2@h:1", ":hunter2@127.0.0.1:6379"}) {
    EXPECT_THAT(problems(fmt::format("{}[bulk]\nstore = \"{}\"\n", kLeast, store)),
                ElementsAre(AllOf(HasSubstr("postern.toml:6:9: 'store' in [bulk] is neither"),
                                  HasSubstr("redis://[[USER]:PASSWORD@]"), testing::Not(HasSubstr("hunter")))))
        << store;
  }
}

TEST_F(ConfigTest, BackendsThatCannotBeAreRefused) {
  auto backend = [&](const std::string& address) {
    return problems("[relay]\ndomains = [\"example.org\"]\n[backend]\naddress = " + address + "\n");
  };
  EXPECT_THAT(backend("\"lmtp:unix:/run/lmtp\""),
              ElementsAre(HasSubstr("4:11: 'lmtp:unix:/run/lmtp' for 'address' in [backend]: LMTP backends are not")));
  EXPECT_THAT(backend("[]"), ElementsAre(HasSubstr("names no backend")));
  EXPECT_THAT(backend("[\"127.0.0.1:25\", 25]"), ElementsAre(HasSubstr("4:28: 'address' in [backend]")));
  EXPECT_THAT(backend("\"127.0.0.1:0\""), ElementsAre(HasSubstr("port 0")));
  EXPECT_THAT(backend("\"192.0.2.256:25\""), ElementsAre(HasSubstr("neither an address nor a host name")));
  EXPECT_THAT(backend("\"maildir:\""), ElementsAre(HasSubstr("wants a directory")));
  EXPECT_THAT(backend("\"maildir:/var/mail\""), IsEmpty());
}

TEST_F(ConfigTest, CertificatesAreLookedFor) {
  EXPECT_THAT(problems(std::string(kLeast) + "[tls]\ncertificate = \"absent.pem\"\n"),
              ElementsAre("postern.toml:5:1: missing key 'key' in [tls]",
                          HasSubstr("6:15: 'absent.pem' for 'certificate' in [tls]: cannot read absent.pem: No such")));
}

TEST_F(ConfigTest, HostileTextIsShownEscaped) {
  EXPECT_THAT(problems(std::string(kLeast) + "\"a\\u001b[2J\" = 1\n"),
              ElementsAre(AllOf(HasSubstr("'a\\x1b[2J'"), testing::Not(HasSubstr("\x1b")))));
}

}  // namespace
}  // namespace postern::ops
