#include "proxy/session/cause.h"

namespace postern::session {

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::None: return "none";
    case Cause::Relay: return "relay";
    case Cause::RelayRoute: return "relay_route";
    case Cause::OtherLimits: return "other_limits";
    case Cause::OtherRoute: return "other_route";
    case Cause::TooManyRecipients: return "too_many_recipients";
    case Cause::NoRecipients: return "no_recipients";
    case Cause::TooBig: return "too_big";
    case Cause::BareNewline: return "bare_newline";
    case Cause::HeaderTooBig: return "header_too_big";
    case Cause::Smtputf8: return "smtputf8";
    case Cause::Storage: return "storage";
    case Cause::UnderWay: return "under_way";
    case Cause::Fault: return "fault";
    case Cause::TooManyErrors: return "too_many_errors";
    case Cause::TimeOut: return "time_out";
  }
  return "?";
}

}  // namespace postern::session
