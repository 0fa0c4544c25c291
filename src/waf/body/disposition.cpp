#include "waf/body/disposition.h"

namespace ringwall::waf {
namespace {

constexpr bool disposition_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool disposition_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr bool disposition_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool disposition_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
// RFC 2045, 5.1: what a value without quotes may consist of.
constexpr bool disposition_token(char c) { return c > ' ' && c < 127 && !disposition_one_of(c, "()<>@,;:\\\"/[]?="); }

class DispositionReader {
 public:
  DispositionReader(std::string_view text, Arena& arena, Disposition& out) : text_(text), arena_(arena), out_(out) {}

  DispositionError read() {
    constexpr std::string_view kFormData = "form-data";
    if (!text_.starts_with(kFormData)) return DispositionError::kNotFormData;
    at_ = kFormData.size();
    skip_blanks();
    if (at_end()) return DispositionError::kNone;
    if (peek() != ';') return DispositionError::kNoSemicolon;
    ++at_;
    while (!at_end()) {
      if (const auto error = parameter(); error != DispositionError::kNone) return error;
    }
    return star_seen_ && out_.file_name.empty() ? DispositionError::kStarAlone : DispositionError::kNone;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  // The text has no NUL, so NUL is its end.
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip_blanks() {
    while (disposition_blank(peek())) ++at_;
  }

  DispositionError parameter() {
    skip_blanks();
    if (at_end()) return DispositionError::kEmptyParameter;
    const auto begin = at_;
    while (!at_end() && peek() != '=' && !disposition_blank(peek())) ++at_;
    const auto name = text_.substr(begin, at_ - begin);
    if (at_end()) return DispositionError::kNoEquals;
    skip_blanks();
    if (at_end()) return DispositionError::kNoEqualsAfterSpace;
    if (peek() != '=') return DispositionError::kJunkBeforeEquals;
    ++at_;
    skip_blanks();
    if (at_end()) return DispositionError::kNoValue;

    std::string_view value;
    const char quote = peek();
    DispositionError error;
    if (name == "filename*") {
      error = star(value);
    } else if (quote == '"' || quote == '\'') {
      error = quoted(quote, value);
    } else {
      error = token(value);
    }
    if (error != DispositionError::kNone) return error;
    // Between double quotes a single one is just a character.
    if (name != "filename*" && quote != '"' && value.find('\'') != std::string_view::npos) out_.invalid_quoting = true;
    if (error = take(name, value); error != DispositionError::kNone) return error;

    skip_blanks();
    if (at_end()) return DispositionError::kNone;
    if (peek() != ';') {
      const char before = text_[at_ - 1];
      if (before == '\'' || before == '"') out_.invalid_quoting = true;
      return DispositionError::kJunkAfterValue;
    }
    ++at_;
    return DispositionError::kNone;
  }

  DispositionError take(std::string_view name, std::string_view value) {
    if (name == "name") {
      out_.last_name = value;
      out_.name_seen = true;
      if (!out_.name.empty()) return DispositionError::kDuplicateName;
      out_.name = value;
    } else if (name == "filename") {
      out_.last_file_name = value;
      out_.file_name_seen = true;
      if (!out_.file_name.empty()) return DispositionError::kDuplicateFileName;
      out_.file_name = value;
    } else if (name == "filename*") {
      if (star_seen_) return DispositionError::kDuplicateStar;
      star_seen_ = !value.empty();
      out_.star_name = without_percent(value);
    } else {
      return DispositionError::kUnknownParameter;
    }
    return DispositionError::kNone;
  }

  // RFC 8187: charset'language'percent-encoded.  RFC 7578 forbids it here, and some clients write it all the same.
  DispositionError star(std::string_view& value) {
    const auto begin = at_;
    while (disposition_alphanumeric(peek()) || (!at_end() && disposition_one_of(peek(), "!#$%&+-^_`{}~"))) ++at_;
    if (peek() != '\'' || at_ == begin) return DispositionError::kStarCharset;
    ++at_;
    while (!at_end() && peek() != '\'') ++at_;
    if (at_end()) return DispositionError::kStarLanguage;
    ++at_;
    const auto first = at_;
    while (!at_end() && peek() != ';') {
      if (peek() == '%') {
        if (!disposition_hex(peek(1)) || !disposition_hex(peek(2))) return DispositionError::kStarPercent;
        at_ += 3;
      } else if (disposition_alphanumeric(peek()) || disposition_one_of(peek(), "!#$&+-.^_`~")) {
        ++at_;
      } else {
        return DispositionError::kStarCharacter;
      }
    }
    value = text_.substr(first, at_ - first);
    return DispositionError::kNone;
  }

  DispositionError quoted(char quote, std::string_view& value) {
    if (quote == '\'') out_.invalid_quoting = true;
    ++at_;
    if (at_end()) return DispositionError::kNoQuotedValue;
    const auto begin = at_;
    std::size_t escapes = 0;
    while (!at_end() && peek() != quote) {
      if (peek() == '\\') {
        if (at_ + 1 == text_.size()) return DispositionError::kEscapeAtEnd;
        // Only these two are escapes; old browsers sent C:\dir\file as it was.
        if (peek(1) == quote || peek(1) == '\\') ++escapes, ++at_;
      }
      ++at_;
    }
    if (at_end()) return DispositionError::kQuoteNotClosed;
    value = text_.substr(begin, at_ - begin);
    if (escapes > 0) value = without_escapes(value, quote, escapes);
    ++at_;
    return DispositionError::kNone;
  }

  // Every % has its two digits: star() has seen to it.
  std::string_view without_percent(std::string_view raw) {
    if (raw.find('%') == std::string_view::npos) return raw;
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    char* const out = arena_.take(raw.size());
    std::size_t size = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const bool encoded = raw[i] == '%';
      out[size++] = encoded ? static_cast<char>(digit(raw[i + 1]) * 16 + digit(raw[i + 2])) : raw[i];
      if (encoded) i += 2;
    }
    return {out, size};
  }

  std::string_view without_escapes(std::string_view raw, char quote, std::size_t escapes) {
    char* const out = arena_.take(raw.size() - escapes);
    std::size_t size = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && i + 1 < raw.size() && (raw[i + 1] == quote || raw[i + 1] == '\\')) ++i;
      out[size++] = raw[i];
    }
    return {out, size};
  }

  DispositionError token(std::string_view& value) {
    const auto begin = at_;
    while (!at_end() && disposition_token(peek())) ++at_;
    value = text_.substr(begin, at_ - begin);
    return DispositionError::kNone;
  }

  const std::string_view text_;
  Arena& arena_;
  Disposition& out_;
  std::size_t at_ = 0;
  bool star_seen_ = false;
};

}  // namespace

DispositionError parse_disposition(std::string_view text, Arena& arena, Disposition& out) {
  return DispositionReader(text, arena, out).read();
}

}  // namespace ringwall::waf
