#include "waf/detail/prefilter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>

#include "waf/detail/transform.h"

namespace ringwall::waf::detail {

namespace {

constexpr std::size_t kPairs = 1u << 16, kHashes = 1u << 17;

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

// A block's positions fit 16 bits, and it and what is noted of it the first-level cache.
constexpr std::size_t kBlock = 2048;
constexpr std::size_t kBlocksBeforeCopy = 2;

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

std::uint32_t Prefilter::add(const std::vector<Clause>& clauses) {
  clauses_.insert(clauses_.end(), clauses.begin(), clauses.end());
  first_.push_back(static_cast<std::uint32_t>(clauses_.size()));
  return static_cast<std::uint32_t>(first_.size() - 2);
}

void Prefilter::finish() {
  words_ = (clauses_.size() + 63) / 64;
  clause_bytes_.resize(clauses_.size());
  std::map<std::string, std::vector<std::uint32_t>> users;
  for (std::uint32_t i = 0; i < clauses_.size(); ++i) {
    for (const auto& literal : clauses_[i]) {
      if (literal.size() == 1) clause_bytes_[i].add(static_cast<unsigned char>(literal[0]));
      if (literal.size() == 1 && literal[0] == kAnyHighByte) clause_bytes_[i].bits[2] = clause_bytes_[i].bits[3] = ~std::uint64_t{0};
      // Single bytes are told from the text's own bytes, which are not folded.
      if (literal.size() == 1 && literal[0] >= 'a' && literal[0] <= 'z') clause_bytes_[i].add(static_cast<unsigned char>(literal[0] - 32));
      if (literal.size() > 1) users[literal.substr(0, kLiteralBytesMax)].push_back(i);
    }
  }
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
  add_triples(std::move(longer));
  clauses_.clear();
  clauses_.shrink_to_fit();
}

void Prefilter::Marks::rank() {
  std::uint32_t rank = 0;
  for (const auto word : words) {
    ranks.push_back(rank);
    rank += static_cast<std::uint32_t>(std::popcount(word));
  }
}

void Prefilter::add_triples(std::vector<Entry> literals) {
  triples_.words.assign(kHashes / 64, 0);
  // The short ones have the least choice of keys, so they choose first.
  std::stable_sort(literals.begin(), literals.end(), [](const auto& a, const auto& b) { return a.size < b.size; });
  std::vector<long> load(kHashes, 0);
  std::vector<std::pair<std::uint32_t, const Entry*>> keyed;  // by hash
  for (auto& entry : literals) {
    std::uint32_t best = 0;
    long best_score = -1;
    for (unsigned end = 2; end < entry.size; ++end) {
      const auto a = entry.text[end - 2], b = entry.text[end - 1], c = entry.text[end];
      const auto key = hash(static_cast<std::uint32_t>(a << 16 | b << 8 | c));
      const long score = static_cast<long>(commonness(a)) * commonness(b) * commonness(c) * crowding(load[key]);
      if (best_score >= 0 && score >= best_score) continue;
      best_score = score, best = key, entry.key_end = static_cast<std::uint8_t>(end);
    }
    ++load[best];
    triples_.words[best / 64] |= std::uint64_t{1} << (best % 64);
    keyed.emplace_back(best, &entry);
  }
  triples_.rank();
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < keyed.size(); ++i) {
    if (i == 0 || keyed[i].first != keyed[i - 1].first) buckets_.push_back(static_cast<std::uint32_t>(i));
    entries_.push_back(*keyed[i].second);
  }
  buckets_.push_back(static_cast<std::uint32_t>(keyed.size()));
}

// The literals whose key may end at `at`; the text has `before` bytes before it, and `behind` after it.  False: all that these
// literals can tell is told.
bool Prefilter::try_triple(bool skip_told, std::size_t bucket, const unsigned char* at, std::size_t before, std::size_t behind, std::uint64_t* bits) const {
  bool more = false;
  for (auto e = buckets_[bucket]; e < buckets_[bucket + 1]; ++e) {
    const auto& entry = entries_[e];
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

// Where something may be is noted first, without a branch: in hostile text it is at every other byte, and at none that could be
// foretold.
void Prefilter::scan_block(const Places& places, const unsigned char* block, std::size_t begin, std::size_t end, std::size_t text_bytes, std::uint64_t* bits) const {
  std::uint16_t pairs_at[kBlock], triples_at[kBlock];
  std::size_t pairs = 0, triples = 0;
  const auto *const pair_words = places.pairs, *const triple_words = places.triples;
  std::uint32_t last = static_cast<std::uint32_t>(block[-2] << 8 | block[-1]);
  for (std::size_t i = 0; i < end - begin; ++i) {
    last = (last << 8 | block[i]) & 0xffffff;
    const auto pair = last & 0xffff, triple = hash(last);
    pairs_at[pairs] = triples_at[triples] = static_cast<std::uint16_t>(i);
    pairs += pair_words[pair / 64] >> (pair % 64) & 1;
    triples += triple_words[triple / 64] >> (triple % 64) & 1;
  }
  for (std::size_t k = 0; k < pairs; ++k) {
    const auto* at = block + pairs_at[k];
    if (begin + pairs_at[k] == 0) continue;  // the byte before the text is none of it
    const auto pair = static_cast<std::uint32_t>(at[-1] << 8 | at[0]);
    const auto& literal = pair_literals_[pairs_.number(pair)];
    set(literal.clauses, literal.clause_count, bits);
    if (places.pairs_left != nullptr) places.pairs_left[pair / 64] &= ~(std::uint64_t{1} << (pair % 64));
  }
  for (std::size_t k = 0; k < triples; ++k) {
    const auto* here = block + triples_at[k];
    const auto at = begin + triples_at[k];
    const auto triple = hash(static_cast<std::uint32_t>(here[-2] << 16 | here[-1] << 8 | here[0]));
    const bool more = try_triple(places.triples_left != nullptr, triples_.number(triple), here, at, text_bytes - at - 1, bits);
    if (!more && places.triples_left != nullptr) places.triples_left[triple / 64] &= ~(std::uint64_t{1} << (triple % 64));
  }
}

// Block by block, each folded into a place with room for a literal on both sides, so that it is compared in two words.
void Prefilter::scan(std::string_view text, std::uint64_t* bits) const {
  constexpr std::size_t kMargin = kLiteralBytesMax;
  unsigned char folded[kMargin + kBlock + kMargin];
  std::memset(folded, 0, kMargin);
  std::uint64_t pairs_left[kPairs / 64], triples_left[kHashes / 64];
  Places places{pairs_.words.data(), triples_.words.data()};
  for (std::size_t begin = 0; begin < text.size(); begin += kBlock) {
    // The first blocks are scanned without; copying the marks costs as much as one block.
    if (begin == kBlocksBeforeCopy * kBlock) {
      std::memcpy(pairs_left, pairs_.words.data(), sizeof pairs_left);
      std::memcpy(triples_left, triples_.words.data(), sizeof triples_left);
      places = {pairs_left, triples_left, pairs_left, triples_left};
    }
    const auto end = std::min(begin + kBlock, text.size());
    const auto from = begin - std::min(begin, kMargin), to = std::min(end + kMargin, text.size());
    transforms::fold(text.data() + from, to - from, reinterpret_cast<char*>(folded + kMargin - (begin - from)));
    scan_block(places, folded + kMargin, begin, end, text.size(), bits);
  }
}

}  // namespace ringwall::waf::detail
