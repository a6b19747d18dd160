#include "filters/bulk/kinds.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace postern::bulk {
namespace {

constexpr uint32_t kFew = 40;
constexpr uint32_t kMany = 400;

std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n' && (out.empty() || out.back() != '\r')) out += '\r';
    out += c;
  }
  return out;
}

std::string kind_of(std::string_view text, bool null_sender, uint32_t words) {
  std::string message = crlf(text);
  mime::Content content(message, true);
  std::optional<Evidence> kind = special_kind(content, message::parse_header(message), null_sender, words);
  return kind ? std::string(to_string(*kind)) : "ordinary";
}

struct Case {
  std::string_view what;
  std::string_view message;
  bool null_sender;
  uint32_t words;
  std::string_view kind;
};

constexpr std::string_view kReport =
    "From: MAILER-DAEMON@mx.example (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n"
    "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    "--b\nContent-Type: text/plain\n\nI'm sorry.\n"
    "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
    "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"
    "--b\nContent-Type: message/rfc822\n\nSubject: hello\n\nbody\n--b--\n";

constexpr std::string_view kForwardedReport =
    "From: ann@example.org\nSubject: Fwd: what is this?\nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nwhat is this?\n--o\nContent-Type: message/rfc822\n\n"
    "Subject: Undelivered\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    "--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--\n--o--\n";

TEST(Kinds, Bounces) {
  static constexpr Case kCases[] = {
      {"a report", kReport, true, kFew, "bounce"},
      {"a report with a long message that came back", kReport, true, kMany, "bounce"},
      {"a short report of a server that cannot be null", kReport, false, kFew, "bounce"},
      {"a campaign dressed as a report", kReport, false, kMany, "ordinary"},
      {"a report that somebody forwards", kForwardedReport, false, kFew, "ordinary"},
      {"qmail", "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nHi. This is the qmail-send program\n", true,
       kMany, "bounce"},
      {"Exim", "From: Mail Delivery System <Mailer-Daemon@mx.example>\nX-Failed-Recipients: a@b.example\n\nfailed\n",
       true, kMany, "bounce"},
      {"only a Subject, encoded", "From: x@y.example\nSubject: =?utf-8?q?Undelivered=20mail?=\n\nfailed\n", true, kFew,
       "bounce"},
      {"From that is empty", "From: <>\nSubject: hm\n\nfailed\n", true, kFew, "bounce"},
      {"the same from somebody with an address", "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nBuy\n",
       false, kFew, "ordinary"},
      {"the null sender alone", "From: news@shop.example\nSubject: Our offers\n\nBuy\n", true, kFew, "ordinary"},
      {"a generated newsletter with the null sender",
       "From: news@shop.example\nSubject: Our offers\nAuto-Submitted: auto-generated\n\nBuy\n", true, kMany,
       "ordinary"},
      {"no header at all", "\nbody\n", true, kFew, "ordinary"},
  };
  for (const Case& one : kCases) EXPECT_EQ(kind_of(one.message, one.null_sender, one.words), one.kind) << one.what;
}

/// Amazon SES tells of bounces in JSON, which SNS sends by mail.
TEST(Kinds, BouncesInJson) {
  constexpr std::string_view head = "From: AWS Notifications <no-reply@sns.example>\nSubject: Notification\n\n";
  auto kind = [&](std::string_view body, uint32_t words) {
    return kind_of(fmt::format("{}{}", head, body), false, words);
  };
  EXPECT_EQ(kind("{\"notificationType\":\"Bounce\",\"bounce\":{}}\n", kFew), "bounce");
  EXPECT_EQ(kind("\n{ \"eventType\" : \"Bounce\" }\n--\nTo stop these, visit us\n", kFew), "bounce");
  EXPECT_EQ(kind("{\"notificationType\":\"Bounce\"}\nBuy\n", kMany), "ordinary");
  EXPECT_EQ(kind("{\"notificationType\":\"Delivery\"}\n", kFew), "ordinary");
  EXPECT_EQ(kind("{\"notificationType\"", kFew), "ordinary");
  EXPECT_EQ(kind("Our \"notificationType\":\"Bounce\" explained\n", kFew), "ordinary");
}

/// Machines that know no RFC 3834, and answers that a person's program wrote.
TEST(Kinds, AutoRepliesByTheirLook) {
  for (std::string_view field :
       {"Subject: Out of Office: hello", "Subject: Automatic reply: hello", "Subject: Autoreply",
        "Subject: AUTO: hello", "Subject: Abwesenheitsnotiz: hallo", "Subject: Automatische Antwort: hallo",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique?=: allo", "Subject: Respuesta autom\u00e1tica: hola",
        "Subject: Risposta automatica: ciao", "X-Auto-Response-Suppress: DR, All", "X-Autogenerated: Reply",
        "Delivered-To: Autoresponder", "X-Mailer: vacation 1.2.7", "X-POST-MessageClass: 9; Autoresponder"}) {
    std::string message = fmt::format("From: a@b.example\n{}\n\nback on Monday\n", field);
    EXPECT_EQ(kind_of(message, false, kFew), "auto-reply") << field;
    EXPECT_EQ(kind_of(message, false, 90), "ordinary") << "a short campaign that says so: " << field;
  }
  for (std::string_view field :
       {"Subject: How to get out of office work", "Subject: Automatic washing machines", "X-Auto-Response-Suppress: DR",
        "X-Mailer: Example 1.0", "Delivered-To: a@b.example"}) {
    EXPECT_EQ(kind_of(fmt::format("From: a@b.example\n{}\n\nhello\n", field), false, kFew), "ordinary") << field;
  }
}

TEST(Kinds, AutoReplies) {
  static constexpr Case kCases[] = {
      {"RFC 3834", "From: a@b.example\nAuto-Submitted: auto-replied\nSubject: Out of office\n\nback on Monday\n", false,
       kFew, "auto-reply"},
      {"with parameters and folded",
       "From: a@b.example\nAuto-Submitted:\n auto-replied; owner-email=\"a@b.example\"\n\nback\n", true, kFew,
       "auto-reply"},
      {"Exchange",
       "From: Ann <ann@b.example>\nSubject: Automatic reply: hello\nauto-submitted: auto-generated\n"
       "X-Auto-Response-Suppress: All\nX-MS-Exchange-Inbox-Rules-Loop: ann@b.example\n\nback on Monday\n",
       true, kFew, "auto-reply"},
      {"vacation", "From: a@b.example\nX-Autoreply: yes\nPrecedence: bulk\n\nback\n", false, kFew, "auto-reply"},
      {"autorespond", "From: a@b.example\nX-Autorespond: Re: hello\n\nback\n", false, kFew, "auto-reply"},
      {"Precedence", "From: a@b.example\nPrecedence: auto_reply\n\nback\n", false, kFew, "auto-reply"},
      {"a read receipt",
       "From: a@b.example\nSubject: Read: hello\n"
       "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
       "--b\n\nYour message was displayed.\n--b\nContent-Type: message/disposition-notification\n\n"
       "Final-Recipient: rfc822;a@b.example\nDisposition: manual-action/MDN-sent-manually; displayed\n--b--\n",
       false, kFew, "auto-reply"},
      {"a campaign that says it is an answer", "From: a@b.example\nAuto-Submitted: auto-replied\n\nBuy\n", false, kMany,
       "ordinary"},
      {"not submitted automatically", "From: a@b.example\nAuto-Submitted: no\n\nhello\n", false, kFew, "ordinary"},
      {"a generated notice", "From: a@b.example\nAuto-Submitted: auto-generated\n\nYour order\n", false, kFew,
       "ordinary"},
      {"a mailing list", "From: a@b.example\nPrecedence: list\n\nhello\n", false, kFew, "ordinary"},
  };
  for (const Case& one : kCases) EXPECT_EQ(kind_of(one.message, one.null_sender, one.words), one.kind) << one.what;
}

// As Outlook and Google write them.
constexpr std::string_view kOutlook =
    "From: ann@b.example\nSubject: Weekly\nMIME-Version: 1.0\n"
    "Content-Type: multipart/alternative; boundary=b\n\n"
    "--b\nContent-Type: text/plain; charset=\"us-ascii\"\n\nMicrosoft Teams meeting\nJoin on your computer\n"
    "--b\nContent-Type: text/html\n\n<p>Microsoft Teams meeting</p>\n"
    "--b\nContent-Type: text/calendar; charset=\"utf-8\"; method=REQUEST\nContent-Transfer-Encoding: base64\n\n"
    // BEGIN:VCALENDAR METHOD:REQUEST PRODID:x BEGIN:VEVENT END:VEVENT END:VCALENDAR
    "QkVHSU46VkNBTEVOREFSDQpNRVRIT0Q6UkVRVUVTVA0KUFJPRElEOngNCkJFR0lOOlZFVkVOVA0K\n"
    "RU5EOlZFVkVOVA0KRU5EOlZDQUxFTkRBUg0K\n--b--\n";
constexpr std::string_view kGoogle =
    "From: ann@gmail.example\nSubject: Invitation: Weekly\nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=m\n\n"
    "--m\nContent-Type: multipart/alternative; boundary=a\n\n"
    "--a\n\nYou have been invited\n--a\nContent-Type: text/html\n\n<p>You have been invited</p>\n"
    "--a\nContent-Type: text/calendar; charset=\"UTF-8\"; method=REQUEST\n\n"
    "BEGIN:VCALENDAR\nPRODID:-//Google Inc//Google Calendar 70.9054//EN\nVERSION:2.0\nMETHOD:REQUEST\n"
    "BEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n--a--\n"
    "--m\nContent-Type: application/ics; name=\"invite.ics\"\nContent-Disposition: attachment; "
    "filename=\"invite.ics\"\n"
    "\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n--m--\n";
constexpr std::string_view kPublished =
    "From: shop@b.example\nSubject: Concert\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\nBuy tickets\n"
    "--m\nContent-Type: text/calendar; method=PUBLISH; name=concert.ics\n\n"
    "BEGIN:VCALENDAR\nMETHOD:PUBLISH\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n--m--\n";

constexpr std::string_view kNamed =
    "From: ann@b.example\nSubject: Weekly\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\nJoin us\n"
    "--m\nContent-Type: application/octet-stream; name=\"Invite.ICS\"\nContent-Disposition: attachment\n\n"
    "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n--m--\n";

TEST(Kinds, Invitations) {
  static constexpr Case kCases[] = {
      {"Outlook", kOutlook, false, kFew, "calendar"},
      {"Google", kGoogle, false, kFew, "calendar"},
      {"published", kPublished, false, kFew, "ordinary"},
      {"a campaign with an invitation", kGoogle, false, kMany, "ordinary"},
      {"an empty calendar", "Content-Type: text/calendar; method=REQUEST\n\n", false, kFew, "ordinary"},
      {"text that is called a calendar", "Content-Type: text/calendar\n\nBuy METHOD:REQUEST\n", false, kFew,
       "ordinary"},
      {"a reply",
       "Content-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nEND:VEVENT\n"
       "END:VCALENDAR\n",
       false, kFew, "calendar"},
      {"a task",
       "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VTODO\nEND:VTODO\nEND:VCALENDAR\n", false,
       kFew, "calendar"},
      {"an invitation to nothing", "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n",
       false, kFew, "ordinary"},
      {"a file by its name", kNamed, false, kFew, "calendar"},
      {"a file by its name in a long text", kNamed, false, kMany, "ordinary"},
  };
  for (const Case& one : kCases) EXPECT_EQ(kind_of(one.message, one.null_sender, one.words), one.kind) << one.what;
}

TEST(Kinds, AnythingAtAll) {
  const std::string deep = [] {
    std::string text;
    for (int i = 0; i < 40; ++i) text += fmt::format("Content-Type: multipart/mixed; boundary=b{0}\n\n--b{0}\n", i);
    return text;
  }();
  EXPECT_EQ(kind_of(deep, true, 0), "ordinary");
  EXPECT_EQ(kind_of("", true, 0), "ordinary");
  EXPECT_EQ(kind_of(std::string_view("From: \0<>\n\n", 11), true, 0), "ordinary");
}

/// Bounces of about a hundred kinds of mail servers, of which the envelope sender was null.
class RealBounces : public ::testing::Test {
 public:
  RealBounces() = default;
  RealBounces(const RealBounces&) = delete;
  RealBounces& operator=(const RealBounces&) = delete;
  ~RealBounces() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  void SetUp() override {
    const std::filesystem::path archive = "../shared/data/corpora/bounces-sisimai.tar.xz";
    if (!std::filesystem::exists(archive)) GTEST_SKIP() << archive << " is missing";
    std::string name = (std::filesystem::temp_directory_path() / "postern-bounces-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    // NOLINTNEXTLINE(cert-env33-c): a test's own names
    ASSERT_EQ(std::system(fmt::format("tar -xJf '{}' -C '{}'", archive.string(), name).c_str()), 0);
  }

  [[nodiscard]] std::vector<std::filesystem::path> files(std::string_view prefix) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      const auto& path = entry.path();
      if (path.extension() == ".eml" && path.filename().string().starts_with(prefix)) found.push_back(path);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(RealBounces, AreBounces) {
  size_t all = 0;
  std::string others;
  size_t missed = 0;
  for (std::string_view prefix : {"lhost-", "rhost-"}) {
    for (const auto& path : files(prefix)) {
      ++all;
      std::string kind = kind_of(read(path), true, kMany);
      if (kind == "bounce") continue;
      ++missed;
      others += fmt::format("{}: {}\n", path.filename().string(), kind);
    }
  }
  ASSERT_GT(all, 300U);
  RecordProperty("bounces", static_cast<int>(all));
  RecordProperty("missed", static_cast<int>(missed));
  EXPECT_LT(missed * 50, all) << others;
}

}  // namespace
}  // namespace postern::bulk
