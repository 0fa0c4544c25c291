// Who may ask: tokens for programs, sessions for browsers.
//
//   token     "rw_…", 256 random bits, stored as SHA-256; sent as `Authorization: Bearer rw_…`
//   session   a cookie `__Host-ringwall` (Secure, HttpOnly, SameSite=Strict), made from a token, stored as SHA-256,
//             over after kSessionAge; dies with its token
//   operator  one more token that only this process knows, for whoever can reach the control socket anyway
//
// A request with the cookie that changes something must carry the header `X-Ringwall: 1`, which another site's form
// cannot send.  After kFailuresMax wrong tokens from one address within a minute, that address has to wait.
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/world.h"
#include "catalog/catalog.h"
#include "http/server.h"

namespace ringwall::api {

inline constexpr std::int64_t kSessionAgeNs = 12ll * 3600 * 1'000'000'000;
inline constexpr int kFailuresMax = 10;
inline constexpr std::size_t kFailureAddressesMax = 10'000;
inline constexpr std::string_view kCookieName = "__Host-ringwall";

class Auth {
 public:
  // Makes the operator token.  The catalog outlives the object.
  static Result<std::unique_ptr<Auth>> open(catalog::Catalog& catalog, base::Clock& clock);

  // The secret of a new token; it is not stored and cannot be shown again.
  Result<std::string> create_token(const std::string& name);
  Result<bool> has_tokens();
  const std::string& operator_token() const { return operator_token_; }

  // The name of whoever sent this request.  kDenied: no or wrong credentials; kLimit: too many wrong ones.
  Result<std::string> identify(const http::Request& request);

  // For POST and DELETE /api/v1/session.
  http::Response sign_in(const http::Request& request);
  http::Response sign_out(const http::Request& request);

 private:
  Auth(catalog::Catalog& catalog, base::Clock& clock) : catalog_(catalog), clock_(clock) {}
  Result<catalog::Token> check_token(const std::string& token, const std::string& peer);
  bool too_many_failures(const std::string& peer);
  void count_failure(const std::string& peer);

  struct Failures {
    std::int64_t since_ns = 0;
    int count = 0;
  };
  catalog::Catalog& catalog_;
  base::Clock& clock_;
  std::string operator_token_, operator_hash_;
  std::mutex mutex_;
  std::map<std::string, Failures> failures_;  // by address; guarded by mutex_
};

}  // namespace ringwall::api
