#include "proxy/ops/settings.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "filters/base/bytes.h"
#include "proxy/ops/values.h"

namespace postern::ops {
namespace {

using Kind = Value::Kind;

bool names_file(const spec::List& list, std::string_view entry) {
  return entry.starts_with('@') && (!list.mailboxes || entry.find('/') != std::string_view::npos);
}

bool holds_tables(const Spec& spec) {
  return std::holds_alternative<spec::Table>(spec) || std::holds_alternative<spec::Tables>(spec);
}

/// A line of a list file without its comment and the blanks around it. A '#' inside a word is part of the word.
std::string_view entry_of(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
      line = line.substr(0, i);
      break;
    }
  }
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return trim(line);
}

}  // namespace

void Reader::read(const Value& table, std::string_view where, const std::vector<Setting>& settings) {
  refuse_unknown(table, where, settings);
  for (bool tables : {false, true}) {
    for (const Setting& setting : settings) {
      const Member* member = table.find(setting.name);
      if (member == nullptr || holds_tables(setting.spec) != tables) continue;
      At at{setting, *member, where};
      std::visit([&](const auto& spec) { take(at, spec); }, setting.spec);
    }
  }
}

void Reader::problem(const Place& place, std::string text) {
  problems_.push_back({place.file, place.line, place.column, std::move(text)});
}

std::vector<ConfigProblem> Reader::take_problems(const std::string& first) {
  std::stable_sort(problems_.begin(), problems_.end(), [&](const ConfigProblem& a, const ConfigProblem& b) {
    bool a_elsewhere = a.file != first;
    bool b_elsewhere = b.file != first;
    return std::tie(a_elsewhere, a.file, a.line, a.column) < std::tie(b_elsewhere, b.file, b.line, b.column);
  });
  return std::exchange(problems_, {});
}

void Reader::refuse_unknown(const Value& table, std::string_view where, const std::vector<Setting>& settings) {
  for (const Member& member : table.members) {
    auto same = [&](const Setting& s) { return s.name == member.key; };
    if (std::any_of(settings.begin(), settings.end(), same)) continue;
    std::vector<std::string_view> known;
    known.reserve(settings.size());
    for (const Setting& setting : settings) known.push_back(setting.name);
    std::string near = nearest(member.key, known);
    std::string hint = near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near);
    bool is_table = member.value.kind == Kind::Table;
    problem(member.place, fmt::format("unknown {} '{}' in {}{}", is_table ? "table" : "key",
                                      escape_for_log(member.key, 80), where, hint));
  }
}

void Reader::wrong_type(const At& at, const Value& value, std::string_view expects) {
  problem(value.place, fmt::format("'{}' in {} ({}) wants {}, not {}", at.setting.name, at.where, at.setting.meaning,
                                   expects, value.shown()));
}

void Reader::out_of_bounds(const At& at, const std::string& min, const std::string& max) {
  problem(at.member.value.place,
          fmt::format("'{}' in {} ({}) is out of bounds: {}, allowed are {} to {}", at.setting.name, at.where,
                      at.setting.meaning, at.member.value.shown(), min, max));
}

void Reader::bad_entry(const At& at, const Place& place, const std::string& entry, const std::string& fault) {
  problem(place, fmt::format("'{}' for '{}' in {}: {}", escape_for_log(entry, 80), at.setting.name, at.where, fault));
}

void Reader::take(const At& at, const spec::Text& spec) {
  const Value& value = at.member.value;
  if (value.kind != Kind::String) return wrong_type(at, value, spec.expects);
  if (auto fault = spec.take(value.text)) bad_entry(at, value.place, value.text, *fault);
}

void Reader::take(const At& at, const spec::Flag& spec) {
  const Value& value = at.member.value;
  if (value.kind != Kind::Boolean) return wrong_type(at, value, "true or false");
  *spec.target = value.boolean;
}

void Reader::take(const At& at, const spec::Whole& spec) {
  const Value& value = at.member.value;
  if (value.kind != Kind::Integer) return wrong_type(at, value, "a whole number");
  if (value.integer < 0 || static_cast<uint64_t>(value.integer) < spec.min ||
      static_cast<uint64_t>(value.integer) > spec.max) {
    return out_of_bounds(at, fmt::format("{}", spec.min), fmt::format("{}", spec.max));
  }
  spec.set(static_cast<uint64_t>(value.integer));
}

void Reader::take(const At& at, const spec::Size& spec) {
  const Value& value = at.member.value;
  std::optional<uint64_t> size;
  if (value.kind == Kind::String) size = parse_size(value.text);
  if (value.kind == Kind::Integer && value.integer >= 0) size = static_cast<uint64_t>(value.integer);
  if (!size) return wrong_type(at, value, "a size such as \"50MiB\"");
  if (*size < spec.min || *size > spec.max) return out_of_bounds(at, show_size(spec.min), show_size(spec.max));
  *spec.target = *size;
}

void Reader::take(const At& at, const spec::Time& spec) {
  const Value& value = at.member.value;
  std::optional<Duration> time;
  if (value.kind == Kind::String) time = parse_duration(value.text);
  if (!time) return wrong_type(at, value, "a duration such as \"5s\" (units ms, s, m, h, d)");
  if (*time < spec.min || *time > spec.max) return out_of_bounds(at, show_duration(spec.min), show_duration(spec.max));
  *spec.target = *time;
}

void Reader::take(const At& at, const spec::Threshold& spec) {
  static constexpr double kMost = 10'000;
  const Value& value = at.member.value;
  if (value.kind == Kind::String && value.text == "off") {
    spec.target->reset();
    return;
  }
  bool number = value.kind == Kind::Integer || value.kind == Kind::Float;
  if (!number) return wrong_type(at, value, "a score or \"off\"");
  if (!(std::fabs(value.number) <= kMost)) return out_of_bounds(at, "-10000", "10000");
  *spec.target = value.number;
}

void Reader::take(const At& at, const spec::Word& spec) {
  const Value& value = at.member.value;
  std::string expects;
  for (const std::string& word : spec.words) expects += (expects.empty() ? "\"" : " or \"") + word + "\"";
  if (value.kind != Kind::String) return wrong_type(at, value, expects);
  auto found = std::find(spec.words.begin(), spec.words.end(), value.text);
  if (found == spec.words.end()) {
    std::string near = nearest(value.text, spec.words);
    return wrong_type(at, value, near.empty() ? expects : expects + " (did you mean \"" + near + "\"?)");
  }
  auto fault = spec.set(static_cast<size_t>(found - spec.words.begin()));
  if (fault) problem(value.place, *fault);
}

void Reader::take(const At& at, const spec::List& spec) {
  const Value& value = at.member.value;
  if (spec.lone && value.kind == Kind::String) return take_entry(at, spec, value);
  if (value.kind != Kind::Array) return wrong_type(at, value, fmt::format("an array of {}", spec.expects));
  for (const Value& item : value.items) take_entry(at, spec, item);
}

void Reader::take_entry(const At& at, const spec::List& spec, const Value& item) {
  if (item.kind != Kind::String) return wrong_type(at, item, spec.expects);
  if (names_file(spec, item.text)) return take_file(at, spec, item);
  if (auto fault = spec.add(item.text)) bad_entry(at, item.place, item.text, *fault);
}

void Reader::take_file(const At& at, const spec::List& spec, const Value& item) {
  std::string path = resolve_path(directory_, std::string_view(item.text).substr(1));
  auto text = read_whole_file(path);
  if (!text) return bad_entry(at, item.place, item.text, "cannot read " + path + ": " + text.error().message);
  std::string_view rest = *text;
  for (int line = 1; !rest.empty(); ++line) {
    std::string_view whole = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), whole.size() + 1));
    std::string_view entry = entry_of(whole);
    if (entry.empty()) continue;
    Place place{path, line, static_cast<int>(entry.data() - whole.data()) + 1};
    auto fault = names_file(spec, entry) ? std::optional<std::string>("a file named in a file is not read")
                                         : spec.add(std::string(entry));
    if (fault) bad_entry(at, place, std::string(entry), *fault);
  }
}

void Reader::take(const At& at, const spec::Table& spec) {
  const Value& value = at.member.value;
  if (value.kind != Kind::Table) return wrong_type(at, value, fmt::format("a table: [{}]", at.setting.name));
  spec.read(at.member);
}

void Reader::take(const At& at, const spec::Tables& spec) {
  const Value& value = at.member.value;
  if (value.kind != Kind::Array) return wrong_type(at, value, "tables, each under a heading in double brackets");
  for (const Value& item : value.items) {
    if (item.kind == Kind::Table) {
      spec.read(item);
    } else {
      wrong_type(at, item, "a table");
    }
  }
}

}  // namespace postern::ops
