#include "edge/detail/models.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/hash.h"
#include "base/world.h"

namespace ringwall::edge::detail {

Result<std::string> ModelFiles::read(const std::string& file) {
  if (const auto known = names_.find(file); known != names_.end()) return known->second;
  const auto path = (std::filesystem::path(base_directory_) / file).lexically_normal().string();
  const auto document = RW_TRY(openapi::read_document(RW_TRY(base::real_files().read(path)), path));
  const auto compiled = openapi::compile(document);
  if (!compiled.errors.empty()) {
    const auto others = compiled.errors.size() - 1;
    return fail(Errc::kInvalid, show(path, compiled.errors[0]) + (others == 0 ? "" : fmt::format(" (and {} more)", others)), fmt::format("ringwall waf openapi {} lists all of them", file));
  }
  for (const auto& warning : compiled.warnings) warnings_.push_back(show(path, warning));
  auto json = openapi::write_json(document.root);
  const auto name = fmt::format("model-{:016x}", base::hash64(json));
  files_[name] = std::move(json);
  return names_[file] = name;
}

Result<policy::ModelText> ModelFiles::model_of(const declare::WafOpenapi& openapi) {
  policy::ModelText out;
  out.file = RW_TRY_CTX("waf.openapi", read(openapi.file));
  if (openapi.mode != "inherit") out.mode = openapi.mode == "block" ? waf::Mode::kBlock : waf::Mode::kLog;
  out.options = {openapi.unknown_parameters == "refuse", openapi.unknown_paths == "refuse", openapi.base_path};
  return out;
}

std::map<std::string, std::string> ModelFiles::take(std::vector<std::string>& warnings) {
  warnings.insert(warnings.end(), warnings_.begin(), warnings_.end());
  return std::move(files_);
}

}  // namespace ringwall::edge::detail
