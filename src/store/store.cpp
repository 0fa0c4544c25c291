#include "store/store.h"

#include <fmt/format.h>

#include <mutex>

#include "store/detail/columns.h"
#include "store/detail/engine.h"
#include "store/detail/rows_function.h"

namespace ringwall::store {

namespace {

class RealStore final : public Store {
 public:
  explicit RealStore(Engine& engine) : engine_(engine) {}

  void accept(Accepted accepted) override {
    const std::lock_guard lock(mutex_);
    young_[accepted.batch->signal].push_back(accepted.batch);
  }
  std::uint64_t checkpoint() const override { return 0; }
  Result<std::map<std::string, std::uint64_t>> positions() const override { return std::map<std::string, std::uint64_t>(); }
  Result<std::vector<base::Digest>> digests() const override { return std::vector<base::Digest>(); }
  Result<Relation> relation(base::Signal signal, std::int64_t from_ns, std::int64_t to_ns, const Hints&) override {
    const std::lock_guard lock(mutex_);
    auto source = make_scan(signal, young_[signal], from_ns, to_ns);
    Relation relation;
    relation.young_rows = source->rows_estimate();
    const auto added = RowSources::add(engine_.row_sources(), std::move(source));
    relation.sql = fmt::format("(SELECT {} FROM rw_rows({}))", column_list(signal), added.id);
    relation.pin = added.pin;
    return relation;
  }
  Result<void> flush() override { return {}; }
  std::map<base::Signal, SignalStats> stats() const override { return {}; }

 private:
  Engine& engine_;
  std::mutex mutex_;
  std::map<base::Signal, std::vector<std::shared_ptr<const base::Batch>>> young_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions&, blob::Blob&, catalog::Catalog&, Duck& duck, base::Clock&,
                                           std::function<void(std::uint64_t)>) {
  return std::unique_ptr<Store>(new RealStore(*RW_TRY(engine_of(duck))));
}

}  // namespace ringwall::store
