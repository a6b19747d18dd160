"""Debian's Unbound between Postern and a test's name servers, as a careful site runs it: it keeps answers and writes down every
question that it is asked."""
import re

from harness import free_port
from nsd import answers

# Names that Unbound answers by itself unless told otherwise (RFC 6303, RFC 6761).
BUILT_IN = ("test.", "invalid.", "10.in-addr.arpa.", "2.0.192.in-addr.arpa.", "100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.",
            "8.b.d.0.1.0.0.2.ip6.arpa.")


class Unbound:
    """`servers`: what [dns] servers would name; everything is asked there. `server`: what to put into [dns] servers."""

    def __init__(self, case, servers):
        unbound = case.need("unbound")
        self.port = free_port()
        self.server = f"127.0.0.1@{self.port}"
        folder = case.folder / "unbound"
        folder.mkdir()
        own = "".join(f'    local-zone: "{zone}" nodefault\n' for zone in BUILT_IN)
        forward = "".join(f"    forward-addr: {server}\n" for server in servers)
        (folder / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1
    port: {self.port}
    do-ip6: no
    num-threads: 1
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    use-syslog: no
    logfile: ""
    verbosity: 1
    log-queries: yes
    do-not-query-localhost: no
    module-config: "iterator"
{own}remote-control:
    control-enable: no
forward-zone:
    name: "."
{forward}""")
        self.process = case.start("unbound", [unbound, "-d", "-c", folder / "unbound.conf"])
        self.process.ready("answers", lambda: answers(self.port))

    def asked(self, kind="A"):
        """The names asked for, in order of arrival."""
        return [name.lower() for name, asked in re.findall(r"info: 127\.0\.0\.1 (\S+)\. (\S+) IN", self.process.log()) if asked == kind]

    def count(self, name, kind="A"):
        return self.asked(kind).count(name)
