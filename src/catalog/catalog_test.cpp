// One suite over every implementation of Catalog.
#include "catalog/catalog.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

using namespace ringwall;
using namespace ringwall::catalog;
using base::Signal;

namespace {

struct Implementation {
  const char* name;
  std::function<Result<std::unique_ptr<Catalog>>(const std::string& where)> open;
};

const Implementation kImplementations[] = {
    {"sqlite", [](const std::string& where) { return open_sqlite(where + "/catalog.sqlite"); }},
};

std::string fresh_folder(const std::string& name) {
  const auto folder = std::string(RINGWALL_BINARY_DIR) + "/test-catalog/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

File example(const std::string& key) {
  File file;
  file.signal = Signal::kSpan;
  file.partition = 490'000;
  file.tmin_ns = -5;
  file.tmax_ns = 1'700'000'000'123'456'789;
  file.level = 2;
  file.rows = 10;
  file.bytes = 20;
  file.row_groups = 1;
  file.key = key;
  file.crc = 0xffffffffu;
  file.sidecar_key = key + ".tix";
  file.sidecar_bytes = 7;
  file.services = {"", "cart", "shop"};
  file.created_ns = 77;
  return file;
}

std::string keys(const Result<std::vector<File>>& files) {
  std::string out;
  for (const auto& file : files.value()) out += file.key + " ";
  return out;
}

}  // namespace

TEST_CASE("catalog: a publication is there after opening again, with every field") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    const auto folder = fresh_folder("reopen");
    std::int64_t id = 0;
    {
      auto catalog = std::move(implementation.open(folder)).value();
      CHECK(catalog->live_files()->empty());
      CHECK(catalog->checkpoints()->empty());
      Publication publication;
      publication.now_ns = 1000;
      publication.add = {example("a")};
      publication.checkpoints = {{Signal::kLog, 12}};
      publication.positions = {{"file:1", 99}};
      publication.digests = {{~0ull, 1}};
      id = catalog->publish(publication).value().at(0);
    }
    auto catalog = std::move(implementation.open(folder)).value();
    const auto files = catalog->live_files().value();
    REQUIRE(files.size() == 1);
    const auto& file = files[0];
    const auto want = example("a");
    CHECK(file.id == id);
    CHECK(file.signal == want.signal);
    CHECK(file.partition == want.partition);
    CHECK(file.tmin_ns == want.tmin_ns);
    CHECK(file.tmax_ns == want.tmax_ns);
    CHECK(file.level == want.level);
    CHECK(file.rows == want.rows);
    CHECK(file.bytes == want.bytes);
    CHECK(file.row_groups == want.row_groups);
    CHECK(file.crc == want.crc);
    CHECK(file.sidecar_key == want.sidecar_key);
    CHECK(file.sidecar_bytes == want.sidecar_bytes);
    CHECK(file.services == want.services);
    CHECK(file.created_ns == want.created_ns);
    CHECK(file.snap_begin > 0);
    CHECK(file.snap_end == 0);
    CHECK(catalog->checkpoints()->at(Signal::kLog) == 12);
    CHECK(catalog->positions()->at("file:1") == 99);
    CHECK(catalog->digests().value() == std::vector<base::Digest>{{~0ull, 1}});
  }
}

TEST_CASE("catalog: replacing files is one step, and all of it or nothing") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    auto catalog = std::move(implementation.open(fresh_folder("replace"))).value();
    Publication first;
    first.add = {example("a"), example("b")};
    const auto ids = catalog->publish(first).value();
    REQUIRE(ids.size() == 2);

    Publication merge;
    merge.now_ns = 5;
    merge.add = {example("ab")};
    merge.retire = ids;
    REQUIRE(catalog->publish(merge).ok());
    CHECK(keys(catalog->live_files()) == "ab ");
    CHECK(keys(catalog->retired_files()) == "a b ");
    CHECK(catalog->retired_files()->at(0).retired_ns == 5);
    CHECK(catalog->retired_files()->at(0).snap_end > catalog->retired_files()->at(0).snap_begin);

    // Retiring again fails, and takes the rest of its publication with it.
    Publication again;
    again.add = {example("new")};
    again.retire = {ids[0]};
    again.checkpoints = {{Signal::kLog, 1}};
    CHECK(catalog->publish(again).error().code == Errc::kNotFound);
    Publication same_key;
    same_key.add = {example("new"), example("ab")};
    CHECK(catalog->publish(same_key).error().code == Errc::kExists);
    CHECK(keys(catalog->live_files()) == "ab ");
    CHECK(catalog->checkpoints()->empty());

    REQUIRE(catalog->forget({ids[0], catalog->live_files()->at(0).id}).ok());
    CHECK(keys(catalog->retired_files()) == "b ");
    CHECK(keys(catalog->live_files()) == "ab ");  // a live file is never forgotten
  }
}

TEST_CASE("catalog: checkpoints and positions never go back, digests leave after their window") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    auto catalog = std::move(implementation.open(fresh_folder("forward"))).value();
    Publication publication;
    publication.checkpoints = {{Signal::kLog, 10}, {Signal::kSpan, 1}};
    publication.positions = {{"s", 10}};
    publication.digests = {{1, 1}, {2, 2}};
    REQUIRE(catalog->publish(publication).ok());
    publication.checkpoints = {{Signal::kLog, 9}, {Signal::kSpan, 2}};
    publication.positions = {{"s", 9}, {"t", 1}};
    publication.digests = {{2, 2}};
    publication.now_ns = kDigestWindow.count();
    REQUIRE(catalog->publish(publication).ok());
    CHECK(catalog->checkpoints().value() == std::map<Signal, std::uint64_t>{{Signal::kLog, 10}, {Signal::kSpan, 2}});
    CHECK(catalog->positions().value() == std::map<std::string, std::uint64_t>{{"s", 10}, {"t", 1}});
    CHECK(catalog->digests()->size() == 2);
    publication.digests = {};
    publication.now_ns = kDigestWindow.count() + 1;
    REQUIRE(catalog->publish(publication).ok());
    CHECK(catalog->digests().value() == std::vector<base::Digest>{{2, 2}});
  }
}

TEST_CASE("catalog: tokens, sessions, settings") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    auto catalog = std::move(implementation.open(fresh_folder("small"))).value();
    const auto id = catalog->add_token({0, "admin", "h1", 5, 0}).value();
    CHECK(catalog->add_token({0, "other", "h1", 5, 0}).error().code == Errc::kExists);
    CHECK_FALSE(catalog->find_token("h2")->has_value());
    REQUIRE(catalog->touch_token(id, 9).ok());
    const auto token = catalog->find_token("h1").value();
    REQUIRE(token.has_value());
    CHECK(token->name == "admin");
    CHECK(token->last_used_ns == 9);
    CHECK(catalog->tokens()->size() == 1);

    REQUIRE(catalog->put_session({"s1", id, 1, 10, 1}).ok());
    REQUIRE(catalog->put_session({"s2", id, 1, 20, 1}).ok());
    REQUIRE(catalog->remove_sessions_expired(10).ok());
    CHECK_FALSE(catalog->find_session("s1")->has_value());
    CHECK(catalog->find_session("s2").value()->expires_ns == 20);
    REQUIRE(catalog->remove_token(id).ok());
    CHECK_FALSE(catalog->find_session("s2")->has_value());
    CHECK(catalog->remove_token(id).error().code == Errc::kNotFound);
    CHECK(catalog->remove_session("s2").ok());

    CHECK_FALSE(catalog->setting("declaration")->has_value());
    REQUIRE(catalog->put_setting("declaration", std::string("a\0b", 3)).ok());
    REQUIRE(catalog->put_setting("declaration", std::string("c\0d", 3)).ok());
    CHECK(catalog->setting("declaration").value() == std::string("c\0d", 3));
    REQUIRE(catalog->remove_setting("declaration").ok());
    CHECK_FALSE(catalog->setting("declaration")->has_value());
  }
}

TEST_CASE("catalog: threads publish side by side") {
  for (const auto& implementation : kImplementations) {
    CAPTURE(implementation.name);
    auto catalog = std::move(implementation.open(fresh_folder("threads"))).value();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 20; ++i) {
          Publication publication;
          publication.add = {example(std::to_string(thread) + "-" + std::to_string(i))};
          if (!catalog->publish(publication).ok()) return;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(catalog->live_files()->size() == 60);
  }
}

TEST_CASE("sqlite catalog: what is not ours is refused") {
  const auto folder = fresh_folder("refused");
  { std::ofstream(folder + "/text") << std::string(5000, 'x'); }
  CHECK(open_sqlite(folder + "/text").error().code == Errc::kCorrupt);
  CHECK(open_sqlite(folder + "/no/such/folder").error().code == Errc::kUnavailable);
  {
    REQUIRE(open_sqlite(folder + "/newer").ok());
    // Byte 60 of the header is user_version, big-endian (https://www.sqlite.org/fileformat.html).
    std::fstream file(folder + "/newer", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.write("\0\0\0\x63", 4);
  }
  const auto newer = open_sqlite(folder + "/newer");
  REQUIRE_FALSE(newer.ok());
  CHECK(newer.error().code == Errc::kCorrupt);
  CHECK(newer.error().message.find("99") != std::string::npos);
}
