// Text with wildcards, and the three ways in which text is compared.  SQL and the live tail share the definitions
// here, so that a search finds the same records in both.
//
//   equal      byte for byte; with wildcards, '*' is any run of characters and '?' is one     tags, attributes
//   phrase     anywhere in the text, upper and lower case alike                               "quoted" in messages
//   words      like a phrase, and not in the middle of a word: before a pattern that begins   words in messages
//              with a word character, and after one that ends with one, comes none.
//              '*' is any run of characters other than white space, '?' is one.
//
// Word characters are letters, digits and '_' of ASCII and every character beyond ASCII.  A letter is alike to its
// other case as Unicode's simple mapping has it (a ~ A, ä ~ Ä; not ß ~ SS); an ASCII letter only to an ASCII letter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringwall::query {

// literals[0] wildcards[0] literals[1] … ; no wildcard: plain text.
struct Pattern {
  std::vector<std::string> literals = {""};
  std::string wildcards;  // '*' and '?'

  Pattern() = default;
  explicit Pattern(std::string text) : literals{std::move(text)} {}
  bool plain() const { return wildcards.empty(); }
  // Only of a plain pattern.
  const std::string& text() const { return literals.front(); }
  // Every text matches.
  bool any() const { return wildcards == "*" && literals[0].empty() && literals[1].empty(); }
  // As a user would write it.
  std::string show() const;
};

// The whole text, case-sensitive.
bool matches_whole(const Pattern& pattern, std::string_view text);
// For LIKE; `needs_escape` says that it wants ESCAPE '\'.
std::string like_pattern(const Pattern& pattern, bool& needs_escape);

enum class TextMode { kPhrase, kWords };

// A search within text, prepared once and run over many texts.  Thread-safe.
class TextSearch {
 public:
  TextSearch() = default;
  TextSearch(Pattern pattern, TextMode mode);
  bool matches(std::string_view text) const;

  // Regular expressions (RE2 syntax) of the same meaning.  `loose` holds whenever `exact` does and is three times
  // faster, because RE2 can look for its first characters; it is empty when it would be the same.
  std::string exact() const;
  std::string loose() const;

  // What a text that matches surely contains: ASCII words in lower case, and ASCII pieces of at least 3 bytes.
  std::vector<std::string> words() const;
  std::vector<std::string> fragments() const;

  const Pattern& pattern() const { return pattern_; }
  TextMode mode() const { return mode_; }

 private:
  struct Element {
    enum class Kind { kCharacter, kAnyRun, kAnyOne } kind;
    char32_t lower, upper;  // of kCharacter: matches either
    char32_t character;
  };
  bool matches_ascii(std::string_view text) const;
  bool matches_elements(const std::u32string& text) const;
  std::string body() const;

  Pattern pattern_;
  TextMode mode_ = TextMode::kPhrase;
  std::vector<Element> elements_;
  bool ascii_ = true;              // plain and all ASCII: compared byte by byte
  bool bounded_begin_ = false, bounded_end_ = false;
  std::string lower_;              // of an ASCII pattern
};

// Letters that are alike: the character itself, its lower and its upper case.
char32_t lower_of(char32_t character);
char32_t upper_of(char32_t character);
// Invalid bytes become U+FFFD, one each as base::to_utf8() does.
std::u32string characters_of(std::string_view utf8);

}  // namespace ringwall::query
