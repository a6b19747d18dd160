// One message: rules begin in order, wait, and end; the outcome is as if none had waited.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "lua/engine.h"
#include "lua/expression.h"
#include "lua/hits.h"

namespace postern::rules {

namespace {

void end_thread(Engine::Reading& reading, lua_State* thread, const RuleOutcome& outcome) {
  if (outcome.call.failure == Failure::None) {
    reading.state.put_thread(thread);
  } else {
    reading.state.drop_thread(thread);
  }
}

}  // namespace

Judging::Judging(Engine& engine, const std::vector<Engine::Slot*>& slots, const Facts& facts, Evaluation& evaluation,
                 Outside outside)
    : engine_(engine), slots_(slots), evaluation_(evaluation), progress_(evaluation.hits, engine.rules().groups()) {
  mail_.facts = &facts;
  mail_.progress = &progress_;
  mail_.order = &engine.order();
  mail_.dns = outside.dns;
  mail_.dns_timeout = outside.dns_timeout;
  mail_.lists = engine.rules().lists().get();
  mail_.maps = &engine.rules().maps();
  if (!evaluation.maps) evaluation.maps = std::make_shared<SeenMaps>();
  mail_.seen_maps = evaluation.maps;
}

Judging::~Judging() {
  for (auto& waiting : waiting_) give_up(*waiting);
}

Task<void> Judging::run() {
  while (!advance()) co_await changed_;
}

bool Judging::advance() {
  if (finished_) return true;
  do {
    if (std::exchange(wants_new_state_, false)) engine_.renew();
    Watchdog watchdog(engine_.rules().limits().rule_cpu, engine_.rules().limits().message_cpu - evaluation_.cpu);
    while (resume_ready(watchdog) || begin_next(watchdog)) {}
    evaluation_.cpu += watchdog.used();
  } while (wants_new_state_);
  engine_.reading()->state.drop_texts();
  if (!waiting_.empty()) return false;
  finish();
  return true;
}

// Goes on with the first rule that has what it waited for; whether there was one.
bool Judging::resume_ready(Watchdog& watchdog) {
  auto ready = std::find_if(waiting_.begin(), waiting_.end(), [this](const auto& each) {
    return each->for_earlier ? !progress_.waits_before(each->slot->position) : each->answered;
  });
  if (ready == waiting_.end()) return false;
  std::unique_ptr<Waiting> waiting = std::move(*ready);
  waiting_.erase(ready);
  Engine::Reading& reading = *waiting->reading;
  engine_.waiting(-1, reading);
  enter(reading, *waiting->slot);
  mail_.listed = std::move(waiting->lists);
  size_t used_before = reading.state.used();
  RuleOutcome outcome = resume_rule(waiting->thread, watchdog, waiting->cpu);
  leave(reading, outcome);
  if (outcome.waits) {
    wait(std::move(waiting));
  } else {
    end_thread(reading, waiting->thread, outcome);
    ended(*waiting->slot, reading, outcome, waiting->cpu, watchdog.expired() == Watchdog::Expired::Slice, used_before);
  }
  watchdog.skip();
  return true;
}

// Hundreds of patterns in a row, and of lists, must cost next to nothing.
bool Judging::has_nothing_to_do(const Engine::Slot& slot) const {
  if (slot.info->kind == RuleInfo::Kind::List) return listed(*mail_.facts, slot.info->list) == nullptr;
  return scanned_ && slot.pattern != Engine::kNoPattern && !matches_.matched(slot.pattern);
}

// Begins with the next rule; false when there is none that may begin now.
bool Judging::begin_next(Watchdog& watchdog) {
  if (decided()) return false;
  while (next_ < slots_.size() && has_nothing_to_do(*slots_[next_])) ++next_;
  if (next_ == slots_.size()) return false;
  auto for_earlier = [](const auto& each) { return each->for_earlier; };
  if (std::any_of(waiting_.begin(), waiting_.end(), for_earlier)) return false;
  Engine::Slot& slot = *slots_[next_];
  switch (slot.info->kind) {
    case RuleInfo::Kind::Pattern: begin_pattern(slot); break;
    case RuleInfo::Kind::List: begin_list(slot); break;
    case RuleInfo::Kind::Expression:
      if (!begin_expression(slot)) return false;
      break;
    case RuleInfo::Kind::When:
      if (engine_.is_hoarded()) {
        wants_new_state_ = true;
        return false;
      }
      begin_when(slot, watchdog);
      break;
  }
  ++next_;
  return true;
}

void Judging::begin_pattern(const Engine::Slot& slot) {
  if (!std::exchange(scanned_, true)) engine_.scan(mail_, matches_);
  if (matches_.matched(slot.pattern)) add_hit(slot, make_hit(*slot.info, 1, matches_.detail(slot.pattern)));
}

void Judging::begin_list(const Engine::Slot& slot) {
  const lists::List& list = engine_.list(slot);
  std::optional<Hit> hit = list_hit(*slot.info, list, *mail_.facts);
  if (!hit) return;
  add_hit(slot, std::move(*hit));
  if (last_ == slot.position) reason_ = list_reason(*slot.info, list, *mail_.facts);
}

// False when a rule that it names has not ended.
bool Judging::begin_expression(Engine::Slot& slot) {
  for (size_t input : engine_.inputs(slot.rule)) {
    if (progress_.is_open(engine_.slot(input).position)) return false;
  }
  if (!evaluation_.errors.empty() && truth(slot.rule) == Truth::Unknown) return true;
  std::optional<Hit> hit = expression_hit(*slot.info, *engine_.expression(slot.rule),
                                          [this](std::string_view rule) { return progress_.find(rule); });
  if (hit) add_hit(slot, std::move(*hit));
  return true;
}

// "not A" must not hit because A took too long. As deep as rules over rules are over each other.
Truth Judging::truth(size_t rule) {
  const RuleInfo& info = engine_.rules().rules()[rule];
  if (progress_.find(info.name) != nullptr) return Truth::Yes;
  if (info.disabled) return Truth::No;
  const Expression* expression = engine_.expression(rule);
  if (expression == nullptr) return could_not_say(info, evaluation_) ? Truth::Unknown : Truth::No;
  auto known = truths_.find(rule);
  if (known != truths_.end()) return known->second;
  Truth made = expression->weigh([this, expression](size_t name) {
    return truth(engine_.rule_at(engine_.order().at(expression->names()[name])));
  });
  truths_.emplace(rule, made);
  return made;
}

void Judging::begin_when(Engine::Slot& slot, Watchdog& watchdog) {
  if (slot.suspended) return skip_suspended(slot);
  if (watchdog.out_of_total()) return skip_for_time(slot);
  std::shared_ptr<Engine::Reading> reading = engine_.reading();
  int when = reading->whens[slot.rule];
  if (when == LUA_NOREF || when == LUA_REFNIL) {
    engine_.report(*slot.info, "error", "the rule could not be read in this worker", evaluation_);
    return;
  }
  lua_State* thread = reading->state.take_thread();
  if (thread == nullptr) {
    engine_.report(*slot.info, "memory", "there is no memory to begin with it", evaluation_);
    return;
  }
  enter(*reading, slot);
  size_t used_before = reading->state.used();
  std::chrono::nanoseconds cpu{0};
  RuleOutcome outcome = start_rule(reading->state, thread, when, watchdog, cpu);
  leave(*reading, outcome);
  if (outcome.waits) {
    auto waiting = std::make_unique<Waiting>();
    waiting->slot = &slot;
    waiting->reading = std::move(reading);
    waiting->thread = thread;
    waiting->cpu = cpu;
    progress_.open(slot.position);
    wait(std::move(waiting));
  } else {
    end_thread(*reading, thread, outcome);
    ended(slot, *reading, outcome, cpu, watchdog.expired() == Watchdog::Expired::Slice, used_before);
  }
  if (outcome.waits || outcome.hit || outcome.call.failure != Failure::None) watchdog.skip();
}

// Told when it happened; of this message it is only noted.
void Judging::skip_suspended(const Engine::Slot& slot) {
  add_error(evaluation_, {slot.info->name, "suspended",
                          fmt::format("{}:{}: it did not run: it overran its limits before, and waits for a reload",
                                      slot.info->file, slot.info->line)});
}

// The time of a message is that of all its rules: who used most of it is named, not only who has to go without.
void Judging::skip_for_time(const Engine::Slot& slot) {
  if (const RuleInfo* greedy = std::exchange(greediest_, nullptr)) {
    engine_.report(
        *greedy, "cpu",
        fmt::format("it used {:.1f} ms, most of the {} ms that all rules of a message have together: rules "
                    "behind it were skipped",
                    static_cast<double>(most_cpu_.count()) / 1e6, engine_.rules().limits().message_cpu.count() / 1000),
        evaluation_);
  }
  engine_.report(*slot.info, "cpu", "skipped: the rules before it used up the message's CPU time", evaluation_);
}

void Judging::enter(Engine::Reading& reading, const Engine::Slot& slot) {
  mail_.stage = slot.info->stage;
  mail_.position = slot.position;
  mail_.wanted.reset();
  mail_.listed.clear();
  reading.state.mail = &mail_;
}

void Judging::leave(Engine::Reading& reading, RuleOutcome& outcome) {
  reading.state.mail = nullptr;
  std::string changed = reading.isolation.restore(reading.state);
  if (changed.empty() || outcome.call.failure != Failure::None) return;
  outcome = {};
  outcome.call = {Failure::Error,
                  fmt::format("it changed {}, which was made while the file was read: nothing may stay for the next "
                              "message; keep it in a 'local' of the function",
                              changed)};
}

void Judging::wait(std::unique_ptr<Waiting> waiting) {
  engine_.waiting(1, *waiting->reading);
  waiting->answered = false;
  waiting->lists = std::move(mail_.listed);
  waiting->for_earlier = !mail_.wanted;
  Waiting& stays = *waiting;
  waiting_.push_back(std::move(waiting));
  if (stays.for_earlier) return;
  dns::Question question = std::move(*mail_.wanted);
  mail_.wanted.reset();
  // The callback comes in a later turn, and may end all of this: nothing of it is touched behind notify().
  stays.lookup = mail_.dns->lookup(question, mail_.dns_timeout, [this, &stays, question](const dns::Answer& answer) {
    mail_.answers.insert_or_assign(question, answer);
    stays.answered = true;
    changed_.notify();
  });
}

void Judging::ended(Engine::Slot& slot, Engine::Reading& reading, RuleOutcome& outcome, std::chrono::nanoseconds cpu,
                    bool own_time, size_t used_before) {
  progress_.close(slot.position);
  if (outcome.call.failure == Failure::Cpu) {  // it is named anyway
    most_cpu_ = std::chrono::nanoseconds::max();
    greediest_ = nullptr;
  } else if (cpu > most_cpu_) {
    most_cpu_ = cpu;
    greediest_ = slot.info;
  }
  note_time(*slot.info, cpu);
  if (engine_.observer() != nullptr) engine_.observer()->rule_ran(*slot.info, cpu);
  if (outcome.call.failure != Failure::None) {
    engine_.failed(slot, outcome, own_time, reading, used_before, evaluation_);
  } else if (outcome.hit) {
    Hit hit = make_hit(*slot.info, outcome.factor, std::move(outcome.detail));
    hit.lists = std::move(mail_.listed);
    add_hit(slot, std::move(hit));
  }
}

// Keeps the slowest, in order: most rules are not among them, and cost one comparison.
void Judging::note_time(const RuleInfo& rule, std::chrono::nanoseconds cpu) {
  std::vector<RuleTime>& slowest = evaluation_.slowest;
  if (slowest.size() == Evaluation::kSlowest && cpu <= slowest.back().cpu) return;
  if (slowest.size() == Evaluation::kSlowest) slowest.pop_back();
  auto at = std::find_if(slowest.begin(), slowest.end(), [cpu](const RuleTime& each) { return each.cpu < cpu; });
  slowest.insert(at, {rule.name, cpu});
}

void Judging::add_hit(const Engine::Slot& slot, Hit hit) {
  const RuleInfo& info = *slot.info;
  progress_.add(slot.position, std::move(hit));
  if (!info.action || info.shadow) return;
  // Rules behind the one that decides would not have run.
  last_ = std::min(last_, slot.position);
  auto behind = std::stable_partition(waiting_.begin(), waiting_.end(),
                                      [this](const auto& each) { return each->slot->position < last_; });
  for (auto each = behind; each != waiting_.end(); ++each) give_up(**each);
  waiting_.erase(behind, waiting_.end());
}

void Judging::give_up(Waiting& waiting) {
  waiting.lookup.reset();
  progress_.close(waiting.slot->position);
  engine_.waiting(-1, *waiting.reading);
  waiting.reading->state.put_thread(waiting.thread);
}

void Judging::finish() {
  finished_ = true;
  for (Progress::Placed& placed : progress_.take(last_)) {
    const RuleInfo& info = engine_.rules().rules()[engine_.rule_at(placed.position)];
    if (engine_.observer() != nullptr) engine_.observer()->rule_hit(info);
    if (placed.position == last_) {
      bool of_list = info.kind == RuleInfo::Kind::List;
      evaluation_.decision =
          Decision{*info.action, info.name, info.reply, of_list ? std::move(reason_) : std::string(),
                   of_list ? engine_.list(engine_.slot(engine_.rule_at(placed.position))).name : std::string()};
    }
    evaluation_.hits.push_back(std::move(placed.hit));
  }
  evaluation_.score = sum(evaluation_.hits, engine_.rules().groups());
}

}  // namespace postern::rules
