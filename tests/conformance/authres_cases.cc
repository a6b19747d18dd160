// authres_cases: reads and writes Authentication-Results as stdin says. For authres_unit.py, which knows the suite.
//
// One command a line, words separated by one space, all octet strings in hex ("-" = empty). RESULTS is
// COUNT (METHOD RESULT REASON COUNT (TYPE VALUE)*)*.
//   parse rfc8601|deployed FIELD     prints: ok AUTHSERV_ID RESULTS, or: bad MESSAGE
//   encode ascii|utf8 ID RESULTS     prints: the field
//   facts ID (WORD VALUE...)*        prints: the field; words as in read_facts(), results and policies as numbers
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "filters/auth_results/compose.h"
#include "filters/auth_results/encode.h"
#include "filters/auth_results/parse.h"
#include "tests/conformance/hex.h"

namespace {

using postern::test::to_hex;
using postern::test::unhex;

using postern::Facts;
using postern::IpAddress;
using namespace postern::auth_results;

std::string word(std::istringstream& line) {
  std::string text;
  line >> text;
  return text;
}

std::string octets(std::istringstream& line) {
  return unhex(word(line));
}

size_t number(std::istringstream& line) {
  size_t n = 0;
  line >> n;
  return n;
}

template <class Enum>
Enum choice(std::istringstream& line) {
  return static_cast<Enum>(number(line));
}

std::string parse(std::istringstream& line) {
  Grammar grammar = word(line) == "deployed" ? Grammar::Deployed : Grammar::Rfc8601;
  auto parsed = parse_auth_results(octets(line), grammar);
  if (!parsed) return "bad " + to_hex(parsed.error().message);
  std::string out = "ok " + to_hex(parsed->authserv_id) + ' ' + std::to_string(parsed->results.size());
  for (const auto& result : parsed->results) {
    out += ' ' + to_hex(result.method) + ' ' + to_hex(result.result) + ' ' + to_hex(result.reason) + ' ' +
           std::to_string(result.properties.size());
    for (const auto& property : result.properties) out += ' ' + to_hex(property.type) + ' ' + to_hex(property.value);
  }
  return out;
}

std::string encode(std::istringstream& line) {
  Charset charset = word(line) == "utf8" ? Charset::Utf8 : Charset::Ascii;
  std::string id = octets(line);
  std::vector<AuthResult> results(number(line));
  for (auto& result : results) {
    result.method = octets(line);
    result.result = octets(line);
    result.reason = octets(line);
    result.properties.resize(number(line));
    for (auto& property : result.properties) {
      property.type = octets(line);
      property.value = octets(line);
    }
  }
  return to_hex(encode_auth_results(id, results, charset));
}

postern::dkim::Outcome read_signature(std::istringstream& line) {
  postern::dkim::Outcome outcome;
  outcome.result = choice<postern::dkim::Result>(line);
  outcome.reason = octets(line);
  outcome.domain = octets(line);
  outcome.identity = octets(line);
  outcome.selector = octets(line);
  outcome.algorithm = octets(line);
  outcome.signature_start = octets(line);
  return outcome;
}

postern::dmarc::Outcome read_dmarc(std::istringstream& line) {
  postern::dmarc::Outcome outcome;
  outcome.result = choice<postern::dmarc::Result>(line);
  outcome.policy = choice<postern::dmarc::Policy>(line);
  outcome.reason = octets(line);
  outcome.from = octets(line);
  outcome.record_domain = octets(line);
  outcome.override_by = octets(line);
  return outcome;
}

postern::arc::Outcome read_arc(std::istringstream& line) {
  postern::arc::Outcome outcome;
  outcome.result = choice<postern::arc::Result>(line);
  outcome.reason = octets(line);
  outcome.oldest_pass = number(line);
  return outcome;
}

postern::spf::Outcome read_spf(std::istringstream& line) {
  postern::spf::Outcome outcome;
  outcome.result = choice<postern::spf::Result>(line);
  outcome.reason = octets(line);
  return outcome;
}

Facts read_facts(std::istringstream& line) {
  Facts facts;
  for (std::string name = word(line); !name.empty(); name = word(line)) {
    if (name == "ip") facts.client.ip = IpAddress::parse(octets(line)).value_or(IpAddress());
    if (name == "reverse") facts.client.reverse = choice<postern::dns::ReverseName::Result>(line);
    if (name == "helo") facts.helo = octets(line);
    if (name == "from") facts.from = octets(line);
    if (name == "smtputf8") facts.smtputf8 = number(line) == 1;
    if (name == "spf") facts.spf = read_spf(line);
    if (name == "helo_spf") facts.helo_spf = read_spf(line);
    if (name == "dkim") facts.dkim.push_back(read_signature(line));
    if (name == "ignored") facts.dkim_ignored = number(line);
    if (name == "dmarc") facts.dmarc = read_dmarc(line);
    if (name == "arc") facts.arc = read_arc(line);
  }
  return facts;
}

}  // namespace

int main() {
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream line(text);
    std::string command = word(line);
    if (command == "parse") std::cout << parse(line) << '\n';
    if (command == "encode") std::cout << encode(line) << '\n';
    if (command == "facts") {
      std::string id = octets(line);
      std::cout << to_hex(auth_results_field(id, read_facts(line))) << '\n';
    }
  }
}
