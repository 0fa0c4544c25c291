// Whether a pattern matches anywhere in a text, told by an automaton that is built while it runs.
//
// A state is the set of steps of the pattern (Nfa) that a text may be at, but for those at which a match may begin: these are there
// at every byte and are known once for all states.  So states are few and small, and patterns that hardly ever begin in a text, which
// most are, cost next to nothing: where the automaton waits for a match to begin, the next byte with which one can is looked for
// sixteen bytes at a time.  The others are run four at once, because one alone mostly waits for memory.
//
// Time is linear in the text, but for the building of states, which is counted in steps as it costs.  A text for which more of them are
// needed than the memory holds, time and again, is given up.  Thread-safe: what has been built belongs to one search at a time, and
// is used again by the next.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "waf/detail/byte_finder.h"
#include "waf/detail/nfa.h"

namespace ringwall::waf::detail {

inline constexpr std::size_t kAutomatonMemoryMax = 2 << 20;     // of one search's states, about
inline constexpr std::uint64_t kAutomatonStepsMax = 8'000'000;  // of a search, for what it builds: more than filling the memory takes

class Automaton {
 public:
  enum class Answer : std::uint8_t { kNo, kYes, kGivenUp };

  explicit Automaton(Nfa nfa);
  ~Automaton();
  Automaton(const Automaton&) = delete;
  Automaton& operator=(const Automaton&) = delete;

  // To `steps` is added what it took.
  Answer find(std::string_view text, std::uint64_t& steps) const;
  // The same of several, which takes far less time than one after the other; `answers` has room for all.
  static void find_each(std::span<const Automaton* const> all, std::string_view text, std::span<Answer> answers, std::uint64_t& steps);

 private:
  struct Memory;
  class Search;
  enum Context : std::uint8_t { kOther, kWord, kNewline, kBegin };  // what stands before a byte
  static constexpr std::size_t kContexts = 4, kSpare = 4;

  bool holds(Nfa::Kind assertion, Context before, std::size_t byte_class) const;
  Memory* take_memory() const;
  void give_back(Memory* memory) const;

  const Nfa nfa_;
  std::array<std::uint8_t, 256> classes_{};    // bytes that no step tells apart
  std::vector<unsigned char> member_;          // of each class
  std::vector<Context> context_;               // behind a byte of each class
  std::vector<std::uint32_t> start_;           // the steps at which a match begins
  bool always_ = false;                        // matches the empty text
  bool start_asserts_ = false;
  ByteFinder leaves_;                          // bytes with which a match may begin
  bool waits_ = false;                         // whether there are others
  mutable std::array<std::atomic<Memory*>, kSpare> spare_{};
};

}  // namespace ringwall::waf::detail
