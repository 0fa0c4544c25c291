// The operators of SecLang that are plain functions of a text and an argument; regular expressions, phrase sets and
// detectors have homes of their own (matcher.h, detect.h).
//
// Source: ModSecurity reference manual v3, "Operators", and what libmodsecurity 3.0.9 does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "waf/transform.h"

namespace ringwall::waf {

// As atoi() reads: blanks, a sign, digits, and whatever follows is ignored; no digits are 0.  Saturates.
std::int64_t number_of(std::string_view text);

// @within: the text is somewhere in the argument.  @containsWord: with no word character beside it.
bool contains_word(std::string_view text, std::string_view word);

// "10,13,32-126": the bytes that are allowed.  kInvalid for what is no range.
Result<ByteSet> parse_byte_range(std::string_view argument);
// True when the text has a byte outside `allowed` (which is when @validateByteRange matches).
bool outside_range(std::string_view text, const ByteSet& allowed);

// True when a % is not followed by two hexadecimal digits (which is when @validateUrlEncoding matches).
bool bad_url_encoding(std::string_view text);
// True when the text is not UTF-8: overlong forms, surrogates and values above 10FFFF count (@validateUtf8Encoding).
bool bad_utf8(std::string_view text);

// "127.0.0.1,::1,192.168.0.0/24": sorted ranges, so that a look-up is a binary search.  IPv4 is held as mapped IPv6.
class IpSet {
 public:
  static Result<IpSet> parse(const std::vector<std::string_view>& entries);
  bool contains(std::string_view address) const;  // text; false for what is no address
  std::size_t size() const { return ranges_.size(); }

 private:
  struct Range {
    std::uint8_t first[16], last[16];
  };
  std::vector<Range> ranges_;  // disjoint, ascending
};

// Numbers in a text that pass their check digits: the text has a run matched by `candidate` (offset, size) that is a valid
// credit card (Luhn), CPF, US social security or SVNR number.
bool valid_credit_card(std::string_view candidate);
bool valid_cpf(std::string_view candidate);
bool valid_ssn(std::string_view candidate);
bool valid_svnr(std::string_view candidate);

// Many phrases looked for at once, any case: @pm and @pmFromFile.  Aho-Corasick over folded bytes.
class PhraseSet {
 public:
  static Result<PhraseSet> make(const std::vector<std::string>& phrases);
  // The first match to end; false: none.  `offset` and `size` are of the phrase in the text.
  bool find(std::string_view text, std::size_t& offset, std::size_t& size) const;

 private:
  std::vector<std::uint16_t> byte_class_;   // 256
  std::vector<std::uint32_t> next_;         // state * classes + class
  std::vector<std::uint32_t> found_;        // per state: size of the longest phrase ending there, 0 for none
  std::uint32_t classes_ = 1;
};

// @pm's argument: words separated by blanks; |hex| stands for bytes ("A|42|C|44|F").
std::vector<std::string> parse_phrases(std::string_view argument);

}  // namespace ringwall::waf
