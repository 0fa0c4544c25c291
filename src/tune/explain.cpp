#include "tune/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/model.h"
#include "tune/detail/evidence.h"
#include "tune/detail/hidden.h"
#include "waf/detect.h"
#include "waf/operators.h"
#include "waf/regex.h"

namespace ringwall::tune {

namespace {

using detail::Hit, detail::Judge, detail::Keep;

std::string cut(std::string_view text) { return std::string(text.substr(0, kExplainedBytesMax)); }

// A macro as written, and with what TX holds after the request in its place.
struct Expanded {
  std::string written, value;
  bool macro = false;
};
Expanded expand(const waf::Macro& macro, const Judge& judge) {
  Expanded out;
  for (const auto& piece : macro.pieces) {
    if (!piece.variable) {
      out.written += piece.literal;
      out.value += piece.literal;
      continue;
    }
    const auto name = fmt::format("%{{{}{}{}}}", waf::name_of(*piece.variable), piece.key.empty() ? "" : ".", piece.key);
    out.written += name;
    out.macro = true;
    out.value += *piece.variable == waf::Variable::kTx ? std::string(judge.tx(piece.key)) : name;
  }
  return out;
}

std::string operation_of(const waf::Rule& rule, const Judge& judge) {
  const auto argument = expand(rule.argument, judge);
  return cut(fmt::format("{}@{} {}{}", rule.negated ? "!" : "", waf::name_of(rule.op), argument.value, argument.macro ? fmt::format(" ({})", argument.written) : ""));
}

// What of the text the operator found; empty where it is the text as a whole, or what it is not.
std::string found_in(const waf::Rule& rule, std::string_view text, const Judge& judge) {
  using waf::Operator;
  if (rule.negated) return {};
  const auto argument = expand(rule.argument, judge).value;
  switch (rule.op) {
    case Operator::kRx:
    case Operator::kRxGlobal: {
      const auto regex = waf::Regex::compile(argument);
      waf::Group groups[waf::kGroupsMax];
      int count = 1;
      if (!regex.ok() || (*regex)->search(text, groups, &count) != waf::Found::kYes) return {};
      return cut(text.substr(groups[0].offset, groups[0].size));
    }
    case Operator::kPm:
    case Operator::kPmFromFile: {
      const auto phrases = waf::PhraseSet::make(rule.op == Operator::kPm ? waf::parse_phrases(argument) : rule.file_lines);
      std::size_t offset = 0, size = 0;
      if (!phrases.ok() || !phrases->find(text, offset, size)) return {};
      return cut(text.substr(offset, size));
    }
    case Operator::kContains:
    case Operator::kContainsWord:
    case Operator::kStrmatch:
    case Operator::kBeginsWith:
    case Operator::kEndsWith: return cut(argument);
    case Operator::kDetectSqli: {
      char fingerprint[waf::kFingerprintMax];
      return waf::detect_sqli(text, fingerprint) ? fmt::format("fingerprint {}", fingerprint) : std::string();
    }
    default: return {};
  }
}

ExplainedValue value_of(const Hit& hit, const Judge& judge) {
  ExplainedValue out;
  out.target = hit.target();
  out.file = hit.rule->place.file;
  out.line = hit.rule->place.line;
  out.raw = cut(hit.raw);
  waf::Arena arena;
  std::string_view text = hit.raw;
  // With multiMatch the operator may have had enough before the last of them.
  for (const auto transformation : hit.rule->actions.transformations) {
    if (hit.rule->actions.multi_match && text == hit.seen) break;
    text = waf::transform(transformation, text, arena);
    out.steps.push_back({std::string(waf::name_of(transformation)), cut(text)});
  }
  out.operation = operation_of(*hit.rule, judge);
  out.found = found_in(*hit.rule, hit.seen, judge);
  return out;
}

void add_scores(ExplainedRule& out, const waf::Rule& rule, std::size_t times, const Judge& judge) {
  for (const auto& set : rule.actions.set_vars) {
    const auto key = expand(set.key, judge).value;
    if (set.collection != waf::Variable::kTx || set.kind != waf::SetVar::Kind::kAdd || key.find("anomaly_score") == std::string::npos) continue;
    const auto by = static_cast<int>(std::clamp<std::int64_t>(waf::number_of(expand(set.value, judge).value), -1'000'000, 1'000'000));
    out.scores.push_back(times > 1 ? fmt::format("{} +{} for each of {} values", key, by, times) : fmt::format("{} +{}", key, by));
    out.score += by * static_cast<int>(times);
  }
}

ExplainedRule now_of(const detail::RuleMatch& match, const Judge& judge) {
  ExplainedRule out;
  out.rule_id = match.rule_id;
  out.message = match.message;
  out.data = cut(match.data);
  out.phase = match.phase;
  out.severity = match.severity;
  out.refuses = match.refuses;
  out.adds_up = !match.finds;
  out.now = true;
  if (match.rule == nullptr) return out;
  out.file = match.rule->place.file;
  out.line = match.rule->place.line;
  // A score is added whenever a value matches, by the rule of the chain that says so.
  std::vector<const waf::Rule*> links{match.rule};
  for (const auto& link : match.rule->chained) links.push_back(&link);
  for (const auto* link : links) {
    const auto times = static_cast<std::size_t>(std::count_if(match.hits.begin(), match.hits.end(), [&](const Hit& hit) { return hit.rule == link; }));
    add_scores(out, *link, times, judge);
  }
  for (const auto& hit : match.hits) out.values.push_back(value_of(hit, judge));
  return out;
}

bool is_of_description(const StoredMatch& match) { return std::find(match.tags.begin(), match.tags.end(), policy::kModelTag) != match.tags.end(); }

ExplainedRule recorded_of(const StoredMatch& match, const Stored& stored, const Rules& rules) {
  ExplainedRule out;
  out.rule_id = match.rule_id;
  out.message = match.message;
  out.data = match.data;
  out.file = match.file;
  out.line = match.line;
  out.phase = match.phase;
  out.severity = match.severity;
  out.recorded = true;
  if (is_of_description(match)) {
    out.by_description = true;
    return out;
  }
  out.values.push_back({match.variable, match.file, match.line, match.value, {}, {}, {}});
  const auto* rule = rules.rule(match.rule_id);
  out.adds_up = rule != nullptr && !detail::finds(*rule);
  if (rule == nullptr) out.lost = "the rules have none of this number any more";
  else if (match.phase == 3 && !detail::answer_known(stored)) out.lost = "the application's answer is not in the record";
  else if (match.phase >= 4) out.lost = match.phase == 4 ? "answers' bodies are not in the record" : "rules of phase 5 are not judged again";
  else if (detail::may_be_missing(stored, match.rule_id)) out.lost = "what it matched is masked or cut off in the record";
  else out.lost = out.adds_up ? "the sum it looks at is another now" : "the rules or exclusions are others now";
  return out;
}

}  // namespace

Result<Explanation> explain(const Rules& rules, const Stored& stored) {
  Judge judge(rules);
  const auto judged = judge.run(stored, Keep::kValues);
  if (!judged.judged) return fail(Errc::kNotFound, "no firewall where this request went", "name the rules with --rules, or the declaration of that time");
  Explanation out;
  out.stored = stored;
  out.place = rules.place_of(stored)->name;
  out.refused_now = judged.refused;
  out.status_now = judged.status;
  out.score_now = judged.score;
  out.refused_by = judged.refused_by;
  for (const auto& match : judged.matches) out.rules.push_back(now_of(match, judge));
  out.refused_then = stored.refused();
  const int last_phase = detail::answer_known(stored) ? 3 : 2;
  out.same = true;
  for (const auto& match : stored.matches) {
    if (match.phase <= 4 && rules.refuses(match.rule_id)) out.refused_then = true;
    const auto known = std::find_if(out.rules.begin(), out.rules.end(), [&](const auto& one) { return one.rule_id == match.rule_id; });
    if (known != out.rules.end()) {
      known->recorded = true;
      continue;
    }
    const bool described = is_of_description(match);
    if (described && stored.refused()) out.refused_by_description = true;
    if (match.phase <= last_phase && !described) out.same = false;
    out.rules.push_back(recorded_of(match, stored, rules));
  }
  const bool as_then = out.refused_then == out.refused_now || out.refused_by_description;
  out.same = out.same && as_then && std::all_of(out.rules.begin(), out.rules.end(), [](const auto& one) { return one.recorded; });
  return out;
}

}  // namespace ringwall::tune
