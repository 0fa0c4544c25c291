// A store with everything below it in a folder under the build, a clock that stands still, and random records.
#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "blob/local.h"
#include "catalog/catalog.h"
#include "query/query.h"
#include "store/store.h"

namespace ringwall::query {

class TestClock final : public base::Clock {
 public:
  explicit TestClock(std::int64_t now_ns) : now_ns_(now_ns) {}
  std::int64_t now_ns() override { return now_ns_; }
  std::int64_t monotonic_ns() override { return 0; }

 private:
  std::int64_t now_ns_;
};

struct TestStore {
  TestStore(const std::string& name, std::int64_t now_ns) : clock(now_ns) {
    const auto folder = std::string(RINGWALL_BINARY_DIR) + "/test-query/" + name;
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    blob = blob::open_local(folder + "/blob").value();
    catalog = catalog::open_sqlite(folder + "/catalog.sqlite").value();
    duck = store::Duck::open({.threads = 2}, *blob).value();
    store = store::Store::open({}, *blob, *catalog, *duck, clock, {}).value();
    query = std::make_unique<Query>(*store, *duck, clock);
  }

  void accept(base::Batch batch) {
    store->accept({.sequence = ++sequence, .source = "test", .position = sequence, .batch = std::make_shared<const base::Batch>(std::move(batch))});
  }

  TestClock clock;
  std::unique_ptr<blob::Blob> blob;
  std::unique_ptr<catalog::Catalog> catalog;
  std::unique_ptr<store::Duck> duck;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Query> query;
  std::uint64_t sequence = 0;
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class T, std::size_t N>
  const T& of(const T (&values)[N]) { return values[below(N)]; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace ringwall::query
