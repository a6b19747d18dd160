// Methods: ways to find copies in a stream of messages, ours and others', all asked the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/bulk/fingerprint.h"

namespace postern::campaign {

/// What a message is compared by; each method fills its own part.
struct Print {
  bool evidence = true;  // false: the method does not compare this message
  bulk::Fingerprint ours;
  std::vector<uint64_t> hashes;
  std::string digest;
};

/// Where a message was put.
struct Place {
  uint64_t cluster = 0;
  uint64_t count = 1;  // of the cluster, this message included
};

/// One stream. Not thread-safe.
class Method {
 public:
  Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;
  virtual ~Method() = default;

  [[nodiscard]] virtual Print print(std::string_view message, bool null_sender) const = 0;
  /// The next message of the stream. It may join clusters that were two.
  [[nodiscard]] virtual Place see(const Print& print) = 0;
  /// What a number that see() gave is called now, after clusters were joined.
  [[nodiscard]] virtual uint64_t now_called(uint64_t cluster) const { return cluster; }
};

struct MethodKind {
  std::string_view name;
  std::function<std::unique_ptr<Method>()> make;
};
/// filters/bulk first, its text alone. How the others are told a campaign is most generous: each message of the stream
/// is learned, and whatever is near any earlier one joins its cluster.
[[nodiscard]] const std::vector<MethodKind>& methods();

/// filters/bulk with files, pictures and links too.
[[nodiscard]] std::unique_ptr<Method> all_aspects();

}  // namespace postern::campaign
