// One Lua state that rule files may run in: few library functions, bounded memory, bounded time, no way out.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <lua.hpp>

#include "filters/facts.h"
#include "filters/message/headers.h"
#include "lua/regex_cache.h"
#include "lua/rules.h"
#include "lua/verdict.h"
#include "lua/watchdog.h"

namespace postern::rules {

class Registry;

/// What `mail` shows to the rule that is running. Pointers are valid for one call of run_rule(); null facts: nothing is
/// being judged.
struct MailContext {
  const Facts* facts = nullptr;
  const Evaluation* evaluation = nullptr;
  Stage stage = Stage::Connect;
  size_t position = 0;                    // of the running rule, in the order in which rules run
  std::optional<message::Header> header;  // parsed when first asked for

  /// Name -> position of every rule; owned by whoever runs the rules.
  const std::unordered_map<std::string, size_t>* order = nullptr;
};

/// What became of a call into Lua.
enum class Failure { None, Error, Cpu, Memory };
struct CallResult {
  Failure failure = Failure::None;
  std::string message;
};

/// Owns a lua_State. One thread. Everything that can raise a Lua error runs under call().
class State {
 public:
  /// References (luaL_ref) to the objects that rules see.
  enum View {
    Mail,
    Client,
    Rcpts,
    Spf,
    HeloSpf,
    Dkim,
    DkimSignatures,
    Dmarc,
    DmarcAligned,
    Arc,
    ArcSealers,
    ViewCount
  };

  /// `memory`: most bytes the state may hold. Throws std::bad_alloc when not even the libraries fit.
  explicit State(size_t memory);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  static State& of(lua_State* lua);
  [[nodiscard]] lua_State* lua() const { return lua_; }

  /// Calls the function below `arguments` values on the stack; on failure the stack is as before them.
  CallResult call(int arguments, int results);
  /// Runs a rule file in an environment of its own. On failure the message begins with "name:line: ".
  CallResult run_file(const std::string& chunk_name, const std::string& text, std::chrono::nanoseconds cpu);

  [[nodiscard]] size_t used() const { return meter_.used; }
  void set_memory(size_t bytes) { meter_.cap = bytes; }
  void collect() { lua_gc(lua_, LUA_GCCOLLECT); }

  MailContext mail;
  RegexCache regexes;
  Registry* registry = nullptr;  // where `rule` and its like declare; null once the files are read
  std::array<int, ViewCount> views{};

 private:
  struct Meter {
    size_t used = 0;
    size_t cap = 0;
  };
  static void* allocate(void* meter, void* block, size_t old_size, size_t new_size);

  Meter meter_;
  lua_State* lua_ = nullptr;
};

/// What a rule's `when` said.
struct RuleOutcome {
  CallResult call;
  bool hit = false;
  double factor = 1;
  std::string detail;
};
/// Calls `when` (a luaL_ref) with the mail of state.mail, within a slice of `watchdog`.
RuleOutcome run_rule(State& state, int when, Watchdog& watchdog, std::chrono::nanoseconds& cpu);

}  // namespace postern::rules
