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
// Requests have many short values.  They are laid out side by side and looked through as one text; what is found belongs to the one
// it lies in.
//
// Immutable and shared by threads.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waf/arena.h"
#include "waf/detail/clauses.h"

namespace ringwall::waf::detail {

// A block's positions fit 16 bits, and it and what is noted of it the first-level cache.
inline constexpr std::size_t kBlockBytes = 2048, kStride = 4;

class Literals {
 public:
  // Literals of two bytes and more, lower case, and the bits each sets.
  // `texts`: which are mostly scanned; what is common in them is no good key.
  enum class Texts : std::uint8_t { kRequests, kPages };
  Literals(const std::map<std::string, std::vector<std::uint32_t>>& users, Texts texts);
  // A text and what was found in it; null: nothing.
  struct Scanned {
    std::string_view text;
    std::uint64_t* bits = nullptr;
  };
  // `words`: of the bits, which are made in `arena` for texts in which something is found.
  void scan(std::span<Scanned> texts, std::size_t words, Arena& arena) const;
  // About how common a byte is in such texts, in thousandths.
  static int commonness(Texts texts, unsigned char c);
  std::size_t size() const { return pair_literals_.size() + literals_.size(); }

 private:
  // Small, so that all of them stay in the second-level cache.
  struct Literal {
    unsigned char text[kPartBytesMax];     // the part that tells most, filled up with zeros
    std::uint32_t clauses;                 // the first in literal_clauses_
    std::uint32_t whole;                   // begin in wholes_
    std::uint16_t clause_count;
    std::uint8_t size, part_begin, whole_size;
  };
  struct Place {
    std::uint32_t literal : 28;
    std::uint32_t key_end : 4;             // where in the literal its key ends; for strides: begins
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
  void add_triples(std::vector<std::uint32_t> literals);
  void add_strides(const std::vector<std::uint32_t>& literals);
  void add_sieve();
  // A key of pairs_ or triples_.
  struct Key {
    std::uint32_t quad;       // and the byte before it, where the literal has one
    std::uint8_t bytes, set;  // how many of the quad count
    std::uint32_t byte(std::size_t place) const { return quad >> (24 - 8 * place) & 0xff; }
  };
  // Keys in eight sets, each of quads made of any of its first bytes, any of its second ones and so on, so that sixteen places are
  // tried at once; a byte's sets are those of both its digits.
  struct Sieve {
    static constexpr std::size_t kSets = 8, kPlaces = 4;
    alignas(16) unsigned char low[kPlaces][16] = {}, high[kPlaces][16] = {};
    void add(const Key& key);
    // Where in a text what passes ends; the three bytes before the text are looked at too.
    std::size_t find(const unsigned char* text, std::size_t bytes, std::uint16_t* at) const;
  };
  int common(unsigned char c) const;
  long common(const std::array<std::uint16_t, 2>& digits) const;
  // Where to look: the marks of pairs and triples, or a copy of them from which is taken what has nothing more to say.
  struct Places {
    const std::uint64_t *pairs, *triples, *strides;
    const Sieve* sieve;
    std::uint64_t *pairs_left = nullptr, *triples_left = nullptr, *strides_left = nullptr;
    bool taken = false;  // since the sieve was made
    void take(std::uint64_t* from, std::uint32_t mark) {
      from[mark / 64] &= ~(std::uint64_t{1} << (mark % 64));
      taken = true;
    }
  };
  // Where keys may end in a block: positions in it.
  struct Noted {
    std::size_t pairs = 0, triples = 0, strides = 0, maybe = 0;  // what passed the sieve
    std::uint16_t pairs_at[kBlockBytes], triples_at[kBlockBytes], strides_at[kBlockBytes / kStride];
  };
  void note_all(const Places& places, const unsigned char* block, std::size_t bytes, Noted& noted) const;
  void note_few(const Places& places, const unsigned char* block, std::size_t bytes, Noted& noted) const;
  Sieve sieve_left(const Places& places) const;
  // What stands in a block, from `at` on: a text, or a long one's bytes from `begin` on.
  struct Part {
    std::size_t at, begin;
    Scanned* scanned;
  };
  struct Block;
  struct Room {
    std::size_t words;
    Arena& arena;
  };
  std::size_t scan_block(Places& places, const Block& block, const Room& room) const;
  void scan_long(Scanned& scanned, Block& block, const Room& room) const;
  bool try_key(const Table& table, bool skip_told, std::size_t bucket, const unsigned char* at, Scanned& scanned, std::size_t position, const Room& room) const;
  bool is_whole(const Literal& literal, std::string_view text, std::size_t begin) const;
  void set(std::uint32_t begin, std::size_t count, Scanned& scanned, const Room& room) const {
    if (scanned.bits == nullptr) scanned.bits = room.arena.make_array<std::uint64_t>(room.words);
    for (auto i = begin; i < begin + count; ++i) scanned.bits[literal_clauses_[i].word] |= literal_clauses_[i].bits;
  }
  bool all_set(std::uint32_t begin, std::size_t count, const std::uint64_t* bits) const {
    if (bits == nullptr) return false;
    for (auto i = begin; i < begin + count; ++i) {
      if ((literal_clauses_[i].bits & ~bits[literal_clauses_[i].word]) != 0) return false;
    }
    return true;
  }

  Texts texts_;
  int hash_shift_ = 0;                      // so that few literals have small tables
  // The bits of clauses that a literal sets, word by word.
  struct Clauses {
    std::uint32_t word;
    std::uint64_t bits;
  };
  std::vector<Clauses> literal_clauses_;
  Marks pairs_;
  std::vector<PairLiteral> pair_literals_;  // by number of the pair's mark
  std::vector<Literal> literals_;           // longer ones
  std::string wholes_;                      // of those that are more than the part that is looked for
  // Literals by their keys: triples of each literal's bytes, or six bytes of it at each of four places side by side.
  struct Table {
    Marks marks;                         // by hash of the key
    std::vector<std::uint32_t> buckets;  // by number of the mark: begin in places; one more at the end
    std::vector<Place> places;
    void fill(std::vector<std::pair<std::uint32_t, Place>> keyed, std::size_t hashes);
  };
  Table triples_, strides_;
  std::vector<std::uint64_t> strides_again_;  // by another hash: most of what only looks like a key ends here
  // When few literals are short.
  bool sieved_ = false;
  std::vector<Key> keys_;
  Sieve sieve_;
};

}  // namespace ringwall::waf::detail
