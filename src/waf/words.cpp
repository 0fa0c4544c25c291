// The small pieces every part of the SecLang reader uses: blanks, numbers, quotes, words, and how a mistake is
// told.
#include <fmt/format.h>

#include <algorithm>

#include "waf/detail/seclang.h"

namespace ringwall::waf::seclang {

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank_byte(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank_byte(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  constexpr std::size_t kDigitsMax = 18;  // fits whatever the digits are
  if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::string shown(std::string_view text) {
  std::string out(text.substr(0, kShownMax));
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return text.size() > kShownMax ? out + "…" : out;
}

Error Where::fail(std::string_view blamed, std::string_view message, std::string hint, Errc code) const {
  RW_ASSERT(blamed.data() >= text.data() && blamed.data() <= text.data() + text.size());
  const auto offset = static_cast<std::size_t>(blamed.data() - text.data());
  if (line == nullptr) return {code, fmt::format("byte {}: {}", offset, message), std::move(hint)};
  const auto spot = line->spot(offset);
  return {code, fmt::format("{}:{}: column {}: {}", *file, spot.line, spot.column, message), std::move(hint)};
}

SourcePlace Where::place() const { return {*file, line->line}; }

std::size_t closing_quote(std::string_view text, std::size_t from, char quote) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == quote)
      return i;
  }
  return std::string_view::npos;
}

Result<std::optional<Word>> next_word(const Where& where, std::string_view& rest) {
  while (!rest.empty() && is_blank_byte(rest.front())) rest.remove_prefix(1);
  if (rest.empty()) return std::optional<Word>();
  Word word;
  std::size_t end = 0;
  if (rest.front() == '"') {
    end = closing_quote(rest, 1, '"');
    if (end == std::string_view::npos) return where.fail(rest, "this \" is never closed");
    word = {rest.substr(1, end - 1), true};
    ++end;
  } else {
    while (end < rest.size() && !is_blank_byte(rest[end]) && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
    end = std::min(end, rest.size());
    word = {rest.substr(0, end), false};
  }
  rest.remove_prefix(end);
  return std::optional<Word>(word);
}

}  // namespace ringwall::waf::seclang
