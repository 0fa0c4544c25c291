// Whatever stands in a rule file: it is read, or refused with a place inside it; what is read keeps the
// promises rule.h makes, is read the same way twice, and its parts are read back from how they show themselves.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::waf;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

// One data file, and one rule file that includes itself.
Result<std::string> read_any(const std::string& path) {
  if (path.ends_with(".data")) return std::string("# words\nalpha\n\n beta \n");
  if (path.ends_with("self.conf")) return std::string("Include self.conf\n");
  return fail(Errc::kNotFound, path + ": no such file");
}
Result<std::vector<std::string>> glob_any(const std::string&) { return std::vector<std::string>{"self.conf"}; }

bool names_a_place(std::string_view message, std::string_view text) {
  constexpr std::string_view kFile = "f.conf:";
  if (message.find("self.conf:1: ") != std::string_view::npos) return true;
  if (message.find(".data:2: ") != std::string_view::npos) return true;  // the data file, included as rules
  if (!message.starts_with(kFile)) return false;
  std::size_t lines = 1, line = 0, digits = 0;
  for (const char c : text) lines += c == '\n' ? 1u : 0u;
  message.remove_prefix(kFile.size());
  while (digits < message.size() && message[digits] >= '0' && message[digits] <= '9') {
    line = line * 10 + static_cast<std::size_t>(message[digits++] - '0');
  }
  return digits > 0 && line >= 1 && line <= lines && message.substr(digits).starts_with(": ");
}

void check_selectors(const std::vector<Selector>& selectors) {
  for (const auto& selector : selectors) {
    require(!(selector.count && selector.exclude));
    require((selector.kind == Selector::Kind::kAll) == selector.key.empty());
    require(selector.key.empty() || is_collection(selector.variable));
    require((selector.kind == Selector::Kind::kXPath) ==
            (selector.variable == Variable::kXml && !selector.key.empty()));
  }
}

void check_macro(const Macro& macro) {
  for (const auto& piece : macro.pieces) {
    require(piece.variable.has_value() == piece.literal.empty());
    require(piece.key.empty() || (piece.variable && is_collection(*piece.variable)));
  }
  for (std::size_t i = 1; i < macro.pieces.size(); ++i)
    require(macro.pieces[i].variable || macro.pieces[i - 1].variable);
}

void check_rule(const Rule& rule, bool is_head) {
  const auto& actions = rule.actions;
  require(rule.place.line >= 1 && !rule.place.file.empty());
  require(actions.id.has_value() == is_head);
  require(actions.phase && *actions.phase >= 1 && *actions.phase <= 5);
  require(actions.disruptive != Disruptive::kBlock && (is_head || actions.disruptive == Disruptive::kNone));
  require(!actions.severity || (*actions.severity >= 0 && *actions.severity <= 7));
  require(is_head || rule.chained.empty());
  require(rule.chained.empty() || actions.chain);
  require(rule.op != Operator::kPmFromFile || rule.argument.constant());
  check_selectors(rule.selectors);
  check_macro(rule.argument);
  check_macro(actions.msg);
  check_macro(actions.log_data);
  for (const auto& tag : actions.tags) check_macro(tag);
  for (const auto& set : actions.set_vars) {
    require(!set.key.pieces.empty());
    require(set.kind != SetVar::Kind::kUnset || set.value.pieces.empty());
    check_macro(set.key);
    check_macro(set.value);
  }
  for (const auto& control : actions.controls) {
    require(!control.value.empty());
    check_selectors(control.targets);
  }
  for (const auto& link : rule.chained) check_rule(link, false);
}

std::string written(const Selector& selector) {
  std::string out = selector.exclude ? "!" : selector.count ? "&" : "";
  out += name_of(selector.variable);
  if (selector.kind == Selector::Kind::kRegex)
    out += ":/" + selector.key + "/";
  else if (!selector.key.empty())
    out += ":" + selector.key;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Files files{read_any, glob_any};
  const auto source = read_seclang(text, "f.conf", files);
  const auto again = read_seclang(text, "f.conf", files);
  require(source.ok() == again.ok());
  if (!source.ok()) {
    require(source.error().message == again.error().message);
    require(names_a_place(source.error().message, text));
  } else {
    require(source.value().items.size() == again.value().items.size());
    require(source.value().warnings == again.value().warnings);
    for (const auto& warning : source.value().warnings) require(names_a_place(warning, text));
    std::set<std::uint64_t> ids;
    for (const auto& item : source.value().items) {
      require(item.rule.has_value() != item.marker.has_value());
      if (item.marker) require(!item.marker->name.empty());
      if (!item.rule) continue;
      check_rule(*item.rule, true);
      require(ids.insert(*item.rule->actions.id).second);
    }
  }

  if (const auto selectors = parse_selectors(text); selectors.ok()) {
    check_selectors(*selectors);
    require(!selectors.value().empty());
    for (const auto& selector : *selectors) {
      // A key that holds what parts selectors was quoted, and would have to be again.
      if (selector.key.find_first_of("|,'/\\ \t\n\r\v\f") != std::string::npos) continue;
      const auto one = parse_selectors(written(selector));
      require(one.ok() && one.value().size() == 1 && one.value()[0].key == selector.key &&
              one.value()[0].kind == selector.kind);
    }
  } else {
    require(selectors.error().message.starts_with("byte "));
  }
  if (const auto macro = parse_macro(text); macro.ok()) {
    check_macro(*macro);
    if (macro.value().constant()) require(macro.value().text() == text);
  } else {
    require(macro.error().message.starts_with("byte "));
  }
  return 0;
}
