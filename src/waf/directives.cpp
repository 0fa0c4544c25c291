// Directives to rules: files and what they include, SecRule and its chains, SecAction, SecMarker,
// SecDefaultAction.
//
// What reaches over the whole rule set (exclusions, updates, SecDefaultAction) is noted and applied at the end,
// as libmodsecurity 3 does when it judges: the order in which files are included does not matter to them.
#include <fmt/format.h>

#include <array>
#include <unordered_map>

#include "places/database.h"
#include "waf/detail/seclang.h"
#include "waf/unicode_map.h"

namespace ringwall::waf {

namespace seclang {

namespace {

constexpr std::string_view kDirectives[] = {
    "Include",
    "IncludeOptional",
    "SecAction",
    "SecDefaultAction",
    "SecGeoLookupDb",
    "SecMarker",
    "SecRule",
    "SecRuleRemoveById",
    "SecRuleRemoveByMsg",
    "SecRuleRemoveByTag",
    "SecRuleUpdateActionById",
    "SecRuleUpdateTargetById",
    "SecRuleUpdateTargetByMsg",
    "SecRuleUpdateTargetByTag",
    "SecUnicodeMapFile",
};

// Where those without a phase belong; the manual says 2, libmodsecurity 3 does this.
constexpr int kPhaseDefault = 1;

bool takes_argument(Operator op) {
  switch (op) {
    case Operator::kDetectSqli:
    case Operator::kDetectXss:
    case Operator::kGeoLookup:
    case Operator::kNoMatch:
    case Operator::kUnconditionalMatch:
    case Operator::kValidateUrlEncoding:
    case Operator::kValidateUtf8Encoding:
      return false;
    default:
      return true;
  }
}
// The argument is a pattern, a list or the name of a file: no macro is looked for in it, but for @rx.
bool takes_literal(Operator op) {
  switch (op) {
    case Operator::kFuzzyHash:
    case Operator::kInspectFile:
    case Operator::kIpMatch:
    case Operator::kIpMatchFromFile:
    case Operator::kPm:
    case Operator::kPmFromFile:
    case Operator::kRbl:
    case Operator::kRsub:
    case Operator::kValidateByteRange:
    case Operator::kValidateDtd:
    case Operator::kValidateSchema:
    case Operator::kVerifyCc:
    case Operator::kVerifyCpf:
    case Operator::kVerifySsn:
    case Operator::kVerifySvnr:
      return true;
    default:
      return false;
  }
}

Macro literal_text(std::string_view text) {
  Macro macro;
  if (!text.empty()) macro.pieces.push_back({std::string(text), std::nullopt, {}});
  return macro;
}

// Beside the file `path`, unless it says where it is itself.
std::string beside(const std::string& path, std::string_view name) {
  if (name.starts_with('/')) return std::string(name);
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string(name) : path.substr(0, slash + 1) + std::string(name);
}

class DirectiveReader {
 public:
  explicit DirectiveReader(const Files& files) : files_(files) {}

  Result<void> read(std::string_view text, const std::string& path, int depth) {
    LineReader lines(text);
    while (const auto line = lines.next()) {
      const Where where{line->text, &*line, &path};
      RW_TRY(directive(where, depth));
    }
    if (const auto& error = lines.error()) {
      return fail(
          error->code,
          fmt::format("{}:{}: column {}: {}", path, error->spot.line, error->spot.column, error->message),
          error->hint);
    }
    return {};
  }

  Result<RuleSetSource> finish() {
    // As in libmodsecurity: what should have been a chain is one rule.
    if (chain_)
      warn(source_.items[*chain_].rule->place, "the rule ends with chain and no rule follows: it stands alone");
    if (geo_rule_ && source_.settings.places.empty()) warn(*geo_rule_, "@geoLookup never matches here: no SecGeoLookupDb names a database");
    RW_TRY(apply_updates(updates_, source_));
    for (auto& item : source_.items) {
      if (!item.rule) continue;
      const auto& defaults =
          defaults_[static_cast<std::size_t>(item.rule->actions.phase.value_or(kPhaseDefault))];
      join_defaults(*item.rule, defaults ? &*defaults : nullptr);
    }
    return std::move(source_);
  }

 private:
  Result<void> directive(const Where& where, int depth) {
    auto rest = where.text;
    const auto name = rest.substr(0, rest.find_first_of(" \t\n\""));
    rest.remove_prefix(name.size());
    const auto is = [name](std::string_view known) { return same_word(known, name); };
    if (chain_ && !is("SecRule") && !is("SecAction")) {
      warn(where, fmt::format("{} stands between the rules of a chain, which began in {}", shown(name), chain_begin(where)));
    }
    if (is("SecRule")) return sec_rule(where, rest);
    if (is("SecAction")) return sec_action(where, rest);
    if (is("SecMarker")) return sec_marker(where, rest);
    if (is("SecDefaultAction")) return sec_default_action(where, rest);
    if (is("Include")) return include(where, rest, depth, false);
    if (is("IncludeOptional")) return include(where, rest, depth, true);
    if (is("SecUnicodeMapFile")) return unicode_map(where, rest);
    if (is("SecGeoLookupDb")) return database(where, rest);
    for (const auto known : kDirectives) {
      if (is(known)) return update(where, known, rest);
    }
    SettingState state{source_.settings, source_.warnings, mime_types_set_};
    const bool set = RW_TRY(read_setting(where, name, rest, state));
    mime_types_set_ = state.mime_types_set;
    if (set) return {};
    auto names = setting_names();
    names.insert(names.end(), std::begin(kDirectives), std::end(kDirectives));
    return where.fail(name, fmt::format("'{}' is not a directive", shown(name)), did_you_mean(name, names));
  }

  // -- Rules.

  Result<void> sec_rule(const Where& where, std::string_view rest) {
    Rule rule;
    rule.place = where.place();
    rest = trim_blanks(rest);
    if (rest.empty()) return where.fail(rest, "SecRule needs variables, an operator and actions");
    rule.selectors = RW_TRY(selectors_of(where, RW_TRY(variables_word(where, rest))));
    RW_TRY(read_operator(where, rest, rule));
    const auto actions = RW_TRY(actions_text(where, rest));
    ActionList list;
    if (!trim_blanks(actions).empty()) list = RW_TRY(actions_of(where, actions));
    return add_rule(where, std::move(rule), std::move(list));
  }

  // Bare variables end at a blank that is in no quoted key; a quote begins the operator.
  static Result<std::string_view> variables_word(const Where& where, std::string_view& rest) {
    if (rest.front() == '"') return RW_TRY(next_word(where, rest))->text;
    std::size_t end = 0;
    while (end < rest.size() && !is_blank_byte(rest[end]) && rest[end] != '"') {
      if (rest[end] == '\'' && end > 0 && (rest[end - 1] == ':' || rest[end - 1] == '.')) {
        const auto close = closing_quote(rest, end + 1, '\'');
        if (close != std::string_view::npos) end = close;
      }
      ++end;
    }
    const auto word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
  }

  Result<void> read_operator(const Where& where, std::string_view& rest, Rule& rule) {
    const auto begin = rest;
    const auto word = RW_TRY(next_word(where, rest));
    if (!word) return where.fail(begin, "expected an operator behind the variables, found nothing");
    auto text = word->text;
    while (!text.empty() && is_blank_byte(text.front())) text.remove_prefix(1);
    const auto unnegated = text;
    if (text.starts_with('!')) {
      rule.negated = true;
      text.remove_prefix(1);
      if (trim_blanks(text).starts_with('@')) text.remove_prefix(text.find('@'));
    }
    rule.op = Operator::kRx;
    std::string_view argument = text;
    if (text.starts_with('@')) {
      std::size_t end = 1;
      while (end < text.size() && is_word_byte(text[end])) ++end;
      const auto name = text.substr(1, end - 1);
      const auto op = operator_named(name);
      if (!op || (end < text.size() && !is_blank_byte(text[end]))) {
        const auto found = text.substr(0, text.find_first_of(" \t\n"));
        auto hint = did_you_mean(name, operator_names(), "@");
        if (hint.empty()) hint = "a pattern that begins with @ is written @rx @…";
        return where.fail(text, fmt::format("'{}' is not an operator", shown(found)), std::move(hint));
      }
      rule.op = *op;
      argument = text.substr(end);
      if (!argument.empty()) {
        // One blank parts them; libmodsecurity takes a second one for a part of the argument.
        argument.remove_prefix(1);
        if (takes_argument(rule.op) && !argument.empty() && is_blank_byte(argument.front()) &&
            !trim_blanks(argument).empty()) {
          warn(where, fmt::format("@{}: the blanks before its argument are part of it", name_of(rule.op)));
        }
      } else if (!word->quoted && takes_argument(rule.op)) {
        const auto behind = RW_TRY(next_word(where, rest));
        if (behind && !behind->quoted) argument = behind->text;
      }
      if (takes_argument(rule.op) && trim_blanks(argument).empty()) {
        return where.fail(text, fmt::format("@{} needs an argument", name_of(rule.op)),
                          fmt::format("\"@{} …\", both in one pair of quotes", name_of(rule.op)));
      }
      if (!takes_argument(rule.op)) argument = argument.substr(0, 0);
      // It is in rule sets that are to load as they are, and without the service it answers no there too.
      if (rule.op == Operator::kRbl) warn(where, "@rbl never matches here: a worker does not wait for the DNS");
      if (rule.op == Operator::kGeoLookup && !geo_rule_) geo_rule_ = where.place();
    } else if (text.empty()) {
      return where.fail(unnegated, "expected an operator, found an empty text");
    }
    rule.argument = takes_literal(rule.op) ? literal_text(argument) : RW_TRY(macro_of(where, argument));
    if (rule.op == Operator::kPmFromFile || rule.op == Operator::kIpMatchFromFile)
      return read_data(where, trim_blanks(argument), rule);
    return {};
  }

  // The lines of a data file without comments and blank lines.
  Result<void> read_data(const Where& where, std::string_view name, Rule& rule) {
    if (name.starts_with("https://") || name.starts_with("http://"))
      return where.fail(name, fmt::format("@{}: files are not fetched from other machines", name_of(rule.op)));
    const auto path = beside(*where.file, name);
    const auto text = files_.read(path);
    if (!text.ok())
      return where.fail(name, fmt::format("@{}: {}", name_of(rule.op), text.error().message), {},
                        text.error().code);
    for (std::string_view rest = *text; !rest.empty();) {
      const auto end = rest.find('\n');
      auto line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto trimmed = trim_blanks(line);
      if (trimmed.empty() || trimmed.front() == '#') continue;
      // Blanks at the ends of a phrase count; around an address they cannot.
      rule.file_lines.emplace_back(rule.op == Operator::kPmFromFile ? line : trimmed);
    }
    return {};
  }

  // What is left of a directive: in quotes, or bare to the end of the line.
  static Result<std::string_view> actions_text(const Where& where, std::string_view rest) {
    rest = trim_blanks(rest);
    if (!rest.starts_with('"')) return rest;
    const auto word = RW_TRY(next_word(where, rest));
    rest = trim_blanks(rest);
    if (!rest.empty())
      return where.fail(rest, fmt::format("expected nothing behind the actions, found '{}'", shown(rest)));
    return word->text;
  }

  Result<void> sec_action(const Where& where, std::string_view rest) {
    Rule rule;
    rule.place = where.place();
    const auto text = RW_TRY(actions_text(where, rest));
    if (trim_blanks(text).empty()) return where.fail(text, "SecAction needs actions");
    return add_rule(where, std::move(rule), RW_TRY(actions_of(where, text)));
  }

  Result<void> add_rule(const Where& where, Rule rule, ActionList list) {
    if (++rules_ > kRulesMax)
      return where.fail(where.text, fmt::format("more than {} rules", kRulesMax), {}, Errc::kLimit);
    for (const auto& warning : list.warnings) warn(where, warning);
    rule.actions = std::move(list.actions);
    if (chain_) return add_link(where, std::move(rule), list);
    auto& actions = rule.actions;
    if (!actions.id)
      return where.fail(where.text, "the rule has no id",
                        "add id:… to its actions: logs and exclusions name it by that");
    const auto [known, fresh] = places_.try_emplace(*actions.id, rule.place);
    if (!fresh)
      return where.fail(list.id, fmt::format("the id {} is taken by the rule of {}:{}", *actions.id,
                                             known->second.file, known->second.line));
    if (!actions.phase) actions.phase = kPhaseDefault;
    source_.items.push_back({std::move(rule), std::nullopt});
    if (source_.items.back().rule->actions.chain) chain_ = source_.items.size() - 1;
    return {};
  }

  // The first rule of the open chain.
  Rule& head() { return *source_.items[*chain_].rule; }
  std::string chain_begin(const Where& where) {
    const auto& place = head().place;
    return place.file == *where.file ? fmt::format("line {}", place.line) : fmt::format("{}:{}", place.file, place.line);
  }

  Result<void> add_link(const Where& where, Rule rule, const ActionList& list) {
    auto& first = head().actions;
    auto& its = rule.actions;
    if (!list.disruptive.empty()) {
      return where.fail(list.disruptive,
                        fmt::format("{} can only stand in the first rule of a chain, that of {}", list.disruptive, chain_begin(where)),
                        "a rule that ends with chain goes on in the next one; take chain away where it should not");
    }
    if (!list.id.empty()) warn(where, "an id has no effect in the further rules of a chain");
    if (its.disruptive == Disruptive::kBlock)
      warn(where, "block has no effect in the further rules of a chain");
    its.disruptive = Disruptive::kNone;
    its.id.reset();
    its.phase = first.phase;
    // What the first rule does not say of itself, libmodsecurity takes from the next that does.
    if (first.msg.pieces.empty()) first.msg = its.msg;
    if (first.log_data.pieces.empty()) first.log_data = its.log_data;
    if (!first.severity) first.severity = its.severity;
    const bool goes_on = its.chain;
    head().chained.push_back(std::move(rule));
    if (!goes_on) chain_.reset();
    return {};
  }

  Result<void> sec_marker(const Where& where, std::string_view rest) {
    const auto begin = rest;
    const auto word = RW_TRY(next_word(where, rest));
    auto name = word ? word->text : std::string_view();
    if (name.size() > 1 && name.front() == '\'' && name.back() == '\'') name = name.substr(1, name.size() - 2);
    if (name.empty()) return where.fail(begin, "SecMarker needs a name");
    if (!trim_blanks(rest).empty())
      return where.fail(trim_blanks(rest), fmt::format("SecMarker: expected one name, found '{}' behind it",
                                                       shown(trim_blanks(rest))));
    if (++rules_ > kRulesMax)
      return where.fail(where.text, fmt::format("more than {} rules", kRulesMax), {}, Errc::kLimit);
    source_.items.push_back({std::nullopt, Marker{where.place(), std::string(name)}});
    return {};
  }

  Result<void> sec_default_action(const Where& where, std::string_view rest) {
    const auto text = RW_TRY(actions_text(where, rest));
    auto list = RW_TRY(actions_of(where, text));
    for (const auto wrong : {list.id, list.chain, list.metadata}) {
      if (!wrong.empty()) return where.fail(wrong, fmt::format("{} cannot stand in SecDefaultAction", wrong));
    }
    auto& actions = list.actions;
    if (actions.transformations_reset) return where.fail(text, "t:none cannot stand in SecDefaultAction");
    if (list.disruptive.empty())
      return where.fail(
          text, "SecDefaultAction needs one of pass, deny, drop, redirect, allow: it is what `block` does");
    for (const auto& warning : list.warnings) warn(where, warning);
    const int phase = actions.phase.value_or(kPhaseDefault);
    auto& slot = defaults_[static_cast<std::size_t>(phase)];
    if (slot) {
      const auto& first = default_places_[static_cast<std::size_t>(phase)];
      return where.fail(where.text, fmt::format("phase {} has its SecDefaultAction already, at {}:{}", phase,
                                                first.file, first.line));
    }
    slot = std::move(actions);
    default_places_[static_cast<std::size_t>(phase)] = where.place();
    return {};
  }

  Result<void> update(const Where& where, std::string_view name, std::string_view rest) {
    if (updates_.size() == kUpdatesMax)
      return where.fail(where.text, fmt::format("more than {} exclusions and updates", kUpdatesMax), {},
                        Errc::kLimit);
    updates_.push_back(RW_TRY(update_of(where, name, rest, source_.warnings)));
    return {};
  }

  // -- Files.

  Result<void> include(const Where& where, std::string_view rest, int depth, bool optional) {
    const auto begin = rest;
    const auto word = RW_TRY(next_word(where, rest));
    if (!word || word->text.empty()) return where.fail(begin, "Include needs the name of a file");
    if (!trim_blanks(rest).empty())
      return where.fail(trim_blanks(rest), fmt::format("Include: expected one name, found '{}' behind it",
                                                       shown(trim_blanks(rest))));
    if (depth == kIncludeDepthMax) {
      return where.fail(word->text,
                        fmt::format("files include one another more than {} deep", kIncludeDepthMax),
                        "does one include itself?", Errc::kLimit);
    }
    auto name = word->text;
    if (!word->quoted && name.size() > 1 && name.front() == '\'' && name.back() == '\'')
      name = name.substr(1, name.size() - 2);
    std::vector<std::string> paths{beside(*where.file, name)};
    const bool pattern = name.find_first_of("*?[") != std::string_view::npos;
    if (pattern) {
      auto found = files_.glob(paths[0]);
      if (!found.ok()) return where.fail(name, found.error().message, found.error().hint, found.error().code);
      paths = std::move(*found);
      if (paths.empty() && !optional)
        return where.fail(name, fmt::format("no file is named like {}", shown(name)),
                          "IncludeOptional forgives that", Errc::kNotFound);
    }
    for (const auto& path : paths) {
      if (++files_included_ > kFilesIncludedMax)
        return where.fail(name, fmt::format("more than {} files are included", kFilesIncludedMax), {},
                          Errc::kLimit);
      const auto text = files_.read(path);
      if (!text.ok() && optional && text.error().code == Errc::kNotFound) continue;
      if (!text.ok()) return where.fail(name, text.error().message, text.error().hint, text.error().code);
      RW_TRY(read(*text, path, depth + 1));
    }
    return {};
  }

  // The last one counts.
  Result<void> unicode_map(const Where& where, std::string_view rest) {
    const auto value = trim_blanks(rest);
    const auto name = RW_TRY(next_word(where, rest));
    const auto page = whole_number(trim_blanks(rest));
    if (!name || !page) {
      return where.fail(value, fmt::format("SecUnicodeMapFile: expected a file and the number of a code page, found '{}'", shown(value)));
    }
    const auto text = files_.read(beside(*where.file, name->text));
    if (!text.ok()) return where.fail(name->text, fmt::format("SecUnicodeMapFile: {}", text.error().message), {}, text.error().code);
    auto map = UnicodeMap::parse(*text, *page);
    if (!map.ok()) return where.fail(name->text, fmt::format("SecUnicodeMapFile: {}: {}", shown(name->text), map.error().message), map.error().hint, map.error().code);
    source_.settings.unicode_map = std::move(*map);
    return {};
  }

  // Each is kept: one knows cities, another one networks.
  Result<void> database(const Where& where, std::string_view rest) {
    const auto value = trim_blanks(rest);
    const auto name = RW_TRY(next_word(where, rest));
    if (!name || name->text.empty() || !trim_blanks(rest).empty()) return where.fail(value, fmt::format("SecGeoLookupDb: expected a file, found '{}'", shown(value)));
    const auto& settings = source_.settings;
    if (settings.places.size() == kDatabasesMax) return where.fail(value, fmt::format("more than {} databases of places", kDatabasesMax), {}, Errc::kLimit);
    if (!files_.map) return where.fail(value, "SecGeoLookupDb: there are no databases here");
    auto bytes = files_.map(beside(*where.file, name->text));
    if (!bytes.ok()) return where.fail(name->text, fmt::format("SecGeoLookupDb: {}", bytes.error().message), bytes.error().hint, bytes.error().code);
    auto database = places::Database::open(std::move(*bytes));
    if (!database.ok()) return where.fail(name->text, fmt::format("SecGeoLookupDb: {}: {}", shown(name->text), database.error().message), database.error().hint, database.error().code);
    source_.settings.places.push_back(std::move(*database));
    return {};
  }

  void warn(const Where& where, std::string_view what) { warn(where.place(), what); }
  void warn(const SourcePlace& place, std::string_view what) {
    source_.warnings.push_back(fmt::format("{}:{}: {}", place.file, place.line, what));
  }

  const Files& files_;
  RuleSetSource source_;
  std::vector<Update> updates_;
  std::array<std::optional<Actions>, 6> defaults_;  // by phase
  std::array<SourcePlace, 6> default_places_;
  std::unordered_map<std::uint64_t, SourcePlace> places_;  // of ids
  std::size_t rules_ = 0, files_included_ = 0;
  bool mime_types_set_ = false;
  std::optional<std::size_t> chain_;  // the item whose chain is open
  std::optional<SourcePlace> geo_rule_;  // the first with @geoLookup
};

}  // namespace

}  // namespace seclang

Result<RuleSetSource> read_seclang(std::string_view text, const std::string& path, const Files& files) {
  seclang::DirectiveReader reader(files);
  RW_TRY(reader.read(text, path, 0));
  return reader.finish();
}

Result<RuleSetSource> read_seclang_file(const std::string& path, const Files& files) {
  const auto text = RW_TRY(files.read(path));
  return read_seclang(text, path, files);
}

}  // namespace ringwall::waf
