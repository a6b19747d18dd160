-- Who sent it: does the sender's domain allow this client to use its name? (SPF, RFC 7208)
--
-- No failure alone refuses a message: forwarders and mailing lists break SPF every day.
-- These scores are changed in local.lua: score "SPF_FAIL" (4.0)

group("authentication", { max = 8 })

rule "SPF_FAIL" {
  about = "the sender's domain says that this server must not send mail in its name",
  stage = "mail",
  score = 3.0,
  group = "authentication",
  when = function(mail) return mail.spf.result == "fail", mail.spf.domain end,
  examples = {
    { hit = true, spf = { result = "fail", domain = "example.net" }, detail = "example.net" },
    { hit = false, spf = { result = "softfail" } },
    { hit = false, spf = { result = "pass" } },
    { hit = false, spf = { result = "temperror" } },
    { hit = false },
  },
}

rule "SPF_SOFTFAIL" {
  about = "the sender's domain says that this server should probably not send mail in its name",
  stage = "mail",
  score = 1.5,
  group = "authentication",
  when = function(mail) return mail.spf.result == "softfail", mail.spf.domain end,
  examples = {
    { hit = true, spf = { result = "softfail", domain = "example.net" }, detail = "example.net" },
    { hit = false, spf = { result = "fail" } },
    { hit = false, spf = { result = "neutral" } },
  },
}

rule "SPF_NEUTRAL" {
  about = "the sender's domain does not say whether this server may send mail in its name",
  stage = "mail",
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
  stage = "mail",
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
  stage = "mail",
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
  stage = "mail",
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
  stage = "mail",
  score = 0.0,
  group = "authentication",
  when = function(mail) return mail.spf.result == "temperror", mail.spf.reason end,
  examples = {
    { hit = true, spf = { result = "temperror", reason = "timeout" }, detail = "timeout" },
    { hit = false, spf = { result = "permerror" } },
  },
}

-- The name in HELO is judged by itself. For bounces (no envelope sender) SPF judges that name as the sender, so the rules
-- above have counted it already.

rule "HELO_SPF_FAIL" {
  about = "the sending server introduced itself with a name whose domain says that it must not use it",
  stage = "mail",
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
  stage = "mail",
  score = 1.0,
  group = "authentication",
  when = function(mail) return mail.from ~= "" and mail.helo_spf.result == "softfail", mail.helo end,
  examples = {
    { hit = true, helo_spf = { result = "softfail" } },
    { hit = false, from = "", helo_spf = { result = "softfail" } },
    { hit = false, helo_spf = { result = "pass" } },
  },
}
