#!/usr/bin/env python3
"""The running gateway: reload, shutdown, TLS, the PROXY protocol, limits, log and the quickstart's configuration."""
import ipaddress
import json
import re
import signal
import socket
import struct

import certs
import nsd
from client import Client, field, message, stuffed
from harness import Case, HOSTNAME, ROOT, WEIGHT_RULE, free_port, listens, main, spf_rule, wait_until
from sink import Hold, Sink

BOB = ["bob@example.org"]


class Running(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink(lambda step, s: self.script(step, s)).start()
        self.addCleanup(self.sink.stop)

    def script(self, step, session):
        return None

    def gateway(self, rules=None, **settings):
        return self.postern({"backend": {"address": [self.sink.address]}, **settings}, rules=rules)

    def deliver(self, gateway, content=None, sender="ann@sender.example", **options):
        with Client(gateway.port, **options) as client:
            return client.deliver(sender, BOB, content or message())


class Reload(Running):
    def test_new_rules_are_in_force_and_a_bad_set_is_refused(self):
        gateway = self.gateway(rules={"10-test.lua": WEIGHT_RULE})
        self.assertEqual(self.deliver(gateway, message(X_Weight="10")).code, 250)
        gateway.write_rules({"10-test.lua": WEIGHT_RULE.replace("score = 1.0", "score = 2.0")})
        self.assertEqual(gateway.reload(), "ok")
        self.assertEqual(self.deliver(gateway, message(X_Weight="10")).code, 550)
        gateway.write_rules({"20-broken.lua": "rule 'BROKEN' {\n  score = 1,\n"})
        self.assertEqual(gateway.reload(), "refused")
        self.assertIn("20-broken.lua:", gateway.log())
        self.assertEqual(self.deliver(gateway, message(X_Weight="10")).code, 550)
        self.assertEqual(self.deliver(gateway, message(X_Weight="7")).code, 250)
        self.assertEqual(gateway.http("/readyz")[0], 200)

    def test_a_bad_configuration_is_refused_and_a_good_one_taken(self):
        gateway = self.gateway()
        gateway.settings["relay"]["domains"] = ["example.org", "example.net"]
        gateway.settings["verdict"] = {"rejct": 3.0}
        gateway.write_config()
        self.assertEqual(gateway.reload(), "refused")
        self.assertIn("rejct", gateway.log())
        with Client(gateway.port) as client:
            client.command("MAIL FROM:<ann@sender.example>")
            self.assertEqual(client.command("RCPT TO:<bob@example.net>").code, 550)
        del gateway.settings["verdict"]
        gateway.write_config()
        self.assertEqual(gateway.reload(), "ok")
        with Client(gateway.port) as client:
            client.command("MAIL FROM:<ann@sender.example>")
            self.assertEqual(client.command("RCPT TO:<bob@example.net>").code, 250)

    def test_a_session_keeps_what_it_began_with(self):
        gateway = self.gateway()
        with Client(gateway.port) as client:
            gateway.settings["relay"]["domains"] = ["example.net"]
            gateway.write_config()
            self.assertEqual(gateway.reload(), "ok")
            self.assertEqual(client.deliver("ann@sender.example", BOB, message()).code, 250)
        self.assertEqual(self.deliver(gateway).code, 550)

    def test_a_domain_list_in_a_file_is_read_again(self):
        domains = self.folder / "domains"
        domains.write_text("# ours\nexample.com\n")
        gateway = self.gateway(relay={"domains": [f"@{domains}"]})
        self.assertEqual(self.deliver(gateway).code, 550)
        domains.write_text("example.org\n")
        self.assertEqual(gateway.reload(), "ok")
        self.assertEqual(self.deliver(gateway).code, 250)


class Shutdown(Running):
    def script(self, step, session):
        return self.hold if step == "dot" else None

    def setUp(self):
        self.hold = Hold()
        super().setUp()
        self.addCleanup(self.hold.go)

    def test_sigterm_finishes_what_is_past_its_dot_and_sends_the_rest_away(self):
        gateway = self.gateway()
        idle = Client(gateway.port)
        in_content = Client(gateway.port)
        self.assertEqual(in_content.envelope("slow@sender.example", BOB).code, 354)
        past_dot = Client(gateway.port)
        self.assertEqual(past_dot.envelope("ann@sender.example", BOB).code, 354)
        past_dot.send(stuffed(message()))
        self.assertTrue(self.hold.reached.wait(60))
        gateway.process.signal(signal.SIGTERM)
        self.assertEqual([r.code for r in idle.replies_until_closed()], [421])
        wait_until("503 from /readyz, or nobody there", lambda: gateway.http("/readyz")[0] in (503, 0))
        wait_until("the listener's end", lambda: self.refused(gateway.port))
        self.assertIsNone(gateway.process.child.poll(), "it must wait for the message past its final dot")
        self.hold.go()
        self.assertEqual(past_dot.reply().code, 250)
        self.assertEqual(gateway.process.wait(), 0)
        self.assertEqual([m.sender for m in self.sink.messages], ["ann@sender.example"])
        for client in (idle, in_content, past_dot):
            client.close()

    @staticmethod
    def refused(port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return False
        except OSError:
            return True

    def test_drain_has_an_end(self):
        gateway = self.gateway(limits={"drain": "1s"})
        client = Client(gateway.port)
        self.assertEqual(client.envelope("ann@sender.example", BOB).code, 354)
        client.send(stuffed(message()))
        self.assertTrue(self.hold.reached.wait(60))
        gateway.process.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(), 0)
        self.assertNotIn(250, [r.code for r in client.replies_until_closed()])
        client.close()


class Tls(Running):
    def setUp(self):
        super().setUp()
        self.ecdsa = certs.make(self.folder, "ecdsa")
        self.rsa = certs.make(self.folder, "rsa", "rsa")
        self.other = certs.make(self.folder, "other", hosts=("mail.other.example",))

    def tls_gateway(self, mode):
        pairs = [{"certificate": str(c), "key": str(k)} for c, k in (self.rsa, self.other)]
        return self.gateway(listen=[{"tls": mode}], tls={"certificate": str(self.ecdsa[0]), "key": str(self.ecdsa[1]), "pair": pairs})

    def certificate(self, gateway, name=HOSTNAME, ciphers=None):
        with Client(gateway.port) as client:
            self.assertIn("STARTTLS", client.ehlo.text)
            self.assertEqual(client.command("STARTTLS").code, 220)
            client.secure(certs.context(ciphers), name)
            hello = client.command("EHLO client.sender.example")
            self.assertEqual(hello.code, 250)
            self.assertNotIn("STARTTLS", hello.text)
            return client.socket.getpeercert(binary_form=True)

    def test_starttls_delivers_and_says_so(self):
        gateway = self.tls_gateway("starttls")
        with Client(gateway.port) as client:
            client.command("STARTTLS")
            client.secure(certs.context(), HOSTNAME)
            client.command("EHLO client.sender.example")
            self.assertEqual(client.deliver("ann@sender.example", BOB, message()).code, 250)
        self.assertRegex(field(self.sink.messages[0].content, "Received"), r"with ESMTPS\b.*TLS|TLS.*with ESMTPS\b")

    def test_implicit_tls(self):
        gateway = self.tls_gateway("implicit")
        with Client(gateway.port, tls=(certs.context(), HOSTNAME)) as client:
            self.assertEqual(client.greeting.code, 220)
            self.assertNotIn("STARTTLS", client.ehlo.text)
            self.assertEqual(client.deliver("ann@sender.example", BOB, message()).code, 250)

    def test_ecdsa_and_rsa_side_by_side(self):
        gateway = self.tls_gateway("starttls")
        self.assertEqual(self.certificate(gateway, ciphers="ECDHE-RSA-AES128-GCM-SHA256"), certs.der(self.rsa[0]))
        self.assertEqual(self.certificate(gateway, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"), certs.der(self.ecdsa[0]))
        self.assertEqual(self.certificate(gateway), certs.der(self.ecdsa[0]))

    def test_sni_chooses_the_certificate(self):
        gateway = self.tls_gateway("starttls")
        self.assertEqual(self.certificate(gateway, name="mail.other.example"), certs.der(self.other[0]))
        self.assertEqual(self.certificate(gateway, name=HOSTNAME), certs.der(self.ecdsa[0]))

    def test_a_name_that_nobody_knows_gets_the_first_certificate(self):
        self.assertEqual(self.certificate(self.tls_gateway("starttls"), name="unknown.example"), certs.der(self.ecdsa[0]))

    def test_plain_text_where_tls_is_implicit_ends_the_connection_only(self):
        gateway = self.tls_gateway("implicit")
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as raw:
            raw.sendall(b"EHLO plain.example\r\n" * 20)
            try:
                while raw.recv(4096):
                    pass
            except OSError:
                pass
        with Client(gateway.port, tls=(certs.context(), HOSTNAME)) as client:
            self.assertEqual(client.greeting.code, 220)


class ProxyProtocol(Running):
    SOURCE = "192.0.2.77"

    def proxied(self):
        return self.gateway(listen=[{"proxy_protocol": ["127.0.0.1/32"]}])

    @staticmethod
    def version2(source, command=1):
        """The binary header of the PROXY protocol, version 2 (section 2.2)."""
        addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address("127.0.0.1").packed + struct.pack("!HH", 40000, 25)
        return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, 0x11]) + struct.pack("!H", len(addresses)) + addresses

    def expect_source(self, client, address):
        self.assertEqual(client.greeting.code, 220)
        self.assertEqual(client.deliver("ann@sender.example", BOB, message()).code, 250)
        mail = self.sink.messages[-1]
        self.assertIn(f"[{address}]", field(mail.content, "Received"))
        self.assertEqual(mail.session.xclient["ADDR"], address)

    def test_version_1(self):
        with Client(self.proxied().port, source=self.SOURCE) as client:
            self.expect_source(client, self.SOURCE)

    def test_version_2_in_pieces(self):
        client = Client(self.proxied().port, greet=False)
        header = self.version2(self.SOURCE)
        for position in range(len(header)):
            client.send(header[position:position + 1])
        client.greeting = client.reply()
        client.command("EHLO client.sender.example")
        self.expect_source(client, self.SOURCE)
        client.close()

    def test_haproxy_before_us(self):
        haproxy, gateway = self.need("haproxy"), self.proxied()
        for version in ("send-proxy", "send-proxy-v2"):
            port, config = free_port(), self.folder / f"{version}.cfg"
            config.write_text(f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen smtp
  bind 127.0.0.1:{port}
  server postern 127.0.0.1:{gateway.port} {version}
""")
            self.start(version, [haproxy, "-db", "-f", config]).ready("listens", lambda: listens(port))
            with Client(port) as client:
                self.expect_source(client, "127.0.0.1")

    def test_without_a_header_nobody_is_served(self):
        for first in (b"EHLO client.example\r\n", b"PROXY TCP4 banana\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\1x", b"\0" * 600):
            client = Client(self.proxied_once().port, greet=False)
            client.send(first)
            self.assertNotIn(220, [r.code for r in self.quiet(client)])
            client.close()

    def proxied_once(self):
        if not hasattr(self, "shared"):
            self.shared = self.proxied()
        return self.shared

    @staticmethod
    def quiet(client):
        try:
            return client.replies_until_closed()
        except OSError:
            return []

    def test_a_header_from_elsewhere_is_no_command(self):
        gateway = self.gateway()
        client = Client(gateway.port, greet=False)
        client.send(f"PROXY TCP4 {self.SOURCE} 127.0.0.1 40000 25\r\n")
        codes = [client.reply().code]
        if codes == [220]:
            codes.append(client.reply().code)
        self.assertGreaterEqual(codes[-1], 400)
        client.close()


class LogAndFacts(Running):
    def test_one_json_line_tells_all_of_a_message(self):
        gateway = self.gateway(log={"format": "json"}, listen=[{"proxy_protocol": ["127.0.0.1/32"]}],
                               dns={"servers": nsd.start(self, ['sender.example. TXT "v=spf1 ip4:192.0.2.10 -all"'])},
                               rules={"10-spf.lua": spf_rule(3.0)})
        self.assertEqual(self.deliver(gateway, source="198.51.100.66", helo="client.sender.example").code, 250)
        records = [json.loads(l) for l in gateway.log().splitlines() if l.startswith("{")]
        record, = [r for r in records if r.get("verdict")]
        for key in ("id", "client", "helo", "from", "rcpts", "size", "verdict", "score", "rules", "spf", "milliseconds"):
            self.assertIn(key, record)
        self.assertEqual((record["verdict"], record["score"], record["from"]), ("accept", 3.0, "ann@sender.example"))
        self.assertIn("198.51.100.66", json.dumps(record["client"]))
        self.assertIn("SPF_FAIL", json.dumps(record["rules"]))

    def test_a_client_cannot_write_log_lines(self):
        gateway = self.gateway()
        with Client(gateway.port, helo="x\x1b[2Jy") as client:
            client.deliver("ann@sender.example", BOB, message())
        self.assertNotIn("\x1b", gateway.log())

    def test_dead_dns_delays_but_does_not_stop_mail(self):
        dead = self.gateway(listen=[{"proxy_protocol": ["127.0.0.1/32"]}], rules={"10-spf.lua": spf_rule(20.0)},
                            dns={"servers": [f"127.0.0.1@{free_port()}"], "timeout": "1s", "budget": "2s"})
        self.assertEqual(self.deliver(dead, source="192.0.2.10").code, 250)
        self.assertRegex(field(self.sink.messages[0].content, "Authentication-Results"), "spf=temperror")

    def test_quarantine_keeps_a_copy_and_delivers_none(self):
        gateway = self.gateway(verdict={"quarantine": 10.0})
        self.assertEqual(self.deliver(gateway, message(X_Weight="12")).code, 250)
        kept = list((gateway.folder / "quarantine" / "new").iterdir())
        self.assertEqual(len(kept), 1)
        self.assertIn(b"this is a test", kept[0].read_bytes())
        self.assertEqual(self.sink.messages, [])

    def test_a_maildir_as_backend(self):
        box = self.folder / "box"
        gateway = self.gateway(backend={"address": [f"maildir:{box}"]})
        content = message(body=".dot\r\nplain\r\n")
        self.assertEqual(self.deliver(gateway, content).code, 250)
        mail, = (box / "new").iterdir()
        self.assertIn(b"\n.dot\n", mail.read_bytes().replace(b"\r\n", b"\n"))
        self.assertFalse(list((box / "tmp").iterdir()))

    def test_recipients_with_other_thresholds_come_in_a_transaction_of_their_own(self):
        gateway = self.gateway(relay={"domains": ["example.org", "example.net"]},
                               verdict={"for": [{"recipients": ["@example.net"], "reject": 5.0}]})
        with Client(gateway.port) as client:
            client.command("MAIL FROM:<ann@sender.example>")
            self.assertEqual(client.command("RCPT TO:<bob@example.org>").code, 250)
            answer = client.command("RCPT TO:<eve@example.net>")
            self.assertEqual((answer.code, answer.text[:5]), (452, "4.5.3"))
            client.command("RSET")
            self.assertEqual(client.deliver("ann@sender.example", ["eve@example.net"], message(X_Weight="5")).code, 550)
            self.assertEqual(client.deliver("ann@sender.example", BOB, message(X_Weight="5")).code, 250)

    def test_too_big_is_told_before_and_after(self):
        gateway = self.gateway(limits={"message_size": "64KiB"})
        with Client(gateway.port) as client:
            self.assertRegex(client.ehlo.text, r"SIZE 65536\b")
            self.assertEqual(client.command("MAIL FROM:<ann@sender.example> SIZE=99999").code, 552)
            big = message(body="a line of some length that comes again\r\n" * 4000)
            self.assertEqual(client.deliver("ann@sender.example", BOB, big).code, 552)
            self.assertEqual(client.deliver("ann@sender.example", BOB, message()).code, 250)

    def test_a_spooled_message_arrives_whole(self):
        gateway = self.gateway()
        big = message(body="".join(f"line {n} of a long message\r\n" for n in range(400_000)))
        self.assertEqual(self.deliver(gateway, big).code, 250)
        self.assertTrue(self.sink.messages[0].content.replace(b"\r\n..", b"\r\n.").endswith(big))
        self.assertEqual(list((gateway.folder / "spool").iterdir()), [], "spool files must be unlinked")


class Quickstart(Running):
    def test_the_configuration_that_we_ship_works_as_it_is(self):
        """deploy/postern.toml with our own ports and folders in it, and the rules that we ship."""
        gateway = self.postern(start=False)
        text = (ROOT / "deploy" / "postern.toml").read_text()
        for old, new in (("0.0.0.0:25", f"127.0.0.1:{gateway.port}"), ('[[listen]]\naddress = "[::]:25"\n', ""),
                         ('"127.0.0.1:10025"', f'"{self.sink.address}"'),
                         ('#directory = "/etc/postern/rules"', f'directory = "{ROOT}/rules"'),
                         ('#address = "127.0.0.1:9125"', f'address = "127.0.0.1:{gateway.http_port}"'),
                         ("#servers = []", f"servers = {json.dumps(gateway.settings['dns']['servers'])}"),
                         ("/var/lib/postern", str(gateway.folder))):
            self.assertIn(old, text)
            text = text.replace(old, new)
        text = re.sub(rf'^#(\w+ = "{re.escape(str(gateway.folder))})', r"\1", text, flags=re.M)
        gateway.config_path.write_text(text)
        checked = gateway.run("check")
        self.assertEqual((checked.returncode, checked.stderr), (0, b""))
        gateway.serve()
        self.assertEqual(self.deliver(gateway).code, 250)
        self.assertEqual(len(self.sink.messages), 1)


if __name__ == "__main__":
    main()
