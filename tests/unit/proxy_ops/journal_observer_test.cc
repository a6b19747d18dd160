// What sessions report, in the journal, the log and the metrics.
#include <sstream>

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>

#include "proxy/ops/journal_entry.h"
#include "proxy/ops/observer.h"
#include "tests/unit/proxy_ops/journal_fixture.h"

namespace postern::ops {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr const char* kRules = R"(
list "ZEN" { zone = "zen.example", of = "client", answers = { ["127.0.0.2"] = { "SBL", 4.0 } } }
rule "S" { about = "x", score = 20, mode = "shadow", when = function(mail) return true end })";

class JournalObserverTest : public JournalTest {
 public:
  JournalObserverTest() {
    operations_.in_force(std::make_shared<session::Policy>(), rules_);
    journal_ = open();
    operations_.set_journal(journal_.get());
    metrics_.watch_journal([this] { return journal_->statistics(); });
    facts_.client.ip = *IpAddress::parse("192.0.2.1");
    facts_.lists.resize(1);
    facts_.lists[0].state = lists::Outcome::State::Unlisted;
  }
  JournalObserverTest(const JournalObserverTest&) = delete;
  JournalObserverTest& operator=(const JournalObserverTest&) = delete;
  ~JournalObserverTest() override = default;

 protected:
  static rules::RuleSetPtr set_of(const std::string& text) {
    auto set = rules::RuleSet::from_texts({{"a.lua", text}}, {});
    if (!set) throw std::runtime_error(set.error()[0].to_string());
    return *set;
  }
  void message() {
    session::MessageRecord record;
    record.id = "01J0";
    record.facts = &facts_;
    record.evaluation = &evaluation_;
    record.judgement = {rules::Verdict::Accept, 1, 6.0};
    record.verdict = "accept";
    record.rules_version = rules_->version();
    record.wall_ms = SystemClock().wall_ms();
    operations_.message(record);
  }
  void refuse(const std::string& id) {
    evaluation_.decision = rules::Decision{rules::Verdict::Reject, "X", "", "", ""};
    session::RefusalRecord record;
    record.id = id;
    record.facts = &facts_;
    record.stage = rules::Stage::Connect;
    record.evaluation = &evaluation_;
    record.reply = "554 5.7.1 refused";
    record.rules_version = rules_->version();
    record.wall_ms = SystemClock().wall_ms();
    operations_.refused(record);
  }

  SystemClock clock_;
  std::ostringstream out_;
  Metrics metrics_;
  Log log_{clock_, Config::LogFormat::Text, "info", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)};
  Operations operations_{metrics_, log_};
  rules::RuleSetPtr rules_ = set_of(kRules);
  std::unique_ptr<Journal> journal_;
  Facts facts_;
  rules::Evaluation evaluation_;
};

TEST_F(JournalObserverTest, AMessageIsRecordedWithWhatShadowRulesWouldHaveDone) {
  evaluation_.hits = {{"S", 20, 1, "", "", true, {}}};
  message();
  journal_->finish();
  ASSERT_THAT(rows(), SizeIs(1));
  auto entry = read_entry(rows()[0]);
  ASSERT_TRUE(entry) << entry.error().message;
  EXPECT_EQ(entry->id, "01J0");
  ASSERT_THAT(entry->shadow, SizeIs(1));
  EXPECT_EQ(entry->shadow[0].to, rules::Verdict::Reject);
  ASSERT_THAT(entry->lists, SizeIs(1));
  EXPECT_EQ(entry->lists[0].first, "ZEN");
  std::string text = metrics_.serialize();
  EXPECT_THAT(text, HasSubstr("\npostern_journal_entries_total 1\n"));
  EXPECT_THAT(text, HasSubstr("\npostern_journal_dropped_total 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("\npostern_journal_bytes 0\n")));
}

TEST_F(JournalObserverTest, TheRulesInForceAreRecordedNowAndAfterAReload) {
  std::string before = rules_->version();
  rules_ = set_of(std::string(kRules) + "disable 'S'");
  operations_.in_force(std::make_shared<session::Policy>(), rules_);
  journal_->finish();
  auto reader = JournalReader::open(path());
  ASSERT_TRUE(reader) << reader.error().message;
  for (const std::string& version : {before, rules_->version()}) {
    auto kept = (*reader)->rules(version).value();
    ASSERT_TRUE(kept) << version;
    EXPECT_EQ(read_rules(*kept)->rules.at("S").disabled, version != before);
  }
}

TEST_F(JournalObserverTest, ADeferralThatNoRuleDecidedSaysWhatTheBackendDid) {
  session::Timeline story;
  TimePoint at(std::chrono::hours(1));
  story.add(session::Moment::What::Backend, at, at, "127.0.0.1:25: Connection refused");
  story.add(session::Moment::What::Reply, at, "451 4.4.1 later");
  facts_.from = "a@sender.example";
  session::RefusalRecord record;
  record.id = "01J7";
  record.facts = &facts_;
  record.stage = rules::Stage::Mail;
  record.evaluation = &evaluation_;
  record.reply = "451 4.4.1 later";
  record.rules_version = rules_->version();
  record.wall_ms = SystemClock().wall_ms();
  record.at = at;
  record.timeline = &story;
  operations_.refused(record);
  journal_->finish();
  ASSERT_THAT(rows(), SizeIs(1));
  auto entry = read_entry(rows()[0]);
  ASSERT_TRUE(entry) << entry.error().message;
  EXPECT_EQ(entry->stage, "mail");
  EXPECT_EQ(entry->verdict, "error");
  EXPECT_FALSE(entry->evaluation.decision);
  EXPECT_EQ(entry->backend_reply, "127.0.0.1:25: Connection refused");
  EXPECT_EQ(entry->reply, "451 4.4.1 later");
  EXPECT_EQ(entry->thresholds, session::Policy().verdict.thresholds);
  EXPECT_EQ(entry->judgement.verdict, rules::Verdict::Accept);
  EXPECT_EQ(entry->judgement.limit, session::Policy().verdict.thresholds.tag);
  EXPECT_THAT(out_.str(), HasSubstr(" refused id=01J7 stage=mail "));
  EXPECT_THAT(out_.str(), HasSubstr(" verdict=defer score=0.0 "));
}

TEST_F(JournalObserverTest, ARefusalThatNoRuleDecidedIsOneOfTheKindThatWasAnswered) {
  session::RefusalRecord record;
  record.id = "01J8";
  record.facts = &facts_;
  record.stage = rules::Stage::Rcpt;
  record.evaluation = &evaluation_;
  record.wall_ms = SystemClock().wall_ms();
  record.cause = session::Cause::Relay;
  record.reply = "550 5.7.1 relaying denied [id 01J8]";
  operations_.refused(record);
  record.cause = session::Cause::TooManyRecipients;
  record.reply = "452 4.5.3 too many recipients [id 01J8]";
  operations_.refused(record);
  journal_->finish();
  ASSERT_THAT(rows(), SizeIs(2));
  EXPECT_EQ(rows()[0].verdict, "reject");
  EXPECT_EQ(rows()[1].verdict, "defer");
  EXPECT_EQ(read_entry(rows()[0])->cause, session::Cause::Relay);
  EXPECT_THAT(out_.str(), HasSubstr(" refused id=01J8 stage=rcpt "));
  EXPECT_THAT(out_.str(), HasSubstr(" verdict=reject score=0.0 rules=\"\" rule=\"\" cause=relay reply=\"550 "));
  EXPECT_THAT(out_.str(), HasSubstr(" verdict=defer score=0.0 rules=\"\" rule=\"\" cause=too_many_recipients reply="));
}

TEST_F(JournalObserverTest, ARefusalIsFoundByTheIdInItsLine) {
  refuse("");
  refuse("01JREPLY");
  journal_->finish();
  auto found = rows();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].id.size(), 26U) << "nobody named one";
  EXPECT_EQ(found[1].id, "01JREPLY");
  EXPECT_THAT(out_.str(), HasSubstr(" info refused id=" + found[0].id + " stage=connect "));
  EXPECT_THAT(out_.str(), HasSubstr(" info refused id=01JREPLY stage=connect "));
  EXPECT_EQ(read_entry(found[0])->stage, "connect");
}

TEST_F(JournalObserverTest, WithoutAJournalNothingIsMadeUp) {
  operations_.set_journal(nullptr);
  refuse("");
  message();
  journal_->finish();
  EXPECT_THAT(rows(), SizeIs(0));
  EXPECT_THAT(out_.str(), HasSubstr(" info refused stage=connect "));
}

}  // namespace
}  // namespace postern::ops
