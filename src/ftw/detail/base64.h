#pragma once

#include <string>
#include <string_view>

namespace ringwall::ftw::detail {

// RFC 4648; what is no digit is passed over.
std::string decode_base64(std::string_view text);

}  // namespace ringwall::ftw::detail
