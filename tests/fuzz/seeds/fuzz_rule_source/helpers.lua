local function weight(mail, early)
  if early then return mail.helo end
  return mail.dmarc.result == "pass" and 0.2 or 1
end
local function any(list, test)
  for _, each in ipairs(list) do if test(each) then return true end end
end
rule "A" {
  about = "text", stage = "mail",
  when = function(mail)
    local spf <const> = mail.spf
    return weight(mail, true), any(mail.urls, function(u) return u.host:match("(?i)x") end) or spf.result
  end,
  examples = { { hit = true }, { hit = false } },
}
rule("B")({ when = weight, ["score"] = 1 })
