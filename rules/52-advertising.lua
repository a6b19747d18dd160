-- The words of advertising, whatever it is for: come, order, pay, and how to be left alone. A newsletter that somebody asked for
-- speaks so too, so each of these weighs little. They belong to the
-- group "advertising", which with "layout" together stays below the threshold to mark: an honest newsletter has nothing else.

group("advertising", { max = 3, dampers = { DMARC_PASS = 1.5, DELIVERY_REPORT = 1.5 } })

-- phrases { "act now", "limited time" }: see 50-content.lua.
local function phrases(list)
  local all = {}
  for i, phrase in ipairs(list) do
    all[i] = phrase:gsub(" \\?", "[\\s\\x{A0}]*"):gsub(" ", "[\\s\\x{A0}]{1,4}", 1):gsub(" ", "[\\s\\x{A0}]+")
  end
  return "(?i)\\b(?:" .. table.concat(all, "|") .. ")\\b"
end

-- ---------------------------------------------------------------- come and buy

rule "CLICK_HERE" {
  about = "the message asks to click",
  score = 0.5,
  group = "advertising",
  body = phrases {
    "click (?:here|below|now|the (?:link|button|image|picture)|on (?:the|this) (?:link|button|image|picture))",
    "clicking (?:here|below)",
    "go here", "(?:visit|follow|see) (?:the |this )?link below", "cli[ck]k? h[ae]re", "visit us (?:at|now|today|right now)",
    "check (?:it|us|this) out (?:here|now|at)", "visit our (?:web ?site|shop|store|site)",
  },
  examples = {
    { hit = true, text = "To see our prices click\nhere" },
    { hit = false, text = "The button clicks when pressed here." },
  },
}

rule "ORDER_NOW" {
  about = "the message presses to order at once",
  score = 0.7,
  group = "advertising",
  body = phrases {
    "order (?:now|today|yours)", "act (?:now|today|fast|immediately)", "buy (?:now|today|online|direct)",
    "call (?:now|today|toll|us (?:now|today))",
    "limited(?:-| )time", "while (?:supplies|stocks?|they) last", "do(?:n't| not) (?:miss (?:out|this)|delay|wait)",
    "place your order",
    "shop (?:now|online)", "offer (?:expires|ends|valid|is (?:valid|limited))", "(?:today|now) only",
    "apply (?:now|today|online)",
    "sign up (?:now|today|free)", "(?:call|enroll|respond|get started) (?:now|today|immediately)",
    "order by (?:phone|fax|mail)",
    "for a limited", "instant (?:access|approval|quote|download)", "order (?:form|line|hot ?line)",
  },
  examples = {
    { hit = true, text = "Act now, while supplies last!" },
    { hit = false, text = "The order of the files is fixed." },
  },
}

rule "PRICE_PRAISED" {
  about = "the message praises its prices",
  score = 0.6,
  group = "advertising",
  body = phrases {
    "(?:lowest|best|cheapest|unbeatable|discount(?:ed)?|low|great|wholesale|reduced|amazing) (?:prices?|rates?)",
    "free shipping",
    "(?:special|exclusive|amazing|incredible|introductory) (?:offer|deal|price|discount)s?",
    "save (?:up to|over|big|hundreds|thousands|money|\\$|[0-9]+)",
    "[0-9]{2} ?% (?:off|discount|savings?|less)", "(?:discounts?|savings) (?:of|up to|on)", "money(?:-| ?)back",
    "satisfaction guaranteed",
    "100 ?% (?:satisfaction|natural|safe|legal|guaranteed|money)", "only \\$ ?[0-9]", "regular(?:ly)? (?:price|\\$)",
    "your price", "for only \\$",
    "a \\$[0-9.,]+ value", "at no (?:extra |additional )?c(?:ost|harge)", "worldwide (?:shipping|delivery)",
    "fast (?:delivery|shipping)",
    "all (?:major )?credit cards?", "cheap prices?", "secure (?:payment|ordering|online)",
  },
  examples = {
    { hit = true, text = "Free shipping, and 80% off!" },
    { hit = false, text = "The price of a licence is below." },
  },
}

rule "FREE_THINGS" {
  about = "the message promises something for nothing",
  score = 0.6,
  group = "advertising",
  body = phrases {
    "free (?:gift|trial|sample|quotes?|consultation|report|info|information|membership|access|money|cash|offer|bonus|estimate|"
      .. "tour|preview|"
      .. "pics|porn|sex|grants?|leads|website|cell|vacation|credit|training|details|evaluation|tape|cd|pass|minutes|"
      .. "installation)s?",
    "(?:absolutely|completely|totally|100 ?%) free", "risk(?:-| )free",
    "no (?:cost|risk|obligation|strings|catch|fees?|hidden|questions asked)",
    "(?:it'?s|yours?|try (?:it|us)) free", "free of charge", "free\\W{1,3}free", "without (?:any )?(?:cost|risk|obligation)",
  },
  examples = {
    { hit = true, text = "Get your free trial, no obligation" },
    { hit = false, text = "Are you free on Monday? It costs nothing." },
  },
}

rule "MONEY_OFTEN" {
  about = "the text is full of prices",
  score = 0.3,
  group = "advertising",
  body = "[$€£]\\s?[0-9][^$€£]{1,70}[$€£]\\s?[0-9][^$€£]{1,70}[$€£]\\s?[0-9]",
  examples = {
    { hit = true, text = "Was $99, now $49; two for $89!" },
    { hit = false, text = "The bill was $20." },
  },
}

rule "TEXT_EXCLAIMS" {
  about = "the text shouts with rows of exclamation marks or stars",
  score = 0.5,
  group = "advertising",
  body = "!{3,}|[A-Z]!!|\\${3,}|\\*{5,}[ \\t]*[A-Z]",
  examples = {
    { hit = true, text = "Only today!!!" },
    { hit = false, text = "Hello! And welcome!" },
  },
}

rule "TEXT_SHOUTS" {
  about = "large parts of the text are written in capital letters",
  score = 0.8,
  group = "advertising",
  when = function(mail)
    local text = mail.text:sub(1, 6000)
    local upper, lower = #text:gsub("[^A-Z]+", ""), #text:gsub("[^a-z]+", "")
    return upper > 120 and upper > lower * 0.45
  end,
  examples = {
    { hit = true, text = string.rep("DEAR SIR, I HAVE A PROPOSAL. ", 12) },
    { hit = false, text = string.rep("Dear Sir, this is the report of NASA. ", 12) },
  },
}

-- ---------------------------------------------------------------- leave me alone

rule "REMOVAL_OFFERED" {
  about = "the message tells how to stop further advertising of its kind",
  score = 0.8,
  group = "advertising",
  body = phrases {
    "(?:to|please|want to|like to|wish to) be (?:removed|taken off|excluded) from", "remove (?:yourself|me|my)",
    "(?:be|been) removed from",
    "(?:no longer|(?:do|would) not|don'?t) (?:wish|want|like|care)(?: to)? (?:to )?(?:receive|hear)", "opt(?:-| )?out",
    "opted?(?:-| )in (?:list|e-?mail|to|at|for)",
    "further (?:mailings?|e-?mails|offers|promotions|correspondence)",
    "future (?:mailings?|e-?mails?|offers|promotions|advertis)",
    "(?:removal|remove) (?:instructions|link|request|from)", "our (?:mailing|opt-in|marketing|e-?mail|customer) list",
    "(?:word|type|put|with) \\W?remove", "unsubscribe (?:click|from our|here|now)",
    "you (?:are|were) (?:receiving|sent) this (?:special|offer|mailing|e-?mail (?:because|as|at))",
    "you (?:have )?(?:signed up|registered|requested) (?:to receive|for|at|on|with|information)",
    "third(?:-| )part(?:y|ies) (?:offers|advert)",
    "(?:never|not) (?:be )?(?:contacted?|mail(?:ed)?|e-?mail(?:ed)?) (?:you )?again", "bill s\\.? ?[0-9]{3,4}", "title iii",
    "can(?:-| )spam",
    "(?:mailing|message|e-?mail) was sent (?:to|by|in compliance)", "subscribed as",
  },
  examples = {
    { hit = true, text = "If you no longer wish to receive our offers, answer." },
    { hit = true, text = "You are receiving this email because you signed up for our offers." },
    { hit = false, text = "The old table was removed by the new release." },
  },
}

rule "NEWSLETTER_FRAME" {
  about = "the text has the frame of a mass mailing: see it in the browser, do not reply",
  score = 0.2,
  group = "advertising",
  body = phrases {
    "(?:having )?trouble (?:viewing|seeing|reading)",
    "view (?:this |it |the )?(?:e-?mail |message |newsletter )?(?:in|with|as|using) (?:your |a )?(?:web ?)?(?:browser|page)",
    "(?:can'?t|cannot|unable to) (?:see|view|read) (?:this|the|our)? ?(?:e-?mail|message|images?|newsletter)", 
    "add (?:us|this address|\\S+@\\S+) to your (?:address|safe|contacts)", "terms (?:of|and) (?:use|service|conditions)",
    "this newsletter",
    "(?:do|please) not reply to this",
    "please do not reply", "forward (?:this )?to a friend", "images? (?:not|below|above)",
  },
  examples = {
    { hit = true, text = "Having trouble viewing this email? Click here." },
    { hit = false, text = "The trouble is that nobody reads it." },
  },
}

-- A list of addresses is all that the writer has.
rule "GREETS_MAILBOX" {
  about = "the text greets the reader by the mail address instead of a name",
  score = 1.2,
  group = "advertising",
  when = function(mail)
    local to = mail:header("To")
    local box, domain = (to or ""):lower():match("([a-z0-9._+-]{3,40})@([a-z0-9.-]{3,80})")
    if not box then return false end
    local start = mail.text:sub(1, 400):lower()
    local greeted = start:match(
      "\\b(?:dear|hi|hello|hey|attn|attention|greetings|to|hallo|welcome)[:, ]+([a-z0-9._+-]+(?:@[a-z0-9.-]+[a-z0-9])?)"
    )
    return greeted ~= nil and (greeted == box .. "@" .. domain or (#box > 5 and greeted == box)), greeted
  end,
  examples = {
    { hit = true, header = { To = "jsmith@example.org" }, text = "Dear jsmith@example.org,\nbuy pills.\n" },
    { hit = false, header = { To = "jsmith@example.org" }, text = "Dear John,\nthe minutes are below.\n" },
    { hit = false, header = { To = "undisclosed" }, text = "Dear all" },
  },
}

-- ---------------------------------------------------------------- together

-- One of these signs is everywhere, two are a newsletter, and many are what nobody has asked for.
rule "ADVERTISING" {
  about = "the message has several marks of advertising at once",
  score = 0.6,
  group = "advertising",
  when = function(mail)
    local signs = 0
    for _, name in ipairs {
      "CLICK_HERE", "ORDER_NOW", "PRICE_PRAISED", "FREE_THINGS", "MONEY_OFTEN", "TEXT_EXCLAIMS", "TEXT_SHOUTS",
      "REMOVAL_OFFERED", "REMOVE_ME",
      "EASY_MONEY", "SUBJECT_ADVERTISES", "SUBJECT_PERCENT", "SUBJECT_EXCLAIMS", "FROM_ADVERTISES", "HTML_SHOUTS",
    } do
      if mail:hit(name) then signs = signs + 1 end
    end
    if signs < 3 then return false end
    return math.min(signs - 2, 3), signs .. " signs"
  end,
  examples = {
    { hit = true, hits = { "CLICK_HERE", "ORDER_NOW", "FREE_THINGS" }, detail = "3 signs", score = 0.6 },
    { hit = true, hits = { "CLICK_HERE", "ORDER_NOW", "FREE_THINGS", "REMOVAL_OFFERED", "TEXT_EXCLAIMS", "EASY_MONEY" }, score = 1.8 },
    { hit = false, hits = { "CLICK_HERE", "REMOVAL_OFFERED" } },
  },
}
