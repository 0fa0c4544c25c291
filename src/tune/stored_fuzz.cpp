// Lines of a store that is not ours: whatever they hold is read or refused, and what is read can be judged.
#include <cstdlib>

#include "policy/bundle.h"
#include "tune/detail/judge.h"
#include "tune/detail/mend.h"

using namespace ringwall;
using namespace ringwall::tune;

namespace {

Rules fuzz_rules() {
  const std::string text = "SecRuleEngine On\nSecRequestBodyAccess On\nSecRule ARGS|REQUEST_HEADERS|REQUEST_BODY \"@rx evil\" \"id:1,phase:2,deny,t:urlDecodeUni,t:lowercase\"\n";
  auto bundle = policy::make_bundle_of(text, "/fuzz.conf", waf::Files{});
  if (!bundle.ok()) std::abort();
  auto rules = Rules::load({"rules", {{"default", waf::Mode::kBlock, {}, {}}}}, *bundle);
  if (!rules.ok()) std::abort();
  return std::move(*rules);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static tune::detail::Judge judge(fuzz_rules());
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  (void)tune::detail::mend_json(line);
  const auto stored = read_stored(line);
  if (!stored.ok() || !*stored) return 0;
  const auto one = judge.run(**stored, tune::detail::Keep::kValues), again = judge.run(**stored, tune::detail::Keep::kIds);
  if (one.refused != again.refused || one.matches.size() != again.matches.size()) std::abort();
  for (const auto& match : one.matches) {
    if (match.hits.empty()) std::abort();
  }
  return 0;
}
