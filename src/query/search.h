// The search language, in the manner of Datadog's: text to a tree.  docs/search.md explains it to users.
//
//   query   := or                                       empty, or `*`: everything
//   or      := and ("OR" and)*
//   and     := not (("AND")? not)*
//   not     := ("NOT" | "-") not | term
//   term    := "(" or ")" | field ":" value | text      text alone is looked for in the message
//   field   := name | "@" attribute
//   value   := "(" or without fields ")" | range | comparison | text
//   range   := ("[" | "{") bound "TO" bound ("]" | "}")     [] include their bounds, {} do not; bound := text | "*"
//   comparison := (">" | ">=" | "<" | "<=") text
//   text    := a word in which * and ? are wildcards and `\` makes the next character plain, or "a phrase" in which
//              only \" and \\ are special
//
// parse() knows grammar only; which fields exist and what their values may be is resolve()'s matter (condition.h).
// Errors name the byte at which they were noticed: "byte 12: …"; offset_of() gives the number back.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/pattern.h"

namespace ringwall::query {

inline constexpr std::size_t kSearchBytesMax = 4096;
inline constexpr std::size_t kSearchDepthMax = 32;
inline constexpr std::size_t kSearchTermsMax = 256;

struct Search {
  enum class Kind {
    kAll,      // matches every record
    kAnd, kOr, kNot,
    kText,     // text: a word or a pattern
    kPhrase,   // text: a quoted phrase, never with wildcards
    kCompare,  // compare, text
    kRange,    // low, high and whether they are included
  };
  enum class Compare { kGreater, kGreaterEqual, kLess, kLessEqual };
  struct Bound {
    std::string text;
    bool unbounded = false;  // `*`
    bool included = true;
  };

  Kind kind = Kind::kAll;
  std::vector<Search> children;  // kAnd, kOr: at least two; kNot: one

  // Of terms.  An empty field is the message; `attribute` says that the field was written with '@'.
  std::string field;
  bool attribute = false;
  Pattern text;
  Compare compare = Compare::kGreater;
  Bound low, high;
  std::size_t offset = 0;        // of the term
  std::size_t value_offset = 0;  // of its value
};

// Fails with kInvalid and the offset, or kLimit for one of the limits above.
Result<Search> parse(std::string_view text);

// The tree as text, for tests: (and message~foo (not service="web")).
std::string show(const Search& search);

// An error of parse() or resolve().
Error search_error(std::size_t offset, std::string what, std::string hint = {}, Errc code = Errc::kInvalid);
std::optional<std::size_t> offset_of(const Error& error);

}  // namespace ringwall::query
