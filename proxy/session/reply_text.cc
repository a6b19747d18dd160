#include "proxy/session/reply_text.h"

#include <algorithm>
#include <charconv>

#include "filters/base/bytes.h"

namespace postern::session {

using smtp::Reply;

Reply pass_on(Reply reply, const char* positive_code) {
  if (reply.code == 421) reply.code = 451;
  if (reply.enhanced.empty()) reply.enhanced = reply.positive() ? positive_code : reply.temporary() ? "4.0.0" : "5.0.0";
  return reply;
}

std::string id_tag(const std::string& id) {
  return id.empty() ? "" : " [id " + id + ']';
}

Reply with_id(Reply reply, const std::string& id) {
  reply.lines.back() += id_tag(id);
  return reply;
}

Reply unavailable(const Error& /*error*/, const std::string& id) {
  return {451, "4.4.1", "mail system is not reachable, try again later" + id_tag(id)};
}

namespace {

/// "550 5.7.1 text" as rules write it; checked when the rule was loaded.
Reply parse_rule_reply(const std::string& text, const std::string& id) {
  Reply reply;
  std::from_chars(text.data(), text.data() + text.size(), reply.code);
  std::string_view rest = trim(std::string_view(text).substr(std::min<size_t>(3, text.size())));
  size_t space = rest.find(' ');
  std::string_view first = rest.substr(0, space);
  if (first.size() >= 5 && first[1] == '.' && ascii_digit(first[0])) {
    reply.enhanced = first;
    rest = space == std::string_view::npos ? std::string_view() : trim(rest.substr(space));
  } else {
    reply.enhanced = reply.code < 500 ? "4.7.1" : "5.7.1";
  }
  reply.lines = {printable_ascii(rest) + id_tag(id)};
  return reply;
}

}  // namespace

Reply decision_reply(const rules::Decision& decision, const std::string& list_text, const std::string& id,
                     bool reveal) {
  constexpr size_t kMostOfList = 200;
  if (!decision.reply.empty()) return parse_rule_reply(decision.reply, id);
  bool defer = decision.verdict == rules::Verdict::Defer;
  std::string text = defer ? "deferred" : "refused";
  // Who is listed is told by whom, or it could not mend it.
  if (!decision.reason.empty()) text += ": " + printable_ascii(decision.reason, kMostOfList);
  if (reveal) text += " (" + decision.rule + ')';
  if (!list_text.empty()) text += ": " + printable_ascii(list_text, kMostOfList);
  return {defer ? 451 : 550, defer ? "4.7.1" : "5.7.1", text + id_tag(id)};
}

Reply score_reply(const rules::Evaluation& evaluation, const rules::Judgement& judgement, const std::string& id,
                  bool reveal) {
  constexpr size_t kMostNames = 12;
  bool defer = judgement.verdict == rules::Verdict::Defer;
  std::string text = defer ? "deferred: score " : "refused: score ";
  text += rules::format_score(judgement.score);
  if (judgement.limit) text += ", limit " + rules::format_score(*judgement.limit);
  std::string names;
  size_t count = 0;
  for (const auto& hit : evaluation.hits) {
    if (hit.shadow || hit.score <= 0 || ++count > kMostNames) continue;
    names += (names.empty() ? "" : ", ") + hit.rule;
  }
  if (reveal && !names.empty()) text += " (" + names + ')';
  return {defer ? 451 : 550, defer ? "4.7.1" : "5.7.1", text + id_tag(id)};
}

}  // namespace postern::session
