// A positive model: what requests an API takes, from its OpenAPI document (3.0 or 3.1), and whether a request is one of them.
//
//   auto compiled = compile(RW_TRY(read_document(text, "api.yaml")));   // model, or errors; warnings
//   Scratch scratch;
//   const auto judgement = compiled.model->judge(request, {}, scratch);
//   if (!judgement.fits()) …                                             // judgement.findings: "body /items/3/price: is not a number"
//
// What the document says and this cannot express is an error, or a warning that says what is not checked; both have line and JSON
// pointer.  A Model is immutable and shared by threads, a Scratch belongs to one.  While it judges it opens no file, asks no clock,
// starts no thread and throws nothing.  Findings name places and what was expected, never a value of the request.
//
// Source: OpenAPI Specification 3.0.3 and 3.1.0, JSON Schema 2020-12, RFC 6570 for the styles.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "openapi/document.h"

namespace ringwall::openapi {

inline constexpr std::size_t kOperationsMax = 10'000;
inline constexpr std::size_t kSchemasMax = 200'000;
inline constexpr std::size_t kCompositionDepthMax = 64;  // schemas about one and the same value: $ref, allOf, anyOf, …
inline constexpr std::size_t kRemarksMax = 100;          // of a document; one more says that there are others
inline constexpr std::size_t kFindingsMax = 16;          // of a request
inline constexpr std::size_t kFieldsMax = 1000;          // of a query, a form, a multipart body
inline constexpr std::uint64_t kStepsMax = 200'000;      // of judging, about a value looked at by one schema each;
inline constexpr std::uint64_t kStepsPerByteMax = 64;    // and so many more for each byte of the request

// What is to be said of a place in a document.
struct Remark {
  int line = 0, column = 0;
  std::string pointer;  // "/paths/~1pets/get"
  std::string message;
};
std::string show(const std::string& document, const Remark& remark);  // "api.yaml:14:5: /paths/~1pets/get: …"

struct Request {
  std::string_view method, target;  // "GET", "/pets?limit=3" as it came
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string_view body;
  bool body_known = true;  // false: there is one, and it was not read, or not all of it
};

struct Options {
  bool refuse_unknown_parameters = false;  // of the query
  bool refuse_unknown_paths = true;
  std::string base_path;                   // before the document's paths; empty: what its servers say
  bool operator==(const Options&) const = default;
};

struct Finding {
  std::string place;   // "body /items/3/price", "query page", "path", "method"
  std::string reason;  // "is not a number"
};

struct Judgement {
  int status = 0;  // to refuse with: 400, 404, 405, 415; 0: it fits
  std::vector<Finding> findings;
  std::string operation;  // "GET /pets/{id}"; empty: none was found
  bool fits() const { return findings.empty(); }
};

namespace detail {
struct Program;
struct ScratchMemory;
}  // namespace detail

// Memory that is used again by the next request.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;
  detail::ScratchMemory& memory() { return *memory_; }

 private:
  std::unique_ptr<detail::ScratchMemory> memory_;
};

struct Operation {
  std::string method, path, id;  // "GET", "/pets/{id}", operationId
};

class Model {
 public:
  explicit Model(std::shared_ptr<const detail::Program> program);
  Judgement judge(const Request& request, const Options& options, Scratch& scratch) const;
  std::vector<Operation> operations() const;  // in the order of the document
  const std::vector<std::string>& base_paths() const;

 private:
  std::shared_ptr<const detail::Program> program_;
};

struct Compiled {
  std::shared_ptr<const Model> model;  // null when there are errors
  std::vector<Remark> errors, warnings;
};
Compiled compile(const Document& document);

}  // namespace ringwall::openapi
