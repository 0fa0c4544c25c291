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
  std::size_t filled = 0;  // what follows in `out` is room, set to zero once
  for (int members = 0; members == 0 || !compressed.empty(); ++members) {
    if (members == kGzipMembersMax) return fail(Errc::kLimit, fmt::format("more than {} gzip members in one body", kGzipMembersMax));
    if (members == 1 && !gzip) return fail(Errc::kInvalid, "bytes behind the end of the zlib data");
    // One shot at a guessed size, doubled until it fits: libdeflate is twice as fast as a streaming inflater.
    const std::size_t most = std::min(bytes_max - filled, compressed.size() * kRatioMax + 64);
    std::size_t room = std::min(most, std::clamp<std::size_t>(compressed.size() * 6, 4096, 8u << 20));
    for (;; room = std::min(most, room * 2)) {
      if (out.size() < filled + room) out.resize(filled + room);
      std::size_t used = 0, written = 0;
      const auto result = gzip ? libdeflate_gzip_decompress_ex(decompressor.get(), compressed.data(), compressed.size(), out.data() + filled, room, &used, &written)
                               : libdeflate_zlib_decompress_ex(decompressor.get(), compressed.data(), compressed.size(), out.data() + filled, room, &used, &written);
      if (result == LIBDEFLATE_SUCCESS) {
        filled += written;
        compressed.remove_prefix(used);
        break;
      }
      if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return fail(Errc::kInvalid, fmt::format("the body is not {}, or cut short", gzip ? "gzip" : "zlib"));
      if (room == bytes_max - filled) return fail(Errc::kLimit, fmt::format("the body is larger than {} bytes when decompressed", bytes_max), "send smaller batches");
      if (room == most) return fail(Errc::kInvalid, "the body is damaged");
    }
  }
  out.resize(filled);
  return out;
}

}  // namespace ringwall::collect
