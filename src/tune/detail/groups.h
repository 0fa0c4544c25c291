// Findings of many requests that one exclusion would be for: the same field of the same pages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tune/detail/evidence.h"
#include "tune/propose.h"

namespace ringwall::tune::detail {

// Pages under so many different first folders have the field everywhere.
inline constexpr std::size_t kFoldersMax = 4;

// As a selector: "ARGS:content", "ARGS:/^json\.items\.array_\d+\.sku$/" for what has a number in its name.  Nothing: no exclusion can
// be as narrow as one field (names that are too long or hold control characters).
std::optional<std::string> target_of(const Finding& finding);
// The path of an exclusion that covers these decoded paths and as little else as can be: "= /a" when they are one, else their common
// folder.
std::string common_path(const std::vector<std::string>& paths);

struct Group {
  std::string target, path;
  std::vector<std::uint64_t> rules;    // ascending
  std::vector<const Flagged*> requests;
};
// By field, then by the pages it was seen on.
std::vector<Group> group(const std::vector<const Flagged*>& flagged);

}  // namespace ringwall::tune::detail
