#include "filters/bulk/reader.h"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

constexpr std::string_view kNotice =
    "This e-mail and any attachments are confidential. If you are not the intended recipient, please notify the "
    "sender\n"
    "and delete this e-mail. Any unauthorised disclosure is strictly prohibited.";

std::string counted(std::string_view text, bool reply = true) {
  std::string out;
  for (std::string_view piece : counted_text(text, reply)) out += piece;
  return out;
}

TEST(Reader, QuotationsAreNotTheSenders) {
  EXPECT_EQ(counted("all\nof\nit"), "all\nof\nit");
  EXPECT_EQ(counted("I agree.\n\nOn Monday, Ann wrote:\n> first\n>> second\n>\n> third\nAnd so on.\n"),
            "I agree.\n\nAnd so on.\n");
  EXPECT_EQ(counted("Yes.\nOn Mon, 1 Jan 2024 at 10:00, Ann Other <ann@example.com>\nwrote:\n\n> first\n"), "Yes.\n\n");
  EXPECT_EQ(counted("Ann said:\nwell\n| quoted\n"), "Ann said:\nwell\n");
  EXPECT_EQ(counted("| a | b |\n| 1 | 2 |\n"), "| a | b |\n| 1 | 2 |\n") << "a table";
  EXPECT_EQ(counted("hello\n>From the start\n"), "hello\n>From the start\n") << "what mbox writers do to a line";
  EXPECT_EQ(counted("  > indented\nmine\n"), "mine\n");
}

TEST(Reader, OriginalMessages) {
  EXPECT_EQ(counted("Thanks!\n\n-----Original Message-----\nFrom: Ann\nlong text\n"), "Thanks!\n\n");
  EXPECT_EQ(counted("Danke!\n-----Urspr\u00fcngliche Nachricht-----\nVon: Ann\n"), "Danke!\n");
  EXPECT_EQ(counted("Thanks!\nFrom: Ann <a@example.com>\nSent: Monday\nTo: Bob\nSubject: x\n\nlong text\n"),
            "Thanks!\n");
  EXPECT_EQ(counted("From: my heart\nto yours\n"), "From: my heart\nto yours\n");
}

TEST(Reader, SignaturesAndFooters) {
  EXPECT_EQ(counted("text\n-- \nAnn Other\nthe company\n"), "text\n");
  EXPECT_EQ(counted("text\n--\nAnn Other\n"), "text\n") << "without its blank, as HTML has it";
  EXPECT_EQ(counted("text\n____________________________\nlist mailing list\nunsubscribe here\n"), "text\n");
  EXPECT_EQ(counted("text\n-- \nAnn\n____________________________\nlist footer\n"), "text\n");
  EXPECT_EQ(counted("text\n____________________________\nlist footer\n-- \nprovider's\n"), "text\n");
  std::string many;
  for (int i = 0; i < 30; ++i) many += "a line of the article itself\n";
  EXPECT_EQ(counted("head\n====================\n" + many), "head\n====================\n" + many)
      << "a line below a heading is no footer";
  EXPECT_EQ(counted("head\n-- \n" + many), "head\n-- \n" + many) << "nobody signs so long";
  EXPECT_EQ(counted("text\n-- \n" + std::string(2000, 'x')), "text\n-- \n" + std::string(2000, 'x'));
}

/// Nobody signs with forty words; the message of a spammer has more.
TEST(Reader, WhatStandsBelowTheDashesIsShort) {
  std::string long_words;
  for (int i = 0; i < 50; ++i) long_words += i % 10 == 9 ? "cheapest\n" : "cheapest ";
  for (std::string_view above : {"", "Hi\n\n"}) {
    std::string spam = fmt::format("{}-- \n{}", above, long_words);
    EXPECT_EQ(counted(spam, false), spam);
    EXPECT_EQ(counted(spam, true), spam);
  }
  EXPECT_EQ(counted(fmt::format("Hi\n\n-- \n{}\n-- \nAnn\n", long_words)), fmt::format("Hi\n\n-- \n{}\n", long_words))
      << "his signature is one all the same";
  EXPECT_EQ(counted(fmt::format("Hi\n{0}\n{1}{1}", std::string(30, '_'), long_words)),
            fmt::format("Hi\n{0}\n{1}{1}", std::string(30, '_'), long_words));
  EXPECT_EQ(counted(fmt::format("Hi\n-- \nAnn\n{}\n", kNotice)), "Hi\n") << "a notice may be below it too";
  EXPECT_EQ(counted("Hi\n\n------------------------ Groups Sponsor ----------------~-->\nFree DVDs\n"), "Hi\n\n");
}

/// Lists and providers add some thirty words to the shortest mail; what is longer than that and than the mail is no
/// addition.
TEST(Reader, WhatStandsBelowIsLessThanTheText) {
  const std::string ruler(30, '-');
  std::string long_words;
  for (int i = 0; i < 45; ++i) long_words += i % 9 == 8 ? "cheapest\n" : "cheapest ";
  std::string article = fmt::format("A heading of few words\n{0}\n{1}{0}\n", ruler, long_words);
  EXPECT_EQ(counted(article), article.substr(0, article.size() - ruler.size() - 1));
  EXPECT_EQ(counted(fmt::format("{0}{0}{1}\n{0}", long_words, ruler)), long_words + long_words)
      << "the same below a longer text";
  std::string footer;
  for (int i = 0; i < 32; ++i) footer += i % 8 == 7 ? "subscribed\n" : "subscribed ";
  EXPECT_EQ(counted(fmt::format("Thanks\n{}\n{}", ruler, footer)), "Thanks\n") << "below a short mail too";
  EXPECT_EQ(counted(fmt::format("Thanks\n-- \n{}", footer)), "Thanks\n");
}

TEST(Reader, LegalNotices) {
  static constexpr std::string_view kNotices[] = {
      kNotice,
      ("Diese E-Mail enth\u00e4lt vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind,\n"
       "informieren Sie bitte den Absender und vernichten Sie diese Mail."),
      "Muster AG, Sitz der Gesellschaft: Musterhausen, Amtsgericht Musterhausen HRB 4711",
      "Ce message est confidentiel. Si vous n'\u00eates pas le destinataire, merci de pr\u00e9venir l'exp\u00e9diteur.",
      "Este mensaje es confidencial. Si usted no es el destinatario, avise al remitente.",
      "Questo messaggio \u00e8 riservato. Se non siete il destinatario, avvisate il mittente.",
      "Dit bericht is vertrouwelijk. Bent u niet de geadresseerde, waarschuw dan de afzender.",
      "The views expressed are those of the author.\nWe accept no liability for any virus.",
      "Example Ltd is registered in England.\n\nThis mail is confidential.",
  };
  for (std::string_view notice : kNotices) {
    EXPECT_EQ(counted(fmt::format("See you on Monday!\n\n{}\n", notice)), "See you on Monday!\n\n") << notice;
    EXPECT_EQ(counted(fmt::format("See you on Monday!\n\n{}\n\nAnn\n", notice)), "See you on Monday!\n\nAnn\n")
        << notice;
    EXPECT_EQ(counted(notice, false), "") << "alone it says nothing";
  }
  EXPECT_EQ(counted(fmt::format("One long line of the mail. {}", kNotice)), "One long line of the mail. ")
      << "what programs make that know no paragraphs";
}

TEST(Reader, WhatIsNoLegalNotice) {
  static constexpr std::string_view kTexts[] = {
      "I am a lawyer with a confidential and privileged offer for you.\nKeep it strictly confidential.\n",
      "Please delete this virus from your computer. Disclosure of your password is a danger.\n",
      "You are the intended recipient of ten million dollars.\n",
  };
  for (std::string_view text : kTexts) EXPECT_EQ(counted(text), text);
  std::string article;
  for (int i = 0; i < 100; ++i) article += "Another line of the article itself, as it was written.\n";
  EXPECT_EQ(counted(fmt::format("{}\n\n{}", kNotice, article)), fmt::format("{}\n\n{}", kNotice, article))
      << "notices are at the end";
  std::string endless;
  for (int i = 0; i < 200; ++i) endless += fmt::format("{} ", kNotice);
  EXPECT_GT(counted(endless).size(), endless.size() / 2) << "however long it is written";
}

/// To quote is no way to say nothing.
TEST(Reader, WhenNothingElseIsThere) {
  EXPECT_EQ(counted("> all\n> quoted\n", true), "");
  EXPECT_EQ(counted("> all\n> quoted\n", false), "> all\n> quoted\n");
  EXPECT_EQ(counted("-- \nonly signed\n", false), "") << "the same signature stands below many messages";
  EXPECT_EQ(counted("-- \nYou received this message because you are subscribed to the group.\n", false), "");
  EXPECT_EQ(counted("> quoted\n-- \nAnn\n", false), "> quoted\n");
  EXPECT_EQ(counted("-- \nonly signed\n", true), "");
  std::string spam;
  for (int i = 0; i < 10; ++i) spam += "> buy our very cheap pills today\n";
  EXPECT_EQ(counted("some noise\n" + spam, false), "some noise\n" + spam) << "who quotes most, and answers nobody";
  EXPECT_EQ(counted("some noise\n" + spam, true), "some noise\n");
  std::string forwarded = "-----Original Message-----\nthe long text that somebody got and sends on to all\n";
  EXPECT_EQ(counted("look\n" + forwarded, false), "look\n" + forwarded);
}

TEST(Reader, AnyText) {
  EXPECT_EQ(counted(""), "");
  EXPECT_EQ(counted("\n\n"), "\n\n");
  EXPECT_EQ(counted("\r\n> x\r\ny\r\n"), "\r\ny\r\n");
  std::string lines(100'000, '\n');
  EXPECT_EQ(counted(lines), lines);
  std::string quotes;
  for (int i = 0; i < 30'000; ++i) quotes += ">\n\n";
  EXPECT_TRUE(counted_text(quotes, true).size() <= 30'000U);
  std::string rulers;
  for (int i = 0; i < 3000; ++i) rulers += "--------------------\n";
  EXPECT_LE(counted(rulers).size(), rulers.size());
}

}  // namespace
}  // namespace postern::bulk
