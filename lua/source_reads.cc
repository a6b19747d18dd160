#include "lua/source_reads.h"

#include <algorithm>
#include <string>

#include "filters/base/bytes.h"

namespace postern::rules::source {

namespace {

constexpr size_t kMaxPath = 16;
constexpr size_t kMaxFrames = 1000;  // calls that are followed for one rule

bool looks_like_rule(std::string_view name) {
  auto other = [](char c) { return !(c >= 'A' && c <= 'Z') && !ascii_digit(c) && c != '_'; };
  return !name.empty() && std::find_if(name.begin(), name.end(), other) == name.end();
}

}  // namespace

// ---------------------------------------------------------------- variables

Meanings::Meanings(const Syntax& syntax) : syntax_(syntax) {
  meanings_.reserve(syntax.variables.size());
  // In the order of declaration: a variable looks back only.
  for (size_t i = 0; i < syntax.variables.size(); ++i) meanings_.push_back(meaning(i));
}

Meaning Meanings::meaning(size_t index) const {
  const Variable& variable = syntax_.variables[index];
  Meaning base;
  base.kind = Meaning::Kind::Base;
  base.index = index;
  bool global = variable.origin == Variable::Origin::Global;
  if (global && syntax_.environment) return {};
  if (variable.assignments == 0 && global) return base;
  if (variable.assignments == 0 && variable.origin == Variable::Origin::Parameter) return base;
  // local f; f = function ... end
  bool late = !variable.given && variable.assignments == 1 && variable.value.kind == Value::Kind::Function;
  if (late || (variable.given && variable.assignments == 0)) return of(variable.value);
  return {};
}

Meaning Meanings::of(const Value& value) const {
  Meaning found;
  if (value.kind == Value::Kind::Text) {
    found.kind = Meaning::Kind::Text;
    found.text = value.text;
    found.line = value.line;
    return found;
  }
  if (value.kind == Value::Kind::Function) {
    found.kind = Meaning::Kind::Function;
    found.index = value.index;
    return found;
  }
  bool elements = value.kind == Value::Kind::Elements;
  if ((!elements && value.kind != Value::Kind::Variable) || value.index >= meanings_.size()) return {};
  if (elements) {
    Value word;
    word.kind = Value::Kind::Variable;
    word.index = value.through;
    if (!is_global(word, "ipairs") && !is_global(word, "pairs")) return {};
  }
  found = meanings_[value.index];
  if (found.kind != Meaning::Kind::Base) return value.path.empty() && !elements ? found : Meaning();
  if (found.path.size() + value.path.size() + (elements ? 1 : 0) > kMaxPath) return {};
  found.path.insert(found.path.end(), value.path.begin(), value.path.end());
  if (elements) found.path.emplace_back("[]");
  return found;
}

bool Meanings::is_global(const Value& value, std::string_view name) const {
  if (value.kind != Value::Kind::Variable) return false;
  Meaning found = of(value);
  if (found.kind != Meaning::Kind::Base || !found.path.empty()) return false;
  const Variable& base = syntax_.variables[found.index];
  return base.origin == Variable::Origin::Global && base.name == name;
}

bool Meanings::is_field(const Value& value, std::string_view global, std::string_view& field) const {
  if (value.kind != Value::Kind::Variable) return false;
  Meaning found = of(value);
  if (found.kind != Meaning::Kind::Base || found.path.size() != 1) return false;
  const Variable& base = syntax_.variables[found.index];
  field = found.path[0];
  return base.origin == Variable::Origin::Global && base.name == global;
}

// ---------------------------------------------------------------- what a rule reads

bool Follower::spend(size_t amount) {
  if (work_ < amount) {
    work_ = 0;
    return false;
  }
  work_ -= amount;
  return true;
}

void Follower::follow(size_t when, RuleOutline& rule) {
  rule_ = &rule;
  Frame& first = frames_.emplace_back();
  first.function = when;
  first.handed.emplace_back().kind = Known::Kind::Fact;
  for (size_t i = 0; i < frames_.size(); ++i) run(i);
}

// The call that made the variable: this one, or one that this function is written inside of. Null: there was none.
const Follower::Frame* Follower::call_of(const Variable& variable, size_t frame) const {
  while (frame != kNone && frames_[frame].function != variable.function) frame = frames_[frame].outer;
  return frame == kNone ? nullptr : &frames_[frame];
}

// What a parameter was handed, in this call or in the one that this function is written inside of.
Known Follower::parameter(const Variable& variable, size_t frame) const {
  const Frame* call = call_of(variable, frame);
  return call != nullptr && variable.parameter < call->handed.size() ? call->handed[variable.parameter] : Known();
}

Known Follower::known(const Value& value, size_t frame) const {
  Known result;
  Meaning meaning = meanings_.of(value);
  switch (meaning.kind) {
    case Meaning::Kind::Unknown: return result;
    case Meaning::Kind::Text:
      result.kind = Known::Kind::Text;
      result.text = meaning.text;
      result.line = meaning.line;
      return result;
    case Meaning::Kind::Function:
      result.kind = Known::Kind::Function;
      result.function = meaning.index;
      result.frame = frame;
      return result;
    case Meaning::Kind::Base: break;
  }
  const Variable& base = syntax_.variables[meaning.index];
  if (base.origin != Variable::Origin::Parameter) return result;
  result = parameter(base, frame);
  if (meaning.path.empty()) return result;
  if (result.kind != Known::Kind::Fact || result.path.size() + meaning.path.size() > kMaxPath) return {};
  result.path.insert(result.path.end(), meaning.path.begin(), meaning.path.end());
  return result;
}

// Whether a variable in a condition may differ from call to call, other than by the message.
bool Follower::depends(size_t mention, size_t frame) const {
  const Variable* variable = &syntax_.variables[mention];
  if (variable->origin == Variable::Origin::Global || variable->function == 0) return false;
  const Meaning& meaning = meanings_.of(mention);
  if (meaning.kind == Meaning::Kind::Text || meaning.kind == Meaning::Kind::Function) return false;
  if (meaning.kind == Meaning::Kind::Base) variable = &syntax_.variables[meaning.index];
  if (variable->origin == Variable::Origin::Global) return false;
  const Frame* call = call_of(*variable, frame);
  if (call == nullptr) return true;  // of a function inside of this one, whoever calls it
  if (!call->choosy) return false;
  return meaning.kind == Meaning::Kind::Unknown || parameter(*variable, frame).kind != Known::Kind::Fact;
}

bool Follower::is_doubtful(size_t guard) const {
  return guard != kNone && guard >= first_guard_ && guard - first_guard_ < doubtful_.size() &&
         doubtful_[guard - first_guard_] != 0;
}

void Follower::weigh_branches(size_t frame) {
  const Function& function = syntax_.functions[frames_[frame].function];
  first_guard_ = function.first_guard;
  doubtful_.assign(function.last_guard - function.first_guard, 0);
  for (size_t i = function.first_guard; i < function.last_guard; ++i) {
    const Guard& guard = syntax_.guards[i];
    bool doubt = is_doubtful(guard.parent) || is_doubtful(guard.exit);
    if (!spend(1 + guard.last_mention - guard.first_mention)) return;
    for (size_t j = guard.first_mention; j < guard.last_mention && !doubt; ++j) {
      doubt = depends(syntax_.mentions[j].variable, frame);
    }
    doubtful_[i - first_guard_] = doubt ? 1 : 0;
  }
}

void Follower::run(size_t frame) {
  size_t index = frames_[frame].function;
  const Function& function = syntax_.functions[index];
  doubtful_.clear();
  if (work_ == 0) return;
  if (frames_[frame].choosy || function.last > index) weigh_branches(frame);
  for (size_t i = function.first_event; i < function.last_event && spend(1); ++i) event(syntax_.events[i], frame);
}

void Follower::event(const Event& event, size_t frame) {
  switch (event.kind) {
    case Event::Kind::Read: {
      Known fact = known(event.value, frame);
      if (fact.kind == Known::Kind::Fact && !fact.path.empty()) read(fact.path, event, frame);
      return;
    }
    case Event::Kind::Method: method(event, frame); return;
    case Event::Kind::Call: call(event, frame); return;
  }
}

void Follower::method(const Event& event, size_t frame) {
  Known object = known(event.value, frame);
  bool is_mail = object.kind == Known::Kind::Fact && object.path.empty();
  if (is_mail) read({event.name}, event, frame);
  if (event.arguments.empty()) return;
  if (is_mail && event.name == "hit") hit(event, frame);
  if (event.name != "match" && event.name != "gmatch" && event.name != "gsub") return;
  if (object.kind == Known::Kind::Nothing && syntax_.own_matchers.count(event.name) > 0) return;
  expression(event.arguments[0], event, frame);
}

void Follower::call(const Event& event, size_t frame) {
  std::string_view field;
  if (event.arguments.size() >= 2 && meanings_.is_field(event.value, "string", field) &&
      (field == "match" || field == "gmatch" || field == "gsub")) {
    expression(event.arguments[1], event, frame);
    return;
  }
  Known called = known(event.value, frame);
  if (called.kind == Known::Kind::Function) open(called, event, frame);
}

bool Follower::is_maybe(const Event& event, size_t frame) const {
  return frames_[frame].maybe || is_doubtful(event.guard);
}

// A call to be followed, unless it has been.
void Follower::open(const Known& function, const Event& event, size_t from) {
  const Function& called = syntax_.functions[function.function];
  if (frames_.size() >= kMaxFrames || !spend(1 + called.parameters.size())) return;
  Frame frame;
  frame.function = function.function;
  frame.outer = function.frame;
  frame.maybe = is_maybe(event, from);
  auto inside = [&](size_t outer) {
    size_t candidate = frames_[outer].function;
    return candidate < frame.function && frame.function <= syntax_.functions[candidate].last;
  };
  while (frame.outer != kNone && !inside(frame.outer)) frame.outer = frames_[frame.outer].outer;
  frame.choosy = called.open_ended || (frame.outer != kNone && frames_[frame.outer].choosy);
  for (size_t i = 0; i < called.parameters.size(); ++i) {
    frame.handed.push_back(i < event.arguments.size() ? known(event.arguments[i], from) : Known());
    frame.choosy = frame.choosy || frame.handed[i].kind != Known::Kind::Fact;
  }
  if (seen_frames_.emplace(frame.function, frame.outer, frame.maybe, frame.handed).second) {
    frames_.push_back(std::move(frame));
  }
}

void Follower::read(const std::vector<std::string_view>& path, const Event& event, size_t frame) {
  bool maybe = is_maybe(event, frame);
  bool call = event.kind == Event::Kind::Method;
  auto [seen, fresh] = seen_reads_.emplace(std::tuple(path, event.line, call), rule_->reads.size());
  if (fresh) {
    FactRead& made = rule_->reads.emplace_back();
    made.path.assign(path.begin(), path.end());
    made.line = event.line;
    made.call = call;
    made.maybe = maybe;
  } else if (!maybe) {
    rule_->reads[seen->second].maybe = false;
  }
}

// What a helper is handed may be meant for another of its branches; what is written in it is not.
bool Follower::is_meant_here(const Value& value, const Event& event, size_t frame) const {
  return meanings_.of(value).kind == Meaning::Kind::Text || !is_maybe(event, frame);
}

// m:hit(a) and m:hit(b) asks for both, although the second depends on the first: what looks like a rule's name is one.
void Follower::hit(const Event& event, size_t frame) {
  Known name = known(event.arguments[0], frame);
  if (name.kind != Known::Kind::Text) return;
  if (!looks_like_rule(name.text) && !is_meant_here(event.arguments[0], event, frame)) return;
  if (seen_hits_.emplace(name.text, name.line).second) rule_->hits.push_back({std::string(name.text), name.line});
}

void Follower::expression(const Value& value, const Event& event, size_t frame) {
  Known text = known(value, frame);
  if (text.kind != Known::Kind::Text || !is_meant_here(value, event, frame)) return;
  if (!seen_expressions_.emplace(text.text, text.line).second) return;
  rule_->expressions.push_back({std::string(text.text), text.line});
}

}  // namespace postern::rules::source
