// Whether a rule's operator finds something in a text: the operators without what a match leaves behind.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "waf/detail/program.h"

namespace ringwall::waf::detail {

// `argument`: the rule's, with its macros expanded.  To `steps` is added what it took beyond a look at each byte.
bool finds(const CompiledRule& rule, std::string_view text, std::string_view argument, std::uint64_t& steps);

bool compares(Operator op, std::int64_t left, std::int64_t right);
// Of an argument with macros; null when it is no pattern, which matches nothing.
std::shared_ptr<const Regex> regex_of(std::string_view argument);

}  // namespace ringwall::waf::detail
