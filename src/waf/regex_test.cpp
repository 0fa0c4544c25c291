#include "waf/regex.h"

#include <doctest/doctest.h>

#include <string>

#include "waf/detail/line_begin.h"

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
      {"__utm", "a__utma", true},               // nothing but a text
      {"__utm", "__ut", false},
      {"a\\.b\\/", "xa.b/", true},
      {"a\\.b\\/", "xacb/", false},
      {"^ab", "xab", false},                    // a text at a line's begin
      {"^ab", "x\nab", true},
      {"^ab", "ab", true},
      {"^ab", "\n\nab", true},
      {"^ab", "x\n", false},
      {"^.*$", "", true},                       // all of it
      {"^.*$", "a\n\n", true},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.pattern);
    const auto regex = Regex::compile(c.pattern);
    REQUIRE(regex.ok());
    CHECK(((*regex)->search(c.text) == Found::kYes) == c.want);
  }
}

TEST_CASE("regex: a pattern that is a text or everything says where it is found as any other does") {
  struct Case {
    const char *pattern, *same, *text;  // `same`: written so that the general matcher takes it
  };
  constexpr Case kCases[] = {{"cd", "(?:c)d", "abcdcd"}, {"^b\\.", "^(?:b)\\.", "a\nb.c"}, {"^.*$", "^(?:.*)$", "a\nb\n"}, {".*", "(?:.*)", ""}, {"^.*", "^(?:.*)", "xy"}};
  for (const auto& c : kCases) {
    CAPTURE(std::string(c.pattern));
    Group one[kGroupsMax], other[kGroupsMax];
    int ones = kGroupsMax, others = kGroupsMax;
    REQUIRE(Regex::compile(c.pattern).value()->search(c.text, one, &ones) == Found::kYes);
    REQUIRE(Regex::compile(c.same).value()->search(c.text, other, &others) == Found::kYes);
    CHECK(ones == others);
    CHECK(one[0].set);
    CHECK(one[0].offset == other[0].offset);
    CHECK(one[0].size == other[0].size);
  }
  CHECK(Regex::compile("^Header_\\.", true).value()->search("x\nhEADER_.a") == Found::kYes);
  CHECK(Regex::compile("^Header_", true).value()->search("a header_") == Found::kNo);
  CHECK(Regex::compile("__UTM[", true).ok() == false);
  CHECK(Regex::compile("__UTM", true).value()->search("a__utm") == Found::kYes);
  CHECK(Regex::compile("@a", true).value()->search("`A") == Found::kNo);
  CHECK(Regex::compile("\xc3\xa9", true).value()->search("\xc3\x89") == Found::kNo);
}

TEST_CASE("regex: groups") {
  const auto regex = Regex::compile("(a)(x)?(b+)").value();
  Group groups[kGroupsMax];
  int count = 1;
  REQUIRE(regex->search("..abb", groups, &count) == Found::kYes);
  CHECK(count == 1);
  CHECK(groups[0].size == 3);
  count = kGroupsMax;
  REQUIRE(regex->search("..abb", groups, &count) == Found::kYes);
  CHECK(count == 4);
  CHECK(groups[0].offset == 2);
  CHECK(groups[0].size == 3);
  CHECK_FALSE(groups[2].set);
  CHECK(groups[3].size == 2);
}

// Only PCRE2 takes these.  The limit is the whole search's: a pattern that takes a little too much at each of very many places ends too.
TEST_CASE("regex: an engine that backtracks stops at its limit and says so") {
  constexpr std::size_t kLong = 131'072;
  struct Case {
    const char* pattern;
    std::string text;
    Found want;
  };
  const Case kCases[] = {
      {"(?=a)(a+)+[xy]", std::string(40, 'a') + "b", Found::kLimit},       // exponential
      {"(a)\\1*[bc]", std::string(kLong, 'a'), Found::kLimit},             // quadratic
      {"(?>a)a*a*a*[bc]", std::string(kLong, 'a'), Found::kLimit},         // a power of four
      {"(['\"]).*?\\1[xz]", std::string(kLong, '\''), Found::kLimit},
      {"(?<=x)y(?!z)", std::string(kLong, 'x'), Found::kNo},               // harmless in any length
      {"(?<=x)y(?!z)", std::string(kLong, 'x') + "y", Found::kYes},
      {"(['\"]).*?\\1[xz]", "it's " + std::string(2000, 'a'), Found::kNo},   // little is no reason
      {"(['\"]).*?\\1[xz]", std::string(100'000, ' ') + "'a'x", Found::kYes},
      {"(?=a)a.c", std::string(1023, ' ') + "abc", Found::kYes},           // where places taken together end
      {"(?=a)a.c", std::string(1024, ' ') + "abc", Found::kYes},
  };
  for (const auto& c : kCases) {
    CAPTURE(std::string(c.pattern));
    CAPTURE(c.text.size());
    const auto regex = Regex::compile(c.pattern).value();
    CHECK_FALSE(regex->linear());
    std::uint64_t steps = 0;
    CHECK(regex->search(c.text, nullptr, nullptr, &steps) == c.want);
    CHECK(steps < 2 * kBacktrackStepsMax);
    if (c.want == Found::kLimit) CHECK(steps > 0);
  }
  CHECK(Regex::compile("(a+)+$").value()->linear());
}

TEST_CASE("regex: which patterns can find something right behind a text's last newline") {
  struct Case {
    const char* pattern;
    bool want;
  };
  constexpr Case kCases[] = {
      {"^", true},     {"^$", true},      {"^a*$", true},        {"a|^$", true},   {"x\n(?:^)?", true}, {"(?i)(^|b)", true}, {"^\\s*", true}, {"^[^]a]{0,3}$", true}, {"\\Qa\\E", true},
      {"a", false},    {"^a", false},     {"(?:^|[^x])foo", false}, {"\\^", false}, {"[^a]", false},   {"[]^]", false},      {"^a+$", false},  {"^[[:alpha:]]$", false}, {"^(?P<n>a)", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(std::string(c.pattern));
    CHECK(ringwall::waf::detail::may_end_with_line_begin(c.pattern) == c.want);
    if (!c.want) continue;
    // And then PCRE2 is asked.
    if (std::string_view(c.pattern) == "^$") CHECK(Regex::compile(c.pattern).value()->search("a\n") == Found::kNo);
  }
}

TEST_CASE("regex: mistakes are told with their place") {
  for (const char* pattern : {"(a", "[a", "a**b(", "\\"}) {
    const auto regex = Regex::compile(pattern);
    REQUIRE_FALSE(regex.ok());
    CHECK(regex.error().message.find("at byte ") != std::string::npos);
  }
  CHECK(Regex::compile(std::string(kPatternBytesMax + 1, 'a')).error().code == Errc::kLimit);
}
