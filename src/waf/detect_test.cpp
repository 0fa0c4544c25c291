#include <dlfcn.h>
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "waf/arena.h"
#include "waf/detail/sqli.h"
#include "waf/detect.h"
#include "waf/transform.h"

using namespace ringwall::waf;
using namespace std::string_view_literals;

namespace {

std::string sqli_of(std::string_view text) {
  char fingerprint[kFingerprintMax];
  const bool found = detect_sqli(text, fingerprint);
  return found ? fingerprint : fingerprint[0] == '\0' ? "" : "a fingerprint without an attack";
}

struct Case {
  std::string_view text, want;
};
constexpr Case kSqli[] = {
    // As it is: a number that goes on.
    {"1 OR 1=1", "1&1"},
    {"1234 or 2 < 3", "1&1"},
    {"1 UNION SELECT a, b FROM c", "1UEnk"},
    {"-1 union all select 1,2,3--", "1UE1c"},
    {"1 AND SLEEP(5)", "1&f(1"},
    {"1; DROP TABLE users", "1;Tnn"},
    {"1) or (1=1", "1)&(1"},
    {"1/**/or/**/1=1", "1&1"},
    {"1--", "1c"},
    {"select * from users where a=1", "Eoknk"},
    // As if inside single quotes.
    {"' or 1=1--", "s&1c"},
    {"admin' --", "sc"},
    {"x' AND 'a'='a", "s&sos"},
    {"foo' + 'bar", "sos"},
    {"';drop table a--", "s;Tnn"},
    {"' union select null,null#", "sUEvo"},
    // As if inside double quotes.
    {"\" or \"a\"=\"a", "s&sos"},
    {"\" or 1=1#", "s&1c"},
    // What databases read differently: "--1" is a comment, or two signs; "#" a comment, or an operator.
    {"1 --1 or 1=1", "1c"},
    {"1 or 1=1 #", "1&1c"},
    {"1 /*!50000union*/ select 2", "X"},
    {"1 /* /* */ or 2", "X"},
    // Strings, names and numbers of single products.
    {"1 or e'a'='a'", "1&sos"},
    {"1 or q'(a)'=q'[a]'", "1&sos"},
    {"1 or $a$x$a$=$$x$$", "1&sos"},
    {"1 or N'a'=N'a'", "1&sos"},
    {"1 or U&'a'='a'", "1&sos"},
    {"1 or x'41'=b'01'", "1&1"},
    {"1 union select [a b]", "1UEn"},
    {"1 or \\N is null", "1&1ov"},
    {"1 or @@version=@`a`", "1&v"},
    {"1 union select 1.e", "1UEn"},
    {"1 or .5f = 1d", "1&1"},
    {"select{a 1}", ""},
    {"1 and {``.``.id}=1", "X"},
    {"1'; waitfor delay '0:0:5'--", "s;Esc"},
    // What people write.
    {"", ""},
    {"hello", ""},
    {"1", ""},
    {"select", ""},
    {"O'Brien", ""},
    {"John and Mary", ""},
    {"sexy and 17", ""},
    {"1 union", ""},
    {" 12-- or so", ""},
    {"please select one of the three", ""},
    {"it's 5 o'clock -- or so", ""},
    {"a#b", ""},
    {"2024-02-30T12:00:00+01:00", ""},
    {"{\"a\": [1, 2, 3], \"b\": null}", ""},
    {"https://example.org/a?b=c&d=1#e", ""},
    // A word to stay out of SQL Server's log.
    {"a -- sp_password", "nc"},
    {"a -- sp_passwor", ""},
};

struct Xss {
  std::string_view text;
  bool want;
};
constexpr Xss kXss[] = {
    // Between tags.
    {"<script>alert(1)</script>", true},
    {"a < b <ScRiPt/src=//a>", true},
    {"<svg/onload=alert(1)>", true},
    {"<svgfoo>", true},
    {"<xsl:value-of>", true},
    {"<scr\0ipt>"sv, true},
    {"<img src=x onerror=alert(1)>", true},
    {"<a href=\"javascript:alert(1)\">", true},
    {"<a href=' \x01&#106;&#x61;va\nscript:a'>", true},
    {"<a href=data:text/html,a>", true},
    {"<a href=//a>", false},
    {"<p style=\"a:b\">", true},
    {"<a xmlns:b=c>", true},
    {"<set attributename=onclick>", true},
    {"<set attributename=fill>", false},
    {"<!doctype html>", true},
    {"<!-- a ` b -->", true},
    {"<!--[if IE]>", true},
    {"<? import namespace=a>", false},
    {"<?import namespace=a>", true},
    {"<%a ` %>", true},
    {"<!ENTITY a b>", true},
    {"<![CDATA[<script>]]>", false},
    {"</script a>", true},
    {"<p></p><b><script>", true},
    {"<p \xff style=a>", true},  // these three are not seen by libinjection
    {"<p></><script>", true},
    {"<p></p ><script>", true},
    // In a tag, and in a value of an attribute.
    {"onload=alert(1)", true},
    {"/onclick='a'", true},
    {"x' onfocus=alert(1) autofocus='", true},
    {"x\" style=\"a", true},
    {"x` onbegin=`a", true},
    {"\"><script>", true},
    // What people write.
    {"", false},
    {"hello", false},
    {"a < b and c > d", false},
    {"<b>bold</b> and <i>italic</i>", false},
    {"</script>", false},
    {"<p title=\"a\">", false},
    {"<img src=a.png alt='b'>", false},
    {"on=1", false},
    {"one=1&once=2", false},
    {"5 o'clock, \"six\" and `seven`", false},
    {"{\"on\": true, \"src\": \"a\"}", false},
};

}  // namespace

TEST_CASE("detect: SQL put in from outside, and its fingerprint") {
  for (const auto& c : kSqli) {
    CAPTURE(c.text);
    CHECK(sqli_of(c.text) == c.want);
  }
}

TEST_CASE("detect: tokens and what is folded away") {
  constexpr Case kCases[] = {
      {"1 + 2, 3, a.b", "1"},
      {"-(+1)", "1)"},
      {"'a' 'b' \"c\"", "s"},
      {"a.b.c", "n"},
      {"current_user()", "f()"},
      {"user (a)", "n(n)"},
      {"a in (select", "no(E"},
      {"a in b", "nnn"},
      {"a not in (1, select", "no(1,"},
      {"a in (1)", "n"},
      {"like (1)", "f(1)"},
      {"a like 1", "n"},
      {"union all distinct", "U"},
      {"a collate b_c", "nAt"},
      {"; if 1", ";T1"},
      {"1::int", "1"},
      {"cast(a as varchar)", "f(nkt"},
      {"\\%1", "1"},
      {"select - 1", "E1"},
      {"select.`a`", "En"},
      {"a, -1", "n"},
      {"1:", "1o"},
      {"a:b", "n:n"},
      {"1 or 1 or 1 or 1", "1&1"},
      {"select user()", "Ef()"},
      {"()", ")"},
      {"/* a */", ""},
      {"a /* b */ -- c", "nc"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(std::string_view(sqli::fold(c.text, '\0', sqli::Comments::kAnsi).fingerprint) == c.want);
  }
}

// The patterns are a cover of what was measured; one letter too many or too few shows in these numbers.
TEST_CASE("detect: as many fingerprints are attacks as were measured") {
  constexpr std::string_view kTypes = "1nsvfkEUBTAo&(),.:;{}?\\cX";
  constexpr std::size_t kMeasured[] = {1, 6, 78, 356};  // of one type, of two, …
  std::string fingerprint;
  for (const auto want : kMeasured) {
    fingerprint.assign(fingerprint.size() + 1, kTypes.front());
    std::size_t found = 0;
    for (std::size_t i = 0; i < fingerprint.size();) {
      found += sqli::is_attack(fingerprint) ? 1 : 0;
      // The next one: counts up, first letter first.
      for (i = 0; i < fingerprint.size(); ++i) {
        const auto next = kTypes.find(fingerprint[i]) + 1;
        fingerprint[i] = kTypes[next % kTypes.size()];
        if (next < kTypes.size()) break;
      }
    }
    CHECK(found == want);
  }
  CHECK(!sqli::is_attack(""));
  CHECK(sqli::is_attack("nAt") == sqli::is_attack("nAT"));
}

TEST_CASE("detect: script put in from outside") {
  for (const auto& c : kXss) {
    CAPTURE(c.text);
    CHECK(detect_xss(c.text) == c.want);
  }
}

// Quadratic work would take hours here.
TEST_CASE("detect: long texts take linear work") {
  constexpr std::string_view kPieces[] = {
      "\0"sv, " ", "'", "\"", "`", "\\'", "''", "\\", "-", "- ", "--\n", "#\n", "/*", "*/", "/**/", "/*/", "$", "$a", "$a$", "$a$ ", "$$", "$1", "@", "@'", "q'(", "x'1", "b'0", "u&'", "[", "{", "{a ", "}", "(", "(-", ")",
      ",", "1,", "1,-", "a.", "1+", "&&", "or ", "not ", "a in (", "::int", "collate a_b ", "select ", "union all ", "\xa0", "\xff", "1e", "0x", "<", "</", "</a>", "<a ", "<!", "<!--", "<!---", "-\0\0"sv, "<%", "<%%", "<![CDATA[", "]]",
      "a=", "a='", "=", "/", ">", "&#", "&#0", "&#x0", "<a href=&#0", "<a href=\n", "<a src=\0\0\0\0"sv, "sp_passwor", "s&", "'-'",
  };
  for (const auto first : kPieces) {
    for (const auto begin : {"", "<!--", "<a href=", "'", "$a$", "1 -- ", "/*"}) {
      CAPTURE(first);
      std::string text = begin;
      while (text.size() < 128u << 10) text += first;
      char fingerprint[kFingerprintMax];
      const bool found = detect_sqli(text, fingerprint);
      CHECK(found == (fingerprint[0] != '\0'));
      (void)detect_xss(text);
    }
  }
}

// Where libmodsecurity is installed, its libinjection is asked the same.
TEST_CASE("detect: agrees with libinjection") {
  void* library = dlopen("libmodsecurity.so.3", RTLD_NOW);
  if (library == nullptr) {
    std::printf("skipped: comparison with libinjection: libmodsecurity.so.3 is not there\n");
    return;
  }
  const auto their_sqli = reinterpret_cast<int (*)(const char*, std::size_t, char*)>(dlsym(library, "libinjection_sqli"));
  const auto their_xss = reinterpret_cast<int (*)(const char*, std::size_t)>(dlsym(library, "libinjection_xss"));
  REQUIRE((their_sqli != nullptr && their_xss != nullptr));

  std::vector<std::string> texts;
  for (const auto& c : kSqli) texts.emplace_back(c.text);
  for (const auto& c : kXss) texts.emplace_back(c.text);
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs/tests/regression/tests";
  if (std::filesystem::exists(folder)) {
    Arena arena;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        const auto begin = line.find_first_not_of(" -");
        if (begin == std::string::npos) continue;
        texts.push_back(line.substr(begin));
        texts.emplace_back(transform(Transformation::kUrlDecode, texts.back(), arena));
        if (const auto value = texts.back().find('='); value != std::string::npos) texts.push_back(texts.back().substr(value + 1));
      }
    }
  } else {
    std::printf("skipped: comparison with libinjection over the Core Rule Set's tests: shared/crs is not there\n");
  }
  constexpr std::string_view kPieces[] = {
      "'", "\"", "`", "--", "-- ", "#", "/*", "*/", "/*!", "(", ")", ";", ",", "\\", "@", "$$", "$a$", "0x", "e'", "q'(", "x'1f'", " union select ", " or 1=1", " and ", " in (", " not ", "::int", "{a ", "}", "[", "]", "<=>",
      "\0"sv, "<", "<!--", "-->", "<?", "<%", "<script>", "<svg", " onload=", " href=", "javascript:", "&#106;", ">", "/", "=", "\n", "\xa0", "user(", "if(", "collate a_b", "1", "1.e", "1d", "<![CDATA[", "like(", "sp_password",
  };
  std::uint64_t state = 7;
  const auto random = [&state](std::size_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>((state >> 33) % n);
  };
  std::size_t sqli = 0, xss = 0, ours_alone = 0;
  const auto compare = [&](const std::string& text) {
    CAPTURE(text);
    char theirs[16] = {};
    const bool found = their_sqli(text.data(), text.size(), theirs) != 0;
    const auto ours = sqli_of(text);
    if (ours != theirs) FAIL_CHECK(ours << " instead of " << theirs);
    const bool our_xss = detect_xss(text), is_xss = their_xss(text.data(), text.size()) != 0;
    if (our_xss != is_xss) {
      // What detect_xss.cpp says it does better.
      ++ours_alone;
      CHECK((our_xss && (text.find("</") != std::string::npos || text.find('\xff') != std::string::npos)));
    }
    sqli += found ? 1 : 0;
    xss += is_xss ? 1 : 0;
  };
  const auto count = texts.size();
  for (std::size_t i = 0; i < count; ++i) {
    compare(texts[i]);
    auto text = texts[random(count)].substr(0, 300);
    for (std::size_t changes = 1 + random(4); changes > 0; --changes) text.insert(random(text.size() + 1), kPieces[random(std::size(kPieces))]);
    compare(text);
  }
  std::printf("libinjection and this over %zu texts: %zu with SQL, %zu with script, %zu only seen here\n", 2 * count, sqli, xss, ours_alone);
  dlclose(library);
}
