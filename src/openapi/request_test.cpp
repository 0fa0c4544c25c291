// Requests against a small shop of pets: paths, parameters, bodies of every kind.
#include "openapi/test_support.h"

using namespace ringwall::openapi;

namespace {

constexpr const char* kShop = R"(
openapi: 3.0.3
info: { title: Pets, version: '1' }
servers:
  - url: https://{region}.example.com/v1
    variables: { region: { default: eu } }
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 100 } }
        - { name: tags, in: query, schema: { type: array, items: { type: string, pattern: '^[a-z]+$' }, maxItems: 3 } }
        - { name: ids, in: query, explode: false, schema: { type: array, items: { type: integer } } }
        - { name: piped, in: query, style: pipeDelimited, explode: false, schema: { type: array, items: { type: integer } } }
        - { name: spaced, in: query, style: spaceDelimited, explode: false, schema: { type: array, items: { type: integer } } }
        - { name: filter, in: query, style: deepObject, schema: { type: object, properties: { status: { enum: [sold, free] }, min: { type: integer } }, additionalProperties: false } }
        - { name: where, in: query, content: { application/json: { schema: { type: object, required: [a] } } } }
        - { name: box, in: query, schema: { type: object, properties: { x1: { type: integer }, x2: { type: integer } }, additionalProperties: false } }
        - { name: flag, in: query, allowEmptyValue: true, schema: { type: boolean } }
        - { name: X-Trace, in: header, schema: { type: string, format: uuid } }
        - { name: X-Ids, in: header, schema: { type: array, items: { type: integer } } }
        - { name: session, in: cookie, schema: { type: string, minLength: 4 } }
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: '#/components/schemas/Pet' }
          application/x-www-form-urlencoded:
            schema: { $ref: '#/components/schemas/Pet' }
          multipart/form-data:
            schema:
              type: object
              required: [name, picture]
              additionalProperties: false
              properties:
                name: { type: string, maxLength: 8 }
                details: { $ref: '#/components/schemas/Pet' }
                picture: { type: string, format: binary, maxLength: 10 }
                tags: { type: array, items: { type: string } }
            encoding: { picture: { contentType: 'image/png, image/jpeg' } }
          text/plain: { schema: { type: string, maxLength: 5 } }
  /pets/mine:
    get: { parameters: [{ name: required, in: query, required: true, schema: { type: string } }] }
  /pets/{id}:
    parameters:
      - { name: id, in: path, required: true, schema: { type: integer } }
    get: {}
    put: { parameters: [{ name: id, in: path, required: true, schema: { type: string, maxLength: 3 } }] }
  /files/{name}.{extension}:
    get:
      parameters:
        - { name: name, in: path, required: true, schema: { type: string } }
        - { name: extension, in: path, required: true, schema: { enum: [png, jpg] } }
  /uploads: { post: { requestBody: { content: { 'image/*': { schema: { type: string, maxLength: 4 } } } } } }
components:
  securitySchemes: { key: { type: apiKey, in: query, name: api_key } }
  schemas:
    Pet:
      type: object
      required: [name]
      additionalProperties: false
      properties:
        name: { type: string, maxLength: 8 }
        age: { type: integer, minimum: 0 }
        tags: { type: array, items: { type: string } }
        nice: { type: boolean, nullable: true }
)";

struct Case {
  const char *request, *want;
};

}  // namespace

TEST_CASE("request: paths and methods") {
  const auto model = model_of(kShop);
  const Case cases[] = {
      {"GET /v1/pets", "fits"},
      {"HEAD /v1/pets", "fits"},  // who answers GET answers HEAD
      {"GET http://eu.example.com/v1/pets?limit=3", "fits"},
      {"GET /pets", "404 path: is not described"},
      {"GET /v1/pets/", "404 path: is not described"},
      {"GET /v1//pets", "404 path: is not described"},
      {"GET /v1", "404 path: is not described"},
      {"GET /v1/Pets", "404 path: is not described"},
      {"GET /v1/%70ets", "fits"},
      {"DELETE /v1/pets", "405 method: is not described for this path"},
      {"get /v1/pets", "405 method: is not described for this path"},
      {"OPTIONS /v1/pets", "405 method: is not described for this path"},
      {"OPTIONS /v1/pets\nOrigin: https://a\nAccess-Control-Request-Method: POST", "fits"},
      {"GET /v1/pets/7", "fits"},
      {"GET /v1/pets/x", "400 path id: is not an integer"},
      {"PUT /v1/pets/abc", "fits"},   // the operation's own parameter stands for the path's
      {"PUT /v1/pets/abcd", "400 path id: is longer than 3 characters"},
      {"PUT /v1/pets/mine", "400 path id: is longer than 3 characters"},  // what /pets/mine does not describe, /pets/{id} may
      {"GET /v1/pets/mine", "400 query required: is missing"},             // literal before templated
      {"GET /v1/files/a.b.png", "fits"},
      {"GET /v1/files/a.gif", "400 path extension: is none of the 2 values it may be"},
      {"GET /v1/files/png", "404 path: is not described"},
      {"GET *", "404 path: is no path"},

      // Paths that lead elsewhere for some readers.
      {"GET /v1/pets/../admin", "400 path: leads through '.' or '..'"},
      {"GET /v1/./pets", "400 path: leads through '.' or '..'"},
      {"GET /v1/pets/%2e%2e", "400 path: leads through '.' or '..'"},
      {"GET /v1/pets/..%2fadmin", "400 path: leads through '.' or '..'"},
      {"GET /v1/pets/a%5c..%5cb", "400 path: leads through '.' or '..'"},
      {"GET /v1/pets/..;a=b/x", "400 path: leads through '.' or '..'"},
      {"GET /v1/pets/%252e%252e", "400 path id: is not an integer"},
      {"GET /v1/pets/7;x", "400 path id: is not an integer"},
      {"PUT /v1/pets/a%2Fb", "fits"},  // one segment
      {"GET /v1/pets/%zz", "400 path: is not UTF-8, or has a % without two hexadecimal digits"},
      {"GET /v1/pets/%ff", "400 path: is not UTF-8, or has a % without two hexadecimal digits"},
      {"GET /v1/pets/7%00", "400 path: has a control character"},
      {"GET /v1/pets#x", "400 path: has a fragment, which no client sends"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.request);
    CHECK(judge(*model, c.request) == c.want);
  }
  CHECK(judge(*model, "GET /other", {.refuse_unknown_paths = false}) == "fits");
  CHECK(judge(*model, "DELETE /v1/pets", {.refuse_unknown_paths = false}) == "405 method: is not described for this path");
  CHECK(judge(*model, "GET /shop/pets", {.base_path = "/shop"}) == "fits");
  CHECK(judge(*model, "GET /shop/api/pets", {.base_path = "/shop/api/"}) == "fits");
  CHECK(judge(*model, "GET /v1/pets", {.base_path = "/shop"}) == "404 path: is not described");
}

TEST_CASE("request: parameters") {
  const auto model = model_of(kShop);
  const Case cases[] = {
      {"?limit=5", "fits"},
      {"?limit=%35", "fits"},
      {"?limit=x", "400 query limit: is not an integer"},
      {"?limit=0", "400 query limit: is less than 1"},
      {"?limit=", "400 query limit: is not an integer"},
      {"?limit=5&limit=6", "400 query limit: is given twice"},
      {"?limit=5%zz", "400 query: is not UTF-8, or has a % without two hexadecimal digits"},
      {"?tags=a&tags=b", "fits"},
      {"?tags=a&tags=B", "400 query tags /1: does not match the pattern ^[a-z]+$"},
      {"?tags=a&tags=b&tags=c&tags=d", "400 query tags: has more than 3 items"},
      {"?ids=1,2,3", "fits"},
      {"?ids=1%2C2", "fits"},
      {"?ids=1,x", "400 query ids /1: is not an integer"},
      {"?piped=1|2", "fits"},
      {"?piped=1%7Cx", "400 query piped /1: is not an integer"},
      {"?spaced=1%202+3", "fits"},
      {"?filter[status]=sold&filter[min]=3", "fits"},
      {"?filter%5Bstatus%5D=lost", "400 query filter /status: is none of the 2 values it may be"},
      {"?filter[other]=1", "400 query filter /other: is not described"},
      {"?filter[status][x]=sold", "400 query filter: has members deeper than one level, or without a name"},
      {"?filter[min]=1&filter[min]=2", "400 query filter /min: is given twice"},
      {"?where=%7B%22a%22:1%7D", "fits"},
      {"?where=%7B%7D", "400 query where /a: is missing"},
      {"?where=x", "400 query where: is not JSON"},
      {"?x1=1&x2=2", "fits"},
      {"?x1=a", "400 query box /x1: is not an integer"},
      {"?flag", "fits"},
      {"?flag=true", "fits"},
      {"?flag=yes", "400 query flag: is not true or false"},
      {"?other=1", "fits"},
      {"\nX-Trace: 123e4567-e89b-12d3-a456-426614174000", "fits"},
      {"\nx-trace: a", "400 header x-trace: is not of the format uuid"},
      {"\nX-Trace: a\nX-Trace: b", "400 header x-trace: is given twice; header x-trace: is not of the format uuid"},
      {"\nX-Ids: 1,2", "fits"},
      {"\nX-Ids: 1,b", "400 header x-ids /1: is not an integer"},
      {"\nCookie: theme=1; session=abcd", "fits"},
      {"\nCookie: session=abc", "400 cookie session: is shorter than 4 characters"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.request);
    CHECK(judge(*model, std::string("GET /v1/pets") + c.request) == c.want);
  }
  const Options strict{.refuse_unknown_parameters = true};
  CHECK(judge(*model, "GET /v1/pets?limit=5&filter[min]=1&x1=1&api_key=secret", strict) == "fits");
  CHECK(judge(*model, "GET /v1/pets?other=1&limit=5", strict) == "400 query /other: is not described");
  std::string many = "GET /v1/pets?a=1";
  for (std::size_t i = 1; i < kFieldsMax; ++i) many += "&a=1";
  CHECK(judge(*model, many) == "fits");
  CHECK(judge(*model, many + "&a=1") == "400 query: has too many fields to be judged");
}

TEST_CASE("request: bodies") {
  const auto model = model_of(kShop);
  const std::string form = "\nContent-Type: application/x-www-form-urlencoded\n\n";
  const std::pair<std::string, const char*> cases[] = {
      {"", "400 body: is missing"},
      {"\n\n{\"name\": \"Rex\", \"age\": 3, \"nice\": null}", "fits"},
      {"\nContent-Type: Application/JSON; charset=UTF-8\n\n{\"name\": \"Rex\"}", "fits"},
      {"\nContent-Type: application/json; charset=utf-16\n\n{\"name\": \"Rex\"}", "415 content type: has a charset that cannot be judged"},
      {"\nContent-Type: application/xml\n\n<a/>", "415 content type: is not described for this operation"},
      {"\nContent-Type: \n\nx", "415 content type: is missing"},
      {"\nContent-Type: application/json\nContent-Type: text/plain\n\n{}", "415 content type: is given twice"},
      {"\nContent-Encoding: gzip\n\n{\"name\": \"Rex\"}", "415 body: is compressed and cannot be judged"},
      {"\nContent-Type: text/plain\n\nhello", "fits"},
      {"\nContent-Type: text/plain\n\nhello!", "400 body: is longer than 5 characters"},
      {form + "name=Rex&age=3&tags=a&tags=b&nice=true", "fits"},
      {form + "name=Rex&tags=a", "fits"},
      {form + "name=Rex&age=old", "400 body /age: is not an integer"},
      {form + "age=1", "400 body /name: is missing"},
      {form + "name=a&name=b", "400 body /name: is given twice"},
      {form + "name=a&admin=1", "400 body /admin: is not described"},
      {form + "name=%zz", "400 body: is not UTF-8, or has a % without two hexadecimal digits"},
  };
  for (const auto& [request, want] : cases) {
    CAPTURE(request);
    CHECK(judge(*model, "POST /v1/pets" + request) == want);
  }
  CHECK(judge(*model, "GET /v1/pets\n\n{}") == "400 body: is there, and none is described");
  CHECK(judge(*model, "POST /v1/uploads\nContent-Type: image/png\n\n\xff\xfe") == "fits");
  CHECK(judge(*model, "POST /v1/uploads\nContent-Type: image/png\n\n12345") == "400 body: is longer than 4 bytes");
  CHECK(judge(*model, "POST /v1/uploads") == "fits");
  Scratch scratch;
  CHECK(shown(model->judge({.method = "POST", .target = "/v1/pets", .headers = {{"Content-Type", "application/json"}}, .body = "{", .body_known = false}, {}, scratch)) ==
        "400 body: cannot be judged: it is larger than what is looked at");
}

TEST_CASE("request: multipart bodies") {
  const auto model = model_of(kShop);
  const auto part = [](const std::string& disposition, const std::string& content, const std::string& more = "") {
    return "--xyz\r\nContent-Disposition: form-data; " + disposition + "\r\n" + more + "\r\n" + content + "\r\n";
  };
  const std::string name = part("name=\"name\"", "Rex"), end = "--xyz--\r\n";
  const auto picture = part("name=\"picture\"; filename=\"a.png\"", "\xff\xd8", "Content-Type: image/png\r\n");
  const std::pair<std::string, const char*> cases[] = {
      {name + picture + end, "fits"},
      {name + picture + part("name=tags", "a") + part("name=tags", "b") + end, "fits"},
      {name + picture + part("name=\"details\"", "{\"name\": \"x\"}", "Content-Type: application/json\r\n") + end, "fits"},
      {name + picture + part("name=\"details\"", "{\"name\": 1}") + end, "400 body /details/name: is not a string"},
      {name + picture + part("name=\"details\"", "x") + end, "400 body /details: is not JSON"},
      {name + end, "400 body /picture: is missing"},
      {name + part("name=\"picture\"; filename=\"a\"", "12345678901", "Content-Type: image/png\r\n") + end, "400 body /picture: is longer than 10 bytes"},
      {name + part("name=\"picture\"; filename=\"a\"", "1", "Content-Type: text/html\r\n") + end, "400 body /picture: has a content type that is not described"},
      {part("name=\"name\"; filename=\"x.php\"", "Rex") + picture + end, "400 body /name: is a file, and none is described"},
      {part("name=\"name\"", "Rex is long") + picture + end, "400 body /name: is longer than 8 characters"},
      {part("name=\"name\"", "\xff") + picture + end, "400 body /name: is not UTF-8"},
      {name + picture + part("name=\"admin\"", "1") + end, "400 body /admin: is not described"},
      // Not what every reader reads the same.
      {"preamble\r\n" + name + picture + end, "400 body: does not begin with its boundary"},
      {name + picture + end + "x", "400 body: has something behind its last part"},
      {name + picture, "400 body: ends before its last boundary"},
      {part("name=\"name\"; name=\"other\"", "Rex") + picture + end, "400 body: has a part with two names"},
      {part("name=\"na\\\"me\"", "Rex") + end, "400 body: has a part whose disposition cannot be understood"},
      {part("name=\"name\"", "Rex", "Content-Disposition: form-data; name=x\r\n") + end, "400 body: has a part with two dispositions"},
      {part("name=\"name\"", "UmV4", "Content-Transfer-Encoding: base64\r\n") + end, "400 body: has a part in an encoding that cannot be judged"},
      {"--xyz\r\n\r\nx\r\n" + end, "400 body: has a part without a disposition"},
      {"--xyz\nContent-Disposition: form-data; name=a\n\nx\n--xyz--", "400 body: has a boundary that cannot be understood"},
  };
  for (const auto& [body, want] : cases) {
    CAPTURE(body);
    CHECK(judge(*model, "POST /v1/pets\nContent-Type: multipart/form-data; boundary=xyz\n\n" + body) == want);
  }
  CHECK(judge(*model, "POST /v1/pets\nContent-Type: multipart/form-data\n\n" + name) == "400 body: has no boundary that could be used");
}
