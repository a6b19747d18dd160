// Features of a header: what it says (Subject, senders, program), and how it is written.
#pragma once

#include <string>
#include <string_view>

#include "filters/classifier/author_fields.h"
#include "filters/classifier/sink.h"

namespace postern::classifier {

/// Subject, who sends it, Message-ID, the program.
void read_header(const AuthorFields& fields, Sink& sink);

/// The fields as they are written, one in a line, white space squeezed; at most Reading::kMaxHeader octets. Clears
/// `out`.
void copy_written(const AuthorFields& fields, std::string& out);

/// How the fields are written, ordered and put together: what a program leaves behind, or somebody who imitates one.
/// `written`: of copy_written().
void read_header_form(const AuthorFields& fields, std::string_view written, Sink& sink);

}  // namespace postern::classifier
