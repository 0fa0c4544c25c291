// A file with anything in it: opening it says what is wrong or gives a table that works, and nothing reads or writes outside.
//
//   input := how:u8 [header:128 in place of a good one, when how has bit 0] rest
//   rest  := bytes of the shard, the others are zero;  or, when how has bit 2, changes ( offset:u16 byte:u8 )* to a shard in use
//   how bit 1: the shard is checked first, as after a reboot
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "base/result.h"
#include "keep/detail/shard.h"
#include "keep/distinct.h"
#include "keep/table.h"

using namespace ringwall::keep;

namespace {
bool gone(std::uint64_t) noexcept { return false; }
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool own_header = (data[0] & 1) != 0, verify = (data[0] & 2) != 0, in_use = (data[0] & 4) != 0;
  ++data, --size;
  constexpr std::size_t kBytes = table_bytes(1);
  // Exactly as large as the file, so that a byte outside is seen.
  const std::unique_ptr<void, void (*)(void*)> memory(std::aligned_alloc(4096, (kBytes + 4095) & ~std::size_t{4095}), std::free);
  auto* bytes = static_cast<char*>(memory.get());
  std::memset(bytes, 0, kBytes);
  auto& header = *reinterpret_cast<TableHeader*>(bytes);
  header.magic = kTableMagic;
  header.version = kTableVersion;
  header.shard_count = 1;
  header.seed = 7;
  if (own_header) {
    const auto part = size < sizeof(TableHeader) ? size : sizeof(TableHeader);
    std::memcpy(bytes, data, part);
    data += part, size -= part;
  }
  if (in_use && table_file_fault(bytes, kBytes) == nullptr) {
    Table table;
    table.attach(bytes, {.self = 1, .lives = gone});
    for (int i = 0; i < 40; ++i) {
      const auto text = std::string(static_cast<std::size_t>(i * i), 'v');
      RW_ASSERT(table.set({0, "key " + std::to_string(i % 30)}, 0, text, 1000) == Outcome::kDone);
      if (i % 7 == 0) RW_ASSERT(table.remove({0, "key " + std::to_string(i / 2)}, 0) == Outcome::kDone);
    }
    for (; size >= 3; data += 3, size -= 3) bytes[kTableHeaderBytes + (data[0] | data[1] << 8)] = static_cast<char>(data[2]);
  } else {
    std::memcpy(bytes + kTableHeaderBytes, data, size < kShardBytes ? size : kShardBytes);
  }
  if (table_file_fault(bytes, kBytes) != nullptr) return 0;
  RW_ASSERT(header.shard_count == 1);
  auto& shard = *reinterpret_cast<Shard*>(bytes + kTableHeaderBytes);
  if (verify) {
    detail::ShardEdit(shard, header.counters).repair(true, header.seed);
    const auto lost = header.counters.lost.load();
    detail::ShardEdit(shard, header.counters).repair(true, header.seed);
    RW_ASSERT(header.counters.lost.load() == lost);  // once is enough
    shard.lock = 0;
  }
  Table table;
  table.attach(bytes, {.self = 1, .lives = gone});
  if (shard.lock.load() == 1) shard.lock = 0;
  std::string value(1 + size % kValueBytesMax, 'x');
  Record record;
  for (int i = 0; i < 12; ++i) {
    const auto name = "key " + std::to_string(i % 5);
    const Key key{static_cast<std::uint8_t>(i % 2), name};
    RW_ASSERT(table.get(key, i, record) == Outcome::kDone);
    RW_ASSERT(record.bytes <= kValueBytesMax);
    if (i % 4 == 3) {
      RW_ASSERT(table.remove(key, i) == Outcome::kDone);
      RW_ASSERT(table.get(key, i, record) == Outcome::kDone && !record.found);
    } else {
      value[0] = static_cast<char>(i);
      RW_ASSERT(table.set(key, i, value, 1'000'000) == Outcome::kDone);
      RW_ASSERT(table.get(key, i, record) == Outcome::kDone && record.found && record.text() == value);
    }
  }
  // Counters of different values read what is there as theirs.
  const Distinct distinct{.max = 100, .slice_ns = 1};
  RW_ASSERT(table.set({kDistinctSpace, "k"}, 0, {reinterpret_cast<const char*>(data), std::min(size, kValueBytesMax)}, 1'000'000) == Outcome::kDone);
  for (std::int64_t now : {0, 3, 1000}) RW_ASSERT(take(table, "k", distinct, size, now).limited != Limited::kNoState);
  RW_ASSERT(shard.lock.load() == 0);
  return 0;
}
