// arc_cases: judges ARC chains read from stdin against keys in memory. For arc_unit.py, which knows the suites.
//
// One command a line, fields separated by one space, all octet strings in hex ("-" = empty):
//   zone                 forget all records
//   record NAME TXT      a key record
//   check ID MESSAGE SECONDS   prints: ID RESULT SETS OLDEST_PASS REASON; as of that time, in seconds since 1970
#include <chrono>
#include <iostream>
#include <sstream>
#include <string>

#include "filters/arc/arc.h"
#include "tests/conformance/hex.h"
#include "tests/fakes/fake_dns.h"

namespace {

using postern::test::unhex;

using namespace postern;

void check(test::FakeDns& zone, dkim::KeyCache& cache, const std::string& id, const std::string& text,
           int64_t seconds) {
  message::Header header = message::parse_header(text);
  dkim::BodyHasher bodies;
  dkim::KeyFetcher keys(zone, cache, std::chrono::seconds(5));
  arc::Verifier verifier(keys, bodies, seconds);
  verifier.begin(header);
  bodies.feed(std::string_view(text).substr(header.body_offset));
  bodies.finish();
  auto wait = keys.wait();
  wait.start([] {});
  zone.run();
  dkim::SignedHeader fields(header);
  arc::Outcome outcome = verifier.finish(header, fields);
  std::cout << id << ' ' << arc::to_string(outcome.result) << ' ' << outcome.sets.size() << ' '
            << (outcome.oldest_pass ? std::to_string(*outcome.oldest_pass) : "-") << ' ' << outcome.reason << '\n';
}

}  // namespace

int main() {
  test::FakeDns zone;
  dkim::KeyCache cache;
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream line(text);
    std::string command;
    std::string name;
    std::string data;
    int64_t seconds = 0;
    line >> command >> name >> data >> seconds;
    if (command == "zone") zone.clear();
    if (command == "record") zone.txt(unhex(name), unhex(data));
    if (command == "check") check(zone, cache, name, unhex(data), seconds);
  }
}
