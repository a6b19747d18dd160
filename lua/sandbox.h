// One Lua state that rule files may run in: few library functions, bounded memory, bounded time, no way out.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lua.hpp>

#include "filters/dns/dns.h"
#include "filters/facts.h"
#include "filters/message/headers.h"
#include "filters/mime/content.h"
#include "lua/kept_text.h"
#include "lua/maps.h"
#include "lua/progress.h"
#include "lua/regex_cache.h"
#include "lua/rules.h"
#include "lua/verdict.h"
#include "lua/watchdog.h"

namespace postern::rules {

class Registry;

/// Answers that an example gives in place of the DNS.
struct ExampleDns {
  std::map<dns::Question, dns::Answer> answers;  // what is not in it does not exist
};

/// What was read of a message's content; null: not yet. Points into MailContext::content and goes with it.
struct ContentRead {
  const mime::Message* structure = nullptr;
  const std::string* text = nullptr;
  const std::string* hidden = nullptr;
  const std::vector<mime::Url>* urls = nullptr;
  const std::vector<mime::Attachment>* attachments = nullptr;
  std::unordered_map<size_t, std::string> fields;  // decoded values of header fields, by place
};

/// What `mail`, `dns` and `map` show to the rule that is running: one message, one stage. Owned by who judges it; the
/// state only points to it while a rule of this message runs, so that many messages may wait in one state.
struct MailContext {
  const Facts* facts = nullptr;
  const Progress* progress = nullptr;  // which rules have hit so far
  Stage stage = Stage::Connect;
  size_t position = 0;                     // of the running rule, in the order in which rules run
  std::optional<message::Header> header;   // parsed when first asked for
  std::unique_ptr<mime::Content> content;  // made when first asked for; see lua/content.h
  ContentRead read;                        // what was asked of it so far
  uint64_t number = KeptTexts::next_message();

  /// Name -> position of every rule; owned by whoever runs the rules.
  const std::unordered_map<std::string, size_t>* order = nullptr;

  dns::Client* dns = nullptr;                    // null: nobody can be asked, dns.* says "temperror"
  Duration dns_timeout{};                        // for one look-up
  const ExampleDns* example_dns = nullptr;       // in its place
  std::map<dns::Question, dns::Answer> answers;  // what this message asked already
  std::optional<dns::Question> wanted;           // the running rule waits for it

  const std::vector<lists::List>* lists = nullptr;  // that rules may read, by place in Facts::lists
  std::vector<std::string> listed;                  // names of those that the running rule has found listed

  const Maps* maps = nullptr;
  std::shared_ptr<SeenMaps> seen_maps;  // one message sees one version of each; never null while it is judged
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
    HeloIs,
    Lists,
    Rcpts,
    Spf,
    HeloSpf,
    Dkim,
    DkimSignatures,
    Dmarc,
    DmarcAligned,
    Arc,
    ArcSealers,
    Bulk,
    Classifier,
    Urls,
    UrlObjects,
    Attachments,
    AttachmentObjects,
    AttachmentNames,
    Parts,
    PartObjects,
    Defects,
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
  /// A coroutine for one rule, which may wait in it; null when there is no memory for one. It is given back with
  /// put_thread(), also while it waits, but with drop_thread() when the rule failed: an error that left a hook has
  /// switched off the hooks of its coroutine for ever, and so the watchdog.
  lua_State* take_thread();
  void put_thread(lua_State* thread);
  void drop_thread(lua_State* thread);
  /// Runs a rule file in an environment of its own. On failure the message begins with "name:line: ".
  CallResult run_file(const std::string& chunk_name, const std::string& text, std::chrono::nanoseconds cpu);

  [[nodiscard]] size_t used() const { return meter_.used; }
  /// Bytes of the last request that was refused.
  [[nodiscard]] size_t refused() const { return meter_.refused; }
  void set_memory(size_t bytes) { meter_.cap = bytes; }
  void collect() { lua_gc(lua_, LUA_GCCOLLECT); }
  /// Before other messages run: the memory is theirs too.
  void drop_texts() { texts.drop(lua_); }

  MailContext* mail = nullptr;  // null: nothing is being judged
  RegexCache regexes;
  KeptTexts texts;
  Registry* registry = nullptr;  // where `rule` and its like declare; null once the files are read
  std::array<int, ViewCount> views{};

 private:
  struct Meter {
    size_t used = 0;
    size_t cap = 0;
    size_t refused = 0;
  };
  static void* allocate(void* meter, void* block, size_t old_size, size_t new_size);

  Meter meter_;
  lua_State* lua_ = nullptr;
  std::unordered_map<lua_State*, int> threads_;  // coroutines, and the references that keep them
  std::vector<lua_State*> free_;                 // those that nobody uses
};

/// What a rule's `when` said.
struct RuleOutcome {
  CallResult call;
  bool waits = false;  // nothing yet: it wants MailContext::wanted, or that the rules before it end
  bool hit = false;
  double factor = 1;
  std::string detail;
  int line = 0;       // where it was stopped; 0: not known
  size_t wanted = 0;  // when it failed: bytes of the state then, and of the request that was refused
};
/// Calls `when` (a luaL_ref) with the mail of state.mail in `thread`, within a slice of `watchdog`. `cpu`: what it
/// took.
RuleOutcome start_rule(State& state, lua_State* thread, int when, Watchdog& watchdog, std::chrono::nanoseconds& cpu);
/// Goes on with a rule that waited. `cpu`: in what it had before, out the sum.
RuleOutcome resume_rule(lua_State* thread, Watchdog& watchdog, std::chrono::nanoseconds& cpu);

}  // namespace postern::rules
