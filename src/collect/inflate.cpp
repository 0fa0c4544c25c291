#include "collect/inflate.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <memory>

namespace ringwall::collect {

namespace {

struct DecompressorDeleter {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

// DEFLATE cannot expand more than this.
constexpr std::size_t kRatioMax = 1032;

}  // namespace

Result<std::string> inflate(std::string_view compressed, std::string_view encoding, std::size_t bytes_max) {
  thread_local const std::unique_ptr<libdeflate_decompressor, DecompressorDeleter> decompressor(libdeflate_alloc_decompressor());
  const bool gzip = encoding == "gzip";
  std::string out;
  do {
    const std::size_t before = out.size();
    // One shot at a guessed size, doubled until it fits: libdeflate is twice as fast as a streaming inflater.
    std::size_t room = std::clamp<std::size_t>(compressed.size() * 6, 4096, 8u << 20);
    for (;;) {
      room = std::min({room, bytes_max - before, compressed.size() * kRatioMax + 64});
      out.resize(before + room);
      std::size_t used = 0, written = 0;
      const auto result = gzip ? libdeflate_gzip_decompress_ex(decompressor.get(), compressed.data(), compressed.size(), out.data() + before, room, &used, &written)
                               : libdeflate_zlib_decompress_ex(decompressor.get(), compressed.data(), compressed.size(), out.data() + before, room, &used, &written);
      if (result == LIBDEFLATE_SUCCESS) {
        out.resize(before + written);
        compressed.remove_prefix(used);
        break;
      }
      if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return fail(Errc::kInvalid, fmt::format("the body is not {}, or cut short", gzip ? "gzip" : "zlib"));
      if (room == bytes_max - before) return fail(Errc::kLimit, fmt::format("the body is larger than {} bytes when decompressed", bytes_max), "send smaller batches");
      if (room == compressed.size() * kRatioMax + 64) return fail(Errc::kInvalid, "the body is damaged");
      room *= 2;
    }
  } while (gzip && !compressed.empty());
  return out;
}

}  // namespace ringwall::collect
