// The descriptions of APIs that a declaration names, read and checked once each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"
#include "policy/data_files.h"
#include "policy/model.h"

namespace ringwall::edge::detail {

class ModelFiles {
 public:
  // `data`: where it is told what a document was before, should it be broken.
  ModelFiles(std::string base_directory, policy::DataFiles& data) : base_directory_(std::move(base_directory)), data_(data) {}

  // Errors name file, line and JSON pointer.
  Result<policy::ModelText> model_of(const declare::WafOpenapi& openapi);
  // Paths of documents to the names of their files.
  const std::map<std::string, std::string>& names() const { return names_; }
  // The files for workers by their names; what documents say that is not checked is appended to `warnings`.
  std::map<std::string, std::string> take(std::vector<std::string>& warnings);

 private:
  Result<std::string> read(const std::string& path);
  Result<std::string> compiled(const std::string& path);

  const std::string base_directory_;
  policy::DataFiles& data_;
  std::map<std::string, std::string> names_;
  std::map<std::string, std::string> files_;
  std::vector<std::string> warnings_;
};

}  // namespace ringwall::edge::detail
