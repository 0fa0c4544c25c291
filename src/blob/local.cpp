#include "blob/local.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ringwall::blob {

namespace {

namespace fs = std::filesystem;
constexpr const char* kIncoming = ".incoming";
constexpr std::size_t kWriteBufferBytes = 256u << 10;
constexpr int kNameAttemptsMax = 5;

Error local_error(std::string_view doing, const std::string& path) {
  const int number = errno;
  const auto code = number == ENOENT || number == ENOTDIR ? Errc::kNotFound
                    : number == EEXIST                    ? Errc::kExists
                    : number == EACCES || number == EPERM ? Errc::kDenied
                                                          : Errc::kUnavailable;
  return fail(code, fmt::format("{} {}: {}", doing, path, std::strerror(number)));
}

Result<void> sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return local_error("open folder", path);
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (!synced) return local_error("sync folder", path);
  return {};
}

class LocalWriter final : public Writer {
 public:
  LocalWriter(int fd, std::string temporary, std::string root, std::string key)
      : fd_(fd), temporary_(std::move(temporary)), root_(std::move(root)), key_(std::move(key)) {}
  ~LocalWriter() override {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }

  Result<void> append(std::string_view bytes) override {
    if (buffer_.size() + bytes.size() <= kWriteBufferBytes) {
      buffer_.append(bytes);
      return {};
    }
    RW_TRY(write_all(buffer_));
    buffer_.clear();
    return write_all(bytes);
  }

  Result<void> commit() override {
    RW_TRY(write_all(buffer_));
    buffer_.clear();
    if (::fsync(fd_) != 0) return local_error("sync", temporary_);
    // remove() of another blob may take an empty folder away between its creation here and the link.
    for (int attempt = 1;; ++attempt) {
      auto named = give_name();
      if (named.ok() || named.error().code != Errc::kNotFound || attempt == kNameAttemptsMax) return named;
    }
  }

 private:
  Result<void> write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return local_error("write", temporary_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<void> give_name() {
    const auto path = root_ + "/" + key_;
    RW_TRY(make_folders());
    // link() refuses an existing name, which rename() would replace.
    if (::link(temporary_.c_str(), path.c_str()) != 0) return local_error("create", path);
    return sync_folder(fs::path(path).parent_path().string());
  }

  // Each new folder's name is made durable in its parent.
  Result<void> make_folders() {
    for (auto slash = key_.find('/'); slash != std::string::npos; slash = key_.find('/', slash + 1)) {
      const auto folder = root_ + "/" + key_.substr(0, slash);
      if (::mkdir(folder.c_str(), 0700) == 0) {
        RW_TRY(sync_folder(fs::path(folder).parent_path().string()));
      } else if (errno != EEXIST) {
        return local_error("create folder", folder);
      }
    }
    return {};
  }

  int fd_;
  std::string temporary_, root_, key_, buffer_;
};

class LocalReader final : public Reader {
 public:
  LocalReader(int fd, std::uint64_t bytes, std::string path) : fd_(fd), bytes_(bytes), path_(std::move(path)) {}
  ~LocalReader() override { ::close(fd_); }
  std::uint64_t size() const override { return bytes_; }
  Result<void> read(std::uint64_t offset, char* out, std::size_t bytes) override {
    while (bytes > 0) {
      const auto got = ::pread(fd_, out, bytes, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return local_error("read", path_);
      if (got == 0) return fail(Errc::kCorrupt, fmt::format("read {}: it ends at byte {}", path_, offset));
      offset += static_cast<std::uint64_t>(got);
      out += got;
      bytes -= static_cast<std::size_t>(got);
    }
    return {};
  }

 private:
  int fd_;
  std::uint64_t bytes_;
  std::string path_;
};

class LocalBlob final : public Blob {
 public:
  explicit LocalBlob(std::string root) : root_(std::move(root)) {}

  Result<std::unique_ptr<Writer>> create(const std::string& key) override {
    RW_TRY(check_key(key));
    const auto path = root_ + "/" + key;
    if (::access(path.c_str(), F_OK) == 0) return fail(Errc::kExists, fmt::format("{} exists", key));
    const auto temporary = fmt::format("{}/{}/{}", root_, kIncoming, next_.fetch_add(1));
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return local_error("create", temporary);
    return std::unique_ptr<Writer>(new LocalWriter(fd, temporary, root_, key));
  }

  Result<std::unique_ptr<Reader>> open(const std::string& key) override {
    RW_TRY(check_key(key));
    const auto path = root_ + "/" + key;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return local_error("open", path);
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(fd);
      return fail(Errc::kNotFound, fmt::format("{} is not a blob", key));
    }
    return std::unique_ptr<Reader>(new LocalReader(fd, static_cast<std::uint64_t>(status.st_size), path));
  }

  Result<std::vector<Entry>> list(const std::string& prefix) override {
    // Only the deepest whole folder of the prefix has to be walked.
    const auto slash = prefix.rfind('/');
    const auto folder = slash == std::string::npos ? std::string() : prefix.substr(0, slash);
    if (!folder.empty()) RW_TRY(check_key(folder));
    const auto start = folder.empty() ? root_ : root_ + "/" + folder;
    std::vector<Entry> entries;
    std::error_code error;
    fs::recursive_directory_iterator at(start, error), end;
    if (error == std::errc::no_such_file_or_directory) return entries;
    while (!error && at != end) {
      if (at.depth() == 0 && folder.empty() && at->path().filename() == kIncoming) {
        at.disable_recursion_pending();
      } else if (std::error_code unreadable; at->is_regular_file(unreadable)) {
        auto key = at->path().string().substr(root_.size() + 1);
        const auto bytes = at->file_size(unreadable);
        if (!unreadable && key.compare(0, prefix.size(), prefix) == 0) entries.push_back({std::move(key), bytes});
      }
      at.increment(error);
    }
    if (error) return fail(Errc::kUnavailable, fmt::format("list {}: {}", start, error.message()));
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
    return entries;
  }

  Result<void> remove(const std::string& key) override {
    RW_TRY(check_key(key));
    const auto path = root_ + "/" + key;
    if (::unlink(path.c_str()) != 0) return local_error("remove", path);
    // Folders of past hours go with their last file; a folder that is not empty stays, which rmdir() decides.
    for (auto folder = fs::path(path).parent_path().string(); folder.size() > root_.size();) {
      if (::rmdir(folder.c_str()) != 0) break;
      folder = fs::path(folder).parent_path().string();
    }
    return {};
  }

 private:
  const std::string root_;
  std::atomic<std::uint64_t> next_{0};
};

}  // namespace

Result<std::unique_ptr<Blob>> open_local(const std::string& root) {
  std::error_code error;
  const auto incoming = fs::path(root) / kIncoming;
  fs::create_directories(incoming, error);
  if (error) return fail(Errc::kUnavailable, fmt::format("create folder {}: {}", incoming.string(), error.message()));
  for (const auto& left : fs::directory_iterator(incoming, error)) fs::remove(left.path(), error);
  auto path = root;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return std::unique_ptr<Blob>(new LocalBlob(path));
}

}  // namespace ringwall::blob
