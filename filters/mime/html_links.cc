#include "filters/mime/html_links.h"

#include <algorithm>
#include <iterator>

#include "filters/base/bytes.h"
#include "filters/mime/css.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

// What may be written for a target: references make six octets of one.
constexpr size_t kMaxWritten = 6 * kMaxTarget;
constexpr size_t kMaxStyleUrls = 4;
constexpr size_t kMaxSrcset = 1U << 16U;  // octets as written; data: URLs may be among them
constexpr size_t kMaxCandidates = 100;

struct Source {
  std::string_view element;  // "*": any
  Attribute attribute;
  Link::Kind kind;
};
constexpr Source kSources[] = {
    {"a", Attribute::Href, Link::Kind::Anchor},          {"a", Attribute::XlinkHref, Link::Kind::Anchor},
    {"area", Attribute::Href, Link::Kind::Anchor},       {"form", Attribute::Action, Link::Kind::Form},
    {"button", Attribute::FormAction, Link::Kind::Form}, {"input", Attribute::FormAction, Link::Kind::Form},
    {"img", Attribute::Src, Link::Kind::Image},          {"image", Attribute::Src, Link::Kind::Image},
    {"input", Attribute::Src, Link::Kind::Image},        {"*", Attribute::Background, Link::Kind::Image},
    {"link", Attribute::Href, Link::Kind::Other},        {"iframe", Attribute::Src, Link::Kind::Other},
    {"frame", Attribute::Src, Link::Kind::Other},        {"embed", Attribute::Src, Link::Kind::Other},
    {"source", Attribute::Src, Link::Kind::Other},       {"video", Attribute::Src, Link::Kind::Other},
    {"audio", Attribute::Src, Link::Kind::Other},        {"script", Attribute::Src, Link::Kind::Other},
    {"object", Attribute::Data, Link::Kind::Other}};
// Attributes that hold several, each with what it is for ("2x", "480w").
constexpr Source kSets[] = {{"img", Attribute::Srcset, Link::Kind::Image},
                            {"source", Attribute::Srcset, Link::Kind::Image},
                            {"link", Attribute::ImageSrcset, Link::Kind::Other}};

/// "3; url='http://...'" (HTML, 4.2.5.3): the part behind "url=", or behind the separator.
std::string refresh_target(std::string_view content) {
  size_t separator = content.find_first_of(";,");
  if (separator == std::string_view::npos) return {};
  std::string clean = clean_target(content.substr(separator + 1));
  std::string_view rest = clean;
  if (starts_nocase(rest, "url")) {
    size_t equals = rest.find_first_not_of("%20", 3);
    if (equals != std::string_view::npos && rest[equals] == '=') {
      rest.remove_prefix(equals + 1);
      while (rest.starts_with("%20")) rest.remove_prefix(3);
    }
  }
  if (!rest.empty() && (rest[0] == '"' || rest[0] == '\'')) rest = rest.substr(1, rest.find(rest[0], 1) - 1);
  return std::string(rest);
}

void add(std::string target, Link::Kind kind, std::vector<Link>& links) {
  if (!target.empty()) links.push_back(Link{std::move(target), {}, kind});
}

bool too_long(std::string_view target) {
  return target.size() >= kMaxTarget && !starts_nocase(target, "data:");
}

/// HTML, 4.8.4.3.8 (parsing a srcset attribute), the tokenizer of descriptors: where those of one candidate end, behind
/// the comma. Commas in parentheses are part of a descriptor.
size_t end_of_descriptors(std::string_view set, size_t at) {
  bool inside = false;
  for (; at < set.size(); ++at) {
    if (inside) {
      inside = set[at] != ')';
    } else if (set[at] == ',') {
      return at + 1;
    } else {
      inside = set[at] == '(';
    }
  }
  return at;
}

/// HTML, 4.8.4.3.8: the URLs of all candidates. Those with descriptors that make no sense too: which one is shown
/// depends on the reader's screen and program.
std::vector<std::string_view> candidates(std::string_view set, bool& truncated) {
  constexpr std::string_view kSpace = "\t\n\f\r ";
  constexpr std::string_view kBetween = "\t\n\f\r ,";
  std::vector<std::string_view> urls;
  for (size_t at = set.find_first_not_of(kBetween); at < set.size(); at = set.find_first_not_of(kBetween, at)) {
    if (urls.size() == kMaxCandidates) {
      truncated = true;
      break;
    }
    size_t end = std::min(set.find_first_of(kSpace, at), set.size());
    std::string_view url = set.substr(at, end - at);
    bool bare = url.ends_with(',');
    while (url.ends_with(',')) url.remove_suffix(1);
    urls.push_back(url);
    at = bare ? end : end_of_descriptors(set, end);
  }
  return urls;
}

void add_sets(const Token& tag, std::vector<Link>& links, bool& truncated) {
  for (const Source& source : kSets) {
    if (!tag.has(source.attribute) || !tag.element.is(source.element)) continue;
    truncated = truncated || tag.attributes[static_cast<size_t>(source.attribute)]->size() > kMaxSrcset;
    std::string written = tag.value(source.attribute, kMaxSrcset);
    for (std::string_view url : candidates(written, truncated)) {
      std::string target = clean_target(url);
      truncated = truncated || too_long(target);
      add(std::move(target), source.kind, links);
    }
  }
}

}  // namespace

std::vector<Link> links_of(const Token& tag, bool& truncated) {
  std::vector<Link> links;
  bool anchor = false;
  for (const Source& source : kSources) {
    if (!tag.has(source.attribute) || (source.element != "*" && !tag.element.is(source.element))) continue;
    if (anchor && source.kind == Link::Kind::Anchor) continue;
    std::string written = tag.value(source.attribute, kMaxWritten);
    std::string target = clean_target(written);
    truncated = truncated || too_long(target);
    anchor = anchor || source.kind == Link::Kind::Anchor;
    add(std::move(target), source.kind, links);
  }
  add_sets(tag, links, truncated);
  if (tag.has(Attribute::Style)) {
    for (const std::string& url : style_urls(tag.value(Attribute::Style, kMaxWritten), kMaxStyleUrls)) {
      add(clean_target(url), Link::Kind::Image, links);
    }
  }
  if (tag.element.is("meta") && equal_nocase(trim(tag.value(Attribute::HttpEquiv)), "refresh")) {
    add(refresh_target(tag.value(Attribute::Content, kMaxWritten)), Link::Kind::Other, links);
  }
  return links;
}

std::string clean_target(std::string_view value) {
  auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!value.empty() && blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && blank(value.back())) value.remove_suffix(1);
  std::string out;
  for (char c : value) {
    if (out.size() >= kMaxTarget) break;
    if (c == ' ') {
      out += "%20";
    } else if (!blank(c) && c != '\x7f') {
      out += c;
    }
  }
  out.resize(cut_utf8(out, kMaxTarget).size());
  return out;
}

std::string resolve_target(std::string_view base, std::string_view target) {
  size_t colon = target.find_first_of(":/\\?#");
  bool absolute = colon != std::string_view::npos && target[colon] == ':' && colon > 0 && ascii_alpha(target[0]);
  size_t scheme = base.find(':');
  if (absolute || scheme == std::string_view::npos) return std::string(target);
  size_t host = std::min(base.find_first_not_of("/\\", scheme + 1), base.size());
  size_t path = std::min(base.find_first_of("/\\?#", host), base.size());
  auto slash = [&target](size_t at) { return at < target.size() && (target[at] == '/' || target[at] == '\\'); };
  std::string out;
  if (slash(0) && slash(1)) {
    out = base.substr(0, scheme + 1);
  } else if (slash(0)) {
    out = base.substr(0, path);
  } else if (target.starts_with('#')) {
    out = base.substr(0, base.find('#'));
  } else if (target.starts_with('?')) {
    out = base.substr(0, base.find_first_of("?#"));
  } else {
    std::string_view whole = base.substr(0, base.find_first_of("?#", path));
    size_t last = whole.find_last_of("/\\");
    if (path >= whole.size()) {
      out = std::string(whole) + "/";
    } else {
      out = whole.substr(0, last + 1);
    }
  }
  out += target;
  out.resize(cut_utf8(out, kMaxTarget).size());
  return out;
}

}  // namespace postern::mime
