// DMARC fed with octets from the network: From fields, policy records, and whole checks in which the domains and every
// DNS answer are made of the input. Nothing may crash, hang, ask without bound, or let a stranger pass.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/psl.h"
#include "filters/dmarc/record.h"
#include "filters/dmarc/walk.h"

namespace {

using namespace postern;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Takes the input apart, line by line; empty lines when it is used up.
class Input {
 public:
  explicit Input(std::string_view rest) : rest_(rest) {}
  std::string_view line() {
    size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return out;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Answers with the lines of the input; delivered by run().
class FuzzDns final : public dns::Client {
 public:
  explicit FuzzDns(Input& input) : input_(input) {}

  Pending lookup(const dns::Question& question, Duration, Callback callback) override {
    require(asked_.insert(question).second);
    require(asked_.size() <= 41);
    queue_.emplace_back(answer(), std::move(callback));
    return {};
  }
  void run() {
    for (size_t i = 0; i < queue_.size(); ++i) {
      auto [answer, callback] = std::move(queue_[i]);
      callback(answer);
    }
  }

 private:
  dns::Answer answer() {
    dns::Answer out;
    std::string_view line = input_.line();
    out.status = dns::Status::NoName;
    if (line == "?") out.status = dns::Status::TempFail;
    if (line == "-") out.status = dns::Status::NoRecord;
    if (line.size() <= 1) return out;
    out.status = dns::Status::Found;
    // Whole records are rare in random input: help it along.
    out.texts.push_back(line[0] == 'v' ? std::string(line) : "v=DMARC1;" + std::string(line));
    return out;
  }

  Input& input_;
  std::set<dns::Question> asked_;
  std::vector<std::pair<dns::Answer, Callback>> queue_;
};

/// Who removes blanks sees no other author domain. (Not so in what may hold anything.)
void fuzz_blanks(std::string_view text, const dmarc::Author& author) {
  if (author.kind != dmarc::Author::Kind::One || text.find_first_of("\"(=") != text.npos) return;
  std::string joined;
  std::copy_if(text.begin(), text.end(), std::back_inserter(joined),
               [](char c) { return std::string_view(" \t\r\n").find(c) == std::string_view::npos; });
  message::Header header;
  header.fields.push_back({joined, "From", joined});
  dmarc::Author other = dmarc::find_author(header);
  require(other.kind != dmarc::Author::Kind::One || other.domain == author.domain);
}

dmarc::Author fuzz_author(std::string_view text) {
  message::Header header;
  header.fields.push_back({text, "From", text});
  dmarc::Author author = dmarc::find_author(header);
  require((author.kind == dmarc::Author::Kind::One) == !author.domain.empty());
  require(author.domain.empty() || dns::is_valid_name(author.domain));
  require(author.domain == to_lower(author.domain) && is_ascii(author.domain));
  fuzz_blanks(text, author);
  // A pure ASCII domain stands in the field as it was found.
  if (author.domain.find("xn--") == std::string::npos && is_ascii(text) &&
      text.find_first_of(" \t\r\n(") == text.npos) {
    require(to_lower(text).find(author.domain) != std::string::npos);
  }
  // A second field or address elsewhere: no author domain any more.
  header.fields.push_back({"From: x@y.example", "From", " x@y.example"});
  require(dmarc::find_author(header).kind == dmarc::Author::Kind::Many);
  static_cast<void>(dmarc::find_author(message::parse_header(text)));
  return author;
}

void fuzz_record(std::string_view text) {
  if (dmarc::is_record(text)) static_cast<void>(dmarc::parse_record(text));
  dmarc::Record record = dmarc::parse_record("v=DMARC1;" + std::string(text));
  require(record.usable || (!record.sp && !record.np));
  require(dmarc::walk_names(text).size() <= dmarc::kMaxWalk);
  if (auto domain = dmarc::registrable_domain(text)) require(dmarc::registrable_domain(*domain) == domain);
}

void fuzz_check(dmarc::Author author, Input input) {
  if (author.kind != dmarc::Author::Kind::One) author = {dmarc::Author::Kind::One, "a.b.example.org"};
  const std::vector<std::string> domains = {"b.example.org", "x.a.b.example.org", std::string(input.line()),
                                            author.domain + "." + author.domain, "stranger.net"};
  std::vector<dmarc::Identifier> identifiers;
  identifiers.reserve(domains.size());
  for (const std::string& domain : domains) {
    identifiers.push_back({dmarc::Identifier::Method::Dkim, dmarc::Identifier::State::Pass, domain});
  }
  FuzzDns dns(input);
  dmarc::Check check(dns, {});
  check.begin(author, {domains.begin(), domains.begin() + 3});
  auto task = check.finish(identifiers);
  task.start([] {});
  dns.run();
  require(task.done());
  dmarc::Outcome outcome = task.take();
  require(outcome.aligned.size() <= 1 && outcome.aligned.empty() == (outcome.result != dmarc::Result::Pass));
  require(outcome.from == author.domain && is_at_or_below(author.domain, outcome.domain));
  if (outcome.result != dmarc::Result::Pass) return;
  // Somebody below or at the organizational domain it was.
  auto within = [&](const std::string& domain) { return is_at_or_below(domain, outcome.domain); };
  require(std::any_of(domains.begin(), domains.end(), within));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Input input(text);
  dmarc::Author author = fuzz_author(input.line());
  fuzz_author(text);
  fuzz_record(text);
  fuzz_check(std::move(author), input);
  return 0;
}
