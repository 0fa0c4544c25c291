// Looks for many literals at once.
//
// At each byte the three last ones, folded to lower case, are looked up in a bitmap that stays in the first-level cache; where it
// says maybe, the literals that have these three bytes are compared.  Of a literal's runs of three bytes the one least common in
// plain text, and least often a key already, is its key: the work at a byte is bounded by the largest bucket, whatever the text.
// In large texts keys of which all literals have been found are looked for no longer, so that a text full of them costs what a
// clean one costs.  Literals of two bytes have a bitmap of their own.
//
// Where few literals are short, the long ones are looked for at each fourth byte only: of four keys side by side one is there.
// The short ones are first looked for by the last two bytes of their keys.
//
// Immutable and shared by threads.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "waf/detail/clauses.h"

namespace ringwall::waf::detail {

// A block's positions fit 16 bits, and it and what is noted of it the first-level cache.
inline constexpr std::size_t kBlockBytes = 2048, kStride = 4;

class Literals {
 public:
  // Literals of two bytes and more, lower case, and the bits each sets.
  explicit Literals(const std::map<std::string, std::vector<std::uint32_t>>& users);
  void scan(std::string_view text, std::uint64_t* bits) const;
  std::size_t size() const { return pair_literals_.size() + triples_.entries.size() + strides_.entries.size() / kStride; }

 private:
  // Small, so that all of them stay in the second-level cache.
  struct Entry {
    unsigned char text[kLiteralBytesMax];  // filled up with zeros
    std::uint32_t clauses;                 // the first in literal_clauses_
    std::uint16_t clause_count;
    std::uint8_t key_end, size;            // where in the literal its key ends; of the literal
  };
  struct PairLiteral {
    std::uint32_t clauses;
    std::uint16_t clause_count, pair;
  };
  // A bitmap whose set bits have numbers: those set before it.
  struct Marks {
    std::vector<std::uint64_t> words;
    std::vector<std::uint32_t> ranks;  // of each word: how many bits are set before it
    void rank();
    bool has(std::uint32_t bit) const { return (words[bit / 64] >> (bit % 64) & 1) != 0; }
    std::size_t number(std::uint32_t bit) const { return ranks[bit / 64] + static_cast<std::size_t>(std::popcount(words[bit / 64] & ((std::uint64_t{1} << (bit % 64)) - 1))); }
  };
  std::size_t hashes() const { return std::size_t{1} << (32 - hash_shift_); }
  std::uint32_t hash(std::uint32_t key) const { return key * 0x9E3779B1u >> hash_shift_; }
  struct Table;
  void add_triples(std::vector<Entry> literals);
  void add_strides(const std::vector<Entry>& literals);
  void add_ends();
  // Where to look: the marks of pairs and triples, or a copy of them from which is taken what has nothing more to say.
  struct Places {
    const std::uint64_t *pairs, *triples, *strides;
    std::uint64_t *pairs_left = nullptr, *triples_left = nullptr, *strides_left = nullptr;
  };
  // Where keys may end in a block: positions in it.
  struct Noted {
    std::size_t pairs = 0, triples = 0, strides = 0;
    std::uint16_t pairs_at[kBlockBytes], triples_at[kBlockBytes], strides_at[kBlockBytes / kStride];
  };
  void note_all(const Places& places, const unsigned char* block, std::size_t bytes, Noted& noted) const;
  void note_few(const Places& places, const unsigned char* block, std::size_t bytes, Noted& noted) const;
  void scan_block(const Places& places, const unsigned char* block, std::size_t begin, std::size_t end, std::size_t text_bytes, std::uint64_t* bits) const;
  bool try_key(const Table& table, bool skip_told, std::size_t bucket, const unsigned char* at, std::size_t before, std::size_t behind, std::uint64_t* bits) const;
  void set(std::uint32_t begin, std::size_t count, std::uint64_t* bits) const {
    for (auto i = begin; i < begin + count; ++i) bits[literal_clauses_[i] >> 6] |= std::uint64_t{1} << (literal_clauses_[i] & 63);
  }
  bool all_set(std::uint32_t begin, std::size_t count, const std::uint64_t* bits) const {
    for (auto i = begin; i < begin + count; ++i) {
      if ((bits[literal_clauses_[i] >> 6] >> (literal_clauses_[i] & 63) & 1) == 0) return false;
    }
    return true;
  }

  int hash_shift_ = 0;                      // so that few literals have small tables
  std::vector<std::uint32_t> literal_clauses_;
  Marks pairs_;
  std::vector<PairLiteral> pair_literals_;  // by number of the pair's mark
  // Literals by their keys: triples of each literal's bytes, or six bytes of it at each of four places side by side.
  struct Table {
    Marks marks;                         // by hash of the key
    std::vector<std::uint32_t> buckets;  // by number of the mark: begin in entries; one more at the end
    std::vector<Entry> entries;
    void fill(std::vector<std::pair<std::uint32_t, Entry>> keyed, std::size_t hashes);
  };
  Table triples_, strides_;
  // When there are strides_: the pairs with which keys of pairs_ or triples_ end.  In eight sets, each of pairs made of any of its
  // first bytes and any of its last ones, so that sixteen places are tried at once; a byte's sets are those of both its digits.
  struct Ends {
    bool any = false;
    alignas(16) unsigned char first_low[16] = {}, first_high[16] = {}, last_low[16] = {}, last_high[16] = {};
    void add(int set, unsigned char first, unsigned char last);
    unsigned sets(unsigned char first, unsigned char last) const {
      return first_low[first & 15] & first_high[first >> 4] & last_low[last & 15] & last_high[last >> 4];
    }
    std::size_t find(const unsigned char* text, std::size_t bytes, std::uint16_t* at) const;
  };
  Ends ends_;
};

}  // namespace ringwall::waf::detail
