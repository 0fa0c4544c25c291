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

constexpr std::size_t kTailBytes = 1024;  // before the offset, compared to see whether the file is still the same

struct Follow {
  const FileTail* tail;
  const std::regex* start;  // null: every line is a record
  Descriptor fd;
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  std::string source;              // "file:<identity>"; empty until the beginning is known
  std::uint64_t offset = 0;        // behind the last record handed over
  std::string last_bytes;          // before `offset`, to find the copy of a truncated file
  std::int64_t grew_ns = 0;        // when it was last seen to grow
  std::uint64_t size_seen = 0;
  std::int64_t changed_ns = 0;     // the file's own time when its tail was last compared
  bool named = true;               // its path still leads to it
  std::uint64_t head_hash = 0;     // of its beginning, once known
  bool reborn = false;             // truncated under our eyes: what it has now was not read
  bool copy = false;               // repeats a file that is followed: not read
  bool never_copy = false;         // looked like one and was not
  std::int64_t copy_since_ns = 0;
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
    // Reading a truncated file may add its copy at the end.
    for (std::size_t i = 0; i < follows_.size(); ++i) read = read_one(*follows_[i]) || read;
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
    bool known = false;
    for (auto& follow : follows_) {
      if (follow->device != status.st_dev || follow->inode != status.st_ino) continue;
      follow->named = known = true;
      follow->path = path;
    }
    if (known) return;
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
    if (line == std::string::npos && head.size() < kIdentityBytes && !ended(follow)) return false;
    follow.head_hash = base::hash64(std::string_view(head).substr(0, line == std::string::npos ? head.size() : line + 1));
    // A truncated file that begins as it did before is told apart by a number; the highest one known is the newest.
    const auto name = [&](std::uint64_t generation) {
      return fmt::format("file:{:x}:{:x}:{:016x}{}", follow.device, follow.inode, follow.head_hash, generation == 0 ? "" : fmt::format(":{}", generation));
    };
    std::uint64_t generation = 0;
    while (collector_.position(name(generation + 1)) != 0) ++generation;
    if (follow.reborn && collector_.position(name(generation)) != 0) ++generation;
    const auto offset = collector_.position(name(generation));
    if (offset == 0) {
      const auto copy = is_copy(follow);
      if (copy == Copy::kYes) follow.copy = true, follow.copy_since_ns = clock_.monotonic_ns();
      if (copy != Copy::kNo) return false;
    }
    follow.source = name(generation);
    follow.offset = offset;
    remember_tail(follow);
    return true;
  }

  // Whether this file repeats one that is followed.  A copy is named after its original and does not grow; programs
  // that begin their logs alike do.  kMaybe while it looks like a copy that is still being written.
  enum class Copy { kNo, kMaybe, kYes };
  Copy is_copy(const Follow& follow) const {
    if (follow.never_copy) return Copy::kNo;
    const auto name = std::filesystem::path(follow.path).filename().string();
    for (const auto& other : follows_) {
      if (other.get() == &follow || other->copy || other->source.empty() || other->head_hash != follow.head_hash) continue;
      if (other->device == follow.device && other->inode == follow.inode) return Copy::kYes;  // its rest is being read
      if (other->last_bytes.empty() || !name.starts_with(std::filesystem::path(other->path).stem().string())) continue;
      if (follow.size_seen < other->offset) return still(follow) < kQuietAfter ? Copy::kMaybe : Copy::kNo;
      if (bytes_before(follow.fd.get(), other->offset, other->last_bytes.size()) == other->last_bytes) return Copy::kYes;
    }
    return Copy::kNo;
  }

  // For how long it has not grown, and whether it will not any more.
  std::chrono::nanoseconds still(const Follow& follow) const { return std::chrono::nanoseconds(clock_.monotonic_ns() - follow.grew_ns); }
  bool ended(const Follow& follow) const { return !follow.named && still(follow) > kQuietAfter; }

  static std::string bytes_before(int fd, std::uint64_t offset, std::size_t bytes) { return read_at(fd, offset - bytes, bytes); }
  static void remember_tail(Follow& follow) {
    follow.last_bytes = bytes_before(follow.fd.get(), follow.offset, static_cast<std::size_t>(std::min<std::uint64_t>(follow.offset, kTailBytes)));
  }

  bool read_one(Follow& follow) {
    struct stat status {};
    if (::fstat(follow.fd.get(), &status) != 0) return false;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (follow.copy) {
      const bool being_copied = clock_.monotonic_ns() - follow.copy_since_ns <= std::chrono::nanoseconds(kQuietAfter).count();
      if (being_copied) follow.size_seen = size;
      if (size == follow.size_seen) return false;
      // It grows: a log of its own that began like another.
      follow.copy = false;
      follow.never_copy = true;
    }
    if (size != follow.size_seen) {
      follow.size_seen = size;
      follow.grew_ns = clock_.monotonic_ns();
    }
    if (follow.source.empty() && (size == 0 || !identify(follow))) return false;
    const auto changed_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    if (size == follow.offset && changed_ns == follow.changed_ns) return false;
    follow.changed_ns = changed_ns;
    // Truncated, and perhaps already as long as before or longer.
    if (size < follow.offset || bytes_before(follow.fd.get(), follow.offset, follow.last_bytes.size()) != follow.last_bytes) {
      truncated(follow);
      if (size == 0 || !identify(follow)) return false;
    }
    if (size == follow.offset) return false;
    return hand_over(follow, read_at(follow.fd.get(), follow.offset, kReadBytes + kRecordBytesMax));
  }

  // copytruncate: the copy holds what we had not read when the file was emptied.
  void truncated(Follow& follow) {
    std::error_code error;
    const auto folder = std::filesystem::path(follow.path).parent_path();
    bool found = false;
    for (std::filesystem::directory_iterator it(folder, error), end; !found && !error && it != end; it.increment(error)) {
      const auto path = it->path().string();
      struct stat status {};
      if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino == follow.inode) continue;
      if (static_cast<std::uint64_t>(status.st_size) < follow.offset || follow.last_bytes.empty()) continue;
      Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
      if (fd.get() < 0 || bytes_before(fd.get(), follow.offset, follow.last_bytes.size()) != follow.last_bytes) continue;
      found = true;
      read_copy(follow, path, status, std::move(fd));
    }
    base::log_event(base::Level::kInfo, "collect.file_truncated", {{"path", follow.path}, {"copy_found", found ? "true" : "false"}});
    follow.offset = 0;
    follow.source.clear();
    follow.last_bytes.clear();
    follow.reborn = true;
  }

  // Follows the copy from where we stood, under its own identity, until it is read.
  void read_copy(const Follow& follow, const std::string& path, const struct stat& status, Descriptor fd) {
    auto copy = std::make_unique<Follow>(Follow{follow.tail, follow.start, std::move(fd), path});
    copy->device = status.st_dev;
    copy->inode = status.st_ino;
    copy->grew_ns = clock_.monotonic_ns();
    copy->size_seen = static_cast<std::uint64_t>(status.st_size);
    copy->head_hash = follow.head_hash;
    copy->source = fmt::format("file:{:x}:{:x}:{:016x}", copy->device, copy->inode, copy->head_hash);
    copy->offset = std::max(follow.offset, collector_.position(copy->source));
    copy->named = false;
    remember_tail(*copy);
    follows_.push_back(std::move(copy));
  }

  // Cuts `bytes`, which stand at the file's offset, into records and hands whole ones over.
  bool hand_over(Follow& follow, std::string_view bytes) {
    const bool quiet = still(follow) > kRecordQuiet;
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
    const auto emit = [&](std::size_t end, bool cut = false) {
      auto text = bytes.substr(record, end - record);
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
      if (!base::trim(text).empty()) {
        append_line(builder, text, format, now);
        if (cut) builder.attribute("truncated", "true");
      }
      done = record = end;
    };
    while (at < bytes.size() && done < kReadBytes && !builder.full()) {
      const auto newline = bytes.find('\n', at);
      if (newline == std::string_view::npos || newline - record > kRecordBytesMax) {
        if (newline == std::string_view::npos && bytes.size() - record < kRecordBytesMax) break;
        // Too long for one record: it is cut, and the rest is read as the next one.
        emit(at > record ? at : record + kRecordBytesMax, true);
        at = done;
        continue;
      }
      const auto line = bytes.substr(at, newline - at);
      if (follow.start == nullptr) {
        emit(newline + 1);
      } else if (at != record && std::regex_search(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(line.size(), 512)), *follow.start)) {
        emit(at);
      }
      at = newline + 1;
    }
    // The last record of a multi-line file ends when nothing followed for a while.
    if (follow.start != nullptr && quiet && at > record && at == bytes.size()) emit(at);
    // Nobody will end the last line of a file that was rotated away or deleted.
    if (ended(follow) && bytes.size() > record && bytes.size() <= kRecordBytesMax) emit(bytes.size());
    if (done == 0) return false;

    const auto position = follow.offset + done;
    if (builder.size() != 0) {
      const auto outcome = collector_.submit_and_wait({.source = follow.source, .position = position, .batch = builder.take()});
      // Overload or a full disk: the lines stay where they are, in the file.
      if (!outcome.ok()) return false;
    }
    const auto tail_bytes = std::min(done, kTailBytes);
    follow.last_bytes = bytes.substr(done - tail_bytes, tail_bytes);
    follow.offset = position;
    return true;
  }

  void forget_finished() {
    std::erase_if(follows_, [&](const auto& follow) { return ended(*follow) && (follow->copy || follow->source.empty() || follow->offset >= follow->size_seen); });
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
