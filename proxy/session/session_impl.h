// The inside of Session. session.cc: events, the pump, deadlines, the end. session_envelope.cc: greeting to DATA.
// session_backend.cc: the
// connection behind us. session_message.cc: from the final dot to the reply. session_rules.cc: what rules decide.
// session_lists.cc: DNS lists, and what the DNS says of the name in HELO. session_bulk.cc: messages that are alike.
// session_classifier.cc: what was learned from sorted mail.
// session_report.cc: what is told of a message afterwards, and the timeline behind it.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "filters/base/signal.h"
#include "filters/dns/helo.h"
#include "filters/dns/iprev.h"
#include "proxy/session/added_header.h"
#include "proxy/session/backend.h"
#include "proxy/session/backend_pool.h"
#include "proxy/session/refusals.h"
#include "proxy/session/session.h"
#include "proxy/session/timeline.h"
#include "proxy/session/transaction.h"
#include "proxy/smtp/server_engine.h"

namespace postern::session {

/// One question of the engine is answered by one coroutine (`task_`); destroying it cancels whatever it waits for.
class SessionImpl final : private LinkEvents {
 public:
  SessionImpl(const Services& services, Snapshot snapshot, const ListenerPolicy& listener, std::unique_ptr<Link> link,
              const Peer& peer, bool secured, std::function<void()> ended);
  ~SessionImpl() override;

  void begin();
  void shut_down();
  [[nodiscard]] bool busy() const { return transaction_ && transaction_->final_dot != TimePoint{}; }

 private:
  // --- session.cc
  void received(std::string_view bytes) override;
  void writable() override;
  void secured(const TlsInfo& info) override;
  void end_of_input() override;
  void failed(const std::string& why) override;
  void pump();
  void take(smtp::Action& action);
  void run(rules::Stage stage, Task<smtp::Reply> task);
  void finish_question();
  smtp::Reply answer_fault(const std::string& what);
  void end_transaction();
  void send(std::string_view bytes);
  void flush();
  void keep_deadline(bool moved);
  [[nodiscard]] bool blocked() const;
  void check_deadline();
  void set_timer(TimePoint at);
  void end();

  // --- session_envelope.cc
  Task<smtp::Reply> on_greeting();
  Task<smtp::Reply> on_helo(smtp::AskHelo ask);
  Task<smtp::Reply> on_mail(smtp::MailCommand command);
  Task<smtp::Reply> on_rcpt(smtp::RcptCommand command);
  Task<smtp::Reply> take_recipient(smtp::RcptCommand command);
  Task<smtp::Reply> on_data();
  Task<smtp::Reply> on_refusal(smtp::AskRefusal ask);
  Task<void> learn_client_name();
  void expect_client_name();
  Task<void> know_client_name();
  Task<void> know_client_name_for(rules::Stage stage);
  [[nodiscard]] bool wants_client_name(rules::Stage stage) const;
  [[nodiscard]] bool wants_spf(rules::Stage stage) const;
  Task<void> know_client(Transaction& transaction);
  Task<void> know_spf(Transaction& transaction);
  struct Refused {
    Cause cause;
    smtp::Reply reply;
  };
  std::optional<Refused> refuse_relay(const smtp::Path& path) const;
  std::optional<Refused> mix_thresholds(const Transaction& transaction, rules::Thresholds& thresholds) const;
  std::optional<Refused> choose_route(Transaction& transaction, const std::string& domain) const;
  Task<std::optional<smtp::Reply>> run_rcpt_rules(Transaction& transaction, const std::string& address);
  Task<void> run_rules(rules::Stage stage, const Facts& facts, rules::Evaluation& evaluation, Duration* time);
  [[nodiscard]] Facts connection_facts() const;
  Task<std::optional<smtp::Reply>> run_connect_rules(bool greeting);
  Task<std::optional<smtp::Reply>> run_helo_rules();
  Task<std::optional<smtp::Reply>> run_mail_rules(Transaction& transaction);
  Task<std::optional<smtp::Reply>> take_new_rules();
  Task<std::optional<smtp::Reply>> decided(const Facts& facts, const rules::Evaluation& evaluation, rules::Stage stage,
                                           bool greeting);
  Task<std::string> list_text(const Facts& facts, const rules::Decision& decision);
  void start_checks(Transaction& transaction);
  [[nodiscard]] smtp::Extensions offer() const;
  [[nodiscard]] bool trusted() const;

  // --- session_report.cc
  [[nodiscard]] Timeline& timeline() { return transaction_ ? transaction_->timeline : timeline_; }
  void mark(Moment::What what, std::string_view text) { mark(what, services_.clock.now(), text); }
  void mark(Moment::What what, TimePoint begin, std::string_view text) {
    timeline().add(what, begin, services_.clock.now(), text);
  }
  void filter_done(std::string_view filter, std::string_view result, TimePoint begin);
  void watch_dns();
  void report(Transaction& transaction, const rules::Judgement& judgement, std::string verdict,
              const smtp::Reply& reply, bool duplicate);
  void report_refusal(RefusalRecord record, std::string_view backend = {});
  [[nodiscard]] Refusals::Answer next_refusal(Cause cause, std::string_view rule, rules::Stage stage);
  void tell_or_count(Refusals::Answer answer, RefusalRecord record);
  [[nodiscard]] smtp::Reply refuse_undecided(Cause cause, rules::Stage stage, smtp::Reply reply, const Facts& facts);
  /// What a refusal that no rule decided is about; empty: nothing of it is known yet.
  struct About {
    std::string from = {};
    std::string rcpt = {};
    uint64_t size = 0;
  };
  [[nodiscard]] smtp::Reply refuse(Cause cause, rules::Stage stage, smtp::Reply reply, const About& about);
  [[nodiscard]] smtp::Reply refuse_here(Cause cause, smtp::Reply reply);
  [[nodiscard]] smtp::Reply refuse_unreached(const Transaction& transaction, smtp::Reply reply);
  void report_rest(const Refusals::Rest& rest);

  // --- session_lists.cc
  void ask_lists_of_client();
  void ask_lists_of_name();
  void ask_lists_of_helo();
  void refresh_lists();
  void look_at_helo();
  void ask_lists_of_sender(Transaction& transaction);
  void ask_lists_of_header(Transaction& transaction, const message::Header& header);
  void ask_lists_of_text(Transaction& transaction, const message::Header& header);
  void ask_lists_of_addresses(Transaction& transaction, lists::Texts& texts) const;
  static void keep_passing_signers(Transaction& transaction);
  Task<void> know_helo(rules::Stage stage, ConnectionFacts& facts);
  Task<void> settle(lists::Check& check, const std::vector<size_t>& needed);
  Task<void> know_lists(rules::Stage stage, ConnectionFacts& facts, Transaction* transaction);
  [[nodiscard]] std::unique_ptr<lists::Check> new_list_check(size_t asked_before);
  [[nodiscard]] bool unfiltered() const { return trusted() && policy_.relay.skip_filters; }

  // --- session_bulk.cc
  Task<void> know_bulk(Transaction& transaction, const message::Header& header);
  void settle_bulk(Transaction& transaction, rules::Verdict verdict, const smtp::Reply& reply);

  // --- session_classifier.cc
  void know_classifier(Transaction& transaction, const message::Header& header);

  // --- session_backend.cc
  Task<std::optional<smtp::Reply>> establish(Transaction& transaction);
  struct Attempt {
    bool reached = false;
    bool ours = false;                   // the refusal is our own, without an id yet: nobody could be asked,
    Cause cause = Cause::None;           // or for this
    std::optional<smtp::Reply> refusal;  // nothing: the backend stands where the transaction does
  };
  Task<Attempt> say_mail(Transaction& transaction, TimePoint begin);
  void mark_backend(TimePoint begin, const Result<smtp::Reply>& said);
  Task<smtp::Reply> offer_recipient(Transaction& transaction, const smtp::RcptCommand& command);
  Task<bool> reuse_backend(const Transaction& transaction);
  Task<std::optional<smtp::Reply>> replay_recipients(const Transaction& transaction);
  [[nodiscard]] Backend::Options backend_options(const Transaction& transaction) const;
  Task<Result<void>> fresh_backend(const Transaction& transaction);
  void release_backend();
  Task<smtp::Reply> forward(Transaction& transaction, Content& content);
  Task<smtp::Reply> write_maildir(Transaction& transaction, bool quarantine, std::string beginning, size_t rest_at);
  [[nodiscard]] static bool embedded(const Transaction& transaction);
  [[nodiscard]] static std::string address_text(const Transaction& transaction, const std::string& address);

  /// While a command waits for the DNS: all that one message waits, over all its commands, is bounded ([dns] budget).
  class Patience {
   public:
    explicit Patience(SessionImpl& session) : session_(session), began_(session.services_.clock.now()) {
      session_.dns_.restart_time(session_.patience_left());
      session_.patience_until_ = began_ + session_.patience_left();
    }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;
    ~Patience() { session_.waited_ += session_.services_.clock.now() - began_; }

   private:
    SessionImpl& session_;
    TimePoint began_;
  };
  [[nodiscard]] Duration patience_left() const { return std::max(policy_.dns.total - waited_, Duration::zero()); }

  // --- session_message.cc
  void take_content(Transaction& transaction, std::string_view bytes);
  Task<void> know_authentication(Transaction& transaction, const message::Header& header);
  Task<smtp::Reply> on_message(smtp::AskMessage ask);
  Task<void> learn(Transaction& transaction, const message::Header& header);
  Task<smtp::Reply> judge_and_deliver(Transaction& transaction, rules::Judgement& judgement, std::string& verdict);
  Task<smtp::Reply> refusal(const Transaction& transaction, const rules::Judgement& judgement);
  Task<smtp::Reply> deliver(Transaction& transaction, const rules::Judgement& judgement, const message::Header& header);
  void await_retry();
  void settle_retry(Transaction& transaction, const smtp::Reply& reply);

  const Services& services_;
  Snapshot snapshot_;
  const Policy& policy_;
  const ListenerPolicy& listener_;
  Peer peer_;
  std::function<void()> ended_;

  smtp::ServerEngine engine_;
  std::unique_ptr<Link> link_;
  std::optional<TlsInfo> tls_;
  ConnectionFacts facts_;
  Timeline timeline_{Timeline::Of::Connection};
  bool esmtp_ = false;
  rules::Evaluation evaluation_;        // of the stages connect and helo
  size_t connect_hits_ = 0;             // how many of its hits are of the stage connect (kept over a second HELO)
  std::optional<smtp::Reply> refused_;  // by rules that were loaded after the greeting: the answer to MAIL
  bool refused_at_helo_ = false;        // until the client says HELO again
  dns::Budget dns_;
  dns::Watched list_dns_;
  Duration waited_{};          // for the DNS, by this message and, if it is the first one, by the connection
  TimePoint patience_until_;   // of the Patience that is in force
  bool first_message_ = true;  // no MAIL yet

  std::unique_ptr<Refusals> refusals_;          // none yet
  rules::Stage asked_ = rules::Stage::Connect;  // of the question that task_ answers

  std::string replies_;  // not written yet
  bool pumping_ = false;
  bool over_ = false;
  bool client_gone_ = false;
  bool input_ended_ = false;
  bool reading_ = true;
  bool shutting_down_ = false;
  bool name_known_ = false;
  bool data_deadline_ = false;              // deadline_ is that of a message's content
  TimePoint deadline_;                      // for the client; zero: none
  TimePoint timer_at_;                      // when timer_ fires; it may be early
  std::optional<RetryMemory::Key> unread_;  // our last 250 for a message, until the client shows it is still there
  std::string unread_reply_;

  // Work under way; declared last, so destroyed (cancelled) first.
  std::unique_ptr<lists::Check> lists_;  // of the client and its names; none: nobody asks
  std::unique_ptr<Background<dns::HeloName>> helo_check_;
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<Backend> backend_;
  const std::vector<BackendAddress>* backend_route_ = nullptr;
  smtp::Reply last_positive_;   // the backend's answer to MAIL, for the client
  bool backend_dirty_ = false;  // the backend still holds a transaction that was given up
  Signal name_changed_;
  Pending expected_name_;
  Task<void> reverse_;
  Pending timer_;
  Task<smtp::Reply> task_;
};

}  // namespace postern::session
