// `run/health.table`: the core's judgement of every instance, read by nginx workers on each upstream request.
//
//   file := magic:u64 version:u32 slot_count:u32 generation:u64 reserved[40] state[slot_count]:u32
//   little-endian
//
// One process writes (the core), any number read.  A state is stored first and `generation` is raised after
// it (release), so a worker that sees a new generation sees the states that came before it.  When the core is
// gone the last judgement stays in force.  nginx keeps what it mapped: never delete the file while it runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace ringwall::ring {

inline constexpr std::uint64_t kHealthMagic = 0x31544c4148575200;  // "\0RWHALT1"
inline constexpr std::uint32_t kHealthVersion = 1;
inline constexpr std::uint32_t kHealthSlotsMax = 65536;

enum class Health : std::uint32_t {
  kUp = 0,        // or not known yet
  kDown = 1,      // gets nothing, unless every instance of its upstream is down
  kDraining = 2,  // finishes what it has, gets nothing new unless nobody is up
};

struct HealthHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t slot_count;
  std::atomic<std::uint64_t> generation;
  std::uint8_t reserved[40];
};
static_assert(sizeof(HealthHeader) == 64);

// What is wrong with this mapping of a table, in words for a person, or nullptr when nothing is.
const char* health_file_fault(const void* base, std::size_t bytes) noexcept;

// A worker's side: reads a mapping that health_file_fault() found sound.
class HealthView {
 public:
  explicit HealthView(const void* base) noexcept : base_(static_cast<const char*>(base)) {}
  std::uint64_t generation() const noexcept {
    return reinterpret_cast<const HealthHeader*>(base_)->generation.load(std::memory_order_acquire);
  }
  std::uint32_t slot_count() const noexcept { return reinterpret_cast<const HealthHeader*>(base_)->slot_count; }
  // A state this version does not know counts as up.
  Health state(std::uint32_t slot) const noexcept {
    const auto* states = reinterpret_cast<const std::atomic<std::uint32_t>*>(base_ + sizeof(HealthHeader));
    const auto state = states[slot].load(std::memory_order_relaxed);
    return state <= static_cast<std::uint32_t>(Health::kDraining) ? static_cast<Health>(state) : Health::kUp;
  }

 private:
  const char* base_;
};

// The core's side.  Move-only, one thread at a time.
class HealthTable {
 public:
  // Opens the table or makes it with all slots up.  An existing table keeps its states and its slot count;
  // kLimit when it has fewer than `slot_count`.
  static Result<HealthTable> open_or_create(const std::string& path, std::uint32_t slot_count = 1024);

  HealthTable(HealthTable&& other) noexcept;
  HealthTable& operator=(HealthTable&& other) noexcept;
  ~HealthTable();

  std::uint32_t slot_count() const { return slot_count_; }
  std::uint64_t generation() const;
  Health get(std::uint32_t slot) const;        // slot < slot_count()
  void set(std::uint32_t slot, Health state);  // a change is seen by the next request of every worker

 private:
  HealthTable() = default;
  char* base_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint32_t slot_count_ = 0;
};

}  // namespace ringwall::ring
