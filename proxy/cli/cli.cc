#include "proxy/cli/cli.h"

#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

namespace postern::cli {
namespace {

struct Arguments {
  std::string config = kDefaultConfig;
  ScanOptions scan;
  std::string from;
  int64_t at = 0;
  bool json = false;
  bool live = false;
  BulkOptions bulk;
  uint64_t at_least = 0;
  bool all = false;
};

void add_config(CLI::App& command, Arguments& arguments) {
  command.add_option("--config", arguments.config, "configuration file")->type_name("FILE")->capture_default_str();
}

CLI::App* add_scan(CLI::App& app, Arguments& arguments) {
  auto* scan = app.add_subcommand("scan", "judge messages as if they had just arrived, and explain the verdict");
  add_config(*scan, arguments);
  scan->add_option("--ip", arguments.scan.ip, "the client's address")->type_name("A");
  scan->add_option("--helo", arguments.scan.helo, "what the client said in EHLO")->type_name("NAME");
  scan->add_option("--from", arguments.from, "envelope sender (default: Return-Path)")->type_name("ADDR");
  scan->add_option("--rcpt", arguments.scan.rcpts, "envelope recipient, may be repeated")
      ->type_name("ADDR")
      ->allow_extra_args(false);
  scan->add_option("--at", arguments.at, "judge as of this time, seconds since 1970")->type_name("TIME");
  scan->add_flag("--json", arguments.scan.json, "one object a message");
  scan->add_option("inputs", arguments.scan.inputs, "message files, mbox files, directories, or -")
      ->type_name("FILE|DIR|-")
      ->required();
  return scan;
}

void add_bulk(CLI::App& app, Arguments& arguments) {
  static constexpr uint64_t kMany = 1'000'000'000;
  auto* bulk = app.add_subcommand("bulk", "clusters of alike messages that the running gateway has seen");
  bulk->require_subcommand(1);
  add_config(*bulk, arguments);
  auto* list = bulk->add_subcommand("list", "the clusters that reached [bulk] limit, the largest first");
  auto* at_least = list->add_option("--at-least", arguments.at_least, "those of N messages or more")
                       ->type_name("N")
                       ->check(CLI::Range(uint64_t{1}, kMany));
  list->add_flag("--all", arguments.all, "those of two messages or more, and all that are allowed")->excludes(at_least);
  auto* show = bulk->add_subcommand("show", "one cluster, and the first messages of it that were let through");
  auto* allow = bulk->add_subcommand("allow", "mail of this cluster is wanted: the shipped rules let it pass");
  allow->add_flag("--undo", arguments.bulk.undo, "take that back");
  for (CLI::App* command : {show, allow}) {
    command->add_option("cluster", arguments.bulk.cluster, "its name, as list and the log say it")
        ->type_name("CLUSTER")
        ->required();
  }
  for (CLI::App* command : {list, show, allow}) {
    add_config(*command, arguments);
    command->add_flag("--json", arguments.bulk.json, command == list ? "one object a cluster" : "as an object");
  }
}

int dispatch_bulk(const CLI::App& command, Arguments& arguments) {
  BulkOptions& options = arguments.bulk;
  options.config = arguments.config;
  if (command.got_subcommand("show")) options.what = BulkOptions::What::Show;
  if (command.got_subcommand("allow")) options.what = BulkOptions::What::Allow;
  const CLI::App* list = command.get_subcommand("list");
  if (list->count("--at-least") > 0) options.at_least = arguments.at_least;
  if (arguments.all) options.at_least = 2;
  return bulk(options);
}

int dispatch(CLI::App& app, Arguments& arguments, const CLI::App& scan) {
  if (app.got_subcommand("serve")) return serve(arguments.config);
  if (app.got_subcommand("check")) return check(arguments.config, arguments.live);
  if (app.got_subcommand("rules")) return rules(arguments.config, arguments.json);
  if (app.got_subcommand("lists")) return lists(arguments.config, arguments.json);
  if (app.got_subcommand("bulk")) return dispatch_bulk(*app.get_subcommand("bulk"), arguments);
  if (app.got_subcommand("version")) return version();
  arguments.scan.config = arguments.config;
  if (scan.count("--from") > 0) arguments.scan.from = arguments.from;
  if (scan.count("--at") > 0) arguments.scan.at = arguments.at;
  return cli::scan(arguments.scan);
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("Postern, an anti-spam SMTP proxy", "postern");
  app.require_subcommand(1);
  Arguments arguments;
  add_config(*app.add_subcommand("serve", "run the gateway in the foreground"), arguments);
  auto* check_command = app.add_subcommand("check", "read configuration and rules, run every rule's examples");
  add_config(*check_command, arguments);
  check_command->add_flag("--live", arguments.live, "also ask the resolver and every DNS list whether they are well");
  auto* rules_command = app.add_subcommand("rules", "every rule: name, stage, score, mode, place, what it means");
  add_config(*rules_command, arguments);
  rules_command->add_flag("--json", arguments.json, "one object a rule");
  auto* lists_command = app.add_subcommand("lists", "how the DNS lists of the running gateway do");
  add_config(*lists_command, arguments);
  lists_command->add_flag("--json", arguments.json, "one object a list");
  add_bulk(app, arguments);
  app.add_subcommand("version", "print the version");
  auto* scan = add_scan(app, arguments);
  try {
    app.parse(argc, argv);
    int status = dispatch(app, arguments, *scan);
    if (!std::cout.flush()) {
      std::cerr << "postern: standard output cannot be written\n";
      return kOurFault;
    }
    return status;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  } catch (const std::exception& error) {
    std::cerr << "postern: " << error.what() << '\n';
    return kOurFault;
  }
}

}  // namespace postern::cli
