#include "proxy/cli/cli.h"

#include <csignal>
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>
#include <poll.h>
#include <unistd.h>

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
  ExplainOptions explain;
  ReplayOptions replay;
  std::string since;
  LearnOptions learn;
  TuneOptions tune;
};

void add_config(CLI::App& command, Arguments& arguments) {
  command.add_option("--config", arguments.config, "configuration file")->type_name("FILE")->capture_default_str();
}

CLI::App* add_scan(CLI::App& app, Arguments& arguments) {
  auto* scan = app.add_subcommand("scan", "judge messages as if they had just arrived, and explain the verdict");
  add_config(*scan, arguments);
  scan->add_option("--ip", arguments.scan.ip, "the client's address")->type_name("A");
  scan->add_option("--helo", arguments.scan.helo, "what the client said in EHLO")->type_name("NAME");
  scan->add_option("--from", arguments.from, "envelope sender (default: Return-Path, else the author)")
      ->type_name("ADDR");
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

void add_explain(CLI::App& app, Arguments& arguments) {
  auto* explain = app.add_subcommand("explain", "everything known of one recent message");
  add_config(*explain, arguments);
  explain->add_flag("--json", arguments.explain.json, "as an object");
  explain->add_option("id", arguments.explain.id, "as a reply, a header or the log says it")
      ->type_name("ID")
      ->required();
}

void add_corpora(CLI::App& command, std::vector<std::string>& ham, std::vector<std::string>& spam) {
  command.add_option("--ham", ham, "wanted messages: a file, an mbox or a directory; may be repeated")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command.add_option("--spam", spam, "unwanted messages, the same")->type_name("DIR")->allow_extra_args(false);
}

void add_replay(CLI::App& app, Arguments& arguments) {
  auto* replay = app.add_subcommand("replay", "what other rules would have done to a corpus, or to recorded mail");
  ReplayOptions& options = arguments.replay;
  add_config(*replay, arguments);
  replay->add_option("--against", options.against, "a configuration, a directory of rules, or a local.lua to try out")
      ->type_name("FILE");
  add_corpora(*replay, options.ham, options.spam);
  replay->add_option("--since", arguments.since, "of the journal, what is younger than this, like 24h")
      ->type_name("TIME");
  replay->add_option("--state", options.state, "remember here what was judged, and go on from there next time")
      ->type_name("FILE");
  replay->add_option("--jobs", options.jobs, "threads (default: one a core)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  replay->add_flag("--json", options.json, "one object");
}

void add_learn(CLI::App& app, Arguments& arguments) {
  auto* learn = app.add_subcommand("learn", "train the classifier with messages that somebody has sorted");
  add_config(*learn, arguments);
  add_corpora(*learn, arguments.learn.ham, arguments.learn.spam);
  learn->add_flag("--forget", arguments.learn.forget, "forget what was learned of these messages");
  learn->add_flag("--fresh", arguments.learn.fresh,
                  "replace a model that was made of far more than what is known now, where that is lost");
}

void add_tune(CLI::App& app, Arguments& arguments) {
  auto* tune = app.add_subcommand("tune", "propose scores that separate wanted from unwanted mail best");
  TuneOptions& options = arguments.tune;
  add_config(*tune, arguments);
  add_corpora(*tune, options.ham, options.spam);
  tune->add_option("--output", options.output, "where the proposal goes; never a file that exists")
      ->type_name("FILE")
      ->capture_default_str();
  tune->add_flag("--alone", options.alone, "a single content rule may be enough for a refusal");
  tune->add_option("--jobs", options.jobs, "threads (default: one a core)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
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
  arguments.explain.config = arguments.config;
  arguments.replay.config = arguments.config;
  arguments.learn.config = arguments.config;
  arguments.tune.config = arguments.config;
  if (app.got_subcommand("explain")) return explain(arguments.explain);
  if (app.got_subcommand("learn")) return learn(arguments.learn);
  if (app.got_subcommand("tune")) return tune(arguments.tune);
  if (const CLI::App* command = app.get_subcommand("replay"); app.got_subcommand("replay")) {
    if (command->count("--since") > 0) arguments.replay.since = arguments.since;
    return replay(arguments.replay);
  }
  arguments.scan.config = arguments.config;
  if (scan.count("--from") > 0) arguments.scan.from = arguments.from;
  if (scan.count("--at") > 0) arguments.scan.at = arguments.at;
  return cli::scan(arguments.scan);
}

/// Whether standard output is a pipe or a terminal at whose other end nobody is any more.
bool reader_is_gone() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

/// `status`, if all that was said has gone where it should. A reader who has seen enough (`| head`) is no fault of
/// anybody: then it ends as other programs do, quietly and by SIGPIPE, which is how a shell knows.
int with_output_written(int status) {
  if (std::cout.flush()) return status;
  if (reader_is_gone()) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
    return status;
  }
  std::cerr << "postern: standard output cannot be written\n";
  return kOurFault;
}

}  // namespace

int run(int argc, char** argv) {
  // What is at work (learn, tune) comes to its end, whoever reads of it.
  std::signal(SIGPIPE, SIG_IGN);
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
  add_explain(app, arguments);
  add_replay(app, arguments);
  add_learn(app, arguments);
  add_tune(app, arguments);
  app.add_subcommand("version", "print the version");
  auto* scan = add_scan(app, arguments);
  try {
    app.parse(argc, argv);
    return with_output_written(dispatch(app, arguments, *scan));
  } catch (const CLI::ParseError& error) {
    return with_output_written(app.exit(error) == 0 ? kDone : kUsage);
  } catch (const std::exception& error) {
    std::cerr << "postern: " << error.what() << '\n';
    return kOurFault;
  }
}

}  // namespace postern::cli
