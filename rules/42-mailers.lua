-- Which program wrote the message, and is it the one that it says? Programs for mass mail call themselves by a well-known name
-- and copy its fields without knowing how they come about. These rules belong to the group "headers", see 40-headers.lua.

-- ---------------------------------------------------------------- Message-ID

-- RFC 5322, 3.6.4 allows an address in brackets where a machine has no name. What sends mail has one.
rule "MESSAGE_ID_ADDRESS" {
  about = "the Message-ID ends with an IP address in place of a name",
  score = 0.2,
  group = "headers",
  header = { "Message-ID", "@\\[?[0-9]{1,3}(?:\\.[0-9]{1,3}){3}\\]?>\\s*$" },
  examples = {
    { hit = true, header = { ["Message-ID"] = "<20260101.7A3@[198.51.100.7]>" } },
    { hit = false, header = { ["Message-ID"] = "<20260101.7A3@host-198-51-100-7.example.net>" } },
  },
}

-- Mail programs count time and messages; letters by chance are what a script throws together.
rule "MESSAGE_ID_RANDOM" {
  about = "the Message-ID is thrown together from capital letters, as no mail program does it",
  score = 2.0,
  group = "headers",
  header = { "Message-ID", "^\\s*<[0-9A-Z]*(?:\\.[0-9A-Z]+)*\\.?[0-9]*[A-Z]{9,}[0-9]*(?:\\.[0-9A-F]+)?@" },
  examples = {
    { hit = true, header = { ["Message-ID"] = "<7852CU4677I.EOEGGERNVCIIFHE.53F4ACC@desk>" } },
    { hit = false, header = { ["Message-ID"] = "<20260101120000.GA1234@example.net>" } },
    { hit = false, header = { ["Message-ID"] = "<CAFxyz_ABCDEFGHIJK=abc@mail.example.net>" } },
  },
}

rule "MESSAGE_ID_DATE_FORGED" {
  about = "the Message-ID holds the date of a program whose other marks the message lacks",
  score = 1.0,
  group = "headers",
  -- Eudora wrote "<6.2.0.14.2.20260101120000.0123abcd@host>" and named itself in X-Mailer.
  when = function(mail)
    local id = mail:header("Message-ID")
    if not id or not id:match("^\\s*<[0-9]{1,2}(?:\\.[0-9]{1,2}){2,4}\\.[0-9]{12,14}\\.?[0-9a-f]+@") then return false end
    local mailer = mail:header("X-Mailer") or ""
    return not mailer:match("(?i)eudora|qualcomm"), id
  end,
  examples = {
    { hit = true, header = { ["Message-ID"] = "<2.2.32.201004130554270095793e@example.net>" } },
    {
      hit = false,
      header = { ["Message-ID"] = "<6.2.0.14.2.20260101120000.0123abcd@example.net>", ["X-Mailer"] = "QUALCOMM Eudora 6.2" },
    },
    { hit = false, header = { ["Message-ID"] = "<20260101.2@example.net>" } },
  },
}

-- ---------------------------------------------------------------- Outlook, and who says so

-- Outlook and Outlook Express put the time into Message-ID and boundary: "<000801c1d5f6$a0b1c2d0$0100000a@desk>" holds the
-- hundreds of nanoseconds since 1601. They take it from a clock that ticks in steps, so the last digit is always 0.
local OUTLOOK_ID = "^\\s*<[0-9a-f]{4}([0-9a-f]{8})\\$([0-9a-f]{8})\\$[0-9a-f]{8}@"

rule "OUTLOOK_ID_FORGED" {
  about = "the Message-ID is made to look like Outlook's, and holds a time that its clock cannot show",
  score = 2.5,
  group = "headers",
  when = function(mail)
    local id = mail:header("Message-ID")
    local _, low = (id or ""):match(OUTLOOK_ID)
    return low ~= nil and low:sub(-1) ~= "0", id
  end,
  examples = {
    { hit = true, header = { ["Message-ID"] = "<4ad701ca7806$412973f9$fdbe092e@example.net>" } },
    { hit = false, header = { ["Message-ID"] = "<001201ca5694$d1f93840$a55747e3@desk>" } },
    { hit = false, header = { ["Message-ID"] = "<1@example.net>" } },
  },
}

local MONTHS = {
  jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12,
}

-- Days from 1 March of the year 0 to the date in the text, as mail writes it; nil when it holds none.
local function day_number(text)
  local day, month, year = text:match("(?i)\\b([0-9]{1,2})\\s+([a-z]{3})[a-z]*\\s+([0-9]{4})\\b")
  month = month and MONTHS[month:lower()]
  if not month then return nil end
  year = tonumber(year)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + tonumber(day)
end
local DAY_1601 = day_number("1 Jan 1601")

rule "OUTLOOK_TIME_DIFFERS" {
  about = "the Message-ID is made to look like Outlook's, and was made on another day than the message says",
  score = 2.0,
  group = "headers",
  when = function(mail)
    local high = (mail:header("Message-ID") or ""):match(OUTLOOK_ID)
    local date = high and mail:header("Date")
    local written = date and day_number(date)
    if not written then return false end
    -- One step of the upper half is 2^32 times 100 ns: 429.4967296 seconds.
    local made = DAY_1601 + tonumber(high, 16) * 429.4967296 / 86400
    local days = math.floor(written - made + 0.5)
    -- Drafts lie about for some days; clocks that stand at another year are wrong in both places alike.
    return days < -3 or days > 15, string.format("%d days", days)
  end,
  examples = {
    {
      hit = true,
      header = { ["Message-ID"] = "<000801c1d5f6$a0b1c2d0$0100000a@desk>", Date = "Thu, 1 Jan 2026 12:00:00 +0000" },
    },
    {
      hit = false,
      header = { ["Message-ID"] = "<001201ca5694$d1f93840$a55747e3@desk>", Date = "Tue, 27 Oct 2009 10:34:11 +1000" },
    },
    { hit = false, header = { ["Message-ID"] = "<1@example.net>", Date = "Tue, 27 Oct 2009 10:34:11 +1000" } },
  },
}

rule "OUTLOOK_BOUNDARY_FORGED" {
  about = "the parts of the message are divided by a line that is made to look like Outlook's and is not",
  score = 1.5,
  group = "headers",
  when = function(mail)
    local boundary = (mail:header("Content-Type") or ""):match("(?i)boundary\\s*=\\s*\"?\\s*(----=_NextPart_00[^\"\\s;]*)")
    return boundary ~= nil and not boundary:match("^----=_NextPart_[0-9A-F]{3}_[0-9A-Z]{4}_[0-9A-F]{8}\\.[0-9A-F]{7}0$"), boundary
  end,
  examples = {
    {
      hit = true, detail = "----=_NextPart_000_0023_67_FE65F801.BFDDFF9C",
      message = "Content-Type: multipart/alternative;\n\tboundary=\"----=_NextPart_000_0023_67_FE65F801.BFDDFF9C\"\n\nhello\n",
    },
    {
      hit = false,
      message = "Content-Type: multipart/alternative;\n\tboundary=\"----=_NextPart_000_0007_01CA0830.F37D2D80\"\n\nhello\n",
    },
    { hit = false, message = "Content-Type: multipart/mixed; boundary=b\n\nhello\n" },
  },
}

-- The two fields come from one line of code in Outlook and Exchange. Who copies the one forgets the other.
rule "PRIORITY_WITHOUT_MIMEOLE" {
  about = "the message bears Microsoft's mark of priority and not the mark of the program that writes it",
  score = 1.2,
  group = "headers",
  when = function(mail)
    if not mail:header("X-MSMail-Priority") or mail:header("X-MimeOLE") then return false end
    local mailer = (mail:header("X-Mailer") or "") .. (mail:header("User-Agent") or "")
    return not mailer:match("(?i)^(?:microsoft (?:office )?outlook(?:,|,? build| [0-9]|$)|internet mail service)|lotus|notes")
  end,
  examples = {
    { hit = true, header = { ["X-MSMail-Priority"] = "Normal", ["X-Mailer"] = "Mailer 1.0" } },
    { hit = false, header = { ["X-MSMail-Priority"] = "Normal", ["X-MimeOLE"] = "Produced By Microsoft MimeOLE V6.00" } },
    { hit = false, header = { ["X-MSMail-Priority"] = "Normal", ["X-Mailer"] = "Microsoft Outlook, Build 10.0.2627" } },
    { hit = false, header = { ["X-Priority"] = "3" } },
  },
}

-- Outlook Express makes its own Message-ID and writes X-MimeOLE, always.
rule "OUTLOOK_EXPRESS_FORGED" {
  about = "the message says that Outlook Express wrote it, and lacks the marks which that program never leaves out",
  score = 1.5,
  group = "headers",
  when = function(mail)
    local mailer = mail:header("X-Mailer")
    if not mailer or not mailer:match("(?i)outlook express") then return false end
    if not mail:header("X-MimeOLE") then return true, "no X-MimeOLE" end
    local id = mail:header("Message-ID") or ""
    -- A provider that changes Message-IDs leaves the name of its own server.
    if id:match(OUTLOOK_ID) or id:match("(?i)@[a-z0-9.-]*phx\\.gbl>|^\\s*<[0-9]{14}\\.|\\bSMTP|smtp|mail") then return false end
    return true, id
  end,
  examples = {
    { hit = true, header = { ["X-Mailer"] = "Microsoft Outlook Express 6.00.2600.0000" }, detail = "no X-MimeOLE" },
    {
      hit = false,
      header = {
        ["X-Mailer"] = "Microsoft Outlook Express 6.00.2600.0000", ["X-MimeOLE"] = "Produced By Microsoft MimeOLE V6.00",
        ["Message-ID"] = "<001201ca5694$d1f93840$a55747e3@desk>",
      },
    },
    { hit = false, header = { ["X-Mailer"] = "Apple Mail (2.936)" } },
  },
}

-- Outlook and Outlook Express write the text beside the page; who copies their name saves himself the trouble.
rule "OUTLOOK_WITHOUT_TEXT" {
  about = "the message says that Outlook wrote it, and lacks the plain text which that program writes beside the page",
  score = 1.2,
  group = "headers",
  when = function(mail)
    if not mail:hit("HTML_ONLY") then return false end
    local mailer = mail:header("X-Mailer")
    return mailer ~= nil and mailer:match("(?i)^microsoft (?:office )?outlook") ~= nil, mailer
  end,
  examples = {
    { hit = true, hits = { "HTML_ONLY" }, header = { ["X-Mailer"] = "Microsoft Outlook, Build 10.0.2627" } },
    { hit = false, header = { ["X-Mailer"] = "Microsoft Outlook 16.0" } },
    { hit = false, hits = { "HTML_ONLY" }, header = { ["X-Mailer"] = "Apple Mail (2.936)" } },
  },
}

rule "MAILER_MADE_UP" {
  about = "the message says that it was written by a program whose name is letters by chance",
  score = 1.5,
  group = "headers",
  when = function(mail)
    local mailer = mail:header("X-Mailer")
    return mailer ~= nil and mailer:match("^[a-z]{4,12} [0-9]{1,2}\\.[0-9]{1,2}$") ~= nil, mailer
  end,
  examples = {
    { hit = true, header = { ["X-Mailer"] = "vehevqcof 11.10" } },
    { hit = false, header = { ["X-Mailer"] = "Sylpheed 3.7" } },
    { hit = false, header = { ["X-Mailer"] = "git-send-email 2.43" } },
  },
}

local BULK_MAILERS = "(?i)\\b(?:bulk|mass|group ?mail|dark ?mailer|achi-kochi|mail ?king|express ?mail|e-?mail (?:blaster|sender|magnet)|"
  .. "\\w*(?:sender|blaster|spammer)\\b|easy dm|eb ?mailer|stealth|rapid ?mailer|aureate|prospect|emailer platinum|advanced mass|jixing)"
rule "MAILER_FOR_BULK" {
  about = "the message was written by a program for mass mail that names itself",
  score = 1.0,
  group = "headers",
  when = function(mail)
    local mailer = mail:header("X-Mailer")
    return mailer ~= nil and mailer:match(BULK_MAILERS) ~= nil, mailer
  end,
  examples = {
    { hit = true, header = { ["X-Mailer"] = "Advanced Mass Sender 4.3" } },
    { hit = false, header = { ["X-Mailer"] = "Apple Mail (2.936)" } },
  },
}

-- ---------------------------------------------------------------- fields that do not belong there

-- RFC 5322, 3.6.3: a mail program takes the field out before it sends.
rule "BCC_SHOWN" {
  about = "the message shows its hidden recipients: it was sent by a script and not by a mail program",
  score = 1.5,
  group = "headers",
  when = function(mail) return mail:header("Bcc") ~= nil end,
  examples = {
    { hit = true, header = { Bcc = "a@example.org, b@example.org" } },
    { hit = false, header = { Cc = "a@example.org, b@example.org" } },
  },
}

-- An answer has References too (RFC 5322, 3.6.4), and says "Re:" in the language of whoever wrote it.
rule "FAKE_THREAD" {
  about = "the message says that it answers another one, and its subject and its other fields do not",
  score = 0.1,
  group = "headers",
  when = function(mail)
    if not mail:header("In-Reply-To") or mail:header("References") or mail:header("Thread-Index") then return false end
    return not mail.subject:match("^\\s*(?:\\[[^\\]]*\\]\\s*)*[^\\s:0-9]{1,5}\\s*(?:[\\[(]?[0-9]+[\\])]?)?\\s*[::]")
      and not mail.subject:match("(?i)\\bwas:")
  end,
  examples = {
    { hit = true, subject = "Cheap watches", header = { ["In-Reply-To"] = "<1@example.net>" } },
    { hit = false, subject = "Re: watches", header = { ["In-Reply-To"] = "<1@example.net>" } },
    { hit = false, subject = "watches", header = { ["In-Reply-To"] = "<1@example.net>", References = "<1@example.net>" } },
    { hit = false, subject = "watches" },
  },
}

rule "URGENT_PRIORITY" {
  about = "the message marks itself as urgent",
  score = 0.5,
  group = "headers",
  when = function(mail)
    local priority = mail:header("X-Priority")
    if priority and priority:match("^\\s*1\\b") then return true, "X-Priority: " .. priority end
    local importance = mail:header("Importance")
    return importance ~= nil and importance:match("(?i)^\\s*high") ~= nil, importance
  end,
  examples = {
    { hit = true, header = { ["X-Priority"] = "1 (Highest)" } },
    { hit = true, header = { Importance = "High" } },
    { hit = false, header = { ["X-Priority"] = "3" } },
  },
}

-- ---------------------------------------------------------------- Date

-- RFC 5322, 3.3: a sign and four digits, hours and minutes. Zones are whole quarters of an hour, from -12 to +14.
rule "DATE_ZONE_IMPOSSIBLE" {
  about = "the Date field names a time zone that does not exist (RFC 5322, 3.3)",
  score = 2.0,
  group = "headers",
  when = function(mail)
    local date = mail:header("Date")
    local sign, hours, minutes = (date or ""):match(":[0-9]{2}\\s+([+-])([0-9]{2})(\\S{2,4})")
    if not sign then return false end
    if not minutes:match("^(?:00|15|30|45)(?:[^0-9]|$)") then return true, date end
    return tonumber(hours) > 14, date
  end,
  examples = {
    { hit = true, header = { Date = "Fri, 21 Aug 2009 15:50:40 +05-30" } },
    { hit = true, header = { Date = "Fri, 21 Aug 2009 15:50:40 -1700" } },
    { hit = false, header = { Date = "Fri, 21 Aug 2009 15:50:40 +0530" } },
    { hit = false, header = { Date = "Fri, 21 Aug 2009 15:50:40 GMT" } },
  },
}

rule "DATE_IMPOSSIBLE" {
  about = "the Date field names a year before there was mail, or one that is far away",
  score = 2.5,
  group = "headers",
  when = function(mail)
    local date = mail:header("Date")
    local year = (date or ""):match("(?i)\\b[0-9]{1,2}\\s+[a-z]{3}[a-z]*\\s+([0-9]{4})\\b")
    year = tonumber(year or "2000")
    return year < 1980 or year > 2100, date
  end,
  examples = {
    { hit = true, header = { Date = "Tue, 19 May 3610 01:43:42 -0400" } },
    { hit = true, header = { Date = "Thu, 1 Jan 1970 00:00:00 +0000" } },
    { hit = false, header = { Date = "Thu, 1 Jan 2026 12:00:00 +0000" } },
  },
}
