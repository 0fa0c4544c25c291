// A compiled document: its schemas, and its operations in a tree of path segments.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "openapi/detail/schema.h"
#include "openapi/openapi.h"

namespace ringwall::openapi::detail {

enum class In : std::uint8_t { kPath, kQuery, kHeader, kCookie };
enum class Style : std::uint8_t { kForm, kSimple, kSpaceDelimited, kPipeDelimited, kDeepObject };

// How a text becomes a value: of a parameter, of a field of a form.
struct Shape {
  Style style = Style::kForm;
  bool explode = true;
  bool json = false;       // the text is JSON
  std::uint32_t schema = kAnything;
};

struct Parameter {
  In in = In::kQuery;
  std::string name;  // of a header in lower case
  bool required = false, empty_ok = false;
  Shape shape;
  std::vector<std::string> members;  // of an exploded object in a form: each is a parameter of its own
  bool any_member = false;           // and there may be others
};

// One field of a form or a multipart body.
struct Field {
  std::string name;
  Shape shape;
  std::vector<std::string> content_types;  // of a part; none: any
  bool file = false;                       // its bytes are no text
  std::uint64_t bytes_max = kUnbounded;
};

enum class Reading : std::uint8_t { kJson, kForm, kMultipart, kText, kBytes };

// How a body of this content type is read; without parameters, in lower case.
Reading reading_of(std::string_view content_type);

struct Media {
  std::string range;  // "application/json", "text/*", "*/*", in lower case
  std::uint32_t schema = kAnything;
  std::vector<Field> fields;
};

struct Body {
  bool required = false;
  std::vector<Media> media;
};

struct CompiledOperation {
  std::string method, path, id;
  std::vector<Parameter> parameters;
  bool any_query = false;            // an object takes whatever names are left
  std::vector<std::uint32_t> bases;  // of Program::bases
  bool has_body = false;
  Body body;
};

// A piece of a segment of a template: literal text, or the name of a parameter.
struct Piece {
  std::string text;
  bool parameter = false;
  bool operator==(const Piece&) const = default;
};

struct PathNode {
  std::map<std::string, std::uint32_t, std::less<>> literals;              // decoded segment -> node
  std::vector<std::pair<std::vector<Piece>, std::uint32_t>> templated;     // those with more literal text first
  std::vector<std::uint32_t> paths;                                        // that end here
};

struct CompiledPath {
  std::string text;
  std::vector<std::uint32_t> operations;
};

struct Program {
  Schemas schemas;
  std::vector<CompiledOperation> operations;
  std::vector<CompiledPath> paths;
  std::vector<PathNode> nodes;  // [0] is the root
  std::vector<std::vector<std::string>> bases;  // decoded segments of "/v1"
  std::vector<std::string> base_paths;          // the same as texts
  std::vector<std::string> key_parameters;  // of the query, that security schemes name
};

}  // namespace ringwall::openapi::detail
