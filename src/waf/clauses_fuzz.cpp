#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "waf/detail/clauses.h"
#include "waf/detail/prefilter.h"
#include "waf/regex.h"

// A pattern, a zero, a text: what the pattern matches, the prefilter lets through.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ringwall::waf;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto cut = all.find('\0');
  if (cut == std::string_view::npos || cut > 200) return 0;
  const auto pattern = all.substr(0, cut), text = all.substr(cut + 1);
  const auto clauses = detail::clauses_of_regex(pattern);
  if (clauses.empty()) return 0;
  const auto regex = Regex::compile(pattern);
  if (!regex.ok()) return 0;
  detail::Prefilter prefilter;
  const auto number = prefilter.add(clauses);
  prefilter.finish();
  const auto bytes = bytes_of(text);
  Arena arena;
  // In two halves too, side by side, of which neither is the text.
  detail::Literals::Scanned scanned[] = {{text.substr(0, size / 3)}, {text}, {text.substr(std::min(size / 3, text.size()))}};
  prefilter.scanner(0, bytes).scan(scanned, prefilter.words(), arena);
  const std::vector<std::uint64_t> none(prefilter.words() + 1);
  const bool possible = prefilter.possible(number, scanned[1].bits == nullptr ? none.data() : scanned[1].bits, bytes);
  if ((!possible || !bytes.intersects(prefilter.needs(number))) && (*regex)->search(text) == Found::kYes) std::abort();
  return 0;
}
