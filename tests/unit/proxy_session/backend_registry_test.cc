#include "proxy/session/backend_registry.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace postern::session {
namespace {

BackendAddress smtp_at(const std::string& text) {
  return {BackendAddress::Kind::Smtp, text, "127.0.0.1", 25, ""};
}
const BackendAddress kMaildir{BackendAddress::Kind::Maildir, "maildir:/var/mail", "", 0, "/var/mail"};

smtp::Capabilities offering_size(uint64_t limit) {
  smtp::Capabilities capabilities;
  capabilities.extensions.size = true;
  capabilities.extensions.max_size = limit;
  return capabilities;
}

std::string names(const std::vector<BackendAddress>& addresses) {
  std::string out;
  for (const auto& address : addresses) out += address.text + " ";
  return out;
}

TEST(BackendRegistry, TellsWhenSomethingChanged) {
  BackendRegistry registry;
  EXPECT_TRUE(registry.report_up("a", {}));
  EXPECT_FALSE(registry.report_up("a", {}));
  EXPECT_TRUE(registry.report_down("a", "refused"));
  EXPECT_FALSE(registry.report_down("a", "timeout"));
  EXPECT_TRUE(registry.report_up("a", {}));
  EXPECT_TRUE(registry.report_down("b", "refused"));
}

TEST(BackendRegistry, TriesThoseThatAreDownLast) {
  BackendRegistry registry;
  std::vector<BackendAddress> all = {smtp_at("a"), smtp_at("b"), smtp_at("c")};
  EXPECT_EQ(names(registry.order(all)), "a b c ");
  registry.report_down("a", "refused");
  EXPECT_EQ(names(registry.order(all)), "b c a ");
  registry.report_down("b", "refused");
  registry.report_down("c", "refused");
  EXPECT_EQ(names(registry.order(all)), "a b c ");  // nothing better: still all of them
  registry.report_up("c", {});
  EXPECT_EQ(names(registry.order(all)), "c a b ");
}

TEST(BackendRegistry, RemembersWhatWasOffered) {
  BackendRegistry registry;
  std::vector<BackendAddress> all = {smtp_at("a"), smtp_at("b")};
  EXPECT_FALSE(registry.offered(all));
  registry.report_up("b", offering_size(200));
  EXPECT_EQ(registry.offered(all)->max_size, 200U);
  registry.report_up("a", offering_size(100));
  EXPECT_EQ(registry.offered(all)->max_size, 100U);
  registry.report_down("a", "refused");
  EXPECT_EQ(registry.offered(all)->max_size, 100U);
}

TEST(BackendRegistry, AMaildirTakesEverythingButPromisesNoNotices) {
  BackendRegistry registry;
  auto offered = registry.offered({kMaildir});
  ASSERT_TRUE(offered);
  EXPECT_TRUE(offered->eightbitmime);
  EXPECT_TRUE(offered->smtputf8);
  EXPECT_FALSE(offered->dsn);
}

TEST(BackendRegistry, ReadyWhenOneIsUp) {
  BackendRegistry registry;
  std::vector<BackendAddress> all = {smtp_at("a"), smtp_at("b")};
  EXPECT_FALSE(registry.any_up({}));
  EXPECT_FALSE(registry.any_up(all));
  registry.report_up("b", {});
  EXPECT_TRUE(registry.any_up(all));
  registry.report_down("b", "gone");
  EXPECT_FALSE(registry.any_up(all));
  EXPECT_TRUE(registry.any_up({smtp_at("a"), kMaildir}));
}

}  // namespace
}  // namespace postern::session
