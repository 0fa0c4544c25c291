#include "keep/limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringwall::keep {

namespace {

// The leases of a key that end together.
struct Leases {
  std::int64_t ends_ns;
  std::int64_t count;
};
// Twice what one length of lease needs: a limit may be changed while it is in use.
constexpr std::size_t kLeasesMax = 2 * (kLeaseParts + 1);

// Those of a record that have not ended.
struct Inside {
  Leases all[kLeasesMax];
  std::size_t size = 0;
  std::int64_t count = 0;

  Inside(const Record& record, std::int64_t now_ns) {
    for (std::size_t at = 0; at + sizeof(Leases) <= record.bytes && size < kLeasesMax; at += sizeof(Leases)) {
      std::memcpy(&all[size], record.value + at, sizeof(Leases));
      const auto& one = all[size];
      if (one.ends_ns <= now_ns || one.count <= 0 || one.count > INT32_MAX) continue;
      count += one.count;
      ++size;
    }
  }

  Leases* ending(std::int64_t ends_ns) {
    const auto found = std::find_if(all, all + size, [ends_ns](const Leases& one) { return one.ends_ns == ends_ns; });
    return found == all + size ? nullptr : found;
  }

  // Returns when it ends.
  std::int64_t add(const Concurrency& limit, std::int64_t now_ns) {
    const auto part = std::max<std::int64_t>(limit.lease_ns / kLeaseParts, 1);
    const auto ends_ns = ((now_ns + limit.lease_ns) / part + 1) * part;
    auto* with = ending(ends_ns);
    if (with == nullptr && size < kLeasesMax) {
      with = &all[size++];
      *with = {ends_ns, 0};
    } else if (with == nullptr) {
      // Leases of many lengths: it joins those that end last.
      with = std::max_element(all, all + size, [](const Leases& a, const Leases& b) { return a.ends_ns < b.ends_ns; });
    }
    ++with->count;
    ++count;
    return with->ends_ns;
  }

  void remove(std::int64_t lease) {
    auto* with = ending(lease);
    if (with == nullptr) return;
    --count;
    if (--with->count == 0) *with = all[--size];
  }

  Then write(Record& record) const {
    if (size == 0) return Then::kRemove;
    record.assign({reinterpret_cast<const char*>(all), size * sizeof(Leases)});
    record.expires_ns = 0;
    for (std::size_t i = 0; i < size; ++i) record.expires_ns = std::max(record.expires_ns, all[i].ends_ns);
    return Then::kWrite;
  }
};

}  // namespace

Result<Rate> Rate::make(std::int64_t count, std::int64_t period_ns, std::int64_t burst) {
  if (count <= 0 || period_ns <= 0 || burst <= 0)
    return fail(Errc::kInvalid, fmt::format("a rate of {} in {} ns, {} at once: each is at least 1", count, period_ns, burst));
  Rate rate;
  rate.interval_ns = period_ns / count;
  if (rate.interval_ns == 0) return fail(Errc::kLimit, fmt::format("{} in {} ns: more than one in a nanosecond", count, period_ns));
  if (__builtin_mul_overflow(rate.interval_ns, burst, &rate.burst_ns) || rate.burst_ns > kBurstNsMax)
    return fail(Errc::kLimit, fmt::format("{} at once at {} in {} ns: they would take more than a year to come back", burst, count, period_ns));
  return rate;
}

namespace {

RateAnswer ask(Table& table, std::string_view key, const Rate& rate, std::int64_t now_ns, bool takes) noexcept {
  RateAnswer answer;
  const auto outcome = table.edit({kRateSpace, key}, now_ns, [&](Record& record) {
    std::int64_t due_ns = now_ns;
    if (record.bytes == sizeof due_ns) std::memcpy(&due_ns, record.value, sizeof due_ns);
    // Beyond a full burst it cannot be, unless the clock went back or the limit changed: then that is what is waited for.
    const auto latest_ns = now_ns + rate.burst_ns;
    const bool beyond = due_ns > latest_ns;
    due_ns = std::clamp(due_ns, now_ns, latest_ns);
    const auto ahead_ns = due_ns + rate.interval_ns - now_ns;
    if (ahead_ns <= rate.burst_ns) {
      answer = {Limited::kAllowed, 0, (rate.burst_ns - ahead_ns) / rate.interval_ns};
      due_ns += rate.interval_ns;
    } else {
      answer = {Limited::kDenied, ahead_ns - rate.burst_ns, 0};
      if (!beyond) return Then::kLeave;
    }
    if (!takes) return Then::kLeave;
    record.assign({reinterpret_cast<const char*>(&due_ns), sizeof due_ns});
    record.expires_ns = due_ns;  // from then on it says nothing
    return Then::kWrite;
  });
  return outcome == Outcome::kDone ? answer : RateAnswer{};
}

}  // namespace

RateAnswer take(Table& table, std::string_view key, const Rate& rate, std::int64_t now_ns) noexcept { return ask(table, key, rate, now_ns, true); }
RateAnswer look(Table& table, std::string_view key, const Rate& rate, std::int64_t now_ns) noexcept { return ask(table, key, rate, now_ns, false); }

LeaseAnswer enter(Table& table, std::string_view key, const Concurrency& limit, std::int64_t now_ns) noexcept {
  LeaseAnswer answer;
  const auto outcome = table.edit({kLeaseSpace, key}, now_ns, [&](Record& record) {
    Inside inside(record, now_ns);
    answer.inside = static_cast<std::uint32_t>(std::min<std::int64_t>(inside.count, UINT32_MAX));
    if (inside.count >= limit.max) {
      answer.limited = Limited::kDenied;
      const auto* first = std::min_element(inside.all, inside.all + inside.size, [](const Leases& a, const Leases& b) { return a.ends_ns < b.ends_ns; });
      answer.retry_after_ns = inside.size == 0 ? 0 : first->ends_ns - now_ns;
      return Then::kLeave;
    }
    answer.limited = Limited::kAllowed;
    ++answer.inside;
    answer.lease = inside.add(limit, now_ns);
    return inside.write(record);
  });
  return outcome == Outcome::kDone ? answer : LeaseAnswer{};
}

bool leave(Table& table, std::string_view key, std::int64_t lease, std::int64_t now_ns) noexcept {
  return table.edit({kLeaseSpace, key}, now_ns, [&](Record& record) {
    Inside inside(record, now_ns);
    inside.remove(lease);
    return inside.write(record);
  }) == Outcome::kDone;
}

std::int64_t renew(Table& table, std::string_view key, const Concurrency& limit, std::int64_t lease, std::int64_t now_ns) noexcept {
  auto renewed = lease;
  const auto outcome = table.edit({kLeaseSpace, key}, now_ns, [&](Record& record) {
    Inside inside(record, now_ns);
    inside.remove(lease);
    renewed = inside.add(limit, now_ns);
    return inside.write(record);
  });
  return outcome == Outcome::kDone ? renewed : lease;
}

}  // namespace ringwall::keep
