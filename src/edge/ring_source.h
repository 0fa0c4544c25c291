// Takes what nginx workers wrote into run/edge.ring and hands it to the collector, exactly once.
//
// Every record becomes a span and a log record.  Both batches of a ring carry the ring's position, under the
// sources "edge:<epoch>:<ring>:logs" and "…:spans"; the bytes go back to the worker only after both are
// durable.  After a crash the collector's positions say which records each of the two signals has already.
//
// Records the workers had to drop are counted at the collector as received and dropped (ring_full, ring_none,
// ring_oversize), those that make no sense as bad_record: twice each, since each would have become two records.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "collect/collector.h"
#include "edge/edge_telemetry.h"
#include "ring/ring.h"

namespace ringwall::edge {

inline constexpr std::size_t kRingBatchRecordsMax = 8192;  // of one ring in one submission
inline constexpr std::chrono::milliseconds kRingPollMin{2}, kRingPollMax{50};

struct RingCounts {
  std::uint64_t requests = 0;  // taken from the rings since this object exists
  std::uint64_t dropped = 0;   // by workers, since the ring file was made
};

class RingSource {
 public:
  // Skips what the collector already has.
  static Result<std::unique_ptr<RingSource>> open(ring::Reader reader, collect::Collector& collector,
                                                  EdgeIdentity identity);
  virtual ~RingSource() = default;  // stops the thread; what is in the rings stays there for the next reader

  // Reads in a thread of its own from now on.
  virtual void start() = 0;
  // Takes once what is there and waits until it is durable; how many records.  For whoever drives it without
  // start(), and once more after nginx has stopped.
  virtual std::size_t step() = 0;

  virtual RingCounts counts() const = 0;  // thread-safe
};

}  // namespace ringwall::edge
