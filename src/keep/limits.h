// Limits by key, shared by all workers: how often, and how many at once.  Keys are built by the caller ("login 192.0.2.1").
//
// No state (the lock was not had) is an answer of its own: whether a request passes then is the caller's to say.  Times are Unix
// nanoseconds; when the clock goes back, nobody waits longer than a full burst takes to come back.  Constant time.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "keep/table.h"

namespace ringwall::keep {

inline constexpr std::uint8_t kRateSpace = 32, kLeaseSpace = 33;

// `count` in each `period`, and up to `burst` of them at once: the generic cell rate algorithm (ITU-T I.371), which keeps one
// time for a key: when everything that came would have been due.
struct Rate {
  std::int64_t interval_ns = 0;  // period / count
  std::int64_t burst_ns = 0;     // interval * burst
  // Fails with kInvalid when a number is 0 or below, kLimit when a burst would take longer than kBurstNsMax to come back or there
  // is less than a nanosecond from one to the next.
  static Result<Rate> make(std::int64_t count, std::int64_t period_ns, std::int64_t burst);
};
inline constexpr std::int64_t kBurstNsMax = 31'536'000'000'000'000;  // a year

enum class Limited : std::uint8_t { kAllowed, kDenied, kNoState };

struct RateAnswer {
  Limited limited = Limited::kNoState;
  std::int64_t retry_after_ns = 0;  // when denied: not before
  std::int64_t remaining = 0;       // how many more would be allowed now
};
// One that is denied costs nothing.
RateAnswer take(Table& table, std::string_view key, const Rate& rate, std::int64_t now_ns) noexcept;
// What take() would answer; nothing changes.
RateAnswer look(Table& table, std::string_view key, const Rate& rate, std::int64_t now_ns) noexcept;

// Up to `max` at once.  Each holds a lease that ends by itself, so that a killed worker's places come back; who takes longer
// renews it.  Leases of one key end on common times, kLeaseParts to a lease's length, so that any number takes one small record.
struct Concurrency {
  std::uint32_t max = 1;
  std::int64_t lease_ns = 60'000'000'000;  // at least kLeaseParts
};
inline constexpr std::int64_t kLeaseParts = 8;

struct LeaseAnswer {
  Limited limited = Limited::kNoState;
  std::int64_t lease = 0;           // for leave() and renew(): when it ends; 0: none
  std::int64_t retry_after_ns = 0;  // when denied: when the first lease ends, if nobody leaves before
  std::uint32_t inside = 0;         // with this one
};
LeaseAnswer enter(Table& table, std::string_view key, const Concurrency& limit, std::int64_t now_ns) noexcept;
// A lease that has ended is left already.  False: the lock was not had; the place comes back when the lease ends.
bool leave(Table& table, std::string_view key, std::int64_t lease, std::int64_t now_ns) noexcept;
// The lease to go on with: a later one, or the same when there was no state.  One that has ended begins anew, whatever the limit:
// who holds it is inside.
std::int64_t renew(Table& table, std::string_view key, const Concurrency& limit, std::int64_t lease, std::int64_t now_ns) noexcept;

}  // namespace ringwall::keep
