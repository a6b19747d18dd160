// postern scan: judges messages as if they had just arrived.
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "filters/base/ip.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/long_work.h"
#include "proxy/cli/mail_files.h"
#include "proxy/cli/scan_report.h"
#include "proxy/cli/scanner.h"

namespace postern::cli {
namespace {

/// The files of all inputs. An input without a message is a mistake that somebody wants to hear of.
Result<std::vector<std::string>> find_inputs(const std::vector<std::string>& inputs) {
  std::vector<std::string> all;
  for (const std::string& input : inputs) {
    auto files = find_messages({input});
    if (!files) return files;
    if (files->empty()) {
      return fail(Code::BadInput, input +
                                      ": there is no message in it (*.eml, *.mbox, files that begin as an mbox, and "
                                      "those in cur or new are taken)");
    }
    all.insert(all.end(), files->begin(), files->end());
  }
  return all;
}

/// Messages of files, one after the other, and what went wrong.
class ScanRun {
 public:
  ScanRun(Scanner& scanner, bool json, size_t files) : scanner_(scanner), json_(json) {
    // Where the report itself goes by on the terminal, a line of progress would only stand in between.
    if (::isatty(STDOUT_FILENO) != 1) progress_.emplace("messages", files);
  }

  /// False: standard output is gone, and with it the point of going on.
  bool add(const std::string& file) {
    auto read = read_messages(file, [this](const InputMessage& message) { judge(message); });
    if (!read) complain(read.error().message);
    if (progress_) progress_->show(++files_, messages_);
    return static_cast<bool>(std::cout);
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  void judge(const InputMessage& message) {
    if (!std::cout) return;
    ++messages_;
    if (message.text.empty()) return complain(message.name + ": has nothing in it");
    Judged judged = scanner_.judge(message);
    json_ ? print_json(judged) : print_text(judged);
    // Who reads along wants each as it comes, and after Ctrl-C whole ones.
    std::cout.flush();
  }
  void complain(const std::string& what) {
    std::cerr << "postern scan: " << what << '\n';
    status_ = kBadInput;
  }

  Scanner& scanner_;
  bool json_;
  std::optional<ProgressLine> progress_;
  uint64_t files_ = 0;
  uint64_t messages_ = 0;
  int status_ = kDone;
};

}  // namespace

int scan(const ScanOptions& options) {
  if (!options.ip.empty() && !IpAddress::parse(options.ip)) {
    std::cerr << "postern scan: --ip " << options.ip << ": not an IP address\n";
    return kUsage;
  }
  auto loaded = load_or_complain(options.config, Examples::Skip);
  if (!loaded) return kBadInput;
  auto files = find_inputs(options.inputs);
  if (!files) {
    std::cerr << "postern scan: " << files.error().message << '\n';
    return kBadInput;
  }
  auto scanner = Scanner::create(*loaded, {options.ip, options.helo, options.from, options.rcpts, options.at},
                                 Scanner::Bulk::Count);
  if (!scanner) {
    std::cerr << "postern scan: " << scanner.error().message << '\n';
    return kBadInput;
  }
  ScanRun run(**scanner, options.json, files->size());
  for (const std::string& file : *files) {
    if (!run.add(file)) break;
  }
  return run.status();
}

}  // namespace postern::cli
