#include "lua/engine.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/content.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

constexpr unsigned kMaxOverruns = 3;    // of one rule, before it is suspended
constexpr size_t kMaxMoreMemory = 64;   // rules that wait, for whom the memory of the state is raised
constexpr size_t kShareOfWaiting = 16;  // each of them may hold this part of it

}  // namespace

Engine::Engine(const RuleSet& rules, Observer* observer) : rules_(rules), observer_(observer) {
  slots_.resize(rules.rules().size());
  const auto& order = rules.plan_->order;
  for (size_t position = 0; position < order.size(); ++position) {
    const RuleInfo& info = rules.rules()[order[position]];
    order_.emplace(info.name, position);
    Slot& slot = slots_[order[position]];
    slot.info = &info;
    slot.rule = order[position];
    slot.position = position;
    slot.pattern = rules.pattern_of_[slot.rule];
    // What is not asked has no answers.
    if (info.disabled || (info.kind == RuleInfo::Kind::List && !list(slot).enabled)) continue;
    stages_[static_cast<size_t>(info.stage)].push_back(&slot);
    add_reads(slot);
  }
  find_lists_needed();
  if (rules.patterns_) scanner_ = std::make_unique<PatternScanner>(rules.patterns_);
  renew();
}

Engine::~Engine() = default;

void Engine::add_reads(const Slot& slot) {
  if (slot.info->kind != RuleInfo::Kind::When) return;
  FactNames& stage = reads_[static_cast<size_t>(slot.info->stage)];
  if (slot.rule < rules_.reads_.size()) {
    stage.insert(rules_.reads_[slot.rule].begin(), rules_.reads_[slot.rule].end());
  } else {
    stage.emplace(kAnyFact);
  }
}

void Engine::find_lists_needed() {
  const lists::Lists& all = *rules_.lists_;
  std::set<std::pair<size_t, Stage>> own;  // list, and a stage at which it has a rule
  for (const auto& slots : stages_) {
    for (const Slot* slot : slots) {
      if (slot->info->kind == RuleInfo::Kind::List) own.emplace(slot->info->list, slot->info->stage);
    }
  }
  for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
    auto place = static_cast<size_t>(stage);
    for (size_t list = 0; list < all.size(); ++list) {
      if (!all[list].enabled) continue;
      bool read = reads_list(reads_[place], all[list].name) && known_from(all[list].of) <= stage;
      if (stage == Stage::Message || read || own.count({list, stage}) > 0) lists_needed_[place].push_back(list);
    }
  }
}

bool Engine::reads(Stage stage, std::string_view fact) const {
  return reads_fact(reads_[static_cast<size_t>(stage)], fact);
}

// The set has read these files without a problem, so a rule that does not come out of them now ran out of time or
// memory in this very process; it then fails by name wherever it should run, and mail flows on.
void Engine::renew() {
  reading_.reset();
  auto fresh = std::make_shared<Reading>(rules_.limits_.memory / 2);
  Registry registry(false);
  read_files(fresh->state, registry, rules_.files_, nullptr);
  fresh->state.set_memory(rules_.limits_.memory);
  std::unordered_map<std::string_view, int> by_name;
  for (const Definition& rule : registry.rules()) by_name.emplace(rule.info.name, rule.when);
  fresh->whens.reserve(slots_.size());
  for (const RuleInfo& info : rules_.rules()) {
    auto found = by_name.find(info.name);
    fresh->whens.push_back(found == by_name.end() ? LUA_NOREF : found->second);
  }
  if (fresh->isolation.seal(fresh->state, fresh->whens, rules_.assigned_).failure != Failure::None) {
    fresh->whens.assign(slots_.size(), LUA_NOREF);
  }
  fresh->state.collect();
  fresh->base = fresh->state.used();
  reading_ = std::move(fresh);
}

// What is left after a full collection is held by rules, in variables of their files.
bool Engine::is_hoarded() {
  size_t base = reading_->base;
  size_t headroom = rules_.limits_.memory > base ? rules_.limits_.memory - base : 0;
  State& state = reading_->state;
  if (waiting_ > 0 || state.used() <= base + headroom / 2) return false;
  state.collect();
  return state.used() > base + headroom / 2;
}

void Engine::waiting(int change, Reading& reading) {
  waiting_ = change > 0 ? waiting_ + 1 : waiting_ - 1;
  size_t more = std::min(waiting_, kMaxMoreMemory) * (rules_.limits_.memory / kShareOfWaiting);
  reading.state.set_memory(rules_.limits_.memory + more);
}

void Engine::report(const RuleInfo& info, std::string_view reason, const std::string& message, Evaluation& evaluation,
                    int line) {
  auto [own_line, text] = split_position(message, basename(info.file));
  if (own_line > 0) line = own_line;
  std::string placed = fmt::format("{}:{}: {}", info.file, line > 0 ? line : info.line, text);
  if (observer_ != nullptr) observer_->rule_failed(info, reason, placed);
  add_error(evaluation, {info.name, std::string(reason), std::move(placed)});
}

void Engine::failed(Slot& slot, const RuleOutcome& outcome, bool own_time, Reading& reading, size_t used_before,
                    Evaluation& evaluation) {
  bool overrun = false;
  const std::string& message = outcome.call.message;
  switch (outcome.call.failure) {
    case Failure::None: return;
    case Failure::Error: report(*slot.info, "error", message, evaluation); break;
    case Failure::Cpu:
      report(*slot.info, "cpu", message, evaluation, outcome.line);
      // Whoever runs when the message's budget ends need not have used most of it.
      overrun = own_time;
      break;
    case Failure::Memory: {
      report(*slot.info, "memory", message, evaluation);
      // Nor need the one for whom nothing was left have taken it.
      size_t headroom = rules_.limits_.memory - std::min(rules_.limits_.memory, reading.base);
      overrun = outcome.wanted >= used_before + headroom / 4;
      reading.state.collect();
      break;
    }
  }
  if (overrun && ++slot.overruns == kMaxOverruns) {
    slot.suspended = true;
    report(*slot.info, "suspended",
           fmt::format("overran its limits {} times ({}); it does not run again before the next reload", kMaxOverruns,
                       message),
           evaluation, outcome.line);
  }
}

namespace {

// "https://host:8443/path", the host as it really is; what has no host stays as written.
std::string normal_form(const mime::Url& url) {
  if (url.host.empty()) return url.text;
  std::string host = url.host.find(':') == std::string::npos ? url.host : '[' + url.host + ']';
  std::string port = url.port == 0 ? std::string() : fmt::format(":{}", url.port);
  return fmt::format("{}://{}{}{}", url.scheme, host, port, url.path);
}

}  // namespace

void Engine::scan(MailContext& mail, Matches& matches) {
  if (!scanner_) return;
  auto began = std::chrono::steady_clock::now();
  Watchdog::Pause pause;
  const PatternSet& set = *rules_.patterns_;
  scanner_->begin(matches);
  if (set.wants(Target::Header)) {
    const auto& fields = header_of(mail).fields;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].name.empty() || !set.wants_field(fields[i].name)) continue;
      scanner_->scan(Target::Header, fields[i].name, field_text(mail, i), matches);
    }
  }
  if (set.wants(Target::Raw)) scanner_->scan(Target::Raw, "", mail.facts->message, matches);
  if (set.wants(Target::Body)) {
    // Where a reader sees the end is where '$' is.
    std::string_view text = text_of(mail);
    while (text.ends_with('\n')) text.remove_suffix(1);
    scanner_->scan(Target::Body, "", text, matches);
  }
  if (set.wants(Target::Url)) {
    for (const mime::Url& url : urls_of(mail)) scanner_->scan(Target::Url, "", normal_form(url), matches);
  }
  if (set.wants(Target::Attachment)) {
    for (const mime::Attachment& attachment : attachments_of(mail)) {
      scanner_->scan(Target::Attachment, "", attachment.name, matches);
      for (const std::string& name : attachment.names) scanner_->scan(Target::Attachment, "", name, matches);
    }
  }
  if (observer_ != nullptr) observer_->filter_ran("patterns", "ok", std::chrono::steady_clock::now() - began);
}

}  // namespace postern::rules
