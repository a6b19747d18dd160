#include "filters/classifier/author_fields.h"

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"

namespace postern::classifier {
namespace {

struct Known {
  std::string_view name;
  Name is;
};
constexpr std::array<Known, 22> kKnown = {{{"Subject", Name::Subject},
                                           {"From", Name::From},
                                           {"Reply-To", Name::ReplyTo},
                                           {"To", Name::To},
                                           {"Cc", Name::Cc},
                                           {"Date", Name::Date},
                                           {"Message-ID", Name::MessageId},
                                           {"MIME-Version", Name::MimeVersion},
                                           {"X-Mailer", Name::Mailer},
                                           {"User-Agent", Name::Mailer},
                                           {"X-Priority", Name::Priority},
                                           {"Importance", Name::Priority},
                                           {"X-MSMail-Priority", Name::Priority},
                                           {"Priority", Name::Priority},
                                           {"In-Reply-To", Name::InReplyTo},
                                           {"References", Name::InReplyTo},
                                           {"Organization", Name::Organization},
                                           {"Organisation", Name::Organization},
                                           {"X-Newsreader", Name::Mailer},
                                           {"Content-Type", Name::ContentType},
                                           {"Content-Transfer-Encoding", Name::Encoding},
                                           {"X-MimeOLE", Name::MimeOle}}};

}  // namespace

AuthorFields::AuthorFields(const message::Header& header) {
  for (const message::Field& field : header.fields) {
    for (size_t i = 0; i < kKnown.size(); ++i) {
      if (field.name.size() != kKnown[i].name.size() || !equal_nocase(field.name, kKnown[i].name)) continue;
      std::string_view& value = values_[static_cast<size_t>(kKnown[i].is)];
      if (value.data() == nullptr) value = field.value.substr(0, kMaxValue);
      if (written_.size() < kMaxWritten) written_.push_back({i, &field});
      break;
    }
  }
}

Mailbox read_mailbox(std::string_view value) {
  Mailbox out;
  std::string_view text = value.substr(0, AuthorFields::kMaxValue);
  size_t open = text.rfind('<');
  size_t close = open == std::string_view::npos ? open : text.find('>', open);
  std::string_view address = text;
  if (close != std::string_view::npos) {
    out.name = mime::decode_header(text.substr(0, open));
    address = text.substr(open + 1, close - open - 1);
  } else if (size_t comment = text.find('('); comment != std::string_view::npos) {
    out.name = mime::decode_header(text.substr(comment));
    address = text.substr(0, comment);
  }
  size_t at = address.rfind('@');
  if (at == std::string_view::npos) return out;
  out.local = to_lower(trim(address.substr(0, at)));
  std::string_view domain = trim(address.substr(at + 1));
  while (!domain.empty() && (domain.back() == '.' || static_cast<unsigned char>(domain.back()) <= ' '))
    domain.remove_suffix(1);
  out.domain = to_lower(domain);
  return out;
}

}  // namespace postern::classifier
