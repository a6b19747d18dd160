-- Does the message want the reader's money, password or fear? The same words stand in honest mail, but not together: each sign
-- weighs next to nothing, and the rule that counts them much. They belong to the group "content", see 50-content.lua.

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

-- How many of its arguments are true.
local function count(...)
  local n = 0
  for _, value in ipairs({ ... }) do
    if value then n = n + 1 end
  end
  return n
end

-- ---------------------------------------------------------------- advance fee: "help me to move ten millions"

-- Notaries write of an inheritance, banks of a deposit, universities of funds from abroad, charities of orphans: in the very words.
-- All the words together add no more than this.
group("advance_fee", { max = 2.4, dampers = { DMARC_PASS = 2, DELIVERY_REPORT = 1, PASSES_ON = 1, SPEAKS_OF_FRAUD = 1 } })
-- That a stranger sends them, from a free mailbox, proposes more, and wants to chat: so does an aunt who writes of a will, and a nun who thanks for
-- a gift. It is one sign with many sides, and with the words it stays below 5, where DMARC passes below 4.
group("advance_fee_sender", {
  max = 2.5,
  dampers = { DMARC_PASS = 1.9, DELIVERY_REPORT = 1, PASSES_ON = 1, SPEAKS_OF_FRAUD = 0.5, REPORTED_TO_DESK = 0.5, ABUSE_REPORT = 0.5 },
})

rule "FEE_SUM" {
  about = "a large sum of money is offered or promised",
  score = 0.2,
  group = "advance_fee",
  body = "(?i)(?:[$€£]|\\b(?:US|USD|EUR|EUROS?|GBP|CAD|AUD|POUNDS?)[\\s\\x{A0}]*[$€£]?)[\\s\\x{A0}]*"
    .. "(?:[0-9]{1,3}(?:[.,][\\s]?[0-9]{3}){2,}|[0-9]+(?:[.,][0-9]+)?[\\s\\x{A0}]*m(?:illi?ons?)?\\b)"
    .. "|\\b[0-9]+(?:[.,][0-9]+)?[\\s\\x{A0}]+mil(?:lionen|lions|lones|l[oó]n|ioni)[\\s\\x{A0}]+(?:d[ei][\\s\\x{A0}]+)?"
    .. "(?:us[-\\s])?(?:dollar|d[oó]lar|euro)"
    .. "|\\b[0-9]{1,3}(?:[.,\\s][0-9]{3}){2,}[\\s\\x{A0}]*(?:euros?|d[oó]lares|dollars?|€|EUR|USD)"
    .. "|\\b(?:million|billion)[\\s\\x{A0}]+(?:[a-z]+[\\s\\x{A0}]+){0,3}(?:dollars?|euros?|pounds?)\\b",
  examples = {
    { hit = true, text = "the sum of US$10,500,000.00 is waiting" },
    { hit = true, text = "Four Million United States Dollars" },
    { hit = true, text = "12,5 Millionen US-Dollar, ou 3.500.000 euros" },
    { hit = false, text = "The invoice is about $10,500.00." },
  },
}

rule "FEE_DEATH" {
  about = "the message tells of a death or a deadly illness and of money that is left",
  score = 0.2,
  group = "advance_fee",
  body = phrases {
    "next(?:-| )of(?:-| )kin", "(?:my|our|his|her) (?:late|deceased) (?:husband|father|client|wife|parents?|customer|mother)",
    "(?:dead|deceased) (?:customer|client)", "(?:your|my|his|the) inheritance", "inherited from",
    "died (?:without|in a|of|as a)", "untimely death", "(?:suffering|diagnosed|dying|patient|died) (?:\\S+ ){0,4}cancer",
    "cancer patient", "widow", "terminal(?:ly)? ill(?:ness)?", "(?:the|help|for) orphan(?:s|ages?)?", "less(?:-| )privileged",
    "charit(?:y|able) (?:work|organi[sz]ation|home|foundation|purpose)s?", "plane crash", "mon d[ée]funt", "erbschaft",
    "herencia", "eredit[àa]", "nachlass", "(?:verstorbene[nr]?|verstarb) (?:mandant|kunde|klient|ehemann|vater|mann)\\w*",
    "ohne (?:n[äa]chste )?(?:angeh[öo]rige|erben)", "d[ée]funt (?:mari|[ée]poux|client|p[èe]re)", "veuve",
    "(?:souffre|atteinte?) d.un cancer", "phase terminale", "(?:mi|su) difunto (?:cliente|esposo|marido|padre)", "viuda",
    "(?:sin (?:dejar )?|los )herederos", "c[áa]ncer terminal", "aider les (?:orphelins|pauvres)",
  } .. "|未亡人|遺産|がん患者|أرملة|ميراث",
  examples = {
    { hit = true, text = "my client died without a next\nof kin" },
    { hit = true, text = "Mein verstorbener Mandant hat keine Erben." },
    { hit = true, text = "Mi difunto cliente no tiene a nadie." },
    { hit = false, text = "Who is next? Of kin we have many." },
  },
}

rule "FEE_FUNDS" {
  about = "the message speaks of funds that wait for somebody to take them",
  score = 0.2,
  group = "advance_fee",
  body = phrases {
    "unclaimed (?:fund|money|deposit|account|sum|asset|property)s?", "abandoned (?:sum|fund|consignment|money|account)s?",
    "dormant account", "(?:fund|the|as|dear|sole|rightful|attn|attention|our):? beneficiary",
    "compensat(?:ion|ed|e) (?:\\S+ ){0,3}(?:fund|payment|victims?|sum|you)s?", "(?:consignment|trunk) box(?:es)?",
    "consignment", "diplomat(?:ic)? (?:agent|courier|immunity)",
    "(?:release|transfer) (?:of )?(?:your|the|this) (?:\\S+ )?(?:fund|money|sum)s?", "fund (?:release|transfer)",
    "your (?:\\S+ )?(?:fund|payment) (?:release|valued|worth|of)", "over(?:-| ?)due (?:contract|payment)", "contract payment",
    "atm (?:visa |master ?|debit |cash )?card", "(?:have|has|was|were) (?:been )?donated",
    "donat(?:e|ed|ing|ion) (?:\\S+ ){0,3}(?:to|for|of|worth) (?:you|the sum|charity|\\$|€|£)",
    "payment (?:order|file|notification|instruction)", "western union", "money ?gram", "wire transfer", "foreign account",
    "into your (?:bank )?account", "scam victims?", "lottery", "gelddonatie|donatie",
    "als beg[üu]nstigten?", "(?:faire|fais) (?:un )?don", "reclamar (?:los|estos) fondos", "hinterlie(?:ß|ss)",
    "dej[óo] (?:una|la) suma", "laiss[ée] (?:une|la) somme",
    "(?:amount|sum) of (?:usd?|eur|gbp|[$€£])", "fixed deposit", "fonds|spende an sie",
  },
  examples = {
    { hit = true, text = "the release of your fund" },
    { hit = false, text = "The fund released its report." },
  },
}

rule "FEE_PERSON" {
  about = "the writer presents himself as an official, a lawyer or a rich person whom nobody asked",
  score = 0.2,
  group = "advance_fee",
  body = phrases {
    "(?:i am|i'?m|my name is|from|this is):?,? (?:the )?(?:mrs?|ms|miss|dr|sgt|sir|engr|prof|rev|hon)\\b[.,]? ?[a-z]+",
    "(?:i am|i'?m|my name is|from|this is):?,? (?:the )?(?:barrister|attorney|solicitor|sergeant|captain|corporal|prince)",
    "(?:i am|i'?m) an? (?:banker|solicitor|lawyer|widow|soldier)", "central bank", "world bank", "united nations?",
    "ministry of finance", "bank of africa", "monetary fund", "federal reserve", "burkina faso", "benin republic", "nigeria",
    "togo", "ivory coast", "cote d.ivoire", "accra",
    "ich bin (?:rechtsanwalt|frau|herr|dr)", "mein name ist (?:rechtsanwalt|barrister|dr|frau)", "je suis (?:mme|madame|m[aâ]itre|mr)",
    "soy (?:el |la )?(?:abogad[oa]|sr|sra|se[ñn]ora)",
  },
  examples = {
    { hit = true, text = "I am Barrister Paul Moore" },
    { hit = true, text = "My name is Mrs. Anna Hill, a widow." },
    { hit = false, text = "My name is Anna Hill." },
  },
}

rule "FEE_TRUST" {
  about = "the message asks a stranger for trust or secrecy in a matter of business",
  score = 0.2,
  group = "advance_fee",
  body = phrases {
    "strict(?:ly)? confiden(?:ce|tial(?:ity)?)", "god bless", "grace of god", "crave your indulgence", "business venture",
    "utmost (?:confidence|confidentiality|secrecy|good faith)",
    "(?:highly|very) confidential", "confidential (?:business|matter|issue|message|transaction)",
    "(?:can|could|must|if) (?:i|we) (?:\\S+ )?trust you",
    "trust(?:ed|worthy) (?:\\S+ )?(?:person|partner|friend|someone|somebody|individual|and)", "risk(?:-| )free",
    "(?:no|without any) risk", "foreign (?:partner|investor|business)",
    "business (?:proposal|relationship|transaction|deal|partner(?:ship)?)",
    "(?:profitable|lucrative) (?:deal|business|proposal|venture)", "(?:in|with) good faith",
    "investment (?:partner|fund|proposal|consortium)", "mutual benefit", "benefi(?:t|cial) (?:of|to) (?:us )?both",
    "percent (?:of|will|for)", "came across your (?:profile|contact|e-?mail|name|info)",
    "(?:got|obtained|found) your (?:contact|e-?mail|profile|name|information)", "come (?:to you )?as a surprise",
    "invasion of your privacy", "(?:absolut |v[öo]llig |100 ?% )?risikofrei(?:e[sr]?)?", "libre de riesgos?",
    "sans (?:aucun )?risque", "(?:socio|persona) de confianza", "personne de confiance", "que dieu (?:vous )?b[ée]nisse",
    "dios (?:le|te|los) bendiga", "(?:gesch[äa]ft|transaktion) ist (?:\\S+ ){0,3}vertraulich",
    "power of attorney", "your consent", "prayed over",
  },
  examples = {
    { hit = true, text = "This business proposal is risk free." },
    { hit = false, text = "We trust the new partner with the keys." },
  },
}

rule "FEE_CONTACT" {
  about = "the message presses for an answer in private, or for personal data",
  score = 0.2,
  group = "advance_fee",
  body = phrases {
    "(?:your|an?|my|very) urgent (?:response|reply|assistance|attention|matter|and)",
    "urgent(?:ly)? (?:response|reply|respond|contact|get back|need)",
    "your (?:full|complete|personal|valid) (?:contact )?(?:names?|address|details|informations?|mailing)",
    "(?:private|personal|alternative|direct) e-?mail",
    "waiting for your (?:urgent |kind |positive |early |quick )?(?:reply|response|mail)",
    "wait(?:ing)? (?:for )?your (?:urgent )?response", "get back to me", "reply (?:me|back|to me|urgent)",
    "e-?mail me (?:now|at|via|on|for)",
    "contact (?:me|him|her|us) (?:now|urgently|immediately|via|through|on|at|for more|with|back|directly|\\()",
    "your (?:age|sex|occupation|nationality|country|direct)", "kindly (?:reply|respond|contact|send|get|re-?confirm|indicate)",
    "(?:more|further|full) details?", "(?:my|his|her|via|on|through|by) whatsapp", "indicate your (?:interest|willingness)",
    "(?:your )?(?:phone|telephone|mobile|cell)(?: phone)? numbers?", "did (?:you|not) (?:receive|hear)",
    "(?:soonest|as soon as possible|asap)",
    "ihr(?:em|en)? vollst[äa]ndigen namen", "(?:su|con su) nombre completo", "(?:antworten sie (?:mir )?|bitte )dringend",
    "contactez-moi (?:sur|par|via|à)", "responda (?:urgente|me|con)\\w*",
    "(?:mon|mi) (?:adresse|correo) (?:priv[ée]e?|privado|personnelle?)",
  },
  examples = {
    { hit = true, text = "I need your urgent\nassistance" },
    { hit = false, text = "This is urgent." },
  },
}

rule "FEE_GREETING" {
  about = "the greeting fits everybody: the writer does not know to whom he writes",
  score = 0.2,
  group = "advance_fee",
  body = phrases {
    "dear(?:est)? (?:friend|beloved|beneficiary|one|sir ?(?:/|or|and) ?madam|partner|e-?mail|customer|account|winner|user)",
    "(?:hello|attn|attention)[:,.]* ?(?:dear(?:est)?|my (?:dear|friend)|beneficiary|sir|friend)",
    "greetings? (?:to you|my|from|in the)", "compliments? (?:of|for) the", "beloved (?:in|one)",
    "good day,? (?:dear|to you|my)",
    "bonjour (?:tr[èe]s )?cher(?:\\(e\\)|e)? (?:ami|bien)", "bien(?:-| )aim[ée]e?", "estimad[oa] amig[oa]", "lieber freund",
  },
  examples = {
    { hit = true, text = "Dear Friend," },
    { hit = false, text = "Dear Anna," },
  },
}

rule "SUBJECT_FORTUNE" {
  about = "the subject speaks of money that waits for the reader",
  score = 0.6,
  group = "advance_fee",
  header = {
    "Subject",
    "(?i)\\b(?:urgent (?:business|assistance|response|reply|help)|business (?:proposal|partnership|relationship)|beneficiary|"
      .. "inheritance|million dollars|donation|compensation|dear friend|erbschaft|herencia|h[ée]ritage)\\b",
  },
  examples = {
    { hit = true, subject = "Your inheritance" },
    { hit = false, subject = "Minutes of Monday" },
  },
}

-- Six kinds of words, and without money it is a parish letter.
local function fee_signs(mail)
  local signs = count(mail:hit("FEE_SUM"), mail:hit("FEE_DEATH"), mail:hit("FEE_FUNDS"), mail:hit("FEE_PERSON"),
    mail:hit("FEE_TRUST"), mail:hit("FEE_CONTACT"), mail:hit("FEE_GREETING"))
  if not mail:hit("FEE_SUM") and not mail:hit("FEE_FUNDS") then signs = signs - 1 end
  return signs
end

-- Three of these signs are chance, four are rare, six are the letter itself. So the score grows with their number.
rule "ADVANCE_FEE" {
  about = "the message reads like the letters that promise a fortune and then ask for fees",
  score = 0.8,
  group = "advance_fee",
  when = function(mail)
    local signs = fee_signs(mail)
    if signs < 3 then return false end
    return math.min(signs - 2, 3), signs .. " signs"
  end,
  examples = {
    {
      hit = true, detail = "6 signs", score = 2.4,
      text = "Dear Friend,\nI am Barrister Paul Moore. My late client left USD 10.5 million. It is risk free. I need your urgent "
        .. "assistance.",
    },
    {
      hit = true, detail = "4 signs", score = 1.6,
      text = "Ich bin Rechtsanwalt Weber. Mein verstorbener Mandant hinterließ 12,5 Millionen US-Dollar. Das Geschäft ist risikofrei.",
    },
    { hit = true, hits = { "FEE_SUM", "FEE_FUNDS", "FEE_TRUST" }, score = 0.8 },
    { hit = false, hits = { "FEE_SUM", "FEE_FUNDS" } },
    {
      hit = false,
      text = "Dear friends,\ngreetings in the name of the Lord! We collect for the orphanage of our town. God bless you.",
    },
    { hit = false, text = "My late father left a boat." },
  },
}

-- A notary writes to one whom he can name, from a domain of his own, in a quiet voice.
rule "SENT_BY_STRANGER" {
  about = "the message goes to hidden recipients, shouts, or comes from somebody who has no domain of his own",
  score = 0.0,
  group = "advance_fee",
  any = {
    "FROM_FREEMAIL", "REPLY_TO_FREEMAIL", "REPLY_TO_SECOND_MAILBOX", "TO_UNDISCLOSED", "NO_TO", "FROM_UNCLEAR", "SUBJECT_SHOUTS",
    "TEXT_SHOUTS", "SUBJECT_ONLY_GREETS", "BOUNCE_THAT_IS_NONE", "CHAT_BY_PHONE", "ANSWER_AT_FREEMAIL", "TO_SOMEBODY_ELSE",
  },
  examples = {
    { hit = true, hits = { "TO_UNDISCLOSED" } },
    { hit = false, header = { From = "Dr. Stein <office@notary.example>", To = "Ann <ann@example.org>" }, subject = "The will" },
  },
}

rule "ADVANCE_FEE_BY_STRANGER" {
  about = "a letter that promises a fortune goes to hidden recipients, shouts, or comes from somebody without a domain of his own",
  score = 1.6,
  group = "advance_fee_sender",
  when = function(mail)
    if not mail:hit("ADVANCE_FEE") or not mail:hit("SENT_BY_STRANGER") or mail:hit("CONVERSATION") then return false end
    return math.max(1, math.min(fee_signs(mail) - 2, 3))
  end,
  examples = {
    { hit = true, hits = { "ADVANCE_FEE", "SENT_BY_STRANGER", "FEE_SUM", "FEE_FUNDS", "FEE_TRUST", "FEE_DEATH" }, score = 3.2 },
    { hit = true, hits = { "ADVANCE_FEE", "SENT_BY_STRANGER" }, score = 1.6 },
    { hit = false, hits = { "ADVANCE_FEE", "FEE_SUM", "FEE_FUNDS", "FEE_TRUST" } },
    { hit = false, hits = { "SENT_BY_STRANGER", "FEE_SUM", "FEE_FUNDS", "FEE_TRUST" } },
  },
}

-- Millions, and nearly every sign: nobody writes so of what is true.
rule "ADVANCE_FEE_IN_FULL" {
  about = "a stranger promises millions in a letter that has nearly all signs of the fraud with advance fees",
  score = 4.0,
  group = "content",
  when = function(mail)
    if not mail:hit("ADVANCE_FEE_BY_STRANGER") or not mail:hit("FEE_SUM") then return false end
    local signs = fee_signs(mail)
    return signs >= 5, signs .. " signs"
  end,
  examples = {
    {
      hit = true, detail = "6 signs", header = { From = "Paul Moore <paul.moore77@gmail.com>" },
      text = "Dear Friend,\nI am Barrister Paul Moore. My late client left USD 10.5 million. It is risk free. I need your urgent "
        .. "assistance.",
    },
    {
      hit = false, header = { From = "Mary Hill <mary.hill51@gmail.com>" },
      text = "Dear Bob,\nyour uncle's will: the inheritance is 1.2 million euros. The notary needs your full name. God bless you.",
    },
    { hit = false, hits = { "ADVANCE_FEE_BY_STRANGER", "FEE_DEATH", "FEE_FUNDS", "FEE_PERSON", "FEE_TRUST", "FEE_CONTACT", "FEE_GREETING" } },
  },
}

rule "ANSWER_AT_FREEMAIL" {
  about = "the text asks for the answer at a free mailbox",
  score = 0.0,
  group = "content",
  body = "(?i)\\b(?:e-?mail|contact|reply|write|respond|address|agent|me|her|him)\\b[^\\n@]{0,60}[a-z0-9._-]+"
    .. "@(?:gmail|yahoo|hotmail|outlook|aol|mail|gmx|yandex|proton(?:mail)?|zoho|163|qq)\\.",
  examples = {
    { hit = true, text = "contact Dr. Cole: claims.cole@gmail.com" },
    { hit = false, text = "contact Dr. Cole: cole@bank.example" },
  },
}

-- A bank or ministry has a domain of its own. So it matters from where, and where to answers go.
rule "ADVANCE_FEE_BY_FREEMAIL" {
  about = "a letter that promises a fortune comes from a free mailbox, or wants the answer there",
  score = 2.0,
  group = "advance_fee_sender",
  expression = "ADVANCE_FEE and (FROM_FREEMAIL or REPLY_TO_FREEMAIL or REPLY_TO_SECOND_MAILBOX)",
  examples = {
    { hit = true, hits = { "ADVANCE_FEE", "REPLY_TO_FREEMAIL" } },
    { hit = false, hits = { "ADVANCE_FEE" } },
    { hit = false, hits = { "FROM_FREEMAIL", "REPLY_TO_FREEMAIL" } },
  },
}

-- ---------------------------------------------------------------- extortion: "I have filmed you"

rule "BITCOIN_ADDRESS" {
  about = "the message holds a Bitcoin address",
  score = 0.5,
  group = "content",
  body = "\\b(?:bc1[ac-hj-np-z02-9]{25,60}|[13][1-9A-HJ-NP-Za-km-z]{26,34})\\b",
  examples = {
    { hit = true, text = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq" },
    { hit = true, text = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT" },
    { hit = false, text = "bc1 is a calculator, and 13 is a number." },
  },
}

rule "EXTORTION_WORDS" {
  about = "the message threatens to publish something unless the reader pays",
  score = 1.0,
  group = "content",
  body = phrases {
    "(?:hacked|infected|compromised|control (?:of|over)) your (?:operating system|device|computer|account|pc)",
    "(?:through|via|from|with|by|on|of) your (?:own )?(?:web ?)?cam(?:era)?", "(?:video|recording|footage) (?:of|with) you",
    "(?:visit(?:ed|ing)?|watch(?:ed|ing)?|you (?:were|are) on) (?:[a-z]+ ){0,3}(?:porn|adult) (?:content|sites?|websites?|videos?)",
    "masturbat(?:e|ed|ing|ion)", "remote (?:access|control) (?:trojan|to your)", "send (?:this|the) video to (?:all|your)",
    "(?:48|50|72) hours to (?:pay|make|transfer|send)", "pay in bitcoins?", "your (?:dirty|little) (?:little )?secret",
  },
  examples = {
    { hit = true, text = "I have hacked your operating system and recorded a video of you." },
    { hit = false, text = "The new camera of the meeting room works. What do you do with your photos?" },
  },
}

rule "EXTORTION" {
  about = "the message threatens the reader and names a Bitcoin address to pay to",
  score = 4.0,
  group = "content",
  all = { "BITCOIN_ADDRESS", "EXTORTION_WORDS" },
  examples = {
    { hit = true, text = "I hacked your device. Pay in bitcoin: 1BoatSLRHtKNngkdXEeobR76b53LETtpyT" },
    { hit = false, hits = { "BITCOIN_ADDRESS" } },
  },
}

rule "CRYPTO_GIVEAWAY" {
  about = "the message promises to send back twice what the reader pays in crypto money",
  score = 4.0,
  group = "content",
  body = "(?i)\\b(?:send|transfer|deposit|contribute)\\b[^\\n]{0,60}"
    .. "\\b(?:btc|eth|bitcoins?|ether(?:eum)?|usdt|doge|xrp|sol)\\b[^.!?]{0,120}\\b(?:double|doubled|twice|2x|x2|two times)\\b",
  examples = {
    { hit = true, text = "Send 0.1 to 1 BTC to the address below and we send you back double the amount!" },
    { hit = false, text = "Bitcoin has doubled in a year. Send us your questions." },
  },
}

-- ---------------------------------------------------------------- lures

rule "ACCOUNT_LURE" {
  about = "the message asks to confirm an account or a password, or else",
  score = 0.7,
  group = "content",
  body = phrases {
    "(?:verify|confirm|validate|update|re-?activate) your (?:account|identity|password|mailbox|e-?mail|information)",
    "(?:verify|confirm|validate|update) your (?:bank|billing|payment|personal) (?:details|information)",
    "(?:account|mailbox|e-?mail) (?:has been|will be|is|was) (?:suspended|limited|locked|deactivated|disabled|blocked|closed)",
    "unusual (?:sign(?:-| ?)in|activity|login)", "(?:irregular|suspicious|unauthori[sz]ed) (?:activity|login|access)",
    "(?:mailbox|storage|quota) (?:is )?(?:almost )?(?:full|exceeded)", "password (?:will )?expires?(?:d)?",
    "keep (?:the )?(?:same|current) password", "(?:pending|undelivered|quarantined) (?:messages|mails|e-?mails)",
    "restore (?:your )?access", "we need you to validate",
  },
  examples = {
    { hit = true, text = "Your mailbox is full. Please verify your account." },
    { hit = false, text = "Please update your calendar." },
  },
}

rule "ACCOUNT_LURE_ABROAD" {
  about = "the message asks in another language than English to confirm an account or a password, or else",
  score = 0.7,
  group = "content",
  body = phrases {
    "(?:konto|zugang|postfach) (?:wurde|wird|ist) (?:\\S+ ){0,2}(?:eingeschr[äa]nkt|gesperrt|deaktiviert|geschlossen)",
    "best[äa]tigen sie (?:bitte )?ihre? (?:konto)?(?:daten|identit[äa]t|angaben|konto)",
    "aktualisieren sie ihre (?:konto|zahlungs)?daten",
    "(?:votre )?compte (?:a [ée]t[ée]|sera|est) (?:\\S+ )?(?:suspendu|bloqu[ée]|limit[ée]|d[ée]sactiv[ée])",
    "(?:v[ée]rifie[rz]|confirme[rz]) (?:votre|vos) (?:compte|identit[ée]|informations|coordonn[ée]es)",
    "cuenta (?:ha sido|ser[áa]|est[áa]) (?:\\S+ )?(?:suspendida|bloqueada|limitada)",
    "(?:verifique|confirme|actualice) (?:su cuenta|sus datos|su identidad)", "(?:verifica|conferma) (?:il tuo|i tuoi) (?:account|dati)",
  },
  examples = {
    { hit = true, text = "Ihr Konto wurde vorübergehend eingeschränkt." },
    { hit = true, text = "Veuillez confirmer vos informations." },
    { hit = false, text = "Das Konto der Wanderfreunde führt jetzt Frau Stein. Votre compte rendu est prêt." },
  },
}

rule "INVOICE_LURE" {
  about = "the message speaks of an invoice, an order or a payment",
  score = 0.0,
  group = "content",
  body = phrases {
    "(?:invoice|receipt|remittance|payment|purchase order|quotation|swift|statement)s? (?:is |are )?(?:attached|enclosed)",
    "attached (?:is |are |the |our |your |please find )*(?:invoice|receipt|order|payment|statement|quotation|po)",
    "(?:over|past) ?due invoice", "invoice (?:\\S+ )?is (?:over|past) ?due", "download (?:the|your) invoice",
    "(?:view|open) your (?:invoice|statement|remittance)",
    "your (?:order|subscription|payment|invoice) (?:has been|was|will be|is) (?:confirmed|renewed|processed|charged|due)",
    "auto(?:-| ?)renew(?:al|ed)?", "charged (?:from|to) your (?:account|card|bank)",
    "payment (?:request|advice|confirmation|notification)", "proof of payment",
  },
  examples = {
    { hit = true, text = "Attached is the invoice." },
    { hit = true, text = "Your invoice 4711 is overdue." },
    { hit = false, text = "The invoice will follow." },
  },
}
