// The live tail: log records as they become durable, to whoever follows.
//
//   accept() ─▶ ring of the newest batches (kTailBytesMax) ─▶ each Subscription, at its own pace
//
// The ring is the queue of every subscriber: each keeps only the position it has come to, so a slow one costs nothing
// and holds nobody up.  When the ring has moved on past its position, it is told how many records it was not shown
// ("gap"), and goes on with the oldest batch there is.  accept() copies nothing and evaluates no search.
//
// A position is the spool's sequence of a batch and the number of a record in it; as text "SEQUENCE-RECORD", the id of
// a server-sent event, with which a client comes back after a broken connection.
//
// Thread-safe; a Subscription is used by one thread at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "query/condition.h"

namespace ringwall::query {

inline constexpr std::size_t kTailBytesMax = 64u << 20;
inline constexpr std::size_t kTailSubscribersMax = 64;
// Of batches that left the ring, how many are remembered for counting gaps.
inline constexpr std::size_t kTailRememberedMax = 100'000;

struct TailPosition {
  std::uint64_t sequence = 0;
  std::uint32_t record = 0;
  auto operator<=>(const TailPosition&) const = default;
};
std::string to_text(TailPosition position);
std::optional<TailPosition> parse_tail_position(std::string_view text);

struct TailEvent {
  TailPosition position;
  std::shared_ptr<const base::Batch> batch;  // the record is position.record of it
};

struct TailPiece {
  std::uint64_t skipped = 0;  // records before these that the subscriber came too late for; matching or not
  std::vector<TailEvent> events;
};

class Subscription;

class Tail {
 public:
  explicit Tail(std::size_t bytes_max = kTailBytesMax) : bytes_max_(bytes_max) {}

  // From the spool, in order of sequence; batches of spans and metrics are ignored.
  void accept(std::uint64_t sequence, std::shared_ptr<const base::Batch> batch);

  // Follows what comes after `after`, or what comes from now on.  `condition` was resolved for logs.
  // kLimit beyond kTailSubscribersMax.  The Tail outlives its subscriptions.
  Result<std::unique_ptr<Subscription>> subscribe(Condition condition, std::optional<TailPosition> after = {});

  // Wakes everyone who waits, and nobody waits again.
  void close();
  std::size_t subscribers() const;

 private:
  friend class Subscription;
  struct Entry {
    std::uint64_t sequence;
    std::uint64_t records_before;  // since this Tail was made
    std::shared_ptr<const base::Batch> batch;
  };
  struct Evicted {
    std::uint64_t sequence, records_before;
  };
  std::uint64_t records_through_locked(TailPosition position) const;

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> ring_;       // guarded by mutex_, like everything below
  std::deque<Evicted> evicted_;
  std::size_t bytes_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::size_t subscribers_ = 0;
  bool closed_ = false;
};

class Subscription {
 public:
  ~Subscription();
  // The next matching records, at most `events_max`; waits up to `wait` for one.  Empty when none came.
  // Looks at a bounded number of records per call, so that a search that matches nothing does not hold the thread.
  TailPiece next(std::size_t events_max, std::chrono::milliseconds wait);

 private:
  friend class Tail;
  Subscription(Tail& tail, Condition condition) : tail_(tail), condition_(std::move(condition)) {}

  Tail& tail_;
  const Condition condition_;
  TailPosition at_;  // the next record to look at
};

}  // namespace ringwall::query
