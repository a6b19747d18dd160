-- How does the message look? Advertising comes as a page and not as a letter: tables, coloured fonts, pictures from a server, no
-- plain text beside it. Honest notices of shops and offices come so too: each sign weighs little. They belong to the group
-- "layout".

group("layout", { max = 1.5, dampers = { DMARC_PASS = 1, DELIVERY_REPORT = 1 } })

-- RFC 2046, 5.1.4: mail programs send the text along. Programs for mass mail save themselves the trouble.
rule "HTML_ONLY" {
  about = "the message is a web page without the text beside it that mail programs write",
  score = 0.2,
  group = "layout",
  when = function(mail)
    local html = false
    for i = 1, math.min(#mail.parts, 12) do
      local kind = mail.parts[i].type
      if kind == "text/plain" or kind:match("^message/") then return false end
      html = html or kind == "text/html"
    end
    return html
  end,
  examples = {
    { hit = true, html = "<p>hello</p>" },
    { hit = false, text = "hello", html = "<p>hello</p>" },
    { hit = false, text = "hello" },
  },
}

-- RFC 2045, 5.2: what says no character set is ASCII. Programs that write pages say it; scripts that only send them do not.
rule "HTML_WITHOUT_CHARSET" {
  about = "the message is a web page that does not say its character set",
  score = 0.5,
  group = "headers",
  header = { "Content-Type", "(?i)^\\s*text/html\\s*;?\\s*$" },
  examples = {
    { hit = true, message = "Content-Type: text/html\n\n<p>hello\n" },
    { hit = false, message = "Content-Type: text/html; charset=utf-8\n\n<p>hello\n" },
  },
}

-- A thousand copies of one letter: the end is there to differ.
rule "TEXT_TAIL" {
  about = "the text ends with letters and digits by chance, so that each copy differs",
  score = 1.2,
  group = "content",
  when = function(mail)
    local tail = mail.text:sub(-120):match("\\s([0-9A-Za-z-]+)\\s*$")
    if not tail or #tail < 14 then return false end
    -- No language has five of these in a row in its small words, and hexadecimal digits end with "f".
    return tail:match("^[a-z]*[bcdfghjklmnpqrstvwxz]{5}[a-z]*$|^[0-9]{3,5}[A-Za-z]*[g-zG-Z][A-Za-z]*[0-9]-[0-9A-Za-z-]+$") ~= nil,
      tail
  end,
  examples = {
    { hit = true, text = "Click to see us.\nbdyjkpbwheotewwcloive", detail = "bdyjkpbwheotewwcloive" },
    { hit = true, text = "Order now.\n8149uUYq4-233hRIC7588TJuY9-579" },
    { hit = false, text = "The commit is\n8149abcd4233fe5c7588dd0e9a579b" },
    { hit = false, text = "The request was\n1234abc4-56ef-4a1b-9c3d-0123456789ab" },
    { hit = false, text = "Mit freundlichen Gruessen\nGeschaeftsfuehrungsassistenz" },
  },
}

rule "HTML_TABLES" {
  about = "the message is laid out as a page, in tables",
  score = 0.3,
  group = "layout",
  raw = "(?i)<table[ \\t\\r\\n=]",
  examples = {
    { hit = true, message = "Content-Type: text/html\n\n<table width=3D600 border=3D0><tr><td>hello\n" },
    { hit = false, message = "Content-Type: text/html\n\n<table><tr><td>hello\n" },
  },
}

rule "HTML_PICTURES" {
  about = "the message shows pictures from a server, which learns who looks at them",
  score = 0.4,
  group = "layout",
  when = function(mail)
    for _, url in ipairs(mail.urls) do
      if url.where == "image" and url.scheme:match("^https?$") then return true, url.host end
    end
    return false
  end,
  examples = {
    { hit = true, html = "<p>hello<img src='http://a.example/1.png'>", detail = "a.example" },
    { hit = false, html = "<p>hello<img src='cid:1'>" },
  },
}

rule "HTML_SHOUTS" {
  about = "the message is written in large or coloured letters",
  score = 0.5,
  group = "layout",
  raw = "(?i)[ ]color=(?:3D)?[\"']?(?:#?ff0000|red|#?0000ff|blue|yellow|#?ffff00)\\b|<font size=(?:3D)?[\"']?\\+?[4-9]"
    .. "|font-size: ?[3-9][0-9]p[xt]",
  examples = {
    { hit = true, message = "Content-Type: text/html\n\n<font size=3D\"5\" color=3D\"red\">Buy!</font>\n" },
    { hit = false, message = "Content-Type: text/html\n\n<font size=3D\"2\">hello</font>\n" },
  },
}

rule "HTML_CENTERED" {
  about = "the message is a centred page, as advertising is",
  score = 0.3,
  group = "layout",
  raw = "(?i)<center>|[ ]align=(?:3D)?[\"']?center|text-align: ?center",
  examples = {
    { hit = true, message = "Content-Type: text/html\n\n<center>Buy!</center>\n" },
    { hit = false, message = "Content-Type: text/html\n\n<p>The center of the town</p>\n" },
  },
}

rule "HTML_PAGE" {
  about = "the message is a whole web page, with a title and its own colours",
  score = 0.3,
  group = "layout",
  raw = "(?i)<title>[^<]|<body (?:bgcolor|background|text|leftmargin|topmargin|style|link)=",
  examples = {
    { hit = true, message = "Content-Type: text/html\n\n<html><head><title>Newsletter</title>\n" },
    { hit = false, message = "Content-Type: text/html\n\n<html><body>hello\n" },
  },
}

-- Pictures, tables and colours without the text: what a mass mailing looks like.
rule "HTML_ADVERTISEMENT" {
  about = "the message is a page with pictures or colours, and no plain text beside it",
  score = 1.2,
  group = "layout",
  expression = "HTML_ONLY and (HTML_PICTURES or HTML_SHOUTS or (HTML_TABLES and (HTML_CENTERED or HTML_PAGE)))",
  examples = {
    { hit = true, hits = { "HTML_ONLY", "HTML_PICTURES" } },
    { hit = false, hits = { "HTML_ONLY", "HTML_TABLES" } },
    { hit = false, hits = { "HTML_PICTURES", "HTML_SHOUTS" } },
  },
}

-- Honest newsletters have a sender of their own, a way out in their header, and somebody who signs.
rule "HTML_ADVERTISEMENT_FROM_NOBODY" {
  about = "the message is a page with pictures or colours, and nobody vouches for its sender",
  score = 0.3,
  group = "layout",
  expression = "HTML_ADVERTISEMENT and not (DMARC_PASS or DKIM_PASS or SPF_PASS)",
  examples = {
    { hit = true, hits = { "HTML_ADVERTISEMENT" } },
    { hit = false, hits = { "HTML_ADVERTISEMENT", "DKIM_PASS" } },
    { hit = false, hits = { "HTML_ONLY" } },
  },
}

-- Base64 is for what is no text, or for other scripts (RFC 2045, 6.8). Over plain English it hides words from simple filters.
-- Where UTF-8 is declared, libraries and telephones use it without a thought, so it weighs less there.
rule "TEXT_IN_BASE64" {
  about = "plain English text is encoded in base64, where filters that read the raw mail do not see it",
  score = 0.3,
  group = "layout",
  when = function(mail)
    local found = false
    for i = 1, math.min(#mail.parts, 12) do
      local part = mail.parts[i]
      if part.encoding == "base64" and part.disposition ~= "attachment" and part.type:match("^text/(?:plain|html)$") then
        found = math.max(found or 0, part.charset:match("(?i)^utf-?8$") and 1 or 4)
      end
    end
    return found and #mail.text > 40 and not mail.text:sub(1, 20000):match("[^\\x00-\\x7F]") and found
  end,
  examples = {
    {
      hit = true,
      message = "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
        .. "Q2hlYXAgcGlsbHMgYW5kIG90aGVyIHRoaW5ncyBhcmUgaGVyZSwgb3JkZXIgdGhlbSBub3chCg==\n",
      score = 1.2,
    },
    {
      hit = true,
      message = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        .. "Q2hlYXAgcGlsbHMgYW5kIG90aGVyIHRoaW5ncyBhcmUgaGVyZSwgb3JkZXIgdGhlbSBub3chCg==\n",
      score = 0.3,
    },
    { hit = false, text = "Cheap pills and other things are here, order them now!" },
  },
}

-- Programs take the character set of the machine; where nothing in the text needs it, the machine is not where the sender says.
local OTHER_SCRIPTS = "(?i)^(?:koi8-r|windows-125[0135678]|gb2312|gbk|big5|euc-kr|ks_c_5601.*|iso-8859-[2-9]|shift_jis)$"
rule "CHARSET_NOT_NEEDED" {
  about = "the text is plain English, in the character set of another script",
  score = 0.6,
  group = "layout",
  when = function(mail)
    local found = false
    for i = 1, math.min(#mail.parts, 12) do
      found = found or mail.parts[i].charset:match(OTHER_SCRIPTS)
    end
    return found and #mail.text > 20 and not (mail.text:sub(1, 20000) .. mail.subject):match("[^\\x00-\\x7F]"), found
  end,
  examples = {
    { hit = true, message = "Content-Type: text/plain; charset=koi8-r\n\nMake her happy with our pills, now.\n", detail = "koi8-r" },
    { hit = false, text = "Make her happy with our pills, now." },
  },
}

rule "SHORT_TEXT_AND_A_LINK" {
  about = "a stranger sends a link and a line or two",
  score = 0.3,
  group = "layout",
  when = function(mail)
    if mail:header("In-Reply-To") or mail:header("References") or #mail.attachments > 0 then return false end
    -- A dozen words in a row are found at once; to count the letters takes time.
    local text = mail.text
    if #text > 1500 and text:match("(?:\\S+\\s\\s?){12}") then return false end
    if #text:gsub("https?://[^\\s]+|\\s+", "") >= 350 then return false end
    local links = 0
    for _, url in ipairs(mail.urls) do
      if url.where ~= "image" and url.where ~= "header" and url.scheme:match("^https?$") then links = links + 1 end
      if links > 2 then return false end
    end
    return links > 0
  end,
  examples = {
    { hit = true, text = "Make her happy: https://a.example/" },
    { hit = false, text = string.rep("words ", 80) .. "https://a.example/1" },
    { hit = false, text = "see https://a.example/", header = { References = "<1@example.net>" } },
  },
}
