#include "filters/bulk/sites.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "filters/bulk/fingerprint.h"
#include "filters/dmarc/psl.h"

namespace postern::bulk {
namespace {

// What mail programs and scanners put below a message, social networks, films, meetings, shared files, maps.
constexpr std::string_view kCommon[] = {
    "aka.ms",        "amazon.com",   "apple.com",   "avast.com",     "avg.com",   "bit.ly",         "dropbox.com",
    "facebook.com",  "fb.com",       "fb.me",       "github.com",    "gmx.net",   "goo.gl",         "google.com",
    "instagram.com", "linkedin.com", "lnkd.in",     "live.com",      "mail.ru",   "microsoft.com",  "mozilla.org",
    "office.com",    "onelink.me",   "outlook.com", "pinterest.com", "proton.me", "protonmail.com", "reddit.com",
    "samsung.com",   "skype.com",    "spotify.com", "t.co",          "t.me",      "telegram.org",   "tiktok.com",
    "tinyurl.com",   "twitter.com",  "vimeo.com",   "w3.org",        "wa.me",     "web.de",         "whatsapp.com",
    "wikipedia.org", "x.com",        "yahoo.com",   "yandex.ru",     "youtu.be",  "youtube.com",    "zoom.us"};

bool is_common(std::string_view site) {
  return std::find(std::begin(kCommon), std::end(kCommon), site) != std::end(kCommon);
}

bool is_web(const mime::Url& url) {
  return (url.scheme == "http" || url.scheme == "https") && !url.host.empty();
}

/// Addresses, and hosts without a registered domain, stand for themselves.
std::string site_of(const mime::Url& url) {
  return dmarc::registrable_domain(url.host).value_or(url.host);
}

std::string_view page_of(const mime::Url& url) {
  std::string_view path = url.path;
  return path.substr(0, path.find_first_of("?#"));
}

/// Companies put their home page below all that they write.
bool is_home_page(const mime::Url& url) {
  size_t at = url.path.find_first_not_of('/');
  return at == std::string::npos || url.path[at] == '#';
}

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

template <class T>
void sort_once(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

std::vector<uint32_t> sites_of(const std::vector<mime::Url>& urls) {
  std::vector<uint32_t> sites;
  sites.reserve(urls.size());
  std::string_view last;
  for (const mime::Url& url : urls) {
    // Links to one host stand together mostly.
    if (!is_web(url) || url.where == mime::Url::Where::Image || url.host == last) continue;
    last = url.host;
    sites.push_back(static_cast<uint32_t>(hash_of(site_of(url))));
  }
  sort_once(sites);
  if (sites.size() > Fingerprint::kMaxSites) sites.resize(Fingerprint::kMaxSites);
  return sites;
}

std::optional<uint64_t> url_print(const std::vector<mime::Url>& urls, bool has_picture) {
  std::vector<std::string> targets;
  bool loaded = false;
  bool deep = false;
  for (const mime::Url& url : urls) {
    if (!is_web(url)) continue;
    if (url.where == mime::Url::Where::Image) {
      loaded = true;
      continue;
    }
    std::string target = site_of(url);
    if (is_common(target)) continue;
    deep = deep || !is_home_page(url);
    if (!has_picture) target.append(page_of(url));
    targets.push_back(std::move(target));
  }
  if (!deep || !(has_picture || loaded)) return std::nullopt;
  sort_once(targets);
  std::string all;
  for (const std::string& target : targets) {
    all += target;
    all += '\0';  // stands in no host, and in no page that anybody could follow
  }
  return hash_of(all);
}

}  // namespace postern::bulk
