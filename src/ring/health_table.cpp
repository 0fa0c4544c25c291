#include "ring/health_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ringwall::ring {
namespace {

Error health_error(const char* doing, const std::string& path) {
  return fail(Errc::kUnavailable, fmt::format("{} {}: {}", doing, path, std::strerror(errno)));
}

constexpr std::uint64_t health_bytes(std::uint32_t slots) {
  return sizeof(HealthHeader) + 4 * std::uint64_t{slots};
}

// The header is written whole before the file gets its name.
Result<void> create_health(const std::string& path, std::uint32_t slots) {
  const auto temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return health_error("create", temporary);
  std::string bytes(health_bytes(slots), '\0');
  HealthHeader header{};
  header.magic = kHealthMagic;
  header.version = kHealthVersion;
  header.slot_count = slots;
  header.generation = 1;
  std::memcpy(bytes.data(), &header, sizeof header);
  const auto n = ::write(fd, bytes.data(), bytes.size());
  ::close(fd);
  if (n != static_cast<ssize_t>(bytes.size()) || ::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = health_error("write", temporary);
    ::unlink(temporary.c_str());
    return error;
  }
  return {};
}

}  // namespace

Result<HealthTable> HealthTable::open_or_create(const std::string& path, std::uint32_t slot_count) {
  if (slot_count == 0 || slot_count > kHealthSlotsMax) {
    return fail(Errc::kLimit,
                fmt::format("a health table has 1 to {} slots, not {}", kHealthSlotsMax, slot_count));
  }
  for (const bool again : {true, false}) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) return health_error("open", path);
    HealthTable table;
    if (fd >= 0) {
      struct stat info {};
      if (::fstat(fd, &info) == 0 && info.st_size > 0) {
        void* base =
            ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (base != MAP_FAILED) {
          table.base_ = static_cast<char*>(base);
          table.bytes_ = static_cast<std::uint64_t>(info.st_size);
        }
      }
      ::close(fd);
    }
    if (table.base_ != nullptr && health_file_fault(table.base_, table.bytes_) == nullptr) {
      table.slot_count_ = reinterpret_cast<HealthHeader*>(table.base_)->slot_count;
      if (table.slot_count_ < slot_count) {
        return fail(Errc::kLimit,
                    fmt::format("{} has {} slots, {} are needed", path, table.slot_count_, slot_count),
                    "stop nginx, remove the file and start again");
      }
      return table;
    }
    if (!again) break;
    RW_TRY(create_health(path, slot_count));
  }
  return fail(Errc::kUnavailable, fmt::format("{} cannot be mapped", path));
}

HealthTable::HealthTable(HealthTable&& other) noexcept { *this = std::move(other); }

HealthTable& HealthTable::operator=(HealthTable&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(slot_count_, other.slot_count_);
  return *this;
}

HealthTable::~HealthTable() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

std::uint64_t HealthTable::generation() const { return HealthView(base_).generation(); }

Health HealthTable::get(std::uint32_t slot) const {
  RW_ASSERT(slot < slot_count_);
  return HealthView(base_).state(slot);
}

void HealthTable::set(std::uint32_t slot, Health state) {
  RW_ASSERT(slot < slot_count_);
  if (get(slot) == state) return;
  auto* header = reinterpret_cast<HealthHeader*>(base_);
  auto* states = reinterpret_cast<std::atomic<std::uint32_t>*>(base_ + sizeof(HealthHeader));
  states[slot].store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
  header->generation.fetch_add(1, std::memory_order_release);
}

}  // namespace ringwall::ring
