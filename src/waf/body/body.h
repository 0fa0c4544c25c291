// Request bodies taken apart into what rules look at.
//
// Each processor reads the whole body once, within limits, and replaces what its result held before.  Names and values point
// into the body, the content type or the arena.  A body that breaks its format is no failure of ours: `error` says what is
// wrong, the way rules read it in REQBODY_ERROR and REQBODY_ERROR_MSG, and what was read before stays.
//
// Behaviour is that of libmodsecurity 3.0.9 where it is not plainly a way around the rules; body_test.cpp has the cases.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "waf/arena.h"

namespace ringwall::waf {

struct Pair {
  std::string_view name, value;
};

struct BodyLimits {
  std::size_t arguments_max = 1000;  // SecArgumentsLimit; more is an error, the first ones are kept
  std::size_t depth_max = 512;       // SecRequestBodyJsonDepthLimit
  std::size_t files_max = 100;       // SecUploadFileLimit; 0: none
};

struct BodyError {
  bool set = false;
  std::string message;
};

// application/x-www-form-urlencoded and query strings: '&' (or `separator`) between pairs, '+' and %XX decoded; a %
// without two digits stays as it is and sets `invalid_encoding` (URLENCODED_ERROR).
struct UrlEncoded {
  std::vector<Pair> pairs;
  bool invalid_encoding = false;
  BodyError error;
};
void parse_urlencoded(std::string_view text, char separator, const BodyLimits& limits, Arena& arena, UrlEncoded& out);

// multipart/form-data, RFC 7578 and 2046, with libmodsecurity's strictness flags.
// `unmatched_boundary`: a line looked like a boundary, and no true one with a line end came after it.  Where libmodsecurity's
// MULTIPART_UNMATCHED_BOUNDARY is 1; the 2 it gives to every ordinary body is false here.  No part of MULTIPART_STRICT_ERROR.
struct MultipartFlags {  // MULTIPART_*
  bool unmatched_boundary = false, boundary_quoted = false, boundary_whitespace = false, data_before = false, data_after = false,
       header_folding = false, crlf_lf_lines = false, lf_line = false, semicolon_missing = false, invalid_quoting = false,
       invalid_part = false, invalid_header_folding = false, file_limit_exceeded = false;
  bool crlf_line = false;  // some line ended in CR LF; with lf_line it makes crlf_lf_lines
};
struct MultipartFile {
  std::string_view field, file_name;  // FILES_NAMES, FILES
  std::size_t bytes = 0;              // FILES_SIZES
  std::string_view content;           // FILES_TMP_CONTENT
  std::string_view other_name;        // of filename*, when it says something else: in FILES as well; empty: none
};
struct Multipart {
  std::vector<Pair> pairs;             // ARGS_POST
  std::vector<MultipartFile> files;
  std::vector<Pair> part_headers;      // MULTIPART_PART_HEADERS: name of the part -> "Header: value"
  MultipartFlags flags;
  std::string_view last_name, last_file_name;  // MULTIPART_NAME, MULTIPART_FILENAME
  BodyError error;
};
void parse_multipart(std::string_view content_type, std::string_view body, const BodyLimits& limits, Arena& arena, Multipart& out);

// application/json: leaves as arguments, named as libmodsecurity 3 does: json.order.items.array_0.sku.  true, false and numbers
// are given as they are written, null as an empty value; an empty key is called empty-key.
struct Json {
  std::vector<Pair> pairs;
  BodyError error;
};
void parse_json(std::string_view body, const BodyLimits& limits, Arena& arena, Json& out);

// text/xml: what XML:/* and XML://@* give, in the order of the document.  No external entity is ever opened, no entity
// beyond the five of the standard and character references is expanded; what a DTD declares (values of entities, defaults of
// attributes) is listed as if it were in the document.
inline constexpr std::size_t kXmlDepthMax = 257;  // as many as libxml2 opens
struct Xml {
  std::vector<std::string_view> attribute_values;  // //@*
  std::vector<std::string_view> element_texts;     // /*: the text of the root and all below it, as one string, last
  BodyError error;
};
void parse_xml(std::string_view body, const BodyLimits& limits, Arena& arena, Xml& out);

}  // namespace ringwall::waf
