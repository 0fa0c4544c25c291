// From rules as written to the program the engine runs.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "waf/detail/prefilter.h"
#include "waf/detail/program.h"

namespace ringwall::waf::detail {

namespace {

constexpr Operator kNotHere[] = {Operator::kFuzzyHash, Operator::kInspectFile, Operator::kRsub, Operator::kValidateDtd, Operator::kValidateSchema};

std::uint32_t slot_of(Program& program, const std::string& key) {
  const auto [at, added] = program.slot_of.try_emplace(key, static_cast<std::uint32_t>(program.slots.size()));
  if (added) program.slots.push_back(key);
  return at->second;
}

// `slot`: of a TX key, made when there is none.
template <class Slot>
Result<Target> compile_target(const Selector& selector, Slot slot) {
  Target target{selector.variable, selector.kind, selector.count, selector.key, kNone, nullptr, {}, {}};
  target.shown = fmt::format("{}{}{}", name_of(selector.variable), selector.key.empty() ? "" : ":", selector.key);
  if (selector.kind == Selector::Kind::kRegex) target.regex = RW_TRY(Regex::compile(selector.key, true));
  if (selector.kind == Selector::Kind::kName) {
    target.key = base::lower_ascii(selector.key);
    if (selector.variable == Variable::kTx) target.slot = slot(target.key);
  }
  return target;
}
Result<Target> compile_target(Program& program, const Selector& selector) {
  return compile_target(selector, [&](const std::string& key) { return slot_of(program, key); });
}

// "942100", "1-999999", and several of them with ',' or blanks between.
bool id_named(std::string_view value, std::uint64_t id) {
  while (!value.empty()) {
    const auto end = std::min(value.find_first_of(", "), value.size());
    const auto word = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    if (word.empty()) continue;
    const auto dash = word.find('-');
    const auto first = static_cast<std::uint64_t>(number_of(word.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : static_cast<std::uint64_t>(number_of(word.substr(dash + 1)));
    if (id >= first && id <= last) return true;
  }
  return false;
}

enum class By : std::uint8_t { kId, kTag, kMsg };

Result<Removal> removal_of(const Program& program, std::string_view value, By by) {
  Removal removal;
  for (std::uint32_t i = 0; i < program.rules.size(); ++i) {
    const auto& candidate = program.rules[i];
    if (&candidate.source->actions != candidate.head) continue;  // further in a chain
    bool named = false;
    if (by == By::kId) named = id_named(value, candidate.id);
    if (by == By::kTag) named = std::any_of(candidate.tags.begin(), candidate.tags.end(), [&](const auto& tag) { return tag.constant && tag.text == value; });
    if (by == By::kMsg) named = candidate.msg.constant && candidate.msg.text == value;
    if (named) removal.rules.push_back(i);
  }
  return removal;
}

class Compiler {
 public:
  Compiler(Program& program, const Program* previous) : p_(program), previous_(previous) {}

  Result<void> run() {
    for (int i = 0; i < kGroupsMax; ++i) slot_of(p_, std::to_string(i));  // TX:0 to TX:9 are slots 0 to 9
    // The source must not move from here on: rules point into it.
    std::array<std::vector<std::string>, 6> awaited;  // marker of each step with skipAfter
    for (const auto& item : p_.source.items) {
      if (item.marker) {
        for (int phase = 1; phase <= 5; ++phase) {
          p_.phases[static_cast<std::size_t>(phase)].push_back({.kind = Step::Kind::kMarker});
          awaited[static_cast<std::size_t>(phase)].push_back("=" + item.marker->name);
        }
        continue;
      }
      const auto& rule = *item.rule;
      const auto phase = static_cast<std::size_t>(rule.actions.phase.value_or(2));
      const auto head = RW_TRY(chain(rule));
      p_.phases[phase].push_back({.rule = head});
      awaited[phase].push_back(rule.actions.skip_after);
    }
    for (std::size_t phase = 1; phase <= 5; ++phase) {
      auto& steps = p_.phases[phase];
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto& marker = awaited[phase][i];
        if (steps[i].kind != Step::Kind::kRule || marker.empty()) continue;
        std::size_t to = i + 1;
        while (to < steps.size() && awaited[phase][to] != "=" + marker) ++to;
        steps[i].skip_to = static_cast<std::uint32_t>(to);
      }
    }
    // Now that all slots have their names.
    for (auto& rule : p_.rules) {
      for (auto& target : rule.targets) {
        if (target.variable != Variable::kTx || target.regex == nullptr) continue;
        for (std::uint32_t i = 0; i < p_.slots.size(); ++i) {
          if (target.regex->search(p_.slots[i]) != Found::kNo) target.slots.push_back(i);
        }
      }
    }
    for (const auto& [at, control] : controls_) RW_TRY(compile_removal(at.first, at.second, *control));
    return {};
  }

 private:
  Result<std::uint32_t> chain(const Rule& rule) {
    const auto head = static_cast<std::uint32_t>(p_.rules.size());
    RW_TRY(one(rule, rule));
    for (const auto& next : rule.chained) {
      p_.rules.back().next_in_chain = static_cast<std::uint32_t>(p_.rules.size());
      RW_TRY(one(next, rule));
    }
    return head;
  }

  Error at(const Rule& rule, const Error& error) { return fail(error.code, fmt::format("{}:{}: {}", rule.place.file, rule.place.line, error.message), error.hint); }

  Result<void> one(const Rule& rule, const Rule& head) {
    CompiledRule out;
    out.source = &rule;
    out.head = &head.actions;
    out.id = head.actions.id.value_or(0);
    for (const auto& selector : rule.selectors) {
      auto target = compile_target(p_, selector);
      if (!target.ok()) return at(rule, target.error());
      (selector.exclude ? out.exclusions : out.targets).push_back(std::move(*target));
    }
    out.stages.push_back(kRaw);
    for (const auto transformation : rule.actions.transformations) {
      out.chain = child(out.chain, transformation);
      out.stages.push_back(out.chain);
    }
    if (!rule.actions.multi_match) out.stages.clear();
    out.op = rule.op;
    out.negated = rule.negated;
    out.capture = rule.actions.capture;
    out.argument = compile_template(rule.argument);
    auto prepared = prepare(rule, out);
    if (!prepared.ok()) return at(rule, prepared.error());
    out.msg = compile_template(rule.actions.msg);
    out.log_data = compile_template(rule.actions.log_data);
    out.redirect = compile_template(rule.actions.redirect);
    for (const auto& tag : rule.actions.tags) out.tags.push_back(compile_template(tag));
    for (const auto& set : rule.actions.set_vars) {
      Assignment assignment{set.collection, compile_template(set.key), kNone, set.kind, compile_template(set.value)};
      assignment.key.text = base::lower_ascii(assignment.key.text);
      if (set.collection == Variable::kTx && assignment.key.constant) assignment.slot = slot_of(p_, assignment.key.text);
      out.assignments.push_back(std::move(assignment));
    }
    const auto begin = [&](Variable collection, const Macro& key, std::optional<Variable> names) {
      if (!key.pieces.empty()) out.begins.push_back({collection, compile_template(key), names});
    };
    for (const auto& init : rule.actions.init_cols) begin(init.collection, init.key, std::nullopt);
    begin(Variable::kUser, rule.actions.set_uid, Variable::kUserId);
    begin(Variable::kSession, rule.actions.set_sid, Variable::kSessionId);
    begin(Variable::kResource, rule.actions.set_rsc, std::nullopt);
    for (const auto& expire : rule.actions.expire_vars) out.expiries.push_back({expire.collection, compile_template(expire.key), compile_template(expire.seconds)});
    for (const auto& control : rule.actions.controls) {
      controls_.push_back({{p_.rules.size(), out.controls.size()}, &control});
      out.controls.push_back({control.kind, control.value, kNone});
    }
    p_.rules.push_back(std::move(out));
    return {};
  }

  Result<void> prepare(const Rule& rule, CompiledRule& out) {
    if (std::find(std::begin(kNotHere), std::end(kNotHere), rule.op) != std::end(kNotHere)) {
      return fail(Errc::kInvalid, fmt::format("the operator @{} is not supported", name_of(rule.op)), "remove the rule, or write it with another operator");
    }
    const auto& text = out.argument.text;
    if (out.argument.constant) out.number = number_of(text);
    switch (rule.op) {
      case Operator::kRx:
      case Operator::kRxGlobal:
        if (out.argument.constant) out.regex = RW_TRY(pattern(text));
        break;
      case Operator::kPm:
        out.phrases = RW_TRY(phrases(parse_phrases(text)));
        break;
      case Operator::kPmFromFile:
        out.phrases = RW_TRY(phrases(rule.file_lines));
        break;
      case Operator::kIpMatch:
      case Operator::kIpMatchFromFile: {
        std::vector<std::string_view> entries;
        if (rule.op == Operator::kIpMatchFromFile) {
          entries.assign(rule.file_lines.begin(), rule.file_lines.end());
        } else {
          for (std::string_view rest = text; !rest.empty();) {
            const auto end = std::min(rest.find(','), rest.size());
            entries.push_back(base::trim(rest.substr(0, end)));
            rest.remove_prefix(std::min(end + 1, rest.size()));
          }
        }
        out.addresses = std::make_shared<const IpSet>(RW_TRY(IpSet::parse(entries)));
        break;
      }
      case Operator::kValidateByteRange:
        out.bytes = RW_TRY(parse_byte_range(text));
        break;
      case Operator::kVerifyCc:
      case Operator::kVerifyCpf:
      case Operator::kVerifySsn:
      case Operator::kVerifySvnr:
        out.regex = RW_TRY(pattern(text));
        break;
      default:
        break;
    }
    return {};
  }

  Result<std::shared_ptr<const Regex>> pattern(const std::string& text) {
    auto& known = p_.patterns[text];
    if (known.regex != nullptr) return known.regex;
    if (previous_ != nullptr) {
      if (const auto before = previous_->patterns.find(text); before != previous_->patterns.end()) known = before->second;
    }
    if (known.regex == nullptr) known.regex = RW_TRY(Regex::compile(text));
    return known.regex;
  }
  Result<std::shared_ptr<const PhraseSet>> phrases(const std::vector<std::string>& all) {
    std::string key;
    for (const auto& phrase : all) key += fmt::format("{}:{}", phrase.size(), phrase);
    auto& known = p_.phrase_sets[key];
    if (known != nullptr) return known;
    if (previous_ != nullptr) {
      if (const auto before = previous_->phrase_sets.find(key); before != previous_->phrase_sets.end()) known = before->second;
    }
    if (known == nullptr) known = std::make_shared<const PhraseSet>(RW_TRY(PhraseSet::make(all)));
    return known;
  }

  Template compile_template(const Macro& macro) {
    Template out;
    out.constant = macro.constant();
    if (out.constant) {
      out.text = macro.text();
      return out;
    }
    for (const auto& piece : macro.pieces) {
      Piece compiled{piece.literal, piece.variable.value_or(Variable::kTx), piece.variable.has_value(), base::lower_ascii(piece.key), kNone};
      if (compiled.is_variable && compiled.variable == Variable::kTx) compiled.slot = slot_of(p_, compiled.key);
      out.pieces.push_back(std::move(compiled));
    }
    return out;
  }

  std::uint16_t child(std::uint16_t parent, Transformation last) {
    for (std::size_t i = 1; i < p_.chains.size(); ++i) {
      if (p_.chains[i].parent == parent && p_.chains[i].last == last) return static_cast<std::uint16_t>(i);
    }
    p_.chains.push_back({parent, last, 0});
    return static_cast<std::uint16_t>(p_.chains.size() - 1);
  }

  // ctl:ruleRemove…: the rules it names are known now; at run time it only marks them.
  Result<void> compile_removal(std::size_t rule, std::size_t index, const Control& control) {
    using Kind = Control::Kind;
    const bool by_id = control.kind == Kind::kRuleRemoveById || control.kind == Kind::kRuleRemoveTargetById;
    const bool by_tag = control.kind == Kind::kRuleRemoveByTag || control.kind == Kind::kRuleRemoveTargetByTag;
    const bool by_msg = control.kind == Kind::kRuleRemoveByMsg || control.kind == Kind::kRuleRemoveTargetByMsg;
    if (!by_id && !by_tag && !by_msg) return {};
    auto removal = RW_TRY(removal_of(p_, control.value, by_id ? By::kId : by_tag ? By::kTag : By::kMsg));
    for (const auto& target : control.targets) removal.targets.push_back(RW_TRY(compile_target(p_, target)));
    p_.rules[rule].controls[index].removal = static_cast<std::uint32_t>(p_.removals.size());
    p_.removals.push_back(std::move(removal));
    return {};
  }

  Program& p_;
  const Program* const previous_;
  std::vector<std::pair<std::pair<std::size_t, std::size_t>, const Control*>> controls_;
};

bool reads_group(const Template& text) {
  return std::any_of(text.pieces.begin(), text.pieces.end(), [](const Piece& piece) { return piece.is_variable && piece.variable == Variable::kTx && piece.slot > 0 && piece.slot < kGroupsMax; });
}

// Whether the rule looks at a group (TX:1 to TX:9) of what it or another one captured.
bool reads_group(const CompiledRule& rule) {
  const auto is_group = [](std::uint32_t slot) { return slot > 0 && slot < kGroupsMax; };
  const auto reads = [&](const Target& target) {
    if (target.variable != Variable::kTx) return false;
    return target.kind == Selector::Kind::kAll || is_group(target.slot) || std::any_of(target.slots.begin(), target.slots.end(), is_group);
  };
  const auto any = [](const auto& all, auto is) { return std::any_of(all.begin(), all.end(), is); };
  const auto in = [](const Template& text) { return reads_group(text); };
  return any(rule.targets, reads) || in(rule.argument) || in(rule.msg) || in(rule.log_data) || in(rule.redirect) || any(rule.tags, in) ||
         any(rule.assignments, [&](const Assignment& one) { return is_group(one.slot) || in(one.key) || in(one.value); }) ||
         any(rule.begins, [&](const Begin& one) { return in(one.key); }) || any(rule.expiries, [&](const Expiry& one) { return in(one.key) || in(one.seconds); });
}

// Most rules capture for TX:0 in their message.  A group is read by the rule or its chain, or else it may be by anybody.
void count_groups(Program& program) {
  std::vector<std::uint32_t> capturing, read;
  for (const auto& phase : program.phases) {
    for (const auto& step : phase) {
      if (step.kind != Step::Kind::kRule) continue;
      std::vector<std::uint32_t> before;
      for (auto i = step.rule; i != kNone; i = program.rules[i].next_in_chain) {
        if (program.rules[i].capture) before.push_back(i);
        if (!reads_group(program.rules[i])) continue;
        if (before.empty()) return;
        read.insert(read.end(), before.begin(), before.end());
      }
      capturing.insert(capturing.end(), before.begin(), before.end());
    }
  }
  for (const auto i : capturing) program.rules[i].groups = 1;
  for (const auto i : read) program.rules[i].groups = kGroupsMax;
}

// What rules change while a phase runs cannot be looked at once for all rules.
bool changes_in_phase(Variable v) {
  constexpr Variable kChanging[] = {Variable::kMatchedVars, Variable::kMatchedVarsNames, Variable::kMatchedVar, Variable::kMatchedVarName, Variable::kTx,
                                    Variable::kIp, Variable::kGlobal, Variable::kSession, Variable::kUser, Variable::kResource, Variable::kEnv, Variable::kGeo, Variable::kRule,
                                    Variable::kUserId, Variable::kSessionId, Variable::kHighestSeverity, Variable::kReqbodyProcessor, Variable::kMscPcreError, Variable::kMscPcreLimitsExceeded};
  return std::find(std::begin(kChanging), std::end(kChanging), v) != std::end(kChanging);
}

std::vector<Clause> clauses_of(Program& program, const CompiledRule& rule) {
  switch (rule.op) {
    case Operator::kRx:
    case Operator::kRxGlobal: {
      if (!rule.argument.constant) return {};
      auto& clauses = program.patterns[rule.argument.text].clauses;
      if (clauses == nullptr) clauses = std::make_shared<const std::vector<Clause>>(clauses_of_regex(rule.argument.text));
      return *clauses;
    }
    case Operator::kPm: return clauses_of_literals(parse_phrases(rule.argument.text));
    case Operator::kPmFromFile: return clauses_of_literals(rule.source->file_lines);
    // A tag needs the one, an attribute's value the other.
    case Operator::kDetectXss: return {{"<", "="}};
    case Operator::kContains:
    case Operator::kContainsWord:
    case Operator::kStrmatch:
    case Operator::kBeginsWith:
    case Operator::kEndsWith:
    case Operator::kStreq: return rule.argument.constant ? clauses_of_literals({rule.argument.text}) : std::vector<Clause>();
    default: return {};
  }
}

// Of which no text needs to be tried when all of them together hold no byte that counts.
bool told_by_bytes(Operator op) { return op == Operator::kValidateByteRange || op == Operator::kValidateUtf8Encoding || op == Operator::kValidateUrlEncoding; }

bool compares_tx_with_number(const CompiledRule& rule) {
  constexpr Operator kComparisons[] = {Operator::kEq, Operator::kGe, Operator::kGt, Operator::kLe, Operator::kLt};
  const bool one = rule.targets.size() == 1 && rule.targets[0].variable == Variable::kTx && rule.targets[0].kind == Selector::Kind::kName;
  return one && rule.chain == kRaw && rule.stages.empty() && !rule.capture && !rule.negated && rule.argument.constant &&
         std::find(std::begin(kComparisons), std::end(kComparisons), rule.op) != std::end(kComparisons);
}

std::uint32_t group_of(Program& program, Variable variable, std::uint16_t chain) {
  for (std::uint32_t i = 0; i < program.groups.size(); ++i) {
    if (program.groups[i].variable == variable && program.groups[i].chain == chain) return i;
  }
  const auto before = chain == kRaw ? kNone : group_of(program, variable, program.chains[chain].parent);
  const auto index = static_cast<std::uint32_t>(program.groups.size());
  if (chain == kRaw) program.looked_at.push_back(index);
  const auto place = chain == kRaw ? static_cast<std::uint32_t>(program.looked_at.size() - 1) : program.groups[before].place;
  program.groups.push_back({variable, chain, before, chain == kRaw ? index : program.groups[before].raw, place});
  return index;
}

// Whether what the operator says of a text of requests depends on the text alone.
bool is_question(const CompiledRule& rule) {
  if (rule.op == Operator::kGeoLookup) return false;  // leaves GEO behind
  if (!rule.argument.constant || rule.targets.empty() || (rule.negated && !rule.stages.empty())) return false;
  return std::any_of(rule.targets.begin(), rule.targets.end(), [](const Target& target) {
    return !target.count && family_of(target.variable) == kOfRequests && !changes_in_phase(target.variable);
  });
}

// Most chains have few rules; what they make of a text is looked through for the literals of these alone.
void give_scanners(Program& program, std::array<Prefilter, kFamilies>& filters) {
  constexpr std::size_t kPartMax = 4;  // patterns of their own with at most a fourth of all literals
  using Patterns = std::vector<std::uint32_t>;
  std::vector<std::array<Patterns, kFamilies>> below(program.chains.size());
  for (const auto family : kAllFamilies) {
    Patterns all;
    for (const auto& rule : program.rules) {
      const auto pattern = rule.pattern[family];
      if (pattern == kNone) continue;
      all.push_back(pattern);
      std::vector<std::uint16_t> ends = rule.stages;
      ends.push_back(rule.chain);
      for (auto node : ends) {
        for (; node != kRaw; node = program.chains[node].parent) {
          auto& patterns = below[node][family];
          if (patterns.empty() || patterns.back() != pattern) patterns.push_back(pattern);
        }
      }
    }
    below[kRaw][family] = all;
    const auto literals = filters[family].literals(all);
    for (auto& one : below) {
      if (filters[family].literals(one[family]) * kPartMax > literals) one[family] = all;
    }
  }
  std::vector<std::array<Patterns, kFamilies>> scanners;
  for (std::size_t i = 0; i < program.chains.size(); ++i) {
    const auto known = std::find(scanners.begin(), scanners.end(), below[i]);
    program.chains[i].scanner = static_cast<std::uint16_t>(known - scanners.begin());
    if (known == scanners.end()) scanners.push_back(below[i]);
  }
  for (const auto family : kAllFamilies) {
    std::vector<Patterns> patterns;
    for (const auto& one : scanners) patterns.push_back(one[family]);
    filters[family].finish(patterns);
  }
}

// Of which bytes a text must have one for the operator to find something in it.
ByteSet bytes_for(const CompiledRule& rule, Family family, const Prefilter& filter) {
  ByteSet bytes;
  switch (rule.op) {
    case Operator::kValidateByteRange:
      for (int i = 0; i < 4; ++i) bytes.bits[i] = ~rule.bytes.bits[i];
      return bytes;
    case Operator::kValidateUtf8Encoding: bytes.bits[2] = bytes.bits[3] = ~std::uint64_t{0}; return bytes;
    case Operator::kValidateUrlEncoding: bytes.add('%'); return bytes;
    default: return filter.needs(rule.pattern[family]);
  }
}

// Most rules look for what few texts have: these texts alone are transformed and looked through for them.
void give_needs(Program& program, const std::array<Prefilter, kFamilies>& filters) {
  auto& chains = program.chains;
  for (const auto family : kAllFamilies) {
    for (auto& rule : program.rules) {
      if (rule.pattern[family] == kNone && !told_by_bytes(rule.op)) continue;
      rule.needs[family] = {};
      const auto add = [&](std::uint16_t chain) {
        Needs needs{bytes_for(rule, family, filters[family])};
        for (auto node = chain; node != kRaw; node = chains[node].parent) needs = needs_before(chains[node].last, needs);
        chains[chain].needs[family].add(needs);
        rule.needs[family].add(needs);
      };
      add(rule.chain);
      for (const auto stage : rule.stages) add(stage);
    }
    // Nodes come behind those above them.
    for (auto node = chains.rbegin(); node != chains.rend(); ++node) {
      node->needs_below[family].add(node->needs[family]);
      if (&*node != &chains[kRaw]) chains[node->parent].needs_below[family].add(node->needs_below[family]);
    }
  }
}

void make_prefilter(Program& program) {
  auto filters = std::make_shared<std::array<Prefilter, kFamilies>>(std::array{Prefilter(Literals::Texts::kRequests), Prefilter(Literals::Texts::kRequests), Prefilter(Literals::Texts::kPages)});
  for (auto& rule : program.rules) {
    const auto clauses = clauses_of(program, rule);
    const bool by_bytes = told_by_bytes(rule.op);
    if (clauses.empty() && !by_bytes) continue;
    bool looked_at[kFamilies] = {};
    for (const auto& target : rule.targets) looked_at[family_of(target.variable)] = true;
    for (const auto family : kAllFamilies) {
      if (looked_at[family] && !by_bytes) rule.pattern[family] = (*filters)[family].add(clauses);
    }
    rule.skippable = !rule.negated && !rule.targets.empty() &&
                     std::none_of(rule.targets.begin(), rule.targets.end(), [](const Target& target) { return target.count || changes_in_phase(target.variable); });
    if (!rule.skippable) continue;
    Signature signature;
    for (const auto& target : rule.targets) {
      const auto add = [&](std::uint16_t chain) {
        const auto group = group_of(program, target.variable, chain);
        if (std::find(signature.groups.begin(), signature.groups.end(), group) == signature.groups.end()) signature.groups.push_back(group);
      };
      add(rule.chain);
      for (const auto stage : rule.stages) add(stage);
    }
    const auto known = std::find(program.signatures.begin(), program.signatures.end(), signature);
    rule.signature = static_cast<std::uint32_t>(known - program.signatures.begin());
    if (known == program.signatures.end()) program.signatures.push_back(std::move(signature));
  }
  give_scanners(program, *filters);
  give_needs(program, *filters);
  const bool fits = std::all_of(filters->begin(), filters->end(), [](const Prefilter& filter) { return filter.words() <= kPrefilterWordsMax; });
  if (!fits) {
    for (auto& rule : program.rules) {
      rule.skippable = false, rule.signature = kNone;
      std::fill(std::begin(rule.pattern), std::end(rule.pattern), kNone);
    }
    program.signatures.clear(), program.groups.clear(), program.looked_at.clear();
    return;
  }
  program.prefilter = std::move(filters);
  for (std::uint32_t i = 0; i < program.rules.size(); ++i) {
    if (!is_question(program.rules[i])) continue;
    program.rules[i].question = static_cast<std::uint32_t>(program.questions.size());
    program.questions.push_back(i);
  }
  for (auto& phase : program.phases) {
    for (auto& step : phase) {
      const auto& rule = program.rules[step.rule];
      if (step.kind != Step::Kind::kRule || !rule.skippable || told_by_bytes(rule.op)) continue;
      step.signature = rule.signature, step.question = rule.question;
      std::copy(std::begin(rule.pattern), std::end(rule.pattern), step.pattern);
    }
  }
}

// Whether what a rule captures may wait for the last of its values that match: nothing it does with each reads it, by name or by a name
// not known yet.
bool captures_late(const CompiledRule& rule) {
  const auto touches = [](std::uint32_t slot) { return slot == kNone || slot < kGroupsMax; };
  const auto reads = [&](const Template& text) {
    return std::any_of(text.pieces.begin(), text.pieces.end(), [&](const Piece& piece) { return piece.is_variable && piece.variable == Variable::kTx && touches(piece.slot); });
  };
  return rule.groups == 1 && rule.regex != nullptr && rule.regex->linear() && rule.stages.empty() && rule.begins.empty() &&
         std::none_of(rule.assignments.begin(), rule.assignments.end(), [&](const Assignment& one) { return reads(one.key) || reads(one.value) || (one.collection == Variable::kTx && touches(one.slot)); });
}

}  // namespace

Result<std::shared_ptr<CompiledOverlay>> compile_overlay(const Program& program, const Adjustments& adjustments) {
  auto out = std::make_shared<CompiledOverlay>();
  out->mode = adjustments.mode;
  for (const auto& [name, value] : adjustments.tx) {
    const auto key = base::lower_ascii(name);
    const auto known = program.slot_of.find(key);
    if (known == program.slot_of.end()) out->dynamic.emplace_back(key, value);
    else out->slots.emplace_back(known->second, value);
  }
  for (std::size_t i = 0; i < adjustments.exclusions.size(); ++i) {
    const auto& exclusion = adjustments.exclusions[i];
    const std::string_view rules = exclusion.rules;
    const auto by = rules.starts_with("tag:") ? By::kTag : rules.starts_with("msg:") ? By::kMsg : By::kId;
    PlacedRemoval placed{RW_TRY_CTX(fmt::format("exclusions[{}]", i), removal_of(program, by == By::kId ? rules : rules.substr(4), by)), exclusion.path, false};
    if (placed.removal.rules.empty()) return fail(Errc::kInvalid, fmt::format("exclusions[{}]: no rule of the set is called '{}'", i, rules), "ids are numbers as in 942100 or 942100-942199; tags and messages begin with tag: or msg:");
    for (const auto& target : exclusion.targets) {
      placed.removal.targets.push_back(RW_TRY_CTX(fmt::format("exclusions[{}]", i), compile_target(target, [&](const std::string& key) {
        const auto known = program.slot_of.find(key);
        return known == program.slot_of.end() ? kNone : known->second;
      })));
    }
    if (placed.path.starts_with("= ")) placed.exact = true, placed.path.erase(0, 2);
    out->removals.push_back(std::move(placed));
  }
  return out;
}

Result<std::shared_ptr<Program>> compile_program(RuleSetSource source, const CompileOptions& options, const Program* previous) {
  auto program = std::make_shared<Program>();
  program->source = std::move(source);
  program->budget = options.budget;
  RW_TRY(Compiler(*program, previous).run());
  for (auto& rule : program->rules) rule.tx_number = compares_tx_with_number(rule);
  count_groups(*program);
  for (auto& rule : program->rules) rule.captures_late = captures_late(rule);
  if (!options.fast) return program;
  find_opening(*program);
  make_prefilter(*program);
  return program;
}

}  // namespace ringwall::waf::detail
