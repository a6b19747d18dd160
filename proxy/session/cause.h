// Cause: why we refused what neither a rule, nor the score, nor the backend refused.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace postern::session {

enum class Cause : uint8_t {
  None,               // a rule or the score, or there was no backend to ask
  Relay,              // the recipient's domain is not ours, and the client not one that we know
  RelayRoute,         // a way on to somewhere else in the recipient's local part
  OtherLimits,        // the recipient is judged by other thresholds than the first one
  OtherRoute,         // ... or belongs to another backend
  TooManyRecipients,  // [limits] recipients
  NoRecipients,       // none was accepted, and the client went on
  TooBig,             // [limits] message_size, or the backend's
  BareNewline,        // [smtp] bare_newline = "reject"
  HeaderTooBig,       // it cannot be seen as a whole
  Smtputf8,           // the backend does not know SMTPUTF8
  Storage,            // no room for it, or the disk failed
  UnderWay,           // the same message is being delivered for a client that lost its connection
  Fault,              // ours
  TooManyErrors,      // [limits] errors
  TimeOut,            // the client was silent while a message was under way
};
inline constexpr std::array kCauses{Cause::None,         Cause::Relay,      Cause::RelayRoute,
                                    Cause::OtherLimits,  Cause::OtherRoute, Cause::TooManyRecipients,
                                    Cause::NoRecipients, Cause::TooBig,     Cause::BareNewline,
                                    Cause::HeaderTooBig, Cause::Smtputf8,   Cause::Storage,
                                    Cause::UnderWay,     Cause::Fault,      Cause::TooManyErrors,
                                    Cause::TimeOut};

/// "relay", "other_limits": in the log and the journal.
[[nodiscard]] std::string_view to_string(Cause cause);

}  // namespace postern::session
