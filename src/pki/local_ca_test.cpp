#include "pki/local_ca.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

using namespace ringwall;

namespace {

struct SetClock final : base::Clock {
  std::int64_t now = base::real_clock().now_ns();
  std::int64_t now_ns() override { return now; }
  std::int64_t monotonic_ns() override { return now; }
};

// A folder under the build folder, removed with the test.
struct Folder {
  std::string path;
  Folder() {
    std::string name = std::string(RINGWALL_BINARY_DIR) + "/pki-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

// Exit status of `openssl verify` for a server, at a time, for a name.
bool openssl_verifies(const std::string& ca, const pki::Certificate& certificate, std::int64_t time_ns,
                      const std::string& name_option) {
  const auto command =
      fmt::format("openssl verify -x509_strict -purpose sslserver -attime {} {} -CAfile {} {} >/dev/null 2>&1",
                  time_ns / 1'000'000'000, name_option, ca, certificate.certificate_path);
  return std::system(command.c_str()) == 0;
}

}  // namespace

TEST_CASE("local_ca: certificates that openssl accepts, for the names asked for and as long as promised") {
  Folder folder;
  SetClock clock;
  auto ca = pki::LocalCa::open(base::real_files(), clock, folder.path, "shop").value();
  const auto edge = ca.ensure("edge", {"Shop.test", "*.shop.test", "127.0.0.1", "0:0::1"}).value();

  struct Case {
    std::string option;
    std::int64_t days;
    bool want;
  };
  const Case cases[] = {
      {"-verify_hostname shop.test", 0, true},   {"-verify_hostname www.shop.test", 0, true},
      {"-verify_ip 127.0.0.1", 0, true},         {"-verify_ip ::1", 0, true},
      {"-verify_hostname shop.test", 89, true},  {"-verify_hostname shop.test", 91, false},
      {"-verify_hostname shop.test", -1, false}, {"-verify_hostname other.test", 0, false},
      {"-verify_ip 127.0.0.2", 0, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.option);
    CAPTURE(c.days);
    CHECK(openssl_verifies(ca.certificate_path(), edge, clock.now + c.days * pki::kDayNs, c.option) == c.want);
  }

  Folder other_folder;
  auto other = pki::LocalCa::open(base::real_files(), clock, other_folder.path, "shop").value();
  CHECK_FALSE(openssl_verifies(other.certificate_path(), edge, clock.now, "-verify_hostname shop.test"));
}

TEST_CASE("local_ca: keys are for their owner only") {
  Folder folder;
  SetClock clock;
  auto ca = pki::LocalCa::open(base::real_files(), clock, folder.path, "shop").value();
  const auto edge = ca.ensure("edge", {"shop.test"}).value();
  CHECK(mode_of(folder.path + "/ca.key") == 0600);
  CHECK(mode_of(edge.key_path) == 0600);
  CHECK(mode_of(edge.certificate_path) == 0644);
  CHECK(ca.trust_hint().find(ca.fingerprint()) != std::string::npos);
  CHECK(ca.fingerprint().size() == 64);
}

TEST_CASE("local_ca: a certificate is issued again exactly when it has to be") {
  Folder folder;
  SetClock clock;
  const auto begin = clock.now;
  auto ca = pki::LocalCa::open(base::real_files(), clock, folder.path, "shop").value();
  const auto issued = [&](std::vector<std::string> names) {
    return ca.ensure("edge", std::move(names)).value().issued;
  };

  CHECK(issued({"shop.test", "127.0.0.1"}));
  CHECK_FALSE(issued({"shop.test", "127.0.0.1"}));
  CHECK_FALSE(issued({"127.0.0.1", "SHOP.test"}));  // the same names written otherwise
  CHECK(issued({"shop.test"}));

  clock.now = begin + 60 * pki::kDayNs - 2'000'000'000;
  CHECK_FALSE(issued({"shop.test"}));
  clock.now = begin + 60 * pki::kDayNs + 2'000'000'000;
  CHECK(issued({"shop.test"}));

  // A key of another certificate, as a crash between the two files leaves it.
  const auto other = ca.ensure("other", {"other.test"}).value();
  std::filesystem::copy_file(other.key_path, folder.path + "/edge.key",
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(issued({"shop.test"}));
  CHECK_FALSE(issued({"shop.test"}));

  // The same authority after a restart accepts what it issued before; near its own end it clamps.
  ca = pki::LocalCa::open(base::real_files(), clock, folder.path, "shop").value();
  CHECK_FALSE(issued({"shop.test"}));
  clock.now = begin + (pki::kCaDays - 40) * pki::kDayNs;
  const auto last = ca.ensure("edge", {"shop.test"}).value();
  CHECK(last.not_after_ns / pki::kDayNs == (begin + pki::kCaDays * pki::kDayNs) / pki::kDayNs);
}

TEST_CASE("local_ca: what it refuses") {
  Folder folder;
  SetClock clock;
  auto& files = base::real_files();
  auto ca = pki::LocalCa::open(files, clock, folder.path, "shop").value();
  struct Case {
    std::string name;
    std::vector<std::string> names;
    std::string want;
  };
  const Case cases[] = {
      {"edge",
       {"shop,DNS:evil.test"},
       "certificate edge: 'shop,DNS:evil.test' is not a host name or an address"},
      {"edge", {"*.test"}, "certificate edge: '*.test' is not a host name or an address"},
      {"edge", {"a.*.test"}, "certificate edge: 'a.*.test' is not a host name or an address"},
      {"edge", {"-a.test"}, "certificate edge: '-a.test' is not a host name or an address"},
      {"edge", {""}, "certificate edge: '' is not a host name or an address"},
      {"edge", {}, "certificate edge has no names"},
      {"../edge", {"shop.test"}, "'../edge' cannot name a certificate"},
      {"ca", {"shop.test"}, "'ca' cannot name a certificate"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.want);
    CHECK(ca.ensure(c.name, c.names).error().message == c.want);
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < pki::kNamesMax; ++i) names.push_back(fmt::format("n{}.test", i));
  CHECK(ca.ensure("many", names).ok());
  names.push_back("last.test");
  CHECK(ca.ensure("many", names).error().code == Errc::kLimit);

  // A torn or expired authority is never replaced silently.
  auto later = clock;
  later.now += (pki::kCaDays + 1) * pki::kDayNs;
  CHECK(pki::LocalCa::open(files, later, folder.path, "shop").error().code == Errc::kInvalid);
  std::filesystem::copy_file(folder.path + "/many.key", folder.path + "/ca.key",
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(pki::LocalCa::open(files, clock, folder.path, "shop").error().code == Errc::kCorrupt);
  std::filesystem::remove(folder.path + "/ca.key");
  CHECK(pki::LocalCa::open(files, clock, folder.path, "shop").error().code == Errc::kCorrupt);
}

TEST_CASE("local_ca: a crash between key and certificate of the authority is taken up") {
  Folder folder;
  SetClock clock;
  auto& files = base::real_files();
  REQUIRE(pki::LocalCa::open(files, clock, folder.path, "shop").ok());
  const auto key = files.read(folder.path + "/ca.key").value();
  REQUIRE(files.remove(folder.path + "/ca.crt").ok());
  REQUIRE(pki::LocalCa::open(files, clock, folder.path, "shop").ok());
  CHECK(files.read(folder.path + "/ca.key").value() == key);
}
