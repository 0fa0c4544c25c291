// A text taken apart as SQL, in a way that holds for all databases at once.
//
// Oddities are those of libinjection 3.9.2, since rule sets were tuned with them: where databases differ, a token is read
// as the one of them does that lets an attack through.
#include <algorithm>

#include "waf/detail/sqli.h"

namespace ringwall::waf::sqli {

namespace {

using namespace std::string_view_literals;

constexpr auto npos = std::string_view::npos;

constexpr std::string_view kHexDigits = "0123456789ABCDEFabcdef", kBits = "01";
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr auto kWordEnds = "\0\t\n\v\f\r !\"#%&'()*+,-/:;<=>?@[\\]^{|}~\xA0"sv;
constexpr auto kVariableEnds = "\0\t\n\v\f\r !\"#%&'()*+,-/:;<=>?@\\^`|~"sv;

// 256 bits, so that a set is looked up in one step.
struct Bytes {
  bool has[256] = {};
  constexpr explicit Bytes(std::string_view members) {
    for (const char c : members) has[static_cast<unsigned char>(c)] = true;
  }
  constexpr bool operator[](char c) const { return has[static_cast<unsigned char>(c)]; }
};
constexpr Bytes kEndsWord(kWordEnds), kEndsVariable(kVariableEnds);
constexpr Bytes kBlank("\0\t\n\v\f\r \xA0"sv);  // Oracle takes a zero for one, Latin-1 has A0

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::size_t find_end(std::string_view text, const Bytes& ends, std::size_t begin) {
  while (begin < text.size() && !ends[text[begin]]) ++begin;
  return begin;
}

}  // namespace

// How many of the bytes from `begin` are of `accept`; a zero byte always is (libinjection's oddity).
std::size_t Tokenizer::span(std::size_t begin, std::string_view accept) const {
  auto end = begin;
  while (end < text_.size() && (text_[end] == '\0' || accept.find(text_[end]) != npos)) ++end;
  return end - std::min(begin, end);
}

std::size_t Tokenizer::take(Token& token, char type, std::size_t begin, std::size_t end) const {
  token.type = type;
  token.text = text_.substr(begin, std::min(end - begin, kTokenTextMax));
  return end;
}

bool Tokenizer::next(Token& token) {
  token = {};
  if (text_.empty()) return false;
  if (at_ == 0 && quote_ != 0) {
    at_ = read_string(token, 0, quote_, 0);
    ++seen_.tokens;
    return true;
  }
  while (at_ < text_.size()) {
    at_ = read(token);
    if (token.type != 0) {
      ++seen_.tokens;
      return true;
    }
  }
  return false;
}

std::size_t Tokenizer::read(Token& token) {
  const char c = text_[at_];
  if (static_cast<unsigned char>(c) <= ' ' || c == '\x7F' || c == '\xA0') return at_ + 1;
  if (digit(c)) return read_number(token);
  switch (c) {
    case '\'':
    case '"': return read_string(token, at_ + 1, c, c);
    case '`': return read_quoted_word(token, at_ + 1);
    case '(': case ')': case ',': case ';': case '{': case '}': return one(token, c);
    case '?': case ']': return one(token, '?');
    case '%': case '+': case '^': case '~': return one(token, 'o');
    case '!': case '&': case '*': case ':': case '<': case '=': case '>': case '|': return read_operator(token);
    case '.': return read_number(token);
    case '/': return read_slash(token);
    case '@': return read_variable(token);
    case '$': return read_dollar(token);
    case '-':
      if (at(at_ + 1) == '-') {
        if (at_ + 2 == text_.size() || kBlank[at(at_ + 2)]) return read_line_comment(token);
        if (comments_ == Comments::kAnsi) {
          seen_.ambiguous = true;
          return read_line_comment(token);
        }
      }
      return one(token, 'o');
    case '#':
      seen_.ambiguous = true;
      return comments_ == Comments::kMysql ? read_line_comment(token) : one(token, 'o');
    case '\\':  // \N is MySQL's NULL
      return at(at_ + 1) == 'N' ? take(token, '1', at_, at_ + 2) : one(token, '\\');
    case '[': {  // a name of SQL Server
      const auto end = text_.find(']', at_);
      return take(token, 'n', at_, end == npos ? text_.size() : end + 1);
    }
    case 'b': case 'B': return read_digits_string(token, kBits);
    case 'x': case 'X': return read_digits_string(token, kHexDigits);
    case 'e': case 'E': case 'n': case 'N': case 'u': case 'U': return read_prefixed_string(token);
    case 'q': case 'Q': return read_oracle_string(token, at_);
    default: return read_word(token);
  }
}

std::size_t Tokenizer::read_word(Token& token) {
  const auto end = find_end(text_, kEndsWord, at_);
  take(token, 'n', at_, end);
  // "SELECT.1" and "SELECT`a`" begin with a word of their own.
  for (std::size_t i = 0; i < token.text.size(); ++i) {
    if (token.text[i] != '.' && token.text[i] != '`') continue;
    const auto* word = find_word(token.text.substr(0, i));
    if (word != nullptr && word->type != 'n') return take(token, word->type, at_, at_ + i);
  }
  if (end - at_ <= kTokenTextMax) {
    if (const auto* word = find_word(token.text)) token.type = word->type;
  }
  return end;
}

// From behind the quote, or from the beginning of the text when `open` is 0.  A quote that is doubled or behind an odd number
// of backslashes is a part of the string.
std::size_t Tokenizer::read_string(Token& token, std::size_t begin, char quote, char open) const {
  token.open = open;
  auto end = text_.find(quote, begin);
  for (; end != npos;) {
    auto slash = end;
    while (slash > begin && text_[slash - 1] == '\\') --slash;
    if ((end - slash) % 2 == 1) {
      end = text_.find(quote, end + 1);
    } else if (at(end + 1) == quote) {
      end = text_.find(quote, end + 2);
    } else {
      break;
    }
  }
  if (end == npos) return take(token, 's', begin, text_.size());
  token.close = quote;
  take(token, 's', begin, end);
  return end + 1;
}

// Between backticks it is a name, or a function.
std::size_t Tokenizer::read_quoted_word(Token& token, std::size_t begin) const {
  const auto end = read_string(token, begin, '`', '`');
  const auto* word = find_word(token.text);
  token.type = word != nullptr && word->type == 'f' ? 'f' : 'n';
  return end;
}

// E'…' of PostgreSQL, N'…' of MySQL, nq'(…)' of Oracle, U&'…' of the standard.
std::size_t Tokenizer::read_prefixed_string(Token& token) {
  const bool more = at_ + 2 < text_.size();
  const char c = lower(text_[at_]);
  if (c == 'u') {
    if (!more || at(at_ + 1) != '&' || at(at_ + 2) != '\'') return read_word(token);
    const auto end = read_string(token, at_ + 3, '\'', 'u');
    if (token.close == '\'') token.close = 'u';
    return end;
  }
  if (more && at(at_ + 1) == '\'') return read_string(token, at_ + 2, '\'', '\'');
  return c == 'n' ? read_oracle_string(token, at_ + 1) : read_word(token);
}

// q'(…)' and q'!…!'; `q` is where the letter has to be.
std::size_t Tokenizer::read_oracle_string(Token& token, std::size_t q) {
  if (lower(at(q)) != 'q' || q + 2 >= text_.size() || at(q + 1) != '\'') return read_word(token);
  const auto open = static_cast<unsigned char>(text_[q + 2]);
  if (open < '!' || open > 127) return read_word(token);
  constexpr std::string_view kOpen = "([{<", kClose = ")]}>";
  const auto pair = kOpen.find(static_cast<char>(open));
  const char ends[] = {pair == npos ? static_cast<char>(open) : kClose[pair], '\''};
  token.open = 'q';
  const auto end = text_.find(std::string_view(ends, 2), q + 3);
  if (end == npos) return take(token, 's', q + 3, text_.size());
  token.close = 'q';
  take(token, 's', q + 3, end);
  return end + 2;
}

// b'01', x'1F'
std::size_t Tokenizer::read_digits_string(Token& token, std::string_view digits) {
  if (at_ + 2 >= text_.size() || at(at_ + 1) != '\'') return read_word(token);
  const auto end = at_ + 2 + span(at_ + 2, digits);
  return at(end) == '\'' ? take(token, '1', at_, end + 1) : read_word(token);
}

// @a, @@a, @`a`, @'a'
std::size_t Tokenizer::read_variable(Token& token) const {
  const auto begin = at_ + (at(at_ + 1) == '@' ? 2u : 1u);
  const char c = at(begin);
  if (c != '`' && c != '\'' && c != '"') return take(token, 'v', begin, find_end(text_, kEndsVariable, begin));
  const auto end = read_string(token, begin + 1, c, c);
  token.type = 'v';
  return end;
}

// $1,000.00 is money, $$…$$ and $a$…$a$ are strings of PostgreSQL.
std::size_t Tokenizer::read_dollar(Token& token) {
  const auto begin = at_ + 1;
  if (begin == text_.size()) return one(token, 'n');
  const auto amount = span(begin, "0123456789.,");
  if (amount == 1 && text_[begin] == '.') return read_word(token);
  if (amount > 0) return take(token, '1', at_, begin + amount);

  const auto tag_end = begin + (at(begin) == '$' ? 0 : span(begin, kLetters));
  if (at(tag_end) != '$') return one(token, 'n');
  const auto tag = text_.substr(at_, tag_end + 1 - at_);  // with both its dollars
  token.open = '$';
  const auto end = text_.find(tag, tag_end + 1);
  if (end == npos) return take(token, 's', tag_end + 1, text_.size());
  token.close = '$';
  take(token, 's', tag_end + 1, end);
  return end + tag.size();
}

std::size_t Tokenizer::read_number(Token& token) const {
  const char base = text_[at_] == '0' ? lower(at(at_ + 1)) : '0';
  if (base == 'x' || base == 'b') {
    const auto size = span(at_ + 2, base == 'x' ? kHexDigits : kBits);
    return take(token, size == 0 ? 'n' : '1', at_, at_ + 2 + size);
  }
  const auto skip_digits = [this](std::size_t i) {
    while (digit(at(i))) ++i;
    return i;
  };
  auto end = skip_digits(at_);
  if (at(end) == '.') {
    end = skip_digits(end + 1);
    if (end - at_ == 1) return one(token, '.');
  }
  bool exponent_missing = false;
  if (lower(at(end)) == 'e') {
    ++end;
    if (at(end) == '+' || at(end) == '-') ++end;
    const auto exponent = end;
    end = skip_digits(end);
    exponent_missing = end == exponent;
  }
  // Oracle's 1.2f and 1d, but not "1from"; "1fUNION" is two words.
  if (lower(at(end)) == 'f' || lower(at(end)) == 'd') {
    const char behind = at(end + 1);
    if (end + 1 == text_.size() || kBlank[behind] || behind == ';' || lower(behind) == 'u') ++end;
  }
  return take(token, exponent_missing ? 'n' : '1', at_, end);
}

std::size_t Tokenizer::read_operator(Token& token) const {
  if (at_ + 1 == text_.size()) return one(token, 'o');
  if (text_.substr(at_, 3) == "<=>") return take(token, 'o', at_, at_ + 3);
  if (const auto* word = find_word(text_.substr(at_, 2))) return take(token, word->type, at_, at_ + 2);
  return one(token, text_[at_] == ':' ? ':' : 'o');
}

// Comments in comments end where the database says, and MySQL runs what is in /*!…*/: no telling what is left.
std::size_t Tokenizer::read_slash(Token& token) const {
  if (at(at_ + 1) != '*') return one(token, 'o');
  const auto found = text_.find("*/", at_ + 2);
  const auto end = found == npos ? text_.size() : found + 2;
  const bool nested = found != npos && text_.substr(at_ + 2, found - at_ - 1).find("/*") != npos;
  return take(token, nested || at(at_ + 2) == '!' ? 'X' : 'c', at_, end);
}

std::size_t Tokenizer::read_line_comment(Token& token) const {
  const auto end = text_.find('\n', at_);
  if (end == npos) return take(token, 'c', at_, text_.size());
  take(token, 'c', at_, end);
  return end + 1;
}

}  // namespace ringwall::waf::sqli
