#include "pki/detail/x509.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"

namespace ringwall::pki::detail {

namespace {

using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Freer<BN_free>>;

constexpr long kVersion3 = 2;  // X.509 counts from zero

Error openssl_error(std::string_view doing) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return fail(Errc::kInternal, fmt::format("{}: {}", doing, text.data()));
}

// The binary form of an address, empty when the text is none.
std::string address_bytes(const std::string& text) {
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

std::string address_text(std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  return ::inet_ntop(family, bytes.data(), text.data(), text.size()) ? text.data() : "";
}

// A host name after RFC 1123 with at most one '*', alone in the leftmost label.
bool host_name(std::string_view name) {
  if (name.starts_with("*.")) {
    name.remove_prefix(2);
    if (name.find('.') == std::string_view::npos)
      return false;  // "*.test" would cover a whole top-level domain
  }
  if (name.empty() || name.size() > 253) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('.', begin), name.size());
    const auto label = name.substr(begin, end - begin);
    const bool allowed = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' || !allowed)
      return false;
    begin = end + 1;
  }
  return true;
}

bool add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_time(ASN1_TIME* field, std::int64_t time_ns) {
  return ASN1_TIME_set(field, static_cast<std::time_t>(time_ns / 1'000'000'000)) != nullptr;
}

// 127 random bits: unpredictable as the CA/Browser baseline wants it, positive as RFC 5280 does.
bool set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
  const BigNumber number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_common_name(X509* certificate, std::string name) {
  if (name.size() > 64) name.resize(64);  // ub-common-name of RFC 5280
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

template <class Write>
Result<std::string> written(std::string_view doing, Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return openssl_error(doing);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

Result<std::vector<std::string>> normal_names(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const auto& name : names) {
    const auto bytes = address_bytes(name);
    auto normal = bytes.empty() ? base::lower_ascii(name) : address_text(bytes);
    if (bytes.empty() && !host_name(normal)) {
      return fail(Errc::kInvalid, fmt::format("'{}' is not a host name or an address", name));
    }
    out.push_back(std::move(normal));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<Key> make_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("make a key");
  return key;
}

Result<Cert> make_ca(EVP_PKEY* key, const std::string& common_name, std::int64_t from_ns,
                     std::int64_t until_ns) {
  Cert ca(X509_new());
  X509* c = ca.get();
  const bool made =
      c && X509_set_version(c, kVersion3) == 1 && set_random_serial(c) && set_common_name(c, common_name) &&
      X509_set_issuer_name(c, X509_get_subject_name(c)) == 1 && set_time(X509_getm_notBefore(c), from_ns) &&
      set_time(X509_getm_notAfter(c), until_ns) && X509_set_pubkey(c, key) == 1 &&
      add_extension(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(c, c, NID_subject_key_identifier, "hash") && X509_sign(c, key, EVP_sha256()) > 0;
  if (!made) return openssl_error("make the authority's certificate");
  return ca;
}

Result<Cert> make_server(EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key, const std::vector<std::string>& names,
                         std::int64_t from_ns, std::int64_t until_ns) {
  std::string alternatives;
  for (const auto& name : names) {
    fmt::format_to(std::back_inserter(alternatives), "{}{}:{}", alternatives.empty() ? "" : ",",
                   address_bytes(name).empty() ? "DNS" : "IP", name);
  }
  Cert certificate(X509_new());
  X509* c = certificate.get();
  const bool made =
      c && X509_set_version(c, kVersion3) == 1 && set_random_serial(c) && set_common_name(c, names.front()) &&
      X509_set_issuer_name(c, X509_get_subject_name(ca)) == 1 && set_time(X509_getm_notBefore(c), from_ns) &&
      set_time(X509_getm_notAfter(c), until_ns) && X509_set_pubkey(c, key) == 1 &&
      add_extension(c, ca, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(c, ca, NID_key_usage, "critical,digitalSignature") &&
      add_extension(c, ca, NID_ext_key_usage, "serverAuth") &&
      add_extension(c, ca, NID_subject_key_identifier, "hash") &&
      add_extension(c, ca, NID_authority_key_identifier, "keyid:always") &&
      add_extension(c, ca, NID_subject_alt_name, alternatives) && X509_sign(c, ca_key, EVP_sha256()) > 0;
  if (!made) return openssl_error("make a server certificate");
  return certificate;
}

Result<std::string> pem(X509* certificate) {
  return written("write a certificate", [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

Result<std::string> pem(EVP_PKEY* key) {
  return written("write a key", [&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Result<Cert> parse_certificate(std::string_view text) {
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Cert certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return ERR_clear_error(), fail(Errc::kCorrupt, "not a certificate in PEM form");
  return certificate;
}

Result<Key> parse_key(std::string_view text) {
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  // The callback keeps OpenSSL from asking for a passphrase at the terminal.
  Key key(PEM_read_bio_PrivateKey(
      bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!key) return ERR_clear_error(), fail(Errc::kCorrupt, "not a private key in PEM form");
  return key;
}

std::int64_t not_after_ns(X509* certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return 0;
  return static_cast<std::int64_t>(::timegm(&time)) * 1'000'000'000;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> out;
  const std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    const auto* value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const std::string bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                            static_cast<std::size_t>(ASN1_STRING_length(value)));
    out.push_back(name->type == GEN_DNS ? bytes : address_text(bytes));
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool signed_by(X509* certificate, X509* ca) {
  const bool yes =
      X509_check_issued(ca, certificate) == X509_V_OK && X509_verify(certificate, X509_get0_pubkey(ca)) == 1;
  ERR_clear_error();
  return yes;
}

bool fits(X509* certificate, EVP_PKEY* key) {
  const bool yes = X509_check_private_key(certificate, key) == 1;
  ERR_clear_error();
  return yes;
}

std::string fingerprint(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  std::string out;
  if (X509_digest(certificate, EVP_sha256(), bytes.data(), &length) != 1) return out;
  for (unsigned i = 0; i < length; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", bytes[i]);
  return out;
}

}  // namespace ringwall::pki::detail
