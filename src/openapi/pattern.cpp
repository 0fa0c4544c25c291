#include "openapi/detail/pattern.h"

#include <fmt/format.h>

#include <charconv>

namespace ringwall::openapi::detail {

namespace {

// RE2 keeps the states it has seen of a pattern in memory up to this many bytes, then begins anew.
constexpr std::int64_t kMatcherBytesMax = 8 << 20;
constexpr int kInstructionsPerStep = 64;

// What ECMAScript means by \s and by '.', where RE2 means less.
constexpr std::string_view kSpaces = "\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
constexpr std::string_view kNotSpaces =
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}";

class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\') RW_TRY(escape(false));
      else if (c == '[') RW_TRY(character_class());
      else if (c == '(') RW_TRY(group());
      else if (c == '.') put("[^\\n\\r\\x{2028}\\x{2029}]", 1);
      else put(text_.substr(at_, 1), 1);
    }
    return std::move(out_);
  }

 private:
  Error wrong(std::string_view what) const { return fail(Errc::kInvalid, fmt::format("{} at byte {} of the pattern", what, at_)); }
  void put(std::string_view out, std::size_t taken) {
    out_ += out;
    at_ += taken;
  }
  char peek(std::size_t distance) const { return at_ + distance < text_.size() ? text_[at_ + distance] : '\0'; }

  Result<void> group() {
    if (peek(1) != '?') return put("(", 1), Result<void>();
    const auto rest = text_.substr(at_ + 2);
    if (rest.starts_with(':')) return put("(?:", 3), Result<void>();
    for (const auto* look : {"=", "!", "<=", "<!"}) {
      if (rest.starts_with(look)) return wrong("looking ahead or behind cannot be expressed");
    }
    if (rest.starts_with('<')) return put("(?P<", 3), Result<void>();
    return wrong("a group that ECMAScript does not know");
  }

  Result<void> character_class() {
    if (text_.substr(at_).starts_with("[^]")) return put("(?s:.)", 3), Result<void>();
    if (text_.substr(at_).starts_with("[]")) return put("[^\\x{0}-\\x{10ffff}]", 2), Result<void>();
    put("[", 1);
    if (peek(0) == '^') put("^", 1);
    while (at_ < text_.size() && text_[at_] != ']') {
      if (text_[at_] == '\\') RW_TRY(escape(true));
      else if (text_[at_] == '[') put("\\[", 1);  // RE2 would begin [:alpha:]
      else put(text_.substr(at_, 1), 1);
    }
    if (at_ == text_.size()) return wrong("a '[' without its ']'");
    put("]", 1);
    return {};
  }

  Result<void> escape(bool in_class) {
    const char c = peek(1);
    switch (c) {
      case '\0': return wrong("a '\\' at the end");
      case 's': return put(in_class ? std::string(kSpaces) : fmt::format("[{}]", kSpaces), 2), Result<void>();
      case 'S': return put(in_class ? std::string(kNotSpaces) : fmt::format("[{}]", kNotSpaces), 2), Result<void>();
      case 'b':
        if (in_class) return put("\\x{8}", 2), Result<void>();
        return put("\\b", 2), Result<void>();
      case 'B':
        if (in_class) return wrong("\\B in a class");
        return put("\\B", 2), Result<void>();
      case 'd': case 'D': case 'w': case 'W': case 't': case 'n': case 'v': case 'f': case 'r':
        return put(text_.substr(at_, 2), 2), Result<void>();
      case '0':
        if (peek(2) >= '0' && peek(2) <= '9') return wrong("an octal escape");
        return put("\\x{0}", 2), Result<void>();
      case 'x': return hex(2, 2);
      case 'u': return unicode();
      case 'c': {
        const char letter = peek(2);
        if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) return wrong("\\c without a letter");
        return put(fmt::format("\\x{{{:x}}}", letter % 32), 3), Result<void>();
      }
      case 'p': case 'P': return property();
      case 'k': return wrong("a reference back cannot be expressed");
      default: break;
    }
    if (c >= '1' && c <= '9') return wrong("a reference back cannot be expressed");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return wrong(fmt::format("\\{} has no meaning in ECMAScript", c));
    if (static_cast<unsigned char>(c) >= 0x80 || c == '_' || c == ' ') return put(text_.substr(at_ + 1, 1), 2), Result<void>();
    return put(text_.substr(at_, 2), 2), Result<void>();
  }

  Result<void> hex(std::size_t from, std::size_t digits) {
    unsigned code = 0;
    const auto text = text_.substr(std::min(at_ + from, text_.size()), digits);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (text.size() != digits || read.ptr != text.data() + digits) return wrong("an escape without its hexadecimal digits");
    return put(fmt::format("\\x{{{:x}}}", code), from + digits), Result<void>();
  }
  Result<void> unicode() {
    if (peek(2) == '{') {
      const auto end = text_.find('}', at_);
      if (end == text_.npos || end - at_ > 10) return wrong("\\u{ without its end");
      RW_TRY(hex(3, end - at_ - 3));
      ++at_;
      return {};
    }
    // Two halves of a character.
    unsigned high = 0, low = 0;
    const auto pair = text_.substr(at_, 12);
    if (pair.size() == 12 && pair.substr(6, 2) == "\\u" && std::from_chars(pair.data() + 2, pair.data() + 6, high, 16).ptr == pair.data() + 6 &&
        std::from_chars(pair.data() + 8, pair.data() + 12, low, 16).ptr == pair.data() + 12 && high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
      return put(fmt::format("\\x{{{:x}}}", 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 12), Result<void>();
    }
    return hex(2, 4);
  }
  Result<void> property() {
    const auto end = text_.find('}', at_);
    if (peek(2) != '{' || end == text_.npos) return wrong("\\p without {…}");
    auto name = text_.substr(at_ + 3, end - at_ - 3);
    for (const std::string_view prefix : {"Script=", "sc=", "General_Category=", "gc="}) {
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    }
    constexpr std::pair<std::string_view, std::string_view> kLong[] = {{"Letter", "L"}, {"Lowercase_Letter", "Ll"}, {"Uppercase_Letter", "Lu"}, {"Number", "N"}, {"Decimal_Number", "Nd"},
                                                                       {"Punctuation", "P"}, {"Separator", "Z"}, {"Mark", "M"}, {"Symbol", "S"}};
    for (const auto& [word, abbreviation] : kLong) {
      if (name == word) name = abbreviation;
    }
    return put(fmt::format("\\{}{{{}}}", text_[at_ + 1], name), end + 1 - at_), Result<void>();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> ecmascript_to_re2(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) return fail(Errc::kLimit, fmt::format("a pattern of more than {} bytes", kPatternBytesMax));
  return Translator(pattern).run();
}

Result<Pattern> compile_pattern(std::string_view text) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMatcherBytesMax);
  Pattern out{std::string(text), std::make_unique<RE2>(RW_TRY(ecmascript_to_re2(text)), options)};
  if (!out.regex->ok()) return fail(Errc::kInvalid, fmt::format("the pattern cannot be expressed: {}", out.regex->error()), "length limits belong into minLength and maxLength");
  const int size = out.regex->ProgramSize();
  if (size > kRegexInstructionsMax) return fail(Errc::kLimit, fmt::format("the pattern becomes {} instructions, which is more than {}", size, kRegexInstructionsMax));
  out.cost = static_cast<std::uint64_t>(1 + size / kInstructionsPerStep);
  return out;
}

}  // namespace ringwall::openapi::detail
