// How many different values came under a key within a period, shared by all workers: accounts tried from one address, addresses that
// tried one account.  Values are known by a keyed hash (Table::digest) and never kept as they are.
//
//   value   := head entries | head sketch          little-endian
//   head    := slice_ns:i64 slice:i64 stamp:u8 form:u8 count:u16 zero:u32
//   entries := count * (hash:56 stamp:8)           form 1, up to kExactMax different values: the count is exact
//   sketch  := stamp:u8[kSketchSlots]              form 2, beyond them: each value has a slot by its hash (linear counting)
//
// A period is kSlices slices.  A value carries the stamp of the slice it last came in and counts for at least one period, at most a
// slice longer.  Stamps go 1 .. 255 and around (0: an empty slot); what has left the window is taken out whenever something is
// written, and a record nobody writes to expires, so that no stamp comes around.  They follow the clock forwards alone: when it goes
// back, nothing is lost and everything stays as long as if it had stood still.
//
// No state (the lock was not had) is an answer of its own.  Bounded time: one look at each entry or slot.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "keep/limits.h"
#include "keep/table.h"

namespace ringwall::keep {

inline constexpr std::uint8_t kDistinctSpace = 34;
inline constexpr std::int64_t kSlices = 16;
inline constexpr std::uint32_t kExactMax = 128;
inline constexpr std::uint32_t kSketchSlots = 4096;
// The sketch's standard error is below 2 % up to here (Whang, Vander-Zanden, Taylor 1990), and grows fast beyond.
inline constexpr std::int64_t kDistinctMax = 10'000;

// Up to `max` different values in a period.
struct Distinct {
  std::uint32_t max = 1;
  std::int64_t slice_ns = 0;
  // kInvalid for numbers of 0 or below, kLimit beyond kDistinctMax, kBurstNsMax or under a nanosecond a slice.
  static Result<Distinct> make(std::int64_t max, std::int64_t period_ns);
};

struct DistinctAnswer {
  Limited limited = Limited::kNoState;
  std::uint32_t count = 0;          // different values in the window, with this one when it was taken
  std::int64_t retry_after_ns = 0;  // when denied: not before
};
// Where `max` different values are, one more is denied and costs nothing; those that are among them are allowed, but not beyond
// kExactMax, where nobody can tell, and then all are denied.  A period that changed begins anew.
DistinctAnswer take(Table& table, std::string_view key, const Distinct& limit, std::uint64_t value, std::int64_t now_ns) noexcept;
// What take() would answer; nothing changes.
DistinctAnswer look(Table& table, std::string_view key, const Distinct& limit, std::uint64_t value, std::int64_t now_ns) noexcept;

}  // namespace ringwall::keep
