// The automaton against RE2, and against itself when it runs beside others.
#include "waf/detail/automaton.h"

#include <doctest/doctest.h>
#include <re2/re2.h>

#include <memory>
#include <random>
#include <string>

#include "waf/regex.h"

using namespace ringwall::waf;
using detail::Automaton;

namespace {

std::unique_ptr<Automaton> automaton_of(const std::string& pattern) {
  auto nfa = detail::nfa_of(to_re2(pattern), false);
  return nfa ? std::make_unique<Automaton>(std::move(*nfa)) : nullptr;
}

bool re2_finds(const std::string& pattern, const std::string& text) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_dot_nl(true);
  const re2::RE2 re2("(?m)" + to_re2(pattern), options);
  REQUIRE(re2.ok());
  return re2.Match(text, 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

constexpr const char* kPatterns[] = {
    "abc", "a|b|", "(?i)sElect", "(?i)\xe9t\xe9", "[^a]b", "(?i)[^k]x", "^ab", "ab$", "^$", "^a*$", "a^b", "\\Aab", "ab\\z", "\\bab\\b", "\\Bb", "a\\b.*\\bb", "(?:^|[^x])ab", "a{2,4}b", "(?:ab){3}", "a{0}b",
    "(a*)*b", "(?:a|ab)(?:c|bcd)", "a.*b.*a", "[[:alpha:]]+1", "\\d+\\w\\s", "[\\w-]+@", "\\x41|\\n", "a+?b", "(?P<n>a)b", "a(?i)b(?:c)d|e", "(?:x(?i:y))y", "[a-c\\]]x", "a$\n^b", "(?:a|b)*a(?:a|b){3}c", "\\W\\D\\S", "(?s).a", "x{1", "\\.\\*",
};

}  // namespace

TEST_CASE("automaton: finds what RE2 finds, alone and beside others") {
  std::vector<std::unique_ptr<Automaton>> owned;
  std::vector<const Automaton*> all;
  for (const auto* pattern : kPatterns) {
    CAPTURE(std::string(pattern));
    owned.push_back(automaton_of(pattern));
    REQUIRE(owned.back() != nullptr);
    all.push_back(owned.back().get());
  }
  std::mt19937 random(1);
  const std::string letters = "aabbcdexyABKk1 \n-@_.\xe9\xc9";
  for (int round = 0; round < 400; ++round) {
    std::string text;
    for (auto size = random() % (round % 20 == 0 ? 6000 : 30); size > 0; --size) text += round % 3 == 0 ? letters[random() % 4] : letters[random() % letters.size()];
    std::vector<Automaton::Answer> answers(all.size());
    std::uint64_t steps = 0;
    Automaton::find_each(all, text, answers, steps);
    for (std::size_t i = 0; i < all.size(); ++i) {
      CAPTURE(std::string(kPatterns[i]));
      CAPTURE(text);
      const bool want = re2_finds(kPatterns[i], text);
      CHECK((all[i]->find(text, steps) == Automaton::Answer::kYes) == want);
      CHECK((answers[i] == Automaton::Answer::kYes) == want);
    }
  }
}

TEST_CASE("automaton: what it does not know is left to RE2") {
  for (const char* pattern : {"(?=a)b", "(a)\\1", "a++b", "\\pL", "a{2}{3}", "(?-i)a", "[b-a]", "(", "a)", "x{1001}", "(?:(?:a{100}){100}){100}"}) {
    CAPTURE(std::string(pattern));
    CHECK(automaton_of(pattern) == nullptr);
  }
}

TEST_CASE("automaton: the same text takes the same steps, and one that needs too many states is given up") {
  const auto plain = automaton_of("union.*select");
  const std::string text(100'000, 'u');
  std::uint64_t first = 0, again = 0, passed_over = 0;
  CHECK(plain->find(text, first) == Automaton::Answer::kNo);
  CHECK(plain->find(text, again) == Automaton::Answer::kNo);
  CHECK(first == again);
  CHECK(again >= text.size());
  CHECK(plain->find(std::string(100'000, 'x'), passed_over) == Automaton::Answer::kNo);
  CHECK(passed_over < text.size() / 4);

  // A state for each way the last 24 letters can be.
  const auto many = automaton_of("a[ab]{24}c");
  std::mt19937 random(2);
  std::string letters;
  for (int i = 0; i < 131'072; ++i) letters += random() % 2 == 0 ? 'a' : 'b';
  std::uint64_t steps = 0;
  CHECK(many->find(letters, steps) == Automaton::Answer::kGivenUp);
  CHECK(steps >= detail::kAutomatonStepsMax);
  CHECK(steps < 2 * detail::kAutomatonStepsMax);
  CHECK(Regex::compile("a[ab]{24}c").value()->search(letters) == Found::kLimit);
}
