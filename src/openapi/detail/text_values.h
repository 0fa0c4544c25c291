// Texts of requests on their way to values: fields of queries and forms, styles of parameters, multipart bodies.
#pragma once

#include <string_view>
#include <vector>

#include "openapi/detail/program.h"

namespace ringwall::openapi::detail {

struct FieldText {
  std::string_view name, value;
  std::string_view content_type;  // of a part of a multipart body
  bool file = false;              // it has a file name
  bool used = false;
};

// Decodes %XX, and '+' as a blank where `plus`; false: a % without two digits, or what is no UTF-8.
bool decode_percent(std::string_view text, bool plus, Texts& texts, std::string_view& out);

// "a=1&b=2".  Empty, or what is wrong with it.
std::string_view read_fields(std::string_view text, Texts& texts, std::vector<FieldText>& out);
// "a=1; b=2": values in quotes without them.
std::string_view read_cookies(std::string_view text, Texts& texts, std::vector<FieldText>& out);
// RFC 7578, strictly: no text around the parts, one Content-Disposition each, its parameters in quotes or tokens.
std::string_view read_multipart(std::string_view content_type, std::string_view body, std::vector<FieldText>& out);

// A list or an object out of one text; of an object kFault where names and values do not come in pairs.
inline constexpr std::uint32_t kFault = kNone;
std::uint32_t add_text(Tape& tape, std::string_view text, Kind kind = Kind::kText);
std::uint32_t add_list(Tape& tape, const Shape& shape, std::string_view text);
std::uint32_t add_object(Tape& tape, const Shape& shape, std::string_view text);
// Begins an array or object that everything added until close() belongs to.
std::uint32_t open(Tape& tape, Kind kind);
void close(Tape& tape, std::uint32_t opened, std::size_t count);

// The value of a parameter of a header: boundary="x".
std::string_view header_parameter(std::string_view header, std::string_view name);
std::string_view trimmed(std::string_view text);

}  // namespace ringwall::openapi::detail
