// Listening sockets from addresses as people write them.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace ringwall::http::detail {

// A bound, listening, non-blocking socket; the caller closes it.  Fails with kInvalid on an address that is not
// "host:port" with a literal host, with kUnavailable when the system refuses (the port is taken).
Result<int> listen_tcp(const std::string& address, std::uint16_t& port);
Result<int> listen_unix(const std::string& path);

}  // namespace ringwall::http::detail
