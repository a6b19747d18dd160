// A snapshot of clusters from anybody: as it is, with its sum put right, and as a record of a snapshot that is right.
// It is refused and the index stays empty, or what was read can be looked at, counted on, and is the same when it is
// saved and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "filters/base/result.h"
#include "filters/bulk/index.h"
#include "filters/bulk/snapshot.h"

using namespace postern;

namespace {

constexpr int64_t kNow = 1'767'225'600'000;

bulk::Index::Options small() {
  bulk::Index::Options options;
  options.memory = 1U << 20U;
  options.shards = 1;
  return options;
}

std::string save(const bulk::Index& index, std::string_view position) {
  std::string octets;
  auto saved = index.save(position, [&](std::string_view piece) {
    octets += piece;
    return Result<void>();
  });
  POSTERN_CHECK(saved);
  return octets;
}

void same(const bulk::Index::Stats& a, const bulk::Index::Stats& b) {
  POSTERN_CHECK(a.clusters == b.clusters && a.single == b.single && a.over_limit == b.over_limit);
}

void use(bulk::Index& index) {
  bulk::Sighting sighting;
  sighting.print.evidence = bulk::Evidence::Enough;
  sighting.print.text.emplace();
  sighting.print.words = 100;
  sighting.id = "fuzz";
  sighting.wall_ms = kNow;
  POSTERN_CHECK(index.see(sighting).outcome.count >= 1);
  for (const bulk::Report& report : index.list(kNow, 1, 10)) {
    POSTERN_CHECK(report.passed.size() <= bulk::Index::kMaxPassed);
    POSTERN_CHECK(report.outcome.similarity >= 0 && report.outcome.similarity <= 1);
    POSTERN_CHECK(report.outcome.authenticated_share >= 0 && report.outcome.authenticated_share <= 1);
    index.take(bulk::Withdrawn{report.cluster, kNow});
    index.take(bulk::Let{report.cluster, {"id", "queue", "from", 1, kNow}});
    (void)index.take(bulk::Allowed{report.cluster, true});
    (void)index.find(report.cluster, kNow + 1'000'000);
  }
}

void load(std::string_view octets) {
  bulk::Index index(small());
  auto position = index.load(octets, kNow);
  if (!position) {
    POSTERN_CHECK(index.stats().clusters == 0 && index.stats().single == 0);
  } else {
    bulk::Index again(small());
    auto second = again.load(save(index, *position), kNow);
    POSTERN_CHECK(second && *second == *position);
    same(index.stats(), again.stats());
  }
  use(index);
}

std::string summed(std::string_view octets) {
  bulk::Packer packer;
  packer.octets(octets.substr(0, octets.size() - 8));
  packer.u64(XXH3_64bits(packer.packed().data(), packer.size()));
  return packer.packed();
}

std::string as_record(std::string_view octets) {
  std::string whole;
  bulk::SnapshotWriter::Write write = [&](std::string_view piece) {
    whole += piece;
    return Result<void>();
  };
  bulk::SnapshotWriter writer(write);
  POSTERN_CHECK(writer.begin("position") && writer.record(octets) && writer.end());
  return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view octets(reinterpret_cast<const char*>(data), size);
  load(octets);
  if (size >= 8) load(summed(octets));
  if (size >= 1 && size <= bulk::kMaxSnapshotRecord) load(as_record(octets));
  return 0;
}
