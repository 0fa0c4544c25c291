// @detectXSS: the text is read as HTML from where it may have been put into a page: between tags, and inside an attribute's
// value with each kind of quotes.  Tags, attributes and addresses that run or load something are an attack.
//
// Reading follows the tokenizer of HTML 5 with what old browsers add to it (zero bytes, backticks, <%), as libinjection 3.9.2
// does, but for two slips that let attacks through: it takes the tag behind "</>" or "</a >" for a closing one, and inside of a
// tag the byte FF for the end of the text.
#include <algorithm>
#include <iterator>

#include "waf/detect.h"

namespace ringwall::waf {

namespace xss {

namespace {

constexpr auto npos = std::string_view::npos;

enum class Kind { kTagName, kAttributeName, kAttributeValue, kComment, kDoctype };

struct Piece {
  Kind kind = Kind::kTagName;
  std::string_view text;
};

constexpr bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; }
constexpr bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

bool equal(std::string_view text, std::string_view upper_case) {
  return std::equal(text.begin(), text.end(), upper_case.begin(), upper_case.end(), [](char a, char b) { return upper(a) == b; });
}
bool begins_with(std::string_view text, std::string_view upper_case) { return equal(text.substr(0, upper_case.size()), upper_case); }
// Old Internet Explorers take no notice of zero bytes in names.
bool equal_without_zeros(std::string_view text, std::string_view upper_case) {
  std::size_t matched = 0;
  for (const char c : text) {
    if (c == '\0') continue;
    if (matched == upper_case.size() || upper(c) != upper_case[matched]) return false;
    ++matched;
  }
  return matched == upper_case.size();
}

// Where reading goes on.
enum class State { kText, kTagName, kBeforeName, kAfterName, kBeforeValue, kTagEnd, kEnd };

class Html {
 public:
  // Inside a value with `quote`; 0: see `state`.
  Html(std::string_view text, State state, char quote) : text_(text), state_(state), first_quote_(quote) {}

  bool next(Piece& piece) {
    if (first_quote_ != 0) {
      const char quote = first_quote_;
      first_quote_ = 0;
      return quoted_value(piece, quote);
    }
    for (;;) {
      switch (state_) {
        case State::kText: {
          at_ = text_.find('<', at_);
          if (at_ == npos) return end();
          ++at_;
          if (tag(piece)) return true;
          break;
        }
        case State::kTagName:
          if (tag_name(piece)) return true;
          break;
        case State::kBeforeName:
          while (at_ < text_.size() && (blank(text_[at_]) || text_[at_] == '/')) ++at_;
          if (at_ == text_.size()) return end();
          if (text_[at_] != '>') return attribute_name(piece);
          state_ = State::kTagEnd;
          break;
        case State::kAfterName:
          skip_blanks();
          if (at_ == text_.size()) return end();
          if (text_[at_] == '=') {
            ++at_;
            state_ = State::kBeforeValue;
            break;
          }
          state_ = State::kBeforeName;
          break;
        case State::kBeforeValue: {
          skip_blanks();
          if (at_ == text_.size()) return end();
          const char quote = text_[at_];
          if (quote != '"' && quote != '\'' && quote != '`') return bare_value(piece);
          ++at_;
          return quoted_value(piece, quote);
        }
        case State::kTagEnd:
          ++at_;
          state_ = State::kText;
          break;
        case State::kEnd: return false;
      }
    }
  }

 private:
  bool end() {
    at_ = text_.size();
    state_ = State::kEnd;
    return false;
  }
  void skip_blanks() {
    while (at_ < text_.size() && blank(text_[at_])) ++at_;
  }
  // The piece ends at `end`; `behind` bytes there belong to nothing.
  bool take(Piece& piece, Kind kind, std::size_t end, std::size_t behind, State state) {
    piece = {kind, text_.substr(at_, end - at_)};
    at_ = std::min(end + behind, text_.size());
    state_ = end == text_.size() ? State::kEnd : state;
    return true;
  }
  bool take_until(Piece& piece, Kind kind, std::string_view terminator) {
    return take(piece, kind, std::min(text_.find(terminator, at_), text_.size()), terminator.size(), State::kText);
  }

  // Behind a '<'.  False: no piece begins here; go on in state_.
  bool tag(Piece& piece) {
    const auto rest = text_.substr(at_);
    if (rest.empty()) return end();
    const bool closes = rest[0] == '/';
    const char first = closes && rest.size() > 1 ? rest[1] : rest[0];
    if (closes) {
      ++at_;
      if (rest.size() == 1) return end();
      if (first == '>') return false;
      if (!letter(first)) return take_until(piece, Kind::kComment, ">");
    }
    if (letter(first) || first == '\0') {
      closes_ = closes;
      state_ = State::kTagName;
      return false;
    }
    if (first == '?' || first == '%') {
      ++at_;
      return take_until(piece, Kind::kComment, first == '?' ? ">" : "%>");
    }
    if (first != '!') return false;
    ++at_;
    const auto declaration = rest.substr(1);
    if (begins_with(declaration, "DOCTYPE")) return take_until(piece, Kind::kDoctype, ">");
    if (declaration.starts_with("[CDATA[")) {
      const auto found = text_.find("]]>", at_ + 7);
      if (found == npos) return end();
      at_ = found + 3;
      return false;
    }
    if (!declaration.starts_with("--")) return take_until(piece, Kind::kComment, ">");
    at_ += 2;
    return comment(piece);
  }

  // Ends with --> or -!>, where zero bytes may follow the first.
  bool comment(Piece& piece) {
    for (auto dash = text_.find('-', at_); dash != npos && dash + 2 < text_.size(); dash = text_.find('-', dash + 1)) {
      auto behind = dash + 1;
      while (behind < text_.size() && text_[behind] == '\0') ++behind;
      if (behind + 1 >= text_.size()) break;
      if ((text_[behind] == '-' || text_[behind] == '!') && text_[behind + 1] == '>') {
        return take(piece, Kind::kComment, dash, behind + 2 - dash, State::kText);
      }
    }
    return take(piece, Kind::kComment, text_.size(), 0, State::kEnd);
  }

  // False: it is of no interest, go on in state_.
  bool tag_name(Piece& piece) {
    auto end = at_;
    while (end < text_.size() && text_[end] != '>' && text_[end] != '/' && (text_[end] == '\0' || !blank(text_[end]))) ++end;
    const bool ends = end < text_.size() && text_[end] == '>';
    take(piece, Kind::kTagName, end, ends ? 0 : 1, ends ? State::kTagEnd : State::kBeforeName);
    return !(closes_ && ends);  // a closing tag does nothing; with attributes it is none
  }

  // Its first byte may be any.
  bool attribute_name(Piece& piece) {
    auto end = at_ + 1;
    while (end < text_.size() && text_[end] != '>' && text_[end] != '/' && text_[end] != '=' && !blank(text_[end])) ++end;
    const char c = end < text_.size() ? text_[end] : '\0';
    return take(piece, Kind::kAttributeName, end, c == '>' ? 0 : 1,
                c == '>' ? State::kTagEnd : c == '=' ? State::kBeforeValue : c == '/' ? State::kBeforeName : State::kAfterName);
  }

  bool quoted_value(Piece& piece, char quote) {
    return take(piece, Kind::kAttributeValue, std::min(text_.find(quote, at_), text_.size()), 1, State::kBeforeName);
  }
  bool bare_value(Piece& piece) {
    auto end = at_;
    while (end < text_.size() && text_[end] != '>' && !blank(text_[end])) ++end;
    return take(piece, Kind::kAttributeValue, end, 0, State::kBeforeName);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  State state_;
  char first_quote_;
  bool closes_ = false;  // the tag that is being read
};

constexpr std::string_view kTags[] = {
    "APPLET", "BASE", "COMMENT", "EMBED", "FRAME", "FRAMESET", "HANDLER", "IFRAME", "IMPORT", "ISINDEX", "LINK", "LISTENER", "META",
    "NOSCRIPT", "OBJECT", "SCRIPT", "STYLE", "VMLFRAME", "XML", "XSS",
};
bool tag_is_attack(std::string_view name) {
  if (name.size() < 3) return false;
  if (begins_with(name, "SVG") || begins_with(name, "XSL")) return true;
  return std::any_of(std::begin(kTags), std::end(kTags), [name](std::string_view tag) { return equal_without_zeros(name, tag); });
}

// What the value of an attribute can do.
enum class Attribute { kNothing, kRuns, kAddress, kNamesAttribute };

struct NamedAttribute {
  std::string_view name;
  Attribute what;
};
constexpr NamedAttribute kAttributes[] = {
    {"ACTION", Attribute::kAddress},     {"ATTRIBUTENAME", Attribute::kNamesAttribute},  // SVG
    {"BACKGROUND", Attribute::kAddress}, {"BY", Attribute::kAddress},
    {"DATAFORMATAS", Attribute::kRuns},  {"DATASRC", Attribute::kRuns},
    {"DYNSRC", Attribute::kAddress},     {"FILTER", Attribute::kRuns},
    {"FOLDER", Attribute::kAddress},     {"FORMACTION", Attribute::kAddress},
    {"FROM", Attribute::kAddress},       {"HANDLER", Attribute::kAddress},
    {"HREF", Attribute::kAddress},       {"LOWSRC", Attribute::kAddress},
    {"POSTER", Attribute::kAddress},     {"SRC", Attribute::kAddress},
    {"STYLE", Attribute::kRuns},         {"TO", Attribute::kAddress},
    {"VALUES", Attribute::kAddress},     {"XLINK:HREF", Attribute::kAddress},
};
constexpr std::size_t kHandlerBytesMin = 5;  // "onend"; what is shorter was found in too many addresses ("/on=x")

Attribute attribute_of(std::string_view name) {
  if (name.size() < 2) return Attribute::kNothing;
  if (name.size() >= kHandlerBytesMin && begins_with(name, "ON")) return Attribute::kRuns;
  if (begins_with(name, "XMLNS") || begins_with(name, "XLINK")) return Attribute::kRuns;
  for (const auto& known : kAttributes) {
    if (equal_without_zeros(name, known.name)) return known.what;
  }
  return Attribute::kNothing;
}

// Takes one character off the front, with numbers like &#106; and &#x6a decoded.
int take_character(std::string_view& text) {
  constexpr int kCharacterMax = 0x1000FF;  // anything above is no number but an '&'
  const auto digit = [](char c, int base) {
    if (c >= '0' && c <= '9') return c - '0';
    const char u = upper(c);
    return base == 16 && u >= 'A' && u <= 'F' ? u - 'A' + 10 : -1;
  };
  if (text.starts_with("&#")) {
    const int base = text.size() > 2 && upper(text[2]) == 'X' ? 16 : 10;
    const std::size_t begin = base == 16 ? 3 : 2;
    auto end = begin;
    int value = 0;
    for (; end < text.size() && digit(text[end], base) >= 0 && value <= kCharacterMax; ++end) value = value * base + digit(text[end], base);
    if (end > begin && value <= kCharacterMax) {
      text.remove_prefix(end < text.size() && text[end] == ';' ? end + 1 : end);
      return value;
    }
  }
  const int c = static_cast<unsigned char>(text[0]);
  text.remove_prefix(1);
  return c;
}

// As browsers read an address: what is before it, line ends and zero bytes do not count.
bool address_begins_with(std::string_view text, std::string_view upper_case) {
  bool first = true;
  while (!text.empty() && !upper_case.empty()) {
    const int c = take_character(text);
    if ((first && c <= ' ') || c == '\0' || c == '\n') continue;
    first = false;
    if (static_cast<char>(c >= 'a' && c <= 'z' ? c - 0x20 : c) != upper_case[0]) return false;
    upper_case.remove_prefix(1);
  }
  return upper_case.empty();
}

bool address_is_attack(std::string_view text) {
  const auto visible = [](char c) { return c > ' ' && c < '\x7F'; };
  while (!text.empty() && !visible(text[0])) text.remove_prefix(1);
  constexpr std::string_view kSchemes[] = {"DATA", "VIEW-SOURCE", "JAVA", "VBSCRIPT"};
  return std::any_of(std::begin(kSchemes), std::end(kSchemes), [text](std::string_view scheme) { return address_begins_with(text, scheme); });
}

bool comment_is_attack(std::string_view text) {
  if (text.find('`') != npos) return true;  // ends a tag in Internet Explorer
  if (text.size() > 3 && (begins_with(text, "[IF") || begins_with(text, "XML"))) return true;
  return begins_with(text, "IMPORT") || begins_with(text, "ENTITY");
}

bool is_attack(std::string_view text, State state, char quote) {
  Html html(text, state, quote);
  auto attribute = Attribute::kNothing;
  for (Piece piece; html.next(piece);) {
    switch (piece.kind) {
      case Kind::kDoctype: return true;
      case Kind::kTagName:
        if (tag_is_attack(piece.text)) return true;
        break;
      case Kind::kAttributeName: attribute = attribute_of(piece.text); continue;
      case Kind::kAttributeValue:
        if (attribute == Attribute::kRuns) return true;
        if (attribute == Attribute::kAddress && address_is_attack(piece.text)) return true;
        if (attribute == Attribute::kNamesAttribute && attribute_of(piece.text) != Attribute::kNothing) return true;
        break;
      case Kind::kComment:
        if (comment_is_attack(piece.text)) return true;
        break;
    }
    attribute = Attribute::kNothing;
  }
  return false;
}

}  // namespace

}  // namespace xss

bool detect_xss(std::string_view text) {
  using xss::is_attack, xss::State;
  if (text.find('<') != std::string_view::npos && is_attack(text, State::kText, 0)) return true;
  if (is_attack(text, State::kBeforeName, 0)) return true;
  for (const char quote : {'\'', '"', '`'}) {
    if (text.find(quote) != std::string_view::npos && is_attack(text, State::kBeforeName, quote)) return true;
  }
  return false;
}

}  // namespace ringwall::waf
