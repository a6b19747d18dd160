-- What speaks for a message: signs of a conversation. Their scores take away from the sum. All of them can be copied by whoever
-- takes the trouble, so they are worth little: together they never outweigh one clear sign of spam. Rules that ask for a
-- signature or SPF weigh more, for those cannot be forged in others' names.

group("good_signs", { max = 0 })

-- The id in angle brackets, for comparison (RFC 5322, 3.6.4).
local function id_of(value) return value and value:match("<[^<>\\s]+@[^<>\\s]+>") end

-- A reply names what it answers in two fields, and the one is among the other.
rule "CONVERSATION" {
  about = "the message belongs to a conversation: it names what it answers, as mail programs do",
  score = -0.6,
  group = "good_signs",
  when = function(mail)
    local references = mail:header("References")
    if not references then return false end
    local answered = id_of(mail:header("In-Reply-To"))
    -- Some programs write References only.
    return id_of(references) ~= nil and (not answered or references:find(answered) ~= nil)
  end,
  examples = {
    { hit = true, header = { ["In-Reply-To"] = "<1@example.net>", References = "<0@example.net> <1@example.net>" } },
    { hit = false, header = { ["In-Reply-To"] = "<1@example.net>", References = "<2@example.net>" } },
    { hit = false, header = { ["In-Reply-To"] = "<1@example.net>" } },
  },
}

rule "QUOTES_ANSWERED" {
  about = "the message quotes what it answers",
  score = -0.5,
  group = "good_signs",
  body = "(?:^|\\n)[ \\t]{0,2}(?:>|\\|)[ \\t>|]{0,8}[^\\s>|][^\\n]{5}",
  examples = {
    { hit = true, text = "Yes.\n> Are you coming to the meeting?\n" },
    { hit = false, text = "a > b holds for all\n" },
  },
}

rule "CONVERSATION_QUOTED" {
  about = "the message answers another one and quotes it",
  score = -0.4,
  group = "good_signs",
  all = { "CONVERSATION", "QUOTES_ANSWERED" },
  examples = {
    { hit = true, hits = { "CONVERSATION", "QUOTES_ANSWERED" } },
    { hit = false, hits = { "CONVERSATION" } },
  },
}

rule "FORWARD_HEAD" {
  about = "the text holds the head of another message, as mail programs write it when they forward",
  score = 0.0,
  group = "good_signs",
  body = "(?i)-{2,}[ \\t]{0,2}(?:forwarded|original|weitergeleitete|urspr[üu]ngliche|doorgestuurd|oorspronkelijk)(?:er?|s)?"
    .. "[ \\t](?:message|nachricht|mail|bericht)|\\bbegin forwarded message:|-{2,}[ \\t]?(?:message transf[ée]r[ée]|message d'origine|"
    .. "mensaje (?:reenviado|original)|messaggio (?:inoltrato|originale)|пересылаемое сообщение|转发邮件|原始邮件)"
    .. "|(?:^|\\n)_{10,}[ \\t]*\\n{1,2}(?:From|Von|De): ",
  examples = {
    { hit = true, text = "See below.\n-----Original Message-----\nFrom: Ann" },
    { hit = true, text = "---------- Forwarded message ---------\nFrom: Ann" },
    { hit = false, text = "The original message is lost." },
  },
}

-- Who reports spam, or laughs at it, sends on the words of another. They weigh less then, but not nothing: who sells could write
-- such a head over his own words. So it is one person who writes to another by name, and leads nowhere himself.
rule "PASSES_ON" {
  about = "the message passes on or quotes another one, and says little beside it",
  score = 0.0,
  group = "good_signs",
  when = function(mail)
    local quotes, forwards = mail:hit("QUOTES_ANSWERED"), mail:hit("FORWARD_HEAD")
    if not quotes and not forwards then return mail:hit("REPORTED_TO_DESK") end
    if mail:hit("TO_UNDISCLOSED") or mail:hit("NO_TO") or mail:hit("BCC_SHOWN") or mail:hit("SUBJECT_PHONE") then return false end
    if mail:hit("REPLY_TO_FREEMAIL") or mail:hit("REPLY_TO_SECOND_MAILBOX") or mail:hit("HTML_ONLY") then return false end
    local text = mail.text:sub(1, 4000)
    local own = text
    if forwards then
      own = text:match("(?is)^(.*?)(?:-{2,}[ \\t]*[^\\s-][^\\n]*-{2,}|begin forwarded message:|_{10,})") or text
    end
    if quotes then own = own:gsub("(?m)^[ \\t]{0,2}[>|][^\\n]*$", "") end
    -- A signature or the foot of a list is no part of what is said (RFC 3676, 4.3).
    own = own:gsub("(?s)\\n(?:-- ?|_{10,})\\n.{0,400}$", "")
    if #own > 300 and #own * 2 > #text then return false end
    return not own:match("(?i)https?://|\\bwww\\.")
  end,
  examples = {
    {
      hit = true, subject = "FYI", hits = { "QUOTES_ANSWERED" },
      text = "Got this again:\n> Replica watches, order now!\n> http://a.example/\n",
    },
    {
      hit = true, hits = { "FORWARD_HEAD" },
      text = "Please block.\n\n---------- Forwarded message ---------\nFrom: Pills\n\nCheap pills: http://a.example/\n",
    },
    { hit = false, hits = { "QUOTES_ANSWERED" }, text = "Cheap pills: http://a.example/\n> hello, how are you?\n" },
    { hit = false, hits = { "QUOTES_ANSWERED", "TO_UNDISCLOSED" }, text = "See:\n> Replica watches, order now!\n" },
    { hit = false, text = "Replica watches, order now!\n" },
  },
}

-- Warnings quote what they warn of. Who writes spam can write these words as well, and does not: they spoil the letter. So there must
-- be several, and the author proven. The plainer words of newsletters count in those only, and with no answer wanted at a free mailbox.
local EXPERT_WORDS = {
  "(?i)\\bphishing", "(?i)\\bsextortion", "(?i)\\badvance[- ]fee fraud|vorschussbetrug", "(?i)hxxps?:|\\[\\.\\]",
  "(?i)\\bdo not pay\\b|zahlen sie nicht",
  "(?i)\\b(?:awareness|CERT|indicators? of compromise|polizei|verbraucherzentrale|gendarmerie)\\b", "(?i)\\bmalware",
}
local PLAIN_WORDS = {
  "(?i)\\b(?:extortion|blackmail|erpress(?:er|ung))", "(?i)\\b(?:scam(?:s|mers?)?|frauds?|fraudsters?|betr[uü]g(?:er|s)?)\\b",
  "(?i)\\b(?:we warn|warns?|warning(?: of| about|:)|beware|wir warnen|warnung|going (?:a)?round|explain how|how to (?:spot|recogni[sz]e))\\b",
  "(?i)\\b(?:never|don['’]t) pay\\b|nicht zahlen",
  "(?i)\\b(?:criminals|attackers|kriminelle)\\b",
  "(?i)\\b(?:delete|ignore|report|l[oö]schen sie) (?:it|them|the (?:mail|e-?mail|message)|such|diese|die)\\b",
}

rule "SPEAKS_OF_FRAUD" {
  about = "the message warns of fraud in the words of those who fight it, and its author is proven",
  score = 0.0,
  group = "good_signs",
  when = function(mail)
    if not mail:hit("DMARC_PASS") or mail:hit("FROM_FREEMAIL") or mail:hit("URL_WITH_VICTIM") then return false end
    local text = mail.text:sub(1, 20000)
    local signs = 0
    for _, word in ipairs(EXPERT_WORDS) do
      if text:match(word) then signs = signs + 1 end
    end
    -- RFC 2919 and RFC 2369: the fields of lists.
    local list = mail:header("List-Id") or mail:header("List-Unsubscribe")
    if list and not mail:hit("REPLY_TO_FREEMAIL") and not mail:hit("ADVANCE_FEE") then
      for _, word in ipairs(PLAIN_WORDS) do
        if text:match(word) then signs = signs + 1 end
      end
    end
    return signs >= 3, signs .. " words"
  end,
  examples = {
    {
      hit = true, hits = { "DMARC_PASS" }, detail = "4 words",
      text = "CERT weekly: a new wave of sextortion. \"I have hacked your device.\" Phishing leads to hxxps://desk[.]example.",
    },
    {
      hit = true, hits = { "DMARC_PASS" }, header = { ["List-Id"] = "<news.example>" },
      text = "This extortion mail is going round: \"I have hacked your device.\" It is a scam. Do not pay, and delete it.",
    },
    {
      hit = true, hits = { "DMARC_PASS" }, header = { ["List-Unsubscribe"] = "<https://news.example/end>" },
      text = "We explain how scammers work: they write \"I hacked your device, pay in bitcoin\". Never pay.",
    },
    { hit = false, hits = { "DMARC_PASS" }, text = "This extortion mail is going round. It is a scam, delete it." },
    { hit = false, header = { ["List-Id"] = "<news.example>" }, text = "This extortion mail is going round. It is a scam, delete it." },
    {
      hit = false, hits = { "DMARC_PASS", "REPLY_TO_FREEMAIL" }, header = { ["List-Id"] = "<news.example>" },
      text = "The fraudsters were caught. Beware of criminals, and report it to get your money back.",
    },
    { hit = false, text = "CERT weekly: sextortion and phishing at hxxps://desk[.]example." },
    { hit = false, hits = { "DMARC_PASS" }, text = "Phishing? No. Verify your account." },
  },
}

-- Who sends spam wants something: that a link is followed, a file opened, a number called. Who writes from a free mailbox, wants the
-- answer elsewhere, or speaks of money that fell from heaven (FEE_SUM) wants an answer. Names are looked for as people write them
-- who are not to be found: "shop dot example", "hxxp", a blank in between. What this misses costs little: other rules count on.
local LEADS = "(?i)[@＠]|[a-z0-9][.。．][a-z\\x{80}-\\x{10FFFF}]{2}|\\bh ?[tx] ?[tx] ?p|\\bwww\\b|\\b(?:dot|punkt)\\b|\\[\\.\\]"
  .. "|\\b[a-z0-9-]+ ?\\. ?(?:com|net|org|info|biz|ru|me)\\b|\\d(?:[^A-Za-z0-9\\n]{0,3}\\d){9}|[０-９①-⑳]"
local WANTS = "(?i)₿|\\bbitcoins?\\b|\\bcards?\\b|\\bwire\\b|\\bhit reply\\b|\\btext [a-z]+ to\\b|\\bat your desk\\b"

rule "ASKS_NOTHING" {
  about = "the message is short and leads nowhere: there is no link, file, address or telephone number in it",
  score = 0.0,
  group = "good_signs",
  when = function(mail)
    if #mail.urls > 0 or #mail.attachments > 0 or mail:hit("FROM_FREEMAIL") or mail:hit("REPLY_TO_FREEMAIL") then return false end
    if mail:hit("REPLY_TO_SECOND_MAILBOX") or mail:hit("CHAT_BY_PHONE") or mail:hit("FEE_SUM") or mail:hit("BITCOIN_ADDRESS")
      or mail:hit("STOCK_TIP") then return false end
    local text, from, reply = mail.text, mail:header("From") or "", mail:header("Reply-To")
    if #text > 1000 or not text:match("\\w|[^\\x00-\\x7F]") then return false end
    if reply and reply:lower():match("@([^<>\\s@]+)") ~= from:lower():match("@([^<>\\s@]+)") then return false end
    local words = mail.subject .. "\n" .. text .. "\n" .. (from:match("^(.*)<[^<>]*>\\s*$") or "")
    return not words:match(LEADS) and not words:match(WANTS)
  end,
  examples = {
    { hit = true, subject = "RE: candidates", text = "Allocation looks right to me. Bring the folder 013-3364 on Monday.\n" },
    { hit = true, subject = "Invoice 77570", text = "The invoice comes to $4,500, payment terms are net 30.\n" },
    { hit = true, text = "Fine.\n", header = { From = "Ann <ann@example.net>", ["Reply-To"] = "Ann <ann@EXAMPLE.net>" } },
    { hit = false, text = "Fine.\n", header = { From = "Ann <ann@example.net>", ["Reply-To"] = "Ann <ann@example.com>" } },
    { hit = false, text = "Fine.\n", header = { From = "pills-store.com <ann@example.net>" } },
    { hit = false, text = "Allocation looks right to me: http://a.example/\n" },
    { hit = false, subject = "http://pills.example/", text = "Look.\n" },
    { hit = false, text = "Go to shop dot pills dot com.\n" },
    { hit = false, text = "Go to pills . com or hxxp shop.\n" },
    { hit = false, text = "Write to bob @ example .\n" },
    { hit = false, text = "Call 1-800-555-0199 now.\n" },
    { hit = false, text = "Get me five gift cards.\n" },
    { hit = false, text = "Are you at your desk?\n" },
    { hit = false, text = "A word.\n", hits = { "FROM_FREEMAIL" } },
    { hit = false, text = string.rep("Many words. ", 100) },
    { hit = false, text = "\n" },
  },
}

-- RFC 3156, RFC 8551. The signature is not checked here.
rule "SIGNED_BY_PERSON" {
  about = "the message is signed by its author's own key (OpenPGP or S/MIME)",
  score = -0.7,
  group = "good_signs",
  when = function(mail)
    for i = 1, math.min(#mail.parts, 12) do
      if mail.parts[i].type:match("^application/(?:pgp-signature|(?:x-)?pkcs7-signature|pgp-encrypted)$") then return true end
    end
    return false
  end,
  examples = {
    {
      hit = true,
      message = "Content-Type: multipart/signed; boundary=b\n\n--b\n\nhello\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n",
    },
    { hit = false, text = "signed" },
  },
}

rule "PATCH_OR_LOG" {
  about = "the text holds a change to a program, or what a program has put out",
  score = -0.5,
  group = "good_signs",
  body = "(?:^|\\n)[> \\t]{0,6}(?:diff --git |@@ -[0-9]+,[0-9]+ \\+[0-9]+|--- [ab]/|Index: [^\\n]{1,80}\\n=====|#include <|"
    .. "Signed-off-by: |Traceback \\(most|BUG: |\\[ {0,4}[0-9]+\\.[0-9]{6}\\] |Call Trace:|-----BEGIN PGP SIG|\\$ (?:sudo|cd|"
    .. "git|make|ls|cat) )",
  examples = {
    { hit = true, text = "diff --git a/x.c b/x.c\n" },
    { hit = true, text = "Signed-off-by: Ann <ann@example.net>\n" },
    { hit = false, text = "The diff is attached.\n" },
  },
}

-- A message that answers one of ours: the id in it ends with the recipient's domain, which strangers have to guess; a proven author.
rule "ANSWERS_US" {
  about = "the message answers one that was sent from the recipient's own domain, and its author is proven",
  score = -1.0,
  group = "good_signs",
  when = function(mail)
    if not mail:hit("DMARC_PASS") or not mail:hit("CONVERSATION") then return false end
    local rcpt = mail.rcpts[1]
    local domain = rcpt and rcpt:match("@([^@]+)$")
    local first = (mail:header("References") or ""):match("@([^<>@\\s]+)>")
    if not domain or not first then return false end
    domain, first = domain:lower(), first:lower()
    return first == domain or first:sub(-#domain - 1) == "." .. domain, first
  end,
  examples = {
    {
      hit = true, hits = { "DMARC_PASS", "CONVERSATION" }, rcpts = { "b@example.org" },
      header = { References = "<1@mail.example.org> <2@example.net>" }, detail = "mail.example.org",
    },
    { hit = false, hits = { "DMARC_PASS", "CONVERSATION" }, rcpts = { "b@example.org" }, header = { References = "<1@example.net>" } },
    { hit = false, hits = { "CONVERSATION" }, rcpts = { "b@example.org" }, header = { References = "<1@example.org>" } },
  },
}

-- RFC 2919: a list names itself; RFC 6376: its server's signature proves that it is so.
rule "LIST_PROVEN" {
  about = "the message comes from a mailing list, whose own signature vouches for it",
  score = -0.7,
  group = "good_signs",
  when = function(mail)
    local list = (mail:header("List-Id") or ""):match("<?([^<>\\s]+)>?\\s*$")
    if not list then return false end
    list = list:lower()
    for _, signature in ipairs(mail.dkim) do
      local domain = signature.domain:lower()
      if signature.result == "pass" and not signature.partial and domain:find(".")
        and (list == domain or list:sub(-#domain - 1) == "." .. domain) then
        return true, domain
      end
    end
    return false
  end,
  examples = {
    {
      hit = true, header = { ["List-Id"] = "Talk <talk.lists.example.org>" }, detail = "example.org",
      dkim = { { result = "pass", domain = "example.org" } },
    },
    { hit = false, header = { ["List-Id"] = "<talk.example.org>" }, dkim = { { result = "pass", domain = "example.net" } } },
    { hit = false, header = { ["List-Id"] = "<talk.example.org>" }, dkim = { { result = "fail", domain = "example.org" } } },
  },
}

-- ---------------------------------------------------------------- delivery reports

-- RFC 3464: the report holds the message that was returned, or its beginning: those words are not its own. Groups of words add less
-- to it. They still add: a report is easily forged.
rule "DELIVERY_REPORT" {
  about = "the message is a delivery report, with the parts that one has (RFC 3464)",
  score = 0.0,
  group = "good_signs",
  when = function(mail)
    if mail.from ~= "" or not mail.parts[1] or not mail.parts[1].type:match("^multipart/") then return false end
    for i = 2, math.min(#mail.parts, 12) do
      if mail.parts[i].type:match("^message/(?:global-)?delivery-status$") then return true end
    end
    return false
  end,
  examples = {
    {
      hit = true, from = "",
      message = "Content-Type: multipart/report; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\n"
        .. "Reporting-MTA: dns; a.example\n\nAction: failed\n--b--\n",
    },
    { hit = false, from = "", text = "failed" },
    { hit = false, from = "a@example.net", text = "failed" },
  },
}

-- RFC 5321, 4.5.5, and RFC 3834, 3.3: what no person wrote has the null sender, so that nothing answers it. Anybody may use that: a
-- message that leads somewhere is a report only if it has the parts of one.
rule "MAIL_SYSTEM_WRITES" {
  about = "a mail system wrote the message: a report of delivery, or an answer while somebody is away",
  score = 0.0,
  group = "good_signs",
  when = function(mail)
    if mail.from ~= "" then return false end
    if mail:hit("DELIVERY_REPORT") then return true end
    for _, url in ipairs(mail.urls) do
      if url.scheme ~= "mailto" and url.where ~= "header" then return false end
    end
    -- RFC 3834, 5.
    if (mail:header("Auto-Submitted") or ""):match("(?i)^\\s*auto-(?:generated|replied|notified)\\b") then return true end
    return (mail:header("From") or ""):match("(?i)<>\\s*$|(?:^|[<\\s])(?:mailer-?daemon|postmaster)(?:@|\\s*$|\\s*<>)") ~= nil
  end,
  examples = {
    { hit = true, from = "", header = { From = "MAILER-DAEMON <>" }, text = "failed" },
    { hit = true, from = "", header = { From = "MAILER-DAEMON@example.net (Mail Delivery System)" }, text = "failed" },
    { hit = true, from = "", header = { From = "ann@example.net", ["Auto-Submitted"] = "auto-replied" }, text = "Away until May." },
    { hit = true, from = "", hits = { "DELIVERY_REPORT" } },
    { hit = false, from = "", header = { From = "ann@example.net", ["Auto-Submitted"] = "yes" }, text = "Away until May." },
    { hit = false, from = "", header = { From = "Mail Deliver Pills <ann@example.net>" }, text = "Pills" },
    { hit = false, from = "", header = { From = "<postmaster@example.net>" }, text = "Verify: http://a.example/" },
    { hit = false, from = "a@example.net", header = { From = "MAILER-DAEMON <>" }, text = "failed" },
    { hit = false, from = "", header = { From = "ann@example.net" }, text = "Cheap pills" },
  },
}

-- RFC 5965: providers send back what their customers call spam, to those who answer for it; people send what they got to the help
-- desk. It is theirs to read. Only there: anybody else would be shown an attached message as if it were the sender's own.
local DESK = "(?i)^(?:abuse|postmaster|fbl|complaints?|spam|phish(?:ing)?|report[-_.]?(?:spam|phish(?:ing)?)|security|soc|csirt|cert|"
  .. "help-?desk|service-?desk|it-?support|support|noc)(?:[+-][^@]*)?@"

rule "REPORTED_TO_DESK" {
  about = "another message is attached, for the desk that takes reports of spam",
  score = 0.0,
  group = "good_signs",
  when = function(mail)
    local to = mail.rcpts[1] or (mail:header("To") or ""):match("[^\\s<>\",]+@[^\\s<>\",]+")
    if not to or not to:match(DESK) then return false end
    for i = 2, math.min(#mail.parts, 12) do
      if mail.parts[i].message then return true, to end
    end
    return false
  end,
  examples = {
    {
      hit = true, rcpts = { "helpdesk@example.org" },
      message = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nis it spam?\n--b\nContent-Type: message/rfc822\n\n"
        .. "Subject: pills\n\nbuy\n--b--\n",
    },
    {
      hit = false, rcpts = { "ann@example.org" },
      message = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsee\n--b\nContent-Type: message/rfc822\n\n"
        .. "Subject: pills\n\nbuy\n--b--\n",
    },
    { hit = false, rcpts = { "helpdesk@example.org" }, text = "is it spam?" },
  },
}

rule "ABUSE_REPORT" {
  about = "the message is a report of abuse, for the desk that takes such reports (RFC 5965)",
  score = 0.0,
  group = "good_signs",
  when = function(mail)
    if not mail:hit("REPORTED_TO_DESK") then return false end
    for i = 2, math.min(#mail.parts, 12) do
      if mail.parts[i].type == "message/feedback-report" then return true end
    end
    return false
  end,
  examples = {
    {
      hit = true, rcpts = { "abuse@example.org" },
      message = "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nabuse\n--b\n"
        .. "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b\nContent-Type: message/rfc822\n\n"
        .. "Subject: pills\n\nbuy\n--b--\n",
    },
    { hit = false, hits = { "REPORTED_TO_DESK" }, text = "abuse" },
    { hit = false, rcpts = { "ann@example.org" }, text = "abuse" },
  },
}

-- What others have sent in our name comes back here.
-- RFC 3464: the report returns the message or its header. If nobody here is named as its author, somebody forged us elsewhere,
-- or this is no report at all. Forwarding makes such reports honestly, so it weighs little.
rule "BACKSCATTER" {
  about = "the delivery report is about a message that nobody at the recipient's domain has sent",
  score = 0.7,
  group = "headers",
  when = function(mail)
    if mail.from ~= "" or #mail.rcpts == 0 then return false end
    local returned = false
    for i = 1, math.min(#mail.parts, 12) do
      returned = returned or mail.parts[i].message or mail.parts[i].type:match("rfc822") ~= nil
    end
    local domain = returned and mail.rcpts[1]:match("@([A-Za-z0-9.-]+)$")
    if not domain then return false end
    local mine = domain:gsub("\\.", "[.]")
    return not mail:match("(?i)\\n(?:From|Return-Path|Sender|Message-ID)[ \\t]*:[^\\n]*[@.]" .. mine), domain
  end,
  examples = {
    {
      hit = true, from = "", rcpts = { "ann@example.org" }, detail = "example.org",
      message = "Content-Type: multipart/report; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/rfc822\n\n"
        .. "From: x@other.example\nSubject: pills\n\nbuy\n--b--\n",
    },
    {
      hit = false, from = "", rcpts = { "ann@example.org" },
      message = "Content-Type: multipart/report; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/rfc822\n\n"
        .. "From: ann@example.org\nSubject: minutes\n\nhello\n--b--\n",
    },
    { hit = false, from = "a@example.net", rcpts = { "ann@example.org" } },
  },
}
