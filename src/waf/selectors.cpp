// ARGS|!ARGS:csrf|&REQUEST_HEADERS:Host|REQUEST_COOKIES:'/^a|b/'|XML:/*
//
//   list     := selector ( ("|" | ",") selector )*          libmodsecurity takes the comma too
//   selector := [ "!" | "&" ] NAME [ (":" | ".") key ]
//   key      := "/" regex "/" | "'/" regex "/'" | "'" text "'" | text up to the next separator
//
// A regex ends at the first '/' behind which a selector can end, so that '|' and '/' may stand in it.
#include <fmt/format.h>

#include "waf/detail/seclang.h"

namespace ringwall::waf {

namespace seclang {

namespace {

constexpr std::string_view kXPaths[] = {"/*", "//@*"};

bool is_separator(char c) { return c == '|' || c == ','; }

// Whether a selector can end at `at`, blanks aside.
bool selector_ends(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank_byte(text[at])) ++at;
  return at == text.size() || is_separator(text[at]);
}

// The `closing` byte that ends the key begun before `from`; npos when there is none.  Each byte is looked at
// once, blanks twice: they stand between two candidates at most.
std::size_t key_end(std::string_view text, std::size_t from, char closing) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == closing && selector_ends(text, i + 1))
      return i;
  }
  return std::string_view::npos;
}

class SelectorReader {
 public:
  SelectorReader(const Where& where, std::string_view text) : where_(where), text_(text) {}

  Result<std::vector<Selector>> run() {
    std::vector<Selector> out;
    for (;;) {
      if (out.size() == kSelectorsMax) {
        return where_.fail(text_.substr(at_), fmt::format("more than {} variables", kSelectorsMax), {},
                           Errc::kLimit);
      }
      out.push_back(RW_TRY(one()));
      if (at_ == text_.size()) return out;
      ++at_;  // the separator
    }
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank_byte(text_[at_])) ++at_;
  }

  Result<Selector> one() {
    Selector selector;
    skip_blanks();
    const auto begin = at_;
    if (at_ < text_.size() && (text_[at_] == '!' || text_[at_] == '&')) {
      (text_[at_] == '!' ? selector.exclude : selector.count) = true;
      ++at_;
      skip_blanks();
    }
    const auto name_at = at_;
    while (at_ < text_.size() && is_word_byte(text_[at_])) ++at_;
    const auto name = text_.substr(name_at, at_ - name_at);
    const auto variable = variable_named(name);
    if (!variable) return not_a_variable(begin, name);
    selector.variable = *variable;
    if (at_ < text_.size() && (text_[at_] == ':' || text_[at_] == '.')) {
      if (!is_collection(*variable)) {
        return where_.fail(
            text_.substr(at_),
            fmt::format("{} holds a single value, no parts that a name could choose", name_of(*variable)));
      }
      ++at_;
      RW_TRY(key(selector));
    }
    skip_blanks();
    if (at_ < text_.size() && !is_separator(text_[at_])) {
      const auto rest = text_.substr(at_);
      return where_.fail(rest, fmt::format("expected '|' between variables, found '{}'", shown(rest)));
    }
    return selector;
  }

  Error not_a_variable(std::size_t begin, std::string_view name) {
    const auto all = text_.substr(begin);
    const auto found = all.substr(0, all.find_first_of("|,"));
    if (same_word(name, "WEBSERVER_ERROR_LOG"))
      return where_.fail(all, "the variable WEBSERVER_ERROR_LOG is not supported");
    return where_.fail(found, fmt::format("'{}' is not a variable", shown(trim_blanks(found))),
                       did_you_mean(name, variable_names()));
  }

  Result<void> key(Selector& selector) {
    const bool xml = selector.variable == Variable::kXml;
    const auto begin = at_;
    if (at_ < text_.size() && text_[at_] == '\'') {
      const auto end = key_end(text_, at_ + 1, '\'');
      if (end == std::string_view::npos) return where_.fail(text_.substr(at_), "this ' is never closed");
      take(selector, text_.substr(at_ + 1, end - at_ - 1), !xml);
      at_ = end + 1;
    } else if (const auto end = xml ? std::string_view::npos : regex_end(); end != std::string_view::npos) {
      take(selector, text_.substr(at_, end - at_ + 1), true);
      at_ = end + 1;
    } else {
      while (at_ < text_.size() && !is_separator(text_[at_])) ++at_;
      take(selector, trim_blanks(text_.substr(begin, at_ - begin)), false);
    }
    const auto written = text_.substr(begin, at_ - begin);
    if (selector.key.empty())
      return where_.fail(written, fmt::format("{}: is followed by no name", name_of(selector.variable)));
    if (selector.key.find("%{") != std::string::npos)
      return where_.fail(written, "a macro cannot choose a part of a variable");
    if (!xml) return {};
    selector.kind = Selector::Kind::kXPath;
    for (const auto path : kXPaths) {
      if (selector.key == path) return {};
    }
    return where_.fail(written, fmt::format("the XPath '{}' is not supported", shown(selector.key)),
                       "XML:/* is the text of all elements, XML://@* are the values of all attributes");
  }

  // The closing '/' of a regex that begins here; npos when it is none.  A '/' alone is the first byte of a
  // name.
  std::size_t regex_end() {
    if (at_ == text_.size() || text_[at_] != '/' || no_slash_ends_) return std::string_view::npos;
    const auto end = key_end(text_, at_ + 1, '/');
    no_slash_ends_ =
        end == std::string_view::npos;  // nor will one further on: the rest is not searched again for each
    return end;
  }

  static void take(Selector& selector, std::string_view text, bool may_be_regex) {
    if (may_be_regex && text.size() > 2 && text.front() == '/' && text.back() == '/') {
      selector.kind = Selector::Kind::kRegex;
      text = text.substr(1, text.size() - 2);
    } else {
      selector.kind = Selector::Kind::kName;
    }
    selector.key = text;
  }

  const Where& where_;
  std::string_view text_;
  std::size_t at_ = 0;
  bool no_slash_ends_ = false;
};

}  // namespace

Result<std::vector<Selector>> selectors_of(const Where& where, std::string_view text) {
  return SelectorReader(where, text).run();
}

}  // namespace seclang

Result<std::vector<Selector>> parse_selectors(std::string_view text) {
  return seclang::selectors_of({text}, text);
}

}  // namespace ringwall::waf
