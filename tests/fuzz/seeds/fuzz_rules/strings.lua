local words = { "a", "b" }
rule "TEXT" {
  about = "x", score = 1.5, group = "g", mode = "shadow",
  when = function(mail)
    local t = mail.subject:gsub("(h)(e)", "%2%1"):lower()
    for w in t:gmatch("\\w+") do if w:find("h", 1, true) then words[3] = w:rep(3, "-") end end
    local first, all = mail:header("X")
    return #all * 0.5, table.concat(mail.rcpts, ",") .. (first or "")
  end,
  examples = { { hit = true, message = "X: 1\n\nb" }, { hit = true, header = { X = { "a", "b" } }, size = 3, score = 1.5 } },
}
group("g", { max = 2 })
score "TEXT" (2)
