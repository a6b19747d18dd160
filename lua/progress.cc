#include "lua/progress.h"

#include <algorithm>

namespace postern::rules {

void Progress::add(size_t position, Hit hit) {
  auto behind = std::find_if(placed_.begin(), placed_.end(),
                             [position](const Placed& placed) { return placed.position > position; });
  placed_.insert(behind, {position, std::move(hit)});
}

void Progress::close(size_t position) {
  open_.erase(std::remove(open_.begin(), open_.end(), position), open_.end());
}

bool Progress::waits_before(size_t position) const {
  return std::any_of(open_.begin(), open_.end(), [position](size_t each) { return each < position; });
}

bool Progress::is_open(size_t position) const {
  return std::find(open_.begin(), open_.end(), position) != open_.end();
}

const Hit* Progress::find(std::string_view rule) const {
  auto before = std::find_if(before_.begin(), before_.end(), [rule](const Hit& hit) { return hit.rule == rule; });
  if (before != before_.end()) return &*before;
  auto placed =
      std::find_if(placed_.begin(), placed_.end(), [rule](const Placed& each) { return each.hit.rule == rule; });
  return placed != placed_.end() ? &placed->hit : nullptr;
}

double Progress::score_before(size_t position) const {
  std::vector<Hit> hits = before_;
  for (const Placed& placed : placed_) {
    if (placed.position < position) hits.push_back(placed.hit);
  }
  return sum(hits, groups_);
}

std::vector<Progress::Placed> Progress::take(size_t last) {
  auto behind =
      std::find_if(placed_.begin(), placed_.end(), [last](const Placed& placed) { return placed.position > last; });
  placed_.erase(behind, placed_.end());
  return std::move(placed_);
}

}  // namespace postern::rules
