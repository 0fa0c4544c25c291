// The values of `format` that are checked; every other one is an annotation.
#pragma once

#include <cstdint>
#include <string_view>

#include "openapi/detail/json.h"

namespace ringwall::openapi::detail {

enum class Format : std::uint8_t {
  kNone, kDate, kTime, kDateTime, kDuration, kUuid, kEmail, kHostname, kIpv4, kIpv6, kUri, kUriReference, kByte, kInt32, kInt64, kFloat
};

// kNone for names that are not checked.
Format format_of(std::string_view name);
std::string_view name_of(Format format);
bool of_numbers(Format format);
bool text_has(Format format, std::string_view text);
bool number_has(Format format, const Value& number);

}  // namespace ringwall::openapi::detail
