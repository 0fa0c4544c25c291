#include "keep/detail/shard.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "keep/table.h"

namespace ringwall::keep::detail {

namespace {

constexpr int kEvictionProbes = 16;  // heads that are compared; more would cost more than they choose better
constexpr int kHandStride = 210;     // records of one moment lie side by side: the hand leaps, and comes to every cell

// A store that stands between what came before and what comes after it, also when the process is killed.  The processor keeps
// that order for us; the compiler has to be told.
template <class T>
void publish(T& place, T value) noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::atomic_ref<T>(place).store(value, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

std::uint32_t check_of(const StoredKey& key, std::string_view value) noexcept {
  return base::crc32c(value, base::crc32c(key.text, key.space));
}

std::size_t cells_for(std::size_t key_bytes, std::size_t value_bytes) noexcept {
  return std::max<std::size_t>(1, (padded(key_bytes) + padded(value_bytes) + kCellBytes - 1) / kCellBytes);
}

}  // namespace

// -- Looking.

bool ShardEdit::key_is(const Cell& head, const StoredKey& key) noexcept {
  if (head.hash != key.hash || head.key_bytes != key.text.size() || head.space != key.space) return false;
  const auto first = std::min(key.text.size(), kCellBytes);
  if (std::memcmp(head.bytes, key.text.data(), first) != 0) return false;
  if (first == key.text.size()) return true;
  static_assert(kKeyBytesMax <= 2 * kCellBytes);
  return is_cell(head.rest) && std::memcmp(cell(head.rest).bytes, key.text.data() + first, key.text.size() - first) == 0;
}

ShardEdit::Spot ShardEdit::find(const StoredKey& key) noexcept {
  auto* link = &bucket(key.hash);
  for (int steps = 0; steps <= kCells; ++steps) {
    const auto index = *link;
    if (index == 0) return {State::kSound, &bucket(key.hash), 0};
    if (!is_cell(index) || cell(index).kind != CellKind::kHead) break;
    if (key_is(cell(index), key)) return {State::kSound, link, index};
    link = &cell(index).next;
  }
  return {State::kDamaged, nullptr, 0};
}

ShardEdit::State ShardEdit::read(std::uint16_t index, Record& record) noexcept {
  const auto* at = &cell(index);
  const std::size_t bytes = at->value_bytes;
  if (at->key_bytes > kKeyBytesMax || bytes > kValueBytesMax) return State::kDamaged;
  record.expires_ns = at->expires_ns;
  record.bytes = static_cast<std::uint32_t>(bytes);
  // `skip` bytes of the cell at hand belong to the key.
  std::size_t skip = padded(at->key_bytes), done = 0;
  while (done < bytes) {
    if (skip >= kCellBytes) {
      skip -= kCellBytes;
    } else {
      const auto part = std::min(bytes - done, kCellBytes - skip);
      std::memcpy(record.value + done, at->bytes + skip, part);
      done += part;
      skip = 0;
    }
    if (done == bytes) break;
    if (!is_cell(at->rest) || cell(at->rest).kind != CellKind::kRest) return State::kDamaged;
    at = &cell(at->rest);
  }
  return State::kSound;
}

// -- Cells.

std::uint16_t ShardEdit::take() noexcept {
  const auto index = shard_.free_head;
  if (index != 0) {
    if (!is_cell(index) || index > shard_.fresh || cell(index).kind != CellKind::kFree) return 0;
    shard_.free_head = cell(index).next;
    --shard_.free_count;
    return index;
  }
  if (shard_.fresh >= kCells || shard_.cells[shard_.fresh].kind != CellKind::kFree) return 0;
  return ++shard_.fresh;
}

ShardEdit::State ShardEdit::free_record(std::uint16_t head) noexcept {
  auto index = head;
  for (std::size_t n = 0; index != 0; ++n) {
    if (!is_cell(index) || n == kRecordCellsMax) return State::kDamaged;
    auto& one = cell(index);
    if (one.kind != (n == 0 ? CellKind::kHead : CellKind::kRest)) return State::kDamaged;
    const auto rest = one.rest;
    one.kind = CellKind::kFree;
    one.rest = 0;
    one.next = shard_.free_head;
    shard_.free_head = index;
    ++shard_.free_count;
    index = rest;
  }
  return State::kSound;
}

ShardEdit::State ShardEdit::make_room(std::size_t cells, std::uint16_t except, std::int64_t now_ns, bool& evicted) noexcept {
  for (int rounds = 0; rounds <= kCells; ++rounds) {
    if (shard_.fresh > kCells || shard_.free_count > shard_.fresh) return State::kDamaged;
    if (std::size_t{shard_.free_count} + (kCells - shard_.fresh) >= cells) return State::kSound;
    evicted = true;
    if (evict(except, now_ns) == State::kDamaged) return State::kDamaged;
  }
  return State::kDamaged;
}

ShardEdit::State ShardEdit::evict(std::uint16_t except, std::int64_t now_ns) noexcept {
  std::uint16_t best = 0;
  for (int steps = 0, probes = 0; steps < kCells && probes < kEvictionProbes; ++steps) {
    shard_.hand = static_cast<std::uint16_t>((shard_.hand % kCells + kHandStride) % kCells + 1);
    const auto& candidate = cell(shard_.hand);
    if (shard_.hand > shard_.fresh || candidate.kind != CellKind::kHead || shard_.hand == except) continue;
    ++probes;
    if (best == 0 || candidate.expires_ns < cell(best).expires_ns) best = shard_.hand;
    if (cell(best).expires_ns <= now_ns) break;
  }
  if (best == 0) return State::kDamaged;
  auto* link = &bucket(cell(best).hash);
  for (int steps = 0; *link != best; ++steps) {
    if (!is_cell(*link) || steps == kCells) return State::kDamaged;
    link = &cell(*link).next;
  }
  if (cell(best).expires_ns > now_ns) counters_.evicted.fetch_add(1, std::memory_order_relaxed);
  return remove({State::kSound, link, best});
}

// -- Changing.

ShardEdit::State ShardEdit::remove(const Spot& spot) noexcept {
  publish(*spot.link, cell(spot.cell).next);
  return free_record(spot.cell);
}

// What limits and counters do all the time: the value keeps its size and one word of it changes, which is one store.
bool ShardEdit::change_in_place(Cell& head, const StoredKey& key, const Record& record) noexcept {
  if (head.value_bytes != record.bytes) return false;
  auto* at = &head;
  std::size_t offset = padded(key.text.size());
  std::uint64_t* place = nullptr;
  std::uint64_t word = 0;
  for (std::size_t done = 0; done < record.bytes; done += 8, offset += 8) {
    for (; offset >= kCellBytes; offset -= kCellBytes) {
      if (!is_cell(at->rest)) return false;
      at = &cell(at->rest);
    }
    auto* here = reinterpret_cast<std::uint64_t*>(at->bytes + offset);
    std::uint64_t wanted;
    std::memcpy(&wanted, record.value + done, 8);
    if (*here == wanted) continue;
    if (place != nullptr) return false;
    place = here;
    word = wanted;
  }
  publish(head.expires_ns, record.expires_ns);
  if (place == nullptr) return true;
  publish(*place, word);
  publish(head.check, check_of(key, record.text()));
  return true;
}

ShardEdit::State ShardEdit::write(Spot spot, const StoredKey& key, Record& record, std::int64_t now_ns) noexcept {
  std::memset(record.value + record.bytes, 0, padded(record.bytes) - record.bytes);
  if (spot.cell != 0 && change_in_place(cell(spot.cell), key, record)) return State::kSound;
  const auto cells = cells_for(key.text.size(), record.bytes);
  bool evicted = false;
  if (make_room(cells, spot.cell, now_ns, evicted) == State::kDamaged) return State::kDamaged;
  // The link may have been in what was evicted.
  if (evicted) spot = find(key);
  if (spot.state == State::kDamaged) return State::kDamaged;

  char padded_key[kKeyBytesMax] = {};
  if (!key.text.empty()) std::memcpy(padded_key, key.text.data(), key.text.size());
  struct Part {
    const char* at;
    std::size_t left;
  } parts[] = {{padded_key, padded(key.text.size())}, {record.value, padded(record.bytes)}};
  std::uint16_t first = 0, last = 0;
  for (std::size_t n = 0; n < cells; ++n) {
    const auto index = take();
    if (index == 0) return State::kDamaged;
    auto& one = cell(index);
    one.rest = 0;
    one.kind = n == 0 ? CellKind::kHead : CellKind::kRest;
    std::size_t filled = 0;
    for (auto& part : parts) {
      const auto taken = std::min(part.left, kCellBytes - filled);
      if (taken != 0) std::memcpy(one.bytes + filled, part.at, taken);
      part.at += taken;
      part.left -= taken;
      filled += taken;
    }
    if (n == 0) first = index;
    else cell(last).rest = index;
    last = index;
  }
  auto& head = cell(first);
  head.key_bytes = static_cast<std::uint8_t>(key.text.size());
  head.value_bytes = static_cast<std::uint16_t>(record.bytes);
  head.hash = key.hash;
  head.expires_ns = record.expires_ns;
  head.space = key.space;
  head.check = check_of(key, record.text());
  head.next = spot.cell != 0 ? cell(spot.cell).next : *spot.link;
  publish(*spot.link, first);
  return spot.cell == 0 ? State::kSound : free_record(spot.cell);
}

// -- Repairing.

bool ShardEdit::whole(std::uint16_t index, std::size_t in_bucket, const std::uint64_t (&used)[8], bool verify, std::uint64_t seed) noexcept {
  const auto& head = cell(index);
  if (head.hash % kBuckets != in_bucket || head.key_bytes > kKeyBytesMax || head.value_bytes > kValueBytesMax) return false;
  // No cell twice, within the record either.
  std::uint64_t own[8];
  std::memcpy(own, used, sizeof own);
  std::size_t left = cells_for(head.key_bytes, head.value_bytes);
  for (auto at = index; left != 0 || at != 0; --left) {
    if (left == 0 || !is_cell(at) || (own[at / 64] >> (at % 64) & 1) != 0) return false;
    if (cell(at).kind != (at == index ? CellKind::kHead : CellKind::kRest)) return false;
    own[at / 64] |= std::uint64_t{1} << (at % 64);
    at = cell(at).rest;
  }
  if (!verify) return true;
  char key[kKeyBytesMax];
  const auto first = std::min<std::size_t>(head.key_bytes, kCellBytes);
  std::memcpy(key, head.bytes, first);
  if (head.key_bytes > first) std::memcpy(key + first, cell(head.rest).bytes, head.key_bytes - first);
  const StoredKey stored{head.hash, head.space, {key, head.key_bytes}};
  Record record;
  return read(index, record) == State::kSound && base::hash64(stored.text, seed + stored.space) == head.hash && check_of(stored, record.text()) == head.check;
}

void ShardEdit::repair(bool verify, std::uint64_t seed) noexcept {
  std::uint64_t used[8] = {}, lost = 0;
  static_assert(kCells < 8 * 64);
  for (std::size_t b = 0; b < kBuckets; ++b) {
    auto* link = &shard_.buckets[b];
    while (*link != 0) {
      const auto index = *link;
      if (!is_cell(index) || (used[index / 64] >> (index % 64) & 1) != 0 || cell(index).kind != CellKind::kHead) {
        // No head: what it calls its next is no link.
        publish(*link, std::uint16_t{0});
        ++lost;
        break;
      }
      if (!whole(index, b, used, verify, seed)) {
        // Its cells are not marked, so that it cannot be come by once more through itself.
        cell(index).kind = CellKind::kFree;
        publish(*link, cell(index).next);
        ++lost;
        continue;
      }
      for (auto at = index; at != 0; at = cell(at).rest) used[at / 64] |= std::uint64_t{1} << (at % 64);
      link = &cell(index).next;
    }
  }
  shard_.fresh = std::min(shard_.fresh, kCells);
  for (auto i = kCells; i > shard_.fresh; --i) {
    if ((used[i / 64] >> (i % 64) & 1) != 0) shard_.fresh = i;
    else if (cell(i).kind != CellKind::kFree) cell(i).kind = CellKind::kFree;  // looked at first: most are a hole in the file
  }
  shard_.free_head = shard_.free_count = 0;
  for (std::uint16_t i = shard_.fresh; i != 0; --i) {
    if ((used[i / 64] >> (i % 64) & 1) != 0) continue;
    cell(i).kind = CellKind::kFree;
    cell(i).rest = 0;
    cell(i).next = shard_.free_head;
    shard_.free_head = i;
    ++shard_.free_count;
  }
  if (lost != 0) counters_.lost.fetch_add(lost, std::memory_order_relaxed);
}

}  // namespace ringwall::keep::detail
