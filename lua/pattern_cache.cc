#include "lua/pattern_cache.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "filters/base/bytes.h"
#include "filters/base/fd.h"
#include "filters/base/files.h"

namespace postern::rules {

namespace {

// The file: magic, key, number of patterns; for each its searcher and plain expression; for each target the octets of
// its database (none: length 0); a checksum over all before it. Numbers are of this machine: the key holds its
// processor.
constexpr std::string_view kMagic = "PostPat1";
// To be raised whenever write_plainly() or the choice of the engine changes: the key has only what the admin wrote.
constexpr uint64_t kFormat = 1;
constexpr size_t kChecksum = sizeof(XXH64_hash_t);

std::string last_error() {
  return std::system_category().message(errno);
}

void put_number(std::string& out, uint64_t value) {
  char octets[sizeof value];
  std::memcpy(octets, &value, sizeof value);
  out.append(octets, sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out.append(text);
}

// Reads what was written, within its bounds; once something did not fit everything after it fails too.
class Reader {
 public:
  explicit Reader(std::string_view data) : rest_(data) {}
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) good_ = false;
    if (!good_) return {};
    std::string_view out = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return out;
  }
  uint64_t number() {
    uint64_t value = 0;
    std::string_view octets = take(sizeof value);
    if (good_) std::memcpy(&value, octets.data(), sizeof value);
    return value;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

XXH64_hash_t checksum(std::string_view data) {
  return XXH3_64bits(data.data(), data.size());
}

// The whole file, or why not; "" when there is none.
tl::expected<std::string, std::string> read_trusted(const std::string& file) {
  // Not blocking: opening a named pipe would wait for a writer.
  Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT) return std::string();
    return tl::unexpected(errno == ELOOP ? std::string("it is a symbolic link") : last_error());
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return tl::unexpected(last_error());
  if (!S_ISREG(status.st_mode)) return tl::unexpected<std::string>("it is not a regular file");
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    return tl::unexpected(fmt::format("it belongs to another user (id {})", status.st_uid));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return tl::unexpected<std::string>("others may write to it");
  if (status.st_size < 0 || static_cast<uint64_t>(status.st_size) > kMaxPatternCache) {
    return tl::unexpected<std::string>("it is too large");
  }
  std::string data(static_cast<size_t>(status.st_size), '\0');
  for (size_t at = 0; at < data.size();) {
    ssize_t got = read(fd.get(), data.data() + at, data.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(last_error());
    if (got == 0) data.resize(at);  // it was cut meanwhile
    at += static_cast<size_t>(got);
  }
  return data;
}

tl::expected<CompiledPatterns, std::string> parse(std::string_view data, const PatternKey& key,
                                                  const std::vector<Pattern>& patterns) {
  constexpr const char* damaged = "it is damaged";
  if (data.size() < kMagic.size() + kChecksum || data.substr(0, kMagic.size()) != kMagic) {
    return tl::unexpected<std::string>(damaged);
  }
  Reader tail(data.substr(data.size() - kChecksum));
  data.remove_suffix(kChecksum);
  if (tail.number() != checksum(data)) return tl::unexpected<std::string>(damaged);

  Reader reader(data.substr(kMagic.size()));
  std::string_view its_key = reader.take(key.size());
  if (!std::equal(key.begin(), key.end(), its_key.begin(), its_key.end(),
                  [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); })) {
    return tl::unexpected<std::string>("");  // of other patterns, for another processor or library: as after any change
  }
  CompiledPatterns out;
  if (reader.number() != patterns.size()) return tl::unexpected<std::string>(damaged);
  for (size_t i = 0; i < patterns.size() && reader.good(); ++i) {
    out.searcher.push_back(reader.number() == 0 ? Searcher::Hyperscan : Searcher::Re2);
    out.plain.emplace_back(reader.take(reader.number()));
  }
  for (Database& database : out.databases) {
    std::string_view octets = reader.take(reader.number());
    if (octets.empty()) continue;
    hs_database_t* made = nullptr;
    if (hs_deserialize_database(octets.data(), octets.size(), &made) != HS_SUCCESS) {
      return tl::unexpected<std::string>("Hyperscan does not take it");
    }
    database.reset(made);
  }
  if (!reader.at_end()) return tl::unexpected<std::string>(damaged);
  return out;
}

tl::expected<std::string, std::string> serialise(const PatternKey& key, const CompiledPatterns& compiled) {
  std::string out(kMagic);
  for (uint8_t octet : key) out += static_cast<char>(octet);
  put_number(out, compiled.plain.size());
  for (size_t i = 0; i < compiled.plain.size(); ++i) {
    put_number(out, static_cast<uint64_t>(compiled.searcher[i]));
    put_text(out, compiled.plain[i]);
  }
  for (const Database& database : compiled.databases) {
    char* octets = nullptr;
    size_t size = 0;
    if (database && hs_serialize_database(database.get(), &octets, &size) != HS_SUCCESS) {
      return tl::unexpected<std::string>("Hyperscan cannot write its database");
    }
    std::unique_ptr<char, void (*)(void*)> owner(octets, std::free);
    put_text(out, {octets == nullptr ? "" : octets, size});
  }
  put_number(out, checksum(out));
  if (out.size() > kMaxPatternCache) return tl::unexpected<std::string>("the set is too large for it");
  return out;
}

// Whether we may put ours in its place: a wrong word in the configuration must not cost somebody a file.
bool may_replace(const std::string& file) {
  struct stat status {};
  if (lstat(file.c_str(), &status) != 0) return errno == ENOENT;
  if (!S_ISREG(status.st_mode)) return false;
  Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  char octets[8];
  static_assert(sizeof octets == kMagic.size());
  ssize_t got = fd.get() < 0 ? -1 : read(fd.get(), octets, sizeof octets);
  return got >= 0 && kMagic.substr(0, static_cast<size_t>(got)) == std::string_view(octets, static_cast<size_t>(got));
}

}  // namespace

PatternKey pattern_key(const std::vector<Pattern>& patterns) {
  std::string all;
  put_number(all, kFormat);
  const char* version = hs_version();
  put_text(all, version == nullptr ? std::string_view() : std::string_view(version));
  hs_platform_info_t platform{};
  if (hs_populate_platform(&platform) == HS_SUCCESS) {
    put_number(all, platform.tune);
    put_number(all, platform.cpu_features);
  }
  put_number(all, patterns.size());
  for (const Pattern& pattern : patterns) {
    put_number(all, static_cast<uint64_t>(pattern.target));
    put_text(all, pattern.field);
    put_text(all, pattern.expression);
  }
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(all.data(), all.size()));
  PatternKey key;
  std::copy(std::begin(hash.digest), std::end(hash.digest), key.begin());
  return key;
}

std::optional<CompiledPatterns> read_pattern_cache(const std::string& file, const PatternKey& key,
                                                   const std::vector<Pattern>& patterns,
                                                   std::vector<std::string>& notes) {
  auto data = read_trusted(file);
  if (data && data->empty()) return std::nullopt;
  auto parsed = data ? parse(*data, key, patterns) : tl::unexpected(data.error());
  if (parsed) return std::move(*parsed);
  if (parsed.error().empty()) return std::nullopt;
  notes.push_back(fmt::format("pattern cache {} is not used: {}", escape_for_log(file), parsed.error()));
  return std::nullopt;
}

void write_pattern_cache(const std::string& file, const PatternKey& key, const CompiledPatterns& compiled,
                         std::vector<std::string>& notes) {
  auto note = [&](const std::string& why) {
    notes.push_back(fmt::format("pattern cache {} is not written: {}", escape_for_log(file), why));
  };
  if (!may_replace(file)) return note("what is there is no pattern cache, or cannot be read");
  auto data = serialise(key, compiled);
  if (!data) return note(data.error());
  std::string beside = file + ".XXXXXX";  // a name of its own: another process may be writing too
  Fd fd(mkostemp(beside.data(), O_CLOEXEC));
  if (fd.get() < 0) return note(last_error());
  if (!write_all(fd.get(), *data) || fsync(fd.get()) != 0 || rename(beside.c_str(), file.c_str()) != 0) {
    std::string why = last_error();
    unlink(beside.c_str());
    note(why);
  }
}

}  // namespace postern::rules
