// What is known of texts that come again and again: names of headers and arguments, user agents, paths.
//
// Whether a rule finds something in a text depends on the two alone.  Of a short text that comes often all such questions
// (Program::questions) are answered at once, and from then on it costs one look-up in any exchange.  What does not fit pushes
// out what was not asked for lately.  Memory is taken once: kKnownTexts * (kKnownBytesMax + the answers' bits).
//
// Belongs to one thread and one Program.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "waf/engine.h"

namespace ringwall::waf::detail {

inline constexpr std::size_t kKnownTexts = 4096, kKnownBytesMax = 192;

class KnownTexts final : public TextMemory {
 public:
  explicit KnownTexts(std::size_t questions);

  // A set bit says yes; null: not known.  Valid until the next learn().
  const std::uint64_t* find(std::string_view text);
  // Whether a text that find() does not know is worth learning.
  bool comes_often(std::string_view text);
  void learn(std::string_view text, const std::uint64_t* answers);

  std::size_t words() const { return words_; }  // of answers
  std::size_t memory_bytes() const override;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t asked = 0;  // when it was asked for last
    std::uint16_t size = 0;
    bool used = false;
  };
  Slot* slot_of(std::uint64_t hash, std::string_view text);
  char* text_at(std::size_t slot) { return texts_.data() + slot * kKnownBytesMax; }

  const std::size_t words_;
  std::uint32_t clock_ = 0;
  std::vector<Slot> slots_;
  std::vector<char> texts_;
  std::vector<std::uint64_t> answers_;
  struct Seen {
    std::uint16_t mark = 0, times = 0;  // a part of the hash, where another part says
  };
  std::vector<Seen> seen_;
  std::uint32_t unknown_ = 0;  // how many were counted in seen_
};

}  // namespace ringwall::waf::detail
