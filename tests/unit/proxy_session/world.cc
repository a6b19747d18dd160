#include "tests/unit/proxy_session/world.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "filters/base/bytes.h"

namespace postern::test {

class FakeTimers::Operation final : public Pending::Operation {
 public:
  explicit Operation(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}

 private:
  std::shared_ptr<Entry> entry_;
};

Pending FakeTimers::after(Duration delay, std::function<void()> callback) {
  auto entry = std::make_shared<Entry>(Entry{clock_.now() + delay, std::move(callback)});
  entries_.push_back(entry);
  return Pending(std::make_unique<Operation>(std::move(entry)));
}

bool FakeTimers::run_due() {
  for (size_t i = 0; i < entries_.size(); ++i) {
    auto entry = entries_[i].lock();
    if (entry && entry->at > clock_.now()) continue;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!entry) return run_due();
    auto callback = std::move(entry->callback);
    entry.reset();
    callback();
    return true;
  }
  return false;
}

class FakeOffload::Operation final : public Pending::Operation {
 public:
  explicit Operation(std::shared_ptr<Job> job) : job_(std::move(job)) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() override { job_->done = nullptr; }

 private:
  std::shared_ptr<Job> job_;
};

Pending FakeOffload::run(std::function<Result<std::string>()> work, std::function<void(Result<std::string>)> done) {
  auto job = std::make_shared<Job>(Job{std::move(work), std::move(done)});
  jobs_.push_back(job);
  return Pending(std::make_unique<Operation>(std::move(job)));
}

bool FakeOffload::run_one() {
  if (jobs_.empty()) return false;
  auto job = jobs_.front();
  jobs_.pop_front();
  auto result = job->work();
  auto done = std::move(job->done);
  if (done) done(std::move(result));
  return true;
}

World::World(const std::string& rules_text) : backend(backends["127.0.0.1:10025"]) {
  std::string pattern = (std::filesystem::temp_directory_path() / "postern-test.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory = pattern;
  load_rules(rules_text);
  policy.hostname = "mx.example.org";
  policy.relay.domains.add("example.org");
  session::BackendAddress address;
  address.text = "127.0.0.1:10025";
  policy.backend.addresses = {address};
  policy.limits.spool = directory;
  policy.quarantine_maildir = directory + "/quarantine";
  listener.name = "test";
}

void World::load_rules(const std::string& text) {
  rule_set_ = rules::RuleSet::empty();
  if (text.empty()) return;
  std::filesystem::create_directory(directory + "/rules");
  std::ofstream(directory + "/rules/10-test.lua") << text;
  auto loaded = rules::RuleSet::load(directory + "/rules", {});
  if (!loaded) throw std::runtime_error(loaded.error().front().to_string());
  rule_set_ = *loaded;
}

void World::reload(const std::string& rules_text) {
  load_rules(rules_text);
  current.host = std::make_shared<rules::Host>(rule_set_, nullptr);
  current.lists = lists::bind_lists(rule_set_->lists(), zones);
}

World::~World() {
  session.reset();
  std::filesystem::remove_all(directory);
}

void World::connect(const std::string& ip) {
  session.reset();
  client = std::make_shared<Wire>();
  ended = false;
  policy.finish(true);
  session::Peer peer;
  peer.ip = *IpAddress::parse(ip);
  peer.port = 4242;
  peer.local_ip = *IpAddress::parse("192.0.2.1");
  peer.local_port = 25;
  current = {std::make_shared<const session::Policy>(policy), std::make_shared<rules::Host>(rule_set_, nullptr),
             lists::bind_lists(rule_set_->lists(), zones)};
  session = std::make_unique<session::Session>(services, current, listener, std::make_unique<FakeLink>(client), peer,
                                               false, [this] { ended = true; });
  session->begin();
  run();
}

std::string World::say(std::string_view bytes) {
  if (client->events != nullptr) client->events->received(bytes);
  run();
  return read();
}

std::string World::read() {
  return std::exchange(client->written, {});
}

void World::client_vanishes() {
  if (client->events != nullptr) client->events->failed("connection reset by peer");
  run();
}

std::unique_ptr<session::Session> World::client_vanishes_and_stays_open() {
  client_vanishes();
  return std::move(session);
}

void World::client_ends_input() {
  if (client->events != nullptr) client->events->end_of_input();
  run();
}

void World::backend_drops() {
  for (auto& conversation : conversations_) {
    if (conversation->dead || conversation->wire->events == nullptr) continue;
    conversation->dead = true;
    conversation->wire->events->failed("connection reset by peer");
  }
  run();
}

void World::advance(Duration by) {
  clock.advance(by);
  run();
}

std::string World::to_data(const std::string& from, const std::string& rcpt) {
  say("EHLO client.example\r\n");
  say("MAIL FROM:<" + from + ">\r\n");
  say("RCPT TO:<" + rcpt + ">\r\n");
  return say("DATA\r\n");
}

void World::run() {
  for (bool moved = true; moved;) {
    moved = timers.run_due() || dns.run() > 0 || offload.run_one();
    for (size_t i = 0; i < conversations_.size(); ++i) moved = step(*conversations_[i]) || moved;
  }
}

// ---------------------------------------------------------------- the scripted backend

std::unique_ptr<session::Link> World::connect(const session::BackendAddress& address, session::LinkEvents& events) {
  auto conversation = std::make_unique<Conversation>();
  conversation->wire = std::make_shared<Wire>();
  conversation->script = &backends[address.text];
  ++conversation->script->connections;
  auto link = std::make_unique<FakeLink>(conversation->wire);
  link->attach(events);
  conversations_.push_back(std::move(conversation));
  return link;
}

void World::answer(Conversation& conversation, const std::string& verb, const std::string& fallback) {
  const ScriptedBackend& script = *conversation.script;
  auto* events = conversation.wire->events;
  if (events == nullptr) return;
  if (script.break_at == verb) {
    conversation.dead = true;
    events->failed("connection reset by peer");
    return;
  }
  auto scripted = script.replies.find(verb);
  events->received((scripted == script.replies.end() ? fallback : scripted->second) + "\r\n");
}

bool World::step(Conversation& conversation) {
  Wire& wire = *conversation.wire;
  if (conversation.dead || wire.events == nullptr) return false;
  if (!conversation.greeted) {
    conversation.greeted = true;
    if (conversation.script->refuse) {
      conversation.dead = true;
      wire.events->failed("connect: Connection refused");
    } else {
      wire.events->connected();
      answer(conversation, "GREETING", "220 backend.example ESMTP");
    }
    return true;
  }
  if (conversation.owes_answer && !conversation.script->hold) {
    conversation.owes_answer = false;
    answer(conversation, "DOT", "250 2.0.0 Ok: queued as 4F00D");
    return true;
  }
  conversation.input += std::exchange(wire.written, {});
  if (conversation.in_data && conversation.script->break_at == "CONTENT" && !conversation.input.empty()) {
    conversation.dead = true;
    wire.events->failed("connection reset by peer");
    return true;
  }
  std::string end = conversation.in_data ? "\r\n.\r\n" : "\r\n";
  size_t at = conversation.input.find(end);
  if (at == std::string::npos) return false;
  std::string text = conversation.input.substr(0, at);
  conversation.input.erase(0, at + end.size());
  if (!conversation.in_data) {
    command(conversation, text);
    return true;
  }
  conversation.in_data = false;
  conversation.mail.content = text + end;
  const ScriptedBackend& script = *conversation.script;
  auto scripted = script.replies.find("DOT");
  bool takes = script.break_at != "DOT" && (scripted == script.replies.end() || scripted->second.front() == '2');
  if (takes) conversation.script->delivered.push_back(conversation.mail);
  conversation.owes_answer = true;
  return true;
}

void World::command(Conversation& conversation, const std::string& line) {
  conversation.script->lines.push_back(line);
  std::string verb = to_upper(std::string_view(line).substr(0, line.find(' ')));
  std::string address =
      line.find('<') == std::string::npos ? "" : line.substr(line.find('<') + 1, line.find('>') - line.find('<') - 1);
  std::string fallback = "250 2.0.0 Ok";
  if (verb == "EHLO") {
    fallback = "250-backend.example";
    for (const auto& extension : conversation.script->extensions) fallback += "\r\n250-" + extension;
    fallback += "\r\n250 HELP";
  } else if (verb == "XCLIENT") {
    fallback = "220 backend.example ESMTP";
  } else if (verb == "MAIL") {
    conversation.mail = {address, {}, ""};
    fallback = "250 2.1.0 Sender Ok";
  } else if (verb == "RCPT") {
    conversation.mail.rcpts.push_back(address);
    fallback = "250 2.1.5 Recipient Ok";
  } else if (verb == "DATA") {
    auto scripted = conversation.script->replies.find("DATA");
    conversation.in_data = scripted == conversation.script->replies.end();
    fallback = "354 go ahead";
  } else if (verb == "QUIT") {
    fallback = "221 2.0.0 Bye";
  }
  answer(conversation, verb, fallback);
}

}  // namespace postern::test
