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
#include "places/address_set.h"
#include "waf/transform.h"

namespace ringwall::waf {

// As atoi() reads: blanks, a sign, digits, and whatever follows is ignored; no digits are 0.  Saturates.
std::int64_t number_of(std::string_view text);

// @contains and, the other way round, @within; linear whatever both are, which std::string_view::find is not.
bool contains(std::string_view text, std::string_view part);
// @containsWord: with no letter beside it (digits and '_' may be).
bool contains_word(std::string_view text, std::string_view word);

// "10,13,32-126": the bytes that are allowed.  kInvalid for what is no such list.
Result<ByteSet> parse_byte_range(std::string_view argument);
// True when the text has a byte outside `allowed` (which is when @validateByteRange matches).
bool outside_range(std::string_view text, const ByteSet& allowed);

// True when a % is not followed by two hexadecimal digits (which is when @validateUrlEncoding matches).
bool bad_url_encoding(std::string_view text);
// True when the text is not UTF-8: overlong forms, surrogates and values above 10FFFF count (@validateUtf8Encoding).
bool bad_utf8(std::string_view text);

// "127.0.0.1", "::1", "192.168.0.0/24", "192.0.2.1-192.0.2.9": places/address_set.h with texts around it.
class IpSet {
 public:
  // An entry is one address or network, or several with ',' between; blanks around it and what follows a '#' are ignored.
  // Fails with kInvalid, and names the entry, for anything else.
  static Result<IpSet> parse(const std::vector<std::string_view>& entries);
  bool contains(std::string_view address) const;  // text; false for what is no address
  std::size_t size() const { return addresses_.size(); }

 private:
  places::AddressSet addresses_;
};

// Numbers in a text that pass their check digits: the text has a run matched by `candidate` (offset, size) that is a valid
// credit card (Luhn), CPF, US social security or SVNR number.
bool valid_credit_card(std::string_view candidate);
bool valid_cpf(std::string_view candidate);
bool valid_ssn(std::string_view candidate);
bool valid_svnr(std::string_view candidate);

// Many phrases looked for at once, any case (ASCII): @pm and @pmFromFile.
//
// Aho-Corasick over classes of folded bytes.  States are numbered level by level, so the children of one follow each other.
// The first of them, where a text mostly is, have a complete row of successors; the others only their children and the state
// to fall back to.  Small sets have rows alone; CRS's largest list (1,831 phrases, 68 KB) takes 550 KB.
class PhraseSet {
 public:
  // Empty phrases are ignored; without phrases nothing is found.  Fails with kLimit past kPhraseBytesMax or
  // kPhraseSetBytesMax.
  static Result<PhraseSet> make(const std::vector<std::string>& phrases);
  // The match that ends first, of several that end there the longest; false: none.  `offset` and `size` are of the phrase in
  // the text.
  bool find(std::string_view text, std::size_t& offset, std::size_t& size) const;

  std::size_t bytes_used() const;

  static constexpr std::size_t kPhraseBytesMax = 0xFFFF;
  static constexpr std::size_t kPhraseSetBytesMax = 64 << 20;

 private:
  struct Sparse {
    std::uint32_t children;  // the first; they end where those of the next state begin
    std::uint32_t fallback;  // the longest other state that is an end of this one
  };
  std::uint32_t step(std::uint32_t state, std::uint8_t byte_class) const;

  std::vector<std::uint8_t> class_;      // of each byte; 0: in no phrase
  std::uint32_t classes_ = 1;
  std::vector<std::uint32_t> rows_;      // state * classes_ + class, for the first states
  std::uint32_t row_count_ = 0;
  std::vector<Sparse> sparse_;           // for the others, and one past the end
  std::vector<std::uint8_t> last_class_; // of each state: the class that leads to it from its parent
  std::vector<std::uint16_t> found_;     // of each state: the size of the longest phrase that ends there, 0 for none
};

// @pm's argument: words separated by blanks, perhaps in double quotes all together.  |hex| stands for bytes
// ("A|42 43|D", none of them separates); a '|' without such digits is itself.  \\ \" \: \; stand for the second of them
// unless the argument has another '\', then all are themselves.
std::vector<std::string> parse_phrases(std::string_view argument);

}  // namespace ringwall::waf
