#include "edge/detail/models.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/hash.h"
#include "base/world.h"

namespace ringwall::edge::detail {

// As JSON, checked.
Result<std::string> ModelFiles::compiled(const std::string& path) {
  const auto document = RW_TRY(openapi::read_document(RW_TRY(base::real_files().read(path)), path));
  const auto compiled = openapi::compile(document);
  if (!compiled.errors.empty()) {
    const auto others = compiled.errors.size() - 1;
    return fail(Errc::kInvalid, show(path, compiled.errors[0]) + (others == 0 ? "" : fmt::format(" (and {} more)", others)), fmt::format("ringwall waf openapi {} lists all of them", path));
  }
  for (const auto& warning : compiled.warnings) warnings_.push_back(show(path, warning));
  return openapi::write_json(document.root);
}

Result<std::string> ModelFiles::read(const std::string& path) {
  if (const auto known = names_.find(path); known != names_.end()) return known->second;
  auto json = compiled(path);
  auto before = json.ok() ? std::nullopt : data_.before(path, json.error().message);
  if (!json.ok() && !before) return json.error();
  const auto name = before ? before->name : fmt::format("model-{:016x}", base::hash64(*json));
  files_[name] = before ? std::move(before->bytes) : std::move(*json);
  return names_[path] = name;
}

Result<policy::ModelText> ModelFiles::model_of(const declare::WafOpenapi& openapi) {
  policy::ModelText out;
  out.file = RW_TRY_CTX("waf.openapi", read((std::filesystem::path(base_directory_) / openapi.file).lexically_normal().string()));
  if (openapi.mode != "inherit") out.mode = openapi.mode == "block" ? waf::Mode::kBlock : waf::Mode::kLog;
  out.options = {openapi.unknown_parameters == "refuse", openapi.unknown_paths == "refuse", openapi.base_path};
  return out;
}

std::map<std::string, std::string> ModelFiles::take(std::vector<std::string>& warnings) {
  warnings.insert(warnings.end(), warnings_.begin(), warnings_.end());
  return std::move(files_);
}

}  // namespace ringwall::edge::detail
