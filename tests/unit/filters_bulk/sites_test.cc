#include "filters/bulk/sites.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "filters/bulk/fingerprint.h"

namespace postern::bulk {
namespace {

using Texts = std::vector<std::string_view>;

/// "img:" before what is only loaded.
std::vector<mime::Url> urls(const Texts& texts) {
  std::vector<mime::Url> out;
  for (std::string_view text : texts) {
    mime::Url url;
    bool image = text.starts_with("img:");
    EXPECT_TRUE(mime::parse_url(image ? text.substr(4) : text, url)) << text;
    url.where = image ? mime::Url::Where::Image : mime::Url::Where::Html;
    out.push_back(url);
  }
  return out;
}

std::vector<uint32_t> sites(const Texts& texts) {
  return sites_of(urls(texts));
}
std::optional<uint64_t> with_picture(const Texts& texts) {
  return url_print(urls(texts), true);
}
std::optional<uint64_t> without(const Texts& texts) {
  return url_print(urls(texts), false);
}

TEST(Sites, RegisteredDomainsEachOnce) {
  EXPECT_TRUE(sites({}).empty());
  EXPECT_EQ(sites({"http://a.evil.co.uk/x", "https://b.evil.co.uk/y?z", "http://EVIL.co.uk"}).size(), 1U);
  EXPECT_EQ(sites({"http://a.evil.co.uk/x"}), sites({"https://c.evil.co.uk:8080/other"}));
  EXPECT_NE(sites({"http://evil.co.uk/"}), sites({"http://other.co.uk/"}));
  EXPECT_EQ(sites({"http://192.0.2.1/x"}), sites({"http://192.0.2.1/y"}));
  EXPECT_NE(sites({"http://192.0.2.1/"}), sites({"http://192.0.2.2/"}));
  EXPECT_EQ(sites({"http://one.example.org/", "http://two.example.net/"}),
            sites({"http://two.example.net/", "http://one.example.org/"}));
}

TEST(Sites, OnlyWhatCanBeFollowedInABrowser) {
  EXPECT_TRUE(sites({"mailto:a@b.example", "tel:+123", "img:http://pixel.example/x.gif"}).empty());
}

TEST(Sites, BoundedAndStable) {
  Texts many = {"http://a.example.com/", "http://b.example.net/", "http://c.example.org/", "http://d.example.info/",
                "http://e.example.biz/", "http://f.example.de/",  "http://g.example.fr/",  "http://h.example.it/"};
  std::vector<uint32_t> all = sites(many);
  ASSERT_EQ(all.size(), Fingerprint::kMaxSites);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  std::reverse(many.begin(), many.end());
  EXPECT_EQ(sites(many), all);
  // One link more or less leaves most of them.
  many.pop_back();
  std::vector<uint32_t> fewer = sites(many);
  std::vector<uint32_t> both;
  std::set_intersection(all.begin(), all.end(), fewer.begin(), fewer.end(), std::back_inserter(both));
  EXPECT_GE(both.size(), Fingerprint::kMaxSites - 1);
}

TEST(UrlPrint, APictureAndALink) {
  auto print = with_picture({"http://win.evil.example/a?u=1"});
  ASSERT_TRUE(print);
  // Each recipient has a page of his own.
  EXPECT_EQ(with_picture({"https://x.evil.example/b/c?u=2"}), print);
  EXPECT_EQ(with_picture({"https://x.evil.example/b/c?u=2", "http://evil.example/unsubscribe"}), print);
  EXPECT_NE(with_picture({"http://good.example/a?u=1"}), print);
  EXPECT_NE(with_picture({"http://win.evil.example/a?u=1", "http://good.example/b"}), print);
}

TEST(UrlPrint, APictureLoadedFromElsewhere) {
  auto print = without({"img:http://cdn.example/p.png", "http://evil.example/win?u=1"});
  ASSERT_TRUE(print);
  EXPECT_EQ(without({"http://evil.example/win?u=2", "img:http://other.example/q.png"}), print);
  EXPECT_NE(without({"http://evil.example/lose?u=1", "img:http://cdn.example/p.png"}), print);
}

TEST(UrlPrint, NotWhatUnrelatedMailsShare) {
  static const std::vector<Texts> kCases = {
      {},
      {"https://aka.ms/o0ukef"},
      {"img:http://company.example/logo.png"},
      {"img:http://company.example/logo.png", "http://company.example/"},
      {"img:http://company.example/logo.png", "http://www.company.example", "https://www.linkedin.com/company/c"},
      {"https://www.youtube.com/watch?v=x", "img:http://i.ytimg.example/x.jpg"},
      {"mailto:a@b.example", "img:http://company.example/logo.png"},
  };
  for (const Texts& texts : kCases) {
    EXPECT_FALSE(without(texts)) << (texts.empty() ? "nothing" : texts[0]);
  }
  EXPECT_FALSE(without({"https://evil.example/page"})) << "a bare link that a friend sends";
  EXPECT_FALSE(with_picture({"https://aka.ms/o0ukef"})) << "a photograph from a telephone";
  EXPECT_FALSE(with_picture({"http://www.company.example/"})) << "a photograph from a company";
  EXPECT_FALSE(with_picture({}));
}

}  // namespace
}  // namespace postern::bulk
