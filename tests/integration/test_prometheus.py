#!/usr/bin/env python3
"""A real Prometheus scrapes Postern and answers questions about verdicts."""
import json
import subprocess
import urllib.parse
import urllib.request

from client import Client, message
from harness import Case, free_port, main
from sink import Sink

# Of design.md, section 7: what must be there once a few messages have passed.
FAMILIES = ("postern_connections_total", "postern_connections_open", "postern_messages_total", "postern_message_score_bucket",
            "postern_message_bytes_bucket", "postern_recipients_total", "postern_replies_total", "postern_rule_hits_total",
            "postern_rule_seconds_bucket", "postern_filter_seconds_bucket", "postern_filter_results_total", "postern_backend_up",
            "postern_backend_seconds_bucket", "postern_backend_replies_total", "postern_final_dot_seconds_bucket",
            "postern_loop_lag_seconds_bucket", "postern_memory_bytes", "postern_rules_info", "postern_dns_queries_total",
            "postern_dns_seconds_bucket")


class Prometheus(Case):
    def setUp(self):
        super().setUp()
        self.sink = Sink().start()
        self.addCleanup(self.sink.stop)
        self.gateway = self.postern({"backend": {"address": [self.sink.address]},
                                     "listen": [{"proxy_protocol": ["127.0.0.1/32"]}]})
        for weight, code in ((None, 250), (None, 250), (None, 250), ("7", 250), ("7.5", 250), ("20", 550)):
            with Client(self.gateway.port, source="192.0.2.10") as client:
                reply = client.deliver("ann@sender.example", ["bob@example.org"], message(X_Weight=weight))
                self.assertEqual(reply.code, code, reply)

    def test_promtool_finds_nothing_to_say_about_our_metrics(self):
        promtool = self.need("promtool")
        status, text = self.gateway.http("/metrics")
        self.assertEqual(status, 200)
        check = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True)
        self.assertEqual((check.returncode, check.stdout + check.stderr), (0, b""))

    def test_metrics_that_the_documents_promise(self):
        text = self.gateway.http("/metrics")[1]
        names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
        self.assertEqual([f for f in FAMILIES if f not in names], [])

    def test_prometheus_answers_how_many_of_each_verdict(self):
        prometheus = self.need("prometheus")
        port = free_port()
        config = self.folder / "prometheus.yml"
        config.write_text(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: postern
    static_configs: [{{targets: ["127.0.0.1:{self.gateway.http_port}"]}}]
""")
        self.server = self.start("prometheus", [prometheus, f"--config.file={config}",
                                                f"--storage.tsdb.path={self.folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"])

        def ask(question):
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": question})
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    return json.load(answer)["data"]["result"]
            except OSError:
                return []
        found = self.server.ready("has scraped", lambda: ask("sum by (verdict) (postern_messages_total) > 0"))
        self.assertEqual({r["metric"]["verdict"]: float(r["value"][1]) for r in found},
                         {"accept": 3, "tag": 2, "reject": 1})
        hits = ask('postern_rule_hits_total{rule="WEIGHT"}')
        self.assertEqual(float(hits[0]["value"][1]), 3)
        self.assertEqual([r["value"][1] for r in ask("up")], ["1"])
        median = ask("histogram_quantile(0.5, sum by (le) (postern_message_score_bucket))")
        self.assertTrue(median)


if __name__ == "__main__":
    main()
