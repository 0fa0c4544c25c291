// A folder under the build folder that lives as long as one test case.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace ringwall::ring {

class TestFolder {
 public:
  explicit TestFolder(const std::string& name) {
    auto pattern = (std::filesystem::path(RINGWALL_BINARY_DIR) / (name + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string path(const std::string& name = "") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace ringwall::ring
