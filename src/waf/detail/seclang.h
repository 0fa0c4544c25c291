// The parts of the SecLang reader, for one another: words, selectors, macros, actions, updates.
//
// Every part works on views into one logical line, so that a mistake knows its line and column without being
// told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "waf/detail/lines.h"
#include "waf/rule.h"
#include "waf/seclang.h"

namespace ringwall::waf::seclang {

inline constexpr std::size_t kSelectorsMax = 4096;  // of one rule, with those that updates add
inline constexpr std::size_t kUpdatesMax = 10'000;  // SecRuleRemove… and SecRuleUpdate… of a rule set
inline constexpr std::size_t kUpdateStepsMax =
    2'000'000;  // rules reached by updates, and variables given to them, in sum
inline constexpr std::size_t kFilesIncludedMax = 10'000;
inline constexpr std::size_t kDatabasesMax = 8;  // of SecGeoLookupDb
inline constexpr std::uint64_t kRuleIdMax =
    (std::uint64_t{1} << 53) - 1;  // libmodsecurity keeps ids in doubles
inline constexpr std::uint64_t kExpirySecondsMax =
    3'155'760'000;  // a hundred years: no clock of ours overflows
inline constexpr std::string_view kAuditParts = "ABCDEFGHIJKZ";
inline constexpr std::size_t kShownMax = 60;  // of a text in a message

inline bool is_blank_byte(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}
inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
inline bool is_word_byte(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
}
std::string_view trim_blanks(std::string_view text);     // a view into the same bytes, also when it is empty
bool same_word(std::string_view a, std::string_view b);  // without regard to case
std::optional<std::uint64_t> whole_number(std::string_view text);  // digits only, and not too many of them
std::string shown(std::string_view text);                          // at most kShownMax bytes, on one line

// The text being read, and how its places are named: "FILE:LINE: column N: …", or "byte N: …" for a text alone.
struct Where {
  std::string_view text;
  const LogicalLine* line = nullptr;
  const std::string* file = nullptr;

  // `blamed` is a view into `text`.
  Error fail(std::string_view blamed, std::string_view message, std::string hint = {},
             Errc code = Errc::kInvalid) const;
  SourcePlace place() const;
};

// "did you mean …?", or nothing when no name is near.
std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& names,
                         std::string_view prefix = {});
std::vector<std::string_view> variable_names();
std::vector<std::string_view> operator_names();
std::vector<std::string_view> transformation_names();

// The offset of the first `quote` at or behind `from` that no '\' escapes; npos when there is none.
std::size_t closing_quote(std::string_view text, std::size_t from, char quote);

// A word of a directive: bare up to a blank, or what stands between double quotes.
struct Word {
  std::string_view text;
  bool quoted = false;
};
Result<std::optional<Word>> next_word(const Where& where, std::string_view& rest);

Result<std::vector<Selector>> selectors_of(const Where& where, std::string_view text);
Result<Macro> macro_of(const Where& where, std::string_view text);

// What actions are written for; the others of their list are refused there.
struct ActionList {
  Actions actions;
  // First uses of what only some lists may hold: for messages.
  std::string_view id, phase, chain, disruptive, metadata;
  std::vector<std::string> warnings;  // without their place
};
Result<ActionList> actions_of(const Where& where, std::string_view text);
Result<SetVar> set_var_of(const Where& where, std::string_view text);
Result<Control> control_of(const Where& where, std::string_view text);
Result<InitCol> init_col_of(const Where& where, std::string_view text);
Result<ExpireVar> expire_var_of(const Where& where, std::string_view text);

// `over` laid on `base`: what can be there once is replaced, what can be there often is added behind.
void lay_over(Actions& base, const Actions& over);
// The actions of SecDefaultAction (null: there is none for the phase) under those of a rule and its chain.
void join_defaults(Rule& rule, const Actions* defaults);

// Directives that set one value: SecRuleEngine, SecRequestBodyLimit …; `rest` is what stands behind the name.
// False: `name` is none of them.
struct SettingState {
  Settings& settings;
  std::vector<std::string>& warnings;
  bool mime_types_set = false;  // the first SecResponseBodyMimeType replaces the default, further ones add
};
Result<bool> read_setting(const Where& where, std::string_view name, std::string_view rest,
                          SettingState& state);
std::vector<std::string_view> setting_names();

// SecRuleRemove… and SecRuleUpdate…: noted while reading, applied when all rules are known, as libmodsecurity 3
// does (ModSecurity 2 reached only the rules before or behind them).
struct Update {
  enum class By : std::uint8_t { kId, kTag, kMsg };
  enum class What : std::uint8_t { kRemove, kTargets, kActions };
  SourcePlace place;
  std::string directive;
  By by = By::kId;
  What what = What::kRemove;
  struct Range {
    std::uint64_t first = 0, last = 0;
  };
  std::vector<Range> ids;
  std::string text;      // of kTag and kMsg
  std::size_t link = 0;  // "942100:1": the first further rule of its chain
  std::vector<Selector> selectors;
  Actions actions;
};
// `rest` is what stands behind the directive.
Result<Update> update_of(const Where& where, std::string_view directive, std::string_view rest,
                         std::vector<std::string>& warnings);
Result<void> apply_updates(const std::vector<Update>& updates, RuleSetSource& source);

}  // namespace ringwall::waf::seclang
