#include "collect/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>
#include <regex>
#include <set>

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

// A position as the collector keeps it: the offset, and a check of the bytes before it, so that after a restart a file
// that was truncated meanwhile is told from one that only grew.  Grows with the offset; 16 TiB at most.
constexpr unsigned kCheckBits = 20;
std::uint64_t position_of(std::uint64_t offset, std::string_view last_bytes) { return offset << kCheckBits | (base::hash64(last_bytes) & ((1u << kCheckBits) - 1)); }
std::uint64_t offset_of(std::uint64_t position) { return position >> kCheckBits; }

// The number of a file is given to another one when it is deleted, its time of birth is not.  Where the file system
// does not tell it, the device has to do, which another boot may number differently.
std::string identity_of(int fd, const struct stat& status) {
  struct statx more {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &more) == 0 && (more.stx_mask & STATX_BTIME) != 0) {
    return fmt::format("file:{:x}:{:x}.{:x}", status.st_ino, more.stx_btime.tv_sec, more.stx_btime.tv_nsec);
  }
  return fmt::format("file:{:x}:d{:x}", status.st_ino, status.st_dev);
}

// Compressed siblings hold what was read before they were compressed.
bool compressed(std::string_view name) { return name.ends_with(".gz") || name.ends_with(".zst") || name.ends_with(".xz") || name.ends_with(".bz2"); }

// What the names of a pattern's files and of their rotated forms begin with.
std::string prefix_of(const std::string& pattern) {
  const std::filesystem::path path(pattern);
  const auto name = path.filename().string();
  const auto wild = name.find_first_of("*?[");
  return wild == std::string::npos ? path.stem().string() : name.substr(0, wild);
}

struct Follow {
  const FileTail* tail;
  const std::regex* start;  // null: every line is a record
  Descriptor fd;
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  std::string identity;            // "file:…", of all its generations
  std::string source;              // of the present one; empty until the beginning is known
  std::uint64_t offset = 0;        // behind the last record handed over
  std::string last_bytes;          // the kTailBytes before `offset`, or all
  std::int64_t grew_ns = 0;        // when it was last seen to grow
  std::uint64_t size_seen = 0;
  std::int64_t changed_ns = 0;     // the file's own time when its tail was last compared
  bool named = true;               // its path still leads to it
  std::uint64_t head_hash = 0;     // of its beginning, once known
  bool reborn = false;             // truncated under our eyes: what it has now was not read
  bool found_at_start = false;     // by the first step
  bool copy = false;               // repeats a file that is followed: not read
  bool never_copy = false;         // looked like one and was not
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
    if (!std::exchange(resumed_, true)) resume_rotated();
    bool read = false;
    // Reading a truncated file may add its copy at the end.
    for (std::size_t i = 0; i < follows_.size(); ++i) read = read_one(*follows_[i]) || read;
    forget_finished();
    return read;
  }

  std::uint64_t durable(const std::string& path) const override {
    for (const auto& follow : follows_) {
      // The offset moves only after the collector has said that it has the lines.
      if (follow->named && !follow->copy && !follow->source.empty() && follow->path == path) return follow->offset;
    }
    return 0;
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
        if (!compressed(entry) && ::fnmatch(name.c_str(), entry.c_str(), FNM_PERIOD) == 0) open_path(it->path().string(), i);
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
    if (follows_.size() >= kFilesMax) {
      if (!std::exchange(full_, true)) base::log_event(base::Level::kWarn, "collect.too_many_files", {{"path", path}, {"files_max", std::to_string(kFilesMax)}});
      return;
    }
    Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    // The name may lead elsewhere by now.
    if (fd.get() >= 0 && (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))) return;
    if (fd.get() < 0) {
      if (refused_.size() < kFilesMax && refused_.insert(path).second) base::log_event(base::Level::kWarn, "collect.file_not_readable", {{"path", path}});
      return;
    }
    follow(&tails_[tail], starts_[tail].has_value() ? &*starts_[tail] : nullptr, path, status, std::move(fd));
  }

  Follow& follow(const FileTail* tail, const std::regex* start, const std::string& path, const struct stat& status, Descriptor fd) {
    auto& added = *follows_.emplace_back(std::make_unique<Follow>(Follow{tail, start, std::move(fd), path}));
    added.device = status.st_dev;
    added.inode = status.st_ino;
    added.identity = identity_of(added.fd.get(), status);
    added.grew_ns = clock_.monotonic_ns();
    added.found_at_start = !resumed_;
    return added;
  }
  bool followed(const struct stat& status) const {
    return std::any_of(follows_.begin(), follows_.end(), [&](const auto& f) { return f->device == status.st_dev && f->inode == status.st_ino; });
  }

  // What was renamed while nobody looked is known by its identity, and read to its end.
  void resume_rotated() {
    std::vector<std::size_t> order(tails_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Of several tails in a folder the most exact name wins.
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return prefix_of(tails_[a].path).size() > prefix_of(tails_[b].path).size(); });
    for (const auto i : order) {
      const auto prefix = prefix_of(tails_[i].path);
      std::error_code error;
      for (std::filesystem::directory_iterator it(std::filesystem::path(tails_[i].path).parent_path(), error), end; !error && it != end; it.increment(error)) {
        const auto path = it->path().string(), name = it->path().filename().string();
        struct stat status {};
        if (!name.starts_with(prefix) || compressed(name) || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || followed(status) || follows_.size() >= kFilesMax) continue;
        Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        if (fd.get() < 0) continue;
        const auto position = collector_.position(source_of(identity_of(fd.get(), status), newest_generation(identity_of(fd.get(), status))));
        if (position == 0 || offset_of(position) >= static_cast<std::uint64_t>(status.st_size)) continue;
        follow(&tails_[i], starts_[i].has_value() ? &*starts_[i] : nullptr, path, status, std::move(fd)).named = false;
      }
    }
  }

  // A truncated file goes on under a number behind its identity; the highest one known is the present.
  static std::string source_of(const std::string& identity, std::uint64_t generation) { return generation == 0 ? identity : fmt::format("{}:{}", identity, generation); }
  std::uint64_t newest_generation(const std::string& identity) const {
    std::uint64_t generation = 0;
    while (collector_.position(source_of(identity, generation + 1)) != 0) ++generation;
    return generation;
  }

  // The beginning of a file decides who it is, so it waits for a whole first line or enough bytes.
  bool identify(Follow& follow) {
    const auto head = read_at(follow.fd.get(), 0, kIdentityBytes);
    const auto line = head.find('\n');
    if (line == std::string::npos && head.size() < kIdentityBytes && !ended(follow)) return false;
    follow.head_hash = base::hash64(std::string_view(head).substr(0, line == std::string::npos ? head.size() : line + 1));
    auto generation = newest_generation(follow.identity);
    auto position = collector_.position(source_of(follow.identity, generation));
    if (position != 0 && !follow.reborn) {
      const auto offset = offset_of(position);
      const auto matches = [position, offset](std::string_view before) { return position_of(offset, before) == position; };
      const auto before = tail_before(follow.fd.get(), offset);
      // Fewer bytes than the file has: the read failed.  The next step tries again.
      if (follow.size_seen >= offset && before.size() < std::min<std::uint64_t>(offset, kTailBytes)) return false;
      if (follow.size_seen < offset || !matches(before)) {
        // While nobody looked.
        read_rest_of_copy(follow, offset, matches);
        follow.reborn = true;
      }
    }
    if (follow.reborn && position != 0) ++generation, position = 0;
    if (position == 0 && !follow.reborn) {
      const auto copy = is_copy(follow);
      follow.copy = copy == Copy::kYes;
      if (copy != Copy::kNo) return false;
    }
    follow.source = source_of(follow.identity, generation);
    follow.offset = position != 0 || follow.reborn ? offset_of(position) : read_before_truncation(follow);
    follow.last_bytes = tail_before(follow.fd.get(), follow.offset);
    return true;
  }

  // Whether this file repeats one that is followed.  A copy is named after its original, is nowhere longer and nowhere
  // different; programs that begin their logs alike soon write something else.  kMaybe while it is shorter than what
  // was read of the original: it may still be being written.
  enum class Copy { kNo, kMaybe, kYes };
  Copy is_copy(const Follow& follow) const {
    if (follow.never_copy) return Copy::kNo;
    const auto name = std::filesystem::path(follow.path).filename().string();
    auto answer = Copy::kNo;
    for (const auto& other : follows_) {
      if (other.get() == &follow || other->copy || other->source.empty() || other->head_hash != follow.head_hash) continue;
      if (other->device == follow.device && other->inode == follow.inode) return Copy::kYes;  // its rest is being read
      if (other->offset == 0 || !name.starts_with(std::filesystem::path(other->path).stem().string()) || !repeats(follow, *other)) continue;
      if (follow.size_seen >= other->offset) return Copy::kYes;
      if (still(follow) < kQuietAfter) answer = Copy::kMaybe;
    }
    return answer;
  }
  // How much of a copy that an earlier run left behind was read when it was still the original: what is known of a
  // followed file's former generations fits it.
  std::uint64_t read_before_truncation(const Follow& follow) const {
    if (!follow.found_at_start) return 0;
    const auto name = std::filesystem::path(follow.path).filename().string();
    for (const auto& other : follows_) {
      if (other.get() == &follow || !name.starts_with(std::filesystem::path(other->path).stem().string())) continue;
      const auto newest = newest_generation(other->identity);
      for (std::uint64_t generation = 0; generation <= newest; ++generation) {
        const auto position = collector_.position(source_of(other->identity, generation));
        const auto offset = offset_of(position);
        // The original itself still has its present one: a file that only begins like it is no copy.
        if (generation == newest && position_of(offset, tail_before(other->fd.get(), offset)) == position) continue;
        if (position != 0 && offset <= follow.size_seen && position_of(offset, tail_before(follow.fd.get(), offset)) == position) return offset;
      }
    }
    return 0;
  }
  static bool repeats(const Follow& follow, const Follow& other) {
    struct stat status {};
    if (::fstat(other.fd.get(), &status) != 0) return false;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size >= other.offset && tail_before(other.fd.get(), other.offset) == other.last_bytes) {
      return follow.size_seen <= size && tail_before(follow.fd.get(), follow.size_seen) == tail_before(other.fd.get(), follow.size_seen);
    }
    // The original was truncated a moment ago.
    return follow.size_seen >= other.offset && tail_before(follow.fd.get(), other.offset) == other.last_bytes;
  }

  // For how long it has not grown, and whether it will not any more.
  std::chrono::nanoseconds still(const Follow& follow) const { return std::chrono::nanoseconds(clock_.monotonic_ns() - follow.grew_ns); }
  bool ended(const Follow& follow) const { return !follow.named && still(follow) > kQuietAfter; }

  static std::string tail_before(int fd, std::uint64_t offset) {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(offset, kTailBytes));
    return read_at(fd, offset - bytes, bytes);
  }

  bool read_one(Follow& follow) {
    struct stat status {};
    if (::fstat(follow.fd.get(), &status) != 0) return false;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (follow.copy) {
      if (size == follow.size_seen) return false;
      follow.size_seen = size;
      follow.grew_ns = clock_.monotonic_ns();
      if (is_copy(follow) != Copy::kNo) return false;
      // It goes on otherwise: a log of its own that began like another.
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
    const auto before = size < follow.offset ? std::string() : tail_before(follow.fd.get(), follow.offset);
    // Fewer bytes than the file has: the read failed, or it shrank just now.  The next step sees which.
    if (size >= follow.offset && before.size() < follow.last_bytes.size()) return false;
    follow.changed_ns = changed_ns;
    // Truncated, and perhaps already as long as before or longer.
    if (size < follow.offset || before != follow.last_bytes) {
      truncated(follow);
      if (size == 0 || !identify(follow)) return false;
    }
    if (size == follow.offset) return false;
    return hand_over(follow, read_at(follow.fd.get(), follow.offset, kReadBytes + kRecordBytesMax));
  }

  void truncated(Follow& follow) {
    read_rest_of_copy(follow, follow.offset, [last = follow.last_bytes](std::string_view before) { return before == last; });
    follow.offset = 0;
    follow.source.clear();
    follow.last_bytes.clear();
    follow.reborn = true;
  }

  // copytruncate: the copy holds what we had not read when the file was emptied.  Of several files that have at `offset`
  // what we read last, it is the one that was changed last; it is followed under its own identity until it is read.
  template <class Matches>
  void read_rest_of_copy(const Follow& original, std::uint64_t offset, Matches matches) {
    std::error_code error;
    std::string path;
    struct stat newest {};
    const auto later = [](const timespec& a, const timespec& b) { return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec; };
    for (std::filesystem::directory_iterator it(std::filesystem::path(original.path).parent_path(), error), end; !error && it != end; it.increment(error)) {
      struct stat status {};
      if (::stat(it->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino == original.inode) continue;
      if (offset == 0 || static_cast<std::uint64_t>(status.st_size) < offset || !(path.empty() || later(status.st_ctim, newest.st_ctim))) continue;
      const Descriptor fd(::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
      if (fd.get() < 0 || !matches(tail_before(fd.get(), offset))) continue;
      path = it->path().string();
      newest = status;
    }
    base::log_event(base::Level::kInfo, "collect.file_truncated", {{"path", original.path}, {"copy", path}});
    if (path.empty()) return;
    Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (fd.get() < 0) return;
    auto& copy = follow(original.tail, original.start, path, newest, std::move(fd));
    copy.size_seen = static_cast<std::uint64_t>(newest.st_size);
    copy.head_hash = original.head_hash;
    copy.source = copy.identity;
    copy.offset = std::max(offset, offset_of(collector_.position(copy.source)));
    copy.last_bytes = tail_before(copy.fd.get(), copy.offset);
    copy.named = false;
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

    const auto offset = follow.offset + done;
    auto last_bytes = follow.last_bytes + std::string(bytes.substr(done - std::min(done, kTailBytes), std::min(done, kTailBytes)));
    last_bytes.erase(0, last_bytes.size() - std::min(last_bytes.size(), kTailBytes));
    if (builder.size() != 0) {
      const auto outcome = collector_.submit_and_wait({.source = follow.source, .position = position_of(offset, last_bytes), .batch = builder.take()});
      // Overload or a full disk: the lines stay where they are, in the file.
      if (!outcome.ok()) return false;
    }
    follow.last_bytes = std::move(last_bytes);
    follow.offset = offset;
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
  std::set<std::string> refused_;  // told once
  bool full_ = false, resumed_ = false;
};

}  // namespace

Result<std::unique_ptr<FileTailer>> FileTailer::make(std::vector<FileTail> tails, Collector& collector, base::Clock& clock) {
  auto tailer = std::make_unique<FileTailerImpl>(std::move(tails), collector, clock);
  RW_TRY(tailer->prepare());
  return std::unique_ptr<FileTailer>(std::move(tailer));
}

}  // namespace ringwall::collect
