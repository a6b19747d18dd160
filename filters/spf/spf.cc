#include "filters/spf/spf.h"

#include <optional>
#include <utility>
#include <vector>

#include "filters/base/bytes.h"
#include "filters/spf/evaluate.h"
#include "filters/spf/identity.h"

namespace postern::spf {
namespace {

Task<Outcome> check(dns::Client& dns, std::optional<Identity> identity, IpAddress client, Options options) {
  Outcome outcome;
  if (!identity) co_return outcome;  // RFC 7208, 4.3
  std::string domain = to_lower(identity->domain);
  Evaluation evaluation(std::move(*identity), client, options);
  // Each turn answers at least one new question, and Known::kMaxLookups bounds those.
  while (!evaluation.run()) {
    std::vector<dns::Question> questions = evaluation.missing();
    std::vector<dns::Answer> answers = co_await dns::ask(dns, std::move(questions), options.lookup_timeout);
    evaluation.learn(std::move(answers));
  }
  outcome = evaluation.take();
  outcome.domain = std::move(domain);
  co_return outcome;
}

}  // namespace

std::string_view to_string(Result result) {
  switch (result) {
    case Result::None: return "none";
    case Result::Neutral: return "neutral";
    case Result::Pass: return "pass";
    case Result::Fail: return "fail";
    case Result::SoftFail: return "softfail";
    case Result::TempError: return "temperror";
    case Result::PermError: return "permerror";
  }
  return "?";
}

Task<Outcome> check_helo(dns::Client& dns, const Query& query, Options options) {
  return check(dns, helo_identity(query.helo), query.client, std::move(options));
}

Task<Outcome> check_mail_from(dns::Client& dns, const Query& query, Options options) {
  return check(dns, mail_from_identity(query.helo, query.mail_from), query.client, std::move(options));
}

}  // namespace postern::spf
