// Documents and requests as texts, and what is found as one.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "openapi/openapi.h"

namespace ringwall::openapi {

inline std::string remarks_text(const std::string& name, const std::vector<Remark>& remarks) {
  std::string out;
  for (const auto& one : remarks) out += show(name, one) + "\n";
  return out;
}

// Errors and warnings of a document, a line each.
inline std::string understand(std::string_view text) {
  const auto document = read_document(text, "api.yaml");
  if (!document.ok()) return document.error().message + "\n";
  const auto compiled = compile(*document);
  std::string out;
  for (const auto& one : compiled.errors) out += "error " + show("api.yaml", one) + "\n";
  for (const auto& one : compiled.warnings) out += "warning " + show("api.yaml", one) + "\n";
  return out;
}

inline std::shared_ptr<const Model> model_of(std::string_view text) {
  const auto document = read_document(text, "api.yaml");
  REQUIRE_MESSAGE(document.ok(), (document.ok() ? "" : document.error().message));
  const auto compiled = compile(*document);
  REQUIRE_MESSAGE(compiled.model != nullptr, remarks_text("api.yaml", compiled.errors));
  return compiled.model;
}

// "fits", or "404 path: is not described", several with "; " between them.
inline std::string shown(const Judgement& judgement) {
  if (judgement.fits()) return "fits";
  auto out = std::to_string(judgement.status);
  for (std::size_t i = 0; i < judgement.findings.size(); ++i) out += (i == 0 ? " " : "; ") + judgement.findings[i].place + ": " + judgement.findings[i].reason;
  return out;
}

// "POST /pets\nContent-Type: application/json\n\n{}".  A body without a content type is JSON.
inline std::string judge(const Model& model, std::string_view text, const Options& options = {}) {
  static Scratch scratch;
  Request request;
  const auto head_end = std::min(text.find("\n\n"), text.size());
  auto head = text.substr(0, head_end);
  request.body = text.substr(std::min(head_end + 2, text.size()));
  const auto line = head.substr(0, head.find('\n'));
  const auto blank = line.find(' ');
  request.method = line.substr(0, blank);
  request.target = line.substr(blank + 1);
  bool typed = false;
  for (head.remove_prefix(std::min(line.size() + 1, head.size())); !head.empty();) {
    const auto one = head.substr(0, head.find('\n'));
    const auto colon = one.find(": ");
    request.headers.emplace_back(one.substr(0, colon), one.substr(colon + 2));
    typed = typed || one.starts_with("Content-Type");
    head.remove_prefix(std::min(one.size() + 1, head.size()));
  }
  if (!typed && !request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  return shown(model.judge(request, options, scratch));
}

// A document of one operation, POST /, that takes this schema as JSON.
inline std::string with_schema(const std::string& schema, const std::string& version = "3.1.0") {
  return R"({"openapi": ")" + version + R"(", "paths": {"/": {"post": {"requestBody": {"required": true, "content": {"application/json": {"schema": )" + schema + "}}}}}}}";
}

}  // namespace ringwall::openapi
