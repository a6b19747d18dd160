// DnsRing::Seat: the letter box of one worker, for SharedDns alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/net/shared_dns.h"

namespace postern::net {

/// Letters of other workers for one. They are brought and taken out all together, so that many cost one wake-up.
class DnsRing::Seat : public std::enable_shared_from_this<Seat> {
 public:
  /// Somebody asks.
  struct Asked {
    size_t from = 0;  // the asker's seat
    uint64_t id = 0;  // his number for it
    dns::Question question;
    TimePoint deadline;
  };
  /// Somebody answers. `answer` null: nobody there does, ask somebody else.
  struct Told {
    uint64_t id = 0;
    AnswerPtr answer;
  };
  struct Letters {
    std::vector<Asked> asked;
    std::vector<Told> told;
    [[nodiscard]] bool empty() const { return asked.empty() && told.empty(); }
  };
  /// What waits here for one turn of the loop; a worker that hangs must not cost all memory.
  static constexpr size_t kMaxLetters = 100'000;

  /// `read` runs on the loop's thread.
  Seat(std::shared_ptr<Inbox> inbox, std::function<void(const Letters&)> read)
      : inbox_(std::move(inbox)), read_(std::move(read)) {}

  /// Any thread. Takes them out of `letters`; false when nobody will read them, and then leaves them there.
  [[nodiscard]] bool send(Letters& letters);
  /// On the loop's thread: no letters from now on. What was asked and not read yet is returned.
  [[nodiscard]] std::vector<Asked> close();

 private:
  void open();

  std::mutex mutex_;
  Letters letters_;
  bool closed_ = false;
  const std::shared_ptr<Inbox> inbox_;
  std::function<void(const Letters&)> read_;  // the loop's thread; empty: closed
};

}  // namespace postern::net
