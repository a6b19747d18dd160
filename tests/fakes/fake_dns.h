// dns::Client over a table in memory. Keeps the contract of dns::Client to the letter; answers come when run() says so.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dns/dns.h"

namespace postern::test {

/// Names are raw octets, compared without regard to ASCII case. A name that is nowhere is NXDOMAIN; one that is there,
/// or above one that is there, without a record of the type asked is NODATA. Records of the type asked win over
/// failures put on the same name, so that a name can answer TXT and fail for all else.
class FakeDns final : public dns::Client {
 public:
  FakeDns() = default;

  FakeDns& a(std::string_view name, std::string_view address);
  FakeDns& aaaa(std::string_view name, std::string_view address);
  FakeDns& txt(std::string_view name, std::string_view text);
  FakeDns& mx(std::string_view name, uint16_t preference, std::string_view host);
  FakeDns& ptr(std::string_view name, std::string_view target);
  FakeDns& cname(std::string_view name, std::string_view target);
  /// The name exists, without records.
  FakeDns& empty(std::string_view name);
  /// Any type (or that type) that has no records here fails at once.
  FakeDns& temp_fail(std::string_view name, std::optional<dns::Type> type = std::nullopt);
  /// Any type (or that type) that has no records here is never answered: TempFail "timeout", after all other answers.
  FakeDns& never(std::string_view name, std::optional<dns::Type> type = std::nullopt);
  /// Forgets the whole zone; what is asked already is still answered from it as it was.
  void clear();

  [[nodiscard]] Pending lookup(const dns::Question& question, Duration timeout, Callback callback) override;

  /// Delivers until nothing is under way any more; callbacks may ask more. Returns how many were delivered.
  size_t run();
  /// Delivers the oldest answer; false when there is none.
  bool run_one();

  /// Everything that was asked, in order, cancelled or not.
  [[nodiscard]] const std::vector<dns::Question>& asked() const { return asked_; }
  [[nodiscard]] size_t queries() const { return asked_.size(); }
  [[nodiscard]] size_t pending() const;

  /// What the zone says, at once.
  [[nodiscard]] dns::Answer resolve(const dns::Question& question) const;

 private:
  enum class Trouble { TempFail, Never };
  struct Node {
    std::map<dns::Type, dns::Answer> records;
    std::map<std::optional<dns::Type>, Trouble> troubles;
    std::optional<std::string> alias;
  };
  struct Flight {
    dns::Answer answer;
    Callback callback;
  };
  class Operation;

  Node& node(std::string_view name);
  dns::Answer& records(std::string_view name, dns::Type type);
  [[nodiscard]] bool is_above_a_name(std::string_view name) const;

  std::map<std::string, Node, std::less<>> zone_;
  std::deque<std::weak_ptr<Flight>> queue_;
  std::deque<std::weak_ptr<Flight>> timeouts_;
  std::vector<dns::Question> asked_;
};

}  // namespace postern::test
