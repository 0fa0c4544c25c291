// The name somebody probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringwall::declare::detail {

// The candidate with the smallest edit distance (swapped neighbours count once), if it is near enough to be a
// misspelling; otherwise empty.
std::string nearest(std::string_view text, const std::vector<std::string_view>& candidates);
std::string nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace ringwall::declare::detail
