#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lua/expression.h"

namespace postern::rules {
namespace {

Expression parsed(const std::string& text) {
  auto made = Expression::parse(text);
  if (made) return *made;
  ADD_FAILURE() << text << ": " << made.error().message;
  return Expression::any_of({});
}

std::string refusal(const std::string& text) {
  auto made = Expression::parse(text);
  return made ? "(taken)" : made.error().message;
}

bool says(const Expression& expression, const std::set<std::string>& hits) {
  return expression.evaluate([&](size_t i) { return hits.count(expression.names()[i]) != 0; });
}

bool says(const std::string& text, const std::set<std::string>& hits) {
  return says(parsed(text), hits);
}

TEST(Expression, FollowsTheHitsOfTheRulesItNames) {
  EXPECT_TRUE(says("A", {"A"}));
  EXPECT_FALSE(says("A", {}));
  EXPECT_TRUE(says("A and (B or not C)", {"A"}));
  EXPECT_FALSE(says("A and (B or not C)", {"A", "C"}));
  EXPECT_TRUE(says("A and (B or not C)", {"A", "B", "C"}));
  EXPECT_FALSE(says("A and (B or not C)", {"B"}));
}

TEST(Expression, NotBindsStrongestThenAndThenOr) {
  EXPECT_TRUE(says("A or B and C", {"A"}));
  EXPECT_FALSE(says("(A or B) and C", {"A"}));
  EXPECT_FALSE(says("not A and B", {"A", "B"}));
  EXPECT_TRUE(says("not (A and B)", {"A"}));
  EXPECT_TRUE(says("not A or B", {"A", "B"}));
  EXPECT_TRUE(says("not not A", {"A"}));
  EXPECT_TRUE(says("A and B or C and D", {"C", "D"}));
  EXPECT_TRUE(says("A and not B and C", {"A", "C"}));
}

// Of three rules A is unknown, Y has hit, N has not.
Truth weighed(const std::string& text) {
  Expression made = parsed(text);
  return made.weigh([&made](size_t i) {
    const std::string& name = made.names()[i];
    return name == "A" ? Truth::Unknown : name == "Y" ? Truth::Yes : Truth::No;
  });
}

TEST(Expression, WhatDependsOnTheUnknownIsUnknown) {
  EXPECT_EQ(weighed("A"), Truth::Unknown);
  EXPECT_EQ(weighed("not A"), Truth::Unknown);
  EXPECT_EQ(weighed("A and Y"), Truth::Unknown);
  EXPECT_EQ(weighed("not A or N"), Truth::Unknown);
  EXPECT_EQ(weighed("not (A and Y)"), Truth::Unknown);
}

TEST(Expression, WhatTheUnknownCannotChangeIsKnown) {
  EXPECT_EQ(weighed("A and N"), Truth::No);
  EXPECT_EQ(weighed("N and not A"), Truth::No);
  EXPECT_EQ(weighed("A or Y"), Truth::Yes);
  EXPECT_EQ(weighed("Y or not A"), Truth::Yes);
  EXPECT_EQ(weighed("not (A and N)"), Truth::Yes);
  EXPECT_EQ(weighed("not N and Y"), Truth::Yes);
}

TEST(Expression, TakesItsWordsInLowerOrUpperCaseAndAnySpace) {
  EXPECT_TRUE(says("A AND NOT\tB\n OR(C)", {"A"}));
  EXPECT_TRUE(says("(A)and(B)", {"A", "B"}));
}

TEST(Expression, NamesEachRuleOnceInTheOrderOfFirstUse) {
  Expression made = parsed("B and (A or B) and not C_2");
  EXPECT_EQ(made.names(), (std::vector<std::string>{"B", "A", "C_2"}));
}

TEST(Expression, SaysWhatIsWantedWhere) {
  EXPECT_EQ(refusal(""), "at the end: a rule's name is wanted");
  EXPECT_EQ(refusal("or A"), "at 'or': a rule's name is wanted");
  EXPECT_EQ(refusal("A and"), "at the end: a rule's name is wanted");
  EXPECT_EQ(refusal("A and or B"), "at 'or': a rule's name is wanted");
  EXPECT_EQ(refusal("A B"), "at 'B': 'and', 'or' or the end is wanted");
  EXPECT_EQ(refusal("A not B"), "at 'not': 'and', 'or' or the end is wanted");
  EXPECT_EQ(refusal("(A or B"), "at the end: 'and', 'or' or ')' is wanted");
  EXPECT_EQ(refusal("A)"), "at ')': 'and', 'or' or the end is wanted");
  EXPECT_EQ(refusal("()"), "at ')': a rule's name is wanted");
  EXPECT_EQ(refusal("A and 5"), "at '5': a rule's name is wanted");
  EXPECT_EQ(refusal("A, B"), "at ',': 'and', 'or' or the end is wanted");
}

TEST(Expression, KnowsWhatOtherLanguagesWrite) {
  EXPECT_EQ(refusal("A && B"), "at '&': 'and', 'or' or the end is wanted (write 'and')");
  EXPECT_EQ(refusal("A || B"), "at '|': 'and', 'or' or the end is wanted (write 'or')");
  EXPECT_EQ(refusal("!A"), "at '!': a rule's name is wanted (write 'not')");
  EXPECT_EQ(refusal("A And B"), "at 'And': 'and', 'or' or the end is wanted (write 'and')");
}

TEST(Expression, RefusesOctetsThatNobodyCanSee) {
  EXPECT_EQ(refusal(std::string("A \0 B", 5)), "at '\\x00': 'and', 'or' or the end is wanted");
  EXPECT_EQ(refusal("A \xff"), "at '\\xff': 'and', 'or' or the end is wanted");
}

TEST(Expression, IsBoundedInLengthNamesAndDepth) {
  std::string open(Expression::kMaxDepth, '(');
  std::string close(Expression::kMaxDepth, ')');
  EXPECT_TRUE(says(open + "A" + close, {"A"}));
  EXPECT_EQ(refusal("(" + open + "A" + close + ")"), "parentheses and 'not' are nested more than 50 deep");
  std::string nots;
  for (size_t i = 0; i < Expression::kMaxDepth; ++i) nots += "not ";
  EXPECT_TRUE(says(nots + "A", {"A"}));
  EXPECT_EQ(refusal(nots + "not A"), "parentheses and 'not' are nested more than 50 deep");
  EXPECT_EQ(refusal(nots + "(A)"), "parentheses and 'not' are nested more than 50 deep");

  std::string many = "R0";
  for (size_t i = 1; i < Expression::kMaxNames; ++i) many += " or R" + std::to_string(i);
  EXPECT_TRUE(says(many, {"R199"}));
  EXPECT_TRUE(says(many + " and R7", {"R3"}));  // one that is known already is no further name
  EXPECT_EQ(refusal(many + " or MORE"), "it names more than 200 rules");

  EXPECT_EQ(refusal("A" + std::string(Expression::kMaxText, ' ')), "it is longer than 4096 octets");
  EXPECT_EQ(refusal(std::string(65, 'A')),
            "at '" + std::string(65, 'A') + "': a name of at most 64 characters is wanted");
}

TEST(Expression, AllIsTrueWhenEveryRuleHits) {
  Expression all = Expression::all_of({"A", "B", "A", "C"});
  EXPECT_EQ(all.names(), (std::vector<std::string>{"A", "B", "C"}));
  EXPECT_TRUE(says(all, {"A", "B", "C"}));
  EXPECT_FALSE(says(all, {"A", "C"}));
  EXPECT_TRUE(says(Expression::all_of({"A"}), {"A"}));
  EXPECT_TRUE(says(Expression::all_of({}), {}));
}

TEST(Expression, AnyIsTrueWhenOneRuleHits) {
  Expression any = Expression::any_of({"A", "B", "B"});
  EXPECT_EQ(any.names(), (std::vector<std::string>{"A", "B"}));
  EXPECT_TRUE(says(any, {"B"}));
  EXPECT_FALSE(says(any, {"C"}));
  EXPECT_FALSE(says(Expression::any_of({}), {"A"}));
}

TEST(Expression, ThousandsOfNamesInAListAreNoTrouble) {
  std::vector<std::string> names;
  names.reserve(10'000);
  for (int i = 0; i < 10'000; ++i) names.push_back("R" + std::to_string(i));
  std::vector<std::string> wanted = names;
  Expression any = Expression::any_of(std::move(names));
  EXPECT_EQ(any.names(), wanted);
  EXPECT_TRUE(says(any, {"R9999"}));
  EXPECT_FALSE(says(any, {"R10000"}));
}

}  // namespace
}  // namespace postern::rules
