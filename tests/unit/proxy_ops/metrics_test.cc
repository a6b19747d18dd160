#include "proxy/ops/metrics.h"

#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include "proxy/ops/observer.h"
#include "tests/unit/proxy_ops/files.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

session::MessageRecord decided(const std::string& verdict) {
  session::MessageRecord record;
  record.verdict = verdict;
  return record;
}

TEST(MetricsTest, WhatCanHappenIsThereWithZeroFromTheStart) {
  Metrics metrics;
  Config config;
  config.listeners.push_back({"127.0.0.1:25", {}});
  config.listeners.back().policy.name = "127.0.0.1:25";
  config.policy.backend.addresses.push_back(
      {session::BackendAddress::Kind::Smtp, "127.0.0.1:10025", "127.0.0.1", 10025, ""});
  metrics.configured(config);
  std::string text = metrics.serialize();
  for (const char* verdict : {"accept", "tag", "quarantine", "defer", "reject", "discard", "error"}) {
    EXPECT_THAT(text, HasSubstr("postern_messages_total{verdict=\"" + std::string(verdict) + "\"} 0\n"));
  }
  for (const char* line :
       {"postern_connections_total{listener=\"127.0.0.1:25\"} 0\n",
        "postern_connections_open{listener=\"127.0.0.1:25\"} 0\n",
        "postern_recipients_total{result=\"refused_relay\"} 0\n", "postern_replies_total{code=\"451\"} 0\n",
        "postern_reloads_total{result=\"refused\"} 0\n", "postern_backend_up{backend=\"127.0.0.1:10025\"} 0\n",
        "postern_message_score_count 0\n", "postern_final_dot_seconds_count 0\n", "postern_loop_lag_seconds_count 0\n",
        "postern_dns_seconds_count 0\n", "postern_memory_bytes{kind=\"resident\"} "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricsTest, EventsAreCounted) {
  Metrics metrics;
  metrics.connection_opened("a");
  metrics.connection_opened("a");
  metrics.connection_closed("a");
  metrics.replied(250);
  metrics.replied(551);
  metrics.recipient("accepted");
  session::MessageRecord record = decided("reject");
  Facts facts;
  facts.size = 5000;
  record.facts = &facts;
  record.judgement.score = 17.2;
  record.duplicate = true;
  metrics.message(record);
  metrics.filter("spf", "pass", 2ms);
  metrics.backend_replied("b", 451, 3ms);
  metrics.backend_state("b", true);
  metrics.dns_query(dns::Type::TXT, dns::Status::Found, 1ms);
  metrics.reloaded(false);
  metrics.rule_would_change("R", rules::Verdict::Accept, rules::Verdict::Reject);
  double messages = 42;
  metrics.add_memory_kind("messages", [&] { return messages; });
  std::string text = metrics.serialize();
  for (const char* line :
       {"postern_connections_total{listener=\"a\"} 2\n", "postern_connections_open{listener=\"a\"} 1\n",
        "postern_replies_total{code=\"250\"} 1\n", "postern_replies_total{code=\"551\"} 1\n",
        "postern_recipients_total{result=\"accepted\"} 1\n", "postern_messages_total{verdict=\"reject\"} 1\n",
        "postern_message_score_sum 17.2", "postern_message_bytes_bucket{le=\"16384\"} 1\n",
        "postern_duplicates_suppressed_total 1\n", "postern_filter_results_total{filter=\"spf\",result=\"pass\"} 1\n",
        "postern_filter_seconds_count{filter=\"spf\"} 1\n",
        "postern_backend_replies_total{backend=\"b\",code=\"451\"} 1\n", "postern_backend_up{backend=\"b\"} 1\n",
        "postern_reloads_total{result=\"refused\"} 1\n", "postern_memory_bytes{kind=\"messages\"} 42\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, testing::ContainsRegex("postern_dns_queries_total\\{result=\"[a-z]+\",type=\"TXT\"\\} 1"));
  EXPECT_THAT(text, HasSubstr("postern_rule_would_change_total{from=\"accept\",rule=\"R\",to=\"reject\"} 1\n"));
}

TEST(MetricsTest, CountsOfAlikeMessagesAreThereWhereSomebodyCounts) {
  Metrics metrics;
  EXPECT_THAT(metrics.serialize(), Not(HasSubstr("postern_bulk_")));
  bulk::Index::Stats stats;
  metrics.watch_bulk([&] { return stats; });
  std::string text = metrics.serialize();
  for (const char* line :
       {"\npostern_bulk_clusters 0\n", "\npostern_bulk_single 0\n", "\npostern_bulk_over_limit 0\n",
        "\npostern_bulk_bytes 0\n", "postern_filter_results_total{filter=\"bulk\",result=\"alone\"} 0\n",
        "postern_filter_results_total{filter=\"bulk\",result=\"alike\"} 0\n",
        "postern_filter_results_total{filter=\"bulk\",result=\"no_evidence\"} 0\n",
        "postern_filter_seconds_count{filter=\"bulk\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("postern_bulk_store_up"))) << "there is no other gateway";
  stats = {17, 900, 1U << 20U, 3};
  metrics.filter("bulk", "alike", 1ms);
  text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("\npostern_bulk_clusters 17\n"));
  EXPECT_THAT(text, HasSubstr("\npostern_bulk_single 900\n"));
  EXPECT_THAT(text, HasSubstr("\npostern_bulk_bytes 1048576\n"));
  EXPECT_THAT(text, HasSubstr("\npostern_bulk_over_limit 3\n"));
  EXPECT_THAT(text, HasSubstr("postern_filter_results_total{filter=\"bulk\",result=\"alike\"} 1\n"));
}

TEST(MetricsTest, WhatGatewaysShareIsCountedOnce) {
  Metrics metrics;
  BulkStoreStats stats;
  metrics.watch_bulk_store([&] { return stats; });
  std::string text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("\npostern_bulk_store_up 0\n"));
  for (const char* result : {"sent", "received", "dropped", "refused", "alone"}) {
    EXPECT_THAT(text, HasSubstr("postern_bulk_shared_total{result=\"" + std::string(result) + "\"} 0\n"));
  }
  stats = {true, 10, 20, 1, 2, 5};
  for (int i = 0; i < 3; ++i) text = metrics.serialize();
  stats.sent = 12;
  text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("\npostern_bulk_store_up 1\n"));
  EXPECT_THAT(text, HasSubstr("postern_bulk_shared_total{result=\"sent\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("postern_bulk_shared_total{result=\"received\"} 20\n"));
  EXPECT_THAT(text, HasSubstr("postern_bulk_shared_total{result=\"dropped\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("postern_bulk_shared_total{result=\"refused\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("postern_bulk_shared_total{result=\"alone\"} 5\n"));
}

TEST(MetricsTest, AllThreadsTogetherLoseNothing) {
  Metrics metrics;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 2000; ++j) {
        metrics.rule_ran("RULE_" + std::to_string(j % 50), 1us);
        metrics.rule_hit("RULE_" + std::to_string(j % 50));
        metrics.replied(250 + j % 3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string text = metrics.serialize();
  for (int i = 0; i < 50; ++i) {
    std::string rule = "{rule=\"RULE_" + std::to_string(i) + "\"} 160\n";
    EXPECT_THAT(text, HasSubstr("postern_rule_hits_total" + rule));
    EXPECT_THAT(text, HasSubstr("postern_rule_seconds_count" + rule));
  }
}

TEST(MetricsTest, LabelsWithoutEndShareOneSeries) {
  Metrics metrics;
  for (int i = 0; i < 1000; ++i) metrics.recipient("made up " + std::to_string(i));
  std::string text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("postern_recipients_total{result=\"other\"} "));
  EXPECT_THAT(text, Not(HasSubstr("made up 999")));
}

TEST(MetricsTest, EntriesOfMapsAreShownAndThoseThatAreGoneAreNot) {
  TempDirectory directory;
  std::string a = directory.write("a.map", "one\ntwo\n");
  std::string b = directory.write("b.map", "one.example\n");
  auto set = [&directory](const std::string& text) {
    auto made = rules::RuleSet::from_texts({{"rules/test.lua", text}}, {{}, "", directory.path()});
    return made ? *made : rules::RuleSet::empty();
  };
  Metrics metrics;
  std::string text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("postern_map_reloads_total{result=\"ok\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("postern_map_reloads_total{result=\"refused\"} 0\n"));

  auto rules = set("local a, b, c = map('a.map'), map('b.map'), map('b.map', 'domain')\n");
  metrics.rules_loaded(*rules);
  text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("postern_map_entries{kind=\"auto\",map=\"" + a + "\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("postern_map_entries{kind=\"auto\",map=\"" + b + "\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("postern_map_entries{kind=\"domain\",map=\"" + b + "\"} 1\n"));

  EXPECT_EQ(directory.write("a.map", "one\ntwo\nthree\n"), a);
  EXPECT_EQ(rules->maps().refresh().size(), 1U);
  metrics.maps_loaded(rules->maps());
  metrics.map_reloaded(true);
  metrics.map_reloaded(false);
  text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("postern_map_entries{kind=\"auto\",map=\"" + a + "\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("postern_map_reloads_total{result=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("postern_map_reloads_total{result=\"refused\"} 1\n"));

  metrics.rules_loaded(*set("local a = map('a.map')\n"));
  text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr(a));
  EXPECT_THAT(text, Not(HasSubstr(b)));
}

TEST(MetricsTest, PromtoolFindsNothingToSay) {
  if (access("/usr/bin/promtool", X_OK) != 0) GTEST_SKIP() << "promtool is not installed";
  Metrics metrics;
  metrics.connection_opened("0.0.0.0:25");
  metrics.backend_replied("127.0.0.1:10025", 250, 1ms);
  metrics.backend_state("127.0.0.1:10025", true);
  metrics.filter("spf", "pass", 1ms);
  metrics.rule_ran("A", 1us);
  metrics.rule_would_change("A", rules::Verdict::Accept, rules::Verdict::Tag);
  metrics.rules_loaded(*rules::RuleSet::empty());
  metrics.list_asked("ZEN", "listed", 1ms);
  metrics.list_decisive("ZEN");
  metrics.watch_bulk([] { return bulk::Index::Stats{1, 2, 3, 4}; });
  metrics.watch_bulk_store([] { return BulkStoreStats{true, 1, 2, 3, 4, 5}; });
  TempDirectory directory;
  std::string file = directory.write("metrics", metrics.serialize());
  std::string said = directory.path() + "/said";
  int status = std::system(("/usr/bin/promtool check metrics < " + file + " > " + said + " 2>&1").c_str());
  std::ostringstream text;
  text << std::ifstream(said).rdbuf();
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text.str(), "");
}

class OperationsTest : public testing::Test {
 protected:
  SystemClock clock_;
  std::ostringstream out_;
  Metrics metrics_;
  Log log_{clock_, Config::LogFormat::Text, "info", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)};
  Operations operations_{metrics_, log_};
};

TEST_F(OperationsTest, AShadowRuleThatWouldHaveRejectedIsCountedAndLogged) {
  auto policy = std::make_shared<session::Policy>();
  rules::Thresholds strict;
  strict.reject = 8.0;
  policy->verdict.overrides.push_back({{"@strict.example"}, strict});
  operations_.in_force(policy, rules::RuleSet::empty());
  Facts facts;
  rules::Evaluation evaluation;
  evaluation.hits = {
      {"REAL", 3.0, 1, "", "", false, {}}, {"HEAVY", 12.5, 1, "", "", true, {}}, {"LIGHT", 0.5, 1, "", "", true, {}}};
  evaluation.score = 3.0;
  session::MessageRecord record = decided("accept");
  record.facts = &facts;
  record.evaluation = &evaluation;
  record.judgement = rules::judge(evaluation, policy->verdict.thresholds);

  facts.rcpts = {"someone@example.org"};
  evaluation.hits[1].score = 12.0;
  operations_.message(record);
  EXPECT_THAT(out_.str(), HasSubstr(" would_change=\"HEAVY=accept>reject\" "));

  evaluation.hits[1].score = 5.0;
  operations_.message(record);
  facts.rcpts = {"Someone@Strict.Example"};
  operations_.message(record);
  std::string text = metrics_.serialize();
  EXPECT_THAT(text, HasSubstr("postern_rule_would_change_total{from=\"accept\",rule=\"HEAVY\",to=\"reject\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("postern_rule_would_change_total{from=\"accept\",rule=\"HEAVY\",to=\"tag\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("LIGHT")));
  EXPECT_THAT(text, HasSubstr("postern_messages_total{verdict=\"accept\"} 3\n"));
}

TEST_F(OperationsTest, ABackendIsLoggedOnlyWhenItsStateChanges) {
  operations_.backend_state("b:1", true);
  operations_.backend_state("b:1", true);
  operations_.backend_state("b:1", false);
  operations_.backend_state("b:1", false);
  std::string log = out_.str();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2);
  EXPECT_THAT(log, HasSubstr("warning note text=\"backend b:1 does not answer\""));
}

TEST_F(OperationsTest, ARuleThatFailsWithEveryMessageDoesNotFillTheLog) {
  rules::RuleInfo rule;
  rule.name = "BROKEN";
  for (int i = 0; i < 1000; ++i) operations_.rule_failed(rule, "error", "local.lua:3: attempt to index nil");
  std::string log = out_.str();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 10);  // 1, 2, 4 ... 512
  EXPECT_THAT(metrics_.serialize(), HasSubstr("postern_rule_errors_total{reason=\"error\",rule=\"BROKEN\"} 1000\n"));
}

TEST_F(OperationsTest, TheVersionInForceReplacesTheOneBefore) {
  operations_.in_force(nullptr, rules::RuleSet::empty());
  operations_.in_force(nullptr, rules::RuleSet::empty());
  std::string text = metrics_.serialize();
  std::string line = "\npostern_rules_info{version=\"" + rules::RuleSet::empty()->version() + "\"} 1\n";
  EXPECT_THAT(text, HasSubstr(line));
}

}  // namespace
}  // namespace postern::ops
