// One SPF check against a zone in memory.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "filters/spf/spf.h"
#include "tests/fakes/fake_dns.h"

namespace postern::spf {

class SpfCheck : public testing::Test {
 protected:
  static constexpr std::string_view kClient = "192.0.2.3";

  static IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
  static Options options() {
    Options out;
    out.receiver = "mx.receiver.example";
    out.wall_seconds = 1700000000;
    out.default_explanation = "DEFAULT";
    return out;
  }

  /// Judges MAIL FROM to the end.
  Outcome check(std::string_view mail_from = "jim@example.org", std::string_view client = kClient,
                std::string_view helo = "helo.example.net") {
    auto task = check_mail_from(dns, {ip(client), std::string(helo), std::string(mail_from)}, options());
    return finish(task);
  }
  Outcome check_hello(std::string_view helo, std::string_view client = kClient) {
    auto task = check_helo(dns, {ip(client), std::string(helo), "someone@else.example"}, options());
    return finish(task);
  }
  Outcome finish(Task<Outcome>& task) {
    task.start([] {});
    dns.run();
    EXPECT_TRUE(task.done());
    return task.take();
  }
  /// The result of a record that stands at example.org.
  Result judge(std::string_view record, std::string_view client = kClient) {
    dns.txt("example.org", record);
    return check("jim@example.org", client).result;
  }

  test::FakeDns dns;
};

}  // namespace postern::spf
