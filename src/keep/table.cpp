#include "keep/table.h"

#include "base/hash.h"
#include "keep/detail/shard.h"

namespace ringwall::keep {

namespace {

using detail::ShardEdit;
using State = ShardEdit::State;

void pause_briefly() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Of a longer key its beginning and, behind it, what tells it from all others that begin so.
constexpr std::size_t kKeyBeginning = kKeyBytesMax - 16;

detail::StoredKey stored_key(const Key& key, std::uint64_t seed, char (&room)[kKeyBytesMax]) noexcept {
  detail::StoredKey out{0, key.space, key.text};
  if (key.text.size() > kKeyBytesMax) {
    const std::uint64_t digest[] = {base::hash64(key.text, seed), base::hash64(key.text, ~seed)};
    std::memcpy(room, key.text.data(), kKeyBeginning);
    std::memcpy(room + kKeyBeginning, digest, sizeof digest);
    out.text = {room, sizeof room};
  }
  out.hash = base::hash64(out.text, seed + key.space);
  return out;
}

}  // namespace

const char* table_file_fault(const void* base, std::uint64_t bytes) noexcept {
  if (bytes < kTableHeaderBytes) return "it is too short";
  const auto* header = static_cast<const TableHeader*>(base);
  if (header->magic != kTableMagic) return "it is not a table of ringwall's";
  if (header->version != kTableVersion) return "it has another version";
  if (header->shard_count == 0 || header->shard_count > kShardsMax) return "its size is impossible";
  if (bytes < table_bytes(header->shard_count)) return "it is shorter than its header says";
  return nullptr;
}

void Table::attach(void* base, const Owners& owners) noexcept {
  header_ = static_cast<TableHeader*>(base);
  shards_ = reinterpret_cast<Shard*>(static_cast<char*>(base) + kTableHeaderBytes);
  // Taken out of the file once: what is written over it later cannot lead outside the mapping.
  shard_count_ = header_->shard_count;
  seed_ = header_->seed;
  owners_ = owners;
  suspect_ = 0;
}

std::array<std::uint64_t, 2> Table::digest(std::string_view text) const noexcept {
  // Other seeds than those of shards and long keys: what the file shows of them says nothing of these.
  const auto seed = base::mix64(seed_ ^ 0x6469676573747321);
  return {base::hash64(text, seed), base::hash64(text, ~seed)};
}

bool Table::lock(Shard& shard, std::int64_t now_ns) noexcept {
  std::uint64_t first = 0, owner = 0;
  for (int spin = 0; spin < kSpinsMax; ++spin) {
    owner = shard.lock.load(std::memory_order_relaxed);
    if (owner == 0 && shard.lock.compare_exchange_weak(owner, owners_.self, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    if (spin == 0) first = owner;
    pause_briefly();
  }
  const bool asked = owner == suspect_ && now_ns >= suspected_ns_ && now_ns - suspected_ns_ < kOwnerCheckNs;
  if (owner != 0 && owner == first && owner != owners_.self && !asked) {
    if (!owners_.lives(owner)) {
      // Of several who see this one gets it.
      if (shard.lock.compare_exchange_strong(owner, owners_.self, std::memory_order_acquire, std::memory_order_relaxed)) {
        header_->counters.taken_over.fetch_add(1, std::memory_order_relaxed);
        ShardEdit(shard, header_->counters).repair(false, seed_);
        return true;
      }
    } else {
      suspect_ = owner;
      suspected_ns_ = now_ns;
    }
  }
  header_->counters.busy.fetch_add(1, std::memory_order_relaxed);
  return false;
}

Outcome Table::run(const Key& key, std::int64_t now_ns, void* context, Call call) noexcept {
  if (header_ == nullptr) return Outcome::kNoState;
  char room[kKeyBytesMax];
  const auto stored = stored_key(key, seed_, room);
  auto& shard = shards_[(stored.hash >> 32) * shard_count_ >> 32];
  if (!lock(shard, now_ns)) return Outcome::kNoState;
  ShardEdit edit(shard, header_->counters);
  Record record;
  auto state = State::kDamaged;
  ShardEdit::Spot spot;
  const auto repair = [&] {
    header_->counters.repaired.fetch_add(1, std::memory_order_relaxed);
    edit.repair(false, seed_);
  };
  for (int tries = 0; tries < 2; ++tries) {
    if (tries > 0) repair();
    spot = edit.find(stored);
    if ((state = spot.state) == State::kDamaged) continue;
    if (spot.cell != 0) state = edit.read(spot.cell, record);
    if (state == State::kSound) break;
  }
  if (state == State::kSound) {
    record.found = spot.cell != 0 && record.expires_ns > now_ns;
    if (!record.found) record.bytes = 0, record.expires_ns = 0;
    const auto then = call(context, record);
    if (then == Then::kWrite) {
      state = edit.write(spot, stored, record, now_ns);
      if (state == State::kDamaged) {
        repair();
        spot = edit.find(stored);
        state = spot.state == State::kDamaged ? State::kDamaged : edit.write(spot, stored, record, now_ns);
      }
    } else if (then == Then::kRemove && spot.cell != 0 && edit.remove(spot) == State::kDamaged) {
      repair();
    }
  }
  shard.lock.store(0, std::memory_order_release);
  return state == State::kSound ? Outcome::kDone : Outcome::kNoState;
}

Outcome Table::get(const Key& key, std::int64_t now_ns, Record& record) noexcept {
  record.found = false;
  return edit(key, now_ns, [&record](Record& here) {
    record.found = here.found;
    record.expires_ns = here.expires_ns;
    record.assign(here.text());
    return Then::kLeave;
  });
}

Outcome Table::set(const Key& key, std::int64_t now_ns, std::string_view value, std::int64_t expires_ns) noexcept {
  if (value.size() > kValueBytesMax) {
    count_too_large();
    return Outcome::kNoState;
  }
  return edit(key, now_ns, [value, expires_ns](Record& record) {
    record.assign(value);
    record.expires_ns = expires_ns;
    return Then::kWrite;
  });
}

Outcome Table::remove(const Key& key, std::int64_t now_ns) noexcept {
  return edit(key, now_ns, [](Record&) { return Then::kRemove; });
}

void Table::count_too_large() noexcept {
  if (header_ != nullptr) header_->counters.too_large.fetch_add(1, std::memory_order_relaxed);
}

TableStats Table::stats() const noexcept {
  if (header_ == nullptr) return {};
  const auto& counters = header_->counters;
  const auto value = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  return {.busy = value(counters.busy),
          .taken_over = value(counters.taken_over),
          .repaired = value(counters.repaired),
          .lost = value(counters.lost),
          .evicted = value(counters.evicted),
          .too_large = value(counters.too_large)};
}

}  // namespace ringwall::keep
