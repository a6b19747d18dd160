#include "proxy/session/queue_name.h"

#include <gtest/gtest.h>

namespace postern::session {
namespace {

struct Answer {
  const char* reply;
  const char* name;
};

class QueueNames : public testing::TestWithParam<Answer> {};

TEST_P(QueueNames, AreFoundInTheAnswer) {
  EXPECT_EQ(queue_name(GetParam().reply), GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    OfMailServers, QueueNames,
    testing::Values(Answer{"250 2.0.0 Ok: queued as 4XkT1c2Zq3z1", "4XkT1c2Zq3z1"},
                    Answer{"250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as A1B2C3", "A1B2C3"},
                    Answer{"250 OK id=1tEkQx-000Abc-2f", "1tEkQx-000Abc-2f"},
                    Answer{"250 2.0.0 4AMHx3Qb012345 Message accepted for delivery", "4AMHx3Qb012345"},
                    Answer{"250 2.0.0 20261122 Message accepted for delivery", "20261122"},
                    Answer{"250 2.6.0 <a@b.example> [InternalId=123, Hostname=mx] Queued mail for delivery", "123"},
                    Answer{"stored as 1700000000.M1P2.mx", "1700000000.M1P2.mx"}, Answer{"250 2.0.0 Ok", "Ok"},
                    Answer{"250", ""}, Answer{"", ""}, Answer{"250 Ok: queued as ", "Ok: queued as "},
                    Answer{"250 queued as \x01\xff", "queued as ??"}));

TEST(QueueName, IsCut) {
  EXPECT_EQ(queue_name("stored as 1795377262.M102622P32174Q1.gateway.mail.example.org"),
            "1795377262.M102622P32174Q1.gateway.ma...");
  EXPECT_EQ(queue_name("250 Ok: queued as " + std::string(500, 'x')).size(), 40U);
}

}  // namespace
}  // namespace postern::session
