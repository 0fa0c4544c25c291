#include "query/search.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace ringwall::query {

namespace {

using Kind = Search::Kind;

constexpr std::string_view kWildcardHint = "put it in quotes to search for it as it is: \"…\"";

bool search_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// A word as the lexer cuts it: up to white space, a parenthesis or a quote.
struct Word {
  Pattern pattern;
  std::size_t begin = 0, end = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Search> run() {
    skip_space();
    if (at_end()) return Search{};
    Search search = RW_TRY(parse_or(nullptr, 0));
    if (!at_end()) return search_error(at_, "')' without '('", "remove it, or put it in quotes");
    return search;
  }

 private:
  // What a group `field:( … )` gives to the values inside.
  struct Field {
    std::string name;
    bool attribute = false;
    std::size_t offset = 0;
  };

  bool at_end() const { return at_ == text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip_space() {
    while (!at_end() && search_space(peek())) ++at_;
  }
  bool word_ends(std::size_t at) const {
    return at >= text_.size() || search_space(text_[at]) || text_[at] == '(' || text_[at] == ')' || text_[at] == '"';
  }
  bool keyword(std::string_view word) const { return text_.substr(at_, word.size()) == word && word_ends(at_ + word.size()); }
  bool accept_keyword(std::string_view word) {
    if (!keyword(word)) return false;
    at_ += word.size();
    skip_space();
    return true;
  }
  bool term_starts() const { return !at_end() && peek() != ')'; }

  Result<Search> parse_or(const Field* field, std::size_t depth) {
    if (depth > kSearchDepthMax) {
      return search_error(at_, fmt::format("more than {} levels of nesting", kSearchDepthMax), {}, Errc::kLimit);
    }
    return parse_list(Kind::kOr, "OR", [&] { return parse_and(field, depth); });
  }

  Result<Search> parse_and(const Field* field, std::size_t depth) {
    if (keyword("OR") || keyword("AND")) return nothing_before();
    Search search;
    search.kind = Kind::kAnd;
    search.offset = at_;
    do {
      search.children.push_back(RW_TRY(parse_not(field, depth)));
      if (accept_keyword("AND")) {
        if (!term_starts() || keyword("OR") || keyword("AND")) return nothing_after("AND");
      }
    } while (term_starts() && !keyword("OR"));
    return search.children.size() == 1 ? std::move(search.children[0]) : std::move(search);
  }

  template <class Next>
  Result<Search> parse_list(Kind kind, std::string_view word, Next next) {
    Search search;
    search.kind = kind;
    search.offset = at_;
    do {
      if (!term_starts()) return nothing_after(word);
      search.children.push_back(RW_TRY(next()));
    } while (accept_keyword(word));
    return search.children.size() == 1 ? std::move(search.children[0]) : std::move(search);
  }

  Error nothing_before() const {
    const std::string_view word = keyword("OR") ? "OR" : "AND";
    return search_error(at_, fmt::format("nothing before '{}'", word), "to search for the word itself: \"" + std::string(word) + "\"");
  }
  Error nothing_after(std::string_view word) const { return search_error(at_, fmt::format("nothing after '{}'", word)); }

  Result<Search> parse_not(const Field* field, std::size_t depth) {
    if (depth > kSearchDepthMax) {
      return search_error(at_, fmt::format("more than {} levels of nesting", kSearchDepthMax), {}, Errc::kLimit);
    }
    const auto offset = at_;
    if (accept_keyword("NOT")) {
      if (!term_starts() || keyword("OR") || keyword("AND")) return nothing_after("NOT");
    } else if (peek() == '-') {
      ++at_;
      if (at_end() || search_space(peek()) || peek() == ')') {
        return search_error(offset, "nothing after '-'", std::string(kWildcardHint));
      }
    } else {
      return parse_term(field, depth);
    }
    Search search;
    search.kind = Kind::kNot;
    search.offset = offset;
    search.children.push_back(RW_TRY(parse_not(field, depth + 1)));
    return search;
  }

  Result<Search> parse_term(const Field* field, std::size_t depth) {
    if (peek() == '(') return parse_group(field, depth);
    if (++terms_ > kSearchTermsMax) {
      return search_error(at_, fmt::format("more than {} terms", kSearchTermsMax), {}, Errc::kLimit);
    }
    if (field != nullptr) return parse_value(*field, depth);
    if (peek() == '"') return parse_value({.offset = at_}, depth);

    // A name and a colon, or text for the message.
    const auto begin = at_;
    const Word name = RW_TRY(lex_word(/*stop_at_colon=*/true));
    if (peek() != ':') return finish_text(Search{.offset = begin, .value_offset = begin}, name.pattern);
    ++at_;
    Field named{.offset = begin};
    if (!name.pattern.plain()) {
      return search_error(begin, fmt::format("'{}' is not a field: names have no wildcards", name.pattern.show()), std::string(kWildcardHint));
    }
    named.name = name.pattern.text();
    if (!named.name.empty() && named.name[0] == '@' && text_[begin] == '@') {
      named.attribute = true;
      named.name.erase(0, 1);
    }
    if (named.name.empty()) return search_error(begin, "no field name before ':'", std::string(kWildcardHint));
    if (at_end() || search_space(peek()) || peek() == ')') {
      return search_error(at_, fmt::format("no value after '{}:'", text_.substr(begin, at_ - begin - 1)),
                          "write it without a space, as in service:web, or put the text in quotes");
    }
    if (peek() == '(') return parse_group(&named, depth);
    return parse_value(named, depth);
  }

  Result<Search> parse_group(const Field* field, std::size_t depth) {
    const auto open = at_++;
    skip_space();
    if (at_end()) return search_error(open, "'(' without ')'", "close it, or put it in quotes");
    if (peek() == ')') return search_error(at_, "nothing between '(' and ')'");
    Search search = RW_TRY(parse_or(field, depth + 1));
    if (at_end()) return search_error(open, "'(' without ')'", "close it, or put it in quotes");
    ++at_;
    skip_space();
    return search;
  }

  Result<Search> parse_value(const Field& field, std::size_t) {
    Search search{.field = field.name, .attribute = field.attribute, .offset = field.offset, .value_offset = at_};
    if (peek() == '"') {
      search.kind = Kind::kPhrase;
      search.text = Pattern(RW_TRY(lex_quoted()));
      skip_space();
      return search;
    }
    const bool named = !field.name.empty();
    if (named && (peek() == '[' || peek() == '{')) return parse_range(std::move(search));
    if (named && (peek() == '>' || peek() == '<')) {
      search.kind = Kind::kCompare;
      const bool greater = text_[at_++] == '>';
      const bool equal = peek() == '=' && !at_end();
      if (equal) ++at_;
      search.compare = greater ? (equal ? Search::Compare::kGreaterEqual : Search::Compare::kGreater)
                               : (equal ? Search::Compare::kLessEqual : Search::Compare::kLess);
      const auto begin = at_;
      search.text = Pattern(RW_TRY(lex_operand()));
      if (search.text.text().empty()) return search_error(begin, "no value to compare with", "as in status:>=500");
      skip_space();
      return search;
    }
    const Word word = RW_TRY(lex_word(/*stop_at_colon=*/false));
    return finish_text(std::move(search), word.pattern);
  }

  Result<Search> finish_text(Search search, const Pattern& pattern) {
    skip_space();
    if (search.field.empty() && pattern.any()) return Search{.offset = search.offset};
    search.kind = Kind::kText;
    search.text = pattern;
    return search;
  }

  Result<Search> parse_range(Search search) {
    const auto open = at_;
    search.kind = Kind::kRange;
    search.low.included = text_[at_++] == '[';
    RW_TRY(parse_bound(search.low, open));
    if (!accept_keyword("TO")) {
      return search_error(at_, "expected 'TO' between the two bounds of a range", "as in status:[400 TO 499]");
    }
    RW_TRY(parse_bound(search.high, open));
    if (at_end() || (peek() != ']' && peek() != '}')) {
      return search_error(open, "the range is not closed", "as in status:[400 TO 499]; * is an open end");
    }
    search.high.included = text_[at_++] == ']';
    skip_space();
    return search;
  }

  Result<void> parse_bound(Search::Bound& bound, std::size_t open) {
    skip_space();
    const auto begin = at_;
    if (peek() == '*' && (search_space(peek(1)) || peek(1) == ']' || peek(1) == '}')) {
      ++at_;
      bound.unbounded = true;
    } else {
      bound.text = RW_TRY(lex_operand());
      if (at_ == begin) return search_error(open, "a bound of the range is missing", "as in status:[400 TO 499]; * is an open end");
    }
    skip_space();
    return {};
  }

  // A value without wildcards: quoted, or up to white space, ']' , '}' or ')'.
  Result<std::string> lex_operand() {
    if (peek() == '"') return lex_quoted();
    std::string out;
    while (!word_ends(at_) && peek() != ']' && peek() != '}') {
      if (peek() == '\\') {
        if (at_ + 1 == text_.size()) return lone_backslash();
        ++at_;
      }
      out += text_[at_++];
    }
    return out;
  }

  Error lone_backslash() const { return search_error(at_, "'\\' at the end", "a backslash is written \\\\"); }

  Result<Word> lex_word(bool stop_at_colon) {
    Word word{.begin = at_};
    while (!word_ends(at_)) {
      const char c = peek();
      if (c == ':' && stop_at_colon) break;
      if (c == '\\') {
        if (at_ + 1 == text_.size()) return lone_backslash();
        word.pattern.literals.back() += text_[at_ + 1];
        at_ += 2;
      } else if (c == '*' || c == '?') {
        // "**" says no more than "*".
        if (!(c == '*' && !word.pattern.wildcards.empty() && word.pattern.wildcards.back() == '*' &&
              word.pattern.literals.back().empty())) {
          word.pattern.wildcards += c;
          word.pattern.literals.emplace_back();
        }
        ++at_;
      } else {
        word.pattern.literals.back() += c;
        ++at_;
      }
    }
    word.end = at_;
    return word;
  }

  Result<std::string> lex_quoted() {
    const auto open = at_++;
    std::string out;
    for (;;) {
      if (at_end()) return search_error(open, "the quote is not closed", "a quote inside quotes is written \\\"");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (c == '\\' && (peek() == '"' || peek() == '\\') && !at_end()) {
        out += text_[at_++];
      } else {
        out += c;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t terms_ = 0;
};

void show_quoted(std::string& out, std::string_view text) { base::append_json_string(out, text); }

void show_into(std::string& out, const Search& s) {
  const auto list = [&](std::string_view name) {
    out += '(';
    out += name;
    for (const auto& child : s.children) {
      out += ' ';
      show_into(out, child);
    }
    out += ')';
  };
  const auto field = [&] {
    out += s.field.empty() ? "message" : (s.attribute ? "@" : "") + s.field;
  };
  const auto bound = [&](const Search::Bound& b) {
    if (b.unbounded) {
      out += '*';
    } else {
      show_quoted(out, b.text);
    }
  };
  static constexpr std::string_view kCompares[] = {">", ">=", "<", "<="};
  switch (s.kind) {
    case Kind::kAll: out += "all"; break;
    case Kind::kAnd: list("and"); break;
    case Kind::kOr: list("or"); break;
    case Kind::kNot: list("not"); break;
    case Kind::kText:
      field();
      out += '~';
      out += s.text.show();
      break;
    case Kind::kPhrase:
      field();
      out += '=';
      show_quoted(out, s.text.text());
      break;
    case Kind::kCompare:
      field();
      out += kCompares[static_cast<int>(s.compare)];
      out += s.text.text();
      break;
    case Kind::kRange:
      field();
      out += s.low.included ? '[' : '{';
      bound(s.low);
      out += ' ';
      bound(s.high);
      out += s.high.included ? ']' : '}';
      break;
  }
}

}  // namespace

Result<Search> parse(std::string_view text) {
  if (text.size() > kSearchBytesMax) {
    return search_error(kSearchBytesMax, fmt::format("the search is longer than {} bytes", kSearchBytesMax), {}, Errc::kLimit);
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return search_error(i, "a zero byte in the search");
  }
  if (!base::valid_utf8(text)) {
    std::size_t good = 0;
    while (good < text.size() && base::valid_utf8(text.substr(0, good + 1))) ++good;
    return search_error(good, "the search is not UTF-8");
  }
  return Parser(text).run();
}

std::string show(const Search& search) {
  std::string out;
  show_into(out, search);
  return out;
}

Error search_error(std::size_t offset, std::string what, std::string hint, Errc code) {
  return fail(code, fmt::format("byte {}: {}", offset, what), std::move(hint));
}

std::optional<std::size_t> offset_of(const Error& error) {
  constexpr std::string_view kPrefix = "byte ";
  const std::string_view message = error.message;
  if (message.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const auto rest = message.substr(kPrefix.size());
  std::size_t offset = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), offset);
  if (code != std::errc{} || end == rest.data() + rest.size() || *end != ':') return std::nullopt;
  return offset;
}

}  // namespace ringwall::query
