// One suite over every implementation of Blob.
#include "blob/blob.h"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "blob/local.h"

using namespace ringwall;
using namespace ringwall::blob;

namespace {

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<Blob>(const std::string& folder)> open;
};

const Implementation kImplementations[] = {
    {"local folder", [](const std::string& folder) { return std::move(open_local(folder)).value(); }},
};

std::string fresh_folder(const std::string& name) {
  const auto folder = std::string(RINGWALL_BINARY_DIR) + "/test-blob/" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

std::string names(Blob& blob, const std::string& prefix) {
  std::string out;
  const auto entries = blob.list(prefix).value();
  for (const auto& entry : entries) out += entry.key + ":" + std::to_string(entry.bytes) + " ";
  return out;
}

}  // namespace

TEST_CASE("blob key: what is accepted") {
  struct Case {
    std::string key;
    bool good;
  };
  const Case kCases[] = {
      {"a", true},
      {"logs/day=2026-11-23/h=06/0-0001.parquet", true},
      {"A_z-0.9=x", true},
      {std::string(kKeyBytesMax, 'k'), true},

      {std::string(kKeyBytesMax + 1, 'k'), false},
      {"", false},
      {"/etc/passwd", false},
      {"a//b", false},
      {"a/", false},
      {"..", false},
      {"a/../b", false},
      {"a/./b", false},
      {".incoming/0", false},
      {"a/.hidden", false},
      {"a\\b", false},
      {std::string("a\0b", 3), false},
      {"a b", false},
      {"a%2fb", false},
      {"é", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.key);
    CHECK(check_key(c.key).ok() == c.good);
    for (const auto& implementation : kImplementations) {
      if (c.good) continue;
      auto blob = implementation.open(fresh_folder("keys"));
      CHECK(blob->put(c.key, "x").error().code == Errc::kInvalid);
      CHECK(blob->read(c.key).error().code == Errc::kInvalid);
      CHECK(blob->remove(c.key).error().code == Errc::kInvalid);
    }
  }
}

TEST_CASE("blob: put, read, list, remove") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    auto blob = implementation.open(fresh_folder("basic"));
    CHECK(names(*blob, "") == "");
    REQUIRE(blob->put("logs/b", "0123456789").ok());
    REQUIRE(blob->put("logs/a", "").ok());
    REQUIRE(blob->put("spans/x/y", "z").ok());
    CHECK(names(*blob, "") == "logs/a:0 logs/b:10 spans/x/y:1 ");
    CHECK(names(*blob, "logs/") == "logs/a:0 logs/b:10 ");
    CHECK(names(*blob, "sp") == "spans/x/y:1 ");
    CHECK(names(*blob, "nothing/") == "");

    CHECK(*blob->read("logs/b") == "0123456789");
    CHECK(*blob->size("logs/b") == 10);
    CHECK(*blob->read_range("logs/b", 3, 4) == "3456");
    CHECK(*blob->read_range("logs/b", 10, 0) == "");
    CHECK(blob->read_range("logs/b", 8, 3).error().code == Errc::kCorrupt);
    CHECK(blob->read_range("logs/b", 11, 0).error().code == Errc::kCorrupt);
    CHECK(blob->read("logs/c").error().code == Errc::kNotFound);
    CHECK(blob->read("logs").error().code == Errc::kNotFound);

    CHECK(blob->remove("logs/b").ok());
    CHECK(blob->remove("logs/b").error().code == Errc::kNotFound);
    CHECK(names(*blob, "") == "logs/a:0 spans/x/y:1 ");
  }
}

TEST_CASE("blob: nothing is overwritten, and only commit makes a name") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    auto blob = implementation.open(fresh_folder("commit"));
    REQUIRE(blob->put("k", "first").ok());
    CHECK(blob->put("k", "second").error().code == Errc::kExists);
    CHECK(*blob->read("k") == "first");

    auto one = std::move(blob->create("race")).value();
    auto two = std::move(blob->create("race")).value();
    REQUIRE(one->append("one").ok());
    REQUIRE(two->append("two").ok());
    CHECK(names(*blob, "") == "k:5 ");
    CHECK(two->commit().ok());
    CHECK(one->commit().error().code == Errc::kExists);
    CHECK(*blob->read("race") == "two");
    { auto dropped = std::move(blob->create("dropped")).value(); }
    CHECK(blob->read("dropped").error().code == Errc::kNotFound);
  }
}

TEST_CASE("blob: large content in pieces, and a reader outlives the name") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    const auto folder = fresh_folder("large");
    auto blob = implementation.open(folder);
    std::string all;
    auto writer = std::move(blob->create("large")).value();
    for (int i = 0; i < 2000; ++i) {
      const std::string piece(static_cast<std::size_t>(i % 700), static_cast<char>('a' + i % 26));
      REQUIRE(writer->append(piece).ok());
      all += piece;
    }
    REQUIRE(writer->commit().ok());
    CHECK(*blob->read("large") == all);

    { std::ofstream(folder + "-file", std::ios::binary) << all; }
    REQUIRE(blob->put_file("copied", folder + "-file").ok());
    CHECK(*blob->read("copied") == all);

    auto reader = std::move(blob->open("large")).value();
    REQUIRE(blob->remove("large").ok());
    std::string tail(5, '\0');
    REQUIRE(reader->read(reader->size() - 5, tail.data(), 5).ok());
    CHECK(tail == all.substr(all.size() - 5));
  }
}

TEST_CASE("blob: writers and removers in the same folder do not disturb each other") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    auto blob = implementation.open(fresh_folder("threads"));
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) {
          const auto key = "same/folder/" + std::to_string(thread) + "-" + std::to_string(i);
          if (!blob->put(key, key).ok() || !blob->remove(key).ok()) ++failures;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
    CHECK(names(*blob, "") == "");
  }
}

TEST_CASE("local folder: what a crash left behind is removed, links are not followed") {
  const auto folder = fresh_folder("crash");
  {
    auto blob = std::move(open_local(folder)).value();
    REQUIRE(blob->put("k", "v").ok());
    std::ofstream(folder + "/.incoming/left") << "half";
  }
  auto blob = std::move(open_local(folder)).value();
  CHECK(std::filesystem::is_empty(folder + "/.incoming"));
  CHECK(*blob->read("k") == "v");
  std::filesystem::create_symlink("/etc/passwd", folder + "/link");
  CHECK_FALSE(blob->read("link").ok());
}
