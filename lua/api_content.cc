// What is in the message: mail.text, .hidden, .urls, .attachments, .parts, .defects. Decoding is done once a message,
// for whoever asks first, and is no rule's time (Watchdog::Pause); no Lua value is made meanwhile, so the memory of
// what a rule keeps is always its own.
#include <array>
#include <memory>

#include "filters/dmarc/psl.h"
#include "lua/api.h"
#include "lua/content.h"
#include "lua/watchdog.h"

namespace postern::rules {

namespace {

using mime::Attachment;
using mime::Defects;
using mime::Part;
using mime::Url;

template <class Value>
const Value& work_out(MailContext& mail, const Value* ContentRead::*known, const Value& (mime::Content::*work)()) {
  if (mail.read.*known == nullptr) {
    Watchdog::Pause pause;
    mail.read.*known = &(content_of(mail).*work)();
  }
  return *(mail.read.*known);
}

// ---------------------------------------------------------------- arrays of objects

// The element whose field is read; null for an object that was kept from a message with more of them.
template <class Value>
const Value* at_place(lua_State* lua, const std::vector<Value>& values) {
  size_t at = element_place(lua);
  return at < values.size() ? &values[at] : nullptr;
}
const Url* element(lua_State* lua, MailContext& mail, const Url* /*kind*/) {
  return at_place(lua, urls_of(mail));
}
const Attachment* element(lua_State* lua, MailContext& mail, const Attachment* /*kind*/) {
  return at_place(lua, attachments_of(mail));
}
const Part* element(lua_State* lua, MailContext& mail, const Part* /*kind*/) {
  return at_place(lua, structure_of(mail).parts);
}
template <class Value>
const Value* element_of(lua_State* lua, MailContext& mail) {
  return element(lua, mail, static_cast<const Value*>(nullptr));
}

template <class Value, std::string Value::*member>
void push_string(lua_State* lua, MailContext& mail) {
  const Value* value = element_of<Value>(lua, mail);
  push(lua, value != nullptr ? std::string_view(value->*member) : std::string_view());
}

template <class Value, bool Value::*member>
void push_flag(lua_State* lua, MailContext& mail) {
  const Value* value = element_of<Value>(lua, mail);
  lua_pushboolean(lua, value != nullptr && value->*member ? 1 : 0);
}

// `number` of the element; 0 where there is none.
template <class Value, size_t (*number)(const Value&)>
void push_number(lua_State* lua, MailContext& mail) {
  const Value* value = element_of<Value>(lua, mail);
  lua_pushinteger(lua, value != nullptr ? static_cast<lua_Integer>(number(*value)) : 0);
}

// ---------------------------------------------------------------- mail.urls

std::string_view name_of(Url::Where where) {
  switch (where) {
    case Url::Where::Text: return "text";
    case Url::Where::Html: return "html";
    case Url::Where::Image: return "image";
    case Url::Where::Form: return "form";
    case Url::Where::Header: return "header";
  }
  return "text";
}

// The list of suffixes is read at its first use, which is no rule's fault.
std::string domain_of(const Url* url) {
  static const bool ready = [] {
    Watchdog::Pause pause;
    return dmarc::registrable_domain("example.org").has_value();
  }();
  if (!ready || url == nullptr) return url != nullptr ? url->host : std::string();
  return dmarc::registrable_domain(url->host).value_or(url->host);
}

size_t port_of(const Url& url) {
  return url.port;
}

constexpr ViewArray kUrls = {
    "urls", "mail", Stage::Message, [](MailContext& mail, size_t) { return urls_of(mail).size(); },
    [](lua_State* lua, MailContext&, size_t, size_t at) { push_element(lua, State::UrlObjects, at); }};

constexpr std::array<ViewRow, 10> kUrl = {{
    {"text", Stage::Message, push_string<Url, &Url::text>},
    {"scheme", Stage::Message, push_string<Url, &Url::scheme>},
    {"host", Stage::Message, push_string<Url, &Url::host>},
    {"domain", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push(lua, domain_of(element_of<Url>(lua, mail))); }},
    {"user", Stage::Message, push_string<Url, &Url::user>},
    {"path", Stage::Message, push_string<Url, &Url::path>},
    {"port", Stage::Message, push_number<Url, port_of>},
    {"shown", Stage::Message, push_string<Url, &Url::shown>},
    {"shown_differs", Stage::Message, push_flag<Url, &Url::shown_differs>},
    {"where", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       const Url* url = element_of<Url>(lua, mail);
       push(lua, url != nullptr ? name_of(url->where) : std::string_view());
     }},
}};

// ---------------------------------------------------------------- mail.attachments

size_t size_of(const Attachment& attachment) {
  return attachment.size;
}
size_t part_of(const Attachment& attachment) {
  return attachment.part + 1;
}

constexpr ViewArray kAttachments = {
    "attachments", "mail", Stage::Message, [](MailContext& mail, size_t) { return attachments_of(mail).size(); },
    [](lua_State* lua, MailContext&, size_t, size_t at) { push_element(lua, State::AttachmentObjects, at); }};

constexpr ViewArray kNames = {"names", "mail.attachments[...]", Stage::Message,
                              [](MailContext& mail, size_t owner) {
                                const auto& attachments = attachments_of(mail);
                                return owner < attachments.size() ? attachments[owner].names.size() : 0;
                              },
                              [](lua_State* lua, MailContext& mail, size_t owner, size_t at) {
                                push(lua, attachments_of(mail)[owner].names[at]);
                              }};

constexpr std::array<ViewRow, 9> kAttachment = {{
    {"name", Stage::Message, push_string<Attachment, &Attachment::name>},
    {"type", Stage::Message, push_string<Attachment, &Attachment::type>},
    {"kind", Stage::Message, push_string<Attachment, &Attachment::kind>},
    {"extension", Stage::Message, push_string<Attachment, &Attachment::extension>},
    {"size", Stage::Message, push_number<Attachment, size_of>},
    {"encrypted", Stage::Message, push_flag<Attachment, &Attachment::encrypted>},
    {"archive", Stage::Message, push_flag<Attachment, &Attachment::archive>},
    {"names", Stage::Message,
     [](lua_State* lua, MailContext&) { push_element(lua, State::AttachmentNames, element_place(lua)); }},
    {"part", Stage::Message, push_number<Attachment, part_of>},
}};

// ---------------------------------------------------------------- mail.parts

std::string_view name_of(mime::Encoding encoding) {
  switch (encoding) {
    case mime::Encoding::Identity: return "identity";
    case mime::Encoding::QuotedPrintable: return "quoted-printable";
    case mime::Encoding::Base64: return "base64";
    case mime::Encoding::Unknown: return "unknown";
  }
  return "unknown";
}

size_t size_of(const Part& part) {
  return part.content.size();
}
size_t depth_of(const Part& part) {
  return part.depth;
}
// The message itself has none: 0.
size_t parent_of(const Part& part) {
  return part.depth == 0 ? 0 : part.parent + 1;
}

constexpr ViewArray kParts = {
    "parts", "mail", Stage::Message, [](MailContext& mail, size_t) { return structure_of(mail).parts.size(); },
    [](lua_State* lua, MailContext&, size_t, size_t at) { push_element(lua, State::PartObjects, at); }};

constexpr std::array<ViewRow, 11> kPart = {{
    {"type", Stage::Message, push_string<Part, &Part::type>},
    {"charset", Stage::Message, push_string<Part, &Part::charset>},
    {"disposition", Stage::Message, push_string<Part, &Part::disposition>},
    {"name", Stage::Message, push_string<Part, &Part::name>},
    {"content_id", Stage::Message, push_string<Part, &Part::content_id>},
    {"encoding", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       const Part* part = element_of<Part>(lua, mail);
       push(lua, part != nullptr ? name_of(part->encoding) : std::string_view());
     }},
    {"size", Stage::Message, push_number<Part, size_of>},
    {"depth", Stage::Message, push_number<Part, depth_of>},
    {"parent", Stage::Message, push_number<Part, parent_of>},
    {"multipart", Stage::Message, push_flag<Part, &Part::multipart>},
    {"message", Stage::Message, push_flag<Part, &Part::message>},
}};

// ---------------------------------------------------------------- mail.defects

// What must have been read for a defect to be known. So it does not depend on what other rules happened to read.
enum class Seen { Structure, Texts, Everything };

template <bool Defects::*member, Seen seen>
void push_defect(lua_State* lua, MailContext& mail) {
  if (seen != Seen::Structure) (void)text_of(mail);
  if (seen == Seen::Everything) (void)attachments_of(mail);
  lua_pushboolean(lua, structure_of(mail).defects.*member ? 1 : 0);
}

constexpr std::array<ViewRow, 10> kDefects = {{
    {"missing_boundary", Stage::Message, push_defect<&Defects::missing_boundary, Seen::Structure>},
    {"missing_close", Stage::Message, push_defect<&Defects::missing_close, Seen::Structure>},
    {"duplicate_header", Stage::Message, push_defect<&Defects::duplicate_header, Seen::Structure>},
    {"bad_encoding", Stage::Message, push_defect<&Defects::bad_encoding, Seen::Everything>},
    {"unknown_encoding", Stage::Message, push_defect<&Defects::unknown_encoding, Seen::Everything>},
    {"unknown_charset", Stage::Message, push_defect<&Defects::unknown_charset, Seen::Texts>},
    {"bad_charset", Stage::Message, push_defect<&Defects::bad_charset, Seen::Texts>},
    {"nul", Stage::Message, push_defect<&Defects::nul, Seen::Texts>},
    {"after_close", Stage::Message, push_defect<&Defects::after_close, Seen::Structure>},
    {"nested_too_deep", Stage::Message, push_defect<&Defects::nested_too_deep, Seen::Structure>},
}};

}  // namespace

constinit const ViewTable kUrlTable = {"mail.urls[...]", kUrl.data(), kUrl.size()};
constinit const ViewTable kAttachmentTable = {"mail.attachments[...]", kAttachment.data(), kAttachment.size()};
constinit const ViewTable kPartTable = {"mail.parts[...]", kPart.data(), kPart.size()};
constinit const ViewTable kDefectsTable = {"mail.defects", kDefects.data(), kDefects.size()};

mime::Content& content_of(MailContext& mail) {
  if (mail.facts->content) return *mail.facts->content;
  if (!mail.content) mail.content = std::make_unique<mime::Content>(mail.facts->message, !mail.facts->truncated);
  return *mail.content;
}

const mime::Message& structure_of(MailContext& mail) {
  return work_out(mail, &ContentRead::structure, &mime::Content::structure);
}

const std::string& text_of(MailContext& mail) {
  return work_out(mail, &ContentRead::text, &mime::Content::text);
}

const std::string& hidden_of(MailContext& mail) {
  return work_out(mail, &ContentRead::hidden, &mime::Content::hidden);
}

const std::vector<mime::Url>& urls_of(MailContext& mail) {
  return work_out(mail, &ContentRead::urls, &mime::Content::urls);
}

const std::vector<mime::Attachment>& attachments_of(MailContext& mail) {
  return work_out(mail, &ContentRead::attachments, &mime::Content::attachments);
}

const message::Header& header_of(MailContext& mail) {
  if (!mail.header) {
    Watchdog::Pause pause;
    mail.header = message::parse_header(mail.facts->message);
  }
  return *mail.header;
}

const std::string& field_text(MailContext& mail, size_t at) {
  auto [place, is_new] = mail.read.fields.try_emplace(at);
  if (is_new) {
    Watchdog::Pause pause;
    place->second = mime::decode_header(header_of(mail).fields[at].value);
  }
  return place->second;
}

void push_text(lua_State* lua, MailContext& mail) {
  State::of(lua).texts.push(lua, mail.number, KeptTexts::Text, text_of(mail));
}

void push_hidden(lua_State* lua, MailContext& mail) {
  State::of(lua).texts.push(lua, mail.number, KeptTexts::Hidden, hidden_of(mail));
}

// Of what has been read so far: asking whether all was seen must not decode what nobody reads.
void push_truncated(lua_State* lua, MailContext& mail) {
  (void)structure_of(mail);
  lua_pushboolean(lua, mail.facts->truncated || content_of(mail).truncated() ? 1 : 0);
}

void open_content(lua_State* lua) {
  make_array(lua, State::Urls, kUrls);
  make_elements(lua, State::UrlObjects, kUrlTable);
  make_array(lua, State::Attachments, kAttachments);
  make_elements(lua, State::AttachmentObjects, kAttachmentTable);
  make_element_arrays(lua, State::AttachmentNames, kNames);
  make_array(lua, State::Parts, kParts);
  make_elements(lua, State::PartObjects, kPartTable);
  make_view(lua, State::Defects, kDefectsTable);
}

}  // namespace postern::rules
