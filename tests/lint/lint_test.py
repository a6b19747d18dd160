"""The lints find what they are for, and let pass what is right."""

import tempfile
import unittest
from pathlib import Path

import check_docs
import check_includes
import check_sizes


class InATree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


class Includes(unittest.TestCase):
    def refused(self, path, line):
        return check_includes.check_line(path, 1, line) is not None

    def test_direction(self):
        self.assertFalse(self.refused("lua/host.cc", '#include "filters/facts.h"'))
        self.assertTrue(self.refused("filters/spf/spf.cc", '#include "lua/rules.h"'))
        self.assertTrue(self.refused("proxy/smtp/reply.cc", '#include "filters/facts.h"'))
        self.assertFalse(self.refused("proxy/smtp/reply.cc", '#include "filters/base/bytes.h"'))
        self.assertTrue(self.refused("proxy/session/session.cc", '#include "proxy/net/loop.h"'))
        self.assertTrue(self.refused("proxy/net/loop.cc", '#include "proxy/ops/config.h"'))
        self.assertFalse(self.refused("proxy/cli/serve.cc", '#include "proxy/ops/config.h"'))
        self.assertTrue(self.refused("proxy/smtp/reply.cc", '#include "tests/fakes/fake_dns.h"'))
        self.assertFalse(self.refused("tests/unit/proxy_smtp/reply_test.cc", '#include "proxy/smtp/reply.h"'))
        self.assertTrue(self.refused("tests/unit/proxy_smtp/reply_test.cc", '#include "proxy/session/session.h"'))

    def test_from_the_root(self):
        self.assertTrue(self.refused("lua/host.cc", '#include "rules.h"'))

    def test_owners_of_libraries(self):
        self.assertFalse(self.refused("proxy/net/loop.cc", "#include <event2/event.h>"))
        self.assertTrue(self.refused("proxy/session/session.cc", "#include <event2/event.h>"))
        self.assertFalse(self.refused("proxy/ops/http.cc", "#include <event2/http.h>"))
        self.assertTrue(self.refused("filters/dkim/dkim.cc", "#include <openssl/ssl.h>"))
        self.assertFalse(self.refused("filters/dkim/dkim.cc", "#include <openssl/evp.h>"))
        self.assertTrue(self.refused("proxy/net/tls.cc", "#include <unbound.h>"))
        self.assertFalse(self.refused("proxy/net/dns_unbound.cc", "#include <unbound.h>"))
        self.assertTrue(self.refused("proxy/ops/config.cc", "#include <lua.hpp>"))
        self.assertTrue(self.refused("filters/base/bytes.cc", "#include <format>"))
        self.assertFalse(self.refused("filters/base/bytes.cc", "#include <vector>"))


class Sizes(InATree):
    def test_long_file(self):
        self.write("proxy/long.cc", "int i;\n" * (check_sizes.MAX_LINES + 1))
        self.write("proxy/short.cc", "int i;\n" * check_sizes.MAX_LINES)
        problems, _ = check_sizes.check(self.root)
        self.assertEqual([p.split(":")[0] for p in problems], ["proxy/long.cc"])

    def test_places(self):
        self.write("proxy/a.cc", "// see " + "/ro" + "ot/notes\n")
        self.assertEqual(len(check_sizes.check(self.root)[0]), 1)


class Docs(InATree):
    def test_readme_and_links(self):
        self.write("lua/host.cc", "")
        self.write("README.md", "[here](lua/host.cc) [there](lua/none.cc) [web](https://example.org/)\n")
        problems = check_docs.check(self.root)
        self.assertEqual(problems, ["lua: has sources and no README.md", "README.md:1: the link leads nowhere: lua/none.cc"])

    def test_settings_both_ways(self):
        self.write("proxy/ops/README.md", "")
        self.write("deploy/README.md", "")
        self.write("proxy/ops/config_tables.cc", 'read({{"dns", spec::Table{f}},\n {"timeout", time(x)}, {"budget",\n time(y)}});\n')
        self.write("deploy/postern.toml", "[dns]\n#timeout = 1\n#old = 2\n# prose = none\n")
        problems = check_docs.check(self.root)
        self.assertEqual(len(problems), 2)
        self.assertIn("proxy/ops/config_tables.cc:2: 'budget'", problems[0])
        self.assertIn("deploy/postern.toml:3: 'old'", problems[1])

    def test_metrics_both_ways(self):
        self.write("proxy/ops/README.md", "")
        self.write("proxy/ops/metrics.cc", 'add("postern_a_total"); add("postern_b_seconds");\n')
        self.write("deploy/README.md", "`postern_b_seconds_bucket` `postern_c_total`\n")
        problems = check_docs.check(self.root)
        self.assertEqual(len(problems), 2)
        self.assertIn("'postern_a_total' is a metric", problems[0])
        self.assertIn("'postern_c_total' is not a metric", problems[1])


if __name__ == "__main__":
    unittest.main()
