#include "waf/detail/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "waf/detail/find.h"
#include "waf/detail/prefilter.h"
#include "waf/detect.h"

namespace ringwall::waf::detail {

namespace {

constexpr std::size_t kMacroBytesMax = 64 << 10;  // of an expanded macro
constexpr std::uint64_t kStepsPerRuledOut = 4;     // of a value that the prefilter has ruled out
constexpr std::uint64_t kStepsPerName = 4;         // of TX that is not the one
constexpr std::size_t kLargeBytes = 2048;         // of a text: patterns are looked for together

bool same_nocase(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

// Of an operator; a search counts its own.
std::uint64_t steps_per_byte(const CompiledRule& rule) {
  switch (rule.op) {
    case Operator::kDetectSqli:
    case Operator::kDetectXss: return 8;
    case Operator::kPm:
    case Operator::kPmFromFile: return 4;
    default: return rule.regex == nullptr ? 1 : 0;
  }
}

bool is_of_matched(Variable v) {
  return v == Variable::kMatchedVar || v == Variable::kMatchedVarName || v == Variable::kMatchedVars || v == Variable::kMatchedVarsNames;
}

}  // namespace

Judge::Judge(std::shared_ptr<const Program> program, PersistentCollections* persistent, KnownTexts* known)
    : exchange(*program), program_(std::move(program)), persistent_(persistent), variants_(*program_, exchange, known, steps), persistent_keys_(kCollectionCount) {
  reset({});
}

void Judge::reset(const ExchangeInfo& info, const CompiledOverlay* overlay) {
  exchange.reset(info);
  settings = program_->source.settings;
  verdict = {};
  matches.clear();
  steps = 0;
  begun_ns_ = now_ns_ = info.now_ns;
  allowed_ = Allowed::kNothing;
  removed_.assign(program_->rules.size(), false);
  target_removals_.clear();
  excludes_tx_ = false;
  skip_ = 0;
  matched_.clear();
  before_ = told_ = 0;
  gate_ = nullptr;
  opening_ = overlay == nullptr ? &program_->opening : &overlay->opening;
  located_by_ = nullptr;
  for (auto& key : persistent_keys_) key.clear();
  variants_.reset();
  told_of_.clear();
  told_spent_ = false;
  overlay_ = overlay;
  if (overlay == nullptr) return;
  if (overlay->mode != Mode::kAsRules) settings.engine = overlay->mode == Mode::kOff ? Engine::kOff : overlay->mode == Mode::kLog ? Engine::kDetectionOnly : Engine::kOn;
  for (const auto& [slot, value] : overlay->slots) exchange.tx[slot] = {value, true};
  for (const auto& [name, value] : overlay->dynamic) exchange.tx_dynamic.push_back({name, value, kNoText});
}

// The exclusions of the place the request goes to, known with its path.
void Judge::place() {
  const auto path = exchange.single(Variable::kRequestFilename);
  // Where a path that climbs leads is for the server to say: it gets nobody out of the rules.
  const bool climbs = names_parent(path) || names_parent(transform(Transformation::kUrlDecode, path, exchange.arena));
  for (const auto& one : overlay_->removals) {
    if (climbs && !one.path.empty()) continue;
    if (one.exact ? path == one.path : path.starts_with(one.path)) remove(one.removal);
  }
}

void Judge::remove(const Removal& removal) {
  opening_ = nullptr;  // it may be without a rule of it
  if (!removal.targets.empty()) {
    excludes_tx_ = excludes_tx_ || std::any_of(removal.targets.begin(), removal.targets.end(), [](const Target& target) { return target.variable == Variable::kTx; });
    return target_removals_.push_back(&removal);
  }
  for (const auto rule : removal.rules) removed_[rule] = true;
}

std::size_t Judge::memory_bytes() const {
  std::size_t bytes = exchange.arena.used() + exchange.request_body.capacity() + exchange.response_body.capacity();
  for (const auto& match : matches) {
    bytes += sizeof match + match.msg.capacity() + match.log_data.capacity() + match.variable.capacity() + match.value.capacity() + match.operator_text.capacity();
    for (const auto& tag : match.tags) bytes += sizeof tag + tag.capacity();
  }
  bytes += variants_.memory_bytes();
  bytes += exchange.tx.capacity() * sizeof exchange.tx[0] + exchange.tx_dynamic.capacity() * sizeof(Entry);
  for (std::size_t i = 0; i < kCollectionCount; ++i) bytes += exchange.entries(static_cast<Variable>(i)).capacity() * sizeof(Entry);
  return bytes;
}

void Judge::run(int phase) {
  if (settings.engine == Engine::kOff) return;
  if (phase == 1 && overlay_ != nullptr) place();
  if (allowed_ == Allowed::kEverything && phase != 5) return;
  if (allowed_ == Allowed::kRequest && phase <= 2) return;
  allowed_ = Allowed::kNothing;
  if (verdict.action != Verdict::Action::kPass && phase != 5) return;
  const auto& all = program_->phases[static_cast<std::size_t>(phase)];
  skip_ = 0;
  variants_.begin_phase();
  for (std::size_t i = 0; i < all.size();) {
    if (phase == 1 && i == program_->opening_begin && open()) {
      i = program_->opening_end;
      continue;
    }
    const auto& step = all[i];
    if (step.kind == Step::Kind::kMarker) {
      ++i;
      continue;
    }
    if (skip_ > 0) {
      --skip_, ++i;
      continue;
    }
    if (removed_[step.rule]) {
      ++i;
      continue;
    }
    if (step.kind == Step::Kind::kGate && observer == nullptr) {
      auto& value = exchange.tx[step.slot];
      if (!is_open(step, value)) {
        steps += kStepsPerRule;
        ++i;
        continue;
      }
      if (step.only_skips && !excludes_tx_) {
        steps += kStepsPerRule;
        gate_ = &step;
        gate_text_ = text_of(value, step.count);
        i = step.skip_to != kNone ? step.skip_to : i + 1;
        continue;
      }
    }
    if (step.signature != kNone && !variants_.may_match(step)) {
      steps += kStepsPerRule;
      ++i;
      continue;
    }
    head_ = step.rule, at_step_ = i, phase_ = phase;
    skip_after_ = false;
    forget_matched();
    if (observer != nullptr) observer->begins(program_->rules[step.rule].id);
    evaluate(step.rule, phase, true);
    if (observer != nullptr) observer->ended(program_->rules[step.rule].id);
    if (verdict.action != Verdict::Action::kPass && phase != 5) return;
    if (allowed_ != Allowed::kNothing) return;
    if (spent()) return end_of_budget(phase);
    i = skip_after_ && step.skip_to != kNone ? step.skip_to : i + 1;
  }
}

bool Judge::evaluate(std::uint32_t index, int phase, bool is_head) {
  const auto& rule = program_->rules[index];
  if (rule.skippable && !variants_.may_match(rule)) {
    steps += kStepsPerRule;
    return false;
  }
  if (rule.tx_number) return compare_tx(rule) && go_on(rule, phase, is_head);
  bool matched = false;
  if (rule.targets.empty()) {
    steps += kStepsPerRule;
    matched = true;
    set_variables(rule);
  }
  for (const auto& target : rule.targets) {
    const bool excludes = may_exclude(rule, target.variable);
    const auto each = [&](const Value& value) {
      if (spent() || (excludes && excluded(rule, head_, value.variable, value.name))) return;
      if (look_at(rule, value, phase, is_head)) matched = true;
    };
    if (!rule.skippable || !rule.stages.empty() || target.kind != Selector::Kind::kAll || !is_collection(target.variable)) {
      each_value(target, each);
      continue;
    }
    // Most values of most rules end here.
    const auto* variants = variants_.of_all(rule, target.variable);
    const auto& entries = exchange.entries(target.variable);
    for (std::size_t i = 0; variants != nullptr && i < entries.size(); ++i) {
      if (variants_.may_match(rule, entries[i], variants[i])) each(Value{target.variable, entries[i].name, entries[i].value, entries[i].text, false});
    }
    steps += entries.size() * kStepsPerRuledOut;
  }
  capture_late();
  return matched && go_on(rule, phase, is_head);
}

// Told once; the phases that follow end with their first rule.
void Judge::end_of_budget(int phase) {
  static const Rule kNoRule{};
  const bool denies = program_->budget.deny_when_spent && settings.engine == Engine::kOn && phase != 5;
  if (denies) verdict = {.action = Verdict::Action::kDeny, .status = 403};
  if (told_spent_) return;
  told_spent_ = true;
  matches.push_back({.rule = &kNoRule, .phase = phase, .disruptive = denies, .severity = 2, .msg = fmt::format("The request costs more than the {} steps of its work budget", program_->budget.steps)});
}

// Most rules of this kind are gates between paranoia levels, and closed.
bool Judge::compare_tx(const CompiledRule& rule) {
  steps += kStepsPerRule;
  const auto& target = rule.targets[0];
  auto& value = exchange.tx[target.slot];
  if (!target.count && !value.set) return false;
  if (!compares(rule.op, target.count ? std::int64_t{value.set} : value.as_number(), rule.number)) return false;
  if (excluded(rule, head_, Variable::kTx, target.key)) return false;
  const auto text = text_of(value, target.count);
  on_match(rule, Value{Variable::kTx, target.key, text, kNoText, target.count}, text);
  return true;
}

bool Judge::go_on(const CompiledRule& rule, int phase, bool is_head) {
  if (rule.next_in_chain != kNone && !evaluate(rule.next_in_chain, phase, false)) return false;
  after_match(rule, phase, is_head);
  return true;
}

template <class Each>
void Judge::each_value(const Target& target, Each each) {
  const auto variable = target.variable;
  const auto wanted = [&](std::string_view name) {
    switch (target.kind) {
      case Selector::Kind::kAll: return true;
      case Selector::Kind::kName: return same_nocase(name, target.key);
      case Selector::Kind::kRegex: return target.regex->search(name) != Found::kNo;
      case Selector::Kind::kXPath: return name == target.key;
    }
    return false;
  };
  if (is_of_matched(variable)) tell_matched();
  if (variable == Variable::kTx) capture_late();
  std::uint64_t count = 0;
  const auto give = [&](std::string_view name, std::string_view text, std::uint32_t id) {
    if (target.count) ++count;
    else each(Value{variable, name, text, id, false});
  };
  if (variable == Variable::kTx) {
    if (target.kind == Selector::Kind::kName) {
      if (exchange.tx[target.slot].set) give(target.key, exchange.tx[target.slot].value, kNoText);
    } else {
      for (std::uint32_t n = 0; n < (target.kind == Selector::Kind::kAll ? exchange.tx.size() : target.slots.size()); ++n) {
        const auto i = target.kind == Selector::Kind::kAll ? n : target.slots[n];
        if (exchange.tx[i].set) give(program_->slots[i], exchange.tx[i].value, kNoText);
      }
      // Rules may add while they look: what is there now is looked at, as long as it is.
      for (std::size_t i = 0, size = exchange.tx_dynamic.size(); i < std::min(size, exchange.tx_dynamic.size()); ++i) {
        const auto entry = exchange.tx_dynamic[i];
        if (wanted(entry.name)) give(entry.name, entry.value, kNoText);
      }
    }
  } else if (is_collection(variable)) {
    const auto& entries = exchange.entries(variable);
    for (std::size_t i = 0, size = entries.size(); i < std::min(size, entries.size()); ++i) {
      const auto entry = entries[i];
      if (wanted(entry.name)) give(entry.name, entry.value, entry.text);
    }
  } else {
    const auto& entry = exchange.single_entry(variable);
    if (entry.text != kNoText) give({}, entry.value, entry.text);
  }
  if (target.count) {
    char digits[24];
    const auto* end = fmt::format_to(digits, "{}", count);
    each(Value{variable, target.key, exchange.arena.copy({digits, static_cast<std::size_t>(end - digits)}), kNoText, true});
  }
}

bool Judge::covers(const Target& target, Variable variable, std::string_view name) {
  if (target.variable != variable) return false;
  switch (target.kind) {
    case Selector::Kind::kAll: return true;
    case Selector::Kind::kName: return same_nocase(name, target.key);
    case Selector::Kind::kRegex: return target.regex->search(name) != Found::kNo;
    case Selector::Kind::kXPath: return name == target.key;
  }
  return false;
}

// Most exclusions are of other variables.
bool Judge::may_exclude(const CompiledRule& rule, Variable variable) const {
  const auto concerned = [variable](const std::vector<Target>& targets) {
    return std::any_of(targets.begin(), targets.end(), [variable](const Target& target) { return target.variable == variable; });
  };
  return concerned(rule.exclusions) || std::any_of(target_removals_.begin(), target_removals_.end(), [&](const Removal* removal) { return concerned(removal->targets); });
}

bool Judge::excluded(const CompiledRule& rule, std::uint32_t head, Variable variable, std::string_view name) const {
  for (const auto& target : rule.exclusions) {
    if (covers(target, variable, name)) return true;
  }
  for (const auto* removal : target_removals_) {
    if (!std::binary_search(removal->rules.begin(), removal->rules.end(), head)) continue;
    for (const auto& target : removal->targets) {
      if (covers(target, variable, name)) return true;
    }
  }
  return false;
}

std::string_view Judge::transformed(const Value& value, std::uint16_t chain) {
  if (chain == kRaw) return value.text;
  if (value.id == kNoText || program_->prefilter == nullptr) {
    const auto before = transformed(value, program_->chains[chain].parent);
    steps += before.size();
    return transform(program_->chains[chain].last, before, exchange.arena, settings.unicode_map.get());
  }
  return variants_.text(variants_.of(value.id, value.text, chain));
}

bool Judge::look_at(const CompiledRule& rule, const Value& value, int phase, bool is_head) {
  const auto family = family_of(value.variable);
  if (rule.question != kNone && value.id != kNoText && family == kOfRequests) {
    // What is known to say no goes no further.
    const auto* known = variants_.answers(value.id, value.text);
    if (known != nullptr && Variants::says(known, rule.question) == rule.negated) {
      steps += 1;
      return false;
    }
  }
  const bool filtered = program_->prefilter != nullptr && rule.pattern[family] != kNone && value.id != kNoText;
  const auto one = [&](std::string_view text, bool possible, bool known = false) {
    bool found = false;
    if (possible) {
      steps += kStepsPerOperator + steps_per_byte(rule) * text.size();
      found = operate(rule, text, known);
    }
    if (found == rule.negated) return false;
    on_match(rule, value, text);
    if (!rule.stages.empty() && is_head && rule.next_in_chain == kNone) log(rule, phase);
    return true;
  };
  const auto stage = [&](std::uint16_t chain) {
    if (!filtered) return one(transformed(value, chain), true);
    const auto index = variants_.of(value.id, value.text, chain);
    const auto seen = variants_.text(index);
    if (!variants_.possible(index, family, rule.pattern[family])) return one(seen, false);
    const auto known = seen.size() < kLargeBytes ? std::nullopt : told(rule, value, index);
    return one(seen, known.value_or(true), known.value_or(false));
  };
  if (rule.stages.empty()) return stage(rule.chain);
  // multiMatch: the text as it came, and again whenever a transformation changed it.
  bool matched = false;
  std::string_view before;
  for (std::size_t i = 0; i < rule.stages.size(); ++i) {
    const auto text = transformed(value, rule.stages[i]);
    if (i == 0 || text != before) matched = stage(rule.stages[i]) || matched;
    before = text;
  }
  return matched;
}

// `known`: that its pattern matches.
bool Judge::operate(const CompiledRule& rule, std::string_view text, bool known) {
  if (rule.op == Operator::kGeoLookup) return look_up_place(text);
  if (!rule.argument.constant) capture_late();
  const auto argument = rule.argument.constant ? std::string_view(rule.argument.text) : expand(rule.argument);
  if (!rule.capture || rule.negated) return known || finds(rule, text, argument, steps);
  switch (rule.op) {
    case Operator::kRx:
    case Operator::kRxGlobal: {
      const auto made = rule.regex == nullptr ? regex_of(argument) : nullptr;
      const auto* regex = made == nullptr ? rule.regex.get() : made.get();
      if (rule.captures_late) {
        if (!known && regex->search(text, nullptr, nullptr, &steps) == Found::kNo) return false;
        located_by_ = regex, located_in_ = text;
        return true;
      }
      Group groups[kGroupsMax];
      int count = rule.groups;
      const auto found = regex == nullptr ? Found::kNo : regex->search(text, groups, &count, &steps);
      if (found == Found::kYes) capture(groups, count, text);
      if (found == Found::kLimit) exchange.set_flag(Variable::kMscPcreLimitsExceeded, true);
      return found != Found::kNo;
    }
    case Operator::kPm:
    case Operator::kPmFromFile: {
      std::size_t offset = 0, size = 0;
      if (!rule.phrases->find(text, offset, size)) return false;
      capture_one(text.substr(offset, size));
      return true;
    }
    case Operator::kDetectSqli: {
      char fingerprint[kFingerprintMax];
      if (!detect_sqli(text, fingerprint)) return false;
      capture_one(exchange.arena.copy(fingerprint));
      return true;
    }
    case Operator::kDetectXss:
      if (!detect_xss(text)) return false;
      capture_one(text);
      return true;
    default: return finds(rule, text, argument, steps);
  }
}

void Judge::on_match(const CompiledRule& rule, const Value& value, std::string_view text) {
  if (observer != nullptr) observer->matched(*rule.source, value.variable, value.name, value.text, text);
  matched_.push_back({value.variable, value.name, text, value.count});
  steps += kStepsPerMatch;
  set_variables(rule);
}

void Judge::after_match(const CompiledRule& rule, int phase, bool is_head) {
  if (rule.plain) {
    if (rule.skips_after) skip_after_ = true;
    return;
  }
  const auto& actions = rule.source->actions;
  if (actions.severity) {
    const auto highest = exchange.single(Variable::kHighestSeverity);
    if (highest.empty() || number_of(highest) > *actions.severity) exchange.set_number(Variable::kHighestSeverity, static_cast<std::uint64_t>(*actions.severity));
  }
  for (const auto& one : rule.controls) control(one);
  for (const auto& expiry : rule.expiries) expire(expiry);
  if (actions.skip > 0) skip_ = actions.skip;
  if (!actions.skip_after.empty()) skip_after_ = true;
  if (!is_head) return;
  if (settings.engine == Engine::kOn) disrupt(rule);
  if (rule.stages.empty() || rule.next_in_chain != kNone) log(rule, phase);
}

void Judge::disrupt(const CompiledRule& rule) {
  const auto& actions = rule.source->actions;
  switch (actions.disruptive) {
    case Disruptive::kAllow: allowed_ = Allowed::kEverything; break;
    case Disruptive::kAllowPhase: allowed_ = Allowed::kPhase; break;
    case Disruptive::kAllowRequest: allowed_ = Allowed::kRequest; break;
    case Disruptive::kDeny:
    case Disruptive::kBlock: verdict = {.action = Verdict::Action::kDeny, .status = actions.status.value_or(403), .rule_id = rule.id}; break;
    case Disruptive::kDrop: verdict = {.action = Verdict::Action::kDrop, .status = actions.status.value_or(403), .rule_id = rule.id}; break;
    case Disruptive::kRedirect:
    case Disruptive::kProxy:
      verdict = {.action = Verdict::Action::kRedirect, .status = actions.status.value_or(302), .rule_id = rule.id, .location = expand(rule.redirect)};
      break;
    case Disruptive::kPause: verdict.pause_ms = actions.pause_ms; break;
    case Disruptive::kNone:
    case Disruptive::kPass: break;
  }
}

std::string_view Judge::tx_value(std::uint32_t slot, std::string_view key) const {
  if (slot != kNone) return exchange.tx[slot].value;
  for (const auto& entry : exchange.tx_dynamic) {
    if (entry.name == key) return entry.value;
  }
  return {};
}

void Judge::set_tx(std::uint32_t slot, std::string_view key, std::string_view value, bool set) {
  if (slot != kNone) {
    if (slot < program_->opening_slots.size() && program_->opening_slots[slot]) opening_ = nullptr;
    exchange.tx[slot] = {set ? value : std::string_view(), set};
    return;
  }
  auto& all = exchange.tx_dynamic;
  steps += kStepsPerName * all.size();
  const auto at = std::find_if(all.begin(), all.end(), [key](const Entry& entry) { return entry.name == key; });
  if (!set) {
    if (at != all.end()) all.erase(at);
  } else if (at != all.end()) {
    at->value = value;
  } else {
    all.push_back({exchange.arena.copy(key), value, kNoText});
  }
}

void Judge::set_variables(const CompiledRule& rule) {
  // First, so that a rule can begin a collection and write to it.
  for (const auto& one : rule.begins) begin(one);
  for (const auto& assignment : rule.assignments) assign(assignment);
}

void Judge::assign(const Assignment& assignment) {
  char digits[24];
  const auto key = assignment.key.constant ? std::string_view(assignment.key.text) : exchange.arena.copy(base::lower_ascii(expand(assignment.key)));
  std::string_view before;
  std::vector<Entry>* entries = nullptr;
  auto slot = assignment.slot;
  if (assignment.collection == Variable::kTx) {
    if (slot == kNone) {
      if (const auto known = program_->slot_of.find(key); known != program_->slot_of.end()) slot = known->second;
    }
    if (assignment.kind == SetVar::Kind::kAdd || assignment.kind == SetVar::Kind::kSubtract) {
      if (slot == kNone) steps += kStepsPerName * exchange.tx_dynamic.size();
      before = tx_value(slot, key);
    }
  } else {
    if (persistent_key(assignment.collection).empty()) return;  // not begun by initcol
    entries = &exchange.entries(assignment.collection);
    for (const auto& entry : *entries) {
      if (same_nocase(entry.name, key)) before = entry.value;
    }
  }
  std::string_view value;
  bool told = entries == nullptr || persistent_ == nullptr;  // the keeper knows, or there is none
  const bool set = assignment.kind != SetVar::Kind::kUnset;
  if (assignment.kind == SetVar::Kind::kAssign) {
    value = assignment.value.constant ? std::string_view(assignment.value.text) : expand(assignment.value);
  } else if (set) {
    auto by = assignment.value.constant ? number_of(assignment.value.text) : number_of(expand(assignment.value));
    // What does not fit changes nothing.
    if (assignment.kind == SetVar::Kind::kSubtract && __builtin_sub_overflow(std::int64_t{0}, by, &by)) by = 0;
    const auto from = slot != kNone ? exchange.tx[slot].as_number() : number_of(before);
    std::int64_t sum = 0;
    if (__builtin_add_overflow(from, by, &sum)) sum = from;
    if (!told) {
      // Others add to it too: theirs counts.
      const auto shared = persistent_->add(assignment.collection, persistent_key(assignment.collection), key, by, when());
      sum = shared.value_or(sum);
      told = true;
    }
    const auto* end = fmt::format_to(digits, "{}", sum);
    value = exchange.arena.copy({digits, static_cast<std::size_t>(end - digits)});
  }
  if (assignment.collection == Variable::kTx) return set_tx(slot, key, value, set);
  std::erase_if(*entries, [key](const Entry& entry) { return same_nocase(entry.name, key); });
  if (set) exchange.add(assignment.collection, exchange.arena.copy(key), value);
  if (told) return;
  persistent_->set(assignment.collection, persistent_key(assignment.collection), key, set ? std::optional(value) : std::nullopt, when());
}

void Judge::control(const CompiledControl& control) {
  using Kind = Control::Kind;
  const auto on = base::lower_ascii(control.value) == "on";
  switch (control.kind) {
    case Kind::kRuleEngine:
      settings.engine = on ? Engine::kOn : base::lower_ascii(control.value) == "off" ? Engine::kOff : Engine::kDetectionOnly;
      break;
    case Kind::kAuditEngine:
      settings.audit_engine = on ? AuditEngine::kOn : base::lower_ascii(control.value) == "off" ? AuditEngine::kOff : AuditEngine::kRelevantOnly;
      break;
    case Kind::kAuditLogParts:
      break;
    case Kind::kForceRequestBodyVariable: exchange.force_request_body_variable = on; break;
    case Kind::kRequestBodyAccess: settings.request_body_access = on; break;
    case Kind::kResponseBodyAccess: settings.response_body_access = on; break;
    case Kind::kRequestBodyProcessor: exchange.set(Variable::kReqbodyProcessor, control.value); break;
    case Kind::kRequestBodyLimit: settings.request_body_limit = static_cast<std::uint64_t>(number_of(control.value)); break;
    case Kind::kResponseBodyLimit: settings.response_body_limit = static_cast<std::uint64_t>(number_of(control.value)); break;
    case Kind::kDebugLogLevel: break;
    default:
      remove(program_->removals[control.removal]);
  }
}

std::string_view Judge::value_of(const Piece& piece) {
  const auto variable = piece.variable;
  if (variable == Variable::kTx) return tx_value(piece.slot, piece.key);
  if (variable == Variable::kRule) {
    const auto& rule = program_->rules[head_];
    if (piece.key == "id") return exchange.arena.copy(std::to_string(rule.id));
    if (piece.key == "rev") return rule.source->actions.rev;
    if (piece.key == "severity") return exchange.arena.copy(std::to_string(rule.source->actions.severity.value_or(-1)));
    if (piece.key == "msg" && rule.msg.constant) return rule.msg.text;
    return {};
  }
  if (is_of_matched(variable)) tell_matched();
  if (!is_collection(variable)) return exchange.single(variable);
  for (const auto& entry : exchange.entries(variable)) {
    if (piece.key.empty() || same_nocase(entry.name, piece.key)) return entry.value;
  }
  return {};
}

std::string_view Judge::expand(const Template& text) {
  if (text.constant) return text.text;
  if (text.pieces.size() == 1) return value_of(text.pieces[0]).substr(0, kMacroBytesMax);
  std::size_t size = 0;
  for (const auto& piece : text.pieces) size += piece.is_variable ? value_of(piece).size() : piece.literal.size();
  size = std::min(size, kMacroBytesMax);
  char* out = exchange.arena.take(size);
  std::size_t at = 0;
  for (const auto& piece : text.pieces) {
    const auto part = (piece.is_variable ? value_of(piece) : std::string_view(piece.literal)).substr(0, size - at);
    std::copy(part.begin(), part.end(), out + at);
    at += part.size();
  }
  return {out, at};
}

}  // namespace ringwall::waf::detail
