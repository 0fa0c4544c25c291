// What judging costs, in time of the processor: a JSON body of 526 leaves (20 KB), a small form, a query.
//
//   build/release/src/openapi/openapi_bench
#include <fmt/format.h>

#include <ctime>
#include <string>

#include "openapi/openapi.h"

using namespace ringwall::openapi;

namespace {

constexpr const char* kDocument = R"(
openapi: 3.1.0
paths:
  /orders:
    get:
      parameters:
        - { name: page, in: query, schema: { type: integer, minimum: 1 } }
        - { name: tags, in: query, schema: { type: array, items: { type: string } } }
    post:
      requestBody:
        content:
          application/json: { schema: { $ref: '#/components/schemas/Order' } }
          application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/Item' } }
components:
  schemas:
    Order:
      type: object
      required: [customer, items]
      additionalProperties: false
      properties:
        customer: { type: string, format: email }
        items: { type: array, maxItems: 1000, items: { $ref: '#/components/schemas/Item' } }
    Item:
      type: object
      required: [sku, name, price, count]
      additionalProperties: false
      properties:
        sku: { type: string, pattern: '^[A-Z]{3}-\d{6}$' }
        name: { type: string, minLength: 1, maxLength: 200 }
        price: { type: number, minimum: 0, multipleOf: 0.01 }
        count: { type: integer, minimum: 1, format: int32 }
        when: { type: string, format: date-time }
        id: { type: string, format: uuid }
        kind: { enum: [book, record, film] }
)";

std::string order(int items) {
  std::string out = R"({"customer": "jo@example.com", "items": [)";
  for (int i = 0; i < items; ++i) {
    out += fmt::format(R"({}{{"sku": "ABC-{:06}", "name": "The thing that has the number {} and a long name besides, as things have that are sold", "price": {}.99, "count": {}, "when": "2026-11-28T04:24:53.123Z", "id": "123e4567-e89b-12d3-a456-{:012}", "kind": "film"}})",
                       i == 0 ? "" : ",", i, i, i, i % 9 + 1, i);
  }
  return out + "]}";
}

void measure(const char* name, const Model& model, const Request& request) {
  Scratch scratch;
  std::size_t findings = 0;
  constexpr int kRounds = 2000;
  const auto begin = std::clock();  // of the processor: other work does not count
  for (int i = 0; i < kRounds; ++i) findings += model.judge(request, {.refuse_unknown_parameters = true}, scratch).findings.size();
  const double took = 1e6 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / kRounds;
  fmt::print("{:<24} {:>7} bytes {:>8.2f} µs  {} findings\n", name, request.body.size() + request.target.size(), took, findings / kRounds);
}

}  // namespace

int main() {
  const auto model = compile(read_document(kDocument, "bench").value()).model;
  const auto body = order(75);  // 526 leaves
  const std::string form = "sku=ABC-000001&name=Thing&price=1.99&count=3&kind=book";
  measure("JSON, 526 leaves", *model, {.method = "POST", .target = "/orders", .headers = {{"Content-Type", "application/json"}}, .body = body});
  measure("form, 5 fields", *model, {.method = "POST", .target = "/orders", .headers = {{"Content-Type", "application/x-www-form-urlencoded"}}, .body = form});
  measure("query, 3 parameters", *model, {.method = "GET", .target = "/orders?page=3&tags=a&tags=b"});
}
