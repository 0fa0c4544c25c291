#include "policy/model.h"

#include <fmt/format.h>

namespace ringwall::policy {

namespace {

constexpr int kCritical = 2;

std::uint64_t rule_of(std::string_view place) {
  constexpr std::pair<std::string_view, std::uint64_t> kRules[] = {{"method", kModelRuleMethod}, {"content type", kModelRuleContentType}, {"body", kModelRuleBody}, {"request", kModelRuleNotJudged}};
  if (place == "path") return kModelRulePath;
  for (const auto& [begin, rule] : kRules) {
    if (place.starts_with(begin)) return rule;
  }
  return kModelRuleParameter;
}

}  // namespace

Result<std::shared_ptr<const openapi::Model>> load_model(std::string_view json, const std::string& name) {
  const auto document = RW_TRY(openapi::read_json_document(json, name));
  auto compiled = openapi::compile(document);
  if (compiled.model == nullptr) return fail(Errc::kInvalid, show(name, compiled.errors.at(0)));
  return std::move(compiled.model);
}

std::vector<waf::Match> model_matches(const openapi::Judgement& judgement, bool refused) {
  std::vector<waf::Match> out;
  for (const auto& finding : judgement.findings) {
    auto& match = out.emplace_back();
    match.rule_id = rule_of(finding.place);
    match.phase = 2;
    match.disruptive = refused && out.size() == 1;
    match.severity = kCritical;
    match.msg = "The request does not fit the API description";
    match.log_data = fmt::format("{}: {}", finding.place, finding.reason);
    match.tags = {std::string(kModelTag)};
    match.variable = finding.place;
    match.operator_text = judgement.operation.empty() ? "No operation" : fmt::format("Operation {}", judgement.operation);
  }
  return out;
}

}  // namespace ringwall::policy
