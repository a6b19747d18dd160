#include "filters/lists/names.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/dmarc/psl.h"
#include "filters/dns/dns.h"
#include "filters/lists/answers.h"
#include "filters/lists/host_name.h"

namespace postern::lists {
namespace {

/// Octets of a name in U-labels; in A-labels the DNS has 253.
constexpr size_t kMaxWritten = 1000;
constexpr size_t kMaxName = 253;
/// The shortest zone is "a.b", with a dot before it.
constexpr size_t kMaxBeforeZone = kMaxName - 4;
/// Addresses that are looked at in the text of a message.
constexpr size_t kMaxTextAddresses = 20;
constexpr size_t kMaxFieldAddresses = 20;

struct Network {
  uint32_t address;
  int prefix;
};
/// RFC 6890, 2.2.2: not globally reachable, and RFC 1112, 4: multicast. The documentation networks are left out: a mail
/// never comes from there but in tests, and nobody is harmed when a list is asked.
constexpr Network kNotAsked[] = {{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
                                 {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16},
                                 {0xc6120000, 15}, {0xe0000000, 4},  {0xf0000000, 4}};
constexpr uint32_t kTestEntry = 0x7f000002;

bool is_asked_v4(uint32_t number, TestPoints points) {
  if (number == kTestEntry && points == TestPoints::Ask) return true;
  return std::none_of(std::begin(kNotAsked), std::end(kNotAsked), [number](const Network& network) {
    return (number ^ network.address) >> (32 - network.prefix) == 0;
  });
}

/// RFC 4291, 2.4: the unicast addresses that are given out are in 2000::/3; all others are local, multicast, embedded
/// or not in use. RFC 6890, 2.2.3 takes out 2001:2::/48 and 2001:10::/28 (and RFC 7343 2001:20::/28).
bool is_asked_v6(std::string_view octets) {
  auto word = [octets](size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(octets[2 * i]) << 8U |
                                 static_cast<unsigned char>(octets[2 * i + 1]));
  };
  if (word(0) >> 13U != 1) return false;
  if (word(0) != 0x2001) return true;
  bool benchmark = word(1) == 2 && word(2) == 0;
  bool orchid = (word(1) & 0xfff0U) == 0x10 || (word(1) & 0xfff0U) == 0x20;
  return !benchmark && !orchid;
}

void append_nibbles(std::string_view octets, std::string& out) {
  static constexpr char hex[] = "0123456789abcdef";
  for (size_t i = octets.size(); i-- > 0;) {
    auto octet = static_cast<unsigned char>(octets[i]);
    out += {hex[octet & 15U], '.', hex[octet >> 4U], '.'};
  }
}

/// RFC 5321, 4.1.3: [192.0.2.1], [IPv6:2001:db8::1]; and what stands in URLs and HELO without brackets or tag.
std::optional<IpAddress> read_literal(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  if (starts_nocase(text, "IPv6:")) text.remove_prefix(5);
  return IpAddress::parse(text);
}

/// Each name once, in the order of arrival.
class Collector {
 public:
  void add(Query query) {
    if (seen_.insert(query.name).second) queries_.push_back(std::move(query));
  }
  void add_all(std::vector<Query> queries) {
    for (Query& query : queries) add(std::move(query));
  }
  [[nodiscard]] std::vector<Query> take() { return std::move(queries_); }

 private:
  std::unordered_set<std::string> seen_;
  std::vector<Query> queries_;
};

std::string_view domain_of(std::string_view address) {
  return address.substr(address.rfind('@') + 1);
}

/// The addresses of all fields of that name.
std::vector<std::string> field_addresses(const message::Header* header, std::string_view name) {
  std::vector<std::string> found;
  if (header == nullptr) return found;
  for (const message::Field& field : header->fields) {
    if (!equal_nocase(field.name, name)) continue;
    for (std::string& address : addresses_in_field(field.value)) {
      if (found.size() == kMaxFieldAddresses) return found;
      if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(std::move(address));
    }
  }
  return found;
}

std::vector<Query> domains_of(const std::vector<std::string>& addresses) {
  Collector collector;
  for (const std::string& address : addresses) collector.add_all(domain_queries(domain_of(address)));
  return collector.take();
}

std::vector<Query> hash_queries(const List& list, const Texts& texts) {
  Collector collector;
  auto add = [&](std::string_view address) {
    if (auto query = hash_query(address, list.digest, list.encoding)) collector.add(std::move(*query));
  };
  add(texts.from);
  for (std::string_view name : {"From", "Reply-To", "Sender"}) {
    for (const std::string& address : field_addresses(texts.header, name)) add(address);
  }
  static const std::vector<mime::Url> none;
  const auto& urls = texts.urls != nullptr ? *texts.urls : none;
  for (const std::string& address : addresses_in_text(texts.text, urls, kMaxTextAddresses)) add(address);
  return collector.take();
}

std::vector<Query> received_queries(const message::Header& header) {
  std::vector<Query> found;
  auto addresses = received_addresses(header);
  found.reserve(addresses.size());
  for (const IpAddress& address : addresses) {
    if (auto query = address_query(address)) found.push_back(std::move(*query));
  }
  return found;
}

}  // namespace

std::optional<std::string> to_host_name(std::string_view text) {
  if (text.size() > kMaxWritten) return std::nullopt;
  auto name = to_ascii_domain(text);
  if (!name) return std::nullopt;
  // The mapping may have made it: the final dot can be an ideographic one.
  if (!is_ascii(text) && name->ends_with('.')) name->pop_back();
  // RFC 1035, 2.3.1; underscores are in use all the same.
  auto in_name = [](char c) { return ascii_alnum(c) || c == '-' || c == '_' || c == '.'; };
  if (!dns::is_valid_name(*name) || name->find('.') == std::string::npos ||
      !std::all_of(name->begin(), name->end(), in_name) || dmarc::looks_like_address(*name)) {
    return std::nullopt;
  }
  return name;
}

std::optional<Query> address_query(const IpAddress& address, TestPoints points) {
  auto number = v4_number(address);
  if (number ? !is_asked_v4(*number, points) : !is_asked_v6(address.octets())) return std::nullopt;
  return Query{address.to_string(), reversed(address)};
}

// RFC 5782, 2.1 (IPv4) and 2.4 (IPv6).
std::string reversed(const IpAddress& address, bool v4_mapped) {
  std::string name;
  std::string_view octets = address.octets();
  if (!address.is_v4() || v4_mapped) {
    name.reserve(64);
    append_nibbles(octets, name);
    if (address.is_v4()) {
      static constexpr std::string_view prefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
      append_nibbles(prefix, name);
    }
    name.pop_back();
    return name;
  }
  auto octet = [octets](size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(octets[i])); };
  return fmt::format(FMT_STRING("{}.{}.{}.{}"), octet(3), octet(2), octet(1), octet(0));
}

std::vector<Query> domain_queries(std::string_view name, TestPoints points) {
  std::vector<Query> found;
  if (auto address = read_literal(name)) {
    if (auto query = address_query(*address, points)) found.push_back(std::move(*query));
    return found;
  }
  // RFC 5782, 5: the test entry of lists of names.
  if (points == TestPoints::Ask && equal_nocase(name, "test")) return {{"test", "test"}};
  auto host = to_host_name(name);
  if (!host) return found;
  auto registered = dmarc::registrable_domain(*host);
  if (!registered) return found;
  found.reserve(2);
  bool same = *registered == *host;
  if (!same && host->size() <= kMaxBeforeZone) found.push_back({*host, *host});
  if (registered->size() <= kMaxBeforeZone) found.push_back({*registered, *registered});
  return found;
}

std::vector<Query> url_queries(const std::vector<mime::Url>& urls) {
  Collector collector;
  // A message has many URLs of few hosts: names are made once for each.
  std::unordered_set<std::string_view> hosts;
  for (const mime::Url& url : urls) {
    if (!url.host.empty() && hosts.insert(url.host).second) collector.add_all(domain_queries(url.host));
  }
  return collector.take();
}

std::optional<std::string> list_name(const Query& query, const List& list) {
  if (query.name.size() + 1 + list.zone.size() > kMaxName) return std::nullopt;
  return fmt::format(FMT_STRING("{}.{}"), query.name, list.zone);
}

std::vector<Query> queries(const List& list, const Texts& texts) {
  switch (list.of) {
    case Subject::From:
      if (texts.from.find('@') == std::string_view::npos) return {};
      return domain_queries(domain_of(texts.from));
    case Subject::Author: return domains_of(field_addresses(texts.header, "From"));
    case Subject::ReplyTo: return domains_of(field_addresses(texts.header, "Reply-To"));
    case Subject::Url: return texts.urls != nullptr ? url_queries(*texts.urls) : std::vector<Query>();
    case Subject::Hash: return hash_queries(list, texts);
    case Subject::Received: return texts.header != nullptr ? received_queries(*texts.header) : std::vector<Query>();
    case Subject::Client:
    case Subject::Rdns:
    case Subject::Helo:
    case Subject::Dkim: return {};
  }
  return {};
}

}  // namespace postern::lists
