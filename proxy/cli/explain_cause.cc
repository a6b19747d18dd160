#include "proxy/cli/explain_cause.h"

#include <fmt/format.h>

#include "proxy/cli/counted.h"

namespace postern::cli {
namespace {

using ops::JournalEntry;
using session::Cause;

std::string size_text(const JournalEntry& entry) {
  std::string limit =
      "[limits] message_size, or what the mail system behind takes where that is less (message_size_limit in Postfix); "
      "raise both to take such mail";
  if (entry.stage == "message") return "the message is larger than " + limit;
  if (entry.facts->size == 0) return "the client announced a message larger than " + limit;
  return fmt::format("the client announced a message of {}, more than {}", counted(entry.facts->size, "octet"), limit);
}

/// Of a recipient, at RCPT.
std::string_view recipient_text(Cause cause) {
  switch (cause) {
    case Cause::Relay:
      return "the recipient's domain is not in [relay] domains and the client's address not in [relay] trusted: we are "
             "no open relay. If the domain is yours, add it to [relay] domains; if the client may send anywhere, add "
             "it "
             "to [relay] trusted";
    case Cause::RelayRoute:
      return "the recipient's local part holds a way on to somewhere else (%, ! or @), which a mail system behind "
             "might "
             "follow. Only clients in [relay] trusted may write so";
    case Cause::OtherLimits:
      return "this recipient is judged by other thresholds ([[verdict.for]]) than the first one of the message, and a "
             "message gets one verdict: the sender brings it again in a transaction of its own. [verdict] mixed = "
             "\"strictest\" judges them together";
    case Cause::OtherRoute:
      return "this recipient belongs to another mail system ([[backend.route]]) than the first one of the message: the "
             "sender brings it again in a transaction of its own. There is nothing to change";
    case Cause::TooManyRecipients:
      return "the message had as many recipients already as [limits] recipients allows: the sender brings the others "
             "in another transaction";
    case Cause::NoRecipients:
      return "the client went on to the message although none of its recipients had been accepted: what each was told "
             "stands below and, if it was we who refused it, in other answers under this id";
    default: return "";
  }
}

/// Of a message, or of the connection.
std::string_view other_text(Cause cause) {
  switch (cause) {
    case Cause::BareNewline:
      return "the message has line ends that are not CRLF, and [smtp] bare_newline = \"reject\" refuses it unseen; "
             "\"normalize\" mends and takes such mail";
    case Cause::HeaderTooBig:
      return "its header is too large to be seen as a whole, so nobody could say who signed it and whom it is from. No "
             "setting changes that";
    case Cause::Smtputf8:
      return "it is an internationalised message (SMTPUTF8), and the mail system behind does not say that it takes "
             "such: "
             "smtputf8_enable in Postfix";
    case Cause::Storage:
      return "the message could not be kept while it arrived: [limits] memory is used up, or [limits] spool is full or "
             "cannot be written. The log says which, in a line of level error with this id; the sender tries again";
    case Cause::UnderWay:
      return "the same message of this client, which lost its connection, was still on its way to the mail system "
             "behind, and must not be delivered twice: the sender tries again. If it comes often, that system is slow";
    case Cause::Fault:
      return "of a fault of our own, most likely a lack of memory: the log has a line of level error with this id. The "
             "sender tries again";
    case Cause::TooManyErrors:
      return "the client sent more bad commands than [limits] errors allows, and was told to go";
    case Cause::TimeOut:
      return "the client was silent for longer than [limits] command_timeout, or did not bring the message to its end "
             "within data_timeout, and was told to go";
    default: return "";
  }
}

}  // namespace

std::string_view cause_headline(const JournalEntry& entry) {
  switch (entry.cause) {
    case Cause::TooManyErrors:
    case Cause::TimeOut: return "TOLD TO GO";
    case Cause::UnderWay: return "DEFERRED";
    case Cause::Smtputf8: return "REJECTED";
    default: return "";
  }
}

std::string cause_reason(const JournalEntry& entry) {
  std::string text;
  if (entry.cause == Cause::TooBig) text = size_text(entry);
  if (text.empty()) text = recipient_text(entry.cause);
  if (text.empty()) text = other_text(entry.cause);
  return text;
}

std::string times_text(const JournalEntry& entry) {
  if (!entry.repeated) return "";
  std::string times = entry.times == 1 ? std::string("once") : counted(entry.times, "time");
  if (entry.transactions == 0) return fmt::format(". This was answered {} more under this id", times);
  return fmt::format(
      ". This id is that of {} of this connection, those after the first ones, which had ids of their own: there this "
      "was answered {}. The sender is that of the last",
      counted(entry.transactions, "transaction"), times);
}

}  // namespace postern::cli
