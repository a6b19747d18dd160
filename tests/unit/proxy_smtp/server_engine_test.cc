// What a dialogue cannot show: bounds, memory, misuse by the owner. The dialogues are in tests/transcripts.
#include "proxy/smtp/server_engine.h"

#include <random>

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

/// Answers every question with yes at once, and keeps what happened.
class Friendly {
 public:
  explicit Friendly(const ServerOptions& options) : engine(options, false) {
    Extensions offer;
    offer.pipelining = offer.size = offer.eightbitmime = offer.smtputf8 = offer.dsn = offer.starttls = true;
    engine.offer(offer);
    drain();
  }
  void feed(std::string_view bytes) {
    engine.feed(bytes);
    drain();
  }
  void drain() {
    while (auto action = engine.next()) {
      ASSERT_FALSE(closed) << "nothing may follow Close";
      if (auto* send = std::get_if<Send>(&*action)) sent += send->bytes;
      if (auto* part = std::get_if<Body>(&*action)) body += part->bytes;
      if (std::holds_alternative<Close>(*action)) closed = true;
      if (std::holds_alternative<StartTls>(*action)) engine.secured();
      messages += std::holds_alternative<AskMessage>(*action) ? 1 : 0;
      if (!engine.waiting()) continue;
      bool data = std::holds_alternative<AskData>(*action);
      engine.answer(data ? Reply(354, "", "go") : Reply(250, "2.0.0", "ok"));
    }
  }

  ServerEngine engine;
  std::string sent;
  std::string body;
  int messages = 0;
  bool closed = false;
};

constexpr const char* kToData = "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";

/// Up to the open question of a MAIL.
std::unique_ptr<ServerEngine> asked_mail(const ServerOptions& options) {
  auto engine = std::make_unique<ServerEngine>(options, false);
  (void)engine->next();
  engine->answer({220, "", "hi"});
  engine->feed("EHLO a\r\nMAIL FROM:<a@b>\r\n");
  while (auto action = engine->next()) {
    if (std::holds_alternative<AskHelo>(*action)) engine->answer({250, "", "hi"});
  }
  return engine;
}

TEST(ServerEngine, IsSmall) {
  EXPECT_LE(sizeof(ServerEngine), 400U);
}

TEST(ServerEngine, StopsTheInputWhileAQuestionIsOpenAndTheBufferFull) {
  ServerOptions options;
  auto engine = asked_mail(options);
  ASSERT_TRUE(engine->waiting());
  EXPECT_TRUE(engine->wants_input());
  std::string noops;
  while (noops.size() < ServerEngine::kMaxBuffered) noops += "NOOP\r\n";
  engine->feed(noops);
  EXPECT_FALSE(engine->wants_input());
  EXPECT_TRUE(engine->has_buffered_input());
  EXPECT_FALSE(engine->next().has_value());
  engine->answer({250, "2.1.0", "ok"});
  size_t replies = 0;
  while (engine->next()) ++replies;
  EXPECT_EQ(replies, 1 + noops.size() / 6) << "nothing that was taken is lost";
  EXPECT_TRUE(engine->wants_input());
  EXPECT_FALSE(engine->has_buffered_input());
}

TEST(ServerEngine, ALateAnswerAfterCloseIsHarmless) {
  ServerOptions options;
  auto engine = asked_mail(options);
  engine->close({421, "4.4.2", "time-out"}, "time-out");
  EXPECT_FALSE(engine->waiting());
  engine->answer({250, "2.1.0", "ok"});
  auto send = engine->next();
  ASSERT_TRUE(send && std::holds_alternative<Send>(*send));
  EXPECT_EQ(std::get<Send>(*send).bytes, "421 4.4.2 time-out\r\n");
  auto close = engine->next();
  ASSERT_TRUE(close && std::holds_alternative<Close>(*close));
  EXPECT_EQ(std::get<Close>(*close).why, "time-out");
  engine->feed("NOOP\r\n");
  engine->close({421, "4.4.2", "again"}, "again");
  engine->secured();
  engine->peer_closed();
  EXPECT_FALSE(engine->next().has_value());
  EXPECT_FALSE(engine->wants_input());
}

TEST(ServerEngine, SaysWhenItIsWithinAMessage) {
  ServerOptions options;
  Friendly session(options);
  session.feed(kToData);
  EXPECT_TRUE(session.engine.in_data());
  session.feed("hello\r\n.\r");
  EXPECT_TRUE(session.engine.in_data());
  session.feed("\n");
  EXPECT_FALSE(session.engine.in_data());
  EXPECT_EQ(session.messages, 1);
}

TEST(ServerEngine, HandsTheBodyOfOneFeedOutInOneAction) {
  ServerOptions options;
  Friendly session(options);
  session.feed(kToData);
  std::string text;
  for (int i = 0; i < 200; ++i) text += "..a line of text\r\n";
  session.engine.feed(text);
  auto body = session.engine.next();
  ASSERT_TRUE(body && std::holds_alternative<Body>(*body));
  EXPECT_EQ(std::get<Body>(*body).bytes.size(), text.size() - 200);
  EXPECT_FALSE(session.engine.next().has_value());
}

TEST(ServerEngine, ABrokenAnswerNeverBecomesSuccessOrARefusalForGood) {
  ServerOptions options;
  for (int code : {0, 99, 199, 334, 354, 600, 1250, -250}) {
    auto engine = asked_mail(options);
    engine->answer({code, "2.0.0", "what"});
    auto send = engine->next();
    ASSERT_TRUE(send && std::holds_alternative<Send>(*send));
    EXPECT_EQ(std::get<Send>(*send).bytes, "451 4.3.0 internal error\r\n") << code;
  }
}

/// What goes out when the owner answers a refusal of the engine's own so.
std::string refused_as(const Reply& answer) {
  ServerOptions options;
  options.max_message = 100;
  auto engine = asked_mail(options);
  engine->answer({250, "2.1.0", "ok"});
  Extensions offer;
  offer.size = true;
  engine->offer(offer);
  engine->feed("EHLO a\r\nMAIL FROM:<a@b> SIZE=101\r\n");
  std::string sent;
  while (auto action = engine->next()) {
    if (auto* send = std::get_if<Send>(&*action)) sent = send->bytes;
    if (std::holds_alternative<AskHelo>(*action)) engine->answer({250, "", "hi"});
    if (auto* ask = std::get_if<AskRefusal>(&*action)) {
      EXPECT_EQ(ask->what, AskRefusal::What::TooBig);
      EXPECT_EQ(ask->address, "a@b");
      EXPECT_EQ(ask->size, 101U);
      engine->answer(answer);
    }
  }
  return sent;
}

TEST(ServerEngine, TheOwnerPutsWordsToARefusalAndCannotUndoIt) {
  EXPECT_EQ(refused_as({552, "5.3.4", "too big [id 1]"}), "552 5.3.4 too big [id 1]\r\n");
  for (int code : {250, 354, 421, 451, 550, 0}) {
    EXPECT_EQ(refused_as({code, "", "what"}), "552 5.3.4 message too big, limit is 100 octets\r\n") << code;
  }
}

TEST(ServerEngine, AClosedSessionAsksNothingMore) {
  ServerOptions options;
  options.max_errors = 0;
  auto engine = asked_mail(options);
  engine->answer({250, "2.1.0", "ok"});
  engine->feed("FOO\r\nNOOP\r\n");
  auto first = engine->next();
  ASSERT_TRUE(first && std::holds_alternative<Send>(*first));
  auto ask = engine->next();
  ASSERT_TRUE(ask && std::holds_alternative<AskRefusal>(*ask));
  EXPECT_EQ(std::get<AskRefusal>(*ask).what, AskRefusal::What::TooManyErrors);
  engine->close({421, "4.3.2", "down"}, "shutdown");
  auto send = engine->next();
  ASSERT_TRUE(send && std::holds_alternative<Send>(*send));
  EXPECT_EQ(std::get<Send>(*send).bytes, "421 4.3.2 down\r\n");
  auto close = engine->next();
  ASSERT_TRUE(close && std::holds_alternative<Close>(*close));
  EXPECT_FALSE(engine->next().has_value());
}

TEST(ServerEngine, AReplyCannotCarryACommandOrASecondReply) {
  ServerOptions options;
  auto engine = asked_mail(options);
  engine->answer({550, "5.7.1", "no\r\n250 2.0.0 yes"});
  auto send = engine->next();
  ASSERT_TRUE(send && std::holds_alternative<Send>(*send));
  EXPECT_EQ(std::get<Send>(*send).bytes, "550 5.7.1 no??250 2.0.0 yes\r\n");
}

TEST(ServerEngine, LongPipelinesRunToTheirEnd) {
  ServerOptions options;
  Friendly session(options);
  std::string input = "EHLO a\r\n";
  for (int i = 0; i < 2000; ++i) input += "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n";
  session.feed(input);
  EXPECT_EQ(session.messages, 2000);
  EXPECT_EQ(session.body.size(), 2000U * 3);
}

// Random sessions, fed whole and in random pieces: the client must see the same.
TEST(ServerEngine, AnySplitOfAnyInputGivesTheSameSession) {
  static const std::vector<std::string> kPieces = {"EHLO a\r\n",
                                                   "HELO b\r\n",
                                                   "MAIL FROM:<a@b>\r\n",
                                                   "MAIL FROM:<> SIZE=9\r\n",
                                                   "RCPT TO:<c@d>\r\n",
                                                   "RCPT TO:<>\r\n",
                                                   "DATA\r\n",
                                                   "RSET\r\n",
                                                   "NOOP\n",
                                                   ".\r\n",
                                                   "\r\n",
                                                   "..x\r\n",
                                                   "\n.\r\n",
                                                   "\r.\r",
                                                   "QUI",
                                                   "\r",
                                                   "\n",
                                                   "BDAT 3\r\n",
                                                   "x",
                                                   std::string(1, '\0')};
  ServerOptions options;
  options.max_errors = 15;
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string input = round % 2 == 0 ? kToData : "EHLO a\r\n";
    for (size_t i = random() % 30; i > 0; --i) input += kPieces[random() % kPieces.size()];
    options.bare_newline = round % 3 == 0 ? BareNewline::Reject : BareNewline::Normalize;
    options.max_message = round % 5 == 0 ? 6 : 1000;
    Friendly whole(options);
    whole.feed(input);
    Friendly split(options);
    for (std::string_view rest = input; !rest.empty();) {
      size_t size = std::min<size_t>(rest.size(), 1 + random() % 4);
      split.feed(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    ASSERT_EQ(whole.sent, split.sent) << testing::PrintToString(input);
    ASSERT_EQ(whole.body, split.body) << testing::PrintToString(input);
    ASSERT_EQ(whole.closed, split.closed) << testing::PrintToString(input);
  }
}

using ServerEngineDeathTest = testing::Test;

TEST(ServerEngineDeathTest, AnAnswerWithoutAQuestionIsABug) {
  ServerOptions options;
  EXPECT_DEATH(
      {
        ServerEngine engine(options, false);
        engine.answer({250, "2.0.0", "ok"});
      },
      "");
}

}  // namespace
}  // namespace postern::smtp
