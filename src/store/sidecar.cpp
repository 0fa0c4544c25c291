#include "store/detail/sidecar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/hash.h"
#include "store/detail/fuse.h"

namespace ringwall::store {

namespace {

constexpr std::string_view kSidecarMagic = "RWTX";
constexpr std::uint32_t kWithoutLatency = 1, kWithLatency = 2;  // versions
constexpr std::size_t kSidecarFixedBytes = 28;
constexpr std::uint64_t kWordSeed = 1;
constexpr std::uint64_t kTrigramSalt = 0x7472690000000000ULL;  // keeps the three kinds of keys apart
constexpr std::uint64_t kTraceSalt = 0x7472616365000000ULL;

constexpr std::uint8_t kSeparator = 0, kWord = 1;
struct CharTable {
  std::array<std::uint8_t, 256> kind{}, fold{};
  constexpr CharTable() {
    for (int c = 0; c < 256; ++c) {
      const bool upper = c >= 'A' && c <= 'Z';
      fold[c] = static_cast<std::uint8_t>(upper ? c + 32 : c);
      kind[c] = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ? kWord : kSeparator;
    }
  }
};
constexpr CharTable kChars;

std::uint64_t nonzero(std::uint64_t key) { return key == 0 ? 1 : key; }
std::uint64_t word_key(std::string_view folded) { return nonzero(base::hash64(folded, kWordSeed)); }
std::uint64_t trigram_key(std::uint32_t trigram) { return nonzero(base::mix64(trigram + kTrigramSalt)); }
std::uint64_t trace_key(base::TraceId id) { return nonzero(base::mix64(id.high ^ base::mix64(id.low + kTraceSalt))); }

std::string folded(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = static_cast<char>(kChars.fold[static_cast<unsigned char>(c)]);
  return out;
}

// Calls `each(begin, end)` for every word.
template <class Each>
void each_word(std::string_view text, Each each) {
  for (std::size_t i = 0; i < text.size();) {
    while (i < text.size() && kChars.kind[static_cast<unsigned char>(text[i])] != kWord) ++i;
    const auto begin = i;
    while (i < text.size() && kChars.kind[static_cast<unsigned char>(text[i])] == kWord) ++i;
    if (i > begin) each(begin, i);
  }
}

// 7 bits a byte, since only ASCII counts.
constexpr std::size_t kTrigrams = 1u << 21;
template <class Each>
void each_trigram(std::string_view text, Each each) {
  std::uint32_t last = 0;
  std::size_t run = 0;  // of ASCII bytes
  for (const char c : text) {
    const auto byte = kChars.fold[static_cast<unsigned char>(c)];
    run = byte < 0x80 ? run + 1 : 0;
    last = ((last << 7) | (byte & 0x7f)) & (kTrigrams - 1);
    if (run >= 3) each(last);
  }
}

void put_u32(std::string& out, std::uint32_t value) { out.append(reinterpret_cast<const char*>(&value), 4); }
std::uint32_t get_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value;
  std::memcpy(&value, bytes.data() + at, 4);
  return value;
}

}  // namespace

void KeySet::add(std::uint64_t key) {
  const auto mask = slots_.size() - 1;
  for (auto at = key & mask;; at = (at + 1) & mask) {
    if (slots_[at] == key) return;
    if (slots_[at] != 0) continue;
    slots_[at] = key;
    if (++used_ * 2 > slots_.size()) grow();
    return;
  }
}

void KeySet::grow() {
  std::vector<std::uint64_t> old(slots_.size() * 2);
  old.swap(slots_);
  const auto mask = slots_.size() - 1;
  for (const auto key : old) {
    if (key == 0) continue;
    auto at = key & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = key;
  }
}

std::vector<std::uint64_t> KeySet::take() {
  std::vector<std::uint64_t> keys;
  keys.reserve(used_);
  for (auto& slot : slots_) {
    if (slot != 0) keys.push_back(slot);
    slot = 0;
  }
  used_ = 0;
  return keys;
}

SidecarBuilder::SidecarBuilder(std::uint32_t group_rows) : group_rows_(group_rows), trigram_seen_(kTrigrams / 64) {}

void SidecarBuilder::add(std::string_view text, base::TraceId trace_id) {
  std::array<char, 256> room;
  each_word(text, [&](std::size_t begin, std::size_t end) {
    const auto word = text.substr(begin, end - begin);
    if (word.size() > room.size()) return group_.add(word_key(folded(word)));
    for (std::size_t i = 0; i < word.size(); ++i) room[i] = static_cast<char>(kChars.fold[static_cast<unsigned char>(word[i])]);
    group_.add(word_key(std::string_view(room.data(), word.size())));
  });
  each_trigram(text, [&](std::uint32_t trigram) {
    auto& seen = trigram_seen_[trigram / 64];
    const auto bit = 1ULL << (trigram % 64);
    if ((seen & bit) != 0) return;
    seen |= bit;
    trigrams_.push_back(trigram);
  });
  if (trace_id.valid()) group_.add(trace_key(trace_id));
  if (++rows_ % group_rows_ == 0) finish_group();
}

void SidecarBuilder::finish_group() {
  for (const auto trigram : trigrams_) {
    group_.add(trigram_key(trigram));
    trigram_seen_[trigram / 64] = 0;
  }
  trigrams_.clear();
  const auto keys = group_.take();
  for (const auto key : keys) file_.add(key);
  filters_.push_back(build_fuse(keys));
}

std::string SidecarBuilder::finish(const std::optional<std::string>& latency) {
  if (rows_ % group_rows_ != 0) finish_group();
  const auto file_filter = filters_.size() < kFileFilterGroupsMin ? std::string() : build_fuse(file_.take());
  std::string out(kSidecarMagic);
  put_u32(out, latency.has_value() ? kWithLatency : kWithoutLatency);
  out.append(reinterpret_cast<const char*>(&rows_), 8);
  put_u32(out, group_rows_);
  put_u32(out, static_cast<std::uint32_t>(filters_.size()));
  put_u32(out, static_cast<std::uint32_t>(file_filter.size()));
  for (const auto& filter : filters_) put_u32(out, static_cast<std::uint32_t>(filter.size()));
  put_u32(out, base::crc32c(out));
  const auto put_part = [&](const std::string& filter) {
    out += filter;
    put_u32(out, base::crc32c(filter));
  };
  if (!file_filter.empty()) put_part(file_filter);
  for (const auto& filter : filters_) put_part(filter);
  if (latency.has_value()) put_part(*latency);
  return out;
}

std::vector<std::uint64_t> keys_of(const Hints& hints) {
  std::vector<std::uint64_t> keys;
  for (const auto& word : hints.words) {
    // A word with anything but ASCII word characters in it may match in ways the index does not know.
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return kChars.kind[static_cast<unsigned char>(c)] == kWord;
    });
    if (plain) keys.push_back(word_key(folded(word)));
  }
  for (const auto& fragment : hints.fragments) {
    const auto text = folded(fragment);
    each_trigram(text, [&](std::uint32_t trigram) { keys.push_back(trigram_key(trigram)); });
    // A word that begins and ends inside the fragment is a whole word of the text, and rarer than its trigrams.  Its
    // neighbours have to be ASCII: a search that folds case may let others match a letter.
    each_word(text, [&](std::size_t begin, std::size_t end) {
      const bool inside = begin > 0 && end < text.size() && static_cast<unsigned char>(text[begin - 1]) < 0x80 &&
                          static_cast<unsigned char>(text[end]) < 0x80;
      if (inside) keys.push_back(word_key(text.substr(begin, end - begin)));
    });
  }
  if (hints.trace_id.has_value() && hints.trace_id->valid()) keys.push_back(trace_key(*hints.trace_id));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

Result<Sidecar> Sidecar::parse(std::string bytes) {
  const auto corrupt = [](std::string what) { return fail(Errc::kCorrupt, "sidecar: " + std::move(what)); };
  const std::string_view all(bytes);
  if (all.size() < kSidecarFixedBytes || all.substr(0, 4) != kSidecarMagic) return corrupt("it does not begin with RWTX");
  const auto version = get_u32(all, 4);
  if (version != kWithoutLatency && version != kWithLatency) return corrupt(fmt::format("version {}", version));
  Sidecar sidecar;
  std::memcpy(&sidecar.rows_, all.data() + 8, 8);
  sidecar.group_rows_ = get_u32(all, 16);
  const auto groups = get_u32(all, 20);
  const auto file_bytes = get_u32(all, 24);
  if (groups > kSidecarGroupsMax) return corrupt(fmt::format("{} groups are more than {}", groups, kSidecarGroupsMax));
  if (sidecar.group_rows_ == 0 || sidecar.rows_ > std::uint64_t{groups} * sidecar.group_rows_ ||
      (groups > 0 && sidecar.rows_ <= std::uint64_t{groups - 1} * sidecar.group_rows_)) {
    return corrupt(fmt::format("{} rows are not {} groups of {}", sidecar.rows_, groups, sidecar.group_rows_));
  }
  if ((file_bytes != 0) != (groups >= kFileFilterGroupsMin)) return corrupt("it has the wrong number of filters");
  const std::size_t header = kSidecarFixedBytes + 4ull * groups;
  if (all.size() < header + 4 || get_u32(all, header) != base::crc32c(all.substr(0, header))) return corrupt("its header is damaged");

  std::size_t at = header + 4;
  const auto next_part = [&](std::uint32_t length) -> Result<Part> {
    if (all.size() - at < std::size_t{length} + 4) return corrupt(fmt::format("it ends inside the filter at byte {}", at));
    const auto filter = all.substr(at, length);
    if (get_u32(all, at + length) != base::crc32c(filter)) return corrupt(fmt::format("the filter at byte {} is damaged", at));
    RW_TRY(FuseView::parse(filter));
    const Part part{at, length};
    at += std::size_t{length} + 4;
    return part;
  };
  if (file_bytes != 0) sidecar.file_ = RW_TRY(next_part(file_bytes));
  for (std::uint32_t g = 0; g < groups; ++g) {
    sidecar.groups_.push_back(RW_TRY(next_part(get_u32(all, kSidecarFixedBytes + 4ull * g))));
  }
  if (version == kWithLatency) {
    if (all.size() - at < 4) return corrupt("it ends before its latencies");
    sidecar.latency_ = Part{at, all.size() - at - 4};
    if (get_u32(all, all.size() - 4) != base::crc32c(all.substr(at, sidecar.latency_->length))) return corrupt("its latencies are damaged");
  } else if (at != all.size()) {
    return corrupt(fmt::format("{} bytes follow its end", all.size() - at));
  }
  sidecar.bytes_ = std::make_shared<const std::string>(std::move(bytes));
  return sidecar;
}

bool Sidecar::may_hold(Part part, const std::vector<std::uint64_t>& keys) const {
  const auto filter = FuseView::parse(std::string_view(*bytes_).substr(part.offset, part.length));
  RW_ASSERT(filter.ok());  // parse() looked at each
  return std::all_of(keys.begin(), keys.end(), [&](std::uint64_t key) { return filter->may_hold(key); });
}

bool Sidecar::file_may_hold(const std::vector<std::uint64_t>& keys) const {
  if (file_.length != 0) return may_hold(file_, keys);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (may_hold(groups_[g], keys)) return true;
  }
  return false;
}

bool Sidecar::group_may_hold(std::size_t group, const std::vector<std::uint64_t>& keys) const {
  return may_hold(groups_[group], keys);
}

}  // namespace ringwall::store
