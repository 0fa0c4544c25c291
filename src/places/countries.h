// Countries by their ISO 3166-1 codes.
#pragma once

#include <string_view>

namespace ringwall::places {

// "DEU" of "DE"; empty for what is no code of a country.  XK (Kosovo), which ISO leaves to its users, is one here.
std::string_view country_code3(std::string_view code2);
inline bool is_country(std::string_view code2) { return !country_code3(code2).empty(); }

}  // namespace ringwall::places
