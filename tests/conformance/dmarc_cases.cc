// dmarc_cases: judges DMARC cases read from stdin against zones in memory. For dmarc_unit.py, which knows the suites.
//
// One command a line, fields separated by one space, all octet strings in hex ("-" = empty):
//   zone                                   forget all records
//   record NAME TXT|A|TIMEOUT DATA
//   check MODE AUTHOR SPF,... DKIM,...     MODE = walk | psl; AUTHOR: a domain; then lists of domains; prints
//                                          RESULT POLICY FROM DOMAIN RECORD_DOMAIN ALIGNED STRICT ASKED
//                                          (lists joined by ","; STRICT: methods with strict alignment)
//   message HEADER SPF,... DKIM,...        the same, the author domain taken from a header
//   from HEADER                            prints KIND DOMAIN
//   record_text TEXT                       prints "no", "unusable" or the policy
//   suffix NAME                            prints the registrable domain, "-" when there is none
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/psl.h"
#include "filters/dmarc/record.h"
#include "filters/message/headers.h"
#include "tests/conformance/hex.h"
#include "tests/fakes/fake_dns.h"

namespace {

using postern::test::unhex;

using postern::test::FakeDns;
namespace dmarc = postern::dmarc;
namespace dns = postern::dns;
namespace message = postern::message;
using Method = dmarc::Identifier::Method;

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  std::istringstream in(list);
  std::string item;
  while (std::getline(in, item, ',')) {
    if (item != "-") out.push_back(unhex(item));
  }
  return out;
}

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ",") + item;
  return or_dash(out);
}

std::string_view to_string(dmarc::Author::Kind kind) {
  switch (kind) {
    case dmarc::Author::Kind::One: return "one";
    case dmarc::Author::Kind::Missing: return "missing";
    case dmarc::Author::Kind::Malformed: return "malformed";
    case dmarc::Author::Kind::Many: return "many";
    case dmarc::Author::Kind::Unseen: return "unseen";
  }
  return "?";
}

/// The methods for which the record at `domain` wants strict alignment.
std::vector<std::string> strict_methods(const FakeDns& zone, const std::string& domain) {
  std::vector<std::string> out;
  auto record = dmarc::select_record(zone.resolve({"_dmarc." + domain, dns::Type::TXT}).texts);
  if (record && record->strict_spf) out.emplace_back("spf");
  if (record && record->strict_dkim) out.emplace_back("dkim");
  return out;
}

void check(FakeDns& zone, const dmarc::Author& author, dmarc::Discovery discovery, std::istringstream& line) {
  std::string spf;
  std::string dkim;
  line >> spf >> dkim;
  std::vector<std::string> candidates;
  std::vector<dmarc::Identifier> identifiers;
  for (const std::string& domain : split(spf)) identifiers.push_back({Method::Spf, {}, domain});
  for (const std::string& domain : split(dkim)) identifiers.push_back({Method::Dkim, {}, domain});
  candidates.reserve(identifiers.size());
  for (const auto& identifier : identifiers) candidates.push_back(identifier.domain);
  dmarc::Options options;
  options.discovery = discovery;
  size_t before = zone.queries();
  dmarc::Check check(zone, options);
  check.begin(author, candidates);
  auto task = check.finish(identifiers);
  task.start([] {});
  zone.run();
  dmarc::Outcome outcome = task.take();
  std::vector<std::string> aligned;
  for (Method method : outcome.aligned) aligned.emplace_back(method == Method::Spf ? "spf" : "dkim");
  std::vector<std::string> asked;
  for (size_t i = before; i < zone.queries(); ++i) {
    if (zone.asked()[i].type == dns::Type::TXT) asked.push_back(zone.asked()[i].name);
  }
  std::cout << dmarc::to_string(outcome.result) << ' ' << dmarc::to_string(outcome.policy) << ' '
            << or_dash(outcome.from) << ' ' << or_dash(outcome.domain) << ' ' << or_dash(outcome.record_domain) << ' '
            << join(aligned) << ' ' << join(strict_methods(zone, outcome.record_domain)) << ' ' << join(asked) << '\n';
}

void add_record(FakeDns& zone, std::istringstream& line) {
  std::string name;
  std::string type;
  std::string data;
  line >> name >> type >> data;
  if (type == "TXT") zone.txt(unhex(name), unhex(data));
  if (type == "A") zone.a(unhex(name), unhex(data));
  if (type == "TIMEOUT") zone.never(unhex(name));
}

void run(FakeDns& zone, const std::string& command, std::istringstream& line) {
  if (command == "zone") return zone.clear();
  if (command == "record") return add_record(zone, line);
  std::string first;
  line >> first;
  if (command == "check") {
    std::string author;
    line >> author;
    auto discovery = first == "psl" ? dmarc::Discovery::Psl : dmarc::Discovery::TreeWalk;
    check(zone, {dmarc::Author::Kind::One, unhex(author)}, discovery, line);
  } else if (command == "message") {
    std::string header = unhex(first);
    check(zone, dmarc::find_author(message::parse_header(header)), dmarc::Discovery::TreeWalk, line);
  } else if (command == "from") {
    std::string header = unhex(first);
    dmarc::Author author = dmarc::find_author(message::parse_header(header));
    std::cout << to_string(author.kind) << ' ' << or_dash(author.domain) << '\n';
  } else if (command == "record_text") {
    std::string text = unhex(first);
    std::string_view answer = "no";
    if (dmarc::is_record(text)) {
      dmarc::Record record = dmarc::parse_record(text);
      answer = record.usable ? dmarc::to_string(record.p) : "unusable";
    }
    std::cout << answer << '\n';
  } else if (command == "suffix") {
    std::cout << dmarc::registrable_domain(unhex(first)).value_or("-") << '\n';
  }
}

}  // namespace

int main() {
  FakeDns zone;
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream line(text);
    std::string command;
    line >> command;
    run(zone, command, line);
  }
}
