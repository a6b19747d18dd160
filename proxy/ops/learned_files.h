// The directory of the classifier and the files in it: made, given to whom they belong, set aside.
#pragma once

#include <cstdint>
#include <string>

#include "filters/base/result.h"

namespace postern::ops {

/// With its parents; others may look for the model in it.
[[nodiscard]] Result<void> make_learned_directory(const std::string& path);
/// An empty file, where there is none, that nobody else may read. Fails where we may not write it.
[[nodiscard]] Result<void> make_learned_file(const std::string& path, const std::string& directory);
/// Renames a file that cannot be used, with the journal of its unfinished transaction. Returns the new name.
[[nodiscard]] Result<std::string> set_learned_aside(const std::string& path, int64_t wall_seconds);
/// The model of a run, whole, until it has its place; and whether anything of that kind is there.
[[nodiscard]] std::string staged_model(const std::string& directory, uint64_t run);
[[nodiscard]] bool has_staged(const std::string& directory);
/// Makes the staged model of this run, where there is one, the model, and removes all other staged and unfinished ones.
[[nodiscard]] Result<void> settle_staged(const std::string& directory, uint64_t run);
/// Gives a file or directory that root made in a directory of somebody else to that one: the gateway runs as him. Does
/// nothing for other users.
void give_to_owner(const std::string& path, const std::string& directory);
/// What the system says, and what to do where permissions are missing.
[[nodiscard]] tl::unexpected<Error> learned_io_error(const std::string& path, int error);

}  // namespace postern::ops
