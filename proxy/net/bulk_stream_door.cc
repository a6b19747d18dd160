// SharedBulk: the stream as the sessions of one worker see it.
#include <unordered_map>
#include <utility>

#include "proxy/net/bulk_stream_impl.h"

namespace postern::net {
namespace {

// When a message is being counted just as its patience ends: until the next look.
constexpr Duration kMoment = std::chrono::milliseconds(1);

class Waiter;
/// Who waits, by number. Letters of the stream's thread name numbers; they may come when nobody waits any more.
struct Desk {
  std::unordered_map<uint64_t, Waiter*> waiting;
};

/// One message that waits until its event has come back.
class Waiter final : public Pending::Operation {
 public:
  using Done = std::function<void(bulk::Seen)>;
  using Expire = std::function<void(Parcel&)>;

  Waiter(Desk& desk, uint64_t id, session::Timers& timers, ParcelPtr parcel, Done done, Expire expire)
      : desk_(desk),
        id_(id),
        timers_(timers),
        parcel_(std::move(parcel)),
        done_(std::move(done)),
        expire_(std::move(expire)) {
    desk_.waiting.emplace(id_, this);
    timer_ = timers_.after(BulkStream::kPatience, [this] { expired(); });
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() override { desk_.waiting.erase(id_); }

  /// It is counted. The callback may destroy the waiter.
  void finish() {
    desk_.waiting.erase(id_);
    timer_.reset();
    Done done = std::move(done_);
    done(std::move(parcel_->seen));
  }

 private:
  void expired() {
    if (parcel_->claim()) expire_(*parcel_);
    if (parcel_->state == Parcel::State::Counted) {
      finish();
    } else {
      timer_ = timers_.after(kMoment, [this] { expired(); });
    }
  }

  Desk& desk_;
  const uint64_t id_;
  session::Timers& timers_;
  ParcelPtr parcel_;
  Done done_;
  Expire expire_;
  Pending timer_;
};

}  // namespace

class SharedBulk::Impl {
 public:
  Impl(Loop& loop, session::Timers& timers, BulkStream& stream, bulk::Index& index)
      : inbox_(loop.inbox()), timers_(timers), stream_(stream), line_(*stream.impl_), index_(index) {}

  Task<bulk::Seen> see(bulk::Sighting sighting) {
    // Without its like, whatever others saw.
    if (sighting.print.empty()) co_return index_.see(sighting);
    if (!line_.up()) {
      bulk::Seen seen = index_.see(sighting);
      line_.counted_alone(false);
      sighting.counted_in = seen.ticket;
      line_.tell(std::move(sighting));
      co_return seen;
    }
    auto parcel = std::make_shared<Parcel>();
    bulk::Event event(std::move(sighting));
    parcel->octets = bulk::encode(event);
    parcel->sighting = std::get<bulk::Sighting>(std::move(event));
    parcel->state = Parcel::State::Open;
    co_return co_await Await<bulk::Seen>([&](Waiter::Done done) { return wait(parcel, std::move(done)); });
  }
  void tell(const bulk::Event& event) { stream_.publish(event); }

 private:
  Pending wait(const ParcelPtr& parcel, Waiter::Done done) {
    uint64_t id = next_id_++;
    auto waiter = std::make_unique<Waiter>(*desk_, id, timers_, parcel, std::move(done), [this](Parcel& late) {
      bulk::Event counted = late.count_late(index_);
      line_.counted_alone(true);
      // Behind itself, and before what becomes of it.
      line_.tell(counted);
    });
    parcel->counted = [inbox = inbox_, desk = desk_, id] {
      // A full inbox: then the patience runs out, and the message finds itself counted.
      static_cast<void>(inbox->post([desk, id] {
        auto found = desk->waiting.find(id);
        if (found != desk->waiting.end()) found->second->finish();
      }));
    };
    line_.submit(parcel);
    return Pending(std::move(waiter));
  }

  std::shared_ptr<Inbox> inbox_;
  session::Timers& timers_;
  BulkStream& stream_;
  BulkStream::Impl& line_;
  bulk::Index& index_;
  std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
  uint64_t next_id_ = 1;
};

SharedBulk::SharedBulk(Loop& loop, session::Timers& timers, BulkStream& stream, bulk::Index& index)
    : impl_(std::make_unique<Impl>(loop, timers, stream, index)) {}
SharedBulk::~SharedBulk() = default;

Task<bulk::Seen> SharedBulk::see(bulk::Sighting sighting) {
  return impl_->see(std::move(sighting));
}

void SharedBulk::tell(bulk::Event event) {
  impl_->tell(event);
}

}  // namespace postern::net
