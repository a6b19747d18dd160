// session::Connector: links to backends by address or by name.
#pragma once

#include "proxy/net/host_table.h"
#include "proxy/net/link.h"
#include "proxy/session/ports.h"

namespace postern::net {

/// One thread: the loop's. All references outlive it. Addresses connect at once; names go through the HostTable and,
/// when it knows nothing fresh, through the system's resolver off the loop.
class LinkConnector final : public session::Connector {
 public:
  LinkConnector(LinkPool& links, session::Offload& offload, HostTable& hosts, const Clock& clock)
      : links_(links), offload_(offload), hosts_(hosts), clock_(clock) {}

  [[nodiscard]] std::unique_ptr<session::Link> connect(const session::BackendAddress& address,
                                                       session::LinkEvents& events) override;

 private:
  void resolve(BufferLink& link, const session::BackendAddress& address);

  LinkPool& links_;
  session::Offload& offload_;
  HostTable& hosts_;
  const Clock& clock_;
};

}  // namespace postern::net
