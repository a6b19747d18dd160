#include "proxy/session/added_header.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "filters/auth_results/compose.h"
#include "filters/base/bytes.h"

namespace postern::session {
namespace {

/// RFC 5322, 3.3, in UTC.
std::string date_time(int64_t wall_ms) {
  static constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  return std::string(days[static_cast<size_t>(tm.tm_wday)]) + ", " + std::to_string(tm.tm_mday) + ' ' +
         months[static_cast<size_t>(tm.tm_mon)] + ' ' + std::to_string(tm.tm_year + 1900) + ' ' + two(tm.tm_hour) +
         ':' + two(tm.tm_min) + ':' + two(tm.tm_sec) + " +0000";
}

/// What a client calls itself, where a field wants a domain or an address literal: anything else becomes '?'.
std::string clean_name(std::string_view name) {
  std::string out(name.substr(0, 255));
  for (char& c : out) {
    bool allowed = ascii_alnum(c) || std::string_view("-._:[]").find(c) != std::string_view::npos;
    if (!allowed) c = '?';
  }
  return out.empty() ? "unknown" : out;
}

std::string literal(const IpAddress& ip) {
  return (ip.is_v4() ? "[" : "[IPv6:") + ip.to_string() + ']';
}

/// RFC 3848 and RFC 6531, 4.3.
std::string_view with_keyword(const Stamp& stamp) {
  // Encrypted from the first octet counts too, although no STARTTLS told us of a cipher.
  bool tls = stamp.facts->client.tls;
  if (stamp.smtputf8) return tls ? "UTF8SMTPS" : "UTF8SMTP";
  if (tls) return "ESMTPS";
  return stamp.esmtp ? "ESMTP" : "SMTP";
}

/// An address that may stand between < and > of a trace field.
bool is_plain_address(std::string_view address, bool smtputf8) {
  return std::all_of(address.begin(), address.end(), [&](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && c != '<' && c != '>' && (byte < 0x80 || smtputf8);
  });
}

/// A rule's words inside "tests=[A=1.0(words), B=2.0]": nothing that ends a word of that list.
std::string clean_detail(std::string_view detail) {
  std::string out = printable_ascii(detail, 80);
  for (char& c : out) {
    if (std::string_view("(),[]=\"").find(c) != std::string_view::npos) c = '?';
  }
  return out;
}

std::string test_list(const rules::Evaluation& evaluation) {
  std::string list;
  for (const auto& hit : evaluation.hits) {
    if (hit.shadow) continue;
    if (!list.empty()) list += ", ";
    list += hit.rule + '=' + rules::format_score(hit.score);
    if (!hit.detail.empty()) list += '(' + clean_detail(hit.detail) + ')';
  }
  return list;
}

/// RFC 5322, 2.1.1: no line over 998 octets. Folded only where needed, so that the common case stays greppable.
std::string fold_long(std::string field) {
  constexpr size_t kMost = 900;
  size_t line = 0;
  for (size_t i = 0; i < field.size(); ++i, ++line) {
    if (line > kMost && field[i] == ' ') {
      field.insert(i, "\r\n");
      i += 2;
      line = 0;
    }
  }
  return field;
}

std::string with_prefix(const message::Field& field, std::string_view prefix) {
  auto value_at = static_cast<size_t>(field.value.data() - field.raw.data());
  std::string_view value = field.raw.substr(value_at);
  size_t text = std::min(value.find_first_not_of(" \t"), value.size());
  std::string out(field.raw.substr(0, value_at));
  out += ' ';
  out += prefix;
  if (prefix.back() != ' ') out += ' ';
  return out.append(value.substr(text));
}

}  // namespace

std::string received_field(const Stamp& stamp) {
  const Facts& facts = *stamp.facts;
  std::string field = "Received: from " + clean_name(facts.helo) + " (";
  if (!facts.client.name.empty()) field += clean_name(facts.client.name) + ' ';
  field += literal(facts.client.ip) + ")\r\n\t";
  if (stamp.tls) {
    field += "(using " + printable_ascii(stamp.tls->version, 32) + " with cipher " +
             printable_ascii(stamp.tls->cipher, 64) + " (" + std::to_string(stamp.tls->bits) + " bits))\r\n\t";
  }
  field += "by " + std::string(stamp.hostname) + " (Postern) with " + std::string(with_keyword(stamp)) + " id " +
           std::string(stamp.id);
  if (facts.rcpts.size() == 1 && is_plain_address(facts.rcpts[0], stamp.smtputf8)) {
    field += "\r\n\tfor <" + facts.rcpts[0] + '>';
  }
  return field + ";\r\n\t" + date_time(stamp.wall_ms) + "\r\n";
}

std::string spam_fields(const Stamp& stamp) {
  std::string out;
  if (stamp.filtered) {
    bool spam = stamp.judgement.verdict != rules::Verdict::Accept;
    double score = stamp.judgement.score;
    out += spam ? "X-Spam-Flag: YES\r\n" : "X-Spam-Flag: NO\r\n";
    out += "X-Spam-Score: " + rules::format_score(score) + "\r\n";
    if (score >= 1) {
      constexpr double kMostStars = 100;
      out += "X-Spam-Level: " + std::string(static_cast<size_t>(std::min(std::floor(score), kMostStars)), '*') + "\r\n";
    }
    out += fold_long(std::string("X-Spam-Status: ") + (spam ? "Yes" : "No") + ", score=" + rules::format_score(score) +
                     " required=" + (stamp.tag_limit ? rules::format_score(*stamp.tag_limit) : std::string("off")) +
                     " tests=[" + test_list(*stamp.evaluation) + ']' +
                     (stamp.rules_version.empty() ? "" : " version=" + std::string(stamp.rules_version)) + "\r\n");
  }
  return out + "X-Postern-Id: " + std::string(stamp.id) + "\r\n";
}

std::string stamped_header(const Stamp& stamp, const message::Header& header, std::string_view message) {
  std::string out = received_field(stamp);
  if (stamp.filtered) out += auth_results::auth_results_field(stamp.hostname, *stamp.facts);
  out += spam_fields(stamp);
  out.reserve(out.size() + header.header_size + 64);
  bool prefix = !stamp.subject_prefix.empty();
  for (const auto& field : header.fields) {
    if (message::must_strip(field, stamp.hostname)) continue;
    // On top a mail server gives the "From " line of an mbox file a name; below our fields it would end the header.
    if (&field == header.fields.data() && message::is_mbox_line(field)) out += "X-Mailbox-Line: ";
    if (prefix && equal_nocase(field.name, "Subject")) {
      out += with_prefix(field, stamp.subject_prefix);
      prefix = false;
    } else {
      out += field.raw;
    }
  }
  if (prefix) out += "Subject: " + std::string(stamp.subject_prefix) + "\r\n";
  // A last field without line end, or a message that is all body, would run into ours.
  if (header.header_size == message.size() && header.header_size > 0 && !out.ends_with("\r\n")) out += "\r\n";
  if (header.header_size == 0 && !message.starts_with("\r\n")) out += "\r\n";
  return out;
}

}  // namespace postern::session
