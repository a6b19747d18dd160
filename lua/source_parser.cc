#include "lua/source_parser.h"

#include <algorithm>
#include <array>
#include <utility>

namespace postern::rules::source {

namespace {

bool ends_block(const Token& token) {
  constexpr std::array<std::string_view, 4> kEnds = {"end", "else", "elseif", "until"};
  return token.kind == Token::Kind::End ||
         (token.kind == Token::Kind::Word && std::find(kEnds.begin(), kEnds.end(), token.text) != kEnds.end());
}

}  // namespace

// ---------------------------------------------------------------- words

void Parser::advance() {
  if (failed_) return;
  last_line_ = token_.line;
  token_ = ahead_;
  if (token_.kind == Token::Kind::Bad) {
    fail();
  } else {
    ahead_ = lexer_.next();
  }
}

// From here on there is nothing but the end, and everything that is open closes.
void Parser::fail() {
  failed_ = true;
  token_ = {Token::Kind::End, {}, token_.line};
  ahead_ = token_;
}

bool Parser::is(std::string_view word) const {
  return (token_.kind == Token::Kind::Word || token_.kind == Token::Kind::Sign) && token_.text == word;
}

bool Parser::accept(std::string_view word) {
  if (!is(word)) return false;
  advance();
  return true;
}

void Parser::expect(std::string_view word) {
  if (!accept(word)) fail();
}

std::string_view Parser::name() {
  if (token_.kind != Token::Kind::Name) {
    fail();
    return {};
  }
  std::string_view found = token_.text;
  if (found == "_ENV") syntax_.environment = true;
  advance();
  return found;
}

// ---------------------------------------------------------------- variables

// The one that a name means here.
size_t Parser::variable(std::string_view name) {
  auto seen = visible_.find(name);
  size_t found = kNone;
  if (seen != visible_.end() && !seen->second.empty()) {
    found = seen->second.back();
  } else {
    auto [global, fresh] = globals_.emplace(name, syntax_.variables.size());
    if (fresh) {
      Variable& made = syntax_.variables.emplace_back();
      made.name = name;
      made.origin = Variable::Origin::Global;
    }
    found = global->second;
  }
  syntax_.mentions.push_back({found, function_, last_line_, false});
  return found;
}

size_t Parser::declare(std::string_view name, Variable::Origin origin) {
  size_t index = syntax_.variables.size();
  Variable& made = syntax_.variables.emplace_back();
  made.name = name;
  made.origin = origin;
  made.function = function_;
  visible_[name].push_back(index);
  declared_.push_back(name);
  return index;
}

void Parser::leave_scope(size_t declared) {
  while (declared_.size() > declared) {
    visible_[declared_.back()].pop_back();
    declared_.pop_back();
  }
}

// `value` null: not known.
void Parser::assign(Value target, const Value* value) {
  if (target.kind != Value::Kind::Variable) return;
  if (target.path.empty()) {
    if (target.mention != kNone) syntax_.mentions[target.mention].written = true;
    Variable& assigned = syntax_.variables[target.index];
    ++assigned.assignments;
    // In a branch that is not taken the sandbox's own keeps the name.
    bool perhaps = guard_ != kNone || function_ != 0;
    if (assigned.origin == Variable::Origin::Global && perhaps) ++assigned.assignments;
    if (!assigned.given) assigned.value = value == nullptr ? Value() : *value;
    return;
  }
  own_name(target.path.back());
  target.path.pop_back();
  target.unread = !target.path.empty();
  commit(target);
}

void Parser::own_name(std::string_view name) {
  if (name == "match" || name == "gmatch" || name == "gsub") syntax_.own_matchers.insert(name);
}

// Lua reads a global variable, and errs, at the line of the word behind it where that word says what to do with it.
// Only of the file itself: an error in a function is nobody's second mention of a mistake, and the name's line is
// better.
void Parser::settle(const Value& value) {
  if (function_ != 0 || value.kind != Value::Kind::Variable || !value.path.empty() || value.mention == kNone) return;
  syntax_.mentions[value.mention].line = last_line_;
}

// ---------------------------------------------------------------- branches

size_t Parser::add_guard(size_t parent, size_t exit, size_t first_mention, size_t last_mention) {
  syntax_.guards.push_back({parent, exit, first_mention, last_mention});
  return syntax_.guards.size() - 1;
}

// What follows depends on the condition that was read since `first_mention`.
void Parser::depend_on(size_t first_mention) {
  guard_ = add_guard(guard_, kNone, first_mention, syntax_.mentions.size());
}

void Parser::leave(Branch branch) {
  guard_ = branch.guard;
  if (exit_ != branch.exit) guard_ = add_guard(guard_, exit_, 0, 0);
}

void Parser::note_exit() {
  if (guard_ != function_guard_) exit_ = add_guard(exit_, guard_, 0, 0);
}

// ---------------------------------------------------------------- statements

void Parser::file() {
  syntax_.functions.emplace_back();
  ahead_ = lexer_.next();
  advance();
  block();
  if (token_.kind != Token::Kind::End) fail();
  Function& whole = syntax_.functions[0];
  whole.last = syntax_.functions.size() - 1;
  whole.last_event = syntax_.events.size();
  whole.last_guard = syntax_.guards.size();
  syntax_.complete = !failed_;
}

void Parser::block() {
  while (!ends_block(token_)) statement();
}

void Parser::scope() {
  size_t declared = declared_.size();
  block();
  leave_scope(declared);
}

void Parser::statement() {
  Depth depth(*this);
  if (failed_) return;
  if (token_.kind == Token::Kind::Word) {
    keyword();
  } else if (accept("::")) {
    name();
    expect("::");
  } else if (!accept(";")) {
    expression_statement();
  }
}

void Parser::keyword() {
  if (accept("do")) {
    scope();
    expect("end");
  } else if (accept("break")) {
    note_exit();
  } else if (accept("goto")) {
    name();
    note_exit();
  } else if (accept("if")) {
    if_statement();
  } else if (accept("while")) {
    while_statement();
  } else if (accept("repeat")) {
    repeat_statement();
  } else if (accept("for")) {
    for_statement();
  } else if (accept("function")) {
    function_statement();
  } else if (accept("local")) {
    local_statement();
  } else if (accept("return")) {
    return_statement();
  } else {
    fail();
  }
}

void Parser::if_statement() {
  Branch branch = enter();
  do {
    size_t condition = syntax_.mentions.size();
    Value value = expression();
    expect("then");
    settle(value);
    // An elseif, and an else, depends on the conditions before it too.
    depend_on(condition);
    scope();
  } while (accept("elseif"));
  if (accept("else")) scope();
  expect("end");
  leave(branch);
}

void Parser::while_statement() {
  Branch branch = enter();
  size_t condition = syntax_.mentions.size();
  expression();
  expect("do");
  depend_on(condition);
  scope();
  expect("end");
  leave(branch);
}

// The condition sees the variables of the block.
void Parser::repeat_statement() {
  Branch branch = enter();
  size_t declared = declared_.size();
  block();
  expect("until");
  expression();
  leave_scope(declared);
  leave(branch);
}

void Parser::for_statement() {
  Branch branch = enter();
  size_t condition = syntax_.mentions.size();
  std::vector<std::string_view> names;
  do {
    names.push_back(name());
  } while (accept(","));
  bool numeric = accept("=");
  if (!numeric) expect("in");
  std::vector<Value> values = expressions(!numeric);
  expect("do");
  depend_on(condition);
  size_t declared = declared_.size();
  for (size_t i = 0; i < names.size(); ++i) {
    Variable& made = syntax_.variables[declare(names[i], Variable::Origin::Local)];
    made.given = true;
    if (i == 1 && !numeric && values.size() == 1 && values[0].kind == Value::Kind::Elements) made.value = values[0];
  }
  block();
  leave_scope(declared);
  expect("end");
  leave(branch);
}

void Parser::function_statement() {
  Value target;
  target.kind = Value::Kind::Variable;
  target.index = variable(name());
  target.mention = syntax_.mentions.size() - 1;
  bool method = false;
  while (!failed_ && !method && (is(".") || is(":"))) {
    method = is(":");
    advance();
    target.path.push_back(name());
  }
  Value function = body(method);
  assign(std::move(target), &function);
}

void Parser::local_statement() {
  if (accept("function")) {
    size_t made = declare(name(), Variable::Origin::Local);
    syntax_.variables[made].given = true;
    Value function = body(false);
    syntax_.variables[made].value = std::move(function);
    return;
  }
  std::vector<std::string_view> names;
  do {
    names.push_back(name());
    if (accept("<")) {
      name();
      expect(">");
    }
  } while (accept(","));
  bool given = accept("=");
  std::vector<Value> values;
  if (given) values = expressions();
  for (size_t i = 0; i < names.size(); ++i) {
    Variable& made = syntax_.variables[declare(names[i], Variable::Origin::Local)];
    made.given = given;
    if (i < values.size()) made.value = std::move(values[i]);
  }
}

void Parser::return_statement() {
  if (!ends_block(token_) && !is(";")) expressions();
  accept(";");
  note_exit();
}

void Parser::expression_statement() {
  std::vector<Value> targets;
  targets.push_back(suffixed());
  if (!is("=") && !is(",")) {
    commit(targets[0]);
    return;
  }
  while (accept(",")) targets.push_back(suffixed());
  expect("=");
  std::vector<Value> values = expressions();
  for (size_t i = 0; i < targets.size(); ++i) {
    assign(std::move(targets[i]), i < values.size() ? &values[i] : nullptr);
  }
}

}  // namespace postern::rules::source
