#include "ring/ring.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ring/owner.h"
#include "ring/writer.h"

namespace ringwall::ring {
namespace {

Error system_error(const char* doing, const std::string& path, int error) {
  return fail(Errc::kUnavailable, fmt::format("{} {}: {}", doing, path, std::strerror(error)));
}

struct Mapping {
  int fd = -1;
  char* base = nullptr;
  std::uint64_t bytes = 0;
};

void unmap(Mapping& mapping) {
  if (mapping.base != nullptr) ::munmap(mapping.base, mapping.bytes);
  if (mapping.fd >= 0) ::close(mapping.fd);
  mapping = {};
}

// The file of this boot with a sound header, or a mapping with base == nullptr.
Result<Mapping> open_existing(const std::string& path) {
  Mapping mapping;
  mapping.fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (mapping.fd < 0) {
    if (errno == ENOENT) return mapping;
    return system_error("open", path, errno);
  }
  if (::flock(mapping.fd, LOCK_EX | LOCK_NB) != 0) {
    unmap(mapping);
    return fail(Errc::kUnavailable, fmt::format("{} is read by another process", path),
                "only one ringwall may run on a state directory");
  }
  struct stat info {};
  if (::fstat(mapping.fd, &info) != 0 || info.st_size < static_cast<off_t>(kPageBytes)) {
    unmap(mapping);
    return mapping;
  }
  mapping.bytes = static_cast<std::uint64_t>(info.st_size);
  void* base = ::mmap(nullptr, mapping.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, mapping.fd, 0);
  if (base == MAP_FAILED) {
    const int error = errno;
    unmap(mapping);
    return system_error("map", path, error);
  }
  mapping.base = static_cast<char*>(base);
  std::uint8_t boot_id[16];
  read_boot_id(boot_id);
  if (ring_file_fault(base, mapping.bytes) != nullptr ||
      std::memcmp(static_cast<FileHeader*>(base)->boot_id, boot_id, sizeof boot_id) != 0) {
    unmap(mapping);
  }
  return mapping;
}

// Made under another name and renamed, so that nginx never sees half a header.
Result<Mapping> create(const std::string& path, const Options& options) {
  if (options.ring_count == 0 || options.ring_count > kRingCountMax || options.ring_bytes < kRingBytesMin ||
      options.ring_bytes > kRingBytesMax || !std::has_single_bit(options.ring_bytes)) {
    return fail(
        Errc::kInvalid,
        fmt::format("{} rings of {} bytes: at most {} rings, a power of two from {} to {} bytes",
                    options.ring_count, options.ring_bytes, kRingCountMax, kRingBytesMin, kRingBytesMax));
  }
  const auto temporary = path + ".new";
  Mapping mapping;
  mapping.bytes = file_bytes(options.ring_count, options.ring_bytes);
  mapping.fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (mapping.fd < 0) return system_error("create", temporary, errno);
  // Allocated now: a page that cannot be had later would be a SIGBUS in the middle of a request.
  int error = ::posix_fallocate(mapping.fd, 0, static_cast<off_t>(mapping.bytes));
  if (error == 0 && ::flock(mapping.fd, LOCK_EX | LOCK_NB) != 0) error = errno;
  void* base = MAP_FAILED;
  if (error == 0) {
    base = ::mmap(nullptr, mapping.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, mapping.fd, 0);
    if (base == MAP_FAILED) error = errno;
  }
  if (error != 0) {
    unmap(mapping);
    ::unlink(temporary.c_str());
    return system_error("allocate", temporary, error);
  }
  mapping.base = static_cast<char*>(base);
  auto* header = static_cast<FileHeader*>(base);
  header->magic = kRingMagic;
  header->version = kRingVersion;
  header->ring_count = options.ring_count;
  header->ring_bytes = options.ring_bytes;
  while (header->epoch == 0) {
    if (::getrandom(&header->epoch, sizeof header->epoch, 0) != sizeof header->epoch) header->epoch = 0;
  }
  read_boot_id(header->boot_id);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    error = errno;
    unmap(mapping);
    ::unlink(temporary.c_str());
    return system_error("rename", temporary, error);
  }
  return mapping;
}

}  // namespace

Result<Reader> Reader::open_or_create(const std::string& path, const Options& options) {
  auto mapping = RW_TRY(open_existing(path));
  if (mapping.base == nullptr) mapping = RW_TRY(create(path, options));
  Reader reader;
  reader.fd_ = mapping.fd;
  reader.base_ = mapping.base;
  reader.bytes_ = mapping.bytes;
  reader.ring_count_ = reader.header().ring_count;
  reader.ring_bytes_ = reader.header().ring_bytes;
  for (std::uint32_t i = 0; i < reader.ring_count_; ++i) {
    const auto tail = reader.tail(i);
    reader.lane_.push_back({.cursor = tail, .gap_from = kNoGap, .gap_to = 0});
  }
  return reader;
}

Reader::Reader(Reader&& other) noexcept { *this = std::move(other); }

Reader& Reader::operator=(Reader&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(ring_count_, other.ring_count_);
  std::swap(ring_bytes_, other.ring_bytes_);
  std::swap(corrupt_bytes_, other.corrupt_bytes_);
  std::swap(lane_, other.lane_);
  return *this;
}

Reader::~Reader() {
  Mapping mapping{fd_, base_, bytes_};
  unmap(mapping);
}

FileHeader& Reader::header() const { return *reinterpret_cast<FileHeader*>(base_); }
Control& Reader::control(std::uint32_t ring) const {
  RW_ASSERT(ring < ring_count_);
  return *reinterpret_cast<Control*>(base_ + control_offset(ring));
}
const char* Reader::data(std::uint32_t ring) const {
  return base_ + data_offset(ring_count_, ring_bytes_, ring);
}

std::uint64_t Reader::epoch() const { return header().epoch; }
std::uint32_t Reader::ring_count() const { return ring_count_; }
std::uint64_t Reader::ring_bytes() const { return ring_bytes_; }
std::uint64_t Reader::cursor(std::uint32_t ring) const { return lane_[ring].cursor; }
std::uint64_t Reader::tail(std::uint32_t ring) const {
  return control(ring).tail.load(std::memory_order_acquire);
}

Drops Reader::drops() const {
  const auto& counters = header();
  return {.full = counters.dropped_full.load(std::memory_order_relaxed),
          .no_ring = counters.dropped_no_ring.load(std::memory_order_relaxed),
          .oversize = counters.dropped_oversize.load(std::memory_order_relaxed),
          .corrupt_bytes = corrupt_bytes_};
}

std::optional<Entry> Reader::next(std::uint32_t ring) {
  auto& control = this->control(ring);
  auto& lane = lane_[ring];
  const auto head = control.head.load(std::memory_order_acquire);
  while (lane.cursor != head) {
    const auto pending = head - lane.cursor;
    const auto offset = lane.cursor & (ring_bytes_ - 1);
    const auto left = std::min(pending, ring_bytes_ - offset);
    FrameHeader frame{};
    bool sound = pending <= ring_bytes_ && left >= sizeof frame;
    if (sound) {
      std::memcpy(&frame, data(ring) + offset, sizeof frame);
      sound = frame.check == static_cast<std::uint32_t>(lane.cursor);
    }
    if (sound && frame.length == kSkip) {
      if (pending > ring_bytes_ - offset) {
        lane.cursor += ring_bytes_ - offset;
        continue;
      }
      sound = false;
    }
    if (sound && frame.length <= kPayloadBytesMax && frame_bytes(frame.length) <= left) {
      const char* payload = data(ring) + offset + sizeof frame;
      lane.cursor += frame_bytes(frame.length);
      return Entry{.payload = {payload, frame.length}, .position = lane.cursor};
    }
    // A head that went back is nothing to jump to.
    if (pending > ~std::uint64_t{0} / 2) return std::nullopt;
    corrupt_bytes_ += pending;
    if (lane.gap_from == kNoGap) lane.gap_from = lane.cursor;
    lane.cursor = lane.gap_to = head;
    close_gap(ring);
  }
  return std::nullopt;
}

void Reader::close_gap(std::uint32_t ring) {
  auto& lane = lane_[ring];
  if (lane.gap_from == kNoGap || tail(ring) < lane.gap_from) return;
  if (tail(ring) < lane.gap_to) control(ring).tail.store(lane.gap_to, std::memory_order_release);
  lane.gap_from = kNoGap;
}

void Reader::commit(std::uint32_t ring, std::uint64_t position) {
  RW_ASSERT(position <= lane_[ring].cursor);
  if (position <= tail(ring)) return;
  control(ring).tail.store(position, std::memory_order_release);
  close_gap(ring);
}

Result<void> Reader::seek(std::uint32_t ring, std::uint64_t position) {
  const auto head = control(ring).head.load(std::memory_order_acquire);
  const auto tail = this->tail(ring);
  if (position <= tail) {
    lane_[ring].cursor = tail;
    return {};
  }
  if (position > head) {
    return fail(Errc::kCorrupt,
                fmt::format("ring {}: position {} is beyond the head {}", ring, position, head));
  }
  lane_[ring].cursor = position;
  control(ring).tail.store(position, std::memory_order_release);
  return {};
}

std::uint32_t Reader::release_dead() {
  std::uint32_t released = 0;
  for (std::uint32_t i = 0; i < ring_count_; ++i) {
    auto& control = this->control(i);
    auto owner = control.owner.load(std::memory_order_acquire);
    if (owner == kNobody || owner_lives(owner)) continue;
    if (control.head.load(std::memory_order_acquire) != tail(i)) continue;
    if (control.owner.compare_exchange_strong(owner, kNobody)) ++released;
  }
  return released;
}

std::uint32_t Reader::rings_in_use() const {
  std::uint32_t in_use = 0;
  for (std::uint32_t i = 0; i < ring_count_; ++i) {
    if (owner_lives(control(i).owner.load(std::memory_order_acquire))) ++in_use;
  }
  return in_use;
}

}  // namespace ringwall::ring
