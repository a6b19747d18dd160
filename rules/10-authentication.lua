-- Who sent it? SPF (RFC 7208) asks whether the sender's domain allows this client, DKIM (RFC 6376) which domains have signed
-- the message, DMARC (RFC 9989) whether the domain that the reader sees in From is one of those, ARC (RFC 8617) what
-- forwarders saw before us. The rules of DKIM are in 11-dkim.lua; README.md has a section on DMARC and one on forwarders.
--
-- No failure alone refuses a message: forwarders and mailing lists break SPF and DKIM of honest mail every day. All these rules
-- together add at most what the next line says. Scores are changed in local.lua: score "SPF_FAIL" (4.0)

group("authentication", { max = 8 })

-- What a failure of SPF weighs. A forwarder sends from a machine that the sender's domain does not name: SPF fails although
-- nothing is wrong. When the author's domain stands behind the message all the same (DMARC passes, by a signature), or when a
-- forwarder that you trust saw it pass, the failure is explained and counts a fifth. Nobody gains by that: who can sign as the
-- author can also choose an envelope sender that passes.
local function weight(mail)
  if mail.dmarc.result == "pass" or mail.dmarc.override then return 0.2 end
  return 1
end

-- ---------------------------------------------------------------- SPF: the envelope sender

rule "SPF_FAIL" {
  about = "the sender's domain says that this server must not send mail in its name",
  score = 3.0,
  group = "authentication",
  when = function(mail)
    if mail.spf.result ~= "fail" then return false end
    return weight(mail), mail.spf.domain
  end,
  examples = {
    { hit = true, spf = { result = "fail", domain = "example.net" }, detail = "example.net", score = 3.0 },
    -- Forwarded, and the author's signature holds.
    { hit = true, spf = { result = "fail" }, dmarc = { result = "pass", aligned = { "dkim" } }, score = 0.6 },
    { hit = true, spf = { result = "fail" }, dmarc = { result = "fail", policy = "reject" }, score = 3.0 },
    { hit = true, spf = { result = "fail" }, dmarc = { result = "fail", override = "lists.example.org" }, score = 0.6 },
    { hit = false, spf = { result = "softfail" } },
    { hit = false, spf = { result = "pass" } },
    { hit = false, spf = { result = "temperror" } },
    { hit = false },
  },
}

rule "SPF_SOFTFAIL" {
  about = "the sender's domain says that this server should probably not send mail in its name",
  score = 1.5,
  group = "authentication",
  when = function(mail)
    if mail.spf.result ~= "softfail" then return false end
    return weight(mail), mail.spf.domain
  end,
  examples = {
    { hit = true, spf = { result = "softfail", domain = "example.net" }, detail = "example.net", score = 1.5 },
    -- Forwarded, and the author's signature holds.
    { hit = true, spf = { result = "softfail" }, dmarc = { result = "pass", aligned = { "dkim" } }, score = 0.3 },
    { hit = true, spf = { result = "softfail" }, dmarc = { result = "fail", policy = "reject" }, score = 1.5 },
    { hit = true, spf = { result = "softfail" }, dmarc = { result = "fail", override = "lists.example.org" }, score = 0.3 },
    { hit = false, spf = { result = "fail" } },
    { hit = false, spf = { result = "neutral" } },
  },
}

rule "SPF_NEUTRAL" {
  about = "the sender's domain does not say whether this server may send mail in its name",
  score = 0.2,
  group = "authentication",
  when = function(mail) return mail.spf.result == "neutral", mail.spf.domain end,
  examples = {
    { hit = true, spf = { result = "neutral" } },
    { hit = false, spf = { result = "none" } },
  },
}

rule "SPF_PERMERROR" {
  about = "the sender's domain has published SPF records that contain mistakes",
  score = 0.5,
  group = "authentication",
  when = function(mail)
    if mail.spf.result ~= "permerror" then return false end
    if mail.spf.reason ~= "" then return true, mail.spf.reason end
    return true, mail.spf.domain
  end,
  examples = {
    { hit = true, spf = { result = "permerror", reason = "more than 10 look-ups" }, detail = "more than 10 look-ups" },
    { hit = true, spf = { result = "permerror", domain = "example.net" }, detail = "example.net" },
    { hit = false, spf = { result = "temperror" } },
  },
}

-- The three that follow weigh nothing. They show in the log and in X-Spam-Status, and local.lua may give them a score.

-- A spammer's own domain passes too, so this is no merit by itself.
rule "SPF_PASS" {
  about = "the sender's domain allows this server to send mail in its name",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.spf.result == "pass", mail.spf.domain end,
  examples = {
    { hit = true, spf = { result = "pass", domain = "example.net" }, score = 0.0 },
    { hit = false, spf = { result = "fail" } },
    { hit = false },
  },
}

rule "SPF_NONE" {
  about = "the sender's domain does not say which servers may send mail in its name",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.spf.result == "none", mail.spf.domain end,
  examples = {
    { hit = true, spf = { result = "none" } },
    { hit = false, spf = { result = "neutral" } },
  },
}

-- Our DNS had trouble, or theirs: nobody is blamed for that.
rule "SPF_TEMPERROR" {
  about = "the sender's domain could not be asked which servers may send mail in its name",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.spf.result == "temperror", mail.spf.reason end,
  examples = {
    { hit = true, spf = { result = "temperror", reason = "timeout" }, detail = "timeout" },
    { hit = false, spf = { result = "permerror" } },
  },
}

-- The name in HELO is judged by itself. For bounces (no envelope sender) SPF judges that name as the sender, so the rules
-- above have counted it already. A forwarder introduces itself with its own name: no forwarding explains this failure.

rule "HELO_SPF_FAIL" {
  about = "the sending server introduced itself with a name whose domain says that it must not use it",
  score = 2.0,
  group = "authentication",
  when = function(mail) return mail.from ~= "" and mail.helo_spf.result == "fail", mail.helo end,
  examples = {
    { hit = true, helo = "mx.example.net", helo_spf = { result = "fail" }, detail = "mx.example.net" },
    { hit = false, from = "", helo_spf = { result = "fail" }, spf = { result = "fail" } },
    { hit = false, helo_spf = { result = "none" } },
  },
}

rule "HELO_SPF_SOFTFAIL" {
  about = "the sending server introduced itself with a name whose domain says that it should probably not use it",
  score = 1.0,
  group = "authentication",
  when = function(mail) return mail.from ~= "" and mail.helo_spf.result == "softfail", mail.helo end,
  examples = {
    { hit = true, helo_spf = { result = "softfail" } },
    { hit = false, from = "", helo_spf = { result = "softfail" } },
    { hit = false, helo_spf = { result = "pass" } },
  },
}

-- ---------------------------------------------------------------- DMARC: the author that the reader sees

-- Weighs nothing: it says that the name in From is not borrowed. A spammer's own domain passes too.
rule "DMARC_PASS" {
  about = "the author's domain stands behind this message",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.dmarc.result == "pass", mail.dmarc.from end,
  examples = {
    { hit = true, dmarc = { result = "pass", from = "example.net", aligned = { "spf", "dkim" } }, detail = "example.net" },
    { hit = false, dmarc = { result = "fail" } },
    { hit = false, spf = { result = "pass" }, dkim = { { result = "pass", domain = "example.net" } } },
  },
}

-- Enough to mark a message with the default [verdict] tag = 6.0, and never enough to refuse it. RFC 9989, 7.4: p=reject alone
-- is no reason to, since mail that its author has sent to a mailing list fails as well.
rule "DMARC_REJECT" {
  about = "the author's domain does not stand behind this message, and asks that such mail be refused",
  score = 6.0,
  group = "authentication",
  when = function(mail)
    return mail.dmarc.result == "fail" and mail.dmarc.policy == "reject" and not mail.dmarc.override, mail.dmarc.from
  end,
  examples = {
    { hit = true, dmarc = { result = "fail", policy = "reject", from = "example.net" }, detail = "example.net", score = 6.0 },
    { hit = false, dmarc = { result = "fail", policy = "reject", override = "lists.example.org" } },
    { hit = false, dmarc = { result = "fail", policy = "quarantine" } },
    { hit = false, dmarc = { result = "pass", policy = "reject" } },
    { hit = false, dmarc = { result = "temperror", policy = "reject" } },
    { hit = false },
  },
}

rule "DMARC_QUARANTINE" {
  about = "the author's domain does not stand behind this message, and asks that such mail be set apart",
  score = 3.0,
  group = "authentication",
  when = function(mail)
    return mail.dmarc.result == "fail" and mail.dmarc.policy == "quarantine" and not mail.dmarc.override, mail.dmarc.from
  end,
  examples = {
    { hit = true, dmarc = { result = "fail", policy = "quarantine", from = "example.net" }, detail = "example.net", score = 3.0 },
    { hit = false, dmarc = { result = "fail", policy = "quarantine", override = "lists.example.org" } },
    { hit = false, dmarc = { result = "fail", policy = "reject" } },
    { hit = false, dmarc = { result = "pass", policy = "quarantine" } },
  },
}

-- The domain is only watching (p=none): it does not know yet whether all its mail can pass.
rule "DMARC_NONE_FAIL" {
  about = "the author's domain does not stand behind this message, and asks for nothing to be done about it",
  score = 0.5,
  group = "authentication",
  when = function(mail)
    return mail.dmarc.result == "fail" and mail.dmarc.policy == "none" and not mail.dmarc.override, mail.dmarc.from
  end,
  examples = {
    { hit = true, dmarc = { result = "fail", policy = "none", from = "example.net" }, detail = "example.net", score = 0.5 },
    { hit = false, dmarc = { result = "fail", policy = "none", override = "lists.example.org" } },
    { hit = false, dmarc = { result = "fail", policy = "reject" } },
    { hit = false, dmarc = { result = "none" } },
  },
}

-- Says why none of the three above has hit: [arc] trusted in postern.toml.
rule "DMARC_OVERRIDE" {
  about = "a forwarder that is trusted here saw that the author's domain stood behind this message",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.dmarc.result == "fail" and mail.dmarc.override ~= nil, mail.dmarc.override end,
  examples = {
    { hit = true, dmarc = { result = "fail", policy = "reject", override = "lists.example.org" },
      detail = "lists.example.org", score = 0.0 },
    { hit = false, dmarc = { result = "fail", policy = "reject" } },
    { hit = false, arc = { result = "pass", sealers = { "lists.example.net" } } },
  },
}

rule "DMARC_TEMPERROR" {
  about = "the author's domain could not be asked whether it stands behind this message",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.dmarc.result == "temperror", mail.dmarc.reason end,
  examples = {
    { hit = true, dmarc = { result = "temperror", reason = "timeout" }, detail = "timeout", score = 0.0 },
    { hit = false, dmarc = { result = "permerror" } },
    { hit = false, dmarc = { result = "none" } },
  },
}

rule "DMARC_PERMERROR" {
  about = "what the author's domain has published about its mail contains mistakes",
  score = 0.5,
  group = "authentication",
  when = function(mail)
    return mail.dmarc.result == "permerror" and mail.dmarc.from ~= "", mail.dmarc.reason
  end,
  examples = {
    { hit = true, dmarc = { result = "permerror", from = "example.net", reason = "no such policy" },
      detail = "no such policy", score = 0.5 },
    { hit = false, dmarc = { result = "permerror", from = "", reason = "two From fields" } },
    { hit = false, dmarc = { result = "temperror" } },
  },
}

-- No author, or more than one domain: mail programs show one of them, and which one is anybody's guess. So DMARC cannot judge
-- such a message, and a forger might want just that.
rule "FROM_UNCLEAR" {
  about = "the message does not name one author, so nobody can be asked whether it is genuine",
  score = 2.0,
  group = "authentication",
  when = function(mail)
    if mail.dmarc.from ~= "" or mail.dmarc.reason == "" then return false end
    -- Reports of older mail servers are from "MAILER-DAEMON <>": they have the null sender in the envelope, and put it there too.
    if mail.from == "" and (mail:header("From") or ""):match("(?i)<>\\s*$|mailer-?daemon|postmaster|mail deliver") then return false end
    return true, mail.dmarc.reason
  end,
  examples = {
    { hit = true, dmarc = { result = "permerror", from = "", reason = "several domains in From" },
      detail = "several domains in From", score = 2.0 },
    { hit = true, dmarc = { result = "none", from = "", reason = "no From field" } },
    { hit = true, dmarc = { result = "none", from = "", reason = "no address in From" }, header = { From = "MAILER-DAEMON <>" } },
    {
      hit = false, from = "", header = { From = "MAILER-DAEMON <>" },
      dmarc = { result = "none", from = "", reason = "no address in From" },
    },
    { hit = false, dmarc = { result = "permerror", from = "example.net", reason = "no such policy" } },
    { hit = false, dmarc = { result = "none", from = "example.net", reason = "no record" } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- ARC: what forwarders say

-- Weighs nothing: anybody can seal. Whose seal counts is said by [arc] trusted, and shows as DMARC_OVERRIDE.
rule "ARC_PASS" {
  about = "the forwarders of this message have sealed it, and their seals hold",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.arc.result == "pass", table.concat(mail.arc.sealers, " ") end,
  examples = {
    { hit = true, arc = { result = "pass", sealers = { "lists.example.org", "example.com" } },
      detail = "lists.example.org example.com", score = 0.0 },
    { hit = false, arc = { result = "fail" } },
    { hit = false },
  },
}

-- Hardly anything: the one who broke the chain is an honest forwarder as a rule, and without a chain the message would be
-- judged in the same way.
rule "ARC_FAIL" {
  about = "the forwarders of this message have sealed it, and their seals do not hold any more",
  score = 0.2,
  group = "authentication",
  when = function(mail) return mail.arc.result == "fail", mail.arc.reason end,
  examples = {
    { hit = true, arc = { result = "fail", reason = "seal 2 does not hold" }, detail = "seal 2 does not hold", score = 0.2 },
    { hit = false, arc = { result = "temperror" } },
    { hit = false, arc = { result = "pass" } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- the client's own name

-- Small: mail servers should have a name (RFC 8601, 2.7.3 says how it is checked), and those of small sites often have none.
rule "NO_REVERSE_NAME" {
  about = "the address of the sending server has no name in the DNS that leads back to it",
  score = 0.5,
  group = "authentication",
  when = function(mail)
    return mail.client.reverse == "fail" or mail.client.reverse == "permerror", mail.client.ip
  end,
  examples = {
    { hit = true, client = { ip = "192.0.2.7", reverse = "permerror" }, detail = "192.0.2.7", score = 0.5 },
    { hit = true, client = { ip = "192.0.2.7", reverse = "fail" } },
    { hit = false, client = { name = "mx.example.net", reverse = "pass" } },
    { hit = false, client = { reverse = "temperror" } },
    { hit = false },
  },
}
