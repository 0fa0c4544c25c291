// Which patterns a text cannot match, told by one pass over it: the literals of all clauses are looked for at once (Literals), single
// bytes are told from the set of bytes the text has.
//
// Texts that only some patterns are asked about have scanners of their own, and so do plain texts, in which most literals cannot be.
// Before any scan, a text that has none of the bytes a pattern needs cannot match it.
//
// Immutable and shared by threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "waf/detail/clauses.h"
#include "waf/detail/literals.h"
#include "waf/transform.h"

namespace ringwall::waf::detail {

inline constexpr std::size_t kPrefilterWordsMax = 4096;  // of 64 clauses; rule sets beyond go without

class Prefilter {
 public:
  explicit Prefilter(Literals::Texts texts = Literals::Texts::kRequests) : texts_(texts) {}
  // Gives the pattern a number; no clauses: it is always possible.
  std::uint32_t add(const std::vector<Clause>& clauses);
  // What scans look for, when all patterns are added: one scanner for each set of patterns, in their order, that knows those alone.
  // The first set is of all patterns; so is the only one where none is given.
  void finish(std::vector<std::vector<std::uint32_t>> scanners = {});

  std::size_t words() const { return words_; }  // of the bits a scan fills
  // How many literals of two and more bytes the patterns have.
  std::size_t literals(const std::vector<std::uint32_t>& patterns) const;
  // What looks through a text of these bytes: sets the bit of each clause that the text satisfies by a literal of two and more bytes.
  // Clauses of patterns that can be told from the bytes alone may be left out.
  const Literals& scanner(std::size_t scanner, const ByteSet& bytes) const { return scanner == 0 && !bytes.intersects(not_plain_) ? plain_[0] : literals_[literals_of_[scanner]]; }
  bool possible(std::uint32_t pattern, const std::uint64_t* bits, const ByteSet& bytes) const {
    for (auto i = first_[pattern]; i < first_[pattern + 1]; ++i) {
      if ((bits[i >> 6] >> (i & 63) & 1) == 0 && !clause_bytes_[i].intersects(bytes)) return false;
    }
    return true;
  }
  // Without which bytes no text makes the pattern possible.
  const ByteSet& needs(std::uint32_t pattern) const { return needs_[pattern]; }
  // Whether a text can say more than a scan knows: patterns without clauses cannot be left out.
  bool speaks_for(std::uint32_t pattern) const { return first_[pattern] != first_[pattern + 1]; }

 private:
  // `plain`: in texts of plain bytes.
  Literals scanner_for(const std::vector<std::uint32_t>& patterns, bool plain) const;

  const Literals::Texts texts_;
  std::vector<std::uint32_t> first_{0};  // of each pattern's clauses
  std::vector<Clause> clauses_;          // until finish()
  std::vector<ByteSet> clause_bytes_;
  std::vector<ByteSet> needs_;           // of each pattern
  std::size_t words_ = 0;
  ByteSet not_plain_;
  std::vector<Literals> literals_, plain_;
  std::vector<std::uint16_t> literals_of_;  // each scanner
};

}  // namespace ringwall::waf::detail
