#include "filters/classifier/examples.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "filters/classifier/words.h"

namespace postern::classifier {
namespace {

using Senders = std::map<uint64_t, size_t>;  // how many examples each has

/// The most that a sender may weigh, so that it is `share` of what all weigh together: sum(min(count, most)) * share ==
/// most. As the sum is concave in `most`, going down the counts finds it.
double most_of(const Senders& senders, double share) {
  std::vector<size_t> counts;
  counts.reserve(senders.size());
  for (const auto& [sender, count] : senders) counts.push_back(count);
  std::sort(counts.begin(), counts.end(), std::greater<>());
  size_t rest = 0;
  for (size_t count : counts) rest += count;
  // The `above` largest are cut: most = share * (above * most + rest).
  for (size_t above = 0; above < counts.size(); ++above) {
    double left = 1 - share * static_cast<double>(above);
    if (left <= 0) break;
    double most = share * static_cast<double>(rest) / left;
    if (most >= static_cast<double>(counts[above])) return most;
    rest -= counts[above];
  }
  return 1;
}

}  // namespace

void drop_duplicates(std::vector<Example>& examples) {
  std::sort(examples.begin(), examples.end(), [](const Example& a, const Example& b) {
    auto all = [](const Example& one) {
      const Reading& read = one.reading;
      return std::tie(one.digest, one.spam, one.sender, read.features, read.text, read.links, read.header);
    };
    return all(a) < all(b);
  });
  size_t kept = 0;
  for (size_t begin = 0; begin < examples.size();) {
    size_t end = begin;
    size_t spam = 0;
    for (; end < examples.size() && examples[end].digest == examples[begin].digest; ++end) {
      spam += static_cast<size_t>(examples[end].spam);
    }
    size_t ham = end - begin - spam;
    // The first of its kind: ham stands before spam.
    size_t chosen = spam > ham ? begin + ham : begin;
    begin = end;
    if (spam == ham) continue;
    if (kept != chosen) examples[kept] = std::move(examples[chosen]);
    ++kept;
  }
  examples.resize(kept);
}

std::vector<float> sender_weights(const std::vector<Example>& examples, double share) {
  std::array<Senders, 2> senders;
  for (const Example& example : examples) ++senders[static_cast<size_t>(example.spam)][example.sender];
  std::array<double, 2> most = {most_of(senders[0], share), most_of(senders[1], share)};
  std::array<float, 2> largest = {};
  std::vector<float> out;
  out.reserve(examples.size());
  for (const Example& example : examples) {
    auto kind = static_cast<size_t>(example.spam);
    auto count = static_cast<double>(senders[kind][example.sender]);
    out.push_back(static_cast<float>(std::min(1.0, most[kind] / count)));
    largest[kind] = std::max(largest[kind], out.back());
  }
  // Where there are few senders, what they have to say is no less clear for it.
  for (size_t i = 0; i < out.size(); ++i) out[i] /= largest[static_cast<size_t>(examples[i].spam)];
  return out;
}

}  // namespace postern::classifier
