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
  std::vector<std::uint64_t> bits(prefilter.words() + 1);
  prefilter.scan(0, text, bytes_of(text), bits.data());
  if (!prefilter.possible(number, bits.data(), bytes_of(text)) && (*regex)->search(text) == Found::kYes) std::abort();
  return 0;
}
