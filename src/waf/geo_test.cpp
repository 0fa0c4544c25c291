// @geoLookup, GEO and SecGeoLookupDb.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "places/test_support.h"
#include "waf/engine.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::waf;
using places::testing::DatabaseWriter;
using places::testing::List;
using places::testing::Map;

namespace {

Files files_with(std::map<std::string, std::string> databases) {
  return {{}, {}, [databases = std::move(databases)](const std::string& path) -> Result<places::SharedBytes> {
            const auto found = databases.find(path);
            if (found == databases.end()) return fail(Errc::kNotFound, path + ": no such file");
            return places::in_memory(found->second);
          }};
}

std::string city() {
  auto berlin = places::testing::country("DE", "Germany");
  berlin.emplace_back("city", Map{{"names", Map{{"en", "Berlin"}}}});
  berlin.emplace_back("location", Map{{"latitude", 52.52}, {"longitude", -0.5}, {"metro_code", 807}});
  berlin.emplace_back("postal", Map{{"code", "10115"}});
  berlin.emplace_back("subdivisions", List{Map{{"iso_code", "BE"}}});
  return DatabaseWriter().add("192.0.2.0/24", berlin).add("2001:db8::/32", places::testing::country("XK", "Kosovo")).finish();
}
std::string networks() { return DatabaseWriter(28).add("192.0.2.0/25", places::testing::network(64496, "Example Net")).finish(); }

// What stands in GEO, as rules see it.
std::string geo_of(const RuleSet& rules, std::string_view address) {
  auto t = Transaction::make(std::shared_ptr<const RuleSet>(&rules, [](const RuleSet*) {}));
  t->reset({.client_address = address});
  t->request_line("GET", "/", "HTTP/1.1");
  t->request_headers_done();
  std::string out;
  for (const auto& match : t->matches()) out += match.log_data + " ";
  return out;
}

std::shared_ptr<const RuleSet> rules_of(const std::string& text, bool fast) {
  CompileOptions options;
  options.fast = fast;
  auto source = read_seclang("SecRuleEngine On\n" + text, "/r.conf", files_with({{"/city.mmdb", city()}, {"/asn.mmdb", networks()}}));
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  CHECK(source->warnings.empty());
  return RuleSet::compile(std::move(*source), options).value();
}

}  // namespace

TEST_CASE("geo: what databases say of an address") {
  const std::string look = "SecGeoLookupDb city.mmdb\nSecGeoLookupDb \"/asn.mmdb\"\nSecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,pass,nolog\"\nSecRule GEO \"@rx .\" \"id:2,phase:1,pass,log,logdata:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR}',multiMatch\"\n";
  for (const bool fast : {true, false}) {
    CAPTURE(fast);
    const auto rules = rules_of(look + "SecRule &GEO \"@ge 0\" \"id:3,phase:1,pass,log,logdata:'%{GEO.COUNTRY_CODE}/%{GEO.CITY}/%{GEO.LATITUDE}/%{GEO.ASN}'\"\n", fast);
    const auto known = geo_of(*rules, "192.0.2.1");
    CAPTURE(known);
    CHECK(known.find("DE/Berlin/52.520000/64496 ") != std::string::npos);
    CHECK(geo_of(*rules, "2001:db8::1").find("XK///") != std::string::npos);
    CHECK(geo_of(*rules, "192.0.2.200").find("DE/Berlin/52.520000/ ") != std::string::npos);
    CHECK(geo_of(*rules, "198.51.100.1").find("/// ") != std::string::npos);
    CHECK(geo_of(*rules, "no address").find("/// ") != std::string::npos);
  }
  // Each field by its name.
  const std::pair<const char*, const char*> kFields[] = {{"COUNTRY_CODE", "DE"}, {"COUNTRY_CODE3", "DEU"}, {"COUNTRY_NAME", "Germany"}, {"COUNTRY_CONTINENT", "EU"}, {"REGION", "BE"},
                                                         {"CITY", "Berlin"},     {"POSTAL_CODE", "10115"}, {"LATITUDE", "52.520000"},   {"LONGITUDE", "-0.500000"}, {"DMA_CODE", "807"},
                                                         {"ASN", "64496"},       {"AS_ORGANIZATION", "Example Net"}};
  for (const auto& [field, want] : kFields) {
    CAPTURE(field);
    const auto rules = rules_of(fmt::format("SecGeoLookupDb city.mmdb\nSecGeoLookupDb asn.mmdb\nSecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,pass,nolog\"\nSecRule GEO:{} \"@streq {}\" \"id:2,phase:1,deny,log,logdata:'yes'\"\n", field, want), true);
    CHECK(geo_of(*rules, "192.0.2.1") == "yes ");
    CHECK(geo_of(*rules, "198.51.100.1").empty());
  }
}

TEST_CASE("geo: mistakes, and rules without a database") {
  const auto files = files_with({{"/old.dat", "GeoIP of former times"}});
  const std::pair<const char*, const char*> kCases[] = {
      {"SecGeoLookupDb\n", "/r.conf:1: column 15: SecGeoLookupDb: expected a file, found ''"},
      {"SecGeoLookupDb none.mmdb\n", "/r.conf:1: column 16: SecGeoLookupDb: /none.mmdb: no such file"},
      {"\nSecGeoLookupDb old.dat\n", "/r.conf:2: column 16: SecGeoLookupDb: old.dat: not a MaxMind database"},
  };
  for (const auto& [text, want] : kCases) {
    CAPTURE(text);
    const auto source = read_seclang(text, "/r.conf", files);
    REQUIRE(!source.ok());
    CHECK(source.error().message == want);
  }
  const auto source = read_seclang("SecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,deny\"\n", "/r.conf", files);
  REQUIRE(source.ok());
  REQUIRE(source->warnings.size() == 1);
  CHECK(source->warnings[0] == "/r.conf:1: @geoLookup never matches here: no SecGeoLookupDb names a database");
}
