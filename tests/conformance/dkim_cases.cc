// dkim_cases: verifies the signatures of message files against zones in memory. For dkim_unit.py, which knows the
// suites.
//
// One command a line on stdin, fields separated by one space, octet strings in hex ("-" = empty):
//   zone                      forget all records
//   record NAME TYPE DATA     TYPE = TXT, CNAME, SERVFAIL, TIMEOUT
//   check ID FILE SECONDS     verifies the file as of that time (since 1970); prints
//                             ID then for each signature RESULT/DOMAIN/SELECTOR/REASON
//   time ID FILE SECONDS N    the same N times; prints ID and microseconds for each, the key cached
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dkim/dkim.h"
#include "tests/conformance/hex.h"
#include "tests/fakes/fake_dns.h"

namespace {

using postern::test::to_hex;
using postern::test::unhex;

using postern::test::FakeDns;
namespace dkim = postern::dkim;
namespace message = postern::message;

void add_record(FakeDns& zone, const std::string& name, const std::string& type, const std::string& data) {
  if (type == "TXT") zone.txt(name, data);
  if (type == "CNAME") zone.cname(name, data);
  if (type == "SERVFAIL") zone.temp_fail(name);
  if (type == "TIMEOUT") zone.never(name);
}

std::vector<dkim::Outcome> verify(FakeDns& zone, dkim::KeyCache& cache, std::string_view text, int64_t seconds) {
  message::Header header = message::parse_header(text);
  dkim::KeyFetcher keys(zone, cache, std::chrono::seconds(5));
  dkim::BodyHasher bodies;
  dkim::Verifier verifier(keys, bodies, {seconds});
  verifier.begin(header);
  auto waiting = keys.wait();
  waiting.start([] {});
  zone.run();
  bodies.feed(text.substr(header.body_offset));
  bodies.finish();
  dkim::SignedHeader fields(header);
  return verifier.finish(fields);
}

void measure(FakeDns& zone, dkim::KeyCache& cache, std::string_view text, int64_t seconds, int times) {
  using Clock = std::chrono::steady_clock;
  auto begin = Clock::now();
  for (int i = 0; i < times; ++i) static_cast<void>(verify(zone, cache, text, seconds));
  std::chrono::duration<double, std::micro> spent = Clock::now() - begin;
  std::cout << ' ' << spent.count() / times << '\n';
}

void check(FakeDns& zone, std::istringstream& line, bool timed) {
  std::string id;
  std::string file;
  int64_t seconds = 0;
  int times = 0;
  line >> id >> file >> seconds;
  if (timed) line >> times;
  std::ifstream in(unhex(file), std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::cout << id;
  dkim::KeyCache cache;
  if (timed) {
    measure(zone, cache, text, seconds, times);
    return;
  }
  for (const dkim::Outcome& outcome : verify(zone, cache, text, seconds)) {
    std::cout << ' ' << dkim::to_string(outcome.result) << '/' << to_hex(outcome.domain) << '/'
              << to_hex(outcome.selector) << '/' << to_hex(outcome.reason);
  }
  std::cout << '\n';
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
    if (command == "check") check(zone, line, false);
    if (command == "time") check(zone, line, true);
    if (command == "record") {
      std::string name;
      std::string type;
      std::string data;
      line >> name >> type >> data;
      add_record(zone, unhex(name), type, unhex(data));
    }
  }
}
