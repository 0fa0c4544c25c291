#include "waf/detail/prefilter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "waf/detail/transform.h"

namespace ringwall::waf::detail {

namespace {

constexpr std::uint32_t kHashes = 1u << 17;
constexpr std::size_t kPieceBytes = 4096;
constexpr std::size_t kForgetFrom = 2048;  // copying the bitmaps pays for longer texts

constexpr auto kFold = [] {
  std::array<unsigned char, 256> out{};
  for (int c = 0; c < 256; ++c) out[static_cast<std::size_t>(c)] = static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}();

// About how common a byte is in requests, in thousandths; of a triple the least common one decides most.
int commonness(unsigned char c) {
  constexpr std::string_view kLetters = "etaoinshrdlcumwfgypbvkjxqz";
  if (const auto at = kLetters.find(static_cast<char>(c)); at != std::string_view::npos) return 110 - static_cast<int>(at) * 4;
  if (c == ' ' || c == '/' || c == '.' || c == '-' || c == '=' || c == '&') return 60;
  if (c >= '0' && c <= '9') return 50;
  if (c == '_' || c == ',' || c == ':' || c == ';' || c == '"') return 30;
  return 4;
}

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
  triples_.assign(kHashes / 64, 0);
  pairs_.assign(65536 / 64, 0);
  pair_literals_.assign(65536, 0);
  for (const auto& one : users) {
    const auto& text = one.first;
    const auto& clauses = one.second;
    const auto index = static_cast<std::uint32_t>(literals_.size());
    literals_.push_back({static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(literal_clauses_.size()),
                         static_cast<std::uint32_t>(literal_clauses_.size() + clauses.size())});
    texts_ += text;
    literal_clauses_.insert(literal_clauses_.end(), clauses.begin(), clauses.end());
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.size() == 2) {
      const auto pair = static_cast<std::uint16_t>(byte(0) | byte(1) << 8);
      pairs_[pair / 64] |= std::uint64_t{1} << (pair % 64);
      pair_literals_[pair] = index;
      continue;
    }
    std::size_t best = 0;
    long best_score = -1;
    for (std::size_t i = 0; i + 3 <= text.size(); ++i) {
      const long score = static_cast<long>(commonness(byte(i))) * commonness(byte(i + 1)) * commonness(byte(i + 2));
      if (best_score < 0 || score < best_score) best_score = score, best = i;
    }
    const auto key = static_cast<std::uint32_t>(byte(best) | byte(best + 1) << 8 | byte(best + 2) << 16);
    triples_[hash(key) / 64] |= std::uint64_t{1} << (hash(key) % 64);
    entries_.push_back({key, index, static_cast<std::uint32_t>(best)});
  }
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return hash(a.key) < hash(b.key); });
  buckets_.assign(kHashes + 1, 0);
  for (const auto& entry : entries_) ++buckets_[hash(entry.key) + 1];
  for (std::size_t i = 1; i < buckets_.size(); ++i) buckets_[i] += buckets_[i - 1];
  clauses_.clear();
  clauses_.shrink_to_fit();
}

void Prefilter::hit(const Literal& literal, std::uint64_t* bits) const {
  for (auto i = literal.clauses_begin; i < literal.clauses_end; ++i) bits[literal_clauses_[i] / 64] |= std::uint64_t{1} << (literal_clauses_[i] % 64);
}

bool Prefilter::known(const Literal& literal, const std::uint64_t* bits) const {
  for (auto i = literal.clauses_begin; i < literal.clauses_end; ++i) {
    if ((bits[literal_clauses_[i] / 64] >> (literal_clauses_[i] % 64) & 1) == 0) return false;
  }
  return true;
}

// True: whatever else has this slot is known already.
bool Prefilter::found(std::string_view text, std::size_t at, std::uint32_t key, std::uint64_t* bits) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const auto slot = hash(key);
  bool all_known = true;
  for (auto e = buckets_[slot]; e < buckets_[slot + 1]; ++e) {
    const auto& entry = entries_[e];
    const auto& literal = literals_[entry.literal];
    if (known(literal, bits)) continue;
    const auto begin = at - entry.offset;
    bool same = entry.key == key && at >= entry.offset && begin + literal.size <= text.size();
    for (std::size_t k = 0; k < literal.size && same; ++k) same = kFold[bytes[begin + k]] == static_cast<unsigned char>(texts_[literal.text + k]);
    if (same) hit(literal, bits);
    else all_known = false;
  }
  return all_known;
}

// `forget`: what is known need not be met again; the bitmaps are the caller's own.
template <bool kForget, class Word>
void Prefilter::look(std::string_view text, std::uint64_t* bits, Word* triples, Word* pairs) const {
  // Folded a piece at a time, so that three bytes are one load and no byte waits for the one before it.
  unsigned char folded[kPieceBytes + 16];
  for (std::size_t base = 0; base + 1 < text.size(); base += kPieceBytes) {
    const auto have = std::min(text.size() - base, kPieceBytes + 2);
    transforms::fold(text.data() + base, have, reinterpret_cast<char*>(folded));
    std::memset(folded + have, 0xff, 4);
    const auto count = std::min(have - 1, kPieceBytes);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t key;
      std::memcpy(&key, folded + i, sizeof key);
      key &= 0xffffff;
      const auto slot = hash(key), pair = key & 0xffff;
      const auto triple_there = triples[slot >> 6] >> (slot & 63), pair_there = pairs[pair >> 6] >> (pair & 63);
      if (((triple_there | pair_there) & 1) == 0) [[likely]] continue;
      if ((pair_there & 1) != 0) {
        hit(literals_[pair_literals_[pair]], bits);
        if constexpr (kForget) pairs[pair >> 6] &= ~(std::uint64_t{1} << (pair & 63));
      }
      if ((triple_there & 1) != 0 && base + i + 2 < text.size()) {
        const bool all_known = found(text, base + i, key, bits);
        if constexpr (kForget) {
          if (all_known) triples[slot >> 6] &= ~(std::uint64_t{1} << (slot & 63));
        }
      }
    }
  }
}

void Prefilter::scan(std::string_view text, std::uint64_t* bits) const {
  if (text.size() < kForgetFrom) return look<false>(text, bits, triples_.data(), pairs_.data());
  std::uint64_t triples[kHashes / 64], pairs[65536 / 64];
  std::memcpy(triples, triples_.data(), sizeof triples);
  std::memcpy(pairs, pairs_.data(), sizeof pairs);
  look<true>(text, bits, triples, pairs);
}

}  // namespace ringwall::waf::detail
