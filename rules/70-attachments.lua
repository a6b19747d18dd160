-- What is attached, and is it what it says? Rules with `attachment` search the names of files, those inside of archives too;
-- nothing is ever unpacked, a listing is enough. `kind` is what a file is by its first octets, whatever its name and type say.
-- All rules here together add at most what the next line says: a program in a mail marks it, with any other sign it is refused.

group("attachments", { max = 10 })

-- The first attachment for which `test` says yes.
local function find(mail, test)
  for _, file in ipairs(mail.attachments) do
    if test(file) then return true, file.name ~= "" and file.name or file.type end
  end
  return false
end

-- What Windows runs when it is clicked. (".com" is left out: addresses of sites end so.)
local PROGRAM = "(?i)\\.(?:exe|scr|pif|cpl|msi|msix|appx|bat|cmd|vbs|vbe|jse|wsf|wsh|hta|lnk|ps1|reg|chm|scf|jar|xll|appref-ms|"
  .. "settingcontent-ms)\\s*$"

-- No honest sender attaches them any more: all large providers refuse them.
rule "ATTACHED_PROGRAM" {
  about = "a program is attached, by its name",
  score = 6.0,
  group = "attachments",
  when = function(mail) return find(mail, function(file) return file.name:match(PROGRAM) ~= nil end) end,
  examples = {
    { hit = true, attachments = { { name = "Invoice.scr", content = "x" } }, detail = "Invoice.scr" },
    { hit = false, attachments = { { name = "exe.pdf", content = "x" } } },
    { hit = false, text = "Where is setup.exe?" },
  },
}

rule "ATTACHED_PROGRAM_RENAMED" {
  about = "a program for Windows is attached under the name of something else",
  score = 6.0,
  group = "attachments",
  when = function(mail)
    return find(mail, function(file)
      return (file.kind == "application/x-dosexec" or file.kind == "application/x-ms-shortcut") and not file.name:match(PROGRAM)
    end)
  end,
  examples = {
    { hit = true, attachments = { { name = "photo.jpg", content = "MZ\0\3\0\0\0" } }, detail = "photo.jpg" },
    -- The other rule's matter.
    { hit = false, attachments = { { name = "a.exe", content = "MZ\0\3\0\0\0" } } },
    { hit = false, attachments = { { name = "photo.jpg", content = "MZ is how programs begin, and this text" } } },
  },
}

-- In an archive programs are sometimes honest: sources come with scripts, tools with their program.
rule "PROGRAM_IN_ARCHIVE" {
  about = "a program lies in an attached archive, or is attached",
  score = 2.0,
  group = "attachments",
  attachment = "(?i)\\.(?:exe|scr|pif|cpl|msi|vbs|vbe|jse|wsf|hta|lnk|chm|xll)\\s*$",
  examples = {
    { hit = true, detail = ".vbs", attachments = { { name = "a.zip", names = { "invoice.vbs" } } } },
    { hit = false, attachments = { { name = "vbs.pdf", content = "x" } } },
  },
}

-- One script or program and nothing else: an archive that is there to get past somebody.
rule "ARCHIVE_OF_ONE_SCRIPT" {
  about = "the attached archive holds one script or program and nothing else",
  score = 4.0,
  group = "attachments",
  when = function(mail)
    return find(mail, function(file)
      if not file.archive or #file.names ~= 1 then return false end
      local name = file.names[1]
      return name:match(PROGRAM) ~= nil or name:match("(?i)\\.(?:js|html?|one|docm|xlsm)\\s*$") ~= nil
    end)
  end,
  examples = {
    { hit = true, detail = "a.zip", attachments = { { name = "a.zip", names = { "invoice.vbs" } } } },
    -- The same with a text in it.
    { hit = false, attachments = { { name = "a.zip", names = { "invoice.txt" } } } },
  },
}

-- "invoice.pdf.exe", "invoice.pdf            .exe": Windows hides the last extension, and the screen cuts long names. What may
-- stand last is what runs or opens a page when it is clicked: "offer.v2.pdf" and "archive.tar.gz" end as they should. In archives
-- of many files (sources, saved sites) pages are called so honestly ("logo.png.html"), so there only programs count.
local PRETENDS = "(?i)\\.(?:pdf|docx?|odt|xlsx?|csv|pptx?|rtf|txt|eml|msg|jpe?g|png|gif|tiff?|bmp|heic|webp|mp[34]|m4a|wav|avi|mov|zip)"
  .. "[\\s_\\x{A0}\\x{2000}-\\x{200B}\\x{202F}\\x{2800}\\x{3000}]*\\."
local ENDS_AS_PROGRAM = PRETENDS .. "(?:exe|scr|com|pif|cpl|bat|cmd|vbs|vbe|jse|wsf|wsh|hta|lnk|msi|ps1|jar|iso|img|vhdx?)\\s*$"
local ENDS_AS_PAGE = PRETENDS .. "(?:js|s?html?|xht(?:ml)?|mht(?:ml)?|svgz?|url)\\s*$"

rule "DOUBLE_EXTENSION" {
  about = "the name of a file pretends to be a document and ends as a program or a web page",
  score = 4.0,
  group = "attachments",
  when = function(mail)
    for _, file in ipairs(mail.attachments) do
      if file.name:match(ENDS_AS_PROGRAM) or file.name:match(ENDS_AS_PAGE) then return true, file.name end
      for _, name in ipairs(file.names) do
        if name:match(ENDS_AS_PROGRAM) or (#file.names <= 3 and name:match(ENDS_AS_PAGE)) then return true, name end
      end
    end
    return false
  end,
  examples = {
    {
      hit = true, detail = "Invoice.pdf.html",
      attachments = { { name = "Invoice.pdf.html", type = "text/html", content = "<b>hello</b>" } },
    },
    { hit = true, attachments = { { name = "invoice.pdf.exe", content = "x" } } },
    { hit = true, attachments = { { name = "scan.jpg.svg", content = "x" } } },
    { hit = true, attachments = { { name = "photo.png.js", content = "x" } } },
    { hit = true, attachments = { { name = "a.doc            .exe", content = "x" } } },
    { hit = true, attachments = { { name = "a.zip", names = { "PO.xlsx.js" } } }, detail = "PO.xlsx.js" },
    { hit = false, attachments = { { name = "site.zip", names = { "a.html", "b.html", "c.css", "logo.png.html" } } } },
    { hit = false, attachments = { { name = "offer.v2.pdf", content = "x" }, { name = "minutes.2026.11.pdf", content = "x" } } },
    { hit = false, attachments = { { name = "logo.ai.pdf", content = "x" }, { name = "report.docx.pdf", content = "x" } } },
    { hit = false, attachments = { { name = "archive.tar.gz", type = "application/gzip", content = "x" } } },
    { hit = false, attachments = { { name = "notes.html.txt", type = "text/plain", content = "x" } } },
  },
}

-- U+202E turns Latin letters round on the screen, so that "exe.fdp" is read as "pdf.exe" (Unicode TR 36, 3.3). Hebrew and Arabic
-- names hold other signs of direction honestly: systems put them around a name so that a number or ".pdf" in it stays in its place
-- (UAX 9, 2.1 to 2.4). Those change how an extension is read only in a name that has no such letter.
local TURNS_LETTERS = "\\x{202E}[^\\x{202C}]*[A-Za-z0-9]{2}"
local TURNS_ORDER = "[\\x{202B}\\x{2067}].*[A-Za-z0-9]"
local WRITTEN_FROM_RIGHT = "[\\p{Hebrew}\\p{Arabic}\\p{Syriac}\\p{Thaana}\\p{Nko}]"

rule "NAME_TURNED_ROUND" {
  about = "the name of a file holds characters that turn its direction, so that it shows another extension",
  score = 5.0,
  group = "attachments",
  when = function(mail)
    local function turned(name)
      return name:match(TURNS_LETTERS) or (name:match(TURNS_ORDER) and not name:match(WRITTEN_FROM_RIGHT))
    end
    for _, file in ipairs(mail.attachments) do
      if turned(file.name) then return true, file.name end
      for _, name in ipairs(file.names) do
        if turned(name) then return true, name end
      end
    end
    return false
  end,
  examples = {
    {
      hit = true,
      message = "Content-Type: application/x; name*=utf-8''invoice%E2%80%AEfdp.exe\nContent-Disposition: attachment\n\nx\n",
    },
    { hit = true, attachments = { { name = "a.zip", names = { "חשבון\u{202E}fdp.exe" } } } },
    { hit = true, attachments = { { name = "photo\u{2067}\u{2066}.gpj\u{2069}\u{2066}exe\u{2069}", content = "x" } } },
    { hit = false, attachments = { { name = "חשבון.pdf", content = "x" }, { name = "\u{202B}הצעת מחיר 2026\u{202C}.pdf", content = "x" } } },
    { hit = false, attachments = { { name = "\u{2067}تقرير\u{2069} 2026.docx", content = "x" } } },
    { hit = false, attachments = { { name = "\u{202A}Report 2026.pdf\u{202C}", content = "x" } } },
  },
}

-- A page that is opened from the disk: it builds its form there, where no filter of links sees it.
rule "HTML_ATTACHED" {
  about = "a web page is attached as a file",
  score = 1.5,
  group = "attachments",
  when = function(mail)
    return find(mail, function(file) return file.extension:match("^(?:s?html?|xht|xhtml|mht|mhtml)$") ~= nil end)
  end,
  examples = {
    {
      hit = true, detail = "login.htm",
      attachments = { { name = "login.htm", type = "text/html", content = "<b>hello</b>" } },
    },
    { hit = false, html = "<b>hello</b>" },
  },
}

-- An SVG may hold scripts and links, and browsers open it; drawings in honest mail are mostly other kinds. Watched first.
rule "SVG_ATTACHED" {
  about = "a drawing is attached that can hold scripts (SVG)",
  score = 1.0,
  mode = "shadow",
  group = "attachments",
  when = function(mail)
    return find(mail, function(file) return file.extension == "svg" or file.kind == "image/svg+xml" end)
  end,
  examples = {
    { hit = true, attachments = { { name = "a.dat", content = "<svg></svg>" } } },
    { hit = false, attachments = { { name = "svg.png", content = "x" } } },
  },
}

-- Word of mouth between programs: a document that says it is a picture is opened by what it is, and filters look at what it says.
rule "KIND_DIFFERS" {
  about = "a file is something else than its type and name say",
  score = 3.0,
  group = "attachments",
  when = function(mail)
    return find(mail, function(file)
      local picture = file.type:match("^image/") ~= nil or file.extension:match("^(?:jpe?g|png|gif)$") ~= nil
      local document = file.extension:match("^(?:pdf|txt|mp[34]|docx?|xlsx?)$") ~= nil
      if not picture and not document then return false end
      if file.kind:match("^application/(?:x-executable|java-vm|vnd\\.rar|x-7z|x-iso9660|vnd\\.ms-cab|x-ace|onenote)") then
        return true
      end
      -- Old programs save web pages under names of documents, so HTML counts only where a picture or PDF was said.
      return file.kind == "text/html" and (picture or file.extension == "pdf")
    end)
  end,
  examples = {
    { hit = true, attachments = { { name = "a.pdf", content = "<html><body>hello</body></html>" } }, detail = "a.pdf" },
    { hit = false, attachments = { { name = "a.pdf", content = "%PDF-1.4" } } },
    { hit = false, attachments = { { name = "a.html", type = "text/html", content = "<html></html>" } } },
  },
}

-- Nobody on the way can look into it. Honest people do it with salaries; malware does it always, and tells the password.
rule "ENCRYPTED_ARCHIVE" {
  about = "an attached archive can be opened with a password only",
  score = 1.5,
  group = "attachments",
  when = function(mail) return find(mail, function(file) return file.archive and file.encrypted end) end,
  examples = {
    { hit = true, detail = "a.zip", attachments = { { name = "a.zip", names = { "invoice.txt" }, encrypted = true } } },
    { hit = false, attachments = { { name = "a.zip", names = { "invoice.txt" } } } },
  },
}

rule "PASSWORD_TOLD" {
  about = "the text names a password",
  score = 0.0,
  group = "attachments",
  body = "(?i)\\b(?:password|passwort|kennwort|mot de passe|contraseña|passcode|pwd)(?:\\s+for\\s+the\\s+(?:file|archive))?"
    .. "(?:\\s*[:=]\\s*|\\s+(?:is|ist|est|es)[:\\s]\\s*)[\"'“]?[A-Za-z0-9!-]{3,}",
  examples = {
    { hit = true, text = "Archive password: 1234" },
    { hit = false, text = "I will tell you the password." },
  },
}

rule "ENCRYPTED_ARCHIVE_WITH_PASSWORD" {
  about = "an attached archive needs a password, and the message itself tells it",
  score = 2.5,
  group = "attachments",
  all = { "ENCRYPTED_ARCHIVE", "PASSWORD_TOLD" },
  examples = {
    { hit = true, hits = { "ENCRYPTED_ARCHIVE", "PASSWORD_TOLD" } },
    { hit = false, hits = { "ENCRYPTED_ARCHIVE" } },
  },
}

-- One sign, counted once: a document that says by its name that it can run macros is the first rule's matter, one that hides them
-- under another name the second's. Offices send each other such tables every day, so the first weighs less than half of what marks.
rule "MACRO_BY_NAME" {
  about = "a document that can run macros is attached, by its name",
  score = 2.0,
  group = "attachments",
  attachment = "(?i)\\.(?:docm|dotm|xlsm|xlsb|xltm|xlam|pptm|potm|ppsm|ppam|sldm)\\s*$",
  examples = {
    { hit = true, attachments = { { name = "a.xlsm", type = "application/x", content = "x" } } },
    { hit = false, attachments = { { name = "a.xlsx", type = "application/x", content = "x" } } },
  },
}

-- Documents since Office 2007 are ZIP archives; macros are a file in them.
rule "MACRO_INSIDE" {
  about = "an attached document holds macros, and its name says that it has none",
  score = 3.0,
  group = "attachments",
  when = function(mail)
    return find(mail, function(file)
      if not file.extension:match("^(?:do[ct]x?|xl[st]x?|p[op][ts]x?|rtf)$") then return false end
      for _, name in ipairs(file.names) do
        if name:match("(?i)(?:^|/)vbaProject\\.bin$") then return true end
      end
      return false
    end)
  end,
  examples = {
    { hit = true, attachments = { { name = "a.doc", names = { "word/vbaProject.bin" } } }, detail = "a.doc" },
    { hit = true, attachments = { { name = "a.xlsx", names = { "xl/workbook.xml", "xl/vbaProject.bin" } } } },
    { hit = false, attachments = { { name = "Quotation.xlsm", names = { "xl/workbook.xml", "xl/vbaProject.bin" } } } },
    { hit = false, attachments = { { name = "a.docx", names = { "word/document.xml" } } } },
    { hit = false, attachments = { { name = "vbaProject.bin.txt", type = "application/x", content = "x" } } },
  },
}

-- "The invoice is attached" is what every office writes, so it weighs little; who writes it from a free mailbox has no office.
rule "MACRO_DOCUMENT" {
  about = "a file that can do harm is attached to a message about a payment",
  score = 0.7,
  group = "attachments",
  expression = "INVOICE_LURE and (MACRO_BY_NAME or MACRO_INSIDE or ENCRYPTED_ARCHIVE or HTML_ATTACHED)",
  examples = {
    { hit = true, hits = { "INVOICE_LURE", "MACRO_INSIDE" } },
    { hit = false, hits = { "INVOICE_LURE" } },
    { hit = false, hits = { "MACRO_BY_NAME", "MACRO_INSIDE" } },
  },
}

rule "MACRO_DOCUMENT_FROM_STRANGER" {
  about = "a file that can do harm is attached to a message about a payment, from a free mailbox or with the answer going there",
  score = 2.0,
  group = "attachments",
  expression = "MACRO_DOCUMENT and (FROM_FREEMAIL or REPLY_TO_FREEMAIL or REPLY_TO_SECOND_MAILBOX) and not CONVERSATION",
  examples = {
    { hit = true, hits = { "MACRO_DOCUMENT", "FROM_FREEMAIL" } },
    { hit = false, hits = { "MACRO_DOCUMENT" } },
    { hit = false, hits = { "MACRO_DOCUMENT", "FROM_FREEMAIL", "CONVERSATION" } },
  },
}

-- What is in them does not bear the mark "from the internet" by which Windows warns.
rule "DISK_IMAGE" {
  about = "a disk image is attached",
  score = 4.0,
  group = "attachments",
  when = function(mail)
    return find(mail, function(file)
      return file.extension:match("^(?:iso|img|vhdx?|udf|daa)$") ~= nil
        or file.kind:match("^application/(?:x-iso9660-image|x-vhdx?)$") ~= nil
    end)
  end,
  examples = {
    { hit = true, attachments = { { name = "Quotation.img", type = "application/x", content = "x" } } },
    { hit = false, attachments = { { name = "img.png", type = "image/png", content = "x" } } },
  },
}

-- Formats that nobody has used for decades but to get past filters that cannot read them; and OneNote, whose pages hold files.
rule "ODD_CONTAINER" {
  about = "a file of a kind is attached that is hardly used but to hide something",
  score = 2.5,
  group = "attachments",
  attachment = "(?i)\\.(?:ace|arj|lzh|lha|uue|xxe|cab|wim|one|r0[0-9]|z0[0-9]|slk|iqy|library-ms|search-ms)\\s*$",
  examples = {
    { hit = true, attachments = { { name = "Order.ace", type = "application/x", content = "x" } } },
    { hit = false, attachments = { { name = "ace.zip", type = "application/x", content = "x" } } },
    -- What a browser saves when a link is drawn to the desk; people send each other that.
    { hit = false, attachments = { { name = "Portal.url", type = "application/x", content = "x" } } },
  },
}

-- A shortcut to a page is harmless, one to a file runs what lies on somebody else's server: "URL=file:" in plain text, and as
-- base64 at each of the three places that it can begin.
rule "SHORTCUT_TO_FILE" {
  about = "a shortcut is attached that opens a file on another server",
  score = 4.0,
  group = "attachments",
  when = function(mail)
    local found, name = find(mail, function(file) return file.extension == "url" or file.extension == "website" end)
    if not found then return false end
    return mail:match("(?i)\\bURL=(?:3D)?(?:file:|\\\\\\\\)") ~= nil or mail:match("VVJMPWZpbGU6|VSTD1maWxlO|VUkw9ZmlsZT") ~= nil,
      name
  end,
  examples = {
    {
      hit = true, detail = "Invoice.url",
      attachments = { { name = "Invoice.url", type = "text/plain", content = "[InternetShortcut]\nURL=file://198.51.100.7/s/a.exe\n" } },
    },
    {
      hit = false,
      attachments = { { name = "Portal.url", type = "text/plain", content = "[InternetShortcut]\nURL=https://www.example.org/\n" } },
    },
    { hit = false, text = "URL=file://server/share" },
  },
}

-- Fee letters and forged invoices as a file, to get past filters that read text. Watched first: people do send files so.
rule "FILE_WITHOUT_WORDS" {
  about = "a document or picture is attached, and the message says next to nothing",
  score = 1.0,
  mode = "shadow",
  group = "attachments",
  when = function(mail)
    if #mail.attachments ~= 1 or #mail.text:gsub("\\s+", "") > 200 then return false end
    return find(mail, function(file) return file.extension:match("^(?:pdf|docx?|rtf|jpe?g|png|bmp)$") ~= nil end)
  end,
  examples = {
    {
      hit = true, detail = "offer.pdf",
      attachments = { { name = "offer.pdf", type = "application/pdf", content = "%PDF-1.4" } },
    },
    { hit = false, text = "without any" },
  },
}
