#include "collect/collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <iterator>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "collect/spool.h"

namespace ringwall::collect {

namespace {

constexpr std::int64_t kDigestWindowNs = 600ll * 1'000'000'000;  // retries come within minutes
constexpr std::size_t kDigestsMax = 1'000'000;                   // about 100 MB; more requests shorten the window

struct DigestHash {
  std::size_t operator()(const base::Digest& digest) const { return digest.low; }
};
bool given(const base::Digest& digest) { return (digest.high | digest.low) != 0; }
std::string kind_of(const std::string& source) { return source.substr(0, source.find(':')); }

// Digests of requests that were accepted, oldest first.
class Window {
 public:
  void add(const base::Digest& digest, std::int64_t now_ns) {
    expire(now_ns);
    if (!known_.emplace(digest, now_ns).second) return;
    order_.emplace_back(now_ns, digest);
    if (order_.size() > kDigestsMax) drop_oldest();
  }
  bool has(const base::Digest& digest, std::int64_t now_ns) {
    expire(now_ns);
    return known_.contains(digest);
  }

 private:
  void expire(std::int64_t now_ns) {
    while (!order_.empty() && now_ns - order_.front().first > kDigestWindowNs) drop_oldest();
  }
  void drop_oldest() {
    known_.erase(order_.front().second);
    order_.pop_front();
  }
  std::unordered_map<base::Digest, std::int64_t, DigestHash> known_;
  std::deque<std::pair<std::int64_t, base::Digest>> order_;
};

class CollectorImpl final : public Collector {
 public:
  CollectorImpl(const CollectorOptions& options, base::Files& files, base::Clock& clock, Sink sink)
      : options_(options), files_(files), clock_(clock), sink_(std::move(sink)) {}

  Result<void> open(const Recovered& recovered) {
    const auto now = clock_.monotonic_ns();
    durable_positions_ = recovered.positions;
    for (const auto& digest : recovered.digests) window_.add(digest, now);
    std::uint64_t replayed = 0;
    const Spool::Options options{options_.directory, options_.segment_bytes_max, recovered.checkpoint, static_cast<std::uint64_t>(clock_.now_ns())};
    const auto replay = [&](const SpoolRecord& record) -> Result<void> {
      auto batch = RW_TRY(decompress_batch(record.payload));
      const Durable durable{record.sequence, std::string(record.source), record.position, record.digest, std::make_shared<const base::Batch>(std::move(batch))};
      if (durable.position != 0) {
        auto& position = durable_positions_[durable.source];
        position = std::max(position, durable.position);
      }
      if (given(durable.digest)) window_.add(durable.digest, now);
      replayed += durable.batch->size();
      sink_(durable);
      return {};
    };
    spool_ = RW_TRY(Spool::open(files_, options, replay));
    submitted_positions_ = durable_positions_;
    publish_spool_state_locked();
    if (replayed != 0) base::log_event(base::Level::kInfo, "collect.spool_replayed", {{"records", std::to_string(replayed)}});
    thread_ = std::thread([this] { run(); });
    return {};
  }

  // What was submitted is committed; the senders hear of it.
  ~CollectorImpl() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void submit(Submission submission, Done done) override {
    if (submission.source.empty() || submission.source.size() > kSourceBytesMax) {
      return done(fail(Errc::kInvalid, fmt::format("source name of {} bytes, 1 to {} are accepted", submission.source.size(), kSourceBytesMax)));
    }
    // Looked at before the work of compressing: a retry, or a queue that is full anyway.
    {
      std::unique_lock lock(mutex_);
      if (is_retry_locked(submission)) return enqueue_retry_locked(std::move(submission), std::move(done), lock);
      if (const char* reason = overload_locked(submission.batch.bytes()); reason != nullptr) return refuse_locked(submission, reason, std::move(done), lock);
    }
    auto payload = compress_batch(submission.batch);
    const std::size_t payload_bytes_max = kSpoolBodyBytesMax - kSourceBytesMax - 64;
    if (!payload.ok() || payload->size() > payload_bytes_max) {
      {
        const std::lock_guard lock(mutex_);
        received_[{kind_of(submission.source), submission.batch.signal}] += submission.batch.size();
        dropped_[{kind_of(submission.source), "batch_too_large"}] += submission.batch.size();
      }
      return done(payload.ok() ? fail(Errc::kLimit, fmt::format("a batch of {} bytes, the spool takes {}", payload->size(), payload_bytes_max)) : payload.error());
    }
    std::unique_lock lock(mutex_);
    if (is_retry_locked(submission)) return enqueue_retry_locked(std::move(submission), std::move(done), lock);
    const auto bytes = submission.batch.bytes() + payload->size();
    if (const char* reason = overload_locked(bytes); reason != nullptr) return refuse_locked(submission, reason, std::move(done), lock);
    received_[{kind_of(submission.source), submission.batch.signal}] += submission.batch.size();
    pending_ += submission.batch.size();
    queue_bytes_ += bytes;
    if (submission.position != 0) submitted_positions_[submission.source] = submission.position;
    if (given(submission.digest)) pending_digests_.insert(submission.digest);
    Waiting waiting;
    waiting.durable = {0, std::move(submission.source), submission.position, submission.digest, std::make_shared<const base::Batch>(std::move(submission.batch))};
    waiting.payload = std::move(*payload);
    waiting.bytes = bytes;
    waiting.done = std::move(done);
    queue_.push_back(std::move(waiting));
    lock.unlock();
    changed_.notify_one();
  }

  Result<std::uint64_t> submit_and_wait(Submission submission) override {
    std::promise<Result<std::uint64_t>> promise;
    auto future = promise.get_future();
    submit(std::move(submission), [&promise](Result<std::uint64_t> outcome) { promise.set_value(std::move(outcome)); });
    return future.get();
  }

  std::uint64_t position(const std::string& source) const override {
    const std::lock_guard lock(mutex_);
    const auto it = durable_positions_.find(source);
    return it == durable_positions_.end() ? 0 : it->second;
  }

  void release(std::uint64_t sequence) override {
    {
      const std::lock_guard lock(mutex_);
      release_ = std::max(release_, sequence);
    }
    changed_.notify_one();
  }

  void count_received(const std::string& source, base::Signal signal, std::uint64_t records) override {
    const std::lock_guard lock(mutex_);
    received_[{kind_of(source), signal}] += records;
  }
  void count_dropped(const std::string& source, const std::string& reason, std::uint64_t records) override {
    const std::lock_guard lock(mutex_);
    dropped_[{kind_of(source), reason}] += records;
  }

  Counts counts() const override {
    const std::lock_guard lock(mutex_);
    Counts counts{.received = 0, .stored = stored_, .pending = pending_};
    for (const auto& [key, records] : received_) {
      counts.received += records;
      counts.sources.push_back({key.first, key.second, records});
    }
    for (const auto& [key, records] : dropped_) counts.dropped.push_back({key.first, key.second, records});
    return counts;
  }

  SpoolState spool() const override {
    const std::lock_guard lock(mutex_);
    return spool_state_;
  }

 private:
  struct Waiting {
    Durable durable;      // without a batch: a retry, answered when what came before it is decided
    std::string payload;
    std::size_t bytes = 0;
    Done done;
    bool failed = false;
  };

  bool is_retry_locked(const Submission& submission) {
    if (submission.position != 0) {
      const auto it = submitted_positions_.find(submission.source);
      if (it != submitted_positions_.end() && submission.position <= it->second) return true;
    }
    return given(submission.digest) && (pending_digests_.contains(submission.digest) || window_.has(submission.digest, clock_.monotonic_ns()));
  }

  // What it repeats may still be under way, so it queues behind that without its records.
  void enqueue_retry_locked(Submission submission, Done done, std::unique_lock<std::mutex>& lock) {
    Waiting waiting;
    waiting.durable.source = std::move(submission.source);
    waiting.durable.position = submission.position;
    waiting.durable.digest = submission.digest;
    waiting.done = std::move(done);
    queue_.push_back(std::move(waiting));
    lock.unlock();
    changed_.notify_one();
  }

  const char* overload_locked(std::size_t bytes) const {
    if (stopping_) return "stopping";
    // One batch larger than the whole queue is let in when nothing else waits.
    if (queue_bytes_ != 0 && queue_bytes_ + bytes > options_.queue_bytes_max) return kQueueFull;
    if (spool_state_.bytes >= options_.spool_bytes_max) return "spool_full";
    return nullptr;
  }

  void refuse_locked(const Submission& submission, const char* reason, Done done, std::unique_lock<std::mutex>& lock) {
    // A source with positions still holds the records and comes again: nothing was lost, nothing is counted.
    if (submission.position == 0) {
      received_[{kind_of(submission.source), submission.batch.signal}] += submission.batch.size();
      dropped_[{kind_of(submission.source), reason}] += submission.batch.size();
    }
    lock.unlock();
    done(fail(Errc::kUnavailable, fmt::format("overloaded: {}", reason), "send it again later"));
  }

  void publish_spool_state_locked() { spool_state_ = {spool_->bytes(), spool_->segments(), spool_->last_sequence()}; }

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty() || release_ > released_; });
      if (release_ > released_) {
        released_ = release_;
        const auto sequence = released_;
        lock.unlock();
        spool_->release(sequence);
        lock.lock();
        publish_spool_state_locked();
      }
      if (queue_.empty()) {
        if (stopping_) return;
        continue;
      }
      std::vector<Waiting> group;
      group.swap(queue_);
      lock.unlock();
      commit(group);
      group.clear();
      lock.lock();
    }
  }

  // One write, one sync for everything that waited; then the store, then the senders.
  void commit(std::vector<Waiting>& group) {
    for (auto& waiting : group) {
      auto& d = waiting.durable;
      if (d.batch != nullptr) d.sequence = spool_->add(d.position, d.digest, d.source, waiting.payload);
    }
    const auto outcome = spool_->commit();
    if (outcome.ok()) {
      for (const auto& waiting : group) {
        if (waiting.durable.batch != nullptr) sink_(waiting.durable);
      }
    }
    std::uint64_t lost = 0;
    {
      const std::lock_guard lock(mutex_);
      publish_spool_state_locked();
      for (auto& waiting : group) {
        if (waiting.durable.batch != nullptr) settle_locked(waiting, outcome.ok());
        if (waiting.failed) lost += waiting.durable.batch->size();
      }
      if (!outcome.ok()) fail_followers_locked(group);
      for (auto& waiting : group) {
        if (waiting.durable.batch == nullptr) waiting.failed = !known_locked(waiting.durable);
      }
    }
    if (!outcome.ok()) {
      base::log_event(base::Level::kError, "collect.spool_write_failed", {{"reason", outcome.error().message}, {"records", std::to_string(lost)}});
    }
    for (auto& waiting : group) {
      if (waiting.failed) {
        waiting.done(fail(Errc::kUnavailable, outcome.ok() ? "what this repeats was not accepted" : "the disk refused the records: " + outcome.error().message, "send it again later"));
      } else {
        waiting.done(waiting.durable.sequence);
      }
    }
  }

  void settle_locked(Waiting& waiting, bool durable) {
    const auto& d = waiting.durable;
    const auto records = d.batch->size();
    queue_bytes_ -= waiting.bytes;
    pending_ -= records;
    if (given(d.digest)) pending_digests_.erase(d.digest);
    if (durable) {
      if (given(d.digest)) window_.add(d.digest, clock_.monotonic_ns());
      if (d.position != 0) durable_positions_[d.source] = d.position;
      stored_ += records;
      return;
    }
    waiting.failed = true;
    const auto kind = kind_of(d.source);
    if (d.position == 0) {
      dropped_[{kind, "disk"}] += records;
      return;
    }
    received_[{kind, d.batch->signal}] -= records;  // the source still holds them
    const auto it = durable_positions_.find(d.source);
    submitted_positions_[d.source] = it == durable_positions_.end() ? 0 : it->second;
  }

  // A batch queued behind a failed one of the same source must not move the position past the hole: it fails as well.
  void fail_followers_locked(std::vector<Waiting>& group) {
    std::set<std::string> sources;
    for (const auto& waiting : group) {
      if (waiting.failed && waiting.durable.position != 0) sources.insert(waiting.durable.source);
    }
    if (sources.empty()) return;
    const auto kept = std::stable_partition(queue_.begin(), queue_.end(), [&](const Waiting& waiting) {
      return waiting.durable.batch == nullptr || waiting.durable.position == 0 || !sources.contains(waiting.durable.source);
    });
    for (auto it = kept; it != queue_.end(); ++it) settle_locked(*it, false);
    std::move(kept, queue_.end(), std::back_inserter(group));
    queue_.erase(kept, queue_.end());
  }

  bool known_locked(const Durable& retry) {
    if (retry.position != 0) {
      const auto it = durable_positions_.find(retry.source);
      if (it != durable_positions_.end() && retry.position <= it->second) return true;
    }
    return given(retry.digest) && window_.has(retry.digest, clock_.monotonic_ns());
  }

  const CollectorOptions options_;
  base::Files& files_;
  base::Clock& clock_;
  const Sink sink_;
  std::unique_ptr<Spool> spool_;  // the commit thread's

  mutable std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::vector<Waiting> queue_;
  std::size_t queue_bytes_ = 0;
  bool stopping_ = false;
  std::uint64_t release_ = 0, released_ = 0;
  std::map<std::string, std::uint64_t> durable_positions_, submitted_positions_;
  Window window_;
  std::unordered_set<base::Digest, DigestHash> pending_digests_;
  std::map<std::pair<std::string, base::Signal>, std::uint64_t> received_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> dropped_;
  std::uint64_t stored_ = 0, pending_ = 0;
  SpoolState spool_state_;

  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Collector>> Collector::open(const CollectorOptions& options, const Recovered& recovered, base::Files& files, base::Clock& clock, Sink sink) {
  auto collector = std::make_unique<CollectorImpl>(options, files, clock, std::move(sink));
  RW_TRY(collector->open(recovered));
  return std::unique_ptr<Collector>(std::move(collector));
}

}  // namespace ringwall::collect
