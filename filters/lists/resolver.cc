// The resolver check: whether DNS lists can be asked through the resolver that is configured.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "filters/lists/probe.h"

namespace postern::lists {
namespace {

struct PublicResolver {
  std::string_view network;
  std::string_view owner;
};

/// By the addresses that their operators publish. Lists see the queries of all their users as one client, and refuse.
constexpr std::array kPublicResolvers = {
    PublicResolver{"8.8.8.8", "Google"},
    PublicResolver{"8.8.4.4", "Google"},
    PublicResolver{"2001:4860:4860::8888", "Google"},
    PublicResolver{"2001:4860:4860::8844", "Google"},
    PublicResolver{"2001:4860:4860::64", "Google"},
    PublicResolver{"2001:4860:4860::6464", "Google"},
    PublicResolver{"1.1.1.0/29", "Cloudflare"},
    PublicResolver{"1.0.0.0/29", "Cloudflare"},
    PublicResolver{"2606:4700:4700::/48", "Cloudflare"},
    PublicResolver{"9.9.9.0/24", "Quad9"},
    PublicResolver{"149.112.112.0/24", "Quad9"},
    PublicResolver{"2620:fe::/48", "Quad9"},
    PublicResolver{"208.67.216.0/21", "OpenDNS"},
    PublicResolver{"2620:119:35::/48", "OpenDNS"},
    PublicResolver{"2620:119:53::/48", "OpenDNS"},
    PublicResolver{"2620:0:ccc::/48", "OpenDNS"},
    PublicResolver{"2620:0:ccd::/48", "OpenDNS"},
    PublicResolver{"94.140.14.0/24", "AdGuard"},
    PublicResolver{"94.140.15.0/24", "AdGuard"},
    PublicResolver{"2a10:50c0::/32", "AdGuard"},
    PublicResolver{"84.200.69.80", "DNS.WATCH"},
    PublicResolver{"84.200.70.40", "DNS.WATCH"},
    PublicResolver{"2001:1608:10:25::/64", "DNS.WATCH"},
    PublicResolver{"4.2.2.0/29", "Level3"},
    PublicResolver{"209.244.0.3", "Level3"},
    PublicResolver{"209.244.0.4", "Level3"},
    PublicResolver{"77.88.8.0/24", "Yandex"},
    PublicResolver{"2a02:6b8::feed:0/112", "Yandex"},
    PublicResolver{"2a02:6b8:0:1::feed:0/112", "Yandex"},
    PublicResolver{"185.228.168.0/24", "CleanBrowsing"},
    PublicResolver{"185.228.169.0/24", "CleanBrowsing"},
    PublicResolver{"2a0d:2a00:1::/48", "CleanBrowsing"},
    PublicResolver{"2a0d:2a00:2::/48", "CleanBrowsing"},
    PublicResolver{"8.26.56.0/24", "Comodo"},
    PublicResolver{"8.20.247.0/24", "Comodo"},
};

/// "ADDRESS" or "ADDRESS@PORT", as [dns] servers has them.
std::optional<IpAddress> server_address(std::string_view server) {
  return IpAddress::parse(server.substr(0, server.find('@')));
}

std::string_view public_resolver(const IpAddress& server) {
  for (const auto& known : kPublicResolvers) {
    auto network = IpNetwork::parse(known.network);
    if (network && network->contains(server)) return known.owner;
  }
  return {};
}

// systemd-resolved listens there, and never resolves by itself.
bool is_stub(const IpAddress& server) {
  return server == IpAddress::v4({127, 0, 0, 53}) || server == IpAddress::v4({127, 0, 0, 54});
}

void look_at_servers(const std::vector<std::string>& servers, ResolverReport& report) {
  for (const std::string& server : servers) {
    auto address = server_address(server);
    if (!address) continue;
    std::string_view owner = public_resolver(*address);
    if (!owner.empty()) {
      report.faults.push_back(fmt::format(
          "[dns] servers: {} is a public resolver ({}): DNS lists refuse queries that come from there "
          "(127.255.255.254), "
          "or answer nonsense, so none of them will count; write servers = [] to resolve from the root, or name a "
          "resolver of your own",
          server, owner));
    } else if (is_stub(*address)) {
      report.notes.push_back(
          fmt::format("[dns] servers: {} is systemd-resolved, which hands questions on to another resolver; whether "
                      "that is a public "
                      "one, which DNS lists refuse, cannot be told from here (resolvectl status shows it); servers = "
                      "[] resolves from "
                      "the root",
                      server));
    }
  }
}

std::string rewriting_fault(const dns::Answer& answer, bool from_root) {
  std::string address = answer.addresses.empty() ? "an address" : answer.addresses.front().to_string();
  return fmt::format(
      "names that do not exist are answered with {} instead of NXDOMAIN: {} rewrites DNS answers, so every DNS list "
      "would "
      "seem to list everybody, and none of them will count; {}",
      address, from_root ? "something between here and the Internet (provider, firewall)" : "the resolver",
      from_root ? "have that switched off for port 53, or name a resolver in [dns] servers that is reached another way"
                : "have that switched off, or write [dns] servers = [] to resolve from the root");
}

std::string silence_fault(const std::vector<std::string>& servers, const std::string& reason) {
  if (servers.empty()) {
    return fmt::format(
        "the DNS does not answer ({}): resolving from the root needs port 53 outwards, UDP and TCP; open it in the "
        "firewall, or name a resolver of your own in [dns] servers",
        reason);
  }
  std::string all = servers.front();
  for (size_t i = 1; i < servers.size(); ++i) all += fmt::format(", {}", servers[i]);
  return fmt::format(
      "no answer from the DNS through [dns] servers ({}: {}): see that the resolver runs, that it lets this host ask, "
      "and "
      "that it can reach the Internet; or write servers = [] to resolve from the root",
      all, reason);
}

}  // namespace

Task<ResolverReport> check_resolver(dns::Client& dns, std::vector<std::string> servers, uint64_t salt,
                                    Duration timeout) {
  ResolverReport report;
  look_at_servers(servers, report);

  // Names that nobody registered, in domains that everybody can look into. Not below "invalid" (RFC 6761, 6.4): many
  // resolvers answer that without asking anyone, those that rewrite too.
  constexpr std::array<std::string_view, 3> domains = {"com", "net", "org"};
  std::vector<dns::Question> questions;
  questions.reserve(domains.size());
  for (auto domain : domains) questions.push_back({fmt::format("postern-{:016x}.{}", salt, domain), dns::Type::A});
  std::vector<dns::Answer> answers = co_await dns::ask(dns, std::move(questions), timeout);

  auto is_found = [](const dns::Answer& answer) { return answer.status == dns::Status::Found; };
  auto is_silent = [](const dns::Answer& answer) { return answer.status == dns::Status::TempFail; };
  auto rewritten = std::find_if(answers.begin(), answers.end(), is_found);
  auto silent = std::find_if(answers.begin(), answers.end(), is_silent);
  if (rewritten != answers.end()) report.faults.push_back(rewriting_fault(*rewritten, servers.empty()));
  if (silent == answers.end()) co_return report;
  std::string reason = silent->reason.empty() ? "no reason given" : silent->reason;
  if (std::all_of(answers.begin(), answers.end(), is_silent)) {
    report.faults.push_back(silence_fault(servers, reason));
  } else {
    report.notes.push_back(
        fmt::format("not every question to the DNS was answered ({}): DNS lists may fail now and then; if this comes "
                    "again, look at "
                    "the resolver and the network",
                    reason));
  }
  co_return report;
}

}  // namespace postern::lists
