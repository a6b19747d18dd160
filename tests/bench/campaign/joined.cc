#include "tests/bench/campaign/joined.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "tests/bench/campaign/methods.h"
#include "tests/bench/campaign/mutate.h"

namespace postern::campaign {
namespace {

constexpr double kSame = 0.2;

struct Member {
  const Mail* mail = nullptr;
  double nearest = 0;      // exact similarity to the nearest other member
  bool template_ = false;  // sender or subject of another member
  [[nodiscard]] bool doubtful() const { return nearest < kSame; }
  [[nodiscard]] bool wrong() const { return doubtful() && !template_; }
};
using Cluster = std::vector<Member>;

// What stands in a subject whatever the message: letters, without "Re:" and list names.
std::string subject_words(std::string_view subject) {
  std::string words;
  for (const std::string& word : words_of(subject)) {
    if (word == "re" || word == "fwd" || word == "fw" || std::any_of(word.begin(), word.end(), ascii_digit)) continue;
    words.append(word).push_back(' ');
  }
  return words;
}

struct Sender {
  std::string_view name;  // that is shown
  std::string_view address;
};
Sender sender_of(const Mail& mail) {
  const std::string_view from = mail.from;
  const size_t open = std::min(from.find('<'), from.size());
  return {trim(from.substr(0, open)), trim(from.substr(std::min(open + 1, from.size())))};
}

// Newsletters have one name and an address for each issue, or one address and a name for each edition.
bool same_template(const Mail& a, const Mail& b) {
  const Sender one = sender_of(a);
  const Sender other = sender_of(b);
  if (!one.name.empty() && equal_nocase(one.name, other.name)) return true;
  if (!one.address.empty() && equal_nocase(one.address, other.address)) return true;
  const std::string subject = subject_words(a.subject);
  return !subject.empty() && subject == subject_words(b.subject);
}

void judge(Cluster& cluster) {
  for (Member& member : cluster) {
    for (const Member& other : cluster) {
      if (&member == &other) continue;
      member.nearest = std::max(member.nearest, jaccard(member.mail->grams, other.mail->grams));
    }
    if (!member.doubtful()) continue;
    member.template_ = std::any_of(cluster.begin(), cluster.end(), [&](const Member& other) {
      return &member != &other && same_template(*member.mail, *other.mail);
    });
  }
}

struct Joins {
  std::vector<Cluster> clusters;  // of two or more
  size_t compared = 0;            // messages that the method has evidence of
};

Joins join(Method& method, const std::vector<Mail>& mails) {
  std::vector<const Mail*> order;
  order.reserve(mails.size());
  for (const Mail& mail : mails) order.push_back(&mail);
  Random random(4);
  std::shuffle(order.begin(), order.end(), random);
  Joins joins;
  std::vector<std::pair<uint64_t, const Mail*>> placed;
  placed.reserve(order.size());
  for (const Mail* mail : order) {
    const Print print = method.print(mail->octets, mail->bounce);
    if (!print.evidence) continue;
    ++joins.compared;
    placed.emplace_back(method.see(print).cluster, mail);
  }
  std::map<uint64_t, Cluster> by_number;
  for (const auto& [number, mail] : placed) by_number[method.now_called(number)].push_back({.mail = mail});
  for (auto& [number, cluster] : by_number) {
    if (cluster.size() < 2) continue;
    judge(cluster);
    joins.clusters.push_back(std::move(cluster));
  }
  std::sort(joins.clusters.begin(), joins.clusters.end(),
            [](const Cluster& a, const Cluster& b) { return a.size() > b.size(); });
  return joins;
}

struct Sum {
  size_t joined = 0;
  size_t templates = 0;
  size_t wrong = 0;
  size_t wrong_spam = 0;
  size_t wrong_list = 0;
};
Sum sum_of(const Joins& joins) {
  Sum sum;
  for (const Cluster& cluster : joins.clusters) {
    sum.joined += cluster.size();
    for (const Member& member : cluster) {
      if (!member.doubtful()) continue;
      if (!member.wrong()) {
        ++sum.templates;
      } else if (member.mail->spam) {
        ++sum.wrong_spam;
      } else if (member.mail->list) {
        ++sum.wrong_list;
      } else {
        ++sum.wrong;
      }
    }
  }
  return sum;
}

void print_row(std::string_view name, const Joins& joins) {
  const Sum sum = sum_of(joins);
  fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} |\n", name, joins.compared, joins.clusters.size(), sum.joined,
             sum.templates, sum.wrong, sum.wrong_list, sum.wrong_spam);
}

std::string shown(std::string_view text) {
  return escape_for_log(text, 60);
}

void print_clusters(const Joins& joins, bool all) {
  for (const Cluster& cluster : joins.clusters) {
    const bool doubtful = std::any_of(cluster.begin(), cluster.end(), [](const Member& m) { return m.doubtful(); });
    if (!doubtful && !all) continue;
    fmt::print("\ncluster of {}\n", cluster.size());
    size_t shown_members = 0;
    for (const Member& member : cluster) {
      if (!member.doubtful() && ++shown_members > 4) continue;
      fmt::print("  {:.3f} {:8} {:4} {:44} {} | {}\n", member.nearest,
                 member.wrong() ? "FALSE" : (member.doubtful() ? "template" : ""), member.mail->list ? "list" : "",
                 member.mail->name.substr(0, 44), shown(member.mail->from), shown(member.mail->subject));
    }
  }
}

}  // namespace

void print_joined(const std::vector<Mail>& mails, bool ours_alone, bool all) {
  fmt::print("\n## Joined among the {} messages of the corpora\n\n", mails.size());
  fmt::print(
      "| method | compared | clusters | messages in them | same sender or subject only | falsely joined | of mailing "
      "lists | of spam |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  Joins ours;
  bool first = true;
  for (const MethodKind& kind : methods()) {
    Joins joins = join(*kind.make(), mails);
    print_row(kind.name, joins);
    if (first) ours = std::move(joins);
    first = false;
    if (ours_alone) break;
  }
  const Joins whole = join(*all_aspects(), mails);
  print_row("filters/bulk, files, pictures and links too", whole);
  fmt::print("\n### Clusters of filters/bulk with doubtful members\n");
  print_clusters(ours, all);
  fmt::print("\n### With files, pictures and links\n");
  print_clusters(whole, all);
}

}  // namespace postern::campaign
