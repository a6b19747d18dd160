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
bool is_invitation(const mime::Part& part) {
  constexpr size_t kEnough = 16U << 10U;
  mime::Defects defects;
  std::string text = to_lower(mime::decode(part, kEnough, defects));
  if (text.find("begin:vcalendar") == std::string::npos) return false;
  size_t method = text.find("\nmethod:");
  if (method == std::string::npos) return false;
  std::string_view value = std::string_view(text).substr(method + 8);
  return !trim(value).starts_with("publish");
}

bool has_invitation(mime::Content& content) {
  const mime::Message& message = content.structure();
  constexpr unsigned kMost = 3;
  unsigned looked_at = 0;
  for (size_t i = 0; i < message.parts.size() && looked_at < kMost; ++i) {
    const mime::Part& part = message.parts[i];
    bool calendar = part.type == "text/calendar" || part.type == "application/ics";
    if (!calendar || is_carried(message, i)) continue;
    ++looked_at;
    if (is_invitation(part)) return true;
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
  if (counted_words < kShortInvitation && has_invitation(content)) return Evidence::Calendar;
  if (is_short && (reports.receipt || is_auto_reply(header, null_sender))) return Evidence::AutoReply;
  return std::nullopt;
}

}  // namespace postern::bulk
