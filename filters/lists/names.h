// From what is known of a mail to the names that lists are asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/ip.h"
#include "filters/lists/list.h"
#include "filters/message/headers.h"
#include "filters/mime/urls.h"

namespace postern::lists {

/// One thing to ask about.
struct Query {
  std::string subject;  // for people: "192.0.2.1", "example.org", "user@example.org"
  std::string name;     // what stands before ".zone": "1.2.0.192", "example.org", a digest
};

/// Whether 127.0.0.2 and "test" are asked about, which every list lists that keeps to RFC 5782, 5. Never of a mail:
/// anybody may write them into one, and it would be blamed for them by all lists.
enum class TestPoints {
  Skip,
  Ask,  // an admin tries a list on purpose
};

/// RFC 5782, 2.1 and 2.4: reversed octets, or 32 reversed nibbles. nullopt for addresses that no list can know:
/// private, loopback, link-local, multicast, unspecified and the like (RFC 6890). Documentation networks are asked.
[[nodiscard]] std::optional<Query> address_query(const IpAddress& address, TestPoints points = TestPoints::Skip);
/// For an address whatever it is; for test points. `v4_mapped`: as IPv6 (RFC 5782, 5: ::FFFF:7F00:2).
[[nodiscard]] std::string reversed(const IpAddress& address, bool v4_mapped = false);
/// The name and its registered domain (public suffix list), each once, most specific first: lower-case A-labels, no
/// final dot. Nothing for what is no domain name of two labels or more (of test points "test" is one all the same), for
/// public suffixes alone, for names that do not fit before a zone. An address (in brackets or not, an address literal
/// of RFC 5321, 4.1.3) gives address_query.
[[nodiscard]] std::vector<Query> domain_queries(std::string_view name, TestPoints points = TestPoints::Skip);
/// user@example.org as lists of addresses want it: lower case, "+tag" removed, dots removed from the local part and
/// "googlemail" made "gmail" where the domain is Google's; A-labels. nullopt: no address.
[[nodiscard]] std::optional<std::string> normal_address(std::string_view address);
[[nodiscard]] std::optional<Query> hash_query(std::string_view address, List::Digest digest, List::Encoding encoding);

/// The addresses in a field that holds addresses (From, Reply-To, Sender); each once, at most 20. user@domain, and
/// user@[192.0.2.1], user@[IPv6:2001:db8::1] (RFC 5321, 4.1.3), which domain_queries reads and hash_query does not.
[[nodiscard]] std::vector<std::string> addresses_in_field(std::string_view value);
/// Addresses in a text as a reader sees it and in its mailto: URLs; each once, at most `limit`. Linear.
[[nodiscard]] std::vector<std::string> addresses_in_text(std::string_view text, const std::vector<mime::Url>& urls,
                                                         size_t limit);
/// The addresses that Received fields state for whom they received from (RFC 5321, 4.4, TCP-info), newest first, each
/// once, at most 10; those that address_query refuses are left out.
[[nodiscard]] std::vector<IpAddress> received_addresses(const message::Header& header);
/// The hosts of URLs with a host, in order: address_query or domain_queries of each, each once.
[[nodiscard]] std::vector<Query> url_queries(const std::vector<mime::Url>& urls);

/// "NAME.ZONE"; nullopt when that is longer than a name may be.
[[nodiscard]] std::optional<std::string> list_name(const Query& query, const List& list);

/// What to ask `list` about a header and text; for those subjects that come from there.
struct Texts {
  const message::Header* header = nullptr;
  std::string_view from;  // envelope sender
  std::string_view text;  // as a reader sees it; empty: not known
  const std::vector<mime::Url>* urls = nullptr;
};
[[nodiscard]] std::vector<Query> queries(const List& list, const Texts& texts);

}  // namespace postern::lists
