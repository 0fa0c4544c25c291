// When to start a process again that ended by itself.  Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace ringwall::edge::detail {

inline constexpr std::chrono::milliseconds kBackoffFirst{100};
inline constexpr std::chrono::milliseconds kBackoffMax{30'000};
// Whoever ran this long was well: its next end is answered at once again.
inline constexpr std::chrono::milliseconds kStableAfter{10'000};

class Backoff {
 public:
  // The wait before the next start of a process that ran for `ran`: none after a stable run, then
  // 100 ms, 200 ms, ... up to 30 s while it keeps failing.
  std::chrono::milliseconds after_run(std::chrono::milliseconds ran) {
    if (ran >= kStableAfter) {
      next_ = kBackoffFirst;
      return std::chrono::milliseconds::zero();
    }
    const auto wait = next_;
    next_ = std::min(next_ * 2, kBackoffMax);
    return wait;
  }

 private:
  std::chrono::milliseconds next_ = kBackoffFirst;
};

}  // namespace ringwall::edge::detail
