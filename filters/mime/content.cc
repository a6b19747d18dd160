#include "filters/mime/content.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/content_parts.h"
#include "filters/mime/kind.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

Url::Where where_of(Link::Kind kind) {
  switch (kind) {
    case Link::Kind::Image: return Url::Where::Image;
    case Link::Kind::Form: return Url::Where::Form;
    case Link::Kind::Anchor:
    case Link::Kind::Other: return Url::Where::Html;
  }
  return Url::Where::Html;
}

/// One thing that is worked out from many parts: what Limits::total_decoded leaves of it. Text and attachments have one
/// each, so that neither depends on which of them a rule asked for first.
struct Budget {
  size_t left;
};

}  // namespace

class Content::Impl {
 public:
  Impl(std::string_view message, bool complete, const Limits& limits)
      : message_(message), complete_(complete), limits_(limits) {}
  /// Texts and attachments are read already, and there was nothing but what is given.
  Impl(std::string_view header, Kept kept)
      : message_(header),
        complete_(false),
        read_(true),
        attached_(true),
        linked_(true),
        kept_(true),
        truncated_(kept.truncated),
        urls_(std::move(kept.urls)),
        attachments_(std::move(kept.attachments)) {}

  const Message& structure() {
    if (!parsed_) {
      structure_ = parse(message_, limits_, complete_);
      parsed_ = true;
      truncated_ = truncated_ || (structure_.truncated && !kept_);
    }
    return structure_;
  }
  const std::string& text() {
    read_texts();
    return text_;
  }
  const std::string& shown() {
    read_texts();
    if (!std::exchange(chosen_, true) && alternatives_) choose_shown();
    return alternatives_ ? shown_ : text_;
  }
  const std::string& hidden() {
    read_texts();
    return hidden_;
  }
  const std::vector<Url>& urls() {
    read_texts();
    read_urls();
    linked_ = true;
    return urls_;
  }
  [[nodiscard]] const std::vector<Url>* known_urls() const { return linked_ ? &urls_ : nullptr; }
  [[nodiscard]] const std::vector<Attachment>* known_attachments() const { return attached_ ? &attachments_ : nullptr; }
  const std::vector<Attachment>& attachments() {
    if (!attached_) read_attachments();
    return attachments_;
  }
  [[nodiscard]] bool truncated() const { return truncated_; }

 private:
  static constexpr size_t kMaxUnread = 1U << 20U;  // octets
  static constexpr size_t kMaxRest = 64U << 10U;   // octets

  /// What URLs have not been looked for in: a part's text, as a place in text_ where it is there as a whole.
  struct Unread {
    std::string text;
    size_t begin = 0;
    size_t size = 0;
    std::vector<Link> links;
    std::vector<Span> linked;
  };

  /// The text of a part that is shown: a place in text_, where it is there as a whole.
  struct Text {
    size_t part = 0;
    size_t begin = 0;
    size_t size = 0;
    std::string rest;  // else its beginning: the part before may be there only to use up the room
  };

  std::string decode_part(const Part& part, Budget& budget) {
    size_t limit = std::min(limits_.decoded, budget.left);
    std::string decoded = decode(part, limit + 1, structure_.defects);
    if (decoded.size() > limit) {
      decoded.resize(limit);
      truncated_ = true;
    }
    budget.left -= decoded.size();
    return decoded;
  }

  /// False: not all of it.
  bool append(std::string& to, std::string_view text) {
    if (text.empty()) return true;
    if (!to.empty() && to.size() < kMaxText && to.back() != '\n') to += '\n';
    std::string_view fits = cut_utf8(text, kMaxText - to.size());
    truncated_ = truncated_ || fits.size() < text.size();
    to.append(fits);
    return fits.size() == text.size();
  }

  /// To text_. False: not all of it.
  bool append_shown(size_t part, std::string_view text) {
    bool whole = append(text_, text);
    Text kept{part, text_.size() - (whole ? text.size() : 0), whole ? text.size() : 0, {}};
    if (!whole) kept.rest = cut_utf8(text, kMaxRest);
    texts_.push_back(std::move(kept));
    return whole;
  }

  void choose_shown() {
    std::vector<bool> chosen = choose_shown_parts(structure_);
    for (const Text& text : texts_) {
      if (!chosen[text.part]) continue;
      append(shown_, std::string_view(text_).substr(text.begin, text.size));
      append(shown_, text.rest);
    }
  }

  void read_texts() {
    if (std::exchange(read_, true)) return;
    (void)structure();
    Budget budget{limits_.total_decoded};
    alternatives_ = std::any_of(structure_.parts.begin(), structure_.parts.end(), is_alternative);
    for (size_t i = 0; i < structure_.parts.size(); ++i) {
      const Part& part = structure_.parts[i];
      if (!is_text(part)) continue;
      std::string utf8 = to_utf8(decode_part(part, budget), part.charset, structure_.defects);
      if (is_html(part)) {
        read_html_part(i, utf8);
      } else {
        Unread unread;
        unread.text = plain_text(std::move(utf8));
        bool whole = is_shown(part) && append_shown(i, unread.text);
        keep_unread(std::move(unread), whole);
      }
    }
  }

  /// Of an attachment that is not shown only its URLs: opening it is one click, as following them is.
  void read_html_part(size_t part, std::string_view utf8) {
    bool shown = is_shown(structure_.parts[part]);
    Html html = read_html(utf8, kMaxText);
    truncated_ = truncated_ || html.truncated;
    Unread unread;
    unread.text = std::move(html.text);
    unread.links = std::move(html.links);
    unread.linked = std::move(html.linked);
    bool whole = shown && append_shown(part, unread.text);
    if (shown) append(hidden_, html.hidden);
    keep_unread(std::move(unread), whole);
  }

  /// `in_text`: text_ ends with it.
  void keep_unread(Unread unread, bool in_text) {
    unread.size = unread.text.size();
    if (in_text) {
      unread.begin = text_.size() - unread.size;
      unread.text = std::string();
    }
    unread_size_ += unread.text.size();
    for (const Link& link : unread.links) unread_size_ += link.target.size() + link.text.size() + sizeof link;
    unread_.push_back(std::move(unread));
    // More than most messages have is not kept until somebody asks.
    if (unread_size_ > kMaxUnread) read_urls();
  }

  void read_urls() {
    for (Unread& part : unread_) {
      for (const Link& link : part.links) add_link(link);
      if (part.linked.empty()) {
        std::string_view text = part.text.empty() ? std::string_view(text_).substr(part.begin, part.size) : part.text;
        add_found(text, Url::Where::Text);
        continue;
      }
      if (part.text.empty()) part.text = text_.substr(part.begin, part.size);
      // What is shown for a link leads where the link leads, not where it says.
      for (const Span& span : part.linked) std::fill_n(&part.text[span.begin], span.end - span.begin, ' ');
      add_found(part.text, Url::Where::Text);
    }
    unread_.clear();
    unread_size_ = 0;
  }

  void add_found(std::string_view text, Url::Where where) {
    // Some are repeated, so more are looked for than are kept.
    std::vector<Url> found = find_urls(text, 2 * kMaxUrls);
    truncated_ = truncated_ || found.size() == 2 * kMaxUrls;
    for (Url& url : found) {
      url.where = where;
      add_url(std::move(url));
    }
  }

  void add_link(const Link& link) {
    Url url;
    if (!parse_url(link.target, url)) return;
    // Parts of this message, and images that are written out, lead nowhere.
    bool image = link.kind == Link::Kind::Image;
    if (url.scheme == "cid" || url.scheme == "mid" || (image && url.host.empty())) return;
    url.where = where_of(link.kind);
    if (link.text != url.text) url.shown = link.text;
    url.shown_differs = shows_other_host(url, url.shown);
    add_url(std::move(url));
  }

  /// Each once: the one that says most about what is shown for it stays.
  void add_url(Url url) {
    std::string key = url.scheme + ':' + url.user + '@' + url.host + ':' + std::to_string(url.port) + url.path;
    auto [place, is_new] = known_.try_emplace(std::move(key), urls_.size());
    if (is_new) {
      if (urls_.size() >= kMaxUrls) {
        known_.erase(place);
        truncated_ = true;
        return;
      }
      urls_.push_back(std::move(url));
      return;
    }
    Url& old = urls_[place->second];
    bool more = (url.shown_differs && !old.shown_differs) || (!url.shown.empty() && old.shown.empty());
    if (more) old = std::move(url);
  }

  void read_attachments() {
    attached_ = true;
    (void)structure();
    Budget budget{limits_.total_decoded};
    for (size_t i = 0; i < structure_.parts.size(); ++i) {
      const Part& part = structure_.parts[i];
      if (!is_file(part)) continue;
      std::string decoded = decode_part(part, budget);
      Attachment one;
      one.name = part.name;
      one.type = part.type;
      one.kind = detect_kind(decoded);
      one.extension = extension_of(part.name);
      one.size = decoded.size();
      one.part = i;
      Archive archive = list_archive(decoded);
      one.archive = archive.is_archive;
      one.encrypted = archive.encrypted;
      one.names = std::move(archive.names);
      truncated_ = truncated_ || archive.truncated;
      attachments_.push_back(std::move(one));
    }
  }

  std::string_view message_;
  bool complete_;
  Limits limits_;
  bool parsed_ = false;
  bool read_ = false;
  bool attached_ = false;
  bool linked_ = false;  // somebody asked for URLs
  bool chosen_ = false;
  bool alternatives_ = false;  // there is a choice
  bool kept_ = false;          // `truncated_` is what it was, whatever is missing now
  bool truncated_ = false;
  Message structure_;
  std::string text_;
  std::vector<Text> texts_;
  std::string shown_;
  std::string hidden_;
  std::vector<Url> urls_;
  std::unordered_map<std::string, size_t> known_;  // of urls_
  std::vector<Unread> unread_;
  size_t unread_size_ = 0;
  std::vector<Attachment> attachments_;
};

Content::Content(std::string_view message, bool complete, const Limits& limits)
    : impl_(std::make_unique<Impl>(message, complete, limits)) {}
Content::Content(std::string_view header, Kept kept) : impl_(std::make_unique<Impl>(header, std::move(kept))) {}

Content::~Content() = default;

const Message& Content::structure() {
  return impl_->structure();
}

const std::string& Content::text() {
  return impl_->text();
}

const std::string& Content::shown() {
  return impl_->shown();
}

const std::string& Content::hidden() {
  return impl_->hidden();
}

const std::vector<Url>& Content::urls() {
  return impl_->urls();
}

const std::vector<Attachment>& Content::attachments() {
  return impl_->attachments();
}

const std::vector<Url>* Content::known_urls() const {
  return impl_->known_urls();
}

const std::vector<Attachment>* Content::known_attachments() const {
  return impl_->known_attachments();
}

bool Content::truncated() {
  return impl_->truncated();
}

}  // namespace postern::mime
