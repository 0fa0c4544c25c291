#include "api/secrets.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

namespace ringwall::api {

Result<std::string> make_secret(std::string_view prefix) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  unsigned char random[32];
  if (RAND_bytes(random, sizeof random) != 1) return fail(Errc::kInternal, "the system has no random bytes");
  std::string out(prefix);
  unsigned bits = 0, held = 0;
  for (const unsigned char byte : random) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 6; held -= 6) out.push_back(kAlphabet[bits >> (held - 6) & 63]);
  }
  out.push_back(kAlphabet[bits << (6 - held) & 63]);
  OPENSSL_cleanse(random, sizeof random);
  return out;
}

std::string hash_secret(std::string_view secret) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest);
  std::string out;
  for (const unsigned char byte : digest) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

bool same_hash(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ringwall::api
