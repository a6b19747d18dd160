// The expressions of Lua: the other half of source_parser.cc.
#include <algorithm>
#include <array>
#include <utility>

#include "lua/source_parser.h"

namespace postern::rules::source {

namespace {

constexpr std::array<std::string_view, 4> kPrefixes = {"-", "not", "#", "~"};
/// How strongly an operator binds what is left and right of it, as in Lua's own grammar.
struct Between {
  std::string_view word;
  int left = 0;
  int right = 0;
};
constexpr std::array<Between, 21> kBetween = {
    {{"+", 10, 10}, {"-", 10, 10}, {"*", 11, 11}, {"/", 11, 11}, {"//", 11, 11}, {"%", 11, 11}, {"^", 14, 13},
     {"&", 6, 6},   {"~", 5, 5},   {"|", 4, 4},   {"<<", 7, 7},  {">>", 7, 7},   {"..", 9, 8},  {"==", 3, 3},
     {"~=", 3, 3},  {"<", 3, 3},   {"<=", 3, 3},  {">", 3, 3},   {">=", 3, 3},   {"and", 2, 2}, {"or", 1, 1}}};
constexpr int kPrefixBinds = 12;

const Between* between(const Token& token) {
  if (token.kind != Token::Kind::Word && token.kind != Token::Kind::Sign) return nullptr;
  const auto* found =
      std::find_if(kBetween.begin(), kBetween.end(), [&token](const Between& each) { return each.word == token.text; });
  return found == kBetween.end() ? nullptr : found;
}

template <size_t N>
bool one_of(const Token& token, const std::array<std::string_view, N>& words) {
  return (token.kind == Token::Kind::Word || token.kind == Token::Kind::Sign) &&
         std::find(words.begin(), words.end(), token.text) != words.end();
}

}  // namespace

// `at_comma`: each value is taken once the comma behind it is read; those of "for i = a, b" are before.
std::vector<Value> Parser::expressions(bool at_comma) {
  std::vector<Value> values;
  do {
    if (at_comma && !values.empty()) settle(values.back());
    values.push_back(expression());
  } while (accept(","));
  return values;
}

// What operators give is unknown, and every operand is read, those behind "and" and "or" perhaps. How they bind makes
// a difference only for the line at which an operand is read: the operator behind it takes it, or the one before did.
Value Parser::expression() {
  Depth depth(*this);
  size_t guard = guard_;
  size_t operands = syntax_.mentions.size();
  bool computed = false;
  int bound = 0;
  Value value;
  while (!failed_) {
    while (one_of(token_, kPrefixes)) {
      computed = true;
      bound = kPrefixBinds;
      advance();
    }
    value = simple();
    const Between* next = between(token_);
    if (next == nullptr) break;
    computed = true;
    bool branch = is("and") || is("or");
    advance();
    if (next->left > bound) settle(value);
    bound = next->right;
    if (!branch) continue;
    depend_on(operands);
    operands = syntax_.mentions.size();
  }
  guard_ = guard;
  return computed ? Value() : value;
}

Value Parser::simple() {
  constexpr std::array<std::string_view, 4> kConstants = {"nil", "true", "false", "..."};
  if (token_.kind == Token::Kind::Number || one_of(token_, kConstants)) {
    advance();
    return {};
  }
  if (token_.kind == Token::Kind::Text) {
    Value value;
    value.kind = Value::Kind::Text;
    value.text = token_.text;
    value.line = token_.line;
    advance();
    return value;
  }
  if (is("{")) return table();
  if (accept("function")) return body(false);
  Value value = suffixed();
  commit(value);
  return value;
}

Value Parser::primary() {
  Value value;
  if (accept("(")) {
    value = expression();
    expect(")");
    settle(value);
    value.mention = kNone;
    // Parentheses keep one value of several.
    return value.kind == Value::Kind::Elements ? Value() : value;
  }
  value.line = token_.line;
  std::string_view found = name();
  if (failed_) return {};
  value.kind = Value::Kind::Variable;
  value.index = variable(found);
  value.mention = syntax_.mentions.size() - 1;
  return value;
}

// A name or parentheses, then fields, indices and calls.
Value Parser::suffixed() {
  int line = token_.line;
  Value value = primary();
  std::optional<Declaration> named;
  while (!failed_) {
    if (is("(") || is("{") || token_.kind == Token::Kind::Text) {
      call(value, named, line);
      continue;
    }
    if (accept(".")) {
      int at = token_.line;
      step(value, name(), at);
    } else if (is("[")) {
      bracket(value);
    } else if (accept(":")) {
      method_call(value);
    } else {
      break;
    }
    named.reset();
  }
  return value;
}

void Parser::step(Value& value, std::string_view field, int line) {
  if (value.kind != Value::Kind::Variable) {
    value = {};
    return;
  }
  value.path.push_back(field);
  value.line = line;
  value.unread = true;
}

void Parser::bracket(Value& value) {
  advance();
  int line = token_.line;
  Value key = expression();
  expect("]");
  step(value, key.kind == Value::Kind::Text ? key.text : "[]", line);
}

// Notes what has been read so far.
void Parser::commit(Value& value) {
  if (!value.unread) return;
  value.unread = false;
  Event& event = syntax_.events.emplace_back();
  event.kind = Event::Kind::Read;
  event.value = value;
  event.line = value.line;
  event.guard = guard_;
}

void Parser::method_call(Value& value) {
  commit(value);
  int line = token_.line;
  std::string_view method = name();
  settle(value);
  std::vector<Value> handed = arguments();
  if (failed_) return;
  Event& event = syntax_.events.emplace_back();
  event.kind = Event::Kind::Method;
  event.value = std::exchange(value, {});
  event.name = method;
  event.arguments = std::move(handed);
  event.line = line;
  event.guard = guard_;
}

// `named`: the call before, if it was word "NAME"; with this one it may be a declaration.
void Parser::call(Value& value, std::optional<Declaration>& named, int line) {
  commit(value);
  std::vector<Value> handed = arguments();
  if (failed_) return;
  Value result;
  bool plain = value.kind == Value::Kind::Variable && value.path.empty();
  if (plain && !handed.empty() && handed[0].kind == Value::Kind::Variable) {
    result = handed[0];
    result.kind = Value::Kind::Elements;
    result.through = value.index;
  }
  if (named && handed.size() == 1) {
    named->value = handed[0];
    bool table = handed[0].kind == Value::Kind::Table;
    named->last_line = table ? syntax_.tables[handed[0].index].last_line : last_line_;
    syntax_.declarations.push_back(*named);
    named.reset();
  } else if (plain && handed.size() == 1 && handed[0].kind == Value::Kind::Text) {
    named.emplace();
    named->word = value.index;
    named->name = handed[0].text;
    named->line = line;
  } else {
    named.reset();
  }
  Event& event = syntax_.events.emplace_back();
  event.kind = Event::Kind::Call;
  event.value = std::exchange(value, std::move(result));
  event.arguments = std::move(handed);
  event.line = line;
  event.guard = guard_;
}

std::vector<Value> Parser::arguments() {
  std::vector<Value> handed;
  if (accept("(")) {
    if (accept(")")) return handed;
    handed = expressions();
    expect(")");
    settle(handed.back());
  } else if (is("{") || token_.kind == Token::Kind::Text) {
    handed.push_back(simple());
  } else {
    fail();
  }
  return handed;
}

Value Parser::table() {
  Value value;
  value.kind = Value::Kind::Table;
  value.index = syntax_.tables.size();
  value.line = token_.line;
  syntax_.tables.emplace_back();
  expect("{");
  Value element;  // is taken when the next entry begins, or the table ends
  while (!failed_ && !is("}")) {
    settle(element);
    element = table_entry(value.index);
    if (!accept(",") && !accept(";")) break;
  }
  syntax_.tables[value.index].last_line = token_.line;
  expect("}");
  settle(element);
  return value;
}

// Gives the value of an entry without a name.
Value Parser::table_entry(size_t table) {
  int line = token_.line;
  Value key;
  if (token_.kind == Token::Kind::Name && ahead_.kind == Token::Kind::Sign && ahead_.text == "=") {
    key.kind = Value::Kind::Text;
    key.text = token_.text;
    advance();
  } else if (accept("[")) {
    key = expression();
    expect("]");
  } else {
    Value element = expression();
    syntax_.tables[table].elements.push_back(line);
    return element;
  }
  expect("=");
  Value value = expression();
  Table& made = syntax_.tables[table];
  if (key.kind != Value::Kind::Text) {
    made.computed = true;
    return {};
  }
  own_name(key.text);
  made.fields.push_back({key.text, line, std::move(value)});
  return {};
}

// From the parameters to "end".
Value Parser::body(bool method) {
  Value value;
  value.kind = Value::Kind::Function;
  value.index = syntax_.functions.size();
  Function& begun = syntax_.functions.emplace_back();
  begun.first_event = syntax_.events.size();
  begun.first_guard = syntax_.guards.size();

  size_t function = std::exchange(function_, value.index);
  size_t function_guard = std::exchange(function_guard_, guard_);
  Branch branch = enter();
  exit_ = kNone;
  size_t declared = declared_.size();
  auto parameter = [&](std::string_view name) {
    size_t made = declare(name, Variable::Origin::Parameter);
    Function& mine = syntax_.functions[value.index];
    syntax_.variables[made].given = true;
    syntax_.variables[made].parameter = mine.parameters.size();
    mine.parameters.push_back(made);
  };
  if (method) parameter("self");
  expect("(");
  while (!failed_ && !is(")")) {
    if (accept("...")) {
      syntax_.functions[value.index].open_ended = true;
    } else {
      parameter(name());
    }
    if (!accept(",")) break;
  }
  expect(")");
  block();
  expect("end");
  leave_scope(declared);
  function_ = function;
  function_guard_ = function_guard;
  guard_ = branch.guard;
  exit_ = branch.exit;

  Function& ended = syntax_.functions[value.index];
  ended.last = syntax_.functions.size() - 1;
  ended.last_event = syntax_.events.size();
  ended.last_guard = syntax_.guards.size();
  return value;
}

}  // namespace postern::rules::source
