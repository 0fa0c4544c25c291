// @detectSQLi and @detectXSS: whether a text reads like SQL or script that was put in from outside.
//
// Both answer as libinjection 3.9.2 does (Galbraith, "libinjection: a C library for SQLi detection and generation through
// lexical analysis of real world attacks", 2012), so that rule sets written for it score the same; detect_xss.cpp says where
// it sees more.  Linear in the text; no memory is taken.
#pragma once

#include <string_view>

namespace ringwall::waf {

inline constexpr int kFingerprintMax = 8;

// `fingerprint`: at least kFingerprintMax bytes, gets the types of the tokens that were found and a zero ("s&1c"); "" when false.
bool detect_sqli(std::string_view text, char* fingerprint);
bool detect_xss(std::string_view text);

}  // namespace ringwall::waf
