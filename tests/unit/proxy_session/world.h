// A world in memory for sessions: client, backend, DNS, clock and disk pool, all driven by run().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "proxy/session/backend_pool.h"
#include "proxy/session/session.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_dns.h"

namespace postern::test {

/// The far end of a fake link; outlives the Link that the session owns.
struct Wire {
  session::LinkEvents* events = nullptr;
  std::string written;  // by the session, not yet looked at by the test or the scripted backend
  bool open = true;     // the session still holds its link
  bool closed_after_flush = false;
  bool reading = true;
  bool tls_asked = false;
  /// Bytes that the peer takes although it does not read; what is beyond counts as queued.
  size_t unread_limit = SIZE_MAX;
};

class FakeLink final : public session::Link {
 public:
  explicit FakeLink(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  ~FakeLink() override {
    wire_->open = false;
    wire_->events = nullptr;
  }
  void attach(session::LinkEvents& events) override { wire_->events = &events; }
  void write(std::string_view bytes) override { wire_->written += bytes; }
  [[nodiscard]] size_t queued() const override {
    return wire_->written.size() > wire_->unread_limit ? wire_->written.size() - wire_->unread_limit : 0;
  }
  void read_enabled(bool enabled) override { wire_->reading = enabled; }
  void start_tls() override { wire_->tls_asked = true; }
  void close_after_flush() override { wire_->closed_after_flush = true; }

 private:
  std::shared_ptr<Wire> wire_;
};

class FakeTimers final : public session::Timers {
 public:
  explicit FakeTimers(FakeClock& clock) : clock_(clock) {}
  [[nodiscard]] Pending after(Duration delay, std::function<void()> callback) override;
  /// Fires what is due, one after the other; false when nothing was.
  bool run_due();

 private:
  struct Entry {
    TimePoint at;
    std::function<void()> callback;
  };
  class Operation;
  FakeClock& clock_;
  std::vector<std::weak_ptr<Entry>> entries_;
};

class FakeOffload final : public session::Offload {
 public:
  [[nodiscard]] Pending run(std::function<Result<std::string>()> work,
                            std::function<void(Result<std::string>)> done) override;
  bool run_one();

 private:
  struct Job {
    std::function<Result<std::string>()> work;
    std::function<void(Result<std::string>)> done;
  };
  class Operation;
  std::deque<std::shared_ptr<Job>> jobs_;
};

/// A backend that follows a script: replies by verb, and breaks where it is told to.
struct ScriptedBackend {
  struct Mail {
    std::string from;
    std::vector<std::string> rcpts;
    std::string content;  // as on the wire: stuffed, with the final dot
  };
  std::vector<std::string> extensions = {"PIPELINING",
                                         "8BITMIME",
                                         "SMTPUTF8",
                                         "SIZE 52428800",
                                         "ENHANCEDSTATUSCODES",
                                         "XCLIENT NAME ADDR PORT HELO PROTO"};
  std::map<std::string, std::string> replies;  // verb ("MAIL", "RCPT", "DATA", "DOT", "GREETING", ...) -> reply line
  std::string break_at;                        // verb after which the connection is reset instead of answered
  bool refuse = false;                         // connections fail
  bool hold = false;                           // the answer to the final dot waits until this is false again
  int connections = 0;
  std::vector<std::string> lines;  // every command heard
  std::vector<Mail> delivered;     // those it said 250 to
};

class CountingObserver final : public session::Observer {
 public:
  void connection_opened(const std::string& /*listener*/) override { ++open; }
  void connection_closed(const std::string& /*listener*/) override { --open; }
  void replied(int code) override { ++codes[code]; }
  void recipient(std::string_view result) override { ++recipients[std::string(result)]; }
  void message(const session::MessageRecord& record) override {
    ++verdicts[record.verdict];
    duplicates += record.duplicate ? 1 : 0;
    bare_newlines += record.bare_newlines;
    gone += record.client_gone ? 1 : 0;
    last = record;
    timeline = *record.timeline;
  }
  void filter(std::string_view filter, std::string_view /*result*/, Duration /*time*/) override {
    if (filter == throws_at) throw std::bad_alloc();
  }
  void backend_replied(const std::string& /*backend*/, int /*code*/, Duration /*time*/) override {}
  void backend_state(const std::string& /*backend*/, bool /*up*/) override {}
  void refused(const session::RefusalRecord& record) override {
    ++refusals;
    refused_rcpts = record.facts->rcpts;
    refused_at = record.stage;
    refused_by = record.evaluation->decision ? record.evaluation->decision->rule : "";
    refused_with = record.reply;
    refused_id = record.id;
    refused_from = record.facts->from;
    told.push_back({record.id, record.stage, record.cause, record.repeated ? record.times : 0, record.reply,
                    record.transactions, record.rcpts_left_out});
    timeline = *record.timeline;
  }
  void note(std::string_view /*level*/, const std::string& text) override { notes.push_back(text); }

  int open = 0;
  int duplicates = 0;
  uint64_t bare_newlines = 0;
  int gone = 0;
  int refusals = 0;
  // Of the last refusal.
  std::vector<std::string> refused_rcpts;
  std::string refused_from;
  rules::Stage refused_at = rules::Stage::Message;
  std::string refused_by;
  std::string refused_with;
  std::string refused_id;
  struct Told {
    std::string id;
    rules::Stage stage;
    session::Cause cause;
    uint64_t more;  // 0: it was told by itself
    std::string reply;
    uint64_t transactions;  // beyond those with an id of their own
    uint64_t rcpts_left_out;
  };
  std::vector<Told> told;  // all refusals
  std::string throws_at;   // a filter's name: no memory is left when it is done
  // Of the last message; what its pointers point to is gone.
  session::MessageRecord last;
  session::Timeline timeline;  // of the last message or refusal
  std::map<int, int> codes;
  std::map<std::string, int> recipients;
  std::map<std::string, int> verdicts;
  std::vector<std::string> notes;
};

class ListObserver final : public lists::Observer {
 public:
  void list_asked(const lists::List& list, std::string_view result, Duration /*time*/) override {
    ++results[list.name + ' ' + std::string(result)];
    if (heard) heard();
  }
  void list_error(const lists::List& list, const std::string& reason) override {
    errors.push_back(list.name + ": " + reason);
  }
  std::map<std::string, int> results;  // "ZEN listed" -> how often
  std::vector<std::string> errors;
  std::function<void()> heard;  // called at each answer
};

/// The way to the fake DNS; it may be cut, and then there are time-outs only.
class DnsDoor final : public dns::Client {
 public:
  DnsDoor(dns::Client& behind, session::Timers& timers) : behind_(behind), timers_(timers) {}
  [[nodiscard]] Pending lookup(const dns::Question& question, Duration timeout, Callback callback) override {
    if (!silent) return behind_.lookup(question, timeout, std::move(callback));
    return timers_.after(timeout, [callback = std::move(callback)] {
      dns::Answer answer;
      answer.reason = "timeout";
      callback(answer);
    });
  }
  bool silent = false;

 private:
  dns::Client& behind_;
  session::Timers& timers_;
};

class World final : public session::Connector {
 public:
  explicit World(const std::string& rules_text = "");
  ~World() override;

  /// A new client; the one before is gone.
  void connect(const std::string& ip = "192.0.2.10");
  /// The client sends; then everything that can happen happens. Returns what the client was sent.
  std::string say(std::string_view bytes);
  /// The same, without running: for what happens while the gateway thinks.
  void say_only(std::string_view bytes) { client->events->received(bytes); }
  std::string read();
  /// Runs timers that are due, DNS, backends and disk jobs until nothing moves.
  void run();
  void client_vanishes();
  /// The client is gone while its session is still busy: the session is handed out, and connect() may begin another.
  std::unique_ptr<session::Session> client_vanishes_and_stays_open();
  void client_ends_input();
  /// A reload: sessions that are open meet these rules at their next message.
  void reload(const std::string& rules_text);
  /// Every connection to a backend is reset.
  void backend_drops();
  void advance(Duration by);
  /// EHLO, MAIL, RCPT up to and with DATA; returns the last reply.
  std::string to_data(const std::string& from = "a@sender.example", const std::string& rcpt = "b@example.org");

  [[nodiscard]] std::unique_ptr<session::Link> connect(const session::BackendAddress& address,
                                                       session::LinkEvents& events) override;

  FakeClock clock;
  FakeTimers timers{clock};
  FakeDns dns;
  DnsDoor dns_door{dns, timers};
  dkim::KeyCache keys;
  FakeOffload offload;
  CountingObserver observer;
  session::BackendRegistry registry;
  session::MemoryBudget memory{1U << 30U};
  session::RetryMemory retries;
  session::BackendPool pool{timers, clock};
  session::Snapshot current;  // what a session that begins now gets
  ListObserver list_observer;
  lists::Zones zones{clock, lists::Zone::State::Up};
  lists::Desk desk{clock, list_observer};
  session::Services services{clock, timers,   dns_door, keys,    *this,   offload,  observer,
                             pool,  registry, memory,   retries, current, dns_door, desk};
  session::Policy policy;  // change before connect()
  session::ListenerPolicy listener;
  std::map<std::string, ScriptedBackend> backends;  // by address text
  ScriptedBackend& backend;                         // the default one
  std::shared_ptr<Wire> client;
  std::unique_ptr<session::Session> session;
  bool ended = false;
  std::string directory;  // temporary

 private:
  struct Conversation {
    std::shared_ptr<Wire> wire;
    ScriptedBackend* script;
    std::string input;
    bool greeted = false;
    bool in_data = false;
    bool dead = false;
    bool owes_answer = false;
    ScriptedBackend::Mail mail;
  };
  bool step(Conversation& conversation);
  void answer(Conversation& conversation, const std::string& verb, const std::string& fallback);
  void command(Conversation& conversation, const std::string& line);
  void load_rules(const std::string& text);

  std::vector<std::unique_ptr<Conversation>> conversations_;
  rules::RuleSetPtr rule_set_;
};

}  // namespace postern::test
