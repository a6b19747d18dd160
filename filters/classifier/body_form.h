// Features of how a body is put together, and of what it has in common with its header.
#pragma once

#include "filters/classifier/author_fields.h"
#include "filters/classifier/sink.h"
#include "filters/mime/content.h"

namespace postern::classifier {

/// Whether it knows its recipient, whether its links lead to its sender, how its lines look.
void read_body_form(const AuthorFields& fields, mime::Content& content, Sink& sink);

}  // namespace postern::classifier
