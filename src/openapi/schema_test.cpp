// JSON Schema as bodies of requests meet it.
#include "openapi/detail/json.h"
#include "openapi/test_support.h"

using namespace ringwall::openapi;

namespace {

std::string judge_body(const std::string& schema, const std::string& body, const std::string& version = "3.1.0") { return judge(*model_of(with_schema(schema, version)), "POST /\n\n" + body); }

struct Case {
  const char *schema, *body, *want;
};

void check(std::initializer_list<Case> cases, const std::string& version = "3.1.0") {
  for (const auto& c : cases) {
    CAPTURE(c.schema);
    CAPTURE(c.body);
    CHECK(judge_body(c.schema, c.body, version) == c.want);
  }
}

}  // namespace

TEST_CASE("schema: types") {
  check({
      {"true", "[1]", "fits"},
      {"false", "1", "400 body: must not be there"},
      {R"({"type": "integer"})", "3", "fits"},
      {R"({"type": "integer"})", "3.0", "fits"},
      {R"({"type": "integer"})", "3e2", "fits"},
      {R"({"type": "integer"})", "123456789012345678901234567890", "fits"},
      {R"({"type": "integer"})", "3.5", "400 body: is not an integer"},
      {R"({"type": "integer"})", "\"3\"", "400 body: is not an integer"},
      {R"({"type": "number"})", "3", "fits"},
      {R"({"type": "number"})", "true", "400 body: is not a number"},
      {R"({"type": ["string", "null"]})", "null", "fits"},
      {R"({"type": ["string", "null"]})", "1", "400 body: is not a string or null"},
      {R"({"type": "boolean"})", "false", "fits"},
      {R"({"type": "boolean"})", "0", "400 body: is not true or false"},
      {R"({"type": "object"})", "[]", "400 body: is not an object"},
      {R"({"type": "array"})", "{}", "400 body: is not an array"},
      // What a schema says of one kind concerns no other.
      {R"({"minLength": 5})", "1", "fits"},
      {R"({"minimum": 5})", "\"a\"", "fits"},
  });
  check({
      {R"({"type": "string", "nullable": true})", "null", "fits"},
      {R"({"type": "string"})", "null", "400 body: is not a string"},
      {R"({"type": "string", "enum": ["a"], "nullable": true})", "null", "fits"},
  }, "3.0.3");
}

TEST_CASE("schema: constants, numbers and texts") {
  check({
      {R"({"enum": [1, "a", null, {"x": [1]}]})", "1.0", "fits"},
      {R"({"enum": [1, "a", null, {"x": [1]}]})", R"({"x": [1]})", "fits"},
      {R"({"enum": [1, "a", null, {"x": [1]}]})", R"({"x": [2]})", "400 body: is none of the 4 values it may be"},
      {R"({"const": {"a": 1, "b": 2}})", R"({"b": 2, "a": 1})", "fits"},
      {R"({"const": 1})", "true", "400 body: is not the one value it may be"},
      {R"({"minimum": 1, "maximum": 3})", "1", "fits"},
      {R"({"minimum": 1, "maximum": 3})", "0.99", "400 body: is less than 1"},
      {R"({"minimum": 1, "maximum": 3})", "3.01", "400 body: is more than 3"},
      {R"({"exclusiveMinimum": 1})", "1", "400 body: is not more than 1"},
      {R"({"exclusiveMaximum": 1})", "1", "400 body: is not less than 1"},
      {R"({"minimum": 9007199254740993})", "9007199254740992", "400 body: is less than 9007199254740993"},
      {R"({"multipleOf": 0.01})", "19.99", "fits"},
      {R"({"multipleOf": 0.01})", "19.999", "400 body: is no multiple of 0.01"},
      {R"({"multipleOf": 3})", "-9", "fits"},
      {R"({"maximum": 5})", "1e999", "400 body: is more than 5"},
      {R"({"minLength": 2, "maxLength": 3})", "\"ää\"", "fits"},  // code points, not bytes
      {R"({"minLength": 2, "maxLength": 3})", "\"\\ud83d\\ude00\"", "400 body: is shorter than 2 characters"},
      {R"({"minLength": 2, "maxLength": 3})", "\"abcd\"", "400 body: is longer than 3 characters"},
      {R"({"pattern": "^[a-z]+$"})", "\"abc\"", "fits"},
      {R"({"pattern": "^[a-z]+$"})", "\"abc\\n\"", "400 body: does not match the pattern ^[a-z]+$"},
      {R"({"pattern": "b"})", "\"abc\"", "fits"},  // anywhere
      {R"({"pattern": "^\\S+\\.\\d{2}\\u00e4$"})", "\"x.12ä\"", "fits"},
      {R"({"pattern": "^\\s$"})", "\"\\u00a0\"", "fits"},  // ECMAScript's blanks
  });
  check({
      {R"({"minimum": 1, "exclusiveMinimum": true})", "1", "400 body: is not more than 1"},
      {R"({"minimum": 1, "exclusiveMinimum": false})", "1", "fits"},
  }, "3.0.3");
}

TEST_CASE("schema: formats") {
  const struct {
    const char* format;
    std::initializer_list<const char*> good, bad;
  } cases[] = {
      {"date", {"2024-02-29", "2000-02-29"}, {"2023-02-29", "1900-02-29", "2023-13-01", "2023-1-01", "2023-01-01x", ""}},
      {"date-time", {"2024-01-01T00:00:00Z", "2024-01-01t23:59:59.123+01:00", "1998-12-31T23:59:60Z"}, {"2024-01-01", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T12:00:60Z", "2024-01-01 00:00:00Z"}},
      {"time", {"10:00:00Z", "10:00:00.5-05:30"}, {"10:00Z", "10:00:00"}},
      {"duration", {"P1Y2M3DT4H5M6S", "P2W", "PT1S"}, {"P", "PT", "1D", "P1S", "P1W2D", "P1M1Y"}},
      {"uuid", {"123e4567-e89b-12d3-a456-426614174000"}, {"123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"}},
      {"email", {"a.b+c@example.com"}, {"a@b", ".a@example.com", "a..b@example.com", "a@example..com", "a example.com"}},
      {"ipv4", {"192.0.2.1"}, {"192.0.2.256", "192.0.2", "1.2.3.4.5"}},
      {"ipv6", {"::1", "2001:db8::1"}, {"1::2::3", "192.0.2.1", "g::"}},
      {"uri", {"https://example.com/a?b=c#d", "urn:a:b", "http://[::1]/"}, {"/a", "http://a b", "http://a/%zz", "a", "http://[x]/"}},
      {"hostname", {"example.com", "a"}, {"-a.com", "a..b", "a_b"}},
      {"byte", {"", "YQ==", "YWJj"}, {"YQ=", "Y$==", "YWJ"}},
  };
  for (const auto& c : cases) {
    const auto model = model_of(with_schema(std::string(R"({"format": ")") + c.format + "\"}"));
    for (const auto* text : c.good) CHECK_MESSAGE(judge(*model, std::string("POST /\n\n\"") + text + "\"") == "fits", c.format << " " << text);
    for (const auto* text : c.bad) CHECK_MESSAGE(judge(*model, std::string("POST /\n\n\"") + text + "\"") == std::string("400 body: is not of the format ") + c.format, c.format << " " << text);
  }
  check({
      {R"({"format": "int32"})", "2147483647", "fits"},
      {R"({"format": "int32"})", "2147483648", "400 body: is not of the format int32"},
      {R"({"format": "int64"})", "9223372036854775807", "fits"},
      {R"({"format": "int64"})", "9223372036854775808", "400 body: is not of the format int64"},
      {R"({"format": "a-colour"})", "\"any\"", "fits"},
  });
}

TEST_CASE("schema: arrays and objects") {
  check({
      {R"({"items": {"type": "integer"}, "minItems": 1, "maxItems": 2})", "[1, 2]", "fits"},
      {R"({"items": {"type": "integer"}, "minItems": 1, "maxItems": 2})", "[]", "400 body: has fewer than 1 items"},
      {R"({"items": {"type": "integer"}, "minItems": 1, "maxItems": 2})", "[1, \"x\", 3]", "400 body: has more than 2 items; body /1: is not an integer"},
      {R"({"prefixItems": [{"type": "string"}], "items": false})", R"(["a"])", "fits"},
      {R"({"prefixItems": [{"type": "string"}], "items": false})", R"(["a", 1])", "400 body /1: must not be there"},
      {R"({"uniqueItems": true})", R"([{"a": 1, "b": 2}, {"b": 3, "a": 1}])", "fits"},
      {R"({"uniqueItems": true})", R"([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}])", "400 body: has an item twice"},
      {R"({"contains": {"type": "string"}, "maxContains": 1})", "[1, \"a\"]", "fits"},
      {R"({"contains": {"type": "string"}})", "[1]", "400 body: has fewer than 1 items of the kind it has to contain"},
      {R"({"contains": {"type": "string"}, "maxContains": 1})", "[\"b\", \"a\"]", "400 body: has more than 1 items of the kind it may contain"},
      {R"({"properties": {"a": {"type": "integer"}}, "required": ["a", "b"]})", R"({"a": 1, "b": 2, "c": 3})", "fits"},
      {R"({"properties": {"a": {"type": "integer"}}, "required": ["a", "b"]})", R"({"a": "x"})", "400 body /a: is not an integer; body /b: is missing"},
      {R"({"properties": {"a": {}}, "additionalProperties": false})", R"({"a": 1, "is_admin": true})", "400 body /is_admin: is not described"},
      {R"({"additionalProperties": {"type": "string"}})", R"({"a": "x", "b": 1})", "400 body /b: is not a string"},
      {R"({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false})", R"({"x-a": "1"})", "fits"},
      {R"({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false})", R"({"x-a": 1, "y": 1})", "400 body /x-a: is not a string; body /y: is not described"},
      {R"({"propertyNames": {"maxLength": 2}})", R"({"abc": 1})", "400 body /abc: has a name that does not fit"},
      {R"({"minProperties": 1})", "{}", "400 body: has fewer than 1 members"},
      {R"({"maxProperties": 1})", R"({"a": 1, "b": 1})", "400 body: has more than 1 members"},
      {R"({"dependentRequired": {"card": ["cvc"]}})", R"({"card": 1})", "400 body /cvc: is missing"},
      {R"({"dependentSchemas": {"card": {"required": ["cvc"]}}})", R"({"card": 1})", "400 body /cvc: is missing"},
      {R"({"properties": {"id": {"type": "integer", "readOnly": true}, "name": {}}, "required": ["id", "name"]})", R"({"name": "x"})", "fits"},
      {R"({"properties": {"id": {"type": "integer", "readOnly": true}, "name": {}}, "required": ["id", "name"]})", R"({"id": 1, "name": "x"})", "400 body /id: is read-only"},
  });
}

TEST_CASE("schema: composed") {
  check({
      {R"({"allOf": [{"required": ["a"]}, {"required": ["b"]}]})", "{}", "400 body /a: is missing; body /b: is missing"},
      {R"({"anyOf": [{"type": "string"}, {"minimum": 5}]})", "6", "fits"},
      {R"({"anyOf": [{"type": "string"}, {"minimum": 5}]})", "4", "400 body: fits none of the 2 alternatives"},
      {R"({"oneOf": [{"multipleOf": 3}, {"multipleOf": 5}]})", "9", "fits"},
      {R"({"oneOf": [{"multipleOf": 3}, {"multipleOf": 5}]})", "15", "400 body: fits more than one of the alternatives"},
      {R"({"not": {"type": "null"}})", "null", "400 body: is what it must not be"},
      {R"({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}})", R"({"a": 1, "c": 1})", "400 body /b: is missing"},
      {R"({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}})", "{}", "400 body /c: is missing"},
  });
}

TEST_CASE("schema: references, recursive ones too, and the discriminator as a hint") {
  const auto model = model_of(R"(
openapi: 3.1.0
paths:
  /:
    post:
      requestBody:
        content:
          application/json:
            schema:
              oneOf: [{ $ref: '#/components/schemas/Cat' }, { $ref: '#/components/schemas/Tree' }]
              discriminator: { propertyName: kind, mapping: { feline: '#/components/schemas/Cat' } }
components:
  schemas:
    Cat: { type: object, required: [kind, lives], properties: { kind: { type: string }, lives: { type: integer, maximum: 9 } } }
    Tree:
      type: object
      required: [children]
      properties:
        kind: { const: Tree }
        children: { type: array, items: { $ref: '#/components/schemas/Tree', maxProperties: 3 } }
)");
  CHECK(judge(*model, "POST /\n\n" R"({"kind": "feline", "lives": 9})") == "fits");
  CHECK(judge(*model, "POST /\n\n" R"({"kind": "feline", "lives": 10})") == "400 body /lives: is more than 9");
  CHECK(judge(*model, "POST /\n\n" R"({"kind": "Tree", "children": [{"children": [{"children": []}]}]})") == "fits");
  CHECK(judge(*model, "POST /\n\n" R"({"kind": "Tree", "children": [{"children": [{"children": 1}]}]})") == "400 body /children/0/children/0/children: is not an array");
  CHECK(judge(*model, "POST /\n\n" R"({"kind": "Tree", "children": [{"children": [], "a": 1, "b": 2, "c": 3}]})") == "400 body /children/0: has more than 3 members");  // beside $ref
  CHECK(judge(*model, "POST /\n\n" R"({"kind": "dog"})") == "400 body: fits none of the 2 alternatives");
}

TEST_CASE("schema: bodies two readers could read differently are refused") {
  check({
      {"true", R"({"a": 1, "a": 2})", "400 body: has a key twice"},
      {"true", R"({"a": 1, "\u0061": 2})", "400 body: has a key twice"},
      {"true", "{\"a\": 1} x", "400 body: has something behind its end"},
      {"true", "{\"a\": 1,}", "400 body: is not JSON"},
      {"true", "{'a': 1}", "400 body: is not JSON"},
      {"true", "[01]", "400 body: is not JSON"},
      {"true", "[1", "400 body: ends too early"},
      {"true", "\"\xff\"", "400 body: is not UTF-8"},
      {"true", "\"\\ud800\"", "400 body: has half a character"},
      {"true", "\"\\x\"", "400 body: has an escape that does not exist"},
      {"true", "\"\t\"", "400 body: has a control character in a string"},
      {"true", "NaN", "400 body: is not JSON"},
      {"true", "\xef\xbb\xbf{}", "400 body: is not JSON"},
  });
  // Many keys are compared another way.
  std::string many = "{";
  for (int i = 0; i < 50; ++i) many += "\"k" + std::to_string(i) + "\": 1,";
  CHECK(judge_body("true", many + "\"k7\": 1}") == "400 body: has a key twice");
  CHECK(judge_body("true", many + "\"k50\": 1}") == "fits");
}

TEST_CASE("schema: depth and work end at their limits, and what was not judged is refused") {
  CHECK(judge_body("true", std::string(128, '[') + std::string(128, ']')) == "fits");
  CHECK(judge_body("true", std::string(129, '[') + std::string(129, ']')) == "400 body: is nested too deep");
  const auto list = [](std::size_t items) {
    std::string out = "[1";
    for (std::size_t i = 1; i < items; ++i) out += ",1";
    return out + "]";
  };
  CHECK(judge_body("true", list(detail::kJsonValuesMax - 1)) == "fits");  // and the list itself
  CHECK(judge_body("true", list(detail::kJsonValuesMax)) == "400 body: has too many values to be judged");
  // Every level doubles the work: alternatives that differ at the very end.
  const auto model = model_of(R"({"openapi": "3.1.0", "paths": {"/": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}}}},
    "components": {"schemas": {"T": {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/T"}}, {"type": "array", "items": {"$ref": "#/components/schemas/T"}}, {"const": 1}]}}}})");
  CHECK(judge(*model, "POST /\n\n" + std::string(12, '[') + "1" + std::string(12, ']')) == "fits");
  CHECK(judge(*model, "POST /\n\n" + std::string(100, '[') + "2" + std::string(100, ']')) == "400 request: cannot be judged: a value takes more work than is allowed for its size");
  // Findings are few.
  std::string items = "[";
  for (int i = 0; i < 100; ++i) items += i == 0 ? "\"x\"" : ",\"x\"";
  const auto found = judge_body(R"({"items": {"type": "integer"}})", items + "]");
  CHECK(std::count(found.begin(), found.end(), ';') == static_cast<long>(kFindingsMax) - 1);
}

TEST_CASE("schema: names of members are shown cut and plain, values never") {
  const auto found = judge_body(R"({"additionalProperties": {"type": "integer"}})", R"({"pass\u001bword)" + std::string(100, 'x') + R"(": "hunter2"})");
  CHECK(found.find("hunter2") == found.npos);
  CHECK(found.find('\x1b') == found.npos);
  CHECK(found.size() < 150);
}
