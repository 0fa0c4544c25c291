// %{NAME}, %{NAME.key} and %{NAME:key} in a text.  Any other '%' is itself, and so is "\%{", as libmodsecurity
// keeps it: with its '\'.
#include <fmt/format.h>

#include <algorithm>

#include "waf/detail/seclang.h"

namespace ringwall::waf {

namespace seclang {

namespace {

// `inside` is what stands between the braces.
Result<MacroPiece> variable_piece(const Where& where, std::string_view inside) {
  inside = trim_blanks(inside);
  const auto end = std::min(inside.find_first_of(".:"), inside.size());
  const auto name = trim_blanks(inside.substr(0, end));
  const auto variable = variable_named(name);
  if (!variable) {
    return where.fail(inside, fmt::format("'%{{{}}}' names no variable", shown(inside)),
                      did_you_mean(name, variable_names()));
  }
  MacroPiece piece;
  piece.variable = variable;
  if (end == inside.size()) return piece;
  if (!is_collection(*variable)) {
    return where.fail(
        inside, fmt::format("'%{{{}}}': {} holds a single value, no parts", shown(inside), name_of(*variable)));
  }
  piece.key = trim_blanks(inside.substr(end + 1));
  if (piece.key.empty())
    return where.fail(inside, fmt::format("'%{{{}}}' names no part of {}", shown(inside), name_of(*variable)));
  if (piece.key.find("%{") != std::string::npos)
    return where.fail(inside, "a macro cannot stand inside a macro");
  return piece;
}

}  // namespace

Result<Macro> macro_of(const Where& where, std::string_view text) {
  Macro macro;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) macro.pieces.push_back({std::move(literal), std::nullopt, {}});
    literal.clear();
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      literal += text.substr(i, 2);
      i += 2;
      continue;
    }
    if (text[i] != '%' || i + 1 == text.size() || text[i + 1] != '{') {
      literal += text[i++];
      continue;
    }
    const auto end = text.find('}', i);
    if (end == std::string_view::npos)
      return where.fail(text.substr(i), fmt::format("'{}' is never closed with }}", shown(text.substr(i))));
    flush();
    macro.pieces.push_back(RW_TRY(variable_piece(where, text.substr(i + 2, end - i - 2))));
    i = end + 1;
  }
  flush();
  return macro;
}

}  // namespace seclang

Result<Macro> parse_macro(std::string_view text) { return seclang::macro_of({text}, text); }

}  // namespace ringwall::waf
