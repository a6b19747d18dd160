// The candidates of srcset (HTML, 4.8.4.3.8) are links.
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/mime/html.h"

namespace postern::mime {
namespace {

using ::testing::ElementsAre;

constexpr size_t kText = 100000;

std::vector<std::string> targets(std::string_view html) {
  std::vector<std::string> out;
  for (const Link& link : read_html(html, kText).links) out.push_back(link.target);
  return out;
}

std::vector<std::string> candidates(std::string_view set) {
  return targets(fmt::format("<img srcset='{}'>", set));
}

TEST(Srcset, EveryElementThatHasOne) {
  EXPECT_THAT(targets("<img src=http://s.example/ srcset='http://a.example/x 1x, http://b.example/y 2x'>"),
              ElementsAre("http://s.example/", "http://a.example/x", "http://b.example/y"));
  EXPECT_THAT(targets("<picture><source SRCSET='http://a.example/x 480w,\nhttp://b.example/y 2w'></picture>"),
              ElementsAre("http://a.example/x", "http://b.example/y"));
  EXPECT_THAT(targets("<link rel=preload as=image imagesrcset='http://a.example/x, http://b.example/y 2x'>"),
              ElementsAre("http://a.example/x", "http://b.example/y"));
  EXPECT_THAT(targets("<p srcset=http://a.example/><link srcset=http://a.example/><img imagesrcset=http://a.example/>"),
              ElementsAre());
  EXPECT_EQ(read_html("<img srcset=x>", kText).links.at(0).kind, Link::Kind::Image);
  EXPECT_EQ(read_html("<source srcset=x>", kText).links.at(0).kind, Link::Kind::Image);
  EXPECT_EQ(read_html("<link imagesrcset=x>", kText).links.at(0).kind, Link::Kind::Other);
}

TEST(Srcset, CandidatesEndAtCommas) {
  EXPECT_THAT(candidates("http://a.example/x"), ElementsAre("http://a.example/x"));
  EXPECT_THAT(candidates(" , ,http://a.example/x , \t,http://b.example/y,"),
              ElementsAre("http://a.example/x", "http://b.example/y"));
  EXPECT_THAT(candidates("http://a.example/x, http://b.example/y,,, http://c.example/"),
              ElementsAre("http://a.example/x", "http://b.example/y", "http://c.example/"));
  // A comma within a URL is part of it, and one behind a descriptor needs no white space.
  EXPECT_THAT(candidates("http://a.example/x,y 1x,http://b.example/z 2x"),
              ElementsAre("http://a.example/x,y", "http://b.example/z"));
  EXPECT_THAT(candidates("http://a.example/x,http://b.example/y"),
              ElementsAre("http://a.example/x,http://b.example/y"));
  EXPECT_THAT(candidates("data:image/png;base64,AAAA 1x, http://b.example/ 2x"),
              ElementsAre("data:image/png;base64,AAAA", "http://b.example/"));
  EXPECT_THAT(candidates(" ,\n, "), ElementsAre());
  EXPECT_THAT(candidates(""), ElementsAre());
}

TEST(Srcset, DescriptorsAreNoUrls) {
  // Parentheses may hold commas and blanks; one that nobody closes holds all the rest.
  EXPECT_THAT(candidates("http://a.example/x future(1, http://no.example/) 2x, http://b.example/y"),
              ElementsAre("http://a.example/x", "http://b.example/y"));
  EXPECT_THAT(candidates("http://a.example/x (1, http://no.example/"), ElementsAre("http://a.example/x"));
  EXPECT_THAT(candidates("http://a.example/x http://no.example/ 1x 2x nonsense, http://b.example/y"),
              ElementsAre("http://a.example/x", "http://b.example/y"));
}

TEST(Srcset, AreReadLikeOtherTargets) {
  EXPECT_THAT(candidates("http://a.example/?a=1&amp;b=2&#32;1x&#44;http://&#98;.example/"),
              ElementsAre("http://a.example/?a=1&b=2", "http://b.example/"));
  EXPECT_THAT(targets("<base href=http://base.example/dir/><img srcset='x.png 1x, //b.example/y 2x'>"),
              ElementsAre("http://base.example/dir/x.png", "http://b.example/y"));
  std::string nul("<img srcset='http://a.ex\0ample/ 1x, http://b.example/ 2x'>", 58);
  EXPECT_THAT(targets(nul), ElementsAre(::testing::_, "http://b.example/"));
}

TEST(Srcset, Bounds) {
  std::string many;
  for (int i = 0; i < 150; ++i) many += fmt::format("http://h{}.example/ {}w, ", i, i + 1);
  Html html = read_html(fmt::format("<img srcset='{}'>", many), kText);
  EXPECT_EQ(html.links.size(), 100U);
  EXPECT_TRUE(html.truncated);

  // What hides behind much else is seen; behind very much else, that something was cut is said.
  std::string data = fmt::format("data:image/png;base64,{} 1x, http://b.example/ 2x", std::string(30000, 'A'));
  html = read_html(fmt::format("<img srcset='{}'>", data), kText);
  ASSERT_EQ(html.links.size(), 2U);
  EXPECT_EQ(html.links[1].target, "http://b.example/");
  EXPECT_FALSE(html.truncated);
  html = read_html(fmt::format("<img srcset='{}{}'>", std::string(70000, ' '), "http://b.example/"), kText);
  EXPECT_TRUE(html.truncated);
  html =
      read_html(fmt::format("<img srcset='http://a.example/{} 1x, http://b.example/'>", std::string(9000, 'x')), kText);
  ASSERT_EQ(html.links.size(), 2U);
  EXPECT_EQ(html.links[0].target.size(), 4096U);
  EXPECT_TRUE(html.truncated);
  EXPECT_FALSE(read_html("<img srcset='http://a.example/ 1x'>", kText).truncated);
}

}  // namespace
}  // namespace postern::mime
