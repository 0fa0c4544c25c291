#include "collect/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <regex>

#include "base/log.h"
#include "base/text.h"
#include "collect/fields.h"

namespace ringwall::collect {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string read_at(int fd, std::uint64_t offset, std::size_t bytes) {
  std::string out(bytes, '\0');
  const auto got = ::pread(fd, out.data(), bytes, static_cast<off_t>(offset));
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

struct Follow {
  const FileTail* tail;
  const std::regex* start;  // null: every line is a record
  Descriptor fd;
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  std::string source;              // "file:<identity>"; empty until the beginning is known
  std::uint64_t generation = 0;    // counts truncations seen by this process
  std::uint64_t offset = 0;        // behind the last record handed over
  std::string last_bytes;          // before `offset`, to find the copy of a truncated file
  std::int64_t grew_ns = 0;        // when it was last seen to grow
  std::uint64_t size_seen = 0;
  bool named = true;               // its path still leads to it
};

class FileTailerImpl final : public FileTailer {
 public:
  FileTailerImpl(std::vector<FileTail> tails, Collector& collector, base::Clock& clock) : tails_(std::move(tails)), collector_(collector), clock_(clock) {}

  Result<void> prepare() {
    for (const auto& tail : tails_) {
      auto& start = starts_.emplace_back();
      if (tail.multiline_start.empty()) continue;
      try {
        start.emplace(tail.multiline_start, std::regex::ECMAScript | std::regex::optimize);
      } catch (const std::regex_error& error) {
        return fail(Errc::kInvalid, fmt::format("{}: '{}' is not a regular expression", tail.path, tail.multiline_start));
      }
    }
    return {};
  }

  bool step() override {
    discover();
    bool read = false;
    for (auto& follow : follows_) read = read_one(*follow) || read;
    forget_finished();
    return read;
  }

 private:
  void discover() {
    for (auto& follow : follows_) follow->named = false;
    for (std::size_t i = 0; i < tails_.size(); ++i) {
      const std::filesystem::path pattern(tails_[i].path);
      const auto folder = pattern.parent_path();
      const auto name = pattern.filename().string();
      if (name.find_first_of("*?[") == std::string::npos) {
        open_path(pattern.string(), i);
        continue;
      }
      std::error_code error;
      for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const auto entry = it->path().filename().string();
        // Compressed siblings hold what was read before they were compressed.
        if (entry.ends_with(".gz") || entry.ends_with(".zst") || entry.ends_with(".xz") || entry.ends_with(".bz2")) continue;
        if (::fnmatch(name.c_str(), entry.c_str(), FNM_PERIOD) == 0) open_path(it->path().string(), i);
      }
    }
  }

  void open_path(const std::string& path, std::size_t tail) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    for (auto& follow : follows_) {
      if (follow->device == status.st_dev && follow->inode == status.st_ino) {
        follow->named = true;
        follow->path = path;
        return;
      }
    }
    if (follows_.size() == kFilesMax) return;
    Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (fd.get() < 0) {
      if (refused_.insert({path, true}).second) base::log_event(base::Level::kWarn, "collect.file_not_readable", {{"path", path}});
      return;
    }
    auto follow = std::make_unique<Follow>(Follow{&tails_[tail], starts_[tail].has_value() ? &*starts_[tail] : nullptr, std::move(fd), path});
    follow->device = status.st_dev;
    follow->inode = status.st_ino;
    follow->grew_ns = clock_.monotonic_ns();
    follows_.push_back(std::move(follow));
  }

  // The beginning of a file decides who it is, so it waits for a whole first line or enough bytes.
  bool identify(Follow& follow) {
    const auto head = read_at(follow.fd.get(), 0, kIdentityBytes);
    const auto line = head.find('\n');
    if (line == std::string::npos && head.size() < kIdentityBytes) return false;
    const auto beginning = std::string_view(head).substr(0, line == std::string::npos ? head.size() : line + 1);
    follow.source = fmt::format("file:{:x}:{:x}:{:016x}{}", follow.device, follow.inode, base::hash64(beginning),
                                follow.generation == 0 ? "" : fmt::format(":{}", follow.generation));
    follow.offset = collector_.position(follow.source);
    return true;
  }

  bool read_one(Follow& follow) {
    struct stat status {};
    if (::fstat(follow.fd.get(), &status) != 0) return false;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size != follow.size_seen) {
      follow.size_seen = size;
      follow.grew_ns = clock_.monotonic_ns();
    }
    if (!follow.source.empty() && size < follow.offset) truncated(follow);
    if (follow.source.empty() && (size == 0 || !identify(follow))) return false;
    if (size < follow.offset) return truncated(follow), false;
    if (size == follow.offset) return false;
    return hand_over(follow, read_at(follow.fd.get(), follow.offset, kReadBytes + kRecordBytesMax));
  }

  // copytruncate: the copy holds what we had not read when the file was emptied.
  void truncated(Follow& follow) {
    std::error_code error;
    const auto folder = std::filesystem::path(follow.path).parent_path();
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const auto path = it->path().string();
      struct stat status {};
      if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino == follow.inode) continue;
      if (static_cast<std::uint64_t>(status.st_size) < follow.offset || follow.last_bytes.empty()) continue;
      Descriptor copy(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (copy.get() < 0 || read_at(copy.get(), follow.offset - follow.last_bytes.size(), follow.last_bytes.size()) != follow.last_bytes) continue;
      const auto rest = static_cast<std::uint64_t>(status.st_size) - follow.offset;
      base::log_event(base::Level::kInfo, "collect.file_copy_found", {{"path", path}, {"unread_bytes", std::to_string(rest)}});
      for (;;) {
        const auto bytes = read_at(copy.get(), follow.offset, kReadBytes + kRecordBytesMax);
        if (bytes.empty() || !hand_over(follow, bytes)) break;
      }
      break;
    }
    ++follow.generation;
    follow.offset = 0;
    follow.source.clear();
    follow.last_bytes.clear();
  }

  // Cuts `bytes`, which stand at the file's offset, into records and hands whole ones over.
  bool hand_over(Follow& follow, std::string_view bytes) {
    const bool quiet = clock_.monotonic_ns() - follow.grew_ns > std::chrono::nanoseconds(kRecordQuiet).count();
    base::BatchBuilder builder(base::Signal::kLog);
    const FileTail& tail = *follow.tail;
    builder.resource(tail.service, tail.env, tail.version, tail.host, tail.region, "file");
    builder.resource_attribute("log.file.path", follow.path);
    for (const auto& [key, value] : tail.tags) builder.resource_attribute(key, value);
    const auto format = line_format(tail.format);
    const auto now = clock_.now_ns();

    std::size_t done = 0;    // bytes handed over
    std::size_t record = 0;  // where the record being gathered begins
    std::size_t at = 0;
    const auto emit = [&](std::size_t end) {
      auto text = bytes.substr(record, end - record);
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
      if (!base::trim(text).empty()) {
        const bool cut = text.size() > kRecordBytesMax;
        append_line(builder, text.substr(0, kRecordBytesMax), format, now);
        if (cut) builder.attribute("truncated", "true");
      }
      done = record = end;
    };
    while (at < bytes.size() && done < kReadBytes && !builder.full()) {
      const auto newline = bytes.find('\n', at);
      if (newline == std::string_view::npos) {
        // A line longer than a record is cut here and its rest read as the next one.
        if (bytes.size() - record >= kRecordBytesMax) emit(record + kRecordBytesMax), at = done;
        break;
      }
      const auto line = bytes.substr(at, newline - at);
      if (follow.start == nullptr) {
        emit(newline + 1);
      } else if (at != record && std::regex_search(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(line.size(), 512)), *follow.start)) {
        emit(at);
      } else if (newline + 1 - record >= kRecordBytesMax) {
        emit(newline + 1);
      }
      at = newline + 1;
    }
    // The last record of a multi-line file ends when nothing followed for a while.
    if (follow.start != nullptr && quiet && at > record && at == bytes.size()) emit(at);
    if (done == 0) return false;

    const auto position = follow.offset + done;
    if (builder.size() != 0) {
      const auto outcome = collector_.submit_and_wait({.source = follow.source, .position = position, .batch = builder.take()});
      // Overload or a full disk: the lines stay where they are, in the file.
      if (!outcome.ok()) return false;
    }
    const auto tail_bytes = std::min<std::size_t>(done, 1024);
    follow.last_bytes = bytes.substr(done - tail_bytes, tail_bytes);
    follow.offset = position;
    return true;
  }

  void forget_finished() {
    const auto now = clock_.monotonic_ns();
    std::erase_if(follows_, [&](const auto& follow) {
      return !follow->named && follow->offset >= follow->size_seen && now - follow->grew_ns > std::chrono::nanoseconds(kQuietAfter).count();
    });
  }

  const std::vector<FileTail> tails_;
  std::vector<std::optional<std::regex>> starts_;
  Collector& collector_;
  base::Clock& clock_;
  std::vector<std::unique_ptr<Follow>> follows_;
  std::map<std::string, bool> refused_;  // told once
};

}  // namespace

Result<std::unique_ptr<FileTailer>> FileTailer::make(std::vector<FileTail> tails, Collector& collector, base::Clock& clock) {
  auto tailer = std::make_unique<FileTailerImpl>(std::move(tails), collector, clock);
  RW_TRY(tailer->prepare());
  return std::unique_ptr<FileTailer>(std::move(tailer));
}

}  // namespace ringwall::collect
