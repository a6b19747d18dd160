-- Lures that begin with what everybody waits for: a parcel, a bill, a word from the boss. Real ones look much alike, so the words
-- weigh little, and what counts is what real senders do not do. They belong to the group "content", see 50-content.lua.

-- phrases { "act now", "limited time" }: see 50-content.lua.
local function phrases(list)
  local all = {}
  for i, phrase in ipairs(list) do
    all[i] = phrase:gsub(" \\?", "[\\s\\x{A0}]*"):gsub(" ", "[\\s\\x{A0}]{1,4}", 1):gsub(" ", "[\\s\\x{A0}]+")
  end
  return "(?i)\\b(?:" .. table.concat(all, "|") .. ")\\b"
end

rule "PARCEL_LURE" {
  about = "the message says that a parcel waits or could not be delivered",
  score = 0.3,
  group = "content",
  body = phrases {
    "(?:parcel|package|shipment|item|consignment) (?:\\S+ ){0,4}(?:(?:could|can) ?not be delivered|is waiting|on hold|"
      .. "undelivered|returned)",
    "(?:unable|failed|attempted) to deliver (?:your|the|a) (?:parcel|package|shipment|item)",
    "(?:delivery|customs|shipping|redelivery|clearance) (?:fee|charge|duty|cost)s? (?:of|must|is|has|to be)",
    "(?:re-?schedule|confirm) (?:your |the )?delivery",
    "(?:update|confirm) your (?:delivery|shipping) (?:address|details)", "colis (?:en attente|suspendu)",
    "paket (?:wartet|konnte nicht)",
  },
  examples = {
    { hit = true, text = "Your parcel could not be delivered." },
    { hit = false, text = "The package builds on all machines." },
  },
}

rule "PARCEL_LURE_WITH_LINK" {
  about = "the message says that a parcel waits, behind a link that hides where it leads",
  score = 2.5,
  group = "content",
  expression = "PARCEL_LURE and (URL_SHOWS_OTHER_HOST or URL_IP_ADDRESS or URL_SHORTENER or URL_FREE_HOSTING or URL_CHEAP_DOMAIN "
    .. "or URL_OPEN_REDIRECT or URL_WITH_VICTIM or HTML_ATTACHED)",
  examples = {
    { hit = true, text = "Your parcel could not be delivered: https://bit.ly/3abcde" },
    { hit = false, text = "Your parcel could not be delivered: https://www.example.org/" },
    { hit = false, hits = { "URL_SHORTENER" } },
  },
}

rule "CALL_TO_CANCEL" {
  about = "the message names a number to call to cancel something",
  score = 0.0,
  group = "content",
  body = "(?i)\\b(?:cancel|dispute|refund|not[\\s\\x{A0}]{1,4}authori[sz]ed?|not[\\s\\x{A0}]{1,4}you)\\b[^\\n]{0,60}"
    .. "\\b(?:call|dial|contact|phone|reach)\\b[^\\n]{0,60}\\b8[0-9]{2}[-\\s).]{1,3}[0-9]{3}[-\\s.]{1,2}[0-9]{4}",
  examples = {
    { hit = true, text = "To cancel, call our team at +1 (888) 555-0100." },
    { hit = false, text = "Call me at +1 (888) 555-0100." },
  },
}

rule "CHARGE_TOLD" {
  about = "the message tells of a sum that was or will be charged",
  score = 0.0,
  group = "content",
  body = "(?i)\\b(?:renew(?:ed|al)?|charged?|debited|deducted|subscription|purchased?|invoice|payment|amount|total)\\b"
    .. "[^\\n]{0,80}(?:[$€£]|\\bUSD)[\\s\\x{A0}]{0,2}[0-9]{2,}"
    .. "|[$€£][\\s\\x{A0}]{0,2}[0-9]{2,}[^\\n]{0,80}\\b(?:charged|debited|deducted|renewed)\\b",
  examples = {
    { hit = true, text = "Your subscription was renewed for $399.99." },
    { hit = false, text = "Your room is confirmed." },
  },
}

-- "Your subscription was renewed for $399. To cancel, call": no link for a filter to see, the fraud is at the telephone. Whoever
-- charges honestly has an account page to lead to.
rule "CALLBACK_LURE" {
  about = "the message tells of a charge that the reader does not know, and to call a number to cancel it",
  score = 2.5,
  group = "content",
  all = { "CALL_TO_CANCEL", "CHARGE_TOLD" },
  examples = {
    { hit = true, text = "Your subscription was renewed for $399.99. To cancel, call our team at +1 (888) 555-0100." },
    { hit = false, text = "Your subscription was renewed for $39. To cancel, go to your account." },
    { hit = false, text = "Your room is confirmed. To cancel free of charge, please call us at 888-555-0142." },
  },
}

-- The head of the office writes from a free mailbox, is in a meeting, and needs a favour.
rule "BOSS_LURE" {
  about = "the writer asks for a quick favour, gift cards or a changed bank account",
  score = 0.5,
  group = "content",
  body = phrases {
    "are you (?:available|at your desk|in the office|free at the moment|unoccupied)",
    "(?:buy|purchase|get|pick up) (?:some |a few |[0-9]+ )?(?:\\S+ )?gift cards?",
    "(?:quick|small|urgent) (?:favou?r|task|request)", "in a meeting (?:and|now|right now|at the moment)",
    "(?:change|update) (?:of )?(?:my )?(?:direct deposit|payroll|bank) (?:details|information|account)",
    "(?:your|send me your) (?:cell|mobile|personal|whatsapp) (?:phone )?number",
    "scratch (?:off )?(?:the )?(?:back|card|silver)", "keep (?:this|it) (?:between us|confidential|a surprise)",
  },
  examples = {
    { hit = true, text = "Are you available? I need you to buy some gift cards." },
    { hit = false, text = "The office is available on Monday." },
  },
}

rule "BOSS_LURE_BY_FREEMAIL" {
  about = "the writer asks for a quick favour, gift cards or a changed bank account, from a free mailbox",
  score = 2.0,
  group = "content",
  expression = "BOSS_LURE and (FROM_FREEMAIL or REPLY_TO_FREEMAIL or REPLY_TO_SECOND_MAILBOX) and not CONVERSATION",
  examples = {
    { hit = true, hits = { "BOSS_LURE", "FROM_FREEMAIL" } },
    { hit = false, hits = { "BOSS_LURE" } },
    { hit = false, hits = { "BOSS_LURE", "FROM_FREEMAIL", "CONVERSATION" } },
  },
}

-- A bill as a file, from a mailbox that no company has.
rule "INVOICE_BY_FREEMAIL" {
  about = "a bill or an order is attached, and the message comes from a free mailbox or wants the answer there",
  score = 1.0,
  group = "content",
  expression = "INVOICE_LURE and (REPLY_TO_FREEMAIL or REPLY_TO_SECOND_MAILBOX or FREEMAIL_TO_MANY)",
  examples = {
    { hit = true, hits = { "INVOICE_LURE", "REPLY_TO_FREEMAIL" } },
    { hit = false, hits = { "INVOICE_LURE" } },
    { hit = false, hits = { "REPLY_TO_FREEMAIL" } },
  },
}

-- ---------------------------------------------------------------- letters that are not what they look like

-- The "а" of Cyrillic in the name of a bank. Names with both alphabets side by side are honest: it is one word that has both.
local LOOK_ALIKE = "[A-Za-z][\\x{430}\\x{435}\\x{43E}\\x{440}\\x{441}\\x{443}\\x{445}\\x{455}\\x{456}\\x{458}\\x{3BF}\\x{3B1}][A-Za-z]"

rule "FROM_MIXED_ALPHABETS" {
  about = "the sender's name mixes Latin letters with look-alikes of other alphabets",
  score = 2.5,
  group = "content",
  header = { "From", LOOK_ALIKE },
  examples = {
    { hit = true, header = { From = "PayPаl <x@example.net>" } },
    { hit = false, header = { From = "Анна (Ann) <ann@example.net>" } },
  },
}

rule "SUBJECT_MIXED_ALPHABETS" {
  about = "the subject mixes Latin letters with look-alikes of other alphabets",
  score = 2.0,
  group = "content",
  header = { "Subject", LOOK_ALIKE },
  examples = {
    { hit = true, subject = "Your PayPаl account" },
    { hit = false, subject = "Новый email для Ann" },
  },
}

-- Unicode has whole alphabets of bold and script letters for formulas. In a subject they are there to be seen, and not to be read by
-- filters.
rule "SUBJECT_FANCY_LETTERS" {
  about = "the subject is written in letters for formulas, to stand out and to get past filters",
  score = 1.5,
  group = "content",
  header = { "Subject", "[\\x{1D400}-\\x{1D7FF}\\x{1F130}-\\x{1F189}]{3}" },
  examples = {
    { hit = true, subject = "𝗬𝗼𝘂𝗿 account" },
    { hit = false, subject = "Your account 😀" },
  },
}

-- U+202E and its like turn what follows round (Unicode TR 36, 3.3): no name needs to be turned by hand.
rule "FROM_TURNED_ROUND" {
  about = "the sender's name holds characters that turn its direction or cannot be seen",
  score = 2.5,
  group = "content",
  header = {
    "From",
    "[\\x{202A}-\\x{202E}\\x{2066}-\\x{2069}]|[A-Za-z][\\x{AD}\\x{200B}-\\x{200F}\\x{2060}-\\x{2064}\\x{FEFF}]+[A-Za-z]",
  },
  examples = {
    { hit = true, header = { From = "Pay\u{200B}Pal <x@example.net>" } },
    { hit = false, header = { From = "PayPal <x@example.net>" } },
  },
}

-- ---------------------------------------------------------------- a page that makes its own file

-- The file is not in the mail, where it would be found: the page holds its octets and puts them together in the browser. As text, and
-- as base64 of the two names at each of the three places that they can begin.
rule "SCRIPT_MAKES_FILE" {
  about = "the message holds a script that puts a file together in the browser",
  score = 0.0,
  group = "attachments",
  raw = "createObjectURL\\(|msSaveOrOpenBlob|document\\.write\\(unescape\\(|document\\.write\\(atob\\(|eval\\(atob\\(|"
    .. "Y3JlYXRlT2JqZWN0VVJMK|NyZWF0ZU9iamVjdFVSTC|jcmVhdGVPYmplY3RVUkwo|bXNTYXZlT3JPcGVuQmxvY|1zU2F2ZU9yT3BlbkJsb2|tc1NhdmVPck9wZW5CbG9i",
  examples = {
    { hit = true, message = "Content-Type: text/html\n\n<script>a.href=URL.createObjectURL(b)</script>\n" },
    { hit = false, text = "How does one create an object with a URL?" },
  },
}

rule "HTML_SMUGGLING" {
  about = "a web page is attached that puts a file together in the browser, past all filters",
  score = 4.0,
  group = "attachments",
  all = { "HTML_ATTACHED", "SCRIPT_MAKES_FILE" },
  examples = {
    {
      hit = true,
      attachments = { { name = "Invoice.html", type = "text/html", content = "<script>a.href=URL.createObjectURL(b)</script>" } },
    },
    { hit = false, hits = { "HTML_ATTACHED" } },
  },
}
