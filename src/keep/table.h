// Records that all workers share and that outlive them: a hash table in a mapped file.
//
//   auto file = RW_TRY(TableFile::open_or_create(path, {.bytes = 64 << 20}));   // the core, and nginx's master
//   Table table;
//   table.attach(file.base(), {.self = owner_of(getpid()), .lives = owner_lives});  // each worker, after the fork
//   table.edit({kMine, "192.0.2.1"}, now_ns, [](Record& record) { …; return Then::kWrite; });
//
// A worker's half allocates nothing, throws nothing and waits for nothing: a lock that is not had after kSpinsMax looks means
// kNoState, which is counted, and the caller goes on as if there were no table.  No call into the system either, but for the
// one question whether the process that holds a lock too long still lives.  A process killed at any instruction loses at most
// the record it was writing.
//
// When a shard is full, the record among a few that expires soonest goes.  Times are Unix nanoseconds and given by the caller.
//
// A Table belongs to one thread of one process.  Never truncate or delete a file that is mapped.  Format: table_layout.h.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "keep/table_layout.h"

namespace ringwall::keep {

inline constexpr int kSpinsMax = 500;                            // some 20 microseconds
inline constexpr std::int64_t kOwnerCheckNs = 10'000'000;        // the same owner is not asked after more often
inline constexpr std::uint64_t kTableBytesMin = table_bytes(1);

// Who holds a lock, in one word that no other process ever has: process id and start time, as ring/owner.h makes it.
struct Owners {
  std::uint64_t self = 0;                               // never 0
  bool (*lives)(std::uint64_t owner) noexcept = nullptr;  // false only when it is certain
};

struct Key {
  std::uint8_t space = 0;  // users of one table number theirs: collections.h, limits.h
  std::string_view text;   // any length
};

// A record as an edit sees it: a copy, and what the edit leaves in it is what is written.
struct Record {
  Record() {}  // the value is not cleared: it is large and mostly unused
  bool found = false;  // otherwise it is empty, and so it is once it has expired
  std::int64_t expires_ns = 0;
  std::uint32_t bytes = 0;
  alignas(8) char value[kValueBytesMax];

  std::string_view text() const { return {value, bytes}; }
  // False: too long; the record stays as it is.
  bool assign(std::string_view text) {
    if (text.size() > sizeof value) return false;
    std::memcpy(value, text.data(), text.size());
    bytes = static_cast<std::uint32_t>(text.size());
    return true;
  }
};

enum class Then : std::uint8_t { kLeave, kWrite, kRemove };
enum class Outcome : std::uint8_t {
  kDone,
  kNoState,  // the lock was not had, or there is no table
};

struct TableStats {
  std::uint64_t busy = 0, taken_over = 0, repaired = 0, lost = 0, evicted = 0, too_large = 0;
};

// What is wrong with this mapping, in words for a person, or nullptr when nothing is.
const char* table_file_fault(const void* base, std::uint64_t bytes) noexcept;

class Table {
 public:
  // `base`: a mapping in which table_file_fault() found no fault; it stays mapped as long as this is used.
  void attach(void* base, const Owners& owners) noexcept;

  // Lets `edit` see the record and say what becomes of it, while nobody else can.  It must be short and must not throw.
  template <class Edit>
  Outcome edit(const Key& key, std::int64_t now_ns, Edit&& edit) noexcept {
    using Plain = std::remove_reference_t<Edit>;
    const auto call = [](void* context, Record& record) noexcept -> Then { return (*static_cast<Plain*>(context))(record); };
    return run(key, now_ns, &edit, call);
  }
  // Copies the record; `found` says whether there is one.
  Outcome get(const Key& key, std::int64_t now_ns, Record& record) noexcept;
  // Fails also (and counts it) when the value is longer than kValueBytesMax.
  Outcome set(const Key& key, std::int64_t now_ns, std::string_view value, std::int64_t expires_ns) noexcept;
  Outcome remove(const Key& key, std::int64_t now_ns) noexcept;

  // What stands for a text that must not be kept as it is: differs from table to table, and nobody outside can aim at one.
  std::array<std::uint64_t, 2> digest(std::string_view text) const noexcept;

  TableStats stats() const noexcept;
  // Told by users of edit() whose value did not fit.
  void count_too_large() noexcept;

 private:
  using Call = Then (*)(void* context, Record& record) noexcept;
  Outcome run(const Key& key, std::int64_t now_ns, void* context, Call call) noexcept;
  bool lock(Shard& shard, std::int64_t now_ns) noexcept;

  TableHeader* header_ = nullptr;
  Shard* shards_ = nullptr;
  std::uint32_t shard_count_ = 0;
  std::uint64_t seed_ = 0;
  Owners owners_;
  std::uint64_t suspect_ = 0;  // the owner last found alive, and when
  std::int64_t suspected_ns_ = 0;
};

struct TableOptions {
  // Of a file that has to be made; one that is there keeps its size.
  std::uint64_t bytes = 64 << 20;
  // Differs between two boots of the machine (ring/owner.h).  After a power cut the file's pages may be from different
  // moments, so the first to open it under a new boot checks all of it.  All zero: not known, nothing is checked.
  std::array<std::uint8_t, 16> boot_id{};
  // Sparse files cost what is in them, but a disk that is full when a page is first used stops that worker (SIGBUS).
  bool reserve = false;
};

// The file and its mapping.  Move-only.
class TableFile {
 public:
  // For the core, before nginx runs: makes the file when there is none.  Fails with kCorrupt when it is damaged or something
  // else, kLimit for a size it cannot have, kUnavailable when the system refuses.
  static Result<TableFile> open_or_create(const std::string& path, const TableOptions& options = {});
  // For everybody else.  kNotFound when there is none.
  static Result<TableFile> open(const std::string& path);

  TableFile(TableFile&& other) noexcept;
  TableFile& operator=(TableFile&& other) noexcept;
  ~TableFile();

  void* base() const { return base_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint32_t shard_count() const;
  // Cells in use now, of kCells * shard_count(): how full it is.  Reads every shard.
  std::uint64_t cells_used() const;
  // Looks at every record; what is not whole is dropped and counted in stats().lost.  Only while nobody else uses the table.
  void check_all();

 private:
  TableFile() = default;
  void* base_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace ringwall::keep
