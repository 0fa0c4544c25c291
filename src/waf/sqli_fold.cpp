// From tokens to the few that say what kind of text it is.
//
// A window moves over the first tokens.  Two or three of them that mean no more than one ("1 + 2", "a.b", "'a' 'b'") are made
// one, and what came before is looked at again, so a long list of values folds into its first.
#include <cstdint>

#include "waf/detail/sqli.h"

namespace ringwall::waf::sqli {

namespace {

// Names that are functions when a parenthesis follows.
constexpr std::string_view kFunctionWithParenthesis[] = {
    "USER_ID", "USER_NAME", "DATABASE", "PASSWORD", "USER", "CURRENT_USER", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP",
    "LOCALTIME", "LOCALTIMESTAMP",
};

// A set of types, made when this is compiled: tokens are asked for theirs again and again.
struct Types {
  std::uint64_t bits[2] = {};
  consteval Types(const char* types) {
    for (; *types != '\0'; ++types) bits[*types / 64] |= std::uint64_t{1} << (*types % 64);
  }
};

bool is(const Token& token, Types types) { return static_cast<unsigned char>(token.type) < 128 && (types.bits[token.type / 64] >> (token.type % 64) & 1) != 0; }

bool is_arithmetic(const Token& token) {
  return token.type == 'o' && token.text.size() == 1 && std::string_view("*/-+%").find(token.text[0]) != std::string_view::npos;
}

class Folder {
 public:
  Folder(std::string_view text, char quote, Comments comments) : source_(text, quote, comments) {}

  Folded run() {
    // What may stand before anything says nothing.
    auto& first = tokens()[0];
    do {
      more_ = source_.next(first);
    } while (more_ && (is(first, "c(t") || is_unary(first)));
    if (!more_) return finish();
    size_ = 1;

    for (;;) {
      if (size_ >= kTokensMax) fold_five();
      if (!more_ || at_ >= kTokensMax) break;
      if (!fill(2)) {
        at_ = size_;
        continue;
      }
      if (fold_two()) {
        if (unclear_) return finish();
        continue;
      }
      if (!fill(3)) {
        at_ = size_;
        continue;
      }
      if (!fold_three()) ++at_;
    }
    if (size_ < kTokensMax && comment_.type == 'c') tokens()[size_++] = comment_;
    if (size_ > kTokensMax) size_ = kTokensMax;  // a sixth is only read to understand the fifth
    return finish();
  }

 private:
  Token* tokens() { return out_.tokens; }

  // Reads until `count` tokens are behind at_.  Comments are not counted; only one at the end of the text is kept.
  bool fill(std::size_t count) {
    while (more_ && size_ <= kTokensMax && size_ - at_ < count) {
      more_ = source_.next(tokens()[size_]);
      if (!more_) break;
      if (tokens()[size_].type == 'c') {
        comment_ = tokens()[size_];
      } else {
        comment_.type = 0;
        ++size_;
      }
    }
    return size_ - at_ >= count;
  }

  // These drop tokens off the end, also where what was folded lies before it: the same tokens were looked at then, and
  // libinjection's fingerprints come out that way.
  bool drop(std::size_t count, std::size_t go_on_at) {
    size_ -= count;
    at_ = go_on_at;
    return true;
  }
  bool drop_second() {
    auto* t = tokens() + at_;
    t[1] = t[2];
    return drop(1, 0);
  }

  // All there can be of fingerprints, and no more than a term in parentheses: go on with what is behind it.
  void fold_five() {
    const auto* t = tokens();
    const auto like = [t](Types a, Types b, Types c, Types d, Types e) {
      return is(t[0], a) && is(t[1], b) && is(t[2], c) && is(t[3], d) && is(t[4], e);
    };
    if (!like("1", "o,", "(", "1", ")") && !like("n", "o", "(", "n1", ")") && !like("1", ")", ",", "(", "1") && !like("n", ")", "o", "(", "n")) {
      return;
    }
    if (size_ > kTokensMax) tokens()[1] = tokens()[kTokensMax];
    size_ = size_ > kTokensMax ? 2 : 1;
    at_ = 0;
  }

  // True: something changed, begin again at at_.
  bool fold_two() {
    auto& a = tokens()[at_];
    auto& b = tokens()[at_ + 1];
    const auto before = at_ > 0 ? at_ - 1 : 0;

    if ((a.type == 's' && b.type == 's') || (a.type == ';' && b.type == ';')) return drop(1, at_);
    if (is(a, "o&") && (is_unary(b) || b.type == 't')) return drop(1, 0);
    if (a.type == '(' && is_unary(b)) return drop(1, before);
    if (is(a, "knoUfETt") && is(b, "knoUfETt&")) {
      if (const auto* phrase = find_phrase(a.text, b.text)) {
        a.type = phrase->type;
        a.text = phrase->text;
        return drop(1, before);
      }
    }
    if (a.type == ';' && b.type == 'f' && equal(b.text.substr(0, 2), "IF")) {  // Transact-SQL: ; IF 1=1 …
      b.type = 'T';
      return true;
    }
    if (is(a, "nv") && b.type == '(') {
      for (const auto name : kFunctionWithParenthesis) {
        if (!equal(a.text, name)) continue;
        a.type = 'f';
        return true;
      }
    }
    if (a.type == 'k' && (equal(a.text, "IN") || equal(a.text, "NOT IN"))) {
      a.type = b.type == '(' ? 'o' : 'n';
      return true;
    }
    if (a.type == 'o' && (equal(a.text, "LIKE") || equal(a.text, "NOT LIKE"))) {
      if (b.type == '(') a.type = 'f';
      return false;
    }
    if (a.type == 't' && is(b, "n1t(fvs")) {
      a = b;
      return drop(1, 0);
    }
    if (a.type == 'A' && b.type == 'n') {  // collations are too many to know, but have a '_'
      if (b.text.find('_') != std::string_view::npos) {
        b.type = 't';
        at_ = 0;
      }
      return false;
    }
    if (a.type == '\\') {  // SQL Server takes \%1 for 0 % 1, and \1 for 1
      if (is_arithmetic(b)) {
        a.type = '1';
        return drop(0, 0);
      }
      a = b;
      return drop(1, 0);
    }
    if ((a.type == '(' && b.type == '(') || (a.type == ')' && b.type == ')')) return drop(1, 0);
    if (a.type == '{' && b.type == 'n') {  // {name expression} is the expression
      if (!b.text.empty()) return drop(2, 0);
      b.type = 'X';  // {``.``.a} of MySQL
      size_ = at_ + 2;
      unclear_ = true;
      return true;
    }
    if (b.type == '}') return drop(1, 0);
    return false;
  }

  bool fold_three() {
    auto* t = tokens() + at_;
    const bool unary = is_unary(t[1]);
    const auto like = [t](Types a, Types b, Types c) { return is(t[0], a) && is(t[1], b) && is(t[2], c); };

    // A term is its first value.
    const bool term = like("1n", "o", "1n") || like("v", "o", "v1n") || like("1nvs", ",", "1nvs") || like("n", ".", "n") ||
                      (like("1nvs", "o", "t") && t[1].text == "::");
    if (term || (t[0].type == 'o' && t[1].type != '(' && t[2].type == 'o') || (t[0].type == '&' && t[2].type == '&')) return drop(2, 0);

    // Signs before a term say nothing.
    if (unary && is(t[0], "EB,") && t[2].type == '(') return drop_second();
    if (unary && is(t[0], "kEB") && is(t[2], "1nvsf")) return drop_second();
    if (unary && t[0].type == ',' && is(t[2], "1nvs")) {
      t[1] = t[2];
      return drop(3, 0);  // "1, -1": look at the 1 before again
    }
    if (unary && t[0].type == ',' && t[2].type == 'f') return drop_second();
    if (like("E", ".", "n")) return drop_second();

    // USER() has no arguments, so this is a name.
    if (t[0].type == 'f' && t[1].type == '(' && t[2].type != ')' && equal(t[0].text, "USER")) t[0].type = 'n';
    return false;
  }

  Folded finish() {
    out_.size = size_;
    out_.seen = source_.seen();
    // PHP applications were got at with a backtick in place of a comment.
    if (size_ > 2) {
      auto& last = tokens()[size_ - 1];
      if (last.type == 'n' && last.open == '`' && last.close == 0 && last.text.empty()) last.type = 'c';
    }
    bool unclear = false;
    for (std::size_t i = 0; i < size_; ++i) {
      out_.fingerprint[i] = tokens()[i].type;
      unclear = unclear || tokens()[i].type == 'X';
    }
    if (unclear) {
      out_.size = 1;
      out_.fingerprint[0] = tokens()[0].type = 'X';
      out_.fingerprint[1] = 0;
    }
    return out_;
  }

  Tokenizer source_;
  Folded out_;
  Token comment_;          // the last one, when nothing came after it
  std::size_t size_ = 0;   // of the tokens
  std::size_t at_ = 0;     // what is before it was folded
  bool more_ = true;
  bool unclear_ = false;
};

}  // namespace

bool is_unary(const Token& token) {
  if (token.type != 'o') return false;
  if (token.text.size() == 1) return std::string_view("+-!~").find(token.text[0]) != std::string_view::npos;
  return token.text == "!!" || equal(token.text, "NOT");
}

Folded fold(std::string_view text, char quote, Comments comments) { return Folder(text, quote, comments).run(); }

}  // namespace ringwall::waf::sqli
