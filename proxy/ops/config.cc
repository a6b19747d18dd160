#include "proxy/ops/config.h"

#include <utility>

#include <fmt/core.h>

#include "proxy/ops/config_tables.h"
#include "proxy/ops/document.h"
#include "proxy/ops/settings.h"
#include "proxy/ops/values.h"

namespace postern::ops {
namespace {

using session::ListenerPolicy;

/// The value at `table`.`key`, or nullptr.
const Value* written(const Value& root, std::string_view table, std::string_view key) {
  const Member* found = root.find(table);
  const Member* inner = found == nullptr ? nullptr : found->value.find(key);
  return inner == nullptr ? nullptr : &inner->value;
}

/// A listener that promises TLS needs a certificate. Where only the default promises it, STARTTLS is not offered.
void settle_tls(Reader& reader, const Value& root, Config& config) {
  if (config.listeners.empty()) {
    ListenConfig standard;
    standard.address = "0.0.0.0:25";
    standard.policy.name = standard.address;
    config.listeners.push_back(std::move(standard));
  }
  const Member* table = root.find("tls");
  if (table != nullptr && (table->value.find("certificate") != nullptr || table->value.find("pair") != nullptr)) return;
  const Member* listen = root.find("listen");
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    ListenerPolicy::Tls& tls = config.listeners[i].policy.tls;
    bool listed = listen != nullptr && i < listen->value.items.size();
    const Member* explicitly = listed ? listen->value.items[i].find("tls") : nullptr;
    // A value that was itself refused is one mistake, not two.
    bool understood =
        explicitly != nullptr && (explicitly->value.text == "starttls" || explicitly->value.text == "implicit");
    if (tls != ListenerPolicy::Tls::Off && understood) {
      reader.problem(
          explicitly->value.place,
          fmt::format("'tls' in [[listen]] is {}, but there is no 'certificate' in [tls]", explicitly->value.shown()));
    }
    tls = ListenerPolicy::Tls::Off;
  }
}

/// Who reaches the address may read message data and reload: beyond this machine that takes a token.
void check_http(Reader& reader, const Value& root, const Config& config) {
  const Value* address = written(root, "http", "address");
  if (address == nullptr || address->kind != Value::Kind::String || !config.http_token.empty()) return;
  auto endpoint = parse_host_port(config.http_address);
  if (endpoint && endpoint->ip && !endpoint->ip->is_loopback()) {
    reader.problem(address->place, "'address' in [http] is not loopback: a 'token' is required");
  }
}

}  // namespace

std::string ConfigProblem::to_string() const {
  if (line == 0) return fmt::format("{}: {}", file, text);
  return fmt::format("{}:{}:{}: {}", file, line, column, text);
}

tl::expected<ConfigPtr, std::vector<ConfigProblem>> load_config(const std::string& path) {
  auto refuse = [](ConfigProblem problem) { return tl::unexpected(std::vector<ConfigProblem>{std::move(problem)}); };
  auto text = read_whole_file(path);
  if (!text) return refuse({path, 0, 0, "cannot read: " + text.error().message});
  auto root = parse_document(*text, path);
  if (!root) return refuse(std::move(root.error()));

  auto config = std::make_shared<Config>();
  config->file = path;
  config->policy.quarantine_maildir = "/var/lib/postern/quarantine";
  size_t slash = path.rfind('/');
  Reader reader(slash == std::string::npos ? "" : path.substr(0, slash + 1));
  read_config(reader, *root, *config);
  settle_tls(reader, *root, *config);
  check_http(reader, *root, *config);
  if (!reader.clean()) return tl::unexpected(reader.take_problems(path));

  if (config->policy.hostname.empty()) config->policy.hostname = machine_name();
  config->policy.finish(!config->tls_pairs.empty());
  return ConfigPtr(std::move(config));
}

}  // namespace postern::ops
