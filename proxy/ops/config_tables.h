// Every key of postern.toml: one table a section, each row with its name, type, bounds and meaning.
#pragma once

#include "proxy/ops/config.h"
#include "proxy/ops/document.h"
#include "proxy/ops/settings.h"

namespace postern::ops {

/// Reads the document into `config`, whose present values are the defaults. What spans several tables is checked by
/// load_config.
void read_config(Reader& reader, const Value& root, Config& config);

}  // namespace postern::ops
