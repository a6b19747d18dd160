-- Your own rules and changes. This file is read last, and upgrades never overwrite it. README.md beside it explains
-- everything; after a change run
--     postern check
--     postern reload
--
-- Take the dashes away from what you want to use.

-- Weigh a rule differently:
-- score "SPF_FAIL" (4.0)

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
