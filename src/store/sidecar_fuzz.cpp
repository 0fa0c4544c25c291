#include <cstdlib>

#include "base/hash.h"
#include "store/detail/latency_rollup.h"
#include "store/detail/sidecar.h"

using ringwall::store::Sidecar;

// Nothing crashes, whatever is accepted can be asked; checksums are repaired so that what lies behind them is reached.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto ask = [](std::string input) {
    const auto sidecar = Sidecar::parse(std::move(input));
    if (!sidecar.ok()) return;
    const std::vector<std::uint64_t> keys = {1, 0x123456789abcdefULL, ~0ULL};
    if (sidecar->groups() > ringwall::store::kSidecarGroupsMax) std::abort();
    (void)sidecar->file_may_hold(keys);
    for (std::size_t g = 0; g < sidecar->groups(); ++g) (void)sidecar->group_may_hold(g, keys);
    if (const auto latency = sidecar->latency(); latency.has_value()) (void)ringwall::store::read_rollup(*latency);
  };
  ask(bytes);
  if (size < 28) return 0;
  const auto word = [&](std::size_t at) {
    std::uint32_t value;
    __builtin_memcpy(&value, bytes.data() + at, 4);
    return value;
  };
  const auto repair = [&](std::size_t begin, std::size_t end) {
    if (end < begin || end > bytes.size() || bytes.size() - end < 4) return false;
    const auto crc = ringwall::base::crc32c(std::string_view(bytes).substr(begin, end - begin));
    __builtin_memcpy(bytes.data() + end, &crc, 4);
    return true;
  };
  const std::size_t groups = word(20), header = 28 + 4 * groups;
  if (groups > ringwall::store::kSidecarGroupsMax || !repair(0, header)) return 0;
  std::size_t at = header + 4;
  if (word(24) != 0) {
    if (!repair(at, at + word(24))) return ask(bytes), 0;
    at += word(24) + 4;
  }
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t length = word(28 + 4 * g);
    if (!repair(at, at + length)) return ask(bytes), 0;
    at += length + 4;
  }
  if (bytes.size() >= at + 4) (void)repair(at, bytes.size() - 4);  // the latencies of version 2
  ask(bytes);
  return 0;
}
