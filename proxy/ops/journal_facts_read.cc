// Facts out of the journal.
#include <array>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "filters/mime/content.h"
#include "proxy/ops/journal_facts.h"
#include "proxy/ops/journal_names.h"

namespace postern::ops {

using nlohmann::json;

const json* JournalFields::find(const char* name) const {
  if (!object_.is_object()) return nullptr;
  auto found = object_.find(name);
  return found != object_.end() ? &*found : nullptr;
}

const json& JournalFields::at(const char* name) const {
  static const json none;
  const json* value = find(name);
  return value != nullptr ? *value : none;
}

std::string JournalFields::text(const char* name) const {
  const json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return octets_of(value->get_ref<const std::string&>());
  bad_ = true;
  return {};
}

int64_t JournalFields::integer(const char* name, int64_t usual) const {
  const json* value = find(name);
  if (value == nullptr) return usual;
  if (value->is_number_integer()) return value->get<int64_t>();
  bad_ = true;
  return usual;
}

uint64_t JournalFields::count(const char* name, uint64_t usual) const {
  const json* value = find(name);
  if (value == nullptr) return usual;
  if (value->is_number_unsigned()) return value->get<uint64_t>();
  bad_ = true;
  return usual;
}

double JournalFields::real(const char* name, double usual) const {
  const json* value = find(name);
  if (value == nullptr) return usual;
  if (value->is_number()) return value->get<double>();
  bad_ = true;
  return usual;
}

bool JournalFields::flag(const char* name) const {
  const json* value = find(name);
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  bad_ = true;
  return false;
}

std::vector<std::string> JournalFields::texts(const char* name) const {
  std::vector<std::string> out;
  const json& list = at(name);
  out.reserve(list.size());
  for (const json& value : list) {
    if (value.is_string()) {
      out.push_back(octets_of(value.get_ref<const std::string&>()));
    } else {
      bad_ = true;
    }
  }
  return out;
}

template <class Enum>
Enum JournalFields::word(const char* name, Enum usual) const {
  const json* value = find(name);
  if (value == nullptr) return usual;
  auto known = value->is_string() ? value_of<Enum>(value->get_ref<const std::string&>()) : std::nullopt;
  if (!known) bad_ = true;
  return known.value_or(usual);
}
template rules::Verdict JournalFields::word(const char*, rules::Verdict) const;
template session::Cause JournalFields::word(const char*, session::Cause) const;

namespace {

std::optional<bool> answer_of(const JournalFields& fields, const char* name) {
  return fields.has(name) ? std::optional(fields.flag(name)) : std::nullopt;
}

IpAddress address_of(const std::string& text, bool& bad) {
  auto address = IpAddress::parse(text);
  bad = bad || !address;
  return address.value_or(IpAddress());
}

/// `read` for each object of a list.
template <class Use>
void for_each(const JournalFields& fields, const char* name, Use use) {
  for (const json& value : fields.at(name)) use(JournalFields(value, fields.bad()));
}

void read_client(const JournalFields& fields, ClientFacts& client) {
  client.ip = address_of(fields.text("ip"), fields.bad());
  client.port = static_cast<uint16_t>(fields.count("port"));
  client.name = fields.text("name");
  client.tls = fields.flag("tls");
  client.early = fields.flag("early");
  if (fields.has("reverse")) client.reverse = fields.word("reverse", dns::ReverseName::Result::PermError);
}

dns::HeloName helo_of(const JournalFields& fields) {
  return {fields.flag("literal"), fields.flag("own"), fields.flag("qualified"), answer_of(fields, "resolves"),
          answer_of(fields, "matches")};
}

std::optional<spf::Outcome> spf_of(const JournalFields& facts, const char* name) {
  if (!facts.has(name)) return std::nullopt;
  JournalFields fields = facts.in(name);
  return spf::Outcome{fields.word("result", spf::Result::None), fields.text("domain"), fields.text("explanation"),
                      fields.text("reason")};
}

dkim::Outcome signature_of(const JournalFields& fields) {
  dkim::Outcome signature;
  signature.result = fields.word("result", dkim::Result::Neutral);
  signature.domain = fields.text("domain");
  signature.selector = fields.text("selector");
  signature.identity = fields.text("identity");
  signature.algorithm = fields.text("algorithm");
  signature.signature_start = fields.text("start");
  signature.reason = fields.text("reason");
  signature.key_bits = static_cast<int>(fields.integer("bits"));
  signature.partial = fields.flag("partial");
  signature.testing = fields.flag("testing");
  return signature;
}

dmarc::Outcome dmarc_of(const JournalFields& fields) {
  dmarc::Outcome dmarc;
  dmarc.result = fields.word("result", dmarc::Result::None);
  dmarc.policy = fields.word("policy", dmarc::Policy::None);
  dmarc.from = fields.text("from");
  dmarc.domain = fields.text("domain");
  dmarc.record_domain = fields.text("record_domain");
  dmarc.testing = fields.flag("testing");
  dmarc.strict_spf = fields.flag("strict_spf");
  dmarc.strict_dkim = fields.flag("strict_dkim");
  for (const std::string& word : fields.texts("aligned")) {
    auto method = value_of<dmarc::Identifier::Method>(word);
    if (method) dmarc.aligned.push_back(*method);
    if (!method) fields.bad() = true;
  }
  dmarc.reason = fields.text("reason");
  dmarc.override_by = fields.text("override");
  return dmarc;
}

arc::Outcome arc_of(const JournalFields& fields) {
  arc::Outcome arc;
  arc.result = fields.word("result", arc::Result::None);
  for_each(fields, "sets", [&](const JournalFields& set) {
    arc.sets.push_back({set.text("sealer"), set.text("selector"), {}});
  });
  arc.reason = fields.text("reason");
  if (fields.has("oldest_pass")) arc.oldest_pass = fields.count("oldest_pass");
  arc.partial = fields.flag("partial");
  return arc;
}

bulk::Outcome bulk_of(const JournalFields& fields) {
  bulk::Outcome bulk;
  bulk.count = fields.count("count", bulk.count);
  bulk.similarity = fields.real("similarity");
  bulk.first_seen = fields.integer("first_seen");
  bulk.age = fields.integer("age");
  bulk.networks = fields.count("networks", bulk.networks);
  bulk.senders = fields.count("senders", bulk.senders);
  bulk.domains = fields.count("domains");
  bulk.recipients = fields.count("recipients", bulk.recipients);
  bulk.authenticated_share = fields.real("authenticated_share");
  bulk.cluster = fields.text("cluster");
  bulk.evidence = fields.word("evidence", bulk.evidence);
  bulk.aspect = fields.word("of", bulk.aspect);
  bulk.allowed = fields.flag("allowed");
  return bulk;
}

classifier::Outcome classifier_of(const JournalFields& fields) {
  classifier::Outcome classifier;
  classifier.spam = fields.real("spam", classifier.spam);
  classifier.ready = fields.flag("ready");
  classifier.ham_learned = fields.count("ham_learned");
  classifier.spam_learned = fields.count("spam_learned");
  return classifier;
}

mime::Url url_of(const JournalFields& fields) {
  mime::Url url;
  url.scheme = fields.text("scheme");
  url.host = fields.text("host");
  url.user = fields.text("user");
  url.path = fields.text("path");
  url.port = static_cast<uint16_t>(fields.count("port"));
  url.shown = fields.text("shown");
  url.shown_differs = fields.flag("shown_differs");
  url.where = fields.word("where", mime::Url::Where::Text);
  url.text = fields.text("text");
  if (!fields.has("text")) {
    for (std::string_view piece : {std::string_view(url.scheme), std::string_view("://"), std::string_view(url.host),
                                   std::string_view(url.path)}) {
      url.text += piece;
    }
  }
  return url;
}

mime::Attachment attachment_of(const JournalFields& fields) {
  mime::Attachment one;
  one.name = fields.text("name");
  one.type = fields.text("type");
  one.kind = fields.text("kind");
  one.extension = fields.text("extension");
  one.size = fields.count("size");
  one.encrypted = fields.flag("encrypted");
  one.archive = fields.flag("archive");
  one.names = fields.texts("names");
  one.part = fields.count("part");
  return one;
}

lists::Outcome list_of(const JournalFields& fields) {
  lists::Outcome outcome;
  outcome.state = fields.word("state", lists::Outcome::State::Unasked);
  outcome.reason = fields.text("reason");
  for_each(fields, "listings", [&](const JournalFields& each) {
    lists::Outcome::Listing listing;
    listing.subject = each.text("subject");
    listing.name = each.text("name");
    for (const std::string& answer : each.texts("answers")) {
      listing.answers.push_back(address_of(answer, each.bad()));
    }
    for (const json& place : each.at("matched")) {
      if (place.is_number_unsigned()) listing.matched.push_back(place.get<size_t>());
    }
    outcome.listings.push_back(std::move(listing));
  });
  return outcome;
}

mime::Kept content_of(const JournalFields& facts) {
  mime::Kept kept;
  kept.truncated = facts.flag("content_truncated");
  for_each(facts, "urls", [&](const JournalFields& url) { kept.urls.push_back(url_of(url)); });
  for_each(facts, "attachments", [&](const JournalFields& one) { kept.attachments.push_back(attachment_of(one)); });
  return kept;
}

}  // namespace

void read_facts(const JournalFields& data, JournalEntry& entry) {
  JournalFields fields = data.in("facts");
  Facts& facts = *entry.facts;
  read_client(fields.in("client"), facts.client);
  facts.helo = fields.text("helo");
  facts.helo_is = helo_of(fields.in("helo_is"));
  facts.from = fields.text("from");
  facts.helo_spf = spf_of(fields, "helo_spf");
  facts.spf = spf_of(fields, "spf");
  facts.rcpts = fields.texts("rcpts");
  facts.size = fields.count("size");
  facts.truncated = fields.flag("truncated");
  for_each(fields, "dkim", [&](const JournalFields& each) { facts.dkim.push_back(signature_of(each)); });
  facts.dkim_ignored = fields.count("dkim_ignored");
  if (fields.has("arc")) facts.arc = arc_of(fields.in("arc"));
  if (fields.has("dmarc")) facts.dmarc = dmarc_of(fields.in("dmarc"));
  facts.bulk = bulk_of(fields.in("bulk"));
  facts.classifier = classifier_of(fields.in("classifier"));
  facts.smtputf8 = fields.flag("smtputf8");
  facts.message = *entry.header;
  facts.content = std::make_shared<mime::Content>(facts.message, content_of(fields));
  entry.unknown = fields.texts("unknown");
  entry.rcpts_left_out = fields.count("rcpts_left_out");
  entry.urls_left_out = fields.count("urls_left_out");
  entry.urls_cut = fields.count("urls_cut");
  entry.attachments_left_out = fields.count("attachments_left_out");
  for (lists::Outcome::State state : {lists::Outcome::State::Unlisted, lists::Outcome::State::Unasked}) {
    bool asked = state == lists::Outcome::State::Unlisted;
    for (std::string& name : data.texts(asked ? "lists_unlisted" : "lists_unasked")) {
      entry.lists.emplace_back(std::move(name), lists::Outcome{state, {}, {}});
    }
  }
  const json& lists = data.at("lists");
  if (!lists.is_object()) return;
  for (const auto& [name, value] : lists.items())
    entry.lists.emplace_back(name, list_of(JournalFields(value, data.bad())));
}

}  // namespace postern::ops
