-- Which domains have signed this message, and do their signatures hold? (DKIM, RFC 6376, 8301, 8463)
--
-- A signature proves who had the message in his hands, not that he means well; and a broken one proves nothing. So these scores
-- are small, and what counts is in 10-authentication.lua: whether one of the signers is the author's domain (DMARC).

-- RFC 6376, 3.6.1: a domain that is only testing (t=y) has its broken signatures overlooked.
-- RFC 6376, 6.1: one good signature is enough, whatever becomes of the others; so these look at messages that have none.
local function without_pass(mail, result)
  local found
  for _, signature in ipairs(mail.dkim) do
    if signature.result == "pass" then return nil end
    if signature.result == result and not signature.testing then found = found or signature end
  end
  return found
end

local function passing(mail, partial)
  for _, signature in ipairs(mail.dkim) do
    if signature.result == "pass" and signature.partial == partial then return signature end
  end
end

local function details(signature)
  if signature.reason == "" then return signature.domain end
  return signature.domain .. ": " .. signature.reason
end

-- Weighs nothing: everybody can sign, a spammer too.
rule "DKIM_PASS" {
  about = "a domain has signed the whole message, and the signature holds",
  score = 0.0,
  group = "authentication",
  when = function(mail)
    local signature = passing(mail, false)
    return signature ~= nil, signature and signature.domain
  end,
  examples = {
    { hit = true, dkim = { { result = "pass", domain = "example.net" } }, detail = "example.net" },
    { hit = true, dkim = { { result = "fail", domain = "a.example" }, { result = "pass", domain = "b.example" } },
      detail = "b.example" },
    { hit = false, dkim = { { result = "pass", domain = "example.net", partial = true } } },
    { hit = false, dkim = { { result = "fail" } } },
    { hit = false },
  },
}

-- Mailing lists break signatures by a line below the text. Where DMARC passes without it, or a trusted forwarder explains it,
-- a broken signature says nothing more; and a forged author is the business of DMARC anyway.
rule "DKIM_FAIL" {
  about = "the message was signed, and it is not any more what was signed",
  score = 0.5,
  group = "authentication",
  when = function(mail)
    if mail.dmarc.result == "pass" or mail.dmarc.override then return false end
    local signature = without_pass(mail, "fail")
    return signature ~= nil, signature and details(signature)
  end,
  examples = {
    { hit = true, dkim = { { result = "fail", domain = "example.net", reason = "body changed" } },
      detail = "example.net: body changed", score = 0.5 },
    { hit = true, dkim = { { result = "permerror" }, { result = "fail", domain = "example.net" } }, detail = "example.net" },
    { hit = true, dkim = { { result = "fail" } }, dmarc = { result = "fail" } },
    { hit = false, dkim = { { result = "fail" } }, dmarc = { result = "pass", aligned = { "spf" } } },
    { hit = false, dkim = { { result = "fail" } }, dmarc = { result = "fail", override = "lists.example.org" } },
    { hit = false, dkim = { { result = "fail" }, { result = "pass" } } },
    { hit = false, dkim = { { result = "fail", testing = true } } },
    { hit = false, dkim = { { result = "temperror" } } },
    { hit = false },
  },
}

-- rsa-sha1, or an RSA key of less than 1024 bits (RFC 8301): anybody with some patience can forge these.
rule "DKIM_POLICY" {
  about = "the message was signed in a way that is too weak to prove anything",
  score = 0.3,
  group = "authentication",
  when = function(mail)
    local signature = without_pass(mail, "policy")
    return signature ~= nil, signature and details(signature)
  end,
  examples = {
    { hit = true, dkim = { { result = "policy", domain = "example.net", algorithm = "rsa-sha1", reason = "rsa-sha1" } },
      detail = "example.net: rsa-sha1", score = 0.3 },
    { hit = false, dkim = { { result = "policy" }, { result = "pass" } } },
    { hit = false, dkim = { { result = "fail" } } },
    { hit = false },
  },
}

rule "DKIM_PERMERROR" {
  about = "the message was signed, and its signer has published no key that could prove it",
  score = 0.3,
  group = "authentication",
  when = function(mail)
    local signature = without_pass(mail, "permerror")
    return signature ~= nil, signature and details(signature)
  end,
  examples = {
    { hit = true, dkim = { { result = "permerror", domain = "example.net", reason = "no key" } },
      detail = "example.net: no key", score = 0.3 },
    { hit = false, dkim = { { result = "permerror" }, { result = "pass" } } },
    { hit = false, dkim = { { result = "temperror" } } },
    { hit = false },
  },
}

-- Our DNS had trouble, or theirs: nobody is blamed for that.
rule "DKIM_TEMPERROR" {
  about = "the message was signed, and its signer could not be asked for the key",
  score = 0.0,
  group = "authentication",
  when = function(mail)
    local signature = without_pass(mail, "temperror")
    return signature ~= nil, signature and details(signature)
  end,
  examples = {
    { hit = true, dkim = { { result = "temperror", domain = "example.net" } }, detail = "example.net", score = 0.0 },
    { hit = false, dkim = { { result = "temperror" }, { result = "pass" } } },
    { hit = false, dkim = { { result = "permerror" } } },
  },
}

-- l= in a signature (RFC 6376, 8.2): whoever had the message in his hands could write more below it. It counts nothing for
-- DMARC, and it is what a forger looks for.
rule "DKIM_PARTIAL" {
  about = "only the beginning of the message is signed, and somebody may have added the rest",
  score = 0.5,
  group = "authentication",
  when = function(mail)
    local signature = passing(mail, true)
    if not signature or passing(mail, false) then return false end
    return true, signature.domain
  end,
  examples = {
    { hit = true, dkim = { { result = "pass", domain = "example.net", partial = true } }, detail = "example.net", score = 0.5 },
    { hit = false, dkim = { { result = "pass", partial = true }, { result = "pass" } } },
    { hit = false, dkim = { { result = "fail", partial = true } } },
    { hit = false, dkim = { { result = "pass" } } },
  },
}
