// Making and mapping the file: before nginx runs, and in its master.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "keep/detail/shard.h"
#include "keep/table.h"

namespace ringwall::keep {

namespace {

Error table_error(const char* doing, const std::string& path, int error) {
  return fail(error == ENOENT ? Errc::kNotFound : Errc::kUnavailable, fmt::format("{} {}: {}", doing, path, std::strerror(error)));
}

class OpenFile {
 public:
  OpenFile(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// Made under another name and renamed, so that nobody sees half a header.
Result<void> create_table(const std::string& path, const TableOptions& options) {
  const auto shards = (options.bytes - std::min<std::uint64_t>(options.bytes, kTableHeaderBytes)) / kShardBytes;
  if (shards == 0 || shards > kShardsMax) {
    return fail(Errc::kLimit, fmt::format("a table of {} bytes: it has {} to {} bytes", options.bytes, kTableBytesMin, table_bytes(kShardsMax)));
  }
  const auto temporary = path + ".new";
  const OpenFile file(temporary, O_RDWR | O_CREAT | O_TRUNC);
  if (file.fd() < 0) return table_error("create", temporary, errno);
  TableHeader header{};
  header.magic = kTableMagic;
  header.version = kTableVersion;
  header.shard_count = static_cast<std::uint32_t>(shards);
  std::memcpy(header.boot_id, options.boot_id.data(), sizeof header.boot_id);
  int error = ::getrandom(&header.seed, sizeof header.seed, 0) == sizeof header.seed ? 0 : EIO;
  const auto bytes = static_cast<off_t>(table_bytes(header.shard_count));
  if (error == 0 && ::ftruncate(file.fd(), bytes) != 0) error = errno;
  if (error == 0 && options.reserve) error = ::posix_fallocate(file.fd(), 0, bytes);
  if (error == 0 && ::pwrite(file.fd(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(temporary.c_str());
  return table_error("write", temporary, error);
}

}  // namespace

Result<TableFile> TableFile::open(const std::string& path) {
  const OpenFile file(path, O_RDWR);
  if (file.fd() < 0) return table_error("open", path, errno);
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return table_error("open", path, errno);
  TableFile out;
  out.bytes_ = static_cast<std::uint64_t>(info.st_size);
  const char* fault = table_file_fault(nullptr, 0);
  if (S_ISREG(info.st_mode) && out.bytes_ >= kTableHeaderBytes) {
    void* base = ::mmap(nullptr, out.bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    if (base == MAP_FAILED) return table_error("map", path, errno);
    out.base_ = base;
    fault = table_file_fault(base, out.bytes_);
  }
  if (fault == nullptr) return out;
  return fail(Errc::kCorrupt, fmt::format("{} cannot be used: {}", path, fault), "stop nginx, remove the file and start again: counters and limits begin anew");
}

Result<TableFile> TableFile::open_or_create(const std::string& path, const TableOptions& options) {
  auto opened = open(path);
  if (!opened.ok() && opened.error().code == Errc::kNotFound) {
    RW_TRY(create_table(path, options));
    return open(path);
  }
  auto file = RW_TRY(std::move(opened));
  auto* header = static_cast<TableHeader*>(file.base());
  const bool known = options.boot_id != decltype(options.boot_id){};
  if (known && std::memcmp(header->boot_id, options.boot_id.data(), sizeof header->boot_id) != 0) {
    file.check_all();
    std::memcpy(header->boot_id, options.boot_id.data(), sizeof header->boot_id);
  }
  return file;
}

void TableFile::check_all() {
  auto* header = static_cast<TableHeader*>(base_);
  auto* shards = reinterpret_cast<Shard*>(static_cast<char*>(base_) + kTableHeaderBytes);
  for (std::uint32_t i = 0; i < header->shard_count; ++i) {
    detail::ShardEdit(shards[i], header->counters).repair(true, header->seed);
    shards[i].lock.store(0, std::memory_order_release);
  }
}

std::uint32_t TableFile::shard_count() const { return static_cast<const TableHeader*>(base_)->shard_count; }

std::uint64_t TableFile::cells_used() const {
  const auto* shards = reinterpret_cast<const Shard*>(static_cast<const char*>(base_) + kTableHeaderBytes);
  std::uint64_t used = 0;
  for (std::uint32_t i = 0, n = shard_count(); i < n; ++i) {
    // Not locked: a number for people.
    const auto fresh = std::min(shards[i].fresh, kCells);
    used += fresh - std::min(shards[i].free_count, fresh);
  }
  return used;
}

TableFile::TableFile(TableFile&& other) noexcept { *this = std::move(other); }
TableFile& TableFile::operator=(TableFile&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}
TableFile::~TableFile() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

}  // namespace ringwall::keep
