// Secrets taken out of what an audit record shows: names of arguments and headers tell which values they are.
//
// Everything here is linear, reads what is cut off or malformed as far as it goes, and rather hides too much than too little: a rule
// set sees a body that may be no JSON at all, and the record of it must still not hold the password.
#pragma once

#include <string>
#include <string_view>

namespace ringwall::policy {

inline constexpr std::string_view kMasked = "REDACTED";

// Whether a header or argument of this name carries a secret.
bool names_secret(std::string_view name);
// "a=1&password=x" to "a=1&password=REDACTED".  Names are read decoded; a value that holds JSON with secrets in it is hidden as a whole.
std::string mask_form(std::string_view text);
// A request line's target: its query as a form.
std::string mask_uri(std::string_view uri);
// {"user":"a","password":"x"}: every value of a secret name, and all below it, becomes "REDACTED".
std::string mask_json(std::string_view text);
// <password>x</password> and password="x".
std::string mask_xml(std::string_view text);
// Names stay, values go: "session=REDACTED; theme=REDACTED".
std::string mask_cookies(std::string_view text);
// A request body by its content type, or by what it looks like where that says nothing.
std::string mask_body(std::string_view content_type, std::string_view body);

}  // namespace ringwall::policy
