// Properties: names begin with "json" and hold the memory bound; a good document inside an array gives the same leaves, one
// level further down; an error has words and a bad document does not become good inside an array.
#include <cstdlib>
#include <string>

#include "waf/body/body.h"

using namespace ringwall::waf;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const BodyLimits limits{.arguments_max = 1'000'000, .depth_max = 64};
  const BodyLimits one_deeper{.arguments_max = 1'000'000, .depth_max = 65};
  Arena arena;
  Json read;
  parse_json(body, limits, arena, read);
  if (arena.used() > (8 << 20) + 256 * size) std::abort();
  if (read.error.set == read.error.message.empty()) std::abort();
  for (const auto& [name, value] : read.pairs) {
    if (!name.starts_with("json") || value.size() > size) std::abort();
  }

  const auto wrapped = "[" + std::string(body) + "]";
  Json inside;
  parse_json(wrapped, one_deeper, arena, inside);
  if (read.error.set) return 0;
  if (inside.error.set || inside.pairs.size() != read.pairs.size()) std::abort();
  for (std::size_t i = 0; i < read.pairs.size(); ++i) {
    const auto name = "json.array_0" + std::string(read.pairs[i].name.substr(4));
    if (inside.pairs[i].name != name || inside.pairs[i].value != read.pairs[i].value) std::abort();
  }
  return 0;
}
