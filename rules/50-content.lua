-- What does the message advertise, and how does it hide that? Words are weak signs: honest people write about prizes and pills
-- too. So single words weigh little, and what counts is that several signs come together. The rules of this file and of
-- 51-fraud.lua add at most what the next line says. Rules with `body` search what a reader sees: decoded, without HTML, hidden
-- text left out.

group("content", {
  max = 10,
  dampers = { DMARC_PASS = 6, DELIVERY_REPORT = 4, PASSES_ON = 3, SPEAKS_OF_FRAUD = 1.5, REPORTED_TO_DESK = 1.5, ABUSE_REPORT = 1 },
})

-- phrases { "next of kin", "barrister" } is the regular expression for any of them as whole words, in small or capital letters,
-- with any white space where a blank is written (at the first one at most 4 characters: the search is much faster where what
-- comes before a rare word is of bounded length), and with or without where it is " ?". Parts of regular expressions may stand
-- in a phrase, but no blank in square brackets: "late (?:husband|father)".
local function phrases(list)
  local all = {}
  for i, phrase in ipairs(list) do
    all[i] = phrase:gsub(" \\?", "[\\s\\x{A0}]*"):gsub(" ", "[\\s\\x{A0}]{1,4}", 1):gsub(" ", "[\\s\\x{A0}]+")
  end
  return "(?i)\\b(?:" .. table.concat(all, "|") .. ")\\b"
end

-- ---------------------------------------------------------------- for tests

-- The string that every spam filter knows (GTUBE), to try one out without real spam. It has no other use.
rule "GTUBE" {
  about = "the message holds the test string for spam filters (GTUBE)",
  score = 100,
  action = "reject",
  reply = "550 5.7.1 this is the test message for spam filters (GTUBE)",
  raw = "XJS\\*C4JDBQADN1\\.NSBN3\\*2IDNEN\\*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL\\*C\\.34X",
  examples = {
    { hit = true, message = "Subject: test\n\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n" },
    { hit = false, message = "Subject: test\n\nThe string is called GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL.\n" },
  },
}

-- ---------------------------------------------------------------- goods that are mostly sold by spam

-- "spécialisé" is no medicine: é is no letter of \\b.
local PHARMACY = phrases {
  "viagra", "levitra", "sildenafil", "tadalafil", "kamagra", "phentermine", "xanax", "diazepam", "valium", "tramadol",
  "oxycodone", "percocet", "adderall", "ambien", "hydrocodone", "vicodin", "ketamine", "cytotec", "misoprostol", "mifepristone",
  "prescription (?:drugs|meds|medications?)", "(?:online|canadian|internet) (?:pharmacy|drugstore)", "ed (?:meds|pills|drugs)",
  "penis (?:enlarge(?:ment|r)?|size|pills?)", "weight loss (?:pills?|product|secret)",
} .. "|(?:^|[^\\p{L}])cialis\\b|ساي?توي?تي?ك|(?:حبوب|ادوية|أدوية)\\s+(?:ال)?[اإ]جهاض"

rule "PHARMACY" {
  about = "the message offers prescription medicines",
  score = 1.5,
  group = "content",
  body = PHARMACY,
  examples = {
    { hit = true, text = "Buy Cytotec online" },
    { hit = false, text = "The doctor is a specialist, un médecin spécialisé." },
  },
}

-- Who writes about a medicine names it in the text; who sells it, in the subject or as his own name.
rule "PHARMACY_SUBJECT" {
  about = "the subject offers prescription medicines",
  score = 2.5,
  group = "content",
  header = { "Subject", PHARMACY },
  examples = {
    { hit = true, subject = "Viagra -70%" },
    { hit = false, subject = "Specialist needed" },
  },
}

rule "PHARMACY_SENDER" {
  about = "the sender's name offers prescription medicines",
  score = 2.0,
  group = "content",
  header = { "From", PHARMACY },
  examples = {
    { hit = true, header = { From = "Best ED Meds <x@example.net>" } },
    { hit = false, header = { From = "Edmund <ed@meds.example>" } },
  },
}

rule "PHONE_NUMBER" {
  about = "the text holds an international telephone number",
  score = 0.0,
  group = "content",
  body = "(?:\\+|\\b00)[1-9][0-9]{0,2}[-\\s().]{0,3}(?:[0-9][-\\s().]{0,2}){7,12}",
  examples = {
    { hit = true, text = "call +971 58 555 0100" },
    { hit = false, text = "2000 people on 100 islands" },
  },
}

rule "PHARMACY_BY_PHONE" {
  about = "the message offers prescription medicines, to be ordered by telephone or chat",
  score = 2.0,
  group = "content",
  -- A pharmacy's own confirmation has a number too, and its subject is the order.
  expression = "(PHARMACY_SUBJECT or PHARMACY_SENDER or PHARMACY and (FROM_FREEMAIL or CHAT_NAMED)) and PHONE_NUMBER "
    .. "or (PHARMACY or PHARMACY_SUBJECT or PHARMACY_SENDER) and URL_CHAT",
  examples = {
    { hit = true, text = "Cytotec: WhatsApp +971 58 555 0100" },
    { hit = true, subject = "Cytotec in town", text = "call +971 58 555 0100" },
    { hit = false, subject = "Your order 4711", text = "Sildenafil 50 mg, 12 tablets. Questions? +49 30 5550100" },
    { hit = false, hits = { "PHARMACY" } },
    { hit = false, hits = { "URL_CHAT", "PHONE_NUMBER" } },
  },
}

rule "COUNTERFEITS" {
  about = "the message offers forged brands, papers or money",
  score = 3.0,
  group = "content",
  body = phrases {
    "replicas? (?:watch\\w*|rolex|bags?|handbags?|models?|sites?)", "(?:rolex|luxury|designer|watch) replicas?",
    "(?:buy|get|order) (?:\\S+ ){0,3}(?:passports?|driv(?:er'?s|ing) licen[cs]es?|counterfeit (?:money|notes))",
  },
  examples = {
    { hit = true, text = "Replica watches" },
    { hit = false, text = "Watches and bags from our shop" },
    { hit = false, text = "The second replica of the database watches the first." },
  },
}

rule "GAMBLING" {
  about = "the message advertises games for money",
  score = 1.5,
  group = "content",
  body = phrases {
    "online casinos?", "(?:slot|situs) (?:gacor|online|judi)", "judi (?:online|bola)", "togel", "free spins", "casino bonus",
    "jackpots? (?:of|worth|winner)", "(?:winning )?lottery numbers", "powerball", "beat the house", "4d slot",
    "sports? betting (?:site|tips|odds)", "deposit bonus",
  },
  examples = {
    { hit = true, text = "The best online casino" },
    { hit = false, text = "We met in front of the old casino." },
  },
}

rule "CRACKED_SOFTWARE" {
  about = "the message offers copied software or films",
  score = 2.0,
  group = "content",
  body = phrases {
    "(?:full version|serial(?: (?:key|number))?|activation|license key) (?:\\S+ ){0,3}(?:crackl?|cracked|keygen|torrent)",
    "(?:crack|keygen|torrent) (?:\\S+ ){0,3}(?:full version|free download|serial|download)",
    "(?:full|free) (?:movie|crack|torrent) (?:\\S+ ){0,2}(?:download|online|free)", "free download full version",
  },
  examples = {
    { hit = true, text = "Free Download Full Version" },
    { hit = true, text = "Serial key and keygen" },
    { hit = false, text = "The full version of the report has a crack in its logic." },
  },
}

rule "SEO_OFFER" {
  about = "the message offers a better place in search engines, links or articles for a web site",
  score = 1.5,
  group = "content",
  body = phrases {
    "(?:guest|sponsored) posts?(?:ing)?", "back ?links?", "(?:first|1st|top) page (?:of|on|in) google",
    "google (?:ranking|first page|page 1)", "(?:rank|ranking|traffic) (?:of|on|to|for) your (?:web ?site|site)",
    "seo (?:services?|company|expert|agency|packages?|audit)", "domain authority", "link (?:building|exchange|insertion)s?",
    "web (?:design|development) (?:services|company)", "redesign (?:of )?your website",
    "(?:increase|boost|drive) (?:your )?(?:organic |web ?site )?traffic",
  },
  examples = {
    { hit = true, text = "We offer backlinks and guest posts." },
    { hit = false, text = "The link to the building plan is below." },
  },
}

rule "EASY_MONEY" {
  about = "the message promises quick profit or a prize",
  score = 1.0,
  group = "content",
  body = phrases {
    "(?:earn|make) (?:up to )?[$€£]?[0-9.,]+k?(?: usd)? (?:per|a|every|in|within) (?:day|week|month|hour|one)",
    "(?:make|earn) (?:easy |fast |extra |big )?money",
    "guaranteed (?:profits?|income|returns?)", "you (?:have|'ve) (?:won|been (?:chosen|selected))", "get rich",
    "claim your (?:prize|reward|gift|money|cash|winnings?)", "your (?:lost|unclaimed) (?:cash|money)",
    "(?:bitcoin|crypto(?:currency)?|forex) (?:invest(?:ment|ing|or)|trading|mining) (?:platform|company|opportunity|bot)",
    "gift ?card (?:winner|offer|giveaway)", "100% (?:free|guaranteed|risk(?:-| )free)", "illuminati",
    "eliminate your debts?", "no (?:experience|obligation) (?:required|needed|necessary)", "giveaway (?:winner|of)",
    "specially selected", "(?:free (?:government )?|cash )grants?", "free (?:airline|round(?:-| )trip) (?:air )?tickets?",
  },
  examples = {
    { hit = true, text = "Earn $5000 per week!" },
    { hit = false, text = "A money-back guarantee of 30 days, and a part-time job." },
    { hit = false, text = "I work at the home for elderly people." },
  },
}

-- The law of some countries wants a way out, and the apology for it is a mark of its own.
rule "REMOVE_ME" {
  about = "the message speaks of itself as unasked advertising does: that it is no spam, or sent only once",
  score = 0.8,
  group = "advertising",
  body = phrases {
    "this is not (?:a )?spam",
    "(?:one(?:-| )time|unsolicited) (?:mailing|e-?mail|message)", "(?:you|your e-?mail) (?:have |has )?opted(?:-| )in",
    "remove(?:d)? in the subject", "removed? from (?:all )?(?:our|this|future) (?:mailing|e-?mail)s? by (?:reply|send)",
  },
  examples = {
    { hit = true, text = "This is not spam. It is a one-time mailing." },
    { hit = false, text = "If you have received this message in error, please tell us." },
    { hit = false, text = "The old table was removed from the database." },
  },
}

-- ---------------------------------------------------------------- disguise: what a person sees differs from what is there

-- Newsletters hide a line for the preview and a copy for small screens; much more than what is shown is there for filters.
rule "HIDDEN_TEXT" {
  about = "the message holds more text that its reader cannot see than text that he can",
  score = 2.0,
  group = "content",
  when = function(mail)
    local hidden = #mail.hidden
    return hidden > 500 and hidden > #mail.text, hidden .. " octets"
  end,
  examples = {
    {
      hit = true,
      html = "<p>Buy!<div style='display:none'>" .. string.rep("innocent words ", 50) .. "</div>",
    },
    {
      hit = false,
      html = "<div style='display:none'>preview</div><p>" .. string.rep("words ", 50),
    },
  },
}

-- One picture to look at and to click on. Honest mail with a picture says something beside it, if only that the parcel comes.
rule "ONLY_AN_IMAGE" {
  about = "the message is a picture with a link, and next to no text",
  score = 2.0,
  group = "content",
  when = function(mail)
    local text = mail.text
    if text:match("(?:\\S+\\s\\s?){30}") or #text:gsub("\\s+", "") >= 30 then return false end
    local images, links = 0, 0
    for _, url in ipairs(mail.urls) do
      if url.where == "image" then images = images + 1 end
      if url.where == "html" and url.scheme:match("^https?$") then links = links + 1 end
      if images + links > 20 then return false end
    end
    return images > 0 and links > 0
  end,
  examples = {
    { hit = true, html = "<a href='http://a.example/'><img src='http://a.example/1.png'></a>" },
    {
      hit = false,
      html = "<p>" .. string.rep("words ", 30) .. "<a href='http://a.example/'><img src='http://a.example/1.png'></a>",
    },
    {
      hit = false,
      html = "<img src='http://a.example/1.png'><p>Your parcel comes today, between ten and twelve. "
        .. "<a href='http://a.example/'>Track it</a>",
    },
    { hit = false, html = "<img src='http://a.example/1.png'>" },
  },
}

-- Between Latin letters no language needs them. (Persian and Indic scripts need U+200C and U+200D; German newsletters U+00AD.)
rule "INVISIBLE_LETTERS" {
  about = "words of the message are cut by characters that nobody can see",
  score = 2.0,
  group = "content",
  body = "[A-Za-z][\\x{200B}-\\x{200D}\\x{2060}-\\x{2064}\\x{FEFF}]+[A-Za-z]+"
    .. "[\\x{200B}-\\x{200D}\\x{2060}-\\x{2064}\\x{FEFF}]+[A-Za-z]",
  examples = {
    { hit = true, text = "P\u{200B}ay\u{200B}P\u{200B}al" },
    { hit = false, text = "عربی‌ها and PayPal" },
  },
}

-- The "а" of Cyrillic looks like the "a" of Latin, and no word has both. Words in two parts ("e-почта") do not count.
rule "MIXED_ALPHABETS" {
  about = "words of the message mix Latin letters with look-alikes of other alphabets",
  score = 2.0,
  group = "content",
  body = "[A-Za-z]{2}[\\x{430}\\x{435}\\x{43E}\\x{440}\\x{441}\\x{443}\\x{445}\\x{455}\\x{456}\\x{458}\\x{3BF}\\x{3B1}][A-Za-z]",
  examples = {
    { hit = true, text = "your PayPаl account" },
    { hit = false, text = "ваш email адрес" },
  },
}

rule "LITTLE_TEXT_AND_A_LINK" {
  about = "the message is a link and a few words",
  score = 0.7,
  group = "content",
  when = function(mail)
    local text = mail.text
    if text:match("(?:\\S+\\s\\s?){30}") or #text:gsub("https?://[^\\s]+|\\s+", "") >= 60 then return false end
    local links = 0
    for _, url in ipairs(mail.urls) do
      if url.where ~= "image" and url.where ~= "header" and url.scheme:match("^https?$") then links = links + 1 end
      if links > 2 then return false end
    end
    return links > 0 and #mail.attachments == 0
  end,
  examples = {
    { hit = true, text = "look at this https://a.example/1" },
    { hit = false, text = "look at this" },
    { hit = false, text = string.rep("words ", 20) .. "https://a.example/1" },
  },
}

-- Mail programs read these differently, so that a filter sees one message and the reader another (RFC 2046, 5.1; RFC 2045, 6).
rule "BROKEN_MIME" {
  about = "the parts of the message are written in a way that mail programs understand differently",
  score = 1.0,
  group = "content",
  when = function(mail)
    local found = {}
    for _, name in ipairs {
      "missing_boundary", "duplicate_header", "unknown_encoding", "after_close", "nested_too_deep", "nul",
    } do
      if mail.defects[name] then found[#found + 1] = name end
    end
    return #found > 0 and #found, table.concat(found, ", ")
  end,
  examples = {
    {
      hit = true, detail = "duplicate_header", score = 1.0,
      message = "Content-Type: text/plain\nContent-Type: text/html\n\nhello\n",
    },
    { hit = true, message = "Content-Transfer-Encoding: x-mine\n\nhello\n", detail = "unknown_encoding" },
    { hit = false, message = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n" },
  },
}
