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
  expression = "PARCEL_LURE and (URL_HIDES or HTML_ATTACHED)",
  examples = {
    { hit = true, text = "Your parcel could not be delivered: https://bit.ly/3abcde" },
    { hit = false, text = "Your parcel could not be delivered: https://www.example.org/" },
    { hit = false, hits = { "URL_HIDES" } },
    {
      hit = false, header = { From = "Carrier <news@carrier.example>" },
      html = "<p>We were unable to deliver your package. <a href='https://click.mailer.example/1'>carrier.example</a>"
        .. "<p><a href='https://www.carrier.example/help'>Help</a>",
    },
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
-- charges honestly has an account page to lead to, at home: banks that tell of a payment name a number too.
rule "CALLBACK_LURE" {
  about = "the message tells of a charge that the reader does not know, and to call a number to cancel it",
  score = 2.5,
  group = "content",
  expression = "CALL_TO_CANCEL and CHARGE_TOLD and not URL_LEADS_HOME",
  examples = {
    { hit = true, text = "Your subscription was renewed for $399.99. To cancel, call our team at +1 (888) 555-0100." },
    { hit = false, text = "Your subscription was renewed for $39. To cancel, go to your account." },
    { hit = false, text = "Your room is confirmed. To cancel free of charge, please call us at 888-555-0142." },
    {
      hit = false, header = { From = "Bank <alerts@bank.example>" },
      text = "A payment of $250.00 was charged to your card. If you did not authorize it, call us at (800) 555-0142.\n"
        .. "https://www.bank.example/",
    },
  },
}

rule "CALLBACK_LURE_BY_FREEMAIL" {
  about = "the message tells of a charge and of a number to call, from a free mailbox: no company bills from there",
  score = 2.5,
  group = "content",
  expression = "CALLBACK_LURE and (FROM_FREEMAIL or REPLY_TO_FREEMAIL)",
  examples = {
    { hit = true, hits = { "CALLBACK_LURE", "FROM_FREEMAIL" } },
    { hit = false, hits = { "CALLBACK_LURE" } },
    { hit = false, hits = { "FROM_FREEMAIL" } },
  },
}

-- The head of the office writes from a free mailbox, is in a meeting, and needs a favour. No phrase stands both here and in
-- BOSS_SECRECY: friends are in a meeting too, and have news to keep.
rule "BOSS_LURE" {
  about = "the writer asks for a quick favour, gift cards or a changed bank account",
  score = 0.5,
  group = "content",
  body = phrases {
    "are you (?:at your desk|in the office|free at the moment|unoccupied)",
    "are you available (?:now|right now|at the moment|at your desk|to)",
    "(?:buy|purchase|get|pick up) (?:some |a few |[0-9]+ )?(?:\\S+ )?gift cards?",
    "(?:quick|small|urgent) (?:favou?r|task|request)",
    "(?:change|update) (?:of )?(?:my )?(?:direct deposit|payroll|bank) (?:details|information|account)",
    "(?:your|send me your) (?:cell|mobile|personal|whatsapp) (?:phone )?number",
    "scratch (?:off )?(?:the )?(?:back|card|silver)",
  } .. "|\\bare[\\s\\x{A0}]{1,4}you[\\s\\x{A0}]+available[\\s\\x{A0}]*[?.!,;]",
  examples = {
    { hit = true, text = "Are you available? I need you to buy some gift cards." },
    { hit = true, text = "Are you\navailable?" },
    { hit = false, text = "I am in a meeting now. Keep it confidential!" },
    { hit = false, text = "Are you available for tennis tomorrow?" },
    { hit = false, text = "The office is available on Monday." },
  },
}

rule "BOSS_LURE_BY_FREEMAIL" {
  about = "the writer asks for a quick favour, gift cards or a changed bank account, from a free mailbox",
  score = 1.5,
  group = "content",
  expression = "BOSS_LURE and (FROM_FREEMAIL or REPLY_TO_FREEMAIL or REPLY_TO_SECOND_MAILBOX) and not CONVERSATION",
  examples = {
    { hit = true, hits = { "BOSS_LURE", "FROM_FREEMAIL" } },
    { hit = false, hits = { "BOSS_LURE" } },
    { hit = false, hits = { "BOSS_LURE", "FROM_FREEMAIL", "CONVERSATION" } },
  },
}

rule "BOSS_SECRECY" {
  about = "the writer wants it done in secret or at once, and cannot be called",
  score = 0.0,
  group = "content",
  body = phrases {
    "discre(?:e?t)ly", "(?:reply|respond|get back) (?:to me )?(?:only )?(?:by|via|through) (?:e-?mail|text) only",
    "(?:can'?t|cannot|unable to) (?:talk|take calls|speak|receive calls)", "(?:no|avoid) (?:phone )?calls",
    "in a meeting", "in (?:a )?conference (?:call|meeting)", "as soon as you (?:get|see|receive) this",
    "keep (?:this|it) (?:between us|confidential)",
    "before (?:the )?next (?:pay ?day|payroll|pay (?:date|period))",
  },
  examples = {
    { hit = true, text = "I am in a meeting, reply by email only." },
    { hit = false, text = "The meeting is at three, call me before." },
  },
}

rule "BOSS_LURE_PRESSED" {
  about = "the writer asks for a favour from a free mailbox, in secret or at once, and cannot be called",
  score = 3.0,
  group = "content",
  all = { "BOSS_LURE_BY_FREEMAIL", "BOSS_SECRECY" },
  examples = {
    { hit = true, hits = { "BOSS_LURE_BY_FREEMAIL", "BOSS_SECRECY" } },
    { hit = true, header = { From = "Ann Hill <ceo.hill88@gmail.com>" }, text = "Are you available? I am in a meeting and can't talk." },
    { hit = false, header = { From = "Ann Hill <ann.hill@gmail.com>" }, text = "We are expecting a baby! Please keep it confidential." },
    { hit = false, header = { From = "Ann Hill <ann.hill@gmail.com>" }, text = "Are you available for tennis? I am in a meeting until four." },
    { hit = false, header = { From = "Ann Hill <hill@example.org>" }, text = "Are you available? I am in a meeting and can't talk." },
  },
}

rule "BRAND_LURE_WITH_LINK" {
  about = "the sender's name is that of a known company, its address is not, and a link hides where it leads",
  score = 1.5,
  group = "content",
  expression = "FROM_BRAND_ELSEWHERE and (URL_SHORTENER or URL_FREE_HOSTING or URL_IP_ADDRESS or URL_CHEAP_DOMAIN or URL_WITH_VICTIM)",
  examples = {
    { hit = true, header = { From = "DHL Express <info@track.example>" }, text = "https://bit.ly/3abcde" },
    { hit = false, header = { From = "DHL Express <info@track.example>" }, text = "https://track.example/" },
    { hit = false, hits = { "URL_SHORTENER" } },
  },
}

rule "INVOICE_LURE_WITH_LINK" {
  about = "the message speaks of an invoice or a payment, behind a link that hides where it leads",
  score = 2.0,
  group = "content",
  expression = "INVOICE_LURE and (URL_SHORTENER or URL_FREE_HOSTING or URL_IP_ADDRESS or URL_CHEAP_DOMAIN or URL_WITH_VICTIM) "
    .. "and not URL_LEADS_HOME and not CONVERSATION",
  examples = {
    { hit = true, text = "Your invoice 4711 is overdue: https://inv4711.web.app/invoice.pdf" },
    { hit = false, text = "Your invoice 4711 is overdue: https://www.example.org/invoice.pdf" },
    { hit = false, hits = { "URL_FREE_HOSTING" } },
  },
}

-- Services of that kind lead to their own site, and shared files lie where the sharer has an account.
rule "SHARE_LURE" {
  about = "the message says that somebody has shared a document, behind a link that hides where it leads",
  score = 2.5,
  group = "content",
  expression = "SHARE_TOLD and (URL_SHORTENER or URL_FREE_HOSTING or URL_IP_ADDRESS or URL_CHEAP_DOMAIN or URL_WITH_VICTIM) "
    .. "and not URL_LEADS_HOME and not CONVERSATION",
  examples = {
    { hit = true, text = "Ann shared a document with you: https://share-doc.pages.dev/open" },
    { hit = false, text = "Ann shared a document with you: https://files.example.org/open" },
    { hit = false, hits = { "SHARE_TOLD" } },
  },
}

rule "SHARE_TOLD" {
  about = "the message says that somebody has shared a document",
  score = 0.0,
  group = "content",
  body = phrases {
    "(?:shared|sent) (?:you )?(?:an? |the |this )?(?:\\S+ )?(?:file|document|folder|fax|pdf|voice ?mail)s?",
    "(?:file|document)s? (?:has been|was|were) (?:securely )?shared",
    "(?:hat|haben) (?:\\S+ ){0,3}(?:dokument|datei) (?:für|mit) (?:sie|ihnen)",
    "a partag[ée] (?:un|le) (?:document|fichier)",
  },
  examples = {
    { hit = true, text = "Ann shared the file \"Budget\" with you" },
    { hit = false, text = "The file share is full." },
  },
}

-- A picture holds the link, so that no filter of links sees it, and a telephone opens it, outside of the office's protection. Tickets
-- and the set-up of a second factor show a code too; they do not threaten the account.
rule "QR_LURE" {
  about = "the message asks to scan a code with the telephone, or the account or access would be lost",
  score = 3.0,
  group = "content",
  when = function(mail)
    if #mail.parts < 2 or mail:hit("CONVERSATION") or mail:hit("PASSES_ON") then return false end
    if not mail:hit("QR_TO_SCAN") then return false end
    local picture = false
    for i = 1, math.min(#mail.parts, 20) do
      picture = picture or mail.parts[i].type:match("^(?:image/|application/pdf)") ~= nil
    end
    if not picture then return false end
    return mail:hit("ACCOUNT_LURE") or mail:hit("ACCOUNT_LURE_ABROAD") or mail.text:sub(1, 4000):match("(?i)\\b(?:authenticat(?:ion|or)|mfa|2fa|password|mailbox|account|payroll"
      .. "|salary|benefits?)\\b[^.!?]{0,60}\\b(?:expir(?:es?|ed|ing)|suspend(?:ed)?|required|keep|re-?validate|restore|lose|today)\\b") ~= nil
  end,
  examples = {
    {
      hit = true, html = "<p>Your authentication expires today. Scan the QR code below with your phone.",
      attachments = { { name = "qr.png", type = "image/png", content = "x" } },
    },
    {
      hit = false, html = "<p>Your ticket is below. Scan the QR code below with the app of the fair.",
      attachments = { { name = "qr.png", type = "image/png", content = "x" } },
    },
    { hit = false, text = "Your access ends today. Scan the QR code below with an authenticator: it is shown in the portal." },
  },
}

rule "QR_TO_SCAN" {
  about = "the message asks to scan a code that is in it",
  score = 0.0,
  group = "content",
  body = phrases {
    "scan (?:the |this |our )?(?:attached |secure |following )?(?:qr ?(?:-| )?code|barcode|qr) (?:below|above|attached|in this|using|with|on your)",
    "scan (?:the |this )?(?:attached|following) (?:qr|barcode)\\w*", "use your (?:phone|mobile|smartphone|camera) to scan",
    "scannen sie (?:den|diesen) (?:qr-?code)", "scanne[rz] (?:le|ce) (?:qr ?code|code qr)", "escanee el c[óo]digo",
  },
  examples = {
    { hit = true, text = "Scan the QR code below" },
    { hit = false, text = "The scanner reads the code." },
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

-- U+202D and U+202E overrule the direction of letters (Unicode TR 36, 3.3): no name needs that. The other signs stand in Hebrew and
-- Arabic names by right.
rule "FROM_TURNED_ROUND" {
  about = "the sender's name holds characters that turn its direction or cannot be seen",
  score = 2.5,
  group = "content",
  header = {
    "From",
    "[\\x{202D}\\x{202E}]|[A-Za-z][\\x{AD}\\x{200B}-\\x{200F}\\x{2060}-\\x{2064}\\x{FEFF}]+[A-Za-z]",
  },
  examples = {
    { hit = true, header = { From = "Pay\u{200B}Pal <x@example.net>" } },
    { hit = true, header = { From = "\u{202E}lapyaP <x@example.net>" } },
    { hit = false, header = { From = "PayPal <x@example.net>" } },
    { hit = false, header = { From = "\u{202B}דוד לוי\u{202C} <x@example.net>" } },
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

-- As text, and as base64 of the opening tag at each of the three places that it can begin.
rule "SCRIPT_TAG" {
  about = "the message or a file in it holds a script",
  score = 0.0,
  group = "attachments",
  raw = "(?i:<script[\\s>])|PHNjcmlwd|xzY3JpcH|8c2NyaXB0",
  examples = {
    { hit = true, message = "Content-Type: image/svg+xml\n\n<svg><script>location='https://a.example/'</script></svg>\n" },
    { hit = false, text = "a script of the play" },
  },
}

-- Drawings that run a script send the reader on to a page; browsers open them like one. Some programs for diagrams write them too.
rule "SVG_WITH_SCRIPT" {
  about = "a drawing is attached that runs a script when it is opened",
  score = 3.0,
  group = "attachments",
  all = { "SVG_ATTACHED", "SCRIPT_TAG" },
  examples = {
    {
      hit = true,
      attachments = { { name = "voice.svg", type = "image/svg+xml", content = "<svg><script>location='https://a.example/'</script></svg>" } },
    },
    { hit = false, attachments = { { name = "logo.svg", type = "image/svg+xml", content = "<svg><path d='M0 0'/></svg>" } } },
  },
}

-- As above: plain, and as base64, with each of the quotation marks.
rule "PASSWORD_FIELD" {
  about = "the message or a file in it has a field for a password",
  score = 0.0,
  group = "attachments",
  raw = "(?i:type=(?:3D)?[\"']?password)|dHlwZT0icGFzc3dvcm|R5cGU9InBhc3N3b3Jk|0eXBlPSJwYXNzd29yZ|dHlwZT0ncGFzc3dvcm|R5cGU9J3Bhc3N3b3Jk"
    .. "|0eXBlPSdwYXNzd29yZ|dHlwZT1wYXNzd29yZ|R5cGU9cGFzc3dvcm|0eXBlPXBhc3N3b3Jk",
  examples = {
    { hit = true, message = "Content-Type: text/html\n\n<input type='password' name=p>\n" },
    { hit = false, text = "type your password" },
  },
}

-- The page asks for the password of the mailbox, and sends it to whoever made it. Portals for encrypted mail send such a page too, so
-- it does not mark alone.
rule "HTML_LOGIN_ATTACHED" {
  about = "a web page is attached that asks for a password",
  score = 3.0,
  group = "attachments",
  all = { "HTML_ATTACHED", "PASSWORD_FIELD" },
  examples = {
    {
      hit = true,
      attachments = { { name = "Remittance.html", type = "text/html", content = "<form><input type='password' name='p'></form>" } },
    },
    { hit = false, hits = { "HTML_ATTACHED" } },
    { hit = false, hits = { "PASSWORD_FIELD" } },
  },
}

rule "PAGE_NAMED_AS_PAPER" {
  about = "a web page or a drawing is attached under the name of an invoice, a fax or a voice message",
  score = 1.0,
  group = "attachments",
  when = function(mail)
    for _, file in ipairs(mail.attachments) do
      if file.name:match("(?i)(?:^|[^a-z])(?:voice|vm[-_0-9]|fax|scan|invoice|remit|payment|payroll|salary|statement|receipt|swift|quotation|purchase|docu?sign"
        .. "|rechnung|facture|factura|\\bp\\.?o[-_ ]?[0-9]).*\\.(?:s?html?|xht(?:ml)?|mht(?:ml)?|svgz?)\\s*$") then
        return true, file.name
      end
    end
    return false
  end,
  examples = {
    { hit = true, attachments = { { name = "voicemail_0042.svg", content = "x" } }, detail = "voicemail_0042.svg" },
    { hit = false, attachments = { { name = "report.html", content = "x" }, { name = "Escandinavia.html", content = "x" } } },
    { hit = false, attachments = { { name = "invoice.pdf", content = "x" } } },
  },
}
