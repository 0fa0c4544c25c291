#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "base/log.h"
#include "store/detail/columns.h"
#include "store/detail/compaction.h"
#include "store/detail/engine.h"
#include "store/detail/file_set.h"
#include "store/detail/file_writer.h"
#include "store/detail/generation.h"
#include "store/detail/latency_collector.h"
#include "store/detail/order.h"
#include "store/detail/rows_function.h"

namespace ringwall::store {

namespace {

using base::Signal;

constexpr std::size_t kSidecarCacheBytes = 192u << 20;
constexpr std::chrono::milliseconds kFlushTick{50};
constexpr std::chrono::milliseconds kMaintainTick{2'000};
constexpr std::chrono::milliseconds kRetryDelay{500};
constexpr std::chrono::seconds kLoadWaitMax{10};
constexpr std::int64_t kSweepEveryNs = kHourNs;

class RealStore final : public Store {
 public:
  RealStore(const StoreOptions& options, blob::Blob& blob, catalog::Catalog& catalog, Engine& engine, base::Clock& clock,
            std::function<void(std::uint64_t)> on_published)
      : options_(options), blob_(blob), catalog_(catalog), engine_(engine), clock_(clock),
        on_published_(std::move(on_published)), sidecars_(blob, kSidecarCacheBytes) {}

  ~RealStore() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (flusher_.joinable()) flusher_.join();
    if (keeper_.joinable()) keeper_.join();
  }

  Result<void> load() {
    const auto files = RW_TRY(catalog_.live_files());
    for (const auto& file : files) state(file.signal).files.push_back(std::make_shared<const catalog::File>(file));
    const auto retired = RW_TRY(catalog_.retired_files());
    for (const auto& file : retired) retired_.push_back(std::make_shared<const catalog::File>(file));
    for (const auto& [signal, sequence] : RW_TRY(catalog_.checkpoints())) {
      state(signal).covered = sequence;
    }
    update_checkpoint_locked();
    // The lowest: what lies between the checkpoints of the signals is still to be replayed, and a flush meanwhile must not take
    // it for done.
    accepted_ = checkpoint_;
    run_ = std::random_device()();
    return {};
  }

  void start() {
    flusher_ = std::thread([this] { flush_loop(); });
    keeper_ = std::thread([this] { keep_loop(); });
  }

  void accept(Accepted accepted) override {
    const auto signal = accepted.batch->signal;
    const auto bytes = accepted.batch->bytes();
    YoungBatch young{accepted.sequence, std::move(accepted.source), accepted.position, accepted.digest, std::move(accepted.batch), 0, 0};
    if (young.batch->size() > 0) {
      const auto [low, high] = std::minmax_element(young.batch->time_ns.begin(), young.batch->time_ns.end());
      young.tmin_ns = *low;
      young.tmax_ns = *high;
    }
    std::unique_lock lock(mutex_);
    auto& of = state(signal);
    if (young.sequence <= of.covered) {
      accepted_ = std::max(accepted_, young.sequence);
      return;
    }
    if (memory_ > 0 && memory_ + bytes > options_.memory_bytes_max) {
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return stopping_ || memory_ == 0 || memory_ + bytes <= options_.memory_bytes_max; });
      --waiting_;
      if (stopping_) return;  // the spool has it and replays it
    }
    accepted_ = std::max(accepted_, young.sequence);
    if (of.active.batches.empty()) of.active.since_ns = clock_.monotonic_ns();
    of.active.rows += young.batch->size();
    of.active.bytes += bytes;
    memory_ += bytes;
    of.active.batches.push_back(std::move(young));
    if (of.active.rows >= options_.flush_rows || of.active.bytes >= options_.flush_bytes) changed_.notify_all();
  }

  std::uint64_t checkpoint() const override { return checkpoint_; }
  Result<std::map<std::string, std::uint64_t>> positions() const override { return catalog_.positions(); }
  Result<std::vector<base::Digest>> digests() const override { return catalog_.digests(); }

  Result<Relation> relation(Signal signal, std::int64_t from_ns, std::int64_t to_ns, const Hints& hints) override {
    auto [batches, files] = look(signal, from_ns, to_ns);
    auto plan = plan_files(signal, files, from_ns, to_ns, hints, sidecars_);
    auto source = make_scan(signal, std::move(batches), from_ns, to_ns);
    Relation relation;
    relation.files = plan.files.size();
    relation.files_pruned = plan.pruned;
    relation.bytes = plan.bytes;
    relation.young_rows = source->rows_estimate();
    // Without files the rows in memory, even if there are none, give the columns their types.
    if (relation.young_rows > 0 || plan.selects.empty()) {
      struct Pin {
        std::vector<FileEntry> files;
        std::shared_ptr<const void> rows;
      };
      auto added = RowSources::add(engine_.row_sources(), std::move(source));
      plan.selects.push_back(fmt::format("SELECT {} FROM rw_rows({})", column_list(signal), added.id));
      relation.pin = std::make_shared<const Pin>(Pin{std::move(plan.files), std::move(added.pin)});
    } else {
      relation.pin = std::make_shared<const std::vector<FileEntry>>(std::move(plan.files));
    }
    relation.sql = fmt::format("({})", fmt::join(plan.selects, " UNION ALL "));
    return relation;
  }

  Result<std::vector<LatencyRow>> latency(Signal signal, std::int64_t from_ns, std::int64_t to_ns, std::int64_t step_ns,
                                          const std::vector<std::string>& services) override {
    if (signal == Signal::kMetric) return fail(Errc::kInvalid, "metrics have no latency");
    // Holds its files, so that a merge meanwhile removes none of them.
    const auto seen = look(signal, from_ns, to_ns);
    LatencyCollector collector(signal, from_ns, to_ns, step_ns, services);
    for (const auto& batch : seen.batches) RW_TRY(collector.add(*batch));
    for (const auto& file : seen.files) {
      if (file->tmax_ns < from_ns || file->tmin_ns >= to_ns || !may_have_service(*file, services)) continue;
      RW_TRY(collector.add(file, sidecars_));
    }
    for (const auto& scan : collector.scans()) {
      const auto plan = plan_files(signal, scan.files, scan.from_ns, scan.to_ns, {}, sidecars_);
      if (plan.selects.empty()) continue;
      RW_TRY(collector.add(engine_, fmt::format("({})", fmt::join(plan.selects, " UNION ALL "))));
    }
    return collector.take();
  }

  Result<void> flush() override {
    for (const auto signal : base::kSignals) RW_TRY(flush_signal(signal));
    return {};
  }

  Result<void> maintain() override {
    const std::lock_guard lock(keeper_mutex_);
    RW_TRY(settle_doubt());
    RW_TRY(retire_expired());
    RW_TRY(merge_small());
    RW_TRY(remove_retired());
    return sweep_orphans();
  }

  std::map<Signal, SignalStats> stats() const override {
    std::map<Signal, SignalStats> out;
    const std::lock_guard lock(mutex_);
    for (const auto signal : base::kSignals) {
      const auto& of = states_[static_cast<std::size_t>(signal)];
      auto& stats = out[signal];
      for (const auto& file : of.files) {
        ++stats.files;
        stats.bytes += file->bytes + file->sidecar_bytes;
        stats.rows += file->rows;
      }
      stats.young_rows = of.active.rows + (of.frozen == nullptr ? 0 : of.frozen->young.rows);
    }
    return out;
  }

 private:
  struct Look {
    std::vector<std::shared_ptr<const base::Batch>> batches;  // that may have rows of the range
    std::vector<FileEntry> files;                             // all
  };
  // One look at both: rows are in memory or in a file, never in both nor in neither.
  Look look(Signal signal, std::int64_t from_ns, std::int64_t to_ns) {
    Look out;
    const std::lock_guard lock(mutex_);
    auto& of = state(signal);
    const auto take = [&](const Young& young) {
      for (const auto& b : young.batches) {
        if (b.tmax_ns >= from_ns && b.tmin_ns < to_ns && b.batch->size() > 0) out.batches.push_back(b.batch);
      }
    };
    if (of.frozen != nullptr) take(of.frozen->young);
    take(of.active);
    out.files = of.files;
    return out;
  }

  struct State {
    Young active;
    std::shared_ptr<Frozen> frozen;
    std::vector<FileEntry> files;
    std::uint64_t covered = 0;  // every sequence of this signal up to here is in files
  };
  State& state(Signal signal) { return states_[static_cast<std::size_t>(signal)]; }

  // ---- from memory to files

  // How far a signal is covered once its frozen generation is published.
  std::uint64_t covered_after_locked(Signal signal, bool with_frozen) {
    const auto& of = state(signal);
    if (!with_frozen && of.frozen != nullptr) return of.frozen->young.batches.front().sequence - 1;
    return of.active.batches.empty() ? accepted_ : of.active.batches.front().sequence - 1;
  }

  void update_checkpoint_locked() {
    auto lowest = std::numeric_limits<std::uint64_t>::max();
    for (const auto& of : states_) lowest = std::min(lowest, of.covered);
    checkpoint_ = lowest;
  }

  Result<void> flush_signal(Signal signal) {
    const std::lock_guard one_at_a_time(flush_mutex_);
    const auto begun_ns = clock_.monotonic_ns();
    std::shared_ptr<Frozen> frozen;
    {
      const std::lock_guard lock(mutex_);
      auto& of = state(signal);
      if (of.frozen == nullptr) {
        if (of.active.batches.empty()) return {};
        of.frozen = std::make_shared<Frozen>();
        std::swap(of.frozen->young, of.active);
      }
      frozen = of.frozen;
    }
    RW_TRY(write_parts(signal, *frozen));
    RW_TRY(publish(signal, *frozen));
    if (on_published_) on_published_(checkpoint());
    base::log_event(base::Level::kDebug, "store.records_published",
                    {{"signal", std::string(base::signal_name(signal))}, {"rows", std::to_string(frozen->young.rows)},
                     {"files", std::to_string(frozen->written.size())},
                     {"took_ms", std::to_string((clock_.monotonic_ns() - begun_ns) / 1'000'000)}});
    return {};
  }

  Result<void> write_parts(Signal signal, Frozen& frozen) {
    std::vector<std::shared_ptr<const base::Batch>> batches;
    for (const auto& young : frozen.young.batches) batches.push_back(young.batch);
    if (frozen.parts.empty()) frozen.parts = order_rows(signal, batches);
    while (frozen.written.size() < frozen.parts.size()) {
      const auto& part = frozen.parts[frozen.written.size()];
      const auto spec = make_spec(signal, part.partition, 0, part.rows.size());
      frozen.written.push_back(RW_TRY(write_file(engine_, blob_, spec, std::make_unique<OneSlice>(RowSlice{batches, part.rows}))));
    }
    return {};
  }

  Result<void> publish(Signal signal, Frozen& frozen) {
    catalog::Publication publication;
    publication.now_ns = clock_.now_ns();
    for (const auto& written : frozen.written) publication.add.push_back(written.file);
    for (const auto& young : frozen.young.batches) {
      auto& position = publication.positions[young.source];
      position = std::max(position, young.position);
      if (young.digest != base::Digest{}) publication.digests.push_back(young.digest);
    }
    std::erase_if(publication.positions, [](const auto& entry) { return entry.second == 0; });
    {
      const std::lock_guard lock(mutex_);
      for (const auto other : base::kSignals) publication.checkpoints[other] = covered_after_locked(other, other == signal);
    }
    auto ids = RW_TRY(commit(publication));
    {
      const std::lock_guard lock(mutex_);
      auto& of = state(signal);
      for (std::size_t i = 0; i < frozen.written.size(); ++i) {
        auto& file = frozen.written[i].file;
        file.id = ids[i];
        sidecars_.put(file.sidecar_key, std::move(frozen.written[i].sidecar));
        of.files.push_back(std::make_shared<const catalog::File>(file));
      }
      for (const auto& [other, sequence] : publication.checkpoints) {
        state(other).covered = std::max(state(other).covered, sequence);
      }
      update_checkpoint_locked();
      memory_ -= frozen.young.bytes;
      of.frozen = nullptr;
    }
    changed_.notify_all();
    return {};
  }

  // An error of a commit does not say whether it happened.  The catalog refuses a second file of the same key, so
  // doing it again either works or tells that it had been done.
  Result<std::vector<std::int64_t>> commit(const catalog::Publication& publication) {
    auto ids = catalog_.publish(publication);
    if (ids.ok() || ids.error().code != Errc::kExists || publication.add.empty()) return ids;
    std::map<std::string, std::int64_t> live;
    const auto files = RW_TRY(catalog_.live_files());
    for (const auto& file : files) live[file.key] = file.id;
    std::vector<std::int64_t> found;
    for (const auto& file : publication.add) {
      const auto at = live.find(file.key);
      if (at == live.end()) return ids;
      found.push_back(at->second);
    }
    return found;
  }

  FileSpec make_spec(Signal signal, std::int64_t partition, int level, std::uint64_t rows) {
    const auto now = clock_.now_ns();
    // The time in the name lets the sweep of orphans tell old from new; the rest makes it unique.
    return {signal, partition, level, rows, now, fmt::format("{}-{:016x}-{:08x}{:08x}", level, now, run_, next_name_.fetch_add(1))};
  }

  void flush_loop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      const auto due = due_locked();
      if (!due.has_value()) {
        changed_.wait_for(lock, kFlushTick);
        continue;
      }
      lock.unlock();
      const auto flushed = flush_signal(*due);
      if (!flushed.ok()) {
        base::log_event(base::Level::kError, "store.flush_failed",
                        {{"signal", std::string(base::signal_name(*due))}, {"error", flushed.error().message}});
      }
      lock.lock();
      if (!flushed.ok()) changed_.wait_for(lock, kRetryDelay, [this] { return stopping_; });
    }
  }

  std::optional<Signal> due_locked() {
    const auto now = clock_.monotonic_ns();
    const bool pressed = waiting_ > 0 || memory_ > options_.memory_bytes_max / 10 * 7;
    std::optional<Signal> largest;
    for (const auto signal : base::kSignals) {
      const auto& of = state(signal);
      if (of.frozen != nullptr) return signal;
      const auto& young = of.active;
      if (young.batches.empty()) continue;
      const bool old = now - young.since_ns >= std::chrono::nanoseconds(options_.flush_age).count();
      if (young.rows >= options_.flush_rows || young.bytes >= options_.flush_bytes || old) return signal;
      if (pressed && (!largest.has_value() || young.bytes > state(*largest).active.bytes)) largest = signal;
    }
    return largest;
  }

  // ---- keeping the files in order

  void keep_loop() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kMaintainTick, [this] { return stopping_; });
        if (stopping_) return;
      }
      const auto done = maintain();
      if (!done.ok() && done.error().code != Errc::kCancelled) {
        base::log_event(base::Level::kWarn, "store.maintenance_failed", {{"error", done.error().message}});
      }
    }
  }

  Result<void> replace(Signal signal, const std::vector<FileEntry>& out, WrittenFile* in) {
    catalog::Publication publication;
    publication.now_ns = clock_.now_ns();
    if (in != nullptr) publication.add.push_back(in->file);
    for (const auto& file : out) publication.retire.push_back(file->id);
    auto committed = commit(publication);
    if (!committed.ok()) {
      doubtful_ = true;
      return std::move(committed).error();
    }
    const auto& ids = *committed;
    const std::lock_guard lock(mutex_);
    auto& files = state(signal).files;
    std::erase_if(files, [&](const FileEntry& file) { return std::find(out.begin(), out.end(), file) != out.end(); });
    if (in != nullptr) {
      in->file.id = ids[0];
      sidecars_.put(in->file.sidecar_key, std::move(in->sidecar));
      files.push_back(std::make_shared<const catalog::File>(in->file));
    }
    for (const auto& file : out) {
      retired_since_[file->id] = publication.now_ns;
      retired_.push_back(file);
    }
    return {};
  }

  // After a replacement of which nobody knows whether it was committed, the catalog says what is live.
  Result<void> settle_doubt() {
    if (!doubtful_) return {};
    const std::lock_guard no_flush(flush_mutex_);
    const auto live = RW_TRY(catalog_.live_files());
    const std::lock_guard lock(mutex_);
    for (const auto signal : base::kSignals) {
      auto& of = state(signal);
      std::map<std::string, FileEntry> known;
      for (const auto& file : of.files) known[file->key] = file;
      of.files.clear();
      for (const auto& file : live) {
        if (file.signal != signal || is_frozen_locked(of.frozen, file.key)) continue;
        const auto at = known.find(file.key);
        of.files.push_back(at != known.end() ? at->second : std::make_shared<const catalog::File>(file));
        if (at != known.end()) known.erase(at);
      }
      for (const auto& [key, file] : known) {
        retired_since_[file->id] = clock_.now_ns();
        retired_.push_back(file);
      }
    }
    doubtful_ = false;
    return {};
  }

  // The rows of such a file are still read from memory.
  static bool is_frozen_locked(const std::shared_ptr<Frozen>& frozen, const std::string& key) {
    return frozen != nullptr && std::any_of(frozen->written.begin(), frozen->written.end(),
                                            [&](const WrittenFile& written) { return written.file.key == key; });
  }

  Result<void> retire_expired() {
    const auto limit = clock_.now_ns() - std::chrono::nanoseconds(options_.retention).count();
    for (const auto signal : base::kSignals) {
      std::vector<FileEntry> expired;
      {
        const std::lock_guard lock(mutex_);
        for (const auto& file : state(signal).files) {
          if (file->tmax_ns < limit) expired.push_back(file);
        }
      }
      if (expired.empty()) continue;
      RW_TRY(replace(signal, expired, nullptr));
      base::log_event(base::Level::kInfo, "store.files_expired",
                      {{"signal", std::string(base::signal_name(signal))}, {"files", std::to_string(expired.size())}});
    }
    return {};
  }

  // Ingest comes first: while memory fills, a merge waits between its slices.
  Result<void> may_go_on() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLoadWaitMax, [this] { return stopping_ || (waiting_ == 0 && memory_ <= options_.memory_bytes_max / 2); });
    if (stopping_) return fail(Errc::kCancelled, "the store is closing");
    return {};
  }

  Result<void> merge_small() {
    for (const auto signal : base::kSignals) {
      for (;;) {
        std::vector<FileEntry> candidates;
        {
          const std::lock_guard lock(mutex_);
          if (stopping_) return fail(Errc::kCancelled, "the store is closing");
          for (const auto& file : state(signal).files) {
            if (unmergeable_.count(file->id) == 0) candidates.push_back(file);
          }
        }
        const auto inputs = choose_merge(candidates, clock_.now_ns());
        if (inputs.empty()) break;
        RW_TRY(may_go_on());
        const auto merged = merge(signal, inputs);
        if (merged.ok()) continue;
        if (merged.error().code != Errc::kLimit && merged.error().code != Errc::kCorrupt) return merged;
        // It would fail the same way again; the files stay as they are.
        for (const auto& file : inputs) unmergeable_.insert(file->id);
        base::log_event(base::Level::kWarn, "store.merge_refused", {{"error", merged.error().message}});
      }
    }
    return {};
  }

  Result<void> merge(Signal signal, const std::vector<FileEntry>& inputs) {
    std::uint64_t rows = 0;
    int level = 0;
    for (const auto& file : inputs) {
      rows += file->rows;
      level = std::max(level, file->level);
    }
    const auto spec = make_spec(signal, inputs.front()->partition, level + 1, rows);
    auto slices = RW_TRY(open_merge(engine_, signal, inputs, [this] { return may_go_on(); }));
    auto written = RW_TRY(write_file(engine_, blob_, spec, std::move(slices)));
    RW_TRY(replace(signal, inputs, &written));
    base::log_event(base::Level::kDebug, "store.files_merged",
                    {{"signal", std::string(base::signal_name(signal))}, {"files", std::to_string(inputs.size())}, {"rows", std::to_string(rows)}});
    return {};
  }

  Result<void> remove_object(const std::string& key) {
    if (key.empty()) return {};
    auto removed = blob_.remove(key);
    // A crash between removing and forgetting leaves a name without an object.
    if (!removed.ok() && removed.error().code == Errc::kNotFound) return {};
    return removed;
  }

  Result<void> remove_retired() {
    const auto now = clock_.now_ns();
    std::vector<FileEntry> gone;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& file : retired_) {
        const auto since = retired_since_.find(file->id);
        const auto retired_ns = since == retired_since_.end() ? file->retired_ns : since->second;
        if (now - retired_ns < std::chrono::nanoseconds(options_.reader_grace).count()) continue;
        // Any holder besides retired_ is a relation that still reads it.
        if (file.use_count() == 1) gone.push_back(file);
      }
    }
    std::vector<std::int64_t> ids;
    for (const auto& file : gone) {
      RW_TRY(remove_object(file->key));
      RW_TRY(remove_object(file->sidecar_key));
      ids.push_back(file->id);
    }
    if (ids.empty()) return {};
    RW_TRY(catalog_.forget(ids));
    const std::lock_guard lock(mutex_);
    for (const auto& file : gone) {
      sidecars_.drop(file->sidecar_key);
      retired_since_.erase(file->id);
      std::erase(retired_, file);
    }
    return {};
  }

  // Objects that a crash left between writing and publishing.  Only those whose name says they are older than
  // options_.orphan_age: younger ones may be on their way into the catalog.
  Result<void> sweep_orphans() {
    const auto now = clock_.now_ns();
    if (swept_ns_ != 0 && now - swept_ns_ < kSweepEveryNs) return {};
    const auto objects = RW_TRY(blob_.list(kTelemetryPrefix));
    std::set<std::string> known;
    for (const auto& file : RW_TRY(catalog_.live_files())) known.insert({file.key, file.sidecar_key});
    for (const auto& file : RW_TRY(catalog_.retired_files())) known.insert({file.key, file.sidecar_key});
    {
      // What a flush has written and not yet published.
      const std::lock_guard no_flush(flush_mutex_);
      for (const auto& of : states_) {
        if (of.frozen == nullptr) continue;
        for (const auto& written : of.frozen->written) known.insert({written.file.key, written.file.sidecar_key});
      }
    }
    std::size_t removed = 0;
    for (const auto& object : objects) {
      if (known.count(object.key) != 0) continue;
      const auto created = created_of(object.key);
      if (!created.has_value() || now - *created < std::chrono::nanoseconds(options_.orphan_age).count()) continue;
      RW_TRY(remove_object(object.key));
      ++removed;
    }
    swept_ns_ = now;
    if (removed > 0) base::log_event(base::Level::kInfo, "store.orphans_removed", {{"objects", std::to_string(removed)}});
    return {};
  }

  // The time in a name of make_spec(); nothing for names that are not ours.
  static std::optional<std::int64_t> created_of(const std::string& key) {
    const auto name = key.substr(key.rfind('/') + 1);
    const auto dash = name.find('-');
    if (dash == std::string::npos || name.size() < dash + 18 || name[dash + 17] != '-') return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : name.substr(dash + 1, 16)) {
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) return std::nullopt;
      value = value * 16 + static_cast<std::uint64_t>(digit);
    }
    return static_cast<std::int64_t>(value);
  }

  const StoreOptions options_;
  blob::Blob& blob_;
  catalog::Catalog& catalog_;
  Engine& engine_;
  base::Clock& clock_;
  const std::function<void(std::uint64_t)> on_published_;
  SidecarCache sidecars_;
  std::uint32_t run_ = 0;
  std::atomic<std::uint32_t> next_name_{0};
  std::atomic<std::uint64_t> checkpoint_{0};

  // Locked in this order: keeper_mutex_, flush_mutex_, mutex_.  The first two are held while files are written.
  std::mutex keeper_mutex_, flush_mutex_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::array<State, base::kSignals.size()> states_;                // guarded by mutex_
  std::size_t memory_ = 0;                                         // guarded by mutex_; bytes of young batches
  int waiting_ = 0;                                                // guarded by mutex_; accept() calls
  std::uint64_t accepted_ = 0;                                     // guarded by mutex_; highest sequence seen
  bool stopping_ = false;                                          // guarded by mutex_
  std::vector<FileEntry> retired_;                                 // guarded by mutex_
  std::map<std::int64_t, std::int64_t> retired_since_;             // guarded by mutex_; by file, of this run
  std::set<std::int64_t> unmergeable_;                             // guarded by keeper_mutex_
  bool doubtful_ = false;                                          // guarded by keeper_mutex_
  std::int64_t swept_ns_ = 0;                                      // guarded by keeper_mutex_
  std::thread flusher_, keeper_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, blob::Blob& blob, catalog::Catalog& catalog, Duck& duck,
                                           base::Clock& clock, std::function<void(std::uint64_t)> on_published) {
  auto* engine = RW_TRY(engine_of(duck));
  auto store = std::make_unique<RealStore>(options, blob, catalog, *engine, clock, std::move(on_published));
  RW_TRY_CTX("open the store", store->load());
  if (options.threads == Threads::kOwn) store->start();
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace ringwall::store
