#include "proxy/cli/classifier_keeper.h"

#include <cerrno>
#include <ctime>
#include <exception>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "proxy/ops/learned.h"

namespace postern::cli {
namespace {

std::string path_of(const ops::Config& config) {
  return config.classifier_directory.empty() ? std::string() : config.classifier_directory + "/model";
}

std::string utc(int64_t wall_seconds) {
  auto seconds = static_cast<std::time_t>(wall_seconds);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

ClassifierKeeper::ClassifierKeeper(session::Timers& timers, session::Offload& offload, session::Observer& observer,
                                   const ops::Config& config, Use use)
    : timers_(timers), offload_(offload), observer_(observer), use_(std::move(use)), path_(path_of(config)) {}

ClassifierKeeper::Mark ClassifierKeeper::mark_of(const std::string& path) {
  Mark mark;
  struct stat status {};
  if (path.empty()) return mark;
  if (::stat(path.c_str(), &status) != 0) {
    // A directory that nobody has made yet, and a model that nobody has learned yet, are no errors.
    if (errno != ENOENT) mark.error = errno;
    return mark;
  }
  mark.device = status.st_dev;
  mark.inode = status.st_ino;
  mark.seconds = status.st_mtim.tv_sec;
  mark.nanoseconds = status.st_mtim.tv_nsec;
  mark.octets = status.st_size;
  return mark;
}

/// Any thread. The mark is taken before the file is opened: one that is replaced in between is looked at again.
ClassifierKeeper::Found ClassifierKeeper::find(const std::string& path, const Mark& before, bool anyway) {
  if (!path.empty()) ops::finish_learning(std::filesystem::path(path).parent_path().string());
  Found found{mark_of(path), false, ModelPtr()};
  if (found.mark == before && !anyway) return found;
  found.looked = true;
  if (found.mark != Mark()) found.model = classifier::Model::open(path);
  return found;
}

void ClassifierKeeper::start() {
  take(find(path_, mark_, true));
  look_later();
}

void ClassifierKeeper::reload(const ops::Config& config) {
  path_ = path_of(config);
  anyway_ = true;
  if (!looking_) look();
}

void ClassifierKeeper::look_later() {
  timer_ = timers_.after(kPause, [this] { look(); });
}

void ClassifierKeeper::look() {
  timer_.reset();
  looking_ = true;
  auto found = std::make_shared<Found>();
  work_ = offload_.run(
      [found, path = path_, before = mark_, anyway = std::exchange(anyway_, false)]() -> Result<std::string> {
        *found = find(path, before, anyway);
        return std::string();
      },
      [this, found](const Result<std::string>& ran) {
        looking_ = false;
        if (ran) take(std::move(*found));
        // A reload came meanwhile, perhaps with another directory.
        anyway_ ? look() : look_later();
      });
}

void ClassifierKeeper::take(Found found) {
  if (found.looked && !anyway_) {
    say(found);
    mark_ = found.mark;
    if (found.model) {
      model_ = std::move(*found.model);
      told_ = false;
    }
  }
  if (!told_) told_ = use_(model_);
}

void ClassifierKeeper::say(const Found& found) {
  if (!found.model) {
    observer_.note("warning",
                   fmt::format("[classifier] the model is refused, {}: {}",
                               model_ ? "the old one stays" : "nothing is classified", found.model.error().message));
    return;
  }
  const ModelPtr& model = *found.model;
  if (!model) {
    if (model_) observer_.note("info", fmt::format("[classifier] {} is gone: nothing is classified", path_));
    return;
  }
  std::string_view enough = model->ham() >= classifier::kLeastLearned && model->spam() >= classifier::kLeastLearned
                                ? ""
                                : "; too few to say anything of a message";
  observer_.note("info", fmt::format("[classifier] {}: learned from {} ham and {} spam, {}{}", path_, model->ham(),
                                     model->spam(), utc(model->trained_at()), enough));
}

}  // namespace postern::cli
