// Gates, and the part of phase 1 that is the same in every exchange.
#include "waf/detail/find.h"
#include "waf/detail/judge.h"

namespace ringwall::waf::detail {

bool Judge::is_open(const Step& gate, Exchange::TxValue& value) {
  return (gate.count || value.set) && compares(gate.op, gate.count ? std::int64_t{value.set} : value.as_number(), gate.number);
}

bool Judge::open() {
  if (opening_ == nullptr || !opening_->known || skip_ > 0 || observer != nullptr) return false;
  for (const auto& [slot, value] : opening_->values) exchange.tx[slot] = {value, true};
  if (opening_->last != nullptr) gate_ = opening_->last, gate_text_ = opening_->last_text;
  steps += opening_->steps;
  return true;
}

Opening Judge::opening(const CompiledOverlay* overlay) {
  Opening out;
  reset({}, overlay);
  const auto& all = program_->phases[1];
  const auto before = exchange.tx;
  for (auto i = program_->opening_begin; i < program_->opening_end; ++i) {
    const auto& step = all[i];
    if (step.kind == Step::Kind::kMarker) continue;
    const auto& rule = program_->rules[step.rule];
    std::string text;
    if (step.kind == Step::Kind::kGate) {
      auto& value = exchange.tx[step.slot];
      steps += kStepsPerOperator;
      if (!is_open(step, value)) continue;
      text = text_of(value, step.count);
    }
    // Others do more than set variables, or skip.
    if (!step.folds) return out;
    set_variables(rule);
    if (step.kind == Step::Kind::kGate) out.last = &step, out.last_text = std::move(text);
  }
  for (std::uint32_t slot = 0; slot < before.size(); ++slot) {
    const auto& now = exchange.tx[slot];
    if (before[slot].set && !now.set) return out;
    if (now.set && (!before[slot].set || now.value != before[slot].value)) out.values.emplace_back(slot, now.value);
  }
  out.steps = steps;
  out.known = program_->opening_end > program_->opening_begin;
  return out;
}

}  // namespace ringwall::waf::detail
