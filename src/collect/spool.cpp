#include "collect/spool.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"

namespace ringwall::collect {

namespace {

constexpr std::string_view kMagic = "RWSPOOL1";
constexpr std::string_view kMark = "RWR1";
constexpr std::size_t kHeadBytes = 8 + 8 + 8 + 4;
constexpr std::size_t kRecordHeadBytes = 4 + 4 + 4;
constexpr std::size_t kFixedBodyBytes = 8 + 8 + 8 + 16 + 2;
constexpr std::size_t kBufferBytesKept = 8u << 20;
constexpr std::size_t kBatchBytesMax = std::size_t{2} << 30;
// RFC 8878: a block of a zstd frame takes at least four bytes and holds at most 128 KiB.
constexpr std::size_t kZstdBlockBytesMin = 4, kZstdBlockContentMax = 128u << 10;
constexpr std::string_view kEnding = ".spool";

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// Whether a whole record of a group that began after `sequence` lies behind `offset`: then the group of `sequence` had
// been synced before that one was written.  A payload may hold the mark again and again, so a place has to have
// numbers that are possible here before its checksum is worth computing.
bool synced_after(std::string_view segment, std::size_t offset, std::uint64_t sequence) {
  const std::uint64_t records_max = (segment.size() - offset) / (kRecordHeadBytes + kFixedBodyBytes) + 1;
  for (auto at = segment.find(kMark, offset + 1); at != std::string_view::npos; at = segment.find(kMark, at + 1)) {
    if (segment.size() - at < kRecordHeadBytes + kFixedBodyBytes) return false;
    const auto own = get<std::uint64_t>(segment, at + kRecordHeadBytes), group = get<std::uint64_t>(segment, at + kRecordHeadBytes + 8);
    if (group <= sequence || group > own || own - sequence > records_max) continue;
    std::size_t end = at;
    const auto record = read_record(segment, end);
    if (record.ok() && record->group > sequence) return true;
  }
  return false;
}

struct ContextDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Result<std::string> compress_batch(const base::Batch& batch) {
  thread_local const std::unique_ptr<ZSTD_CCtx, ContextDeleter> context(ZSTD_createCCtx());
  const auto bytes = base::encode(batch);
  // What is written has to be readable: decompress_batch() has the same limit.
  if (bytes.size() > kBatchBytesMax) return fail(Errc::kLimit, fmt::format("a batch of {} bytes, at most {}", bytes.size(), kBatchBytesMax), "send smaller batches");
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  // Level 1: six times smaller at hundreds of megabytes per second; the files are gone within a minute.
  const auto size = ZSTD_compressCCtx(context.get(), out.data(), out.size(), bytes.data(), bytes.size(), 1);
  if (ZSTD_isError(size) != 0) return fail(Errc::kInternal, fmt::format("compress a batch: {}", ZSTD_getErrorName(size)));
  out.resize(size);
  return out;
}

Result<base::Batch> decompress_batch(std::string_view payload) {
  thread_local const std::unique_ptr<ZSTD_DCtx, ContextDeleter> context(ZSTD_createDCtx());
  const auto size = ZSTD_getFrameContentSize(payload.data(), payload.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) return fail(Errc::kCorrupt, "spool: payload is not a zstd frame with its size");
  if (size > kBatchBytesMax) return fail(Errc::kLimit, fmt::format("spool: payload of {} bytes, at most {}", size, kBatchBytesMax));
  // Before memory is taken: more than the blocks that fit can hold is damage.
  if (size > (payload.size() / kZstdBlockBytesMin + 1) * kZstdBlockContentMax) return fail(Errc::kCorrupt, "spool: payload claims more than it can hold");
  std::string bytes(size, '\0');
  const auto got = ZSTD_decompressDCtx(context.get(), bytes.data(), bytes.size(), payload.data(), payload.size());
  if (ZSTD_isError(got) != 0 || got != size) return fail(Errc::kCorrupt, "spool: payload does not decompress");
  return base::decode(bytes);
}

Result<SpoolHead> read_head(std::string_view segment, std::size_t& offset) {
  if (segment.size() < kHeadBytes || !segment.starts_with(kMagic)) return fail(Errc::kCorrupt, "byte 0: not a spool file, or cut within its head");
  if (base::crc32c(segment.substr(0, kHeadBytes - 4)) != get<std::uint32_t>(segment, kHeadBytes - 4)) {
    return fail(Errc::kCorrupt, "byte 0: the head's checksum differs");
  }
  offset = kHeadBytes;
  return SpoolHead{get<std::uint64_t>(segment, 8), get<std::uint64_t>(segment, 16)};
}

Result<SpoolRecord> read_record(std::string_view segment, std::size_t& offset) {
  if (offset == segment.size()) return fail(Errc::kNotFound, "end of file");
  const auto corrupt = [&](std::string_view what) { return fail(Errc::kCorrupt, fmt::format("byte {}: {}", offset, what)); };
  if (segment.size() - offset < kRecordHeadBytes) return corrupt("record cut within its head");
  if (segment.substr(offset, kMark.size()) != kMark) return corrupt("no record begins here");
  const std::size_t length = get<std::uint32_t>(segment, offset + 4);
  if (length < kFixedBodyBytes || length > kSpoolBodyBytesMax) return corrupt("record of an impossible length");
  if (segment.size() - offset - kRecordHeadBytes < length) return corrupt("record cut short");
  const auto body = segment.substr(offset + kRecordHeadBytes, length);
  if (base::crc32c(body) != get<std::uint32_t>(segment, offset + 8)) return corrupt("checksum differs");
  SpoolRecord record;
  record.sequence = get<std::uint64_t>(body, 0);
  record.group = get<std::uint64_t>(body, 8);
  record.position = get<std::uint64_t>(body, 16);
  record.digest = {get<std::uint64_t>(body, 24), get<std::uint64_t>(body, 32)};
  const std::size_t source_bytes = get<std::uint16_t>(body, 40);
  if (source_bytes > length - kFixedBodyBytes) return corrupt("source longer than its record");
  record.source = body.substr(kFixedBodyBytes, source_bytes);
  record.payload = body.substr(kFixedBodyBytes + source_bytes);
  offset += kRecordHeadBytes + length;
  return record;
}

Result<std::unique_ptr<Spool>> Spool::open(base::Files& files, Options options, const Replay& replay) {
  std::unique_ptr<Spool> spool(new Spool(files, std::move(options)));
  RW_TRY(files.make_directories(spool->options_.directory));
  RW_TRY(spool->recover(replay));
  return spool;
}

Result<void> Spool::recover(const Replay& replay) {
  last_sequence_ = options_.checkpoint;
  std::vector<std::string> names;
  for (auto& name : RW_TRY(files_.list(options_.directory))) {
    if (name.ends_with(kEnding)) names.push_back(std::move(name));
  }
  for (const auto& name : names) RW_TRY(recover_file(name, &name == &names.back(), replay));
  return {};
}

Result<void> Spool::recover_file(const std::string& name, bool last_file, const Replay& replay) {
  Segment segment{options_.directory + "/" + name};
  const auto bytes = RW_TRY(files_.read(segment.path));
  const auto refuse = [&](const Error& error) {
    return fail(Errc::kCorrupt, fmt::format("{}: {}", segment.path, error.message),
                "the disk lost acknowledged records. Restore the file, or move it away to go on without it");
  };
  std::size_t offset = 0;
  // The head was synced before the file got its name, so there is no innocent reason for a bad one.
  const auto head = read_head(bytes, offset);
  if (!head.ok()) return refuse(head.error());
  segment.first = head->first_sequence;
  segment.last = segment.first - 1;
  if (!segments_.empty()) {
    const auto& before = segments_.back();
    if (segment.first <= before.last) return refuse(fail(Errc::kCorrupt, fmt::format("byte 0: begins with sequence {}, {} ends with {}", segment.first, before.path, before.last)));
  }
  const auto known = std::max(options_.checkpoint, segments_.empty() ? 0 : segments_.back().last);
  if (segment.first > known + 1) {
    base::log_event(base::Level::kWarn, "collect.spool_file_missing", {{"before", name}, {"sequences", std::to_string(segment.first - known - 1)}});
  }
  for (;;) {
    const auto start = offset;
    const auto record = read_record(bytes, offset);
    if (!record.ok()) {
      if (record.error().code == Errc::kNotFound) break;
      if (!last_file || synced_after(bytes, start, segment.last + 1)) return refuse(record.error());
      base::log_event(base::Level::kWarn, "collect.spool_tail_cut", {{"file", name}, {"bytes", std::to_string(bytes.size() - start)}});
      RW_TRY(files_.truncate(segment.path, start));
      offset = start;
      break;
    }
    if (record->sequence != segment.last + 1) return refuse(fail(Errc::kCorrupt, fmt::format("byte {}: sequence {} after {}", start, record->sequence, segment.last)));
    segment.last = record->sequence;
    if (record->sequence > options_.checkpoint) {
      if (const auto replayed = replay(*record); !replayed.ok()) {
        return refuse(fail(replayed.error().code, fmt::format("byte {}: {}", start, replayed.error().message)));
      }
    }
  }
  if (segment.last < segment.first) {
    // Begun and never used; its name would be in the way of the next one.
    return files_.remove(segment.path);
  }
  segment.bytes = offset;
  last_sequence_ = std::max(last_sequence_, segment.last);
  segments_.push_back(std::move(segment));
  return {};
}

std::uint64_t Spool::add(std::uint64_t position, const base::Digest& digest, std::string_view source, std::string_view payload) {
  const std::uint64_t sequence = last_sequence_ + ++added_;
  const std::size_t start = buffer_.size();
  buffer_.append(kMark).append(8, '\0');
  put(buffer_, sequence);
  put(buffer_, last_sequence_ + 1);
  put(buffer_, position);
  put(buffer_, digest.high);
  put(buffer_, digest.low);
  put(buffer_, static_cast<std::uint16_t>(source.size()));
  buffer_.append(source).append(payload);
  const std::string_view body = std::string_view(buffer_).substr(start + kRecordHeadBytes);
  RW_ASSERT(source.size() <= kSourceBytesMax && body.size() <= kSpoolBodyBytesMax);
  const auto length = static_cast<std::uint32_t>(body.size());
  const auto crc = base::crc32c(body);
  std::memcpy(buffer_.data() + start + 4, &length, sizeof length);
  std::memcpy(buffer_.data() + start + 8, &crc, sizeof crc);
  return sequence;
}

Result<void> Spool::commit() {
  if (added_ == 0) return {};
  auto outcome = write();
  if (outcome.ok()) {
    auto& segment = segments_.back();
    segment.bytes += buffer_.size();
    last_sequence_ += added_;
    segment.last = last_sequence_;
    if (segment.bytes >= options_.segment_bytes_max) file_.reset();
  }
  buffer_.clear();
  if (buffer_.capacity() > kBufferBytesKept) buffer_.shrink_to_fit();
  added_ = 0;
  return outcome;
}

Result<void> Spool::begin_file() {
  Segment segment{fmt::format("{}/{:020}{}", options_.directory, last_sequence_ + 1, kEnding), last_sequence_ + 1, last_sequence_, kHeadBytes};
  std::string head(kMagic);
  put(head, options_.epoch);
  put(head, segment.first);
  put(head, base::crc32c(head));
  // Also replaces what a failed beginning left under this name.
  RW_TRY(files_.write_atomic(segment.path, head));
  file_ = RW_TRY(files_.open_append(segment.path));
  if (segments_.empty() || segments_.back().path != segment.path) segments_.push_back(std::move(segment));
  return {};
}

Result<void> Spool::write() {
  if (cut_needed_) {
    file_.reset();
    RW_TRY(files_.truncate(segments_.back().path, segments_.back().bytes));
    file_ = RW_TRY(files_.open_append(segments_.back().path));
    cut_needed_ = false;
  }
  if (file_ == nullptr) RW_TRY(begin_file());
  auto outcome = file_->append(buffer_);
  if (outcome.ok()) outcome = file_->sync();
  if (!outcome.ok()) cut_needed_ = true;
  return outcome;
}

void Spool::release(std::uint64_t sequence) {
  while (!segments_.empty() && segments_.front().last <= sequence) {
    if (segments_.size() == 1) {
      // The file being written is ended too once it holds something, so that an idle spool is empty.
      if (segments_.front().last < segments_.front().first) return;
      file_.reset();
    }
    const auto removed = files_.remove(segments_.front().path);
    if (!removed.ok() && removed.error().code != Errc::kNotFound) {
      base::log_event(base::Level::kWarn, "collect.spool_file_kept", {{"reason", removed.error().message}});
      return;
    }
    if (segments_.size() == 1) cut_needed_ = false;
    segments_.erase(segments_.begin());
  }
}

std::uint64_t Spool::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& segment : segments_) sum += segment.bytes;
  return sum;
}

}  // namespace ringwall::collect
