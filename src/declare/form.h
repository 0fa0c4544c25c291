// The form of one text: a name, an address, a regular expression.
#pragma once

#include <string>

#include "declare/describe.h"
#include "declare/findings.h"

namespace ringwall::declare::detail {

Problem check_text(Text kind, const std::string& text);

// Splits "host:port" with a literal host, brackets taken off; false when it is not that.
bool split_address(const std::string& address, std::string& host, int& port);

// "$request_uri", as nginx names its variables.
bool nginx_variable(const std::string& text);

}  // namespace ringwall::declare::detail
