// What the tests of this module share.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "edge/processes.h"

namespace ringwall::edge::test {

// A folder under the build folder, removed with the test.
struct Folder {
  std::string path;
  Folder() {
    std::string name = std::string(RINGWALL_BINARY_DIR) + "/edge-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

// Asks again until it is so or ten seconds passed; for other processes, which tell nobody.
template <class Condition>
bool eventually(Condition condition, std::chrono::seconds limit = std::chrono::seconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Collects events and shows them as text: "started web/0".
class Events {
 public:
  Processes::OnEvent receiver() {
    return [this](const ProcessEvent& event) {
      static constexpr const char* kNames[] = {"started", "adopted", "exited", "stopped", "failed"};
      const std::lock_guard lock(mutex_);
      texts_.push_back(std::string(kNames[static_cast<int>(event.kind)]) + " " + event.name +
                       (event.detail.empty() ? "" : ": " + event.detail));
    };
  }
  std::vector<std::string> texts() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }
  bool seen(const std::string& text, std::size_t times = 1) const {
    std::size_t count = 0;
    for (const auto& known : texts()) count += known == text;
    return count >= times;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

}  // namespace ringwall::edge::test
