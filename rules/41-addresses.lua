-- Who is it from, to whom does it go, and where do answers go? All of that is written by the sender; what can be proved of it is
-- in 10-authentication.lua. These rules belong to the group "headers", see 40-headers.lua.

-- Providers where anybody gets a mailbox for nothing.
local FREEMAIL = map("maps/freemail.map")

-- The address in a field: of "Ann <ann@example.org>" it is ann@example.org, in small letters; nil when there is none.
local function address(value)
  if not value then return nil end
  local found = value:match("<([^<>\\s]+@[^<>\\s]+)>") or value:match("[^\\s<>\"(),:;]+@[^\\s<>\"(),:;]+")
  return found and found:lower()
end
local function domain(value)
  local found = address(value)
  return found and found:match("@([^@]+)$")
end

-- ---------------------------------------------------------------- From and Reply-To

-- No fault, and no score: other rules ask for it.
rule "FROM_FREEMAIL" {
  about = "the message is from a free mailbox",
  score = 0.0,
  group = "headers",
  when = function(mail)
    local from = domain(mail:header("From"))
    return from ~= nil and FREEMAIL:has(from), from
  end,
  examples = {
    { hit = true, header = { From = "Ann <Ann@Gmail.com>" }, detail = "gmail.com" },
    { hit = false, header = { From = "gmail.com <ann@example.org>" } },
  },
}

rule "REPLY_TO_FREEMAIL" {
  about = "answers go to a free mailbox, and not to the domain that the message is from",
  score = 2.0,
  group = "headers",
  when = function(mail)
    local from, reply = domain(mail:header("From")), domain(mail:header("Reply-To"))
    if not from or not reply or from == reply then return false end
    -- A mailing list makes it so for its readers, and one free mailbox for another is the next rule's matter.
    if mail:header("List-Id") or FREEMAIL:has(from) or not FREEMAIL:has(reply) then return false end
    -- "Ann Hill via Sign Desk": a service that says for whom it writes, and leads the answer to her by name.
    local name = mail:header("Reply-To"):lower():match("^\\s*\"?([^\"<@]{3,60}?)\"?\\s*<")
    local shown = mail:header("From"):lower()
    if name and shown:find(name) and shown:match("\\b(?:via|on behalf of|über|im auftrag von|par|a través de|tramite)\\s") then
      return false
    end
    return true, reply
  end,
  examples = {
    { hit = true, header = { From = "Bank <info@bank.example>", ["Reply-To"] = "bank.desk@gmail.com" }, detail = "gmail.com" },
    { hit = false, header = { From = "a@outlook.com", ["Reply-To"] = "<other@gmail.com>" } },
    {
      hit = false,
      header = { From = "Ann Hill via Sign Desk <x@sign.example>", ["Reply-To"] = "Ann Hill <ann.hill@gmail.com>" },
    },
    { hit = false, header = { From = "a@gmail.com", ["Reply-To"] = "b@gmail.com" } },
    { hit = false, header = { From = "a@example.net", ["Reply-To"] = "desk@example.org" } },
    { hit = false, header = { From = "a@example.net", ["Reply-To"] = "a@gmail.com", ["List-Id"] = "<l.example>" } },
  },
}

-- Nobody has two mailboxes with one provider and wants answers in the other, but who loses one every day.
rule "REPLY_TO_SECOND_MAILBOX" {
  about = "the message is from one free mailbox, and answers go to another",
  score = 2.0,
  group = "headers",
  when = function(mail)
    local from, reply = address(mail:header("From")), address(mail:header("Reply-To"))
    if not from or not reply or from == reply then return false end
    return FREEMAIL:has(from) and FREEMAIL:has(reply), reply
  end,
  examples = {
    { hit = true, header = { From = "a@gmail.com", ["Reply-To"] = "b@gmail.com" }, detail = "b@gmail.com" },
    { hit = false, header = { From = "Ann <a@gmail.com>", ["Reply-To"] = "<A@gmail.com>" } },
    { hit = false, header = { From = "a@example.org", ["Reply-To"] = "b@gmail.com" } },
  },
}

-- The pages on which free mailboxes are read write the text beside the page.
rule "FREEMAIL_PAGE" {
  about = "the message is a web page without the text beside it, from a free mailbox",
  score = 1.0,
  group = "headers",
  expression = "FROM_FREEMAIL and HTML_ONLY and not CONVERSATION",
  examples = {
    { hit = true, hits = { "FROM_FREEMAIL", "HTML_ONLY" } },
    { hit = false, hits = { "FROM_FREEMAIL" } },
    { hit = false, hits = { "FROM_FREEMAIL", "HTML_ONLY", "CONVERSATION" } },
  },
}

-- "service@bank.example" <x@other.example>: many readers show only the name. Forwarding forms of web sites do it too, with the
-- visitor's address: to weigh.
rule "FROM_SHOWS_OTHER_ADDRESS" {
  about = "the sender's name is itself an e-mail address, of another domain than the sender's",
  score = 1.5,
  group = "headers",
  when = function(mail)
    local from = mail:header("From")
    if not from then return false end
    local shown, real = from:match("(?i)^[^<]*@([a-z0-9.-]+\\.[a-z]{2,})[^<]*<[^<>@]*@([^<>@\\s]+)>")
    return shown ~= nil and shown:lower() ~= real:lower(), shown
  end,
  examples = {
    { hit = true, header = { From = '"service@bank.example" <x@other.example>' }, detail = "bank.example" },
    { hit = false, header = { From = '"Service@Bank.example" <service@bank.example>' } },
    { hit = false, header = { From = "Ann @ Work <ann@example.org>" } },
  },
}

-- Names of companies, and what their domains hold. A name that people have too (Chase, Norton) counts only with a word of the trade
-- behind it. The list is short, and companies send through others' domains, so it weighs little alone.
local BRANDS = {
  { "paypal", "paypal" }, { "amazon (?:prime|pay|support|security|service|order|account|\\.com)", "amazon|amzn" }, { "netflix", "netflix" },
  { "dhl\\b", "dhl|deutschepost" }, { "microsoft", "microsoft|outlook|office" }, { "apple (?:id|support|pay)", "apple" },
  { "fedex", "fedex" }, { "american express", "americanexpress|aexp" }, { "wells ?fargo", "wellsfargo|wf" },
  { "docusign", "docusign" }, { "facebook", "facebook|meta" }, { "coinbase", "coinbase" }, { "metamask", "metamask" },
  { "(?:jp ?morgan )?chase (?:bank|online|alert|support|security)", "chase|jpm" }, { "geek ?squad", "geeksquad|bestbuy" },
  {
    "(?:norton|mcafee) ?(?:360|life ?lock|anti-?virus|renewals?|security|support|protection|subscription|billing|total)",
    "norton|mcafee|gen",
  },
  { "dropbox", "dropbox" }, { "sparkasse\\b", "sparkasse|spk|berliner" },
}
local ANY_BRAND = {}
for i, brand in ipairs(BRANDS) do ANY_BRAND[i] = brand[1] end
ANY_BRAND = "(?i)\\b(?:" .. table.concat(ANY_BRAND, "|") .. ")"
rule "FROM_BRAND_ELSEWHERE" {
  about = "the sender's name is that of a known company, and the address is none of its domains",
  score = 1.0,
  group = "headers",
  when = function(mail)
    local from = mail:header("From")
    local where = domain(from)
    -- A mailing list puts its own address behind the name of who writes.
    if not where or mail:header("List-Id") or mail:hit("CONVERSATION") then return false end
    local name = from:match("^([^<]+)<")
    -- "Ann Hill via DocuSign" and "Ann (Microsoft)" say for whom they write, and not who they are.
    if not name or not name:match(ANY_BRAND) or name:match("(?i)\\bvia\\b|[(@]") then return false end
    for _, brand in ipairs(BRANDS) do
      if name:match("(?i)\\b" .. brand[1]) and not where:match("(?:" .. brand[2] .. ")") then return true, where end
    end
    return false
  end,
  examples = {
    { hit = true, header = { From = "PayPal Service <x@other.example>" }, detail = "other.example" },
    { hit = true, header = { From = "Norton 360 Renewal <x@other.example>" } },
    { hit = false, header = { From = "Ann Norton <x@other.example>" } },
    { hit = false, header = { From = "Chase Miller <x@other.example>" } },
    { hit = false, header = { From = "Ann Hill via DocuSign <x@sign.example>" } },
    { hit = false, header = { From = "PayPal <service@mail.paypal.example>" } },
    { hit = false, header = { From = "paypal@other.example" } },
  },
}

rule "FROM_BRAND_FREEMAIL" {
  about = "the sender's name is that of a known company, and the address is a free mailbox",
  score = 3.0,
  group = "headers",
  all = { "FROM_BRAND_ELSEWHERE", "FROM_FREEMAIL" },
  examples = {
    { hit = true, header = { From = "PayPal Support <team22@gmail.com>" } },
    { hit = false, header = { From = "PayPal Support <x@other.example>" } },
    { hit = false, header = { From = "Ann Norton <ann.norton@gmail.com>" } },
  },
}

-- ---------------------------------------------------------------- To

rule "TO_UNDISCLOSED" {
  about = "the recipients are hidden: To says only that they are not disclosed",
  score = 0.7,
  group = "headers",
  header = { "To", "(?i)undisclosed|unlisted[- ]recipients|recipient list not shown|^\\s*recipients?:?\\s*;" },
  examples = {
    { hit = true, header = { To = "undisclosed-recipients:;" } },
    { hit = true, header = { To = "Undisclosed recipients:;" } },
    { hit = false, header = { To = "Recipients of the prize <prize@example.org>" } },
  },
}

-- Who writes to many from a free mailbox hides them; who does it honestly writes to himself and names a list.
rule "FREEMAIL_TO_MANY" {
  about = "the message goes from a free mailbox to recipients that are hidden",
  score = 1.5,
  group = "headers",
  all = { "FROM_FREEMAIL", "TO_UNDISCLOSED" },
  examples = {
    { hit = true, header = { From = "a@gmail.com", To = "undisclosed-recipients:;" } },
    { hit = false, header = { From = "a@example.org", To = "undisclosed-recipients:;" } },
  },
}

rule "NO_TO" {
  about = "the message names no recipient: neither To nor Cc",
  score = 0.5,
  group = "headers",
  when = function(mail) return not mail:header("To") and not mail:header("Cc") and mail.from ~= "" end,
  examples = {
    { hit = true, header = { From = "a@example.net" } },
    { hit = false, header = { From = "a@example.net", Cc = "b@example.org" } },
    { hit = false, header = { From = "postmaster@example.net" }, from = "" },
  },
}

-- Sent to oneself: people do it with notes, and forgers because nobody blocks himself.
rule "FROM_IS_TO" {
  about = "the message says that it is from its own recipient",
  score = 0.5,
  group = "headers",
  when = function(mail)
    local from, to = address(mail:header("From")), address(mail:header("To"))
    return from ~= nil and from == to and mail.from:lower() ~= from, from
  end,
  examples = {
    { hit = true, header = { From = "Bank <ann@example.org>", To = "ann@example.org" }, from = "x@example.net" },
    { hit = false, header = { From = "ann@example.org", To = "ann@example.org" }, from = "ann@example.org" },
    { hit = false, header = { From = "bob@example.org", To = "ann@example.org" } },
  },
}

-- Hidden recipients in another way: the letter is addressed to its author, or to nobody here. Lists and forwarders do the second by
-- right, so alone it weighs nothing.
rule "TO_SOMEBODY_ELSE" {
  about = "the message is addressed to its own author, or to nobody at the recipient's domain",
  score = 0.0,
  group = "headers",
  when = function(mail)
    local from, to = address(mail:header("From")), mail:header("To")
    if not to or mail:header("List-Id") then return false end
    if from ~= nil and from == address(to) then return true, from end
    local named = (to .. " " .. (mail:header("Cc") or "")):lower()
    for i = 1, math.min(#mail.rcpts, 20) do
      local here = mail.rcpts[i]:lower():match("@([^@]+)$")
      if not here or named:find("@" .. here) then return false end
    end
    return #mail.rcpts > 0
  end,
  examples = {
    { hit = true, header = { From = "Mary <mary@example.net>", To = "mary@example.net" }, detail = "mary@example.net" },
    { hit = true, header = { From = "mary@example.net", To = "list@lists.example" }, rcpts = { "ann@example.org" } },
    { hit = false, header = { From = "mary@example.net", To = "bob@example.org" }, rcpts = { "ann@example.org" } },
    { hit = false, header = { From = "mary@example.net", To = "l@lists.example", ["List-Id"] = "<l>" }, rcpts = { "a@example.org" } },
    { hit = false, header = { From = "mary@example.net", To = "ann@example.org" } },
  },
}
