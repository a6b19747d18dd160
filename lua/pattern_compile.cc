#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/pattern_cache.h"
#include "lua/pattern_inside.h"
#include "lua/pattern_syntax.h"
#include "lua/regex_cache.h"

namespace postern::rules {

namespace {

unsigned hyperscan_flags(Target target) {
  return HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | (target == Target::Raw ? 0U : HS_FLAG_UTF8);
}

// Instructions of RE2's program, which tell how large an expression is once its counted repeats are written out.
// Hyperscan's time grows with the square and worse (measured for two repeats of a wide class: 0.1 s at 1,000, 3.5 s at
// 5,000, minutes at 20,000), and RE2, where it must search alone, would look at little of a text (RegexCache::reach).
constexpr int kMaxProgram = 4500;

class Compiler {
 public:
  Compiler(const std::vector<Pattern>& patterns, std::vector<std::string>& notes)
      : patterns_(patterns), notes_(notes), regex_(patterns.size()) {
    out_.plain.resize(patterns.size());
    out_.searcher.assign(patterns.size(), Searcher::Re2);
  }

  tl::expected<CompiledPatterns, std::vector<PatternSet::Refusal>> run() {
    has_hyperscan_ = hs_valid_platform() == HS_SUCCESS;
    if (!has_hyperscan_)
      notes_.emplace_back("this processor is too old for Hyperscan: patterns are searched one by one");
    for (size_t i = 0; i < patterns_.size(); ++i) one(i);
    // What follows takes long, and a set with a mistake is of no use.
    for (size_t target = 0; target < kTargets && refusals_.empty(); ++target) together(static_cast<Target>(target));
    if (!refusals_.empty()) return tl::unexpected(std::move(refusals_));
    return std::move(out_);
  }

 private:
  void one(size_t index);
  void together(Target target);
  bool build(Target target, std::vector<unsigned>& ids);
  [[nodiscard]] bool hyperscan_refuses(size_t index) const;
  void refuse(size_t index, std::string reason) { refusals_.push_back({index, std::move(reason)}); }

  const std::vector<Pattern>& patterns_;
  std::vector<std::string>& notes_;
  std::vector<std::unique_ptr<RE2>> regex_;
  CompiledPatterns out_;
  CharacterTables tables_;
  std::vector<PatternSet::Refusal> refusals_;
  bool has_hyperscan_ = false;
};

bool Compiler::hyperscan_refuses(size_t index) const {
  if (!has_hyperscan_) return true;
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  hs_error_t status =
      hs_expression_info(out_.plain[index].c_str(), hyperscan_flags(patterns_[index].target), &info, &error);
  std::free(info);
  hs_free_compile_error(error);
  return status != HS_SUCCESS;
}

void Compiler::one(size_t index) {
  const Pattern& pattern = patterns_[index];
  if (pattern.expression.size() > RegexCache::kMaxPattern) {
    return refuse(index, fmt::format("it is longer than {} octets", RegexCache::kMaxPattern));
  }
  auto plain = write_plainly(pattern.expression, pattern.target == Target::Raw, tables_);
  if (!plain) return refuse(index, plain.error());
  out_.plain[index] = std::move(plain->text);
  regex_[index] = make_re2(out_.plain[index], pattern.target, RegexCache::kMaxMemory);
  const RE2& regex = *regex_[index];
  if (!regex.ok()) {  // its words about what was written are better than those about what became of it
    auto written = make_re2(pattern.expression, pattern.target, RegexCache::kMaxMemory);
    return refuse(index, printable_ascii(written->ok() ? regex.error() : written->error(), 200));
  }
  if (regex.ProgramSize() > kMaxProgram) {
    return refuse(index, "it is too large: make its counted repeats smaller, such as {0,50}, or write .* for them");
  }
  // Behind a newline that ends the text a line begins for RE2 and none does for Hyperscan. It matters to an expression
  // of which nothing need follow the '^', and such a one is found in an empty text.
  if (plain->line_starts && RE2::PartialMatch("", regex)) return;
  if (hyperscan_refuses(index)) return;
  out_.searcher[index] = Searcher::Hyperscan;
}

// One try. False: something was moved to RE2, and `ids` has the rest.
bool Compiler::build(Target target, std::vector<unsigned>& ids) {
  std::vector<const char*> expressions;
  expressions.reserve(ids.size());
  for (unsigned id : ids) expressions.push_back(out_.plain[id].c_str());
  std::vector<unsigned> flags(ids.size(), hyperscan_flags(target));
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  hs_error_t status = hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()),
                                       HS_MODE_BLOCK, nullptr, &database, &error);
  if (status == HS_SUCCESS) {
    out_.databases[static_cast<size_t>(target)].reset(database);
    return true;
  }
  int named = error != nullptr ? error->expression : -1;
  hs_free_compile_error(error);
  size_t victim = 0;
  if (named >= 0 && static_cast<size_t>(named) < ids.size()) {
    victim = static_cast<size_t>(named);
  } else {  // the set as a whole is too much: without its largest member it may not be
    auto largest = std::max_element(ids.begin(), ids.end(), [this](unsigned a, unsigned b) {
      return regex_[a]->ProgramSize() < regex_[b]->ProgramSize();
    });
    victim = static_cast<size_t>(largest - ids.begin());
  }
  out_.searcher[ids[victim]] = Searcher::Re2;
  ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(victim));
  return false;
}

void Compiler::together(Target target) {
  std::vector<unsigned> ids;
  for (size_t i = 0; i < patterns_.size(); ++i) {
    if (patterns_[i].target == target && out_.searcher[i] == Searcher::Hyperscan)
      ids.push_back(static_cast<unsigned>(i));
  }
  while (!ids.empty() && !build(target, ids)) {}
}

}  // namespace

std::unique_ptr<RE2> make_re2(std::string_view plain, Target target, int64_t max_memory) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(max_memory);
  if (target == Target::Raw) options.set_encoding(RE2::Options::EncodingLatin1);
  return std::make_unique<RE2>(re2::StringPiece(plain.data(), plain.size()), options);
}

tl::expected<CompiledPatterns, std::vector<PatternSet::Refusal>> compile_patterns(const std::vector<Pattern>& patterns,
                                                                                  std::vector<std::string>& notes) {
  return Compiler(patterns, notes).run();
}

tl::expected<std::shared_ptr<const PatternSet>, std::vector<PatternSet::Refusal>> PatternSet::compile(
    std::vector<Pattern> patterns, const Cache& cache, std::vector<std::string>& notes) {
  const PatternKey key = pattern_key(patterns);
  auto inside = std::make_unique<Inside>();
  if (!cache.file.empty() && !patterns.empty()) {
    if (auto kept = read_pattern_cache(cache.file, key, patterns, notes)) {
      inside->compiled = std::move(*kept);
      inside->from_cache = true;
    }
  }
  if (!inside->from_cache) {
    auto made = compile_patterns(patterns, notes);
    if (!made) return tl::unexpected(std::move(made.error()));
    inside->compiled = std::move(*made);
    if (!cache.file.empty() && cache.write && !patterns.empty()) {
      write_pattern_cache(cache.file, key, inside->compiled, notes);
    }
  }
  inside->take(std::move(patterns));
  return std::shared_ptr<const PatternSet>(new PatternSet(std::move(inside)));
}

std::vector<std::pair<size_t, size_t>> PatternSet::searched_alone() const {
  std::vector<std::pair<size_t, size_t>> alone;
  for (size_t i = 0; i < inside_->slow_regex.size(); ++i) {
    if (inside_->slow_regex[i]) alone.emplace_back(i, RegexCache::reach(*inside_->slow_regex[i]));
  }
  return alone;
}

void PatternSet::Inside::take(std::vector<Pattern> all) {
  patterns = std::move(all);
  for (const Pattern& pattern : patterns) {
    wanted[static_cast<size_t>(pattern.target)] = true;
    if (pattern.target == Target::Header) fields.push_back(pattern.field);
  }
  std::sort(fields.begin(), fields.end());
  fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
  field_of.assign(patterns.size(), kNoField);
  slow_regex.resize(patterns.size());
  finders = std::make_unique<Finder[]>(patterns.size());
  for (size_t i = 0; i < patterns.size(); ++i) {
    const Pattern& pattern = patterns[i];
    if (pattern.target == Target::Header) field_of[i] = field_index(pattern.field);
    if (compiled.searcher[i] == Searcher::Hyperscan) continue;
    ++fallbacks;
    slow[static_cast<size_t>(pattern.target)].push_back(i);
    slow_regex[i] = make_re2(compiled.plain[i], pattern.target, RegexCache::kMaxMemory);
  }
}

}  // namespace postern::rules
