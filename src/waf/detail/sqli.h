// The steps behind @detectSQLi: words, tokens, folded tokens, fingerprints that are attacks.
//
// Types of tokens are written as the letters of fingerprints:
//
//   k keyword        U union, except    B group by, limit   E select, insert, case   T drop, exec, declare
//   f function       n a bare word      t type name         A collate                v @variable, null, …
//   1 number         s string           o operator          & and, or                c comment
//   ( ) { } . , : ; \ themselves        ? ] or ?            X cannot be read the same by all databases
#pragma once

#include <cstddef>
#include <string_view>

namespace ringwall::waf::sqli {

inline constexpr std::size_t kTokensMax = 5;      // of a fingerprint
inline constexpr std::size_t kTokenTextMax = 31;  // of a token's text, the rest of it is not looked at

struct Word {
  std::string_view text;  // upper case
  char type = 0;
};
// The word, any case (ASCII), or the phrase of two words ("UNION" and "ALL"); nullptr: none that SQL knows.
const Word* find_word(std::string_view text);
const Word* find_phrase(std::string_view first, std::string_view second);

struct Token {
  char type = 0;
  char open = 0, close = 0;  // the quotes of a string, 0: none
  std::string_view text;     // without quotes; of the text or of a Word
};

enum class Comments {
  kAnsi,   // "--" begins a comment
  kMysql,  // "#" does, and "--" only with a blank behind it
};

// What a run over the text has seen; 0 tokens were asked for twice, and not all of a long text has to be read.
struct Seen {
  int tokens = 0;
  bool ambiguous = false;  // a "#" or a "--" that databases read differently
};

class Tokenizer {
 public:
  // `quote`: ' or " when the text is thought of as beginning inside such a string, else 0.
  Tokenizer(std::string_view text, char quote, Comments comments) : text_(text), quote_(quote), comments_(comments) {}

  bool next(Token& token);  // false: at the end
  const Seen& seen() const { return seen_; }

 private:
  std::size_t read(Token& token);  // what begins at at_; returns where it ends
  std::size_t read_word(Token& token);
  std::size_t read_string(Token& token, std::size_t begin, char quote, char open) const;
  std::size_t read_quoted_word(Token& token, std::size_t begin) const;
  std::size_t read_prefixed_string(Token& token);
  std::size_t read_oracle_string(Token& token, std::size_t q);
  std::size_t read_digits_string(Token& token, std::string_view digits);
  std::size_t read_variable(Token& token) const;
  std::size_t read_dollar(Token& token);
  std::size_t read_number(Token& token) const;
  std::size_t read_operator(Token& token) const;
  std::size_t read_slash(Token& token) const;
  std::size_t read_line_comment(Token& token) const;

  std::size_t take(Token& token, char type, std::size_t begin, std::size_t end) const;
  std::size_t one(Token& token, char type) const { return take(token, type, at_, at_ + 1); }
  // Past the end there is a byte that begins nothing.
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\x01'; }
  std::size_t span(std::size_t begin, std::string_view accept) const;

  std::string_view text_;
  std::size_t at_ = 0;
  char quote_;
  Comments comments_;
  Seen seen_;
};

bool is_unary(const Token& token);  // + - ! ~ !! not
bool equal(std::string_view text, std::string_view upper);  // any case (ASCII)

// The first tokens that are left when what does not change the meaning is folded away ("1 + 2, 3" is "1").
struct Folded {
  Token tokens[kTokensMax + 3];
  std::size_t size = 0;  // at most kTokensMax
  Seen seen;
  char fingerprint[kTokensMax + 1] = {};
};
Folded fold(std::string_view text, char quote, Comments comments);

// Whether SQL put in from outside looks like this; what normal texts share with it is the caller's to know.
bool is_attack(std::string_view fingerprint);

}  // namespace ringwall::waf::sqli
