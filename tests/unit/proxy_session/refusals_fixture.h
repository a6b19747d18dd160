// A client that is refused, and what is told of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {

inline constexpr const char* kMessage = "Subject: s\r\n\r\nGood day.\r\n.\r\n";

/// "01J..." of "... [id 01J...]" at the end of a reply; empty: there is none.
inline std::string id_of(std::string_view reply) {
  size_t at = reply.rfind(" [id ");
  if (at == std::string_view::npos || !reply.ends_with("]\r\n")) return "";
  return std::string(reply.substr(at + 5, reply.size() - at - 8));
}

class RefusedClient : public testing::Test {
 public:
  RefusedClient() = default;
  RefusedClient(const RefusedClient&) = delete;
  RefusedClient& operator=(const RefusedClient&) = delete;
  ~RefusedClient() override = default;

 protected:
  void greet() {
    world_.connect();
    world_.say("EHLO client.example\r\n");
  }
  std::string mail() { return world_.say("MAIL FROM:<a@sender.example>\r\n"); }
  std::string rcpt(const std::string& address) { return world_.say("RCPT TO:<" + address + ">\r\n"); }
  [[nodiscard]] std::set<std::string> ids() const {
    std::set<std::string> all;
    for (const auto& one : world_.observer.told) all.insert(one.id);
    return all;
  }
  [[nodiscard]] uint64_t counted() const {
    uint64_t all = 0;
    for (const auto& one : world_.observer.told) all += std::max<uint64_t>(one.more, 1);
    return all;
  }

  World world_;
};

}  // namespace postern::test
