// A regular expression read far enough to draw texts from it that it will mostly match.
//
// A reader of its own on purpose: the one in waf/clauses.cpp is what is put to the test.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "prove/detail/random.h"

namespace ringwall::prove {

class Pattern {
 public:
  explicit Pattern(std::string_view text);
  // At most about kDrawnBytesMax.
  std::string draw(detail::Random& random) const;

  static constexpr std::size_t kDrawnBytesMax = 2000;

 private:
  using Bytes = std::bitset<256>;
  struct Node {
    enum class Kind { kNothing, kBytes, kSequence, kChoice, kRepeat };
    Kind kind = Kind::kNothing;
    Bytes bytes;
    int low = 1, high = 1;  // of a repeat; -1: no limit
    std::vector<Node> children;
  };
  class Reader;
  void draw(const Node& node, detail::Random& random, bool plain, std::string& out) const;

  Node root_;
  bool ignore_case_ = false;
};

}  // namespace ringwall::prove
