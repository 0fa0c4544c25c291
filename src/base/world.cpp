#include "base/world.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace ringwall::base {

namespace {

std::int64_t read_clock(clockid_t id) {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

class RealClock final : public Clock {
 public:
  std::int64_t now_ns() override { return read_clock(CLOCK_REALTIME); }
  std::int64_t monotonic_ns() override { return read_clock(CLOCK_MONOTONIC); }
};

Error system_error(std::string_view doing, const std::string& path) {
  const int number = errno;
  const auto code = number == ENOENT   ? Errc::kNotFound
                    : number == EEXIST ? Errc::kExists
                    : number == EACCES || number == EPERM ? Errc::kDenied
                                       : Errc::kUnavailable;
  return fail(code, fmt::format("{} {}: {}", doing, path, std::strerror(number)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// A new name is durable only after its folder was synced too.
Result<void> sync_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path().string();
  const Descriptor fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return system_error("sync folder of", path);
  return {};
}

class RealAppendFile final : public AppendFile {
 public:
  RealAppendFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Result<void> append(std::string_view bytes) override { return write_all(fd_.get(), bytes, path_); }
  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return system_error("sync", path_);
    return {};
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class RealFiles final : public Files {
 public:
  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return system_error("open", path);
    std::unique_ptr<AppendFile> file = std::make_unique<RealAppendFile>(fd, path);
    RW_TRY(sync_folder_of(path));
    return file;
  }

  Result<std::string> read(const std::string& path) override {
    return read_range(path, 0, ~0ull);
  }

  Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::uint64_t bytes) override {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return system_error("open", path);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return system_error("stat", path);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    // Files of /proc say they are empty and have to be read to their end.
    std::string out(size > offset ? std::min(bytes, size - offset) : bytes == ~0ull ? 64 * 1024 : 0, '\0');
    std::size_t filled = 0;
    while (filled < out.size()) {
      const auto got = ::pread(fd.get(), out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error("read", path);
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    out.resize(filled);
    return out;
  }

  Result<std::uint64_t> size(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return system_error("stat", path);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> write_atomic(const std::string& path, std::string_view bytes, unsigned mode) override {
    const std::string temporary = path + ".tmp";
    {
      const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
      if (!fd.valid()) return system_error("create", temporary);
      if (::fchmod(fd.get(), mode) != 0) return system_error("set mode of", temporary);
      RW_TRY(write_all(fd.get(), bytes, temporary));
      if (::fsync(fd.get()) != 0) return system_error("sync", temporary);
    }
    return rename(temporary, path);
  }

  Result<void> truncate(const std::string& path, std::uint64_t bytes) override {
    const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid()) return system_error("open", path);
    if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0 || ::fdatasync(fd.get()) != 0) {
      return system_error("truncate", path);
    }
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_error("remove", path);
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from);
    return sync_folder_of(to);
  }

  Result<void> make_directories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return fail(Errc::kUnavailable, fmt::format("create folder {}: {}", path, error.message()));
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    std::error_code error;
    std::filesystem::directory_iterator it(path, error);
    if (error) {
      return fail(error == std::errc::no_such_file_or_directory ? Errc::kNotFound : Errc::kUnavailable,
                  fmt::format("list {}: {}", path, error.message()));
    }
    std::vector<std::string> names;
    for (; it != std::filesystem::directory_iterator(); it.increment(error)) {
      if (error) return fail(Errc::kUnavailable, fmt::format("list {}: {}", path, error.message()));
      names.push_back(it->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

}  // namespace

Clock& real_clock() {
  static RealClock clock;
  return clock;
}

Files& real_files() {
  static RealFiles files;
  return files;
}

}  // namespace ringwall::base
