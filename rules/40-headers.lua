-- Is the header that of honest mail? Programs for mass mail forget what every mail program writes, or write it wrongly on
-- purpose. Each sign alone is weak: scripts, scanners and shop systems make the same mistakes. All rules here and in
-- 41-addresses.lua together add at most what the next line says, which is less than the threshold to mark. What the fields
-- mean: RFC 5322.

group("headers", { max = 5, dampers = { DMARC_PASS = 4 } })

-- ---------------------------------------------------------------- what every message has (RFC 5322, 3.6)

rule "NO_DATE" {
  about = "the message has no Date field, which every message must have (RFC 5322, 3.6)",
  score = 1.0,
  group = "headers",
  when = function(mail) return mail:header("Date") == nil end,
  examples = {
    { hit = true, message = "From: a@example.net\nSubject: hello\n\nhello\n" },
    { hit = false },
  },
}

-- Optional by the letter ("SHOULD"), and nearly all programs write it. Small devices do not.
rule "NO_MESSAGE_ID" {
  about = "the message has no Message-ID field",
  score = 0.7,
  group = "headers",
  -- Reports of older mail servers have none either.
  when = function(mail) return mail:header("Message-ID") == nil and mail.from ~= "" end,
  examples = {
    { hit = true, message = "From: a@example.net\nDate: Thu, 1 Jan 2026 12:00:00 +0000\n\nhello\n" },
    { hit = false, header = { ["message-id"] = "<1@example.net>" } },
    { hit = false, from = "", message = "From: postmaster@example.net\nSubject: failure\n\nhello\n" },
  },
}

-- RFC 5322, 3.6.4 wants <left@right>. Old and odd programs leave the brackets away, so it weighs little.
rule "MESSAGE_ID_BROKEN" {
  about = "the Message-ID field is not of the form <left@right> (RFC 5322, 3.6.4)",
  score = 0.7,
  group = "headers",
  when = function(mail)
    local id = mail:header("Message-ID")
    return id ~= nil and not id:match("^\\s*<[^<>\\s]+@[^<>\\s]+>\\s*(?:\\(.*\\))?$"), id
  end,
  examples = {
    { hit = true, header = { ["Message-ID"] = "12345" }, detail = "12345" },
    { hit = true, header = { ["Message-ID"] = "<>" } },
    { hit = false, header = { ["Message-ID"] = "<1@example.net>" } },
    { hit = false, message = "Subject: without any\n\nhello\n" },
  },
}

-- Readers show the first or the last, checkers look at the other: two of them are a trick, or a broken script.
rule "FIELD_TWICE" {
  about = "a field that may stand once in a message stands there several times (RFC 5322, 3.6)",
  score = 2.0,
  group = "headers",
  when = function(mail)
    for _, name in ipairs { "From", "Subject", "Date", "Message-ID", "To", "Sender", "Reply-To" } do
      local first, all = mail:header(name)
      for i = 2, #all do
        if all[i] ~= first then return true, name end
      end
    end
    return false
  end,
  examples = {
    { hit = true, header = { From = { "a@example.net", "b@example.org" } }, detail = "From" },
    { hit = true, header = { Subject = { "one", "two" } }, detail = "Subject" },
    -- The same twice misleads nobody.
    { hit = false, header = { From = { "a@example.net", "a@example.net" } } },
    { hit = false, header = { Received = { "one", "two" } } },
  },
}

rule "NO_SUBJECT" {
  about = "the subject is missing or empty",
  score = 1.0,
  group = "headers",
  when = function(mail) return not mail.subject:match("[^\\s]") end,
  examples = {
    { hit = true, header = { From = "a@example.net" } },
    { hit = true, subject = "  " },
    { hit = false, subject = "?" },
  },
}

-- ---------------------------------------------------------------- Date and Received

local MONTHS = {
  jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12,
}

-- The number of a day, counted from the year 0, of a date as mail writes it; nil when it is none.
local function day_number(text)
  local day, month, year = text:match("(?i)\\b([0-9]{1,2})\\s+([a-z]{3})[a-z]*\\s+([0-9]{4})\\b")
  month = month and MONTHS[month:lower()]
  if not month then return nil end
  year = tonumber(year)
  -- Years that begin in March: the odd day of February comes last.
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + tonumber(day)
end

-- Rules have no clock: the time is that of the last server that had the message. Behind a queue or an old draft a message is
-- some days old; from the future comes only what wants to stand on top of the mailbox.
rule "DATE_FAR_OFF" {
  about = "the Date field differs by days from the time at which the message was sent",
  score = 1.2,
  group = "headers",
  when = function(mail)
    local date, received = mail:header("Date"), mail:header("Received")
    local written = date and day_number(date)
    local seen = received and day_number(received:match(";([^;]*)$") or "")
    if not written or not seen then return false end
    local days = written - seen
    return days > 2 or days < -10, string.format("%d days", days)
  end,
  examples = {
    {
      hit = true, detail = "365 days",
      header = { Date = "Fri, 1 Jan 2027 12:00:00 +0000", Received = "from a; Thu, 1 Jan 2026 12:00:00 +0000" },
    },
    { hit = true, header = { Date = "1 Jan 2020 12:00:00 +0000", Received = "from a; Thu, 1 Jan 2026 12:00:00 +0000" } },
    { hit = false, header = { Date = "Wed, 31 Dec 2025 23:00:00 -0500", Received = "from a; 1 Jan 2026 04:00:01 +0000" } },
    { hit = false, header = { Date = "Fri, 1 Jan 2027 12:00:00 +0000" } },
  },
}

-- RFC 5322, 3.3. Two-digit years and a zone in words are older forms that are still read (4.3).
rule "DATE_BROKEN" {
  about = "the Date field holds no date (RFC 5322, 3.3)",
  score = 1.0,
  group = "headers",
  when = function(mail)
    local date = mail:header("Date")
    if not date then return false end
    return not date:match("(?i)\\b[0-9]{1,2}\\s+[a-z]{3}[a-z]*\\s+[0-9]{2,4}\\s+[0-9]{1,2}:[0-9]{2}"), date
  end,
  examples = {
    { hit = true, header = { Date = "2026-01-01 12:00" } },
    { hit = true, header = { Date = "today" }, detail = "today" },
    { hit = false, header = { Date = "1 Jan 26 12:00 GMT" } },
    { hit = false, subject = "no date at all is another rule's matter" },
  },
}

-- RFC 5321, 4.4: a time behind the last semicolon. Servers write it; who forges a line to look like one often does not.
rule "RECEIVED_FORGED" {
  about = "a Received line of the message cannot be a mail server's: it has no time (RFC 5321, 4.4)",
  score = 1.0,
  group = "headers",
  when = function(mail)
    local _, all = mail:header("Received")
    for i = 1, math.min(#all, 20) do
      if not all[i]:match("[0-9]{1,2}:[0-9]{2}") then return true, all[i] end
    end
    return false
  end,
  examples = {
    { hit = true, header = { Received = "from mail.example.org by mx.example.net with ESMTP" } },
    { hit = false, header = { Received = "from a by b; Thu, 1 Jan 2026 12:00:00 +0000" } },
    { hit = false, subject = "sent directly" },
  },
}

-- ---------------------------------------------------------------- Subject

rule "SUBJECT_SHOUTS" {
  about = "the subject is written in capital letters only",
  score = 1.5,
  group = "headers",
  when = function(mail)
    local subject = mail.subject:gsub("(?i)^\\s*(?:(?:re|fwd?|aw|wg)\\s*:|\\[[^\\]]*\\])\\s*", "")
    if subject:match("[a-z]") then return false end -- which is most, and found at once
    -- Two words at least: one is an abbreviation.
    return subject:match("\\p{Lu}{3}.*\\s.*\\p{Lu}{3}") ~= nil and not subject:match("\\p{Ll}")
  end,
  examples = {
    { hit = true, subject = "RE: URGENT BUSINESS PROPOSAL" },
    { hit = true, subject = "ОЧЕНЬ ВАЖНОЕ ПИСЬМО" },
    { hit = false, subject = "NASA" },
    { hit = false, subject = "RFC 5322 and TLS" },
    { hit = false, subject = "会议记录 2026" },
  },
}

-- An answer names what it answers (RFC 5322, 3.6.4); all programs that write "Re:" do.
rule "FAKE_REPLY" {
  about = "the subject says that this is an answer, and the message answers none",
  score = 0.1,
  group = "headers",
  when = function(mail)
    if not mail.subject:match("(?i)^\\s*re\\s*(?:\\[[0-9]+\\])?:") then return false end
    return not mail:header("In-Reply-To") and not mail:header("References") and not mail:header("Thread-Index")
  end,
  examples = {
    { hit = true, subject = "Re: your payment" },
    { hit = false, subject = "Re: your payment", header = { ["In-Reply-To"] = "<1@example.net>" } },
    { hit = false, subject = "Regarding your payment" },
  },
}

-- Zero-width characters, soft hyphens and signs that turn the direction: nobody types them into a subject.
rule "SUBJECT_INVISIBLE" {
  about = "the subject holds invisible characters between its letters",
  score = 1.5,
  group = "headers",
  header = { "Subject", "[A-Za-z][\\x{AD}\\x{200B}-\\x{200F}\\x{202A}-\\x{202E}\\x{2060}-\\x{2064}\\x{FEFF}]+[A-Za-z]" },
  examples = {
    { hit = true, subject = "Pay\u{200B}Pal" },
    { hit = false, subject = "\u{200F}שלום" },
  },
}

-- Encoded words are for what ASCII cannot say (RFC 2047, 1). In base64 they hide plain words from simple filters; some
-- programs for newsletters encode everything, so it weighs little.
rule "SUBJECT_ENCODED_FOR_NOTHING" {
  about = "the subject is encoded although it is plain English letters",
  score = 0.3,
  group = "headers",
  when = function(mail)
    if mail.subject:match("[^ -~]") then return false end
    return mail:match("(?i)(?:^|\\n)Subject:[ \\t]*(?:\\r\\n[ \\t]+)?=\\?[a-z0-9-]+\\?b\\?") ~= nil
  end,
  examples = {
    { hit = true, message = "From: a@example.net\nSubject: =?utf-8?B?Y2hlYXAgcGlsbHM=?=\n\nhello\n" },
    { hit = false, message = "From: a@example.net\nSubject: =?utf-8?B?dsOpcml0w6k=?=\n\nhello\n" },
    { hit = false, message = "From: a@example.net\nSubject: cheap pills\n\nhello\n" },
  },
}

-- ---------------------------------------------------------------- bulk and bounces

-- RFC 8058: the reader's program can end it with one click, and a signature must stand behind that. Spammers may do it too;
-- most do not want to be asked to stop.
rule "ONE_CLICK_UNSUBSCRIBE" {
  about = "the message can be unsubscribed from with one click, and a signature vouches for it (RFC 8058)",
  score = -0.5,
  group = "headers",
  when = function(mail)
    local post = mail:header("List-Unsubscribe-Post")
    if not post or not post:match("(?i)List-Unsubscribe=One-Click") then return false end
    if not mail:header("List-Unsubscribe") then return false end
    for _, signature in ipairs(mail.dkim) do
      if signature.result == "pass" then return true, signature.domain end
    end
    return false
  end,
  examples = {
    {
      hit = true, dkim = { { result = "pass", domain = "example.net" } }, detail = "example.net",
      header = { ["List-Unsubscribe"] = "<https://example.net/u>", ["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click" },
    },
    {
      hit = false, dkim = { { result = "fail", domain = "example.net" } },
      header = { ["List-Unsubscribe"] = "<https://example.net/u>", ["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click" },
    },
  },
}

-- The null sender is for reports of mail servers (RFC 5321, 4.5.5). In other mail it is there so that no answer comes back.
rule "BOUNCE_THAT_IS_NONE" {
  about = "the message has the sender of a delivery report, and is none",
  score = 1.0,
  group = "headers",
  when = function(mail)
    if mail.from ~= "" then return false end
    for _, part in ipairs(mail.parts) do
      if part.message or part.type == "multipart/report" or part.type:match("^message/|rfc822-headers") then return false end
    end
    -- RFC 3834: what answers by itself says so. Older servers are known by their name or their words.
    if mail:header("Auto-Submitted") or mail:header("X-Failed-Recipients") or mail:header("Precedence") then return false end
    if mail:header("X-Autoreply") or mail:header("In-Reply-To") or mail:header("References") then return false end
    -- Stored mail that has lost its envelope: a list or a discussion never has the null sender.
    if mail:header("List-Id") or mail:header("X-Mailing-List") or mail.subject:match("(?i)^\\s*(?:re|aw|sv|antw)\\s*:|^\\s*\\[") then
      return false
    end
    local from = mail:header("From") or ""
    if from:match("(?i)mailer|postmaster|daemon|mail (?:delivery|system|administrator)|auto|no-?reply") then return false end
    if from:match("(?i)\\b(?:root|cron|nobody|system)\\b") then return false end
    return not mail.subject:match("(?i)deliver|return|fail|bounce|error|reject|out of (?:the )?office|auto|receipt|read:")
  end,
  examples = {
    { hit = true, from = "", header = { From = "Ann <ann@example.net>" }, subject = "cheap pills" },
    { hit = false, from = "", header = { From = "mailer-daemon@example.net" }, subject = "failure notice" },
    { hit = false, from = "", header = { From = "root@example.net (Anacron)" }, subject = "Job cron.daily" },
    { hit = false, from = "", header = { From = "Ann <ann@example.net>" }, subject = "Re: the boat" },
    { hit = false, from = "", header = { From = "Ann <ann@example.net>" }, subject = "[talk] the boat" },
    { hit = false, header = { From = "Ann <ann@example.net>" }, subject = "cheap pills" },
  },
}

-- What a break-in into a web site leaves: PHP notes the file that called mail(), and no honest one is called so (or is a text
-- that was run by eval).
rule "SENT_BY_PLANTED_SCRIPT" {
  about = "the message was sent by a script that looks planted on a web site",
  score = 3.0,
  group = "headers",
  header = {
    "X-PHP-Originating-Script",
    "(?i)eval\\(\\)'d code|:(?:wso|alfa|shell|mailer|leaf(?:mailer)?|c99|r57|[0-9a-f]{8,})[0-9]*\\.php",
  },
  examples = {
    { hit = true, header = { ["X-PHP-Originating-Script"] = "33:index.php(1189) : eval()'d code" } },
    { hit = true, header = { ["X-PHP-Originating-Script"] = "10001:leafmailer.php", Subject = "x" }, detail = ":leafmailer.php" },
    { hit = false, header = { ["X-PHP-Originating-Script"] = "33:class-phpmailer.php" } },
  },
}
