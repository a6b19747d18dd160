#include "proxy/net/dns_seat.h"

#include <iterator>
#include <utility>

namespace postern::net {
namespace {

template <class T>
void move_behind(std::vector<T>& to, std::vector<T>& from) {
  if (to.empty()) {
    to.swap(from);
    return;
  }
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

}  // namespace

bool DnsRing::Seat::send(Letters& letters) {
  std::lock_guard lock(mutex_);
  if (closed_ || letters_.asked.size() + letters_.told.size() >= kMaxLetters) return false;
  if (letters_.empty() && !inbox_->post([self = shared_from_this()] { self->open(); })) return false;
  move_behind(letters_.asked, letters.asked);
  move_behind(letters_.told, letters.told);
  return true;
}

std::vector<DnsRing::Seat::Asked> DnsRing::Seat::close() {
  read_ = nullptr;
  std::lock_guard lock(mutex_);
  closed_ = true;
  letters_.told.clear();
  return std::exchange(letters_.asked, {});
}

void DnsRing::Seat::open() {
  Letters letters;
  {
    std::lock_guard lock(mutex_);
    std::swap(letters, letters_);
  }
  if (read_) read_(letters);
}

}  // namespace postern::net
