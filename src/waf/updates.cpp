// SecRuleRemoveById/ByTag/ByMsg, SecRuleUpdateTargetById/ByTag/ByMsg, SecRuleUpdateActionById.
//
//   ids := id ( (blank | ",") id )*        id := NUMBER [ "-" NUMBER ] | NUMBER ":" LINK
//
// Tags and messages are compared byte for byte, as in libmodsecurity 3; ModSecurity 2 took them for regular
// expressions, so one that names no rule is worth a warning.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "waf/detail/seclang.h"

namespace ringwall::waf::seclang {

namespace {

constexpr std::uint64_t kLinkMax = 1000;

Result<void> read_ids(const Where& where, std::string_view text, Update& out) {
  for (auto rest = text;;) {
    while (!rest.empty() && (is_blank_byte(rest.front()) || rest.front() == ',' || rest.front() == '"'))
      rest.remove_prefix(1);
    if (rest.empty()) break;
    const auto word = rest.substr(0, rest.find_first_of(" \t\n,\""));
    const auto not_ids = [&] {
      return where.fail(word, fmt::format("{}: expected a rule id or a range of them, found '{}'",
                                          out.directive, shown(word)));
    };
    const auto mark = std::min(word.find_first_of("-:"), word.size());
    const auto first = whole_number(word.substr(0, mark));
    auto second = first;
    if (mark < word.size()) second = whole_number(word.substr(mark + 1));
    if (!first || !second) return not_ids();
    if (mark < word.size() && word[mark] == ':') {
      if (out.what == Update::What::kRemove || *second > kLinkMax) return not_ids();
      out.link = static_cast<std::size_t>(*second);
      out.ids.push_back({*first, *first});
    } else {
      if (*first > *second)
        return where.fail(word, fmt::format("{}: the range '{}' is empty", out.directive, shown(word)));
      out.ids.push_back({*first, *second});
    }
    rest.remove_prefix(word.size());
  }
  if (out.ids.empty())
    return where.fail(text, fmt::format("{}: expected a rule id, found none", out.directive));
  if (out.link != 0 && out.ids.size() > 1)
    return where.fail(text, fmt::format("{}: one id with ':' stands alone", out.directive));
  return {};
}

// The rules of a source by what updates name them by; heads of chains only.
class RuleIndex {
 public:
  explicit RuleIndex(const std::vector<Item>& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!items[i].rule) continue;
      const auto& actions = items[i].rule->actions;
      ids_.emplace_back(actions.id.value_or(0), i);
      for (const auto& tag : actions.tags) {
        if (!tag.constant()) continue;
        auto& with = tags_[tag.text()];
        if (with.empty() || with.back() != i) with.push_back(i);
      }
      if (actions.msg.constant() && !actions.msg.pieces.empty()) messages_[actions.msg.text()].push_back(i);
    }
    std::sort(ids_.begin(), ids_.end());
  }

  template <class Each>
  bool each_named(const Update& update, Each each) const {
    bool any = false;
    if (update.by != Update::By::kId) {
      const auto& texts = update.by == Update::By::kTag ? tags_ : messages_;
      const auto found = texts.find(update.text);
      if (found == texts.end()) return false;
      for (const auto i : found->second) each(i);
      return true;
    }
    for (const auto& range : update.ids) {
      auto at =
          std::lower_bound(ids_.begin(), ids_.end(), std::pair<std::uint64_t, std::size_t>(range.first, 0));
      for (; at != ids_.end() && at->first <= range.last; ++at) each(at->second), any = true;
    }
    return any;
  }

 private:
  std::vector<std::pair<std::uint64_t, std::size_t>> ids_;
  std::unordered_map<std::string, std::vector<std::size_t>> tags_, messages_;
};

// The rule the update is for: the head, or a link of its chain; null when the chain is shorter.
Rule* aimed_at(Rule& head, std::size_t link) {
  if (link == 0) return &head;
  return link <= head.chained.size() ? &head.chained[link - 1] : nullptr;
}

std::string told(const Update& update, std::string_view what) {
  return fmt::format("{}:{}: {} {}", update.place.file, update.place.line, update.directive, what);
}

}  // namespace

Result<Update> update_of(const Where& where, std::string_view directive, std::string_view rest,
                         std::vector<std::string>& warnings) {
  Update out;
  out.place = where.place();
  out.directive = directive;
  out.by = directive.ends_with("ByTag")   ? Update::By::kTag
           : directive.ends_with("ByMsg") ? Update::By::kMsg
                                          : Update::By::kId;
  out.what = directive.starts_with("SecRuleRemove")         ? Update::What::kRemove
             : directive.starts_with("SecRuleUpdateTarget") ? Update::What::kTargets
                                                            : Update::What::kActions;
  rest = trim_blanks(rest);
  if (out.what == Update::What::kRemove && out.by == Update::By::kId) {
    RW_TRY(read_ids(where, rest, out));
    return out;
  }
  const auto begin = rest;
  const auto first = RW_TRY(next_word(where, rest));
  if (!first || first->text.empty())
    return where.fail(begin, fmt::format("{}: expected which rules are meant, found nothing", directive));
  if (out.by == Update::By::kId) {
    RW_TRY(read_ids(where, first->text, out));
  } else {
    out.text = first->text;
  }
  if (out.what == Update::What::kRemove) {
    // Without quotes the blanks belong to it.
    if (!first->quoted)
      out.text = begin;
    else if (!trim_blanks(rest).empty())
      return where.fail(rest,
                        fmt::format("{}: '{}' stands behind the end", directive, shown(trim_blanks(rest))));
    return out;
  }
  rest = trim_blanks(rest);
  const auto behind = rest;
  auto second = RW_TRY(next_word(where, rest));
  if (!second)
    return where.fail(behind, fmt::format("{}: expected {}, found nothing", directive,
                                          out.what == Update::What::kTargets ? "variables" : "actions"));
  // Bare lists run to the end of the line: keys and messages hold blanks.
  if (!second->quoted)
    second->text = behind;
  else if (!trim_blanks(rest).empty())
    return where.fail(rest, fmt::format("{}: '{}' stands behind the end", directive, shown(trim_blanks(rest))));
  if (out.what == Update::What::kTargets) {
    out.selectors = RW_TRY(selectors_of(where, second->text));
    return out;
  }
  auto list = RW_TRY(actions_of(where, second->text));
  for (const auto fixed : {list.id, list.phase, list.chain}) {
    if (!fixed.empty()) warnings.push_back(told(out, fmt::format("cannot change {}", fixed)));
  }
  for (const auto& warning : list.warnings)
    warnings.push_back(fmt::format("{}:{}: {}", out.place.file, out.place.line, warning));
  out.actions = std::move(list.actions);
  return out;
}

Result<void> apply_updates(const std::vector<Update>& updates, RuleSetSource& source) {
  auto& items = source.items;
  const RuleIndex index(items);
  std::vector<bool> removed(items.size(), false);
  const Rule* full = nullptr;
  std::size_t steps = 0;
  for (const auto& update : updates) {
    const bool any = index.each_named(update, [&](std::size_t i) {
      // Wide ranges laid on one another multiply: what they add up to is bounded, not only their number.
      steps += 1 + update.selectors.size();
      if (steps > kUpdateStepsMax) return;
      if (update.what == Update::What::kRemove) removed[i] = true;
      auto* rule = aimed_at(*items[i].rule, update.link);
      if (rule == nullptr || removed[i]) return;
      if (update.what == Update::What::kActions) lay_over(rule->actions, update.actions);
      // SecAction looks at nothing, and would stop to match always if it did.
      if (update.what != Update::What::kTargets || rule->selectors.empty()) return;
      if (rule->selectors.size() + update.selectors.size() > kSelectorsMax) full = rule;
      if (full == nullptr)
        rule->selectors.insert(rule->selectors.end(), update.selectors.begin(), update.selectors.end());
    });
    if (full != nullptr) {
      return fail(Errc::kLimit, told(update, fmt::format("gives the rule of {}:{} more than {} variables",
                                                         full->place.file, full->place.line, kSelectorsMax)));
    }
    if (steps > kUpdateStepsMax)
      return fail(Errc::kLimit,
                  told(update, fmt::format("is one too many: updates reach more than {} rules and variables",
                                           kUpdateStepsMax)));
    if (!any) source.warnings.push_back(told(update, "names no rule"));
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (removed[i]) continue;
    if (kept != i) items[kept] = std::move(items[i]);
    ++kept;
  }
  items.resize(kept);
  return {};
}

}  // namespace ringwall::waf::seclang
