// A regular expression of a rule: bytes, not characters; '.' matches a line's end, ^ and $ match at lines (DOTALL and
// MULTILINE, as libmodsecurity 3 compiles them).
//
// Searches are linear in the text: whether a pattern matches an automaton of our own tells (detail/automaton.h), where it matches RE2,
// which runs every pattern it can express.  Patterns with look-around, back-references,
// atomic groups or counts above 1000 are left to PCRE2 under a limit of steps; when the limit is hit the answer is kLimit,
// which the engine takes for a match.  The limit is one of a whole search, whatever the length of the text.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::waf {

namespace detail {
class Automaton;
}

inline constexpr std::size_t kPatternBytesMax = 65'536;
inline constexpr int kGroupsMax = 10;  // TX:0 to TX:9
inline constexpr std::uint64_t kBacktrackStepsMax = 4'000'000;  // beside some of each byte

struct Group {
  std::size_t offset = 0, size = 0;
  bool set = false;
};

enum class Found : std::uint8_t { kNo, kYes, kLimit };

class Regex {
 public:
  // kInvalid with PCRE2's words and the offset in the pattern.
  static Result<std::shared_ptr<const Regex>> compile(std::string_view pattern, bool ignore_case = false);
  virtual ~Regex() = default;

  // `groups`: null, or room for kGroupsMax; `count`: how many of them are wanted; gets how many of these the pattern
  // has.  To find the whole match alone, which is group 0, takes far less than to find its parts.  `steps`: to it is added what the search
  // took.
  virtual Found search(std::string_view text, Group* groups = nullptr, int* count = nullptr, std::uint64_t* steps = nullptr) const = 0;
  // The groups of a text that search() has found already: what a caller asks who tries many texts and wants the groups of the last.
  virtual bool locate(std::string_view text, Group* groups, int* count, std::uint64_t* steps) const { return search(text, groups, count, steps) == Found::kYes; }
  // Whether RE2 runs it.
  virtual bool linear() const = 0;
  // What tells whether it matches, also together with others; null: something else does.
  virtual const detail::Automaton* automaton() const { return nullptr; }
};

// The pattern in the dialect of RE2 with PCRE2's meaning: \s holds the vertical tab, \h and \R are spelt out.
// Exposed for tests.
std::string to_re2(std::string_view pattern);

}  // namespace ringwall::waf
