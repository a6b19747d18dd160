// The DNS tree walk (RFC 9989, 4.10): which names are asked, and what their records say together.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/record.h"
#include "filters/dns/dns.h"

namespace postern::dmarc {

/// RFC 9989, 4.10: no walk has more names.
inline constexpr size_t kMaxWalk = 8;

/// The domains of a walk from `domain` to the top, in order. Their records stand at "_dmarc." of each.
[[nodiscard]] std::vector<std::string> walk_names(std::string_view domain);

[[nodiscard]] size_t count_labels(std::string_view domain);
/// The last labels that both have; empty when they share none.
[[nodiscard]] std::string_view common_parent(std::string_view a, std::string_view b);

/// What the DNS has said about policy records so far.
class Known {
 public:
  enum class State { NotAsked, Asked, Failed, Nothing, Found };
  struct Entry {
    State state = State::NotAsked;
    Record record;
    bool exists = false;  // "_dmarc." of the domain is a name, so the domain is one too (RFC 8020, 2)
  };

  /// True once for each domain.
  bool note_asked(const std::string& domain);
  void learn(const std::string& domain, const dns::Answer& answer);
  [[nodiscard]] const Entry& at(const std::string& domain) const;
  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  std::map<std::string, Entry> entries_;
};

/// What a walk found.
struct Organization {
  std::string domain;               // the organizational domain
  std::optional<std::string> psd;   // the public suffix domain that says so itself with psd=y, where the walk ended
  std::vector<std::string> failed;  // domains of the walk that the DNS gave no answer for
  bool asked = true;                // false: domains of the walk were never asked for, and none of this counts
};

/// RFC 9989, 4.10.2, or with Discovery::Psl RFC 7489, 3.2.
[[nodiscard]] Organization find_organization(const std::string& domain, Discovery discovery, const Known& known);

}  // namespace postern::dmarc
