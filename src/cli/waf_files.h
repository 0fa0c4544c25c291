// Where rule sets' tests lie.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ringwall::cli {

// The go-ftw files (.yaml, .yml) among these files and in these folders, sorted.
Result<std::vector<std::string>> waf_test_files(const std::vector<std::string>& paths);

}  // namespace ringwall::cli
