// What a match leaves for others to read: MATCHED_VAR and the like, what was captured, and what is logged.
#include <fmt/format.h>

#include <utility>

#include "waf/detail/judge.h"

namespace ringwall::waf::detail {

namespace {

constexpr std::size_t kMatchesMax = 1000;  // of one exchange; further ones are not logged

}  // namespace

void Judge::capture(const Group* groups, int count, std::string_view text) {
  for (int i = 0; i < count; ++i) {
    if (groups[i].set) set_tx(static_cast<std::uint32_t>(i), {}, text.substr(groups[i].offset, groups[i].size), true);
  }
}
void Judge::capture_late() {
  const auto* regex = std::exchange(located_by_, nullptr);
  if (regex == nullptr) return;
  Group groups[kGroupsMax];
  int count = 1;
  if (regex->locate(located_in_, groups, &count, &steps)) capture(groups, count, located_in_);
}
void Judge::capture_one(std::string_view text) { set_tx(0, {}, text, true); }

// What the rule before has matched; MATCHED_VAR stays with its last.
void Judge::forget_matched() {
  if (gate_ != nullptr) {
    const auto& target = program_->rules[gate_->rule].targets[0];
    matched_.push_back({Variable::kTx, target.key, gate_text_, target.count});
    gate_ = nullptr;
  }
  if (matched_.empty()) return;
  if (told_ > 0) {
    exchange.entries(Variable::kMatchedVars).clear();
    exchange.entries(Variable::kMatchedVarsNames).clear();
  }
  told_ = told_ == matched_.size() ? 1 : 0;
  matched_.front() = matched_.back();
  matched_.resize(1);
  before_ = 1;
}

// Few rules ask for MATCHED_VAR and the like; they are made when one does.
void Judge::tell_matched() {
  for (auto i = told_; i < matched_.size(); ++i) {
    const auto& one = matched_[i];
    // ARGS:a; & stays with the name where a count was looked at.
    const auto name = exchange.arena.copy(fmt::format("{}{}{}{}", one.count ? "&" : "", name_of(one.variable), one.name.empty() ? "" : ":", one.name));
    exchange.set(Variable::kMatchedVar, one.text);
    exchange.set(Variable::kMatchedVarName, name);
    if (i < before_) continue;
    exchange.add(Variable::kMatchedVars, name, one.text);
    exchange.add(Variable::kMatchedVarsNames, name, name);
  }
  told_ = matched_.size();
}

void Judge::log(const CompiledRule& rule, int phase) {
  const auto& actions = rule.source->actions;
  const bool log = actions.log.value_or(true);
  const bool audit = actions.audit_log.value_or(log);
  if ((!log && !audit) || matches.size() >= kMatchesMax) return;
  Match match;
  match.rule_id = rule.id;
  match.rule = rule.source;
  match.phase = phase;
  match.log = log;
  match.audit_log = audit;
  match.disruptive = verdict.rule_id == rule.id && verdict.action != Verdict::Action::kPass;
  match.severity = actions.severity.value_or(-1);
  match.msg = expand(rule.msg);
  match.log_data = expand(rule.log_data);
  for (const auto& tag : rule.tags) match.tags.emplace_back(expand(tag));
  if (!matched_.empty()) {
    const auto& last = matched_.back();
    match.variable = fmt::format("{}{}{}", name_of(last.variable), last.name.empty() ? "" : ":", last.name);
    match.value = last.text.substr(0, kValueShownMax);
  }
  match.operator_text = fmt::format("{}@{} {}", rule.negated ? "!" : "", name_of(rule.op), rule.argument.constant ? std::string_view(rule.argument.text).substr(0, kValueShownMax) : std::string_view());
  matches.push_back(std::move(match));
}

}  // namespace ringwall::waf::detail
