"""Mail that is alike, for tests of bulk similarity: texts, copies of them that were changed, and a gateway that counts them."""
import json
import random
import re
import subprocess

from client import Client, message
from dns_server import DnsServer, Zone
from harness import Case, PATIENCE

BOB = ["bob@example.org"]

OFFER = """Dear customer,

our warehouse must close before the season ends, therefore every remaining watch leaves today for less than half of its usual
price. Each piece arrives in a wooden chest together with papers, a spare bracelet and the guarantee of our old workshop in the
mountains. Thousands of happy buyers wrote how quickly their parcel came and that neighbours admire the golden dial. Do not
hesitate, because whoever orders before midnight receives a leather wallet without extra charge. Simply follow the address below,
choose a model, enter where the courier should deliver, and forget about customs, we arrange everything quietly.

Yours sincerely,
the sales department
"""

NEWSLETTER = """Hello reader,

this month our gardening letter visits an orchard that survived three dry summers. Margaret explains why she mulches with straw,
which apples keep longest in a cool cellar, and how wasps find damaged fruit. On page two you learn to sharpen secateurs with an
ordinary whetstone, and our calendar lists when leeks, spinach and winter lettuce want sowing. Members meet again on Saturday
behind the greenhouse; bring gloves, seedlings for exchange and something warm to drink. Thank you for subscribing since spring,
every contribution pays for printing and postage of the children's booklet.

Warm greetings from the whole editorial team
"""

# Three people write to each other; nothing of it is alike.
LETTERS = (
    "Could somebody look at the printer upstairs? It swallowed my contract twice this morning and now flashes orange while the "
    "drawer refuses to open.\n",
    "Grandmother's birthday will be celebrated in the village hall after all, please tell cousin Albert to fetch the folding "
    "chairs on Friday evening.\n",
    "Attached are the minutes of yesterday's committee: the bridge gets repainted in autumn, the ferry timetable stays as it was "
    "during winter.\n")

LETTER = re.compile(r"[A-Za-z]{4,}")


def noise(source):
    return "".join(source.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(source.randrange(5, 11)))


def copy_of(text, number, share=0.15):
    """Copy `number` of a text: `share` of its words are others, in every copy other ones."""
    source = random.Random(number * 7919 + 1)
    return LETTER.sub(lambda word: noise(source) if source.random() < share else word[0], text).replace("\n", "\r\n")


def zombie(number):
    """The address of a client of a network of its own (198.19.0.0/16, RFC 2544)."""
    return f"198.19.{number % 256}.{7 + number // 256}"


# What a rule sees of mail.bulk, as the detail of a rule without score; 200 octets of a detail are kept.
FACTS_RULE = '''
rule "BULK_FACTS" {
  about = "says what mail.bulk is, for this test",
  score = 0.0,
  when = function(mail)
    local b = mail.bulk
    return true, string.format("%d %d %d %d %d %.2f %.2f %s %s %s %s %d %d", b.count, b.networks, b.senders, b.domains, b.recipients,
      b.authenticated_share, b.similarity, b.evidence, b.of, tostring(b.allowed), b.cluster == "" and "-" or b.cluster, b.first_seen, b.age)
  end,
}
'''
FACTS = ("count", "networks", "senders", "domains", "recipients", "authenticated_share", "similarity", "evidence", "of", "allowed",
         "cluster", "first_seen", "age")


def facts(detail):
    """What FACTS_RULE said."""
    values = {}
    for name, word in zip(FACTS, detail.split(), strict=True):
        values[name] = word if name in ("evidence", "of", "cluster") else word == "true" if name == "allowed" else float(word)
    return values


class Campaigns(Case):
    """A gateway with a Maildir as its backend, to which clients of any address deliver (PROXY protocol)."""

    def setUp(self):
        super().setUp()
        self.zone = Zone()
        self.dns = DnsServer(self, self.zone)

    def gateway(self, rules=None, start=True, name="postern", **settings):
        self.box = self.folder / "box"
        settings.setdefault("backend", {"address": [f"maildir:{self.box}"]})
        settings = {"listen": [{"proxy_protocol": ["127.0.0.1/32"]}], "log": {"format": "json"},
                    "dns": {"servers": [self.dns.server], "timeout": "2s", "budget": "4s"}, **settings}
        return self.postern(settings, rules={"local.lua": FACTS_RULE} if rules is None else rules, start=start, name=name)

    def deliver(self, gateway, text, source="198.19.0.7", sender="ann@sender.example", recipients=BOB, **fields):
        """The last reply to a message with this text, of a session of its own."""
        fields.setdefault("From", f"<{sender}>")
        fields.setdefault("Message_ID", f"<{random.randrange(10**12)}@{sender.partition('@')[2]}>")
        with Client(gateway.port, source=source) as client:
            return client.deliver(sender, recipients, message(body=text, **fields))

    def spread(self, gateway, text, numbers, **fields):
        """Copies as a botnet sends them: each from another network, sender and domain, to another recipient."""
        for number in numbers:
            reply = self.deliver(gateway, copy_of(text, number), zombie(number), f"info{number}@shop{number}.example",
                                 [f"user{number}@example.org"], **fields)
            self.assertEqual(reply.code, 250, reply)

    def judged(self, gateway):
        """The log's lines of messages, as dictionaries."""
        lines = []
        for line in gateway.log().splitlines():
            if line.startswith("{"):
                said = json.loads(line)
                if "verdict" in said:
                    lines.append(said)
        return lines

    def rules_of(self, said):
        return {rule["name"]: rule for rule in said["rules"]}

    def last_facts(self, gateway):
        """mail.bulk of the message that was judged last."""
        return facts(self.rules_of(self.judged(gateway)[-1])["BULK_FACTS"]["detail"])

    def bulk(self, gateway, *arguments):
        """`postern bulk ...` as an admin types it: (exit status, stdout, stderr)."""
        result = subprocess.run([str(gateway.binary), "bulk", *arguments, "--config", str(gateway.config_path)],
                                capture_output=True, timeout=PATIENCE)
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    def clusters(self, gateway, *options):
        """`postern bulk list --json`, as dictionaries."""
        status, text, errors = self.bulk(gateway, "list", "--json", *options)
        self.assertEqual((status, errors), (0, ""))
        return [json.loads(line) for line in text.splitlines()]
