#include "tests/unit/filters_arc/sealer.h"

#include <vector>

#include <gtest/gtest.h>

#include "filters/base/bytes.h"

namespace postern::test {
namespace {

std::vector<std::string> header_fields(std::string_view message) {
  std::vector<std::string> fields;
  while (!message.empty() && !message.starts_with("\r\n")) {
    size_t end = message.find("\r\n") + 2;
    while (end < message.size() && (message[end] == ' ' || message[end] == '\t')) end = message.find("\r\n", end) + 2;
    fields.emplace_back(message.substr(0, end));
    message.remove_prefix(end);
  }
  return fields;
}

std::string name_of(std::string_view field) {
  std::string out;
  for (char c : field.substr(0, field.find(':'))) {
    if (c > ' ') out += ascii_lower(c);
  }
  return out;
}

/// RFC 6376, 3.4.2, without CRLF.
std::string relaxed(std::string_view field) {
  std::string value;
  for (char c : field.substr(field.find(':') + 1)) {
    if (c == '\r' || c == '\n') continue;
    if (c == '\t') c = ' ';
    if (c != ' ' || (!value.empty() && value.back() != ' ')) value += c;
  }
  if (value.ends_with(' ')) value.pop_back();
  return name_of(field) + ":" + value;
}

std::string signed_header(const std::vector<std::string>& fields, std::string_view names) {
  std::string out;
  std::vector<bool> used(fields.size());
  while (!names.empty()) {
    size_t colon = names.find(':');
    std::string name = name_of(names.substr(0, colon));
    names.remove_prefix(colon == std::string_view::npos ? names.size() : colon + 1);
    for (size_t i = fields.size(); i-- > 0;) {
      if (used[i] || name_of(fields[i]) != name) continue;
      used[i] = true;
      out += relaxed(fields[i]) + "\r\n";
      break;
    }
  }
  return out;
}

/// Long values over many lines, as they arrive.
std::string folded(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i += 60) out += (i == 0 ? "" : "\r\n\t") + text.substr(i, 60);
  return out;
}

}  // namespace

std::string add_set(const std::string& message, const SetPlan& plan) {
  std::vector<std::string> fields = header_fields(message);
  size_t body = message.find("\r\n\r\n") + 4;
  std::string number = std::to_string(plan.instance);
  std::string common = "; i=" + number + "; a=" + plan.algorithm + "; d=" + plan.domain + "; s=" + plan.selector;

  std::string results = "ARC-Authentication-Results: i=" + number + "; " + plan.results + "\r\n";
  fields.insert(fields.begin(), results);
  std::string hash = plan.body_hash.empty() ? base64_sha256(std::string_view(message).substr(body)) : plan.body_hash;
  std::string signature = "ARC-Message-Signature: c=relaxed/simple" + common + ";\r\n h=" + plan.signed_fields +
                          "; bh=" + hash + plan.signature_tags + "; b=";
  signature += folded(plan.key->sign(signed_header(fields, plan.signed_fields) + relaxed(signature))) + "\r\n";
  fields.insert(fields.begin(), signature);

  std::string covered;
  for (size_t i = fields.size(); i-- > 0;) {
    if (name_of(fields[i]).starts_with("arc-")) covered += relaxed(fields[i]) + "\r\n";
  }
  std::string cv = !plan.cv.empty() ? plan.cv : plan.instance == 1 ? "none" : "pass";
  std::string own = "ARC-Seal: cv=" + cv + common + plan.seal_tags + ";\r\n\tb=";
  own += folded(plan.key->sign(covered + relaxed(own))) + "\r\n";
  return own + signature + results + message;
}

std::string seal(std::string message, size_t count) {
  for (size_t i = 1; i <= count; ++i) {
    SetPlan plan;
    plan.instance = i;
    message = add_set(message, plan);
  }
  return message;
}

std::string plain_message() {
  return "From: Ann <ann@a.example>\r\nTo: bob@b.example\r\nSubject: two\r\n  lines\r\n\r\nHello,\r\nBob.\r\n";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace postern::test
