#include "declare/nearest.h"

#include <algorithm>

namespace ringwall::declare::detail {

namespace {

// Damerau-Levenshtein distance with non-overlapping swaps.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

constexpr std::size_t kTextMax = 64;

}  // namespace

std::string nearest(std::string_view text, const std::vector<std::string_view>& candidates) {
  if (text.size() > kTextMax) return "";
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, text.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const auto d = distance(text, candidate);
    if (d < best_distance) best_distance = d, best = candidate;
  }
  return std::string(best);
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  return nearest(text, std::vector<std::string_view>(candidates.begin(), candidates.end()));
}

}  // namespace ringwall::declare::detail
