#include "filters/bulk/kinds.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"

namespace postern::bulk {
namespace {

// Distinct words that count: what an answering machine says, with the signature of whom it answers for.
constexpr uint32_t kShortReply = 100;
// The same, where it has no field that says so for certain.
constexpr uint32_t kShortNotice = 60;
// The dial-in text of a video conference, and a few lines of agenda.
constexpr uint32_t kShortInvitation = 150;

/// In a message that this one carries: it says nothing of this one.
bool is_carried(const mime::Message& message, size_t at) {
  // As deep as parts are nested, which mime::Limits bounds.
  while (message.parts[at].parent != at) {
    at = message.parts[at].parent;
    if (message.parts[at].message) return true;
  }
  return false;
}

/// What a program says of a message to programs: the parts that make reports what they are.
struct Reports {
  bool bounce = false;
  bool receipt = false;
};

Reports find_reports(const mime::Message& message) {
  Reports reports;
  for (size_t i = 0; i < message.parts.size(); ++i) {
    const std::string& type = message.parts[i].type;
    // RFC 3464, 2.1; RFC 6533, 4; RFC 5965, 2.
    bool bounce = type == "message/delivery-status" || type == "message/global-delivery-status" ||
                  type == "message/feedback-report";
    // RFC 8098, 3.1; RFC 6533, 7.
    bool receipt = type == "message/disposition-notification" || type == "message/global-disposition-notification";
    if ((!bounce && !receipt) || is_carried(message, i)) continue;
    reports.bounce = reports.bounce || bounce;
    reports.receipt = reports.receipt || receipt;
  }
  return reports;
}

/// The first word of a field such as Auto-Submitted, lower case (RFC 3834, 5: parameters may follow).
std::string first_word(const message::Header& header, std::string_view name) {
  std::optional<std::string> value = header.first(name);
  if (!value) return {};
  return to_lower(value->substr(0, value->find_first_of(" \t;,(")));
}

bool has(const message::Header& header, std::string_view name) {
  return std::any_of(header.fields.begin(), header.fields.end(),
                     [&](const message::Field& field) { return equal_nocase(field.name, name); });
}

bool contains_any(std::string_view text, const std::string_view* begin, const std::string_view* end) {
  return std::any_of(begin, end, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

/// Names that mail servers give themselves, letters only: "Mail Delivery Subsystem <MAILER-DAEMON@...>",
/// "Mail-Daemon", "Post_Master".
bool from_mail_server(const message::Header& header) {
  static constexpr std::string_view kNames[] = {
      "mailerdaemon",   "maildaemon",        "mdaemon",       "postmaster",        "maildelivery", "maildeliver",
      "deliverysystem", "mailadministrator", "mailsubsystem", "deliverysubsystem", "mailrouter"};
  constexpr size_t kLongest = 1000;
  std::optional<std::string> from = header.first("From");
  if (!from) return false;
  std::string letters;
  for (char c : std::string_view(*from).substr(0, kLongest)) {
    if (ascii_alpha(c)) letters += ascii_lower(c);
  }
  // RFC 5322, 3.4 has no empty address, but some servers do as in the envelope.
  return trim(*from) == "<>" || contains_any(letters, std::begin(kNames), std::end(kNames));
}

/// What mail servers call their reports, in any encoding.
bool reports_failure(const message::Header& header) {
  static constexpr std::string_view kWords[] = {
      "undeliver",       "failure notice",         "delivery fail",         "delivery status", "delivery notification",
      "delivery report", "delivery has failed",    "delayed mail",          "mail delivery",   "returned mail",
      "return receipt",  "could not be delivered", "message not delivered", "unzustellbar",    "nicht zugestellt",
      "non remis",       "non recapitabile",       "no se puede entregar",  "onbestelbaar",    "olevererbart",
      "niedostarczon",   "rejected message"};
  std::optional<std::string> subject = header.first("Subject");
  if (!subject) return false;
  return contains_any(to_lower(mime::decode_header(*subject)), std::begin(kWords), std::end(kWords));
}

bool is_bounce_by_look(const message::Header& header) {
  return has(header, "X-Failed-Recipients") || from_mail_server(header) || reports_failure(header);
}

bool has_word(const message::Header& header, std::string_view name, std::string_view word) {
  std::optional<std::string> value = header.first(name);
  return value && to_lower(*value).find(word) != std::string::npos;
}

/// What answering machines without the fields of RFC 3834 begin their subjects with, and fields that others have too.
bool looks_like_auto_reply(const message::Header& header) {
  static constexpr std::string_view kBeginnings[] = {"out of office",
                                                     "out-of-office",
                                                     "automatic reply",
                                                     "automated reply",
                                                     "autoreply",
                                                     "auto-reply",
                                                     "auto reply",
                                                     "auto:",
                                                     "abwesen",  // Abwesend, Abwesenheitsnotiz
                                                     "automatische antwort",
                                                     "r\u00e9ponse automatique",
                                                     "absence du bureau",
                                                     "respuesta autom\u00e1tica",
                                                     "risposta automatica",
                                                     "automatisch antwoord"};
  std::string subject = to_lower(mime::decode_header(header.first("Subject").value_or("")));
  std::string_view text = trim(subject);
  if (std::any_of(std::begin(kBeginnings), std::end(kBeginnings),
                  [text](std::string_view beginning) { return text.starts_with(beginning); })) {
    return true;
  }
  // MS-OXCMAIL: nothing automatic shall answer it.
  return has_word(header, "X-Auto-Response-Suppress", "all") || has(header, "X-Autogenerated") ||
         has_word(header, "X-POST-MessageClass", "autoresponder") ||
         first_word(header, "Delivered-To") == "autoresponder" || first_word(header, "X-Mailer") == "vacation";
}

/// RFC 3834, and what answering machines wrote before it and beside it.
bool is_auto_reply(const message::Header& header, bool null_sender) {
  std::string submitted = first_word(header, "Auto-Submitted");
  if (submitted == "auto-replied") return true;
  // Exchange calls its answers generated. RFC 3834, 3.3 has the null sender for answers, newsletters have another.
  bool generated = !submitted.empty() && submitted != "no";
  if (generated && (null_sender || has(header, "X-MS-Exchange-Inbox-Rules-Loop"))) return true;
  static constexpr std::string_view kFields[] = {"X-Autoreply",  "X-Autorespond",        "X-Autoresponder",
                                                 "X-Auto-Reply", "X-Auto-Reply-From",    "X-Mail-Autoreply",
                                                 "X-Vacation",   "X-FC-MachineGenerated"};
  for (std::string_view name : kFields) {
    if (has(header, name) && first_word(header, name) != "no") return true;
  }
  std::string precedence = first_word(header, "Precedence");
  if (precedence == "auto_reply" || precedence == "auto-reply") return true;
  return equal_nocase(header.first("X-Precedence").value_or(""), "auto_reply");
}

/// RFC 5545, 3.7.2 and RFC 5546, 1.4: a METHOD makes a calendar object a message to somebody; PUBLISH is one to all.
/// Without an event or a task (RFC 5545, 3.6.1 and 3.6.2) it invites to nothing.
bool is_invitation(const mime::Part& part) {
  constexpr size_t kEnough = 16U << 10U;
  mime::Defects defects;
  std::string text = to_lower(mime::decode(part, kEnough, defects));
  if (text.find("begin:vcalendar") == std::string::npos) return false;
  if (text.find("\nbegin:vevent") == std::string::npos && text.find("\nbegin:vtodo") == std::string::npos) return false;
  size_t method = text.find("\nmethod:");
  if (method == std::string::npos) return false;
  std::string_view value = std::string_view(text).substr(method + 8);
  return !trim(value).starts_with("publish");
}

bool is_calendar(const mime::Part& part) {
  if (part.type == "text/calendar" || part.type == "application/ics") return true;
  return part.type == "application/octet-stream" && to_lower(part.name).ends_with(".ics");
}

bool has_invitation(mime::Content& content) {
  const mime::Message& message = content.structure();
  constexpr unsigned kMost = 3;
  unsigned looked_at = 0;
  for (size_t i = 0; i < message.parts.size() && looked_at < kMost; ++i) {
    const mime::Part& part = message.parts[i];
    if (!is_calendar(part) || is_carried(message, i)) continue;
    ++looked_at;
    if (is_invitation(part)) return true;
  }
  return false;
}

/// The value of `name` in JSON begins at the position returned; npos: it is not there.
size_t json_value(std::string_view json, std::string_view name) {
  size_t at = json.find(name);
  if (at == std::string_view::npos) return at;
  at = json.find_first_not_of(" \t\r\n", at + name.size());
  if (at == std::string_view::npos || json[at] != ':') return std::string_view::npos;
  return json.find_first_not_of(" \t\r\n", at + 1);
}

/// What Amazon SES writes of a message that could not be delivered, as SNS sends it by mail: JSON, for programs.
bool is_json_bounce(std::string_view text) {
  constexpr size_t kEnough = 16U << 10U;
  text = text.substr(0, kEnough);
  size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '{') return false;
  for (std::string_view name : {R"("notificationType")", R"("eventType")"}) {
    size_t at = json_value(text, name);
    if (at != std::string_view::npos && text.substr(at).starts_with(R"("Bounce")")) return true;
  }
  return false;
}

}  // namespace

std::optional<Evidence> special_kind(mime::Content& content, const message::Header& header, bool null_sender,
                                     uint32_t counted_words) {
  Reports reports = find_reports(content.structure());
  const bool is_short = counted_words < kShortReply;
  // RFC 3464, 2: the envelope sender of a report is null.
  if (reports.bounce && (null_sender || is_short)) return Evidence::Bounce;
  if (null_sender && is_bounce_by_look(header)) return Evidence::Bounce;
  if (counted_words < kShortInvitation) {
    if (has_invitation(content)) return Evidence::Calendar;
    if (is_json_bounce(content.shown())) return Evidence::Bounce;
  }
  if (is_short && (reports.receipt || is_auto_reply(header, null_sender))) return Evidence::AutoReply;
  if (counted_words < kShortNotice && looks_like_auto_reply(header)) return Evidence::AutoReply;
  return std::nullopt;
}

}  // namespace postern::bulk
