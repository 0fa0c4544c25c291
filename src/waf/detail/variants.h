// What the fast path remembers of the texts of one exchange.
//
// A text under a chain of transformations is a variant; most chains leave most texts as they are, so there are few.  All values of
// the variables a rule looks at, taken together, tell whether the rule is worth trying at all.  Of texts that other exchanges had
// too, KnownTexts has the answers.
//
// What a rule needs a text to have can mostly be told from the untransformed text's bytes: only values that have some of it are
// transformed for the rule and looked through, all those of a variable at once.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "waf/detail/exchange.h"
#include "waf/detail/known_texts.h"
#include "waf/detail/program.h"

namespace ringwall::waf::detail {

class Variants {
 public:
  // `known`: null, or what is known from other exchanges.
  Variants(const Program& program, Exchange& exchange, KnownTexts* known, std::uint64_t& steps);

  void reset();        // another exchange
  void begin_phase();  // variables may hold more than before

  // The variant of a text (Entry::text) under a chain.
  std::uint32_t of(std::uint32_t id, std::string_view text, std::uint16_t chain);
  std::string_view text(std::uint32_t variant) const { return variants_[variant].text; }
  bool possible(std::uint32_t variant, Family family, std::uint32_t pattern);

  // The answers to all questions of a text of requests; null: not known.
  const std::uint64_t* answers(std::uint32_t id, std::string_view text) {
    if (known_ == nullptr || text.size() > kKnownBytesMax) return nullptr;
    auto& one = at(id);
    if (!one.asked) ask(one, id, text);
    return one.answers;
  }
  static bool says(const std::uint64_t* answers, std::uint32_t question) { return (answers[question / 64] >> (question % 64) & 1) != 0; }

  std::size_t memory_bytes() const {
    return variants_.capacity() * sizeof(Variant) + by_text_.capacity() * sizeof by_text_[0] + groups_.capacity() * sizeof(Group) + signatures_.capacity() * sizeof(Signed);
  }

  // False: no value of the rule's targets can match.  Of skippable rules.
  bool may_match(const CompiledRule& rule);
  bool may_match(const Step& step) {
    if (known_say(step.question, step.signature)) return true;
    const auto& all = signature(step.signature);
    if (&all == &nothing_) return false;
    const auto& filters = *program_.prefilter;
    for (const auto family : kAllFamilies) {
      if (step.pattern[family] != kNone && filters[family].possible(step.pattern[family], all.bits[family], all.bytes[family])) return true;
    }
    return false;
  }
  // The variants of all entries of a collection, in their order, for may_match(); null: none of them can match.
  const std::uint32_t* of_all(const CompiledRule& rule, Variable collection);
  // False: this entry of a collection cannot match.
  bool may_match(const CompiledRule& rule, const Entry& entry, std::uint32_t variant) {
    if (variant == kLeftOut) return false;
    if (variant == kKnown) return says(answers(entry.text, entry.value), rule.question);
    return may_match(rule, rule.pattern[kOfRequests] == kNone ? nullptr : bits_of(variant, kOfRequests), variants_[variant].bytes, kOfRequests);
  }

 private:
  // In place of a variant: answers() knows; no rule that would look at it has what it needs.
  static constexpr std::uint32_t kKnown = kNone, kLeftOut = kNone - 1;
  struct Variant {
    std::string_view text;
    ByteSet bytes;                        // and perhaps some more
    const std::uint64_t* bits = nullptr;  // of the prefilter; null: not looked through yet
    std::uint32_t folded_like = kNone;    // the variant it differs from by case alone: a scan tells the same of both
    std::uint32_t first_made = kNone, next_made = kNone;  // what was made of it; of what it was made from too
    std::uint16_t scanner = 0;            // of the prefilters
    Transformation by{};                  // what made it
  };
  struct Text {
    std::uint32_t untransformed = 0;    // index in variants_ and 1; 0: not asked for yet
    std::uint32_t* variants = nullptr;  // the same by chain
    const std::uint64_t* answers = nullptr;
    bool asked = false;
  };
  Text& at(std::uint32_t id) {
    if (by_text_.size() <= id) by_text_.resize(std::max<std::size_t>(exchange_.texts(), id + 1));
    return by_text_[id];
  }
  void ask(Text& one, std::uint32_t id, std::string_view text);
  const std::uint64_t* learn(std::uint32_t id, std::string_view text);
  std::uint32_t untransformed(std::uint32_t id, std::string_view text);
  std::uint32_t transformed(std::uint32_t variant, const ChainNode& by);
  std::uint32_t scanned_like(std::uint32_t variant) const {
    while (variants_[variant].folded_like != kNone) variant = variants_[variant].folded_like;
    return variant;
  }
  const std::uint64_t* bits_of(std::uint32_t variant, Family family) {
    const auto like = scanned_like(variant);
    if (variants_[like].bits == nullptr) unscanned_.push_back(like), scan(family);
    return variants_[like].bits;
  }
  void scan(Family family);
  bool may_match(const CompiledRule& rule, const std::uint64_t* bits, const ByteSet& bytes, Family family) const;

  // Values together, of one variable under one chain or of several variables.
  struct Joined;
  struct Together {
    const std::uint64_t* answers = nullptr;   // of untransformed ones: to which questions one of the known says yes; null: to none
    std::uint32_t* variants = nullptr;        // of a variable's values, in their order
    std::size_t count = 0;
    bool unknown = false;                     // whether one of them is a variant
    const std::uint64_t* bits[kFamilies] = {};  // of all of them; null: not looked through yet
    ByteSet bytes[kFamilies];
    Together* first_made = nullptr;           // the same values one transformation further
    Together* next_made = nullptr;
    Together* left_out = nullptr;             // the same values without those that are not known
    Joined* first_joined = nullptr;           // with those of other variables
    const ChainNode* by = nullptr;
  };
  struct Joined {
    Together* const* parts = nullptr;
    std::size_t count = 0;
    Joined* next = nullptr;
    Together together;
  };
  struct Group {
    std::uint64_t epoch = 0;   // when it was looked at last
    std::uint64_t holds = 0;   // what the variable held then
    Together* of = nullptr;
  };
  struct Signed {
    std::uint64_t epoch = 0;
    const Together* of = nullptr;
  };
  void look_at_variables();
  // Whether a known value of the rule's targets says yes.  Few values say yes to any question, so all of the phase together are asked first.
  bool known_say(std::uint32_t question, std::uint32_t signature) {
    if (looked_epoch_ != epoch_) look_at_variables();
    return question != kNone && says(known_yes_.data(), question) && one_known_says(question, signature);
  }
  bool one_known_says(std::uint32_t question, std::uint32_t signature);
  Together& group(std::uint32_t index);
  Together* make_group(const ValueGroup& what);
  Together* make_untransformed(Variable variable);
  Together* make_left_out(Together& all);
  Together* make_together(std::size_t count);
  void scan_all(Together& all);
  const Together& signature(std::uint32_t index) {
    const auto& all = signatures_[index];
    return all.epoch == epoch_ ? *all.of : join_groups(index);
  }
  const Together& join_groups(std::uint32_t signature);
  std::uint64_t holds(Variable variable) const;

  const Program& program_;
  Exchange& exchange_;
  KnownTexts* const known_;
  std::uint64_t& steps_;
  std::size_t learnt_ = 0;  // in this exchange
  std::vector<Variant> variants_;
  std::vector<Text> by_text_;
  std::vector<Group> groups_;            // as Program::groups
  std::vector<bool> unknown_;            // as Program::looked_at: whether the variable holds something that is not known
  std::vector<std::uint64_t> known_yes_; // to what a known value of any variable says yes
  std::uint64_t looked_epoch_ = 0;       // when the two were made
  std::vector<Signed> signatures_;
  std::vector<Together*> parts_;         // room for join_groups()
  std::vector<std::uint32_t> unscanned_; // for scan()
  std::vector<Literals::Scanned> scanned_;
  Together nothing_;
  std::uint64_t epoch_ = 0, first_epoch_ = 0;  // of this phase; of this exchange
};

}  // namespace ringwall::waf::detail
