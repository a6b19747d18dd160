-- The words of advertising, whatever it is for: come, order, pay, and how to be left alone. A newsletter that somebody asked for
-- speaks so too, so each of these weighs little. They belong to the
-- group "advertising", which with "layout" together stays below the threshold to mark: an honest newsletter has nothing else.

group("advertising", { max = 3, dampers = { DMARC_PASS = 1.3, DELIVERY_REPORT = 1.5, PASSES_ON = 1, ABUSE_REPORT = 0.5 } })

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
    "check (?:it|us|this) out (?:here|now|at)", "visit our (?:web ?site|shop|store|site)", "haga cli[ck] aqu[ií]",
    "hier klicken", "cliquez ici",
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
    "jetzt (?:bestellen|kaufen|sichern)",
    "compre (?:ya|ahora|agora)",
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
    "fast (?:delivery|shipping)", "oferta (?:especial|exclusiva|limitada)", "offre (?:sp[eé]ciale|exclusive|limit[eé]e)",
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
      .. "airline|card search|credit report|pics|porn|sex|grants?|leads|website|cell|vacation|credit|training|details|"
      .. "evaluation|tape|cd|pass|minutes|"
      .. "installation)s?",
    "(?:absolutely|completely|totally|100 ?%) free", "risk(?:-| )free",
    "no (?:cost|risk|obligation|strings|catch|questions asked)",
    "(?:it'?s|yours?|try (?:it|us)) free", "free\\W{1,3}free", "without (?:any )?(?:cost|risk|obligation)",
  },
  examples = {
    { hit = true, text = "Get your free trial, no obligation" },
    { hit = false, text = "Are you free on Monday? It costs nothing." },
    { hit = false, text = "No fees for your card. You may cancel free of charge." },
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

-- To count letters takes time: first the search for all words looks whether it is worth it.
rule "WORDS_IN_CAPITALS" {
  about = "several words in a row are written in capital letters",
  score = 0.0,
  group = "advertising",
  body = "\\b[A-Z]{2,20}[^A-Za-z]{1,3}[A-Z]{2,20}[^A-Za-z]{1,3}[A-Z]{1,20}[^A-Za-z]{1,3}[A-Z]{2,20}[^A-Za-z]{1,3}[A-Z]",
  examples = {
    { hit = true, text = "DEAR SIR, I HAVE A VERY GOOD PROPOSAL." },
    { hit = false, text = "RFC 5322, TLS and NASA" },
  },
}

rule "TEXT_SHOUTS" {
  about = "large parts of the text are written in capital letters",
  score = 0.8,
  group = "advertising",
  when = function(mail)
    if not mail:hit("WORDS_IN_CAPITALS") then return false end
    local text = mail.text:sub(1, 4000)
    local upper = #text:gsub("[^A-Z]+", "")
    return upper > 120 and upper > #text:gsub("[^a-z]+", "") * 0.45
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
    "(?:mailing|message|e-?mail) was sent in compliance",
    "ne (?:souhaitez |voulez |d[ée]sirez )?plus recevoir", "no (?:desea|quiere) (?:seguir )?recibi(?:r|endo)",
  } .. "|拒收(?:廣告|广告)?|取消(?:訂閱|订阅)|配信停止",
  examples = {
    { hit = true, text = "If you no longer wish to receive our offers, answer." },
    { hit = true, text = "You are receiving this email because you signed up for our offers." },
    { hit = false, text = "The old table was removed by the new release." },
  },
}

-- A list that is run by a program has an address of its own for that.
rule "REMOVAL_BY_HAND" {
  about = "to be removed from the list one has to write to a free mailbox, or a mail with \"remove\" as subject",
  score = 1.0,
  group = "advertising",
  any = { "REMOVAL_AT_FREEMAIL", "REMOVAL_BY_SUBJECT" },
  examples = {
    { hit = true, text = "To be removed write to offers4711@yahoo.com" },
    { hit = false, text = "To unsubscribe: https://lists.example.org/leave" },
  },
}

rule "REMOVAL_AT_FREEMAIL" {
  about = "the address for removal from the list is a free mailbox",
  score = 0.0,
  group = "advertising",
  body = "(?i)\\b(?:(?:to be|get) removed|for removal|remove me|removes?:)[^\\n@]{0,60}"
    .. "@(?:yahoo|hotmail|aol|msn|excite|lycos|gmail|outlook|mail|gmx|yandex|bk|btamail)\\.",
  examples = {
    { hit = true, text = "To be removed write to offers4711@yahoo.com" },
    { hit = false, text = "I removed the table. ann@gmail.com" },
    { hit = false, text = "To be removed write to leave@lists.example.org" },
  },
}

rule "REMOVAL_BY_SUBJECT" {
  about = "a link writes a mail that asks to be removed from a list",
  score = 0.0,
  group = "advertising",
  url = "(?i)^mailto:[^?]{1,80}\\?(?:[^#]{1,40}&)?subject=[^&]{0,20}(?:remove|take|delete|no.?more)",
  examples = {
    { hit = true, html = "<a href='mailto:x@a.example?subject=Remove%20me'>remove</a>" },
    { hit = false, html = "<a href='mailto:leave@a.example?subject=unsubscribe'>unsubscribe</a>" },
  },
}

rule "TOLL_FREE" {
  about = "the text names a telephone number that costs nothing, to order",
  score = 0.4,
  group = "advertising",
  body = "\\b8(?:00|88|77|66|55|44)[-. )]{1,2}[0-9]{3}[-. ][0-9]{4}\\b",
  examples = {
    { hit = true, text = "Call 1-800-555-0100 now" },
    { hit = false, text = "+1 212 555 0100, and 800 people in 100 towns" },
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
    if not start:find(box) then return false end
    -- Not "To: jsmith@…": that is the head of a message that is quoted.
    local greeted = start:match(
      "\\b(?:dear|hi|hello|hey|attn|attention|greetings|hallo|welcome)[:, ]+([a-z0-9._+-]+(?:@[a-z0-9.-]+[a-z0-9])?)"
    )
    if greeted == nil then return false end
    if greeted == box .. "@" .. domain then return true, greeted end
    -- Who greets helpdesk@ so means those who sit there.
    if box:match("^(?:info|support|help ?desk|service|students?|staff|teams?|members?|colleagues|editors?|customers?|friends|users?"
      .. "|teachers?|parents|partners?|office|sales|orders?|billing|press|board|everyone|security|abuse|jobs)$") then
      return false
    end
    return #box > 5 and greeted == box, greeted
  end,
  examples = {
    { hit = true, header = { To = "jsmith@example.org" }, text = "Dear jsmith@example.org,\nbuy pills.\n" },
    { hit = false, header = { To = "jsmith@example.org" }, text = "Dear John,\nthe minutes are below.\n" },
    { hit = false, header = { To = "helpdesk@example.org" }, text = "Hi helpdesk,\nmy screen is dark.\n" },
    { hit = false, header = { To = "jsmith@example.org" }, text = "Yes.\nFrom: Ann\nTo: jsmith@example.org\nAre you coming?\n" },
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
      "REMOVAL_OFFERED", "REMOVE_ME", "REMOVAL_BY_HAND",
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
