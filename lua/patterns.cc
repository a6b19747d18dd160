#include "lua/patterns.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/text.h"
#include "lua/pattern_inside.h"
#include "lua/regex_cache.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxDetail = 200;   // octets
constexpr size_t kShownBefore = 60;  // octets before the end of a match whose begin is not known

struct FreeScratch {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

void repair(std::string_view text, std::string& out) {
  out.clear();
  for (;;) {
    size_t good = mime::utf8_length(text);
    out.append(text.substr(0, good));
    if (good == text.size()) return;
    out.append("\xEF\xBF\xBD");
    text.remove_prefix(good + 1);
  }
}

// The text's first kMaxSubject octets; a character is not cut in two.
std::string_view within_bounds(std::string_view text, bool octets) {
  if (text.size() <= RegexCache::kMaxSubject) return text;
  size_t end = RegexCache::kMaxSubject;
  for (int i = 0; !octets && i < 3 && continues(text[end]); ++i) --end;
  return text.substr(0, end);
}

// One line of well-formed UTF-8, as the details of other rules are shown.
std::string shown(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8_sequence(text, i);
    auto octet = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters too.
    bool control = octet < 0x20 || octet == 0x7F ||
                   (length == 2 && octet == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0);
    std::string_view next = length != 0 && !control ? text.substr(i, length) : octet == '\n' ? " " : "?";
    if (out.size() + next.size() > kMaxDetail) break;
    out.append(next);
    i += length == 0 ? 1 : length;
  }
  return out;
}

}  // namespace

std::string_view to_string(Target target) {
  switch (target) {
    case Target::Header: return "header";
    case Target::Body: return "body";
    case Target::Url: return "url";
    case Target::Attachment: return "attachment";
    case Target::Raw: return "raw";
  }
  return "";
}

const std::string& Matches::detail(size_t pattern) const {
  static const std::string none;
  return matched(pattern) ? details_[found_[pattern] - 1] : none;
}

void Matches::add(size_t pattern, std::string&& detail) {
  details_.push_back(std::move(detail));
  found_[pattern] = static_cast<uint32_t>(details_.size());
}

PatternSet::PatternSet(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
PatternSet::~PatternSet() = default;

const std::vector<Pattern>& PatternSet::patterns() const {
  return inside_->patterns;
}

bool PatternSet::wants(Target target) const {
  return inside_->wanted[static_cast<size_t>(target)];
}

bool PatternSet::wants_field(std::string_view name) const {
  return inside_->field_index(name) != Inside::kNoField;
}

size_t PatternSet::fallbacks() const {
  return inside_->fallbacks;
}

bool PatternSet::from_cache() const {
  return inside_->from_cache;
}

uint32_t PatternSet::Inside::field_index(std::string_view name) const {
  // lexicographical_compare asks both ways round, so both are lowered.
  auto before = [](char a, char b) {
    return static_cast<unsigned char>(ascii_lower(a)) < static_cast<unsigned char>(ascii_lower(b));
  };
  auto found =
      std::lower_bound(fields.begin(), fields.end(), name, [before](const std::string& field, std::string_view other) {
        return std::lexicographical_compare(field.begin(), field.end(), other.begin(), other.end(), before);
      });
  if (found == fields.end() || !equal_nocase(*found, name)) return kNoField;
  return static_cast<uint32_t>(found - fields.begin());
}

const RE2* PatternSet::Inside::finder(size_t pattern) {
  Finder& finder = finders[pattern];
  std::call_once(finder.once, [&] {
    if (finders_made.fetch_add(1, std::memory_order_relaxed) >= kMaxFinders) return;
    auto regex = make_re2(compiled.plain[pattern], patterns[pattern].target, kFinderMemory);
    if (regex->ok()) finder.regex = std::move(regex);
  });
  return finder.regex.get();
}

class PatternScanner::Inside {
 public:
  explicit Inside(std::shared_ptr<const PatternSet> set) : set_(std::move(set)), in_(*set_->inside_) {
    hits_.reserve(in_.patterns.size());  // so that nothing is allocated, and thrown, within Hyperscan
    for (const Database& database : in_.compiled.databases) {
      if (!database) continue;
      hs_scratch_t* scratch = scratch_.release();
      hs_error_t status = hs_alloc_scratch(database.get(), &scratch);
      scratch_.reset(scratch);
      if (status == HS_NOMEM) throw std::bad_alloc();
      POSTERN_CHECK(status == HS_SUCCESS);
    }
  }

  [[nodiscard]] size_t size() const { return in_.patterns.size(); }

  void scan(Target target, std::string_view field, std::string_view text, Matches& matches) {
    const auto place = static_cast<size_t>(target);
    if (!in_.wanted[place]) return;
    POSTERN_CHECK(matches.found_.size() == size());
    field_ = target == Target::Header ? in_.field_index(field) : PatternSet::Inside::kNoField;
    if (target == Target::Header && field_ == PatternSet::Inside::kNoField) return;
    text_ = within_bounds(text.data() == nullptr ? std::string_view("") : text, target == Target::Raw);
    if (target != Target::Raw && mime::utf8_length(text_) != text_.size()) {
      repair(text_, repaired_);
      text_ = repaired_;
    }
    matches_ = &matches;
    if (in_.compiled.databases[place]) search_together(*in_.compiled.databases[place]);
    for (size_t pattern : in_.slow[place]) search_alone(pattern);
  }

 private:
  struct Hit {
    uint32_t pattern;
    uint32_t end;  // offset in the text
  };

  [[nodiscard]] bool looked_for(size_t pattern) const {
    return matches_->found_[pattern] == 0 && in_.field_of[pattern] == field_;
  }

  static int on_match(unsigned id, unsigned long long, unsigned long long end, unsigned, void* context) {
    auto* self = static_cast<Inside*>(context);
    // An expression is reported once a search, so there are never more than was reserved.
    if (self->looked_for(id) && self->hits_.size() < self->hits_.capacity()) {
      self->hits_.push_back({id, static_cast<uint32_t>(end)});
    }
    return 0;
  }

  void search_together(const hs_database_t& database) {
    hits_.clear();
    hs_error_t status = hs_scan(&database, text_.data(), static_cast<unsigned>(text_.size()), 0, scratch_.get(),
                                &Inside::on_match, this);
    POSTERN_CHECK(status == HS_SUCCESS);
    for (const Hit& hit : hits_) {
      if (matches_->found_[hit.pattern] == 0) matches_->add(hit.pattern, shown(found_before(hit.pattern, hit.end)));
    }
  }

  void search_alone(size_t pattern) {
    re2::StringPiece found;
    if (!looked_for(pattern)) return;
    const RE2& regex = *in_.slow_regex[pattern];
    size_t end = std::min(text_.size(), RegexCache::reach(regex));
    while (end < text_.size() && end > 0 && continues(text_[end])) --end;
    if (!regex.Match(piece(), 0, end, RE2::UNANCHORED, &found, 1)) return;
    matches_->add(pattern, shown(std::string_view(found.data(), found.size())));
  }

  // Hyperscan says where the first match to end ends; RE2 says where it began, and how far it goes.
  std::string_view found_before(size_t pattern, size_t end) {
    size_t from = end > kMaxDetail ? end - kMaxDetail : 0;
    while (from < end && continues(text_[from])) ++from;
    if (const RE2* regex = in_.finder(pattern)) {
      re2::StringPiece found;
      if (regex->Match(piece(), from, end, RE2::UNANCHORED, &found, 1)) {
        auto begin = static_cast<size_t>(found.data() - text_.data());
        size_t limit = std::min(begin + kMaxDetail, text_.size());
        if (regex->Match(piece(), begin, limit, RE2::ANCHOR_START, &found, 1) && begin + found.size() >= end) {
          return {found.data(), found.size()};
        }
        return text_.substr(begin, end - begin);
      }
    }
    from = end > kShownBefore ? end - kShownBefore : 0;
    while (from < end && continues(text_[from])) ++from;
    return text_.substr(from, end - from);
  }

  [[nodiscard]] re2::StringPiece piece() const { return {text_.data(), text_.size()}; }

  std::shared_ptr<const PatternSet> set_;
  PatternSet::Inside& in_;  // changes in its finders only
  std::unique_ptr<hs_scratch_t, FreeScratch> scratch_;
  std::vector<Hit> hits_;
  std::string repaired_;
  std::string_view text_;  // these four: of the search under way
  uint32_t field_ = PatternSet::Inside::kNoField;
  Matches* matches_ = nullptr;
};

PatternScanner::PatternScanner(std::shared_ptr<const PatternSet> set)
    : inside_(std::make_unique<Inside>(std::move(set))) {}
PatternScanner::~PatternScanner() = default;

void PatternScanner::begin(Matches& matches) const {
  matches.found_.assign(inside_->size(), 0);
  matches.details_.clear();
}

void PatternScanner::scan(Target target, std::string_view field, std::string_view text, Matches& matches) {
  inside_->scan(target, field, text, matches);
}

}  // namespace postern::rules
