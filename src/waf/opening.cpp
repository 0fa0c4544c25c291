// Gates, and the part of phase 1 that is the same in every exchange: where they are in a rule set, and what becomes of them.
#include <algorithm>

#include "waf/detail/find.h"
#include "waf/detail/judge.h"

namespace ringwall::waf::detail {

namespace {

void make_gate(Step& step, const CompiledRule& rule) {
  if (!rule.exclusions.empty()) return;
  step.kind = Step::Kind::kGate;
  step.op = rule.op, step.count = rule.targets[0].count, step.slot = rule.targets[0].slot, step.number = rule.number;
  step.only_skips = rule.plain && rule.next_in_chain == kNone && rule.begins.empty() && rule.assignments.empty();
}

// Whether a rule that matches does nothing but give TX values that depend on TX alone.
bool sets_tx_by_tx(const CompiledRule& rule) {
  const auto of_tx = [](const Template& text) {
    return std::all_of(text.pieces.begin(), text.pieces.end(), [](const Piece& piece) { return !piece.is_variable || (piece.variable == Variable::kTx && piece.slot != kNone); });
  };
  return rule.plain && !rule.skips_after && rule.next_in_chain == kNone && rule.begins.empty() && rule.exclusions.empty() &&
         std::all_of(rule.assignments.begin(), rule.assignments.end(), [&](const Assignment& one) { return one.collection == Variable::kTx && one.slot != kNone && of_tx(one.value); });
}

// The longest part of phase 1 that may be an opening.
void find_longest(Program& program) {
  auto& steps = program.phases[1];
  std::uint32_t begin = 0;
  for (std::uint32_t i = 0; i <= steps.size(); ++i) {
    const bool goes_on = i < steps.size() && (steps[i].kind != Step::Kind::kRule || steps[i].folds);
    if (goes_on) continue;
    if (i - begin > program.opening_end - program.opening_begin) program.opening_begin = begin, program.opening_end = i;
    begin = i + 1;
  }
  program.opening_slots.assign(program.slots.size(), false);
  const auto uses = [&](const Template& text) {
    for (const auto& piece : text.pieces) {
      if (piece.is_variable) program.opening_slots[piece.slot] = true;
    }
  };
  for (auto i = program.opening_begin; i < program.opening_end; ++i) {
    if (steps[i].kind == Step::Kind::kMarker) continue;
    if (steps[i].kind == Step::Kind::kGate) program.opening_slots[steps[i].slot] = true;
    if (!steps[i].folds) continue;
    for (const auto& one : program.rules[steps[i].rule].assignments) {
      program.opening_slots[one.slot] = true;
      uses(one.value);
    }
  }
}

}  // namespace

void find_opening(Program& program) {
  for (auto& rule : program.rules) {
    const auto& actions = rule.source->actions;
    const bool silent = !actions.log.value_or(true) && !actions.audit_log.value_or(false) && !actions.severity;
    const bool passes = actions.disruptive == Disruptive::kNone || actions.disruptive == Disruptive::kPass;
    rule.skips_after = !actions.skip_after.empty();
    rule.plain = silent && passes && actions.skip == 0 && rule.expiries.empty() && rule.controls.empty();
  }
  for (auto& phase : program.phases) {
    for (auto& step : phase) {
      if (step.kind != Step::Kind::kRule) continue;
      const auto& rule = program.rules[step.rule];
      if (rule.tx_number) make_gate(step, rule);
      step.folds = (rule.tx_number || rule.targets.empty()) && sets_tx_by_tx(rule);
    }
  }
  find_longest(program);
}

bool Judge::is_open(const Step& gate, Exchange::TxValue& value) {
  return (gate.count || value.set) && compares(gate.op, gate.count ? std::int64_t{value.set} : value.as_number(), gate.number);
}

bool Judge::open() {
  if (opening_ == nullptr || !opening_->known || skip_ > 0 || observer != nullptr) return false;
  for (const auto& [slot, value] : opening_->values) exchange.tx[slot] = {value, true};
  if (opening_->last != nullptr) gate_ = opening_->last, gate_text_ = opening_->last_text;
  steps += opening_->steps;
  opening_ = nullptr;  // a phase that runs again goes on from here
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
