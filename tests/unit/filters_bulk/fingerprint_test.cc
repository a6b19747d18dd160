#include "filters/bulk/fingerprint.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/bulk/likeness.h"
#include "filters/bulk/minhash.h"
#include "tests/unit/filters_bulk/mutation.h"

namespace postern::bulk {
namespace {

using test::Random;

// Texts as people get them.
constexpr std::string_view kOffer =
    "We are pleased to inform you that your mailbox has been selected for the annual customer reward program. "
    "To receive the gift card, confirm your delivery details on our secure page before the end of this week. "
    "Thousands of happy customers have already claimed their reward and shared their experience with friends. "
    "The offer is limited, and every card that is not claimed in time will be passed on to another participant. "
    "Shipping is free of charge, and no purchase is required at any point of the process. "
    "Our support team answers every question within one business day, also during the holiday season. "
    "Simply follow the link below, choose the design that you prefer and enter the address for delivery. "
    "After the confirmation you will receive a tracking number, and the parcel leaves our warehouse the next morning. "
    "Please do not answer to this message, since this mailbox is not monitored by our employees. "
    "Thank you for being part of our community, and enjoy shopping with your personal reward card.";
constexpr std::string_view kMinutes =
    "Attached are the minutes of the meeting about the new heating system in the school building. "
    "The committee agreed that the engineers should measure the temperature in every classroom during January. "
    "Maria will ask two companies for an estimate, and Robert checks whether the insurance covers the damage in the "
    "basement. The budget for repairs was discussed at length without a decision, because the figures of last year are "
    "still missing. Parents who want to help with painting the corridor can write to the secretary until Friday. "
    "The next meeting takes place in the library on the second Tuesday of the month, as usual at seven in the evening. "
    "Corrections are welcome, especially from those who spoke about the playground and the bicycle shelter.";
constexpr std::string_view kFooter =
    "\n____________________________________________\nGardeners mailing list\nTo unsubscribe from this list or to "
    "change "
    "your options visit the information page of the list, or write to its owner. Archives of all messages are public; "
    "please observe the rules of conduct that every subscriber agreed upon when joining the list.\n";

std::string plain(std::string_view text, std::string_view fields = "") {
  return fmt::format("From: a@a.example\r\n{}Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n", fields, text);
}

std::string html(std::string_view text) {
  return fmt::format("From: a@a.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{}\r\n", text);
}

Fingerprint print_of(const std::string& message) {
  mime::Content content(message, true);
  return fingerprint(content, message::parse_header(message), false);
}

Likeness compare(const std::string& a, const std::string& b) {
  Fingerprint one = print_of(a);
  Fingerprint other = print_of(b);
  EXPECT_TRUE(one.text && other.text) << "both have evidence";
  return one.text && other.text ? likeness(*one.text, *other.text) : Likeness{};
}

bool alike(const std::string& a, const std::string& b) {
  uint32_t words = std::min(print_of(a).words, print_of(b).words);
  return is_copy(compare(a, b), words, 1);
}

/// A reader sees no difference at all, so there is none.
TEST(Fingerprint, WhatAReaderDoesNotSee) {
  Random random(1);
  Sketch offer = *print_of(plain(kOffer)).text;
  EXPECT_EQ(*print_of(plain(test::homoglyphs(kOffer))).text, offer);
  EXPECT_EQ(*print_of(plain(test::invisible_characters(kOffer))).text, offer);
  EXPECT_EQ(*print_of(html(test::html_noise(kOffer, random))).text, offer);
  EXPECT_EQ(*print_of(html(test::html_noise(test::homoglyphs(kOffer), random))).text, offer);
  std::string upper(kOffer);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  EXPECT_EQ(*print_of(plain(upper)).text, offer);
  std::string folded;
  for (const std::string& word : test::split_words(kOffer)) folded += word + "\r\n";
  EXPECT_EQ(*print_of(plain(folded)).text, offer);
}

struct Mutation {
  const char* name;
  double least;  // similarity of two copies
  std::function<std::string(std::string_view, Random&)> make;
};

/// Two copies, neither of them the original: alike in nearly every case, and as near as arithmetic says.
TEST(Fingerprint, CopiesOfACampaign) {
  using Text = std::string_view;
  const std::vector<Mutation> mutations = {
      {"10 % of the words replaced", .60, [](Text t, Random& r) { return plain(test::replace_words(t, .1, r)); }},
      {"20 %", .38, [](Text t, Random& r) { return plain(test::replace_words(t, .2, r)); }},
      {"30 %", .24, [](Text t, Random& r) { return plain(test::replace_words(t, .3, r)); }},
      {"sentences shuffled", .95, [](Text t, Random& r) { return plain(test::shuffle_sentences(t, r)); }},
      {"30 words of noise", .50, [](Text t, Random& r) { return plain(test::insert_noise(t, 30, r)); }},
      {"HTML noise and 20 %", .38,
       [](Text t, Random& r) { return html(test::html_noise(test::replace_words(t, .2, r), r)); }},
      {"greeting", .85,
       [](Text t, Random& r) {
         return plain(fmt::format("Dear {} {},\r\n{}\r\nYour {}", test::random_word(r), test::random_word(r), t,
                                  test::random_word(r)));
       }},
      {"links, numbers and addresses", .97,
       [](Text t, Random& r) {
         return plain(fmt::format("{} Visit https://{}.example.com/{}?id={} or write to {}@{}.example.net, code {}.", t,
                                  test::random_word(r), test::random_word(r), r() % 100'000, test::random_word(r),
                                  test::random_word(r), r() % 10'000'000));
       }},
      {"all of it", .30,
       [](Text t, Random& r) {
         std::string text = test::replace_words(test::shuffle_sentences(t, r), .15, r);
         return html(test::html_noise(test::homoglyphs(test::insert_noise(text, 10, r)), r));
       }},
  };
  for (const Mutation& mutation : mutations) {
    for (std::string_view text : {kOffer, kMinutes}) {
      Random random(7);
      double sum = 0;
      int copies = 0;
      constexpr int kRuns = 40;
      for (int i = 0; i < kRuns; ++i) {
        std::string a = mutation.make(text, random);
        std::string b = mutation.make(text, random);
        sum += similarity(compare(a, b));
        copies += static_cast<int>(alike(a, b));
      }
      EXPECT_GE(sum / kRuns, mutation.least) << mutation.name;
      EXPECT_GE(copies, kRuns * 8 / 10) << mutation.name << ": of the original itself all are, see the next";
    }
  }
}

/// What a cluster's centre comes to: the original. Nearly all copies are its copies, at 40 % replaced most still are.
TEST(Fingerprint, CopiesAndTheirOriginal) {
  for (auto [share, least] : {std::pair(.2, 200), std::pair(.3, 196), std::pair(.4, 150)}) {
    Random random(11);
    int copies = 0;
    Fingerprint original = print_of(plain(kOffer));
    for (int i = 0; i < 200; ++i) {
      Fingerprint copy = print_of(plain(test::replace_words(kOffer, share, random)));
      copies +=
          static_cast<int>(is_copy(likeness(*original.text, *copy.text), std::min(original.words, copy.words), 50));
    }
    EXPECT_GE(copies, least) << share;
  }
}

TEST(Fingerprint, DifferentTexts) {
  EXPECT_FALSE(alike(plain(kOffer), plain(kMinutes)));
  EXPECT_LT(similarity(compare(plain(kOffer), plain(kMinutes))), .1);
}

TEST(Fingerprint, AFooterInCommon) {
  std::string a = plain(fmt::format("{}\r\n{}", kOffer.substr(0, 330), kFooter));
  std::string b = plain(fmt::format("{}\r\n{}", kMinutes.substr(0, 330), kFooter));
  EXPECT_FALSE(alike(a, b));
  EXPECT_EQ(compare(a, plain(kOffer.substr(0, 330))).pairs, Sketch::kSlots) << "it does not count";
  // One that is not marked as such is a third of both mails.
  std::string_view legal = kFooter.substr(kFooter.find("To unsub"));
  EXPECT_FALSE(alike(plain(fmt::format("{}\r\n{}", kOffer, legal)), plain(fmt::format("{}\r\n{}", kMinutes, legal))));
}

/// Sixty people of one company: what they write is one or two sentences, what stands below it is ten.
TEST(Fingerprint, ALegalNoticeInCommon) {
  constexpr std::string_view notice =
      "This e-mail and any files transmitted with it are confidential and intended solely for the use of the "
      "individual "
      "or entity to whom they are addressed. If you have received this e-mail in error please notify the system "
      "manager. "
      "If you are not the named addressee you should not disseminate, distribute or copy this e-mail. Please notify "
      "the "
      "sender immediately by e-mail if you have received this e-mail by mistake and delete this e-mail from your "
      "system. "
      "Although the company has taken reasonable precautions to ensure no viruses are present in this email, the "
      "company "
      "cannot accept responsibility for any loss or damage. Any views or opinions presented in this email are solely "
      "those of the author. Please consider the environment before printing this mail.";
  Random random(13);
  for (std::string_view between : {"\r\n\r\n", " ", "\r\n\r\n-- \r\nAnn Other\r\n"}) {
    std::vector<Fingerprint> prints;
    for (size_t i = 0; i < 60; ++i) {
      std::string own;
      for (size_t words = i % 20 + 2; words > 0; --words) own += test::random_word(random) + ' ';
      prints.push_back(print_of(plain(fmt::format("{}.{}{}", own, between, notice))));
    }
    for (size_t i = 1; i < prints.size(); ++i) {
      const Fingerprint& a = prints[i - 1];
      const Fingerprint& b = prints[i];
      EXPECT_TRUE(!a.text || !b.text || !is_copy(likeness(*a.text, *b.text), std::min(a.words, b.words), 1)) << i;
    }
  }
  EXPECT_FALSE(print_of(plain(notice)).text) << "alone it is nobody's";
  EXPECT_TRUE(alike(plain(kOffer), plain(fmt::format("{}\r\n\r\n{}", kOffer, notice))))
      << "a campaign hides nothing by it";
}

TEST(Fingerprint, SpamBelowTheDashes) {
  Random random(17);
  auto message = [&random] { return plain(fmt::format("Hi {}\r\n\r\n-- \r\n{}", test::random_word(random), kOffer)); };
  EXPECT_TRUE(alike(message(), message()));
  EXPECT_TRUE(alike(message(), plain(kOffer)));
  EXPECT_FALSE(
      print_of(plain("\r\n-- \r\nYou received this message because you are subscribed to the Gardeners group.\r\n"
                     "To unsubscribe from this group and stop receiving emails from it, send an email to "
                     "gardeners+unsubscribe@groups.example.\r\n"))
          .text)
      << "an empty message in a group";
}

TEST(Fingerprint, AQuotationInCommon) {
  std::string quoted;
  for (const std::string& word : test::split_words(kOffer)) quoted += "> " + word + "\r\n";
  std::string reply = "In-Reply-To: <1@a.example>\r\n";
  std::string a = plain(fmt::format("{}\r\n\r\nAnn wrote:\r\n{}", kMinutes.substr(0, 360), quoted), reply);
  std::string b = plain(fmt::format("{}\r\n\r\nAnn wrote:\r\n{}", kMinutes.substr(361), quoted), reply);
  EXPECT_FALSE(alike(a, b));
  EXPECT_EQ(print_of(plain(quoted, reply)).evidence, Evidence::None) << "nothing of his own";
  EXPECT_TRUE(alike(plain(quoted), plain(kOffer))) << "but who answers nobody hides nothing in quotations";
}

/// Of two versions of one text only the one that is shown counts: the other may be anything.
TEST(Fingerprint, OnlyWhatIsShownCounts) {
  Random random(3);
  auto message = [&random] {
    return fmt::format(
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<p>{}</p>\r\n--b--\r\n",
        test::replace_words(kMinutes, 1, random), kOffer);
  };
  EXPECT_EQ(*print_of(message()).text, *print_of(message()).text);
  EXPECT_EQ(*print_of(message()).text, *print_of(plain(kOffer)).text);
}

TEST(Fingerprint, TooLittleIsNoEvidence) {
  for (std::string_view text : {"ok", "Thanks!", "Thanks, see you tomorrow.", "Your code is 123456", ":-)"}) {
    Fingerprint print = print_of(plain(text));
    EXPECT_FALSE(print.text) << text;
    EXPECT_TRUE(print.evidence == Evidence::Little || print.evidence == Evidence::None) << text;
  }
  EXPECT_EQ(print_of(plain("")).evidence, Evidence::None);
  EXPECT_EQ(print_of("").evidence, Evidence::None);
  EXPECT_EQ(print_of(plain("Thanks!")).evidence, Evidence::Little);
  EXPECT_TRUE(print_of(plain("Thanks!")).empty());
  EXPECT_EQ(print_of(plain(kOffer)).evidence, Evidence::Enough);
  EXPECT_GT(print_of(plain(kOffer)).words, 80U);
}

/// The text is bounded: what lies behind does not count, and costs nothing.
TEST(Fingerprint, LongTexts) {
  Random random(5);
  std::string text;
  while (text.size() < kMaxText) text += test::random_word(random) + ' ';
  EXPECT_EQ(*print_of(plain(text + std::string(kOffer))).text, *print_of(plain(text)).text);
  std::string repeated;
  for (int i = 0; i < 50; ++i) repeated += fmt::format("{}\r\n", kOffer);
  EXPECT_TRUE(alike(plain(repeated), plain(kOffer))) << "said often is said once";
}

TEST(Fingerprint, OtherScriptsAreTextToo) {
  std::string_view russian =
      "Уважаемый клиент, ваша посылка ожидает получения на складе нашей компании. Пожалуйста, подтвердите адрес "
      "доставки "
      "на защищенной странице до конца недели, иначе отправление вернется отправителю без дополнительного уведомления.";
  std::string_view chinese =
      "尊敬的客户您好，您的包裹已经到达我们的仓库，请在本周末之前确认送货地址，否则包裹将被退回给寄件人，恕不另行通知"
      "。";
  EXPECT_EQ(print_of(plain(russian)).evidence, Evidence::Enough);
  EXPECT_EQ(print_of(plain(chinese)).evidence, Evidence::Enough);
  EXPECT_TRUE(alike(plain(russian), plain(fmt::format("Здравствуйте, Мария! {}", russian))));
  EXPECT_TRUE(alike(plain(chinese), plain(fmt::format("王先生{}", chinese))));
  EXPECT_FALSE(alike(plain(russian), plain(chinese)));
}

TEST(Fingerprint, Names) {
  EXPECT_EQ(to_string(Evidence::Enough), "enough");
  EXPECT_EQ(to_string(Evidence::AutoReply), "auto-reply");
  EXPECT_EQ(to_string(Aspect::Urls), "urls");
}

}  // namespace
}  // namespace postern::bulk
