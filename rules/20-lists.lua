-- DNS lists: who is known for spam, who for honest mail. Each answer of a list is a rule, LIST_ANSWER: "ZEN" with the answer "SBL"
-- is ZEN_SBL. README.md has a chapter on lists; scores and switches belong in local.lua:
--
--     score "ZEN_PBL" (1.0)
--     disable "SPAMCOP"
--     enable "BARRACUDA"
--     enable "ZEN" { zone = "KEY.zen.dq.spamhaus.net" }
--
-- Before you go into production, read the terms of each list that you ask: they stand above it, as published when this was
-- written, and their owners change them. Most are free only for small sites, and all want a resolver of your own: one that
-- forwards to a public resolver (8.8.8.8, 1.1.1.1 and the like) gets no answers, or a refusal. `postern check --live` says so.
--
-- Only the answers that are named here count. 127.255.255.0/24, `errors`, and whatever is no address of 127.0.0.0/8 mean that
-- the list is in trouble, or does not want to answer us: then it counts for nothing, and the log says why.

-- Lists copy from each other and from the same traps: five of them are not five witnesses. No list refuses a message alone; the
-- client's lists together mark it (6), and with a listed name in the message (below) it is refused (15).
group("lists", { max = 9 })
-- The names in a message: links, the sender's domain, his addresses. A spammer's domain stands in many places at once.
group("name_lists", { max = 8 })
-- Lists of good senders only take away.
group("allow_lists", { max = 0 })

-- ---------------------------------------------------------------- Spamhaus

-- Terms (spamhaus.org/organization/dnsblusage): free without registration where all three hold: your use is not commercial,
-- fewer than 100,000 SMTP connections and fewer than 300,000 queries a day. Otherwise, and from clouds whose resolvers have no
-- name of their own, register for a key (the Data Query Service is free for small sites too, and its data are newer) and say so
-- in local.lua, for this list and for those of DBL below:
--     enable "ZEN" { zone = "KEY.zen.dq.spamhaus.net" }
-- Answers: docs.spamhaus.com, "Available Zones". 127.0.0.5 to .7 are set aside for XBL.
list "ZEN" {
  zone = "zen.spamhaus.org", of = "client", group = "lists",
  title = "Spamhaus ZEN, https://check.spamhaus.org/",
  answers = {
    ["127.0.0.2"]    = { "SBL", 5.0, about = "the sending server is listed by Spamhaus as a source of spam (SBL)" },
    ["127.0.0.3"]    = { "CSS", 4.5, about = "the sending server is listed by Spamhaus: seen sending like a spammer (CSS)" },
    ["127.0.0.4-7"]  = { "XBL", 5.0, about = "the sending server is listed by Spamhaus as taken over by malware (XBL)" },
    -- Always beside SBL: whole networks that nobody should speak with.
    ["127.0.0.9"]    = { "DROP", 3.0, about = "the network of the sending server is listed by Spamhaus as run by criminals (DROP)" },
    ["127.0.0.30"]   = { "BCL", 5.0, about = "the sending server is listed by Spamhaus as a controller of botnets (BCL)" },
    -- No fault: addresses whose owners say, or of which Spamhaus thinks, that they should send through their provider. People with
    -- a mail server at home are in it too, so it weighs little.
    ["127.0.0.10-11"] = { "PBL", 2.0, about = "the sending server has an address of those that should send through their provider (PBL)" },
  },
}

-- Names. 127.0.1.102 to .106 are honest sites that somebody has broken into: the message may be honest, the link is not safe.
-- 127.0.1.255 says that an address was asked (of a link without a name); it counts for nothing here. Test point: Spamhaus'
-- own. One zone, asked about several things; a name that stands in several places is asked once.
local function dbl(of, where, factor)
  local abused = of == "url"
  local answers = {
    ["127.0.1.2"] = { "SPAM", 5.0 * factor, about = where .. " is listed by Spamhaus as used in spam (DBL)" },
    ["127.0.1.4"] = { "PHISH", 6.0 * factor, about = where .. " is listed by Spamhaus as used for phishing (DBL)" },
    ["127.0.1.5"] = { "MALWARE", 6.0 * factor, about = where .. " is listed by Spamhaus as used to spread malware (DBL)" },
    ["127.0.1.6"] = { "BOTNET", 6.0 * factor, about = where .. " is listed by Spamhaus as a controller of botnets (DBL)" },
  }
  if abused then
    answers["127.0.1.102"] = { "ABUSED", 1.5, about = where .. " is listed by Spamhaus as an honest site abused for spam (DBL)" }
    answers["127.0.1.103"] = { "REDIRECTOR", 1.0, about = where .. " is listed by Spamhaus as a redirector abused for spam (DBL)" }
    answers["127.0.1.104"] = { "ABUSED_PHISH", 3.0, about = where .. " is listed by Spamhaus as an honest site abused for phishing (DBL)" }
    answers["127.0.1.105"] = { "ABUSED_MALWARE", 3.0, about = where .. " is listed by Spamhaus as an honest site abused for malware (DBL)" }
    answers["127.0.1.106"] = { "ABUSED_BOTNET", 3.0, about = where .. " is listed by Spamhaus as an honest site abused for a botnet (DBL)" }
  end
  return {
    zone = "dbl.spamhaus.org", of = of, group = "name_lists", title = "Spamhaus DBL, https://check.spamhaus.org/",
    test = { listed = "dbltest.com" }, answers = answers,
  }
end
list "DBL" (dbl("url", "a site that a link leads to", 1))
list "DBL_FROM" (dbl("from", "the sender's domain", 1))
list "DBL_AUTHOR" (dbl("author", "the domain of the author's address", 1))
list "DBL_REPLY_TO" (dbl("reply_to", "the domain that answers go to", 1))
list "DBL_RDNS" (dbl("rdns", "the name of the sending server", 0.8))
-- Anybody can say any name in HELO, so nobody is listed by mistake here, and nobody gains.
list "DBL_HELO" (dbl("helo", "the name that the sending server introduced itself with", 0.8))

-- Addresses (HBL), as digests, so that the list does not learn who writes to you. Terms: for paying customers of the Data Query
-- Service. Switch on with your key:
--     enable "HBL" { zone = "_email.KEY.hbl.dq.spamhaus.net" }
list "HBL" {
  zone = "_email.key.hbl.dq.spamhaus.net", of = "hash", hash = "sha1", group = "name_lists", enabled = false,
  title = "Spamhaus HBL, https://check.spamhaus.org/",
  answers = { ["127.0.3.2"] = { "EMAIL", 5.0, about = "an address in the message is listed by Spamhaus as used in spam (HBL)" } },
}

-- ---------------------------------------------------------------- clients, free for everybody or nearly so

-- Terms: free; "SpamCop encourages SCBL users to tag and divert email, rather than block it outright", since it lists for what
-- its users report, big senders among them. So it weighs little.
list "SPAMCOP" {
  zone = "bl.spamcop.net", of = "client", group = "lists",
  title = "SpamCop, https://www.spamcop.net/bl.shtml",
  answers = { ["127.0.0.2"] = { "LISTED", 2.0, about = "users of SpamCop have reported mail of the sending server as spam" } },
}

-- Terms (psbl.org/howto): "Anybody is free to use PSBL." What sent to its traps; anybody can take an address off.
list "PSBL" {
  zone = "psbl.surriel.com", of = "client", group = "lists",
  title = "PSBL, https://psbl.org/",
  answers = { ["127.0.0.2"] = { "LISTED", 2.0, about = "the sending server has sent to traps of the Passive Spam Block List" } },
}

-- ---------------------------------------------------------------- clients, good ones

-- Terms (dnswl.org): free below 100,000 queries a day and for use that is not commercial; else a subscription. Who asks too much
-- gets 127.0.0.255. Answers: 127.0.x.y, x says what kind of sender it is (2 to 15: banks, providers, schools, …), y how far it is
-- trusted. What the list proposes is much more (-10 for medium, -100 for high); but mail of trusted servers is forwarded, and
-- their users' passwords are stolen.
list "DNSWL" {
  zone = "list.dnswl.org", of = "client", allow = true, group = "allow_lists",
  title = "dnswl.org, https://www.dnswl.org/",
  errors = { "127.0.0.255" },
  answers = {
    ["127.0.0.0/255.255.0.255"] = { "NONE", 0.0, about = "the sending server is known to dnswl.org, which says nothing about trust" },
    ["127.0.0.1/255.255.0.255"] = { "LOW", -0.5, about = "dnswl.org trusts the sending server a little" },
    ["127.0.0.2/255.255.0.255"] = { "MEDIUM", -2.0, about = "dnswl.org trusts the sending server: it sends spam by accident only" },
    ["127.0.0.3/255.255.0.255"] = { "HIGH", -4.0, about = "dnswl.org trusts the sending server very much: it never sends spam" },
  },
}

-- ---------------------------------------------------------------- names in links

-- Terms (surbl.org/usage-policy): free for fewer than 1,000 users or fewer than 250,000 messages a day, not inside of a product or
-- service that is sold. 127.0.0.1 is a refusal. Answers are bits of the last octet, several may be set.
list "SURBL" {
  zone = "multi.surbl.org", of = "url", group = "name_lists",
  title = "SURBL, https://surbl.org/",
  errors = { "127.0.0.1" }, test = { listed = "surbl-org-permanent-test-point.com" },
  answers = {
    ["&8"]   = { "PHISH", 5.0, about = "a site that a link leads to is listed by SURBL as used for phishing" },
    ["&16"]  = { "MALWARE", 5.0, about = "a site that a link leads to is listed by SURBL as used to spread malware" },
    ["&64"]  = { "ABUSE", 4.0, about = "a site that a link leads to is listed by SURBL as advertised in spam" },
    -- Honest sites that somebody has broken into.
    ["&128"] = { "CRACKED", 2.0, about = "a site that a link leads to is listed by SURBL as broken into" },
  },
}

-- Terms (uribl.com): free for low volume; who asks too much gets 127.0.0.1, a refusal. Answers are bits of the last octet. "grey"
-- are mailers with an unsubscribe link, and its owners say that it hits honest mail; "red" are young names, found by a program.
list "URIBL" {
  zone = "multi.uribl.com", of = "url", group = "name_lists",
  title = "URIBL, https://uribl.com/",
  errors = { "127.0.0.1" }, test = { listed = "test.uribl.com" },
  answers = {
    ["&2"] = { "BLACK", 4.5, about = "a site that a link leads to is listed by URIBL as a spammer's" },
    ["&4"] = { "GREY", 0.5, about = "a site that a link leads to is listed by URIBL as one that sends bulk mail" },
    ["&8"] = { "RED", 1.0, about = "a site that a link leads to is listed by URIBL as young or as hiding its owner" },
  },
}

-- ---------------------------------------------------------------- addresses in a message

-- Terms (msbl.org/ebl.html): free for people and small businesses with their own mail server; with more than 100 users ask for
-- access. Mailboxes that answers to frauds and spam go to. Digests (SHA-1) of addresses in small letters, without "+tag". It has no
-- test point that must be listed.
list "EBL" {
  zone = "ebl.msbl.org", of = "hash", hash = "sha1", group = "name_lists",
  title = "MSBL EBL, https://msbl.org/ebl.html",
  answers = { ["127.0.0.2"] = { "LISTED", 4.0, about = "an address in the message is listed by MSBL as one that frauds and spam use" } },
}

-- ---------------------------------------------------------------- with registration: off until you have one

-- Terms (barracudacentral.org/rbl): free, after registering the addresses of your resolvers; others get no answers.
--     enable "BARRACUDA"
list "BARRACUDA" {
  zone = "b.barracudacentral.org", of = "client", group = "lists", enabled = false,
  title = "Barracuda, https://www.barracudacentral.org/",
  answers = { ["127.0.0.2"] = { "LISTED", 3.0, about = "the sending server is listed by Barracuda as a source of spam" } },
}

-- Terms (abusix.com): with an account; your key is part of the name. Answers: docs.abusix.com, "Production Zones".
--     enable "ABUSIX" { zone = "KEY.combined.mail.abusix.zone" }
--     enable "ABUSIX_URL" { zone = "KEY.dblack.mail.abusix.zone" }
list "ABUSIX" {
  zone = "key.combined.mail.abusix.zone", of = "client", group = "lists", enabled = false,
  title = "Abusix, https://lookup.abusix.com/",
  answers = {
    ["127.0.0.2, 127.0.0.200"] = { "SPAM", 4.5, about = "the sending server is listed by Abusix: it has sent to spam traps" },
    ["127.0.0.3"]     = { "REPUTATION", 3.0, about = "the sending server is listed by Abusix as one of very low reputation" },
    ["127.0.0.4"]     = { "EXPLOIT", 4.5, about = "the sending server is listed by Abusix as taken over by malware" },
    -- No fault: addresses with a provider's name (.11) or none (.12).
    ["127.0.0.11-12"] = { "POLICY", 1.5, about = "the sending server has an address that no mail server should have, says Abusix" },
  },
}
list "ABUSIX_URL" {
  zone = "key.dblack.mail.abusix.zone", of = "url", group = "name_lists", enabled = false,
  title = "Abusix, https://lookup.abusix.com/",
  test = { listed = "postern.test" },  -- "*.test" is listed
  answers = {
    ["127.0.1.1"] = { "SPAM", 4.5, about = "a site that a link leads to is listed by Abusix as advertised in spam" },
    ["127.0.1.2"] = { "NEW", 1.5, about = "a site that a link leads to is listed by Abusix as seen for the first time" },
    ["127.0.1.3"] = { "BEHIND", 3.0, about = "a site that a link leads to is listed by Abusix as one behind short links in spam" },
  },
}

-- ---------------------------------------------------------------- off for other reasons

-- Terms (mailspike.org/usage): free below 100,000 messages and 100,000 queries a day. Off: it does not say that it has the test
-- points that tell whether a list is alive (RFC 5782, 5). After `enable "MAILSPIKE"` ask `postern check --live`.
list "MAILSPIKE" {
  zone = "bl.mailspike.net", of = "client", group = "lists", enabled = false,
  title = "Mailspike, https://mailspike.org/",
  answers = {
    ["127.0.0.2"]  = { "WAVE", 3.5, about = "the sending server is listed by Mailspike: it takes part in a wave of spam now" },
    ["127.0.0.10"] = { "WORST", 3.5, about = "the sending server has the worst reputation at Mailspike" },
    ["127.0.0.11"] = { "VERY_BAD", 3.0, about = "the sending server has a very bad reputation at Mailspike" },
    ["127.0.0.12"] = { "BAD", 2.0, about = "the sending server has a bad reputation at Mailspike" },
  },
}
-- "Never be used exclusively for whitelisting", say its owners.
list "MAILSPIKE_GOOD" {
  zone = "wl.mailspike.net", of = "client", allow = true, group = "allow_lists", enabled = false,
  title = "Mailspike, https://mailspike.org/",
  answers = {
    ["127.0.0.17"]    = { "POSSIBLE", 0.0, about = "the sending server is perhaps an honest one, says Mailspike" },
    ["127.0.0.18"]    = { "GOOD", -0.5, about = "the sending server has a good reputation at Mailspike" },
    ["127.0.0.19-20"] = { "VERY_GOOD", -1.5, about = "the sending server has a very good reputation at Mailspike" },
  },
}

-- Terms (nordspam.com/usage): free for everybody; above 10,000 queries a day ask first. Off: that is little, and its subject is
-- spam in the Nordic countries.
list "NORDSPAM" {
  zone = "bl.nordspam.com", of = "client", group = "lists", enabled = false,
  title = "NordSpam, https://www.nordspam.com/",
  answers = { ["127.0.0.2"] = { "LISTED", 3.0, about = "the sending server is listed by NordSpam as a source of spam" } },
}
list "NORDSPAM_URL" {
  zone = "dbl.nordspam.com", of = "url", group = "name_lists", enabled = false,
  title = "NordSpam, https://www.nordspam.com/",
  answers = { ["127.0.0.2"] = { "LISTED", 3.0, about = "a site that a link leads to is listed by NordSpam as used in spam" } },
}

-- Terms (spameatingmonkey.com): free below 100,000 queries a day and 5 a second; meant for scores, not for blocking. Off: small,
-- and some of its entries are matters of policy.
list "SEM" {
  zone = "bl.spameatingmonkey.net", of = "client", group = "lists", enabled = false,
  title = "Spam Eating Monkey, https://spameatingmonkey.com/",
  answers = { ["127.0.0.2"] = { "LISTED", 1.5, about = "the sending server is listed by Spam Eating Monkey: it has sent to traps" } },
}

-- Terms (dronebl.org/docs/howtouse): free for everybody. Off: made for chat networks. It lists machines that were taken over, which
-- are often people's own lines by now.
list "DRONEBL" {
  zone = "dnsbl.dronebl.org", of = "client", group = "lists", enabled = false,
  title = "DroneBL, https://dronebl.org/",
  answers = {
    ["127.0.0.3, 127.0.0.6-7, 127.0.0.16"] = { "DRONE", 2.0, about = "the sending server is listed by DroneBL as taken over by malware" },
    ["127.0.0.8-11, 127.0.0.14"] = { "PROXY", 2.0, about = "the sending server is listed by DroneBL as an open proxy" },
    ["127.0.0.13"] = { "BRUTE_FORCE", 1.5, about = "the sending server is listed by DroneBL: it guesses passwords" },
    ["127.0.0.15"] = { "ROUTER", 1.5, about = "the sending server is listed by DroneBL as a router that was taken over" },
  },
}

-- Terms: free. Off: a single message to a trap lists an address for seven days, and faster removal costs money, which many hold
-- against it. Its levels 2 and 3 list the neighbours of spammers on purpose, whole providers at times; they are not here, and
-- nobody should block with them.
list "UCEPROTECT" {
  zone = "dnsbl-1.uceprotect.net", of = "client", group = "lists", enabled = false,
  title = "UCEPROTECT level 1, https://www.uceprotect.net/",
  answers = { ["127.0.0.2"] = { "LISTED", 1.0, about = "the sending server has sent to a trap of UCEPROTECT within the last days" } },
}

-- Terms: see dkimwl.org. Off: its terms were not to be had when this was written. Domains of signatures that hold; the last octet says
-- how far they are trusted, 0 means the contrary.
list "DKIMWL" {
  zone = "lookup.dkimwl.org", of = "dkim", allow = true, group = "allow_lists", enabled = false,
  title = "DKIMwl.org, https://dkimwl.org/",
  test = { listed = "example.com" },
  answers = {
    ["127.0.0.3/255.255.0.255"] = { "MEDIUM", -0.5, about = "DKIMwl.org trusts a domain that has signed the message" },
    ["127.0.0.4/255.255.0.255"] = { "GOOD", -1.0, about = "DKIMwl.org trusts a domain that has signed the message well" },
    ["127.0.0.5/255.255.0.255"] = { "HIGH", -2.5, about = "DKIMwl.org trusts a domain that has signed the message very much" },
  },
}

-- Not here: SORBS (closed in 2024) and NiX Spam (empty since January 2025), which must not be asked any more; Hostkarma, of which
-- nobody could say whether it is kept up; invaluement (for paying customers, who are told the answers with their access).
