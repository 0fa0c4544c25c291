// A worker's side of `run/edge.ring` (ring_layout.h): take a ring, put records in, never wait.
//
//   Writer writer;
//   writer.attach(mapping);                          // checked with ring_file_fault() before
//   writer.claim(owner_of(getpid()));
//   if (char* room = writer.reserve(bytes)) { fill room; writer.publish(); }
//
// Usable inside an nginx worker: no exception, no allocation, no system call but in claim().  One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/ring_layout.h"

namespace ringwall::ring {

// What is wrong with this mapping of a ring file, in words for a person, or nullptr when nothing is.
const char* ring_file_fault(const void* base, std::size_t bytes) noexcept;

class Writer {
 public:
  void attach(void* base) noexcept;

  // Takes a free ring, or else one whose owner is gone.  False when every ring has a living owner.
  bool claim(std::uint64_t self) noexcept;
  bool claimed() const noexcept { return control_ != nullptr; }
  std::uint32_t ring() const noexcept { return ring_; }

  // Gives the ring back, drained or not.
  void release() noexcept;

  // Asks the processor for the cache lines of the next record, which the reader's core had last.  Called when a
  // request begins, it spares the wait for them when the request ends.
  void prefetch() const noexcept {
    if (control_ == nullptr) return;
    const char* at = data_ + (head_ & (ring_bytes_ - 1));
    for (unsigned line = 0; line < 5; ++line) __builtin_prefetch(at + 64 * line, 1);
  }

  // Room for a record of this many bytes, or nullptr when it is dropped and counted: there is no ring, the
  // ring is full or the record too large.  The room is the record's only after publish().
  char* reserve(std::size_t bytes) noexcept;
  void publish() noexcept;

 private:
  FileHeader* header_ = nullptr;
  char* base_ = nullptr;
  Control* control_ = nullptr;
  char* data_ = nullptr;
  std::uint64_t ring_bytes_ = 0;
  std::uint64_t head_ = 0;          // as published
  std::uint64_t head_pending_ = 0;  // after the reserved record
  std::uint64_t tail_seen_ = 0;     // an old value is only pessimistic, and reading it anew costs a cache miss
  std::uint32_t ring_count_ = 0;
  std::uint32_t ring_ = 0;
  std::uint64_t self_ = kNobody;
};

}  // namespace ringwall::ring
