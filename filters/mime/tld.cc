#include "filters/mime/tld.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "filters/base/bytes.h"
#include "filters/base/ip.h"

namespace postern::mime {
namespace {

// Of ISO 3166 with ac, eu, su, uk; two letters each, sorted.
constexpr std::string_view kCountries =
    "acadaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjbmbnbobrbsbtbwbybzcacccdcfcgchcickclcmcncocrcucvcwcxcyczdedj"
    "dkdmdodzeceeegereseteufifjfkfmfofrgagdgegfggghgiglgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidieiliminioiqirisitjejmjojpke"
    "kgkhkikmknkpkrkwkykzlalblclilklrlsltlulvlymamcmdmemgmhmkmlmmmnmompmqmrmsmtmumvmwmxmymznancnenfngninlnonpnrnunzom"
    "papepfpgphpkplpmpnprpsptpwpyqarerorsrurwsasbscsdsesgshsisjskslsmsnsosrssstsusvsxsysztctdtftgthtjtktltmtntotrtttv"
    "twtzuaugukusuyuzvavcvevgvivnvuwfwsyeytzazmzw";

// Generic ones, sorted.
constexpr std::string_view kGeneric[] = {
    "academy",       "accountant",  "aero",       "agency",      "amsterdam",   "app",       "arpa",       "art",
    "asia",          "auction",     "autos",      "bar",         "beauty",      "berlin",    "best",       "bet",
    "bid",           "bio",         "biz",        "black",       "blog",        "boats",     "bond",       "bot",
    "business",      "buzz",        "cam",        "capital",     "cards",       "care",      "casa",       "cash",
    "casino",        "cat",         "center",     "charity",     "chat",        "church",    "city",       "click",
    "clinic",        "cloud",       "club",       "coach",       "codes",       "coffee",    "college",    "com",
    "community",     "company",     "computer",   "consulting",  "contact",     "coop",      "country",    "credit",
    "cricket",       "cyou",        "date",       "deals",       "delivery",    "design",    "dev",        "digital",
    "direct",        "directory",   "discount",   "download",    "edu",         "education", "email",      "energy",
    "engineering",   "equipment",   "estate",     "events",      "exchange",    "expert",    "express",    "faith",
    "family",        "fans",        "farm",       "fashion",     "finance",     "financial", "fit",        "foundation",
    "fun",           "fund",        "fyi",        "gallery",     "games",       "gdn",       "gift",       "gifts",
    "gives",         "glass",       "global",     "gold",        "gov",         "group",     "guide",      "guru",
    "hair",          "haus",        "health",     "help",        "homes",       "host",      "hosting",    "house",
    "icu",           "immo",        "industries", "info",        "ink",         "institute", "insure",     "int",
    "international", "investments", "jetzt",      "jobs",        "kim",         "land",      "lat",        "legal",
    "life",          "limited",     "link",       "live",        "loan",        "loans",     "lol",        "london",
    "love",          "ltd",         "makeup",     "management",  "market",      "marketing", "media",      "men",
    "mil",           "mobi",        "moda",       "moe",         "mom",         "money",     "monster",    "mortgage",
    "moscow",        "motorcycles", "museum",     "name",        "net",         "network",   "news",       "ninja",
    "nyc",           "one",         "online",     "ooo",         "org",         "page",      "paris",      "partners",
    "parts",         "party",       "photo",      "photography", "photos",      "pics",      "pink",       "pizza",
    "plus",          "porn",        "press",      "pro",         "productions", "promo",     "properties", "pub",
    "quest",         "racing",      "realty",     "ren",         "rent",        "rentals",   "report",     "rest",
    "review",        "reviews",     "rip",        "rocks",       "run",         "sale",      "sbs",        "school",
    "science",       "services",    "sex",        "sexy",        "shop",        "shopping",  "show",       "site",
    "skin",          "social",      "software",   "solar",       "solutions",   "space",     "store",      "stream",
    "studio",        "style",       "supply",     "support",     "surf",        "systems",   "tattoo",     "tax",
    "team",          "tech",        "technology", "tel",         "tips",        "tires",     "tools",      "top",
    "tours",         "town",        "toys",       "trade",       "training",    "travel",    "tube",       "university",
    "uno",           "vacations",   "vegas",      "ventures",    "video",       "vin",       "vip",        "vision",
    "wang",          "watch",       "webcam",     "website",     "wedding",     "wien",      "wiki",       "win",
    "wine",          "work",        "works",      "world",       "wtf",         "xin",       "xxx",        "xyz",
    "yachts",        "yoga",        "zone"};

// Top-level domains that are as often something else: endings of files, and words behind a full stop without its blank.
constexpr std::string_view kFiles[] = {"ac",   "am", "bb", "cc", "in", "la", "md", "mk", "ml",
                                       "name", "pl", "pm", "ps", "py", "rs", "sh", "so", "st"};
constexpr std::string_view kWords[] = {
    "ad",    "ai",    "app",    "art",   "as",    "at",     "bar",    "be",      "best", "black",  "cam",
    "care",  "cat",   "chat",   "city",  "date",  "do",     "family", "fit",     "fun",  "gift",   "gold",
    "help",  "host",  "house",  "id",    "int",   "is",     "it",     "land",    "life", "link",   "live",
    "love",  "ma",    "market", "me",    "men",   "mom",    "money",  "my",      "news", "no",     "one",
    "page",  "parts", "party",  "ph",    "photo", "photos", "plus",   "press",   "pro",  "report", "rest",
    "run",   "sale",  "school", "show",  "space", "store",  "style",  "support", "team", "tips",   "to",
    "tools", "top",   "us",     "watch", "work",  "works",  "world",  "zone"};

// Those of Cyrillic and Chinese that are in use, as senders write them; other scripts are known as A-labels.
constexpr std::string_view kNative[] = {"\u0440\u0444",
                                        "\u0440\u0443\u0441",
                                        "\u0431\u0435\u043b",
                                        "\u0443\u043a\u0440",
                                        "\u0431\u0433",
                                        "\u0441\u0440\u0431",
                                        "\u043a\u0430\u0437",
                                        "\u043e\u043d\u043b\u0430\u0439\u043d",
                                        "\u0441\u0430\u0439\u0442",
                                        "\u043e\u0440\u0433",
                                        "\u043a\u043e\u043c",
                                        "\u043c\u043e\u0441\u043a\u0432\u0430",
                                        "\u0435\u044e",
                                        "\u4e2d\u56fd",
                                        "\u4e2d\u570b",
                                        "\u9999\u6e2f",
                                        "\u53f0\u6e7e",
                                        "\u53f0\u7063",
                                        "\u516c\u53f8",
                                        "\u7f51\u7edc",
                                        "\u5728\u7ebf",
                                        "\u7f51\u5740",
                                        "\u4e2d\u6587\u7f51"};

// Second levels below which registries of countries sell.
constexpr std::string_view kSecondLevels[] = {"ac",   "co",   "com", "edu", "firm", "gen", "go",  "gob", "gov",
                                              "gouv", "govt", "id",  "ind", "info", "ltd", "me",  "mil", "ne",
                                              "net",  "nic",  "nom", "or",  "org",  "plc", "sch", "web"};

template <class List>
bool one_of(std::string_view word, const List& list) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool is_country(std::string_view label) {
  if (label.size() != 2) return false;
  for (size_t i = 0; i < kCountries.size(); i += 2) {
    if (kCountries.substr(i, 2) == label) return true;
  }
  return false;
}

/// Of one case, or capitals at the start of labels before the last one ("Example.com", "EXAMPLE.COM").
bool even_case(std::string_view label) {
  bool upper = std::any_of(label.begin(), label.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  bool lower = std::any_of(label.begin(), label.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return !(upper && lower);
}

bool good_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) {
    return ascii_alnum(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  });
}

}  // namespace

Tld find_tld(std::string_view label) {
  bool known = label.starts_with("xn--") || is_country(label) || one_of(label, kNative) ||
               std::binary_search(std::begin(kGeneric), std::end(kGeneric), label);
  if (!known) return Tld::None;
  if (one_of(label, kFiles)) return Tld::File;
  return one_of(label, kWords) ? Tld::Word : Tld::Certain;
}

bool is_bare_host(std::string_view host, bool path_follows) {
  if (host.size() > 253) return false;
  size_t labels = 0;
  std::string_view last;
  std::string_view before;
  for (size_t at = 0; at <= host.size(); ++labels) {
    size_t dot = std::min(host.find('.', at), host.size());
    before = last;
    last = host.substr(at, dot - at);
    if (!good_label(last)) return false;
    at = dot + 1;
  }
  if (labels < 2 || !even_case(last) || before.find('_') != std::string_view::npos) return false;
  Tld tld = find_tld(to_lower(last));
  return tld == Tld::Certain || (tld != Tld::None && path_follows) || (tld == Tld::Word && labels > 2);
}

std::string_view cut_at_script(std::string_view host) {
  for (size_t at = 0; at < host.size();) {
    size_t length = std::max<size_t>(utf8_sequence(host, at), 1);
    // U+2E80 and above: the scripts of East Asia. The full-width dot goes on, the ideographic full stop only before
    // ASCII.
    std::string_view character = host.substr(at, length);
    bool east = length >= 3 && character >= std::string_view("\u2e80");
    bool stop = character == "\u3002" || character == "\uff61";
    bool goes_on = character == "\uff0e" || (stop && at + length < host.size() && ascii_alnum(host[at + length]));
    if (east && !goes_on && at > 0 && ascii_alnum(host[at - 1]) && is_bare_host(host.substr(0, at), true))
      return host.substr(0, at);
    at += length;
  }
  return host;
}

std::string_view registered_part(std::string_view host) {
  if (host.find(':') != std::string_view::npos || IpAddress::parse(host)) return host;
  size_t dot = host.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return host;
  std::string_view last = host.substr(dot + 1);
  size_t second = host.rfind('.', dot - 1);
  if (second == std::string_view::npos) return host;
  if (last.size() == 2 && one_of(host.substr(second + 1, dot - second - 1), kSecondLevels) && second > 0) {
    size_t third = host.rfind('.', second - 1);
    return third == std::string_view::npos ? host : host.substr(third + 1);
  }
  return host.substr(second + 1);
}

}  // namespace postern::mime
