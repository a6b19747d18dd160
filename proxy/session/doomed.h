// Doomed: a file that is removed unless it is finished.
#pragma once

#include <string>
#include <utility>

#include <unistd.h>

namespace postern::session {

/// Removes a file unless told to keep it. One owner, one thread; an empty path is no file.
class Doomed {
 public:
  explicit Doomed(std::string path) : path_(std::move(path)) {}
  Doomed(const Doomed&) = delete;
  Doomed& operator=(const Doomed&) = delete;
  ~Doomed() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

}  // namespace postern::session
