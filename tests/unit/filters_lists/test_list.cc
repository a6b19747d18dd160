#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/lists/list.h"

namespace postern::lists {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

IpAddress ip(std::string_view text) {
  auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress());
}

Match match(std::string_view text) {
  auto parsed = Match::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : Match();
}

struct MatchCase {
  std::string_view text;
  std::vector<std::string_view> yes;
  std::vector<std::string_view> no;
  std::string_view example;
};

TEST(Match, Answers) {
  const MatchCase cases[] = {
      {"127.0.0.2", {"127.0.0.2"}, {"127.0.0.1", "127.0.0.3", "127.0.1.2", "126.0.0.2", "::1"}, "127.0.0.2"},
      {"127.0.0.4-7", {"127.0.0.4", "127.0.0.5", "127.0.0.7"}, {"127.0.0.3", "127.0.0.8", "127.0.1.5"}, "127.0.0.4"},
      {"127.0.0.4 - 7", {"127.0.0.4", "127.0.0.7"}, {"127.0.0.8"}, "127.0.0.4"},
      {"127.0.0.4-127.0.1.1", {"127.0.0.4", "127.0.0.255", "127.0.1.1"}, {"127.0.0.3", "127.0.1.2"}, "127.0.0.4"},
      {"127.0.0.7-7", {"127.0.0.7"}, {"127.0.0.6", "127.0.0.8"}, "127.0.0.7"},
      {"&4", {"127.0.0.4", "127.0.0.6", "127.0.3.12"}, {"127.0.0.2", "127.0.4.0", "10.0.0.4"}, "127.0.0.4"},
      {"&0x04", {"127.0.0.4"}, {"127.0.0.8"}, "127.0.0.4"},
      {"&12", {"127.0.0.4", "127.0.0.8"}, {"127.0.0.2"}, "127.0.0.4"},
      {"&0x800000", {"127.128.0.0"}, {"127.0.0.2"}, "127.128.0.0"},
      {"127.0.1.0/24", {"127.0.1.0", "127.0.1.255"}, {"127.0.0.255", "127.0.2.0"}, "127.0.1.0"},
      {"127.0.1.9/24", {"127.0.1.1"}, {"127.0.2.9"}, "127.0.1.0"},
      {"127.0.0.9/32", {"127.0.0.9"}, {"127.0.0.8"}, "127.0.0.9"},
      {"127.0.0.0/8", {"127.0.0.1", "127.255.254.1"}, {"127.255.255.254", "128.0.0.1"}, "127.0.0.0"},
      {"127.0.1.4/255.255.255.4", {"127.0.1.4", "127.0.1.5", "127.0.1.12"}, {"127.0.1.2", "127.0.0.4"}, "127.0.1.4"},
      {"127.0.0.10, 127.0.0.11", {"127.0.0.10", "127.0.0.11"}, {"127.0.0.12"}, "127.0.0.10"},
      {"127.0.0.2,&64,127.0.0.4-7", {"127.0.0.2", "127.0.0.64", "127.0.0.6"}, {"127.0.0.3"}, "127.0.0.2"},
  };
  for (const MatchCase& one : cases) {
    Match parsed = match(one.text);
    for (auto yes : one.yes) EXPECT_TRUE(parsed.matches(ip(yes))) << one.text << " and " << yes;
    for (auto no : one.no) EXPECT_FALSE(parsed.matches(ip(no))) << one.text << " and " << no;
    EXPECT_EQ(parsed.example().to_string(), one.example) << one.text;
    EXPECT_TRUE(parsed.matches(parsed.example())) << one.text;
  }
}

struct MistakeCase {
  std::string_view text;
  std::string_view said;
};

TEST(Match, Mistakes) {
  static constexpr MistakeCase kCases[] = {
      {"", "is no answer of a list"},
      {"SBL", "\"SBL\" is no answer of a list"},
      {"127.0.0", "is no answer"},
      {"127.0.0.256", "is no answer"},
      {"127.0.0.02", "is no answer"},
      {"127.0.0.2,", "\"\" is no answer"},
      {"127.0.0.2 127.0.0.3", "is no answer"},
      {"127.0.0.4-256", "is no answer"},
      {"127.0.0.4-07", "is no answer"},
      {"127.0.0.4-", "is no answer"},
      {"-7", "is no answer"},
      {"127.0.0.7-4", "ends before it begins"},
      {"127.0.0.2/33", "is no answer"},
      {"127.0.0.2/", "is no answer"},
      {"&", "is no answer"},
      {"&x", "is no answer"},
      {"&0x", "is no answer"},
      {"&08", "is no answer"},
      {"&0", "has no bit"},
      {"&0x1000000", "is no answer"},
      {"&99999999999999999999", "is no answer"},
      {"::1", "is no answer"},
      {"::ffff:127.0.0.2", "is no answer"},
      {"10.0.0.2", "outside of 127.0.0.0/8"},
      {"126.255.255.255-127.0.0.2", "outside of 127.0.0.0/8"},
      {"127.0.0.2-128.0.0.1", "outside of 127.0.0.0/8"},
      {"127.0.0.0/7", "outside of 127.0.0.0/8"},
      {"0.0.0.0/0", "outside of 127.0.0.0/8"},
      {"127.0.0.4/0.0.0.4", "outside of 127.0.0.0/8"},
      {"127.255.255.254", "127.255.255.0/24"},
      {"127.0.0.2, 127.255.255.0/24", "127.255.255.0/24"},
      {"127.255.255.1-9", "127.255.255.0/24"},
      {"127.255.255.4/255.255.255.4", "127.255.255.0/24"},
  };
  for (const MistakeCase& one : kCases) {
    auto parsed = Match::parse(one.text);
    ASSERT_FALSE(parsed) << one.text;
    EXPECT_THAT(parsed.error().message, HasSubstr(one.said)) << one.text;
  }
  EXPECT_FALSE(Match::parse(std::string_view("127.0.0.2\0", 10)));
  std::string many = "127.0.0.2";
  for (int i = 0; i < 100; ++i) many += ",127.0.0.2";
  EXPECT_FALSE(Match::parse(many));
}

TEST(Match, RefusalsAreNoAnswersOfAnyDeclaration) {
  EXPECT_FALSE(match("&4").matches(ip("127.255.255.254")));
  EXPECT_FALSE(match("127.0.0.2-127.255.255.255").matches(ip("127.255.255.255")));
}

TEST(Subjects, Names) {
  ASSERT_EQ(subject_names().size(), kSubjects);
  for (size_t i = 0; i < kSubjects; ++i) {
    auto subject = static_cast<Subject>(i);
    EXPECT_EQ(to_string(subject), subject_names()[i]);
    EXPECT_EQ(parse_subject(subject_names()[i]), subject);
  }
  EXPECT_EQ(parse_subject("reply_to"), Subject::ReplyTo);
  EXPECT_EQ(parse_subject("received"), Subject::Received);
  EXPECT_FALSE(parse_subject("Client"));
  EXPECT_FALSE(parse_subject(""));
}

/// "127.0.0.2" is SBL, and so on; 127.0.0.1 is a refusal.
List zen() {
  List list;
  list.name = "ZEN";
  list.zone = "zen.example";
  list.answers.push_back({"127.0.0.2", match("127.0.0.2"), "SBL"});
  list.answers.push_back({"127.0.0.4-7", match("127.0.0.4-7"), "XBL"});
  list.answers.push_back({"127.0.0.10, 127.0.0.11", match("127.0.0.10, 127.0.0.11"), "PBL"});
  list.answers.push_back({"&1", match("&1"), "ODD"});
  list.errors.push_back(match("127.0.0.1"));
  return list;
}

Reading read(const std::vector<std::string_view>& addresses) {
  dns::Answer answer;
  answer.status = dns::Status::Found;
  for (auto text : addresses) answer.addresses.push_back(ip(text));
  return read_answer(zen(), answer);
}

std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  out.reserve(addresses.size());
  for (const IpAddress& address : addresses) out.push_back(address.to_string());
  return out;
}

struct ReadCase {
  std::vector<std::string_view> answer;
  Reading::Kind kind;
  std::vector<size_t> matched;
  std::vector<std::string> answers;
};

TEST(ReadAnswer, Addresses) {
  using Kind = Reading::Kind;
  const ReadCase cases[] = {
      {{"127.0.0.2"}, Kind::Listed, {0}, {"127.0.0.2"}},
      {{"127.0.0.2", "127.0.0.2"}, Kind::Listed, {0}, {"127.0.0.2"}},
      {{"127.0.0.10", "127.0.0.4", "127.0.0.2"}, Kind::Listed, {0, 1, 2}, {"127.0.0.10", "127.0.0.4", "127.0.0.2"}},
      {{"127.0.0.4", "127.0.0.6"}, Kind::Listed, {1}, {"127.0.0.4", "127.0.0.6"}},
      {{"127.0.0.5"}, Kind::Listed, {1, 3}, {"127.0.0.5"}},
      {{"127.0.0.2", "127.0.0.20"}, Kind::Listed, {0}, {"127.0.0.2"}},
      {{"127.0.0.20", "127.0.0.20"}, Kind::Other, {}, {"127.0.0.20"}},
      {{"127.0.0.2", "127.255.255.254"}, Kind::Refused, {}, {"127.0.0.2", "127.255.255.254"}},
      {{"127.255.255.0"}, Kind::Refused, {}, {"127.255.255.0"}},
      {{"127.0.0.1"}, Kind::Refused, {}, {"127.0.0.1"}},
      {{"127.0.0.2", "192.0.2.1"}, Kind::Wrong, {}, {"127.0.0.2", "192.0.2.1"}},
      {{"192.0.2.1", "127.255.255.254"}, Kind::Wrong, {}, {"192.0.2.1", "127.255.255.254"}},
      {{"0.0.0.0"}, Kind::Wrong, {}, {"0.0.0.0"}},
      {{"2001:db8::1"}, Kind::Wrong, {}, {"2001:db8::1"}},
  };
  for (const ReadCase& one : cases) {
    Reading reading = read(one.answer);
    EXPECT_EQ(to_string(reading.kind), to_string(one.kind)) << one.answer[0];
    EXPECT_EQ(reading.matched, one.matched) << one.answer[0];
    EXPECT_EQ(texts(reading.answers), one.answers) << one.answer[0];
  }
}

TEST(ReadAnswer, NoAddress) {
  for (auto [status, kind] :
       {std::pair(dns::Status::NoName, "unlisted"), std::pair(dns::Status::NoRecord, "unlisted"),
        std::pair(dns::Status::Found, "unlisted"), std::pair(dns::Status::TempFail, "noanswer")}) {
    dns::Answer answer;
    answer.status = status;
    Reading reading = read_answer(zen(), answer);
    EXPECT_EQ(to_string(reading.kind), kind);
    EXPECT_THAT(reading.matched, IsEmpty());
  }
}

TEST(ReadAnswer, ManyAnswersOnceEach) {
  List list;
  for (int i = 2; i <= 249; ++i) {
    std::string text = "127.0.0." + std::to_string(i);
    list.answers.push_back({text, match(text), "N" + std::to_string(i)});
  }
  dns::Answer answer;
  answer.status = dns::Status::Found;
  for (int i = 249; i >= 2; --i) answer.addresses.push_back(ip("127.0.0." + std::to_string(i)));
  Reading reading = read_answer(list, answer);
  EXPECT_EQ(reading.kind, Reading::Kind::Listed);
  ASSERT_EQ(reading.matched.size(), 248U);
  for (size_t i = 0; i < 248; ++i) EXPECT_EQ(reading.matched[i], i);
}

TEST(Explain, SaysWhatToDo) {
  auto said = [](const std::vector<std::string_view>& answer) { return explain(zen(), read(answer)); };
  EXPECT_THAT(said({"127.255.255.254"}), HasSubstr("127.255.255.254: ZEN refuses queries that come through a "
                                                   "public resolver; resolve from the root ([dns] servers = [])"));
  EXPECT_THAT(said({"127.255.255.252"}), HasSubstr("spelt"));
  EXPECT_THAT(said({"127.255.255.255"}), HasSubstr("too many"));
  EXPECT_THAT(said({"127.255.255.7"}), HasSubstr("refuses our queries"));
  EXPECT_THAT(said({"127.0.0.2", "127.0.0.1"}), HasSubstr("127.0.0.1: ZEN refuses our queries"));
  EXPECT_THAT(said({"127.0.0.2", "192.0.2.1"}), HasSubstr("192.0.2.1: no list answers outside of 127.0.0.0/8"));
  // The zone may hold a key.
  for (std::string_view answer : {"127.255.255.252", "127.255.255.254", "127.255.255.255", "127.0.0.1", "192.0.2.1"}) {
    EXPECT_THAT(said({answer}), Not(HasSubstr("zen.example"))) << answer;
  }
}

TEST(OutcomeOfAList, Has) {
  Outcome outcome;
  EXPECT_FALSE(outcome.has(0));
  outcome.listings.resize(2);
  outcome.listings[0].matched = {0, 3};
  outcome.listings[1].matched = {1};
  EXPECT_TRUE(outcome.has(0));
  EXPECT_TRUE(outcome.has(1));
  EXPECT_FALSE(outcome.has(2));
  EXPECT_TRUE(outcome.has(3));
}

}  // namespace
}  // namespace postern::lists
