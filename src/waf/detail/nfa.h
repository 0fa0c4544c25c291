// A pattern as a graph of steps, each of which takes one byte or none: what Automaton runs.  Only whether a pattern matches is kept; which
// of its parts matched what, and which of several matches comes first, is not.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ringwall::waf::detail {

inline constexpr std::size_t kNfaStepsMax = 30'000;

struct Nfa {
  enum class Kind : std::uint8_t { kBytes, kSplit, kLineBegin, kLineEnd, kTextBegin, kTextEnd, kWordEdge, kNoWordEdge, kMatch };
  struct Step {
    Kind kind = Kind::kMatch;
    std::uint16_t bytes = 0;            // of kBytes: in sets
    std::uint32_t out = 0, or_out = 0;  // or_out: of kSplit
  };
  using Bytes = std::bitset<256>;
  std::vector<Step> steps;
  std::vector<Bytes> sets;
  std::uint32_t start = 0;
};

// Of a pattern in RE2's dialect as to_re2() writes it; '.' takes every byte, ^ and $ stand at lines.  Nothing: it has something in it that
// is not known here, or is too large.
std::optional<Nfa> nfa_of(std::string_view pattern, bool ignore_case);

}  // namespace ringwall::waf::detail
