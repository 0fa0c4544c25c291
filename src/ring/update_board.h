// `run/waf.board`: tells workers that there are newer policies, and the core who has them in force.
//
//   file := BoardHeader slot[kBoardSlots]:BoardSlot
//
// The core writes the policies' file, then raises `generation`, which is a futex: workers sleep on it and are awake within
// microseconds.  A worker that has loaded a generation, or could not, says so in its slot.  The core takes the slots of the dead back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ringwall::ring {

inline constexpr std::uint64_t kBoardMagic = 0x3144524f42575200;  // "\0RWBORD1"
inline constexpr std::uint32_t kBoardVersion = 1;
inline constexpr std::uint32_t kBoardSlots = 256;
inline constexpr std::size_t kBoardFaultBytes = 232;

struct BoardHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::atomic<std::uint32_t> generation;
  std::uint8_t reserved[48];
};
static_assert(sizeof(BoardHeader) == 64);

struct BoardSlot {
  std::atomic<std::uint64_t> owner;   // as in ring_layout.h
  std::atomic<std::uint32_t> live;    // the generation in force
  std::atomic<std::uint32_t> failed;  // the newest that could not be loaded; 0: none
  char fault[kBoardFaultBytes];       // why, with a zero
  std::uint64_t reserved;
};
static_assert(sizeof(BoardSlot) == 256);

inline constexpr std::size_t kBoardBytes = sizeof(BoardHeader) + kBoardSlots * sizeof(BoardSlot);

// What is wrong with this mapping of a board, in words for a person, or nullptr when nothing is.
const char* board_file_fault(const void* base, std::size_t bytes) noexcept;

// A worker's side, over a mapping that board_file_fault() found sound.  No allocation, no exception.
class BoardWorker {
 public:
  explicit BoardWorker(void* base) noexcept : base_(static_cast<char*>(base)) {}
  std::uint32_t generation() const noexcept { return header().generation.load(std::memory_order_acquire); }
  // Takes a slot; without one the core does not hear of this worker, and that is all.
  void claim(std::uint64_t self) noexcept;
  void release() noexcept;
  void live(std::uint32_t generation) noexcept;
  void failed(std::uint32_t generation, const char* fault, std::size_t bytes) noexcept;
  // Sleeps until the generation is another than `seen`, or nudge() was called; may return for no reason.
  void wait(std::uint32_t seen) const noexcept;
  void nudge() const noexcept;

 private:
  BoardHeader& header() const noexcept { return *reinterpret_cast<BoardHeader*>(base_); }
  char* base_;
  BoardSlot* slot_ = nullptr;
  std::uint64_t self_ = 0;
};

struct BoardState {
  std::uint32_t generation = 0;
  unsigned live = 0, behind = 0;        // workers that have it, and that have not
  std::vector<std::string> faults;      // of those that could not load it
};

// The core's side.  Move-only, one thread at a time.
class UpdateBoard {
 public:
  // An existing board keeps its generation.
  static Result<UpdateBoard> open_or_create(const std::string& path);
  UpdateBoard(UpdateBoard&& other) noexcept;
  UpdateBoard& operator=(UpdateBoard&& other) noexcept;
  ~UpdateBoard();

  std::uint32_t generation() const;
  // There is something new to load.
  std::uint32_t publish();
  BoardState state() const;
  // Until every worker has this generation or has said that it cannot.
  BoardState wait(std::uint32_t generation, std::chrono::milliseconds limit) const;

 private:
  UpdateBoard() = default;
  char* base_ = nullptr;
};

}  // namespace ringwall::ring
