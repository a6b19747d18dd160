// Facts: what is known of one message, stage by stage. Filled by the session, read by rules.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/arc/arc.h"
#include "filters/base/ip.h"
#include "filters/bulk/facts.h"
#include "filters/classifier/facts.h"
#include "filters/dkim/dkim.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dns/helo.h"
#include "filters/dns/iprev.h"
#include "filters/lists/list.h"
#include "filters/spf/spf.h"

namespace postern {

namespace mime {
class Content;
}

struct ClientFacts {
  IpAddress ip;
  uint16_t port = 0;
  std::string name;  // forward-confirmed reverse DNS name; empty when there is none
  bool tls = false;
  bool early = false;                               // it talked before it was greeted (RFC 5321, 4.3.1)
  std::optional<dns::ReverseName::Result> reverse;  // iprev (RFC 8601, 2.7.3); from mail on
};

/// Of a connection; each of its messages begins with it. Apart from the rest because gateways have thousands of
/// connections on which nothing happens.
struct ConnectionFacts {
  ClientFacts client;     // from connect on
  std::string helo;       // from helo on
  dns::HeloName helo_is;  // from helo on; what the DNS says of it where a rule reads it, else from message on
  /// By place in RuleSet::lists(); empty: none was asked. From the stage of the list's subject on where a rule of that
  /// stage needs it, all of them from message on.
  std::vector<lists::Outcome> lists;
};

/// A value owned by the session's transaction. What is not known yet is nullopt or empty; `rules::Stage` says what is
/// known when.
struct Facts : ConnectionFacts {
  std::string from;                      // from mail on: address without <>, empty for the null sender
  std::optional<spf::Outcome> helo_spf;  // from mail on
  std::optional<spf::Outcome> spf;       // from mail on
  std::vector<std::string> rcpts;        // from rcpt on: accepted so far, the one being judged last
  uint64_t size = 0;                     // message: bytes
  std::string_view message;  // message: the text with CRLF line ends; may be only its beginning (see truncated)
  /// Of `message`, where somebody read it before the rules did; null: not yet.
  std::shared_ptr<mime::Content> content;
  bool truncated = false;               // message: rules see only the first part of it
  std::vector<dkim::Outcome> dkim;      // message: one for each signature looked at, in the order of the fields
  size_t dkim_ignored = 0;              // message: signatures beyond those
  std::optional<arc::Outcome> arc;      // message
  std::optional<dmarc::Outcome> dmarc;  // message
  bulk::Outcome bulk;                   // message; as it is where nobody counts
  classifier::Outcome classifier;       // message; as it is where nothing was learned
  bool smtputf8 = false;                // from mail on: the message is internationalised (RFC 6531)
};

}  // namespace postern
