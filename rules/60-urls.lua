-- Where do the links lead, and do they say so? Rules with `url` search each link in its normal form,
-- "scheme://host[:port]/path", with the host as the DNS knows it and IP addresses in their usual form. All rules here together
-- add at most what the next line says.

-- In a report or a message that is passed on the links are those of somebody else.
group("urls", { max = 6, dampers = { DMARC_PASS = 4, DELIVERY_REPORT = 2, PASSES_ON = 1.5, ABUSE_REPORT = 0.5 } })

local SHORTENERS = map("maps/shorteners.map")
local FREE_HOSTING = map("maps/free-hosting.map")

-- The first link that a reader can follow for which `test` says yes.
local function find(mail, test)
  for _, url in ipairs(mail.urls) do
    if (url.scheme == "http" or url.scheme == "https") and url.where ~= "image" and url.where ~= "header" and test(url) then
      return true, url.host
    end
  end
  return false
end

-- The domain of the author, in small letters; nil when there is none.
local function author_domain(mail)
  local from = mail:header("From")
  local domain = from and from:match("@([A-Za-z0-9.-]+)>?[^@]*$")
  return domain and domain:lower()
end

-- No merit: everybody has a site. But who only pretends to be a bank or a carrier leads elsewhere than home.
rule "URL_LEADS_HOME" {
  about = "a link leads to the site of the author's own domain",
  score = 0.0,
  group = "urls",
  when = function(mail)
    local from = author_domain(mail)
    if not from or map("maps/freemail.map"):has(from) then return false end
    return find(mail, function(url)
      return url.domain ~= "" and (from == url.domain or from:sub(-#url.domain - 1) == "." .. url.domain)
    end)
  end,
  examples = {
    { hit = true, header = { From = "Bank <alerts@mail.bank.example>" }, urls = { "https://www.bank.example/" }, detail = "www.bank.example" },
    { hit = false, header = { From = "Bank <alerts@bank.example>" }, urls = { "https://www.example.org/" } },
    { hit = false, header = { From = "Bank <bank@gmail.com>" }, urls = { "https://www.gmail.com/" } },
  },
}

-- Redirectors and trackers of honest newsletters do this all the time: next to nothing alone. Who is proven to be the author and
-- shows the name of his own site has a counter behind it.
rule "URL_SHOWS_OTHER_HOST" {
  about = "a link shows the name of another site than the one that it leads to",
  score = 0.5,
  group = "urls",
  when = function(mail)
    local own = mail:hit("DMARC_PASS") and author_domain(mail)
    return find(mail, function(url)
      if not url.shown_differs then return false end
      return not own or not (url.shown:lower():find(own) or (mail.dmarc.domain ~= "" and url.shown:lower():find(mail.dmarc.domain)))
    end)
  end,
  examples = {
    { hit = true, detail = "evil.example", html = "<a href='http://evil.example/'>https://www.bank.example.org/</a>" },
    {
      hit = false, hits = { "DMARC_PASS" }, header = { From = "Shop <news@shop.example>" },
      html = "<a href='https://click.mailer.example/1'>www.shop.example</a>",
    },
    {
      hit = true, header = { From = "Shop <news@shop.example>" },
      html = "<a href='https://click.mailer.example/1'>www.shop.example</a>",
    },
    { hit = false, html = "<a href='http://mail.bank.example/'>www.bank.example</a>" },
    { hit = false, html = "<a href='http://evil.example/'>your account</a>" },
  },
}

-- Nobody publishes an address in place of a name, but who changes it every day. Addresses of inner networks (RFC 1918, RFC 3927)
-- are what colleagues send each other: what begins with 10, 127, 169, 172 or 192 is left out.
rule "URL_IP_ADDRESS" {
  about = "a link leads to an IP address in place of a name",
  score = 2.0,
  group = "urls",
  url = "^https?://(?:[1-9]|1[1-9]|[2-9][0-9]|1[013-58][0-9]|12[0-689]|16[0-8]|17[013-9]|19[013-9]|2[0-9]{2})"
    .. "(?:\\.[0-9]{1,3}){3}[:/]",
  examples = {
    { hit = true, urls = { "http://198.51.100.7/login" }, detail = "http://198.51.100.7/" },
    -- The same, as a number that no reader understands.
    { hit = true, urls = { "http://3325256711/login" }, detail = "http://198.51.100.7/" },
    { hit = false, text = "http://192.168.1.1/setup and http://10.0.0.1/" },
    { hit = false, urls = { "http://198.51.100.7.example.net/" } },
  },
}

-- Before "@" stands a user name (RFC 3986, 3.2.1), and readers take it for the site.
rule "URL_USER_NAME" {
  about = "a link holds a user name, which can be mistaken for the site",
  score = 1.5,
  group = "urls",
  when = function(mail) return find(mail, function(url) return url.user:find(".") ~= nil end) end,
  examples = {
    { hit = true, urls = { "https://www.bank.example@evil.example/" }, detail = "evil.example" },
    { hit = false, urls = { "https://git@code.example/project" } },
    { hit = false, urls = { "https://a.example/@someone" } },
  },
}

rule "URL_SHORTENER" {
  about = "a link goes through a service that hides where it leads",
  score = 1.0,
  group = "urls",
  when = function(mail) return find(mail, function(url) return SHORTENERS:has(url.host) end) end,
  examples = {
    { hit = true, urls = { "https://bit.ly/3abcde" }, detail = "bit.ly" },
    { hit = false, urls = { "https://bit.ly.example.org/3abcde" } },
  },
}

rule "URL_FREE_HOSTING" {
  about = "a link leads to a page that anybody can put up without a name",
  score = 0.5,
  group = "urls",
  when = function(mail) return find(mail, function(url) return FREE_HOSTING:has(url.host) end) end,
  examples = {
    { hit = true, urls = { "https://your-bank.pages.dev/login" }, detail = "your-bank.pages.dev" },
    { hit = false, urls = { "https://pages.dev/" } },
    { hit = false, urls = { "https://www.example.org/pages.dev" } },
  },
}

-- Top-level domains that cost next to nothing in the first year.
rule "URL_CHEAP_DOMAIN" {
  about = "a link leads to a top-level domain that is mostly seen in unwanted mail",
  score = 1.0,
  group = "urls",
  url = "^https?://[^/:]*\\.(?:top|xyz|click|club|icu|buzz|cyou|cfd|sbs|rest|bond|monster|quest|cam|gq|ml|cf|tk|ga|loan|win|bid|"
    .. "stream|racing|download|review|date|trade|faith|party|science|surf|autos|boats|hair|makeup|skin|lol|beauty|mom|kim|ren|"
    .. "vip|fun|pw|su)[:/]",
  examples = {
    { hit = true, urls = { "https://offer.deals.top/1" } },
    { hit = false, urls = { "https://top.example.org/index.top/" } },
  },
}

-- "report.zip" in a text becomes a link where .zip is a top-level domain.
rule "URL_LOOKS_LIKE_FILE" {
  about = "a link leads to a site whose name looks like the name of a file",
  score = 1.0,
  group = "urls",
  url = "^https?://[^/:]*\\.(?:zip|mov)[:/]",
  examples = {
    { hit = true, urls = { "https://invoice.zip/" } },
    { hit = false, urls = { "https://www.example.org/invoice.zip" } },
  },
}

rule "URL_PROGRAM" {
  about = "a link leads to a program",
  score = 1.5,
  group = "urls",
  url = "(?i)^https?://[^?#]*/[^/?#]+\\.(?:exe|scr|pif|msi|msix|appx|vbs|vbe|wsf|hta|lnk|iso|img|bat|cmd|ps1|jar|apk)(?:$|[?#])",
  examples = {
    { hit = true, urls = { "http://a.example/files/Invoice.exe" } },
    { hit = false, urls = { "http://a.example/files/exe.html" } },
  },
}

-- Developers and devices have theirs at 8000, 8080, 8443: what begins with 8 is left out.
rule "URL_ODD_PORT" {
  about = "a link leads to a port where web sites usually are not",
  score = 0.5,
  group = "urls",
  url = "^https?://[^/:]+\\.[^/:]+:[1-79][0-9]*/",
  examples = {
    { hit = true, urls = { "http://a.example:6789/" } },
    { hit = false, text = "http://a.example:8080/ and http://localhost:5000/" },
    { hit = false, urls = { "https://a.example:443/" } },
  },
}

-- Browsers run the one and show the other as a page of their own; mail has no use for them but to get past filters.
rule "URL_SCRIPT" {
  about = "a link holds a script or a whole page in place of an address",
  score = 1.5,
  group = "urls",
  url = "(?i)^(?:javascript:[^\\s]*[(=]|vbscript:|data:[^,]*(?:html|svg|script|xml)|blob:)",
  examples = {
    { hit = true, html = "<a href='data:text/html;base64,PGI+'>open</a>" },
    { hit = true, html = "<a href='javascript:run(1)'>open</a>" },
    -- The button "close" of many newsletters.
    { hit = false, html = "<a href='javascript:;'>close</a>" },
    { hit = false, html = "<img src='data:image/png;base64,iVBO'>" },
  },
}

rule "URL_INTERNATIONAL" {
  about = "a link leads to a name with letters beyond ASCII",
  score = 0.0,
  group = "urls",
  url = "^https?://(?:[^/:]*\\.)?xn--",
  examples = {
    { hit = true, urls = { "https://www.müller.example/" } },
    { hit = false, urls = { "https://www.example.org/xn--" } },
  },
}

-- "аpple.com" with a Cyrillic first letter. Names in one script, and those with digits and dashes, are honest (RFC 5890).
rule "URL_MIXED_ALPHABETS" {
  about = "a link leads to a name that mixes letters of two alphabets which look alike",
  score = 3.0,
  group = "urls",
  when = function(mail)
    if not mail:hit("URL_INTERNATIONAL") then return false end
    return find(mail, function(url)
      local host = url.text:match("^(?:[A-Za-z]+://)?([^/?#:]+)") or ""
      for label in host:gmatch("[^.]+") do
        if label:match("[A-Za-z]") and label:match("[\\p{Cyrillic}\\p{Greek}]") then return true end
      end
      return false
    end)
  end,
  examples = {
    { hit = true, urls = { "https://www.аpple-shop.com/" } },
    { hit = false, urls = { "https://пример.com/" } },
    { hit = false, urls = { "https://www.müller.example/" } },
  },
}

-- Whether the link holds the address of one of the recipients: `text` in small letters.
local function names_recipient(mail, text)
  for i = 1, math.min(#mail.rcpts, 20) do
    local rcpt = mail.rcpts[i]:lower()
    if rcpt:find("@") and text:find(rcpt) then return true end
  end
  return false
end

-- The page greets the victim with the address already filled in. Honest links carry a code, not the address behind "#". In the
-- query and in the path it stands in honest ones too, to confirm it and to end a subscription: who does that is proven to be the
-- author, names the way to end it in the header (RFC 2369, 3.2), or leads to his own site. None of them needs free hosting for it.
rule "URL_WITH_VICTIM" {
  about = "a link carries an e-mail address to the page that it opens",
  score = 2.0,
  group = "urls",
  when = function(mail)
    local proven = mail:hit("DMARC_PASS") or mail:header("List-Unsubscribe") ~= nil
    local from = author_domain(mail)
    return find(mail, function(url)
      local text = url.path:sub(1, 2000):lower()
      if not text:find("@") and not text:find("%40") then return false end
      if text:match("#[^@\\s]*[a-z0-9._+-]+(?:@|%40)[a-z0-9-]+(?:\\.[a-z0-9-]+)+$") then return true end
      if not FREE_HOSTING:has(url.host) then
        if proven then return false end
        if from and url.domain ~= "" and (from == url.domain or from:sub(-#url.domain - 1) == "." .. url.domain) then return false end
      end
      return names_recipient(mail, (text:gsub("%40", "@")))
    end)
  end,
  examples = {
    { hit = true, urls = { "https://evil.example/login#ann@example.org" }, detail = "evil.example" },
    { hit = true, hits = { "DMARC_PASS" }, urls = { "https://evil.example/login#u=ann%40example.org" } },
    { hit = true, rcpts = { "ann@example.org", "Bob@example.org" }, urls = { "https://mail-desk.web.app/?u=bob%40example.org" } },
    { hit = true, hits = { "DMARC_PASS" }, rcpts = { "bob@example.org" }, urls = { "https://mail-desk.web.app/?u=bob@example.org" } },
    { hit = true, rcpts = { "bob@example.org" }, urls = { "https://evil.example/login/bob@example.org/" } },
    { hit = false, urls = { "https://example.org/contact#people" } },
    { hit = false, rcpts = { "bob@example.org" }, urls = { "https://evil.example/u?mail=ann@example.org" } },
    { hit = false, hits = { "DMARC_PASS" }, rcpts = { "bob@example.org" }, urls = { "https://list.example/end?mail=bob@example.org" } },
    {
      hit = false, rcpts = { "bob@example.org" }, header = { ["List-Unsubscribe"] = "<https://list.example/end>" },
      urls = { "https://list.example/end?mail=bob@example.org" },
    },
    {
      hit = false, rcpts = { "bob@example.org" }, header = { From = "Shop <shop@shop.example>" },
      urls = { "https://www.shop.example/confirm?mail=bob%40example.org" },
    },
  },
}

-- A page that sends the browser on to any address that stands in its link.
rule "URL_OPEN_REDIRECT" {
  about = "a link goes through a well-known site that only passes it on",
  score = 0.7,
  group = "urls",
  url = "(?i)^https?://(?:www\\.)?(?:google\\.[a-z.]{2,6}/(?:url|amp)|bing\\.com/ck/a|[a-z.]*youtube\\.com/redirect|"
    .. "l\\.facebook\\.com/l\\.php|googleads\\.[a-z.]*doubleclick\\.net|adclick\\.g\\.doubleclick\\.net|"
    .. "[a-z0-9.-]*awstrack\\.me/L0|[a-z.]*baidu\\.com/link)",
  examples = {
    { hit = true, urls = { "https://www.google.com/url?q=http://evil.example/" } },
    { hit = false, urls = { "https://www.google.com/search?q=url" } },
  },
}

rule "URL_CHAT" {
  about = "the message asks to go on in a chat",
  score = 0.7,
  group = "urls",
  url = "(?i)^(?:https?://(?:wa\\.me|api\\.whatsapp\\.com|chat\\.whatsapp\\.com|t\\.me|telegram\\.me)/|whatsapp:|tg:)",
  examples = {
    { hit = true, urls = { "https://wa.me/15550100" } },
    { hit = false, urls = { "https://www.whatsapp.com/legal" } },
  },
}

-- Passwords that are typed into a mail go in the clear to whoever sent it.
rule "FORM_IN_MAIL" {
  about = "the message holds a form that sends what is typed into it to a web site",
  score = 0.0,
  group = "urls",
  when = function(mail)
    for _, url in ipairs(mail.urls) do
      if url.where == "form" then return true, url.host end
    end
    return false
  end,
  examples = {
    { hit = true, detail = "evil.example", html = "<form action='https://evil.example/'><input name=p></form>" },
    { hit = false, html = "<a href='https://a.example/form'>the form</a>" },
  },
}

-- ---------------------------------------------------------------- together

-- What shows another name than it leads to is a counter of clicks, where another link leads to the author's own site.
rule "URL_HIDES" {
  about = "a link hides where it leads, or leads to where nobody has a name",
  score = 0.0,
  group = "urls",
  expression = "URL_SHORTENER or URL_FREE_HOSTING or URL_IP_ADDRESS or URL_CHEAP_DOMAIN or URL_OPEN_REDIRECT or URL_WITH_VICTIM or "
    .. "(URL_SHOWS_OTHER_HOST and not URL_LEADS_HOME)",
  examples = {
    { hit = true, hits = { "URL_SHORTENER" } },
    { hit = true, hits = { "URL_SHOWS_OTHER_HOST" } },
    { hit = false, hits = { "URL_SHOWS_OTHER_HOST", "URL_LEADS_HOME" } },
  },
}

rule "ACCOUNT_LURE_WITH_LINK" {
  about = "the message asks to confirm an account, by a link that hides where it leads",
  score = 2.5,
  group = "urls",
  expression = "(ACCOUNT_LURE or ACCOUNT_LURE_ABROAD) and URL_HIDES",
  examples = {
    { hit = true, text = "Your mailbox is full, verify your account: https://mail-desk.pages.dev/" },
    { hit = true, text = "Ihr Konto wurde gesperrt. Bestätigen Sie Ihre Daten: https://bank-sicher.icu/login" },
    { hit = false, text = "Your mailbox is full, verify your account: https://www.example.org/" },
    { hit = false, hits = { "URL_HIDES" } },
  },
}

rule "LINK_THAT_HIDES" {
  about = "the message is little more than a link, and the link hides where it leads",
  score = 1.2,
  group = "urls",
  expression = "(LITTLE_TEXT_AND_A_LINK or ONLY_AN_IMAGE) and "
    .. "(URL_SHORTENER or URL_FREE_HOSTING or URL_IP_ADDRESS or URL_CHEAP_DOMAIN)",
  examples = {
    { hit = true, text = "look https://bit.ly/3abcde" },
    { hit = false, hits = { "LITTLE_TEXT_AND_A_LINK" } },
    { hit = false, hits = { "URL_SHORTENER", "URL_FREE_HOSTING" } },
  },
}
