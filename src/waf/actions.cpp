// "id:1,phase:2,t:none,block,msg:'SQL in %{MATCHED_VAR_NAME}',setvar:'tx.score=+%{tx.critical}'"
//
//   list   := action ( "," action )*
//   action := NAME [ ":" value ]
//   value  := "'" text "'" | '"' text '"' | text up to the next comma; '\' before a quote keeps it, and stays
//   itself
//
// Source: ModSecurity reference manual v3, "Actions"; where it and libmodsecurity 3.0.9 differ, the library.
#include <fmt/format.h>

#include <algorithm>

#include "waf/detail/seclang.h"

namespace ringwall::waf::seclang {

namespace {

enum class Verb : std::uint8_t {
  kAccuracy,
  kAllow,
  kAuditLog,
  kBlock,
  kCapture,
  kChain,
  kCtl,
  kDeny,
  kDrop,
  kExpireVar,
  kId,
  kInitCol,
  kLog,
  kLogData,
  kMaturity,
  kMsg,
  kMultiMatch,
  kNoAuditLog,
  kNoLog,
  kPass,
  kPause,
  kPhase,
  kProxy,
  kRedirect,
  kRev,
  kSetEnv,
  kSetRsc,
  kSetSid,
  kSetUid,
  kSetVar,
  kSeverity,
  kSkip,
  kSkipAfter,
  kStatus,
  kT,
  kTag,
  kVer,
  kXmlns,
  kNotSupported,
};
enum class Takes : std::uint8_t { kNothing, kValue, kEither };

struct ActionName {
  std::string_view name;
  Verb verb;
  Takes takes;
};
constexpr ActionName kActions[] = {
    {"accuracy", Verb::kAccuracy, Takes::kValue},
    {"allow", Verb::kAllow, Takes::kEither},
    {"auditlog", Verb::kAuditLog, Takes::kNothing},
    {"block", Verb::kBlock, Takes::kNothing},
    {"capture", Verb::kCapture, Takes::kNothing},
    {"chain", Verb::kChain, Takes::kNothing},
    {"ctl", Verb::kCtl, Takes::kValue},
    {"deny", Verb::kDeny, Takes::kNothing},
    {"drop", Verb::kDrop, Takes::kNothing},
    {"expirevar", Verb::kExpireVar, Takes::kValue},
    {"id", Verb::kId, Takes::kValue},
    {"initcol", Verb::kInitCol, Takes::kValue},
    {"log", Verb::kLog, Takes::kNothing},
    {"logdata", Verb::kLogData, Takes::kValue},
    {"maturity", Verb::kMaturity, Takes::kValue},
    {"msg", Verb::kMsg, Takes::kValue},
    {"multiMatch", Verb::kMultiMatch, Takes::kNothing},
    {"noauditlog", Verb::kNoAuditLog, Takes::kNothing},
    {"nolog", Verb::kNoLog, Takes::kNothing},
    {"pass", Verb::kPass, Takes::kNothing},
    {"pause", Verb::kPause, Takes::kValue},
    {"phase", Verb::kPhase, Takes::kValue},
    {"proxy", Verb::kProxy, Takes::kValue},
    {"redirect", Verb::kRedirect, Takes::kValue},
    {"rev", Verb::kRev, Takes::kValue},
    {"setenv", Verb::kSetEnv, Takes::kValue},
    {"setrsc", Verb::kSetRsc, Takes::kValue},
    {"setsid", Verb::kSetSid, Takes::kValue},
    {"setuid", Verb::kSetUid, Takes::kValue},
    {"setvar", Verb::kSetVar, Takes::kValue},
    {"severity", Verb::kSeverity, Takes::kValue},
    {"skip", Verb::kSkip, Takes::kValue},
    {"skipAfter", Verb::kSkipAfter, Takes::kValue},
    {"status", Verb::kStatus, Takes::kValue},
    {"t", Verb::kT, Takes::kValue},
    {"tag", Verb::kTag, Takes::kValue},
    {"ver", Verb::kVer, Takes::kValue},
    {"xmlns", Verb::kXmlns, Takes::kValue},
    // Known, and neither here nor (exec aside) in libmodsecurity 3.
    {"append", Verb::kNotSupported, Takes::kEither},
    {"deprecatevar", Verb::kNotSupported, Takes::kEither},
    {"exec", Verb::kNotSupported, Takes::kEither},
    {"prepend", Verb::kNotSupported, Takes::kEither},
    {"sanitiseArg", Verb::kNotSupported, Takes::kEither},
    {"sanitiseMatched", Verb::kNotSupported, Takes::kEither},
    {"sanitiseMatchedBytes", Verb::kNotSupported, Takes::kEither},
    {"sanitiseRequestHeader", Verb::kNotSupported, Takes::kEither},
    {"sanitiseResponseHeader", Verb::kNotSupported, Takes::kEither},
};

constexpr std::string_view kSeverities[] = {"EMERGENCY", "ALERT",  "CRITICAL", "ERROR",
                                            "WARNING",   "NOTICE", "INFO",     "DEBUG"};
constexpr std::uint64_t kSeverityMax = std::size(kSeverities) - 1;
constexpr std::uint64_t kPauseMsMax = 3'600'000;
constexpr std::uint64_t kSkipMax = 100'000;
constexpr std::uint64_t kGradeMax = 1'000'000;  // of maturity and accuracy, which only logs show

class ActionReader {
 public:
  ActionReader(const Where& where, std::string_view text) : where_(where), text_(text) {}

  Result<ActionList> run() {
    for (;;) {
      RW_TRY(one());
      if (at_ == text_.size()) return std::move(out_);
      ++at_;  // the comma
    }
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank_byte(text_[at_])) ++at_;
  }

  Result<void> one() {
    skip_blanks();
    const auto begin = at_;
    while (at_ < text_.size() && is_word_byte(text_[at_])) ++at_;
    const auto name = text_.substr(begin, at_ - begin);
    const ActionName* action = nullptr;
    for (const auto& known : kActions) {
      if (same_word(known.name, name)) action = &known;
    }
    if (action == nullptr) return not_an_action(begin, name);
    skip_blanks();
    const bool has_value = at_ < text_.size() && text_[at_] == ':';
    std::string_view value = text_.substr(at_, 0);
    if (has_value) {
      ++at_;
      value = RW_TRY(take_value());
    }
    skip_blanks();
    if (at_ < text_.size() && text_[at_] != ',') {
      const auto rest = text_.substr(at_);
      return where_.fail(rest,
                         fmt::format("expected a comma behind {}, found '{}'", action->name, shown(rest)));
    }
    if (action->verb == Verb::kNotSupported)
      return where_.fail(name, fmt::format("the action {} is not supported", action->name));
    if (action->takes == Takes::kNothing && has_value)
      return where_.fail(value, fmt::format("{} takes no value, found '{}'", action->name, shown(value)));
    if (action->takes == Takes::kValue && value.empty())
      return where_.fail(name, fmt::format("{} needs a value: {}:…", action->name, action->name));
    return apply(*action, name, value);
  }

  Error not_an_action(std::size_t begin, std::string_view name) {
    const auto all = text_.substr(begin);
    const auto found = trim_blanks(all.substr(0, all.find(',')));
    if (found.empty()) return where_.fail(all, "expected an action, found none", "is there a comma too many?");
    std::vector<std::string_view> names;
    for (const auto& known : kActions) {
      if (known.verb != Verb::kNotSupported) names.push_back(known.name);
    }
    if (!name.empty() && transformation_named(name))
      return where_.fail(found, fmt::format("'{}' is not an action", shown(found)),
                         fmt::format("did you mean t:{}?", name));
    return where_.fail(found, fmt::format("'{}' is not an action", shown(found)), did_you_mean(name, names));
  }

  Result<std::string_view> take_value() {
    skip_blanks();
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      const auto end = closing_quote(text_, at_ + 1, text_[at_]);
      if (end == std::string_view::npos)
        return where_.fail(text_.substr(at_), fmt::format("this {} is never closed", text_[at_]));
      const auto value = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
      return value;
    }
    const auto end = std::min(text_.find(',', at_), text_.size());
    const auto value = trim_blanks(text_.substr(at_, end - at_));
    at_ = end;
    return value;
  }

  Result<std::uint64_t> number(std::string_view name, std::string_view value, std::uint64_t first,
                               std::uint64_t last) {
    const auto found = whole_number(trim_blanks(value));
    if (found && *found >= first && *found <= last) return *found;
    const bool comma = value.find(' ') != std::string_view::npos;
    return where_.fail(
        value, fmt::format("{}: expected a number from {} to {}, found '{}'", name, first, last, shown(value)),
        comma ? "is a comma missing?" : "");
  }

  Result<void> disrupt(Disruptive action, std::string_view name) {
    out_.actions.disruptive = action;
    // libmodsecurity lets `block` stand in a chain's further rules; it does nothing there.
    if (action != Disruptive::kBlock) out_.disruptive = name;
    return {};
  }

  Result<void> apply(const ActionName& action, std::string_view name, std::string_view value) {
    auto& a = out_.actions;
    switch (action.verb) {
      case Verb::kAccuracy:
        out_.metadata = name;
        return put(a.accuracy, static_cast<int>(RW_TRY(number(name, value, 0, kGradeMax))));
      case Verb::kAllow:
        return allow(name, value);
      case Verb::kAuditLog:
        return put(a.audit_log, true);
      case Verb::kBlock:
        return disrupt(Disruptive::kBlock, name);
      case Verb::kCapture:
        return put(a.capture, true);
      case Verb::kChain:
        out_.chain = name;
        return put(a.chain, true);
      case Verb::kCtl:
        a.controls.push_back(RW_TRY(control_of(where_, value)));
        return {};
      case Verb::kDeny:
        return disrupt(Disruptive::kDeny, name);
      case Verb::kDrop:
        return disrupt(Disruptive::kDrop, name);
      case Verb::kExpireVar:
        a.expire_vars.push_back(RW_TRY(expire_var_of(where_, value)));
        return {};
      case Verb::kId:
        out_.id = name;
        return put(a.id, RW_TRY(number("id", value, 1, kRuleIdMax)));
      case Verb::kInitCol:
        a.init_cols.push_back(RW_TRY(init_col_of(where_, value)));
        return {};
      case Verb::kLog:
        return put(a.log, true);
      case Verb::kLogData:
        return put(a.log_data, RW_TRY(macro_of(where_, value)));
      case Verb::kMaturity:
        out_.metadata = name;
        return put(a.maturity, static_cast<int>(RW_TRY(number(name, value, 0, kGradeMax))));
      case Verb::kMsg:
        return put(a.msg, RW_TRY(macro_of(where_, value)));
      case Verb::kMultiMatch:
        return put(a.multi_match, true);
      case Verb::kNoAuditLog:
        return put(a.audit_log, false);
      case Verb::kNoLog:
        return put(a.log, false);
      case Verb::kPass:
        return disrupt(Disruptive::kPass, name);
      case Verb::kPause:
        a.pause_ms = RW_TRY(number(name, value, 0, kPauseMsMax));
        return disrupt(Disruptive::kPause, name);
      case Verb::kPhase:
        return phase(name, value);
      case Verb::kProxy:
        a.redirect = RW_TRY(macro_of(where_, value));
        return disrupt(Disruptive::kProxy, name);
      case Verb::kRedirect:
        a.redirect = RW_TRY(macro_of(where_, value));
        return disrupt(Disruptive::kRedirect, name);
      case Verb::kRev:
        out_.metadata = name;
        return put(a.rev, std::string(value));
      case Verb::kSetEnv:
        return set_env(value);
      case Verb::kSetRsc:
        return put(a.set_rsc, RW_TRY(macro_of(where_, value)));
      case Verb::kSetSid:
        return put(a.set_sid, RW_TRY(macro_of(where_, value)));
      case Verb::kSetUid:
        return put(a.set_uid, RW_TRY(macro_of(where_, value)));
      case Verb::kSetVar:
        a.set_vars.push_back(RW_TRY(set_var_of(where_, value)));
        return {};
      case Verb::kSeverity:
        return severity(value);
      case Verb::kSkip:
        return put(a.skip, static_cast<int>(RW_TRY(number(name, value, 0, kSkipMax))));
      case Verb::kSkipAfter:
        return put(a.skip_after, std::string(value));
      case Verb::kStatus:
        return put(a.status, static_cast<int>(RW_TRY(number(name, value, 100, 999))));
      case Verb::kT:
        return transformation(value);
      case Verb::kTag:
        a.tags.push_back(RW_TRY(macro_of(where_, value)));
        return {};
      case Verb::kVer:
        out_.metadata = name;
        return put(a.ver, std::string(value));
      case Verb::kXmlns:
        return name_space(value);
      case Verb::kNotSupported:
        break;
    }
    return {};
  }

  template <class T, class V>
  static Result<void> put(T& field, V value) {
    field = std::move(value);
    return {};
  }

  Result<void> allow(std::string_view name, std::string_view value) {
    if (value.empty()) return disrupt(Disruptive::kAllow, name);
    if (same_word(value, "phase")) return disrupt(Disruptive::kAllowPhase, name);
    if (same_word(value, "request")) return disrupt(Disruptive::kAllowRequest, name);
    return where_.fail(value,
                       fmt::format("allow: expected phase, request or nothing, found '{}'", shown(value)),
                       did_you_mean(value, {"phase", "request"}));
  }

  Result<void> phase(std::string_view name, std::string_view value) {
    out_.phase = name;
    auto& phase = out_.actions.phase;
    value = trim_blanks(value);
    if (same_word(value, "request")) return put(phase, 2);
    if (same_word(value, "response")) return put(phase, 4);
    if (same_word(value, "logging")) return put(phase, 5);
    const auto found = whole_number(value);
    if (!found || *found > 5) {
      return where_.fail(
          value, fmt::format("phase: expected 1 to 5, request, response or logging, found '{}'", shown(value)),
          did_you_mean(value, {"request", "response", "logging"}));
    }
    // libmodsecurity runs it when a connection opens; the first thing seen here is a request's headers.
    if (*found == 0) out_.warnings.push_back("phase:0 is run with phase 1");
    return put(phase, *found == 0 ? 1 : static_cast<int>(*found));
  }

  Result<void> severity(std::string_view value) {
    value = trim_blanks(value);
    for (std::size_t i = 0; i < std::size(kSeverities); ++i) {
      if (same_word(value, kSeverities[i])) return put(out_.actions.severity, static_cast<int>(i));
    }
    const auto found = whole_number(value);
    if (!found) {
      return where_.fail(
          value, fmt::format("severity: expected EMERGENCY to DEBUG or 0 to 7, found '{}'", shown(value)),
          did_you_mean(value, {std::begin(kSeverities), std::end(kSeverities)}));
    }
    if (*found > kSeverityMax)
      out_.warnings.push_back(fmt::format("severity:{} is taken for {}", *found, kSeverityMax));
    return put(out_.actions.severity, static_cast<int>(std::min(*found, kSeverityMax)));
  }

  // Those before the last t:none do not count.
  Result<void> transformation(std::string_view value) {
    auto& a = out_.actions;
    value = trim_blanks(value);
    if (same_word(value, "none")) {
      a.transformations.clear();
      a.transformations_reset = true;
      return {};
    }
    const auto found = transformation_named(value);
    if (!found)
      return where_.fail(value, fmt::format("'{}' is not a transformation", shown(value)),
                         did_you_mean(value, transformation_names(), "t:"));
    a.transformations.push_back(*found);
    return {};
  }

  Result<void> set_env(std::string_view value) {
    const auto equals = value.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return where_.fail(value, fmt::format("setenv: expected NAME=value, found '{}'", shown(value)));
    const auto name = value.substr(0, equals);
    if (name.find("%{") != std::string_view::npos)
      return where_.fail(name, "setenv: the name cannot be a macro");
    out_.actions.set_env.emplace_back(name, RW_TRY(macro_of(where_, value.substr(equals + 1))));
    return {};
  }

  Result<void> name_space(std::string_view value) {
    const auto equals = value.find('=');
    auto address = value.substr(std::min(equals, value.size() - 1) + 1);
    if (address.starts_with('\'')) address.remove_prefix(1);
    if (equals == 0 || equals == std::string_view::npos || !address.starts_with("http://")) {
      return where_.fail(value, fmt::format("xmlns: expected prefix=http://…, found '{}'", shown(value)));
    }
    out_.warnings.push_back("xmlns has no effect here: XML:/* and XML://@* look at all namespaces");
    return {};
  }

  const Where& where_;
  std::string_view text_;
  std::size_t at_ = 0;
  ActionList out_;
};

}  // namespace

Result<ActionList> actions_of(const Where& where, std::string_view text) {
  return ActionReader(where, text).run();
}

}  // namespace ringwall::waf::seclang
