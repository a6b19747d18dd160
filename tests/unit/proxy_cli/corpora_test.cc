// No message counts twice because its place was named twice.
#include "proxy/cli/corpora.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>

namespace postern::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CorporaTest : public ::testing::Test {
 public:
  CorporaTest() {
    std::string name = (fs::temp_directory_path() / "postern-corpora-test-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    for (const char* each : {"ham", "ham-old", "spam", "box/.Junk/cur"}) fs::create_directories(folder_ / each);
    std::ofstream(folder_ / "ham" / "1.eml") << "Subject: x\n\nhello\n";
    fs::create_directory_symlink(folder_ / "ham", folder_ / "link");
  }
  CorporaTest(const CorporaTest&) = delete;
  CorporaTest& operator=(const CorporaTest&) = delete;
  ~CorporaTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

 protected:
  using Names = std::vector<std::string>;
  /// What is said of these names below the folder; "" where all is well.
  [[nodiscard]] std::string said(const Names& ham, const Names& spam) const {
    auto below = [this](const Names& names) {
      Names out;
      out.reserve(names.size());
      for (const std::string& name : names) out.push_back(name == "-" ? name : folder_.string() + "/" + name);
      return out;
    };
    auto checked = check_distinct(below(ham), below(spam));
    if (checked) return "";
    EXPECT_EQ(checked.error().code, Code::BadInput);
    return checked.error().message;
  }

  fs::path folder_;
};

TEST_F(CorporaTest, PlacesOfTheirOwnAreGood) {
  EXPECT_EQ(said({}, {}), "");
  EXPECT_EQ(said({"ham"}, {"spam"}), "");
  EXPECT_EQ(said({"ham", "ham-old"}, {"box/.Junk", "spam"}), "");
  EXPECT_EQ(said({"ham", "-"}, {"spam"}), "");
  EXPECT_EQ(said({"ham", "missing"}, {"missing", "missing/more"}), "") << "whoever reads it says that it is missing";
}

TEST_F(CorporaTest, TheSamePlaceByAnyName) {
  EXPECT_THAT(said({"ham"}, {"ham"}), HasSubstr("ham and --spam "));
  EXPECT_THAT(said({"ham"}, {"ham"}), HasSubstr("that is the same place, and its messages would count twice"));
  EXPECT_THAT(said({"ham", "spam", "ham"}, {}), HasSubstr("the same place"));
  EXPECT_THAT(said({"ham"}, {"spam/../ham/"}), HasSubstr("the same place"));
  EXPECT_THAT(said({"ham"}, {"link"}), HasSubstr("the same place"));
  EXPECT_THAT(said({"-"}, {"-"}), HasSubstr("--ham - and --spam -: that is the same place"));
}

TEST_F(CorporaTest, OneInsideOfAnother) {
  EXPECT_THAT(said({"box"}, {"box/.Junk"}), HasSubstr("/box/.Junk: the second is inside of the first"));
  EXPECT_THAT(said({"box/.Junk/cur"}, {"spam", "box"}), HasSubstr("/box and --ham "));
  EXPECT_THAT(said({"ham"}, {"link/1.eml"}), HasSubstr("inside of the first"));
}

}  // namespace
}  // namespace postern::cli
