#include "filters/classifier/features.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/classifier/scale.h"
#include "tests/unit/filters_classifier/made_mail.h"

namespace postern::classifier {
namespace {

std::vector<Feature> features_of(const std::string& text) {
  return read_mail(text).reading.features;
}

std::string letter(std::string_view header, std::string_view body) {
  return fmt::format("{}\r\n{}\r\n", header, body);
}

size_t in_common(const std::vector<Feature>& a, const std::vector<Feature>& b) {
  std::vector<Feature> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.size();
}

/// The words.
std::vector<Feature> of_text(std::vector<Feature> features) {
  auto other = [](Feature feature) { return kind_of(feature) > static_cast<size_t>(Kind::Word); };
  features.erase(std::remove_if(features.begin(), features.end(), other), features.end());
  return features;
}

constexpr std::string_view kHeader = "From: Ann <ann@a.example>\r\nSubject: lunch\r\n";
constexpr std::string_view kBody = "Shall we meet at the corner at noon and walk down to the river?";

TEST(Features, AreSortedAndEachOnce) {
  std::vector<Feature> features = features_of(letter(kHeader, "again and again and again"));
  EXPECT_FALSE(features.empty());
  EXPECT_TRUE(std::is_sorted(features.begin(), features.end()));
  EXPECT_EQ(std::adjacent_find(features.begin(), features.end()), features.end());
}

/// Stored ones are compared with new ones: what changes this test must raise kFeaturesVersion.
TEST(Features, StayWhatTheyAre) {
  std::vector<Feature> features = features_of(letter(kHeader, kBody));
  uint64_t sum = 0;
  for (Feature feature : features) sum += feature;
  EXPECT_EQ(features.size(), 99U);
  EXPECT_EQ(sum, 146'655'260'998U);
  EXPECT_EQ(kFeaturesVersion, 3U);
}

TEST(Features, SayNothingOfHowItCame) {
  const std::string plain = letter(kHeader, kBody);
  for (std::string_view trace :
       {"Received: from mx.spam.example (192.0.2.1) by mx.example.org; Thu, 1 Jan 2026 00:00:00 +0000",
        "Return-Path: <bounce@list.example>", "Delivered-To: bob@example.org", "List-Id: <list.example>",
        "List-Unsubscribe: <https://list.example/u>", "X-Spam-Status: Yes, score=20 required=5", "X-Spam-Flag: YES",
        "X-Google-Group: abc", "X-BeenThere: list@list.example", "X-Mailman-Version: 2.1", "Mailing-List: list",
        "Precedence: bulk", "Sender: owner@list.example", "Errors-To: owner@list.example",
        "Authentication-Results: mx.example; spf=fail", "DKIM-Signature: v=1; d=spam.example; b=x",
        "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=a.example", "X-Original-To: bob@example.org", "X-Postern-Id: 01J"}) {
    EXPECT_EQ(features_of(fmt::format("{}\r\n{}", trace, plain)), features_of(plain)) << trace;
  }
  EXPECT_EQ(features_of("From ann@a.example Thu Jan  1 00:00:00 2026\r\n" + plain), features_of(plain));
}

TEST(Features, AreOfWhatIsShownNotOfHowItIsWritten) {
  std::string words = "Shall we meet at noon";
  auto plain = features_of(letter("From: a@a.example\r\nContent-Type: text/plain\r\n", words));
  auto encoded =
      features_of(letter("From: a@a.example\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n",
                         "U2hhbGwgd2UgbWVldCBhdCBub29u"));
  // All of the text is the same; of the header the field that says how it is written.
  EXPECT_EQ(of_text(encoded), of_text(plain));
  EXPECT_GT(in_common(plain, encoded) + 20, plain.size());
  auto loud = features_of(letter("From: a@a.example\r\nContent-Type: text/plain\r\n", "sHALL wE mEET aT nOON"));
  EXPECT_EQ(loud, plain);
}

TEST(Features, TellMessagesApart) {
  auto base = features_of(letter(kHeader, kBody));
  const std::vector<std::string> others = {
      letter(kHeader, "An entirely different text stands here."),
      letter("From: Ann <ann@b.example>\r\nSubject: lunch\r\n", kBody),
      letter("From: Ann <ann@a.example>\r\nSubject: invoice\r\n", kBody),
      letter("From: Ann <ann@a.example>\r\nSubject: lunch\r\nReply-To: <x@c.example>\r\n", kBody),
      letter("From: Ann <ann@a.example>\r\nSubject: lunch\r\nX-Mailer: Bulk 3\r\n", kBody),
      letter(kHeader, fmt::format("{} http://shop.example/buy", kBody)),
      letter(fmt::format("{}Content-Type: application/zip; name=a.exe\r\n", kHeader), kBody),
      letter(fmt::format("{}Content-Type: text/html\r\n", kHeader), kBody),
  };
  for (const std::string& other : others) EXPECT_NE(features_of(other), base) << other;
}

TEST(Features, AreOfAnyScript) {
  auto chinese = features_of(letter("Content-Type: text/plain; charset=utf-8\r\n", "请点击这里领取您的奖品"));
  auto part = features_of(letter("Content-Type: text/plain; charset=utf-8\r\n", "点击这里"));
  EXPECT_GE(in_common(of_text(chinese), of_text(part)), 4U) << "each character is a word";
  auto russian = features_of(letter("Content-Type: text/plain; charset=utf-8\r\n", "Привет, как дела"));
  auto same = features_of(letter("Content-Type: text/plain; charset=koi8-r\r\n",
                                 "\xf0\xd2\xc9\xd7\xc5\xd4, \xcb\xc1\xcb \xc4\xc5\xcc\xc1"));
  EXPECT_EQ(of_text(russian), of_text(same));
}

TEST(Features, TellProgramsApartByHowTheyWrite) {
  auto base = features_of(letter(kHeader, kBody));
  for (std::string_view header : {
           "Subject: lunch\r\nFrom: Ann <ann@a.example>\r\n",
           "FROM: Ann <ann@a.example>\r\nSubject: lunch\r\n",
           "From:Ann <ann@a.example>\r\nSubject: lunch\r\n",
           "From: \"Ann\" <ann@a.example>\r\nSubject: lunch\r\n",
       }) {
    auto other = features_of(letter(header, kBody));
    EXPECT_NE(other, base) << header;
    EXPECT_EQ(of_text(other), of_text(base)) << header;
  }
}

TEST(Features, TellWhetherItsLinksLeadToItsSender) {
  auto with = [](std::string_view from, std::string_view host) {
    return features_of(fmt::format("From: <a@{}>\r\nTo: <b@b.example>\r\n\r\nhttp://{}/\r\n", from, host));
  };
  // Of two pairs of sites, once own and once another's: what they share beside each name.
  auto own = with("one.example", "www.one.example");
  auto other = with("one.example", "www.two.example");
  auto own_too = with("two.example", "www.two.example");
  EXPECT_NE(own, other);
  std::vector<Feature> both;
  std::set_intersection(own.begin(), own.end(), own_too.begin(), own_too.end(), std::back_inserter(both));
  EXPECT_GT(both.size(), in_common(both, other));
}

TEST(Features, TellWhetherItsTextKnowsWhoItIsFor) {
  auto named = features_of("To: Bob@B.example\r\n\r\nYou get this as bob@b.example because you asked for it.\r\n");
  auto named_too = features_of("To: carol@c.example\r\n\r\nThis goes to carol@c.example only.\r\n");
  auto unnamed = features_of("To: carol@c.example\r\n\r\nThis goes to dave@d.example only.\r\n");
  std::vector<Feature> both;
  std::set_intersection(named.begin(), named.end(), named_too.begin(), named_too.end(), std::back_inserter(both));
  EXPECT_GT(both.size(), in_common(both, unnamed));
}

TEST(Reading, TextIsWhatIsShownInOneSpelling) {
  auto text_of_mail = [](const std::string& mail) { return read_mail(mail).reading.text; };
  EXPECT_EQ(text_of_mail(letter("Subject: =?utf-8?q?Lunch_AT?= 12\r\n", "Meet  me\r\n\r\nat Room 217.")),
            "lunch at 00\nmeet me at room 000.");
  EXPECT_EQ(text_of_mail(letter("Content-Type: text/html\r\n", "<p>Hello <b>Ann</b></p><p style='display:none'>x</p>")),
            "\nhello ann");
  EXPECT_EQ(text_of_mail(
                letter("From: a@a.example\r\nContent-Transfer-Encoding: base64\r\n", "U2hhbGwgd2UgbWVldCBhdCBub29u")),
            "\nshall we meet at noon");
}

TEST(Reading, LinksAreWhereTheyLead) {
  Example mail = read_mail(letter(kHeader, "See http://WWW.Shop.example/buy/now?id=7 and https://other.example"));
  EXPECT_THAT(mail.reading.links, testing::StartsWith("www.shop.example/buy/now?id=7\nother.example"));
  EXPECT_EQ(read_mail(letter(kHeader, kBody)).reading.links, "");
}

TEST(Reading, HeaderIsWhatTheProgramWrote) {
  Example mail =
      read_mail(letter("Received: from a by b\r\nFrom: Ann\r\n  <ann@a.example>\r\nX-Mailer:Mutt\r\n", kBody));
  EXPECT_EQ(mail.reading.header, "From: Ann <ann@a.example>\nX-Mailer: Mutt\n");
}

TEST(Reading, IsBounded) {
  std::string header;
  for (int i = 0; i < 90; ++i) header += fmt::format("Subject: {}\r\n", std::string(900, 'x'));
  std::string body;
  for (int i = 0; i < 3000; ++i) body += fmt::format("http://h{}.example/{} ", i, std::string(100, 'y'));
  Reading reading = read_mail(letter(header, body)).reading;
  EXPECT_LE(reading.text.size(), Reading::kMaxText);
  EXPECT_EQ(reading.links.size(), Reading::kMaxLinks);
  EXPECT_EQ(reading.header.size(), Reading::kMaxHeader);
}

TEST(Features, AreBounded) {
  Scribe scribe;
  std::string header = "From: a@a.example\r\nSubject: ";
  for (int i = 0; i < 2000; ++i) header += fmt::format("subject{} ", scribe.text(false, 1));
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += fmt::format("w{} http://h{}.example/{} ", scribe.text(false, 2), i, i);
  auto features = features_of(letter(fmt::format("{}\r\n", header), body));
  EXPECT_LE(features.size(), kMaxFeatures);
  EXPECT_GT(features.size(), 500U);
  EXPECT_TRUE(features_of("").size() < 50);
}

TEST(Features, AnyOctetsAreFine) {
  using std::string_view_literals::operator""sv;
  std::string text("From: \0<\r\nSubject: =?x?\r\nMessage-ID: <@>\r\nX-Priority: \xff\r\n\r\n"sv);
  for (int c = 0; c < 256; ++c) text += {static_cast<char>(c), 'a', static_cast<char>(c), static_cast<char>(255 - c)};
  EXPECT_FALSE(features_of(text).empty());
}

TEST(Digest, IsOneForCopies) {
  Scribe scribe;
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    std::string text = scribe.text(true, 100);
    auto copy = [&](std::string_view name, std::string_view from) {
      return read_mail(fmt::format("From: {}\r\nSubject: for {}\r\n\r\nDear {},\r\n{}", from, name, name, text)).digest;
    };
    same += static_cast<int>(copy("ann", "x@a.example") == copy("bob", "y@b.example"));
  }
  EXPECT_GT(same, 60);
}

TEST(Digest, DiffersForOthers) {
  Scribe scribe;
  std::vector<uint64_t> digests;
  digests.reserve(1000);
  for (int i = 0; i < 1000; ++i) digests.push_back(scribe.example(true).digest);
  std::sort(digests.begin(), digests.end());
  EXPECT_EQ(std::adjacent_find(digests.begin(), digests.end()), digests.end());
  // With no text to go by, by what else there is.
  EXPECT_NE(read_mail("From: a@a.example\r\nSubject: one\r\n\r\n").digest,
            read_mail("From: a@a.example\r\nSubject: two\r\n\r\n").digest);
}

TEST(Sender, IsTheOneInFrom) {
  auto sender = [](std::string_view from) { return read_mail(fmt::format("From: {}\r\n\r\n", from)).sender; };
  EXPECT_EQ(sender("a@shop.example"), sender("Other <b@news.shop.example>"));
  EXPECT_EQ(sender("a@SHOP.example"), sender("a@shop.example"));
  EXPECT_NE(sender("a@shop.example"), sender("a@store.example"));
  // Everybody is at these: not one sender.
  EXPECT_NE(sender("ann@gmail.com"), sender("bob@gmail.com"));
  EXPECT_EQ(sender("ann@gmail.com"), sender("Ann <Ann@Gmail.com>"));
  EXPECT_EQ(sender("nobody"), 0U);
  EXPECT_EQ(read_mail("Subject: x\r\n\r\n").sender, 0U);
}

}  // namespace
}  // namespace postern::classifier
