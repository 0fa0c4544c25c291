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

// The four and the three bytes that end at `end`, and a number for the six that begin at `begin`.
std::uint32_t quad_at(const unsigned char* end) { return static_cast<std::uint32_t>(end[-3]) << 24 | static_cast<std::uint32_t>(end[-2] << 16 | end[-1] << 8 | end[0]); }
std::uint32_t triple_at(const unsigned char* end) { return static_cast<std::uint32_t>(end[-2] << 16 | end[-1] << 8 | end[0]); }
std::uint32_t gram_at(const unsigned char* begin) {
  std::uint64_t gram;
  std::memcpy(&gram, begin, sizeof gram);
  return static_cast<std::uint32_t>((gram << 16) * 0x9E3779B97F4A7C15u >> 32);
}

// About how common a byte is in pages, in thousandths: words, markup, scripts.
int commonness_in_pages(unsigned char c) {
  constexpr unsigned char kLetters[26] = {60, 15, 35, 35, 85, 15, 15, 30, 55, 3, 8, 40, 22, 50, 50, 30, 2, 50, 55, 65, 22, 10, 12, 5, 10, 3};
  if (c >= 'a' && c <= 'z') return kLetters[c - 'a'];
  if (c == ' ') return 120;
  if (c == '<' || c == '>' || c == '/' || c == '"' || c == '-') return 25;
  if (c == '=' || c == '.' || c == '\n') return 15;
  if (c >= '0' && c <= '9') return 8;
  if (c == '_' || c == ',' || c == ':' || c == ';' || c == '\'' || c == '(' || c == ')') return 6;
  return 1;
}

// The same for requests; of a triple the least common one decides most.  Letters as in English text, the rare ones not as rare:
// names and encoded values have them too.
int commonness_in_requests(unsigned char c) {
  constexpr unsigned char kLetters[26] = {82, 15, 28, 43, 127, 22, 20, 61, 70, 8, 10, 40, 24, 67, 75, 19, 8, 60, 63, 91, 28, 10, 24, 8, 20, 8};
  if (c >= 'a' && c <= 'z') return kLetters[c - 'a'];
  if (c == ' ') return 120;
  if (c >= '0' && c <= '9') return 30;
  if (c == '/' || c == '.' || c == '-' || c == '=' || c == '&') return 25;
  if (c == '_' || c == ',' || c == ':' || c == ';' || c == '"') return 10;
  return 3;
}

// Sums of commonness over bytes of one upper digit and a set of lower ones.
class DigitSums {
 public:
  explicit DigitSums(int (*common)(unsigned char)) {
    for (unsigned high = 0; high < 16; ++high) {
      for (unsigned half = 0; half < 2; ++half) {
        for (unsigned set = 1; set < 256; ++set) {
          const auto low = static_cast<unsigned>(std::countr_zero(set));
          sums_[high][half][set] = sums_[high][half][set & (set - 1)] + common(static_cast<unsigned char>(high << 4 | (half * 8 + low)));
        }
      }
    }
  }
  long of(std::size_t high, std::uint16_t lows) const { return sums_[high][0][lows & 255] + sums_[high][1][lows >> 8]; }

 private:
  std::array<std::array<std::array<long, 256>, 2>, 16> sums_{};
};

// What one more literal costs at a key that has so many: a key of its own makes texts stop where they did not, and many
// literals at one key are a handle for attackers.
long crowding(long load) { return load == 0 ? 4 : 1 + load * load / 3; }

constexpr long kAnyByte = 1000;  // as common() counts
constexpr std::size_t kBlocksBeforeCopy = 2;
constexpr std::size_t kShortMax = 128;  // the most that are looked for beside long ones
constexpr std::size_t kFewMax = 16;     // so few are looked for by three bytes whatever their sizes
constexpr std::size_t kMaybeMax = kBlockBytes / 32;
constexpr std::size_t kMargin = kPartBytesMax;
constexpr std::size_t kPartsMax = 128;  // of a block

// Of literals of so many bytes: which bits of their two words count.
constexpr std::array<std::uint64_t, kPartBytesMax + 1> masks(std::size_t first) {
  std::array<std::uint64_t, kPartBytesMax + 1> out{};
  for (std::size_t size = 0; size < out.size(); ++size) {
    for (std::size_t i = first; i < std::min(size, first + 8); ++i) out[size] |= std::uint64_t{0xFF} << (8 * (i - first));
  }
  return out;
}
static_assert(std::endian::native == std::endian::little && kPartBytesMax == 16 && kLiteralBytesMax < 256);
constexpr auto kLowMasks = masks(0), kHighMasks = masks(8);

}  // namespace

Literals::Literals(const std::map<std::string, std::vector<std::uint32_t>>& users, Texts texts) : texts_(texts) {
  hash_shift_ = 32 - std::clamp(static_cast<int>(std::bit_width(users.size() * 32)), kHashBitsMin, kHashBitsMax);
  pairs_.words.assign(kPairs / 64, 0);
  std::vector<std::uint32_t> longer;
  for (const auto& one : users) {  // sorted, so pairs come in the order of their marks
    const auto& text = one.first;
    const auto clauses = static_cast<std::uint32_t>(literal_clauses_.size());
    for (const auto clause : one.second) {
      if (literal_clauses_.size() == clauses || literal_clauses_.back().word != clause / 64) literal_clauses_.push_back({clause / 64, 0});
      literal_clauses_.back().bits |= std::uint64_t{1} << (clause % 64);
    }
    const auto count = static_cast<std::uint16_t>(literal_clauses_.size() - clauses);
    if (text.size() > 2) {
      const auto begin = telling_part_of(text), size = std::min(text.size() - begin, kPartBytesMax);
      Literal literal{.text = {}, .clauses = clauses, .whole = static_cast<std::uint32_t>(wholes_.size()), .clause_count = count, .size = static_cast<std::uint8_t>(size),
                      .part_begin = static_cast<std::uint8_t>(begin), .whole_size = static_cast<std::uint8_t>(text.size())};
      std::memcpy(literal.text, text.data() + begin, size);
      if (text.size() > size) wholes_ += text;
      longer.push_back(static_cast<std::uint32_t>(literals_.size()));
      literals_.push_back(literal);
      continue;
    }
    const auto pair = static_cast<std::uint16_t>(static_cast<unsigned char>(text[0]) << 8 | static_cast<unsigned char>(text[1]));
    pairs_.words[pair / 64] |= std::uint64_t{1} << (pair % 64);
    pair_literals_.push_back({clauses, count, pair});
  }
  pairs_.rank();
  const auto long_ones = std::partition(longer.begin(), longer.end(), [this](std::uint32_t literal) { return literals_[literal].size < kStrideBytesMin; });
  const bool few_short = static_cast<std::size_t>(long_ones - longer.begin()) + pair_literals_.size() <= kShortMax;
  if (few_short && size() > kFewMax) {
    add_strides({long_ones, longer.end()});
    longer.erase(long_ones, longer.end());
  }
  sieved_ = few_short;
  add_triples(std::move(longer));
  if (sieved_) add_sieve();
}

void Literals::Marks::rank() {
  std::uint32_t rank = 0;
  for (const auto word : words) {
    ranks.push_back(rank);
    rank += static_cast<std::uint32_t>(std::popcount(word));
  }
}

void Literals::Table::fill(std::vector<std::pair<std::uint32_t, Place>> keyed, std::size_t hashes) {
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  marks.words.assign(hashes / 64, 0);
  for (std::size_t i = 0; i < keyed.size(); ++i) {
    const auto key = keyed[i].first;
    marks.words[key / 64] |= std::uint64_t{1} << (key % 64);
    if (i == 0 || key != keyed[i - 1].first) buckets.push_back(static_cast<std::uint32_t>(i));
    places.push_back(keyed[i].second);
  }
  buckets.push_back(static_cast<std::uint32_t>(keyed.size()));
  marks.rank();
}

void Literals::add_triples(std::vector<std::uint32_t> literals) {
  // The short ones have the least choice of keys, so they choose first.
  std::stable_sort(literals.begin(), literals.end(), [this](std::uint32_t a, std::uint32_t b) { return literals_[a].size < literals_[b].size; });
  std::vector<long> load(hashes(), 0);
  std::vector<std::pair<std::uint32_t, Place>> keyed;
  for (const auto index : literals) {
    const auto& literal = literals_[index];
    Place place{index, 0};
    std::uint32_t best = 0;
    long best_score = -1;
    for (unsigned end = 2; end < literal.size; ++end) {
      const auto a = literal.text[end - 2], b = literal.text[end - 1], c = literal.text[end];
      const auto key = hash(triple_at(literal.text + end));
      long score = static_cast<long>(common(a)) * common(b) * common(c) * crowding(load[key]);
      if (sieved_) score *= end > 2 ? common(literal.text[end - 3]) : kAnyByte;
      if (best_score >= 0 && score >= best_score) continue;
      best_score = score, best = key, place.key_end = end & 15;
    }
    ++load[best];
    keyed.emplace_back(best, place);
  }
  triples_.fill(std::move(keyed), hashes());
}

// Each literal at four places side by side, of which one is at a fourth byte wherever the literal is; those that are least common.
void Literals::add_strides(const std::vector<std::uint32_t>& literals) {
  std::vector<long> load(hashes(), 0);
  std::vector<std::pair<std::uint32_t, Place>> keyed;
  strides_again_.assign(hashes() / 64, 0);
  for (const auto index : literals) {
    const auto& literal = literals_[index];
    std::size_t best = 0;
    long best_score = -1;
    for (std::size_t begin = 0; begin + kStrideBytesMin <= literal.size; ++begin) {
      long score = 0;
      for (std::size_t i = begin; i < begin + kStride; ++i) {
        long sum = crowding(load[gram_at(literal.text + i) >> hash_shift_]);
        for (std::size_t k = 0; k < kGramBytes; ++k) sum += common(literal.text[i + k]);
        score = std::max(score, sum);
      }
      if (best_score >= 0 && score >= best_score) continue;
      best_score = score, best = begin;
    }
    for (std::size_t i = best; i < best + kStride; ++i) {
      const auto gram = gram_at(literal.text + i), key = gram >> hash_shift_, again = hash(gram);
      ++load[key];
      strides_again_[again / 64] |= std::uint64_t{1} << (again % 64);
      keyed.emplace_back(key, Place{index, static_cast<std::uint32_t>(i) & 15});
    }
  }
  strides_.fill(std::move(keyed), hashes());
}

int Literals::commonness(Texts texts, unsigned char c) { return texts == Texts::kPages ? commonness_in_pages(c) : commonness_in_requests(c); }

int Literals::common(unsigned char c) const { return commonness(texts_, c); }

// How common the bytes are that a set lets through at one place of a key: all with one of its lower and one of its upper digits.
long Literals::common(const std::array<std::uint16_t, 2>& digits) const {
  static const DigitSums kOfRequests(commonness_in_requests), kOfPages(commonness_in_pages);
  const auto& sums = texts_ == Texts::kPages ? kOfPages : kOfRequests;
  long sum = 0;
  for (unsigned high = digits[1]; high != 0; high &= high - 1) sum += sums.of(static_cast<std::size_t>(std::countr_zero(high)), digits[0]);
  return sum;
}

// Keys that are alike share a set: those two sets become one again and again whose union lets the fewest other quads through.
void Literals::add_sieve() {
  struct Set {
    std::array<std::array<std::uint16_t, 2>, Sieve::kPlaces> digits;
    std::vector<std::size_t> keys;
    double lets_through;
  };
  const auto measured = [this](Set set) {
    set.lets_through = 1;
    for (const auto& place : set.digits) set.lets_through *= static_cast<double>(common(place));
    return set;
  };
  const auto joined = [&](const Set& a, const Set& b) {
    auto out = Set{a.digits, {}, 0};
    for (std::size_t place = 0; place < Sieve::kPlaces; ++place) {
      for (std::size_t half = 0; half < 2; ++half) out.digits[place][half] |= b.digits[place][half];
    }
    return measured(std::move(out));
  };
  std::vector<Set> sets;
  const auto add = [&](Key key) {
    Set set{{}, {keys_.size()}, 0};
    for (std::size_t place = 0; place < Sieve::kPlaces; ++place) {
      const auto c = key.byte(place);
      if (place + key.bytes < Sieve::kPlaces) set.digits[place] = {0xffff, 0xffff};
      else set.digits[place] = {static_cast<std::uint16_t>(1u << (c & 15)), static_cast<std::uint16_t>(1u << (c >> 4))};
    }
    const auto same = std::find_if(sets.begin(), sets.end(), [&](const Set& one) { return one.digits == set.digits; });
    if (same != sets.end()) same->keys.push_back(keys_.size());
    else sets.push_back(measured(std::move(set)));
    keys_.push_back(key);
  };
  for (const auto& one : pair_literals_) add({one.pair, 2, 0});
  for (const auto& place : triples_.places) {
    const auto* end = literals_[place.literal].text + place.key_end;
    if (place.key_end < 3) add({triple_at(end), 3, 0});
    else add({quad_at(end), 4, 0});
  }
  // What joining each costs with the one it goes best with.
  struct Best {
    std::size_t with;
    double cost;
  };
  const auto best_of = [&](std::size_t one) {
    Best best{one, 0};
    for (std::size_t other = 0; other < sets.size(); ++other) {
      if (other == one) continue;
      const auto cost = joined(sets[one], sets[other]).lets_through - sets[one].lets_through - sets[other].lets_through;
      if (best.with == one || cost < best.cost) best = {other, cost};
    }
    return best;
  };
  std::vector<Best> best;
  for (std::size_t i = 0; i < sets.size(); ++i) best.push_back(best_of(i));
  while (sets.size() > Sieve::kSets) {
    const auto least = static_cast<std::size_t>(std::min_element(best.begin(), best.end(), [](const Best& a, const Best& b) { return a.cost < b.cost; }) - best.begin());
    const auto kept = std::min(least, best[least].with), gone = std::max(least, best[least].with), last = sets.size() - 1;
    auto keys = std::move(sets[kept].keys);
    keys.insert(keys.end(), sets[gone].keys.begin(), sets[gone].keys.end());
    sets[kept] = joined(sets[kept], sets[gone]);
    sets[kept].keys = std::move(keys);
    if (gone != last) sets[gone] = std::move(sets[last]), best[gone] = best[last];
    sets.pop_back(), best.pop_back();
    for (std::size_t i = 0; i < sets.size(); ++i) {
      if (i == kept || best[i].with == kept || best[i].with == gone) best[i] = best_of(i);
      else if (best[i].with == last) best[i].with = gone;
    }
  }
  for (std::size_t set = 0; set < sets.size(); ++set) {
    for (const auto key : sets[set].keys) keys_[key].set = static_cast<std::uint8_t>(set);
  }
  for (const auto& key : keys_) sieve_.add(key);
}

void Literals::Sieve::add(const Key& key) {
  const auto bit = static_cast<unsigned char>(1u << key.set);
  for (std::size_t place = 0; place < kPlaces; ++place) {
    const auto c = key.byte(place);
    if (place + key.bytes >= kPlaces) {
      low[place][c & 15] |= bit, high[place][c >> 4] |= bit;
      continue;
    }
    for (auto* any : {low[place], high[place]}) {
      for (std::size_t digit = 0; digit < 16; ++digit) any[digit] |= bit;
    }
  }
}

std::size_t Literals::Sieve::find(const unsigned char* text, std::size_t bytes, std::uint16_t* at) const {
  std::size_t found = 0, i = 0;
#ifdef __SSSE3__
  const auto table = [](const unsigned char* from) { return _mm_load_si128(reinterpret_cast<const __m128i*>(from)); };
  const auto digit = _mm_set1_epi8(15);
  const __m128i lows[] = {table(low[0]), table(low[1]), table(low[2]), table(low[3])}, highs[] = {table(high[0]), table(high[1]), table(high[2]), table(high[3])};
  const auto sets_of = [&](std::size_t place, __m128i bytes_there) {
    return _mm_and_si128(_mm_shuffle_epi8(lows[place], _mm_and_si128(bytes_there, digit)), _mm_shuffle_epi8(highs[place], _mm_and_si128(_mm_srli_epi16(bytes_there, 4), digit)));
  };
  for (; i + 16 <= bytes; i += 16) {
    const auto there = [&](std::size_t place) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i + place - 3)); };
    const auto sets = _mm_and_si128(_mm_and_si128(sets_of(0, there(0)), sets_of(1, there(1))), _mm_and_si128(sets_of(2, there(2)), sets_of(3, there(3))));
    auto here = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(sets, _mm_setzero_si128()))) ^ 0xFFFFu;
    for (; here != 0; here &= here - 1) at[found++] = static_cast<std::uint16_t>(i + static_cast<unsigned>(std::countr_zero(here)));
  }
#endif
  for (; i < bytes; ++i) {
    at[found] = static_cast<std::uint16_t>(i);
    unsigned sets = 0xff;
    for (std::size_t place = 0; place < kPlaces; ++place) {
      const auto* there = text + i + place - 3;  // the bytes before the text are there too
      sets &= static_cast<unsigned>(low[place][*there & 15] & high[place][*there >> 4]);
    }
    found += sets != 0;
  }
  return found;
}

// Of a literal whose part is at `begin` of the text: whether the rest of it is there too.
bool Literals::is_whole(const Literal& literal, std::string_view text, std::size_t begin) const {
  if (literal.whole_size == literal.size) return true;
  if (begin < literal.part_begin || text.size() - (begin - literal.part_begin) < literal.whole_size) return false;
  const auto* here = text.data() + begin - literal.part_begin;
  const auto* want = wholes_.data() + literal.whole;
  return std::equal(want, want + literal.whole_size, here, [](char wanted, char c) { return wanted == transforms::lower(c); });
}

// The literals whose key is at `at`, folded, which is byte `position` of the text.  False: all that these literals can tell is told.
bool Literals::try_key(const Table& table, bool skip_told, std::size_t bucket, const unsigned char* at, Scanned& scanned, std::size_t position, const Room& room) const {
  const auto text = scanned.text;
  bool more = false;
  for (auto p = table.buckets[bucket]; p < table.buckets[bucket + 1]; ++p) {
    const auto place = table.places[p];
    const auto& literal = literals_[place.literal];
    if (skip_told && all_set(literal.clauses, literal.clause_count, scanned.bits)) continue;
    more = true;
    if (position < place.key_end || text.size() - position + place.key_end < literal.size) continue;
    std::uint64_t here[2], want[2];
    std::memcpy(here, at - place.key_end, sizeof here);
    std::memcpy(want, literal.text, sizeof want);
    if ((((here[0] ^ want[0]) & kLowMasks[literal.size]) | ((here[1] ^ want[1]) & kHighMasks[literal.size])) != 0) continue;
    if (is_whole(literal, text, position - place.key_end)) set(literal.clauses, literal.clause_count, scanned, room);
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
  for (std::size_t i = 0; i < (strides_.places.empty() ? 0 : bytes); i += kStride) {
    const auto key = gram_at(block + i) >> hash_shift_;
    noted.strides_at[strides] = static_cast<std::uint16_t>(i);
    strides += stride_words[key / 64] >> (key % 64) & 1;
  }
  for (std::size_t k = 0; k < strides; ++k) {
    const auto at = noted.strides_at[k];
    const auto again = hash(gram_at(block + at));
    noted.strides_at[noted.strides] = at;
    noted.strides += strides_again_[again / 64] >> (again % 64) & 1;
  }
  if (keys_.empty()) return;
  std::uint16_t maybe_at[kBlockBytes];
  noted.maybe = places.sieve->find(block, bytes, maybe_at);
  for (std::size_t k = 0; k < noted.maybe; ++k) {
    const auto at = maybe_at[k];
    const auto triple = triple_at(block + at), pair = triple & 0xffff, key = hash(triple);
    noted.pairs_at[noted.pairs] = noted.triples_at[noted.triples] = at;
    noted.pairs += places.pairs[pair / 64] >> (pair % 64) & 1;
    noted.triples += places.triples[key / 64] >> (key % 64) & 1;
  }
}

// Texts folded, with room for a literal on both sides, so that it is compared in two words.
struct Literals::Block {
  Block() { clear(); }
  unsigned char folded[kMargin + kBlockBytes + kMargin];
  std::size_t bytes, part_count;
  Part parts[kPartsMax];  // in their order
  void clear() {
    std::memset(folded, 0, kMargin);
    bytes = part_count = 0;
  }
  const unsigned char* text() const { return folded + kMargin; }
  unsigned char* text() { return folded + kMargin; }
};

std::size_t Literals::scan_block(Places& places, const Block& block, const Room& room) const {
  Noted noted;
  if (!sieved_) note_all(places, block.text(), block.bytes, noted);
  else note_few(places, block.text(), block.bytes, noted);
  const auto each = [&](const std::uint16_t* noted_at, std::size_t count, auto try_at) {
    const auto *part = block.parts, *const last = block.parts + block.part_count - 1;
    for (std::size_t k = 0; k < count; ++k) {
      while (part != last && part[1].at <= noted_at[k]) ++part;
      try_at(block.text() + noted_at[k], *part->scanned, part->begin + (noted_at[k] - part->at));
    }
  };
  each(noted.pairs_at, noted.pairs, [&](const unsigned char* here, Scanned& scanned, std::size_t position) {
    if (position == 0) return;  // the byte before the text is none of it
    const auto pair = static_cast<std::uint32_t>(here[-1] << 8 | here[0]);
    const auto& literal = pair_literals_[pairs_.number(pair)];
    set(literal.clauses, literal.clause_count, scanned, room);
    if (places.pairs_left != nullptr) places.take(places.pairs_left, pair);
  });
  const auto try_all = [&](const Table& table, const std::uint16_t* noted_at, std::size_t count, std::uint64_t* left, auto key_of) {
    each(noted_at, count, [&](const unsigned char* here, Scanned& scanned, std::size_t position) {
      const auto key = key_of(here);
      const bool more = try_key(table, left != nullptr, table.marks.number(key), here, scanned, position, room);
      if (!more && left != nullptr) places.take(left, key);
    });
  };
  try_all(triples_, noted.triples_at, noted.triples, places.triples_left, [this](const unsigned char* here) { return hash(triple_at(here)); });
  try_all(strides_, noted.strides_at, noted.strides, places.strides_left, [this](const unsigned char* here) { return gram_at(here) >> hash_shift_; });
  return noted.maybe;
}

// The sieve for what is left to be found.
Literals::Sieve Literals::sieve_left(const Places& places) const {
  Sieve sieve;
  for (const auto& key : keys_) {
    const auto mark = key.bytes == 2 ? key.quad : hash(key.quad & 0xffffff);
    const auto* left = key.bytes == 2 ? places.pairs_left : places.triples_left;
    if ((left[mark / 64] >> (mark % 64) & 1) != 0) sieve.add(key);
  }
  return sieve;
}

// Block by block.
void Literals::scan_long(Scanned& scanned, Block& block, const Room& room) const {
  const auto text = scanned.text;
  std::uint64_t pairs_left[kPairs / 64], triples_left[kHashes / 64], strides_left[kHashes / 64];
  Places places{pairs_.words.data(), triples_.marks.words.data(), strides_.marks.words.data(), &sieve_};
  Sieve left;
  std::size_t maybe = 0;  // passed in the block before
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
    // Where much passes the sieve, that may be for literals that are found already.
    if (places.taken && maybe > kMaybeMax) left = sieve_left(places), places.sieve = &left, places.taken = false;
    const auto end = std::min(begin + kBlockBytes, text.size());
    const auto from = begin - std::min(begin, kMargin), to = std::min(end + kMargin, text.size());
    transforms::fold(text.data() + from, to - from, reinterpret_cast<char*>(block.text() - (begin - from)));
    std::memset(block.text() + (to - begin), 0, kMargin - (to - end));
    block.bytes = end - begin;
    block.parts[0] = {0, begin, &scanned}, block.part_count = 1;
    maybe = scan_block(places, block, room);
  }
  block.clear();
}

void Literals::scan(std::span<Scanned> texts, std::size_t words, Arena& arena) const {
  if (size() == 0) return;
  const Room room{words, arena};
  Block block;
  const auto scan_all = [&] {
    if (block.part_count == 0) return;
    std::memset(block.text() + block.bytes, 0, kMargin);
    transforms::fold(reinterpret_cast<const char*>(block.text()), block.bytes, reinterpret_cast<char*>(block.text()));
    Places places{pairs_.words.data(), triples_.marks.words.data(), strides_.marks.words.data(), &sieve_};
    scan_block(places, block, room);
    block.bytes = block.part_count = 0;
  };
  for (auto& one : texts) {
    const auto size = one.text.size();
    if (size == 0) continue;
    if (block.bytes + size > kBlockBytes || block.part_count == kPartsMax) scan_all();
    if (size > kBlockBytes) {
      scan_long(one, block, room);
      continue;
    }
    std::memcpy(block.text() + block.bytes, one.text.data(), size);
    block.parts[block.part_count++] = {block.bytes, 0, &one};
    block.bytes += size;
  }
  scan_all();
}

}  // namespace ringwall::waf::detail
