-- What does the subject want? It is written to be opened, and spam has to shout there. Tricks belong to the group "headers",
-- see 40-headers.lua; what a shop's own news say too to "advertising", see 52-advertising.lua.

local function address(value)
  if not value then return nil end
  local found = value:match("<([^<>\\s]+@[^<>\\s]+)>") or value:match("[^\\s<>\"(),:;]+@[^\\s<>\"(),:;]+")
  return found and found:lower()
end

-- "Friend jsmith, enter our shop": a list of addresses is all that the writer has. People are not called by their mailbox; where
-- they are ("anna"), others who know them write so too, hence at least five letters, and not an answer.
rule "SUBJECT_NAMES_MAILBOX" {
  about = "the subject calls the reader by the first half of the mail address",
  score = 2.0,
  group = "headers",
  when = function(mail)
    local to = address(mail:header("To"))
    local box = to and to:match("^([a-z0-9._]{5,})@")
    if not box or mail:header("In-Reply-To") or mail:header("References") then return false end
    -- "Vacancies for students" goes to students@ by right.
    if box:match("^(?:info|support|help ?desk|service|students?|staff|teams?|members?|colleagues|editors?|customers?|friends|users?"
      .. "|teachers?|parents|partners?|office|sales|orders?|billing|press|board|everyone|security|abuse|news|jobs|careers?|events?)$") then
      return false
    end
    -- Lists put their name in brackets before the subject, and are named by their topic.
    local subject = mail.subject:gsub("(?i)^\\s*(?:(?:\\[[^\\]]*\\]|(?:re|fwd?|aw|wg):)\\s*)+", "")
    local at, last = subject:lower():find(box)
    if not at then return false end
    local function open(place) return not subject:sub(place, place):match("[A-Za-z0-9@._/:-]") end
    -- A list or a party that is called so too writes about itself.
    local from = address(mail:header("From")) or ""
    if (from:match("@(.*)$") or ""):find(box) then return false end
    return (at == 1 or open(at - 1)) and (last == #subject or open(last + 1)), box
  end,
  examples = {
    { hit = true, subject = "Hello jsmith, 80% off", header = { To = "jsmith@example.org", Subject = "Hello jsmith, 80% off" } },
    { hit = false, header = { To = "jsmith@example.org", Subject = "Hello John" } },
    { hit = false, header = { To = "users@example.org", Subject = "Re: [users] spam" } },
    { hit = false, header = { To = "info@example.org", Subject = "info about the lift" } },
    { hit = false, header = { To = "students@example.org", Subject = "Vacancies for students in December" } },
    { hit = false, header = { To = "lists@example.org", Subject = "lists.example.org is down" } },
  },
}

rule "SUBJECT_PERCENT" {
  about = "the subject promises a share or a rebate in per cent",
  score = 1.5,
  group = "advertising",
  header = { "Subject", "(?i)\\b[0-9]{1,3}(?:\\.[0-9]+)?\\s?(?:%|percent\\b)" },
  examples = {
    { hit = true, subject = "Get 80% off today" },
    { hit = false, subject = "RFC 5322, page 80" },
  },
}

rule "SUBJECT_MONEY" {
  about = "the subject names a sum of money",
  score = 1.0,
  group = "advertising",
  header = { "Subject", "(?:[$€£]\\s?[0-9]|[0-9]\\s?[$€£]|(?i)\\bUSD\\s?[0-9]|\\bmillion\\s+(?:us\\s+)?dollars)" },
  examples = {
    { hit = true, subject = "You have $1,500 waiting" },
    { hit = false, subject = "The price of one licence" },
  },
}

rule "SUBJECT_EXCLAIMS" {
  about = "the subject ends with an exclamation mark",
  score = 0.5,
  group = "advertising",
  header = { "Subject", "!\\s*$" },
  examples = {
    { hit = true, subject = "Order today!" },
    { hit = false, subject = "Hello! How are you" },
  },
}

rule "SUBJECT_EXCLAIMS_OFTEN" {
  about = "the subject holds several exclamation marks",
  score = 1.0,
  group = "advertising",
  header = { "Subject", "![^!]{0,60}!|[$*]{3,}|\\?!|!\\?" },
  examples = {
    { hit = true, subject = "Order today!!" },
    { hit = true, subject = "Hurry! Only today!" },
    { hit = false, subject = "Order today!" },
  },
}

-- A code behind many blanks, so that each copy differs and the reader does not see why.
rule "SUBJECT_TAIL" {
  about = "the subject ends with letters and digits by chance, so that each copy differs",
  score = 1.5,
  group = "headers",
  when = function(mail)
    local subject = mail.subject
    if subject:match("\\S[ \\t]{6,}[\\[({#]?[0-9A-Za-z][0-9A-Za-z.-]{2,20}[\\])}]?\\s*$|[^0-9\\s](?:[a-z][0-9]){2,6}\\s*$"
      .. "|\\s[\\[(]?[bcdfghjklmnpqrstvwxz]{5,9}[\\])]?\\s*$") then
      return true
    end
    local tail = subject:match("\\s([0-9A-Za-z]{14,40})\\s*$")
    return tail ~= nil and tail:match("[0-9]") and tail:match("[a-z]") and tail:match("[A-Z].*[A-Z]") and true
  end,
  examples = {
    { hit = true, subject = "Lower your payments            xk2sq" },
    { hit = true, subject = "Copy any film.f4y3" },
    { hit = true, subject = "Too many bills? [qzmpq]" },
    { hit = true, subject = "nice photo YOHvTp2KSxRjQIzJXdHx" },
    { hit = false, subject = "Your parcel 1Z999AA10123456784" },
    { hit = false, subject = "Lower your payments" },
  },
}

rule "SUBJECT_ADVERTISES" {
  about = "the subject is in the words of advertising",
  score = 1.0,
  group = "advertising",
  header = {
    "Subject",
    "(?i)\\b(?:free (?:trial|gift|shipping|sample|quote|report|access|offer|money|cash|membership)|for free|save (?:up to|big|"
      .. "on|money)|"
      .. "(?:special|limited|exclusive|best|great|hot|unbeatable) (?:offer|deal|price|sale|discount)s?|limited time|act now|"
      .. "order now|"
      .. "buy now|discount(?:s|ed)?|lowest (?:price|rate)s?|low (?:price|rate|cost|interest)s?|best prices?|on sale|sale time|"
      .. "cheap(?:est)?|"
      .. "guaranteed?|earn (?:money|cash|big|extra|up to)|make (?:money|cash|\\$)|extra (?:cash|income|money)|"
      .. "(?:be|get|become) (?:rich|your own boss|debt free|out of debt)|no (?:cost|risk|prescription|credit check)|risk[- ]free|"
      .. "approved|you(?:'ve| have)? (?:won|been (?:selected|chosen|approved))|congratulations|winner|prize|lottery|"
      .. "work (?:from|at) home|home[- ]based|lose (?:weight|\\d)|weight ?loss|increase your|double your|"
      .. "(?:your|my) (?:wife|girlfriend|lover|woman|girl)|in bed|bigger|replica|rolex|luxury|watches|pills?|pharmacy|meds|"
      .. "diploma|degree online|mortgage|refinanc\\w+|consolidat\\w+|debts?|loans?|credit (?:card|report|score|repair)s?|casino|"
      .. "sexy?|girls|singles|xxx|hardcore|toner|ink cartridges?|inkjet|satellite tv)\\b",
  },
  examples = {
    { hit = true, subject = "Order now and save big" },
    { hit = true, subject = "Lowest Mortgage Rates" },
    { hit = false, subject = "Minutes of Monday" },
  },
}

-- Nobody who has something to say says only that.
rule "SUBJECT_ONLY_GREETS" {
  about = "the subject is a greeting and nothing else",
  score = 1.0,
  group = "headers",
  header = {
    "Subject",
    "(?i)^\\s*(?:hi|hello|hey|greetings?|good (?:day|morning|evening)|dear(?:est)?(?: (?:friend|one|sir|beloved|customer|"
      .. "beneficiary))?|"
      .. "my dear(?:est)?(?: friend)?|hello (?:dear|friend|there|my (?:dear|friend))|attn|attention|salam|bonjour|hallo|urgent|"
      .. "(?:very )?important(?: message)?|from (?:mr|mrs|ms|miss|dr)\\.?\\s.{1,30}|reply|answer me|assistance|help|"
      .. "contact me|read this|"
      .. "good news|for you|question|your attention)[\\s!.,:;?]*$",
  },
  examples = {
    { hit = true, subject = "Hello Dear!" },
    { hit = true, subject = "Greetings" },
    { hit = false, subject = "Hello from the office: minutes" },
  },
}

-- A thousand subjects for one letter: the last words are there to differ.
rule "SUBJECT_YOURS" {
  about = "the subject speaks of what is the reader's own: an old way to be opened",
  score = 0.4,
  group = "advertising",
  when = function(mail)
    if mail:header("In-Reply-To") or mail:header("References") then return false end
    return mail.subject:match("(?i)\\b(?:you|your|yourself|you're|you'll|ur)\\b") ~= nil
  end,
  examples = {
    { hit = true, subject = "What your bank does not tell" },
    { hit = false, subject = "Re: your mail", header = { References = "<1@example.net>" } },
    { hit = false, subject = "Minutes" },
  },
}

-- "V1AGRA", "L0se we1ght": digits in the middle of words, and signs in place of letters.
rule "SUBJECT_DIGITS_FOR_LETTERS" {
  about = "words of the subject are written with digits or signs in place of letters, to get past filters",
  score = 2.0,
  group = "content",
  header = {
    "Subject",
    "(?i)\\b(?:v[1l!|][a@4][gq]r[a@4q]|v[i1l!|][@4q][gq]r[a@4q]|v[i1l!|][a@4]qr[a@4q]|via[gq]r[@4q]|c[1l!|]al[i1!|][s5]|"
      .. "cia[1!|][i1!|]?s|l[0]se ?we[i1]ght|w[e3][1]ght|we[i1]ghtl[0]ss|p[3]n[i1!|]s|pen[1!|]s|r[0]lex|repl[1!|]ca|"
      .. "m[0]rtg[a@4]ge|mortg[@4]ge|"
      .. "fr[3]e|fr\\*e|s[3]x|c@sh|l0an|dep0t|pha?rm[@4]cy|w[@4]tch(?:es)?)\\b"
      .. "|\\b[A-Za-z](?:[-_.*~^'`|][A-Za-z]){4,}\\b",
  },
  examples = {
    { hit = true, subject = "Cheap V1agra" },
    { hit = true, subject = "M-o-r-t-g-a-g-e rates" },
    { hit = false, subject = "Viagra in the news, and a U.S.A. map" },
  },
}

-- Two words or more run together, each with a capital: "GetFirmer LongerLasting". Names of programs are single.
rule "SUBJECT_WORDS_JOINED" {
  about = "words of the subject are run together, to get past filters",
  score = 1.0,
  group = "headers",
  header = {
    "Subject",
    "(?:\\b[A-Z][a-z]{2,}[A-Z][a-z]{3,}\\b.{0,40}){2}|(?i:\\b(?:buy|cheap|online|best|original|trusted|super|real)"
      .. "(?:viagra|cialis|pills?|meds|pharmacy|rolex|watches|replica)\\b)",
  },
  examples = {
    { hit = true, subject = "GetFirmer and LongerLasting" },
    { hit = false, subject = "LibreOffice 7.4 is out" },
  },
}

-- Laws of several countries want advertising marked so. Who marks it and sends it unasked says what it is.
rule "SUBJECT_MARKED_ADVERTISING" {
  about = "the subject says itself that the message is advertising",
  score = 2.5,
  group = "headers",
  header = {
    "Subject",
    "^\\s*(?:\\[[^\\]]{1,20}\\]\\s*)?(?i:\\W?adv(?:ert(?:isement)?)?\\b\\W{0,3}(?:adult\\b)?|<?\\(?advertisement\\)?>?:)"
      .. "|未承諾広告|[(\\[{<(]\\s?(?:광\\s?고|廣告|广告|広告)\\s?[)\\]}>)]",
  },
  examples = {
    { hit = true, subject = "ADV: Oil and gas" },
    { hit = true, subject = "(광고) 대출" },
    { hit = false, subject = "Advice on the new printer" },
  },
}

-- Nobody is called by his telephone number, and subjects are read before the filter of numbers in the text.
rule "SUBJECT_PHONE" {
  about = "the subject holds a telephone number to call",
  score = 1.5,
  group = "headers",
  header = { "Subject", "(?:\\+|\\b00)[1-9][0-9]{0,2}[-\\s().]{0,3}(?:[0-9][-\\s().]{0,2}){8,12}|(?i)\\bwhats ?app\\b|واتس ?اب" },
  examples = {
    { hit = true, subject = "Pills +971 58 555 0100 in town" },
    { hit = false, subject = "2000 people on 100 islands" },
  },
}

rule "SUBJECT_PIRATED" {
  about = "the subject offers copied software or films",
  score = 2.0,
  group = "headers",
  header = {
    "Subject",
    "(?i)\\b(?:torrents?|crack(?:ed|l)?|keygen|warez|hack ?tool|(?:activation|serial|licen[cs]e|product) (?:key|code|"
      .. "number)s?|full ?version|"
      .. "full ?movies?|free ?download|dvd ?rip|blu-?ray|(?:720|1080)p|subtitles? english|english subtitles?|watch online|"
      .. "hacktooldownload)\\b|hacktool",
  },
  examples = {
    { hit = true, subject = "Office 2021 Torrent" },
    { hit = false, subject = "A new download server" },
  },
}

-- ---------------------------------------------------------------- who says that he writes

rule "FROM_ADVERTISES" {
  about = "the sender's name is an advertisement",
  score = 1.5,
  group = "advertising",
  header = {
    "From",
    "(?i)^[^<@]*\\b(?:(?:online|internet|super|best|cheap|discount|e)[- ]?(?:shop|store|pharmacy|drugstore)|e?drugstore|meds|"
      .. "pills?|viagra\\w*|cialis|\\w*viagra|pfizer|remedies|watch(?:es)? dealer|replicas?|rolex|purses|handbags|"
      .. "(?:impressive|luxury|swiss|designer) watches|(?:great|special|best|hot|super|free) (?:deals?|offers?)|discounts|"
      .. "promo(?:tions?)?|for sale|sales? (?:time|dep\\w*)|savings|bargains?|casino|winner|prizes?|rewards?|loans?|mortgages?|"
      .. "refinanc\\w+|lenders?|credit[ .]?(?:advisor|repair)|debts?|insurance quotes?|diplomas?|degrees?|weight ?loss|slim|"
      .. "anti-?ed|enhance\\w*|singles|dating|brides|sexy|hot (?:girls?|singles|women)|adult|xxx|cash|income|opportunit(?:y|ies)|"
      .. "stock (?:alert|pick)s?|e-?mail ?marketing|seo|web ?design|cable filter|satellite tv|vacations?|barrister|beneficiary|"
      .. "compensation|western union|money ?gram|atm card|mrs?\\.? [a-z]+ [a-z]+)\\b[^<]*<",
  },
  examples = {
    { hit = true, header = { From = "Super Online Shop <x@example.net>" } },
    { hit = true, header = { From = "Watch Dealer <x@example.net>" } },
    { hit = false, header = { From = "Ann Hill <shop@example.net>" } },
    { hit = false, header = { From = "River Credit Union <service@example.net>" } },
    { hit = false, header = { From = "The Cable Store <orders@shop.example>" } },
    { hit = false, header = { From = "Blue Ink Publishing <orders@shop.example>" } },
    { hit = false, header = { From = "orders@shop.example" } },
  },
}

-- Mailboxes are opened by the thousand, and a number makes each of them free. Many people have one too.
rule "FROM_NUMBERED" {
  about = "the sender's address ends with a number, as addresses do that are made by machines",
  score = 0.4,
  group = "headers",
  header = { "From", "[a-zA-Z._-][0-9]{2,}[a-z]{0,4}@[^@<>]+>?\\s*$" },
  examples = {
    { hit = true, header = { From = "Ann <annhill4711@example.net>" } },
    { hit = false, header = { From = "Ann <ann@example.net>" } },
  },
}
