// The shipped rules on whole letters: honest ones that use the words of fraud, and frauds that avoid them. What a rule
// hits is in its examples; here it is the sum that counts.
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

const RuleSetPtr& shipped() {
  static const RuleSetPtr set = [] {
    auto loaded = RuleSet::load("rules", {});
    EXPECT_TRUE(loaded);
    return loaded ? *loaded : RuleSet::empty();
  }();
  return set;
}

struct Letter {
  std::string name;
  std::string from;
  std::string subject;
  /// From "Content-Type" or the empty line on.
  std::string rest;
};

std::string name_of(const testing::TestParamInfo<Letter>& info) {
  return info.param.name;
}

std::string message_of(const Letter& letter) {
  std::string text = fmt::format(
      "From: {}\nTo: Ann Hill <ann.hill@example.org>\nSubject: {}\nDate: Thu, 1 Jan 2026 12:00:00 +0000\n"
      "Message-ID: <20260101.1a@author.example>\nMIME-Version: 1.0\n{}",
      letter.from, letter.subject, letter.rest);
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

class Letters : public testing::TestWithParam<Letter> {
 public:
  Letters() = default;
  Letters(const Letters&) = delete;
  Letters& operator=(const Letters&) = delete;
  ~Letters() override = default;

 protected:
  /// The sum, of a sender of whom nothing is proven.
  double score(const std::string& recipient = "ann.hill@example.org") {
    Message message;
    message.text = message_of(GetParam());
    message.facts.message = message.text;
    message.facts.size = message.text.size();
    message.facts.spf = spf::Outcome();
    message.facts.helo_spf = spf::Outcome();
    message.facts.arc = arc::Outcome();
    message.facts.dmarc.emplace().from = "author.example";
    message.facts.dmarc->reason = "no record";
    message.facts.from = "sender@author.example";
    message.facts.rcpts = {recipient};
    message.facts.client.reverse = dns::ReverseName::Result::Pass;
    message.facts.helo_is.qualified = true;
    message.facts.helo_is.resolves = true;
    message.facts.helo_is.matches = true;
    Recorder seen;
    Host host(shipped(), &seen);
    Evaluation evaluation;
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      host.run(stage, message.facts, evaluation);
    }
    EXPECT_THAT(seen.failures, testing::IsEmpty());
    hits_ = testing::PrintToString(seen.hits);
    return rules::judge(evaluation, Thresholds()).score;
  }

  std::string hits_;
};

std::string plain(const std::string& text) {
  return "Content-Type: text/plain; charset=utf-8\n\n" + text;
}

/// `name` as RFC 2231 writes it, percent-encoded.
std::string file_named(const std::string& name) {
  return fmt::format(
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHello Ann,\n\nhere is the file "
      "that we "
      "talked about on Friday.\n\nTom\n--b\nContent-Type: application/octet-stream\n"
      "Content-Disposition: attachment; filename*=utf-8''{}\n\nxyz\n--b--\n",
      name);
}

class HonestLetters : public Letters {};

// Half of what marks a message, so that a second weak sign does no harm.
TEST_P(HonestLetters, StayFarBelowTheThresholdToMark) {
  EXPECT_LT(score(), 3.0) << hits_;
}

INSTANTIATE_TEST_SUITE_P(
    Shipped, HonestLetters,
    testing::Values(
        Letter{
            "Notary", "Dr. Stein <office@notary.example>", "Inheritance of your late father",
            plain(
                "Dear Ms Hill,\n\nin the matter of the inheritance of your late father I write as the notary who holds "
                "the will. The sum of EUR 1,250,000 is to be divided between you and your sister as beneficiary. "
                "Please "
                "send me your full name, the telephone number and your consent in strict confidence. A power of "
                "attorney is attached. Please get back to me as soon as possible.\n")},
        Letter{
            "Bank", "River Bank <service@bank.example>", "Your fixed deposit: payment instruction needed",
            plain(
                "Dear customer,\n\nyour fixed deposit of EUR 2,000,000.00 ends in June. Please send us your payment "
                "instruction: wire transfer to your account or a new investment fund. If you have a power of attorney, "
                "contact us on 040 555 0100. We wait for your reply as soon as possible.\n")},
        Letter{
            "Charity", "Children First <info@charity.example>", "Thank you for your donation",
            plain("Dear friend,\n\nyour donation of $500 helps orphans in Burkina Faso. With the United Nations our "
                  "charity "
                  "has collected 2 million dollars for less privileged children. For more details contact us on +49 40 "
                  "5550100. God bless you.\n")},
        Letter{
            "University", "Prof. Hill <hill@uni.example>", "Research fund: proposal of the foundation",
            plain(
                "Dear colleagues,\n\nthe ministry of finance and the World Bank approve the investment proposal: 4.2 "
                "million euros with the University of Nigeria. The payment order is on its way to the foreign account. "
                "This is confidential. Please get back to me with your phone number.\n")},
        Letter{"BankTellsOfACharge", "River Bank <alerts@bank.example>", "Card payment of $250.00",
               plain("Dear Ms Hill,\n\na payment of $250.00 was charged to your card. If you did not authorize this "
                     "payment, "
                     "please call us at (800) 555-0142.\n\nhttps://www.bank.example/\n")},
        Letter{"Exporter", "Luis Ortega <luis@export.example>", "Quotation oranges",
               plain("Dear Ann,\n\nyou asked for oranges at the fair: 1.10 EUR a kilo, free Hamburg.\n\nLuis "
                     "Ortega\nWhatsApp: "
                     "+34 600 555 010\n")},
        Letter{"FriendWithAPlan", "Tom Braun <tom.braun@gmail.com>", "Friday",
               plain("Hi Ann,\n\nare you available on Friday? We buy some gift cards for the birthday, keep it a "
                     "surprise!\n")},
        Letter{"CompanyTable", "Sabine Koch <koch@customer.example>", "Quotation pump station",
               "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nDear Ms Hill,\n\nattached is our quotation with "
               "the totals.\n"
               "--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; "
               "filename=Quotation.xlsm\n\nxyz\n"
               "--b--\n"},
        Letter{"VersionInName", "Tom <tom@customer.example>", "Offer", file_named("offer.v2.pdf")},
        Letter{"DateInName", "Tom <tom@customer.example>", "Minutes", file_named("minutes.2026.11.pdf")},
        Letter{"KindBeforeKind", "Tom <tom@customer.example>", "Logo", file_named("logo.ai.pdf")},
        Letter{"Tarball", "Tom <tom@customer.example>", "Sources", file_named("archive.tar.gz")},
        Letter{"Exported", "Tom <tom@customer.example>", "Report", file_named("report.docx.pdf")},
        Letter{"Shortcut", "Tom <tom@customer.example>", "Portal", file_named("Portal.url")},
        Letter{"HebrewName", "Tom <tom@customer.example>", "Offer",
               file_named("%E2%80%AB%D7%94%D7%A6%D7%A2%D7%94%202026%E2%80%AC.pdf")},
        Letter{"ArabicName", "Tom <tom@customer.example>", "Report",
               file_named("%E2%81%A7%D8%AA%D9%82%D8%B1%D9%8A%D8%B1%E2%81%A9%202026.docx")}),
    name_of);

class Frauds : public Letters {};

TEST_P(Frauds, AreMarkedOrNearlySo) {
  EXPECT_GE(score(), 5.0) << hits_;
}

INSTANTIATE_TEST_SUITE_P(
    Shipped, Frauds,
    testing::Values(
        Letter{"FeeInGerman", "RA Klaus Weber <klaus.weber.ra@gmail.com>", "Vertraulich: Erbschaft",
               plain("Sehr geehrte Damen und Herren,\n\nich bin Rechtsanwalt Klaus Weber. Mein verstorbener Mandant "
                     "hinterließ "
                     "12,5 Millionen US-Dollar ohne nächste Angehörige. Das Geschäft ist absolut risikofrei. Bitte "
                     "antworten "
                     "Sie dringend mit Ihrem vollständigen Namen.\n")},
        Letter{"FeeInFrench", "Mme Claire Dubois <claire.dubois@yahoo.fr>", "Bonjour cher ami",
               plain("Bonjour cher(e) bien-aimé(e),\n\nJe suis Mme Claire Dubois, veuve, en phase terminale. Mon "
                     "défunt mari a "
                     "laissé la somme de 3.500.000 euros. Je souhaite faire un don à une personne de confiance. "
                     "Contactez-moi sur mon adresse privée.\n")},
        Letter{"FeeInSpanish", "Manuel Ortiz <manuel.ortiz@hotmail.com>", "Herencia pendiente",
               plain("Estimado amigo,\n\nSoy el abogado Manuel Ortiz. Mi difunto cliente dejó la suma de 8,5 millones "
                     "de dólares "
                     "sin herederos. Es libre de riesgo. Responda urgentemente con su nombre completo.\n")},
        Letter{"BossFromFreemail", "Peter Hill <ceo.office1123@gmail.com>", "Peter Hill",
               plain("Are you available? I need you to handle a task for me discreetly. I am in a meeting, so reply by "
                     "email "
                     "only.\n")},
        Letter{
            "Callback", "Billing Team <billing.dept8821@gmail.com>", "Order confirmation",
            plain("Your subscription has been renewed and $489.99 will be debited from your account.\n\nIf you did not "
                  "authorize this transaction, call our desk: +1 (808) 555-0177\n")},
        Letter{"BrandFromFreemail", "PayPal Support <team22@gmail.com>", "Your account has been limited",
               plain("Dear customer,\n\nYour account has been limited. Please confirm your identity: "
                     "https://paypal-restore.example/login\n")},
        Letter{
            "GermanBank", "Sparkasse <service@kunden.example>", "Ihr Konto",
            plain(
                "Sehr geehrter Kunde,\n\nIhr Konto wurde vorübergehend eingeschränkt. Bitte bestätigen Sie Ihre Daten: "
                "https://kunden-sicher.icu/login\n")},
        Letter{"Giveaway", "Foundation <team@event.example>", "Giveaway",
               plain("Send 0.1 to 1 BTC to the address below and we will send you back double the amount:\n\n"
                     "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq\n\nhttps://event.top/\n")},
        Letter{
            "LoginPage", "Accounts <billing@supplier.example>", "Remittance advice",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nPlease see the attached advice.\n--b\nContent-Type: "
            "text/html\nContent-Disposition: attachment; filename=Remittance.html\n\n<form><input "
            "type=\"password\"></form>\n"
            "--b--\n"},
        Letter{"ProgramBehindPicture", "Tom <tom@trade.example>", "Scan", file_named("scan.jpg%20%20%20.scr")},
        Letter{"TurnedRound", "Tom <tom@trade.example>", "Invoice", file_named("invoice%E2%80%AEfdp.exe")}),
    name_of);

class Reports : public Letters {};

// What somebody reports is not his own word, where it is somebody's work to read it. Elsewhere an attached message is
// shown as if it were the sender's.
TEST_P(Reports, AreForTheDeskThatTakesThem) {
  double at_desk = score("abuse@example.org");
  EXPECT_LT(at_desk, 3.0) << hits_;
  EXPECT_GT(score(), at_desk + 1.0) << hits_;
}

INSTANTIATE_TEST_SUITE_P(
    Shipped, Reports,
    testing::Values(
        Letter{
            "Feedback", "reports@isp.example", "FW: Cheap V1agra now",
            "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nThis is an abuse "
            "report.\n--b\n"
            "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nUser-Agent: x\n\n--b\n"
            "Content-Type: message/rfc822\n\nFrom: Pills <x@example.org>\nSubject: Cheap V1agra now\n\nBuy Viagra and "
            "Cialis online, no prescription needed! Click here: http://cheap.top/ Order now, free "
            "shipping!!!\n--b--\n"},
        Letter{
            "Forwarded", "Paul <paul@author.example>", "Is it spam?",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nI got this one.\n--b\nContent-Type: message/rfc822\n\n"
            "From: Parcel <x@evil.example>\nSubject: Your parcel waits\n\nYour parcel could not be delivered. Pay the "
            "customs "
            "fee: https://bit.ly/3abcde\n--b--\n"}),
    name_of);

}  // namespace
}  // namespace postern::rules
