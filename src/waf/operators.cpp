#include "waf/operators.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "waf/detail/transform.h"

namespace ringwall::waf {

namespace {

// Whether no letter stands at `at`; beyond the text there is none, and there the library says no as well.
bool word_ends_at(std::string_view text, std::size_t at) { return at < text.size() && !transforms::letter(text[at]); }

bool stands_alone(std::string_view text, std::size_t at, std::size_t size) {
  return (at == 0 || word_ends_at(text, at - 1)) && (at + size == text.size() || word_ends_at(text, at + size));
}

// A polynomial hash of as many bytes as the word has, moved over the text a byte at a time.
class RollingHash {
 public:
  explicit RollingHash(std::string_view first) {
    for (const char c : first) hash_ = hash_ * kBase + static_cast<unsigned char>(c);
    for (std::size_t i = 0; i < first.size(); ++i) top_ *= kBase;
  }
  void move(char out, char in) { hash_ = hash_ * kBase + static_cast<unsigned char>(in) - top_ * static_cast<unsigned char>(out); }
  std::uint64_t value() const { return hash_; }

 private:
  static constexpr std::uint64_t kBase = 0x9E3779B97F4A7C15u;
  std::uint64_t hash_ = 0, top_ = 1;
};

std::optional<int> byte_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > 0xFF) return std::nullopt;
  return value;
}

// The first `Count` digits among other bytes; false when there are fewer.
template <std::size_t Count>
bool first_digits(std::string_view text, int (&digits)[Count]) {
  std::size_t count = 0;
  for (const char c : text.substr(0, text.find('\0'))) {
    if (count < Count && transforms::digit(c)) digits[count++] = c - '0';
  }
  return count == Count;
}

// 000…, 111…, and so on: every check digit is right and no such number was ever given out.
template <std::size_t Count>
bool all_same(const int (&digits)[Count]) {
  return std::all_of(std::begin(digits), std::end(digits), [&](int one) { return one == digits[0]; });
}
// first, first + 1, first + 2, …; after 9 comes 0.
template <std::size_t Count>
bool counts_up(const int (&digits)[Count], int first) {
  for (std::size_t i = 0; i < Count; ++i) {
    if (digits[i] != static_cast<int>((static_cast<std::size_t>(first) + i) % 10)) return false;
  }
  return true;
}

}  // namespace

std::int64_t number_of(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && transforms::blank(text[i])) ++i;
  const bool negative = i < text.size() && text[i] == '-';
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  const std::uint64_t limit = negative ? kMax + 1 : kMax;
  std::uint64_t value = 0;
  for (; i < text.size() && transforms::digit(text[i]); ++i) {
    const auto one = static_cast<std::uint64_t>(text[i] - '0');
    if (value > (limit - one) / 10) return negative ? std::numeric_limits<std::int64_t>::min() : static_cast<std::int64_t>(kMax);
    value = value * 10 + one;
  }
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

bool contains(std::string_view text, std::string_view part) {
  // memmem() keeps to linear time and no memory; both sides may be a client's (@within has its text, a macro its argument).
  return part.empty() || (part.size() <= text.size() && ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr);
}

bool contains_word(std::string_view text, std::string_view word) {
  if (word.empty()) return true;
  if (word.size() > text.size()) return false;
  const void* const found = ::memmem(text.data(), text.size(), word.data(), word.size());
  if (found == nullptr) return false;
  auto at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
  if (stands_alone(text, at, word.size())) return true;
  // Further ones may overlap: "a-a-a-…" has one at every second byte, so searching anew from each would be quadratic.
  const auto want = RollingHash(word).value();
  RollingHash here(text.substr(at, word.size()));
  for (; at + word.size() < text.size(); ++at) {
    here.move(text[at], text[at + word.size()]);
    if (here.value() == want && stands_alone(text, at + 1, word.size()) && text.substr(at + 1, word.size()) == word) return true;
  }
  return false;
}

Result<ByteSet> parse_byte_range(std::string_view argument) {
  ByteSet set;
  for (std::size_t begin = 0; begin <= argument.size();) {
    const auto end = std::min(argument.find(',', begin), argument.size());
    const auto piece = base::trim(argument.substr(begin, end - begin));
    const auto dash = piece.find('-');
    const auto first = byte_number(base::trim(piece.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : byte_number(base::trim(piece.substr(dash + 1)));
    if (!first || !last || *first > *last) {
      return fail(Errc::kInvalid, fmt::format("byte {}: '{}' is not a range of bytes", begin, piece), "write them like 10,13,32-126");
    }
    for (int c = *first; c <= *last; ++c) set.add(static_cast<unsigned char>(c));
    begin = end + 1;
  }
  return set;
}

bool outside_range(std::string_view text, const ByteSet& allowed) {
  const auto bytes = bytes_of(text);
  for (int i = 0; i < 4; ++i) {
    if ((bytes.bits[i] & ~allowed.bits[i]) != 0) return true;
  }
  return false;
}

bool bad_url_encoding(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (at + 2 >= text.size() || !transforms::hex(text[at + 1]) || !transforms::hex(text[at + 2])) return true;
  }
  return false;
}

bool bad_utf8(std::string_view text) { return !base::valid_utf8(text); }

// Luhn: from the right every second digit counts twice, with the digits of the product added up.
bool valid_credit_card(std::string_view candidate) {
  int sum = 0;
  std::size_t digits = 0;
  for (auto c = candidate.rbegin(); c != candidate.rend(); ++c) {
    if (!transforms::digit(*c)) continue;
    const int one = *c - '0';
    const int twice = 2 * one > 9 ? 2 * one - 9 : 2 * one;
    sum = (sum + (digits++ % 2 == 0 ? one : twice)) % 10;
  }
  return digits > 0 && sum == 0;
}

// Brazil: nine digits and two check digits, each the weighted sum of all before it modulo 11.
bool valid_cpf(std::string_view candidate) {
  int digits[11];
  if (!first_digits(candidate, digits) || all_same(digits) || counts_up(digits, 0)) return false;
  for (std::size_t check = 9; check <= 10; ++check) {
    int sum = 0;
    for (std::size_t i = 0; i < check; ++i) sum += digits[i] * static_cast<int>(check + 1 - i);
    const int rest = sum % 11;
    if (digits[check] != (rest < 2 ? 0 : 11 - rest)) return false;
  }
  return true;
}

// United States: no check digit; area, group and serial are not zero and the area was in use.
bool valid_ssn(std::string_view candidate) {
  int digits[9];
  if (std::count_if(candidate.begin(), candidate.end(), transforms::digit) != std::ssize(digits)) return false;
  std::size_t count = 0;
  for (const char c : candidate) {
    if (transforms::digit(c)) digits[count++] = c - '0';
  }
  const int area = digits[0] * 100 + digits[1] * 10 + digits[2];
  const int group = digits[3] * 10 + digits[4];
  const int serial = digits[5] * 1000 + digits[6] * 100 + digits[7] * 10 + digits[8];
  if (all_same(digits) || (digits[0] < 2 && counts_up(digits, digits[0]))) return false;
  return area != 0 && group != 0 && serial != 0 && area < 740 && area != 666;
}

// Austria: the fourth of ten digits is the weighted sum of the others modulo 11.
bool valid_svnr(std::string_view candidate) {
  int digits[10];
  if (!first_digits(candidate, digits) || all_same(digits) || counts_up(digits, 0) || counts_up(digits, 1)) return false;
  constexpr int kWeights[10] = {3, 7, 9, 0, 5, 8, 4, 2, 1, 6};
  int sum = 0;
  for (std::size_t i = 0; i < 10; ++i) sum += digits[i] * kWeights[i];
  return sum % 11 % 10 == digits[3];  // the remainder 10 counts as 0
}

}  // namespace ringwall::waf
