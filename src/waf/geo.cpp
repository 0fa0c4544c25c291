// @geoLookup and the collection GEO, which holds what databases say of the address that was looked up last.
//
// Source: ModSecurity reference manual v3, "GEO"; the keys of the databases are MaxMind's, which others keep to.
#include <fmt/format.h>

#include "places/countries.h"
#include "places/database.h"
#include "waf/detail/judge.h"

namespace ringwall::waf::detail {

namespace {

using Way = std::initializer_list<std::string_view>;

}  // namespace

// Databases speak of different things (cities, networks): the last that knows a field says it.
bool Judge::look_up_place(std::string_view text) {
  auto& geo = exchange.entries(Variable::kGeo);
  geo.clear();
  const auto address = places::parse_address(text);
  if (!address) return false;
  const auto put = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    for (auto& known : geo) {
      if (known.name == name) return void(known.value = value);
    }
    // No text whose transformations are remembered: the next look-up gives the name another one.
    geo.push_back({name, value, kNoText});
  };
  bool found = false;
  for (const auto& database : settings.places) {
    const auto record = database->find(*address);
    if (!record) continue;
    found = true;
    const auto place = [&](std::string_view name, Way way) { put(name, database->text(*record, way)); };
    const auto number = [&](std::string_view name, Way way) {
      const auto value = database->value(*record, way);
      if (const auto* whole = value ? std::get_if<std::uint64_t>(&*value) : nullptr) put(name, exchange.arena.copy(fmt::format("{}", *whole)));
      if (const auto* broken = value ? std::get_if<double>(&*value) : nullptr) put(name, exchange.arena.copy(fmt::format("{:.6f}", *broken)));
    };
    const auto country = database->text(*record, {"country", "iso_code"});
    put("COUNTRY_CODE", country);
    put("COUNTRY_CODE3", places::country_code3(country));
    place("COUNTRY_NAME", {"country", "names", "en"});
    place("COUNTRY_CONTINENT", {"continent", "code"});
    place("REGION", {"subdivisions", "0", "iso_code"});
    place("CITY", {"city", "names", "en"});
    place("POSTAL_CODE", {"postal", "code"});
    number("LATITUDE", {"location", "latitude"});
    number("LONGITUDE", {"location", "longitude"});
    number("DMA_CODE", {"location", "metro_code"});
    number("ASN", {"autonomous_system_number"});
    place("AS_ORGANIZATION", {"autonomous_system_organization"});
  }
  return found;
}

}  // namespace ringwall::waf::detail
