// Whatever the bytes: a transformation that is said to change nothing changes nothing, a text that stays is not copied, the
// same text gives the same result, and the operators that read any text end.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"
#include "waf/operators.h"
#include "waf/transform.h"
#include "waf/unicode_map.h"

using namespace ringwall::waf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of its own, so that a byte read past the end is seen.
  const std::string own(reinterpret_cast<const char*>(data), size);
  const std::string_view text(own);
  const auto bytes = bytes_of(text);
  ByteSet naive;
  for (const char c : text) naive.add(static_cast<unsigned char>(c));
  RW_ASSERT(std::memcmp(bytes.bits, naive.bits, sizeof bytes.bits) == 0);

  Arena arena, second;
  for (std::size_t i = 0; i < kTransformationCount; ++i) {
    const auto transformation = static_cast<Transformation>(i);
    const auto got = transform(transformation, text, arena);
    const bool same = got.data() == text.data() && got.size() == text.size();
    RW_ASSERT(same == (got == text));
    RW_ASSERT(same || !is_identity(transformation, bytes, text));
    RW_ASSERT(got.data() != nullptr);
    const auto after = bytes_after(transformation, bytes, got), real = bytes_of(got);
    for (int k = 0; k < 4; ++k) RW_ASSERT((real.bits[k] & ~after.bits[k]) == 0);
    for (int c = 0; c < 256; ++c) {
      Needs wanted;
      wanted.bytes.add(static_cast<unsigned char>(c));
      RW_ASSERT(!wanted.met(real) || needs_before(transformation, wanted).met(bytes));
    }
    RW_ASSERT(got.size() <= 4 * text.size() + 20);
    // Once more on the result: chains of transformations, and memory that is not fresh.
    for (const auto next : {Transformation::kUrlDecodeUni, Transformation::kCssDecode, Transformation::kTrim, Transformation::kNormalizePathWin}) {
      const auto after = transform(next, got, arena);
      RW_ASSERT((after.data() == got.data() && after.size() == got.size()) == (after == got));
      RW_ASSERT(after == got || !is_identity(next, bytes_of(got), got));
    }
    RW_ASSERT(transform(transformation, text, second) == got);
  }

  // With a map that has every character, urlDecodeUni keeps the same promises.
  static const auto map = [] {
    std::string file = "7 (all)\n";
    for (int code = 0; code < 65536; ++code) file += fmt::format("{:x}:{:x} ", code, code * 7 & 0xFF);
    return UnicodeMap::parse(file, 7).value();
  }();
  const auto mapped = transform(Transformation::kUrlDecodeUni, text, arena, map.get());
  RW_ASSERT((mapped.data() == text.data() && mapped.size() == text.size()) == (mapped == text));
  RW_ASSERT(mapped == text || !is_identity(Transformation::kUrlDecodeUni, bytes, text));
  RW_ASSERT(mapped.size() == transform(Transformation::kUrlDecodeUni, text, second).size());
  if (const auto other = UnicodeMap::parse(text, 7); other.ok()) RW_ASSERT(other.value()->byte_of(static_cast<std::uint16_t>(size)) < 256);

  const auto half = text.substr(0, size / 2), rest = text.substr(size / 2);
  RW_ASSERT(contains(rest, half) == (rest.find(half) != std::string_view::npos));
  RW_ASSERT(!contains_word(rest, half) || contains(rest, half));
  const auto phrases = parse_phrases(half);
  const auto set = PhraseSet::make(phrases);
  RW_ASSERT(set.ok());
  std::size_t offset = 0, length = 0;
  RW_ASSERT(!set.value().find(rest, offset, length) || (length > 0 && offset + length <= rest.size()));
  for (const auto& phrase : phrases) RW_ASSERT(set.value().find(phrase, offset, length));
  (void)number_of(text);
  (void)bad_url_encoding(text);
  (void)bad_utf8(text);
  (void)parse_byte_range(half).ok();
  for (const auto valid : {valid_credit_card, valid_cpf, valid_ssn, valid_svnr}) (void)valid(text);
  if (const auto addresses = IpSet::parse({half}); addresses.ok()) (void)addresses.value().contains(rest);
  return 0;
}
