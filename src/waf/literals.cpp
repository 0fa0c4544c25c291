#include "waf/detail/literals.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "waf/detail/transform.h"

#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

namespace ringwall::waf::detail {

namespace {

constexpr std::size_t kPairs = 1u << 16, kHashes = 1u << 17;  // the most
constexpr int kHashBitsMin = 10, kHashBitsMax = 17;

constexpr std::size_t kGramBytes = 6, kStrideBytesMin = kGramBytes + kStride - 1;  // of a literal that is found at each fourth byte

// The three bytes that end at `end`, and a number for the six that begin at `begin`.
std::uint32_t triple_at(const unsigned char* end) { return static_cast<std::uint32_t>(end[-2] << 16 | end[-1] << 8 | end[0]); }
std::uint32_t gram_at(const unsigned char* begin) {
  std::uint64_t gram;
  std::memcpy(&gram, begin, sizeof gram);
  return static_cast<std::uint32_t>((gram << 16) * 0x9E3779B97F4A7C15u >> 32);
}

// About how common a byte is in requests, in thousandths; of a triple the least common one decides most.  Letters as in English
// text, the rare ones not as rare: names and encoded values have them too.
int commonness(unsigned char c) {
  constexpr unsigned char kLetters[26] = {82, 15, 28, 43, 127, 22, 20, 61, 70, 8, 10, 40, 24, 67, 75, 19, 8, 60, 63, 91, 28, 10, 24, 8, 20, 8};
  if (c >= 'a' && c <= 'z') return kLetters[c - 'a'];
  if (c == ' ') return 120;
  if (c >= '0' && c <= '9') return 30;
  if (c == '/' || c == '.' || c == '-' || c == '=' || c == '&') return 25;
  if (c == '_' || c == ',' || c == ':' || c == ';' || c == '"') return 10;
  return 3;
}

// What one more literal costs at a key that has so many: a key of its own makes texts stop where they did not, and many
// literals at one key are a handle for attackers.
long crowding(long load) { return load == 0 ? 4 : 1 + load * load / 3; }

constexpr std::size_t kBlocksBeforeCopy = 2;
constexpr std::size_t kShortMax = 128;                                             // the most that are looked for beside long ones

// Of literals of so many bytes: which bits of their two words count.
constexpr std::array<std::uint64_t, kLiteralBytesMax + 1> masks(std::size_t first) {
  std::array<std::uint64_t, kLiteralBytesMax + 1> out{};
  for (std::size_t size = 0; size < out.size(); ++size) {
    for (std::size_t i = first; i < std::min(size, first + 8); ++i) out[size] |= std::uint64_t{0xFF} << (8 * (i - first));
  }
  return out;
}
static_assert(std::endian::native == std::endian::little && kLiteralBytesMax == 16);
constexpr auto kLowMasks = masks(0), kHighMasks = masks(8);

}  // namespace

Literals::Literals(const std::map<std::string, std::vector<std::uint32_t>>& users) {
  hash_shift_ = 32 - std::clamp(static_cast<int>(std::bit_width(users.size() * 32)), kHashBitsMin, kHashBitsMax);
  pairs_.words.assign(kPairs / 64, 0);
  std::vector<Entry> longer;
  for (const auto& one : users) {  // sorted, so pairs come in the order of their marks
    const auto& text = one.first;
    const auto clauses = static_cast<std::uint32_t>(literal_clauses_.size());
    const auto count = static_cast<std::uint16_t>(one.second.size());
    literal_clauses_.insert(literal_clauses_.end(), one.second.begin(), one.second.end());
    if (text.size() > 2) {
      Entry entry{.text = {}, .clauses = clauses, .clause_count = count, .key_end = 0, .size = static_cast<std::uint8_t>(text.size())};
      std::memcpy(entry.text, text.data(), text.size());
      longer.push_back(entry);
      continue;
    }
    const auto pair = static_cast<std::uint16_t>(static_cast<unsigned char>(text[0]) << 8 | static_cast<unsigned char>(text[1]));
    pairs_.words[pair / 64] |= std::uint64_t{1} << (pair % 64);
    pair_literals_.push_back({clauses, count, pair});
  }
  pairs_.rank();
  const auto long_ones = std::partition(longer.begin(), longer.end(), [](const Entry& entry) { return entry.size < kStrideBytesMin; });
  const bool few_short = static_cast<std::size_t>(long_ones - longer.begin()) + pair_literals_.size() <= kShortMax;
  if (few_short) {
    add_strides({long_ones, longer.end()});
    longer.erase(long_ones, longer.end());
  }
  add_triples(std::move(longer));
  if (few_short) add_ends();
}

void Literals::Marks::rank() {
  std::uint32_t rank = 0;
  for (const auto word : words) {
    ranks.push_back(rank);
    rank += static_cast<std::uint32_t>(std::popcount(word));
  }
}

void Literals::Table::fill(std::vector<std::pair<std::uint32_t, Entry>> keyed, std::size_t hashes) {
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  marks.words.assign(hashes / 64, 0);
  for (std::size_t i = 0; i < keyed.size(); ++i) {
    const auto key = keyed[i].first;
    marks.words[key / 64] |= std::uint64_t{1} << (key % 64);
    if (i == 0 || key != keyed[i - 1].first) buckets.push_back(static_cast<std::uint32_t>(i));
    entries.push_back(keyed[i].second);
  }
  buckets.push_back(static_cast<std::uint32_t>(keyed.size()));
  marks.rank();
}

void Literals::add_triples(std::vector<Entry> literals) {
  // The short ones have the least choice of keys, so they choose first.
  std::stable_sort(literals.begin(), literals.end(), [](const auto& a, const auto& b) { return a.size < b.size; });
  std::vector<long> load(hashes(), 0);
  std::vector<std::pair<std::uint32_t, Entry>> keyed;
  for (auto& entry : literals) {
    std::uint32_t best = 0;
    long best_score = -1;
    for (unsigned end = 2; end < entry.size; ++end) {
      const auto a = entry.text[end - 2], b = entry.text[end - 1], c = entry.text[end];
      const auto key = hash(triple_at(entry.text + end));
      const long score = static_cast<long>(commonness(a)) * commonness(b) * commonness(c) * crowding(load[key]);
      if (best_score >= 0 && score >= best_score) continue;
      best_score = score, best = key, entry.key_end = static_cast<std::uint8_t>(end);
    }
    ++load[best];
    keyed.emplace_back(best, entry);
  }
  triples_.fill(std::move(keyed), hashes());
}

// Each literal at four places side by side, of which one is at a fourth byte wherever the literal is; those that are least common.
void Literals::add_strides(const std::vector<Entry>& literals) {
  std::vector<long> load(hashes(), 0);
  std::vector<std::pair<std::uint32_t, Entry>> keyed;
  for (auto entry : literals) {
    std::size_t best = 0;
    long best_score = -1;
    for (std::size_t begin = 0; begin + kStrideBytesMin <= entry.size; ++begin) {
      long score = 0;
      for (std::size_t i = begin; i < begin + kStride; ++i) {
        long common = crowding(load[hash(gram_at(entry.text + i))]);
        for (std::size_t k = 0; k < kGramBytes; ++k) common += commonness(entry.text[i + k]);
        score = std::max(score, common);
      }
      if (best_score >= 0 && score >= best_score) continue;
      best_score = score, best = begin;
    }
    for (std::size_t i = best; i < best + kStride; ++i) {
      const auto key = hash(gram_at(entry.text + i));
      ++load[key];
      entry.key_end = static_cast<std::uint8_t>(i);
      keyed.emplace_back(key, entry);
    }
  }
  strides_.fill(std::move(keyed), hashes());
}

void Literals::Ends::add(int set, unsigned char first, unsigned char last) {
  const auto bit = static_cast<unsigned char>(1u << set);
  first_low[first & 15] |= bit, first_high[first >> 4] |= bit;
  last_low[last & 15] |= bit, last_high[last >> 4] |= bit;
}

// Keys that end alike share a set; each goes where it makes the fewest other pairs of common bytes look like an end.
void Literals::add_ends() {
  std::map<unsigned char, std::vector<unsigned char>> firsts_of;
  const auto add = [&](unsigned pair) { firsts_of[static_cast<unsigned char>(pair)].push_back(static_cast<unsigned char>(pair >> 8)); };
  for (const auto& one : pair_literals_) add(one.pair);
  for (const auto& one : triples_.entries) add(triple_at(one.text + one.key_end) & 0xffff);
  const auto common = [](const unsigned char* low, const unsigned char* high, int set) {
    long sum = 0;
    for (int c = ' '; c < 127; ++c) sum += ((low[c & 15] & high[c >> 4]) >> set & 1) * commonness(static_cast<unsigned char>(c));
    return sum;
  };
  const auto cost = [&](const Ends& ends, int set) { return common(ends.first_low, ends.first_high, set) * common(ends.last_low, ends.last_high, set); };
  for (const auto& [last, firsts] : firsts_of) {
    Ends best;
    long least = -1;
    for (int set = 0; set < 8; ++set) {
      auto tried = ends_;
      for (const auto first : firsts) tried.add(set, first, last);
      const auto more = cost(tried, set) - cost(ends_, set);
      if (least < 0 || more < least) least = more, best = tried;
    }
    ends_ = best;
  }
  ends_.any = true;
}

std::size_t Literals::Ends::find(const unsigned char* text, std::size_t bytes, std::uint16_t* at) const {
  std::size_t found = 0, i = 0;
#ifdef __SSSE3__
  const auto table = [](const unsigned char* from) { return _mm_load_si128(reinterpret_cast<const __m128i*>(from)); };
  const auto fl = table(first_low), fh = table(first_high), ll = table(last_low), lh = table(last_high), digit = _mm_set1_epi8(15);
  const auto low = [&](__m128i of) { return _mm_and_si128(of, digit); };
  const auto high = [&](__m128i of) { return _mm_and_si128(_mm_srli_epi16(of, 4), digit); };
  for (; i + 16 <= bytes; i += 16) {
    const auto last = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
    const auto first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i - 1));
    const auto sets = _mm_and_si128(_mm_and_si128(_mm_shuffle_epi8(fl, low(first)), _mm_shuffle_epi8(fh, high(first))),
                                    _mm_and_si128(_mm_shuffle_epi8(ll, low(last)), _mm_shuffle_epi8(lh, high(last))));
    auto here = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(sets, _mm_setzero_si128()))) ^ 0xFFFFu;
    for (; here != 0; here &= here - 1) at[found++] = static_cast<std::uint16_t>(i + static_cast<unsigned>(std::countr_zero(here)));
  }
#endif
  for (; i < bytes; ++i) {
    at[found] = static_cast<std::uint16_t>(i);
    const auto* last = text + i;
    found += sets(last[-1], last[0]) != 0;  // the byte before the text is there too
  }
  return found;
}

// The literals whose key is at `at`; the text has `before` bytes before it, and `behind` after it.  False: all that these literals
// can tell is told.
bool Literals::try_key(const Table& table, bool skip_told, std::size_t bucket, const unsigned char* at, std::size_t before, std::size_t behind, std::uint64_t* bits) const {
  bool more = false;
  for (auto e = table.buckets[bucket]; e < table.buckets[bucket + 1]; ++e) {
    const auto& entry = table.entries[e];
    if (skip_told && all_set(entry.clauses, entry.clause_count, bits)) continue;
    more = true;
    if (before < entry.key_end || behind + entry.key_end + 1 < entry.size) continue;
    std::uint64_t here[2], want[2];
    std::memcpy(here, at - entry.key_end, sizeof here);
    std::memcpy(want, entry.text, sizeof want);
    if ((((here[0] ^ want[0]) & kLowMasks[entry.size]) | ((here[1] ^ want[1]) & kHighMasks[entry.size])) == 0) set(entry.clauses, entry.clause_count, bits);
  }
  return more;
}

// Without a branch: in hostile text something may be at every other byte, and at none that could be foretold.
void Literals::note_all(const Places& places, const unsigned char* block, std::size_t bytes, Noted& noted) const {
  std::size_t pairs = 0, triples = 0;
  const auto *const pair_words = places.pairs, *const triple_words = places.triples;
  std::uint32_t last = static_cast<std::uint32_t>(block[-2] << 8 | block[-1]);
  for (std::size_t i = 0; i < bytes; ++i) {
    last = (last << 8 | block[i]) & 0xffffff;
    const auto pair = last & 0xffff, triple = hash(last);
    noted.pairs_at[pairs] = noted.triples_at[triples] = static_cast<std::uint16_t>(i);
    pairs += pair_words[pair / 64] >> (pair % 64) & 1;
    triples += triple_words[triple / 64] >> (triple % 64) & 1;
  }
  noted.pairs = pairs, noted.triples = triples;
}

void Literals::note_few(const Places& places, const unsigned char* block, std::size_t bytes, Noted& noted) const {
  const auto* const stride_words = places.strides;
  std::size_t strides = 0;
  for (std::size_t i = 0; i < (strides_.entries.empty() ? 0 : bytes); i += kStride) {
    const auto key = hash(gram_at(block + i));
    noted.strides_at[strides] = static_cast<std::uint16_t>(i);
    strides += stride_words[key / 64] >> (key % 64) & 1;
  }
  noted.strides = strides;
  if (triples_.entries.empty() && pair_literals_.empty()) return;
  std::uint16_t ends_at[kBlockBytes];
  const auto ends = ends_.find(block, bytes, ends_at);
  for (std::size_t k = 0; k < ends; ++k) {
    const auto at = ends_at[k];
    const auto triple = triple_at(block + at), pair = triple & 0xffff, key = hash(triple);
    noted.pairs_at[noted.pairs] = noted.triples_at[noted.triples] = at;
    noted.pairs += places.pairs[pair / 64] >> (pair % 64) & 1;
    noted.triples += places.triples[key / 64] >> (key % 64) & 1;
  }
}

void Literals::scan_block(const Places& places, const unsigned char* block, std::size_t begin, std::size_t end, std::size_t text_bytes, std::uint64_t* bits) const {
  Noted noted;
  if (!ends_.any) note_all(places, block, end - begin, noted);
  else note_few(places, block, end - begin, noted);
  for (std::size_t k = 0; k < noted.pairs; ++k) {
    const auto* at = block + noted.pairs_at[k];
    if (begin + noted.pairs_at[k] == 0) continue;  // the byte before the text is none of it
    const auto pair = static_cast<std::uint32_t>(at[-1] << 8 | at[0]);
    const auto& literal = pair_literals_[pairs_.number(pair)];
    set(literal.clauses, literal.clause_count, bits);
    if (places.pairs_left != nullptr) places.pairs_left[pair / 64] &= ~(std::uint64_t{1} << (pair % 64));
  }
  const auto try_all = [&](const Table& table, const std::uint16_t* noted_at, std::size_t count, std::uint64_t* left, auto key_at) {
    for (std::size_t k = 0; k < count; ++k) {
      const auto* here = block + noted_at[k];
      const auto at = begin + noted_at[k];
      const auto key = hash(key_at(here));
      const bool more = try_key(table, left != nullptr, table.marks.number(key), here, at, text_bytes - at - 1, bits);
      if (!more && left != nullptr) left[key / 64] &= ~(std::uint64_t{1} << (key % 64));
    }
  };
  try_all(triples_, noted.triples_at, noted.triples, places.triples_left, triple_at);
  try_all(strides_, noted.strides_at, noted.strides, places.strides_left, gram_at);
}

// Block by block, each folded into a place with room for a literal on both sides, so that it is compared in two words.
void Literals::scan(std::string_view text, std::uint64_t* bits) const {
  if (size() == 0) return;
  constexpr std::size_t kMargin = kLiteralBytesMax;
  unsigned char folded[kMargin + kBlockBytes + kMargin];
  std::memset(folded, 0, kMargin);
  std::uint64_t pairs_left[kPairs / 64], triples_left[kHashes / 64], strides_left[kHashes / 64];
  Places places{pairs_.words.data(), triples_.marks.words.data(), strides_.marks.words.data()};
  for (std::size_t begin = 0; begin < text.size(); begin += kBlockBytes) {
    // The first blocks are scanned without; copying the marks costs as much as one block.
    if (begin == kBlocksBeforeCopy * kBlockBytes) {
      const auto copy = [](const Marks& marks, std::uint64_t* to) {
        std::copy(marks.words.begin(), marks.words.end(), to);
        return to;
      };
      places.pairs = places.pairs_left = copy(pairs_, pairs_left);
      places.triples = places.triples_left = copy(triples_.marks, triples_left);
      places.strides = places.strides_left = copy(strides_.marks, strides_left);
    }
    const auto end = std::min(begin + kBlockBytes, text.size());
    const auto from = begin - std::min(begin, kMargin), to = std::min(end + kMargin, text.size());
    transforms::fold(text.data() + from, to - from, reinterpret_cast<char*>(folded + kMargin - (begin - from)));
    std::memset(folded + kMargin + (to - begin), 0, kMargin - (to - end));
    scan_block(places, folded + kMargin, begin, end, text.size(), bits);
  }
}

}  // namespace ringwall::waf::detail
