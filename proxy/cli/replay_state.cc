#include "proxy/cli/replay_state.h"

#include <array>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace postern::cli {

namespace {

using nlohmann::ordered_json;

using rules::Verdict;
constexpr std::array<Verdict, kVerdicts> kAllVerdicts = {Verdict::Accept, Verdict::Tag,    Verdict::Quarantine,
                                                         Verdict::Defer,  Verdict::Reject, Verdict::Discard};
constexpr const char* kMark = "replay_state";

std::string place_of(const std::string& file, uint64_t number) {
  return fmt::format("{}:{}", number, file);
}

std::string line_of(const ordered_json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

ordered_json write_opinion(const Opinion& opinion) {
  ordered_json hits = ordered_json::array();
  for (const Opinion::Hit& hit : opinion.hits) hits.push_back({hit.rule, hit.score, hit.shadow});
  return {static_cast<int>(opinion.verdict), opinion.score, opinion.decided_by, std::move(hits)};
}

// The line is our own, but may have been changed: what does not fit throws.
Opinion read_opinion(const ordered_json& value) {
  Opinion opinion;
  opinion.verdict = opinion.mildest = opinion.strictest = kAllVerdicts.at(value.at(0).get<size_t>());
  opinion.score = value.at(1).get<double>();
  opinion.decided_by = value.at(2).get<std::string>();
  for (const auto& hit : value.at(3)) {
    opinion.hits.push_back({hit.at(0).get<std::string>(), hit.at(1).get<double>(), hit.at(2).get<bool>()});
  }
  return opinion;
}

// Names of files are octets; JSON has characters. As hexadecimal digits where they are no UTF-8 they stay apart.
std::string name_text(const std::string& name) {
  try {
    static_cast<void>(nlohmann::json(name).dump());
    return name;
  } catch (const nlohmann::json::exception&) {
    std::string hex = "\\x";
    for (char c : name) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return hex;
  }
}

}  // namespace

Result<std::unique_ptr<ReplayState>> ReplayState::open(const std::string& path, const ordered_json& run,
                                                       std::string& note) {
  std::unique_ptr<ReplayState> state(new ReplayState(path));
  if (auto begun = state->begin(run, note); !begun) return tl::unexpected(begun.error());
  return state;
}

Result<void> ReplayState::begin(const ordered_json& run, std::string& note) {
  ordered_json head = {{kMark, 1}};
  head.update(run);
  std::ifstream file(path_, std::ios::binary);
  std::string first;
  bool same = false;
  if (file && std::getline(file, first) && !first.empty()) {
    auto found = ordered_json::parse(first, nullptr, false);
    // A first line that was cut has no line behind it.
    std::string begins = fmt::format("{{\"{}\"", kMark);
    bool cut = file.eof() && begins.starts_with(first.substr(0, begins.size()));
    if (!cut && (!found.is_object() || !found.contains(kMark))) {
      return fail(Code::BadInput, fmt::format("{}: is no state of a replay; it is left alone", path_));
    }
    same = !file.eof() && found == head;
    if (!same && !cut) {
      note = fmt::format("{}: was begun with other rules or thresholds; what it knew is judged anew", path_);
    }
  }
  if (same) {
    index(file, first.size() + 1);
    std::error_code error;
    std::filesystem::resize_file(path_, good_, error);
    if (error) return fail(Code::BadInput, fmt::format("{}: {}", path_, error.message()));
  }
  out_.open(path_, std::ios::binary | (same ? std::ios::app : std::ios::trunc));
  if (out_ && !same) out_ << line_of(head) << std::flush;
  if (!out_) return fail(Code::BadInput, fmt::format("{}: cannot be written", path_));
  in_.open(path_, std::ios::binary);
  return {};
}

void ReplayState::index(std::ifstream& file, uint64_t offset) {
  good_ = offset;
  std::string line;
  while (std::getline(file, line) && !file.eof()) {
    uint64_t begin = good_;
    good_ += line.size() + 1;
    auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("file") || !object["file"].is_string() || !object.contains("number") ||
        !object["number"].is_number_unsigned()) {
      continue;
    }
    lines_[place_of(object["file"].get<std::string>(), object["number"].get<uint64_t>())] = {begin, line.size()};
  }
}

std::optional<Sample> ReplayState::find(const MessageKey& key) {
  auto found = lines_.find(place_of(name_text(key.file), key.number));
  if (found == lines_.end()) return std::nullopt;
  std::string line(found->second.length, '\0');
  in_.clear();
  in_.seekg(static_cast<std::streamoff>(found->second.offset));
  if (!in_.read(line.data(), static_cast<std::streamsize>(line.size()))) return std::nullopt;
  try {
    auto object = ordered_json::parse(line);
    if (object.at("size").get<uint64_t>() != key.size || object.at("mtime").get<int64_t>() != key.mtime) {
      return std::nullopt;
    }
    Sample sample;
    sample.before = read_opinion(object.at("before"));
    if (object.contains("after")) sample.after = read_opinion(object.at("after"));
    return sample;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

bool ReplayState::put(const MessageKey& key, const Sample& sample) {
  ordered_json object = {{"file", name_text(key.file)},
                         {"number", key.number},
                         {"size", key.size},
                         {"mtime", key.mtime},
                         {"before", write_opinion(sample.before)}};
  if (sample.after) object["after"] = write_opinion(*sample.after);
  // Whole lines, one at a time: whoever is killed leaves at most the last one cut.
  out_ << line_of(object) << std::flush;
  return static_cast<bool>(out_);
}

}  // namespace postern::cli
