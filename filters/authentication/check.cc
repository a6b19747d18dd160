#include "filters/authentication/check.h"

#include <algorithm>
#include <utility>

#include "filters/authentication/trust.h"
#include "filters/base/domain.h"
#include "filters/message/headers.h"

namespace postern::authentication {
namespace {

/// Where the empty line that ends the header begins and ends; npos while it has not come. `from`: nothing before it can
/// be the beginning of that line.
size_t header_end(std::string_view head, size_t from) {
  constexpr std::string_view kEmptyLine = "\r\n\r\n";
  if (head.starts_with("\r\n")) return 2;
  size_t found = head.find(kEmptyLine, from);
  return found == std::string_view::npos ? found : found + kEmptyLine.size();
}

std::vector<dmarc::Identifier> identifiers_of(const spf::Outcome& mail_from, const std::vector<dkim::Outcome>& dkim) {
  using Method = dmarc::Identifier::Method;
  using State = dmarc::Identifier::State;
  std::vector<dmarc::Identifier> identifiers;
  if (mail_from.result == spf::Result::Pass) identifiers.push_back({Method::Spf, State::Pass, mail_from.domain});
  if (mail_from.result == spf::Result::TempError) {
    identifiers.push_back({Method::Spf, State::TempError, mail_from.domain});
  }
  for (const auto& signature : dkim) {
    // What l= leaves unsigned may be anybody's words (RFC 6376, 8.2), so such a pass vouches for nothing.
    bool passed = signature.result == dkim::Result::Pass && !signature.partial;
    if (passed) identifiers.push_back({Method::Dkim, State::Pass, signature.domain});
    if (signature.result == dkim::Result::TempError) {
      identifiers.push_back({Method::Dkim, State::TempError, signature.domain});
    }
  }
  return identifiers;
}

}  // namespace

std::string_view dkim_summary(const std::vector<dkim::Outcome>& outcomes) {
  using dkim::Result;
  for (Result best :
       {Result::Pass, Result::TempError, Result::Policy, Result::Fail, Result::PermError, Result::Neutral}) {
    bool has = std::any_of(outcomes.begin(), outcomes.end(), [best](const auto& each) { return each.result == best; });
    if (has) return to_string(best);
  }
  return "none";
}

std::string spf_domain(std::string_view mail_from, std::string_view helo) {
  if (mail_from.empty()) return to_ascii_domain(helo).value_or("");
  size_t at = mail_from.rfind('@');
  return at == std::string_view::npos ? "" : to_ascii_domain(mail_from.substr(at + 1)).value_or("");
}

class Check::Impl {
 public:
  Impl(dns::Client& dns, dkim::KeyCache& keys, Options options, std::string mail_from_domain)
      : options_(std::move(options)),
        mail_from_domain_(std::move(mail_from_domain)),
        keys_(dns, keys, options_.lookup_timeout),
        dkim_(keys_, bodies_, {options_.wall_seconds}),
        arc_(keys_, bodies_, options_.wall_seconds),
        dmarc_(dns, {options_.settings.discovery, options_.lookup_timeout}) {}

  void append(std::string_view bytes, std::string_view head) {
    uint64_t before = received_;
    received_ += bytes.size();
    if (begun_) {
      bodies_.feed(bytes);
      return;
    }
    // Once more than `head` holds has passed there is no header that we would look at.
    if (before > head.size()) return;
    size_t end = header_end(head, scanned_);
    if (end == std::string_view::npos) {
      scanned_ = head.size() < 3 ? 0 : head.size() - 3;
      return;
    }
    message::Header header = message::parse_header(head.substr(0, end));
    begin(header);
    // Part of the body may have come in earlier pieces: where the first line is no field, all of it is body.
    size_t body = header.body_offset;
    if (body < before) bodies_.feed(head.substr(body, before - body));
    size_t skipped = body > before ? body - before : 0;
    bodies_.feed(bytes.substr(std::min(skipped, bytes.size())));
  }

  [[nodiscard]] bool begun() const { return begun_; }
  [[nodiscard]] const std::vector<std::string>& signers() const { return dkim_.domains(); }

  Task<Outcome> finish(const message::Header& header, std::string_view head, spf::Outcome mail_from) {
    if (!begun_) {
      begin(header);
      bodies_.feed(head.substr(std::min(header.body_offset, head.size())));
    }
    bodies_.finish();
    co_await keys_.wait();
    Outcome outcome;
    dkim::SignedHeader fields(header);
    outcome.dkim = dkim_.finish(fields);
    outcome.dkim_ignored = dkim_.ignored();
    outcome.arc = arc_.finish(header, fields);
    outcome.dmarc = co_await dmarc_.finish(identifiers_of(mail_from, outcome.dkim));
    weigh_chain(outcome.arc, options_.settings.trusted_sealers, outcome.dmarc);
    co_return outcome;
  }

 private:
  void begin(const message::Header& header) {
    begun_ = true;
    keys_.limit_effort(header.header_size);
    dkim_.begin(header);
    arc_.begin(header);
    std::vector<std::string> candidates = dkim_.domains();
    if (!mail_from_domain_.empty()) candidates.push_back(mail_from_domain_);
    dmarc::Author unseen{dmarc::Author::Kind::Unseen, ""};
    dmarc_.begin(header.complete ? dmarc::find_author(header) : unseen, candidates);
  }

  Options options_;
  std::string mail_from_domain_;
  uint64_t received_ = 0;
  size_t scanned_ = 0;
  bool begun_ = false;
  dkim::BodyHasher bodies_;
  dkim::KeyFetcher keys_;
  dkim::Verifier dkim_;
  arc::Verifier arc_;
  dmarc::Check dmarc_;
};

Check::Check(dns::Client& dns, dkim::KeyCache& keys, Options options, std::string mail_from_domain)
    : impl_(std::make_unique<Impl>(dns, keys, std::move(options), std::move(mail_from_domain))) {}

Check::~Check() = default;

void Check::append(std::string_view bytes, std::string_view head) {
  impl_->append(bytes, head);
}

bool Check::begun() const {
  return impl_->begun();
}

const std::vector<std::string>& Check::signers() const {
  return impl_->signers();
}

Task<Outcome> Check::finish(const message::Header& header, std::string_view head, spf::Outcome mail_from) {
  return impl_->finish(header, head, std::move(mail_from));
}

}  // namespace postern::authentication
