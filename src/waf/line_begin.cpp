// The one difference between RE2 and PCRE2 that cannot be written away: behind a newline that ends the text ^ is a line's begin for
// RE2 only.  It shows where a match can end with a ^, and few patterns can.
#include "waf/detail/line_begin.h"

#include <algorithm>

namespace ringwall::waf::detail {

namespace {

constexpr int kLineBeginDepthMax = 200;

// Reads what RE2 has compiled, so what is here has its right form.
class LineBegins {
 public:
  explicit LineBegins(std::string_view pattern) : text_(pattern) {}
  bool read() { return alternatives(0).begins_at_end || unknown_ || at_ != text_.size(); }

 private:
  struct Part {
    bool may_be_empty = true;
    bool begins_at_end = false;  // a match of it may end with a ^
  };

  bool more() const { return at_ < text_.size(); }
  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }

  Part alternatives(int depth) {
    Part any{false, false};
    do {
      Part all;
      while (more() && text_[at_] != '|' && text_[at_] != ')' && !unknown_) {
        const auto next = repeated(depth);
        all.begins_at_end = next.begins_at_end || (all.begins_at_end && next.may_be_empty);
        all.may_be_empty = all.may_be_empty && next.may_be_empty;
      }
      any.begins_at_end = any.begins_at_end || all.begins_at_end;
      any.may_be_empty = any.may_be_empty || all.may_be_empty;
    } while (!unknown_ && take("|"));
    return any;
  }

  Part repeated(int depth) {
    auto part = atom(depth);
    for (;;) {
      if (take("*") || take("?")) {
        part.may_be_empty = true;
      } else if (more() && text_[at_] == '{') {
        // {0} and {0,3}; of what is no count the braces are bytes, and not to be empty is what one says of them too.
        part.may_be_empty = part.may_be_empty || text_.substr(at_).starts_with("{0");
        at_ = std::min(text_.find('}', at_), text_.size() - 1) + 1;
      } else if (!take("+")) {
        return part;
      }
    }
  }

  Part atom(int depth) {
    switch (text_[at_++]) {
      case '^': return {true, true};
      case '$': return {};
      case '(': return group(depth);
      case '[': return char_class();
      case '\\': return escape();
      default: return {false, false};
    }
  }

  Part group(int depth) {
    if (depth == kLineBeginDepthMax) {
      unknown_ = true;
      return {};
    }
    if (take("?")) {
      // A name, or flags.
      while (more() && text_[at_] != ':' && text_[at_] != '>' && text_[at_] != ')') ++at_;
      if (take(")")) return {};
      ++at_;
    }
    const auto part = alternatives(depth + 1);
    unknown_ = unknown_ || !take(")");
    return part;
  }

  Part char_class() {
    take("^");
    take("]");
    while (more() && text_[at_] != ']') {
      if (take("[:")) {
        while (more() && !take(":]")) ++at_;
      } else {
        at_ += text_[at_] == '\\' ? 2 : 1;
      }
    }
    unknown_ = unknown_ || !take("]");
    return {false, false};
  }

  Part escape() {
    if (!more()) {
      unknown_ = true;
      return {};
    }
    const char c = text_[at_++];
    unknown_ = unknown_ || c == 'Q';  // what follows is no pattern
    return {std::string_view("AbBzZ").find(c) != std::string_view::npos, false};
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  bool unknown_ = false;
};

}  // namespace

bool may_end_with_line_begin(std::string_view pattern) { return LineBegins(pattern).read(); }

}  // namespace ringwall::waf::detail
