#include "pki/local_ca.h"

#include <fmt/format.h>

#include <algorithm>

#include "pki/detail/x509.h"

namespace ringwall::pki {

namespace {

// Clocks of clients run late; a certificate that begins now would be refused by some of them.
constexpr std::int64_t kBackdateNs = 3'600'000'000'000;

bool plain_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 128 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_' || c == '.';
         });
}

// The text of a file, or "" when it does not exist.
Result<std::string> read_if_there(base::Files& files, const std::string& path) {
  auto text = files.read(path);
  if (!text.ok() && text.error().code == Errc::kNotFound) return std::string();
  return text;
}

}  // namespace

Result<LocalCa> LocalCa::open(base::Files& files, base::Clock& clock, std::string directory,
                              const std::string& application) {
  LocalCa ca(files, clock);
  ca.directory_ = std::move(directory);
  ca.certificate_path_ = ca.directory_ + "/ca.crt";
  const auto key_path = ca.directory_ + "/ca.key";
  RW_TRY(files.make_directories(ca.directory_));
  ca.key_pem_ = RW_TRY(read_if_there(files, key_path));
  ca.certificate_pem_ = RW_TRY(read_if_there(files, ca.certificate_path_));

  if (ca.certificate_pem_.empty()) {
    // The key is written first: a crash in between leaves a key without a certificate, which is taken up here.
    const auto key =
        ca.key_pem_.empty() ? RW_TRY(detail::make_key()) : RW_TRY_CTX(key_path, detail::parse_key(ca.key_pem_));
    if (ca.key_pem_.empty()) {
      ca.key_pem_ = RW_TRY(detail::pem(key.get()));
      RW_TRY(files.write_atomic(key_path, ca.key_pem_, 0600));
    }
    const auto now = clock.now_ns();
    const auto made = RW_TRY(detail::make_ca(key.get(), fmt::format("Ringwall local CA ({})", application),
                                             now - kBackdateNs, now + kCaDays * kDayNs));
    ca.certificate_pem_ = RW_TRY(detail::pem(made.get()));
    RW_TRY(files.write_atomic(ca.certificate_path_, ca.certificate_pem_, 0644));
  }

  const auto certificate = RW_TRY_CTX(ca.certificate_path_, detail::parse_certificate(ca.certificate_pem_));
  const auto again =
      fmt::format("restore it from a backup, or remove {}/ca.crt and ca.key to begin anew", ca.directory_);
  if (ca.key_pem_.empty()) return fail(Errc::kCorrupt, fmt::format("{} is missing", key_path), again);
  const auto key = RW_TRY_CTX(key_path, detail::parse_key(ca.key_pem_));
  if (!detail::fits(certificate.get(), key.get())) {
    return fail(Errc::kCorrupt, fmt::format("{} is not the key of {}", key_path, ca.certificate_path_), again);
  }
  if (detail::not_after_ns(certificate.get()) <= clock.now_ns()) {
    return fail(Errc::kInvalid, fmt::format("{} has expired", ca.certificate_path_), again);
  }
  ca.fingerprint_ = detail::fingerprint(certificate.get());
  return ca;
}

Result<Certificate> LocalCa::ensure(const std::string& name, std::vector<std::string> names) {
  if (!plain_file_name(name) || name == "ca")
    return fail(Errc::kInvalid, fmt::format("'{}' cannot name a certificate", name));
  if (names.empty()) return fail(Errc::kInvalid, fmt::format("certificate {} has no names", name));
  if (names.size() > kNamesMax)
    return fail(Errc::kLimit, fmt::format("certificate {}: more than {} names", name, kNamesMax));
  names = RW_TRY_CTX(fmt::format("certificate {}", name), detail::normal_names(names));

  Certificate out{fmt::format("{}/{}.crt", directory_, name), fmt::format("{}/{}.key", directory_, name)};
  const auto ca = RW_TRY(detail::parse_certificate(certificate_pem_));
  const auto now = clock_->now_ns();

  const auto old_certificate = detail::parse_certificate(RW_TRY(read_if_there(*files_, out.certificate_path)));
  const auto old_key = detail::parse_key(RW_TRY(read_if_there(*files_, out.key_path)));
  if (old_certificate.ok() && old_key.ok()) {
    X509* old = old_certificate.value().get();
    out.not_after_ns = detail::not_after_ns(old);
    if (detail::fits(old, old_key.value().get()) && detail::signed_by(old, ca.get()) &&
        detail::names_of(old) == names && out.not_after_ns - now >= kRenewDays * kDayNs) {
      return out;
    }
  }

  const auto ca_key = RW_TRY(detail::parse_key(key_pem_));
  const auto key = RW_TRY(detail::make_key());
  // A certificate that outlives its authority is refused by clients.
  const auto until = std::min(now + kServerDays * kDayNs, detail::not_after_ns(ca.get()));
  const auto made =
      RW_TRY(detail::make_server(key.get(), ca.get(), ca_key.get(), names, now - kBackdateNs, until));
  const auto key_pem = RW_TRY(detail::pem(key.get()));
  const auto certificate_pem = RW_TRY(detail::pem(made.get()));
  RW_TRY(files_->write_atomic(out.key_path, key_pem, 0600));
  RW_TRY(files_->write_atomic(out.certificate_path, certificate_pem, 0644));
  out.not_after_ns = detail::not_after_ns(made.get());
  out.issued = true;
  return out;
}

std::string LocalCa::trust_hint() const {
  return fmt::format(
      "Certificates come from Ringwall's local CA, SHA-256 {1}.\n"
      "To trust it on this machine (Debian, Ubuntu):\n"
      "  sudo cp {0} /usr/local/share/ca-certificates/ringwall.crt && sudo update-ca-certificates\n"
      "Chromium and Chrome of this user:\n"
      "  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n ringwall -i {0}\n"
      "One command only:  curl --cacert {0} https://...    NODE_EXTRA_CA_CERTS={0} node ...\n",
      certificate_path_, fingerprint_);
}

}  // namespace ringwall::pki
