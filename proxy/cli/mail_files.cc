#include "proxy/cli/mail_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "filters/base/bytes.h"
#include "filters/base/fd.h"
#include "filters/base/files.h"

namespace postern::cli {
namespace {

namespace fs = std::filesystem;

/// The separator line of an mbox: "From ", an address, a date that ends in a year or has one (RFC 4155, appendix A).
bool is_from_line(std::string_view line) {
  if (!line.starts_with("From ")) return false;
  size_t colon = line.find(':');
  return colon != std::string_view::npos && colon > 0 && ascii_digit(line[colon - 1]);
}

bool begins_as_mbox(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  return std::getline(file, line) && is_from_line(line);
}

bool can_be_opened(const fs::path& path) {
  return static_cast<bool>(Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
}

/// What counts as a message inside a directory; a file named on the command line always does.
bool is_message_file(const fs::path& path) {
  if (path.filename().string().starts_with('.')) return false;
  std::string extension = to_lower(path.extension().string());
  if (extension == ".eml" || extension == ".mbox") return true;
  std::string folder = path.parent_path().filename().string();
  // Of what cannot be opened nobody knows: whoever reads it says so.
  return folder == "cur" || folder == "new" || begins_as_mbox(path) || !can_be_opened(path);
}

/// A file that may be a message; or a link that leads nowhere, or to itself: somebody meant a message by it.
bool is_wanted(const fs::directory_entry& entry) {
  std::error_code error;
  fs::file_type type = entry.status(error).type();
  bool lost = type == fs::file_type::not_found || type == fs::file_type::none;
  if (lost) return !entry.path().filename().string().starts_with('.');
  return type == fs::file_type::regular && is_message_file(entry.path());
}

Result<void> search(const fs::path& directory, std::vector<std::string>& found) {
  std::error_code error;
  std::vector<std::string> here;
  fs::recursive_directory_iterator entry(directory, error);
  if (error) return fail(Code::BadInput, directory.string() + ": " + error.message());
  for (const fs::recursive_directory_iterator end; entry != end;) {
    std::error_code ignored;
    bool folder = fs::is_directory(entry->symlink_status(ignored));
    bool locked = folder && !can_be_opened(entry->path());
    if (locked || (!folder && is_wanted(*entry))) here.push_back(entry->path().string());
    if (locked) entry.disable_recursion_pending();
    entry.increment(error);
    if (error) return fail(Code::BadInput, directory.string() + ": " + error.message());
  }
  std::sort(here.begin(), here.end());
  found.insert(found.end(), here.begin(), here.end());
  return {};
}

/// All of it; blocks as long as somebody writes into a pipe.
Result<std::string> read_all(const std::string& path) {
  auto failed = [&path](std::string_view what) {
    std::string why = std::generic_category().message(errno);
    return fail(Code::BadInput, fmt::format("{}: cannot be {}: {}", path, what, why));
  };
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed("opened");
  std::string text;
  if (!read_rest(file.get(), SIZE_MAX, text)) return failed("read");
  return text;
}

/// RFC 5321, 2.3.8: lines end with CRLF on the wire; files mostly have LF.
std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  char last = 0;
  for (char c : text) {
    if (c == '\n' && last != '\r') out += '\r';
    out += c;
    last = c;
  }
  return out;
}

void split_mbox(const std::string& file, std::string_view text, const std::function<void(InputMessage)>& use) {
  size_t count = 0;
  std::string message;
  bool blank = true;
  bool begun = false;
  auto flush = [&] {
    if (begun) use({file + '#' + std::to_string(++count), with_crlf(message)});
    message.clear();
  };
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    std::string_view line = text.substr(at, end - at);
    at = end;
    if (blank && is_from_line(line)) {
      flush();
      begun = true;
      blank = false;
      continue;
    }
    blank = line == "\n" || line == "\r\n";
    // mboxrd quoting: one ">" is taken off ">From ".
    size_t quotes = std::min(line.find_first_not_of('>'), line.size());
    message += quotes > 0 && line.substr(quotes).starts_with("From ") ? line.substr(1) : line;
  }
  flush();
}

}  // namespace

Result<std::vector<std::string>> find_messages(const std::vector<std::string>& inputs) {
  std::vector<std::string> found;
  for (const auto& input : inputs) {
    std::error_code error;
    if (input != "-" && fs::is_directory(input, error)) {
      if (auto searched = search(input, found); !searched) return tl::unexpected(searched.error());
    } else {
      found.push_back(input);
    }
  }
  return found;
}

Result<void> read_messages(const std::string& file, const std::function<void(InputMessage)>& use) {
  std::string text;
  if (file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    auto all = read_all(file);
    if (!all) return tl::unexpected(std::move(all.error()));
    text = std::move(*all);
  }
  std::string_view first = std::string_view(text).substr(0, text.find('\n'));
  if (is_from_line(first)) {
    split_mbox(file, text, use);
  } else {
    use({file, with_crlf(text)});
  }
  return {};
}

}  // namespace postern::cli
