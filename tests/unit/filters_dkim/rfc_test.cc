// The signed messages of the standards themselves.
#include "tests/unit/filters_dkim/dkim_fixture.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kBrisbaneRsa =
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCj"
    "xOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcW"
    "ToIMmPSPDdQPNUYckcQ2QIDAQAB";
constexpr std::string_view kBrisbaneEd25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
constexpr std::string_view kTestRsa =
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOK"
    "b2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBf"
    "O2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

constexpr std::string_view kRfc6376 = R"(DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
        4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
        KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
        4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
)";

constexpr std::string_view kRfc8463 = R"(DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
)";

// RFC 6376, A.2 and A.3: simple/simple, an i= below d=.
TEST_F(Dkim, ExampleOfRfc6376) {
  dns.txt("brisbane._domainkey.example.com", kBrisbaneRsa);
  std::string text = crlf(kRfc6376);
  for (size_t piece : {1U, 2U, 3U, 7U, 4096U}) {
    auto outcomes = verify_all(text, piece);
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes[0].result, Result::Pass) << outcomes[0].reason;
    EXPECT_EQ(outcomes[0].identity, "joe@football.example.com");
    EXPECT_EQ(outcomes[0].signature_start, "AuUoFEfD");
    EXPECT_EQ(outcomes[0].key_bits, 1024);
  }
}

// RFC 8463, A.2 and A.3.
TEST_F(Dkim, ExampleOfRfc8463) {
  dns.txt("brisbane._domainkey.football.example.com", kBrisbaneEd25519);
  dns.txt("test._domainkey.football.example.com", kTestRsa);
  std::string text = crlf(kRfc8463);
  for (size_t piece : {1U, 2U, 3U, 7U, 4096U}) {
    auto outcomes = verify_all(text, piece);
    ASSERT_EQ(outcomes.size(), 2U);
    for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
    EXPECT_EQ(outcomes[0].algorithm, "ed25519-sha256");
    EXPECT_EQ(outcomes[0].key_bits, 256);
    EXPECT_EQ(outcomes[0].signature_start, "/gCrinpc");
    EXPECT_EQ(outcomes[1].selector, "test");
  }
  EXPECT_EQ(domains, (std::vector<std::string>{"football.example.com"}));
  text[text.find("ready")] = 'R';
  for (const Outcome& outcome : verify_all(text)) {
    EXPECT_EQ(outcome.result, Result::Fail);
    EXPECT_EQ(outcome.reason, "signature did not verify");
  }
}

}  // namespace
}  // namespace postern::dkim
