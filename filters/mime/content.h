// What is in a message, for rules: each thing is worked out when it is first asked for, and kept.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/mime/html.h"
#include "filters/mime/mime.h"
#include "filters/mime/urls.h"

namespace postern::mime {

struct Attachment {
  std::string name;       // as the sender wrote it; may be empty
  std::string type;       // as declared
  std::string kind;       // what it really is (kind.h); empty: unknown
  std::string extension;  // the last one of the name, lower case, without dot
  size_t size = 0;        // decoded octets, as far as they were looked at
  bool encrypted = false;
  bool archive = false;
  std::vector<std::string> names;  // in it, when it is an archive
  size_t part = 0;                 // index in Message::parts
};

/// What was kept of a message whose body is gone.
struct Kept {
  std::vector<Url> urls;
  std::vector<Attachment> attachments;
  bool truncated = false;
};

/// Over one message, which outlives it. One thread.
class Content {
 public:
  Content(std::string_view message, bool complete, const Limits& limits = {});
  /// Of what was kept. `header`: the message's, outlives it. There is no text, and the one part is empty.
  Content(std::string_view header, Kept kept);
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  ~Content();

  [[nodiscard]] const Message& structure();
  /// What a reader reads: every text part that is shown (of multipart/alternative the HTML and the plain one, since
  /// they may differ), UTF-8, at most kMaxText octets.
  [[nodiscard]] const std::string& text();
  /// Of that, what mail programs open with: of multipart/alternative the one part that they choose, HTML where there is
  /// any, else plain text, else the last (RFC 2046, 5.1.4: the best is the last; but nobody shows a calendar for HTML).
  [[nodiscard]] const std::string& shown();
  /// Text that HTML hides from its reader.
  [[nodiscard]] const std::string& hidden();
  /// Of all text parts, each once, with what is shown for it; at most kMaxUrls.
  [[nodiscard]] const std::vector<Url>& urls();
  /// Parts with a name or disposition of a file, and everything that is neither text nor multipart.
  [[nodiscard]] const std::vector<Attachment>& attachments();
  /// A limit was met somewhere in what was worked out so far.
  [[nodiscard]] bool truncated();

  /// The same where somebody asked before; null: nobody did, and it is not worked out now.
  [[nodiscard]] const std::vector<Url>* known_urls() const;
  [[nodiscard]] const std::vector<Attachment>* known_attachments() const;

  static constexpr size_t kMaxText = 1U << 20U;
  static constexpr size_t kMaxUrls = 500;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::mime
