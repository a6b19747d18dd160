-- Unasked mail in other ways and other languages: chats, jobs, forms of web sites, shops abroad. These rules belong to the group
-- "content", see 50-content.lua.

-- phrases { "act now", "limited time" }: see 50-content.lua.
local function phrases(list)
  local all = {}
  for i, phrase in ipairs(list) do
    all[i] = phrase:gsub(" \\?", "[\\s\\x{A0}]*"):gsub(" ", "[\\s\\x{A0}]{1,4}", 1):gsub(" ", "[\\s\\x{A0}]+")
  end
  return "(?i)\\b(?:" .. table.concat(all, "|") .. ")\\b"
end

rule "CHAT_NAMED" {
  about = "the message names a chat to write to",
  score = 0.3,
  group = "content",
  body = phrases { "whats ?app", "wechat", "telegram", "line id", "google chat", "signal app" } ..
  "|واتس ?اب|تليجرام|تلجرام|微信",
  examples = {
    { hit = true, text = "WhatsApp me" },
    { hit = false, text = "what is this app" },
  },
}

-- Business is done by mail or telephone; a seller whom nobody knows wants to be out of the provider's sight. Exporters have such a
-- number below their name too, so alone it weighs little.
rule "CHAT_BY_PHONE" {
  about = "a stranger wants the answer in a chat, and names a telephone number for it",
  score = 0.7,
  group = "content",
  expression = "PHONE_NUMBER and (CHAT_NAMED or URL_CHAT) and not CONVERSATION and not PASSES_ON",
  examples = {
    { hit = true, text = "WhatsApp: +971 58 555 0100" },
    { hit = false, hits = { "PHONE_NUMBER" } },
    { hit = false, hits = { "PHONE_NUMBER", "CHAT_NAMED", "CONVERSATION" } },
  },
}

rule "CHAT_BY_PHONE_FREEMAIL" {
  about = "a stranger with a free mailbox, or without an address, wants the answer in a chat",
  score = 1.2,
  group = "advance_fee_sender",
  expression = "CHAT_BY_PHONE and (FROM_FREEMAIL or REPLY_TO_FREEMAIL or TO_UNDISCLOSED or FROM_UNCLEAR or SUBJECT_PHONE or PHARMACY "
    .. "or ONLINE_DRUGS)",
  examples = {
    { hit = true, hits = { "CHAT_BY_PHONE", "FROM_FREEMAIL" } },
    { hit = false, hits = { "CHAT_BY_PHONE" } },
    { hit = false, hits = { "FROM_FREEMAIL" } },
  },
}

rule "JOB_BY_CHAT" {
  about = "a stranger promises money for little work, and wants the answer in a chat",
  score = 1.5,
  group = "content",
  expression = "(EASY_MONEY or WORK_AT_HOME or JOB_BLAST) and (CHAT_BY_PHONE or URL_CHAT) and not CONVERSATION and not PASSES_ON",
  examples = {
    { hit = true, text = "A part-time job on your phone: earn $300 per day. WhatsApp: +44 7700 900123" },
    { hit = false, hits = { "EASY_MONEY" } },
    { hit = false, hits = { "URL_CHAT", "CHAT_BY_PHONE" } },
  },
}

rule "DATING_BY_FREEMAIL" {
  about = "a stranger with a free mailbox seeks a friend or a marriage",
  score = 1.2,
  group = "content",
  expression = "DATING and FROM_FREEMAIL and not CONVERSATION and not PASSES_ON",
  examples = {
    { hit = true, hits = { "DATING", "FROM_FREEMAIL" } },
    { hit = false, hits = { "DATING" } },
    { hit = false, hits = { "DATING", "FROM_FREEMAIL", "CONVERSATION" } },
  },
}

rule "SEO_BY_FREEMAIL" {
  about = "a better place in search engines is offered from a free mailbox",
  score = 2.5,
  group = "content",
  expression = "SEO_OFFER and (FROM_FREEMAIL or REPLY_TO_FREEMAIL) and not CONVERSATION and not PASSES_ON",
  examples = {
    { hit = true, hits = { "SEO_OFFER", "FROM_FREEMAIL" } },
    { hit = false, hits = { "SEO_OFFER" } },
    { hit = false, hits = { "SEO_OFFER", "FROM_FREEMAIL", "CONVERSATION" } },
  },
}

-- Their providers forbid it, and shops have addresses of their own. One of the words alone may stand in anybody's letter.
rule "FREEMAIL_ADVERTISES" {
  about = "the message is advertising, and comes from a free mailbox",
  score = 1.0,
  group = "content",
  when = function(mail)
    if not mail:hit("FROM_FREEMAIL") or mail:hit("CONVERSATION") or mail:hit("PASSES_ON") then return false end
    local signs = 0
    for _, name in ipairs {
      "REMOVAL_OFFERED", "REMOVE_ME", "REMOVAL_BY_HAND", "ORDER_NOW", "CLICK_HERE", "PRICE_PRAISED", "FREE_THINGS", "TOLL_FREE",
      "SUBJECT_ADVERTISES", "HTML_ADVERTISEMENT", "SUBJECT_TAIL", "MORTGAGE", "WORK_AT_HOME", "CUSTOMERS_FOR_SALE",
    } do
      if mail:hit(name) then signs = signs + 1 end
    end
    return signs > 0 and math.min(signs, 3) * 0.5 + 0.5, signs .. " signs"
  end,
  examples = {
    { hit = true, hits = { "FROM_FREEMAIL", "REMOVAL_OFFERED", "ORDER_NOW" }, detail = "2 signs", score = 1.5 },
    { hit = false, hits = { "FROM_FREEMAIL" } },
    { hit = false, hits = { "FROM_FREEMAIL", "CLICK_HERE", "CONVERSATION" } },
    { hit = false, hits = { "REMOVAL_OFFERED", "ORDER_NOW" } },
  },
}

-- A letter of a few lines that asks whether it may tell more: the first of a longer fraud.
rule "PROPOSAL" {
  about = "a stranger with a free mailbox hints at money or business, and wants an answer before saying more",
  score = 1.5,
  group = "advance_fee_sender",
  expression = "(FEE_TRUST or FEE_FUNDS or FEE_SUM or FEE_DEATH) and (FEE_CONTACT or FEE_GREETING) and "
    .. "(FROM_FREEMAIL or REPLY_TO_FREEMAIL or REPLY_TO_SECOND_MAILBOX) and not CONVERSATION",
  examples = {
    { hit = true, hits = { "FEE_TRUST", "FEE_CONTACT", "FROM_FREEMAIL" } },
    { hit = false, hits = { "FEE_TRUST", "FEE_CONTACT" } },
    { hit = false, hits = { "FEE_TRUST", "FEE_CONTACT", "FROM_FREEMAIL", "CONVERSATION" } },
  },
}

-- Scripts that mail what a visitor types into a web site are used to send to others.
rule "FORM_SCRIPT_ABUSED" {
  about = "the message was sent through the contact form of a web site, and advertises",
  score = 1.2,
  group = "content",
  when = function(mail)
    if not (mail:hit("CLICK_HERE") or mail:hit("PRICE_PRAISED") or mail:hit("FREE_THINGS") or mail:hit("REMOVAL_OFFERED")) then
      return false
    end
    return mail.text:sub(1, 2000):match(
      "(?i)(?:below is the result of your feedback form|it was submitted by|submitted (?:via|through) (?:your|the) (?:web )?form)"
    ) ~= nil
  end,
  examples = {
    { hit = true, text = "Below is the result of your feedback form. Click here to copy films." },
    { hit = false, text = "Below is the result of your feedback form. When are you open?" },
    { hit = false, text = "Click here to copy films." },
  },
}

rule "JOB_BLAST" {
  about = "the message offers a post to whoever reads it",
  score = 1.0,
  group = "content",
  body = phrases {
    "(?:send|share|forward) (?:me |us |across )?(?:your |the )?(?:updated )?(?:resumes?|profiles?|cv)",
    "(?:direct )?client requirements?", "job title:", "hot ?list", "h1b",
    "(?:urgent|immediate) (?:requirement|hiring|need|opening)s?",
    "(?:shipping|payment|financial) (?:agent|manager|processor|representative)s? (?:position|needed|wanted|vacanc)\\w*",
    "mystery shoppers?", "(?:car|vehicle) wrap", "personal assistant (?:position|job|needed)", "lowongan kerja",
    "vacanc(?:y|ies) (?:at|in|for)",
  },
  examples = {
    { hit = true, text = "Please send me your updated resume" },
    { hit = false, text = "We have hired her." },
  },
}

-- The same goods in other languages. Words that sell, not words of the trade.
rule "OFFERS_ABROAD" {
  about = "the message advertises in the words of sellers, in a language other than English",
  score = 1.2,
  group = "content",
  body = phrases {
    "kredit(?:e)? ohne (?:schufa|bank)\\w*", "sex(?:kontakt|abenteuer|treff)\\w*", "seitensprung\\w*", "geld verdienen",
    "gratis ?bonus", "potenzmittel", "schneller kredit",
    "para kazan\\w*", "hemen t[ıi]kla\\w*", "bahis siteleri", "gan[ea]r? dinero", "trabaj[ae] desde (?:su |tu )?casa",
    "pr[eé]stamos? (?:de|r[aá]pido|personal)",
    "pr[eê]t (?:entre particulier|d'argent|rapide)\\w*", "gagne[rz] (?:de l.argent|\\S+ (?:euros|€))",
    "offre de pr[eê]t", "guadagna\\w* (?:soldi|da casa|online)",
    "prestit[oi] (?:personal|tra|rapid)\\w*",
    "ganhe dinheiro", "trabalhe em casa", "empr[eé]stimo (?:r[aá]pido|pessoal|online)", "obat (?:kuat|pembesar|bius|perangsang)",
    "bandar ?(?:q|bola|togel)", "agen (?:judi|bola|togel|poker)", "hubungi (?:wa|via)", "pinjaman uang",
  } .. "|代开|廣告信|在家(?:工作|創業|赚钱|賺錢)|網路(?:兼職|創業|行銷)|創業(?:光碟|機會)|連鎖加盟|工商名錄|营销(?:系统|软件|工具)"
    .. "|群发|开发客户|客户开发|免费试用|搜索客户|出会い|無料(?:登録|体験|で)|副業|当選"
    .. "|заработ(?:ок|ай)|рассылк[аи] по|казино|кредит без|(?:شراء|اشتر[يى]?|للبيع)[^\\n]{0,60}(?:عبر الإنترنت|واتس)|카지노|대출 상담",
  examples = {
    { hit = true, text = "Kredit ohne Schufa" },
    { hit = true, text = "代开发票" },
    { hit = false, text = "Der Kredit der Bank wird im Vertrag genannt. Jetzt bestellen: unsere Gartenmöbel" },
  },
}
