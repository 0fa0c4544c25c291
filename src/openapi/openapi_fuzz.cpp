// Any request to an API with every kind of parameter and body.  Judging ends, finds the same twice, and never tells more than a
// few findings; a document as JSON judges as the document itself.
#include <cstdlib>

#include "openapi/openapi.h"

using namespace ringwall::openapi;

namespace {

constexpr const char* kDocument = R"(
openapi: 3.1.0
paths:
  /a/{id}.{kind}:
    parameters: [{ name: id, in: path, required: true, schema: { type: [integer, string], pattern: '^[a-f0-9]+$' } }, { name: kind, in: path, required: true, schema: {} }]
    get:
      parameters:
        - { name: l, in: query, schema: { type: array, items: { type: number }, uniqueItems: true } }
        - { name: d, in: query, style: deepObject, schema: { type: object, additionalProperties: { type: integer } } }
        - { name: p, in: query, style: pipeDelimited, schema: { type: array, items: { format: ipv6, type: string } } }
        - { name: j, in: query, content: { application/json: { schema: { $ref: '#/components/schemas/T' } } } }
        - { name: c, in: cookie, schema: { type: string, format: date-time } }
        - { name: X-O, in: header, schema: { type: object, properties: { a: { type: integer } } } }
  /b:
    post:
      requestBody:
        content:
          application/json: { schema: { $ref: '#/components/schemas/T' } }
          application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/T' } }
          multipart/form-data: { schema: { $ref: '#/components/schemas/T' } }
          '*/*': { schema: { type: string, maxLength: 10, format: uri } }
components:
  schemas:
    T:
      anyOf: [{ type: object, properties: { a: { $ref: '#/components/schemas/T' }, b: { type: array, items: { $ref: '#/components/schemas/T' } }, f: { type: string, format: email } }, patternProperties: { '^x': { multipleOf: 0.3 } } },
              { type: array, contains: { type: integer }, items: { oneOf: [{ $ref: '#/components/schemas/T' }, { const: 1 }] } }, { type: [string, number, 'null'], not: { const: 3 } }]
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto document = read_document(kDocument, "fuzz").value();
  static const auto model = compile(document).model;
  static const auto again = compile(read_json_document(write_json(document.root), "fuzz").value()).model;
  static Scratch scratch, other;
  if (model == nullptr || again == nullptr) std::abort();
  if (size < 1) return 0;
  constexpr std::string_view kTypes[] = {"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain", "a/b"};
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Request request;
  const bool posts = data[0] % 2 == 0;
  request.method = posts ? "POST" : "GET";
  if (posts) {
    request.target = "/b";
    request.headers.emplace_back("Content-Type", kTypes[data[0] / 2 % std::size(kTypes)]);
    request.body = text;
  } else {
    const auto line = text.find('\n');
    request.target = text.substr(0, line);
    if (line != text.npos) request.headers = {{"Cookie", text.substr(line + 1)}, {"X-O", text.substr(line + 1)}};
  }
  const Options options{.refuse_unknown_parameters = data[0] > 128};
  const auto first = model->judge(request, options, scratch), second = again->judge(request, options, other);
  if (first.status != second.status || first.findings.size() != second.findings.size() || first.findings.size() > kFindingsMax) std::abort();
  if ((first.status == 0) != first.fits()) std::abort();
  for (std::size_t i = 0; i < first.findings.size(); ++i) {
    if (first.findings[i].place != second.findings[i].place || first.findings[i].reason != second.findings[i].reason) std::abort();
  }
  return 0;
}
