// Whether a match of a pattern can end with ^, as those of "a|^$" and "x\n^" can.
#pragma once

#include <string_view>

namespace ringwall::waf::detail {

// Of a pattern that RE2 takes; true also where this reader does not know.
bool may_end_with_line_begin(std::string_view pattern);

}  // namespace ringwall::waf::detail
