// The text form of a dialogue: see README.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"
#include "proxy/smtp/server_engine.h"

namespace postern::transcripts {

struct Step {
  // What is done to the engine.
  enum class Kind { Client, Eof, Secured, Answer, Shutdown, /* what it must do: */ Expect, Match };
  Kind kind;
  std::string text;  // Client: octets; Answer, Shutdown: the reply; Expect: a line of the log; Match: a pattern for one
  std::string answer;  // of an Expect that is a question: the reply to give, "..." for none yet
  int line = 0;        // in the file

  [[nodiscard]] bool is_input() const { return kind < Kind::Expect; }
  [[nodiscard]] bool is_question() const { return kind == Kind::Expect && !answer.empty(); }
};

struct Dialogue {
  std::string file;
  std::string name;
  smtp::ServerOptions options;
  smtp::Extensions offer;
  bool secured = false;
  std::vector<Step> steps;
};

/// All dialogues of all *.smtp files of a directory, in name order. Errors name file and line.
[[nodiscard]] Result<std::vector<Dialogue>> load(const std::string& directory);

/// \r \n \t \0 \\ \xHH, and \{N*text} for a repeated text.
[[nodiscard]] Result<std::string> unescape(std::string_view text);
/// Printable; the reverse of unescape(), but for repetitions.
[[nodiscard]] std::string escape(std::string_view octets);

}  // namespace postern::transcripts
