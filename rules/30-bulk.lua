-- How many messages like this one come, and who sends them? The gateway counts what is alike by its words, files, pictures or
-- links (mail.bulk), so a campaign shows before anybody has reported it. That there are many is no fault: newsletters are many
-- too. What tells them apart is who sends: one domain that stands behind all of them, or many strangers who all write the same.
--
-- No rule here refuses alone, and all of them together add at most what the next line says. Leave a cluster alone with
-- `postern bulk allow CLUSTER`, a sender by a line in maps/bulk-senders.map, which is yours.

group("bulk", { max = 8 })

local SENDERS = map("maps/bulk-senders.map")

-- Fewer say nothing: a joke that goes round, a form that ten people fill in.
local LEAST = 20

-- ---------------------------------------------------------------- who stands behind a message

local function below(name, above) return name:sub(-#above - 1) == "." .. above end

-- The author's domain, where it is proven: by DMARC (a trusted forwarder's word for it counts), or, where the domain publishes
-- nothing for DMARC, by a signature of its own over the whole message, or by SPF for its own envelope sender (of that domain, or one
-- above or below it).
local function proven(mail)
  local domain = mail.dmarc.domain
  if domain == "" then return nil end
  if mail.dmarc.result == "pass" or mail.dmarc.override then return domain end
  if mail.dmarc.result == "fail" then return nil end
  local function its_own(name) return name == domain or below(name, domain) or below(domain, name) end
  if mail.spf.result == "pass" and mail.from ~= "" and its_own(mail.spf.domain:lower()) then return domain end
  for _, signature in ipairs(mail.dkim) do
    if signature.result == "pass" and not signature.partial and not signature.testing and its_own(signature.domain:lower()) then
      return domain
    end
  end
  return nil
end

-- Nobody at all stands behind it: not the author, not a mailing list, not a provider, not even the envelope sender. Where the DNS
-- did not answer, somebody might, and nobody is blamed.
local function stranger(mail)
  local dmarc, spf = mail.dmarc.result, mail.spf.result
  if dmarc == "pass" or dmarc == "temperror" or mail.dmarc.override then return false end
  if spf == "pass" or spf == "temperror" then return false end
  for _, signature in ipairs(mail.dkim) do
    if signature.result == "pass" or signature.result == "temperror" then return false end
  end
  return true
end

local function welcome(mail)
  if mail.bulk.allowed or SENDERS:has(mail.client.ip) then return true end
  local domain = proven(mail)
  return domain ~= nil and (SENDERS:has(domain) or SENDERS:has(mail.dmarc.from))
end

-- ---------------------------------------------------------------- what is worth looking at

-- Reports of mail servers, notes that somebody is away and invitations are all alike, whoever sends them: they never count. With few
-- words or none a message is still known by its file, its picture or its links.
local COUNTS = { enough = true, little = true, none = true }

-- mail.bulk, where there are many and nobody said that it is fine. One sender who stands behind this message, and hardly anybody
-- else in the cluster, is a newsletter, a shop, a bank: how many networks his provider sends through does not matter, nor that
-- others copy his mail.
local function campaign(mail)
  local bulk = mail.bulk
  if bulk.count < LEAST or not COUNTS[bulk.evidence] then return nil end
  if bulk.domains <= 2 and proven(mail) then return nil end
  if welcome(mail) then return nil end
  return bulk
end

-- Many networks, and many who say that they wrote it. Mail of one author with a sender for each recipient (to know who is gone) is
-- what honest bulk mailers send too; from strangers it is not.
local function scattered(mail, bulk)
  return bulk.networks >= 10 and (bulk.domains >= 5 or (bulk.senders >= 10 and stranger(mail)))
end

-- Ten times as many add 1, up to `most`.
local function growth(count, from, most)
  return math.min(most, 1 + math.log(count / from, 10))
end

-- The more of them are authenticated, the less it says; and a message that its author's domain stands behind may be an honest
-- copy of what others abuse.
local function doubt(mail, bulk)
  return (1 - bulk.authenticated_share) * (proven(mail) and 0.5 or 1)
end

local function details(bulk, ...)
  local text = bulk.count .. " alike:"
  for _, name in ipairs({ ... }) do text = text .. " " .. name .. "=" .. bulk[name] end
  if bulk.cluster ~= "" then text = text .. " cluster=" .. bulk.cluster end
  return text
end

-- ---------------------------------------------------------------- many senders

-- Machines that were taken over send the same text, each with another name. Twenty copies are a suspicion, some hundred of them
-- are enough to mark the message.
rule "BULK_BOTNET" {
  about = "the same text comes from many networks in the names of many senders, who hardly authenticate",
  score = 3.0,
  group = "bulk",
  when = function(mail)
    local bulk = campaign(mail)
    if not bulk or (bulk.of ~= "text" and bulk.of ~= "urls") then return false end
    if bulk.authenticated_share >= 0.5 or not scattered(mail, bulk) then return false end
    return growth(bulk.count, LEAST, 2.5) * doubt(mail, bulk), details(bulk, "networks", "senders", "domains")
  end,
  examples = {
    { hit = true, score = 3.0, bulk = { count = 20, networks = 15, senders = 20, domains = 18, cluster = "0123456789abc" },
      detail = "20 alike: networks=15 senders=20 domains=18 cluster=0123456789abc" },
    { hit = true, score = 6.0, bulk = { count = 200, networks = 150, senders = 190, domains = 120 } },
    { hit = true, score = 7.5, bulk = { count = 50000, networks = 9000, senders = 40000, domains = 800 } },
    { hit = true, score = 4.2, bulk = { count = 200, networks = 150, senders = 190, domains = 120, authenticated_share = 0.3 } },
    -- One forged author, and nothing that says who sends.
    { hit = true, score = 3.0, bulk = { count = 20, networks = 15, senders = 20, domains = 1 } },
    -- A picture's worth of links.
    { hit = true, score = 3.0, bulk = { count = 20, networks = 15, senders = 20, domains = 18, of = "urls", evidence = "little" } },
    -- Somebody's honest domain stands behind this one of them.
    { hit = true, score = 1.5, bulk = { count = 20, networks = 15, senders = 20, domains = 18 },
      dmarc = { result = "pass", domain = "example.net" } },
    -- A newsletter through thirty networks of its provider, with a sender for each recipient.
    { hit = false, bulk = { count = 5000, networks = 30, senders = 5000, domains = 1, authenticated_share = 1 },
      dmarc = { result = "pass", domain = "example.net" } },
    -- The same, of somebody who publishes nothing for DMARC: his own signature does.
    { hit = false, bulk = { count = 5000, networks = 30, senders = 5000, domains = 1, authenticated_share = 1 },
      dmarc = { domain = "example.net" }, dkim = { { result = "pass", domain = "News.Example.NET" } } },
    -- He writes as news@news.example.net.
    { hit = false, bulk = { count = 5000, networks = 30, senders = 5000, domains = 1, authenticated_share = 1 },
      dmarc = { domain = "news.example.net" }, dkim = { { result = "pass", domain = "example.net" } } },
    -- And of one whom only his provider's signature names.
    { hit = false, bulk = { count = 5000, networks = 30, senders = 5000, domains = 1 },
      dmarc = { domain = "example.net" }, dkim = { { result = "pass", domain = "mailer.example" } } },
    -- The bank's own mail, of which others send copies.
    { hit = false, bulk = { count = 500, networks = 90, senders = 400, domains = 1, authenticated_share = 0.1 },
      dmarc = { result = "pass", domain = "example.net" } },
    -- While the DNS was down.
    { hit = false, bulk = { count = 500, networks = 30, senders = 500, domains = 1 }, dmarc = { result = "temperror" } },
    { hit = false, bulk = { count = 19, networks = 15, senders = 19, domains = 18 } },
    { hit = false, bulk = { count = 500, networks = 9, senders = 400, domains = 300 } },
    { hit = false, bulk = { count = 500, networks = 90, senders = 9, domains = 4 } },
    { hit = false, bulk = { count = 500, networks = 300, senders = 400, domains = 300, authenticated_share = 0.5 } },
    { hit = false, bulk = { count = 500, networks = 300, senders = 400, domains = 300, allowed = true } },
    { hit = false, bulk = { count = 500, networks = 300, senders = 400, domains = 300 },
      client = { ip = "198.51.100.7" }, maps = { ["maps/bulk-senders.map"] = { "198.51.100.0/24" } } },
    { hit = false, bulk = { count = 500, networks = 300, senders = 400, domains = 300 },
      dmarc = { result = "pass", domain = "example.net" }, maps = { ["maps/bulk-senders.map"] = { "example.net" } } },
    -- Anybody can write the name of somebody who is welcome.
    { hit = true, bulk = { count = 500, networks = 300, senders = 400, domains = 300 },
      dmarc = { result = "fail", domain = "example.net" }, maps = { ["maps/bulk-senders.map"] = { "example.net" } } },
    { hit = false, bulk = { count = 500, networks = 300, senders = 400, domains = 300, evidence = "bounce" } },
    { hit = false, bulk = { count = 500, networks = 300, senders = 400, domains = 300, evidence = "auto-reply" } },
    { hit = false },
  },
}

-- Many domains bought for it, each with good records, and a machine or two for each. Of a platform that writes in its customers'
-- names there are fewer networks than domains, and of people who pass a petition on more from each domain.
rule "BULK_SNOWSHOE" {
  about = "the same text comes from many domains and many networks, and each of them sends only a little of it",
  score = 2.0,
  group = "bulk",
  when = function(mail)
    local bulk = campaign(mail)
    if not bulk or (bulk.of ~= "text" and bulk.of ~= "urls") or bulk.authenticated_share < 0.5 then return false end
    if bulk.networks < 20 or bulk.domains < 15 or bulk.networks * 2 < bulk.domains then return false end
    if bulk.count > bulk.domains * 5 then return false end
    return growth(bulk.count, 50, 1.5), details(bulk, "networks", "domains")
  end,
  examples = {
    { hit = true, score = 2.0, detail = "50 alike: networks=30 domains=25",
      bulk = { count = 50, networks = 30, senders = 40, domains = 25, authenticated_share = 0.9 } },
    { hit = true, score = 3.0, dmarc = { result = "pass", domain = "example.net" },
      bulk = { count = 900, networks = 300, senders = 600, domains = 240, authenticated_share = 1 } },
    { hit = true, bulk = { count = 50, networks = 30, domains = 25, authenticated_share = 0.9, of = "urls", evidence = "none" } },
    -- Shops on one platform.
    { hit = false, bulk = { count = 900, networks = 40, domains = 240, authenticated_share = 1 } },
    -- A newsletter of a firm with many networks, and of one with many countries.
    { hit = false, bulk = { count = 900, networks = 40, domains = 1, authenticated_share = 1 } },
    { hit = false, bulk = { count = 900, networks = 40, domains = 12, authenticated_share = 1 } },
    -- A petition: everybody sends it from a mailbox at the same few providers.
    { hit = false, bulk = { count = 900, networks = 400, domains = 60, authenticated_share = 0.9 } },
    -- A logo in honest mail.
    { hit = false, bulk = { count = 50, networks = 30, domains = 25, authenticated_share = 0.9, of = "picture" } },
    { hit = false, bulk = { count = 50, networks = 30, domains = 25, authenticated_share = 0.9, allowed = true } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- many of the same thing

-- A firm's logo comes back in every answer to it, from everywhere: most of these answers are authenticated, so clusters like that do
-- not count, and an answer that its author's domain stands behind never does.
local function copies(mail, of)
  local bulk = campaign(mail)
  if not bulk or bulk.of ~= of or bulk.authenticated_share >= 0.5 or not scattered(mail, bulk) then return nil end
  if proven(mail) and (mail:header("In-Reply-To") or mail:header("References")) then return nil end
  return bulk
end

rule "BULK_SAME_FILE" {
  about = "the same file is attached to messages from many networks, whose senders hardly authenticate",
  score = 3.0,
  group = "bulk",
  when = function(mail)
    local bulk = copies(mail, "file")
    if not bulk then return false end
    return growth(bulk.count, LEAST, 2.5) * doubt(mail, bulk), details(bulk, "networks", "senders")
  end,
  examples = {
    { hit = true, score = 3.0, bulk = { count = 20, networks = 15, senders = 20, domains = 18, of = "file" },
      detail = "20 alike: networks=15 senders=20" },
    { hit = true, score = 6.0, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "file", evidence = "little" } },
    { hit = false, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "file", authenticated_share = 0.8 } },
    -- Our own logo, in an answer to us.
    { hit = false, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "file", authenticated_share = 0.4 },
      dmarc = { result = "pass", domain = "example.net" }, header = { ["In-Reply-To"] = "<1@example.org>" } },
    -- The timetable that a school sends to all parents.
    { hit = false, bulk = { count = 200, networks = 2, senders = 1, domains = 1, of = "file" } },
    { hit = false, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "file", evidence = "bounce" } },
    { hit = false, bulk = { count = 20, networks = 15, senders = 20, domains = 18 } },
    { hit = false },
  },
}

rule "BULK_SAME_PICTURE" {
  about = "messages from many networks show the same picture, and their senders hardly authenticate",
  score = 2.5,
  group = "bulk",
  when = function(mail)
    local bulk = copies(mail, "picture")
    if not bulk then return false end
    return growth(bulk.count, LEAST, 2.5) * doubt(mail, bulk), details(bulk, "networks", "senders")
  end,
  examples = {
    { hit = true, score = 2.5, bulk = { count = 20, networks = 15, senders = 20, domains = 18, of = "picture", evidence = "none" },
      detail = "20 alike: networks=15 senders=20" },
    { hit = true, score = 5.0, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "picture", evidence = "little" } },
    { hit = false, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "picture", authenticated_share = 0.8 } },
    { hit = false, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "picture", authenticated_share = 0.4 },
      dmarc = { result = "pass", domain = "example.net" }, header = { References = "<1@example.org>" } },
    { hit = false, bulk = { count = 200, networks = 90, senders = 180, domains = 90, of = "picture", evidence = "auto-reply" } },
    { hit = false, bulk = { count = 200, networks = 3, senders = 180, domains = 90, of = "picture" } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- one sender, or a few

-- A server that was broken into, or one that was set up for the day. Programs that watch machines send alike too, but to a few.
rule "BULK_ONE_SOURCE" {
  about = "one server sends the same to many people here, and nothing says who stands behind it",
  score = 1.5,
  group = "bulk",
  when = function(mail)
    local bulk = campaign(mail)
    if not bulk or bulk.count < 50 or bulk.recipients < 20 or bulk.networks > 2 then return false end
    if bulk.authenticated_share > 0.1 or not stranger(mail) then return false end
    return growth(bulk.count, 50, 2), details(bulk, "networks", "recipients")
  end,
  examples = {
    { hit = true, score = 1.5, bulk = { count = 50, networks = 1, senders = 1, domains = 1, recipients = 45 },
      detail = "50 alike: networks=1 recipients=45" },
    { hit = true, score = 3.0, bulk = { count = 500, networks = 2, senders = 300, domains = 40, recipients = 450 },
      spf = { result = "softfail" } },
    -- A monitor and its three administrators.
    { hit = false, bulk = { count = 500, networks = 1, senders = 1, domains = 1, recipients = 3 } },
    -- The portal in the house, which the admin has named.
    { hit = false, bulk = { count = 500, networks = 1, senders = 1, domains = 1, recipients = 450 }, client = { ip = "10.1.2.3" },
      maps = { ["maps/bulk-senders.map"] = { "10.0.0.0/8" } } },
    -- A mailing list breaks its authors' signatures; it has a sender of its own.
    { hit = false, bulk = { count = 50, networks = 1, senders = 50, domains = 1, recipients = 45 }, spf = { result = "pass" } },
    { hit = false, bulk = { count = 50, networks = 1, senders = 1, domains = 1, recipients = 45 },
      dkim = { { result = "pass", domain = "lists.example.org" } } },
    { hit = false, bulk = { count = 50, networks = 1, senders = 1, domains = 1, recipients = 45 }, spf = { result = "temperror" } },
    { hit = false, bulk = { count = 50, networks = 9, senders = 1, domains = 1, recipients = 45 } },
    { hit = false },
  },
}

-- RFC 2369, 3.2: who sends bulk mail says how to end it; the large mailbox providers ask for it since 2024. Mailing lists that do not
-- have the field have a List-Id at least (RFC 2919).
rule "BULK_NO_UNSUBSCRIBE" {
  about = "the message is sent in bulk, does not say how to unsubscribe, and its author's domain does not stand behind it",
  score = 1.0,
  group = "bulk",
  when = function(mail)
    local bulk = campaign(mail)
    if not bulk or bulk.count < 50 or bulk.recipients < 20 or bulk.authenticated_share > 0.3 then return false end
    if proven(mail) or mail.dmarc.result == "temperror" then return false end
    for _, signature in ipairs(mail.dkim) do
      if signature.result == "temperror" then return false end
    end
    if mail:header("List-Unsubscribe") or mail:header("List-Id") then return false end
    return true, details(bulk, "recipients")
  end,
  examples = {
    { hit = true, score = 1.0, bulk = { count = 50, networks = 4, recipients = 40 }, detail = "50 alike: recipients=40" },
    { hit = true, bulk = { count = 50, networks = 4, recipients = 40 }, spf = { result = "pass" } },
    { hit = false, bulk = { count = 50, networks = 4, recipients = 40 }, header = { ["List-Unsubscribe"] = "<https://example.net/u>" } },
    { hit = false, bulk = { count = 50, networks = 4, recipients = 40 }, header = { ["List-Id"] = "<a.example.net>" } },
    -- "Your password", "your parcel": of one domain, which stands behind it.
    { hit = false, bulk = { count = 50, networks = 4, domains = 1, recipients = 40, authenticated_share = 1 },
      dmarc = { result = "pass", domain = "example.net" } },
    { hit = false, bulk = { count = 50, networks = 4, recipients = 40 }, dmarc = { result = "temperror" } },
    { hit = false, bulk = { count = 50, networks = 4, recipients = 10 } },
    { hit = false },
  },
}

-- A burst from nowhere: of many recipients none can have reported it yet.
rule "BULK_SUDDEN" {
  about = "within minutes the same message came to many people here, and nothing says who stands behind it",
  score = 1.5,
  group = "bulk",
  when = function(mail)
    local bulk = campaign(mail)
    if not bulk or bulk.recipients < 20 or bulk.age > 600 then return false end
    if bulk.authenticated_share > 0.1 or not stranger(mail) then return false end
    return true, details(bulk, "recipients", "age")
  end,
  examples = {
    { hit = true, score = 1.5, bulk = { count = 25, networks = 3, recipients = 25, age = 90 },
      detail = "25 alike: recipients=25 age=90" },
    { hit = false, bulk = { count = 25, networks = 3, recipients = 25, age = 3600 } },
    { hit = false, bulk = { count = 25, networks = 3, recipients = 25, age = 90 }, spf = { result = "pass" } },
    -- One message to many.
    { hit = false, bulk = { count = 1, networks = 1, recipients = 40 } },
    { hit = false, bulk = { count = 25, networks = 1, recipients = 2, age = 90 } },
    { hit = false, bulk = { count = 25, networks = 3, recipients = 25, age = 90, allowed = true } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- honest bulk

-- Weighs nothing: a spammer's own domain stands behind his mail too. It says why none of the rules above has hit.
rule "BULK_NEWSLETTER" {
  about = "the message is bulk mail of one sender, who stands behind it and says how to unsubscribe",
  score = 0.0,
  group = "bulk",
  when = function(mail)
    local bulk = mail.bulk
    if bulk.count < LEAST or not COUNTS[bulk.evidence] then return false end
    if bulk.domains > 2 or bulk.authenticated_share < 0.95 or not mail:header("List-Unsubscribe") then return false end
    local domain = proven(mail)
    return domain ~= nil, domain and domain .. ": " .. details(bulk, "networks")
  end,
  examples = {
    { hit = true, score = 0.0, detail = "example.net: 5000 alike: networks=30",
      header = { ["List-Unsubscribe"] = "<https://example.net/u>" },
      bulk = { count = 5000, networks = 30, senders = 5000, domains = 1, authenticated_share = 0.99 },
      dmarc = { result = "pass", domain = "example.net" } },
    { hit = false, header = { ["List-Unsubscribe"] = "<https://example.net/u>" },
      bulk = { count = 5000, networks = 30, domains = 1, authenticated_share = 0.99 },
      dmarc = { result = "fail", domain = "example.net" } },
    { hit = false, header = { ["List-Unsubscribe"] = "<https://example.net/u>" },
      bulk = { count = 5000, networks = 30, domains = 30, authenticated_share = 0.99 },
      dmarc = { result = "pass", domain = "example.net" } },
    { hit = false, bulk = { count = 5000, networks = 30, domains = 1, authenticated_share = 0.99 },
      dmarc = { result = "pass", domain = "example.net" } },
    { hit = false },
  },
}
