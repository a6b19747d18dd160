-- Your own rules and changes. This file is read last, and upgrades never overwrite it. README.md beside it explains
-- everything; after a change run
--     postern check
--     postern reload
--
-- Take the dashes away from what you want to use.

-- Weigh a rule differently:
-- score "SPF_FAIL" (4.0)
-- score "DMARC_REJECT" (4.0)

-- Switch a rule off:
-- disable "HELO_SPF_SOFTFAIL"

-- Let a group of rules add no more than this together:
-- group("authentication", { max = 6 })

-- A rule of your own; "shadow" counts and logs it, and scores nothing until you trust it:
-- rule "LOCAL_LOTTERY" {
--   about = "the subject promises a lottery prize",
--   score = 2.0,
--   mode  = "shadow",
--   when  = function(mail) return mail.subject:match("(?i)\\blottery\\b") ~= nil end,
--   examples = {
--     { hit = true,  subject = "You won the Lottery!" },
--     { hit = false, subject = "Minutes of Monday" },
--   },
-- }

-- Refuse what claims to be from your own domain and is not (write its name for example.org). First be sure that all who send for
-- it, newsletters too, pass DMARC; the lists that your people write to belong in [arc] trusted of postern.toml:
-- rule "LOCAL_FORGED_HERE" {
--   about  = "the message claims to be from here, and this domain does not stand behind it",
--   action = "reject",
--   reply  = "550 5.7.1 this domain does not stand behind the message",
--   when   = function(mail)
--     return mail.dmarc.domain == "example.org" and mail.dmarc.result == "fail" and not mail.dmarc.override
--   end,
--   examples = {
--     { hit = true,  dmarc = { result = "fail", domain = "example.org" } },
--     { hit = false, dmarc = { result = "pass", domain = "example.org" } },
--     { hit = false, dmarc = { result = "fail", domain = "example.org", override = "lists.example.net" } },
--     { hit = false, dmarc = { result = "fail", domain = "example.net" } },
--   },
-- }

-- Refuse somebody outright, before the message is sent:
-- rule "LOCAL_BLOCKED_SENDER" {
--   about  = "this sender is blocked here",
--   stage  = "mail",
--   action = "reject",
--   reply  = "550 5.7.1 mail from this sender is not accepted here",
--   when   = function(mail) return mail.from:lower():match("@spam\\.example$") ~= nil end,
--   examples = {
--     { hit = true,  from = "offers@spam.example" },
--     { hit = false, from = "offers@example.net" },
--   },
-- }
