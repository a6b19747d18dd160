// Whatever a message says, what lists are asked are valid names, few of them, each once; and whatever a rule file or a
// list says, only answers in 127.0.0.0/8 that are no refusals ever count.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"
#include "filters/dns/dns.h"
#include "filters/lists/list.h"
#include "filters/lists/names.h"

using namespace postern;

namespace {

bool counts(const IpAddress& address) {
  std::string_view octets = address.octets();
  return address.is_v4() && octets[0] == 127 && octets.substr(0, 3) != "\x7f\xff\xff";
}

/// The text as answers that a list declares, and its octets as what the DNS says.
void check_answers(std::string_view text) {
  lists::List list;
  if (auto match = lists::Match::parse(text)) {
    POSTERN_CHECK(match->matches(match->example()) && counts(match->example()));
    list.answers.push_back({std::string(text), *match, "ONE"});
  }
  list.answers.push_back({"&1", *lists::Match::parse("&1"), "TWO"});
  dns::Answer answer;
  answer.status = dns::Status::Found;
  for (size_t i = 0; i + 4 <= text.size() && answer.addresses.size() < dns::Answer::kMaxRecords; i += 4) {
    auto octet = [&](size_t at) { return static_cast<uint8_t>(text[i + at]); };
    answer.addresses.push_back(IpAddress::v4({octet(0), octet(1), octet(2), octet(3)}));
  }
  lists::Reading reading = lists::read_answer(list, answer);
  (void)lists::explain(list, reading);
  bool listed = reading.kind == lists::Reading::Kind::Listed;
  POSTERN_CHECK(listed != reading.matched.empty());
  POSTERN_CHECK(std::is_sorted(reading.matched.begin(), reading.matched.end()));
  std::set<IpAddress> once(reading.answers.begin(), reading.answers.end());
  POSTERN_CHECK(once.size() == reading.answers.size());
  if (listed) POSTERN_CHECK(std::all_of(answer.addresses.begin(), answer.addresses.end(), counts));
}

void check_queries(const std::vector<lists::Query>& queries, size_t most) {
  POSTERN_CHECK(queries.size() <= most);
  std::set<std::string> names;
  lists::List list;
  list.zone = "a.b";
  for (const lists::Query& query : queries) {
    POSTERN_CHECK(names.insert(query.name).second && !query.subject.empty());
    auto name = lists::list_name(query, list);
    POSTERN_CHECK(name && dns::is_valid_name(*name));
    for (char c : *name) {
      POSTERN_CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.');
    }
  }
}

void check_address(std::string_view text) {
  auto normal = lists::normal_address(text);
  auto hash = lists::hash_query(text, lists::List::Digest::Sha1, lists::List::Encoding::Hex);
  auto other = lists::hash_query(text, lists::List::Digest::Sha256, lists::List::Encoding::Base32);
  POSTERN_CHECK(normal.has_value() == hash.has_value() && normal.has_value() == other.has_value());
  if (!normal) return;
  POSTERN_CHECK(lists::normal_address(*normal) == normal);
  POSTERN_CHECK(hash->subject == *normal && hash->name.size() == 40 && other->name.size() == 52);
  check_queries({*hash, *other}, 2);
}

void check_addresses(const std::vector<std::string>& addresses, size_t most) {
  POSTERN_CHECK(addresses.size() <= most);
  std::set<std::string> once;
  for (const std::string& address : addresses) {
    POSTERN_CHECK(once.insert(address).second);
    size_t at = address.rfind('@');
    POSTERN_CHECK(at != std::string::npos && at > 0 && address.size() < 2000);
    POSTERN_CHECK(dns::is_valid_name(std::string_view(address).substr(at + 1)));
    POSTERN_CHECK(
        std::none_of(address.begin(), address.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }));
    check_address(address);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_answers(text);
  check_queries(lists::domain_queries(text), 2);
  check_address(text);
  auto urls = mime::find_urls(text, 20);
  check_addresses(lists::addresses_in_text(text, urls, 20), 20);
  check_addresses(lists::addresses_in_field(text), 20);
  check_queries(lists::url_queries(urls), 40);

  auto check_header = [](std::string_view all, std::string_view body, const std::vector<mime::Url>* found) {
    message::Header header = message::parse_header(all);
    auto received = lists::received_addresses(header);
    POSTERN_CHECK(received.size() <= 10);
    std::set<IpAddress> once(received.begin(), received.end());
    POSTERN_CHECK(once.size() == received.size());
    for (const IpAddress& address : received) POSTERN_CHECK(lists::address_query(address));
    for (size_t i = 0; i < lists::kSubjects; ++i) {
      lists::List list;
      list.of = static_cast<lists::Subject>(i);
      check_queries(lists::queries(list, {&header, body, body, found}), 100);
    }
  };
  check_header(text, text, &urls);
  check_header("Received: from " + std::string(text), {}, nullptr);
  return 0;
}
