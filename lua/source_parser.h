// The grammar of Lua 5.4 over a rule file: what its functions do with their variables, as far as the text shows it.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lua/source_lexer.h"

namespace postern::rules::source {

constexpr size_t kNone = static_cast<size_t>(-1);

/// What an expression gives. Unknown: whatever is computed.
struct Value {
  enum class Kind : unsigned char { Unknown, Variable, Elements, Text, Function, Table };
  Kind kind = Kind::Unknown;
  size_t index = kNone;                // of a variable, function or table
  size_t through = kNone;              // Elements: the variable that was called, ipairs(x) or anything(x)
  std::vector<std::string_view> path;  // Variable, Elements: the fields that are taken, "[]" for a computed one
  std::string_view text;               // Text
  int line = 0;
  size_t mention = kNone;  // Variable: where it was named
  bool unread = false;     // the path has grown since it was noted as read
};

struct Variable {
  enum class Origin : unsigned char { Global, Parameter, Local };
  std::string_view name;
  Origin origin = Origin::Local;
  size_t function = 0;   // that declares it; 0: the file itself
  size_t parameter = 0;  // its place, from 0
  bool given = false;    // a local with a value of its own
  size_t assignments = 0;
  Value value;  // what it was declared with; else what it was assigned last
};

struct Function {
  size_t last = 0;  // functions written in this one: those behind it up to `last`
  std::vector<size_t> parameters;
  bool open_ended = false;  // takes "..."
  size_t first_event = 0;
  size_t last_event = 0;
  size_t first_guard = 0;
  size_t last_guard = 0;
};

/// A place that names a variable.
struct Mention {
  size_t variable = kNone;
  size_t function = 0;   // in which it stands
  int line = 0;          // see Parser::settle()
  bool written = false;  // it is given a value there, not read
};

/// A branch that is not always taken: which variables its condition names, and the branches that it stands in. Those
/// have smaller indices.
struct Guard {
  size_t parent = kNone;
  size_t exit = kNone;  // what follows a branch that returns or breaks depends on that branch's condition
  size_t first_mention = 0;
  size_t last_mention = 0;
};

struct Event {
  enum class Kind : unsigned char { Read, Method, Call };
  Kind kind = Kind::Read;
  Value value;            // that is read, whose method is called, that is called
  std::string_view name;  // of the method
  std::vector<Value> arguments;
  int line = 0;
  size_t guard = kNone;
};

struct Table {
  struct Field {
    std::string_view name;
    int line = 0;
    Value value;
  };
  std::vector<Field> fields;
  std::vector<int> elements;  // lines of values without names
  bool computed = false;      // has keys that are no constants
  int last_line = 0;
};

/// word "NAME" value, whatever the word is.
struct Declaration {
  size_t word = kNone;  // the variable
  std::string_view name;
  int line = 0;
  int last_line = 0;
  Value value;
};

/// Everything in the order in which it is written. Looks into the text and into the lexer.
struct Syntax {
  std::vector<Variable> variables;
  std::vector<Function> functions;  // the first is the file itself
  std::vector<Table> tables;
  std::vector<Event> events;
  std::vector<Guard> guards;
  std::vector<Mention> mentions;  // each use of a variable
  std::vector<Declaration> declarations;
  std::set<std::string_view> own_matchers;  // of match, gmatch, gsub those that the file gives a table of its own
  bool environment = false;                 // the file speaks of _ENV: any global may be anything
  bool complete = false;                    // the text was understood to its end
};

/// Stops at the first thing that is not Lua, or is nested deeper than kMaxDepth (as Lua itself is); `syntax` has what
/// came before. Linear.
class Parser {
 public:
  static constexpr int kMaxDepth = 200;

  Parser(Lexer& lexer, Syntax& syntax) : lexer_(lexer), syntax_(syntax) {}
  void file();

 private:
  /// As Lua counts: statements and expressions in each other.
  class Depth {
   public:
    explicit Depth(Parser& parser) : depth_(parser.depth_) {
      if (++depth_ > kMaxDepth) parser.fail();
    }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --depth_; }

   private:
    int& depth_;
  };
  struct Branch {
    size_t guard;
    size_t exit;
  };

  void advance();
  void fail();
  [[nodiscard]] bool is(std::string_view word) const;
  bool accept(std::string_view word);
  void expect(std::string_view word);
  std::string_view name();

  size_t variable(std::string_view name);
  size_t declare(std::string_view name, Variable::Origin origin);
  void leave_scope(size_t declared);
  void assign(Value target, const Value* value);
  void own_name(std::string_view name);
  void settle(const Value& value);

  size_t add_guard(size_t parent, size_t exit, size_t first_mention, size_t last_mention);
  [[nodiscard]] Branch enter() const { return {guard_, exit_}; }
  void depend_on(size_t first_mention);
  void leave(Branch branch);
  void note_exit();

  void block();
  void scope();
  void statement();
  void keyword();
  void if_statement();
  void while_statement();
  void repeat_statement();
  void for_statement();
  void function_statement();
  void local_statement();
  void return_statement();
  void expression_statement();

  std::vector<Value> expressions(bool at_comma = true);
  Value expression();
  Value simple();
  Value suffixed();
  Value primary();
  Value table();
  Value table_entry(size_t table);
  Value body(bool method);
  std::vector<Value> arguments();
  static void step(Value& value, std::string_view field, int line);
  void bracket(Value& value);
  void method_call(Value& value);
  void call(Value& value, std::optional<Declaration>& named, int line);
  void commit(Value& value);

  Lexer& lexer_;
  Syntax& syntax_;
  Token token_;
  int last_line_ = 1;  // of the token before
  Token ahead_;
  int depth_ = 0;
  bool failed_ = false;
  size_t function_ = 0;
  size_t guard_ = kNone;           // the branch that is being read
  size_t exit_ = kNone;            // branches of this function that end it early
  size_t function_guard_ = kNone;  // where this function itself stands
  std::unordered_map<std::string_view, std::vector<size_t>> visible_;
  std::vector<std::string_view> declared_;
  std::unordered_map<std::string_view, size_t> globals_;
};

}  // namespace postern::rules::source
