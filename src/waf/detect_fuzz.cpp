// Whatever the bytes: a fingerprint comes with an attack and only with one, tokens are parts of the text or known words, reading
// makes progress, and script needs a sign to begin with.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "waf/detail/sqli.h"
#include "waf/detect.h"

using namespace ringwall::waf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of its own, so that a byte read past the end is seen.
  const std::string own(reinterpret_cast<const char*>(data), size);
  const std::string_view text(own);
  constexpr std::string_view kTypes = "1nsvfkEUBTtAo&(),.:;{}?\\cX";

  char fingerprint[kFingerprintMax], again[kFingerprintMax];
  const bool sqli = detect_sqli(text, fingerprint);
  const std::string_view types(fingerprint);
  RW_ASSERT(sqli == !types.empty());
  RW_ASSERT(types.size() <= sqli::kTokensMax && types.find_first_not_of(kTypes) == std::string_view::npos);
  RW_ASSERT(!sqli || sqli::is_attack(types));
  RW_ASSERT(detect_sqli(text, again) == sqli && types == again);

  for (const char quote : {'\0', '\'', '"'}) {
    for (const auto comments : {sqli::Comments::kAnsi, sqli::Comments::kMysql}) {
      sqli::Tokenizer tokenizer(text, quote, comments);
      std::size_t count = 0;
      const std::less_equal<const char*> ordered;
      for (sqli::Token token; tokenizer.next(token); ++count) {
        RW_ASSERT(kTypes.find(token.type) != std::string_view::npos && token.text.size() <= sqli::kTokenTextMax);
        RW_ASSERT(ordered(text.data(), token.text.data()) && ordered(token.text.data() + token.text.size(), text.data() + text.size()));
      }
      RW_ASSERT(count <= text.size() && static_cast<std::size_t>(tokenizer.seen().tokens) == count);
      const auto folded = sqli::fold(text, quote, comments);
      RW_ASSERT(folded.size <= sqli::kTokensMax && std::string_view(folded.fingerprint).size() == folded.size);
    }
  }

  const bool xss = detect_xss(text);
  RW_ASSERT(!xss || text.find_first_of("<=") != std::string_view::npos);
  RW_ASSERT(detect_xss(text) == xss);
  return 0;
}
