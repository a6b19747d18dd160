// What an example says of the content, the DNS and maps: text, html, urls, attachments, dns, maps. The content is made
// into a message and read again by the parser that reads every message, so an example shows what mail would show.
#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "lua/example_fields.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxFiles = 100;

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 20);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out.push_back('\r');
    out.push_back(text[i]);
  }
  return out;
}

// RFC 2045, 6.8.
std::string base64(std::string_view octets) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr size_t kGroupsOfLine = 19;
  std::string out;
  for (size_t at = 0; at < octets.size(); at += 3) {
    unsigned bits = 0;
    size_t count = std::min<size_t>(3, octets.size() - at);
    for (size_t i = 0; i < 3; ++i) {
      bits = (bits << 8U) | (i < count ? static_cast<unsigned char>(octets[at + i]) : 0U);
    }
    for (size_t i = 0; i < 4; ++i) out += i <= count ? kDigits[(bits >> (18U - 6U * i)) & 63U] : '=';
    if ((at / 3 + 1) % kGroupsOfLine == 0) out += "\r\n";
  }
  if (!out.ends_with('\n')) out += "\r\n";
  return out;
}

// A parameter as RFC 2045 has it, or RFC 2231 where it has more than plain characters.
std::string parameter(std::string_view name, std::string_view value) {
  bool plain =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (plain) return fmt::format("{}=\"{}\"", name, value);
  std::string out = fmt::format("{}*=UTF-8''", name);
  for (char c : value) {
    if (ascii_alnum(c) || c == '.' || c == '-' || c == '_') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Little-endian; octets beyond the fourth are 0.
std::string number(uint32_t value, size_t octets) {
  std::string out;
  for (size_t i = 0; i < octets; ++i) out += i < sizeof(value) ? static_cast<char>((value >> (8U * i)) & 255U) : '\0';
  return out;
}

// A ZIP archive of empty files (PKWARE's APPNOTE, 4.3.7, 4.3.12, 4.3.16).
std::string zip_of(const std::vector<std::string>& names, bool encrypted) {
  std::string out;
  std::string directory;
  for (const std::string& name : names) {
    auto place = static_cast<uint32_t>(out.size());
    // Version, flags (bit 0: encrypted), method, time, date, CRC, both sizes, length of the name, of what follows it.
    std::string common = fmt::format("{}{}{}{}{}", number(20, 2), number(encrypted ? 1 : 0, 2), number(0, 18),
                                     number(static_cast<uint32_t>(name.size()), 2), number(0, 2));
    out += fmt::format("PK\x03\x04{}{}", common, name);
    directory += fmt::format("PK\x01\x02{}{}{}{}{}", number(20, 2), common, number(0, 10), number(place, 4), name);
  }
  auto count = static_cast<uint32_t>(names.size());
  auto place = static_cast<uint32_t>(out.size());
  auto size = static_cast<uint32_t>(directory.size());
  return fmt::format("{}{}PK\x05\x06{}{}{}{}{}{}", out, directory, number(0, 4), number(count, 2), number(count, 2),
                     number(size, 4), number(place, 4), number(0, 2));
}

// A part: its header fields and what is behind them.
struct Entity {
  std::string type;
  std::string encoding;
  std::string disposition;  // with parameters; empty: none
  std::string body;         // ends with a line end
};

Entity text_entity(std::string_view type, std::string_view text) {
  Entity out{fmt::format("{}; charset=utf-8", type), is_ascii(text) ? "7bit" : "8bit", "", with_crlf(text)};
  if (!out.body.ends_with("\r\n")) out.body += "\r\n";
  return out;
}

std::string with_header(const Entity& entity) {
  std::string out = fmt::format("Content-Type: {}\r\nContent-Transfer-Encoding: {}\r\n", entity.type, entity.encoding);
  if (!entity.disposition.empty()) out += fmt::format("Content-Disposition: {}\r\n", entity.disposition);
  return out + "\r\n" + entity.body;
}

Entity multipart(std::string_view kind, const std::vector<Entity>& parts) {
  auto holds = [&parts](const std::string& boundary) {
    return std::any_of(parts.begin(), parts.end(),
                       [&boundary](const Entity& part) { return part.body.find(boundary) != std::string::npos; });
  };
  std::string boundary = "example";
  while (holds("--" + boundary)) boundary += '+';
  std::string body;
  for (const Entity& part : parts) body += fmt::format("--{}\r\n{}\r\n", boundary, with_header(part));
  body += fmt::format("--{}--\r\n", boundary);
  return {fmt::format("multipart/{}; boundary=\"{}\"", kind, boundary), "8bit", "", std::move(body)};
}

Entity make_body(const ExampleBody& given) {
  std::vector<Entity> shown;
  if (given.text || given.urls || !given.html) {
    std::string text = given.text ? *given.text : given.urls ? "" : "How are you?";
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    for (const std::string& url : given.urls.value_or(std::vector<std::string>())) text += url + "\n";
    shown.push_back(text_entity("text/plain", text));
  }
  if (given.html) shown.push_back(text_entity("text/html", *given.html));
  Entity body = shown.size() == 1 ? std::move(shown[0]) : multipart("alternative", shown);
  if (!given.files) return body;
  std::vector<Entity> parts = {std::move(body)};
  for (const ExampleFile& file : *given.files) {
    std::string content = file.names ? zip_of(*file.names, file.encrypted) : file.content.value_or("");
    std::string disposition = "attachment";
    if (!file.name.empty()) disposition += "; " + parameter("filename", file.name);
    parts.push_back({file.type, "base64", std::move(disposition), base64(content)});
  }
  return multipart("mixed", parts);
}

// "type/subtype", perhaps with parameters, in one line.
bool is_media_type(std::string_view type) {
  size_t slash = type.find('/');
  return slash != std::string_view::npos && slash > 0 && slash + 1 < type.size() &&
         std::all_of(type.begin(), type.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<dns::Mx> parse_exchange(std::string_view text) {
  dns::Mx out;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.preference);
  std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  if (error != std::errc() || rest.size() < 2 || rest.front() != ' ') return std::nullopt;
  out.name = std::string(trim(rest));
  return out;
}

}  // namespace

// ---------------------------------------------------------------- attachments

void ExampleFields::check_file(const std::string& where, const ExampleFile& file) {
  if (!is_media_type(file.type)) {
    problem(
        fmt::format("'{}.type': '{}' is no type such as \"application/pdf\"", where, escape_for_log(file.type, 60)));
  }
  if (!is_utf8(file.name)) problem(fmt::format("'{}.name' must be UTF-8", where));
  if (file.content && file.names) problem(fmt::format("'{}': give either 'content' or 'names'", where));
  if (file.encrypted && !file.names) {
    problem(fmt::format("'{}.encrypted' is said of an archive: give its 'names'", where));
  }
}

void ExampleFields::read_file(ExampleFile& file) {
  using FileRow = Row<ExampleFile>;
  static constexpr std::array<FileRow, 5> kRows = {
      {{"name", [](ExampleFields& self, ExampleFile& out) { self.read(out.name); }},
       {"type", [](ExampleFields& self, ExampleFile& out) { self.read(out.type); }},
       {"content", [](ExampleFields& self, ExampleFile& out) { self.read(out.content.emplace()); }},
       {"names", [](ExampleFields& self, ExampleFile& out) { self.read_strings(out.names.emplace()); }},
       {"encrypted", [](ExampleFields& self, ExampleFile& out) { self.read_bool(out.encrypted); }}}};
  std::string where = field_;
  read_table(where, kRows, file);
  check_file(where, file);
}

// A single file without the list around it is the likely mistake.
void ExampleFields::read_attachments() {
  constexpr std::string_view kWanted = "a list of tables: attachments = { { name = \"a.pdf\" } }";
  if (lua_type(lua_, -1) != LUA_TTABLE) return wrong(kWanted);
  if (!is_list_of_tables()) return problem(fmt::format("'attachments' must be {}", kWanted));
  int table = lua_gettop(lua_);
  size_t count = lua_rawlen(lua_, table);
  if (count > kMaxFiles) return problem(fmt::format("'attachments': an example has no more than {}", kMaxFiles));
  body_.files.emplace(count);
  for (size_t i = 0; i < count; ++i) {
    field_ = fmt::format("attachments[{}]", i + 1);
    lua_rawgeti(lua_, table, static_cast<lua_Integer>(i) + 1);
    read_file((*body_.files)[i]);
    lua_settop(lua_, table);
  }
}

// ---------------------------------------------------------------- the message

bool ExampleFields::has_field(std::string_view name) const {
  return std::any_of(header_.begin(), header_.end(),
                     [name](const auto& field) { return equal_nocase(field.first, name); });
}

void ExampleFields::finish_message() {
  bool has_header = subject_ || !header_.empty();
  if (message_ && (has_header || body_.given())) {
    return problem(body_.given() ? "give either 'message' or 'text', 'html', 'urls' and 'attachments'"
                                 : "give either 'message' or 'subject' and 'header'");
  }
  if (message_) {
    example_.text = with_crlf(*message_);
  } else if (has_header || body_.given()) {
    // Without a header of its own it has that of the plain message.
    std::string header = example_.text.substr(0, example_.text.find("\r\n\r\n") + 2);
    if (has_header) header.clear();
    for (const auto& [name, value] : header_) header += fmt::format("{}: {}\r\n", name, with_crlf(value));
    if (subject_) header += fmt::format("Subject: {}\r\n", with_crlf(*subject_));
    example_.text = std::move(header);
    finish_body();
  }
  example_.facts.message = example_.text;
  if (!has_size_) example_.facts.size = example_.text.size();
}

// Behind the header; fields of MIME that the example gives itself stay as they are.
void ExampleFields::finish_body() {
  if (!body_.given()) {
    example_.text += "\r\n";
    return;
  }
  Entity body = make_body(body_);
  if (body.type.starts_with("multipart/") && (has_field("Content-Type") || has_field("Content-Transfer-Encoding"))) {
    return problem("'header' cannot give Content-Type or Content-Transfer-Encoding to a message of several parts");
  }
  if (!has_field("MIME-Version")) example_.text += "MIME-Version: 1.0\r\n";
  if (!has_field("Content-Type")) example_.text += fmt::format("Content-Type: {}\r\n", body.type);
  if (!has_field("Content-Transfer-Encoding")) {
    example_.text += fmt::format("Content-Transfer-Encoding: {}\r\n", body.encoding);
  }
  example_.text += "\r\n" + body.body;
}

// ---------------------------------------------------------------- dns and maps

// One string, which is the record's; "temperror" in place of a list: nobody answers.
void ExampleFields::read_answer(dns::Type type, dns::Answer& answer) {
  if (lua_type(lua_, -1) == LUA_TSTRING && text_at(lua_, -1) == "temperror") return;
  if (lua_type(lua_, -1) != LUA_TTABLE) {
    return problem(fmt::format("'{}' must be a list of strings or \"temperror\"", field_));
  }
  std::vector<std::string> records;
  read_strings(records);
  answer.status = records.empty() ? dns::Status::NoRecord : dns::Status::Found;
  for (std::string& record : records) {
    auto address = IpAddress::parse(record);
    auto exchange = parse_exchange(record);
    bool good = true;
    switch (type) {
      case dns::Type::A:
      case dns::Type::AAAA:
        good = address && address->is_v4() == (type == dns::Type::A);
        if (good) answer.addresses.push_back(*address);
        break;
      case dns::Type::MX:
        good = exchange.has_value();
        if (good) answer.exchanges.push_back(std::move(*exchange));
        break;
      case dns::Type::TXT: answer.texts.push_back(record); break;
      default: answer.names.push_back(record); break;
    }
    if (good) continue;
    std::string_view wanted = type == dns::Type::MX  ? "record such as \"10 mx.example\""
                              : type == dns::Type::A ? "IPv4 address"
                                                     : "IPv6 address";
    problem(fmt::format("'{}': '{}' is no {}", field_, escape_for_log(record, 60), wanted));
  }
}

void ExampleFields::read_answers(dns::Type type) {
  read_named("a table of names: { [\"a.example\"] = { \"...\" } }", [this, type](const std::string& name) {
    dns::Question question = question_of(type, name);
    if (!dns::is_valid_name(question.name)) return problem(fmt::format("'{}': this is no name", field_));
    read_answer(type, example_.dns.answers[std::move(question)]);
  });
}

void ExampleFields::read_dns() {
  using DnsRow = Row<Example>;
  static constexpr std::array<DnsRow, 6> kRows = {
      {{"txt", [](ExampleFields& self, Example&) { self.read_answers(dns::Type::TXT); }},
       {"a", [](ExampleFields& self, Example&) { self.read_answers(dns::Type::A); }},
       {"aaaa", [](ExampleFields& self, Example&) { self.read_answers(dns::Type::AAAA); }},
       {"ptr", [](ExampleFields& self, Example&) { self.read_answers(dns::Type::PTR); }},
       {"mx", [](ExampleFields& self, Example&) { self.read_answers(dns::Type::MX); }},
       {"ns", [](ExampleFields& self, Example&) { self.read_answers(dns::Type::NS); }}}};
  read_table("dns", kRows, example_);
}

void ExampleFields::read_maps() {
  read_named("a table of files: { [\"file\"] = { \"entry\" } }",
             [this](std::string file) { read_strings(example_.maps[std::move(file)]); });
}

}  // namespace postern::rules
