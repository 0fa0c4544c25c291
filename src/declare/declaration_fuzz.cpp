#include <cstdlib>

#include "base/text.h"
#include "declare/diff.h"
#include "declare/parse.h"

// Whatever parses without findings has a normal form that reads back as itself and differs in nothing.  Findings stand in
// the text, in its order, and hold nothing that a terminal would act on.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ringwall::declare;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse(text, "f");
  if (parsed.ok()) {
    const auto form = normal_form(parsed.declaration);
    const auto again = from_normal_form(form);
    if (!again.ok() || normal_form(*again) != form || !diff(parsed.declaration, *again).empty()) std::abort();
    return 0;
  }
  if (parsed.diagnostics.size() > kDiagnosticsMax + 1) std::abort();
  std::pair<int, int> last(1, 1);
  for (const auto& d : parsed.diagnostics) {
    const std::pair<int, int> at(d.line, d.column);
    if (at < last || d.message.empty()) std::abort();
    last = at;
    for (const auto& told : {show(d), d.hint, d.found, d.expected}) {
      if (!ringwall::base::valid_utf8(told)) std::abort();
      for (const char c : told) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
      }
    }
  }
  return 0;
}
