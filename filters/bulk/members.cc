#include "filters/bulk/members.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "filters/bulk/centre.h"
#include "filters/bulk/samples.h"

namespace postern::bulk {
namespace {

PassedRow& passed_row(Shard& shard, Head& head, size_t at) {
  if (at == 0) return head.first_passed;
  return shard.body<MorePassed>(head.more_passed[(at - 1) / 3]).rows[(at - 1) % 3];
}

void add_passed(Shard& shard, Head& head, const Passed& passed) {
  if (head.passed_count >= Index::kMaxPassed) return;
  if (head.passed_count > 0) {
    BodyRef& block = head.more_passed[(head.passed_count - 1U) / 3];
    if (block == 0) block = shard.make_body<MorePassed>();
    if (block == 0) return;
  }
  passed_row(shard, head, head.passed_count++).set(passed);
}

void count_who(Shard& shard, Numbers& numbers, const Sighting& sighting, int64_t slice) {
  add_sample(shard, numbers, Who::Networks, sample_of(sighting.network), slice);
  add_sample(shard, numbers, Who::Senders, sample_of(sighting.sender), slice);
  add_sample(shard, numbers, Who::Domains, sample_of(sighting.domain), slice);
  size_t most = std::min(sighting.recipients.size(), Sighting::kMaxRecipients);
  for (size_t at = 0; at < most; ++at) {
    add_sample(shard, numbers, Who::Recipients, sample_of(sighting.recipients[at]), slice);
  }
}

/// Of a cluster of one message whose head says all there is. False: there is no memory.
bool make_numbers(Shard& shard, Head& head) {
  if (head.numbers != 0) return true;
  head.numbers = shard.make_body<Numbers>();
  if (head.numbers == 0) return false;
  auto& numbers = shard.body<Numbers>(head.numbers);
  numbers.window.newest = head.slice;
  numbers.window.add(head.slice, head.authenticated);
  for (size_t who = 0; who < head.who.size(); ++who) {
    add_sample(shard, numbers, static_cast<Who>(who), head.who[who], head.slice);
  }
  for (size_t at = 0; at < head.recipient_count; ++at) {
    add_sample(shard, numbers, Who::Recipients, head.recipients[at], head.slice);
  }
  numbers.let_through = head.passed_count;
  numbers.from.set(head.first_passed.from.view());
  return true;
}

/// Both rivals and votes, or neither.
bool make_votes(Shard& shard, Head& head) {
  if (head.votes != 0) return true;
  BodyRef rivals = shard.make_body<Rivals>();
  BodyRef votes = shard.make_body<Votes>();
  if (rivals == 0 || votes == 0) {
    shard.drop_body(rivals);
    shard.drop_body(votes);
    return false;
  }
  shard.body<Votes>(votes) = first_votes();
  head.rivals = rivals;
  head.votes = votes;
  return true;
}

/// A band or two hundred may change at once; those that find no room come in turn.
void add_changed(const Sketch& centre, const Changed& changed, Fresh& fresh) {
  constexpr size_t kMost = Fresh::kMost * 3 / 4;
  for (size_t band = 0; band < Bands::kText && fresh.size < kMost; ++band) {
    bool words = band < Bands::kWords;
    uint64_t set = words ? changed.words >> band : changed.pairs >> (band - Bands::kWords);
    if ((set & 1U) != 0) fresh.bands[fresh.size++] = text_band(centre, band);
  }
}

/// Common ones stay, new ones take the place of the others.
void add_sites(Head& head, const std::vector<uint32_t>& sites) {
  for (uint32_t site : sites) {
    auto end = head.sites.begin() + head.site_count;
    if (std::find(head.sites.begin(), end, site) != end) continue;
    if (head.site_count == head.sites.size()) {
      std::move(head.sites.begin() + 1, head.sites.end(), head.sites.begin());
      --head.site_count;
    }
    head.sites[head.site_count++] = site;
  }
}

/// False: they are more than a few.
bool add_recipients(Head& head, const std::vector<uint32_t>& recipients) {
  for (uint32_t recipient : recipients) {
    Sample sample = sample_of(recipient);
    auto end = head.recipients.begin() + head.recipient_count;
    if (sample == 0 || std::find(head.recipients.begin(), end, sample) != end) continue;
    if (head.recipient_count == Head::kFewRecipients) return false;
    head.recipients[head.recipient_count++] = sample;
  }
  return true;
}

}  // namespace

void PassedRow::set(const Passed& passed) {
  wall_ms = passed.wall_ms;
  recipients = passed.recipients;
  id.set(passed.id);
  queue.set(passed.queue);
  from.set(passed.from);
}

Passed PassedRow::passed() const {
  return {std::string(id.view()), std::string(queue.view()), std::string(from.view()), recipients, wall_ms};
}

Bands Unit::bands() const {
  switch (aspect) {
    case Aspect::Text: return text_bands(text());
    case Aspect::Picture: return picture_bands(key);
    case Aspect::File:
    case Aspect::Urls: return exact_band(aspect, key);
  }
  return {};
}

Bands Unit::look_ups() const {
  return aspect == Aspect::Picture ? picture_look_ups(key) : bands();
}

bool begin(Shard& shard, Shard::Place place, const Unit& unit) {
  Head& head = shard.head(place);
  const Sighting& sighting = unit.sighting;
  head.aspect = unit.aspect;
  head.key = unit.key;
  head.words = sighting.print.words;
  head.first_ms = head.last_ms = unit.when.ms;
  head.slice = unit.when.slice;
  head.members = 1;
  head.evidence = static_cast<uint8_t>(sighting.print.evidence);
  head.authenticated = sighting.authenticated;
  head.who = {sample_of(sighting.network), sample_of(sighting.sender), sample_of(sighting.domain)};
  head.first_passed.from.set(sighting.from);
  add_sites(head, sighting.print.sites);
  if (unit.aspect == Aspect::Text) {
    head.centre = shard.make_body<Sketch>();
    if (head.centre == 0) return false;
    shard.body<Sketch>(head.centre) = unit.text();
  }
  if (add_recipients(head, sighting.recipients)) return true;
  if (!make_numbers(shard, head)) return false;
  auto& numbers = shard.body<Numbers>(head.numbers);
  numbers.subject.set(sighting.subject);
  count_who(shard, numbers, sighting, unit.when.slice);
  return true;
}

void join(Shard& shard, Shard::Place place, const Unit& unit, double similarity, Fresh& fresh) {
  Head& head = shard.head(place);
  const Sighting& sighting = unit.sighting;
  if (!make_numbers(shard, head)) return;
  shard.count_as_cluster(head);
  auto& numbers = shard.body<Numbers>(head.numbers);
  advance(shard, numbers, unit.when.slice);
  numbers.window.add(unit.when.slice, sighting.authenticated);
  count_who(shard, numbers, sighting, numbers.window.newest);
  if (numbers.subject.size == 0) numbers.subject.set(sighting.subject);
  ++head.members;
  head.slice = numbers.window.newest;
  head.last_ms = std::max(head.last_ms, unit.when.ms);
  head.similarity = static_cast<float>(similarity);
  head.evidence = static_cast<uint8_t>(sighting.print.evidence);
  add_sites(head, sighting.print.sites);
  if (unit.aspect == Aspect::Text && make_votes(shard, head)) {
    auto& centre = shard.body<Sketch>(head.centre);
    add_changed(centre, vote(centre, shard.body<Rivals>(head.rivals), shard.body<Votes>(head.votes), unit.text()),
                fresh);
    head.words = static_cast<uint32_t>((uint64_t{head.words} * 7 + sighting.print.words + 4) / 8);
  }
  refresh(shard, place, Fresh::kMost / 4, fresh);
}

void absorb(Shard& shard, Shard::Place kept, Shard& other, Shard::Place gone) {
  Head& head = shard.head(kept);
  Head& lost = other.head(gone);
  if (!make_numbers(shard, head) || !make_numbers(other, lost)) return;
  shard.count_as_cluster(head);
  auto& numbers = shard.body<Numbers>(head.numbers);
  auto& more = other.body<Numbers>(lost.numbers);
  int64_t slice = std::max(head.slice, lost.slice);
  advance(shard, numbers, slice);
  advance(other, more, slice);
  numbers.window.merge(more.window);
  for (size_t who = 0; who < kWhos; ++who) {
    merge_samples(shard, numbers, who, more.distinct[who], samples_of(std::as_const(other), std::as_const(more), who));
  }
  if (head.aspect == Aspect::Text && make_votes(shard, head) && make_votes(other, lost)) {
    // What changed need not be entered: the other's bands lead here from now on.
    add_votes(shard.body<Sketch>(head.centre), shard.body<Rivals>(head.rivals), shard.body<Votes>(head.votes),
              other.body<Sketch>(lost.centre), other.body<Rivals>(lost.rivals), other.body<Votes>(lost.votes));
  }
  uint64_t passed = numbers.let_through + more.let_through;
  for (const Passed& each : passed_of(other, lost)) add_passed(shard, head, each);
  numbers.let_through = passed;
  if (numbers.subject.size == 0) numbers.subject.set(more.subject.view());
  head.members += lost.members;
  head.slice = numbers.window.newest;
  head.first_ms = std::min(head.first_ms, lost.first_ms);
  head.last_ms = std::max(head.last_ms, lost.last_ms);
  head.told = head.told || lost.told;
  add_sites(head, {lost.sites.begin(), lost.sites.begin() + lost.site_count});
}

bool same_campaign(const Shard& shard, const Head& head, const Shard& other_shard, const Head& other) {
  if (head.aspect != other.aspect) return false;
  if (head.aspect == Aspect::Picture) return std::popcount(head.key ^ other.key) <= kPictureDistance;
  if (head.aspect != Aspect::Text) return head.key == other.key;
  Likeness near = likeness(shard.body<Sketch>(head.centre), other_shard.body<Sketch>(other.centre));
  return is_copy(near, std::min(head.words, other.words), std::min(head.members, other.members));
}

void rebase(Shard& shard, Shard::Place place, const Moment& moment, int64_t now) {
  Head& head = shard.head(place);
  if (head.slice - std::max(moment.slice, now) < static_cast<int64_t>(kSlices)) return;
  if (head.numbers != 0) {
    auto& numbers = shard.body<Numbers>(head.numbers);
    int64_t back = numbers.window.newest - moment.slice;
    numbers.window.rebase(moment.slice);
    for (size_t who = 0; who < kWhos; ++who) {
      numbers.distinct[who].shift(samples_of(shard, numbers, who), back);
    }
  }
  head.slice = moment.slice;
  head.first_ms = std::min(head.first_ms, moment.ms);
  head.last_ms = std::min(head.last_ms, moment.ms);
}

void refresh(Shard& shard, Shard::Place place, size_t most, Fresh& fresh) {
  Head& head = shard.head(place);
  bool text = head.aspect == Aspect::Text;
  Bands all = text ? Bands{} : bands_of(shard, head);
  size_t size = text ? Bands::kText : all.size;
  for (size_t done = 0; done < std::min(most, size) && fresh.size < Fresh::kMost; ++done) {
    head.band = static_cast<uint8_t>((head.band + 1U) % size);
    fresh.bands[fresh.size++] = text ? text_band(shard.body<Sketch>(head.centre), head.band) : all.at[head.band];
  }
}

void let_through(Shard& shard, Shard::Place place, const Passed& passed) {
  Head& head = shard.head(place);
  if (head.numbers != 0) ++shard.body<Numbers>(head.numbers).let_through;
  add_passed(shard, head, passed);
}

std::vector<Passed> passed_of(const Shard& shard, const Head& head) {
  std::vector<Passed> all;
  all.reserve(head.passed_count);
  for (size_t at = 0; at < head.passed_count; ++at) {
    all.push_back(at == 0 ? head.first_passed.passed()
                          : shard.body<MorePassed>(head.more_passed[(at - 1) / 3]).rows[(at - 1) % 3].passed());
  }
  return all;
}

bool withdraw(Shard& shard, Shard::Place place, const Moment& moment) {
  Head& head = shard.head(place);
  if (head.numbers == 0) return head.allowed;
  auto& numbers = shard.body<Numbers>(head.numbers);
  numbers.window.withdraw(moment.slice);
  if (head.members > 1) --head.members;
  return head.allowed || numbers.window.count() > 0;
}

Bands bands_of(const Shard& shard, const Head& head) {
  switch (head.aspect) {
    case Aspect::Text: return text_bands(shard.body<Sketch>(head.centre));
    case Aspect::Picture: return picture_bands(head.key);
    case Aspect::File:
    case Aspect::Urls: return exact_band(head.aspect, head.key);
  }
  return {};
}

}  // namespace postern::bulk
