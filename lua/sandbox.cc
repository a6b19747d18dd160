#include "lua/sandbox.h"

#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxDetail = 200;          // bytes of a rule's second value
constexpr size_t kMaxMessage = 500;         // bytes of an error's text
constexpr size_t kMinMemory = 256U << 10U;  // the libraries and a small rule file

// Reading a global that nobody defined is a misspelling more often than a test for nil.
int unknown_name(lua_State* lua) {
  std::string name(lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?"));
  raise(lua, refusal_of_name(name));
}

// A file's own "global" variables exist while it is read; afterwards a rule that wrote one would leave something behind
// for the next message.
int set_global(lua_State* lua) {
  if (State::of(lua).registry == nullptr) {
    std::string name(lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?"));
    raise(lua, fmt::format("a rule must not set the global '{}': write 'local {}'", escape_for_log(name, 60),
                           escape_for_log(name, 60)));
  }
  lua_settop(lua, 3);
  lua_rawset(lua, lua_upvalueindex(1));
  return 0;
}

// Pushes an empty table whose reads go to a store behind it, then to the shared functions (upvalue of the registry).
void push_environment(lua_State* lua) {
  lua_newtable(lua);                                           // environment
  lua_newtable(lua);                                           // its metatable
  lua_newtable(lua);                                           // the store
  lua_rawgetp(lua, LUA_REGISTRYINDEX, &State::of(lua).views);  // metatable of the store, made once
  lua_setmetatable(lua, -2);
  lua_pushvalue(lua, -1);
  lua_pushcclosure(lua, set_global, 1);
  lua_setfield(lua, -3, "__newindex");
  lua_setfield(lua, -2, "__index");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
}

// Leaves in the registry the metatable of every file's store: {__index = shared functions}.
int open_all(lua_State* lua) {
  lua_newtable(lua);
  open_base(lua);
  open_string(lua);
  open_declare(lua);
  open_dns(lua);
  open_map(lua);
  lua_newtable(lua);
  lua_pushcfunction(lua, unknown_name);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_newtable(lua);
  lua_pushvalue(lua, -2);
  lua_setfield(lua, -2, "__index");
  lua_rawsetp(lua, LUA_REGISTRYINDEX, &State::of(lua).views);
  open_mail(lua);
  return 0;
}

int load_file(lua_State* lua) {
  const auto& name = *static_cast<const std::string*>(lua_touserdata(lua, 1));
  const auto& text = *static_cast<const std::string*>(lua_touserdata(lua, 2));
  // Editors of Windows put a byte order mark in front.
  std::string_view code = text;
  if (code.starts_with("\xef\xbb\xbf")) code.remove_prefix(3);
  // "t": text only; hand-made byte code can break the interpreter.
  if (luaL_loadbufferx(lua, code.data(), code.size(), ("@" + name).c_str(), "t") != LUA_OK) lua_error(lua);
  push_environment(lua);
  lua_setupvalue(lua, -2, 1);
  lua_call(lua, 0, 0);
  return 0;
}

// The bytes of a sequence that the cut would split go too.
std::string cut(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  size_t end = limit;
  while (end > 0 && limit - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end));
}

}  // namespace

void* State::allocate(void* meter_pointer, void* block, size_t old_size, size_t new_size) {
  auto& meter = *static_cast<Meter*>(meter_pointer);
  if (block == nullptr) old_size = 0;  // Lua says there what kind of object it wants
  if (new_size == 0) {
    std::free(block);
    meter.used -= old_size;
    return nullptr;
  }
  if (new_size > old_size && meter.used + (new_size - old_size) > meter.cap) {
    meter.refused = new_size - old_size;
    return nullptr;
  }
  void* fresh = std::realloc(block, new_size);
  if (fresh != nullptr) meter.used = meter.used - old_size + new_size;
  return fresh;
}

State::State(size_t memory) {
  views.fill(LUA_NOREF);
  meter_.cap = memory < kMinMemory ? kMinMemory : memory;
  lua_ = lua_newstate(&State::allocate, &meter_);
  if (lua_ == nullptr) throw std::bad_alloc();
  *static_cast<State**>(lua_getextraspace(lua_)) = this;
  lua_pushcfunction(lua_, open_all);
  if (lua_pcall(lua_, 0, 0, 0) != LUA_OK) {
    lua_close(lua_);
    throw std::bad_alloc();
  }
}

State::~State() {
  lua_close(lua_);
}

State& State::of(lua_State* lua) {
  return **static_cast<State**>(lua_getextraspace(lua));
}

namespace {

// What went wrong, from the status of a call and the error object on top of the stack, which stays there.
CallResult failure_of(lua_State* lua, int status) {
  if (status != LUA_ERRRUN) return {Failure::Memory, "out of memory"};
  if (lua_touserdata(lua, -1) == Watchdog::token()) return {Failure::Cpu, "out of time"};
  // Only of a string: converting anything else could raise an error, and nothing would catch it here.
  if (lua_type(lua, -1) != LUA_TSTRING) {
    return {Failure::Error, fmt::format("an error that is a {}", luaL_typename(lua, -1))};
  }
  size_t size = 0;
  const char* text = lua_tolstring(lua, -1, &size);
  return {Failure::Error, cut({text, size}, kMaxMessage)};
}

int new_thread(lua_State* lua) {
  lua_newthread(lua);
  lua_pushinteger(lua, luaL_ref(lua, LUA_REGISTRYINDEX));
  return 1;
}

}  // namespace

CallResult State::call(int arguments, int results) {
  int status = lua_pcall(lua_, arguments, results, 0);
  if (status == LUA_OK) return {};
  CallResult result = failure_of(lua_, status);
  lua_pop(lua_, 1);
  return result;
}

lua_State* State::take_thread() {
  if (free_.empty()) {
    lua_pushcfunction(lua_, new_thread);
    if (call(0, 1).failure != Failure::None) return nullptr;
    int reference = static_cast<int>(lua_tointeger(lua_, -1));
    lua_pop(lua_, 1);
    lua_rawgeti(lua_, LUA_REGISTRYINDEX, reference);
    lua_State* thread = lua_tothread(lua_, -1);
    lua_pop(lua_, 1);
    threads_.emplace(thread, reference);
    return thread;
  }
  lua_State* thread = free_.back();
  free_.pop_back();
  return thread;
}

void State::put_thread(lua_State* thread) {
  // A rule has nothing that wants to be closed (no setmetatable), so this raises no error.
  if (lua_status(thread) != LUA_OK || lua_gettop(thread) > 0) {
    lua_resetthread(thread);
    lua_settop(thread, 0);
  }
  free_.push_back(thread);
}

void State::drop_thread(lua_State* thread) {
  auto found = threads_.find(thread);
  if (found == threads_.end()) return;
  luaL_unref(lua_, LUA_REGISTRYINDEX, found->second);
  threads_.erase(found);
}

CallResult State::run_file(const std::string& chunk_name, const std::string& text, std::chrono::nanoseconds cpu) {
  Watchdog watchdog(cpu, cpu);
  watchdog.begin_slice(lua_);
  lua_pushcfunction(lua_, load_file);
  lua_pushlightuserdata(lua_, const_cast<std::string*>(&chunk_name));
  lua_pushlightuserdata(lua_, const_cast<std::string*>(&text));
  CallResult result = call(2, 0);
  watchdog.end_slice();
  if (result.failure == Failure::Cpu) {
    result.message = fmt::format("{}:{}: reading the file takes more than {} ms of CPU time", chunk_name,
                                 watchdog.line(), cpu.count() / 1'000'000);
  } else if (result.failure == Failure::Memory) {
    result.message = "reading the rule files takes more memory than a rule state may have";
  }
  return result;
}

namespace {

// False with a message when `when` returned what it must not.
bool read_results(lua_State* lua, RuleOutcome& outcome) {
  int kind = lua_type(lua, -2);
  if (kind == LUA_TNUMBER) {
    outcome.factor = lua_tonumber(lua, -2);
    if (!std::isfinite(outcome.factor)) {
      outcome.call = {Failure::Error, "'when' returned a number that is not finite"};
      return false;
    }
  } else if (kind != LUA_TBOOLEAN && kind != LUA_TNIL) {
    outcome.call = {Failure::Error, fmt::format("'when' returned a {}: it must return true, false, nil or a number",
                                                lua_typename(lua, kind))};
    return false;
  }
  outcome.hit = kind == LUA_TNUMBER || lua_toboolean(lua, -2) != 0;
  int detail = lua_type(lua, -1);
  if (!outcome.hit || detail == LUA_TNIL) return true;
  if (detail == LUA_TNUMBER) {
    outcome.detail = lua_isinteger(lua, -1) != 0 ? fmt::format("{}", lua_tointeger(lua, -1))
                                                 : fmt::format("{}", lua_tonumber(lua, -1));
  } else if (detail == LUA_TSTRING) {
    size_t size = 0;
    const char* text = lua_tolstring(lua, -1, &size);
    outcome.detail = cut({text, size}, kMaxDetail);
  } else {
    outcome.call = {Failure::Error,
                    fmt::format("the second value of 'when' is a {}: it must be a string", lua_typename(lua, detail))};
    outcome.hit = false;
    return false;
  }
  return true;
}

}  // namespace

namespace {

// Runs `thread` until it ends, waits or fails; afterwards its stack is empty unless it waits.
RuleOutcome run_thread(lua_State* thread, int arguments, Watchdog& watchdog, std::chrono::nanoseconds& cpu) {
  RuleOutcome outcome;
  int results = 0;
  watchdog.begin_slice(thread, cpu);
  int status = lua_resume(thread, nullptr, arguments, &results);
  cpu = watchdog.end_slice();
  if (status == LUA_YIELD) {
    lua_pop(thread, results);
    outcome.waits = true;
    return outcome;
  }
  if (status == LUA_OK) {
    // As a call with two results: missing ones are nil, others are not looked at.
    lua_settop(thread, lua_gettop(thread) - results + 2);
    read_results(thread, outcome);
  } else {
    outcome.call = failure_of(thread, status);
    outcome.wanted = State::of(thread).used() + State::of(thread).refused();
    lua_resetthread(thread);
    if (outcome.call.failure == Failure::Cpu) {
      outcome.line = watchdog.line();
      outcome.call.message = fmt::format("stopped after {:.1f} ms of CPU time", static_cast<double>(cpu.count()) / 1e6);
    }
  }
  lua_settop(thread, 0);
  return outcome;
}

}  // namespace

RuleOutcome start_rule(State& state, lua_State* thread, int when, Watchdog& watchdog, std::chrono::nanoseconds& cpu) {
  // References of the registry, on an empty stack: neither push can raise an error.
  lua_rawgeti(thread, LUA_REGISTRYINDEX, when);
  lua_rawgeti(thread, LUA_REGISTRYINDEX, state.views[State::Mail]);
  cpu = std::chrono::nanoseconds(0);
  return run_thread(thread, 1, watchdog, cpu);
}

RuleOutcome resume_rule(lua_State* thread, Watchdog& watchdog, std::chrono::nanoseconds& cpu) {
  return run_thread(thread, 0, watchdog, cpu);
}

}  // namespace postern::rules
