// How a message falls into parts, above all where it is not well-formed.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "filters/mime/mime.h"

namespace postern::mime {
namespace {

/// CRLF line ends.
std::string mail(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

/// Each part as "depth type content", a line each; what holds others without its content.
std::string outline(const Message& message) {
  std::string out;
  for (const Part& part : message.parts) {
    out += std::to_string(part.depth) + " " + part.type;
    if (!part.multipart && !part.message) out.append(" [").append(part.content).append("]");
    out += "\n";
  }
  return out;
}

std::string outline(std::string_view text) {
  return outline(parse(mail(text), {}));
}

Defects defects_of(std::string_view text) {
  return parse(mail(text), {}).defects;
}

constexpr std::string_view kTwo =
    "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: "
    "text/html\n\ntwo\n--b--\nend\n";

TEST(Structure, PartsOfAMultipart) {
  std::string text = mail(kTwo);
  Message message = parse(text, {});
  EXPECT_EQ(outline(message), "0 multipart/mixed\n1 text/plain [one]\n1 text/html [two]\n");
  EXPECT_TRUE(message.parts[0].multipart);
  EXPECT_EQ(message.parts[1].parent, 0U);
  EXPECT_EQ(message.parts[2].header, "Content-Type: text/html\r\n");
  EXPECT_EQ(message.parts[0].content, mail("preamble\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\nend\n"));
  EXPECT_FALSE(message.truncated || message.defects.missing_close || message.defects.after_close);
}

TEST(Structure, MessagesInMessages) {
  EXPECT_EQ(outline("Content-Type: message/rfc822\n\nSubject: x\nContent-Type: text/html\n\nhi\n"),
            "0 message/rfc822\n1 text/html [hi\r\n]\n");
  EXPECT_EQ(outline("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: x\n\nhi\n--d\nContent-Type: "
                    "text/plain\n\nplain\n--d--\n"),
            "0 multipart/digest\n1 message/rfc822\n2 text/plain [hi]\n1 text/plain [plain]\n");
  // The outer delimiter ends an inner message and its multipart.
  EXPECT_EQ(outline("Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nContent-Type: "
                    "multipart/mixed; boundary=i\n\n--i\n\na\n--o\n\nb\n--o--\n"),
            "0 multipart/mixed\n1 message/rfc822\n2 multipart/mixed\n3 text/plain [a]\n1 text/plain [b]\n");
}

TEST(Structure, WhatIsEncodedAsAWholeIsReadAllTheSame) {
  // "Content-Type: text/html\r\n\r\n<p>hi"
  Message message = parse(mail("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
                               "Q29udGVudC1UeXBlOiB0ZXh0L2h0bWwNCg0KPHA+aGk=\n"),
                          {});
  EXPECT_EQ(outline(message), "0 message/rfc822\n1 text/html [<p>hi]\n");
  // "--b\r\n\r\nhi\r\n--b--\r\n"
  message = parse(mail("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n"
                       "LS1iDQoNCmhpDQotLWItLQ0K\n"),
                  {});
  EXPECT_EQ(outline(message), "0 multipart/mixed\n1 text/plain [hi]\n");
  EXPECT_FALSE(message.defects.missing_close);
}

struct Odd {
  const char* why;
  std::string_view text;
  const char* outline;
};

// Each as at least one widespread reader takes it.
const Odd kOdd[] = {
    {"close delimiter missing", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n",
     "0 multipart/mixed\n1 text/plain [one\r\n]\n"},
    {"white space behind delimiters", "Content-Type: multipart/mixed; boundary=\"b \"\n\n--b \t\n\none\n--b-- \n",
     "0 multipart/mixed\n1 text/plain [one]\n"},
    {"one boundary begins another",
     "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; "
     "boundary=ab\n\n--ab\n\none\n--ab--\n"
     "--a\n\ntwo\n--abc\n--a--\n",
     "0 multipart/mixed\n1 multipart/mixed\n2 text/plain [one]\n1 text/plain [two\r\n--abc]\n"},
    {"a boundary that ends as a close delimiter does",
     "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; "
     "boundary=a--\n\n--a--\n\none\n--a----\n"
     "--a--\n",
     "0 multipart/mixed\n1 multipart/mixed\n2 text/plain [one]\n"},
    {"the same boundary twice",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
     "boundary=b\n\n--b\n\ninner\n--b--\n"
     "--b\n\nouter\n--b--\n",
     "0 multipart/mixed\n1 multipart/mixed\n2 text/plain [inner]\n1 text/plain [outer]\n"},
    {"lone LF inside", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\nContent-Type: text/html\n\none\n--b--\n",
     "0 multipart/mixed\n1 text/html [one]\n"},
    {"something behind a delimiter", "Content-Type: multipart/mixed; boundary=b\n\n--b x\n\none\n--b-- x\n",
     "0 multipart/mixed\n1 text/plain [one]\n"},
    {"no empty line behind the header",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\nhi there\n--b--\n",
     "0 multipart/mixed\n1 text/html [hi there]\n"},
    {"no empty line before the first delimiter", "Content-Type: multipart/mixed; boundary=b\n--b\n\none\n--b--\n",
     "0 multipart/mixed\n1 text/plain [one]\n"},
    {"a line in the header that is no field", "Subject: x\nno field\nContent-Type: text/html\n\nhi\n",
     "0 text/html [hi\r\n]\n"},
    {"8-bit in a field's name", "\xEF\xBB\xBFSubject: x\nContent-Type: text/html\n\nhi\n", "0 text/html [hi\r\n]\n"},
    {"a blank line of blanks first", "   \nContent-Type: text/html\n\nhi\n", "0 text/html [hi\r\n]\n"},
    {"an mbox line first", "From a@b Mon\nContent-Type: text/html\n\nhi\n", "0 text/html [hi\r\n]\n"},
    {"no header", "hi\n\nContent-Type: text/html\n", "0 text/plain [hi\r\n\r\nContent-Type: text/html\r\n]\n"},
    {"nothing", "", "0 text/plain []\n"},
    {"a header alone", "Content-Type: text/html\n", "0 text/html []\n"},
    {"empty parts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--\n",
     "0 multipart/mixed\n1 text/plain []\n1 text/plain []\n"},
    {"no boundary said, but seen", "Content-Type: multipart/mixed\n\n--b\nContent-Type: text/html\n\nhi\n--b--\n",
     "0 multipart/mixed\n1 text/html [hi]\n"},
    {"no boundary at all", "Content-Type: multipart/mixed\n\n-- \nhi\n", "0 text/plain [-- \r\nhi\r\n]\n"},
    {"no part", "Content-Type: multipart/mixed; boundary=b\n\nhi\n", "0 text/plain [hi\r\n]\n"},
    {"only a close delimiter", "Content-Type: multipart/mixed; boundary=b\n\nhi\n--b--\n",
     "0 text/plain [hi\r\n--b--\r\n]\n"},
    {"more parts behind the close delimiter",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n\n--b\n\ntwo\n",
     "0 multipart/mixed\n1 text/plain [one]\n1 text/plain [two\r\n]\n"},
    {"no subtype",
     "Content-Type: multipart; boundary=b\n\n--b\nContent-Type: text\n\none\n--b\nContent-Type: "
     "application\n\n--b\nContent-Type: html\n\n--b\nContent-Type:\n\n--b--\n",
     "0 multipart/mixed\n1 text/plain [one]\n1 application/octet-stream []\n1 text/plain []\n1 text/plain []\n"},
    {"types as they are written", "Content-Type: (c) TEXT/HTML (c); charset=x\n\n", "0 text/html []\n"},
    {"types without semicolon", "Content-Type: text/html charset=x\n\n", "0 text/html []\n"},
    {"types in quotes", "Content-Type: \"text/html\"\n\n", "0 text/html []\n"},
    {"two slashes", "Content-Type: text/html/x\n\n", "0 text/html []\n"},
    {"white space before the colon, and folding", "Content-Type :\n text/html\n\n", "0 text/html []\n"},
};

TEST(Structure, MalformedAsReadersTakeIt) {
  for (const Odd& odd : kOdd) EXPECT_EQ(outline(odd.text), odd.outline) << odd.why;
}

TEST(Structure, DefectsAreNamed) {
  EXPECT_TRUE(defects_of("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n").missing_close);
  EXPECT_TRUE(defects_of("Content-Type: multipart/mixed\n\nhi\n").missing_boundary);
  EXPECT_TRUE(defects_of("Content-Type: text/plain\nContent-type: text/html\n\n").duplicate_header);
  EXPECT_TRUE(defects_of("Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n").duplicate_header);
  EXPECT_TRUE(defects_of("Content-Transfer-Encoding: x-uuencode\n\n").unknown_encoding);
  EXPECT_TRUE(
      defects_of("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b--\n--b\n\n2\n--b--\n").after_close);
  EXPECT_TRUE(defects_of(std::string_view("Subject: \0\n\n", 12)).nul);
  Defects none = defects_of(kTwo);
  EXPECT_FALSE(none.missing_close || none.missing_boundary || none.duplicate_header || none.unknown_encoding ||
               none.nul);
}

TEST(Structure, ABeginningSaysNothingOfItsEnd) {
  std::string text = mail(kTwo);
  Message message = parse(std::string_view(text).substr(0, text.find("--b--")), {}, false);
  EXPECT_TRUE(message.truncated);
  EXPECT_FALSE(message.defects.missing_close);
  EXPECT_EQ(message.parts.size(), 3U);
}

TEST(Structure, WhatAPartSaysOfItself) {
  std::string text = mail(
      "Content-Type: image/png; name=\"a.png\"; charset=\"UTF-8\" (c)\nContent-Disposition: ATTACHMENT;\n "
      "filename=b.png\n"
      "Content-ID:  <id@x>\nContent-Transfer-Encoding: Base64 (c)\n\nAA==\n");
  Message message = parse(text, {});
  const Part& part = message.parts[0];
  EXPECT_EQ(part.charset, "utf-8");
  EXPECT_EQ(part.disposition, "attachment");
  EXPECT_EQ(part.name, "b.png");
  EXPECT_EQ(part.content_id, "id@x");
  EXPECT_EQ(part.encoding, Encoding::Base64);
}

TEST(Structure, LimitsCutAndSaySo) {
  std::string many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 1000; ++i) many += "--b\r\n\r\nx\r\n";
  Message message = parse(many, {});
  EXPECT_EQ(message.parts.size(), Limits{}.parts);
  EXPECT_TRUE(message.truncated);
  EXPECT_EQ(message.parts.back().content, "x");

  Limits one;
  one.parts = 1;
  EXPECT_EQ(parse(many, one).parts.size(), 1U);
  EXPECT_EQ(parse("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhi\r\n", one).parts.size(), 1U);

  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "Content-Type: message/rfc822\r\n\r\n";
  message = parse(deep, {});
  EXPECT_EQ(message.parts.size(), Limits{}.depth + 1);
  EXPECT_EQ(message.parts.back().depth, Limits{}.depth);
  EXPECT_TRUE(message.truncated && message.defects.nested_too_deep);
  EXPECT_FALSE(message.parts.back().message);
}

TEST(Structure, ThousandsOfNestedMultipartsWithOneBoundary) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
  text += "\r\nhi\r\n";
  Limits limits;
  limits.parts = 100'000;
  // Deeper than the limit, each is the next part of the deepest that is read.
  Message message = parse(text, limits);
  EXPECT_EQ(message.parts.size(), 20'001U);
  EXPECT_EQ(message.parts.back().content, "hi\r\n");
  EXPECT_TRUE(message.defects.nested_too_deep);
}

TEST(Structure, ViewsLieInTheMessage) {
  std::string text = mail(kTwo);
  for (const Part& part : parse(text, {}).parts) {
    EXPECT_GE(part.content.data(), text.data());
    EXPECT_LE(part.content.data() + part.content.size(), text.data() + text.size());
  }
}

}  // namespace
}  // namespace postern::mime
