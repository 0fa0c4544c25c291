// Which patterns a text cannot match, told by one pass over it.
//
// The literals of all clauses are looked for at once: at each byte the three last ones, folded to lower case, are looked up in
// a bitmap that stays in the first-level cache; where it says maybe, the literals that have these three bytes are
// compared.  Of a literal's byte triples the one least common in plain text is its key.  Literals of two bytes have a bitmap of
// their own, single bytes are told from the set of bytes the text has.
//
// Immutable and shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "waf/detail/clauses.h"
#include "waf/transform.h"

namespace ringwall::waf::detail {

inline constexpr std::size_t kPrefilterWordsMax = 4096;  // of 64 clauses; rule sets beyond go without

class Prefilter {
 public:
  // Gives the pattern a number; no clauses: it is always possible.
  std::uint32_t add(const std::vector<Clause>& clauses);
  void finish();

  std::size_t words() const { return words_; }  // of the bits a scan fills
  // Sets the bit of each clause that the text satisfies by a literal of two and more bytes; `bits` were zero.
  void scan(std::string_view text, std::uint64_t* bits) const;
  bool possible(std::uint32_t pattern, const std::uint64_t* bits, const ByteSet& bytes) const {
    for (auto i = first_[pattern]; i < first_[pattern + 1]; ++i) {
      if ((bits[i >> 6] >> (i & 63) & 1) == 0 && !clause_bytes_[i].intersects(bytes)) return false;
    }
    return true;
  }
  // Whether a text can say more than a scan knows: patterns without clauses cannot be left out.
  bool speaks_for(std::uint32_t pattern) const { return first_[pattern] != first_[pattern + 1]; }

 private:
  struct Entry {
    std::uint32_t key;     // three folded bytes, the first one lowest
    std::uint32_t literal;
    std::uint32_t offset;  // of the key in the literal
  };
  struct Literal {
    std::uint32_t text, size;              // in texts_
    std::uint32_t clauses_begin, clauses_end;  // in literal_clauses_
  };
  static std::uint32_t hash(std::uint32_t key) { return key * 0x9E3779B1u >> 15; }  // 17 bits
  void hit(const Literal& literal, std::uint64_t* bits) const;
  bool known(const Literal& literal, const std::uint64_t* bits) const;
  bool found(std::string_view text, std::size_t at, std::uint32_t key, std::uint64_t* bits) const;
  template <bool kForget, class Word>
  void look(std::string_view text, std::uint64_t* bits, Word* triples, Word* pairs) const;

  std::vector<std::uint32_t> first_{0};          // of each pattern's clauses
  std::vector<Clause> clauses_;                  // until finish()
  std::vector<ByteSet> clause_bytes_;
  std::size_t words_ = 0;
  std::string texts_;
  std::vector<Literal> literals_;
  std::vector<std::uint32_t> literal_clauses_;
  std::vector<std::uint64_t> triples_, pairs_;   // bitmaps
  std::vector<std::uint32_t> buckets_;           // by hash: begin in entries_; one more at the end
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> pair_literals_;     // by the pair
};

}  // namespace ringwall::waf::detail
