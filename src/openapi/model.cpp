#include <fmt/format.h>

#include "openapi/detail/operation_compiler.h"
#include "openapi/detail/request_judge.h"
#include "openapi/openapi.h"

namespace ringwall::openapi {

namespace detail {

Reading reading_of(std::string_view content_type) {
  if (content_type == "application/json" || content_type == "text/json" || content_type.ends_with("+json")) return Reading::kJson;
  if (content_type == "application/x-www-form-urlencoded") return Reading::kForm;
  if (content_type == "multipart/form-data") return Reading::kMultipart;
  return content_type == "text/plain" ? Reading::kText : Reading::kBytes;
}

}  // namespace detail

Scratch::Scratch() : memory_(std::make_unique<detail::ScratchMemory>()) {}
Scratch::~Scratch() = default;
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;

Model::Model(std::shared_ptr<const detail::Program> program) : program_(std::move(program)) {}

Judgement Model::judge(const Request& request, const Options& options, Scratch& scratch) const {
  return detail::RequestJudge(*program_, request, options, scratch.memory()).run();
}

std::vector<Operation> Model::operations() const {
  std::vector<Operation> out;
  for (const auto& one : program_->operations) out.push_back({one.method, one.path, one.id});
  return out;
}

const std::vector<std::string>& Model::base_paths() const { return program_->base_paths; }

Compiled compile(const Document& document) {
  detail::Reporter reporter;
  const detail::Spot root{&document.root, ""};
  auto program = std::make_shared<detail::Program>();
  if (document.root.kind != Node::Kind::kMap) {
    reporter.error(root, "is no OpenAPI document: it is no map");
  } else if (const auto version = detail::member(root, "openapi"); !version) {
    reporter.error(root, detail::member(root, "swagger") ? "is of Swagger 2.0: convert it to OpenAPI 3 first, as with swagger2openapi" : "is no OpenAPI document: it has no key 'openapi'");
  } else if (const auto& text = version.node->text; !text.starts_with("3.0") && !text.starts_with("3.1")) {
    reporter.error(version, "is none of the versions that are understood: 3.0 and 3.1");
  } else {
    detail::OperationCompiler(document, *program, reporter, text.starts_with("3.1")).run();
  }
  Compiled out{nullptr, std::move(reporter.errors), std::move(reporter.warnings)};
  if (out.errors.empty()) out.model = std::make_shared<const Model>(std::move(program));
  return out;
}

}  // namespace ringwall::openapi
