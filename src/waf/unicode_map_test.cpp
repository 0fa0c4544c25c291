#include "waf/unicode_map.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "waf/engine.h"
#include "waf/seclang.h"
#include "waf/transform.h"

using namespace ringwall;
using namespace ringwall::waf;

namespace {

constexpr std::string_view kFile =
    "(a page without a number)\n00e4:00\n\n"
    "1252  (ANSI - Latin I)\r\n0100:41 0101:61\t2019:27 \r\nff1c:3c\n\n"
    "# a comment\n20127 (US-ASCII)\n00e4:61 00bc:31 2032:27 ff1c:28\n0061:62 0000:0a\n\n20866\n";

std::string error_of(std::string_view text, std::uint64_t page) {
  const auto map = UnicodeMap::parse(text, page);
  return map.ok() ? "" : map.error().message + (map.error().hint.empty() ? "" : " | " + map.error().hint);
}

}  // namespace

TEST_CASE("unicode map: pages of a file") {
  const auto ascii = UnicodeMap::parse(kFile, 20127).value(), latin = UnicodeMap::parse(kFile, 1252).value();
  CHECK(ascii->byte_of(0xE4) == 0x61);
  CHECK(ascii->byte_of(0x61) == 0x62);  // of the second line
  CHECK(ascii->byte_of(0x100) == -1);   // of another page
  CHECK(latin->byte_of(0x100) == 0x41);
  CHECK(latin->byte_of(0x2019) == 0x27);
  CHECK(latin->byte_of(0xFF1C) == 0x3C);
  CHECK(latin->byte_of(0xE4) == -1);
  CHECK(error_of(kFile, 437) == "there is no code page 437 | it has 1252, 20127, 20866");
  CHECK(error_of(kFile, 20866) == "there is no code page 20866 | it has 1252, 20127, 20866");  // and nothing in it
  CHECK(error_of("", 1) == "there is no code page 1 | it has none at all: is it a unicode.mapping?");
  for (const std::string_view pair : {"12345:00", "12g4:00", "1234:100", "1234:", ":12", "-1:12", "1234", "0x12:12"}) {
    CAPTURE(pair);
    CHECK(error_of(fmt::format("7 (x)\n0001:02 {}\n", pair), 7) == fmt::format("line 2: expected CODE:BYTE in hexadecimal digits, found '{}'", pair));
    CHECK(error_of(fmt::format("8 (x)\n0001:02 {}\n7\n1:1", pair), 7) == "");  // pages nobody asked for are not looked at
  }
}

TEST_CASE("unicode map: urlDecodeUni with one, and without") {
  const auto map = UnicodeMap::parse(kFile, 20127).value();
  struct Case {
    std::string_view text, with, without;
  };
  constexpr Case kCases[] = {
      {"%u00e4", "a", "\xe4"},          // what the map has
      {"%U00E4%u2032", "a'", "\xe4\x32"},
      {"%u0041", "A", "A"},             // what it has not: the low byte
      {"%uff1c%uff1e", "(>", "<>"},     // the map first, then full width as ASCII
      {"%u0061", "b", "a"},
      {"%u0000", "\n", std::string_view("\0", 1)},
      {"%u3002%uff61%uff0e", "...", "\x02\x61."},  // dots of domain names
      {"%e4+%61", "\xe4 a", "\xe4 a"},  // bytes are no characters
      {"%u00e", "%u00e", "%u00e"},
      {"%u00eg", "%u00eg", "%u00eg"},
      {"x", "x", "x"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    Arena arena;
    CHECK(transform(Transformation::kUrlDecodeUni, c.text, arena, map.get()) == c.with);
    CHECK(transform(Transformation::kUrlDecodeUni, c.text, arena) == c.without);
    // The others do not know it.
    CHECK(transform(Transformation::kUrlDecode, c.text, arena, map.get()) == transform(Transformation::kUrlDecode, c.text, arena));
  }
}

TEST_CASE("unicode map: SecUnicodeMapFile") {
  const Files files{[](const std::string& path) -> Result<std::string> {
                      if (path == "dir/unicode.mapping") return std::string(kFile);
                      return fail(Errc::kNotFound, path + ": no such file");
                    },
                    [](const std::string&) { return std::vector<std::string>(); }};
  const auto read = [&](const std::string& text) { return read_seclang(text, "dir/r.conf", files); };
  for (const char* written : {"SecUnicodeMapFile unicode.mapping 20127", "SecUnicodeMapFile \"unicode.mapping\"   20127", "SecUnicodeMapFile unicode.mapping 1252\nsecunicodemapfile unicode.mapping 20127"}) {
    CAPTURE(written);
    for (const bool fast : {true, false}) {
      auto source = read(fmt::format("SecRuleEngine On\n{}\nSecRule ARGS_GET:a \"@streq <a\" \"id:1,phase:1,deny,t:none,t:urlDecodeUni\"\n", written));
      REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
      CHECK(source->warnings.empty());
      const auto t = Transaction::make(RuleSet::compile(std::move(*source), {.fast = fast}).value());
      t->reset({});
      t->request_line("GET", "/?a=%253c%25u00e4", "HTTP/1.1");
      CHECK(t->request_headers_done().action == Verdict::Action::kDeny);
    }
  }
  struct Case {
    const char *text, *want;
  };
  const Case kCases[] = {
      {"SecUnicodeMapFile other.mapping 20127", "dir/r.conf:1: column 19: SecUnicodeMapFile: dir/other.mapping: no such file"},
      {"SecUnicodeMapFile unicode.mapping 437", "dir/r.conf:1: column 19: SecUnicodeMapFile: unicode.mapping: there is no code page 437"},
      {"SecUnicodeMapFile unicode.mapping x", "dir/r.conf:1: column 19: SecUnicodeMapFile: expected a file and the number of a code page, found 'unicode.mapping x'"},
      {"SecUnicodeMapFile", "dir/r.conf:1: column 18: SecUnicodeMapFile: expected a file and the number of a code page, found ''"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto source = read(c.text);
    REQUIRE_FALSE(source.ok());
    CHECK(source.error().message == c.want);
  }
}
