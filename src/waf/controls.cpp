// The actions whose value has a grammar of its own: setvar, ctl, initcol, expirevar.
//
//   setvar    := "!" COLLECTION "." key | COLLECTION "." key [ "=" value | "=+" value | "=-" value ]
//   ctl       := NAME "=" value [ ";" selectors ]
//   initcol   := COLLECTION "=" key
//   expirevar := COLLECTION "." key "=" seconds
#include <fmt/format.h>

#include <algorithm>

#include "waf/detail/seclang.h"

namespace ringwall::waf::seclang {

namespace {

enum class Expects : std::uint8_t {
  kOnOff,
  kEngine,
  kAuditEngine,
  kProcessor,
  kNumber,
  kParts,
  kIds,
  kText,
  kIdsAndTargets,
  kTextAndTargets
};

struct ControlName {
  std::string_view name;
  Control::Kind kind;
  Expects expects;
};
constexpr ControlName kControls[] = {
    {"auditEngine", Control::Kind::kAuditEngine, Expects::kAuditEngine},
    {"auditLogParts", Control::Kind::kAuditLogParts, Expects::kParts},
    {"debugLogLevel", Control::Kind::kDebugLogLevel, Expects::kNumber},
    {"forceRequestBodyVariable", Control::Kind::kForceRequestBodyVariable, Expects::kOnOff},
    {"requestBodyAccess", Control::Kind::kRequestBodyAccess, Expects::kOnOff},
    {"requestBodyLimit", Control::Kind::kRequestBodyLimit, Expects::kNumber},
    {"requestBodyProcessor", Control::Kind::kRequestBodyProcessor, Expects::kProcessor},
    {"responseBodyAccess", Control::Kind::kResponseBodyAccess, Expects::kOnOff},
    {"responseBodyLimit", Control::Kind::kResponseBodyLimit, Expects::kNumber},
    {"ruleEngine", Control::Kind::kRuleEngine, Expects::kEngine},
    {"ruleRemoveById", Control::Kind::kRuleRemoveById, Expects::kIds},
    {"ruleRemoveByMsg", Control::Kind::kRuleRemoveByMsg, Expects::kText},
    {"ruleRemoveByTag", Control::Kind::kRuleRemoveByTag, Expects::kText},
    {"ruleRemoveTargetById", Control::Kind::kRuleRemoveTargetById, Expects::kIdsAndTargets},
    {"ruleRemoveTargetByMsg", Control::Kind::kRuleRemoveTargetByMsg, Expects::kTextAndTargets},
    {"ruleRemoveTargetByTag", Control::Kind::kRuleRemoveTargetByTag, Expects::kTextAndTargets},
};

constexpr Variable kSettable[] = {Variable::kTx,   Variable::kIp,       Variable::kGlobal, Variable::kSession,
                                  Variable::kUser, Variable::kResource, Variable::kEnv};
constexpr Variable kPersistent[] = {Variable::kIp, Variable::kGlobal, Variable::kSession, Variable::kUser,
                                    Variable::kResource};

template <std::size_t N>
std::optional<Variable> one_of(const Variable (&variables)[N], std::string_view name) {
  for (const auto variable : variables) {
    if (same_word(name_of(variable), name)) return variable;
  }
  return std::nullopt;
}
template <std::size_t N>
std::vector<std::string_view> names_of(const Variable (&variables)[N]) {
  std::vector<std::string_view> names;
  for (const auto variable : variables) names.push_back(name_of(variable));
  return names;
}

std::string join_words(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

// The word among `words` the text is, in their spelling.
Result<std::string_view> word_among(const Where& where, std::string_view what, std::string_view text,
                                    const std::vector<std::string_view>& words) {
  for (const auto word : words) {
    if (same_word(word, text)) return word;
  }
  return where.fail(text, fmt::format("{}: expected {}, found '{}'", what, join_words(words), shown(text)),
                    did_you_mean(text, words));
}

// "942100", "1-999999", several of them with blanks or commas between.
Result<void> check_ids(const Where& where, std::string_view what, std::string_view text) {
  for (auto rest = text;;) {
    while (!rest.empty() && (is_blank_byte(rest.front()) || rest.front() == ',')) rest.remove_prefix(1);
    if (rest.empty()) return {};
    const auto word = rest.substr(0, rest.find_first_of(" \t,"));
    const auto dash = std::min(word.find('-'), word.size());
    const auto first = whole_number(word.substr(0, dash));
    const auto last = dash == word.size() ? first : whole_number(word.substr(dash + 1));
    if (!first || !last || *first > *last)
      return where.fail(
          word, fmt::format("{}: expected a rule id or a range of them, found '{}'", what, shown(word)));
    rest.remove_prefix(word.size());
  }
}

Result<void> check_parts(const Where& where, std::string_view what, std::string_view text) {
  auto letters = text;
  if (!letters.empty() && (letters.front() == '+' || letters.front() == '-')) letters.remove_prefix(1);
  if (!letters.empty() && letters.find_first_not_of(kAuditParts) == std::string_view::npos) return {};
  return where.fail(text,
                    fmt::format("{}: expected letters among {}, found '{}'", what, kAuditParts, shown(text)));
}

}  // namespace

Result<SetVar> set_var_of(const Where& where, std::string_view text) {
  SetVar out;
  auto rest = trim_blanks(text);
  if (rest.starts_with('!')) {
    out.kind = SetVar::Kind::kUnset;
    rest = trim_blanks(rest.substr(1));
  }
  std::size_t end = 0;
  while (end < rest.size() && is_word_byte(rest[end])) ++end;
  const auto name = rest.substr(0, end);
  const auto collection = one_of(kSettable, name);
  if (!collection) {
    return where.fail(rest,
                      fmt::format("setvar: expected {}, found '{}'", join_words(names_of(kSettable)),
                                  shown(name.empty() ? rest : name)),
                      did_you_mean(name, names_of(kSettable)));
  }
  out.collection = *collection;
  if (end == rest.size() || (rest[end] != '.' && rest[end] != ':')) {
    return where.fail(rest, fmt::format("setvar: expected {}.name, found '{}'", name, shown(rest)));
  }
  rest.remove_prefix(end + 1);
  const auto equals = std::min(rest.find('='), rest.size());
  const auto key = trim_blanks(rest.substr(0, equals));
  if (key.empty()) return where.fail(rest, fmt::format("setvar: {}. is followed by no name", name));
  out.key = RW_TRY(macro_of(where, key));
  rest.remove_prefix(equals);
  if (out.kind == SetVar::Kind::kUnset) {
    if (!rest.empty())
      return where.fail(rest, fmt::format("setvar: what ! removes gets no value, found '{}'", shown(rest)));
    return out;
  }
  if (rest.empty()) {  // a name alone is set to 1
    out.value.pieces.push_back({"1", std::nullopt, {}});
    return out;
  }
  rest.remove_prefix(1);
  if (rest.starts_with('+') || rest.starts_with('-')) {
    out.kind = rest.front() == '+' ? SetVar::Kind::kAdd : SetVar::Kind::kSubtract;
    rest.remove_prefix(1);
    if (trim_blanks(rest).empty())
      return where.fail(rest, "setvar: expected a number to add or subtract, found nothing");
  }
  out.value = RW_TRY(macro_of(where, rest));
  return out;
}

Result<Control> control_of(const Where& where, std::string_view text) {
  text = trim_blanks(text);
  const auto equals = std::min(text.find('='), text.size());
  const auto name = trim_blanks(text.substr(0, equals));
  const ControlName* control = nullptr;
  std::vector<std::string_view> names;
  for (const auto& known : kControls) {
    names.push_back(known.name);
    if (same_word(known.name, name)) control = &known;
  }
  if (control == nullptr)
    return where.fail(text, fmt::format("ctl: '{}' is not something that can be set", shown(name)),
                      did_you_mean(name, names));
  const auto what = fmt::format("ctl:{}", control->name);
  auto value = trim_blanks(text.substr(std::min(equals + 1, text.size())));
  if (value.empty()) return where.fail(text, fmt::format("{} needs a value: {}=…", what, what));

  Control out{control->kind, {}, {}};
  const bool with_targets =
      control->expects == Expects::kIdsAndTargets || control->expects == Expects::kTextAndTargets;
  if (with_targets) {
    const auto semicolon = value.find(';');
    if (semicolon == std::string_view::npos)
      return where.fail(value, fmt::format("{}: expected '…;VARIABLE', found '{}'", what, shown(value)));
    out.targets = RW_TRY(selectors_of(where, value.substr(semicolon + 1)));
    for (const auto& target : out.targets) {
      if (target.exclude || target.count)
        return where.fail(value.substr(semicolon + 1),
                          fmt::format("{}: a target is named without ! and &", what));
    }
    value = trim_blanks(value.substr(0, semicolon));
  }
  switch (control->expects) {
    case Expects::kOnOff:
      out.value = RW_TRY(word_among(where, what, value, {"On", "Off"}));
      break;
    case Expects::kEngine:
      out.value = RW_TRY(word_among(where, what, value, {"On", "Off", "DetectionOnly"}));
      break;
    case Expects::kAuditEngine:
      out.value = RW_TRY(word_among(where, what, value, {"On", "Off", "RelevantOnly"}));
      break;
    case Expects::kProcessor:
      out.value = RW_TRY(word_among(where, what, value, {"URLENCODED", "MULTIPART", "XML", "JSON"}));
      break;
    case Expects::kNumber:
      if (!whole_number(value))
        return where.fail(value, fmt::format("{}: expected a number, found '{}'", what, shown(value)));
      out.value = value;
      break;
    case Expects::kParts:
      RW_TRY(check_parts(where, what, value));
      out.value = value;
      break;
    case Expects::kIds:
    case Expects::kIdsAndTargets:
      RW_TRY(check_ids(where, what, value));
      [[fallthrough]];
    case Expects::kText:
    case Expects::kTextAndTargets:
      if (value.empty()) return where.fail(text, fmt::format("{} names no rule", what));
      out.value = value;
      break;
  }
  return out;
}

Result<InitCol> init_col_of(const Where& where, std::string_view text) {
  const auto equals = text.find('=');
  const auto name = trim_blanks(text.substr(0, equals));
  const auto collection = one_of(kPersistent, name);
  if (!collection) {
    return where.fail(
        text, fmt::format("initcol: expected {}, found '{}'", join_words(names_of(kPersistent)), shown(name)),
        did_you_mean(name, names_of(kPersistent)));
  }
  const auto key = equals == std::string_view::npos ? std::string_view() : trim_blanks(text.substr(equals + 1));
  if (key.empty())
    return where.fail(text, fmt::format("initcol: expected {}=key, found '{}'", name, shown(text)));
  return InitCol{*collection, RW_TRY(macro_of(where, key))};
}

Result<ExpireVar> expire_var_of(const Where& where, std::string_view text) {
  const auto equals = text.find('=');
  const auto left = trim_blanks(text.substr(0, equals));
  const auto dot = std::min(left.find_first_of(".:"), left.size());
  const auto collection = one_of(kSettable, left.substr(0, dot));
  if (!collection || dot + 1 >= left.size() || equals == std::string_view::npos) {
    return where.fail(text, fmt::format("expirevar: expected COLLECTION.name=seconds, found '{}'", shown(text)),
                      collection ? "" : did_you_mean(left.substr(0, dot), names_of(kSettable)));
  }
  const auto value = trim_blanks(text.substr(equals + 1));
  ExpireVar out{*collection, RW_TRY(macro_of(where, left.substr(dot + 1))), RW_TRY(macro_of(where, value))};
  if (!out.seconds.constant()) return out;
  const auto seconds = whole_number(value);
  if (!seconds || *seconds > kExpirySecondsMax) {
    return where.fail(value, fmt::format("expirevar: expected a number of seconds up to {}, found '{}'",
                                         kExpirySecondsMax, shown(value)));
  }
  return out;
}

}  // namespace ringwall::waf::seclang
