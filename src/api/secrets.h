// Secrets that are made here: tokens and session ids.  256 random bits each, so a plain SHA-256 is a sufficient hash
// at rest (there is nothing to guess), and comparing hashes takes the same time whatever was sent.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::api {

// "rw_" and 43 characters of base64url.
Result<std::string> make_secret(std::string_view prefix = "rw_");
// Lower-case hexadecimal SHA-256: what is stored.
std::string hash_secret(std::string_view secret);
// In constant time.
bool same_hash(std::string_view a, std::string_view b);

}  // namespace ringwall::api
