// The facts of a message: every answer comes back, whatever is in the texts.
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include "filters/mime/content.h"
#include "proxy/ops/journal_names.h"
#include "tests/unit/proxy_ops/journal_entry_fixture.h"

namespace postern::ops {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(JournalEntryTest, ClientAndEnvelopeComeBack) {
  facts_.client = {*IpAddress::parse("192.0.2.1"), 54321, "mx." + kHostile, true, true, dns::ReverseName::Result::Pass};
  facts_.helo = kHostile;
  facts_.helo_is = {true, true, true, false, true};
  facts_.from = kHostile;
  facts_.rcpts = {"b@example.org", kHostile};
  facts_.size = 1'234'567;
  facts_.smtputf8 = true;
  facts_.truncated = true;
  JournalEntry entry = back();
  const Facts& facts = *entry.facts;
  EXPECT_EQ(facts.client.ip, facts_.client.ip);
  EXPECT_EQ(facts.client.port, 54321);
  EXPECT_EQ(facts.client.name, facts_.client.name);
  EXPECT_TRUE(facts.client.tls);
  EXPECT_TRUE(facts.client.early);
  EXPECT_EQ(facts.helo, kHostile);
  EXPECT_TRUE(facts.helo_is.literal && facts.helo_is.own && facts.helo_is.qualified);
  EXPECT_EQ(facts.helo_is.resolves, false);
  EXPECT_EQ(facts.helo_is.matches, true);
  EXPECT_EQ(facts.from, kHostile);
  EXPECT_THAT(facts.rcpts, ElementsAre("b@example.org", kHostile));
  EXPECT_EQ(facts.size, 1'234'567U);
  EXPECT_TRUE(facts.smtputf8);
  EXPECT_TRUE(facts.truncated);
}

TEST_F(JournalEntryTest, WhatWasNotKnownIsNotKnownThen) {
  JournalEntry entry = back();
  const Facts& facts = *entry.facts;
  EXPECT_FALSE(facts.client.reverse);
  EXPECT_FALSE(facts.helo_is.resolves);
  EXPECT_FALSE(facts.helo_is.matches);
  EXPECT_FALSE(facts.spf || facts.helo_spf || facts.dmarc || facts.arc);
  EXPECT_THAT(facts.dkim, IsEmpty());
  EXPECT_EQ(facts.bulk.count, 1U);
  EXPECT_EQ(facts.bulk.evidence, bulk::Evidence::None);
  EXPECT_EQ(facts.classifier.spam, 0.5);
  EXPECT_FALSE(facts.classifier.ready);
  EXPECT_FALSE(entry.judgement.limit);
  EXPECT_FALSE(entry.evaluation.decision);
  EXPECT_THAT(entry.unknown, ElementsAre("urls", "attachments"));
}

TEST_F(JournalEntryTest, EveryAnswerOfAuthenticationComesBack) {
  for (spf::Result result : kAll<spf::Result>) {
    facts_.spf = spf::Outcome{result, "example.com", kHostile, "why"};
    facts_.helo_spf = spf::Outcome{result, "mx.example.com", "", kHostile};
    Facts facts = *back().facts;
    EXPECT_EQ(facts.spf->result, result);
    EXPECT_EQ(facts.spf->explanation, kHostile);
    EXPECT_EQ(facts.helo_spf->result, result);
    EXPECT_EQ(facts.helo_spf->reason, kHostile);
  }
  for (dkim::Result result : kAll<dkim::Result>) {
    facts_.dkim = {{result, "example.com", "s1", kHostile, "rsa-sha256", "abc", "why", 2048, true, true}, {}};
    facts_.dkim_ignored = 3;
    Facts facts = *back().facts;
    ASSERT_THAT(facts.dkim, SizeIs(2));
    EXPECT_EQ(facts.dkim[0].result, result);
    EXPECT_EQ(facts.dkim[0].selector, "s1");
    EXPECT_EQ(facts.dkim[0].identity, kHostile);
    EXPECT_EQ(facts.dkim[0].algorithm, "rsa-sha256");
    EXPECT_EQ(facts.dkim[0].key_bits, 2048);
    EXPECT_TRUE(facts.dkim[0].partial && facts.dkim[0].testing);
    EXPECT_EQ(facts.dkim_ignored, 3U);
  }
  for (arc::Result result : kAll<arc::Result>) {
    facts_.arc = arc::Outcome{result, {{"example.net", "s", "spf=pass"}, {"b", "c", ""}}, kHostile, 1, true};
    arc::Outcome arc = *back().facts->arc;
    EXPECT_EQ(arc.result, result);
    ASSERT_THAT(arc.sets, SizeIs(2));
    EXPECT_EQ(arc.sets[0].sealer, "example.net");
    EXPECT_EQ(arc.reason, kHostile);
    EXPECT_EQ(arc.oldest_pass, 1U);
    EXPECT_TRUE(arc.partial);
  }
}

TEST_F(JournalEntryTest, EveryDmarcAnswerComesBack) {
  using Method = dmarc::Identifier::Method;
  for (dmarc::Result result : kAll<dmarc::Result>) {
    for (dmarc::Policy policy : kAll<dmarc::Policy>) {
      facts_.dmarc =
          dmarc::Outcome{result,   policy,         "a.b", "b", "_dmarc", true, true, true, {Method::Spf, Method::Dkim},
                         kHostile, "lists.example"};
      dmarc::Outcome dmarc = *back().facts->dmarc;
      EXPECT_EQ(dmarc.result, result);
      EXPECT_EQ(dmarc.policy, policy);
      EXPECT_EQ(dmarc.from, "a.b");
      EXPECT_EQ(dmarc.domain, "b");
      EXPECT_EQ(dmarc.record_domain, "_dmarc");
      EXPECT_TRUE(dmarc.testing && dmarc.strict_spf && dmarc.strict_dkim);
      EXPECT_THAT(dmarc.aligned, ElementsAre(Method::Spf, Method::Dkim));
      EXPECT_EQ(dmarc.reason, kHostile);
      EXPECT_EQ(dmarc.override_by, "lists.example");
    }
  }
}

TEST_F(JournalEntryTest, BulkClassifierAndReverseNameComeBack) {
  for (bulk::Evidence evidence : kAll<bulk::Evidence>) {
    for (bulk::Aspect aspect : kAll<bulk::Aspect>) {
      facts_.bulk = {57, 0.875, 1'700'000'000, 3600, 7, 8, 9, 60, 0.1, "clusterclust1", evidence, aspect, true};
      bulk::Outcome bulk = back().facts->bulk;
      EXPECT_EQ(bulk.count, 57U);
      EXPECT_EQ(bulk.similarity, 0.875);
      EXPECT_EQ(bulk.first_seen, 1'700'000'000);
      EXPECT_EQ(bulk.age, 3600);
      EXPECT_EQ(bulk.networks, 7U);
      EXPECT_EQ(bulk.senders, 8U);
      EXPECT_EQ(bulk.domains, 9U);
      EXPECT_EQ(bulk.recipients, 60U);
      EXPECT_EQ(bulk.authenticated_share, 0.1);
      EXPECT_EQ(bulk.cluster, "clusterclust1");
      EXPECT_EQ(bulk.evidence, evidence);
      EXPECT_EQ(bulk.aspect, aspect);
      EXPECT_TRUE(bulk.allowed);
    }
  }
  facts_.classifier = {0.97, true, 5000, 6000};
  EXPECT_EQ(back().facts->classifier.spam, 0.97);
  EXPECT_TRUE(back().facts->classifier.ready);
  EXPECT_EQ(back().facts->classifier.ham_learned, 5000U);
  EXPECT_EQ(back().facts->classifier.spam_learned, 6000U);
  for (auto result : kAll<dns::ReverseName::Result>) {
    facts_.client.reverse = result;
    EXPECT_EQ(back().facts->client.reverse, result);
  }
  for (rules::Verdict verdict : kAll<rules::Verdict>) {
    record_.judgement.verdict = verdict;
    EXPECT_EQ(back().judgement.verdict, verdict);
  }
}

TEST_F(JournalEntryTest, WhatListsSaidComesBackByName) {
  using State = lists::Outcome::State;
  for (const char* name : {"ASIDE", "CLEAN", "ZEN", "DEAD", "LATE"}) {
    lists_.emplace_back();
    lists_.back().name = name;
  }
  facts_.lists.resize(5);
  for (size_t i = 0; i < 5; ++i) facts_.lists[i].state = kAll<State>[i];
  facts_.lists[2].listings = {
      {"192.0.2.1", "1.2.0.192.zen.example", {*IpAddress::parse("127.0.0.2"), *IpAddress::parse("127.0.0.4")}, {0, 3}},
      {kHostile, "x", {*IpAddress::parse("127.0.0.9")}, {1}}};
  facts_.lists[3].reason = kHostile;
  auto said = back().lists;
  ASSERT_THAT(said, SizeIs(5));
  for (const auto& [name, outcome] : said) {
    if (name == "CLEAN") {
      EXPECT_EQ(outcome.state, State::Unlisted);
    }
    if (name == "ASIDE") {
      EXPECT_EQ(outcome.state, State::Unasked);
    }
    if (name == "LATE") {
      EXPECT_EQ(outcome.state, State::Suspended);
    }
    if (name == "DEAD") {
      EXPECT_EQ(outcome.state, State::Failed);
      EXPECT_EQ(outcome.reason, kHostile);
    }
    if (name != "ZEN") continue;
    EXPECT_EQ(outcome.state, State::Listed);
    ASSERT_THAT(outcome.listings, SizeIs(2));
    EXPECT_EQ(outcome.listings[0].subject, "192.0.2.1");
    EXPECT_EQ(outcome.listings[0].name, "1.2.0.192.zen.example");
    EXPECT_THAT(outcome.listings[0].answers,
                ElementsAre(*IpAddress::parse("127.0.0.2"), *IpAddress::parse("127.0.0.4")));
    EXPECT_THAT(outcome.listings[0].matched, ElementsAre(0U, 3U));
    EXPECT_EQ(outcome.listings[1].subject, kHostile);
  }
}

// A rule that reads such a list cannot be judged again: it might have listed something.
TEST_F(JournalEntryTest, AListThatWasNotAskedIsNotThere) {
  lists_.resize(2);
  lists_[0].name = "OFF";
  lists_[0].enabled = false;
  lists_[1].name = "LATER";
  facts_.lists.resize(2);
  ASSERT_THAT(back().lists, SizeIs(1));
  EXPECT_EQ(back().lists[0].first, "LATER") << "of a message all were asked";
  session::RefusalRecord refusal;
  refusal.facts = &facts_;
  refusal.stage = rules::Stage::Connect;
  EXPECT_THAT(entry_of(journal_row(refusal, &lists_)).lists, IsEmpty());
}

TEST_F(JournalEntryTest, LinksAndFilesComeBackAndNoText) {
  mime::Kept kept;
  for (mime::Url::Where where : kAll<mime::Url::Where>) {
    kept.urls.push_back({"https://www.example.net/a?b=" + kHostile, "https", "www.example.net", "", "/a?b=" + kHostile,
                         0, "click " + kHostile, true, where});
  }
  kept.urls.push_back({"www.example.com", "http", "www.example.com", "user", "", 8080, "", false, {}});
  kept.urls.push_back({"mailto:a@example.com", "mailto", "", "", "a@example.com", 0, "", false, {}});
  kept.attachments = {{kHostile, "application/zip", "zip", "zip", 1234, true, true, {"a.exe", kHostile}, 2}, {}};
  kept.truncated = true;
  facts_.content = std::make_shared<mime::Content>(facts_.message, kept);
  JournalEntry entry = back();
  mime::Content& content = *entry.facts->content;
  ASSERT_THAT(content.urls(), SizeIs(kept.urls.size()));
  for (size_t i = 0; i < kept.urls.size(); ++i) {
    const mime::Url& url = content.urls()[i];
    EXPECT_EQ(url.text, kept.urls[i].text);
    EXPECT_EQ(url.scheme, kept.urls[i].scheme);
    EXPECT_EQ(url.host, kept.urls[i].host);
    EXPECT_EQ(url.user, kept.urls[i].user);
    EXPECT_EQ(url.path, kept.urls[i].path);
    EXPECT_EQ(url.port, kept.urls[i].port);
    EXPECT_EQ(url.shown, kept.urls[i].shown);
    EXPECT_EQ(url.shown_differs, kept.urls[i].shown_differs);
    EXPECT_EQ(url.where, kept.urls[i].where);
  }
  ASSERT_THAT(content.attachments(), SizeIs(2));
  const mime::Attachment& file = content.attachments()[0];
  EXPECT_EQ(file.name, kHostile);
  EXPECT_EQ(file.type, "application/zip");
  EXPECT_EQ(file.kind, "zip");
  EXPECT_EQ(file.extension, "zip");
  EXPECT_EQ(file.size, 1234U);
  EXPECT_TRUE(file.encrypted && file.archive);
  EXPECT_THAT(file.names, ElementsAre("a.exe", kHostile));
  EXPECT_EQ(file.part, 2U);
  EXPECT_TRUE(content.truncated());
  EXPECT_EQ(content.text(), "");
  EXPECT_EQ(content.shown(), "");
  EXPECT_EQ(content.hidden(), "");
  EXPECT_THAT(entry.unknown, IsEmpty());
}

TEST_F(JournalEntryTest, NothingIsWorkedOutForTheJournalAlone) {
  facts_.content = std::make_shared<mime::Content>(facts_.message, true);
  EXPECT_THAT(back().unknown, ElementsAre("urls", "attachments"));
  EXPECT_FALSE(facts_.content->known_urls());
  static_cast<void>(facts_.content->urls());
  JournalEntry entry = back();
  EXPECT_THAT(entry.unknown, ElementsAre("attachments"));
  ASSERT_THAT(entry.facts->content->urls(), SizeIs(1));
  EXPECT_EQ(entry.facts->content->urls()[0].text, "http://www.example.net/a?b=c");
  EXPECT_FALSE(entry.facts->content->truncated()) << "what is gone now was seen then";
}

}  // namespace
}  // namespace postern::ops
