#include "waf/detail/clauses.h"

#include <doctest/doctest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <random>

#include "waf/detail/prefilter.h"
#include "waf/regex.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::waf;
using namespace ringwall::waf::detail;

namespace {

std::string told(const std::vector<Clause>& clauses) {
  std::string out;
  for (const auto& clause : clauses) out += fmt::format("[{}]", fmt::join(clause, " "));
  return out;
}

// Whether the prefilter would let the pattern see the text.
bool possible(const std::vector<Clause>& clauses, const std::string& text) {
  Prefilter prefilter;
  const auto pattern = prefilter.add(clauses);
  prefilter.finish();
  const auto bytes = bytes_of(text);
  Arena arena;
  Literals::Scanned scanned{text};
  prefilter.scanner(0, bytes).scan({&scanned, 1}, prefilter.words(), arena);
  const std::vector<std::uint64_t> none(prefilter.words() + 1);
  const bool may = prefilter.possible(pattern, scanned.bits == nullptr ? none.data() : scanned.bits, bytes);
  // What cannot be for want of a byte is not looked for.
  CHECK((!may || clauses.empty() || bytes.intersects(prefilter.needs(pattern))));
  return may;
}

}  // namespace

TEST_CASE("clauses: what a pattern needs") {
  struct Case {
    const char* pattern;
    const char* want;
  };
  constexpr Case kCases[] = {
      {"union\\s+select", "[select][union][\t \n \v \f \r  ]"},
      {"(?i)UNION", "[union]"},
      {"foo|bar", "[bar foo]"},
      {"(?:foo|bar)baz", "[barbaz foobaz]"},
      {"a?b", "[ab b]"},
      {"ab*c", "[a][c]"},
      {"[xyz]=", "[x= y= z=]"},
      {".*", ""},
      {"a|.*", ""},
      {"^abc$", "[abc]"},
      {"(?=abc)d", "[d]"},
      {"x{2}", "[xx]"},
      {"(ab){2,}", "[abab]"},
      {"\\x41\\n", "[a\n]"},
      {"[^a]b", "[b]"},
      {"(a)\\1", "[a]"},
      {"(?<name>evil)", "[evil]"},
      {"(?x)a b", ""},   // a flag that changes what blanks mean is not read
      {"\\Qa.b\\E", ""},
      {"a{,3}b", "[a{,3}b]"},
      {"s[\"']*e[\"']*t", "[\" ' set]"},             // the word itself, or something that few texts have
      {"s(?:\\$[a-z]*)?\\\\?h\\b", "[$ \\ sh]"},
      {"a(?:\\|\\|\\s*)*b|cd", "[ab cd |]"},
      {"s[\"e]*t", "[s][t]"},                         // an e is everywhere
      {"(?:=x)?", ""},
      {"[[:digit:]]x", "[0x 1x 2x 3x 4x 5x 6x 7x 8x 9x]"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.pattern);
    CHECK(told(clauses_of_regex(c.pattern)) == c.want);
  }
  CHECK(told(clauses_of_literals({"Abc", "x"})) == "[abc x]");
  CHECK(told(clauses_of_literals({"abc", ""})) == "");
  CHECK(told(clauses_of_literals({"\xc3\xa9"})) == "");
  // Of a long one the part that few pages have is looked for first, and of a very long one only what is around it.
  const std::string shell = "<html><head><title>shell by nobody";
  CHECK(told(clauses_of_literals({"<html><head><title>Shell by Nobody"})) == "[" + shell + "]");
  CHECK(shell.substr(telling_part_of(shell), kPartBytesMax) == ">shell by nobody");
  CHECK(told(clauses_of_literals({"na\xc3\xafve words of a page"})) == "[ve words of a page]");
  CHECK(told(clauses_of_literals({std::string(90, ' ') + shell + std::string(90, ' ')})) == "[" + std::string(30, ' ') + shell + std::string(48, ' ') + "]");
  // What is common in pages says little, however long it is.
  CHECK(told(clauses_of_regex("(?i)warning.*ora_|warning.*pg::")) == "[ora_ pg::]");
}

TEST_CASE("prefilter: literals are found wherever they stand, in any case") {
  for (const char* literal : {"a", "ab", "abc", "script", "information_sch"}) {
    CAPTURE(literal);
    const auto clauses = clauses_of_literals({literal});
    std::string upper(literal);
    for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const std::string& text : {std::string(literal), upper, "." + upper, std::string(literal) + ".", "....." + std::string(literal) + "....."}) CHECK(possible(clauses, text));
    CHECK_FALSE(possible(clauses, ""));
    CHECK_FALSE(possible(clauses, "-----"));
    if (upper.size() > 1) CHECK_FALSE(possible(clauses, upper.substr(1) + "-" + upper.substr(0, 1)));
  }
}

// A scan against looking for each literal by itself: texts of few letters, so that literals overlap and nearly match, of sizes
// around those of the blocks a scan goes by.
TEST_CASE("prefilter: a scan finds exactly the literals that are there") {
  std::mt19937 random(11);
  const auto text_of = [&](std::size_t size, std::string_view letters) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += letters[random() % letters.size()];
    return out;
  };
  const auto folded = [](std::string text) {
    for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
  };
  using namespace std::string_view_literals;
  constexpr std::string_view kLetters[] = {"ab"sv, "abz@[`{"sv, "a\0\x7f\x80\xc1\xe1"sv};
  for (int round = 0; round < 60; ++round) {
    const std::string lower(kLetters[round % 3]);
    std::vector<std::string> literals;
    Prefilter prefilter;
    // Many short ones, few, and few literals altogether.
    for (int i = 0; i < (round % 4 == 0 ? 300 : round % 4 == 1 ? 5 : 60); ++i) {
      const bool is_long = random() % 2 == 0;
      literals.push_back(text_of(2 + random() % (is_long ? kLiteralBytesMax - 1 : 9), lower));
      prefilter.add({{literals.back()}});
    }
    prefilter.finish();
    // All of them in one go, in any order, so that short ones lie side by side.
    std::vector<std::string> texts;
    for (const std::size_t size : {0u, 1u, 2u, 3u, 15u, 16u, 17u, 60u, 2046u, 2047u, 2048u, 2049u, 2064u, 4095u, 4097u, 6200u}) {
      auto text = text_of(size, lower + "AZ");
      for (int planted = 0; planted < 3 && size > 0; ++planted) {
        const auto& literal = literals[random() % literals.size()];
        const auto at = random() % 2 == 0 && size > 2060 ? 2035 + random() % 20 : random() % size;
        text.replace(at, std::min(literal.size(), size - at), literal.substr(0, size - at));
      }
      texts.push_back(std::move(text));
    }
    for (int i = 0; i < 300; ++i) {
      const auto& literal = literals[random() % literals.size()];
      const auto cut = random() % literal.size();  // both halves, one behind the other, are no literal
      texts.push_back(i % 2 == 0 ? literal : literal.substr(0, cut));
      if (i % 2 != 0) texts.push_back(literal.substr(cut));
    }
    for (int swaps = 0; swaps < 8; ++swaps) std::swap(texts[random() % texts.size()], texts[random() % texts.size()]);
    Arena arena;
    std::vector<Literals::Scanned> scanned;
    for (const auto& text : texts) scanned.push_back({text});
    prefilter.scanner(0, bytes_of(lower)).scan(scanned, prefilter.words(), arena);
    for (const auto& one : scanned) {
      const auto plain = folded(std::string(one.text));
      for (std::size_t i = 0; i < literals.size(); ++i) {
        const bool found = one.bits != nullptr && (one.bits[i / 64] >> (i % 64) & 1) != 0;
        if (found != (plain.find(literals[i]) != std::string::npos)) FAIL_CHECK("round " << round << ", size " << plain.size() << ", literal " << i);
      }
    }
  }
}

TEST_CASE("prefilter: no text that a rule of the Core Rule Set matches is ever left out") {
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs/rules";
  if (!std::filesystem::exists(folder)) {
    MESSAGE("skipped: Core Rule Set: shared/crs is not there");
    std::printf("skipped: prefilter over the Core Rule Set: shared/crs is not there\n");
    return;
  }
  const auto source = read_seclang("Include " + folder + "/*.conf\n", folder + "/main.conf", real_files());
  REQUIRE(source.ok());
  std::mt19937 random(3);
  std::size_t patterns = 0, with_clauses = 0, matches = 0;
  std::vector<const Rule*> rules;
  for (const auto& item : source->items) {
    if (!item.rule) continue;
    rules.push_back(&*item.rule);
    for (const auto& next : item.rule->chained) rules.push_back(&next);
  }
  for (const auto* rule : rules) {
    if (rule->op != Operator::kRx || !rule->argument.constant()) continue;
    const auto pattern = rule->argument.text();
    const auto regex = Regex::compile(pattern);
    REQUIRE(regex.ok());
    CHECK((*regex)->linear());
    const auto clauses = clauses_of_regex(pattern);
    ++patterns;
    with_clauses += clauses.empty() ? 0 : 1;
    // Pieces of the pattern itself, shuffled together, match now and then.
    for (int i = 0; i < 60; ++i) {
      std::string text;
      for (int k = 0; k < 4; ++k) {
        const auto at = random() % pattern.size();
        for (const char c : pattern.substr(at, 1 + random() % 12)) {
          if (std::string_view("\\()[]?:^$").find(c) == std::string_view::npos || random() % 4 == 0) text += random() % 3 == 0 ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        }
        if (random() % 2 == 0) text += " ;=('\"<"[random() % 7];
      }
      if ((*regex)->search(text) != Found::kYes) continue;
      ++matches;
      if (!possible(clauses, text)) FAIL_CHECK(pattern.substr(0, 80) << " matches " << text);
    }
  }
  CHECK(patterns > 300);
  CHECK(with_clauses * 100 > patterns * 80);
  CHECK(matches > 500);
}
