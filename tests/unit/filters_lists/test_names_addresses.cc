#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/lists/names.h"

namespace postern::lists {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct NormalCase {
  std::string_view written;
  std::string_view normal;  // empty: no address
};

TEST(NormalAddress, OneForAllSpellings) {
  static constexpr NormalCase kCases[] = {
      {"john@example.org", "john@example.org"},
      {"John@EXAMPLE.org.", "john@example.org"},
      {"John.Doe@example.org", "john.doe@example.org"},
      {"john+tag@example.org", "john@example.org"},
      {"john+tag+more@example.org", "john@example.org"},
      {"+john@example.org", "+john@example.org"},
      {"John.D.oe+tag@gmail.com", "johndoe@gmail.com"},
      {"john.doe@GoogleMail.com", "johndoe@gmail.com"},
      {"john.doe@mail.gmail.com", "john.doe@mail.gmail.com"},
      {"...@gmail.com", ""},
      {"john@b\u00fccher.example", "john@xn--bcher-kva.example"},
      {"j\u00f6hn@example.org", "j\u00f6hn@example.org"},
      {"\"john\"@example.org", "john@example.org"},
      {"\"j\\ohn+tag\"@example.org", "john@example.org"},
      {"\"john doe+tag\"@example.org", "\"john doe\"@example.org"},
      {"\"a@b\"@example.org", "\"a@b\"@example.org"},
      {"\"a\\\\\\\"b\"@example.org", "\"a\\\\\\\"b\"@example.org"},
      {"o'brien=x/y@example.org", "o'brien=x/y@example.org"},
      {"", ""},
      {"john", ""},
      {"@example.org", ""},
      {"john@", ""},
      {"john@localhost", ""},
      {"john@[192.0.2.1]", ""},
      {"john@192.0.2.1", ""},
      {"john@exa mple.org", ""},
      {"jo hn@example.org", ""},
      {"<john@example.org>", ""},
      {"a@b@example.org", ""},
      {"\"\"@example.org", ""},
      {"\"john@example.org", ""},
      {"\"jo\"hn\"@example.org", ""},
      {"\"john\\\"@example.org", ""},
      {"\"john\"x@example.org", ""},
      {"john\xff@example.org", ""},
      {"john@example..org", ""},
  };
  for (const NormalCase& one : kCases) {
    EXPECT_EQ(normal_address(one.written).value_or(""), one.normal) << one.written;
    EXPECT_EQ(normal_address(one.normal).value_or(""), one.normal) << one.normal;
  }
  EXPECT_FALSE(normal_address(std::string_view("jo\0hn@example.org", 17)));
  EXPECT_FALSE(normal_address(std::string_view("\"jo\0hn\"@example.org", 19)));
  EXPECT_TRUE(normal_address(std::string(255, 'a') + "@example.org"));
  EXPECT_FALSE(normal_address(std::string(256, 'a') + "@example.org"));
}

// The digests are those of Python's hashlib and base64.
TEST(HashQuery, Digests) {
  using Digest = List::Digest;
  using Encoding = List::Encoding;
  auto name = [](Digest digest, Encoding encoding) {
    auto query = hash_query("John+x@Example.org", digest, encoding);
    if (!query) return std::string();
    EXPECT_EQ(query->subject, "john@example.org");
    return query->name;
  };
  EXPECT_EQ(name(Digest::Sha1, Encoding::Hex), "d57f40f4db98f2db706ff45b4c7d4d41b1ad26ef");
  EXPECT_EQ(name(Digest::Sha1, Encoding::Base32), "2v7ub5g3tdznw4dp6rnuy7knigy22jxp");
  EXPECT_EQ(name(Digest::Sha256, Encoding::Base32), "wx5xtpah7isajh4z6rlpr5jqv4oltij5wfgewawihpt4d4goxfua");
  EXPECT_EQ(name(Digest::Sha256, Encoding::Hex), "");  // 64 digits are no label
  EXPECT_FALSE(hash_query("john", Digest::Sha1, Encoding::Hex));
}

struct FieldCase {
  std::string_view value;
  std::vector<std::string> found;
};

TEST(AddressesInField, AsPeopleAndForgersWriteThem) {
  const FieldCase cases[] = {
      {" john@example.org", {"john@example.org"}},
      {"John Doe <John@Example.ORG>", {"John@example.org"}},
      {"\"Doe, John\" <john@example.org>, jane@example.net\r\n", {"john@example.org", "jane@example.net"}},
      {"Friends: a@a.example, <b@b.example>;, c@c.example", {"a@a.example", "b@b.example", "c@c.example"}},
      {"john@example.org (his @ comment@c.example)", {"john@example.org"}},
      {"\"ceo@bank.example\" <evil@evil.example>", {"evil@evil.example"}},
      {"ceo@bank.example <evil@evil.example>", {"ceo@bank.example", "evil@evil.example"}},
      {"=?utf-8?q?ceo=40bank.example?= <evil@evil.example>", {"evil@evil.example"}},
      {"<@a.example,@b.example:john@example.org>", {"john@example.org"}},
      {"john.doe@example.org.", {"john.doe@example.org"}},
      {"john..doe.@example.org", {"john..doe.@example.org"}},
      {"John Q. Doe@example.org", {"Doe@example.org"}},
      {"john(a).(b)doe@(c)example(d).(e)org", {"john.doe@example.org"}},
      {"\"john doe\"@example.org", {"\"john doe\"@example.org"}},
      {"\"john\r\n doe\"@example.org", {"\"john doe\"@example.org"}},
      {"a@example.org, A@example.org, a@EXAMPLE.org", {"a@example.org", "A@example.org"}},
      {"john@b\u00fccher.example", {"john@xn--bcher-kva.example"}},
      {"john@localhost, john@, @example.org, john", {}},
      {"john@[192.0.2.5], John Doe <j.doe@[IPv6:2001:DB8::5]>", {"john@[192.0.2.5]", "j.doe@[IPv6:2001:db8::5]"}},
      {"john@[ipv6:::ffff:192.0.2.5], a@[2001:db8::5]", {"john@[192.0.2.5]", "a@[IPv6:2001:db8::5]"}},
      {"john@([a])[192.0.2.5](b) jane@example.net", {"john@[192.0.2.5]", "jane@example.net"}},
      {"john@[192.0.2.5, jane@example.net", {"jane@example.net"}},
      {"john@[192.0.2. 5] jane@example.net", {"jane@example.net"}},
      {"john@[192.0.2.jane@example.net", {"192.0.2.jane@example.net"}},
      {"a@[], b@[192.0.2], c@[example.org], d@[192.0.2.256], @[192.0.2.5], e@[[192.0.2.5]], f@[1:jane@example.net",
       {"jane@example.net"}},
      {"john@example.org jane@example.net", {"john@example.org", "jane@example.net"}},
      {"john@exa mple.org", {}},
      {"<<john@example.org>>", {"john@example.org"}},
      {"(john@example.org", {}},
      {"\"john@example.org", {}},
      {"", {}},
  };
  for (const FieldCase& one : cases) EXPECT_EQ(addresses_in_field(one.value), one.found) << one.value;
}

TEST(AddressesInField, Bounded) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "user" + std::to_string(i) + "@example.org, ";
  EXPECT_EQ(addresses_in_field(many).size(), 20U);
  EXPECT_THAT(addresses_in_field(std::string(5000, 'a') + "@example.org"), IsEmpty());
  EXPECT_THAT(addresses_in_field(std::string(100'000, ' ') + "a@example.org"), IsEmpty());
  std::string dots = "a@";
  for (int i = 0; i < 20'000; ++i) dots += "a.";
  EXPECT_THAT(addresses_in_field(dots + "example.org"), IsEmpty());
  EXPECT_THAT(addresses_in_field("a@[" + std::string(5000, '1') + "]"), IsEmpty());
  dots = "a@[";
  for (int i = 0; i < 20'000; ++i) dots += "1.";
  EXPECT_THAT(addresses_in_field(dots + "]"), IsEmpty());
}

TEST(AddressesInText, WhereReadersSeeThem) {
  const FieldCase cases[] = {
      {"Write to john.doe+x@example.org.", {"john.doe+x@example.org"}},
      {"(john@example.org), <jane@example.net>; \"x_y-z@example.com\"",
       {"john@example.org", "jane@example.net", "x_y-z@example.com"}},
      {"'john@example.org'", {"john@example.org"}},
      {"o'brien@example.org", {"o'brien@example.org"}},
      {"mailto:john@example.org?subject=x", {"john@example.org"}},
      {"email=john@example.org&x", {"john@example.org"}},
      {"...john@example.org...", {"john@example.org"}},
      {"\u201cjohn@example.org\u201d and john@example.net\u00a0now", {"john@example.org", "john@example.net"}},
      {"\u8054\u7cfbjohn@example.com\u8bf7", {"john@example.com"}},
      {"\u8054\u7cfbjohn@example.com\uff0c\u8bf7", {"john@example.com"}},
      {"john@b\u00fccher.example", {"john@xn--bcher-kva.example"}},
      {"john@b\u00fccher.example\u3002", {"john@xn--bcher-kva.example"}},
      {"John@Example.Org john@EXAMPLE.ORG john@example.org", {"John@example.org", "john@example.org"}},
      {"http://john@example.org/ https://user:pass@example.net/", {"pass@example.net"}},
      {"john@example, @example.org, john@ , @, a@b.c, a@b.1, image@2x.png", {"image@2x.png"}},
      {"john@192.0.2.1 john@[192.0.2.1] john@example.123", {}},
      {"a@b.example@c.example", {"a@b.example", "b.example@c.example"}},
  };
  for (const FieldCase& one : cases) EXPECT_EQ(addresses_in_text(one.value, {}, 20), one.found) << one.value;
}

TEST(AddressesInText, MailtoUrls) {
  std::vector<mime::Url> urls(3);
  ASSERT_TRUE(mime::parse_url("mailto:a%40a.example,b@b.example?cc=c%2Bx@c.example&body=ask%20d@d.example", urls[0]));
  ASSERT_TRUE(mime::parse_url("http://www.example/?x=e@e.example", urls[1]));
  ASSERT_TRUE(mime::parse_url("mailto:t@t.example", urls[2]));
  EXPECT_THAT(addresses_in_text("t@t.example", urls, 20),
              ElementsAre("t@t.example", "a@a.example", "b@b.example", "c+x@c.example", "d@d.example"));
  EXPECT_THAT(addresses_in_text("t@t.example", urls, 2), ElementsAre("t@t.example", "a@a.example"));
  EXPECT_THAT(addresses_in_text("t@t.example", urls, 0), IsEmpty());
}

TEST(AddressesInText, RepetitionHidesNothing) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "noreply@example.org x@nowhere..example ";
  text += "drop@box.example";
  EXPECT_THAT(addresses_in_text(text, {}, 5), ElementsAre("noreply@example.org", "drop@box.example"));
}

TEST(AddressesInText, AnyOctets) {
  EXPECT_THAT(addresses_in_text(std::string(100'000, '@'), {}, 20), IsEmpty());
  EXPECT_THAT(addresses_in_text(std::string(100'000, 'a') + "@example.org", {}, 20), IsEmpty());
  EXPECT_THAT(addresses_in_text("a@" + std::string(100'000, 'b') + ".example", {}, 20), IsEmpty());
  std::string odd("a\0@b\xff.example c@d.example\0e@f.example", 37);
  EXPECT_THAT(addresses_in_text(odd, {}, 20), ElementsAre("c@d.example", "e@f.example"));
}

}  // namespace
}  // namespace postern::lists
