// Whatever a user types: it parses or fails with an offset inside the text; what parses shows itself, resolves or says
// why not, and never becomes SQL text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "query/sql.h"

using namespace ringwall;
using namespace ringwall::query;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto search = parse(text);
  if (!search.ok()) {
    const auto offset = offset_of(search.error());
    require(offset.has_value() && *offset <= size);
    return 0;
  }
  require(!show(*search).empty());
  for (const auto signal : base::kSignals) {
    const auto condition = resolve(*search, signal);
    if (!condition.ok()) {
      const auto offset = offset_of(condition.error());
      require(offset.has_value() && *offset <= size);
      continue;
    }
    const auto predicate = predicate_of(*condition, signal);
    // Every byte of the SQL is one this program wrote.
    require(predicate.sql.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$()[],:<>=.'\\ ") ==
            std::string::npos);
    std::size_t dollars = 0;
    for (const char c : predicate.sql) dollars += c == '$' ? 1u : 0u;
    require(dollars >= predicate.parameters.size());
  }
  return 0;
}
