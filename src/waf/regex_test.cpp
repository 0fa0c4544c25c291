#include "waf/regex.h"

#include <doctest/doctest.h>

#include <string>

using namespace ringwall;
using namespace ringwall::waf;

TEST_CASE("regex: what PCRE2 means is what is found") {
  struct Case {
    const char* pattern;
    std::string text;
    bool want;
  };
  const Case kCases[] = {
      {"a.b", "a\nb", true},                    // DOTALL
      {"^b", "a\nb", true},                     // MULTILINE
      {"a$", "a\nb", true},
      {"^$", "a\n", false},                     // no line begins behind the last newline
      {"^\\s*$", "x\n", false},
      {"\\s", "\v", true},                      // PCRE's \s has the vertical tab, RE2's has not
      {"[\\s]", "\v", true},
      {"\\S", "\v", false},
      {"\\h", "\xa0", true},
      {"(?i)select", "SeLeCT", true},
      {"(?i)\xc3\xa9", "\xc3\x89", false},      // bytes, not characters
      {"\\x{41}", "A", true},
      {"\\x4", "\x04", true},
      {"[[:alpha:]_]+\\(", "eval(", true},
      {"[[]", "[", true},
      {"[]a]", "]", true},
      {"a(?=b)", "ab", true},                   // look-ahead: PCRE2
      {"(a)\\1", "aa", true},                   // back-reference: PCRE2
      {"\\/etc\\/passwd", "/etc/passwd", true},
      {"\\bor\\b", "x or y", true},
      {"x{1001}", std::string(1001, 'x'), true},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.pattern);
    const auto regex = Regex::compile(c.pattern);
    REQUIRE(regex.ok());
    CHECK(((*regex)->search(c.text) == Found::kYes) == c.want);
  }
}

TEST_CASE("regex: groups") {
  const auto regex = Regex::compile("(a)(x)?(b+)").value();
  Group groups[kGroupsMax];
  int count = 0;
  REQUIRE(regex->search("..abb", groups, &count) == Found::kYes);
  CHECK(count == 4);
  CHECK(groups[0].offset == 2);
  CHECK(groups[0].size == 3);
  CHECK_FALSE(groups[2].set);
  CHECK(groups[3].size == 2);
}

TEST_CASE("regex: an engine that backtracks stops at its limit and says so") {
  const auto regex = Regex::compile("(?=a)(a+)+$x").value();
  CHECK_FALSE(regex->linear());
  CHECK(regex->search(std::string(40, 'a') + "b") != Found::kYes);
  CHECK(Regex::compile("(a+)+$").value()->linear());
}

TEST_CASE("regex: mistakes are told with their place") {
  for (const char* pattern : {"(a", "[a", "a**b(", "\\"}) {
    const auto regex = Regex::compile(pattern);
    REQUIRE_FALSE(regex.ok());
    CHECK(regex.error().message.find("at byte ") != std::string::npos);
  }
  CHECK(Regex::compile(std::string(kPatternBytesMax + 1, 'a')).error().code == Errc::kLimit);
}
