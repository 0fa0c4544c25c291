// Arguments taken out of a request, and put into another one in another way.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prove/detail/random.h"
#include "prove/prove.h"

namespace ringwall::prove::detail {

using Arguments = std::vector<std::pair<std::string, std::string>>;  // names and values, decoded

enum class Container { kQuery, kForm, kJson, kMultipart, kXml, kCookies, kHeaders, kPath };
inline constexpr int kContainerCount = 8;

// Of query, form and cookies.
Arguments arguments_of(const Exchange& exchange);
// Adds them to the exchange; a body that was there is replaced by one of the new type.  `raw`: written as they are, wherever
// that makes them something else.
void put(const Arguments& arguments, Container container, bool raw, Exchange& exchange);

void set_header(Exchange& exchange, std::string_view name, std::string value);
const std::string* header_of(const Exchange& exchange, std::string_view name);

}  // namespace ringwall::prove::detail
