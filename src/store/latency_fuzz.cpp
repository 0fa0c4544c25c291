#include <cstdint>
#include <cstdlib>
#include <string>

#include <zstd.h>

#include "store/detail/latency_rollup.h"

// Whatever is read has sane numbers, as it is and as the content of a frame, which mutation alone would hardly make.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto look = [](std::string_view section) {
    const auto rollup = ringwall::store::read_rollup(section);
    if (!rollup.ok()) return;
    for (const auto& cell : rollup->cells) {
      if (cell.service >= rollup->services.size()) std::abort();
      if (cell.histogram.count() != 0 && !(cell.histogram.quantile(0.5) >= 0)) std::abort();
    }
  };
  look(text);
  std::string frame(ZSTD_compressBound(size), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), data, size, 1));
  look(frame);
  return 0;
}
