// RFC 5782, 5: a list tells by its test points whether it lives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "filters/base/task.h"
#include "filters/dns/dns.h"
#include "filters/lists/list.h"

namespace postern::lists {

/// A number that nobody can guess, for the names that probes make up. Any thread.
[[nodiscard]] uint64_t fresh_salt();

/// What a probe asks: whole names, zone included.
struct Probe {
  std::vector<std::string> listed;    // must be listed
  std::vector<std::string> unlisted;  // must not be
  std::vector<std::string> answered;  // must be answered, whichever way
};
/// Addresses: 127.0.0.2 must be listed; 127.0.0.1, ::FFFF:7F00:1 and an address of 127.128.0.0/9 chosen by `salt` must
/// not (no cache has it yet, so a zone that lists everything is found at once). Names: TEST must, INVALID and a name
/// below it made of `salt` must not. Digests: only the negative one. `listed` and `unlisted` of the list take their
/// places (a name made of `salt` then stands below `unlisted`). A list without test points (List::probe) must only
/// answer.
[[nodiscard]] Probe probe_of(const List& list, uint64_t salt);

/// Which points a probe asks about.
enum class Points {
  All,
  NotListed,  // not those that must be listed: finds what would hurt, not what is dead or has no test points
};

struct ProbeResult {
  std::string fault;  // empty: the list is alive and sane; else a sentence for an admin
  Duration time{};    // of the slowest answer, a time-out included
};
/// Asks all at once. `dns`, `clock` and `list` outlive the task. The fault names test points, never the zone, which may
/// hold the key of a subscription. Any answer in 127.0.0.0/8 that is no error counts as listed
/// here, declared or not.
[[nodiscard]] Task<ProbeResult> probe(dns::Client& dns, const Clock& clock, const List& list, uint64_t salt,
                                      Duration timeout, Points points = Points::All);

/// Whether the resolver is one that lists can be asked through (field: the commonest reason why lists fail).
struct ResolverReport {
  std::vector<std::string> faults;  // sentences for an admin; empty: good
  std::vector<std::string> notes;   // what could not be told
};
/// `servers`: as in [dns] servers. Finds: a server that is a known public resolver (by its address); addresses for
/// names that cannot exist (rewriting); no answer at all.
[[nodiscard]] Task<ResolverReport> check_resolver(dns::Client& dns, std::vector<std::string> servers, uint64_t salt,
                                                  Duration timeout);

}  // namespace postern::lists
