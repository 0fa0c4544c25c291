#include "places/database.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "places/countries.h"
#include "places/test_support.h"

using namespace ringwall;
using namespace ringwall::places;
using namespace ringwall::places::testing;

namespace {

std::string city_database(unsigned record_bits, unsigned ip_version) {
  DatabaseWriter writer(record_bits, ip_version);
  auto berlin = country("DE", "Germany");
  berlin.emplace_back("city", Map{{"names", Map{{"en", "Berlin"}}}});
  berlin.emplace_back("location", Map{{"latitude", 52.52}, {"longitude", 13.405}, {"accuracy_radius", 100}});
  berlin.emplace_back("postal", Map{{"code", "10115"}});
  berlin.emplace_back("subdivisions", List{Map{{"iso_code", "BE"}}, Map{{"iso_code", "X2"}}});
  berlin.emplace_back("is_anycast", true);
  writer.add("192.0.2.0/24", country("FR", "France")).add("192.0.2.128/25", berlin).add("198.51.100.7", country("US", "United States", "NA"));
  // Long enough for every form of a size, and far enough for longer pointers.
  writer.add("203.0.113.0/24", Map{{"long", std::string(400, 'x').c_str()}, {"longer", std::string(3000, 'y').c_str()}});
  writer.add("198.18.0.0/15", Map{{"behind", "it"}, {"again", "behind"}}).add("198.18.7.0/24", Map{{"late", "behind"}, {"number", std::uint64_t{1} << 40}});
  if (ip_version == 6) writer.add("2001:db8::/32", country("JP", "Japan", "AS"));
  return writer.finish("Test-City");
}

std::string show(const Database& database, const char* address, std::initializer_list<std::string_view> way) {
  const auto record = database.find(parse_address(address).value());
  if (!record) return "not there";
  const auto value = database.value(*record, way);
  if (!value) return "none";
  if (const auto* text = std::get_if<std::string_view>(&*value)) return std::string(*text);
  if (const auto* number = std::get_if<std::uint64_t>(&*value)) return fmt::format("{}", *number);
  if (const auto* broken = std::get_if<double>(&*value)) return fmt::format("{}", *broken);
  return std::get<bool>(*value) ? "true" : "false";
}

// What a program says on its standard output; none when it could not be run.
std::optional<std::string> output_of(const std::string& command) {
  auto* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string out;
  char piece[4096];
  for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;) out.append(piece, n);
  return ::pclose(pipe) == 0 ? std::optional(out) : std::nullopt;
}

}  // namespace

TEST_CASE("database: records of every size, trees of both versions") {
  for (const unsigned bits : {24U, 28U, 32U}) {
    for (const unsigned version : {4U, 6U}) {
      CAPTURE(bits);
      CAPTURE(version);
      const auto opened = Database::open(in_memory(city_database(bits, version)));
      REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
      const auto& database = **opened;
      CHECK(database.type() == "Test-City");
      CHECK(database.built() == 1'700'000'000);
      struct Case {
        const char* address;
        std::initializer_list<std::string_view> way;
        const char* want;
      };
      const Case kCases[] = {
          {"192.0.2.1", {"country", "iso_code"}, "FR"},
          {"192.0.2.127", {"country", "names", "en"}, "France"},
          {"192.0.2.128", {"country", "iso_code"}, "DE"},
          {"::ffff:192.0.2.200", {"city", "names", "en"}, "Berlin"},
          {"192.0.2.200", {"location", "latitude"}, "52.52"},
          {"192.0.2.200", {"location", "accuracy_radius"}, "100"},
          {"192.0.2.200", {"subdivisions", "1", "iso_code"}, "X2"},
          {"192.0.2.200", {"subdivisions", "2", "iso_code"}, "none"},
          {"192.0.2.200", {"subdivisions", "x"}, "none"},
          {"192.0.2.200", {"is_anycast"}, "true"},
          {"192.0.2.200", {"country"}, "none"},
          {"192.0.2.200", {"country", "iso_code", "deeper"}, "none"},
          {"192.0.2.1", {"city", "names", "en"}, "none"},
          {"198.51.100.7", {"continent", "code"}, "NA"},
          {"198.18.7.1", {"late"}, "behind"},
          {"198.18.7.1", {"number"}, "1099511627776"},
          {"198.18.8.1", {"again"}, "behind"},
          {"198.51.100.8", {"country", "iso_code"}, "not there"},
          {"0.0.0.0", {"country", "iso_code"}, "not there"},
          {"2001:db8:1::1", {"country", "iso_code"}, version == 6 ? "JP" : "not there"},
          {"2001:db9::1", {"country", "iso_code"}, "not there"},
      };
      for (const auto& c : kCases) {
        CAPTURE(c.address);
        CHECK(show(database, c.address, c.way) == c.want);
      }
      CHECK(database.text(*database.find(parse_address("203.0.113.9").value()), {"longer"}) == std::string(3000, 'y'));
    }
  }
}

// Goal: mmdblookup, which is libmaxminddb's, says of the same file the same.
TEST_CASE("database: as mmdblookup reads it") {
  if (!output_of("mmdblookup --version")) {
    fmt::print("skipped: database against mmdblookup: mmdblookup is not installed\n");
    return;
  }
  const auto path = std::filesystem::temp_directory_path() / fmt::format("ringwall-places-{}.mmdb", ::getpid());
  const std::shared_ptr<void> removed(nullptr, [&](void*) { std::filesystem::remove(path); });
  for (const unsigned bits : {24U, 28U, 32U}) {
    const auto bytes = city_database(bits, 6);
    std::ofstream(path, std::ios::binary) << bytes;
    const auto database = Database::open(in_memory(bytes)).value();
    for (const auto* address : {"192.0.2.1", "192.0.2.129", "198.51.100.7", "198.51.100.8", "2001:db8::77", "2001:db9::1", "198.18.7.1"}) {
      const std::initializer_list<std::string_view> ways[] = {{"country", "iso_code"}, {"country", "names", "en"}, {"subdivisions", "0", "iso_code"}, {"late"}};
      for (const auto& way : ways) {
        std::string keys;
        for (const auto step : way) keys += fmt::format(" {}", step);
        CAPTURE(address);
        CAPTURE(keys);
        const auto theirs = output_of(fmt::format("mmdblookup --file {} --ip {}{}", path.string(), address, keys));
        const auto ours = show(*database, address, way);
        const bool has = ours != "none" && ours != "not there";
        REQUIRE(theirs.has_value() == has);
        if (has) CHECK(theirs->find(fmt::format("\"{}\" <utf8_string>", ours)) != std::string::npos);
      }
    }
  }
}

TEST_CASE("database: what is none is refused, and a damaged one leads nowhere") {
  const auto message = [](std::string bytes) {
    const auto opened = Database::open(in_memory(std::move(bytes)));
    return opened.ok() ? std::string() : opened.error().message;
  };
  CHECK(message("") == "not a MaxMind database");
  CHECK(message("GeoIP of former times") == "not a MaxMind database");
  CHECK(message("\xab\xcd\xefMaxMind.com") == "its metadata cannot be read");
  const auto good = city_database(24, 6);
  CHECK(message(good).empty());
  CHECK(message(good.substr(good.find("\xab\xcd\xefMaxMind.com"))) == "it ends within its tree");
  // Any byte may be another one: answers change, nothing is read outside.  (The sanitizers look on.)
  for (std::size_t i = 0; i < good.size(); i += 3) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0xff);
    const auto opened = Database::open(in_memory(bad));
    if (!opened.ok()) continue;
    for (const auto* address : {"192.0.2.129", "2001:db8::1"}) (void)show(**opened, address, {"subdivisions", "0", "iso_code"});
  }
}

TEST_CASE("countries: codes of ISO 3166") {
  CHECK(country_code3("DE") == "DEU");
  CHECK(country_code3("AD") == "AND");
  CHECK(country_code3("ZW") == "ZWE");
  for (const auto* none : {"", "D", "DEU", "de", "UK", "EU", "ZZ", "A1"}) CHECK_FALSE(is_country(none));
}
