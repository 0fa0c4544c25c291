// The directives that set one value, those that have no meaning here, and those nobody supports any more.
//
// Source: ModSecurity reference manual v3, "Configuration directives"; what libmodsecurity 3.0.9 refuses is
// refused, what it reads and forgets is a warning.
#include <fmt/format.h>

#include <limits>

#include "waf/detail/seclang.h"

namespace ringwall::waf::seclang {

namespace {

constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 40;
constexpr std::uint64_t kCountMax = 1'000'000'000;

// One directive with its value taken from its quotes.
struct Setting {
  const Where& where;
  std::string_view name, value;
  SettingState& state;

  Error unexpected(std::string_view expected, std::string hint = {}) const {
    return where.fail(value, fmt::format("{}: expected {}, found '{}'", name, expected, shown(value)),
                      std::move(hint));
  }
  // The index of the value in `words`.
  Result<std::size_t> among(const std::vector<std::string_view>& words) const {
    std::string expected;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (same_word(words[i], value)) return i;
      expected += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + std::string(words[i]);
    }
    return unexpected(expected, did_you_mean(value, words));
  }
  Result<void> on_off(bool& out) const {
    out = RW_TRY(among({"On", "Off"})) == 0;
    return {};
  }
  Result<void> number(std::uint64_t& out, std::uint64_t last) const {
    const auto found = whole_number(value);
    if (!found || *found > last) return unexpected(fmt::format("a number up to {}", last));
    out = *found;
    return {};
  }
  Result<void> limit_action(LimitAction& out) const {
    out =
        RW_TRY(among({"Reject", "ProcessPartial"})) == 0 ? LimitAction::kReject : LimitAction::kProcessPartial;
    return {};
  }
  void warn(std::string_view what) const {
    const auto place = where.place();
    state.warnings.push_back(fmt::format("{}:{}: {} {}", place.file, place.line, name, what));
  }
};

Result<void> set_engine(const Setting& s) {
  constexpr Engine kEngines[] = {Engine::kOn, Engine::kOff, Engine::kDetectionOnly};
  s.state.settings.engine = kEngines[RW_TRY(s.among({"On", "Off", "DetectionOnly"}))];
  return {};
}

Result<void> set_audit_engine(const Setting& s) {
  constexpr AuditEngine kEngines[] = {AuditEngine::kOn, AuditEngine::kOff, AuditEngine::kRelevantOnly};
  s.state.settings.audit_engine = kEngines[RW_TRY(s.among({"On", "Off", "RelevantOnly"}))];
  return {};
}

Result<void> without_effect(const Setting& s) {
  s.warn("has no effect here");
  return {};
}

Result<void> set_audit_parts(const Setting& s) {
  if (s.value.find_first_not_of(kAuditParts) != std::string_view::npos)
    return s.unexpected(fmt::format("letters among {}", kAuditParts));
  return without_effect(s);
}

Result<void> set_match_limit(const Setting& s) {
  std::uint64_t ignored = 0;
  RW_TRY(s.number(ignored, kCountMax));
  return without_effect(s);
}

Result<void> set_external_entity(const Setting& s) {
  bool on = false;
  RW_TRY(s.on_off(on));
  if (on) s.warn("has no effect here: external entities are never loaded");
  return {};
}

Result<void> set_argument_separator(const Setting& s) {
  if (s.value.size() != 1) return s.unexpected("one character");
  s.state.settings.argument_separator = s.value.front();
  return {};
}

Result<void> set_cookie_format(const Setting& s) {
  std::uint64_t format = 0;
  RW_TRY(s.number(format, 1));
  if (format == 1)
    return s.where.fail(s.value, "SecCookieFormat 1 is not supported",
                        "cookies are read as version 0, as browsers send them");
  return {};
}

Result<void> add_component(const Setting& s) {
  auto& all = s.state.settings.component_signature;
  if (!all.empty()) all += "; ";
  all += s.value;
  return {};
}

Result<void> add_mime_types(const Setting& s) {
  auto& types = s.state.settings.response_mime_types;
  if (!s.state.mime_types_set) types.clear();
  s.state.mime_types_set = true;
  for (auto rest = s.value; !(rest = trim_blanks(rest)).empty();) {
    auto type = rest.substr(0, rest.find_first_of(" \t"));
    rest.remove_prefix(type.size());
    while (type.starts_with('"')) type.remove_prefix(1);
    while (type.ends_with('"')) type.remove_suffix(1);
    if (!type.empty()) types.emplace_back(type);
  }
  return {};
}

Result<void> clear_mime_types(const Setting& s) {
  s.state.settings.response_mime_types.clear();
  s.state.mime_types_set = true;
  return {};
}

enum class Words : std::uint8_t { kNone, kOne, kRest };  // what stands behind the directive

struct SettingName {
  std::string_view name;
  Words words;
  Result<void> (*set)(const Setting&);
};
#define RW_SET(expression) [](const Setting& s) -> Result<void> { return s.expression; }
constexpr SettingName kSettings[] = {
    {"SecRuleEngine", Words::kOne, set_engine},
    {"SecRequestBodyAccess", Words::kOne, RW_SET(on_off(s.state.settings.request_body_access))},
    {"SecResponseBodyAccess", Words::kOne, RW_SET(on_off(s.state.settings.response_body_access))},
    {"SecRequestBodyLimit", Words::kOne, RW_SET(number(s.state.settings.request_body_limit, kBytesMax))},
    {"SecRequestBodyNoFilesLimit", Words::kOne,
     RW_SET(number(s.state.settings.request_body_no_files_limit, kBytesMax))},
    {"SecResponseBodyLimit", Words::kOne, RW_SET(number(s.state.settings.response_body_limit, kBytesMax))},
    {"SecRequestBodyLimitAction", Words::kOne,
     RW_SET(limit_action(s.state.settings.request_body_limit_action))},
    {"SecResponseBodyLimitAction", Words::kOne,
     RW_SET(limit_action(s.state.settings.response_body_limit_action))},
    {"SecRequestBodyJsonDepthLimit", Words::kOne, RW_SET(number(s.state.settings.json_depth_limit, kCountMax))},
    {"SecArgumentsLimit", Words::kOne, RW_SET(number(s.state.settings.arguments_limit, kCountMax))},
    {"SecUploadFileLimit", Words::kOne, RW_SET(number(s.state.settings.upload_file_limit, kCountMax))},
    {"SecCollectionTimeout", Words::kOne,
     RW_SET(number(s.state.settings.collection_timeout_s, kExpirySecondsMax))},
    {"SecPcreMatchLimit", Words::kOne, set_match_limit},
    {"SecXmlExternalEntity", Words::kOne, set_external_entity},
    {"SecResponseBodyMimeType", Words::kRest, add_mime_types},
    {"SecResponseBodyMimeTypesClear", Words::kNone, clear_mime_types},
    {"SecArgumentSeparator", Words::kOne, set_argument_separator},
    {"SecAuditEngine", Words::kOne, set_audit_engine},
    {"SecAuditLogParts", Words::kOne, set_audit_parts},
    {"SecWebAppId", Words::kOne,
     [](const Setting& s) -> Result<void> {
       s.state.settings.web_app_id = s.value;
       return {};
     }},
    {"SecComponentSignature", Words::kOne, add_component},
    {"SecCookieFormat", Words::kOne, set_cookie_format},
};
#undef RW_SET

// Where logs lie, how the library manages its memory: nginx and Ringwall's own declaration say that.
constexpr std::string_view kWithoutEffect[] = {
    "SecAuditLog",
    "SecAuditLog2",
    "SecAuditLogDirMode",
    "SecAuditLogFileMode",
    "SecAuditLogFormat",
    "SecAuditLogRelevantStatus",
    "SecAuditLogStorageDir",
    "SecAuditLogType",
    "SecDataDir",
    "SecDebugLog",
    "SecDebugLogLevel",
    "SecHttpBlKey",
    "SecPcreMatchLimitRecursion",
    "SecRemoteRulesFailAction",
    "SecRequestBodyInMemoryLimit",
    "SecStatusEngine",
    "SecTmpDir",
    "SecTmpSaveUploadedFiles",
    "SecUploadDir",
    "SecUploadFileMode",
    "SecUploadKeepFiles",
};
// Only that they are off is understood.
constexpr std::string_view kOffOnly[] = {"SecConnEngine", "SecContentInjection", "SecDisableBackendCompression",
                                         "SecHashEngine", "SecInterceptOnError", "SecRuleInheritance"};
constexpr std::string_view kNotSupported[] = {
    "SecCacheTransformations",
    "SecChrootDir",
    "SecConnReadStateLimit",
    "SecConnWriteStateLimit",
    "SecCookieV0Separator",
    "SecGsbLookupDb",
    "SecGuardianLog",
    "SecHashKey",
    "SecHashMethodPm",
    "SecHashMethodRx",
    "SecHashParam",
    "SecRemoteRules",
    "SecRulePerfTime",
    "SecRuleScript",
    "SecSensorId",
    "SecServerSignature",
    "SecStreamInBodyInspection",
    "SecStreamOutBodyInspection",
};

// The one value of a directive, out of its quotes.
Result<std::string_view> one_value(const Where& where, std::string_view name, std::string_view rest) {
  const auto begin = rest;
  const auto word = RW_TRY(next_word(where, rest));
  if (!word) return where.fail(begin, fmt::format("{} needs a value", name));
  const auto behind = trim_blanks(rest);
  if (!behind.empty())
    return where.fail(behind, fmt::format("{}: expected one value, found '{}' behind it", name, shown(behind)));
  auto text = word->text;
  if (!word->quoted && text.size() > 1 && text.front() == '\'' && text.back() == '\'')
    text = text.substr(1, text.size() - 2);
  if (text.empty()) return where.fail(word->text, fmt::format("{} needs a value", name));
  return text;
}

}  // namespace

Result<bool> read_setting(const Where& where, std::string_view name, std::string_view rest,
                          SettingState& state) {
  for (const auto& known : kSettings) {
    if (!same_word(known.name, name)) continue;
    Setting setting{where, known.name, trim_blanks(rest), state};
    if (known.words == Words::kOne) setting.value = RW_TRY(one_value(where, known.name, rest));
    if (known.words == Words::kNone && !setting.value.empty()) {
      return where.fail(setting.value,
                        fmt::format("{} takes no value, found '{}'", known.name, shown(setting.value)));
    }
    if (known.words == Words::kRest && setting.value.empty())
      return where.fail(rest, fmt::format("{} needs a value", known.name));
    RW_TRY(known.set(setting));
    return true;
  }
  for (const auto known : kWithoutEffect) {
    if (!same_word(known, name)) continue;
    Setting{where, known, rest, state}.warn("has no effect here");
    return true;
  }
  for (const auto known : kOffOnly) {
    if (!same_word(known, name)) continue;
    if (same_word(RW_TRY(one_value(where, known, rest)), "Off")) return true;
    return where.fail(rest, fmt::format("{} is not supported, only Off is", known));
  }
  for (const auto known : kNotSupported) {
    if (same_word(known, name)) return where.fail(name, fmt::format("{} is not supported", known));
  }
  return false;
}

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> names;
  for (const auto& known : kSettings) names.push_back(known.name);
  names.insert(names.end(), std::begin(kWithoutEffect), std::end(kWithoutEffect));
  names.insert(names.end(), std::begin(kOffOnly), std::end(kOffOnly));
  return names;
}

}  // namespace ringwall::waf::seclang
