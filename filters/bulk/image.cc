// A cluster as a value, and back.
#include <algorithm>
#include <cmath>

#include "filters/bulk/members.h"
#include "filters/bulk/samples.h"

namespace postern::bulk {
namespace {

constexpr Sample kSlotBits = kSlices - 1;

uint8_t age_of(unsigned slot, int64_t newest) {
  return static_cast<uint8_t>((slot_of(newest) - slot) & kSlotBits);
}

void copy_numbers(const Shard& shard, const Numbers& numbers, ClusterImage& image) {
  image.slice = numbers.window.newest;
  for (unsigned slot = 0; slot < kSlices; ++slot) {
    image.all[age_of(slot, image.slice)] = numbers.window.all[slot];
    image.authenticated[age_of(slot, image.slice)] = numbers.window.authenticated[slot];
  }
  for (size_t who = 0; who < kWhos; ++who) {
    const Distinct& set = numbers.distinct[who];
    image.who[who].level = set.level;
    image.who[who].samples.reserve(set.size);
    RoomView samples = samples_of(shard, numbers, who);
    for (size_t at = 0; at < set.size; ++at) {
      Sample each = samples[at];
      if (!of_level(each, set.level)) continue;
      image.who[who].samples.push_back({each & ~kSlotBits, age_of(each & kSlotBits, image.slice)});
    }
  }
  image.let_through = numbers.let_through;
  image.subject = numbers.subject.view();
  image.from = numbers.from.view();
}

void copy_single(const Head& head, ClusterImage& image) {
  image.all[0] = 1;
  image.authenticated[0] = head.authenticated ? 1 : 0;
  auto add = [&](size_t who, Sample sample) {
    if (sample != 0) image.who[who].samples.push_back({sample, 0});
  };
  for (size_t who = 0; who < head.who.size(); ++who) add(who, head.who[who]);
  for (size_t at = 0; at < head.recipient_count; ++at) add(static_cast<size_t>(Who::Recipients), head.recipients[at]);
  image.let_through = head.passed_count;
  image.from = head.first_passed.from.view();
}

/// A slice of another length of time: where its counts belong now. Nothing moves when the length is the same.
int64_t slice_now(const ClusterImage& image, int64_t age, int64_t slice_ms) {
  return (image.slice - age) * image.slice_ms / slice_ms;
}

void restore_numbers(Shard& shard, Numbers& numbers, const ClusterImage& image, int64_t slice_ms) {
  numbers.window.newest = slice_now(image, 0, slice_ms);
  int64_t oldest = numbers.window.newest - static_cast<int64_t>(kSlices);
  for (size_t age = 0; age < kSlices; ++age) {
    int64_t slice = slice_now(image, static_cast<int64_t>(age), slice_ms);
    if (slice <= oldest) break;
    numbers.window.all[slot_of(slice)] += image.all[age];
    numbers.window.authenticated[slot_of(slice)] += image.authenticated[age];
  }
  for (size_t who = 0; who < kWhos; ++who) {
    std::array<Sample, Distinct::kMost> samples{};
    Distinct set;
    set.level = set.open = image.who[who].level;
    for (const ClusterImage::Seen& seen : image.who[who].samples) {
      int64_t slice = slice_now(image, seen.age, slice_ms);
      if (slice > oldest) samples[set.size++] = (seen.hash & ~kSlotBits) | slot_of(slice);
    }
    merge_samples(shard, numbers, who, set, RoomView(samples));
  }
  numbers.let_through = image.let_through;
  numbers.subject.set(image.subject);
  numbers.from.set(image.from);
}

bool restore_text(Shard& shard, Head& head, const ClusterImage& image) {
  if (!image.centre) return true;
  head.centre = shard.make_body<Sketch>();
  if (head.centre == 0) return false;
  shard.body<Sketch>(head.centre) = *image.centre;
  if (!image.votes) return true;
  head.rivals = shard.make_body<Rivals>();
  head.votes = shard.make_body<Votes>();
  if (head.rivals == 0 || head.votes == 0) return false;
  shard.body<Rivals>(head.rivals) = *image.rivals;
  auto& votes = shard.body<Votes>(head.votes);
  votes = *image.votes;
  // A rival with more votes would be the centre.
  for (size_t half = 0; half < 2; ++half) {
    for (size_t at = 0; at < Sketch::kSlots; ++at) {
      votes.rival[half][at] = std::min(votes.rival[half][at], votes.centre[half][at]);
    }
  }
  return true;
}

/// Whether a head alone can hold it, as it did: a full index would not fit otherwise.
bool restore_single(Head& head, const ClusterImage& image) {
  auto fits = [&](size_t who, size_t most) {
    return image.who[who].level == 0 && image.who[who].samples.size() <= most;
  };
  constexpr auto kRecipients = static_cast<size_t>(Who::Recipients);
  uint64_t all = 0;
  for (uint32_t each : image.all) all += each;
  bool single = image.members == 1 && all == 1 && !image.votes && image.let_through == image.passed.size() &&
                image.subject.empty() && fits(0, 1) && fits(1, 1) && fits(2, 1) &&
                fits(kRecipients, Head::kFewRecipients);
  if (!single) return false;
  for (uint32_t each : image.authenticated) head.authenticated = head.authenticated || each != 0;
  for (size_t who = 0; who < head.who.size(); ++who) {
    if (!image.who[who].samples.empty()) head.who[who] = image.who[who].samples[0].hash;
  }
  for (const ClusterImage::Seen& seen : image.who[kRecipients].samples) {
    head.recipients[head.recipient_count++] = seen.hash;
  }
  return true;
}

bool sound_set(const ClusterImage::Set& set) {
  if (set.level > Distinct::kMaxLevel || set.samples.size() > Distinct::kMost) return false;
  return std::all_of(set.samples.begin(), set.samples.end(), [&](const ClusterImage::Seen& seen) {
    return seen.age < kSlices && (seen.hash & kSlotBits) == 0 && of_level(seen.hash, set.level);
  });
}

}  // namespace

ClusterImage image_of(const Shard& shard, const Head& head, int64_t slice_ms) {
  ClusterImage image;
  image.number = head.number;
  image.aspect = head.aspect;
  image.evidence = static_cast<Evidence>(head.evidence);
  image.allowed = head.allowed;
  image.told = head.told;
  image.first_ms = head.first_ms;
  image.last_ms = head.last_ms;
  image.slice = head.slice;
  image.slice_ms = slice_ms;
  image.members = head.members;
  image.key = head.key;
  image.words = head.words;
  image.similarity = head.similarity;
  image.sites.assign(head.sites.begin(), head.sites.begin() + head.site_count);
  if (head.centre != 0) image.centre = shard.body<Sketch>(head.centre);
  if (head.votes != 0) {
    image.rivals = shard.body<Rivals>(head.rivals);
    image.votes = shard.body<Votes>(head.votes);
  }
  if (head.numbers != 0) {
    copy_numbers(shard, shard.body<Numbers>(head.numbers), image);
  } else {
    copy_single(head, image);
  }
  image.passed = passed_of(shard, head);
  return image;
}

bool sound(const ClusterImage& image) {
  constexpr int64_t kLongest = int64_t{1} << 53U;
  if (image.number == 0 || image.members == 0 || image.slice_ms <= 0 || image.slice_ms > kLongest) return false;
  // What is multiplied and added below stays small.
  if (image.slice < 0 || image.slice > kLongest / image.slice_ms) return false;
  if (image.first_ms < 0 || image.first_ms > kLongest || image.last_ms < 0 || image.last_ms > kLongest) return false;
  if (image.centre.has_value() != (image.aspect == Aspect::Text)) return false;
  if (image.rivals.has_value() != image.votes.has_value() || (image.votes && !image.centre)) return false;
  if (image.sites.size() > Fingerprint::kMaxSites || image.passed.size() > Index::kMaxPassed) return false;
  if (!std::isfinite(image.similarity) || image.similarity < 0 || image.similarity > 1) return false;
  for (size_t age = 0; age < kSlices; ++age) {
    // So large a count is nobody's, and sums of them must not run over.
    if (image.all[age] > 1U << 27U || image.authenticated[age] > image.all[age]) return false;
  }
  return std::all_of(image.who.begin(), image.who.end(), sound_set);
}

bool restore(Shard& shard, Shard::Place place, const ClusterImage& image, int64_t slice_ms) {
  Head& head = shard.head(place);
  head.aspect = image.aspect;
  head.evidence = static_cast<uint8_t>(image.evidence);
  head.told = image.told;
  head.first_ms = image.first_ms;
  head.last_ms = image.last_ms;
  head.slice = slice_now(image, 0, slice_ms);
  head.members = image.members;
  head.key = image.key;
  head.words = image.words;
  head.similarity = image.similarity;
  head.site_count = static_cast<uint8_t>(image.sites.size());
  std::copy(image.sites.begin(), image.sites.end(), head.sites.begin());
  head.first_passed.from.set(image.from);
  if (!restore_text(shard, head, image)) return false;
  if (restore_single(head, image)) {
    for (const Passed& passed : image.passed) let_through(shard, place, passed);
    return true;
  }
  head.numbers = shard.make_body<Numbers>();
  if (head.numbers == 0) return false;
  restore_numbers(shard, shard.body<Numbers>(head.numbers), image, slice_ms);
  for (const Passed& passed : image.passed) let_through(shard, place, passed);
  shard.body<Numbers>(head.numbers).let_through = std::max<uint64_t>(image.let_through, head.passed_count);
  if (image.members > 1) shard.count_as_cluster(head);
  return true;
}

}  // namespace postern::bulk
