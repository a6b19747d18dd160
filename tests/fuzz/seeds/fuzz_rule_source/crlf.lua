rule "A" {
  when = function(m) return m:hit("B") or map("f", "domain"):has(m.helo) or m.subject:gsub("(", "") end
}