// What is said of documents: errors and warnings, each with its place.
#include <fmt/format.h>

#include "openapi/detail/pattern.h"
#include "openapi/test_support.h"

using namespace ringwall::openapi;

namespace {

// A document whose one parameter has this schema, in line 9.
std::string parameter_schema(const std::string& schema, const std::string& version = "3.1.0") {
  return "openapi: " + version + "\npaths:\n  /:\n    get:\n      parameters:\n        - name: a\n          in: query\n          schema:\n            " + schema + "\n";
}

constexpr const char* kSchemaPointer = "/paths/~1/get/parameters/0/schema";

}  // namespace

TEST_CASE("document: mistakes have line and pointer") {
  const std::pair<std::string, const char*> cases[] = {
      {"", "error api.yaml:1:1: is no OpenAPI document: it is no map\n"},
      {"a: [", "api.yaml:1:1: not YAML: end of sequence flow not found\n"},
      {"openapi: 3.0.0\npaths: {}\npaths: {}\n", "api.yaml:3:1: the key 'paths' stands twice in its map\n"},
      {"{\"openapi\": \"3.0.0\",\n \"paths\": {},}", "api.yaml:2:14: the document is not JSON\n"},
      {"swagger: '2.0'", "error api.yaml:1:1: is of Swagger 2.0: convert it to OpenAPI 3 first, as with swagger2openapi\n"},
      {"openapi: 4.0.0", "error api.yaml:1:10: /openapi: is none of the versions that are understood: 3.0 and 3.1\n"},
      {"openapi: 3.0.0", "error api.yaml:1:1: has no paths, so that no request would fit\n"},
      {"openapi: 3.0.0\npaths:\n  pets: {}\n", "error api.yaml:3:9: /paths/pets: a path begins with /\n"},
      {"openapi: 3.0.0\npaths:\n  /a/{b}{c}: {}\n", "error api.yaml:3:14: /paths/~1a~1{b}{c}: has two parameters with nothing between them\n"},
      {"openapi: 3.0.0\npaths:\n  /a/{b: {}\n", "error api.yaml:3:10: /paths/~1a~1{b: has a '{' without a name and its '}'\n"},
      {"openapi: 3.0.0\npaths:\n  /a/{b}:\n    get: {}\n", "warning api.yaml:4:10: /paths/~1a~1{b}/get: does not describe the parameter b of its path: any value passes\n"},
      {"openapi: 3.0.0\npaths:\n  /a: { get: { requestBodies: {} } }\n", "warning api.yaml:3:31: /paths/~1a/get/requestBodies: is no key of an operation, and has no effect\n"},
      {"openapi: 3.0.0\nx-a: 1\npaths:\n  /a: { get: { parameters: [{ $ref: '#/components/parameters/X' }] } }\n", "error api.yaml:4:37: /paths/~1a/get/parameters/0/$ref: '#/components/parameters/X' is not in the document\n"},
      {"openapi: 3.0.0\npaths:\n  /a: { $ref: 'other.yaml#/a' }\n", "error api.yaml:3:15: /paths/~1a/$ref: 'other.yaml#/a' is in another file: bundle the document into one first\n"},
      {"openapi: 3.0.0\npaths:\n  /a: { get: { parameters: [{ name: a, in: path, style: matrix, schema: {} }] } }\n",
       "error api.yaml:3:57: /paths/~1a/get/parameters/0/style: the style matrix cannot be expressed: use form, simple, spaceDelimited, pipeDelimited or deepObject\n"},
      {"openapi: 3.0.0\npaths:\n  /a: { post: { requestBody: { content: { application/xml: { schema: { type: object } } } } } }\n",
       "warning api.yaml:3:60: /paths/~1a/post/requestBody/content/application~1xml: the schema of application/xml is not checked but for maxLength\n"},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(understand(text) == want);
  }
}

TEST_CASE("document: every keyword of a schema is decided") {
  const struct {
    const char *schema, *version, *want;  // of `want` the place is left out
  } cases[] = {
      {"{ title: a, description: b, default: 1, example: 2, x-mine: 3, deprecated: true, format: colour }", "3.1.0", ""},
      {"minLenght: 3", "3.1.0", "warning 9:24 /minLenght: is a keyword that is not known and not checked\n"},
      {"minLength: -1", "3.1.0", "error 9:24 /minLength: is not a count: a whole number from 0\n"},
      {"minimum: '1'", "3.1.0", "error 9:22 /minimum: is not a number\n"},
      {"multipleOf: 0", "3.1.0", "error 9:25 /multipleOf: is not more than 0\n"},
      {"type: text", "3.1.0", "error 9:19 /type: is none of null, boolean, integer, number, string, array and object\n"},
      {"type: [string]", "3.0.3", "error 9:19 /type: a list of types is of OpenAPI 3.1: use nullable, or anyOf\n"},
      {"nullable: true", "3.1.0", "warning 9:23 /nullable: is no keyword of OpenAPI 3.1; null is accepted here: write type: [..., 'null'] to say so\n"},
      {"{ exclusiveMinimum: true }", "3.0.3", "error 9:33 /exclusiveMinimum: has no bound it could be about\n"},
      {"pattern: '(?=a)'", "3.1.0", "error 9:22 /pattern: looking ahead or behind cannot be expressed at byte 0 of the pattern\n"},
      {"pattern: '^a{1,2000}$'", "3.1.0", "error 9:22 /pattern: the pattern cannot be expressed: invalid repetition size: {1,2000}; length limits belong into minLength and maxLength\n"},
      {"items: [{}]", "3.1.0", "error 9:20 /items: a list of schemas is prefixItems since JSON Schema 2020-12\n"},
      {"unevaluatedProperties: false", "3.1.0", "warning 9:36 /unevaluatedProperties: is not checked: what no part of the schema describes passes\n"},
      {"$dynamicRef: '#a'", "3.1.0", "error 9:26 /$dynamicRef: references that depend on who refers cannot be expressed: use $ref\n"},
      {"$ref: '#a'", "3.1.0", "error 9:19 /$ref: '#a' is an anchor: write the reference as a path, as #/components/schemas/Name\n"},
      {"{ $ref: '#/components', maxLength: 3 }", "3.0.3", "error"},
      {"$ref: '#/paths/~1/get/parameters/0/schema'", "3.1.0", "error 9:13 : comes back to itself without looking into the value\n"},
      {"enum: []", "3.1.0", "error 9:19 /enum: lists no value, so that nothing fits\n"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.schema);
    auto found = understand(parameter_schema(c.schema, c.version));
    for (const auto& remove : {std::string("api.yaml:"), std::string(kSchemaPointer)}) {
      for (std::size_t at = 0; (at = found.find(remove, at)) != found.npos;) found.erase(at, remove.size());
    }
    for (std::size_t at = 0; (at = found.find(": /", at)) != found.npos;) found.erase(at, 1);
    if (std::string(c.want) == "error") CHECK(found.starts_with("error"));
    else if (std::string(c.want).find("itself") != std::string::npos) CHECK(found.find("comes back to itself") != found.npos);
    else CHECK(found == c.want);
  }
}

TEST_CASE("document: limits") {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(read_document("a: " + nested(kDocumentDepthMax - 1), "a").ok());
  CHECK(read_document("a: " + nested(kDocumentDepthMax), "a").error().message == "a:1:103: nested deeper than 100 levels");
  CHECK(read_document("{\"a\": " + nested(kDocumentDepthMax - 1) + "}", "a").ok());
  CHECK(!read_document("{\"a\": " + nested(kDocumentDepthMax) + "}", "a").ok());
  CHECK(read_document(std::string(kDocumentBytesMax + 1, ' '), "a").error().code == ringwall::Errc::kLimit);
  // Aliases of aliases.
  std::string laughs = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 8; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) laughs += "," + before;
    laughs += "]\n";
  }
  CHECK(read_document(laughs, "a").error().message.find("more than 1000000 values, aliases expanded") != std::string::npos);
  // One value, composed of one schema in another.
  const auto composed = [](std::size_t levels) {
    std::string schemas = "s0: { type: string }";
    for (std::size_t i = 1; i < levels; ++i) schemas += fmt::format(", s{}: {{ allOf: [{{ $ref: '#/components/schemas/s{}' }}] }}", i, i - 1);
    return understand("openapi: 3.1.0\npaths: { /: { post: { requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/s" + std::to_string(levels - 1) + "' } } } } } } }\ncomponents: { schemas: { " + schemas + " } }");
  };
  // The first reference and, for each of the others, itself and its reference.
  CHECK(composed(kCompositionDepthMax / 2) == "");
  CHECK(composed(kCompositionDepthMax / 2 + 1).find("composed more than 64 deep") != std::string::npos);
}

TEST_CASE("document: a document handed over as JSON says the same") {
  const auto document = read_document("openapi: 3.1.0\npaths: { /: { get: { parameters: [{ name: \"a\\u00e4\", in: query, schema: { enum: [1.50, 'x', null, true] } }] } } }", "a").value();
  const auto again = read_json_document(write_json(document.root), "b");
  REQUIRE(again.ok());
  CHECK(write_json(again->root) == write_json(document.root));
  CHECK(compile(*again).model != nullptr);
}

TEST_CASE("document: regular expressions are ECMAScript's") {
  const struct {
    const char *pattern, *matches, *not_matches;  // null: none to try
  } cases[] = {
      {R"(^\d{3}$)", "123", "1234"},   {R"(^\w+$)", "a_1", "ä"},        {R"(^.$)", "ä", "\r"},          {R"(^[^]$)", "\n", ""},
      {R"(^[\s]$)", "\xc2\xa0", "x"},  {R"(^\S$)", "x", "\xe2\x80\xa8"}, {R"(^\u{1f600}$)", "\xf0\x9f\x98\x80", "a"}, {R"(^\ud83d\ude00$)", "\xf0\x9f\x98\x80", "a"},
      {R"(^[\b]$)", "\b", "b"},        {R"(^\cA$)", "\x01", "A"},        {R"(^\p{Lu}$)", "Ä", "ä"},      {R"(^\p{Script=Greek}$)", "α", "a"},
      {R"(^(?<y>\d)$)", "1", "x"},     {R"(^\/[/]$)", "//", "/"},        {R"(^[[]$)", "[", "]"},         {R"(a|)", "", nullptr},
  };
  for (const auto& c : cases) {
    CAPTURE(c.pattern);
    const auto pattern = detail::compile_pattern(c.pattern);
    REQUIRE_MESSAGE(pattern.ok(), (pattern.ok() ? "" : pattern.error().message));
    CHECK(detail::matches(*pattern, c.matches));
    if (c.not_matches != nullptr) CHECK_FALSE(detail::matches(*pattern, c.not_matches));
  }
  for (const auto* wrong : {"(?!a)", "(?<=a)", R"((a)\1)", R"(\k<a>)", "(?i)a", R"(\Aa)", R"(\z)", "[a", "(a", R"(a\)", "*", "a{1,1001}"}) CHECK_MESSAGE(!detail::compile_pattern(wrong).ok(), wrong);
}
