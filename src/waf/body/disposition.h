// The value of a part's Content-Disposition header, taken apart the way libmodsecurity does it.  Used by multipart.cpp.
//
//   form-data; name="field"; filename="a.txt"; filename*=UTF-8''a.txt
//
// A value may be a token, or in quotes of either kind, in which \" and \\ stand for themselves.  Other parameters are refused.
// Source: RFC 7578, RFC 2183, RFC 8187, and the numbers libmodsecurity reports.
#pragma once

#include <string_view>

#include "waf/arena.h"

namespace ringwall::waf {

struct Disposition {
  std::string_view name, file_name;
  std::string_view star_name;  // of filename*, decoded from percent; servers differ in which of the two they take
  // What was read last under each parameter, duplicates included: MULTIPART_NAME, MULTIPART_FILENAME.
  std::string_view last_name, last_file_name;
  bool name_seen = false, file_name_seen = false;
  bool invalid_quoting = false;  // a single quote as a quote or in a value, or a quote where a value has ended
};

enum class DispositionError {
  kNone = 0,
  kNotFormData = -1,
  kNoSemicolon = -2,
  kEmptyParameter = -3,
  kNoEquals = -4,
  kNoEqualsAfterSpace = -5,
  kNoValue = -6,
  kNoQuotedValue = -7,
  kEscapeAtEnd = -8,
  kUnknownParameter = -11,
  kJunkAfterValue = -12,
  kJunkBeforeEquals = -13,
  kDuplicateName = -14,
  kDuplicateFileName = -15,
  kStarCharset = -16,
  kStarLanguage = -17,
  kStarPercent = -18,
  kStarCharacter = -19,
  kDuplicateStar = -20,
  kStarAlone = -21,
  kQuoteNotClosed = -22,  // not told by libmodsecurity, which reads past the end here
};

// What was read before an error stays in `out`.
DispositionError parse_disposition(std::string_view text, Arena& arena, Disposition& out);

}  // namespace ringwall::waf
