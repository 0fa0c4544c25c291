#include "ring/writer.h"

#include <cstring>

#include "ring/owner.h"

namespace ringwall::ring {

const char* ring_file_fault(const void* base, std::size_t bytes) noexcept {
  if (bytes < kPageBytes) return "it is too short";
  const auto* header = static_cast<const FileHeader*>(base);
  if (header->magic != kRingMagic) return "it is not a ring file";
  if (header->version != kRingVersion) return "it has another version";
  if (header->ring_count == 0 || header->ring_count > kRingCountMax) return "its ring count is impossible";
  if (header->ring_bytes < kRingBytesMin || header->ring_bytes > kRingBytesMax ||
      (header->ring_bytes & (header->ring_bytes - 1)) != 0) {
    return "its ring size is impossible";
  }
  if (bytes < file_bytes(header->ring_count, header->ring_bytes)) return "it is shorter than its header says";
  return nullptr;
}

void Writer::attach(void* base) noexcept {
  base_ = static_cast<char*>(base);
  header_ = static_cast<FileHeader*>(base);
  ring_count_ = header_->ring_count;
  ring_bytes_ = header_->ring_bytes;
  control_ = nullptr;
}

bool Writer::claim(std::uint64_t self) noexcept {
  if (control_ != nullptr) return true;
  if (header_ == nullptr || self == kNobody) return false;
  // First those nobody has; the dead ones cost a look into /proc each.
  for (const bool take_dead : {false, true}) {
    for (std::uint32_t i = 0; i < ring_count_; ++i) {
      auto* control = reinterpret_cast<Control*>(base_ + control_offset(i));
      auto owner = control->owner.load(std::memory_order_relaxed);
      const bool free = owner == kNobody || (take_dead && !owner_lives(owner));
      if (!free || !control->owner.compare_exchange_strong(owner, self, std::memory_order_acq_rel)) continue;
      const auto head = control->head.load(std::memory_order_acquire);
      const auto tail = control->tail.load(std::memory_order_acquire);
      if ((head & 7) != 0 || head - tail > ring_bytes_) {
        // Not a state this code can produce; leave it to the reader and look further.
        control->owner.store(owner, std::memory_order_release);
        continue;
      }
      control_ = control;
      ring_ = i;
      self_ = self;
      data_ = base_ + data_offset(ring_count_, ring_bytes_, i);
      head_ = head_pending_ = head;
      tail_seen_ = tail;
      return true;
    }
  }
  return false;
}

void Writer::release() noexcept {
  if (control_ == nullptr) return;
  auto owner = self_;
  control_->owner.compare_exchange_strong(owner, kNobody, std::memory_order_release, std::memory_order_relaxed);
  control_ = nullptr;
}

char* Writer::reserve(std::size_t bytes) noexcept {
  if (header_ == nullptr) return nullptr;
  if (bytes > kPayloadBytesMax) {
    header_->dropped_oversize.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  if (control_ == nullptr) {
    header_->dropped_no_ring.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  const auto frame = frame_bytes(bytes);
  const auto offset = head_ & (ring_bytes_ - 1);
  const auto left = ring_bytes_ - offset;
  const auto skip = frame > left ? left : 0;
  const auto after = head_ + skip + frame;
  if (after - tail_seen_ > ring_bytes_) {
    tail_seen_ = control_->tail.load(std::memory_order_acquire);
    if (after - tail_seen_ > ring_bytes_) {
      header_->dropped_full.fetch_add(1, std::memory_order_relaxed);
      return nullptr;
    }
  }
  // These bytes lie past head, so nobody reads them before publish().
  if (skip != 0) {
    const FrameHeader gap{kSkip, static_cast<std::uint32_t>(head_)};
    std::memcpy(data_ + offset, &gap, sizeof gap);
  }
  const auto start = head_ + skip;
  char* at = data_ + (start & (ring_bytes_ - 1));
  const FrameHeader header{static_cast<std::uint32_t>(bytes), static_cast<std::uint32_t>(start)};
  std::memcpy(at, &header, sizeof header);
  head_pending_ = after;
  return at + kFrameHeaderBytes;
}

void Writer::publish() noexcept {
  head_ = head_pending_;
  control_->head.store(head_, std::memory_order_release);
}

}  // namespace ringwall::ring
