// spf_cases: judges SPF cases read from stdin against zones in memory. For spf_unit.py, which knows the suites.
//
// One command a line, fields separated by one space, all octet strings in hex ("-" = empty):
//   zone                                  forget all records
//   record NAME TYPE DATA                 TYPE = A AAAA TXT PTR CNAME (DATA: address or name), MX (DATA: "10 name"),
//                                         TIMEOUT SERVFAIL (DATA: a type, or "-" for all)
//   check ID CLIENT HELO FROM RECEIVER    prints: ID RESULT EXPLANATION REASON QUERIES
#include <cstdio>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "filters/spf/spf.h"
#include "tests/conformance/hex.h"
#include "tests/fakes/fake_dns.h"

namespace {

using postern::test::to_hex;
using postern::test::unhex;

using postern::IpAddress;
using postern::test::FakeDns;
namespace dns = postern::dns;
namespace spf = postern::spf;

std::optional<dns::Type> type_of(const std::string& name) {
  using dns::Type;
  for (Type type : {Type::A, Type::AAAA, Type::TXT, Type::PTR, Type::CNAME, Type::MX}) {
    if (name == dns::to_string(type)) return type;
  }
  return std::nullopt;
}

void add_record(FakeDns& zone, const std::string& name, const std::string& type, const std::string& data) {
  if (type == "A") zone.a(name, data);
  if (type == "AAAA") zone.aaaa(name, data);
  if (type == "TXT") zone.txt(name, data);
  if (type == "PTR") zone.ptr(name, data);
  if (type == "CNAME") zone.cname(name, data);
  if (type == "TIMEOUT") zone.never(name, type_of(data));
  if (type == "SERVFAIL") zone.temp_fail(name, type_of(data));
  if (type == "MX") {
    size_t space = data.find(' ');
    zone.mx(name, static_cast<uint16_t>(std::stoi(data.substr(0, space))), data.substr(space + 1));
  }
}

void check(FakeDns& zone, std::istringstream& line) {
  std::string id;
  std::string client;
  std::string helo;
  std::string from;
  std::string receiver;
  line >> id >> client >> helo >> from >> receiver;
  spf::Query query;
  query.client = IpAddress::parse(unhex(client)).value_or(IpAddress());
  query.helo = unhex(helo);
  query.mail_from = unhex(from);
  spf::Options options;
  options.receiver = unhex(receiver);
  options.default_explanation = "DEFAULT";
  size_t before = zone.queries();
  auto task = spf::check_mail_from(zone, query, options);
  task.start([] {});
  zone.run();
  spf::Outcome outcome = task.take();
  std::cout << id << ' ' << spf::to_string(outcome.result) << ' ' << to_hex(outcome.explanation) << ' '
            << to_hex(outcome.reason) << ' ' << zone.queries() - before << '\n';
}

}  // namespace

int main() {
  FakeDns zone;
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream line(text);
    std::string command;
    line >> command;
    if (command == "zone") zone.clear();
    if (command == "check") check(zone, line);
    if (command == "record") {
      std::string name;
      std::string type;
      std::string data;
      line >> name >> type >> data;
      add_record(zone, unhex(name), type, unhex(data));
    }
  }
}
