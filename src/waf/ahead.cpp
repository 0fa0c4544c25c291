// In a large text the prefilter finds the literals of many patterns, and each of these has to go over the text.  Several at once take little
// longer than one, so the rule that comes first has those of the next rules looked for too.  What is known then is used if they come to
// run; what they do, and in which order, stays as it is.
#include <algorithm>

#include "waf/detail/judge.h"

namespace ringwall::waf::detail {

namespace {

constexpr std::size_t kTogetherMax = 12, kStepsAheadMax = 400;

std::uint64_t key_of(std::uint32_t rule, std::uint32_t variant) { return std::uint64_t{rule} << 32 | variant; }

bool is_search(const CompiledRule& rule) { return (rule.op == Operator::kRx || rule.op == Operator::kRxGlobal) && rule.regex != nullptr; }

bool looks_at_all(const CompiledRule& rule, Variable variable) {
  return std::any_of(rule.targets.begin(), rule.targets.end(), [&](const Target& target) { return target.variable == variable && target.kind == Selector::Kind::kAll && !target.count; });
}

}  // namespace

// Whether the pattern of the rule matches the variant of a value; nothing: the rule has to search itself.
std::optional<bool> Judge::told(const CompiledRule& rule, const Value& value, std::uint32_t variant) {
  if (!is_search(rule) || rule.regex->automaton() == nullptr) return {};
  const auto key = key_of(static_cast<std::uint32_t>(&rule - program_->rules.data()), variant);
  auto known = told_of_.find(key);
  if (known == told_of_.end()) {
    look_ahead(rule, value, variant);
    known = told_of_.find(key);
  }
  if (known->second == Automaton::Answer::kGivenUp) return {};
  return known->second == Automaton::Answer::kYes;
}

void Judge::look_ahead(const CompiledRule& rule, const Value& value, std::uint32_t variant) {
  const auto family = family_of(value.variable);
  const Automaton* automata[kTogetherMax] = {};
  std::uint64_t keys[kTogetherMax] = {};
  std::size_t count = 0;
  const auto add = [&](std::uint32_t index) {
    const auto* automaton = program_->rules[index].regex->automaton();
    const auto key = key_of(index, variant);
    if (automaton != nullptr && !told_of_.contains(key)) automata[count] = automaton, keys[count++] = key;
  };
  add(static_cast<std::uint32_t>(&rule - program_->rules.data()));
  const auto& all = program_->phases[static_cast<std::size_t>(phase_)];
  const auto end = std::min(all.size(), at_step_ + kStepsAheadMax);
  for (auto i = at_step_ + 1; i < end && count < kTogetherMax;) {
    const auto& step = all[i];
    const bool leads_on = step.kind == Step::Kind::kGate && step.only_skips && step.skip_to != kNone && !removed_[step.rule] && is_open(step, exchange.tx[step.slot]);
    i = leads_on ? step.skip_to : i + 1;
    if (step.kind != Step::Kind::kRule || step.signature == kNone || removed_[step.rule]) continue;
    const auto& other = program_->rules[step.rule];
    if (!is_search(other) || !other.stages.empty() || other.pattern[family] == kNone || !looks_at_all(other, value.variable) || !variants_.may_match(step)) continue;
    if (variants_.of(value.id, value.text, other.chain) == variant && variants_.possible(variant, family, other.pattern[family])) add(step.rule);
  }
  Automaton::Answer answers[kTogetherMax];
  Automaton::find_each(std::span(automata, count), variants_.text(variant), answers, steps);
  for (std::size_t i = 0; i < count; ++i) told_of_.emplace(keys[i], answers[i]);
}

}  // namespace ringwall::waf::detail
