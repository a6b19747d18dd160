#include "filters/bulk/snapshot.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "filters/bulk/fingerprint.h"

namespace postern::bulk {
namespace {

std::string snapshot(std::string_view position, const std::vector<std::string>& records) {
  std::string written;
  SnapshotWriter::Write write = [&](std::string_view piece) {
    written += piece;
    return Result<void>();
  };
  SnapshotWriter writer(write);
  EXPECT_TRUE(writer.begin(position));
  for (const std::string& record : records) EXPECT_TRUE(writer.record(record));
  EXPECT_TRUE(writer.end());
  return written;
}

/// The sum put right again: as if whoever wrote it had meant it so.
std::string summed(std::string octets) {
  octets.resize(octets.size() - 8);
  Packer sum;
  sum.u64(XXH3_64bits(octets.data(), octets.size()));
  return octets + sum.packed();
}

std::string why(std::string_view octets) {
  auto reader = SnapshotReader::open(octets);
  return reader ? "" : reader.error().message;
}

TEST(Snapshot, ReadsWhatWasWritten) {
  std::vector<std::string> records{"a", std::string("\0\r\n", 3), std::string(kMaxSnapshotRecord, 'x')};
  std::string octets = snapshot("1700000000000-0", records);
  auto reader = SnapshotReader::open(octets);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->position(), "1700000000000-0");
  EXPECT_EQ(reader->size(), records.size());
  std::vector<std::string> read;
  for (std::string_view record; reader->next(record);) read.emplace_back(record);
  EXPECT_EQ(read, records);
}

TEST(Snapshot, MayHoldNothing) {
  std::string octets = snapshot("", {});
  auto reader = SnapshotReader::open(octets);
  ASSERT_TRUE(reader);
  std::string_view record;
  EXPECT_FALSE(reader->next(record));
}

TEST(Snapshot, IsWrittenInPieces) {
  size_t most = 0;
  size_t pieces = 0;
  SnapshotWriter::Write write = [&](std::string_view piece) {
    most = std::max(most, piece.size());
    ++pieces;
    return Result<void>();
  };
  SnapshotWriter writer(write);
  ASSERT_TRUE(writer.begin(""));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer.record(std::string(1000, 'x')));
  ASSERT_TRUE(writer.end());
  EXPECT_LT(most, 300U << 10U);
  EXPECT_LT(pieces, 10U);
}

TEST(Snapshot, StopsWhenWritingFails) {
  int calls = 0;
  SnapshotWriter::Write write = [&](std::string_view) -> Result<void> {
    return ++calls == 2 ? fail(Code::Io, "No space left on device") : Result<void>();
  };
  SnapshotWriter writer(write);
  ASSERT_TRUE(writer.begin(""));
  Result<void> written;
  for (int i = 0; i < 1000 && written; ++i) written = writer.record(std::string(1000, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::Io);
  EXPECT_EQ(calls, 2);
}

TEST(Snapshot, IsKnownAsTornAtEveryLength) {
  std::string octets = snapshot("position", {"first", "second", std::string(100, 'x')});
  for (size_t length = 0; length < octets.size(); ++length) {
    EXPECT_FALSE(SnapshotReader::open(octets.substr(0, length))) << length;
    EXPECT_FALSE(SnapshotReader::open(octets.substr(0, length) + std::string(octets.size() - length, '\0'))) << length;
  }
  EXPECT_FALSE(SnapshotReader::open(octets + std::string(1, '\0')));
}

TEST(Snapshot, NoBitOfItMayChange) {
  std::string octets = snapshot("position", {"first", "second", std::string(100, 'x')});
  for (size_t bit = 0; bit < 8 * octets.size(); ++bit) {
    octets[bit / 8] = static_cast<char>(octets[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(SnapshotReader::open(octets)) << bit;
    octets[bit / 8] = static_cast<char>(octets[bit / 8] ^ 1 << bit % 8);
  }
  EXPECT_TRUE(SnapshotReader::open(octets));
}

TEST(Snapshot, SaysWhatIsWrong) {
  std::string octets = snapshot("", {"first"});
  EXPECT_EQ(why(""), "it is empty");
  EXPECT_EQ(why("From ann@sender.example Mon Mar  2 10:00:00 2026\n"), "it is not a snapshot of clusters");
  EXPECT_EQ(why(octets.substr(0, 5)), "it is torn: its beginning is all there is");
  EXPECT_EQ(why(octets.substr(0, octets.size() - 1)), "it is torn: its sum is wrong");
  std::string newer = octets;
  newer[8] = 3;
  EXPECT_EQ(why(summed(newer)), "it has form 3, and 2 is what this version reads");
  std::string other = octets;
  other[11] = 1;
  EXPECT_NE(
      why(summed(other)).find(fmt::format("of version {}, and {} is", kFingerprintVersion + 256, kFingerprintVersion)),
      std::string::npos)
      << why(summed(other));
}

TEST(Snapshot, ARightSumIsNotBelievedAlone) {
  std::string octets = snapshot("position", {"first", "second"});
  std::string_view same = octets;
  for (size_t at = kSnapshotHead; at + 8 < octets.size(); ++at) {
    for (char value : {'\x00', '\x01', '\x7F', '\xFF'}) {
      std::string changed(same);
      changed[at] = value;
      changed = summed(changed);
      // Read or refused: what is read lies within, and there is as much of it as is said.
      auto reader = SnapshotReader::open(changed);
      if (!reader) continue;
      uint64_t records = 0;
      for (std::string_view record; reader->next(record); ++records) EXPECT_LE(record.size(), changed.size());
      EXPECT_EQ(records, reader->size());
    }
  }
}

TEST(Unpacker, IsNotOkBeyondTheEnd) {
  Packer packer;
  packer.u8(7);
  packer.u64(~uint64_t{0} - 1);
  packer.i64(-5);
  packer.text("grüße");
  packer.u16(0xBEEF);
  Unpacker unpacker(packer.packed());
  EXPECT_EQ(unpacker.u8(), 7);
  EXPECT_EQ(unpacker.u64(), ~uint64_t{0} - 1);
  EXPECT_EQ(unpacker.i64(), -5);
  EXPECT_EQ(unpacker.text(100), "grüße");
  EXPECT_TRUE(unpacker.ok());
  EXPECT_EQ(unpacker.u32(), 0U);
  EXPECT_FALSE(unpacker.ok());
  EXPECT_EQ(unpacker.u16(), 0U) << "what follows a failure is not read either";
  EXPECT_EQ(Unpacker(packer.packed()).text(3), "");
}

}  // namespace
}  // namespace postern::bulk
