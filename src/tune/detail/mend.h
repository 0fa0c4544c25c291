// A body that a record cut off, ended so that it can be read: otherwise every long one would be refused for being broken.
#pragma once

#include <string>
#include <string_view>

namespace ringwall::tune::detail {

// Up to the last complete value, and the brackets closed.  Linear.
std::string mend_json(std::string_view text);
// By content type; empty where it cannot be done (XML).
std::string mend_body(std::string_view content_type, std::string_view body);

}  // namespace ringwall::tune::detail
