// Examples that say what the content, the DNS and maps are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// What is wrong with a rule whose function is `body` and that has this one example. Every rule runs on the plain
/// message too, which has nothing to look at.
std::vector<std::string> example(const std::string& body, const std::string& fields) {
  return problems_of(rule_text("R", "if mail.helo ~= 'example' then return false end " + body,
                               "examples = { { hit = true, helo = 'example', " + fields + " } },"));
}

TEST(ContentExamples, TextAndHtmlBecomeAMessage) {
  EXPECT_THAT(example("return true, mail.text",
                      "text = 'Gr\xc3\xbc\xc3\x9f' .. 'e\\nzwei', detail = 'Gr\xc3\xbc\xc3\x9f' .. "
                      "'e\\nzwei\\n'"),
              IsEmpty());
  EXPECT_THAT(example("return true, mail.text .. mail.hidden .. mail.parts[1].type",
                      "html = '<b>bold</b><i hidden>h</i>', detail = 'boldhtext/html'"),
              IsEmpty());
  EXPECT_THAT(example("return mail.parts[1].type == 'multipart/alternative' and mail.text:find('plain') and "
                      "mail.text:find('rich') and #mail.parts == 3",
                      "text = 'plain', html = '<p>rich'"),
              IsEmpty());
}

TEST(ContentExamples, WhatIsLeftOutIsAsInThePlainMessage) {
  EXPECT_THAT(example("return true, mail.subject .. '|' .. mail:header('From') .. '|' .. mail.text",
                      "attachments = { { name = 'a' } }, detail = 'hello|sender@example.net|How are you?\\n'"),
              IsEmpty());
  EXPECT_THAT(example("return true, mail.subject .. mail:header('X-A') .. mail.text",
                      "subject = 's', header = { ['X-A'] = 'h' }, text = 't', detail = 'sht\\n'"),
              IsEmpty());
  EXPECT_THAT(example("return true, tostring(mail.defects.duplicate_header) .. mail.parts[1].type",
                      "header = { ['Content-type'] = 'text/html' }, text = 't', detail = 'falsetext/html'"),
              IsEmpty());
}

TEST(ContentExamples, UrlsAreLinesOfTheText) {
  EXPECT_THAT(example("return true, mail.urls[1].host .. mail.urls[2].host",
                      "urls = { 'https://a.example/x', 'http://b.example' }, detail = 'a.exampleb.example'"),
              IsEmpty());
  EXPECT_THAT(example("return true, mail.text",
                      "text = 'see', urls = { 'http://b.example/' }, "
                      "detail = 'see\\nhttp://b.example/\\n'"),
              IsEmpty());
}

TEST(ContentExamples, AttachmentsAreRealFiles) {
  EXPECT_THAT(example("local a = mail.attachments[1] return true, a.name .. a.type .. a.kind .. a.size .. a.extension",
                      "attachments = { { name = 'a.exe', type = 'application/x-msdownload', content = 'MZ\\0\\1' } }, "
                      "detail = 'a.exeapplication/x-msdownloadapplication/x-dosexec4exe'"),
              IsEmpty());
  EXPECT_THAT(
      example("return true, mail.attachments[1].name .. mail.attachments[2].name",
              "attachments = { { name = 'Gr\xc3\xbc\xc3\x9f' .. 'e \\\"1\\\".pdf' }, { name = 'b c.txt', type = "
              "'text/plain' } }, detail = 'Gr\xc3\xbc\xc3\x9f' .. 'e \\\"1\\\".pdfb c.txt'"),
      IsEmpty());
  EXPECT_THAT(example("return #mail.attachments[1].name == 0 and #mail.attachments == 1", "attachments = { {} }"),
              IsEmpty());
}

TEST(ContentExamples, ArchivesAreMadeOfNames) {
  EXPECT_THAT(example("local a = mail.attachments[1] return true, tostring(a.archive) .. tostring(a.encrypted) .. "
                      "table.concat(a.names, ' ') .. a.kind",
                      "attachments = { { name = 'a.zip', names = { 'one.exe', 'd/two.js' } } }, "
                      "detail = 'truefalseone.exe d/two.jsapplication/zip'"),
              IsEmpty());
  EXPECT_THAT(example("return mail.attachments[1].encrypted and not mail.truncated",
                      "attachments = { { name = 'a.zip', names = { 'one.exe' }, encrypted = true } }"),
              IsEmpty());
  // Each attachment has its own names.
  EXPECT_THAT(
      example("local all = '' for _, a in ipairs(mail.attachments) do for i, n in pairs(a.names) do all = all .. i "
              ".. n .. ' ' end all = all .. #a.names .. ';' end return true, all",
              "attachments = { { names = { 'a', 'b' } }, { content = '' }, { names = { 'c' } } }, "
              "detail = '1a 2b 2;0;1c 1;'"),
      IsEmpty());
}

TEST(ContentExamples, BoundariesDoNotOccurInTexts) {
  EXPECT_THAT(example("return true, #mail.parts .. mail.text",
                      "text = '--example\\n--example--', attachments = { {} }, detail = '3--example\\n--example--\\n'"),
              IsEmpty());
}

TEST(ContentExamples, AnswersOfTheDns) {
  const std::string dns =
      "dns = { txt = { ['A.example.'] = { 'one', 'two' }, ['b.example'] = 'temperror', ['c.example'] = {} }, "
      "a = { ['a.example'] = { '192.0.2.1' } }, aaaa = { ['a.example'] = { '2001:db8::1' } }, "
      "mx = { ['a.example'] = { '10 mx.example' } }, ptr = { ['192.0.2.1'] = { 'host.example' } } }";
  EXPECT_THAT(example("return true, table.concat(dns.txt('a.example'), ' ')", dns + ", detail = 'one two'"), IsEmpty());
  EXPECT_THAT(example("return true, select(2, dns.txt('B.EXAMPLE'))", dns + ", detail = 'temperror'"), IsEmpty());
  EXPECT_THAT(example("return true, #dns.txt('c.example') .. #dns.txt('d.example')", dns + ", detail = '00'"),
              IsEmpty());
  EXPECT_THAT(example("return true, dns.a('a.example')[1] .. dns.aaaa('a.example')[1]",
                      dns + ", detail = '192.0.2.12001:db8::1'"),
              IsEmpty());
  EXPECT_THAT(example("return true, dns.mx('a.example')[1] .. dns.ptr('192.0.2.1')[1]",
                      dns + ", detail = '10 mx.examplehost.example'"),
              IsEmpty());
}

TEST(ContentExamples, MistakesNameTheirField) {
  const std::string begin = "rules/test.lua:1: example 1 of R: ";
  for (const auto& [fields, problem] : std::vector<std::pair<std::string, std::string>>{
           {"text = 3", "'text' must be a string, not a number"},
           {"text = 'a\\xff'", "'text' must be UTF-8"},
           {"urls = 'http://a.example'", "'urls' must be a list of strings, not a string"},
           {"urls = { 'a', 3 }", "'urls[2]' must be a string, not a number"},
           {"urls = { a = 'b' }", "'urls' must be a list of strings"},
           {"attachments = { name = 'a' }",
            "'attachments' must be a list of tables: attachments = { { name = \"a.pdf\" } }"},
           {"attachments = { {}, { nmae = 'a' } }", "unknown field 'nmae' in attachments[2] (did you mean 'name'?)"},
           {"attachments = { { name = 3 } }", "'attachments[1].name' must be a string, not a number"},
           {"attachments = { { type = 'pdf' } }",
            "'attachments[1].type': 'pdf' is no type such as \"application/pdf\""},
           {"attachments = { { content = 'a', names = {} } }", "'attachments[1]': give either 'content' or 'names'"},
           {"attachments = { { encrypted = true } }",
            "'attachments[1].encrypted' is said of an archive: give its 'names'"},
           {"text = 'a', message = 'b'", "give either 'message' or 'text', 'html', 'urls' and 'attachments'"},
           {"text = 'a', html = 'b', header = { ['content-type'] = 'text/plain' }",
            "'header' cannot give Content-Type or Content-Transfer-Encoding to a message of several parts"},
           {"dns = { text = {} }", "unknown field 'text' in dns (did you mean 'txt'?)"},
           {"dns = { txt = { ['a.example'] = 3 } }",
            "'dns.txt[\"a.example\"]' must be a list of strings or \"temperror\""},
           {"dns = { txt = { ['a.example'] = { 3 } } }", "'dns.txt[\"a.example\"][1]' must be a string, not a number"},
           {"dns = { txt = { ['a..example'] = {} } }", "'dns.txt[\"a..example\"]': this is no name"},
           {"dns = { txt = { 'a.example' } }", "'dns.txt' must be a table of names: { [\"a.example\"] = { \"...\" } }"},
           {"dns = { a = { ['a.example'] = { '2001:db8::1' } } }",
            "'dns.a[\"a.example\"]': '2001:db8::1' is no IPv4 address"},
           {"dns = { mx = { ['a.example'] = { 'mx.example' } } }",
            "'dns.mx[\"a.example\"]': 'mx.example' is no record such as \"10 mx.example\""},
           {"maps = { ['good'] = 'a' }", "'maps[\"good\"]' must be a list of strings, not a string"},
           {"maps = 'good'", "'maps' must be a table of files: { [\"file\"] = { \"entry\" } }, not a string"},
       }) {
    EXPECT_THAT(example("return true", fields), ElementsAre(begin + problem)) << fields;
  }
}

}  // namespace
}  // namespace postern::rules
