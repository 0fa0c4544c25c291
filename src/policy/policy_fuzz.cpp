// The two files workers read: a policy file that is read is the same after writing and reading, a bundle opens or is refused.
#include <cstdlib>

#include "policy/bundle.h"
#include "policy/policy.h"

using namespace ringwall::policy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto bundle = open_bundle(text);
  if (bundle.ok() && !bundle->files.read(bundle->main).ok()) std::abort();
  const auto file = read_policy_file(text, "fuzz");
  if (!file.ok()) return 0;
  const auto again = read_policy_file(write_policy_file(*file), "fuzz");
  if (!again.ok() || again->rules != file->rules || again->policies != file->policies || again->files != file->files) std::abort();
  return 0;
}
