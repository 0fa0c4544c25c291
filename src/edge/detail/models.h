// The descriptions of APIs that a declaration names, read and checked once each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"
#include "policy/model.h"

namespace ringwall::edge::detail {

class ModelFiles {
 public:
  explicit ModelFiles(std::string base_directory) : base_directory_(std::move(base_directory)) {}

  // Errors name file, line and JSON pointer.
  Result<policy::ModelText> model_of(const declare::WafOpenapi& openapi);
  // The files for workers by their names; what documents say that is not checked is appended to `warnings`.
  std::map<std::string, std::string> take(std::vector<std::string>& warnings);

 private:
  Result<std::string> read(const std::string& file);

  const std::string base_directory_;
  std::map<std::string, std::string> names_;  // by the path of the document
  std::map<std::string, std::string> files_;
  std::vector<std::string> warnings_;
};

}  // namespace ringwall::edge::detail
