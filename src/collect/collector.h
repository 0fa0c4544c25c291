// The one door records come in by: submit() makes a batch durable and hands it to the store.
//
// `done` is called once: with the sequence after the batch was written and fdatasync'ed (group commit), or with
//   kUnavailable  overload (queue, spool budget, disk): the sender may try again after `retry_after`
//   kInvalid/kLimit  the batch itself is not acceptable
// A batch whose digest was accepted within the last ten minutes, or whose position is not beyond its source's last
// one, is a retry: `done` gets success and nothing is stored twice.
//
// A source with positions waits for each answer before it submits the next batch: after a failure it goes on from
// position(), and a batch beyond the failed one would leave a hole that nobody fills.  (Batches that were queued
// behind a failed one of their source fail with it.)
//
// Every record that comes in is counted: received = stored + pending + dropped by (source, reason).  Retries are not
// counted again, nor are refused batches of a source with positions: it still holds them and comes again.
//
// Sinks are called from the commit thread, in order of sequence, after the data is durable and before `done`.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/record.h"
#include "base/world.h"

namespace ringwall::collect {

// The reason in the message of kUnavailable when only the queue is full: waiting a moment is enough.
inline constexpr const char* kQueueFull = "queue_full";

struct Submission {
  std::string source;           // "otlp", "edge:3", "file:1a2b…", "host"
  std::uint64_t position = 0;   // where the source stands after this batch, never going back; 0: no positions
  base::Digest digest;          // of the request body; zero: none
  base::Batch batch;
};

struct Durable {
  std::uint64_t sequence = 0;
  std::string source;
  std::uint64_t position = 0;
  base::Digest digest;
  std::shared_ptr<const base::Batch> batch;
};

struct SourceCount {
  std::string source;  // the kind: text before ':'
  base::Signal signal;
  std::uint64_t received = 0;
};

struct DropCount {
  std::string source, reason;
  std::uint64_t records = 0;
};

struct Counts {
  std::uint64_t received = 0, stored = 0, pending = 0;
  std::vector<SourceCount> sources;
  std::vector<DropCount> dropped;
};

struct CollectorOptions {
  std::string directory;                        // of the spool
  std::uint64_t spool_bytes_max = 4ull << 30;   // submissions above it are refused with kUnavailable
  std::uint64_t segment_bytes_max = 64ull << 20;
  std::size_t queue_bytes_max = 128u << 20;     // waiting for the disk
  std::chrono::milliseconds retry_after{1000};
};

// What the store knew when the program last stopped.
struct Recovered {
  std::uint64_t checkpoint = 0;
  std::map<std::string, std::uint64_t> positions;
  std::vector<base::Digest> digests;
};

class Collector {
 public:
  using Done = std::function<void(Result<std::uint64_t>)>;
  using Sink = std::function<void(const Durable&)>;

  virtual ~Collector() = default;
  // Replays what the spool holds beyond the checkpoint into `sink`, in bounded memory, before it returns.
  static Result<std::unique_ptr<Collector>> open(const CollectorOptions& options, const Recovered& recovered, base::Files& files,
                                                 base::Clock& clock, Sink sink);

  virtual void submit(Submission submission, Done done) = 0;
  // Waits for durability; for sources with a thread of their own.
  virtual Result<std::uint64_t> submit_and_wait(Submission submission) = 0;

  // The highest durable position of a source; 0 when it is unknown.
  virtual std::uint64_t position(const std::string& source) const = 0;

  // Everything up to this sequence is published: whole segments below it are removed.
  virtual void release(std::uint64_t sequence) = 0;

  // Records that came in and were not kept, by reason ("bad_request", "queue_full", "ring_full", …).
  virtual void count_received(const std::string& source, base::Signal signal, std::uint64_t records) = 0;
  virtual void count_dropped(const std::string& source, const std::string& reason, std::uint64_t records) = 0;
  virtual Counts counts() const = 0;

  struct SpoolState {
    std::uint64_t bytes = 0, segments = 0, sequence = 0;
  };
  virtual SpoolState spool() const = 0;
};

}  // namespace ringwall::collect
