#include "places/shared_bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ringwall::places {

SharedBytes in_memory(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return {*owner, owner};
}

Result<SharedBytes> map_file(int fd, const std::string& name) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(Errc::kUnavailable, fmt::format("{}: {}", name, std::strerror(errno)));
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes == 0) return SharedBytes{};
  void* const at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return fail(Errc::kUnavailable, fmt::format("{}: {}", name, std::strerror(errno)));
  return SharedBytes{{static_cast<const char*>(at), bytes}, std::shared_ptr<const void>(at, [bytes](const void* base) { ::munmap(const_cast<void*>(base), bytes); })};
}

Result<SharedBytes> map_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(errno == ENOENT ? Errc::kNotFound : Errc::kDenied, fmt::format("{}: {}", path, std::strerror(errno)));
  auto out = map_file(fd, path);
  ::close(fd);
  return out;
}

}  // namespace ringwall::places
