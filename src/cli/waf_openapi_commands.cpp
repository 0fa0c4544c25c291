// ringwall waf openapi: what an API's description takes, and whether a request fits it, without a server.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/world.h"
#include "cli/context.h"
#include "openapi/openapi.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

struct WafOpenapi {
  std::string file, body, base_path;
  std::vector<std::string> request, headers;
  bool refuse_unknown_parameters = false;
};

Json json_of(const std::vector<openapi::Remark>& remarks) {
  Json out = Json::array();
  for (const auto& one : remarks) out.push_back({{"line", one.line}, {"column", one.column}, {"pointer", one.pointer}, {"message", one.message}});
  return out;
}

int list_operations(const WafOpenapi& options, const openapi::Compiled& compiled, const Context& context) {
  const auto operations = compiled.model == nullptr ? std::vector<openapi::Operation>() : compiled.model->operations();
  if (context.json) {
    Json list = Json::array();
    for (const auto& one : operations) list.push_back({{"method", one.method}, {"path", one.path}, {"id", one.id}});
    fmt::print("{}\n", Json{{"operations", list}, {"errors", json_of(compiled.errors)}, {"warnings", json_of(compiled.warnings)},
                            {"base_paths", compiled.model == nullptr ? std::vector<std::string>() : compiled.model->base_paths()}}.dump());
    return compiled.model == nullptr ? kExitUsage : kExitOk;
  }
  for (const auto& one : compiled.errors) fmt::print(stderr, "ringwall: error: {}\n", show(options.file, one));
  for (const auto& one : compiled.warnings) fmt::print(stderr, "ringwall: warning: {}\n", show(options.file, one));
  if (compiled.model == nullptr) return kExitUsage;
  for (const auto& one : operations) fmt::print("{:<7} {}{}\n", one.method, one.path, one.id.empty() ? "" : "  " + one.id);
  fmt::print("{} operations below {}, {} warnings\n", operations.size(), fmt::join(compiled.model->base_paths(), ", "), compiled.warnings.size());
  return kExitOk;
}

Result<int> run_waf_openapi(const WafOpenapi& options, const Context& context) {
  auto& files = base::real_files();
  const auto document = RW_TRY(openapi::read_document(RW_TRY(files.read(options.file)), options.file));
  const auto compiled = openapi::compile(document);
  if (options.request.empty() || compiled.model == nullptr) return list_operations(options, compiled, context);
  openapi::Request request;
  request.method = options.request[0];
  request.target = options.request[1];
  for (const auto& header : options.headers) {
    const auto colon = header.find(':');
    if (colon == std::string::npos) return fail(Errc::kInvalid, fmt::format("'{}' is no header", header), "as in --header 'Content-Type: application/json'");
    request.headers.emplace_back(std::string_view(header).substr(0, colon), base::trim(std::string_view(header).substr(colon + 1)));
  }
  std::string body;
  if (!options.body.empty()) body = RW_TRY(files.read(options.body));
  request.body = body;
  openapi::Scratch scratch;
  const auto judgement = compiled.model->judge(request, {.refuse_unknown_parameters = options.refuse_unknown_parameters, .base_path = options.base_path}, scratch);
  if (context.json) {
    Json findings = Json::array();
    for (const auto& one : judgement.findings) findings.push_back({{"place", one.place}, {"reason", one.reason}});
    fmt::print("{}\n", Json{{"fits", judgement.fits()}, {"status", judgement.status}, {"operation", judgement.operation}, {"findings", findings}}.dump());
  } else if (judgement.fits()) {
    fmt::print("{}: fits\n", judgement.operation.empty() ? "no operation" : judgement.operation);
  } else {
    for (const auto& one : judgement.findings) fmt::print("{}: {}\n", one.place, one.reason);
    fmt::print("{}: does not fit, {}\n", judgement.operation.empty() ? "no operation" : judgement.operation, judgement.status);
  }
  return judgement.fits() ? kExitOk : kExitFailed;
}

}  // namespace

void add_waf_openapi(CLI::App& waf, Context& context) {
  auto options = std::make_shared<WafOpenapi>();
  auto* command = waf.add_subcommand("openapi", "check an OpenAPI document, list its operations, or judge a request by it");
  command->footer(
      "Examples:\n  ringwall waf openapi api.yaml\n"
      "  ringwall waf openapi api.yaml --request POST /v1/pets --header 'Content-Type: application/json' --body pet.json\n\n"
      "Exit code 0: the document is right, the request fits; 1: it does not fit; 2: the document has errors.");
  command->add_option("file", options->file, "an OpenAPI document, 3.0 or 3.1, YAML or JSON")->required();
  auto* request = command->add_option("--request", options->request, "a method and a URL to judge")->expected(2);
  command->add_option("--header", options->headers, "a header of the request, as often as needed")->needs(request);
  command->add_option("--body", options->body, "a file with the body of the request")->needs(request);
  command->add_option("--base-path", options->base_path, "what stands before the document's paths, instead of what its servers say")->needs(request);
  command->add_flag("--refuse-unknown-parameters", options->refuse_unknown_parameters, "of the query, as with unknown_parameters: refuse")->needs(request);
  command->callback([options, &context] {
    const auto outcome = run_waf_openapi(*options, context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error(), kExitUsage);
  });
}

}  // namespace ringwall::cli
