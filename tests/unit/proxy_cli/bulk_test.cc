#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "proxy/cli/cli.h"
#include "proxy/net/loop.h"
#include "proxy/ops/bulk_routes.h"
#include "proxy/ops/http.h"
#include "tests/unit/proxy_ops/files.h"

namespace postern::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// What a stream was told while this lives.
class Captured {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() { stream_.rdbuf(before_); }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

/// The command line against a server of the gateway's kind, on a thread of its own.
class BulkCommandTest : public testing::Test {
 public:
  BulkCommandTest() {
    bulk::Index::Options options;
    options.memory = 4U << 20U;
    options.limit = 5;
    index_ = std::make_unique<bulk::Index>(options);
  }
  BulkCommandTest(const BulkCommandTest&) = delete;
  BulkCommandTest& operator=(const BulkCommandTest&) = delete;
  ~BulkCommandTest() override {
    if (thread_.joinable()) {
      loop_.stop();
      thread_.join();
    }
    server_.reset();
  }

 protected:
  void serve(bool counts) {
    ops::HttpServer::Options options;
    options.address = "127.0.0.1:0";
    auto server = ops::HttpServer::listen(loop_.base(), options);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    if (counts) {
      ops::add_bulk_routes(*server_, *index_, clock_,
                           [this](const bulk::Allowed& allowed) { return index_->take(allowed); });
    } else {
      ops::add_no_bulk_routes(*server_);
    }
    config_ = directory_.write("postern.toml", fmt::format("[relay]\ndomains = [\"example.org\"]\n[backend]\naddress = "
                                                           "\"127.0.0.1:1\"\n[http]\naddress = \"127.0.0.1:{}\"\n",
                                                           server_->port()));
    thread_ = std::thread([this] { loop_.run(); });
  }
  std::string see(uint64_t what, uint32_t count) {
    std::string name;
    for (uint32_t i = 0; i < count; ++i) {
      bulk::Sighting sighting;
      sighting.print.files = {0x1234'5678'9abc'def0ULL + what};
      sighting.id = fmt::format("ID{}-{}", what, i);
      sighting.from = "a@example.net";
      sighting.subject = "Great \x1b[2J offer";
      sighting.network = i + 1;
      sighting.sender = i + 1;
      sighting.recipients = {i + 1};
      sighting.wall_ms = clock_.wall_ms();
      name = index_->see(sighting).outcome.cluster;
    }
    return name;
  }
  /// `postern bulk ARGUMENTS... --config FILE`
  int command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"postern", "bulk"});
    arguments.insert(arguments.end(), {"--config", config_});
    std::vector<char*> argv;
    argv.reserve(arguments.size());
    for (std::string& argument : arguments) argv.push_back(argument.data());
    Captured out(std::cout);
    Captured err(std::cerr);
    int status = run(static_cast<int>(argv.size()), argv.data());
    out_ = out.text();
    err_ = err.text();
    return status;
  }

  SystemClock clock_;
  ops::TempDirectory directory_;
  std::unique_ptr<bulk::Index> index_;
  net::Loop loop_;
  std::unique_ptr<ops::HttpServer> server_;
  std::thread thread_;
  std::string config_;
  std::string out_;
  std::string err_;
};

TEST_F(BulkCommandTest, ListShowsThoseThatReachedTheLimit) {
  see(1, 3);
  std::string large = see(2, 7);
  serve(true);
  EXPECT_EQ(command({"list"}), kDone) << err_;
  EXPECT_THAT(out_, StartsWith("CLUSTER "));
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 2);
  EXPECT_THAT(out_, HasSubstr("\n" + large + " "));
  EXPECT_THAT(out_, HasSubstr("Great \\x1b[2J offer"));
  EXPECT_EQ(command({"list", "--all"}), kDone);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 3);
  EXPECT_EQ(command({"list", "--at-least", "8"}), kDone);
  EXPECT_EQ(out_, "no cluster of 8 alike messages or more\n");
  EXPECT_EQ(command({"list", "--json", "--at-least", "3"}), kDone);
  std::istringstream lines(out_);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["cluster"], large);
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["count"], 3);
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(BulkCommandTest, WhereNothingWasSeenThatIsSaidWithTheLimit) {
  serve(true);
  EXPECT_EQ(command({"list"}), kDone) << err_;
  EXPECT_EQ(out_, "no cluster of 5 alike messages or more\n");
}

TEST_F(BulkCommandTest, ShowThenAllowThenUndoByTheLinesThatItPrints) {
  std::string name = see(1, 6);
  serve(true);
  EXPECT_EQ(command({"show", name}), kDone) << err_;
  EXPECT_THAT(out_, StartsWith(name + ": 6 messages in the window, alike by file 100 %\n"));
  EXPECT_THAT(out_, HasSubstr("\n  postern bulk allow " + name + " --config " + config_ + "\n"));
  EXPECT_EQ(command({"allow", name}), kDone) << err_;
  EXPECT_EQ(out_, name + " is allowed\n");
  EXPECT_EQ(command({"show", name}), kDone);
  EXPECT_THAT(out_, HasSubstr(", allowed\n"));
  EXPECT_EQ(command({"allow", "--undo", name, "--json"}), kDone);
  EXPECT_EQ(nlohmann::json::parse(out_)["allowed"], false);
  EXPECT_EQ(command({"allow", "--undo", name}), kDone);
  EXPECT_EQ(out_, name + " is not allowed any more\n");
}

TEST_F(BulkCommandTest, AClusterThatIsNotThereIsAClearSentence) {
  serve(true);
  for (const char* what : {"show", "allow"}) {
    EXPECT_EQ(command({what, "0000000000000"}), kBadInput);
    EXPECT_EQ(out_, "");
    EXPECT_EQ(err_, "postern bulk: there is no cluster '0000000000000', or it is forgotten by now\n");
    EXPECT_EQ(command({what, "\x1b[2J"}), kBadInput);
    EXPECT_THAT(err_, StartsWith("postern bulk: '\\x1b[2J' is no name of a cluster"));
  }
}

TEST_F(BulkCommandTest, AGatewayThatDoesNotCountIsAClearSentence) {
  serve(false);
  for (const std::vector<std::string>& what :
       {std::vector<std::string>{"list"}, {"show", "0000000000000"}, {"allow", "0000000000000"}}) {
    EXPECT_EQ(command(what), kBadInput);
    EXPECT_EQ(err_, "postern bulk: this gateway does not count alike messages: [bulk] store is off\n");
  }
}

TEST_F(BulkCommandTest, WrongUsageIsToldApart) {
  serve(true);
  EXPECT_EQ(command({}), kUsage);
  EXPECT_EQ(command({"show"}), kUsage);
  EXPECT_EQ(command({"list", "--all", "--at-least", "3"}), kUsage);
  EXPECT_EQ(command({"list", "--at-least", "0"}), kUsage);
  EXPECT_EQ(command({"list", "--at-least", "many"}), kUsage);
  EXPECT_EQ(command({"forget", "0000000000000"}), kUsage);
}

}  // namespace
}  // namespace postern::cli
