#include "filters/lists/probe.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "filters/base/domain.h"
#include "filters/lists/names.h"
#include "filters/lists/zone.h"

namespace postern::lists {
namespace {

/// One question of a probe, and what its answer must be.
struct Point {
  enum class Must { BeListed, NotBeListed, BeAnswered } must = Must::NotBeListed;
  std::string subject;  // for people: the name asked holds the zone, and with it perhaps an admin's secret key
  std::string name;
  bool optional = false;  // no answer at all is no fault while other points are answered
  bool made_up = false;   // by this probe
};

constexpr std::string_view kTestPoints = "(RFC 5782, 5)";

class PointMaker {
 public:
  PointMaker(const List& list, uint64_t salt) : list_(list), salt_(salt) {
    if (!list.probe) {
      add_salted(Point::Must::BeAnswered);
      return;
    }
    switch (Zone::style_of(list.of)) {
      case Zone::Style::Address: addresses(); break;
      case Zone::Style::Domain: domains(); break;
      case Zone::Style::Hash: digests(); break;
    }
  }
  [[nodiscard]] std::vector<Point> take() { return std::move(points_); }

 private:
  void add(Point::Must must, const std::optional<Query>& query, bool optional = false) {
    if (!query) return;
    if (auto name = list_name(*query, list_)) points_.push_back({must, query->subject, std::move(*name), optional});
  }
  void add_salted(Point::Must must) {
    size_t before = points_.size();
    add(must, salted());
    if (points_.size() > before) points_.back().made_up = true;
  }

  // RFC 5782, 5: "IPv4-based DNSxLs MUST contain an entry for 127.0.0.2 [...] and MUST NOT contain an entry for
  // 127.0.0.1"; "IPv6-based DNSxLs MUST [...] NOT contain an entry for ::FFFF:7F00:1". Most lists know IPv4 only, and
  // some of their servers do not even answer about IPv6.
  void addresses() {
    add(Point::Must::BeListed, list_.listed ? given(*list_.listed) : Query{"127.0.0.2", "2.0.0.127"});
    if (list_.unlisted) {
      add(Point::Must::NotBeListed, given(*list_.unlisted));
    } else {
      add(Point::Must::NotBeListed, Query{"127.0.0.1", "1.0.0.127"});
      add(Point::Must::NotBeListed, Query{"::FFFF:7F00:1", reversed(IpAddress::v4({127, 0, 0, 1}), true)}, true);
    }
    add_salted(Point::Must::NotBeListed);
  }
  // RFC 5782, 5: "Domain-name-based DNSxLs MUST contain an entry for the [...] domain name "TEST" [and] MUST NOT
  // contain an entry for the [...] domain name "INVALID"".
  void domains() {
    add(Point::Must::BeListed, list_.listed ? given(*list_.listed) : Query{"TEST", "test"});
    add(Point::Must::NotBeListed, list_.unlisted ? given(*list_.unlisted) : Query{"INVALID", "invalid"});
    add_salted(Point::Must::NotBeListed);
  }
  void digests() {
    if (list_.listed) add(Point::Must::BeListed, given(*list_.listed));
    if (list_.unlisted) add(Point::Must::NotBeListed, given(*list_.unlisted));
    add_salted(Point::Must::NotBeListed);
  }

  /// A test point as an admin wrote it: of the kind of thing that the list is asked about.
  [[nodiscard]] std::optional<Query> given(const std::string& subject) const {
    // RFC 5782, 5: lists of IPv6 addresses have ::FFFF:7F00:2.
    if (auto address = IpAddress::parse(subject)) {
      bool v4_mapped = address->is_v4() && subject.find(':') != std::string::npos;
      return Query{subject, reversed(*address, v4_mapped)};
    }
    if (Zone::style_of(list_.of) == Zone::Style::Hash && subject.find('@') != std::string::npos) {
      return hash_query(subject, list_.digest, list_.encoding);
    }
    return Query{subject, to_ascii_domain(subject).value_or(subject)};
  }

  /// Something that nobody asked about before, so that no cache on the way answers for a list that lists everything
  /// since a minute.
  [[nodiscard]] std::optional<Query> salted() const {
    switch (Zone::style_of(list_.of)) {
      case Zone::Style::Address: {
        // 127.128.0.0/9: no list has anything to say about these, and none publishes codes from there as test entries.
        auto octet = [this](unsigned shift) { return static_cast<uint8_t>(salt_ >> shift); };
        auto second = static_cast<uint8_t>(octet(16) | 128U);
        IpAddress address = IpAddress::v4({127, second, octet(8), octet(0)});
        return Query{address.to_string(), reversed(address)};
      }
      case Zone::Style::Domain: {
        std::string parent = list_.unlisted && !IpAddress::parse(*list_.unlisted)
                                 ? to_ascii_domain(*list_.unlisted).value_or("invalid")
                                 : "invalid";
        std::string name = fmt::format("{}.{}", word(), parent);
        return Query{name, name};
      }
      case Zone::Style::Hash:
        return hash_query(fmt::format("{}@{}.invalid", word(), word()), list_.digest, list_.encoding);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string word() const { return fmt::format("postern-{:016x}", salt_); }

  const List& list_;
  uint64_t salt_;
  std::vector<Point> points_;
};

std::vector<Point> points_of(const List& list, uint64_t salt) {
  return PointMaker(list, salt).take();
}

std::string no_answer(const dns::Answer& answer) {
  return answer.reason.empty() ? "no answer" : fmt::format("no answer: {}", answer.reason);
}

/// A lone address behind a failure reads as if a server had it: it is said that it was asked about.
std::string silent_fault(const Point& point, const dns::Answer& answer) {
  std::string_view kind = point.made_up ? "which this probe made up" : "a test point";
  return fmt::format("no answer to the question about {}, {}{}{}", point.subject, kind,
                     answer.reason.empty() ? "" : ": ", answer.reason);
}

std::string not_listed_fault(const Point& point) {
  return fmt::format(
      "{} is not listed, but must be {}: the list is dead or empty, or does not answer us; look at its web page, then "
      "disable it or correct its zone and test points",
      point.subject, kTestPoints);
}

std::string listed_fault(const Point& point) {
  return fmt::format(
      "{} is listed, but must not be {}: the list lists everything, as closed lists and expired domains do; look at "
      "its web page, and disable it if it is gone",
      point.subject, kTestPoints);
}

/// The zone may hold the key of a subscription, and faults are shown to more people than may read the rules.
std::string without_zone(std::string text, const List& list) {
  if (list.zone.empty()) return text;
  for (size_t at = text.find(list.zone); at != std::string::npos; at = text.find(list.zone, at + list.name.size())) {
    text.replace(at, list.zone.size(), list.name);
  }
  return text;
}

/// What is wrong by the answers; empty: nothing. What the list itself says of us comes first, then what would cost good
/// mail, then what is only missing.
std::string judge(const List& list, const std::vector<Point>& points, const std::vector<dns::Answer>& answers) {
  std::string wild;
  std::string silent;
  std::string dead;
  size_t unanswered = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    Reading reading = read_answer(list, answers[i]);
    bool listed = reading.kind == Reading::Kind::Listed || reading.kind == Reading::Kind::Other;
    if (reading.kind == Reading::Kind::Refused || reading.kind == Reading::Kind::Wrong) {
      return without_zone(explain(list, reading), list);
    }
    if (reading.kind == Reading::Kind::NoAnswer) {
      ++unanswered;
      if (silent.empty() && !point.optional) silent = silent_fault(point, answers[i]);
    } else if (listed && point.must == Point::Must::NotBeListed && wild.empty()) {
      wild = listed_fault(point);
    } else if (!listed && point.must == Point::Must::BeListed && dead.empty()) {
      dead = not_listed_fault(point);
    }
  }
  if (!wild.empty()) return wild;
  if (unanswered == points.size() && !points.empty()) {
    return fmt::format("the list does not answer at all ({}): its servers, or the way there, are down",
                       no_answer(answers.front()));
  }
  return silent.empty() ? dead : silent;
}

}  // namespace

uint64_t fresh_salt() {
  std::random_device random;
  return (static_cast<uint64_t>(random()) << 32U) | random();
}

Probe probe_of(const List& list, uint64_t salt) {
  Probe probe;
  for (Point& point : points_of(list, salt)) {
    switch (point.must) {
      case Point::Must::BeListed: probe.listed.push_back(std::move(point.name)); break;
      case Point::Must::NotBeListed: probe.unlisted.push_back(std::move(point.name)); break;
      case Point::Must::BeAnswered: probe.answered.push_back(std::move(point.name)); break;
    }
  }
  return probe;
}

Task<ProbeResult> probe(dns::Client& dns, const Clock& clock, const List& list, uint64_t salt, Duration timeout,
                        Points which) {
  std::vector<Point> points = points_of(list, salt);
  if (which == Points::NotListed) {
    points.erase(std::remove_if(points.begin(), points.end(),
                                [](const Point& point) { return point.must == Point::Must::BeListed; }),
                 points.end());
  }
  std::vector<dns::Question> questions;
  questions.reserve(points.size());
  for (const Point& point : points) questions.push_back({point.name, dns::Type::A});
  TimePoint start = clock.now();
  std::vector<dns::Answer> answers = co_await dns::ask(dns, std::move(questions), timeout);
  ProbeResult result;
  result.fault = judge(list, points, answers);
  result.time = clock.now() - start;
  co_return result;
}

}  // namespace postern::lists
