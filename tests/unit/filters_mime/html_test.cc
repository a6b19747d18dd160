#include "filters/mime/html.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "filters/mime/entities.h"

namespace postern::mime {
namespace {

constexpr size_t kText = 1U << 20U;

std::string shown(std::string_view html) {
  return read_html(html, kText).text;
}

struct TextCase {
  std::string_view html;
  std::string_view text;
};

TEST(HtmlText, AsAReaderSeesIt) {
  static constexpr TextCase kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {"  a \r\n\t b  ", "a b"},
      {"a<br>b<br/>c</br>d", "a\nb\nc\nd"},
      {"a<br><br><br><br>b", "a\n\nb"},
      {"<p>one</p><p>two<p>three", "one\ntwo\nthree"},
      {"<div><div>a</div></div>b", "a\nb"},
      {"<h1>Title</h1>text<hr>more", "Title\ntext\nmore"},
      {"v<b>ia</b><i>g</i>ra", "viagra"},
      {"<ul><li>one<li>two</ul>three", "one\ntwo\nthree"},
      {"<dl><dt>a<dd>b<dt>c</dl>", "a\nb\nc"},
      {"<table><tr><td>a</td><td>b<tr><td>c</table>d", "a b\nc\nd"},
      {"<pre>\n a\n  b\tc\r\n</pre>d", " a\n  b\tc\nd"},
      {"<textarea>a <b> &amp;</textarea>", "a <b> &"},
      {"<!-- gone -->a<!-->b<!--->c<!-- x --!>d<!-- -- > e", "abcd"},
      {"a<!--[if mso]><p>outlook</p><![endif]-->b", "ab"},
      {"a<![if !mso]>b<![endif]>c", "abc"},
      {"a<![CDATA[ x > y ]]>b", "a y ]]>b"},
      {"<!DOCTYPE html PUBLIC \"x\">a<?php echo ?>b</ z>c", "abc"},
      {"<title>t</title><style>p{}</style><script>if (a<b) '</p>'</script><noscript>n</noscript>a", "a"},
      {"<STYLE>x</sTyLe >a", "a"},
      {"<script>a</scripty>b</script>c", "c"},
      {"a < b <3 <> c", "a < b <3 <> c"},
      {"a<b", "a"},
      {"a<a href=\"x", "a"},
      {"a<img alt='A > B' src=x>b", "a A > B b"},
      {"<img alt=pixel width=1 height=1>a", "a"},
      {"<input type=submit value='Click here'><input type=hidden value=secret>", "Click here"},
      {std::string_view("a\0b<p\0>c", 8), "abc"},
      {"a&nbsp;&nbsp;b\u2003c\u3000d", "a b c d"},
      {"V&shy;i&#8203;a\u200dg&zwnj;ra \u0645\u06cc\u200c\u062e", "Viagra \u0645\u06cc\u200c\u062e"},
      {"\x01\x02"
       "a\x7f",
       "a"},
      {"<a title=\"a>b\" b='\"' c=d/>x</a>", "x"},
      {"<plaintext>a<b>c", "a<b>c"},
      {"<select><option>one<option>two</select>", "one\ntwo"},
  };
  for (const auto& one : kCases) EXPECT_EQ(shown(one.html), one.text) << one.html;
}

TEST(HtmlText, References) {
  static constexpr TextCase kCases[] = {
      {"&lt;b&gt; &amp;amp; &quot;&apos;", "<b> &amp; \"'"},
      {"&eacute;&Eacute;&euro;&hellip;", "\u00e9\u00c9\u20ac\u2026"},
      {"&#65;&#x42;&#X43;&#68 &#69x", "ABCD Ex"},
      {"&#128;&#x99;", "\u20ac\u2122"},
      {"&#0;&#xD800;&#x110000;&#99999999999999999999;", "\ufffd\ufffd\ufffd\ufffd"},
      {"&copy2026 &copy; &notit; &notin; &AMP;&AMP", "\u00a92026 \u00a9 \u00acit; \u2209 &&"},
      {"& &; &# &#; &#x; &nosuch; &alpha &", "& &; &# &#; &#x; &nosuch; &alpha &"},
      {"&colon;&sol;&period;&commat;", ":/.@"},
      {"&#00000000000000000000000000065;", "A"},
  };
  for (const auto& one : kCases) EXPECT_EQ(shown(one.html), one.text) << one.html;
  // In an attribute a query string stays what it is.
  EXPECT_EQ(decode_references("?a=1&copy=2&copyx&copy;&amp;b&lt", true), "?a=1&copy=2&copyx\u00a9&b<");
}

struct HiddenCase {
  std::string_view html;
  std::string_view text;
  std::string_view hidden;
};

void check(const HiddenCase& one) {
  Html html = read_html(one.html, kText);
  EXPECT_EQ(html.text, one.text) << one.html;
  EXPECT_EQ(html.hidden, one.hidden) << one.html;
}

TEST(HtmlHidden, ByStyle) {
  static constexpr std::string_view kStyles[] = {
      "display:none",
      "DISPLAY : None ;",
      "display:none!important;display:block",
      "display:block;display:none",
      "dis\\70 lay:none",
      "/* x */display:/* y */none",
      "background:url(';');display:none",
      "visibility:hidden",
      "opacity:0",
      "opacity:0.01",
      "font-size:0",
      "font-size:1px",
      "font-size:.05em",
      "font:0/0 a",
      "font: italic 700 1px/1 Arial",
      "color:#fff",
      "color:#FEFEFE",
      "color:white;background:white",
      "color:rgb(255, 255, 255)",
      "color:rgba(0,0,0,0)",
      "color:hsl(0, 0%, 100%)",
      "color:transparent",
      "background-color:#123456;color:#123557",
      "height:0;overflow:hidden",
      "max-height:0px;max-width:0px;overflow:hidden",
      "width:1px;overflow:hidden;height:1px",
      "position:absolute;left:-9999px",
      "position:absolute;top:-100em",
      "text-indent:-9999px",
      "margin-left:-5000px",
      "position:absolute;clip:rect(0 0 0 0)",
      "clip-path:inset(50%)",
      "transform:scale(0)",
  };
  for (std::string_view style : kStyles) {
    std::string html = "a<div style=\"" + std::string(style) + "\">b <b>c</b></div>d";
    check({html, "a\nd", "b c"});
  }
}

TEST(HtmlHidden, WhatOnlyLooksLikeIt) {
  static constexpr std::string_view kStyles[] = {
      "display:none;display:block",
      "display:none;display:inline!important",
      "font-size:10px",
      "font: 700 12px Arial",
      "opacity:1",
      "opacity:0.5",
      "color:white;background:#000",
      "color:white;background-image:url(black.png)",
      "color:white;text-shadow:0 0 2px black",
      "color:#eee",
      "height:0",
      "height:0;overflow:hidden;height:auto",
      "left:-9999px",
      "position:absolute;left:-9999px;left:0",
      "mso-hide:all",
      "xdisplay:none",
      "display:nonesuch",
      "display",
      "content:'display:none'",
      "clip:rect(0 0 0 0)",
      "position:absolute;clip:rect(0,20px,20px,0)",
      "visibility:visible",
      "visibility:hidden;visibility:visible",
  };
  for (std::string_view style : kStyles) {
    std::string html = "<div style=\"" + std::string(style) + "\">b</div>";
    check({html, "b", ""});
  }
  // Inline elements have no height of their own.
  check({"<span style='height:0;width:0;overflow:hidden'>b</span>", "b", ""});
  check({"<table><td style='height:0;overflow:hidden'>b</table>", "b", ""});
}

TEST(HtmlHidden, ByElementsAndAttributes) {
  static constexpr HiddenCase kCases[] = {
      {"a<p hidden>b</p>c", "a\nc", "b"},
      {"a<p hidden style='display:block'>b</p>c", "a\nb\nc", ""},
      {"a<font color=white>b</font>c", "ac", "b"},
      {"a<font color='#FFFFFF'>b</font>c", "ac", "b"},
      {"<body bgcolor=black text=white>a<font color=black>b</font>", "a", "b"},
      {"<table bgcolor=#336699><td><font color=336699>b</font><td bgcolor=white><font color=336699>c</table>", "c",
       "b"},
      {"<body text=white>a<a href='http://x.example'>link</a>", "link", "a"},
      {"<body link=white><a href='http://x.example'>link</a>a", "a", "link"},
      {"<datalist><option>a</datalist><dialog>b</dialog><dialog open>c</dialog>", "c", "a\nb"},
      {"<div style='color:white'>a<b style='color:black'>c</b></div>", "c", "a"},
      {"<div style='visibility:hidden'>a<b style='visibility:visible'>c</b></div>", "c", "a"},
      {"<div style='font-size:0'>a<b style='font-size:12px'>c</b></div>", "c", "a"},
      {"<div style='display:none'>a<b style='display:inline'>b</b></div>c", "c", "ab"},
      {"x<span style='display:none'>a</span>y<span style='display:none'>b</span>z", "xyz", "a b"},
      {"<div style=display:none><title>t</title><script>s</script>a</div>", "", "a"},
  };
  for (const auto& one : kCases) check(one);
}

// Who closes what decides where hiding ends; each case is what a browser shows.
TEST(HtmlHidden, MalformedNesting) {
  static constexpr HiddenCase kCases[] = {
      {"<div style='display:none'>a", "", "a"},
      {"<p style='display:none'>a<p>b", "b", "a"},
      {"<p style='display:none'>a<div>b", "b", "a"},
      {"<li style='display:none'>a<li>b", "b", "a"},
      {"<span style='display:none'>a<div>b</span>c", "", "a\nbc"},
      {"<span style='display:none'>a</b></i></div></table>b</span>c", "c", "a\nb"},
      {"<font style='display:none'>a<p>b</font>c", "c", "a\nb"},
      {"<p><font style='display:none'>a</p>b</font>c", "c", "a\nb"},
      {"<div style='display:none'><table><td>a</div>b</table>c</div>d", "d", "a\nb\nc"},
      {"<table><td style='display:none'><b style='color:red'>a<td>b</table>c", "b\nc", "a"},
      {"<table><tr style='display:none'><td>a<tr><td>b</table>", "b", "a"},
      {"<table style='display:none'>a<tr><td>b</table>c", "a\nc", "b"},
      {"<td style='display:none'>a</td>b", "ab", ""},
      {"<br style='display:none'>a<img style='display:none'>b", "ab", ""},
      {"<div style='display:none'/>a", "", "a"},
      {"<x-y style='display:none'>a</X-Y>b", "b", "a"},
      {"a<body style='display:none'>b", "a", "b"},
      {"<h1 style='display:none'>a</h2>b", "b", "a"},
      {"<p style='display:none'>a</p style='display:block'>b", "b", "a"},
      {"<div style='color:red' style='display:none'>a</div>", "a", ""},
      {"<div style='display:none'><a href=x>b<a href=y>c</div>d", "d", "bc"},
  };
  for (const auto& one : kCases) check(one);
}

struct LinkCase {
  std::string_view html;
  std::string_view target;
  std::string_view text;
  Link::Kind kind;
};

TEST(HtmlLinks, Targets) {
  using Kind = Link::Kind;
  static constexpr LinkCase kCases[] = {
      {"<a href=\"http://a.example/x\">b  c</a>d", "http://a.example/x", "b c", Kind::Anchor},
      {"<a href=http://a.example/x/>b</a>", "http://a.example/x/", "b", Kind::Anchor},
      {"<A\nHREF = 'http://a.example'>b<p>c</A>", "http://a.example", "b c", Kind::Anchor},
      {"<a href=' \t http://a.ex\r\n ample/ '>b", "http://a.ex%20ample/", "b", Kind::Anchor},
      {"<a href='ht&#9;tp:&#x2f;/a.ex&#10;ample'>b</a>", "http://a.example", "b", Kind::Anchor},
      {"<a href='http://a.example/?a=1&copy=2&amp;b=3'>b</a>", "http://a.example/?a=1&copy=2&b=3", "b", Kind::Anchor},
      {"<a href=\"javascript:alert(1)\">b</a>", "javascript:alert(1)", "b", Kind::Anchor},
      {"<a href='http://a.example' href='http://b.example'>b</a>", "http://a.example", "b", Kind::Anchor},
      {"<a/href=http://a.example>b</a>", "http://a.example", "b", Kind::Anchor},
      {"<a \"x\" href=http://a.example>b</a>", "http://a.example", "b", Kind::Anchor},
      {"<area href=http://a.example>", "http://a.example", "", Kind::Anchor},
      {"<form action='http://a.example/post'>b</form>", "http://a.example/post", "", Kind::Form},
      {"<button formaction='http://a.example'>b</button>", "http://a.example", "", Kind::Form},
      {"<img src=cid:x@y>", "cid:x@y", "", Kind::Image},
      {"<img src='data:image/png;base64,AAAA'>", "data:image/png;base64,AAAA", "", Kind::Image},
      {"<td background='http://a.example/b.png'>", "http://a.example/b.png", "", Kind::Image},
      {"<p style=\"background:url('http://a.example/b.png')\">", "http://a.example/b.png", "", Kind::Image},
      {"<link rel=stylesheet href=http://a.example/s.css>", "http://a.example/s.css", "", Kind::Other},
      {"<meta http-equiv=Refresh content='0; URL=http://a.example/'>", "http://a.example/", "", Kind::Other},
      {"<meta http-equiv=refresh content=\"0;url='http://a.example/' x\">", "http://a.example/", "", Kind::Other},
      {"<iframe src=http://a.example/></iframe>", "http://a.example/", "", Kind::Other},
      {"<a href=http://a.example><img alt=picture></a>", "http://a.example", "", Kind::Anchor},
      {"<a href=http://a.example>b<span style='display:none'>no</span>c</a>", "http://a.example", "bc", Kind::Anchor},
  };
  for (const auto& one : kCases) {
    Html html = read_html(one.html, kText);
    ASSERT_EQ(html.links.size(), 1U) << one.html;
    EXPECT_EQ(html.links[0].target, one.target) << one.html;
    EXPECT_EQ(html.links[0].text, one.text) << one.html;
    EXPECT_EQ(html.links[0].kind, one.kind) << one.html;
  }
  for (std::string_view none : {"<a name=x>b</a>", "<a href=''>b</a>", "<!-- <a href=x>b</a> -->", "<a href=x",
                                "<style><a href=x></style>", "<meta content='0;url=x'>", "<b href=x>"}) {
    EXPECT_TRUE(read_html(none, kText).links.empty()) << none;
  }
}

TEST(HtmlLinks, TextBelongsToTheInnermostAndStopsWithIt) {
  Html html = read_html("<a href=1>one<a href=2>two</a>three <div><a href=3>four</div>five", kText);
  ASSERT_EQ(html.links.size(), 3U);
  EXPECT_EQ(html.links[0].text, "one");
  EXPECT_EQ(html.links[1].text, "two");
  // As in browsers, an anchor that nobody closed goes on behind its block.
  EXPECT_EQ(html.links[2].text, "four five");
  std::string linked;
  for (const Span& span : html.linked) linked += html.text.substr(span.begin, span.end - span.begin) + '|';
  EXPECT_EQ(linked, "one|two|four\nfive|");
}

TEST(HtmlLinks, Base) {
  static constexpr TextCase kCases[] = {
      {"x.html", "http://base.example/dir/x.html"},       {"/x", "http://base.example/x"},
      {"?x", "http://base.example/dir/page?x"},           {"#x", "http://base.example/dir/page?q#x"},
      {"//other.example/x", "http://other.example/x"},    {"\\\\other.example", "http:\\\\other.example"},
      {"https://full.example/", "https://full.example/"}, {"mailto:a@b.example", "mailto:a@b.example"},
  };
  for (const auto& one : kCases) {
    std::string html = "<a href='" + std::string(one.html) + "'>x</a>";
    EXPECT_EQ(read_html("<base href='http://base.example/dir/page?q#f'><base href='http://no.example'>" + html, kText)
                  .links.at(0)
                  .target,
              one.text);
    EXPECT_EQ(read_html(html, kText).links.at(0).target, one.html) << "no base: as written";
  }
  EXPECT_EQ(read_html("<a href=x><base href=http://base.example>", kText).links.at(0).target, "http://base.example/x");
  EXPECT_EQ(read_html("<a href=x><base href=javascript:>", kText).links.at(0).target, "x");
}

TEST(HtmlBounds, TextLinksAndTargets) {
  Html html = read_html("abc\u00e9" + std::string(100, 'x'), 4);
  EXPECT_EQ(html.text, "abc") << "never half a character";
  EXPECT_TRUE(html.truncated);
  EXPECT_FALSE(read_html("abcd", 4).truncated);

  std::string many;
  for (size_t i = 0; i < Html::kMaxLinks + 10; ++i) many += "<a href=x>y</a>";
  html = read_html(many, kText);
  EXPECT_EQ(html.links.size(), Html::kMaxLinks);
  EXPECT_TRUE(html.truncated);

  html =
      read_html("<a href='http://a.example/" + std::string(10000, 'x') + "'>" + std::string(5000, 'y') + "</a>", kText);
  EXPECT_EQ(html.links.at(0).target.size(), 4096U);
  EXPECT_EQ(html.links.at(0).text.size(), 1000U);
  EXPECT_TRUE(html.truncated);

  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<div>";
  for (int i = 0; i < 1000; ++i) deep += "</div>";
  html = read_html("<div style='display:none'>" + deep + "a</div>b", kText);
  EXPECT_EQ(html.hidden, "a");
  EXPECT_EQ(html.text, "b");
  EXPECT_TRUE(html.truncated);
}

// With anything worse than linear time these would run into the time limit of the test.
TEST(HtmlBounds, LongRunsOfOneThing) {
  static constexpr std::string_view kPieces[] = {"<",
                                                 "&",
                                                 "<a ",
                                                 "<a href=",
                                                 "<a href='",
                                                 "<a href=x>",
                                                 "<!--",
                                                 "<!-- -->",
                                                 "<!-- --!>",
                                                 "</",
                                                 "</a",
                                                 "</a>",
                                                 "</div>",
                                                 "<div>",
                                                 "<b>",
                                                 "<b><p></b>",
                                                 "<i><table><td>",
                                                 "<table>",
                                                 "<td>",
                                                 "<tr><td>",
                                                 "<p>",
                                                 "<li>",
                                                 "<title>",
                                                 "<script></",
                                                 "<style>",
                                                 "<![CDATA[",
                                                 "<?",
                                                 "&#",
                                                 "&#x",
                                                 "&#0",
                                                 "&a",
                                                 "&copy",
                                                 "<a b=\"",
                                                 "<a\"'",
                                                 "<br>",
                                                 "<pre>\n",
                                                 "<p><font color=red>",
                                                 "<div style='display:none'>",
                                                 "<font color=",
                                                 "<body>",
                                                 "<x></y>",
                                                 "<form><p>",
                                                 "<a href=x><div></a>",
                                                 "<select><option>",
                                                 "</p>",
                                                 "<dd>",
                                                 "\xff",
                                                 "\xe2\x80",
                                                 "<base href=",
                                                 "-->",
                                                 "--"};
  for (std::string_view piece : kPieces) {
    std::string html;
    while (html.size() < 500'000) html += piece;
    Html out = read_html(html, kText);
    EXPECT_LE(out.text.size(), kText) << piece;
    EXPECT_LE(out.hidden.size(), kText) << piece;
    EXPECT_LE(out.links.size(), Html::kMaxLinks) << piece;
  }
}

/// Words are taken in one go where no bound is near.
TEST(HtmlBounds, WhereverTheTextIsCut) {
  constexpr std::string_view kHtml =
      "<p>One  two\u200bthree \u00fc\u4e2d\u6587 &amp; four</p><a href='http://a.example/'>five six</a>\r\n "
      "seven<pre>a  b\n c</pre>";
  const std::string whole = read_html(kHtml, 1000).text;
  EXPECT_EQ(whole, "One twothree \u00fc\u4e2d\u6587 & four\nfive six seven\na  b\n c");
  for (size_t limit = 0; limit < whole.size(); ++limit) {
    Html html = read_html(kHtml, limit);
    EXPECT_EQ(html.text, whole.substr(0, html.text.size())) << limit;
    EXPECT_LE(html.text.size(), limit);
    EXPECT_GT(html.text.size() + 4, limit);
    EXPECT_TRUE(html.truncated);
  }
}

}  // namespace
}  // namespace postern::mime
