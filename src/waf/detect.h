// @detectSQLi and @detectXSS: whether a text reads like SQL or script that was put in from outside.
//
// Both are our own, with the behaviour that libinjection's papers and documentation describe (Galbraith, "libinjection:
// a C library for SQLi detection and generation through lexical analysis of real world attacks", 2012), so
// that rule sets written for it score the same.  Linear in the text; no memory is taken.
#pragma once

#include <string_view>

namespace ringwall::waf {

inline constexpr int kFingerprintMax = 8;

// `fingerprint`: at least kFingerprintMax bytes, gets the types of the first tokens and a zero ("s&1c").
bool detect_sqli(std::string_view text, char* fingerprint);
bool detect_xss(std::string_view text);

}  // namespace ringwall::waf
