// A folder that lives as long as one test, a table in it, and owners a test can name.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "keep/table.h"

namespace ringwall::keep::test {

class Folder {
 public:
  Folder() {
    auto pattern = (std::filesystem::path(RINGWALL_BINARY_DIR) / "keep-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path(const std::string& name = "keep.table") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// Children of a test are waited for before anybody asks after them, so the process id says enough.
inline bool process_lives(std::uint64_t owner) noexcept { return ::kill(static_cast<pid_t>(owner), 0) == 0 || errno != ESRCH; }
inline Owners this_process() { return {static_cast<std::uint64_t>(::getpid()), process_lives}; }

// One shard, where everything meets, unless told otherwise.
struct Fixture {
  explicit Fixture(std::uint32_t shards = 1, Owners owners = this_process())
      : file(TableFile::open_or_create(folder.path(), {.bytes = table_bytes(shards)}).value()) {
    table.attach(file.base(), owners);
  }
  Shard& shard(std::uint32_t i = 0) { return reinterpret_cast<Shard*>(static_cast<char*>(file.base()) + kTableHeaderBytes)[i]; }
  // The value, or "-".
  std::string get(std::string_view key, std::int64_t now_ns = 0) {
    Record record;
    if (table.get({0, key}, now_ns, record) != Outcome::kDone) return "no state";
    return record.found ? std::string(record.text()) : "-";
  }
  Folder folder;
  TableFile file;
  Table table;
};

inline constexpr std::int64_t kLater = 1'000'000'000'000;

}  // namespace ringwall::keep::test
