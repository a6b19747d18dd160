// lists_cases: makes names and reads answers of DNS lists as stdin says. For lists_unit.py, which knows the suite.
//
// One command a line, words separated by one space, octet strings in hex ("-" = empty).
//   ask WHAT                      prints: the names before the zone that a mail's subject is asked by; test points are
//                                 asked about as --ip and --helo of `postern scan` are
//   point WHAT                    prints: the one for an address as a test point
//   read STATUS DECLARED ADDRESS* prints: KIND, then the names of the answers that count; DECLARED is a list of answers
//                                 with commas, each of which is an answer of that name
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "filters/lists/list.h"
#include "filters/lists/names.h"
#include "tests/conformance/hex.h"

namespace {

using postern::IpAddress;
using postern::test::unhex;
using namespace postern::lists;

std::string ask(const std::string& what) {
  std::vector<Query> queries;
  postern::mime::Url url;
  if (what.find("://") == std::string::npos) {
    queries = domain_queries(what, TestPoints::Ask);
  } else if (postern::mime::parse_url(what, url)) {
    queries = url_queries({url});
  }
  std::string out;
  for (const Query& query : queries) out.append(out.empty() ? "" : " ").append(query.name);
  return out;
}

std::string point(const std::string& what) {
  auto address = IpAddress::parse(what);
  if (!address) return ask(what);
  return reversed(*address, what.find(':') != std::string::npos);
}

postern::dns::Status read_status(const std::string& word) {
  for (auto status : {postern::dns::Status::Found, postern::dns::Status::NoName, postern::dns::Status::NoRecord}) {
    if (postern::dns::to_string(status) == word) return status;
  }
  return postern::dns::Status::TempFail;
}

std::string read(std::istringstream& line) {
  std::string status;
  std::string declared;
  line >> status >> declared;
  List list;
  std::istringstream parts(unhex(declared));
  for (std::string part; std::getline(parts, part, ',');) {
    auto match = Match::parse(part);
    if (!match) return "bad " + match.error().message;
    list.answers.push_back({part, *match, part});
  }
  postern::dns::Answer answer;
  answer.status = read_status(status);
  for (std::string text; line >> text;) answer.addresses.push_back(IpAddress::parse(text).value_or(IpAddress()));
  Reading reading = read_answer(list, answer);
  std::string out(to_string(reading.kind));
  for (size_t i : reading.matched) out += ' ' + list.answers[i].name;
  return out;
}

}  // namespace

int main() {
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream line(text);
    std::string command;
    std::string what;
    line >> command;
    if (command == "read") {
      std::cout << read(line) << '\n';
      continue;
    }
    line >> what;
    std::cout << (command == "point" ? point(unhex(what)) : ask(unhex(what))) << '\n';
  }
  return 0;
}
