// What a text must hold for a pattern to have a chance: clauses, each a set of literals of which one must be in the text.
//
// Read off the pattern alone, on texts folded to lower case (ASCII), so that one pass over a text serves patterns of either
// case.  No clause is always sound: it promises nothing, and the pattern is then tried on every text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringwall::waf::detail {

inline constexpr std::size_t kClausesMax = 4;         // of a pattern; the most selective are kept
inline constexpr std::size_t kClauseLiteralsMax = 3000;
inline constexpr std::size_t kLiteralBytesMax = 112;  // longer ones are cut, which is sound
inline constexpr std::size_t kPartBytesMax = 16;      // of a literal the part that is looked for first

// As a literal of its own: some byte that is no ASCII.
inline constexpr char kAnyHighByte = '\x80';

using Clause = std::vector<std::string>;  // sorted, distinct, none empty, lower case

// Of a regular expression in PCRE's syntax.  Syntax it does not know gives no clauses.
std::vector<Clause> clauses_of_regex(std::string_view pattern);
// Of a text that must be there as it is, any case.
std::vector<Clause> clauses_of_literals(const std::vector<std::string>& any_of);

// Where the part of a literal begins that is the least common one: long phrases of web shells and error messages begin as all pages
// do.  It has kPartBytesMax bytes, or all that are there.
std::size_t telling_part_of(std::string_view literal);

}  // namespace ringwall::waf::detail
