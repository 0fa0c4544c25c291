// The local certificate authority: for hosts that have no certificate of a public one, and for Ringwall's
// console.
//
//   pki/ca.crt       self-signed, ECDSA P-256, valid ten years; what users put into their trust store
//   pki/ca.key       PKCS #8, mode 0600; it never leaves the machine
//   pki/NAME.crt     a server certificate, valid 90 days, renewed when less than 30 are left
//   pki/NAME.key     its own key, mode 0600
//
// Files are replaced whole.  A crash between the two files of a pair leaves a key that does not fit its
// certificate; the next ensure() sees that and issues a new pair.  Profile after RFC 5280; names in
// subjectAltName only, as RFC 6125 and browsers want it.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/world.h"

namespace ringwall::pki {

inline constexpr std::int64_t kDayNs = 86'400'000'000'000;
inline constexpr std::int64_t kCaDays = 3650;
inline constexpr std::int64_t kServerDays = 90;
inline constexpr std::int64_t kRenewDays = 30;
inline constexpr std::size_t kNamesMax = 100;  // of one certificate; more make every handshake longer

struct Certificate {
  std::string certificate_path;
  std::string key_path;
  std::int64_t not_after_ns = 0;
  bool issued = false;  // now; false when the one on disk is still good
};

class LocalCa {
 public:
  // Loads the authority from `directory`, or creates it there.  `application` becomes part of its name.
  // kCorrupt when the certificate is there but its key is missing or another one's; kInvalid when it has
  // expired.
  static Result<LocalCa> open(base::Files& files, base::Clock& clock, std::string directory,
                              const std::string& application);

  // The certificate `name` (a file name of letters, digits, '-', '_' and '.') for these host names
  // ("shop.test",
  // "*.shop.test") and addresses ("127.0.0.1", "::1"): the one on disk when it is ours, for exactly these names
  // and not to be renewed yet, otherwise a new one.  kInvalid names the host name that cannot be in a
  // certificate, kLimit when there are more than kNamesMax.
  Result<Certificate> ensure(const std::string& name, std::vector<std::string> names);

  const std::string& certificate_path() const { return certificate_path_; }
  const std::string& certificate_pem() const { return certificate_pem_; }
  // Lower-case SHA-256 of the certificate, for a person to compare.
  const std::string& fingerprint() const { return fingerprint_; }

  // What a person types so that browsers and programs on this machine accept the certificates.
  std::string trust_hint() const;

 private:
  LocalCa(base::Files& files, base::Clock& clock) : files_(&files), clock_(&clock) {}

  base::Files* files_;
  base::Clock* clock_;
  std::string directory_, certificate_path_, certificate_pem_, key_pem_, fingerprint_;
};

}  // namespace ringwall::pki
