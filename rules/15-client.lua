-- How does the sending server introduce itself? What it says in HELO is checked against our own names and the DNS, its address
-- against its reverse name. None of this is proof: small sites, printers and offices behind a shared address do the same by
-- mistake, and RFC 5321, 4.1.4 forbids to refuse mail only because HELO and address do not fit. So each weighs little, and all
-- rules here together add at most what the next line says, which is less than the threshold to mark. Whether the reverse name is
-- confirmed is weighed in 10-authentication.lua (NO_REVERSE_NAME).

group("client", { max = 5 })

-- Machines in inner networks (RFC 1918, RFC 4193, loopback and link-local) cannot have public names: whoever lets them send
-- through this port knows them.
local function inside(mail)
  local ip = mail.client.ip
  return ip:match("^(?:10|127|169\\.254|192\\.168|172\\.(?:1[6-9]|2[0-9]|3[01]))\\.") ~= nil
    or ip:match("^(?:::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)") ~= nil
end

-- ---------------------------------------------------------------- before HELO

-- RFC 5321, 4.3.1: a client waits for the greeting. Programs that only send do not look at what they are told. It shows where
-- the greeting takes its time: [smtp] greet_delay in postern.toml.
rule "EARLY_TALKER" {
  about = "the sending server talked before it was greeted (RFC 5321, 4.3.1)",
  score = 2.5,
  group = "client",
  when = function(mail) return mail.client.early, mail.client.ip end,
  examples = {
    { hit = true, client = { ip = "198.51.100.7", early = true }, detail = "198.51.100.7", score = 2.5 },
    { hit = false, client = { ip = "198.51.100.7" } },
  },
}

-- ---------------------------------------------------------------- HELO: names that are ours

-- Nobody else has a right to our name or our address. A machine in an inner network may be us.
rule "HELO_OWN_NAME" {
  about = "the sending server introduced itself with the name or the address of this one",
  score = 3.5,
  group = "client",
  when = function(mail) return mail.helo_is.own and not inside(mail), mail.helo end,
  examples = {
    { hit = true, helo = "mx.example.org", helo_is = { own = true, qualified = true }, detail = "mx.example.org", score = 3.5 },
    { hit = true, helo = "[203.0.113.1]", helo_is = { own = true, literal = true, matches = false } },
    -- A program on this machine.
    { hit = false, helo = "mx.example.org", helo_is = { own = true, qualified = true }, client = { ip = "127.0.0.1" } },
    { hit = false, helo = "mx.example.org", helo_is = { own = true, qualified = true }, client = { ip = "fd00::25" } },
    { hit = false, helo = "mx.example.net", helo_is = { qualified = true } },
  },
}

-- ---------------------------------------------------------------- HELO: addresses

-- RFC 5321, 4.1.3 and 4.1.4: allowed where a client has no name. Mail servers have one.
rule "HELO_LITERAL" {
  about = "the sending server introduced itself with its address, and not with a name",
  score = 0.5,
  group = "client",
  when = function(mail)
    local is = mail.helo_is
    return is.literal and not is.own and is.matches ~= false and mail.helo:sub(1, 1) == "[" and not inside(mail), mail.helo
  end,
  examples = {
    { hit = true, helo = "[192.0.2.1]", helo_is = { literal = true, matches = true }, detail = "[192.0.2.1]", score = 0.5 },
    { hit = true, helo = "[IPv6:2001:db8::1]", helo_is = { literal = true, matches = true }, client = { ip = "2001:db8::1" } },
    { hit = false, helo = "192.0.2.1", helo_is = { literal = true, matches = true } },
    { hit = false, helo = "[198.51.100.7]", helo_is = { literal = true, matches = false } },
    { hit = false, helo = "[10.0.0.9]", helo_is = { literal = true, matches = true }, client = { ip = "10.0.0.9" } },
    { hit = false },
  },
}

-- The form is wrong as well: RFC 5321, 4.1.3 wants brackets.
rule "HELO_BARE_ADDRESS" {
  about = "the sending server introduced itself with a bare address, which RFC 5321, 4.1.3 does not know",
  score = 1.5,
  group = "client",
  when = function(mail)
    return mail.helo_is.literal and mail.helo:sub(1, 1) ~= "[" and not inside(mail), mail.helo
  end,
  examples = {
    { hit = true, helo = "192.0.2.1", helo_is = { literal = true, matches = true }, detail = "192.0.2.1", score = 1.5 },
    { hit = false, helo = "[192.0.2.1]", helo_is = { literal = true, matches = true } },
    { hit = false, helo = "192.168.1.4", helo_is = { literal = true, matches = true }, client = { ip = "192.168.1.4" } },
    { hit = false },
  },
}

-- Offices behind a shared address send the inner one: it counts for less.
rule "HELO_LITERAL_MISMATCH" {
  about = "the sending server introduced itself with an address that it does not have",
  score = 2.0,
  group = "client",
  when = function(mail)
    local is = mail.helo_is
    if not is.literal or is.matches ~= false or is.own or inside(mail) then return false end
    local inner = mail.helo:match("^\\[?(?:10\\.|127\\.|169\\.254\\.|192\\.168\\.|172\\.(?:1[6-9]|2[0-9]|3[01])\\.)")
    return inner and 0.5 or 1, mail.helo
  end,
  examples = {
    { hit = true, helo = "[198.51.100.7]", helo_is = { literal = true, matches = false }, detail = "[198.51.100.7]", score = 2.0 },
    { hit = true, helo = "[192.168.1.4]", helo_is = { literal = true, matches = false }, score = 1.0 },
    { hit = true, helo = "10.1.2.3", helo_is = { literal = true, matches = false }, score = 1.0 },
    { hit = false, helo = "[192.0.2.1]", helo_is = { literal = true, matches = true } },
    -- Ours: HELO_OWN_NAME counts that.
    { hit = false, helo = "[203.0.113.1]", helo_is = { literal = true, own = true, matches = false } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- HELO: names

-- RFC 5321, 2.3.5 and 4.1.1.1: a fully qualified domain name. Desktop machines say only their own.
rule "HELO_UNQUALIFIED" {
  about = "the sending server introduced itself with a word that is no full domain name (RFC 5321, 2.3.5)",
  score = 1.0,
  group = "client",
  when = function(mail)
    local is = mail.helo_is
    return mail.helo ~= "" and not is.literal and not is.qualified and not is.own and not inside(mail), mail.helo
  end,
  examples = {
    { hit = true, helo = "ylmf-pc", helo_is = { qualified = false }, detail = "ylmf-pc", score = 1.0 },
    { hit = true, helo = "my_pc.example.net", helo_is = { qualified = false } },
    { hit = false, helo = "scanner", helo_is = { qualified = false }, client = { ip = "10.0.0.9" } },
    { hit = false, helo = "[192.0.2.1]", helo_is = { literal = true, qualified = false, matches = true } },
    { hit = false, helo = "mail.example.net" },
  },
}

-- RFC 5321, 2.3.5: only names that can be resolved. Exchange servers and the like often say their inner name. While our DNS has
-- trouble nobody is blamed: `resolves` is nil then.
rule "HELO_UNRESOLVABLE" {
  about = "the sending server introduced itself with a name that does not exist in the DNS",
  score = 1.0,
  group = "client",
  when = function(mail)
    local is = mail.helo_is
    return is.qualified and is.resolves == false and not is.own and not inside(mail), mail.helo
  end,
  examples = {
    { hit = true, helo = "exchange.office.local", helo_is = { qualified = true, resolves = false },
      detail = "exchange.office.local", score = 1.0 },
    { hit = false, helo = "mail.example.net", helo_is = { qualified = true, resolves = true } },
    { hit = false, helo = "printer.office.local", helo_is = { qualified = true, resolves = false }, client = { ip = "10.0.0.4" } },
    { hit = false, helo = "mail.example.net", helo_is = { qualified = true } },
    { hit = false },
  },
}

-- Next to nothing. RFC 5321, 4.1.4: "an SMTP server MAY verify that the domain name argument in the EHLO command actually
-- corresponds to the IP address of the client. However, if the verification fails, the server MUST NOT refuse to accept a
-- message on that basis." Machines behind one address, and pools of senders with one name, look like this every day. A name
-- whose SPF record allows this client is explained.
rule "HELO_MISMATCH" {
  about = "the name that the sending server introduced itself with belongs to another address",
  score = 0.2,
  group = "client",
  when = function(mail)
    local is = mail.helo_is
    if not is.qualified or is.own or is.resolves == false or is.matches ~= false or inside(mail) then return false end
    return mail.helo_spf.result ~= "pass", mail.helo
  end,
  examples = {
    { hit = true, helo = "mail.example.net", helo_is = { qualified = true, resolves = true, matches = false },
      detail = "mail.example.net", score = 0.2 },
    { hit = false, helo = "mail.example.net", helo_is = { qualified = true, resolves = true, matches = false },
      helo_spf = { result = "pass" } },
    { hit = false, helo = "mail.example.net", helo_is = { qualified = true, resolves = true, matches = true } },
    { hit = false, helo = "mail.example.net", helo_is = { qualified = true, resolves = true } },
    { hit = false, helo = "exchange.office.local", helo_is = { qualified = true, resolves = false, matches = false } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- the reverse name

-- "dsl-198-51-100-7.example.net": three octets of the address side by side, in either direction, or all of it in hexadecimal
-- digits. The names of mail servers at such addresses say so.
local function made_of_address(name, ip)
  local a, b, c, d = ip:match("^(\\d+)\\.(\\d+)\\.(\\d+)\\.(\\d+)$")
  if not a then return false end
  for _, between in ipairs { "-", ".", "_" } do
    if name:find(table.concat({ b, c, d }, between)) or name:find(table.concat({ d, c, b }, between)) then
      return true
    end
  end
  return name:find(string.format("%02x%02x%02x%02x", tonumber(a), tonumber(b), tonumber(c), tonumber(d))) ~= nil
end

-- Lines of homes and offices, and rented machines before anybody has named them. Some send honest mail all the same.
rule "CLIENT_NAME_GENERIC" {
  about = "the name of the sending server is only its address in other words, as providers name their customers' lines",
  score = 1.0,
  group = "client",
  when = function(mail)
    local name = mail.client.name:lower()
    if name == "" or inside(mail) or not made_of_address(name, mail.client.ip) then return false end
    if name:match("(?:^|[._-])(?:mx|mail|mailer|mta|smtp|out|outbound|relay|static)[0-9]*(?:[._-]|$)") then return false end
    return true, name
  end,
  examples = {
    { hit = true, client = { ip = "198.51.100.7", name = "dsl-198-51-100-7.example.net" },
      detail = "dsl-198-51-100-7.example.net", score = 1.0 },
    { hit = true, client = { ip = "198.51.100.7", name = "7.100.51.198.dyn.example.net" } },
    { hit = true, client = { ip = "198.51.100.7", name = "c6336407.pool.example.net" } },
    { hit = false, client = { ip = "198.51.100.7", name = "static-198-51-100-7.example.net" } },
    { hit = false, client = { ip = "198.51.100.7", name = "mta-198-51-100-7.sender.example" } },
    { hit = false, client = { ip = "198.51.100.7", name = "mx7.example.net" } },
    { hit = false, client = { ip = "198.51.100.7", name = "host100-7.example.net" } },
    { hit = false, client = { ip = "2001:db8::7", name = "host-2001-db8--7.example.net" } },
    { hit = false },
  },
}

-- Nothing in the DNS knows this machine, neither by its address nor by the name that it gives.
rule "CLIENT_UNKNOWN" {
  about = "neither the address of the sending server nor the name that it gives is known in the DNS",
  score = 1.0,
  group = "client",
  expression = "NO_REVERSE_NAME and (HELO_UNRESOLVABLE or HELO_UNQUALIFIED or HELO_BARE_ADDRESS)",
  examples = {
    { hit = true, hits = { "NO_REVERSE_NAME", "HELO_UNRESOLVABLE" }, score = 1.0 },
    { hit = true, client = { ip = "198.51.100.7", reverse = "permerror" }, helo = "ylmf-pc", helo_is = { qualified = false } },
    { hit = false, hits = { "NO_REVERSE_NAME" } },
    { hit = false, hits = { "HELO_UNQUALIFIED" } },
  },
}
