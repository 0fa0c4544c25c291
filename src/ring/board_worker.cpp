#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "ring/owner.h"
#include "ring/update_board.h"

namespace ringwall::ring {

const char* board_file_fault(const void* base, std::size_t bytes) noexcept {
  if (bytes < kBoardBytes) return "it is too short";
  const auto* header = static_cast<const BoardHeader*>(base);
  if (header->magic != kBoardMagic) return "it is not a board of updates";
  if (header->version != kBoardVersion) return "it has another version";
  return nullptr;
}

void BoardWorker::claim(std::uint64_t self) noexcept {
  self_ = self;
  auto* slots = reinterpret_cast<BoardSlot*>(base_ + sizeof(BoardHeader));
  for (const bool bury : {false, true}) {
    for (std::uint32_t i = 0; i < kBoardSlots; ++i) {
      auto owner = slots[i].owner.load(std::memory_order_relaxed);
      if (owner != kNobody && (!bury || owner_lives(owner))) continue;
      if (!slots[i].owner.compare_exchange_strong(owner, self, std::memory_order_acq_rel)) continue;
      slot_ = &slots[i];
      slot_->live.store(0, std::memory_order_relaxed);
      slot_->failed.store(0, std::memory_order_release);
      return;
    }
  }
}

void BoardWorker::release() noexcept {
  if (slot_ != nullptr) slot_->owner.store(kNobody, std::memory_order_release);
  slot_ = nullptr;
}

void BoardWorker::live(std::uint32_t generation) noexcept {
  if (slot_ != nullptr) slot_->live.store(generation, std::memory_order_release);
}

void BoardWorker::failed(std::uint32_t generation, const char* fault, std::size_t bytes) noexcept {
  if (slot_ == nullptr) return;
  bytes = bytes < kBoardFaultBytes ? bytes : kBoardFaultBytes - 1;
  std::memcpy(slot_->fault, fault, bytes);
  slot_->fault[bytes] = 0;
  slot_->failed.store(generation, std::memory_order_release);
}

void BoardWorker::wait(std::uint32_t seen) const noexcept {
  ::syscall(SYS_futex, &header().generation, FUTEX_WAIT, seen, nullptr, nullptr, 0);
}

void BoardWorker::nudge() const noexcept { ::syscall(SYS_futex, &header().generation, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

}  // namespace ringwall::ring
