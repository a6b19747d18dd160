#include "filters/mime/content.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace postern::mime {
namespace {

/// CRLF as a message has it; the cases are easier to read without.
std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

constexpr std::string_view kMixed = R"(From: a@a.example
Subject: x
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello plain http://plain.example/x
and http://both.example/
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Hello html =C3=A9</p><p style=3D"display:none">secret</p>
<a href=3D"http://evil.example/">http://www.bank.com/</a>
<a href=3D"http://both.example/">Both</a> see www.loose.com
<img src=3D"http://image.example/i.png"><img src=3Dcid:1@x>
<form action=3D"http://form.example/"></form>
--b--
--m
Content-Type: application/octet-stream; name="Invoice.PDF.exe. "
Content-Disposition: attachment
Content-Transfer-Encoding: base64

TVqQAAMAAAAEAAAA
--m
Content-Type: text/html; name=form.html
Content-Disposition: attachment; filename=form.html

<p>not shown</p><a href="http://attached.example/">x</a>
--m--
)";

std::string hosts(const std::vector<Url>& urls) {
  std::string out;
  for (const Url& url : urls) out += (out.empty() ? "" : " ") + url.host;
  return out;
}

TEST(Content, TextOfShownPartsAndWhatHtmlHides) {
  std::string message = crlf(kMixed);
  Content content(message, true);
  EXPECT_EQ(content.text().substr(0, 5), "Hello");
  EXPECT_NE(content.text().find("Hello plain http://plain.example/x\nand"), std::string::npos) << content.text();
  EXPECT_NE(content.text().find("Hello html \u00e9\n"), std::string::npos) << content.text();
  EXPECT_EQ(content.text().find("secret"), std::string::npos);
  EXPECT_EQ(content.text().find("not shown"), std::string::npos) << "an attachment is not shown";
  EXPECT_EQ(content.text().find('\r'), std::string::npos);
  EXPECT_EQ(content.hidden(), "secret");
  EXPECT_FALSE(content.truncated());
}

TEST(Content, UrlsOnceWithWhatIsShownForThem) {
  std::string message = crlf(kMixed);
  Content content(message, true);
  const auto& urls = content.urls();
  EXPECT_EQ(hosts(urls),
            "plain.example both.example evil.example image.example form.example www.loose.com attached.example");
  ASSERT_EQ(urls.size(), 7U);
  EXPECT_EQ(urls[0].where, Url::Where::Text);
  EXPECT_EQ(urls[1].shown, "Both") << "what HTML says of it is kept";
  EXPECT_EQ(urls[1].where, Url::Where::Html);
  EXPECT_FALSE(urls[1].shown_differs);
  EXPECT_EQ(urls[2].shown, "http://www.bank.com/");
  EXPECT_TRUE(urls[2].shown_differs);
  EXPECT_EQ(urls[3].where, Url::Where::Image);
  EXPECT_EQ(urls[4].where, Url::Where::Form);
  EXPECT_EQ(urls[5].where, Url::Where::Text);
}

TEST(Content, Attachments) {
  std::string message = crlf(kMixed);
  Content content(message, true);
  const auto& files = content.attachments();
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].extension, "exe");
  EXPECT_EQ(files[0].type, "application/octet-stream");
  EXPECT_EQ(files[0].size, 12U);
  EXPECT_FALSE(files[0].archive);
  EXPECT_EQ(content.structure().parts.at(files[0].part).name, files[0].name);
  EXPECT_EQ(files[1].name, "form.html");
  EXPECT_EQ(files[1].extension, "html");
}

TEST(Content, PlainMessage) {
  std::string message = crlf("Subject: x\n\nHello\nwww.shop.com\n");
  Content content(message, true);
  EXPECT_EQ(content.text(), "Hello\nwww.shop.com\n");
  EXPECT_EQ(hosts(content.urls()), "www.shop.com");
  EXPECT_TRUE(content.attachments().empty());
  EXPECT_TRUE(content.hidden().empty());
  EXPECT_EQ(content.structure().parts.size(), 1U);
}

TEST(Content, Nothing) {
  for (std::string_view message : {"", "\r\n", "Subject: x", "Content-Type: text/html\r\n\r\n"}) {
    Content content(message, true);
    EXPECT_TRUE(content.text().empty()) << message;
    EXPECT_TRUE(content.urls().empty()) << message;
    EXPECT_TRUE(content.attachments().empty()) << message;
    EXPECT_FALSE(content.structure().parts.empty()) << message;
  }
}

TEST(Content, OneImageIsAnAttachment) {
  std::string message = crlf("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n");
  Content content(message, true);
  ASSERT_EQ(content.attachments().size(), 1U);
  EXPECT_EQ(content.attachments()[0].kind, "image/png");
  EXPECT_TRUE(content.text().empty());
}

TEST(Content, Bounds) {
  std::string message = "Subject: x\r\n\r\n" + std::string(3U << 20U, 'x');
  Content long_text(message, true);
  EXPECT_EQ(long_text.text().size(), Content::kMaxText);
  EXPECT_TRUE(long_text.truncated());

  message = "Subject: x\r\n\r\n";
  for (size_t i = 0; i < 2000; ++i) message += "http://h" + std::to_string(i % 700) + ".example/ ";
  Content many(message, true);
  EXPECT_EQ(many.urls().size(), Content::kMaxUrls);
  EXPECT_TRUE(many.truncated());

  Limits limits;
  limits.decoded = 100;
  limits.total_decoded = 150;
  message = crlf("Content-Type: multipart/mixed; boundary=b\n\n");
  for (int i = 0; i < 3; ++i) {
    message += "--b\r\nContent-Type: application/x; name=x\r\n\r\n" + std::string(200, 'x') + "\r\n";
  }
  message += "--b--\r\n";
  Content files(message, true, limits);
  ASSERT_EQ(files.attachments().size(), 3U);
  EXPECT_EQ(files.attachments()[0].size, 100U);
  EXPECT_EQ(files.attachments()[1].size, 50U);
  EXPECT_EQ(files.attachments()[2].size, 0U);
  EXPECT_TRUE(files.truncated());
}

// What was asked for first must not decide what the others see.
TEST(Content, OrderOfQuestions) {
  std::string message = crlf(kMixed);
  Content one(message, true);
  Content other(message, true);
  std::string text = one.text();
  size_t files = one.attachments().size();
  EXPECT_EQ(other.attachments().size(), files);
  EXPECT_EQ(other.urls().size(), one.urls().size());
  EXPECT_EQ(other.text(), text);
}

/// Texts that are kept until somebody asks for their URLs are bounded, and nobody sees where the bound is.
TEST(Content, UrlsOfMuchThatIsNotShown) {
  std::string message = crlf("Content-Type: multipart/mixed; boundary=b\n\n");
  for (int i = 0; i < 5; ++i) {
    message += "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\n";
    message += "see http://h" + std::to_string(i) + ".example/ " + std::string(600'000, 'x') + "\r\n";
  }
  message += "--b\r\nContent-Type: text/plain\r\n\r\nand http://last.example/\r\n--b--\r\n";
  Content content(message, true);
  EXPECT_EQ(content.text(), "and http://last.example/");
  ASSERT_EQ(content.urls().size(), 6U);
  EXPECT_EQ(content.urls()[0].host, "h0.example");
  EXPECT_EQ(content.urls()[5].host, "last.example");
  EXPECT_FALSE(content.truncated());
}

TEST(Content, LineEndsAndNul) {
  using namespace std::string_view_literals;
  std::string message = "Content-Type: text/plain\r\n\r\n";
  message += "\r\n\0one\r\n\r\n\0\0two\rthree\r\r\nfour\0\r\n\nfive\0\r"sv;
  Content content(message, true);
  EXPECT_EQ(content.text(), "\none\n\ntwo\nthree\n\nfour\n\nfive\n");
}

std::string shown_of(std::string_view text) {
  std::string message = crlf(text);
  Content content(message, true);
  return content.shown();
}

/// Multipart `type` of parts with the given headers and bodies.
std::string multipart(std::string_view type, std::string_view boundary, const std::vector<std::string>& parts) {
  std::string out = "Content-Type: multipart/" + std::string(type) + "; boundary=" + std::string(boundary) + "\n\n";
  for (const std::string& part : parts) out += "--" + std::string(boundary) + "\n" + part + "\n";
  return out + "--" + std::string(boundary) + "--\n";
}

TEST(Content, ShownIsWhatAMailProgramOpensWith) {
  const std::string plain = "Content-Type: text/plain\n\nplain words";
  const std::string html = "Content-Type: text/html\n\n<p>rich words</p>";
  const std::string calendar = "Content-Type: text/calendar\n\nBEGIN:VCALENDAR";
  const std::string rich = "Content-Type: text/enriched\n\n<bold>old</bold>";
  const std::string file = "Content-Type: text/html\nContent-Disposition: attachment\n\n<p>a file</p>";
  EXPECT_EQ(shown_of("Subject: x\n\nonly this\n"), "only this\n");
  EXPECT_EQ(shown_of(multipart("mixed", "m", {plain, html})), "plain words\nrich words") << "no choice: all of it";
  EXPECT_EQ(shown_of(multipart("alternative", "a", {plain, html})), "rich words");
  EXPECT_EQ(shown_of(multipart("alternative", "a", {html, plain})), "rich words") << "in the wrong order";
  EXPECT_EQ(shown_of(multipart("alternative", "a", {plain, html, calendar})), "rich words");
  EXPECT_EQ(shown_of(multipart("alternative", "a", {plain, calendar})), "plain words");
  EXPECT_EQ(shown_of(multipart("alternative", "a", {rich})), "<bold>old</bold>");
  EXPECT_EQ(shown_of(multipart("alternative", "a", {plain, plain + " again"})), "plain words again") << "the last";
  EXPECT_EQ(shown_of(multipart("alternative", "a", {plain, file})), "plain words");
  EXPECT_EQ(shown_of(multipart("alternative", "a", {plain, multipart("related", "r", {html, html})})),
            "rich words\nrich words")
      << "HTML and what belongs to it";
  EXPECT_EQ(shown_of(multipart("mixed", "m", {multipart("alternative", "a", {plain, html}), plain})),
            "rich words\nplain words");
  EXPECT_EQ(shown_of(multipart("alternative", "a", {plain, multipart("alternative", "b", {plain + " 2", html})})),
            "rich words");
}

/// What is not shown must not take the room of what is.
TEST(Content, ShownBehindMuchThatIsNot) {
  std::string message = crlf(multipart("alternative", "a",
                                       {"Content-Type: text/plain\n\n" + std::string(Content::kMaxText + 5, 'x'),
                                        "Content-Type: text/html\n\n<p>rich words</p>"}));
  Content content(message, true);
  EXPECT_EQ(content.shown(), "rich words");
  EXPECT_EQ(content.text().size(), Content::kMaxText);
}

}  // namespace
}  // namespace postern::mime
