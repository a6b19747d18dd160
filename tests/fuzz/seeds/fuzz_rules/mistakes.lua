rule "a" { scoer = 1, body = "x" }
score "B"
group("h", {})
rule "A"