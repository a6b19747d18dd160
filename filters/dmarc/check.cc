#include <algorithm>
#include <optional>
#include <utility>

#include "filters/base/signal.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/judge.h"
#include "filters/dmarc/psl.h"
#include "filters/dmarc/walk.h"

namespace postern::dmarc {
namespace {

/// Policy records asked for in one check; the author domain's walk is at most kMaxWalk of them.
constexpr size_t kMaxRecords = 40;

}  // namespace

class Check::Impl {
 public:
  Impl(dns::Client& dns, const Options& options) : dns_(dns), options_(options) {}

  void begin(const Author& author, const std::vector<std::string>& candidates) {
    author_ = author;
    if (author.kind != Author::Kind::One) return;
    std::vector<std::string> names = author_names();
    for (const std::string& candidate : candidates) {
      // A shared top-level domain is no organization, as a rule: finish() asks when it is.
      if (count_labels(common_parent(candidate, author.domain)) > 1) add_missing(names, candidate);
    }
    // Only a record above it asks about the domain itself. With two labels that is a top-level domain's: too rare.
    asks_existence_ = count_labels(author.domain) > 2;
    fetching_.emplace(fetch(std::move(names), asks_existence_));
  }

  Task<Outcome> finish(std::vector<Identifier> identifiers) {
    if (fetching_) co_await fetching_->get();
    Judge judge(author_, identifiers, options_.discovery, known_);
    if (!judge.applies()) co_return judge.outcome(exists_);
    std::vector<std::string> names;
    for (const std::string& domain : judge.missing()) add_missing(names, domain);
    bool existence = judge.asks_existence() && !asks_existence_;
    if (!names.empty() || existence) co_await fetch(std::move(names), existence);
    co_return judge.outcome(exists_);
  }

 private:
  std::vector<std::string> author_names() {
    std::vector<std::string> names = {author_.domain};
    known_.note_asked(author_.domain);
    if (options_.discovery == Discovery::TreeWalk) {
      add_missing(names, author_.domain);
      return names;
    }
    // RFC 7489, 6.6.3: the author domain, then its organizational domain.
    std::string organization = registrable_domain(author_.domain).value_or(author_.domain);
    if (known_.note_asked(organization)) names.push_back(std::move(organization));
    return names;
  }

  /// The names of a walk from `domain` that were never asked for: all of them, or none when they are too many.
  void add_missing(std::vector<std::string>& names, const std::string& domain) {
    if (options_.discovery == Discovery::Psl || !dns::is_valid_name(domain)) return;
    std::vector<std::string> walk = walk_names(domain);
    auto asked = [this](const std::string& name) { return known_.at(name).state != Known::State::NotAsked; };
    walk.erase(std::remove_if(walk.begin(), walk.end(), asked), walk.end());
    if (known_.size() + walk.size() > kMaxRecords) return;
    for (std::string& name : walk) {
      known_.note_asked(name);
      names.push_back(std::move(name));
    }
  }

  Task<void> fetch(std::vector<std::string> names, bool existence) {
    std::vector<dns::Question> questions;
    questions.reserve(names.size() + 1);
    for (const std::string& name : names) questions.push_back({"_dmarc." + name, dns::Type::TXT});
    // RFC 9989, 3.2.13: a domain does not exist when the answer to a query for it is NXDOMAIN, whatever the type.
    if (existence) questions.push_back({author_.domain, dns::Type::A});
    std::vector<dns::Answer> answers = co_await dns::ask(dns_, std::move(questions), options_.lookup_timeout);
    for (size_t i = 0; i < names.size(); ++i) known_.learn(names[i], answers[i]);
    if (existence) exists_ = answers.back().status;
  }

  dns::Client& dns_;
  Options options_;
  Author author_;
  Known known_;
  bool asks_existence_ = false;
  std::optional<dns::Status> exists_;         // of the author domain; nullopt: not asked
  std::optional<Background<void>> fetching_;  // goes first: its task uses all the others
};

Check::Check(dns::Client& dns, const Options& options) : impl_(std::make_unique<Impl>(dns, options)) {}
Check::~Check() = default;

void Check::begin(const Author& author, const std::vector<std::string>& candidates) {
  impl_->begin(author, candidates);
}

Task<Outcome> Check::finish(std::vector<Identifier> identifiers) {
  return impl_->finish(std::move(identifiers));
}

}  // namespace postern::dmarc
