// Random ids, quickly: xoshiro256** (Blackman and Vigna, 2018), seeded from the kernel once per worker.
// Unique, not secret: who sees enough ids can foretell the next.
#pragma once

#include <bit>
#include <cstdint>

namespace ringwall::edge_module {

class Random {
 public:
  // Any seed but all zeros.
  void seed(const std::uint64_t (&state)[4]) noexcept {
    for (int i = 0; i < 4; ++i) state_[i] = state[i];
  }

  std::uint64_t next() noexcept {
    const auto result = std::rotl(state_[1] * 5, 7) * 9;
    const auto shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  std::uint64_t next_nonzero() noexcept {
    for (;;) {
      if (const auto value = next(); value != 0) return value;
    }
  }

 private:
  std::uint64_t state_[4] = {1, 2, 3, 4};
};

}  // namespace ringwall::edge_module
