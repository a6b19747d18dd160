"""DNS zones served by Debian's NSD. One root zone holds every name of a test, so that all others are NXDOMAIN."""
import socket

from harness import free_port


def start(case, records):
    """`records`: zone file lines ('sender.example. TXT "v=spf1 -all"'). Returns what [dns] servers wants."""
    nsd = case.need("nsd")
    port = free_port()
    folder = case.folder / "nsd"
    folder.mkdir()
    (folder / "root.zone").write_text("$TTL 60\n. SOA ns.example. hostmaster.example. 1 3600 600 86400 60\n. NS ns.example.\n"
                                      "ns.example. A 127.0.0.1\n" + "".join(f"{r}\n" for r in records))
    (folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1
    port: {port}
    do-ip6: no
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    xfrdir: "{folder}"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
""")
    process = case.start("nsd", [nsd, "-d", "-c", folder / "nsd.conf"])
    process.ready("answers", lambda: answers(port))
    return [f"127.0.0.1@{port}"]


def answers(port):
    """One question for the root's SOA (RFC 1035, 4.1), recursion desired, so that a resolver answers too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.sendto(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + b"\0" + b"\0\6\0\1", ("127.0.0.1", port))
        try:
            answer = client.recv(512)
            return answer[:2] == b"\x12\x34" and answer[3] & 15 == 0
        except OSError:
            return False
