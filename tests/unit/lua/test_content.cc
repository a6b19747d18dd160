// mail: what rules read of the content.
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_dns.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// CRLF as a message has it; the cases are easier to read without.
std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

constexpr std::string_view kMessage = R"(From: a@a.example
Subject: x
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello plain http://www.plain.co.uk:8080/x?y
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Hello html =C3=A9</p><p style=3D"display:none">secret</p>
<a href=3D"https://user@evil.example/">http://www.bank.com/</a>
<img src=3D"http://192.0.2.1/i.png">
<form action=3D"http://form.example/"></form>
--b--
--m
Content-Type: application/octet-stream; name="Invoice.PDF.exe"
Content-Disposition: attachment
Content-ID: <1@a.example>
Content-Transfer-Encoding: base64

TVqQAAMAAAAEAAAA
--m
Content-Type: message/rfc822

Subject: inner

inner text
--m--
)";

/// Judges a message with the rule that `body` is the function of.
struct Read : Judged {
  Read(const std::string& body, std::string_view text) : Judged(rule_text("R", body)) { judge(text); }
  void judge(std::string_view text) {
    message.text = crlf(text);
    message.facts.message = message.text;
    message.facts.size = message.text.size();
    seen.failures.clear();
    seen.messages.clear();
    all();
  }
  [[nodiscard]] std::string result() const {
    return seen.failures.empty() ? detail() : seen.failures[0] + ": " + seen.messages[0];
  }
};

std::string read(const std::string& expression, std::string_view message = kMessage) {
  return Read("return true, tostring(" + expression + ")", message).result();
}

/// The values of `field` of each element, comma separated.
std::string read_all(const std::string& array, const std::string& field, std::string_view message = kMessage) {
  return Read("local all = {} for i, x in ipairs(mail." + array + ") do all[i] = tostring(x." + field +
                  ") end return true, table.concat(all, ',')",
              message)
      .result();
}

TEST(Content, TextIsWhatAReaderSees) {
  EXPECT_EQ(read("mail.text:match('Hello html [^\\n]*')"), "Hello html \xc3\xa9");
  EXPECT_EQ(read("mail.text:find('Hello plain') ~= nil"), "true");
  EXPECT_EQ(read("mail.text:find('secret')"), "nil");
  EXPECT_EQ(read("mail.hidden"), "secret");
  EXPECT_EQ(read("mail.text .. mail.hidden", "Subject: x\n\n"), "");
}

TEST(Content, UrlsSayWhereTheyLeadAndWhatIsShown) {
  EXPECT_EQ(read_all("urls", "host"), "www.plain.co.uk,evil.example,192.0.2.1,form.example");
  EXPECT_EQ(read_all("urls", "domain"), "plain.co.uk,evil.example,192.0.2.1,form.example");
  EXPECT_EQ(read_all("urls", "scheme"), "http,https,http,http");
  EXPECT_EQ(read_all("urls", "path"), "/x?y,/,/i.png,/");
  EXPECT_EQ(read_all("urls", "port"), "8080,0,0,0");
  EXPECT_EQ(read_all("urls", "user"), ",user,,");
  EXPECT_EQ(read_all("urls", "shown"), ",http://www.bank.com/,,");
  EXPECT_EQ(read_all("urls", "shown_differs"), "false,true,false,false");
  EXPECT_EQ(read_all("urls", "where"), "text,html,image,form");
  EXPECT_EQ(read("mail.urls[1].text"), "http://www.plain.co.uk:8080/x?y");
  EXPECT_EQ(read("#mail.urls"), "4");
  EXPECT_EQ(read("mail.urls[5]"), "nil");
  EXPECT_EQ(read("mail.urls[1] == mail.urls[1]"), "true");
}

TEST(Content, UrlsWithoutAHostHaveNoDomain) {
  std::string_view message = "Subject: x\nContent-Type: text/html\n\n<a href='mailto:a@b.example'>x</a>";
  EXPECT_EQ(read("mail.urls[1].scheme .. mail.urls[1].domain == 'mailto' .. mail.urls[1].host", message), "true");
}

TEST(Content, AttachmentsSayWhatTheyAre) {
  EXPECT_EQ(read_all("attachments", "name"), "Invoice.PDF.exe,");
  EXPECT_EQ(read_all("attachments", "extension"), "exe,");
  EXPECT_EQ(read_all("attachments", "type"), "application/octet-stream,message/rfc822");
  EXPECT_EQ(read("mail.attachments[1].kind"), "application/x-dosexec");
  EXPECT_EQ(read("mail.attachments[1].size"), "12");
  EXPECT_EQ(read_all("attachments", "archive"), "false,false");
  EXPECT_EQ(read_all("attachments", "encrypted"), "false,false");
  EXPECT_EQ(read("#mail.attachments[1].names"), "0");
  EXPECT_EQ(read("mail.parts[mail.attachments[1].part].name"), "Invoice.PDF.exe");
}

TEST(Content, PartsAreATree) {
  EXPECT_EQ(read_all("parts", "type"),
            "multipart/mixed,multipart/alternative,text/plain,text/html,application/octet-stream,message/rfc822,"
            "text/plain");
  EXPECT_EQ(read_all("parts", "depth"), "0,1,2,2,1,1,2");
  EXPECT_EQ(read_all("parts", "parent"), "0,1,2,2,1,1,6");
  EXPECT_EQ(read_all("parts", "multipart"), "true,true,false,false,false,false,false");
  EXPECT_EQ(read_all("parts", "message"), "false,false,false,false,false,true,false");
  EXPECT_EQ(read_all("parts", "encoding"), "identity,identity,identity,quoted-printable,base64,identity,identity");
  EXPECT_EQ(read("mail.parts[3].charset .. mail.parts[5].disposition .. mail.parts[5].content_id"),
            "utf-8attachment1@a.example");
  EXPECT_EQ(read("mail.parts[5].size"), "16");
  EXPECT_EQ(read("mail.parts[mail.parts[1].parent]"), "nil");
  EXPECT_EQ(read("#mail.parts", "no header at all"), "1");
}

TEST(Content, DefectsAreNamed) {
  EXPECT_EQ(
      Read("local all = '' for name, found in pairs(mail.defects) do all = all .. name .. '=' .. tostring(found) .. "
           "' ' end return true, all",
           "Subject: x\nContent-Type: text/plain; charset=klingon\nContent-Type: text/plain\n\n\xff\n")
          .result(),
      "missing_boundary=false missing_close=false duplicate_header=true bad_encoding=false unknown_encoding=false "
      "unknown_charset=true bad_charset=false nul=false after_close=false nested_too_deep=false ");
  EXPECT_EQ(read("mail.defects.missing_boundary", "Content-Type: multipart/mixed\n\nx\n"), "true");
  EXPECT_EQ(read("mail.defects.missing_close", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n"), "true");
}

// Whoever asks for a defect has read what shows it.
TEST(Content, DefectsOfTextAndFilesNeedNobodyElseToReadThem) {
  EXPECT_EQ(read("mail.defects.bad_charset", "Content-Type: text/plain; charset=utf-8\n\n\xff\xfe\n"), "true");
  EXPECT_EQ(read("mail.defects.bad_encoding",
                 "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\x01\x02====AAAA\n"),
            "true");
}

TEST(Content, TruncatedSaysThatAPartWasNotSeen) {
  EXPECT_EQ(read("mail.truncated"), "false");
  std::string many = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 600; ++i) many += "--b\n\nx\n";
  EXPECT_EQ(read("mail.truncated", many + "--b--\n"), "true");
  // What nobody has read is not decoded to answer it.
  std::string large = "Subject: x\n\n";
  for (int i = 0; i < 40'000; ++i) large += "a line of a text that is much too long\n";
  EXPECT_EQ(read("mail.truncated", large), "false");
  EXPECT_EQ(read("#mail.text .. ' ' .. tostring(mail.truncated)", large), "1048576 true");
}

TEST(Content, CutMessageIsTruncated) {
  Judged run(rule_text("R", "return true, tostring(mail.truncated) .. tostring(mail.defects.missing_close)"));
  run.message.text = crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhalf of the te");
  run.message.facts.message = run.message.text;
  run.message.facts.truncated = true;
  run.all();
  EXPECT_EQ(run.detail(), "truefalse");
}

// A megabyte of text, read ten thousand times: as copies it would be ten gigabytes.
TEST(Content, ALongTextIsHandedOverOnce) {
  std::string large = "Subject: x\n\n";
  while (large.size() < 1'500'000) large += "a line of a text that is much too long\n";
  EXPECT_EQ(
      Read("local n = 0 for i = 1, 10000 do n = n + #mail.text + #mail.hidden end return true, n", large).result(),
      std::to_string(10'000LL * 1'048'576));
}

TEST(Content, TheNextMessageHasItsOwnText) {
  Read run("return true, mail.text .. '|' .. #mail.urls", "Subject: x\n\nfirst http://a.example/\n");
  EXPECT_EQ(run.result(), "first http://a.example/\n|1");
  run.judge("Subject: x\n\nsecond\n");
  EXPECT_EQ(run.result(), "second\n|0");
}

// One that was read before a wait, and one that is read while others wait, are each the message's own.
TEST(Content, MessagesThatWaitKeepTheirOwnText) {
  test::FakeDns dns;
  dns.txt("slow.example", "x");
  Host host(load(rule_text("R",
                           "local before = mail.text dns.txt('slow.example') "
                           "return true, before .. mail.text .. mail.urls[1].host")),
            nullptr);
  struct Job {
    Message message;
    Evaluation evaluation;
    Task<void> task;
  };
  std::array<Job, 3> jobs;
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].message.text = "Subject: x\r\n\r\nhttp://h" + std::to_string(i) + ".example/\r\n";
    jobs[i].message.facts.message = jobs[i].message.text;
    jobs[i].task = host.judge(Stage::Message, jobs[i].message.facts, jobs[i].evaluation, {&dns});
    jobs[i].task.start([] {});
  }
  dns.run();
  for (size_t i = 0; i < jobs.size(); ++i) {
    std::string host_name = "h" + std::to_string(i) + ".example";
    ASSERT_EQ(jobs[i].evaluation.hits.size(), 1U);
    EXPECT_EQ(jobs[i].evaluation.hits[0].detail, fmt::format("http://{0}/\nhttp://{0}/\n{0}", host_name));
  }
}

// In this and the next test the names are put together while the rule runs: one that stands in the text is found
// without running it.
TEST(Content, IsKnownFromTheMessageOn) {
  for (std::string field : {"text", "hidden", "urls", "attachments", "parts", "defects", "truncated"}) {
    bool array = field == "urls" || field == "attachments" || field == "parts";
    Judged run(rule_text("EARLY",
                         "return true, tostring(" + std::string(array ? "#" : "") + "mail['" + field + "' .. ''])",
                         "stage='rcpt',"));
    ASSERT_EQ(run.seen.messages.size(), 1U) << field;
    EXPECT_THAT(run.seen.messages[0], HasSubstr("mail." + field + " is known from stage \"message\" on"));
  }
}

TEST(Content, MisspeltFieldsNameTheNearest) {
  EXPECT_THAT(read("mail.urls[1]['ho' .. 'ts']"),
              HasSubstr("mail.urls[...] has no field 'hots' (did you mean 'host'?)"));
  EXPECT_THAT(read("mail.attachments[1]['nm' .. 'ae']"), HasSubstr("did you mean 'name'?"));
  EXPECT_THAT(read("mail.parts[1]['tp' .. 'ye']"), HasSubstr("did you mean 'type'?"));
  EXPECT_THAT(read("mail.defects['nu' .. 'll']"), HasSubstr("mail.defects has no field 'null' (did you mean 'nul'?)"));
  EXPECT_THAT(read("mail.attachments['na' .. 'me']"), HasSubstr("mail.attachments is an array"));
  EXPECT_THAT(read("mail.attachments[1].names['x' .. '']"), HasSubstr("mail.attachments[...].names is an array"));
}

TEST(Content, NothingCanBeChanged) {
  for (const char* write : {"mail.urls[1] = 1", "mail.urls[1].host = 'x'", "mail.defects.nul = true",
                            "mail.attachments[1].names[1] = 'x'", "mail.text = ''"}) {
    EXPECT_THAT(Read(write, kMessage).result(), HasSubstr("cannot be changed")) << write;
  }
}

// ---------------------------------------------------------------- hostile mail

constexpr const char* kReadEverything = R"lua(
local function walk(value, depth)
  local seen = 0
  for key, inner in pairs(value) do
    local kind = type(inner)
    if kind == "userdata" then seen = seen + walk(inner, depth + 1)
    elseif kind == "string" then seen = seen + #inner + 1
    else seen = seen + 1 end
  end
  return seen
end
rule "EVERYTHING" { about = "reads all there is", score = 1,
  when = function(mail)
    local first, all = mail:header("Content-Type")
    return true, walk(mail, 1) + #all
  end }
)lua";

TEST(Content, EverythingOfHostileMailCanBeRead) {
  const std::filesystem::path folder = "../shared/data/mime";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  Judged run(load(kReadEverything));
  size_t messages = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    run.message.text.assign(std::istreambuf_iterator<char>(file), {});
    run.message.facts.message = run.message.text;
    run.seen.messages.clear();
    run.all();
    ++messages;
    ASSERT_THAT(run.seen.messages, IsEmpty()) << entry.path();
    ASSERT_EQ(run.evaluation.hits.size(), 1U) << entry.path();
  }
  EXPECT_GT(messages, 800U);
}

TEST(Content, LargestOfEverythingCanBeRead) {
  std::string many = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 600; ++i) {
    std::string number = std::to_string(i);
    many += fmt::format("--b\nContent-Type: text/plain; name={0}.txt\n\nhttp://h{0}.example/\n", number);
  }
  Judged run(load(kReadEverything));
  run.message.text = crlf(many + "--b--\n");
  run.message.facts.message = run.message.text;
  run.seen.messages.clear();
  run.all();
  EXPECT_THAT(run.seen.messages, IsEmpty());
  EXPECT_EQ(run.evaluation.hits.size(), 1U);
}

}  // namespace
}  // namespace postern::rules
