// Features of a header: what it says (Subject, senders, program), and how it is written.
#pragma once

#include "filters/classifier/author_fields.h"
#include "filters/classifier/sink.h"

namespace postern::classifier {

/// Subject, who sends it, Message-ID, the program.
void read_header(const AuthorFields& fields, Sink& sink);

/// How the fields are written, ordered and put together: what a program leaves behind, or somebody who imitates one.
void read_header_form(const AuthorFields& fields, Sink& sink);

}  // namespace postern::classifier
