#include "lua/shared_fields.h"

#include <array>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxAbout = 300;
constexpr size_t kMaxReply = 400;  // with code and CRLF still a legal line (RFC 5321, 4.5.3.1.5: 512 octets)

bool digits(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// RFC 5321, 4.2: Reply-code = %x32-35 %x30-35 %x30-39; RFC 3463, 2: class "." subject "." detail, both 1*3DIGIT; a
// class says the same as the code's first digit.
bool is_reply(std::string_view reply, char wanted) {
  if (reply.size() > kMaxReply || reply.size() < 5 || printable_ascii(reply, kMaxReply) != reply) return false;
  if (!digits(reply.substr(0, 3), 3) || reply[0] != wanted || reply[1] > '5' || reply[3] != ' ') return false;
  reply.remove_prefix(4);
  size_t space = reply.find(' ');
  if (space == std::string_view::npos || trim(reply.substr(space)).empty()) return false;
  std::string_view status = reply.substr(0, space);
  if (status.size() < 5 || status[0] != wanted || status[1] != '.') return false;
  status.remove_prefix(2);
  size_t dot = status.find('.');
  return dot != std::string_view::npos && digits(status.substr(0, dot), 3) && digits(status.substr(dot + 1), 3);
}

}  // namespace

std::optional<std::string> SharedFields::text(std::string_view name) {
  if (lua_type(lua_, -1) != LUA_TSTRING) {
    problem(fmt::format("'{}' must be a string, not a {}", name, luaL_typename(lua_, -1)));
    return std::nullopt;
  }
  return std::string(text_at(lua_, -1));
}

void SharedFields::about() {
  auto value = text("about");
  if (!value) return;
  if (trim(*value).empty() || value->size() > kMaxAbout || !is_utf8(*value) ||
      value->find_first_of("\r\n") != std::string::npos) {
    problem(fmt::format("'about' must be one line of text, at most {} bytes", kMaxAbout));
    return;
  }
  info_.about = *value;
}

void SharedFields::stage() {
  auto value = text("stage");
  if (!value) return;
  auto stage = parse_stage(*value);
  if (!stage) {
    constexpr std::array<std::string_view, 5> kStages = {"connect", "helo", "mail", "rcpt", "message"};
    problem(fmt::format("unknown stage '{}'{}; the stages are connect, helo, mail, rcpt, message",
                        escape_for_log(*value, 60), did_you_mean(*value, kStages)));
    return;
  }
  info_.stage = *stage;
}

void SharedFields::score() {
  if (lua_type(lua_, -1) != LUA_TNUMBER || !is_score(lua_tonumber(lua_, -1))) {
    problem("'score' must be a number from -1000 to 1000");
    return;
  }
  info_.score = round_score(lua_tonumber(lua_, -1));
}

void SharedFields::group() {
  auto value = text("group");
  if (!value) return;
  if (!is_group_name(*value)) {
    problem("'group' must be a name of letters, digits, '_' and '-', at most 64");
    return;
  }
  info_.group = *value;
}

void SharedFields::action() {
  bad_action_ = true;
  auto value = text("action");
  if (!value) return;
  constexpr std::array<Verdict, 5> kActions = {Verdict::Reject, Verdict::Defer, Verdict::Accept, Verdict::Quarantine,
                                               Verdict::Discard};
  std::vector<std::string_view> known;
  for (Verdict verdict : kActions) {
    known.push_back(to_string(verdict));
    if (known.back() == *value) {
      info_.action = verdict;
      bad_action_ = false;
      return;
    }
  }
  problem(fmt::format("unknown action '{}'{}; the actions are reject, defer, accept, quarantine, discard",
                      escape_for_log(*value, 60), did_you_mean(*value, known)));
}

void SharedFields::reply() {
  if (auto value = text("reply")) info_.reply = *value;
}

void SharedFields::mode() {
  auto value = text("mode");
  if (!value) return;
  constexpr std::array<std::string_view, 2> kModes = {"live", "shadow"};
  if (*value != kModes[0] && *value != kModes[1]) {
    problem(fmt::format("unknown mode '{}'{}; the modes are live (the default) and shadow", escape_for_log(*value, 60),
                        did_you_mean(*value, kModes)));
  }
  info_.shadow = *value == kModes[1];
}

void SharedFields::check_reply() {
  const RuleInfo& info = info_;
  field_ = "reply";
  if (info.reply.empty() || bad_action_) return;
  if (!info.action) {
    problem("'reply' needs an 'action'");
  } else if (*info.action != Verdict::Reject && *info.action != Verdict::Defer) {
    problem(fmt::format("'reply' is for the actions reject and defer, not for {}", to_string(*info.action)));
  } else if (info.reply.substr(0, 3) == "421" || info.reply.substr(0, 3) == "521") {
    // RFC 5321, 3.8; RFC 7504, 3: these promise that the connection is closed.
    problem("'reply' must not begin with 421 or 521: they say that the connection is closed");
  } else if (*info.action == Verdict::Reject && !is_reply(info.reply, '5')) {
    problem("'reply' of a reject must look like \"550 5.7.1 reason\", in ASCII, at most 400 bytes");
  } else if (*info.action == Verdict::Defer && !is_reply(info.reply, '4')) {
    problem("'reply' of a defer must look like \"451 4.7.1 reason\", in ASCII, at most 400 bytes");
  }
}

}  // namespace postern::rules
