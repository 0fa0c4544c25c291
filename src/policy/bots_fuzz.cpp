// Headers with anything in them, and redirects to anywhere: signals are of those there are, and the same request has the same.
//
//   input := how:u8 ( name ':' value LF )*
#include <algorithm>

#include "base/result.h"
#include "policy/bots.h"
#include "policy/limits.h"

using namespace ringwall::policy;

namespace {

BotSignals watched(std::string_view text, unsigned how) {
  BotWatch watch({(how & 1) != 0 ? 1001 : (how & 2) != 0 ? 2000 : 1000, (how & 4) != 0});
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    const auto colon = std::min(line.find(':'), line.size());
    watch.header(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return watch.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto signals = watched(text, data[0]);
  RW_ASSERT((signals.bits >> kBotSignalCount) == 0);
  RW_ASSERT(signals.none() == signals.text().empty());
  RW_ASSERT(watched(text, data[0]).bits == signals.bits);
  // What leads somewhere leads to all that is longer before a star.
  const auto half = text.size() / 2;
  const std::string pattern(text.substr(half));
  if (leads_to(text.substr(0, half), pattern) && !pattern.ends_with('*')) RW_ASSERT(leads_to(text.substr(0, half), pattern + "*"));
  (void)folded(text);
  return 0;
}
