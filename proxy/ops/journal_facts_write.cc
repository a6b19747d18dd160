// Facts into the journal. On a worker, once a message: everything is appended to one string.
#include <algorithm>

#include "proxy/ops/journal_facts.h"
#include "proxy/ops/journal_names.h"

namespace postern::ops {
namespace {

constexpr size_t kMaxName = 300;    // of domains and the like
constexpr size_t kMaxReason = 100;  // of a list: while it is suspended every message has it

void write_client(JsonText& out, const ClientFacts& client) {
  out.name("client").open('{');
  out.word("ip", client.ip.to_string());
  out.field("port", client.port);
  out.text("name", client.name, kMaxKeptText);
  out.field("tls", client.tls);
  out.field("early", client.early);
  if (client.reverse) out.word("reverse", word_of(*client.reverse));
  out.close('}');
}

void write_helo_is(JsonText& out, const dns::HeloName& helo) {
  out.name("helo_is").open('{');
  out.field("literal", helo.literal);
  out.field("own", helo.own);
  out.field("qualified", helo.qualified);
  if (helo.resolves) out.name("resolves").value(*helo.resolves);
  if (helo.matches) out.name("matches").value(*helo.matches);
  out.close('}');
}

void write_rcpts(JsonText& out, const std::vector<std::string>& rcpts) {
  out.name("rcpts").open('[');
  for (size_t i = 0; i < std::min(rcpts.size(), kMaxKeptRcpts); ++i) out.text(rcpts[i], kMaxKeptText);
  out.close(']');
  out.field("rcpts_left_out", rcpts.size() - std::min(rcpts.size(), kMaxKeptRcpts));
}

void write_spf(JsonText& out, std::string_view name, const std::optional<spf::Outcome>& outcome) {
  if (!outcome) return;
  out.name(name).open('{');
  out.word("result", word_of(outcome->result));
  out.text("domain", outcome->domain, kMaxName);
  out.text("explanation", outcome->explanation, kMaxKeptText);
  out.text("reason", outcome->reason, kMaxKeptText);
  out.close('}');
}

void write_dkim(JsonText& out, const Facts& facts) {
  if (!facts.dkim.empty()) {
    out.name("dkim").open('[');
    for (const dkim::Outcome& signature : facts.dkim) {
      out.open('{');
      out.word("result", word_of(signature.result));
      out.text("domain", signature.domain, kMaxName);
      out.text("selector", signature.selector, kMaxName);
      out.text("identity", signature.identity, kMaxKeptText);
      out.text("algorithm", signature.algorithm, kMaxName);
      out.text("start", signature.signature_start, kMaxName);
      out.text("reason", signature.reason, kMaxKeptText);
      out.field("bits", signature.key_bits);
      out.field("partial", signature.partial);
      out.field("testing", signature.testing);
      out.close('}');
    }
    out.close(']');
  }
  out.field("dkim_ignored", facts.dkim_ignored);
}

void write_dmarc(JsonText& out, const dmarc::Outcome& dmarc) {
  out.name("dmarc").open('{');
  out.word("result", word_of(dmarc.result));
  out.word("policy", word_of(dmarc.policy));
  out.text("from", dmarc.from, kMaxName);
  out.text("domain", dmarc.domain, kMaxName);
  out.text("record_domain", dmarc.record_domain, kMaxName);
  out.field("testing", dmarc.testing);
  out.field("strict_spf", dmarc.strict_spf);
  out.field("strict_dkim", dmarc.strict_dkim);
  if (!dmarc.aligned.empty()) {
    out.name("aligned").open('[');
    for (dmarc::Identifier::Method method : dmarc.aligned) out.word(word_of(method));
    out.close(']');
  }
  out.text("reason", dmarc.reason, kMaxKeptText);
  out.text("override", dmarc.override_by, kMaxName);
  out.close('}');
}

/// Without what the sealers' Authentication-Results say: no rule reads it, and it is long.
void write_arc(JsonText& out, const arc::Outcome& arc) {
  out.name("arc").open('{');
  out.word("result", word_of(arc.result));
  if (!arc.sets.empty()) {
    out.name("sets").open('[');
    for (const arc::Set& set : arc.sets) {
      out.open('{');
      out.text("sealer", set.sealer, kMaxName);
      out.text("selector", set.selector, kMaxName);
      out.close('}');
    }
    out.close(']');
  }
  out.text("reason", arc.reason, kMaxKeptText);
  if (arc.oldest_pass) out.name("oldest_pass").value(*arc.oldest_pass);
  out.field("partial", arc.partial);
  out.close('}');
}

void write_bulk(JsonText& out, const bulk::Outcome& bulk) {
  const bulk::Outcome usual;
  out.name("bulk").open('{');
  out.field("count", bulk.count, usual.count);
  out.field("similarity", bulk.similarity);
  out.field("first_seen", bulk.first_seen);
  out.field("age", bulk.age);
  out.field("networks", bulk.networks, usual.networks);
  out.field("senders", bulk.senders, usual.senders);
  out.field("domains", bulk.domains);
  out.field("recipients", bulk.recipients, usual.recipients);
  out.field("authenticated_share", bulk.authenticated_share);
  out.text("cluster", bulk.cluster, kMaxName);
  if (bulk.evidence != usual.evidence) out.word("evidence", word_of(bulk.evidence));
  if (bulk.aspect != usual.aspect) out.word("of", word_of(bulk.aspect));
  out.field("allowed", bulk.allowed);
  out.close('}');
}

void write_classifier(JsonText& out, const classifier::Outcome& classifier) {
  const classifier::Outcome usual;
  if (classifier.ham_learned == 0 && classifier.spam_learned == 0 && !classifier.ready) return;
  out.name("classifier").open('{');
  out.field("spam", classifier.spam, usual.spam);
  out.field("ready", classifier.ready);
  out.field("ham_learned", classifier.ham_learned);
  out.field("spam_learned", classifier.spam_learned);
  out.close('}');
}

/// Whether the text is what the pieces say, as it is of most.
bool is_plain(const mime::Url& url) {
  if (!url.user.empty() || url.port != 0) return false;
  std::string_view text = url.text;
  for (std::string_view piece : {std::string_view(url.scheme), std::string_view("://"), std::string_view(url.host)}) {
    if (!text.starts_with(piece)) return false;
    text.remove_prefix(piece.size());
  }
  return text == url.path;
}

bool is_long(const mime::Url& url) {
  return std::max({url.text.size(), url.path.size(), url.user.size(), url.host.size(), url.shown.size()}) > kMaxKeptUrl;
}

void write_url(JsonText& out, const mime::Url& url) {
  out.open('{');
  if (!is_plain(url)) out.text("text", url.text, kMaxKeptUrl);
  out.text("scheme", url.scheme, kMaxName);
  out.text("host", url.host, kMaxKeptUrl);
  out.text("user", url.user, kMaxKeptUrl);
  out.text("path", url.path, kMaxKeptUrl);
  out.field("port", url.port);
  out.text("shown", url.shown, kMaxKeptUrl);
  out.field("shown_differs", url.shown_differs);
  if (url.where != mime::Url::Where::Text) out.word("where", word_of(url.where));
  out.close('}');
}

void write_urls(JsonText& out, const std::vector<mime::Url>& urls) {
  if (urls.empty()) return;
  size_t begin = out.size();
  size_t kept = 0;
  size_t cut = 0;
  out.name("urls").open('[');
  while (kept < std::min(urls.size(), kMaxKeptUrls) && out.size() - begin < kMaxKeptUrlOctets) {
    cut += is_long(urls[kept]) ? 1 : 0;
    write_url(out, urls[kept++]);
  }
  out.close(']');
  out.field("urls_left_out", urls.size() - kept);
  out.field("urls_cut", cut);
}

void write_attachments(JsonText& out, const std::vector<mime::Attachment>& attachments) {
  if (attachments.empty()) return;
  size_t count = std::min(attachments.size(), kMaxKeptAttachments);
  out.name("attachments").open('[');
  for (size_t i = 0; i < count; ++i) {
    const mime::Attachment& one = attachments[i];
    out.open('{');
    out.text("name", one.name, kMaxKeptText);
    out.text("type", one.type, kMaxName);
    out.text("kind", one.kind, kMaxName);
    out.text("extension", one.extension, kMaxName);
    out.field("size", one.size);
    out.field("encrypted", one.encrypted);
    out.field("archive", one.archive);
    if (!one.names.empty()) {
      out.name("names").open('[');
      for (size_t at = 0; at < std::min(one.names.size(), kMaxKeptNames); ++at) out.text(one.names[at], kMaxName);
      out.close(']');
    }
    out.field("part", one.part);
    out.close('}');
  }
  out.close(']');
  out.field("attachments_left_out", attachments.size() - count);
}

void write_content(JsonText& out, mime::Content* content) {
  const auto* urls = content != nullptr ? content->known_urls() : nullptr;
  const auto* attachments = content != nullptr ? content->known_attachments() : nullptr;
  if (urls != nullptr) write_urls(out, *urls);
  if (attachments != nullptr) write_attachments(out, *attachments);
  if (content != nullptr) out.field("content_truncated", content->truncated());
  if (urls != nullptr && attachments != nullptr) return;
  out.name("unknown").open('[');
  if (urls == nullptr) out.word("urls");
  if (attachments == nullptr) out.word("attachments");
  out.close(']');
}

void write_listing(JsonText& out, const lists::Outcome::Listing& listing) {
  out.open('{');
  out.text("subject", listing.subject, kMaxName);
  out.text("name", listing.name, kMaxName);
  out.name("answers").open('[');
  for (const IpAddress& answer : listing.answers) out.word(answer.to_string());
  out.close(']');
  out.name("matched").open('[');
  for (size_t matched : listing.matched) out.value(matched);
  out.close(']');
  out.close('}');
}

/// All that is to say of it is its state.
bool is_quiet(const lists::Outcome& outcome) {
  using State = lists::Outcome::State;
  return (outcome.state == State::Unlisted || outcome.state == State::Unasked) && outcome.reason.empty() &&
         outcome.listings.empty();
}

/// `end`: no listings beyond this size of `out`.
void write_list(JsonText& out, std::string_view name, const lists::Outcome& outcome, size_t end) {
  out.name(name).open('{');
  out.word("state", word_of(outcome.state));
  out.text("reason", outcome.reason, kMaxReason);
  if (!outcome.listings.empty()) {
    out.name("listings").open('[');
    for (const auto& listing : outcome.listings) {
      if (out.size() > end) break;
      write_listing(out, listing);
    }
    out.close(']');
  }
  out.close('}');
}

/// The names of enabled lists of which there is only this to say.
void write_quiet(JsonText& out, std::string_view field, lists::Outcome::State state,
                 const std::vector<lists::Outcome>& outcomes, const lists::Lists& lists) {
  out.name(field).open('[');
  for (size_t i = 0; i < std::min(outcomes.size(), lists.size()); ++i) {
    if (outcomes[i].state == state && is_quiet(outcomes[i]) && lists[i].enabled) out.word(lists[i].name);
  }
  out.close(']');
}

}  // namespace

void write_facts(JsonText& out, const Facts& facts) {
  out.name("facts").open('{');
  write_client(out, facts.client);
  out.text("helo", facts.helo, kMaxKeptText);
  write_helo_is(out, facts.helo_is);
  out.text("from", facts.from, kMaxKeptText);
  write_spf(out, "helo_spf", facts.helo_spf);
  write_spf(out, "spf", facts.spf);
  write_rcpts(out, facts.rcpts);
  out.field("size", facts.size);
  out.field("truncated", facts.truncated);
  write_dkim(out, facts);
  if (facts.arc) write_arc(out, *facts.arc);
  if (facts.dmarc) write_dmarc(out, *facts.dmarc);
  write_bulk(out, facts.bulk);
  write_classifier(out, facts.classifier);
  out.field("smtputf8", facts.smtputf8);
  write_content(out, facts.content.get());
  out.close('}');
}

void write_lists(JsonText& out, const Facts& facts, const lists::Lists& lists, bool everything) {
  using State = lists::Outcome::State;
  size_t count = std::min(facts.lists.size(), lists.size());
  if (count == 0) return;
  size_t begin = out.size();
  out.name("lists").open('{');
  for (size_t i = 0; i < count; ++i) {
    if (!is_quiet(facts.lists[i])) write_list(out, lists[i].name, facts.lists[i], begin + kMaxKeptListings);
  }
  out.close('}');
  write_quiet(out, "lists_unlisted", State::Unlisted, facts.lists, lists);
  if (everything) write_quiet(out, "lists_unasked", State::Unasked, facts.lists, lists);
}

}  // namespace postern::ops
