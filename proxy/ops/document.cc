#include "proxy/ops/document.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include <fmt/core.h>

#include "filters/base/bytes.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace postern::ops {
namespace {

Place place_of(const toml::source_region& source, const std::string& file) {
  return {file, static_cast<int>(source.begin.line), static_cast<int>(source.begin.column)};
}

Value convert(const toml::node& node, const std::string& file);

void convert_table(const toml::table& table, const std::string& file, Value& out) {
  out.kind = Value::Kind::Table;
  for (const auto& [key, node] : table) {
    out.members.push_back({std::string(key.str()), place_of(key.source(), file), convert(node, file)});
  }
}

// The depth of the recursion is bounded by the library's own limit on nesting (256).
Value convert(const toml::node& node, const std::string& file) {
  Value out;
  out.place = place_of(node.source(), file);
  if (const auto* table = node.as_table()) {
    convert_table(*table, file, out);
  } else if (const auto* array = node.as_array()) {
    out.kind = Value::Kind::Array;
    for (const auto& item : *array) out.items.push_back(convert(item, file));
  } else if (const auto* text = node.as_string()) {
    out.kind = Value::Kind::String;
    out.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.kind = Value::Kind::Integer;
    out.integer = integer->get();
    out.number = static_cast<double>(integer->get());
  } else if (const auto* number = node.as_floating_point()) {
    out.kind = Value::Kind::Float;
    out.number = number->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.kind = Value::Kind::Boolean;
    out.boolean = boolean->get();
  } else {
    out.kind = Value::Kind::Date;
  }
  return out;
}

}  // namespace

std::string Value::shown() const {
  switch (kind) {
    case Kind::String: return "'" + escape_for_log(text, 80) + "'";
    case Kind::Integer: return fmt::format("{}", integer);
    case Kind::Float: return fmt::format("{}", number);
    case Kind::Boolean: return boolean ? "true" : "false";
    case Kind::Date: return "a date or time";
    case Kind::Array: return "an array";
    case Kind::Table: return "a table";
  }
  return "";
}

const Member* Value::find(std::string_view key) const {
  auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return found == members.end() ? nullptr : &*found;
}

Result<std::string> read_whole_file(const std::string& path) {
  auto reason = [] { return std::error_code(errno, std::generic_category()).message(); };
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) return fail(errno == ENOENT ? Code::NotFound : Code::Io, reason());
  std::string text;
  std::array<char, 65536> buffer{};
  while (size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    text.append(buffer.data(), count);
    if (text.size() > kMaxFile) return fail(Code::Limit, fmt::format("larger than {} octets", kMaxFile));
  }
  if (std::ferror(file.get()) != 0) return fail(Code::Io, reason());
  return text;
}

tl::expected<Value, ConfigProblem> parse_document(std::string_view text, const std::string& file) {
  toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    Place at = place_of(error.source(), file);
    return tl::unexpected(ConfigProblem{file, at.line, at.column, escape_for_log(error.description(), 400)});
  }
  Value root;
  root.place = {file, 0, 0};
  convert_table(parsed.table(), file, root);
  return root;
}

}  // namespace postern::ops
