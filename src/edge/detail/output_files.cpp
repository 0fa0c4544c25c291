#include "edge/detail/output_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace ringwall::edge::detail {

std::uint64_t limit_output(const std::string& path, std::uint64_t durable_bytes, std::uint64_t bytes_max, std::uint64_t bytes_kept) {
  const auto allocated = [](const struct stat& status) {
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  };
  struct stat before {
  }, after{};
  if (::stat(path.c_str(), &before) != 0 || allocated(before) <= bytes_max) return 0;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const auto size = static_cast<std::uint64_t>(before.st_size);
  const auto read = durable_bytes > kReaderLooksBack ? durable_bytes - kReaderLooksBack : 0;
  const auto free = std::min(size > bytes_kept ? size - bytes_kept : 0, read);
  const bool punched = free > 0 &&
                       ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                                   static_cast<off_t>(free)) == 0 &&
                       ::fstat(fd, &after) == 0;
  ::close(fd);
  return punched && allocated(before) > allocated(after) ? allocated(before) - allocated(after) : 0;
}

}  // namespace ringwall::edge::detail
