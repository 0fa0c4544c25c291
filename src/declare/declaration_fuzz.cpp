#include <cstdlib>

#include "declare/parse.h"

// Whatever parses without diagnostics has a normal form that reads back as itself.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ringwall::declare;
  const auto parsed = parse({reinterpret_cast<const char*>(data), size}, "f");
  if (!parsed.ok()) return 0;
  const auto text = normal_form(parsed.declaration);
  const auto again = from_normal_form(text);
  if (!again.ok() || normal_form(*again) != text) std::abort();
  return 0;
}
