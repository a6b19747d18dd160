local shared = { ["127.0.0.9"] = { "ODD", 1 } }
list "ZEN" {
  zone = "zen.example.org", of = "client",
  answers = {
    ["127.0.0.2"] = { "SBL", 4.0 },
    ["127.0.0.4-7"] = {
      "XBL", action = "reject",
      stage = "rcpt",
    },
  },
  errors = { "127.0.0.1",
    "127.0.0.255" },
}
list("OTHER")({ zone = "other.example.org", of = "url", answers = shared })
enable "ZEN" {
  zone = "key.zen.example.org",
}
enable "OTHER"
