#include "proxy/net/bulk_stream.h"

#include <random>
#include <utility>
#include <variant>

#include "proxy/net/bulk_stream_impl.h"

namespace postern::net {
namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kLastRetry = std::chrono::seconds(5);
constexpr Duration kFirstProbe = std::chrono::milliseconds(100);
constexpr Duration kLastProbe = std::chrono::seconds(30);

uint64_t random_name() {
  std::random_device device;
  return (uint64_t{device()} << 32U) | device();
}

StreamId window_ago(const Clock& clock, Duration window) {
  int64_t ms = clock.wall_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(window).count();
  return {static_cast<uint64_t>(std::max<int64_t>(ms, 0)), 0};
}

}  // namespace

Result<std::unique_ptr<BulkStream>> BulkStream::create(const Clock& clock, bulk::Index& index,
                                                       session::Observer& observer, const BulkStreamOptions& options) {
  auto store = parse_redis_store(options.store);
  if (!store) return tl::unexpected(std::move(store.error()));
  return std::unique_ptr<BulkStream>(
      new BulkStream(std::make_unique<Impl>(clock, index, observer, std::move(*store), options)));
}

BulkStream::BulkStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BulkStream::~BulkStream() = default;

BulkStream::Stats BulkStream::stats() const {
  return impl_->stats();
}

std::string BulkStream::position() const {
  return impl_->position();
}

void BulkStream::publish(const bulk::Event& event) {
  if (const auto* sighting = std::get_if<bulk::Sighting>(&event)) {
    bulk::Sighting counted = *sighting;
    counted.counted_in = impl_->index().see(counted).ticket;
    return impl_->tell(counted);
  }
  bulk::apply(impl_->index(), event);
  impl_->tell(event);
}

BulkStream::Impl::Impl(const Clock& clock, bulk::Index& index, session::Observer& observer, RedisStore store,
                       const BulkStreamOptions& options)
    : clock_(clock),
      index_(index),
      observer_(observer),
      store_(std::move(store)),
      window_(options.window),
      name_(random_name()),
      reconnect_(kFirstRetry, kLastRetry),
      probing_(kFirstProbe, kLastProbe) {
  if (auto saved = StreamPosition::parse(options.position)) {
    at_ = saved->at;
    // What the gateway that saved the index wrote itself is in it, though it may stand behind `at`.
    static_cast<void>(heard_.is_new(saved->own));
  } else {
    at_ = window_ago(clock_, window_);
  }
  remember();
  thread_ = std::thread([this] {
    connect();
    loop_.run();
    give_up();
  });
}

BulkStream::Impl::~Impl() {
  if (!loop_.post([this] { finish(); })) loop_.stop();
  thread_.join();
}

void BulkStream::Impl::tell(const bulk::Event& event) {
  auto parcel = std::make_shared<Parcel>();
  parcel->octets = bulk::encode(event);
  submit(std::move(parcel));
}

void BulkStream::Impl::submit(ParcelPtr parcel) {
  ParcelPtr dropped;
  {
    std::lock_guard lock(submitted_mutex_);
    // One wake-up for all that come before the thread looks; as many as this only when it hangs in a look-up of a name.
    if (submitted_.size() >= kMaxKept) {
      ++dropped_;
      dropped = std::move(parcel);
    } else {
      submitted_.push_back(std::move(parcel));
      if (submitted_.size() == 1 && !loop_.post([this] { take_submitted(); })) {
        ++dropped_;
        dropped = std::move(submitted_.back());
        submitted_.pop_back();
      }
    }
  }
}

void BulkStream::Impl::counted_alone(bool late) {
  ++alone_;
  if (late) up_ = false;
}

BulkStream::Stats BulkStream::Impl::stats() const {
  return {up_, sent_, received_, dropped_, refused_, alone_};
}

std::string BulkStream::Impl::position() const {
  std::lock_guard lock(position_mutex_);
  return position_.text();
}

void BulkStream::Impl::remember() {
  std::lock_guard lock(position_mutex_);
  position_ = {at_, {name_, numbers_}};
}

}  // namespace postern::net
