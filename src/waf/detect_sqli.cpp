// @detectSQLi: the text is read as SQL from where it may have been put into a statement: as it is, and as if it went on inside
// of a string.  Each reading gives a fingerprint, and some fingerprints are attacks.
#include <algorithm>
#include <cstring>

#include "waf/detail/sqli.h"
#include "waf/detect.h"

namespace ringwall::waf {

namespace {

using sqli::Comments, sqli::Folded, sqli::fold;

static_assert(sqli::kTokensMax < kFingerprintMax);

// SQL Server's log leaves out lines with this word, so attackers add it.
constexpr std::string_view kLogHider = "sp_password";

// Two tokens: hard to tell from what people write.
bool pair_is_harmless(std::string_view text, const Folded& found) {
  const auto& first = found.tokens[0];
  const auto& second = found.tokens[1];
  if (second.type == 'U') return found.seen.tokens == 2;  // "1 union" and no more
  const char sign = second.text.empty() ? '\0' : second.text[0];
  if (sign == '#') return true;
  if (second.type != 'c') return second.text.size() > 2 && sign == '-';
  if (first.type == 'n') return sign != '/';
  if (first.type == '1') {
    // "1234--" is one, "1234-ABCD--" reads the same and is more likely a key; but not after something was folded away.
    if (sign == '/' || found.seen.tokens > 2) return false;
    const auto behind = text.substr(std::min(first.text.size(), text.size()));
    const auto next = static_cast<unsigned char>(behind.empty() ? '\0' : behind[0]);
    return next > ' ' && next < 0x80 && !behind.starts_with("/*") && !behind.starts_with("--");
  }
  return sign == '-' && second.text.size() > 2;  // "1--", but not "1-- and what I meant"
}

bool triple_is_harmless(const Folded& found) {
  const auto* t = found.tokens;
  const std::string_view types(found.fingerprint);
  // …foo' + 'bar…: the quotes around it are missing and those within are the same.
  if (types == "sos" || types == "s&s") return t[0].open != 0 || t[2].close != 0 || t[0].close != t[2].open;
  // "sexy and 17", but not "sexy and 17 < 18"
  if (types == "s&n" || types == "n&1" || types == "1&1" || types == "1&v" || types == "1&s") return found.seen.tokens == 3;
  // Of keywords only INTO OUTFILE and INTO DUMPFILE.
  if (t[1].type == 'k') return t[1].text.size() < 5 || !sqli::equal(t[1].text.substr(0, 4), "INTO");
  return false;
}

bool judged(std::string_view text, const Folded& found) {
  if (!sqli::is_attack(found.fingerprint)) return false;
  if (found.size > 1 && found.tokens[found.size - 1].type == 'c' && text.find(kLogHider) != std::string_view::npos) return true;
  if (found.size == 2) return !pair_is_harmless(text, found);
  if (found.size == 3) return !triple_is_harmless(found);
  return true;
}

}  // namespace

bool detect_sqli(std::string_view text, char* fingerprint) {
  const auto attack = [&](char quote, Comments comments, bool& ambiguous) {
    const auto found = fold(text, quote, comments);
    ambiguous = found.seen.ambiguous;
    if (!judged(text, found)) return false;
    std::memcpy(fingerprint, found.fingerprint, sizeof found.fingerprint);
    return true;
  };
  bool ambiguous = false, unused = false;
  const auto either = [&](char quote) {
    return attack(quote, Comments::kAnsi, ambiguous) || (ambiguous && attack(quote, Comments::kMysql, unused));
  };
  fingerprint[0] = '\0';
  if (either('\0')) return true;
  if (text.find('\'') != std::string_view::npos && either('\'')) return true;
  return text.find('"') != std::string_view::npos && attack('"', Comments::kMysql, unused);
}

}  // namespace ringwall::waf
