// Numbers that are the same everywhere: SplitMix64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringwall::prove::detail {

class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t number) : state_(seed * 0xD1342543DE82EF95u + number * 0x9E3779B97F4A7C15u) { next(); }

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  // 0 .. n - 1; 0 of 0.
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(next() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  const T& of(const std::vector<T>& all) { return all[below(all.size())]; }
  template <class T, std::size_t N>
  const T& of(const T (&all)[N]) { return all[below(N)]; }

 private:
  std::uint64_t state_;
};

}  // namespace ringwall::prove::detail
