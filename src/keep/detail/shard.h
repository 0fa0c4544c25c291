// What happens inside one shard; whoever calls holds its lock.
//
// Nothing here believes the memory it works on: every index is looked at before it is used, every walk has an end.  A function
// that finds what cannot be answers kDamaged and leaves the shard to repair().
#pragma once

#include <cstdint>
#include <string_view>

#include "keep/table_layout.h"

namespace ringwall::keep {
struct Record;
}

namespace ringwall::keep::detail {

struct StoredKey {
  std::uint64_t hash = 0;
  std::uint8_t space = 0;
  std::string_view text;  // at most kKeyBytesMax
};

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 7) & ~std::size_t{7}; }

class ShardEdit {
 public:
  ShardEdit(Shard& shard, Counters& counters) noexcept : shard_(shard), counters_(counters) {}

  enum class State : std::uint8_t { kSound, kDamaged };
  // Where a record is: the link that names its head, and the head (0: there is none).
  struct Spot {
    State state = State::kSound;
    std::uint16_t* link = nullptr;
    std::uint16_t cell = 0;
  };

  Spot find(const StoredKey& key) noexcept;
  // Fills everything but `found`.
  State read(std::uint16_t cell, Record& record) noexcept;
  // Puts the record in the place of what find() found, or beside it; evicts what is in the way.
  State write(Spot spot, const StoredKey& key, Record& record, std::int64_t now_ns) noexcept;
  State remove(const Spot& spot) noexcept;

  // Keeps every record that is whole and can be reached, frees all other cells.  With `verify` also looks whether keys and
  // values are what was written (`seed` is the table's): for pages that come from different moments.
  void repair(bool verify, std::uint64_t seed) noexcept;

 private:
  static bool is_cell(std::uint16_t index) noexcept { return index != 0 && index <= kCells; }
  Cell& cell(std::uint16_t index) noexcept { return shard_.cells[index - 1]; }
  std::uint16_t& bucket(std::uint64_t hash) noexcept { return shard_.buckets[hash % kBuckets]; }
  bool key_is(const Cell& head, const StoredKey& key) noexcept;
  std::uint16_t take() noexcept;
  State free_record(std::uint16_t head) noexcept;
  State make_room(std::size_t cells, std::uint16_t except, std::int64_t now_ns, bool& evicted) noexcept;
  State evict(std::uint16_t except, std::int64_t now_ns) noexcept;
  bool change_in_place(Cell& head, const StoredKey& key, const Record& record) noexcept;
  bool whole(std::uint16_t index, std::size_t in_bucket, const std::uint64_t (&used)[8], bool verify, std::uint64_t seed) noexcept;

  Shard& shard_;
  Counters& counters_;
};

}  // namespace ringwall::keep::detail
