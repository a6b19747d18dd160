#include "filters/mime/urls.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace postern::mime {
namespace {

struct ParseCase {
  std::string_view text;
  std::string_view scheme;
  std::string_view user;
  std::string_view host;
  uint16_t port;
  std::string_view path;
};

TEST(UrlParse, Parts) {
  static constexpr ParseCase kCases[] = {
      {"http://a.example/x?y#z", "http", "", "a.example", 0, "/x?y#z"},
      {"HTTPS://A.Example.", "https", "", "a.example", 0, ""},
      {"  http://a.example/\r\n ", "http", "", "a.example", 0, "/"},
      {"ht\ntp://a.ex\tample/x\ny", "http", "", "a.example", 0, "/xy"},
      {"http://a.example:8080/", "http", "", "a.example", 8080, "/"},
      {"http://a.example:80/", "http", "", "a.example", 0, "/"},
      {"https://a.example:80", "https", "", "a.example", 80, ""},
      {"http://a.example:/x", "http", "", "a.example", 0, "/x"},
      {"http://user:pass@a.example/", "http", "user:pass", "a.example", 0, "/"},
      {"http://bank.example@evil.example/", "http", "bank.example", "evil.example", 0, "/"},
      {"http://a@b@evil.example", "http", "a@b", "evil.example", 0, ""},
      {"http:\\\\a.example\\x", "http", "", "a.example", 0, "\\x"},
      {"http:/a.example", "http", "", "a.example", 0, ""},
      {"http:///a.example", "http", "", "a.example", 0, ""},
      {"http://evil.example\\@bank.example/", "http", "", "evil.example", 0, "\\@bank.example/"},
      {"//a.example/x", "http", "", "a.example", 0, "/x"},
      {"www.a.example/x", "http", "", "www.a.example", 0, "/x"},
      {"shop.com/x", "http", "", "shop.com", 0, "/x"},
      {"shop.com:8080/x", "http", "", "shop.com", 8080, "/x"},
      {"http://3221226219/", "http", "", "192.0.2.235", 0, "/"},
      {"http://0xC00002EB/", "http", "", "192.0.2.235", 0, "/"},
      {"http://0300.0.2.0353/", "http", "", "192.0.2.235", 0, "/"},
      {"http://192.0.747", "http", "", "192.0.2.235", 0, ""},
      {"http://0x7f.1/", "http", "", "127.0.0.1", 0, "/"},
      {"http://192.0.2.1:81/", "http", "", "192.0.2.1", 81, "/"},
      {"http://[2001:DB8::0:1]:81/", "http", "", "2001:db8::1", 81, "/"},
      {"http://[::ffff:192.0.2.1]/", "http", "", "192.0.2.1", 0, "/"},
      {"http://%65%78ample.%63om/%41", "http", "", "example.com", 0, "/%41"},
      {"http://b\u00fccher.example/", "http", "", "xn--bcher-kva.example", 0, "/"},
      {"http://B%C3%9CCHER.example/", "http", "", "xn--bcher-kva.example", 0, "/"},
      {"http://\uff45\uff58\uff41mple\u3002com/", "http", "", "example.com", 0, "/"},
      {"http://example\uff0ecom", "http", "", "example.com", 0, ""},
      {"http://\uff11\uff19\uff12.0.2.1/", "http", "", "192.0.2.1", 0, "/"},
      {"http://exa\u00admple.com", "http", "", "example.com", 0, ""},
      // Not in IDNA 2008; the A-labels are those of Python's codec "punycode".
      {"http://\U0001f600.ws/", "http", "", "xn--e28h.ws", 0, "/"},
      {"http://i\u2764\ufe0f.ws/", "http", "", "xn--i-7iq.ws", 0, "/"},
      {"http://\U0001f4a9\U0001f4a9B-\U0001f600.example", "http", "", "xn--b--7t72aa13o.example", 0, ""},
      {"mailto:a@b.example?subject=x", "mailto", "", "", 0, "a@b.example?subject=x"},
      {"javascript:alert('//x')", "javascript", "", "", 0, "alert('//x')"},
      {"data:text/html,<b>", "data", "", "", 0, "text/html,<b>"},
      {"tel:+123", "tel", "", "", 0, "+123"},
      {"file://server/share", "file", "", "server", 0, "/share"},
      {"ftp://a.example/f", "ftp", "", "a.example", 0, "/f"},
      {"http://under_score.example/", "http", "", "under_score.example", 0, "/"},
      {"http://localhost:8025/", "http", "", "localhost", 8025, "/"},
  };
  for (const auto& one : kCases) {
    Url url;
    ASSERT_TRUE(parse_url(one.text, url)) << one.text;
    EXPECT_EQ(url.scheme, one.scheme) << one.text;
    EXPECT_EQ(url.user, one.user) << one.text;
    EXPECT_EQ(url.host, one.host) << one.text;
    EXPECT_EQ(url.port, one.port) << one.text;
    EXPECT_EQ(url.path, one.path) << one.text;
  }
}

TEST(UrlParse, None) {
  static constexpr std::string_view kCases[] = {"",
                                                " ",
                                                "http:",
                                                "http://",
                                                "http:///",
                                                "http://?x",
                                                "http://a.example:99999/",
                                                "http://a.example:8x/",
                                                "http://a b.example/",
                                                "http://a..example/",
                                                "http://.a.example/",
                                                "http://1.2.3.4.5/",
                                                "http://1.2.3.256/",
                                                "http://0x100000000/",
                                                "http://a.example.08x.9/",
                                                "http://[::1/",
                                                "http://[::1%25eth0]/",
                                                "http://[192.0.2.1]/",
                                                "http://%00.example/",
                                                "http://a%2fb.example/",
                                                "http://a%zz.example/",
                                                "http://\xff.example/",
                                                "hxxp://a.example/",
                                                "hxxps://shop.com",
                                                "foo:bar",
                                                "word",
                                                "#top",
                                                "/path",
                                                "page.html",
                                                "user@example.com",
                                                "1.2.3.4",
                                                "javascript:",
                                                "mailto:",
                                                "end.It",
                                                "script.pl",
                                                "www.",
                                                "www.example",
                                                "example.nosuchtld/x",
                                                "-.com",
                                                "a..com"};
  for (std::string_view text : kCases) {
    Url url;
    EXPECT_FALSE(parse_url(text, url)) << text << " " << url.scheme << " " << url.host;
  }
  Url url;
  EXPECT_FALSE(parse_url("http://" + std::string(64, 'a') + ".example/", url));
  std::string host;
  for (int i = 0; i < 200; ++i) host += "a.";
  EXPECT_FALSE(parse_url("http://" + host + "example/", url));
}

TEST(UrlParse, Bounded) {
  Url url;
  ASSERT_TRUE(parse_url("http://a.example/" + std::string(100000, 'x'), url));
  EXPECT_EQ(url.text.size(), 4096U);
  EXPECT_EQ(url.host, "a.example");
}

struct FindCase {
  std::string_view text;
  std::string_view found;  // blank-separated texts
};

std::string found_in(std::string_view text, size_t limit = 100) {
  std::string out;
  for (const Url& url : find_urls(text, limit)) out += (out.empty() ? "" : " ") + url.text;
  return out;
}

TEST(UrlFind, InText) {
  static constexpr FindCase kCases[] = {
      {"", ""},
      {"no link here. None at all", ""},
      {"go to http://a.example/x now", "http://a.example/x"},
      {"http://a.example http://b.example", "http://a.example http://b.example"},
      {"See http://a.example/x.", "http://a.example/x"},
      {"Really http://a.example/x?!", "http://a.example/x"},
      {"(http://a.example/x)", "http://a.example/x"},
      {"(http://a.example/x_(y)).", "http://a.example/x_(y)"},
      {"[link](http://a.example/x)y", "http://a.example/x"},
      {"\"http://a.example/x\" 'http://b.example/y',", "http://a.example/x http://b.example/y"},
      {"\u201chttp://a.example/x\u201d \u00abhttp://b.example\u00bb", "http://a.example/x http://b.example"},
      {"*http://a.example/*", "http://a.example/"},
      {"<http://a.example/x>", "http://a.example/x"},
      {"<http://a.example/long\r\n   er/path>", "http://a.example/longer/path"},
      {"<URL:http://a.example/long\ner>", "http://a.example/longer"},
      {"<http://a.example/x\n\ny>", "http://a.example/x"},
      {"<http://a.example/x y\nz>", "http://a.example/x"},
      {"http://a.example/x<br>", "http://a.example/x"},
      {"http://a.example,http://b.example;http://c.example", "http://a.example http://b.example http://c.example"},
      {"HTTP://A.EXAMPLE/", "HTTP://A.EXAMPLE/"},
      {"texthttps://a.example/", "https://a.example/"},
      {"hxxp://shop.com/x hxxps://shop.com", ""},
      {"foo://shop.com/x", ""},
      {"http:\\\\a.example\\x", "http:\\\\a.example\\x"},
      {"http://user@a.example/", "http://user@a.example/"},
      {"(http://a.example),me@b.example", "http://a.example"},
      {"http://[2001:db8::1]/x]", "http://[2001:db8::1]/x"},
      {"http://192.0.2.1/x", "http://192.0.2.1/x"},
      {"mailto:me@a.example?subject=x.", "mailto:me@a.example?subject=x"},
      {"mailto: nobody", ""},
      {"www.a.example/x, www.b.example", "www.a.example/x www.b.example"},
      {"www.shop.example:8080/x", "www.shop.example:8080/x"},
      {"(www.shop.com)", "www.shop.com"},
      {"Website:www.shop.com", "www.shop.com"},
      {"visit shop.com today", "shop.com"},
      {"visit Shop.COM or shop.co.uk/x?y=1.", "Shop.COM shop.co.uk/x?y=1"},
      {"shop.com:8080/x", "shop.com:8080/x"},
      {"shop.com: good", "shop.com"},
      {"me@shop.com first.last@shop.com john.com@shop.com you+x.com@shop.com", ""},
      {"The end.It was. i.e. e.g. script.pl README.md main.rs index.html 3.14 v1.2.3 a.b", ""},
      {"click.me/abc mail.server.it foo.test.py foo.py/x", "click.me/abc mail.server.it foo.py/x"},
      {"/pages/user.com/x \\\\server\\shop.com", ""},
      {"\u8bbf\u95eewww.shop.com\u8c22\u8c22", "www.shop.com"},
      {"http://shop.com\u3002\u8c22\u8c22", "http://shop.com"},
      {"http://www.shop\u3002com/", "http://www.shop\u3002com/"},
      {"http://a.example/\u043f\u0443\u0442\u044c", "http://a.example/\u043f\u0443\u0442\u044c"},
      {"\u0441\u0430\u0439\u0442 \u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444/x",
       "\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444/x"},
      {"http://", ""},
      {"http://http://a.example", "http://http"},
      {"http://.. http://a.example", "http://a.example"},
      {"javascript:alert(1) data:x", ""},
      {"www.example", ""},
  };
  for (const auto& one : kCases) EXPECT_EQ(found_in(one.text), one.found) << one.text;
}

TEST(UrlFind, AnyOctets) {
  EXPECT_EQ(found_in(std::string_view("a\0http://a.example/x\0y", 22)), "http://a.example/x");
  EXPECT_EQ(found_in("\xff\xfehttp://a.example/\xff"), "http://a.example/\xff");
}

TEST(UrlFind, Limit) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "http://a.example/ ";
  EXPECT_EQ(find_urls(text, 7).size(), 7U);
  EXPECT_TRUE(find_urls(text, 0).empty());
  // A URL that is too long is cut, and is one.
  EXPECT_EQ(find_urls("http://a.example/" + std::string(20000, 'x') + " www.shop.com", 100).size(), 2U);
}

// With anything worse than linear time these would run into the time limit of the test.
TEST(UrlFind, LongRunsOfOneThing) {
  static constexpr std::string_view kPieces[] = {"http://",
                                                 "http://%",
                                                 "http:",
                                                 "://",
                                                 ":",
                                                 ".",
                                                 "a.",
                                                 "a.b ",
                                                 "a.com",
                                                 "www.",
                                                 "www. ",
                                                 "<http://",
                                                 "<http://a\n",
                                                 "<",
                                                 "@",
                                                 "http://@",
                                                 "http://a@",
                                                 "http://(",
                                                 "http://a.example/(",
                                                 "mailto:",
                                                 "mailto:a@b ",
                                                 "\u4e2da",
                                                 "http://\u4e2da.",
                                                 "http://\u4e2d ",
                                                 "\u0430.\u0440\u0444 ",
                                                 "-.\u0440\u0444 ",
                                                 "http://[",
                                                 "x:http://",
                                                 "com.",
                                                 "\xe2\x80",
                                                 "\xff",
                                                 "http:\\\\"};
  for (std::string_view piece : kPieces) {
    std::string text;
    while (text.size() < 500'000) text += piece;
    EXPECT_LE(find_urls(text, 500).size(), 500U) << piece;
  }
}

struct ShownCase {
  std::string_view target;
  std::string_view shown;
  bool differs;
};

TEST(UrlShown, OtherHost) {
  static constexpr ShownCase kCases[] = {
      {"http://evil.example/", "http://www.bank.com/login", true},
      {"http://evil.example/", "www.bank.com", true},
      {"http://evil.example/", " Bank.com ", true},
      {"http://evil.example/", "(http://bank.com)", true},
      {"http://bank.com.evil.example/", "bank.com", true},
      {"http://bank.com@evil.example/", "http://bank.com", true},
      {"http://192.0.2.1/", "http://bank.com/", true},
      {"http://a.co.uk/", "http://b.co.uk/", true},
      {"http://3221226219/", "http://192.0.2.236/", true},
      {"http://b\u00e4nk.com/", "bank.com", true},
      {"http://click.bank.com/x", "www.bank.com", false},
      {"http://www.a.co.uk/", "shop.a.co.uk", false},
      {"http://bank.com/", "BANK.COM", false},
      {"http://3221226219/", "http://192.0.2.235/", false},
      {"http://evil.example/", "Click here", false},
      {"http://evil.example/", "", false},
      {"http://evil.example/", "me@bank.com", false},
      {"http://evil.example/", "Visit http://www.bank.com/ for all there is", false},
      {"mailto:x@y.example", "www.bank.com", false},
  };
  for (const auto& one : kCases) {
    Url url;
    ASSERT_TRUE(parse_url(one.target, url)) << one.target;
    EXPECT_EQ(shows_other_host(url, one.shown), one.differs) << one.target << " shown as " << one.shown;
  }
}

/// Whatever stands around it and however far from the start.
TEST(UrlFind, BetweenAnything) {
  for (std::string_view around : {" ", "\n", "<", ">", "\"", "\u00a0", "\u201c", "\u3001", "\u2026", "\u300c"}) {
    for (std::string_view before : {"", "word", "\u00fc", "\u4e2d\u6587 ", "a: ", "end. ", "<b ", "\xe2\x80 "}) {
      std::string text;
      for (int i = 0; i < 3; ++i)
        text += std::string(before) + std::string(around) + "shop.com/x" + std::string(around);
      auto found = find_urls(text, 10);
      ASSERT_EQ(found.size(), 3U) << before << around;
      EXPECT_EQ(found[2].text, "shop.com/x");
    }
  }
}

}  // namespace
}  // namespace postern::mime
