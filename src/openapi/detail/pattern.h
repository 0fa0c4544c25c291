// Regular expressions of the document, which are ECMAScript's, for RE2, which matches them in linear time.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "openapi/detail/schema.h"

namespace ringwall::openapi::detail {

inline constexpr std::size_t kPatternBytesMax = 4096;
inline constexpr int kRegexInstructionsMax = 20'000;  // of RE2's program

// The same expression in RE2's words.  kInvalid for what RE2 cannot express (lookaround, backreferences) or ECMAScript does not know.
Result<std::string> ecmascript_to_re2(std::string_view pattern);
Result<Pattern> compile_pattern(std::string_view text);
inline bool matches(const Pattern& pattern, std::string_view text) { return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern.regex); }

}  // namespace ringwall::openapi::detail
