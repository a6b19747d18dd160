// Map files: found, read when they changed, and the old entries kept when they are broken.
#include "lua/maps.h"

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <system_error>

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

/// What of a file shows that it changed.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

Stamp stamp_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

// The clock of a file system may stand still for some milliseconds (on some for two seconds): a file that was changed
// just now may change again without showing it.
bool just_changed(const Stamp& stamp) {
  return std::abs(static_cast<int64_t>(std::time(nullptr)) - stamp.seconds) <= 2;
}

std::string words_of(int error) {
  return std::system_category().message(error);
}

struct Content {
  std::string text;
  Stamp stamp;
};

// Error: the reason, without the name.
tl::expected<Content, std::string> read_file(const std::string& path) {
  // Non-blocking: a FIFO that nobody writes to must not hold us.
  Fd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) return tl::unexpected(words_of(errno));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return tl::unexpected(words_of(errno));
  if (S_ISDIR(status.st_mode)) return tl::unexpected(std::string("is a directory"));
  if (!S_ISREG(status.st_mode)) return tl::unexpected(std::string("is not a regular file"));
  Content content;
  content.stamp = stamp_of(status);
  if (status.st_size > static_cast<off_t>(Map::kMaxFile)) {
    return tl::unexpected(fmt::format("is larger than {} MiB", Map::kMaxFile >> 20U));
  }
  content.text.reserve(static_cast<size_t>(status.st_size));
  if (!read_rest(file.get(), Map::kMaxFile + 1, content.text)) return tl::unexpected(words_of(errno));
  return content;
}

std::string entries_of(size_t count) {
  return count == 1 ? "1 entry" : fmt::format("{} entries", count);
}

}  // namespace

struct Maps::File {
  std::string path;
  Map::Kind kind = Map::Kind::Auto;
  std::string shown;                  // the path as messages name it
  MapPtr map;                         // in force; under the lock
  std::vector<std::string> problems;  // of the last reading; under the lock
  Stamp stamp;                        // of the last reading
  uint64_t hash = 0;                  // of its text
  bool look_again = false;            // although the stamp is the same

  struct Reading {
    MapPtr map;
    std::vector<std::string> problems;
    bool same = false;  // as what was read before; nothing else is set then
  };
  /// What is there now.
  Reading read() {
    auto content = read_file(path);
    if (!content) {
      stamp = {};
      return {nullptr, named({{0, content.error()}}), false};
    }
    uint64_t fresh = XXH3_64bits(content->text.data(), content->text.size());
    bool same = stamp.size >= 0 && fresh == hash;
    stamp = content->stamp;
    look_again = just_changed(stamp);
    hash = fresh;
    if (same) return {nullptr, {}, true};
    auto made = Map::parse(content->text, kind);
    if (!made) return {nullptr, named(made.error()), false};
    return {*made, {}, false};
  }

  [[nodiscard]] std::vector<std::string> named(const std::vector<Map::Mistake>& mistakes) const {
    std::vector<std::string> all;
    all.reserve(mistakes.size());
    for (const Map::Mistake& mistake : mistakes) {
      all.push_back(mistake.line == 0 ? fmt::format("{}: {}", shown, mistake.text)
                                      : fmt::format("{}:{}: {}", shown, mistake.line, mistake.text));
    }
    return all;
  }

  /// Whether the file may be another than the one that was read last.
  [[nodiscard]] bool changed() const {
    struct stat status {};
    return look_again || stat(path.c_str(), &status) != 0 || !(stamp_of(status) == stamp);
  }
};

std::string Maps::path_of(const std::string& name) const {
  if (name.starts_with('/') || directory_.empty()) return name;
  return directory_.ends_with('/') ? directory_ + name : directory_ + "/" + name;
}

std::vector<std::string> Maps::add(const std::string& name, Map::Kind kind) {
  if (name.empty() || name.size() > kMaxName || name.find('\0') != std::string::npos) {
    return {fmt::format("'{}' is no name of a file", escape_for_log(name, 80))};
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto known = files_.find({name, kind});
    if (known != files_.end()) return known->second->problems;
    if (files_.size() >= kMaxMaps) return {fmt::format("there are more than {} maps", kMaxMaps)};
  }
  auto file = std::make_shared<File>();
  file->path = path_of(name);
  file->kind = kind;
  file->shown = escape_for_log(file->path, kMaxName);
  File::Reading reading = file->read();
  file->map = std::move(reading.map);
  file->problems = reading.problems;
  std::lock_guard<std::mutex> lock(mutex_);
  files_.emplace(Key{name, kind}, std::move(file));
  return reading.problems;
}

MapPtr Maps::find(std::string_view name, Map::Kind kind) const {
  Key key{std::string(name), kind};
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = files_.find(key);
  return found == files_.end() ? nullptr : found->second->map;
}

std::vector<std::string> Maps::names() const {
  std::vector<std::string> names;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [key, file] : files_) {
    if (names.empty() || names.back() != key.first) names.push_back(key.first);
  }
  return names;
}

std::vector<Maps::Entries> Maps::entries() const {
  std::vector<Entries> all;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [key, file] : files_) {
    all.push_back({file->shown, key.second, file->map == nullptr ? 0 : file->map->size()});
  }
  return all;
}

std::vector<Maps::Change> Maps::refresh() {
  std::vector<std::shared_ptr<File>> files;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [key, file] : files_) files.push_back(file);
  }
  std::vector<Change> changes;
  for (const auto& file : files) {
    if (!file->changed()) continue;
    File::Reading reading = file->read();  // goes with the old map in it, after the lock is given back
    if (reading.same) continue;
    std::lock_guard<std::mutex> lock(mutex_);
    std::swap(file->problems, reading.problems);
    if (reading.map != nullptr) {
      size_t before = file->map == nullptr ? 0 : file->map->size();
      std::string now = entries_of(reading.map->size());
      changes.push_back({file->shown, true, fmt::format("{}: {}, {} before", file->shown, now, before)});
      std::swap(file->map, reading.map);
    } else if (file->problems != reading.problems) {
      size_t others = file->problems.size() - 1;
      changes.push_back({file->shown, false,
                         fmt::format("{}{}; the old entries stay", file->problems[0],
                                     others == 0 ? std::string() : fmt::format(" (and {} more)", others))});
    }
  }
  return changes;
}

}  // namespace postern::rules
