// X.509 by OpenSSL: the only part of the program that sees its certificate types.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::pki::detail {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;

// Names as a certificate holds them: host names in lower case, addresses in their shortest text; sorted, each
// once. kInvalid names the one that is neither.
Result<std::vector<std::string>> normal_names(const std::vector<std::string>& names);

Result<Key> make_key();
Result<Cert> make_ca(EVP_PKEY* key, const std::string& common_name, std::int64_t from_ns,
                     std::int64_t until_ns);
// `names` are normal.
Result<Cert> make_server(EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key, const std::vector<std::string>& names,
                         std::int64_t from_ns, std::int64_t until_ns);

Result<std::string> pem(X509* certificate);
Result<std::string> pem(EVP_PKEY* key);
Result<Cert> parse_certificate(std::string_view text);
Result<Key> parse_key(std::string_view text);

std::int64_t not_after_ns(X509* certificate);
std::vector<std::string> names_of(X509* certificate);  // normal
bool signed_by(X509* certificate, X509* ca);
bool fits(X509* certificate, EVP_PKEY* key);
std::string fingerprint(X509* certificate);

}  // namespace ringwall::pki::detail
