#include "edge/ring_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "ring/waf_event.h"

namespace ringwall::edge {

namespace {

// Releasing the rings of dead workers needs a look at /proc for each, so it is done once in this many rounds.
constexpr unsigned kReleaseEvery = 32;

class RealRingSource final : public RingSource {
 public:
  RealRingSource(ring::Reader reader, collect::Collector& collector, EdgeIdentity identity)
      : reader_(std::move(reader)), collector_(collector), identity_(std::move(identity)) {}

  void recover() {
    for (std::uint32_t i = 0; i < reader_.ring_count(); ++i) {
      Lane lane;
      for (auto* stream : {&lane.logs, &lane.spans}) {
        stream->signal = stream == &lane.logs ? base::Signal::kLog : base::Signal::kSpan;
        stream->source =
            fmt::format("edge:{:016x}:{}:{}", reader_.epoch(), i, base::signal_name(stream->signal));
        stream->durable = collector_.position(stream->source);
      }
      const auto both = std::min(lane.logs.durable, lane.spans.durable);
      const auto sought = reader_.seek(i, both);
      if (!sought.ok())
        base::log_event(base::Level::kError, "edge.ring_position_refused", {{"error", sought.error().message}});
      lanes_.push_back(std::move(lane));
    }
  }

  ~RealRingSource() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    closing_changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void start() override {
    thread_ = std::thread([this] { run(); });
  }

  std::size_t step() override {
    const std::lock_guard only_one(step_mutex_);
    std::size_t taken = 0;
    Waiting waiting;
    for (std::uint32_t i = 0; i < lanes_.size(); ++i) taken += read_lane(i);
    for (auto& lane : lanes_) {
      submit(lane, lane.logs, waiting);
      submit(lane, lane.spans, waiting);
    }
    waiting.wait();
    for (std::uint32_t i = 0; i < lanes_.size(); ++i) commit(i);
    count_drops();
    if (++rounds_ % kReleaseEvery == 0) reader_.release_dead();
    return taken;
  }

  RingCounts counts() const override { return {requests_, dropped_}; }

 private:
  struct Stream {
    base::Signal signal{};
    std::string source;
    std::uint64_t durable = 0;  // position
    bool refused = false;       // the last submission; for one event per disturbance
  };
  struct Lane {
    Stream logs, spans;
    std::vector<ring::Entry> entries;  // read and not committed; they stay valid until then
  };

  // Waits for all submissions of a round, so that they share the disk's flush.
  class Waiting {
   public:
    void begin() {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    void end() {
      // Notified under the lock: the one who waits destroys this object.
      const std::lock_guard lock(mutex_);
      if (--count_ == 0) none_.notify_all();
    }
    void wait() {
      std::unique_lock lock(mutex_);
      none_.wait(lock, [&] { return count_ == 0; });
    }

   private:
    std::mutex mutex_;
    std::condition_variable none_;
    int count_ = 0;
  };

  // Entries that wait for another try are not added to: the batch stays what it was.
  std::size_t read_lane(std::uint32_t index) {
    auto& lane = lanes_[index];
    if (!lane.entries.empty()) return 0;
    while (lane.entries.size() < kRingBatchRecordsMax) {
      const auto entry = reader_.next(index);
      if (!entry) break;
      lane.entries.push_back(*entry);
    }
    return lane.entries.size();
  }

  void submit(Lane& lane, Stream& stream, Waiting& waiting) {
    if (lane.entries.empty() || stream.durable >= lane.entries.back().position) return;
    base::BatchBuilder builder(stream.signal);
    begin_edge_resource(builder, identity_);
    std::uint64_t bad = 0;
    for (const auto& entry : lane.entries) {
      if (entry.position <= stream.durable) continue;
      if (ring::is_waf_event(entry.payload)) {
        const auto event = ring::decode_waf_event(entry.payload);
        if (!event.ok()) ++bad;
        else if (stream.signal == base::Signal::kLog) add_waf_log(builder, event.value());
        continue;
      }
      const auto record = ring::decode_edge_record(entry.payload);
      if (!record.ok()) {
        ++bad;
      } else if (stream.signal == base::Signal::kSpan) {
        add_edge_span(builder, record.value());
      } else {
        add_edge_log(builder, record.value());
      }
    }
    if (bad > 0 && !stream.refused) {
      collector_.count_received("edge", stream.signal, bad);
      collector_.count_dropped("edge", "bad_record", bad);
    }
    const auto position = lane.entries.back().position;
    if (builder.size() == 0) {
      stream.durable = position;
      return;
    }
    waiting.begin();
    collector_.submit({stream.source, position, {}, builder.take()},
                      [&stream, &waiting, position](Result<std::uint64_t> result) {
                        if (result.ok()) {
                          stream.durable = position;
                        } else if (!stream.refused) {
                          base::log_event(base::Level::kWarn, "edge.batch_refused",
                                          {{"source", stream.source}, {"error", result.error().message}});
                        }
                        stream.refused = !result.ok();
                        waiting.end();
                      });
  }

  void commit(std::uint32_t index) {
    auto& lane = lanes_[index];
    if (lane.entries.empty()) return;
    const auto last = lane.entries.back().position;
    if (lane.logs.durable < last || lane.spans.durable < last) return;
    requests_ += static_cast<std::uint64_t>(std::count_if(lane.entries.begin(), lane.entries.end(), [](const auto& entry) { return !ring::is_waf_event(entry.payload); }));
    lane.entries.clear();
    reader_.commit(index, last);
  }

  void count_drops() {
    const auto now = reader_.drops();
    count_drop("ring_full", now.full - counted_.full);
    count_drop("ring_none", now.no_ring - counted_.no_ring);
    count_drop("ring_oversize", now.oversize - counted_.oversize);
    if (now.corrupt_bytes != counted_.corrupt_bytes) {
      base::log_event(base::Level::kError, "edge.ring_bytes_skipped",
                      {{"bytes", fmt::format("{}", now.corrupt_bytes - counted_.corrupt_bytes)}});
    }
    counted_ = now;
    dropped_ = now.full + now.no_ring + now.oversize;
  }

  void count_drop(const char* reason, std::uint64_t requests) {
    if (requests == 0) return;
    collector_.count_received("edge", base::Signal::kLog, requests);
    collector_.count_received("edge", base::Signal::kSpan, requests);
    collector_.count_dropped("edge", reason, 2 * requests);
  }

  void run() {
    auto pause = kRingPollMin;
    for (;;) {
      const bool got = step() > 0;
      pause = got ? kRingPollMin : std::min(pause * 2, kRingPollMax);
      std::unique_lock lock(mutex_);
      if (closing_changed_.wait_for(lock, pause, [&] { return closing_; })) return;
    }
  }

  std::mutex step_mutex_;  // guards all but the counters and closing_
  ring::Reader reader_;
  collect::Collector& collector_;
  const EdgeIdentity identity_;
  std::vector<Lane> lanes_;
  ring::Drops counted_;
  unsigned rounds_ = 0;
  std::atomic<std::uint64_t> requests_{0}, dropped_{0};

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable closing_changed_;
  bool closing_ = false;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<RingSource>> RingSource::open(ring::Reader reader, collect::Collector& collector,
                                                     EdgeIdentity identity) {
  auto source = std::make_unique<RealRingSource>(std::move(reader), collector, std::move(identity));
  source->recover();
  return std::unique_ptr<RingSource>(std::move(source));
}

}  // namespace ringwall::edge
