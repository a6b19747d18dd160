rule "LOOP" { about = "x", stage = "connect", when = function() while true do end end }
rule "MEMORY" { about = "x", stage = "helo", when = function() return #("x"):rep(1e9) end }
rule "ACT" { about = "x", stage = "rcpt", action = "defer", reply = "451 4.7.1 no", when = function(mail) return mail:hit("LOOP") or mail.rcpts[1] ~= nil end }
disable "MEMORY"
