// Text every module needs: times, durations and sizes as people write them, JSON strings, UTF-8.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::base {

// "2026-11-23T06:10:10.123456789Z" from Unix nanoseconds (RFC 3339, always UTC, always nine digits).
std::string rfc3339(std::int64_t time_ns);
// Accepts RFC 3339 with any fraction and offset, a space for 'T', and a ',' for '.'.  Fails with kInvalid.
Result<std::int64_t> parse_rfc3339(std::string_view text);

// "1d", "90s", "250ms"; the largest unit that divides it.
std::string duration_text(std::chrono::milliseconds duration);
// A number and one of ms s m h d w y (365 days).  Fails with kInvalid.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// "64MiB"; and back: a number and one of B KiB MiB GiB TiB KB MB GB TB, or none for bytes.
std::string bytes_text(std::uint64_t bytes);
Result<std::uint64_t> parse_bytes(std::string_view text);

// Appends `text` as a JSON string with its quotes.  Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// Appends a JSON number; JSON has no NaN or infinity, so they become null.
void append_json_number(std::string& out, double value);

bool valid_utf8(std::string_view text);
// Replaces what is not UTF-8 by U+FFFD; the same text when all of it is.
std::string to_utf8(std::string_view text);

std::string lower_ascii(std::string_view text);
std::string_view trim(std::string_view text);

}  // namespace ringwall::base
