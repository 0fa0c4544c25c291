// Checksums and digests.  None of these is for secrets; TLS and tokens use OpenSSL.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringwall::base {

// CRC-32C (Castagnoli), as iSCSI and most logs use it.  Chain with the previous result as `seed`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

// A well-mixed 64-bit hash, stable across versions: it is stored in sidecar filters.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);
std::uint64_t mix64(std::uint64_t value);

// Tells two request bodies apart (retries carry the same one).  Not collision-proof against an adversary.
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const Digest&) const = default;
};
Digest digest128(std::string_view bytes);

}  // namespace ringwall::base
