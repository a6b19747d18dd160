#include "proxy/ops/setting_kinds.h"

#include <cerrno>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "proxy/ops/values.h"

namespace postern::ops {

using session::BackendAddress;

spec::List networks(std::vector<IpNetwork>& target) {
  return {"networks such as \"192.0.2.0/24\"", [&target](const std::string& text) -> Fault {
            auto network = IpNetwork::parse(text);
            if (!network) return "neither an address nor a network";
            target.push_back(*network);
            return std::nullopt;
          }};
}

spec::List domains(std::vector<std::string>& target) {
  return {"domains such as \"example.org\"", [&target](const std::string& text) -> Fault {
            bool below = text.starts_with('.');
            auto name = to_a_labels(std::string_view(text).substr(below ? 1 : 0));
            if (!name) return name.error().message;
            target.push_back((below ? "." : "") + *name);
            return std::nullopt;
          }};
}

spec::List backends(const Reader& reader, std::vector<BackendAddress>& target) {
  return {"an address such as \"127.0.0.1:10025\"",
          [&reader, &target](const std::string& text) -> Fault {
            auto address = parse_backend(text, reader.directory());
            if (!address) return address.error().message;
            target.push_back(std::move(*address));
            return std::nullopt;
          },
          true};
}

spec::Text path(const Reader& reader, std::string& target) {
  return {"a path", [&reader, &target](const std::string& text) -> Fault {
            if (text.empty() || text.find('\0') != std::string::npos) return "not a path";
            target = resolve_path(reader.directory(), text);
            return std::nullopt;
          }};
}

spec::Text optional_path(const Reader& reader, std::string& target) {
  return {"a path", [&reader, &target](const std::string& text) -> Fault {
            if (!text.empty()) return path(reader, target).take(text);
            target.clear();
            return std::nullopt;
          }};
}

spec::Text existing(const Reader& reader, std::string& target, bool directory) {
  return {"a path", [&reader, &target, directory](const std::string& text) -> Fault {
            if (text.empty() || text.find('\0') != std::string::npos) return "not a path";
            target = resolve_path(reader.directory(), text);
            struct stat found {};
            bool there = stat(target.c_str(), &found) == 0;
            if (there && directory != S_ISDIR(found.st_mode))
              return target + (directory ? " is no directory" : " is no file");
            if (!there || access(target.c_str(), directory ? R_OK | X_OK : R_OK) != 0) {
              return "cannot read " + target + ": " + std::error_code(errno, std::generic_category()).message();
            }
            return std::nullopt;
          }};
}

void require(Reader& reader, const Value& table, std::string_view where, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (table.find(key) == nullptr) {
      reader.problem(table.place, "missing key '" + std::string(key) + "' in " + std::string(where));
    }
  }
}

}  // namespace postern::ops
