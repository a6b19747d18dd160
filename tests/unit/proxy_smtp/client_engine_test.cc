// Requests and their answers. Whole and in pieces, the actions must be the same.
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_smtp/client_dialogue.h"

namespace postern::smtp {
namespace {

using ::testing::HasSubstr;
using ClientRequests = ClientDialogue;
INSTANTIATE_TEST_SUITE_P(Splits, ClientRequests, ::testing::Values(0, 1, 2, 7));

TEST_P(ClientRequests, DeliversOneMessage) {
  begin();
  EXPECT_EQ(drain(), "");
  EXPECT_EQ(hear("220-mx.example.org\r\n220 ready\r\n"), "> EHLO gate.example.org\n");
  EXPECT_EQ(hear("250-mx.example.org\r\n250 PIPELINING\r\n"), "ready\n");
  EXPECT_EQ(mail(mail_from("a@example.com")), "> MAIL FROM:<a@example.com>\n");
  EXPECT_EQ(rcpt(rcpt_to("b@example.org")), "> RCPT TO:<b@example.org>\n");
  EXPECT_EQ(hear("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"), "MAIL: 250 2.1.0 Ok\nRCPT: 250 2.1.5 Ok\n");
  engine_->data();
  EXPECT_EQ(drain(), "> DATA\n");
  EXPECT_FALSE(engine_->sending_content());
  EXPECT_EQ(hear("354 go on\r\n"), "DATA: 354 go on\n");
  EXPECT_TRUE(engine_->sending_content());
  EXPECT_FALSE(engine_->awaiting_content_reply());
  engine_->content_sent();
  EXPECT_FALSE(engine_->sending_content());
  EXPECT_TRUE(engine_->awaiting_content_reply());
  EXPECT_EQ(hear("250 2.0.0 queued as 4711\r\n"), "content: 250 2.0.0 queued as 4711\n");
  EXPECT_FALSE(engine_->awaiting_content_reply());
  engine_->quit();
  EXPECT_EQ(drain(), "> QUIT\n");
  EXPECT_EQ(hear("221 2.0.0 Bye\r\n"), "QUIT: 221 2.0.0 Bye\n");
  engine_->peer_closed();
  EXPECT_EQ(drain(), "");
}

const std::vector<Parameter> kMailParameters = {
    {"SIZE", "1000", true},   {"BODY", "8BITMIME", true}, {"SMTPUTF8", "", false},  {"RET", "HDRS", true},
    {"ENVID", "x+2Dy", true}, {"AUTH", "<>", true},       {"XUNKNOWN", "boo", true}};

TEST_P(ClientRequests, ParametersGoWhereTheyAreUnderstood) {
  become_ready("250-mx\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n");
  EXPECT_EQ(mail(mail_from("", kMailParameters)),
            "> MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2Dy\n");
  EXPECT_EQ(rcpt(rcpt_to("b@example.org", {{"NOTIFY", "NEVER", true}, {"ORCPT", "rfc822;b@example.org", true}})),
            "> RCPT TO:<b@example.org> NOTIFY=NEVER ORCPT=rfc822;b@example.org\n");
  become_ready("250-mx\r\n250 8BITMIME\r\n");
  EXPECT_EQ(mail(mail_from("a@example.com", kMailParameters)), "> MAIL FROM:<a@example.com> BODY=8BITMIME\n");
  EXPECT_EQ(rcpt(rcpt_to("b@example.org", {{"NOTIFY", "NEVER", true}})), "> RCPT TO:<b@example.org>\n");
}

TEST_P(ClientRequests, NothingInAnAddressBecomesACommand) {
  for (const std::string& address :
       {std::string("a\r\nQUIT@x"), std::string("a\n@x"), std::string("a\0@x", 4), std::string("a> SIZE=1"),
        std::string("a b@x"), std::string("\"a@x"), std::string("\"a\\\r\n\"@x"), std::string("\"a\\")}) {
    become_ready();
    EXPECT_THAT(mail(mail_from(address)), HasSubstr("broken: MAIL"));
    become_ready();
    EXPECT_THAT(rcpt(rcpt_to(address)), HasSubstr("broken: RCPT"));
  }
  become_ready("250-mx\r\n250 DSN\r\n");
  EXPECT_THAT(mail(mail_from("a@x", {{"ENVID", "a b", true}})), HasSubstr("broken: MAIL"));
}

TEST_P(ClientRequests, QuotedAndInternationalAddressesPass) {
  become_ready();
  EXPECT_EQ(mail(mail_from("\"a b\\\"<c>\"@example.com")), "> MAIL FROM:<\"a b\\\"<c>\"@example.com>\n");
  EXPECT_EQ(rcpt(rcpt_to("\xC3\xA9@example.org")), "> RCPT TO:<\xC3\xA9@example.org>\n");
}

TEST_P(ClientRequests, RefusalsAreRepliesAndTheSessionGoesOn) {
  become_ready();
  mail(mail_from("a@example.com"));
  EXPECT_EQ(hear("452 4.3.1 no space\r\n"), "MAIL: 452 4.3.1 no space\n");
  mail(mail_from("a@example.com"));
  rcpt(rcpt_to("nobody@example.org"));
  EXPECT_EQ(hear("250 Ok\r\n550-5.1.1 nobody\r\n550 5.1.1 here\r\n"), "MAIL: 250 Ok\nRCPT: 550 5.1.1 nobody\n");
  engine_->data();
  drain();
  EXPECT_EQ(hear("554 5.5.1 no valid recipients\r\n"), "DATA: 554 5.5.1 no valid recipients\n");
  EXPECT_FALSE(engine_->sending_content());
  engine_->reset();
  EXPECT_EQ(drain(), "> RSET\n");
  EXPECT_EQ(hear("250 Ok\r\n"), "RSET: 250 Ok\n");
}

TEST_P(ClientRequests, A421AnswersTheRequestAndEndsTheSession) {
  become_ready();
  mail(mail_from("a@example.com"));
  rcpt(rcpt_to("b@example.org"));
  EXPECT_EQ(hear("421 4.3.2 shutting down\r\n250 Ok\r\n"),
            "MAIL: 421 4.3.2 shutting down\nbroken by 421: the peer closes: 421 4.3.2 shutting down\n");
  EXPECT_EQ(rcpt(rcpt_to("c@example.org")), "");
}

TEST_P(ClientRequests, A421ThatNobodyAskedForEndsTheSession) {
  become_ready();
  EXPECT_THAT(hear("421 4.4.2 timeout\r\n"), HasSubstr("broken by 421"));
}

TEST_P(ClientRequests, AReplyToNothingIsNotTakenForTheNextAnswer) {
  become_ready();
  EXPECT_THAT(hear("250 Ok\r\n"), HasSubstr("broken: a reply to nothing"));
  EXPECT_EQ(mail(mail_from("a@example.com")), "");
}

TEST_P(ClientRequests, AMessageIsNotTakenForDeliveredByAWrongReply) {
  become_ready();
  engine_->data();
  drain();
  EXPECT_THAT(hear("250 queued\r\n"), HasSubstr("broken: unexpected answer to DATA"));

  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  EXPECT_THAT(hear("250 queued already\r\n"), HasSubstr("broken: a reply to nothing"));
  EXPECT_FALSE(engine_->sending_content());

  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  engine_->content_sent();
  EXPECT_THAT(hear("354 more\r\n"), HasSubstr("broken: unexpected answer to the content"));
  EXPECT_TRUE(engine_->awaiting_content_reply());
}

TEST_P(ClientRequests, A3xxOutsideDataIsBroken) {
  become_ready();
  mail(mail_from("a@example.com"));
  EXPECT_THAT(hear("354 go on\r\n"), HasSubstr("broken: unexpected answer to MAIL"));
}

TEST_P(ClientRequests, ACommandIsNeverWrittenIntoTheContent) {
  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  engine_->reset();
  EXPECT_THAT(drain(), HasSubstr("broken: RSET"));
  become_ready();
  engine_->data();
  engine_->reset();
  EXPECT_THAT(drain(), HasSubstr("broken: RSET"));
}

TEST_P(ClientRequests, WhatIsNoReplyIsBroken) {
  begin();
  EXPECT_THAT(hear("HTTP/1.1 400 Bad Request\r\n"), HasSubstr("broken: the reply cannot be understood"));
  engine_->peer_closed();
  EXPECT_EQ(drain(), "");
}

TEST_P(ClientRequests, AVanishedPeerIsBroken) {
  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  engine_->content_sent();
  engine_->peer_closed();
  EXPECT_THAT(drain(), HasSubstr("broken: the connection was closed"));
  EXPECT_TRUE(engine_->awaiting_content_reply());
}

}  // namespace
}  // namespace postern::smtp
